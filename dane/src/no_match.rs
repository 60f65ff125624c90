//! What was expected and what was found, where nothing matches.

use crate::association::Association;
use crate::error::{LISTED, VerifyError};
use crate::parameter::Usage;
use crate::raw_key::is_for_raw_keys;
use crate::record::TlsaRecord;
use crate::selection::{UsableRecords, UsableTlsa};

/// The error where no record matches one of `presented` certificates, of which those `above` the leaf were looked at.
pub(crate) fn no_match<'c>(
    records: &UsableRecords,
    presented: usize,
    leaf: &Association<'c>,
    above: impl Iterator<Item = &'c Association<'c>>,
) -> VerifyError {
    let (about_leaf, about_others): (Vec<_>, Vec<_>) =
        kinds(records).into_iter().partition(|kind| match kind.usage() {
            Usage::PkixEe | Usage::DaneEe => true,
            Usage::PkixTa | Usage::DaneTa => false,
        });
    let found = about_leaf.iter().filter_map(|kind| leaf.record_like(kind));
    let found = found.chain(above.flat_map(|ca| about_others.iter().filter_map(|kind| ca.record_like(kind))));
    VerifyError::NoMatch {
        records: records.len(),
        certificates: presented,
        expected: expected(records),
        found: found.take(LISTED).collect(),
    }
}

/// The error where no record matches a raw public key.
pub(crate) fn no_match_of_key(records: &UsableRecords, key: &Association<'_>) -> VerifyError {
    let kinds = kinds(records).into_iter().filter(|kind| is_for_raw_keys(kind));
    VerifyError::RawKeyMismatch {
        records: records.len(),
        expected: expected(records),
        found: kinds.filter_map(|kind| key.record_like(kind)).collect(),
    }
}

fn expected(records: &UsableRecords) -> Vec<TlsaRecord> {
    records.iter().take(LISTED).map(TlsaRecord::from).collect()
}

/// One record of each usage, selector and matching type.
fn kinds(records: &UsableRecords) -> Vec<&UsableTlsa> {
    let kind = |record: &UsableTlsa| (record.usage(), record.selector(), record.matching());
    let mut kinds: Vec<&UsableTlsa> = Vec::new();
    for record in records.iter() {
        if kinds.iter().all(|known| kind(known) != kind(record)) {
            kinds.push(record);
        }
    }
    kinds
}
