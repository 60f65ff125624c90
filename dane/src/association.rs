use std::cell::OnceCell;

use ring::digest::{Algorithm, Digest, SHA256, SHA512, digest};

use crate::certificate::spki;
use crate::der::DerError;
use crate::parameter::{Matching, Selector};
use crate::record::TlsaRecord;
use crate::selection::UsableTlsa;

/// What records may be compared with in one certificate or raw key (RFC 6698 §2.1). No digest that does not match is made
/// twice.
pub(crate) struct Association<'a> {
    certificate: Option<Part<'a>>,
    spki: Option<Part<'a>>,
}

impl<'a> Association<'a> {
    /// Of a certificate that has no key where one would stand only the whole can match.
    pub(crate) fn of_certificate(certificate: &'a [u8]) -> Self {
        let spki = match spki(certificate) {
            Ok(spki) => Some(Part::new(spki)),
            Err(DerError) => None,
        };
        Self { certificate: Some(Part::new(certificate)), spki }
    }

    /// Of a raw public key, which comes without a certificate (RFC 7250).
    pub(crate) fn of_key(spki: &'a [u8]) -> Self {
        Self { certificate: None, spki: Some(Part::new(spki)) }
    }

    /// Whether selector, matching type and data of `record` agree with this certificate.
    pub(crate) fn matches(&self, record: &UsableTlsa) -> bool {
        self.part(record.selector()).is_some_and(|part| part.matches(record))
    }

    /// The record of the same usage, selector and matching type that would match.
    pub(crate) fn record_like(&self, record: &UsableTlsa) -> Option<TlsaRecord> {
        let data = self.part(record.selector())?.data(record.matching()).to_vec();
        Some(TlsaRecord::of(record.usage(), record.selector(), record.matching(), data))
    }

    /// Whether there is a key.
    pub(crate) fn has_key(&self) -> bool {
        self.spki.is_some()
    }

    fn part(&self, selector: Selector) -> Option<&Part<'a>> {
        match selector {
            Selector::Cert => self.certificate.as_ref(),
            Selector::Spki => self.spki.as_ref(),
        }
    }
}

struct Part<'a> {
    bytes: &'a [u8],
    sha256: OnceCell<Digest>,
    sha512: OnceCell<Digest>,
}

impl<'a> Part<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, sha256: OnceCell::new(), sha512: OnceCell::new() }
    }

    fn matches(&self, record: &UsableTlsa) -> bool {
        match record.matching() {
            Matching::Full => self.bytes == record.data(),
            Matching::Sha256 => self.has_digest(&self.sha256, &SHA256, record.data()),
            Matching::Sha512 => self.has_digest(&self.sha512, &SHA512, record.data()),
        }
    }

    fn data(&self, matching: Matching) -> &[u8] {
        match matching {
            Matching::Full => self.bytes,
            Matching::Sha256 => self.sha256.get_or_init(|| digest(&SHA256, self.bytes)).as_ref(),
            Matching::Sha512 => self.sha512.get_or_init(|| digest(&SHA512, self.bytes)).as_ref(),
        }
    }

    fn has_digest(&self, known: &OnceCell<Digest>, algorithm: &'static Algorithm, data: &[u8]) -> bool {
        if let Some(digest) = known.get() {
            return digest.as_ref() == data;
        }
        let digest = digest(algorithm, self.bytes);
        // With a match the search is over.
        if digest.as_ref() == data {
            return true;
        }
        known.get_or_init(|| digest);
        false
    }
}
