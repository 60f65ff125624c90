use rustls_pki_types::CertificateDer;

use crate::association::Association;
use crate::budget::{Budget, TooMuch};
use crate::certificate::Certificate;
use crate::error::{VerifyError, Work};
use crate::extensions::Extensions;
use crate::record::{Matching, Selector, Usage};
use crate::selection::{UsableRecords, UsableTlsa};

/// A certificate of which a path can be built.
pub(crate) struct ChainCertificate<'a> {
    /// Its place among those presented, from 0, the leaf. Those known from records alone are counted after them.
    pub(crate) number: usize,
    pub(crate) fields: Certificate<'a>,
    pub(crate) extensions: Extensions<'a>,
    /// The first DANE-TA(2) record that names it.
    pub(crate) anchor: Option<&'a UsableTlsa>,
}

impl<'a> ChainCertificate<'a> {
    /// Reads a certificate and its extensions; an error where either is malformed.
    pub(crate) fn parse(der: &'a [u8], number: usize) -> Result<Self, VerifyError> {
        let Ok(fields) = Certificate::parse(der) else {
            return Err(VerifyError::Malformed { certificate: number });
        };
        let Ok(extensions) = Extensions::parse(fields.extensions) else {
            return Err(VerifyError::Malformed { certificate: number });
        };
        Ok(Self { number, fields, extensions, anchor: None })
    }

    /// Whether both have one name and one key, and so are as good as the same (RFC 4158 §5.2).
    pub(crate) fn is_same_entity(&self, other: &Self) -> bool {
        self.fields.subject == other.fields.subject && self.fields.spki == other.fields.spki
    }

    /// Whether the key identifiers suggest that `issuer` signed this certificate. A hint, no verdict.
    pub(crate) fn points_to(&self, issuer: &Self) -> bool {
        self.extensions.authority_key_id.is_some()
            && self.extensions.authority_key_id == issuer.extensions.subject_key_id
    }
}

/// The certificates that may stand above the leaf.
pub(crate) struct Issuers<'a> {
    /// Each once, whatever was sent; never the leaf itself: a trust anchor stands above it (RFC 7671 §5.2).
    pub(crate) certificates: Vec<ChainCertificate<'a>>,
    /// How many certificates were presented, the leaf included.
    pub(crate) presented: usize,
    /// Set where a record names a certificate that cannot be read.
    pub(crate) malformed: Option<VerifyError>,
}

impl<'a> Issuers<'a> {
    /// Gathers what the server sent beside the leaf, and the certificates that `2 0 0` records bring along.
    pub(crate) fn gather(
        leaf: &'a [u8],
        sent: &'a [CertificateDer<'_>],
        records: &'a UsableRecords,
        budget: &mut Budget,
    ) -> Result<Self, TooMuch> {
        let mut issuers = Self { certificates: Vec::new(), presented: sent.len() + 1, malformed: None };
        for (number, der) in (1..).zip(sent) {
            budget.spend(Work::Certificates)?;
            if !issuers.has(leaf, der) {
                issuers.add(der, number, records);
            }
        }
        // RFC 7671 §5.2.2: the trust anchor need not be sent if DNS has all of it.
        let from_dns = records.iter().filter(|record| is_full_anchor(record, Selector::Cert));
        for (number, record) in (issuers.presented..).zip(from_dns) {
            if issuers.has(leaf, record.data()) {
                continue;
            }
            if let Ok(certificate) = ChainCertificate::parse(record.data(), number) {
                issuers.certificates.push(ChainCertificate { anchor: Some(record), ..certificate });
            }
        }
        Ok(issuers)
    }

    fn has(&self, leaf: &[u8], der: &[u8]) -> bool {
        der == leaf || self.certificates.iter().any(|known| known.fields.der == der)
    }

    fn add(&mut self, der: &'a [u8], number: usize, records: &'a UsableRecords) {
        let parsed = ChainCertificate::parse(der, number);
        let spki = if let Ok(certificate) = &parsed { Some(certificate.fields.spki) } else { None };
        let association = Association::new(der, spki);
        let anchor = records
            .iter()
            .filter(|record| matches!(record.usage(), Usage::DaneTa))
            .find(|record| association.matches(record));
        match parsed {
            Ok(certificate) => self.certificates.push(ChainCertificate { anchor, ..certificate }),
            Err(malformed) if anchor.is_some() => self.malformed = Some(malformed),
            // What is unreadable and unnamed is a stranger.
            Err(_) => {}
        }
    }
}

/// Whether a DANE-TA(2) record holds all of a certificate, or of a key, and not a digest.
pub(crate) fn is_full_anchor(record: &UsableTlsa, selector: Selector) -> bool {
    matches!((record.usage(), record.matching()), (Usage::DaneTa, Matching::Full))
        && record.selector() == selector
}
