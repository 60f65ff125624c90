use rustls_pki_types::{CertificateDer, UnixTime};

use crate::association::Association;
use crate::budget::Budget;
use crate::certificate::Certificate;
use crate::chain::{Candidate, ChainCertificate, Issuers};
use crate::der::DerError;
use crate::error::{VerifyError, Work};
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
    let fields = Certificate::parse(leaf);
    let association = Association::new(leaf, fields.as_ref());
    let by_leaf = match_leaf(&association, records, Usage::DaneEe);
    if let (Some(record), EeNames::Ignore) = (by_leaf, settings.ee_names) {
        return Ok(Match::new(record, 0));
    }
    let fields = fields.map_err(|DerError| VerifyError::Malformed { certificate: 0 })?;
    let has = |usage| records.iter().any(|record| record.usage() == usage);
    let no_match = VerifyError::NoMatch { records: records.len(), certificates: chain.len() };
    let (below_anchor, below_root) = (has(Usage::DaneTa), has(Usage::PkixTa) || has(Usage::PkixEe));
    if by_leaf.is_none() && !below_anchor && !below_root {
        return Err(no_match);
    }
    let leaf = ChainCertificate::new(fields, 0)?;
    let named = |record: Match| check_names(&leaf, names).map(|()| record);
    let mut nearest = no_match;
    if let Some(record) = by_leaf {
        match named(Match::new(record, 0)) {
            Ok(found) => return Ok(found),
            Err(error) => nearest = nearest.or_nearer(error),
        }
    }
    let mut budget = Budget::new();
    let sent = if below_anchor || below_root {
        budget.spend_many(Work::Certificates, sent.len())?;
        Candidate::sent(&leaf, sent)
    } else {
        Vec::new()
    };
    if below_anchor {
        let issuers = Issuers::below_anchors(&leaf, &sent, chain.len(), records, &mut budget)?;
        match match_trust_anchor(&leaf, &issuers, records, now, &mut budget).and_then(named) {
            Ok(found) => return Ok(found),
            Err(error) => nearest = nearest.or_nearer(error),
        }
    }
    if below_root {
        let by_leaf = match_leaf(&association, records, Usage::PkixEe);
        let issuers = Issuers::below_roots(&leaf, &sent, chain.len(), settings.roots, records, &mut budget)?;
        match match_pkix(&leaf, by_leaf, &issuers, records, now, &mut budget).and_then(named) {
            Ok(found) => return Ok(found),
            Err(error) => nearest = nearest.or_nearer(error),
        }
    }
    Err(nearest)
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
}

impl Match {
    pub(crate) fn new(record: &UsableTlsa, depth: usize) -> Self {
        Self {
            index: record.index(),
            depth,
            usage: record.usage(),
            selector: record.selector(),
            matching: record.matching(),
        }
    }
}

/// RFC 7672 §3.2.2, §3.2.3: DNS-IDs only.
fn check_names(leaf: &ChainCertificate<'_>, names: &ReferenceIds) -> Result<(), VerifyError> {
    const SHOWN: usize = 20;
    if leaf.extensions.dns_ids().any(|dns_id| names.accept(dns_id)) {
        return Ok(());
    }
    Err(VerifyError::NameMismatch {
        expected: names.iter().map(String::from).collect(),
        presented: leaf
            .extensions
            .dns_ids()
            .take(SHOWN)
            .map(|dns_id| dns_id.escape_ascii().to_string())
            .collect(),
    })
}

/// The first record of this usage that names the leaf. A leaf that cannot be taken apart can still match as a whole.
fn match_leaf<'r>(
    leaf: &Association<'_>,
    records: &'r UsableRecords,
    usage: Usage,
) -> Option<&'r UsableTlsa> {
    records.iter().filter(|record| record.usage() == usage).find(|record| leaf.matches(record))
}
