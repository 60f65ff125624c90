use rustls_pki_types::CertificateDer;

use crate::association::Association;
use crate::budget::{Budget, TooMuch};
use crate::certificate::Certificate;
use crate::der::DerError;
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
    /// Reads the extensions of a certificate; an error where they are malformed.
    pub(crate) fn new(fields: Certificate<'a>, number: usize) -> Result<Self, VerifyError> {
        match Extensions::parse(fields.extensions) {
            Ok(extensions) => Ok(Self { number, fields, extensions, anchor: None }),
            Err(DerError) => Err(VerifyError::Malformed { certificate: number }),
        }
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
    /// Set where a record names a certificate that was sent and cannot be read.
    pub(crate) malformed: Option<VerifyError>,
}

impl<'a> Issuers<'a> {
    /// Gathers what the server sent beside the leaf, and the certificates that `2 0 0` records bring along.
    pub(crate) fn gather(
        leaf: &ChainCertificate<'_>,
        sent: &'a [CertificateDer<'_>],
        records: &'a UsableRecords,
        budget: &mut Budget,
    ) -> Result<Self, TooMuch> {
        let mut issuers = Self { certificates: Vec::new(), presented: sent.len() + 1, malformed: None };
        for (number, der) in (1..).zip(sent) {
            budget.spend(Work::Certificates)?;
            issuers.add(leaf, der, number, records);
        }
        // RFC 7671 §5.2.2: the trust anchor need not be sent if DNS has all of it.
        let from_dns = records.iter().filter(|record| is_full_anchor(record, Selector::Cert));
        for (number, record) in (issuers.presented..).zip(from_dns) {
            issuers.add(leaf, record.data(), number, records);
        }
        Ok(issuers)
    }

    fn add(&mut self, leaf: &ChainCertificate<'_>, der: &'a [u8], number: usize, records: &'a UsableRecords) {
        if der == leaf.fields.der || self.certificates.iter().any(|known| known.fields.der == der) {
            return;
        }
        let fields = Certificate::parse(der);
        let association = Association::new(der, fields.as_ref());
        let anchor = records
            .iter()
            .filter(|record| matches!(record.usage(), Usage::DaneTa))
            .find(|record| association.matches(record));
        let fields = fields.map_err(|DerError| VerifyError::Malformed { certificate: number });
        match fields.and_then(|fields| ChainCertificate::new(fields, number)) {
            Ok(certificate) => self.certificates.push(ChainCertificate { anchor, ..certificate }),
            Err(malformed) if anchor.is_some() && number < self.presented => self.malformed = Some(malformed),
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
