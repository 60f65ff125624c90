//! The answer to one DNS question, as evidence: never without a security status.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::failure::{Failure, FailureCode};

/// What one DNS question came to. There is no answer without a status and no error that looks like an answer.
pub type Lookup<T> = Result<Answer<T>, LookupError>;

/// The DNSSEC status of an answer (RFC 4035 §4.3). *Bogus* and *indeterminate* are no statuses here: they are errors.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Proven not to be signed: anybody on the path may have written it.
    Insecure,
    /// Proven by a chain of trust.
    Secure,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Insecure => "insecure",
            Self::Secure => "secure",
        })
    }
}

/// An answer with the status of its weakest hop.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer<T> {
    /// The status of the whole answer: every alias on the way counts (RFC 7672 §2.1.3).
    pub status: Status,
    /// Records, or their absence. A denial is an answer, not an error (RFC 7672 §2.1.1).
    pub outcome: Outcome<T>,
    /// The aliases that led to the answer, first to last.
    pub aliases: Vec<Alias>,
}

impl<T> Answer<T> {
    /// The last name of the alias chain; `None` where the name asked for is no alias.
    pub fn expanded(&self) -> Option<&str> {
        self.aliases.last().map(|alias| alias.target.as_str())
    }
}

/// What stands at a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome<T> {
    /// At least one record of the type.
    Records(T),
    /// The name exists, without a record of the type.
    NoData,
    /// The name does not exist (NXDOMAIN).
    NoSuchName,
}

/// One alias of a chain. Names are A-labels in lower case without a trailing dot.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Alias {
    /// The name that is an alias.
    pub name: String,
    /// Where it points.
    pub target: String,
    /// How it was made.
    pub kind: AliasKind,
    /// The status of this alias alone.
    pub status: Status,
}

/// The record type behind an alias.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AliasKind {
    /// A CNAME record.
    Cname,
    /// A CNAME synthesised from a DNAME record (RFC 6672).
    Dname,
}

/// Why a DNS question has no answer. All of these are one class (RFC 7672 §2.1.1): never "no record".
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{kind}: {detail}")]
pub struct LookupError {
    /// The kind of error.
    pub kind: LookupErrorKind,
    /// One sentence for the operator: the zone or record that broke.
    pub detail: String,
    /// What had been proven before it broke, then what can be done about it: a line for each.
    pub explanation: Vec<String>,
}

/// The kinds of DNS errors.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LookupErrorKind {
    /// The answer contradicts the chain of trust.
    Bogus,
    /// The records that a verdict needs could not be had (RFC 4035 §4.3).
    Indeterminate,
    /// The server answered with an error code: SERVFAIL, REFUSED, NOTIMP or another.
    ServerFailure,
    /// No answer in time.
    Timeout,
    /// An answer that is no DNS message or does not belong to the question.
    Malformed,
    /// Judging the answer costs more work than one question may.
    Budget,
    /// An alias leads back to itself, or the chain is too long.
    AliasLoop,
}

impl fmt::Display for LookupErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(FailureCode::from(*self).as_str())
    }
}

impl Serialize for LookupErrorKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<LookupErrorKind> for FailureCode {
    fn from(kind: LookupErrorKind) -> Self {
        match kind {
            LookupErrorKind::Bogus => Self::DnsBogus,
            LookupErrorKind::Indeterminate => Self::DnsIndeterminate,
            LookupErrorKind::ServerFailure => Self::DnsServfail,
            LookupErrorKind::Timeout => Self::DnsTimeout,
            LookupErrorKind::Malformed => Self::DnsMalformed,
            LookupErrorKind::Budget => Self::DnsBudget,
            LookupErrorKind::AliasLoop => Self::CnameLoop,
        }
    }
}

impl LookupError {
    /// An error without explanation.
    pub fn new(kind: LookupErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), explanation: vec![] }
    }

    /// The error as the failure of a destination or host, for the question `subject` (`"mx.example.com A"`).
    pub fn failure(&self, subject: &str) -> Failure {
        let what = match self.kind {
            LookupErrorKind::Bogus => "is bogus: DNSSEC validation failed",
            LookupErrorKind::Indeterminate => {
                "cannot be judged: records that DNSSEC validation needs are missing"
            }
            LookupErrorKind::ServerFailure => "ended in an error of the DNS server",
            LookupErrorKind::Timeout => "timed out",
            LookupErrorKind::Malformed => "is malformed",
            LookupErrorKind::Budget => "costs more work than one question may",
            LookupErrorKind::AliasLoop => "ends in a loop of aliases, or in a chain that is too long",
        };
        Failure::new(self.kind.into(), format!("The DNS lookup of {subject} {what}."))
            .rfc("RFC 7672 2.1.1")
            .detail(&self.detail)
    }
}
