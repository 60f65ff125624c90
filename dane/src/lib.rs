//! TLSA records (DANE): reading them, choosing those that count, and holding a server's certificates against them.
//!
//! A domain that signs its zone with DNSSEC can say there which certificates its servers have. For mail that replaces
//! the public CAs, whose names nobody agrees on (RFC 7672 §1.3): the records stand at `_25._tcp.` before the name of the
//! MX host ([`owner_name()`]), and a client that finds them *secure* must deliver over TLS, to a server whose
//! certificate they name, or not at all.
//!
//! A record has three numbers and data (RFC 6698 §2.1, [`TlsaRecord`]). The **usage** says what it is about: the
//! server's own certificate, DANE-EE(3), or a trust anchor above it, DANE-TA(2); PKIX-EE(1) and PKIX-TA(0) say the same of
//! certificates below public CAs, and are not for SMTP. The **selector** says whether the whole certificate is meant or
//! only its key, the **matching type** whether the data is a digest of that or the thing itself.
//!
//! The way from an RRset to a verdict has two steps, both pure functions:
//!
//! 1. [`select`] decides which records are usable under a [`Profile`], and among several [`Digests`] for the same purpose
//!    keeps the strongest (RFC 7671 §9). There are three outcomes ([`Selection`]): no record, and DANE does not apply;
//!    records of which none is usable, and TLS is mandatory without authentication (RFC 7672 §2.2); usable records.
//! 2. [`verify()`] holds a chain of certificates against those. One match is enough (RFC 7671 §8). DANE-EE(3) looks at the
//!    leaf and ignores names and dates (RFC 7672 §3.1.1). DANE-TA(2) builds a path from the leaf to the anchor, with
//!    all that RFC 5280 asks of it, and wants one of the [`ReferenceIds`] in the leaf (RFC 7672 §3.2.2). An anchor's
//!    own dates do not count, its constraints do. [`verify_with`] is for all four usages: it has the [`Roots`] to which
//!    PKIX-TA(0) and PKIX-EE(1) want a path. [`verify_raw_key`] is for servers that have no certificate.
//!
//! Work is bounded whatever the peer sends: 64 certificates beside the leaf, 1 MiB of them, 200,000 comparisons of a record with a
//! certificate above it, 256 signatures, 1,000 steps of path building and 50,000 comparisons with name constraints, each
//! with an error of its own ([`VerifyError::TooMuchWork`]). Nothing here does I/O or reads a clock.

mod association;
mod budget;
mod certificate;
mod chain;
mod der;
mod digests;
mod error;
mod extensions;
mod general_name;
mod generate;
mod key_id;
mod name;
mod name_constraints;
mod no_match;
mod oid;
mod owner_name;
mod parameter;
mod path;
mod pkix;
mod presentation;
mod profile;
mod raw_key;
mod record;
mod reference_id;
mod roots;
mod selection;
mod signature;
mod soundness;
mod trust_anchor;
mod validity;
mod verify;

pub use certificate::leaf_spki;
pub use digests::{Digests, DigestsError};
pub use error::{MalformedCertificate, MalformedKey, PathFault, VerifyError, Work};
pub use owner_name::{OwnerNameError, Transport, owner_name, owner_name_as_found};
pub use parameter::{Matching, Selector, Usage};
pub use presentation::RecordError;
pub use profile::{Profile, UnknownProfile};
pub use raw_key::verify_raw_key;
pub use record::TlsaRecord;
pub use reference_id::ReferenceIds;
pub use roots::Roots;
pub use selection::{Selection, Unusable, UsableRecords, UsableTlsa, select, select_rdata};
pub use verify::{EeNames, Match, Settings, verify, verify_with};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
