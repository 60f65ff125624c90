use std::cell::OnceCell;

use ring::digest::{Algorithm, Digest, SHA256, SHA512, digest};

use crate::certificate::Certificate;
use crate::der::DerError;
use crate::parameter::{Matching, Selector};
use crate::selection::UsableTlsa;

/// What records may be compared with in one certificate or raw key. Each digest is made at most once (RFC 6698 §2.1).
pub(crate) struct Association<'a> {
    certificate: Option<Part<'a>>,
    spki: Option<Part<'a>>,
}

impl<'a> Association<'a> {
    /// Of a certificate that cannot be taken apart only the whole can match.
    pub(crate) fn new(certificate: &'a [u8], fields: Result<&Certificate<'a>, &DerError>) -> Self {
        let spki = match fields {
            Ok(fields) => Some(Part::new(fields.spki)),
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
        match record.selector() {
            Selector::Cert => {
                self.certificate.as_ref().is_some_and(|certificate| certificate.matches(record))
            }
            Selector::Spki => self.spki.as_ref().is_some_and(|spki| spki.matches(record)),
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

    fn has_digest(&self, known: &OnceCell<Digest>, algorithm: &'static Algorithm, data: &[u8]) -> bool {
        if let Some(digest) = known.get() {
            return digest.as_ref() == data;
        }
        // Compared before it is put away: a copy of what was only just written is slow to read.
        let new = digest(algorithm, self.bytes);
        let same = new.as_ref() == data;
        known.get_or_init(|| new);
        same
    }
}
