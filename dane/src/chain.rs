use std::collections::HashSet;

use rustls_pki_types::CertificateDer;

use crate::association::Association;
use crate::budget::{Budget, TooMuch};
use crate::certificate::Certificate;
use crate::der::DerError;
use crate::error::{VerifyError, Work};
use crate::extensions::Extensions;
use crate::name::Name;
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
        self.fields.spki == other.fields.spki && self.fields.subject == other.fields.subject
    }

    /// Whether the key identifiers suggest that `issuer` signed this certificate. A hint, no verdict.
    pub(crate) fn points_to(&self, issuer: &Self) -> bool {
        self.extensions.authority_key_id.is_some()
            && self.extensions.authority_key_id == issuer.extensions.subject_key_id
    }
}

/// A certificate that may stand above the leaf, taken apart as far as it can be.
pub(crate) struct Candidate<'a> {
    /// As in [`ChainCertificate`].
    number: usize,
    der: &'a [u8],
    fields: Result<Certificate<'a>, DerError>,
    pub(crate) association: Association<'a>,
}

impl<'a> Candidate<'a> {
    /// What the server sent beside the leaf, without the leaf itself, and each once.
    pub(crate) fn sent(leaf: &ChainCertificate<'_>, sent: &'a [CertificateDer<'_>]) -> Vec<Self> {
        let mut candidates: Vec<Self> = Vec::with_capacity(sent.len());
        for (number, der) in (1..).zip(sent) {
            if der.as_ref() != leaf.fields.der && candidates.iter().all(|known| known.der != der.as_ref()) {
                candidates.push(Self::new(der, number));
            }
        }
        candidates
    }

    fn new(der: &'a [u8], number: usize) -> Self {
        Self { number, der, fields: Certificate::parse(der), association: Association::of_certificate(der) }
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
    /// Set where another one cannot be read: it may be what a path lacks.
    pub(crate) unreadable: Option<VerifyError>,
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
        sent: &[Candidate<'a>],
        presented: usize,
        records: &'a UsableRecords,
        budget: &mut Budget,
    ) -> Result<Self, TooMuch> {
        let mut issuers = Self::sent(sent, presented, Usage::DaneTa, records, budget)?;
        // RFC 7671 §5.2.2: the trust anchor need not be sent if DNS has all of it.
        let from_dns = records.iter().filter(|record| is_full(record, Usage::DaneTa, Selector::Cert));
        for record in from_dns.filter(|record| record.data() != leaf.fields.der) {
            issuers.add_known(record.data(), false, budget)?;
        }
        Ok(issuers)
    }

    /// For PKIX-TA(0) and PKIX-EE(1): what the server sent beside the leaf, and of the trusted roots, and of the certificates
    /// that `0 0 0` records bring along, those that may have issued any of it, or each other.
    pub(crate) fn below_roots(
        leaf: &ChainCertificate<'_>,
        sent: &[Candidate<'a>],
        presented: usize,
        roots: &'a Roots,
        records: &'a UsableRecords,
        budget: &mut Budget,
    ) -> Result<Self, TooMuch> {
        let mut issuers = Self::sent(sent, presented, Usage::PkixTa, records, budget)?;
        // RFC 6698 §2.1.1: any path will do that has the named CA in it, whoever knows of that CA.
        let in_full = records.iter().filter(|record| is_full(record, Usage::PkixTa, Selector::Cert));
        let from_dns: Vec<_> = in_full.flat_map(|record| Certificate::parse(record.data())).collect();
        let mut asked = HashSet::new();
        let mut names = vec![leaf.fields.issuer.clone()];
        names.extend(issuers.certificates.iter().map(|certificate| certificate.fields.issuer.clone()));
        while let Some(name) = names.pop() {
            // A name that cannot be read is nobody's.
            let Ok(prepared) = name.prepared() else { continue };
            if !asked.insert(prepared.to_vec()) {
                continue;
            }
            let roots = roots.of_name(prepared).iter().map(|root| (root.as_ref(), true));
            let of_this_name = from_dns.iter().filter(|known| known.subject == name);
            for (der, is_root) in roots.chain(of_this_name.map(|known| (known.der, false))) {
                if let Some(issuer) = issuers.add_known(der, is_root, budget)? {
                    names.push(issuer);
                }
            }
        }
        Ok(issuers)
    }

    fn sent(
        sent: &[Candidate<'a>],
        presented: usize,
        usage: Usage,
        records: &'a UsableRecords,
        budget: &mut Budget,
    ) -> Result<Self, TooMuch> {
        let records = records.iter().filter(|record| record.usage() == usage).collect();
        let mut issuers = Self {
            certificates: Vec::new(),
            presented,
            malformed: None,
            unreadable: None,
            records,
            next: presented,
        };
        for candidate in sent {
            match issuers.read(candidate, budget)? {
                Ok(certificate) => issuers.certificates.push(certificate),
                Err((malformed, is_named)) => {
                    let known = if is_named { &mut issuers.malformed } else { &mut issuers.unreadable };
                    known.get_or_insert(malformed);
                }
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
    ) -> Result<Option<Name<'a>>, TooMuch> {
        if let Some(known) = self.certificates.iter_mut().find(|known| known.fields.der == der) {
            known.is_root |= is_root;
            return Ok(Some(known.fields.issuer.clone()));
        }
        // What cannot be read leads nowhere: neither a record nor a root whose extensions are malformed.
        let Ok(certificate) = self.read(&Candidate::new(der, self.next), budget)? else { return Ok(None) };
        let issuer = certificate.fields.issuer.clone();
        self.certificates.push(ChainCertificate { is_root, ..certificate });
        self.next += 1;
        Ok(Some(issuer))
    }

    /// Reads a certificate and finds the record that names it. Where it cannot be read, there is the error and whether a
    /// record names it.
    fn read(
        &self,
        candidate: &Candidate<'a>,
        budget: &mut Budget,
    ) -> Result<Result<ChainCertificate<'a>, (VerifyError, bool)>, TooMuch> {
        budget.spend_many(Work::Comparisons, self.records.len())?;
        let number = candidate.number;
        let named_by = self.records.iter().copied().find(|record| candidate.association.matches(record));
        let fields = match &candidate.fields {
            Ok(fields) => Ok(fields.clone()),
            Err(DerError) => Err(VerifyError::Malformed { certificate: number }),
        };
        Ok(match fields.and_then(|fields| ChainCertificate::new(fields, number)) {
            Ok(certificate) => Ok(ChainCertificate { named_by, ..certificate }),
            Err(malformed) => Err((malformed, named_by.is_some())),
        })
    }
}

/// Whether a record of this usage holds all of a certificate, or of a key, and not a digest.
pub(crate) fn is_full(record: &UsableTlsa, usage: Usage, selector: Selector) -> bool {
    (record.usage(), record.selector(), record.matching()) == (usage, selector, Matching::Full)
}
