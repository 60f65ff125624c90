use std::fmt;

use rustls_pki_types::UnixTime;

use crate::record::TlsaRecord;
use crate::validity::Utc;

/// Why a chain of certificates does not satisfy the TLSA records.
///
/// Where several things are wrong, it is the one nearest to success, since that is what an operator can mend: a chain
/// that leads to a matching trust anchor and has expired is [`Expired`](Self::Expired), not [`NoMatch`](Self::NoMatch).
/// The order, whichever record or path is at fault: [`TooMuchWork`](Self::TooMuchWork), which leaves the question open;
/// [`NameMismatch`](Self::NameMismatch), where all else is right; [`Expired`](Self::Expired) and
/// [`NotYetValid`](Self::NotYetValid), where the path is sound; [`Untrusted`](Self::Untrusted), where a record matches;
/// [`Malformed`](Self::Malformed); [`NoMatch`](Self::NoMatch).
///
/// A depth counts from the leaf, which is 0, along the path that was built.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// No usable record matches the leaf or a certificate above it (RFC 7671 §5).
    #[error(
        "none of {records} usable TLSA records is satisfied by the presented certificates: expected {}, found {}",
        Listed(.expected), Listed(.found)
    )]
    NoMatch {
        /// Number of usable records.
        records: usize,
        /// Number of certificates presented.
        certificates: usize,
        /// The usable records, in the order of the RRset; at most 20 of them.
        expected: Vec<TlsaRecord>,
        /// What the records for the certificates would be, in the usages, selectors and matching types of the usable ones:
        /// those for the leaf, then those for each certificate above it, as they came; at most 20 of them.
        found: Vec<TlsaRecord>,
    },
    /// The path to a matching trust anchor is sound, but a certificate of it has expired (RFC 5280 §4.1.2.5).
    #[error("the certificate at depth {depth} expired at {}, it is {}", Utc(*.not_after), Utc(*.now))]
    Expired {
        /// Which certificate.
        depth: usize,
        /// The last second in which it was valid.
        not_after: UnixTime,
        /// The time it was held against.
        now: UnixTime,
    },
    /// The path to a matching trust anchor is sound, but a certificate of it is not valid yet (RFC 5280 §4.1.2.5).
    #[error("the certificate at depth {depth} is valid from {}, it is {}", Utc(*.not_before), Utc(*.now))]
    NotYetValid {
        /// Which certificate.
        depth: usize,
        /// The first second in which it is valid.
        not_before: UnixTime,
        /// The time it was held against.
        now: UnixTime,
    },
    /// The path to a matching trust anchor is valid, but the leaf has none of the reference identifiers as a DNS-ID
    /// (RFC 7672 §3.2.2, §3.2.3).
    #[error("expected a certificate for {}, found one for {}", expected.join(" or "), or_none(presented))]
    NameMismatch {
        /// The reference identifiers.
        expected: Vec<String>,
        /// The DNS-IDs of the leaf, at most 20 of them, each of at most 255 octets, with anything that is not printable ASCII
        /// escaped.
        presented: Vec<String>,
    },
    /// A record matches a certificate, but no sound path leads from the leaf to it.
    #[error("a record matches, but no path is sound: at depth {depth}, {fault}")]
    Untrusted {
        /// The certificate at fault.
        depth: usize,
        /// What is wrong with it.
        fault: PathFault,
    },
    /// A certificate that had to be read is not one in DER.
    #[error("certificate {certificate} is malformed")]
    Malformed {
        /// Its place among those presented, from 0, the leaf. Those from DNS and trusted roots are counted behind them.
        certificate: usize,
    },
    /// The chain costs more work than any honest one would.
    #[error("more than {limit} {what} would be needed")]
    TooMuchWork {
        /// What there would be too much of.
        what: Work,
        /// How many are allowed.
        limit: usize,
    },
    /// The peer presented a raw public key, which no DANE-EE(3) record with the selector SPKI(1) names (RFC 7671 §5.1).
    #[error(
        "the raw public key matches none of {records} usable TLSA records: expected {}, found {}",
        Listed(.expected), Listed(.found)
    )]
    RawKeyMismatch {
        /// Number of usable records, those for certificates included.
        records: usize,
        /// The usable records, in the order of the RRset; at most 20 of them.
        expected: Vec<TlsaRecord>,
        /// What the records for the key would be, in the matching types of the usable ones.
        found: Vec<TlsaRecord>,
    },
    /// The peer presented no certificate.
    #[error("no certificate was presented")]
    EmptyChain,
}

impl VerifyError {
    /// How far it is from success.
    fn distance(&self) -> u8 {
        match self {
            Self::TooMuchWork { .. } => 0,
            Self::NameMismatch { .. } => 1,
            Self::Expired { .. } => 2,
            Self::NotYetValid { .. } => 3,
            Self::Untrusted { .. } => 4,
            Self::Malformed { .. } => 5,
            Self::NoMatch { .. } | Self::RawKeyMismatch { .. } | Self::EmptyChain => 6,
        }
    }
}

/// Of the errors that were met, the one nearest to success, and the first of those that are equally near.
#[derive(Debug, Default)]
pub(crate) struct Nearest(Option<VerifyError>);

impl From<Option<VerifyError>> for Nearest {
    fn from(known: Option<VerifyError>) -> Self {
        Self(known)
    }
}

impl Nearest {
    pub(crate) fn note(&mut self, error: VerifyError) {
        if self.0.as_ref().is_none_or(|known| error.distance() < known.distance()) {
            self.0 = Some(error);
        }
    }

    /// What an attempt came to, unless it failed: that is noted.
    pub(crate) fn unless<T>(&mut self, attempt: Result<Option<T>, VerifyError>) -> Option<T> {
        match attempt {
            Ok(found) => found,
            Err(error) => {
                self.note(error);
                None
            }
        }
    }

    pub(crate) fn error(self) -> Option<VerifyError> {
        self.0
    }
}

/// What makes a path to a trust anchor unsound (RFC 5280 §6.1). Object identifiers are in dotted form, `2.5.29.30`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PathFault {
    /// A record matches a certificate that was presented, which is no issuer of the leaf, near or far.
    #[error("no path leads from the certificate to the one that matches")]
    NotIssuedBelowAnchor,
    /// PKIX-TA(0) and PKIX-EE(1): no path from it leads to a trusted root.
    #[error("no path leads from the certificate to a trusted root")]
    NoTrustedRoot,
    /// Its signature is not that of the issuer it names.
    #[error("the signature is not that of the issuer")]
    Signature,
    /// Its signature algorithm is stated twice, and what the issuer signed is another (RFC 5280 §4.1.1.2).
    #[error("the signature algorithm is not the one that the issuer signed")]
    AlgorithmNotSigned,
    /// Its signature is made in a way that is unknown, too weak (SHA-1, MD5), or not for the key of its issuer.
    #[error("the signature algorithm {found} is unknown, too weak, or not for the issuer's key")]
    Algorithm {
        /// The object identifier of the signature algorithm (RFC 5280 §4.1.1.2).
        found: String,
    },
    /// Its RSA key is too short.
    #[error("expected an RSA key of at least {minimum} bits, found {bits}")]
    WeakKey {
        /// Size of the key, in bits.
        bits: usize,
        /// The least that would do.
        minimum: usize,
    },
    /// The RSA key that signed it is too short.
    #[error("expected a signature by an RSA key of at least {minimum} bits, found one by {bits}")]
    WeakIssuerKey {
        /// Size of the key, in bits.
        bits: usize,
        /// The least that would do.
        minimum: usize,
    },
    /// Its key, or the one that signed it, cannot be read.
    #[error("its key or that of the issuer cannot be read")]
    MalformedKey,
    /// It issued a certificate and is no CA.
    #[error("the issuer is no CA")]
    NotACa,
    /// There are more CAs below it than it allows.
    #[error("expected at most {allowed} CAs below the certificate, found {found}")]
    PathLength {
        /// How many CAs it allows below itself (RFC 5280 §4.2.1.9).
        allowed: usize,
        /// How many there are; those that are self-issued do not count.
        found: usize,
    },
    /// Its key usage does not allow what it was used for.
    #[error("expected the key usage {expected}, found {found}")]
    KeyUsage {
        /// Which would do (RFC 5280 §4.2.1.3).
        expected: &'static str,
        /// Which there are.
        found: String,
    },
    /// Its extended key usage does not include TLS servers.
    #[error("expected TLS servers, 1.3.6.1.5.5.7.3.1, in the extended key usage, found {}", or_none(found))]
    ExtendedKeyUsage {
        /// The object identifiers of the purposes that are in it, at most 20 of them (RFC 5280 §4.2.1.12).
        found: Vec<String>,
    },
    /// Its names are outside what a certificate above it allows.
    #[error("the constraints of a CA above do not allow the name {name}")]
    NameConstraints {
        /// The first name that is not allowed, with its form: `DNS mx.example.com`.
        name: String,
    },
    /// It has a critical extension that is not known here, or asks for what is not done.
    #[error("the critical extension {found} is not supported")]
    UnknownCriticalExtension {
        /// The object identifier of the first of them.
        found: String,
    },
}

/// Kinds of work that are limited.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Work {
    /// Certificates presented beside the leaf, where a record asks for a path.
    Certificates,
    /// Octets of all that were presented, where a record asks for more than the certificate or the key of the leaf.
    Octets,
    /// Comparisons of a record with a certificate above the leaf, or of a bare key with the top of a path.
    Comparisons,
    /// Checks of a signature.
    Signatures,
    /// Steps of path building.
    Steps,
    /// Comparisons of a name with a name constraint.
    NameComparisons,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificates => "certificates",
            Self::Octets => "octets of certificates",
            Self::Comparisons => "comparisons with records",
            Self::Signatures => "signature checks",
            Self::Steps => "steps of path building",
            Self::NameComparisons => "comparisons with name constraints",
        })
    }
}

/// How many records, names and purposes an error lists at most.
pub(crate) const LISTED: usize = 20;

/// Some records, for a line of a log: the first few, and no more of each than the longest digest.
struct Listed<'a>(&'a [TlsaRecord]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 3;
        const OCTETS: usize = 64;
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (place, record) in self.0.iter().take(SHOWN).enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            let data = record.data.get(..OCTETS).unwrap_or(&record.data).to_vec();
            let cut = if data.len() < record.data.len() { "…" } else { "" };
            write!(f, "{separator}{}{cut}", TlsaRecord { data, ..*record })?;
        }
        if self.0.len() > SHOWN { f.write_str(", …") } else { Ok(()) }
    }
}

fn or_none(list: &[String]) -> String {
    if list.is_empty() { "none".to_owned() } else { list.join(", ") }
}

/// The bytes are not one certificate in DER.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a certificate in DER")]
pub struct MalformedCertificate;

/// The bytes are not one SubjectPublicKeyInfo in DER.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a public key in DER")]
pub struct MalformedKey;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_readable() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let error = VerifyError::Expired { depth: 1, not_after: at(951_825_600), now: at(2_000_000_000) };
        assert_eq!(
            error.to_string(),
            "the certificate at depth 1 expired at 2000-02-29T12:00:00Z, it is 2033-05-18T03:33:20Z"
        );
    }
}
