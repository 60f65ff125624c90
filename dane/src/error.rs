use std::fmt;

use rustls_pki_types::UnixTime;

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
    #[error("none of {certificates} presented certificates matches any of {records} usable TLSA records")]
    NoMatch {
        /// Number of usable records.
        records: usize,
        /// Number of certificates presented.
        certificates: usize,
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
    #[error("the certificate is for {presented:?}, which includes none of {expected:?}")]
    NameMismatch {
        /// The reference identifiers.
        expected: Vec<String>,
        /// The DNS-IDs of the leaf, at most 20 of them, with anything that is not printable ASCII escaped.
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
    #[error("certificate {certificate} of those presented is malformed")]
    Malformed {
        /// Its place among those presented, from 0, the leaf.
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
    #[error("the raw public key matches none of {records} usable TLSA records")]
    RawKeyMismatch {
        /// Number of usable records, those for certificates included.
        records: usize,
    },
    /// The peer presented no certificate.
    #[error("no certificate was presented")]
    EmptyChain,
}

impl VerifyError {
    /// How far it is from success.
    pub(crate) fn distance(&self) -> u8 {
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

    /// The one of the two that is nearer to success; this one where they are equally far.
    pub(crate) fn or_nearer(self, other: Self) -> Self {
        if other.distance() < self.distance() { other } else { self }
    }
}

/// What makes a path to a trust anchor unsound (RFC 5280 §6.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PathFault {
    /// A record matches a certificate that was presented, which is no issuer of the leaf, near or far.
    NotIssuedBelowAnchor,
    /// PKIX-TA(0) and PKIX-EE(1): no path from it leads to a trusted root.
    NoTrustedRoot,
    /// Its signature is not that of the issuer it names.
    Signature,
    /// Its signature or its key uses an algorithm that is unknown or too weak: SHA-1, MD5, RSA below 2048 bits.
    Algorithm,
    /// It issued a certificate and is no CA.
    NotACa,
    /// There are more CAs below it than it allows.
    PathLength,
    /// Its key usage does not allow what it was used for.
    KeyUsage,
    /// Its extended key usage does not include TLS servers.
    ExtendedKeyUsage,
    /// Its names are outside what a certificate above it allows.
    NameConstraints,
    /// It has a critical extension that is not known here.
    UnknownCriticalExtension,
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotIssuedBelowAnchor => "the certificate was not issued below the certificate that matches",
            Self::NoTrustedRoot => "the certificate does not lead to a trusted root",
            Self::Signature => "the signature is not that of the issuer",
            Self::Algorithm => "the algorithm of the signature or key is unknown or too weak",
            Self::NotACa => "the issuer is no CA",
            Self::PathLength => "more CAs stand below the certificate than it allows",
            Self::KeyUsage => "the key usage forbids what the key was used for",
            Self::ExtendedKeyUsage => "the extended key usage does not include TLS servers",
            Self::NameConstraints => "the names are outside the constraints of a CA above",
            Self::UnknownCriticalExtension => "a critical extension is not known",
        })
    }
}

/// Kinds of work that are limited.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Work {
    /// Certificates presented beside the leaf, where a record asks for a path.
    Certificates,
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
            Self::Comparisons => "comparisons with records",
            Self::Signatures => "signature checks",
            Self::Steps => "steps of path building",
            Self::NameComparisons => "comparisons with name constraints",
        })
    }
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
