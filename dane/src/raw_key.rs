use rustls_pki_types::SubjectPublicKeyInfoDer;

use crate::association::Association;
use crate::error::VerifyError;
use crate::no_match::no_match_of_key;
use crate::parameter::{Selector, Usage};
use crate::selection::{UsableRecords, UsableTlsa};
use crate::verify::Match;

/// Holds a raw public key (RFC 7250) that a server presented in the place of certificates against its TLSA records.
///
/// Only DANE-EE(3) records with the selector SPKI(1) can match: there is no certificate that the others could be about
/// (RFC 7671 §5.1). No names, no dates. Whoever has parsed a leaf can ask with its key, too, and for such records learns
/// all that [`verify`](crate::verify()) would say of it. As with certificates, that the server holds the key is only known
/// once the signature of the handshake has been checked.
///
/// # Errors
/// [`VerifyError::RawKeyMismatch`] where no record names the key.
pub fn verify_raw_key(
    spki: &SubjectPublicKeyInfoDer<'_>,
    records: &UsableRecords,
) -> Result<Match, VerifyError> {
    let key = Association::of_key(spki);
    match records.iter().filter(|record| is_for_raw_keys(record)).find(|record| key.matches(record)) {
        Some(record) => Ok(Match::new(record, 0)),
        None => Err(no_match_of_key(records, &key)),
    }
}

/// Whether a raw key can match the record.
pub(crate) fn is_for_raw_keys(record: &UsableTlsa) -> bool {
    match (record.usage(), record.selector()) {
        (Usage::DaneEe, Selector::Spki) => true,
        (Usage::DaneEe, Selector::Cert) | (Usage::PkixTa | Usage::PkixEe | Usage::DaneTa, _) => false,
    }
}
