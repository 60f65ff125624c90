use std::collections::HashSet;

use rustls_pki_types::CertificateDer;

use crate::association::Association;
use crate::budget::{Budget, TooMuch};
use crate::certificate::Certificate;
use crate::der::DerError;
use crate::error::{VerifyError, Work};
use crate::extensions::Extensions;
use crate::parameter::{Matching, Selector, Usage};
use crate::roots::Roots;
use crate::selection::{UsableRecords, UsableTlsa};

/// A certificate of which a path can be built.
pub(crate) struct ChainCertificate<'a> {
    /// Its place among those presented, from 0, the leaf. Those known from records or as roots are counted after them.
    pub(crate) number: usize,
    pub(crate) fields: Certificate<'a>,
    pub(crate) extensions: Extensions<'a>,
    /// The first record that names it, of those that are about certificates above the leaf.
    pub(crate) named_by: Option<&'a UsableTlsa>,
    /// Whether it is one of the trusted roots.
    pub(crate) is_root: bool,
}

impl<'a> ChainCertificate<'a> {
    /// Reads the extensions of a certificate; an error where they are malformed.
    pub(crate) fn new(fields: Certificate<'a>, number: usize) -> Result<Self, VerifyError> {
        match Extensions::parse(fields.extensions) {
            Ok(extensions) => Ok(Self { number, fields, extensions, named_by: None, is_root: false }),
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
    /// Each once, whatever was sent.
    pub(crate) certificates: Vec<ChainCertificate<'a>>,
    /// How many certificates were presented, the leaf included.
    pub(crate) presented: usize,
    /// Set where a record names a certificate that was sent and cannot be read.
    pub(crate) malformed: Option<VerifyError>,
    /// The records that are about them.
    records: Vec<&'a UsableTlsa>,
    /// The number of the next certificate that was not presented.
    next: usize,
}

impl<'a> Issuers<'a> {
    /// For DANE-TA(2): what the server sent beside the leaf, and the certificates that `2 0 0` records bring along. Never
    /// the leaf itself: a trust anchor stands above it (RFC 7671 §5.2). The client's own roots play no part (§5.2.2).
    pub(crate) fn below_anchors(
        leaf: &ChainCertificate<'_>,
        sent: &'a [CertificateDer<'_>],
        records: &'a UsableRecords,
        budget: &mut Budget,
    ) -> Result<Self, TooMuch> {
        let mut issuers = Self::sent(leaf, sent, Usage::DaneTa, records, budget)?;
        // RFC 7671 §5.2.2: the trust anchor need not be sent if DNS has all of it.
        let from_dns = records.iter().filter(|record| is_full_anchor(record, Selector::Cert));
        for record in from_dns.filter(|record| record.data() != leaf.fields.der) {
            issuers.add_known(record.data(), false, budget)?;
        }
        Ok(issuers)
    }

    /// For PKIX-TA(0) and PKIX-EE(1): what the server sent beside the leaf, and of the trusted roots those that may have
    /// issued any of it, or each other.
    pub(crate) fn below_roots(
        leaf: &ChainCertificate<'_>,
        sent: &'a [CertificateDer<'_>],
        roots: &'a Roots,
        records: &'a UsableRecords,
        budget: &mut Budget,
    ) -> Result<Self, TooMuch> {
        let mut issuers = Self::sent(leaf, sent, Usage::PkixTa, records, budget)?;
        let mut asked = HashSet::new();
        let mut names = vec![leaf.fields.issuer];
        names.extend(issuers.certificates.iter().map(|certificate| certificate.fields.issuer));
        while let Some(name) = names.pop() {
            if !asked.insert(name) {
                continue;
            }
            for root in roots.of_name(name) {
                if let Some(issuer) = issuers.add_known(root, true, budget)? {
                    names.push(issuer);
                }
            }
        }
        Ok(issuers)
    }

    fn sent(
        leaf: &ChainCertificate<'_>,
        sent: &'a [CertificateDer<'_>],
        usage: Usage,
        records: &'a UsableRecords,
        budget: &mut Budget,
    ) -> Result<Self, TooMuch> {
        let presented = sent.len() + 1;
        let records = records.iter().filter(|record| record.usage() == usage).collect();
        let mut issuers =
            Self { certificates: Vec::new(), presented, malformed: None, records, next: presented };
        for (number, der) in (1..).zip(sent) {
            if der.as_ref() == leaf.fields.der || issuers.has(der) {
                continue;
            }
            match issuers.read(der, number, budget)? {
                Ok(certificate) => issuers.certificates.push(certificate),
                Err(Some(malformed)) => issuers.malformed = Some(malformed),
                // What is unreadable and unnamed is a stranger.
                Err(None) => {}
            }
        }
        Ok(issuers)
    }

    /// Adds a certificate that is known without having been sent, or notes that it is a root. Returns its issuer.
    fn add_known(
        &mut self,
        der: &'a [u8],
        is_root: bool,
        budget: &mut Budget,
    ) -> Result<Option<&'a [u8]>, TooMuch> {
        if let Some(known) = self.certificates.iter_mut().find(|known| known.fields.der == der) {
            known.is_root |= is_root;
            return Ok(Some(known.fields.issuer));
        }
        // What cannot be read leads nowhere: neither a record nor a root whose extensions are malformed.
        let Ok(certificate) = self.read(der, self.next, budget)? else { return Ok(None) };
        let issuer = certificate.fields.issuer;
        self.certificates.push(ChainCertificate { is_root, ..certificate });
        self.next += 1;
        Ok(Some(issuer))
    }

    fn has(&self, der: &[u8]) -> bool {
        self.certificates.iter().any(|known| known.fields.der == der)
    }

    /// Reads a certificate and finds the record that names it. Where it cannot be read, and a record names it, that is
    /// an error worth telling.
    fn read(
        &self,
        der: &'a [u8],
        number: usize,
        budget: &mut Budget,
    ) -> Result<Result<ChainCertificate<'a>, Option<VerifyError>>, TooMuch> {
        budget.spend_many(Work::Comparisons, self.records.len())?;
        let fields = Certificate::parse(der);
        let association = Association::new(der, fields.as_ref());
        let named_by = self.records.iter().copied().find(|record| association.matches(record));
        let fields = fields.map_err(|DerError| VerifyError::Malformed { certificate: number });
        Ok(match fields.and_then(|fields| ChainCertificate::new(fields, number)) {
            Ok(certificate) => Ok(ChainCertificate { named_by, ..certificate }),
            Err(malformed) => Err(named_by.map(|_| malformed)),
        })
    }
}

/// Whether a DANE-TA(2) record holds all of a certificate, or of a key, and not a digest.
pub(crate) fn is_full_anchor(record: &UsableTlsa, selector: Selector) -> bool {
    matches!((record.usage(), record.matching()), (Usage::DaneTa, Matching::Full))
        && record.selector() == selector
}
