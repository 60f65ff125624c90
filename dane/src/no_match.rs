//! What was expected and what was found, where nothing matches.

use std::fmt;

use crate::association::Association;
use crate::error::VerifyError;
use crate::parameter::Usage;
use crate::raw_key::is_for_raw_keys;
use crate::record::TlsaRecord;
use crate::selection::{UsableRecords, UsableTlsa};

/// How many records an error has of those that were expected, and of those that were found.
const KEPT: usize = 20;

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
        found: found.take(KEPT).collect(),
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
    records.iter().take(KEPT).map(TlsaRecord::from).collect()
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

/// Some records, for a line of a log: the first few, and no more of each than the longest digest.
pub(crate) struct Listed<'a>(pub(crate) &'a [TlsaRecord]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 3;
        const OCTETS: usize = 64;
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (place, record) in self.0.iter().take(SHOWN).enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            let data = record.data.get(..OCTETS).unwrap_or(&record.data).to_vec();
            let cut = if data.len() < record.data.len() { "…" } else { "" };
            write!(f, "{separator}{}{cut}", TlsaRecord { data, ..*record })?;
        }
        if self.0.len() > SHOWN { f.write_str(", …") } else { Ok(()) }
    }
}
