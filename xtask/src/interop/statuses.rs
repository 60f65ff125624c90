//! The names and types of the lab: what `mxtls` makes of them in each of its ways, and what unbound does.

use std::path::Path;

use anyhow::Result;

use super::Peers;
use super::comparison::Comparison;
use super::difference::Differences;
use super::mxtls_verdicts::{Mxtls, Way};
use super::unbound_verdicts;
use super::verdict::{Question, plain};
use crate::tally::Tally;

/// The order of the questions to one process, another for each way.
const SEEDS: [u64; 3] = [1, 2, 3];

/// Asks about everything, by one process and by a process for each question. No difference is expected.
pub(super) fn compare(peers: &Peers<'_>, folder: &Path, tally: &mut Tally) -> Result<()> {
    let asked: Vec<Question> =
        peers.lab.dns().questions().iter().map(|(name, rtype)| (plain(name), rtype.to_string())).collect();
    let theirs = unbound_verdicts::ask(peers.resolver, &asked, &folder.join("dig.txt"))?;
    let differences = Differences::default();
    let ways = [
        ("the lab through unbound", Way::Validate(peers.resolver)),
        ("the lab from the root", Way::Recursive(peers.root_hints)),
        ("the lab by unbound's AD bit", Way::TrustAd(peers.resolver)),
    ];
    for ((name, way), seed) in ways.into_iter().zip(SEEDS) {
        let mxtls = Mxtls { program: peers.mxtls, way, trust_anchor: peers.trust_anchor };
        let comparison =
            Comparison { name, mxtls, asked: &asked, theirs: &theirs, differences: &differences };
        comparison.cold(tally)?;
        comparison.warm(seed, &folder.join("questions.txt"), tally)?;
    }
    Ok(())
}
