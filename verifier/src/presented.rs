//! The certificates that a server presented, for people and reports.

use ring::digest;
use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::{certificate::X509Certificate, prelude::FromDer, x509::X509Name};

/// How many certificates are summed up; honest chains have up to five.
const MAX_CERTIFICATES: usize = 10;

/// How many characters of a name are kept.
const MAX_NAME: usize = 256;

/// What one certificate says about itself. Nothing of it is verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateSummary {
    /// Whom it is for, such as `CN=mx.example.com`: at most 256 characters, control characters escaped. Empty where it
    /// says nothing or cannot be read.
    pub subject: String,
    /// Who issued it; as `subject`.
    pub issuer: String,
    /// The last second in which it is valid; `None` where it cannot be read.
    pub not_after: Option<UnixTime>,
    /// SHA-256 of its public key, as a TLSA record `3 1 1` has it, in lower-case hexadecimal; `None` where it cannot be
    /// read.
    pub spki_sha256: Option<String>,
}

impl CertificateSummary {
    pub(crate) fn of_chain(chain: &[CertificateDer<'_>]) -> Vec<Self> {
        chain.iter().take(MAX_CERTIFICATES).map(Self::new).collect()
    }

    fn new(certificate: &CertificateDer<'_>) -> Self {
        let spki_sha256 = match dane::leaf_spki(certificate) {
            Ok(spki) => Some(hex(digest::digest(&digest::SHA256, &spki).as_ref())),
            Err(_) => None,
        };
        match X509Certificate::from_der(certificate) {
            Ok((_, parsed)) => Self {
                subject: text(parsed.subject()),
                issuer: text(parsed.issuer()),
                not_after: unix_time(parsed.validity().not_after.timestamp()),
                spki_sha256,
            },
            Err(_) => Self { subject: String::new(), issuer: String::new(), not_after: None, spki_sha256 },
        }
    }
}

/// Names come from the network and go to terminals.
fn text(name: &X509Name<'_>) -> String {
    let escaped = name.to_string().chars().take(MAX_NAME).fold(String::new(), |mut text, c| {
        if c.is_control() {
            text.extend(c.escape_default())
        } else {
            text.push(c)
        }
        text
    });
    escaped.chars().take(MAX_NAME).collect()
}

fn unix_time(seconds: i64) -> Option<UnixTime> {
    match u64::try_from(seconds) {
        Ok(seconds) => Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))),
        Err(_) => None,
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |hex, octet| hex + &format!("{octet:02x}"))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    #[test]
    fn long_chains_and_names_are_cut() {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "\u{7}".repeat(1000));
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let summaries = CertificateSummary::of_chain(&vec![certificate.der().clone(); 1000]);
        assert_eq!(summaries.len(), MAX_CERTIFICATES);
        assert_eq!(summaries[0].subject.chars().count(), MAX_NAME);
        assert!(summaries[0].subject.contains(r"\u{7}\u{7}"), "{}", summaries[0].subject);
    }

    #[test]
    fn what_cannot_be_read_is_listed_all_the_same() {
        let unreadable = CertificateDer::from(vec![0x30, 0x00]);
        let expected = CertificateSummary {
            subject: String::new(),
            issuer: String::new(),
            not_after: None,
            spki_sha256: None,
        };
        assert_eq!(CertificateSummary::of_chain(&[unreadable]), [expected]);
    }
}
