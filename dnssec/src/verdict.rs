//! What a validation ends with when nothing is wrong.

use std::fmt;

use hickory_proto::rr::{Name, Record};

use crate::Proof;

/// The answer to a question, and how far it can be believed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verdict {
    /// The last name of the alias chain: the owner of the records, or the name that has none.
    /// The name of the question where there is no alias.
    pub name: Name,
    /// The weakest status of the whole chain: of every hop and of the outcome (RFC 4035 §4.3).
    pub status: Status,
    /// What is at [`name`](Self::name).
    pub outcome: Outcome,
    /// The aliases on the way from the question's name to [`name`](Self::name), in order.
    pub chain: Vec<Hop>,
    /// For how many seconds from `now` the verdict may be kept: the least TTL, original TTL and remaining
    /// signature lifetime of everything it rests on (RFC 4035 §5.3.3).
    pub ttl: u32,
    /// What the verdict rests on.
    pub proof: Proof,
}

impl Verdict {
    /// A verdict that somebody else has made, such as a resolver that is trusted: nothing is known of what it rests on.
    pub fn new(name: Name, status: Status, outcome: Outcome, chain: Vec<Hop>, ttl: u32) -> Self {
        Self { name, status, outcome, chain, ttl, proof: Proof::default() }
    }
}

/// How far an answer that is not an error can be believed. The order is that of trust.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Status {
    /// Proven to lie outside every chain of trust: below an unsigned delegation, or under no trust anchor.
    Insecure,
    /// Signed, along an unbroken chain from a trust anchor.
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

/// What a name has of the type asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The RRset: at least one record, no duplicates, in the order of the message. Their owner may differ in
    /// case from the question; their TTL is the message's ([`Verdict::ttl`] is the one to obey).
    Records(Vec<Record>),
    /// The name exists, or is matched by a wildcard, and has no records of the type.
    NoData,
    /// The name does not exist.
    NxDomain,
}

/// One alias on the way to the answer.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Hop {
    /// The name that is an alias.
    pub owner: Name,
    /// The kind of record that makes it one.
    pub kind: HopKind,
    /// The name that it stands for.
    pub target: Name,
    /// The status of this alias alone.
    pub status: Status,
}

impl Hop {
    /// An alias of which somebody else has found the status.
    pub fn new(owner: Name, kind: HopKind, target: Name, status: Status) -> Self {
        Self { owner, kind, target, status }
    }
}

/// The kind of record that makes a name an alias.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum HopKind {
    /// A CNAME at the name itself (RFC 1034 §3.6.2).
    Cname,
    /// A DNAME above the name (RFC 6672).
    Dname,
}

impl fmt::Display for HopKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cname => "CNAME",
            Self::Dname => "DNAME",
        })
    }
}
