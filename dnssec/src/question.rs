//! What is asked, and how asking can go wrong.

use std::fmt;

use hickory_proto::{
    op::ResponseCode,
    rr::{Name, RecordType},
};

use crate::shown::Shown;

/// A name and a record type: what a DNS question asks for, and what identifies an RRset.
///
/// The class is always `IN`. Names compare without regard to ASCII case (RFC 4343).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Question {
    /// The owner name, absolute.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::name"))]
    pub name: Name,
    /// The record type.
    #[cfg_attr(feature = "serde", serde(rename = "type", serialize_with = "crate::serial::record_type"))]
    pub record_type: RecordType,
}

impl Question {
    /// Builds a question; a relative name is taken as absolute.
    pub fn new(mut name: Name, record_type: RecordType) -> Self {
        name.set_fqdn(true);
        Self { name, record_type }
    }

    /// Whether a [`Validation`](crate::Validation) of this question can end with a verdict.
    ///
    /// `false` for meta-types such as ANY, AXFR and OPT (RFC 6895 §3.1), and for RRSIG (with SIG, which it
    /// replaced), NSEC and NSEC3, which both sides of a zone cut have or which are no data of a name. Such a
    /// question fails with [`Reason::NoVerdictFor`](crate::Reason::NoVerdictFor), and nothing is asked.
    pub fn gets_verdict(&self) -> bool {
        !matches!(
            self.record_type,
            RecordType::RRSIG | RecordType::SIG | RecordType::NSEC | RecordType::NSEC3 | RecordType::OPT
        ) && !matches!(u16::from(self.record_type), 0 | 128..=255)
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", Shown(&self.name), self.record_type)
    }
}

/// Why no usable answer to one question came: what the transport reports.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// No server answered in time.
    #[error("no answer in time")]
    Timeout,
    /// A server answered with a response code other than NOERROR and NXDOMAIN.
    #[error("response code {0}")]
    Rcode(ResponseCode),
    /// The answer is no DNS message, or not one that answers the question.
    #[error("malformed answer")]
    Malformed,
    /// The answer is truncated, also over TCP.
    #[error("truncated answer")]
    Truncated,
    /// No server could be reached at all.
    #[error("no server could be reached")]
    Unreachable,
}
