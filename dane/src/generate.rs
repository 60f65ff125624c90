use ring::digest::{SHA256, SHA512, digest};
use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer};

use crate::certificate::{Certificate, is_public_key, spki};
use crate::der::DerError;
use crate::error::{MalformedCertificate, MalformedKey};
use crate::parameter::{Matching, Selector, Usage};
use crate::record::TlsaRecord;

impl TlsaRecord {
    /// The record that names this certificate, in DER: the server's own for the usages 1 and 3, that of a CA above it
    /// for 0 and 2.
    ///
    /// # Errors
    /// The bytes are not one certificate in DER.
    pub fn from_certificate(
        usage: Usage,
        selector: Selector,
        matching: Matching,
        certificate: &CertificateDer<'_>,
    ) -> Result<Self, MalformedCertificate> {
        // As the records are judged: of a leaf that DANE-EE(3) names only the key has to be found.
        let spki = match usage {
            Usage::DaneEe => spki(certificate),
            Usage::PkixTa | Usage::PkixEe | Usage::DaneTa => {
                Certificate::parse(certificate).map(|fields| fields.spki)
            }
        };
        let spki = spki.map_err(|DerError| MalformedCertificate)?;
        Ok(match selector {
            Selector::Cert => Self::new(usage, selector, matching, certificate),
            Selector::Spki => Self::new(usage, selector, matching, spki),
        })
    }

    /// The record that names this public key, a SubjectPublicKeyInfo in DER. Its selector is SPKI(1).
    ///
    /// # Errors
    /// The bytes are not one SubjectPublicKeyInfo in DER.
    pub fn from_spki(
        usage: Usage,
        matching: Matching,
        spki: &SubjectPublicKeyInfoDer<'_>,
    ) -> Result<Self, MalformedKey> {
        if is_public_key(spki) {
            Ok(Self::new(usage, Selector::Spki, matching, spki))
        } else {
            Err(MalformedKey)
        }
    }

    fn new(usage: Usage, selector: Selector, matching: Matching, selected: &[u8]) -> Self {
        let data = match matching {
            Matching::Full => selected.to_vec(),
            Matching::Sha256 => digest(&SHA256, selected).as_ref().to_vec(),
            Matching::Sha512 => digest(&SHA512, selected).as_ref().to_vec(),
        };
        Self { usage: usage.octet(), selector: selector.octet(), matching: matching.octet(), data }
    }
}
