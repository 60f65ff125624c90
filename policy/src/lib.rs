//! Which security policy must a mail server meet, and what follows when it does not?
//!
//! A sending mail server finds the servers of a domain by DNS and can learn two promises about them. **DANE**
//! (RFC 7672) publishes the server's keys as TLSA records under DNSSEC. **MTA-STS** (RFC 8461) publishes a policy over
//! HTTPS that names the servers and asks for certificates of the Web PKI. DANE comes first: where it applies at a host
//! that was found securely, MTA-STS is not consulted, and a DANE failure is never rescued by MTA-STS (RFC 8461 §2).
//! Where neither applies, TLS is opportunistic and clear text is allowed.
//!
//! This crate holds that precedence as pure functions from **evidence** (what the look-ups said, each with its DNSSEC
//! status or its error) to a [`SecurityPolicy`] or a [`Failure`]. It does no I/O, reads no clock, and knows no socket:
//!
//! * [`exchanges()`] turns the answer to the MX question into the ordered list of hosts (RFC 5321 §5.1, RFC 7505), and
//!   [`before_ourselves`] ends it where mail would come back to the sender;
//! * [`tlsa_base_candidates`] says at which names TLSA records are to be asked for (RFC 7672 §2.2.2);
//! * [`decide()`] chooses the policy of one host; [`matrix()`] shows all its outcomes as a table;
//! * [`SecurityPolicy`] answers what the session asks: is TLS mandatory, what is authenticated, against which names;
//! * [`Failure`] and [`FailureCode`] name everything that can go wrong, with the reply a mail queue needs.

mod address;
mod channel;
mod dane_rules;
mod decide;
mod evidence;
mod explain;
mod failure;
mod lookup;
mod matrix;
mod matrix_id;
mod mx;
mod reference_ids;
mod requirement;
mod security_policy;
mod tlsa_base;
mod would_fail;

pub use address::{Addresses, addresses};
pub use channel::Channel;
pub use dane_rules::{DaneRules, InsecureMx};
pub use decide::{decide, tlsa};
pub use evidence::{AddressLookup, Found, HostEvidence, MtaStsEvidence, NextHop, TlsaCandidate, TlsaFinding};
pub use explain::Explanation;
pub use failure::{Failure, FailureCode, MessageFault, Stage, Verdict};
pub use lookup::{Alias, AliasKind, Answer, Lookup, LookupError, LookupErrorKind, Outcome, Status};
pub use matrix::{MatrixRow, matrix};
pub use matrix_id::MatrixId;
pub use mx::{Exchange, Exchanges, Mx, MxSource, before_ourselves, exchanges};
pub use reference_ids::reference_ids;
pub use requirement::Requirement;
pub use security_policy::{CertificateCheck, DanePolicy, EmptyTlsaRrset, PolicyKind, SecurityPolicy};
pub use tlsa_base::{alias_check_is_due, tlsa_base_candidates};
pub use would_fail::{TlsReport, would_fail};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
