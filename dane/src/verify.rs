use rustls_pki_types::{CertificateDer, UnixTime};

use crate::association::Association;
use crate::budget::Budget;
use crate::certificate::Certificate;
use crate::chain::{ChainCertificate, Issuers};
use crate::der::DerError;
use crate::error::VerifyError;
use crate::path::match_trust_anchor;
use crate::record::{Matching, Selector, Usage};
use crate::reference_id::ReferenceIds;
use crate::selection::{UsableRecords, UsableTlsa};

/// Holds the certificates that a server presented against its TLSA records (RFC 7671 §5, RFC 7672 §3).
///
/// `chain` is as it came: the leaf first, then whatever else the server sent. One matching record is enough, and the
/// order of records never decides. DANE-EE(3) compares the leaf and looks at nothing else: neither names nor dates nor
/// issuers (RFC 7672 §3.1.1). DANE-TA(2) asks for a path from the leaf to a certificate or key that a record names, for
/// dates at `now` below it, and for one of `names` in the leaf (RFC 7672 §3.1.2, §3.2.2).
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
    let (leaf, sent) = chain.split_first().ok_or(VerifyError::EmptyChain)?;
    let fields = Certificate::parse(leaf);
    if let Some(matched) = match_leaf(leaf, &fields, records) {
        return Ok(matched);
    }
    let fields = fields.map_err(|DerError| VerifyError::Malformed { certificate: 0 })?;
    if !records.iter().any(|record| matches!(record.usage(), Usage::DaneTa)) {
        return Err(VerifyError::NoMatch { records: records.len(), certificates: chain.len() });
    }
    let leaf = ChainCertificate::new(fields, 0)?;
    let mut budget = Budget::new();
    let issuers = Issuers::gather(&leaf, sent, records, &mut budget)?;
    let matched = match_trust_anchor(&leaf, &issuers, records, now, budget)?;
    check_names(&leaf, names)?;
    Ok(matched)
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

/// DANE-EE(3): the leaf alone (RFC 7671 §5.1). If it cannot be taken apart, it can still match as a whole.
fn match_leaf(
    leaf: &[u8],
    fields: &Result<Certificate<'_>, DerError>,
    records: &UsableRecords,
) -> Option<Match> {
    let leaf = Association::new(leaf, fields.as_ref());
    records
        .iter()
        .filter(|record| matches!(record.usage(), Usage::DaneEe))
        .find(|record| leaf.matches(record))
        .map(|record| Match::new(record, 0))
}
