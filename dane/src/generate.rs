use ring::digest::{SHA256, SHA512, digest};
use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer};

use crate::certificate::{is_public_key, spki_under};
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
        let spki = spki_under(usage, certificate).map_err(|DerError| MalformedCertificate)?;
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
        Self::of(usage, selector, matching, data)
    }
}
