//! Where does mail for a domain go, and which security policy must each server meet?
//!
//! A mail domain names its servers by MX records; each server has addresses and may publish TLSA records (DANE,
//! RFC 7672); the domain may publish an MTA-STS policy (RFC 8461). All of that is found through DNS, and what DNS says
//! is worth what its DNSSEC status is worth. [`MxResolver`] asks the questions, over an upstream or from the root, has every
//! answer judged in this process by the crate `dnssec` against a trust anchor (or takes the word of a resolver that is
//! trusted: [`Dnssec`]), and hands the evidence to `mxtls-policy`, which decides. The result is
//! an ordered list of [`SecureMxRecord`]s: each with the policy that its server must meet, or with the reason why the
//! server counts as unreachable. A failed look-up is never taken for "there is no such record".
//!
//! * [`MxResolver::resolve_secure_mx`]: the servers of a domain;
//! * [`MxResolver::resolve`]: the same for every kind of [`Destination`], with all that was learned on the way;
//! * [`MxResolver::check_dane`]: the DANE side of one host;
//! * [`Deliverer`] (feature `delivery`): connects to the servers found, enforces the policies, and delivers.
//!
//! Without the features `mta-sts` and `delivery` this is discovery by DNS alone.

mod address_limits;
mod auto;
mod cache;
mod datagram;
mod delegation;
#[cfg(feature = "delivery")]
mod delivery;
mod destination;
mod discovery;
mod dns;
mod dns_answer;
mod dns_over_tls;
mod explain;
mod extended_error;
mod families;
mod host;
mod in_flight;
mod lock;
mod message;
#[cfg(feature = "mta-sts")]
mod mta_sts_discovery;
mod network;
mod probe;
mod record;
mod recursion;
mod resolver;
mod root_hints;
#[cfg(test)]
mod scripted;
mod system;
mod tcp;
mod transport;
mod trust_ad;
mod udp;
mod upstream;
mod validator;

#[cfg(feature = "delivery")]
pub use delivery::{Checked, Deliverer, HostReport, RecipientReport, Sent, Usable};
pub use destination::{Destination, DestinationError, Domain};
pub use discovery::Resolution;
pub use dns_answer::{DnsAnswer, DnsQuestion, DnsQuestionError};
pub use dns_over_tls::DnsOverTlsError;
pub use families::Families;
#[cfg(feature = "mta-sts")]
pub use mta_sts_discovery::{MtaStsFault, MtaStsReport, PolicySource};
pub use network::{Network, NetworkError};
pub use record::{Candidate, SecureMxRecord, TlsaOutcome, TlsaReport};
pub use resolver::{BuildError, Dnssec, MxResolver, MxResolverBuilder};
pub use root_hints::{RootHintsError, RootHintsFault};
pub use upstream::{Upstream, UpstreamError};

// The crates whose types stand in this one's: callers need no versions of their own.
pub use dane;
#[cfg(feature = "mta-sts")]
pub use mta_sts;
pub use mxtls_policy as policy;
#[cfg(feature = "delivery")]
pub use mxtls_smtp_client as smtp_client;
#[cfg(feature = "delivery")]
pub use mxtls_verifier as verifier;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
