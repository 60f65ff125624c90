//! What a validating unbound says, asked with dig.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::verdict::{Outcome, Question, Verdict, plain};
use crate::cargo::output;

/// The status where unbound gave no answer that tells.
pub(super) const UNANSWERED: &str = "unanswered";

/// Asks about everything, in order. unbound shows what it validated by AD, and what it refuses as bogus by an answer that comes
/// with CD only.
pub(super) fn ask(address: &str, asked: &[Question], batch: &Path) -> Result<BTreeMap<Question, Verdict>> {
    let both = |(name, rtype): &Question| format!("-q {name} -t {rtype}\n-q {name} -t {rtype} +cdflag\n");
    fs::write(batch, asked.iter().map(both).collect::<String>())?;
    let mut dig = Command::new("dig");
    dig.arg(format!("@{address}"));
    dig.args(["+dnssec", "+noall", "+comments", "+question", "+answer", "+time=10", "+tries=2", "-f"])
        .arg(batch);
    let mut replies: BTreeMap<(Question, bool), Reply> = BTreeMap::new();
    let text = output(&mut dig)?;
    ensure!(!text.contains("malformed message packet"), "dig cannot read all of an answer");
    for reply in text.split(";; ->>HEADER<<- ").skip(1).map(Reply::parse) {
        let reply = reply?;
        replies.insert((reply.question.clone(), reply.checking_disabled), reply);
    }
    let mut verdicts = BTreeMap::new();
    for question in asked {
        let of = |checking_disabled| replies.get(&(question.clone(), checking_disabled));
        let (status, reply) = match (of(false), of(true)) {
            (Some(reply), _) if reply.is_answer() && reply.authentic => ("secure", Some(reply)),
            (Some(reply), _) if reply.is_answer() => ("insecure", Some(reply)),
            (Some(reply), Some(unchecked)) if unchecked.is_answer() => ("bogus", Some(reply)),
            (reply, _) => (UNANSWERED, reply),
        };
        let outcome = reply.filter(|reply| reply.is_answer()).map(Reply::outcome);
        let remark = reply.map_or_else(String::new, |reply| reply.extended_error.clone());
        verdicts.insert(question.clone(), Verdict { status: status.to_owned(), outcome, remark });
    }
    Ok(verdicts)
}

/// The part of a reply that counts.
struct Reply {
    question: Question,
    rcode: String,
    authentic: bool,
    checking_disabled: bool,
    /// Data of the records that have the type asked for.
    records: Vec<String>,
    /// RFC 8914.
    extended_error: String,
}

impl Reply {
    /// Reads what dig shows of one reply.
    fn parse(text: &str) -> Result<Self> {
        let (mut rcode, mut flags, mut question, mut extended_error) = (None, None, None, String::new());
        let mut records = Vec::new();
        for line in text.lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            if let Some((_, rest)) = line.split_once("status: ") {
                rcode = rest.split(',').next();
            } else if let Some(rest) = line.strip_prefix(";; flags:") {
                flags = rest.split(';').next();
            } else if let Some(rest) = line.strip_prefix("; EDE: ") {
                rest.clone_into(&mut extended_error);
            } else if let Some(line) = line.strip_prefix(';') {
                if let [name, "IN", rtype] = line.split_whitespace().collect::<Vec<_>>().as_slice() {
                    question = Some((plain(name), (*rtype).to_owned()));
                }
            } else if let [_, _, "IN", rtype, data @ ..] = words.as_slice() {
                records.push(((*rtype).to_owned(), data.join(" ")));
            }
        }
        let question = question.with_context(|| format!("dig shows no question in {text:?}"))?;
        let flags: Vec<_> = flags.context("dig shows no flags")?.split(' ').collect();
        records.retain(|(rtype, _)| *rtype == question.1);
        Ok(Self {
            question,
            rcode: rcode.context("dig shows no status")?.to_owned(),
            authentic: flags.contains(&"ad"),
            checking_disabled: flags.contains(&"cd"),
            records: records.into_iter().map(|(_, data)| data).collect(),
            extended_error,
        })
    }

    fn is_answer(&self) -> bool {
        self.rcode == "NOERROR" || self.rcode == "NXDOMAIN"
    }

    fn outcome(&self) -> Outcome {
        match (self.rcode.as_str(), self.records.is_empty()) {
            ("NXDOMAIN", _) => Outcome::NoSuchName,
            (_, true) => Outcome::NoData,
            (_, false) => Outcome::records(&self.question.1, self.records.iter().map(String::as_str)),
        }
    }
}

/// How often each of the statuses was agreed on. Each must occur, or not much was compared.
#[derive(Default)]
pub(super) struct Agreement {
    counts: BTreeMap<String, u32>,
}

impl Agreement {
    pub(super) fn count(&mut self, verdict: &Verdict) {
        *self.counts.entry(verdict.status.clone()).or_default() += 1;
    }

    pub(super) fn check(&self) -> Result<()> {
        for status in ["secure", "insecure", "bogus"] {
            ensure!(self.counts.contains_key(status), "no question has the status {status}");
        }
        Ok(())
    }
}

impl std::fmt::Display for Agreement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counts: Vec<_> = self.counts.iter().map(|(status, count)| format!("{count} {status}")).collect();
        f.write_str(&counts.join(", "))
    }
}
