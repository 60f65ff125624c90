//! Refusals in the words of the policy crate.

use std::{fmt, io};

use dane::{PathFault, VerifyError};
use mxtls_policy::{Failure, FailureCode};
use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

use crate::roots::RootsError;

/// What a client on rustls and ring cannot speak, for the operator who wonders why a server is refused.
const LIMITS: &str = "this client speaks TLS 1.2 and 1.3 with ECDHE and AEAD cipher suites, and verifies RSA keys of 2048 \
                      bits and more, P-256, P-384 and Ed25519";

pub(crate) fn of_tlsa(host: &str, error: &VerifyError) -> Failure {
    use FailureCode::{
        CertificateExpired, CertificateHostMismatch, CertificateMalformed, CertificateNotYetValid,
        CertificateUntrusted, TlsaNoMatch,
    };
    let (code, fault, rfc) = match error {
        VerifyError::NoMatch { .. } => {
            (TlsaNoMatch, "satisfy none of its usable TLSA records", "RFC 7672 2.2")
        }
        VerifyError::Expired { .. } => (
            CertificateExpired,
            "lead to a trust anchor of its TLSA records, but have expired",
            "RFC 7672 3.1.2",
        ),
        VerifyError::NotYetValid { .. } => (
            CertificateNotYetValid,
            "lead to a trust anchor of its TLSA records, but are not valid yet",
            "RFC 7672 3.1.2",
        ),
        VerifyError::NameMismatch { .. } => (
            CertificateHostMismatch,
            "lead to a trust anchor of its TLSA records, but are for other names",
            "RFC 7672 3.2.2",
        ),
        VerifyError::Untrusted { fault: PathFault::NoTrustedRoot, .. } => {
            (CertificateUntrusted, "do not lead to a trusted root, as its TLSA record asks", "RFC 6698 2.1.1")
        }
        VerifyError::Untrusted { .. } => (
            CertificateUntrusted,
            "do not lead to the trust anchor that its TLSA records name",
            "RFC 7672 3.1.2",
        ),
        VerifyError::Malformed { .. } => (CertificateMalformed, "cannot be read", "RFC 7672 3.1"),
        VerifyError::TooMuchWork { .. } => {
            (CertificateUntrusted, "would take too much work to verify", "RFC 7672 3.1.2")
        }
        VerifyError::RawKeyMismatch { .. } => {
            let message = format!("The raw public key of {host} matches none of its usable TLSA records.");
            return Failure::new(TlsaNoMatch, message).rfc("RFC 7671 5.1").detail(error);
        }
        VerifyError::EmptyChain => (TlsaNoMatch, "are missing", "RFC 7672 2.2"),
        _ => (TlsaNoMatch, "do not satisfy its TLSA records", "RFC 7672 2.2"),
    };
    Failure::new(code, format!("The certificates of {host} {fault}.")).rfc(rfc).detail(error)
}

pub(crate) fn no_usable_tlsa(host: &str) -> Failure {
    Failure::new(
        FailureCode::TlsaNoMatch,
        format!("There is no usable TLSA record to authenticate {host} by."),
    )
    .rfc("RFC 7672 2.2")
}

pub(crate) fn of_web_pki(host: &str, code: FailureCode, error: &webpki::Error) -> Failure {
    let fault = if code == FailureCode::CertificateExpired {
        "has expired"
    } else if code == FailureCode::CertificateNotYetValid {
        "is not valid yet"
    } else if code == FailureCode::CertificateHostMismatch {
        "is for other names"
    } else if code == FailureCode::CertificateMalformed {
        "cannot be read"
    } else {
        "does not lead to a trusted root"
    };
    Failure::new(code, format!("The certificate of {host} {fault}."))
        .rfc("RFC 8461 4.2")
        .detail(in_words(error))
}

/// webpki's errors show their fields as code does; what people ask is how long, and which names.
fn in_words(error: &webpki::Error) -> String {
    if let webpki::Error::CertExpired { time, not_after } = error {
        format!("it ended {} before it was judged", days(not_after.as_secs(), time.as_secs()))
    } else if let webpki::Error::CertNotValidYet { time, not_before } = error {
        format!("it begins {} after it was judged", days(time.as_secs(), not_before.as_secs()))
    } else if let webpki::Error::CertNotValidForName(names) = error {
        let presented: Vec<&str> = names.presented.iter().map(|name| bare(name)).collect();
        format!("it is for {}", presented.join(", "))
    } else {
        error.to_string()
    }
}

/// `DnsName("mx.example.com")` without its wrapping.
fn bare(name: &str) -> &str {
    name.split('"').nth(1).unwrap_or(name)
}

fn days(from: u64, to: u64) -> String {
    match to.saturating_sub(from) / 86_400 {
        0 => "less than a day".to_owned(),
        1 => "a day".to_owned(),
        days => format!("{days} days"),
    }
}

pub(crate) fn not_a_host_name(host: &str) -> Failure {
    let message = format!("No certificate can be for {host}, which is no host name.");
    Failure::new(FailureCode::CertificateHostMismatch, message).rfc("RFC 8461 4.2")
}

pub(crate) fn no_certificate(host: &str) -> Failure {
    Failure::new(FailureCode::CertificateUntrusted, format!("{host} presented no certificate."))
        .rfc("RFC 8461 4.2")
}

pub(crate) fn raw_key_for_certificate(host: &str) -> Failure {
    let message = format!("{host} presented a raw public key and no certificate.");
    Failure::new(FailureCode::CertificateUntrusted, message).rfc("RFC 8461 4.2")
}

pub(crate) fn no_roots(host: &str, error: &RootsError) -> Failure {
    let message = format!("The certificate of {host} cannot be verified without trusted roots.");
    Failure::new(FailureCode::CertificateUntrusted, message).rfc("RFC 8461 4.2").detail(error)
}

/// The failure behind the error that a connection ended with in the handshake, where no certificate was refused.
pub(crate) fn of_connection(host: &str, error: &io::Error) -> Failure {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(error) => of_rustls(host, error),
        None => failed(host, error),
    }
}

fn of_rustls(host: &str, error: &Error) -> Failure {
    if matches!(error, Error::PeerIncompatible(PeerIncompatible::IncorrectCertificateTypeExtension)) {
        let message = format!("{host} has no raw public key to present.");
        return Failure::new(FailureCode::TlsHandshake, message).rfc("RFC 7250 4.2").detail(error);
    }
    if is_incompatible(error) {
        let message = format!("{host} and this client have no TLS version or cipher suite in common.");
        return Failure::new(FailureCode::TlsVersion, message).detail(format_args!("{error}; {LIMITS}"));
    }
    if matches!(error, Error::InvalidCertificate(CertificateError::BadEncoding)) {
        let message = format!("The certificate of {host} cannot be read.");
        return Failure::new(FailureCode::CertificateMalformed, message).detail(error);
    }
    if matches!(error, Error::InvalidCertificate(CertificateError::BadSignature)) {
        let message = format!("{host} did not prove that it holds the key of its certificate.");
        return Failure::new(FailureCode::TlsHandshake, message).detail(format_args!("{error}; {LIMITS}"));
    }
    failed(host, error)
}

/// Servers that have nothing in common with us say so by one of three alerts (RFC 8446 §6.2, RFC 5246 §7.2.2).
fn is_incompatible(error: &Error) -> bool {
    matches!(
        error,
        Error::PeerIncompatible(_)
            | Error::AlertReceived(
                AlertDescription::ProtocolVersion
                    | AlertDescription::HandshakeFailure
                    | AlertDescription::InsufficientSecurity
            )
    )
}

fn failed(host: &str, error: &dyn fmt::Display) -> Failure {
    Failure::new(FailureCode::TlsHandshake, format!("The TLS handshake with {host} failed.")).detail(error)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dane::Work;
    use rustls_pki_types::UnixTime;

    use super::*;

    #[test]
    fn failures_of_dane_have_codes_and_sentences_of_their_own() {
        use FailureCode::{
            CertificateExpired, CertificateHostMismatch, CertificateMalformed, CertificateNotYetValid,
            CertificateUntrusted, TlsaNoMatch,
        };
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let untrusted = |fault| VerifyError::Untrusted { depth: 1, fault };
        for (error, code, sentence, section) in [
            (
                VerifyError::NoMatch { records: 1, certificates: 1, expected: vec![], found: vec![] },
                TlsaNoMatch,
                "The certificates of mx.lab satisfy none of its usable TLSA records.",
                "RFC 7672 2.2",
            ),
            (
                VerifyError::Expired { depth: 0, not_after: at(1), now: at(2) },
                CertificateExpired,
                "The certificates of mx.lab lead to a trust anchor of its TLSA records, but have expired.",
                "RFC 7672 3.1.2",
            ),
            (
                VerifyError::NotYetValid { depth: 0, not_before: at(2), now: at(1) },
                CertificateNotYetValid,
                "The certificates of mx.lab lead to a trust anchor of its TLSA records, but are not valid yet.",
                "RFC 7672 3.1.2",
            ),
            (
                VerifyError::NameMismatch { expected: vec![], presented: vec![] },
                CertificateHostMismatch,
                "The certificates of mx.lab lead to a trust anchor of its TLSA records, but are for other names.",
                "RFC 7672 3.2.2",
            ),
            (
                untrusted(PathFault::NoTrustedRoot),
                CertificateUntrusted,
                "The certificates of mx.lab do not lead to a trusted root, as its TLSA record asks.",
                "RFC 6698 2.1.1",
            ),
            (
                untrusted(PathFault::NotACa),
                CertificateUntrusted,
                "The certificates of mx.lab do not lead to the trust anchor that its TLSA records name.",
                "RFC 7672 3.1.2",
            ),
            (
                VerifyError::Malformed { certificate: 1 },
                CertificateMalformed,
                "The certificates of mx.lab cannot be read.",
                "RFC 7672 3.1",
            ),
            (
                VerifyError::TooMuchWork { what: Work::Signatures, limit: 256 },
                CertificateUntrusted,
                "The certificates of mx.lab would take too much work to verify.",
                "RFC 7672 3.1.2",
            ),
            (
                VerifyError::RawKeyMismatch { records: 1, expected: vec![], found: vec![] },
                TlsaNoMatch,
                "The raw public key of mx.lab matches none of its usable TLSA records.",
                "RFC 7671 5.1",
            ),
            (VerifyError::EmptyChain, TlsaNoMatch, "The certificates of mx.lab are missing.", "RFC 7672 2.2"),
        ] {
            let expected = Failure::new(code, sentence).rfc(section).detail(&error);
            assert_eq!(of_tlsa("mx.lab", &error), expected);
        }
    }

    #[test]
    fn dates_in_words() {
        for (from, to, expected) in [
            (0, 86_399, "less than a day"),
            (0, 86_400, "a day"),
            (0, 172_799, "a day"),
            (0, 172_800, "2 days"),
            (1, 0, "less than a day"),
        ] {
            assert_eq!(days(from, to), expected, "{from} to {to}");
        }
    }
}
