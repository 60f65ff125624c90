//! What came of a command: what it says itself, and what the servers saw.

use anyhow::{Context, Result};
use mxtls_lab::Saw;
use mxtls_lab::scenario::Expected;
use serde::{Deserialize, Serialize};

/// What is compared, field by field.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub(super) struct Outcome {
    pub(super) verdict: Option<String>,
    pub(super) channel: Option<String>,
    pub(super) policy: Option<String>,
    pub(super) failure: Option<String>,
    /// Of `check` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) would_fail: Option<String>,
    pub(super) connections: u32,
    pub(super) mail: u32,
    pub(super) data: u32,
    /// The exit status, none where a signal ended the command.
    pub(super) exit: Option<i32>,
}

impl Outcome {
    /// What must come of `mxtls check`.
    pub(super) fn of_check(expected: &Expected) -> Self {
        Self { would_fail: expected.would_fail.clone(), ..Self::of_send(expected) }
    }

    /// What must come of `mxtls send`.
    pub(super) fn of_send(expected: &Expected) -> Self {
        let exit = match expected.verdict.as_str() {
            "deliver" => 0,
            "bounce" => 1,
            _ => 75,
        };
        Self {
            verdict: Some(expected.verdict.clone()),
            channel: expected.channel.clone(),
            policy: expected.policy.clone(),
            failure: expected.failure.clone(),
            would_fail: None,
            connections: expected.connections,
            mail: expected.mail,
            data: expected.data,
            exit: Some(exit),
        }
    }

    /// What the servers saw, of a command that ended so.
    pub(super) fn seen(saw: &Saw, exit: Option<i32>) -> Self {
        Self { connections: saw.connections(), mail: saw.mail(), data: saw.data(), exit, ..Self::default() }
    }

    /// The same with what the command's document says. Every destination or recipient in it must come to the same: the first that does
    /// not come to what is expected speaks for all.
    pub(super) fn said(self, document: &[u8], expected: &Self) -> Result<Self> {
        let document: Document =
            serde_json::from_slice(document).context("standard output is not as in the documented JSON")?;
        let mut said = document.subjects().map(|subject| subject.outcome(&self));
        let first = said.next().context("the document has no result")?;
        Ok(if first == *expected { said.find(|other| other != expected).unwrap_or(first) } else { first })
    }
}

/// The part of the documents of `check` and `send` that is compared.
#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
    Check { results: Vec<Subject> },
    Send { envelopes: Vec<Envelope> },
}

#[derive(Deserialize)]
struct Envelope {
    recipients: Vec<Subject>,
}

/// A destination, or a recipient.
#[derive(Deserialize)]
struct Subject {
    verdict: String,
    channel: Option<String>,
    policy: Option<String>,
    failure: Option<Failure>,
    would_fail: Option<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    code: String,
}

impl Document {
    fn subjects(&self) -> impl Iterator<Item = &Subject> {
        let (destinations, envelopes) = match self {
            Self::Check { results } => (results.as_slice(), [].as_slice()),
            Self::Send { envelopes } => ([].as_slice(), envelopes.as_slice()),
        };
        destinations.iter().chain(envelopes.iter().flat_map(|envelope| &envelope.recipients))
    }
}

impl Subject {
    fn outcome(&self, seen: &Outcome) -> Outcome {
        let code = |failure: &Option<Failure>| failure.as_ref().map(|failure| failure.code.clone());
        Outcome {
            verdict: Some(self.verdict.clone()),
            channel: self.channel.clone(),
            policy: self.policy.clone(),
            failure: code(&self.failure),
            would_fail: code(&self.would_fail),
            ..seen.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(verdict: &str, channel: Option<&str>, failure: Option<&str>) -> Outcome {
        let word = |word: Option<&str>| word.map(str::to_owned);
        Outcome {
            verdict: word(Some(verdict)),
            channel: word(channel),
            failure: word(failure),
            ..Outcome::default()
        }
    }

    #[test]
    fn documents_are_read() {
        let verified = outcome("deliver", Some("verified"), None);
        let deferred = outcome("defer", None, Some("tlsa-no-match"));
        let delivery =
            r#"{"verdict":"deliver","channel":"verified","policy":null,"failure":null,"rcpt":"b@x"}"#;
        let delay = r#"{"verdict":"defer","channel":null,"policy":null,"failure":{"code":"tlsa-no-match","message":"…"}}"#;
        for (document, expected, got, why) in [
            (format!(r#"{{"schema":1,"results":[{delivery}]}}"#), &verified, &verified, "one destination"),
            (
                format!(r#"{{"schema":1,"results":[{delivery},{delay}]}}"#),
                &verified,
                &deferred,
                "one of them is delayed",
            ),
            (
                format!(r#"{{"schema":1,"results":[{delivery},{delay}]}}"#),
                &deferred,
                &verified,
                "one is not delayed",
            ),
            (
                format!(
                    r#"{{"schema":1,"envelopes":[{{"recipients":[{delivery}]}},{{"recipients":[{delay}]}}]}}"#
                ),
                &verified,
                &deferred,
                "a recipient of the second envelope",
            ),
        ] {
            let said = Outcome::default().said(document.as_bytes(), expected).unwrap();
            assert_eq!(said, *got, "{why}");
        }
        for document in ["", "{}", r#"{"schema":1,"results":[]}"#, r#"{"schema":1,"error":{"message":"no"}}"#]
        {
            assert!(Outcome::default().said(document.as_bytes(), &verified).is_err(), "{document}");
        }
    }
}
