//! DNSSEC verdicts on DNS answers: a core without sockets or clock.
//!
//! # The protocol in one page
//!
//! Each signed zone has keys (DNSKEY records) and signs every RRset, that is, all records of one name and type, with
//! them (RRSIG records, RFC 4034 §3). Which keys are a zone's own is said by its parent, in a signed digest of the
//! key (DS, §5), so that a chain leads from any zone up to one whose keys the validator knows beforehand: the trust
//! anchor, as a rule the root's. A delegation without DS is where the chain ends, and what lies below is *insecure*: as
//! good as DNS ever was. That there is no DS must be proven, too, or else any attacker could end the chain.
//!
//! Absence is proven by records that span a gap: NSEC (RFC 4034 §4) says "between this name and that one there is
//! nothing, and this name has these types"; NSEC3 (RFC 5155) says the same of the names' hashes. A wildcard's records
//! are signed once and served under any name that does not exist, so that an answer out of a wildcard needs both
//! signature and gap.
//!
//! So an RRset, or its absence, is
//!
//! * **secure**: signed along an unbroken chain,
//! * **insecure**: proven to lie beyond the chain's end, or under no trust anchor at all,
//! * **bogus**: neither, and
//! * **indeterminate**: the records to tell could not be had.
//!
//! The latter two are failures, and so is an answer that would cost too much work to judge.
//!
//! # How this crate goes about it
//!
//! A [`Validation`] judges one [`Question`] at one point of time. It asks for the answer itself, then walks from
//! the nearest of the [`TrustAnchors`] down to the zone, DS by DS; a signature's signer name is a hint at where that walk
//! may end, and decides nothing. It follows aliases one at a time: each target is asked and proven by itself, and nothing
//! in a message counts for any name but the one that was asked. In a signed zone the header of a message counts for
//! nothing either: the records decide what is there.
//!
//! What it proves about zones stays in a [`KeyCache`], which also holds the [`LocalPolicy`] to go by. The end is a
//! [`Verdict`] with its [`Proof`], or a [`Failure`] with its [`Reason`]. All the work, over all the answers, comes out of one
//! set of [`Limits`].

mod alias;
mod anchor;
mod answers;
mod canonical;
mod date;
mod denial;
mod failure;
mod key;
mod key_cache;
mod limits;
mod local_policy;
mod nsec;
mod nsec3;
mod proof;
mod question;
mod remedy;
mod rrset;
#[cfg(feature = "serde")]
mod serial;
mod shown;
mod validation;
mod verdict;
mod work;
mod zone;

pub use anchor::{AnchorError, AnchorFault, TrustAnchors};
pub use failure::{Failure, FailureKind, Reason, SignatureFault};
pub use key_cache::KeyCache;
pub use limits::{Limit, Limits};
pub use local_policy::LocalPolicy;
pub use proof::{Denial, Denied, Insecurity, Proof, SignatureUse, Trust, ZoneStep};
pub use question::{FetchError, Question};
pub use validation::{Step, Validation};
pub use verdict::{Hop, HopKind, Outcome, Status, Verdict};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
