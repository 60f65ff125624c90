//! Why there is no verdict.

use std::fmt;

use hickory_proto::rr::{Name, RecordType};

use crate::{FetchError, Limit, Proof, Question, date::Date, shown::Shown};

/// Why a question got no verdict. Never a reason to go on without DNSSEC.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{record}: {reason}{}", InZone(zone))]
#[non_exhaustive]
pub struct Failure {
    /// The name and type that broke: of the question, of an alias target, or of a DS or DNSKEY above them.
    pub record: Question,
    /// The signed zone in which it broke, where that was known.
    pub zone: Option<Box<Name>>,
    /// What is wrong.
    pub reason: Reason,
    /// What had been proven before it broke: how far the chain of trust holds.
    pub proof: Box<Proof>,
}

impl Failure {
    pub(crate) fn new(record: Question, zone: Option<&Name>, reason: Reason) -> Self {
        Self { record, zone: zone.cloned().map(Box::new), reason, proof: Box::default() }
    }

    /// The class of the failure.
    pub fn kind(&self) -> FailureKind {
        match &self.reason {
            Reason::Unanswered(error) => FailureKind::Unanswered(*error),
            Reason::Unfetched(_) | Reason::NoVerdictFor(_) => FailureKind::Indeterminate,
            Reason::OverLimit(_) => FailureKind::Budget,
            Reason::Unsigned
            | Reason::BadSignature(_)
            | Reason::NoDnskey
            | Reason::UntrustedDnskey
            | Reason::DsNotDenied
            | Reason::NotDenied
            | Reason::Contradicted(_)
            | Reason::WildcardNotProven
            | Reason::ManyAliases
            | Reason::MalformedAlias
            | Reason::AliasMismatch => FailureKind::Bogus,
        }
    }
}

struct InZone<'a>(&'a Option<Box<Name>>);

impl fmt::Display for InZone<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(zone) => write!(f, " (signed zone {})", Shown(zone)),
            None => Ok(()),
        }
    }
}

/// The classes of failure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FailureKind {
    /// The answer is not what its zone signed (RFC 4035 §4.3).
    Bogus,
    /// The DS or DNSKEY records that a verdict needs could not be had (RFC 4035 §4.3), or the type asked for
    /// is one that no verdict is given for.
    Indeterminate,
    /// Judging the answer would cost more work than a question is worth.
    Budget,
    /// The question itself, or that for an alias target, got no answer.
    Unanswered(FetchError),
}

/// What exactly is wrong.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The question, or that for an alias target, got no answer.
    #[error("{0}")]
    Unanswered(FetchError),
    /// A DS or DNSKEY RRset on the path from the trust anchor could not be fetched.
    #[error("needed for the chain of trust, but could not be fetched: {0}")]
    Unfetched(FetchError),
    /// The type is a pseudo-type, or exists on the signing machinery's behalf only.
    #[error("no verdict is given for the type {0}")]
    NoVerdictFor(RecordType),
    /// More work than one question may cost.
    #[error("over the limit of {0}")]
    OverLimit(Limit),
    /// No signature by the zone that holds the name came with the records.
    #[error("not signed, though its zone is")]
    Unsigned,
    /// The zone's signatures came, but none holds.
    #[error("{0}")]
    BadSignature(SignatureFault),
    /// The parent has a DS for the zone, or an anchor names it, but the zone shows no DNSKEY records.
    #[error("no DNSKEY records, though the zone must be signed")]
    NoDnskey,
    /// No DNSKEY that a DS or trust anchor matches has signed the zone's keys.
    #[error("no usable key matches a DS record of the parent or a trust anchor")]
    UntrustedDnskey,
    /// There is no DS, and no proof that there is none.
    #[error("no DS records came, and no proof that there are none")]
    DsNotDenied,
    /// No records came, and no proof that there are none.
    #[error("no records came, and no proof that there are none")]
    NotDenied,
    /// The very record that should prove absence lists the type (or an alias) as present.
    #[error("no records came, though the zone says that there is a {0} record")]
    Contradicted(RecordType),
    /// The records come from a wildcard, without proof that the name itself does not exist (RFC 4035 §5.3.4).
    #[error("expanded from a wildcard without proof that nothing closer exists")]
    WildcardNotProven,
    /// More than one CNAME or DNAME record at one name (RFC 1034 §3.6.2, RFC 6672 §2.4).
    #[error("more than one alias record at one name")]
    ManyAliases,
    /// A DNAME whose data is no name, or whose target makes a name that is too long (RFC 6672 §2.2).
    #[error("a DNAME that makes no valid name")]
    MalformedAlias,
    /// A CNAME that does not follow from the DNAME above it (RFC 6672 §5.3.1).
    #[error("the CNAME does not point where the DNAME above it does")]
    AliasMismatch,
}

/// Why the best of an RRset's signatures does not hold.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureFault {
    /// Its label count does not fit the owner name (RFC 4035 §5.3.1), or an expansion where none may be.
    #[error("the signature's label count does not fit the name")]
    Labels,
    /// Its end comes before its beginning: in serial arithmetic (RFC 4034 §3.1.5), in which nothing lasts 68 years.
    #[error("the signature ends at {}, before it becomes valid at {}", Date(*expiration), Date(*inception))]
    Period {
        /// Inception, seconds since the epoch.
        inception: u32,
        /// Expiration, seconds since the epoch.
        expiration: u32,
    },
    /// None of the zone's usable keys has its tag and algorithm.
    #[error("signed with key {key_tag}, which is no usable key of the zone")]
    UnknownKey {
        /// Tag of the signing key, as the signature names it.
        key_tag: u16,
    },
    /// Its time has not come.
    #[error("the signature becomes valid only at {}", Date(*inception))]
    NotYetValid {
        /// Inception, seconds since the epoch.
        inception: u32,
    },
    /// Its time is over.
    #[error("the signature expired at {}", Date(*expiration))]
    Expired {
        /// Expiration, seconds since the epoch.
        expiration: u32,
    },
    /// It does not verify.
    #[error("the signature by key {key_tag} does not verify")]
    Invalid {
        /// Tag of the key.
        key_tag: u16,
    },
}
