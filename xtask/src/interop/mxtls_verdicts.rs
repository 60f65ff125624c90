//! What `mxtls dns` says.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, ensure};
use serde::Deserialize;

use super::verdict::{Outcome, Question, Verdict};

/// The binary, and what it is told besides the questions.
#[derive(Clone, Copy)]
pub(super) struct Mxtls<'a> {
    pub(super) program: &'a Path,
    pub(super) way: Way<'a>,
    pub(super) trust_anchor: &'a Path,
}

/// How it comes to a status, and where it begins.
#[derive(Clone, Copy)]
pub(super) enum Way<'a> {
    /// Its own verdicts on what the resolver at this address says, on port 53.
    Validate(&'a str),
    /// Its own verdicts on what the zones' servers say, from the root on, which these hints tell of.
    Recursive(&'a Path),
    /// The AD bit of the resolver at this address, on port 53.
    TrustAd(&'a str),
}

impl Mxtls<'_> {
    /// All questions by one process, one after the other: what an answer has taught serves the next.
    pub(super) fn warm(self, asked: &[Question], questions: &Path) -> Result<Vec<Verdict>> {
        let lines: String = asked.iter().map(|(name, rtype)| format!("{name} {rtype}\n")).collect();
        fs::write(questions, lines)?;
        let mut command = self.command();
        let verdicts = verdicts(command.arg("-").stdin(File::open(questions)?))?;
        ensure!(
            verdicts.len() == asked.len(),
            "mxtls dns answers {} of {} questions",
            verdicts.len(),
            asked.len()
        );
        Ok(verdicts)
    }

    /// One question by a process of its own, which knows nothing.
    pub(super) fn cold(self, (name, rtype): &Question) -> Result<Verdict> {
        let mut command = self.command();
        let mut verdicts = verdicts(command.args([name, rtype]).stdin(Stdio::null()))?;
        match (verdicts.pop(), verdicts.as_slice()) {
            (Some(verdict), []) => Ok(verdict),
            (Some(_), _) | (None, _) => Err(anyhow!("mxtls dns {name} {rtype} does not give one result")),
        }
    }

    fn command(self) -> Command {
        let mut dns = Command::new(self.program);
        dns.args(["dns", "--json", "--trust-anchor"]).arg(self.trust_anchor);
        match self.way {
            Way::Validate(resolver) => dns.args(["--dnssec", "validate", "--resolver", resolver]),
            Way::Recursive(hints) => dns.args(["--dnssec", "recursive", "--root-hints"]).arg(hints),
            Way::TrustAd(resolver) => dns.args(["--dnssec", "trust-ad", "--resolver", resolver]),
        };
        dns
    }
}

fn verdicts(command: &mut Command) -> Result<Vec<Verdict>> {
    // Its exit status is about the answers; most kinds are among them.
    let ran = command.output().context("cannot run mxtls")?;
    let document: Document = serde_json::from_slice(&ran.stdout).with_context(|| {
        format!("mxtls dns: {}", String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()))
    })?;
    document.results.into_iter().map(Answer::verdict).collect()
}

#[derive(Deserialize)]
struct Document {
    results: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "type")]
    record_type: String,
    status: Option<String>,
    outcome: Option<String>,
    records: Vec<String>,
    failure: Option<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    code: String,
    message: String,
    detail: Option<String>,
}

impl Answer {
    fn verdict(self) -> Result<Verdict> {
        let records = self.records.iter().map(String::as_str);
        match (self.status, self.outcome.as_deref(), self.failure) {
            (Some(status), Some(outcome), None) => {
                let outcome = match outcome {
                    "records" => Outcome::records(&self.record_type, records),
                    "no-data" => Outcome::NoData,
                    "no-such-name" => Outcome::NoSuchName,
                    other => return Err(anyhow!("mxtls dns knows an outcome {other:?}")),
                };
                Ok(Verdict { status, outcome: Some(outcome), remark: String::new() })
            }
            (None, None, Some(failure)) => {
                let status = if failure.code == "dns-bogus" { "bogus".to_owned() } else { failure.code };
                let remark =
                    [Some(failure.message), failure.detail].into_iter().flatten().collect::<Vec<_>>();
                Ok(Verdict { status, outcome: None, remark: remark.join(": ") })
            }
            other => Err(anyhow!("mxtls dns gives a result of no known shape: {:?}", (other.0, other.1))),
        }
    }
}
