//! MTA-STS (RFC 8461) for senders: records, policies, MX matching, cache rules, fetching.
//!
//! # The protocol in one page
//! A mail domain that wants its mail encrypted, and only to its own servers, says so twice:
//!
//! 1. In DNS, by a TXT record at `_mta-sts.<domain>`: `v=STSv1; id=20260101T000000;`. It says that there is a
//!    policy, and the `id` changes whenever the policy does: [`select_record`], [`StsRecord`].
//! 2. By HTTPS, at `https://mta-sts.<domain>/.well-known/mta-sts.txt`: the policy itself, authenticated by the Web
//!    PKI and the name of that host. It names the servers ([`MxPattern`]), says what happens when one fails
//!    ([`Mode`]) and how long the policy may be kept ([`MaxAge`]): [`Policy`].
//!
//! A sender keeps policies ([`PolicyCache`]), because the record travels unprotected: whoever suppresses it hides a
//! policy only from a sender that has never seen it. A kept policy applies until it expires, whatever DNS says; a
//! new `id` asks for a new copy, an equal one saves the request.
//!
//! A server satisfies a policy if its name *in the MX record* matches a pattern and its certificate is valid in the
//! Web PKI for that name. Under [`Mode::Enforce`] mail never goes to a server that fails; under [`Mode::Testing`] it
//! does, and the failure is reported. MTA-STS never overrides DANE (§2).
//!
//! Nothing here needs DNS, sockets or a clock but the feature `fetch`: it holds `Fetcher`, the HTTPS client with
//! its own certificate verification.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod cache;
mod domain;
#[cfg(feature = "fetch")]
mod fetch;
mod lint;
mod mx_pattern;
mod policy;
mod policy_file;
mod record;

pub use cache::{Cached, PolicyCache, Step};
pub use domain::{DomainError, policy_host, policy_url};
#[cfg(feature = "fetch")]
pub use fetch::{
    AddressLookup, Addresses, BuildError, CertificateFault, FetchError, Fetcher, FetcherBuilder,
};
pub use lint::{Lint, LintCode};
pub use mx_pattern::{MxPattern, PatternError};
pub use policy::{MaxAge, Mode, Policy};
pub use policy_file::{
    MAX_EXTENSIONS, MAX_LINE, MAX_MX_PATTERNS, MAX_POLICY_FILE, Parsed, PolicyError, PolicyFault,
};
pub use record::{MAX_RECORD, RecordError, StsRecord, select_record};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
