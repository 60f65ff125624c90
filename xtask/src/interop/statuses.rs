//! Every name and type of the lab: what `mxtls` makes of it, and what unbound does.

use std::path::Path;

use anyhow::{Result, anyhow};

use super::Peers;
use super::mxtls_verdicts::Mxtls;
use super::unbound_verdicts::{self, Agreement, UNANSWERED};
use super::verdict::{Question, plain};
use crate::tally::Tally;

/// Asks both about everything, through the same unbound.
pub(super) fn compare(peers: &Peers<'_>, folder: &Path, tally: &mut Tally) -> Result<()> {
    let asked: Vec<Question> =
        peers.lab.dns().questions().iter().map(|(name, rtype)| (plain(name), rtype.to_string())).collect();
    let theirs = unbound_verdicts::ask(peers.resolver, &asked, &folder.join("dig.txt"))?;
    let mxtls = Mxtls {
        program: peers.mxtls,
        resolver: peers.resolver,
        trust_anchor: peers.trust_anchor,
        dnssec: "validate",
        root_hints: peers.root_hints,
    };
    let ours = mxtls.warm(&asked, &folder.join("questions.txt"))?;
    let mut agreement = Agreement::default();
    for (question, ours) in asked.iter().zip(&ours) {
        let (name, rtype) = question;
        match theirs.get(question) {
            Some(theirs) if ours.is_same_as(theirs) && theirs.status != UNANSWERED => {
                agreement.count(theirs);
                tally.add(1, 0);
            }
            Some(theirs) => {
                tally.check(
                    format_args!("{name} {rtype}"),
                    Err(anyhow!("unbound says {theirs}; mxtls {ours}")),
                );
            }
            None => tally.check(format_args!("{name} {rtype}"), Err(anyhow!("unbound was not asked"))),
        }
    }
    tally.check("secure, insecure and bogus all occur", agreement.check());
    println!("the lab's names, mxtls as unbound: {agreement}");
    Ok(())
}
