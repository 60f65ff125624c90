//! Every name and type of the lab: the status that `mxtls` gives it, and the one that unbound gives it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::Peers;
use crate::cargo::output;
use crate::tally::Tally;

/// A name without trailing dot, the root as `.`, and a type.
type Question = (String, String);

/// Asks both about everything, through the same unbound.
pub(super) async fn compare(peers: &Peers<'_>, folder: &Path, tally: &mut Tally) -> Result<()> {
    let asked: Vec<Question> =
        peers.lab.dns().questions().iter().map(|(name, rtype)| (plain(name), rtype.to_string())).collect();
    let theirs = theirs(peers, &asked, &folder.join("dig.txt"))?;
    let ours = ours(peers, &asked, &folder.join("questions.txt"))?;
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for question in &asked {
        let (name, rtype) = question;
        let (Some(theirs), Some(ours)) = (theirs.get(question), ours.get(question)) else {
            tally
                .check(format_args!("{name} {rtype}"), Err(anyhow::anyhow!("one of the two gave no answer")));
            continue;
        };
        if ours == theirs && theirs != UNANSWERED {
            *counts.entry(theirs).or_default() += 1;
            tally.add(1, 0);
        } else {
            tally.check(
                format_args!("{name} {rtype}"),
                Err(anyhow::anyhow!("unbound says {theirs}, mxtls {ours}")),
            );
        }
    }
    for status in ["secure", "insecure", "bogus"] {
        let some = if counts.contains_key(status) { Ok(()) } else { Err(anyhow::anyhow!("none has it")) };
        tally.check(format_args!("the status {status} occurs"), some);
    }
    let counts: Vec<_> = counts.iter().map(|(status, count)| format!("{count} {status}")).collect();
    println!("statuses that agree with unbound's: {}", counts.join(", "));
    Ok(())
}

const UNANSWERED: &str = "unanswered";

/// What unbound says. It shows what it validated by AD, and what it refuses as bogus by an answer that comes with CD only.
fn theirs(peers: &Peers<'_>, asked: &[Question], batch: &Path) -> Result<BTreeMap<Question, String>> {
    let both = |(name, rtype): &Question| format!("-q {name} -t {rtype}\n-q {name} -t {rtype} +cdflag\n");
    let lines: String = asked.iter().map(both).collect();
    fs::write(batch, lines)?;
    let mut dig = Command::new("dig");
    dig.arg(format!("@{}", peers.servers.resolver()));
    dig.args(["+dnssec", "+noall", "+comments", "+question", "+time=10", "+tries=2", "-f"]).arg(batch);
    let text = output(&mut dig)?;
    let mut replies: BTreeMap<(Question, bool), Reply> = BTreeMap::new();
    let mut reply = Reply::default();
    for line in text.lines() {
        if let Some((_, rest)) = line.split_once("status: ") {
            reply.rcode = rest.split(',').next().context("a status")?.to_owned();
        } else if let Some(flags) = line.strip_prefix(";; flags:") {
            let flags = flags.split(';').next().context("flags")?;
            reply.authentic = flags.split(' ').any(|flag| flag == "ad");
            reply.checking_disabled = flags.split(' ').any(|flag| flag == "cd");
        } else if let Some(question) = line.strip_prefix(';')
            && let [name, "IN", rtype] = question.split_whitespace().collect::<Vec<_>>().as_slice()
        {
            let reply = std::mem::take(&mut reply);
            replies.insert(((plain(name), (*rtype).to_owned()), reply.checking_disabled), reply);
        }
    }
    let mut statuses = BTreeMap::new();
    for question in asked {
        let of = |checking_disabled| replies.get(&(question.clone(), checking_disabled));
        let status = match (of(false), of(true)) {
            (Some(reply), _) if reply.is_answer() && reply.authentic => "secure",
            (Some(reply), _) if reply.is_answer() => "insecure",
            (Some(_), Some(unchecked)) if unchecked.is_answer() => "bogus",
            _ => UNANSWERED,
        };
        statuses.insert(question.clone(), status.to_owned());
    }
    Ok(statuses)
}

/// The part of a reply that counts.
#[derive(Default)]
struct Reply {
    rcode: String,
    authentic: bool,
    checking_disabled: bool,
}

impl Reply {
    fn is_answer(&self) -> bool {
        self.rcode == "NOERROR" || self.rcode == "NXDOMAIN"
    }
}

/// What `mxtls dns -` says over the same unbound.
fn ours(peers: &Peers<'_>, asked: &[Question], questions: &Path) -> Result<BTreeMap<Question, String>> {
    let lines: String = asked.iter().map(|(name, rtype)| format!("{name} {rtype}\n")).collect();
    fs::write(questions, lines)?;
    let mut dns = Command::new(peers.mxtls);
    dns.args(["dns", "-", "--json", "--resolver"]).arg(format!("{}:53", peers.servers.resolver()));
    dns.arg("--trust-anchor").arg(peers.trust_anchor).stdin(File::open(questions)?);
    // Its exit status is about the answers; most kinds are among them.
    let ran = dns.output().context("cannot run mxtls")?;
    let document: Document = serde_json::from_slice(&ran.stdout)
        .with_context(|| format!("mxtls dns: {}", String::from_utf8_lossy(&ran.stderr)))?;
    ensure!(
        document.results.len() == asked.len(),
        "mxtls dns answers {} of {} questions",
        document.results.len(),
        asked.len()
    );
    Ok(asked.iter().cloned().zip(document.results.into_iter().map(Answer::status)).collect())
}

#[derive(Deserialize)]
struct Document {
    results: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    status: Option<String>,
    failure: Option<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    code: String,
}

impl Answer {
    fn status(self) -> String {
        match (self.status, self.failure) {
            (Some(status), None) => status,
            (None, Some(failure)) if failure.code == "dns-bogus" => "bogus".to_owned(),
            (None, Some(failure)) => failure.code,
            (Some(_), Some(_)) | (None, None) => "both or neither of status and failure".to_owned(),
        }
    }
}

fn plain(name: &str) -> String {
    match name.trim_end_matches('.') {
        "" => ".".to_owned(),
        name => name.to_lowercase(),
    }
}
