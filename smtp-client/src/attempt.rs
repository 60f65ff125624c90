//! What one session with one address came to.

use std::net::SocketAddr;

use mxtls_policy::{Channel, Failure, FailureCode, Verdict};
use mxtls_verifier::CertificateSummary;
use rustls_pki_types::UnixTime;

/// The result of one session.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The address and port that were tried.
    pub address: SocketAddr,
    /// Whether a sender can use, or could have used, the server.
    pub verdict: AttemptVerdict,
    /// How safe the session was; `None` unless the verdict is [`Accept`](AttemptVerdict::Accept).
    pub channel: Option<Channel>,
    /// Why not; `None` only where the verdict is [`Accept`](AttemptVerdict::Accept). Where no recipient was accepted
    /// and they failed one by one, it is the first one's.
    pub failure: Option<Failure>,
    /// What became of STARTTLS; `None` before EHLO was answered.
    pub starttls: Option<StartTls>,
    /// The TLS session, or as much of it as was learned before the handshake failed; `None` where neither a certificate nor a raw public key
    /// came.
    pub tls: Option<TlsInfo>,
    /// What an MTA-STS policy in testing mode would have refused (RFC 8461 §5).
    pub would_fail: Option<Failure>,
    /// One for each recipient of the envelope, in its order; empty for [`check`](crate::check).
    pub recipients: Vec<RecipientOutcome>,
    /// TLS failed where it was only opportunistic: the caller may try once more without it, on a new connection, with
    /// [`StartTlsUse::NotSent`](crate::StartTlsUse::NotSent). Never after an injection.
    pub retry_clear_text: bool,
    /// The handshake failed before any certificate was shown, and policy and settings allow a raw public key in its place:
    /// the caller may try once more, on a new connection, with [`StartTlsUse::ForRawKey`](crate::StartTlsUse::ForRawKey).
    /// The same policy is enforced there. Never after an injection.
    pub retry_raw_key: bool,
}

/// Whether a server can be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AttemptVerdict {
    /// The policy is met; a delivery reached at least one recipient.
    Accept,
    /// Connected, and the policy or the server refused.
    Reject,
    /// No connection.
    Unreachable,
}

/// What became of STARTTLS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StartTls {
    /// The server answered 220; the handshake may still have failed.
    Accepted,
    /// The server answered anything else, or not at all.
    Refused,
    /// The server did not offer it.
    NotOffered,
    /// It was not to be used.
    NotSent,
}

/// A TLS session.
#[derive(Clone, Debug)]
pub struct TlsInfo {
    /// `TLSv1.2` or `TLSv1.3`; `None` where the handshake was given up.
    pub version: Option<&'static str>,
    /// The cipher suite's IANA name, such as `TLS_AES_256_GCM_SHA384`; `None` where the handshake was given up.
    pub cipher_suite: Option<&'static str>,
    /// The server name sent (RFC 7672 §8.1); `None` where the host is an address.
    pub sni: Option<String>,
    /// The TLSA record that matched; `None` where the handshake was given up.
    pub matched: Option<TlsaMatch>,
    /// What the Web PKI says of the certificate and the MX host's name, enforced or not; `None` where a raw public key came
    /// in its place.
    pub web_pki: Option<Result<(), FailureCode>>,
    /// The certificates sent, leaf first; empty where a raw public key came in their place.
    pub certificates: Vec<CertificateSummary>,
}

/// A TLSA record and the certificate that it matched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TlsaMatch {
    /// Certificate usage.
    pub usage: u8,
    /// Selector.
    pub selector: u8,
    /// Matching type.
    pub matching: u8,
    /// 0 is the leaf, n the n-th certificate above it.
    pub depth: usize,
    /// The record's place in the RRset, from 0.
    pub index: usize,
    /// Where it names a trust anchor that has expired, when: that does not count.
    pub anchor_expired: Option<UnixTime>,
}

/// What became of the message for one recipient.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecipientOutcome {
    /// The address as in the envelope, its domain in A-labels.
    pub rcpt: String,
    /// Accepted by the server, to be tried again, or refused for good.
    pub verdict: Verdict,
    /// The code of the reply that decided; `None` where no reply did.
    pub code: Option<u16>,
    /// The enhanced status code of that reply, where it has one (RFC 2034).
    pub enhanced_status: Option<String>,
    /// The text of that reply, its control characters replaced, at most 1024 characters; a server's words, to be shown,
    /// never to be parsed.
    pub text: Option<String>,
    /// Why it was not accepted; `None` only where the verdict is [`Verdict::Deliver`].
    pub failure: Option<Failure>,
}
