//! What the look-ups said about one host: the input of every decision.

use std::net::IpAddr;

use dane::TlsaRecord;

use crate::{
    failure::Failure,
    lookup::{Lookup, LookupError, Status},
    mx::MxSource,
};

/// How a host was found: the ceiling of what a delivery to it can claim (RFC 7672 §2.2.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Found {
    /// Named by a secure MX RRset reached over secure aliases, by a secure denial of MX, or by the caller.
    Securely,
    /// Somewhere on the way to the host an answer was insecure: anybody may have put the host there.
    Insecurely,
}

impl From<Status> for Found {
    fn from(status: Status) -> Self {
        match status {
            Status::Secure => Self::Securely,
            Status::Insecure => Self::Insecurely,
        }
    }
}

/// Where mail was to go before any look-up, and what that name turned into.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NextHop {
    /// The domain or host as asked for (A-label, lower case, no trailing dot).
    pub name: String,
    /// The name after its aliases, where it has any (RFC 5321 §5.1).
    pub expanded: Option<String>,
    /// What led from it to the host.
    pub source: MxSource,
}

/// All that was learned about one host.
#[derive(Clone, Debug)]
pub struct HostEvidence {
    /// The name as the MX record has it, or as the caller gave it.
    pub host: String,
    /// How it was found.
    pub found: Found,
    /// The next hop that led here: a source of reference identifiers (RFC 7672 §3.2.2).
    pub next_hop: NextHop,
    /// The address look-ups, one for each family that was asked for.
    pub addresses: Vec<AddressLookup>,
    /// The CNAME look-up of RFC 7672 §2.2.2, made where the address answer is insecure behind a first alias that is
    /// secure; its error counts as an error of the host. `None`: the rule did not ask for it.
    pub alias_check: Option<Result<Status, LookupError>>,
    /// The TLSA look-ups in the order of their candidates, as far as they were needed; empty where DANE does not apply.
    pub tlsa: Vec<TlsaCandidate>,
}

/// One address question.
#[derive(Clone, Debug)]
pub struct AddressLookup {
    /// `A` or `AAAA`.
    pub record_type: &'static str,
    /// What it came to.
    pub result: Lookup<Vec<IpAddr>>,
}

/// TLSA records looked up for one candidate TLSA base domain.
#[derive(Clone, Debug)]
pub struct TlsaCandidate {
    /// The candidate base domain.
    pub base: String,
    /// What the look-up at `_<port>._tcp.<base>` came to.
    pub result: Lookup<Vec<TlsaRecord>>,
}

/// What all candidates together came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TlsaFinding {
    /// No question was asked: the address answer is insecure (RFC 7672 §2.2.2).
    NotAsked,
    /// No candidate has a secure TLSA record (RFC 7672 §2.2).
    None,
    /// The first candidate with a secure TLSA RRset.
    Records {
        /// The TLSA base domain: server name for SNI and first reference identifier.
        base: String,
        /// The RRset, never empty.
        records: Vec<TlsaRecord>,
    },
}

/// What MTA-STS says about a policy domain.
#[derive(Clone, Debug, PartialEq)]
pub enum MtaStsEvidence {
    /// No policy, or none available (RFC 8461 §3.3): deliver as without MTA-STS.
    NoPolicy,
    /// The policy that applies, fetched now or from the cache.
    Policy(mta_sts::Policy),
    /// Whether there is a policy cannot be told, and nothing is cached: the TXT look-up failed in a way that only an
    /// attacker or a broken zone explains, or nothing here can authenticate a policy host.
    Failed(Failure),
}

impl MtaStsEvidence {
    /// What applies to `domain` after an error of its `_mta-sts` TXT look-up, with the unexpired policy of the cache.
    ///
    /// RFC 8461 §3.3 leaves a sender without a policy no better choice than to go on. A bogus or indeterminate answer is
    /// different: a signed zone holds an answer that was kept from us, so the mail waits.
    pub fn after_lookup_error(domain: &str, error: &LookupError, cached: Option<mta_sts::Policy>) -> Self {
        use crate::lookup::LookupErrorKind::{
            AliasLoop, Bogus, Budget, Indeterminate, Malformed, ServerFailure, Timeout,
        };
        match (cached, error.kind) {
            (Some(policy), _) => Self::Policy(policy),
            (None, ServerFailure | Timeout | Malformed | AliasLoop) => Self::NoPolicy,
            (None, Bogus | Indeterminate | Budget) => {
                Self::Failed(error.failure(&format!("_mta-sts.{domain} TXT")).rfc("RFC 8461 3.3"))
            }
        }
    }
}
