//! How much must a mail server prove in its TLS handshake, and did it?
//!
//! A sending mail server opens TLS after STARTTLS and is shown certificates. What they must prove depends on the
//! [`SecurityPolicy`](mxtls_policy::SecurityPolicy) of the server, never on the certificates themselves:
//!
//! * **DANE** (RFC 7672): they must match the TLSA records, and nothing else of theirs counts under DANE-EE(3);
//! * **MTA-STS in `enforce`** (RFC 8461 §4.2): they must lead to a trusted root, be valid now, and carry the name of the
//!   MX host;
//! * both together where one alone could have been put there by an attacker;
//! * **otherwise** nothing: TLS then only keeps out those who listen. What the Web PKI says is still recorded, for
//!   reports.
//!
//! [`handshake()`] turns a policy into a [`Handshake`] for one connection: a rustls configuration, the server name to send
//! (RFC 7672 §8.1, RFC 8461 §7.1), and the [`Verdict`] that the handshake leaves behind. Certificates are public, so a
//! match alone proves nothing: whoever presents one must sign the handshake with its key. That signature is checked
//! under every policy, also against certificates so odd that PKIX libraries refuse to read them, and only
//! [`Handshake::finish`] says that a server is authenticated: after the handshake is complete *and* the checks of the
//! policy hold. Sessions are never resumed, since a resumed session shows no certificate.
//!
//! A server that has a raw public key and no certificate (RFC 7250) can be asked for it where DANE alone is enforced and
//! every usable record is about a key (RFC 7671 §5.1). That is off unless [`TlsSettings::allow_raw_keys`] turns it on;
//! [`raw_key_handshake`] is the handshake for it.
//!
//! The crate does no I/O besides reading trusted roots, and brings the provider of all cryptography, *ring*, with it.

mod cipher_suite;
mod failure;
mod handshake;
mod presented;
mod roots;
mod server_verifier;
mod settings;
mod verdict;
mod web_pki;

pub use handshake::{Established, Handshake, handshake, raw_key_handshake};
pub use presented::CertificateSummary;
pub use roots::{PemFault, Roots, RootsError};
pub use settings::{Offer, SettingsError, TlsSettings};
pub use verdict::Verdict;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
