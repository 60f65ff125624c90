use rustls_pki_types::{CertificateDer, UnixTime};

use crate::association::Association;
use crate::budget::Budget;
use crate::certificate::Certificate;
use crate::chain::{Candidate, ChainCertificate, Issuers};
use crate::der::DerError;
use crate::error::{LISTED, Nearest, VerifyError, Work};
use crate::general_name::printable;
use crate::no_match::no_match;
use crate::parameter::{Matching, Selector, Usage};
use crate::pkix::match_pkix;
use crate::reference_id::ReferenceIds;
use crate::roots::Roots;
use crate::selection::{UsableRecords, UsableTlsa};
use crate::trust_anchor::match_trust_anchor;

/// Holds the certificates that a server presented against its TLSA records (RFC 7671 §5, RFC 7672 §3).
///
/// `chain` is as it came: the leaf first, then whatever else the server sent. One matching record is enough, and neither
/// the order of the records nor that of the certificates above the leaf ever decides. DANE-EE(3) compares the leaf and
/// looks at nothing else: neither names nor dates nor issuers (RFC 7672 §3.1.1). DANE-TA(2) asks for a path from the leaf
/// to a certificate or key that a record names, for dates at `now` below it, and for one of `names` in the leaf
/// (RFC 7672 §3.1.2, §3.2.2). No roots are trusted, so that PKIX-TA(0) and PKIX-EE(1) cannot match: they are for
/// [`verify_with`].
///
/// A match says that the certificate is the right one. That the server holds its key is only known once the signature
/// of the handshake has been checked.
///
/// # Errors
/// The [`VerifyError`] that is nearest to success.
pub fn verify(
    chain: &[CertificateDer<'_>],
    records: &UsableRecords,
    names: &ReferenceIds,
    now: UnixTime,
) -> Result<Match, VerifyError> {
    verify_with(chain, records, names, now, &Settings::default())
}

/// The same for all four usages, with the trusted roots that PKIX-TA(0) and PKIX-EE(1) ask for (RFC 6698 §2.1.1).
///
/// For those, a path leads from the leaf to one of the roots, with dates and constraints as below a trust anchor, and one
/// of `names` is in the leaf. PKIX-EE(1) names the leaf; PKIX-TA(0) a certificate above it in the path, the root included,
/// or one beyond it: the path is built past the first trusted certificate (RFC 7671 §5.4), and is sound as a whole. What a
/// `0 0 0` record holds may stand in it without having been sent.
///
/// Usages are tried from DANE-EE(3) by way of DANE-TA(2) to those of PKIX.
///
/// # Errors
/// The [`VerifyError`] that is nearest to success.
pub fn verify_with(
    chain: &[CertificateDer<'_>],
    records: &UsableRecords,
    names: &ReferenceIds,
    now: UnixTime,
    settings: &Settings<'_>,
) -> Result<Match, VerifyError> {
    let (leaf, sent) = chain.split_first().ok_or(VerifyError::EmptyChain)?;
    let association = Association::of_certificate(leaf);
    let presented = Presented { leaf, association: &association, sent };
    let by_leaf = presented.leaf_record(records, Usage::DaneEe);
    match (by_leaf, settings.ee_names) {
        (Some(record), EeNames::Ignore) => Ok(Match::new(record, 0)),
        (None, _) if records.iter().all(is_dane_ee) => Err(presented.leaf_mismatch(records)),
        (Some(_), EeNames::Check) | (None, _) => presented.verify(by_leaf, records, names, now, settings),
    }
}

/// What a server presented.
struct Presented<'a> {
    leaf: &'a [u8],
    /// Of the leaf.
    association: &'a Association<'a>,
    /// What came behind it.
    sent: &'a [CertificateDer<'a>],
}

impl<'a> Presented<'a> {
    /// The first record of this usage that names the leaf. A leaf that cannot be taken apart can still match as a whole.
    fn leaf_record<'r>(&self, records: &'r UsableRecords, usage: Usage) -> Option<&'r UsableTlsa> {
        records
            .iter()
            .filter(|record| record.usage() == usage)
            .find(|record| self.association.matches(record))
    }

    /// All that takes more than a look at the leaf: names, and paths. `by_leaf` is the DANE-EE(3) record that names it.
    fn verify(
        &self,
        by_leaf: Option<&UsableTlsa>,
        records: &UsableRecords,
        names: &ReferenceIds,
        now: UnixTime,
        settings: &Settings<'_>,
    ) -> Result<Match, VerifyError> {
        let has = |usage| records.iter().any(|record| record.usage() == usage);
        let (below_anchor, below_root) = (has(Usage::DaneTa), has(Usage::PkixTa) || has(Usage::PkixEe));
        let mut budget = Budget::new();
        let lengths = self.sent.iter().map(|certificate| certificate.len());
        budget.spend_many(Work::Octets, lengths.fold(self.leaf.len(), usize::saturating_add))?;
        let fields =
            Certificate::parse(self.leaf).map_err(|DerError| VerifyError::Malformed { certificate: 0 })?;
        let leaf = ChainCertificate::new(fields, 0)?;
        let named = |found: Option<Match>| match found {
            Some(found) => check_names(&leaf, names).map(|()| Some(found)),
            None => Ok(None),
        };
        let mut nearest = Nearest::default();
        if let Some(found) = nearest.unless(named(by_leaf.map(|record| Match::new(record, 0)))) {
            return Ok(found);
        }
        let sent = if below_anchor || below_root {
            budget.spend_many(Work::Certificates, self.sent.len())?;
            Candidate::sent(&leaf, self.sent)
        } else {
            Vec::new()
        };
        let presented = self.sent.len() + 1;
        if below_anchor {
            let issuers = Issuers::below_anchors(&leaf, &sent, presented, records, &mut budget)?;
            let found = match_trust_anchor(&leaf, &issuers, records, now, &mut budget).and_then(named);
            if let Some(found) = nearest.unless(found) {
                return Ok(found);
            }
        }
        if below_root {
            let by_leaf = self.leaf_record(records, Usage::PkixEe);
            let issuers =
                Issuers::below_roots(&leaf, &sent, presented, settings.roots, records, &mut budget)?;
            let found = match_pkix(&leaf, by_leaf, &issuers, now, &mut budget).and_then(named);
            if let Some(found) = nearest.unless(found) {
                return Ok(found);
            }
        }
        Err(nearest.error().unwrap_or_else(|| self.no_match(records, &sent)))
    }

    /// Where nothing but the leaf was to match.
    fn leaf_mismatch(&self, records: &UsableRecords) -> VerifyError {
        let is_about_key = |record: &UsableTlsa| record.selector() == Selector::Spki;
        if !self.association.has_key() && records.iter().any(is_about_key) {
            return VerifyError::Malformed { certificate: 0 };
        }
        self.no_match(records, &[])
    }

    /// `above` are those of the certificates behind the leaf that were looked at.
    fn no_match(&self, records: &UsableRecords, above: &[Candidate<'_>]) -> VerifyError {
        let above = above.iter().map(|candidate| &candidate.association);
        no_match(records, self.sent.len() + 1, self.association, above)
    }
}

/// What [`verify_with`] asks for beyond the records.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// The CA certificates below which PKIX-TA(0) and PKIX-EE(1) records count.
    pub roots: &'a Roots,
    /// Whether names count for DANE-EE(3).
    pub ee_names: EeNames,
}

impl Default for Settings<'static> {
    /// No roots, and no names for DANE-EE(3).
    fn default() -> Self {
        static NONE: Roots = Roots::new();
        Self { roots: &NONE, ee_names: EeNames::Ignore }
    }
}

/// Whether the leaf that a DANE-EE(3) record names must be for one of the reference identifiers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum EeNames {
    /// They play no part (RFC 7671 §5.1, RFC 7672 §3.1.1).
    #[default]
    Ignore,
    /// One must be among its DNS-IDs. A raw public key has none; [`verify_raw_key`](crate::verify_raw_key) asks for none.
    Check,
}

/// The record that a chain satisfies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Match {
    /// The record's place in the RRset, from 0.
    pub index: usize,
    /// How far above the leaf (0) the matching certificate stands in the path. A trust anchor known from DNS alone
    /// counts like one that was sent; a bare key from DNS counts as the certificate that it signed.
    pub depth: usize,
    /// The record's usage.
    pub usage: Usage,
    /// The record's selector.
    pub selector: Selector,
    /// The record's matching type.
    pub matching: Matching,
    /// Where the path ends at the certificate of a DANE-TA(2) trust anchor that has expired, the last second in which it was
    /// valid. That does not count, and is there to be told.
    pub anchor_expired: Option<UnixTime>,
}

impl Match {
    pub(crate) fn new(record: &UsableTlsa, depth: usize) -> Self {
        Self {
            index: record.index(),
            depth,
            usage: record.usage(),
            selector: record.selector(),
            matching: record.matching(),
            anchor_expired: None,
        }
    }
}

fn is_dane_ee(record: &UsableTlsa) -> bool {
    record.usage() == Usage::DaneEe
}

/// RFC 7672 §3.2.2, §3.2.3: DNS-IDs only.
fn check_names(leaf: &ChainCertificate<'_>, names: &ReferenceIds) -> Result<(), VerifyError> {
    if leaf.extensions.dns_ids().any(|dns_id| names.accept(dns_id)) {
        return Ok(());
    }
    Err(VerifyError::NameMismatch {
        expected: names.iter().map(String::from).collect(),
        presented: leaf.extensions.dns_ids().take(LISTED).map(printable).collect(),
    })
}
