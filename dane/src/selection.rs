use std::fmt;

use crate::certificate::{Certificate, is_public_key};
use crate::record::{Matching, Selector, TlsaRecord, Usage};

/// Decides which records of a secure TLSA RRset can be used by an SMTP client, and which of those count.
///
/// Usability first (RFC 7672 §3.1, RFC 6698 §4.1), then digest agility among what is left (RFC 7671 §9). The order of
/// the records plays no part. Only ever call this with a *secure* RRset: an insecure one is no TLSA RRset at all.
pub fn select(records: &[TlsaRecord]) -> Selection {
    if records.is_empty() {
        return Selection::Empty;
    }
    let judged: Vec<_> = records.iter().enumerate().map(|(index, record)| judge(index, record)).collect();
    let strongest_beside = |record: &UsableTlsa| {
        let usable = judged.iter().flatten();
        usable
            .filter(|other| (other.usage, other.selector) == (record.usage, record.selector))
            .map(UsableTlsa::matching)
            .max_by_key(|matching| strength(*matching))
    };
    let reasons: Vec<_> = judged
        .iter()
        .map(|judged| match judged {
            Err(reason) => Some(reason.clone()),
            // RFC 7671 §9: per usage and selector, Full(0) and the strongest digest count.
            Ok(record) if record.matching == Matching::Full => None,
            Ok(record) => strongest_beside(record)
                .filter(|stronger| strength(*stronger) > strength(record.matching))
                .map(|stronger| Unusable::WeakerDigest { stronger }),
        })
        .collect();
    let counting: Vec<_> = judged
        .into_iter()
        .zip(&reasons)
        .filter(|(_, reason)| reason.is_none())
        .flat_map(|(record, _)| record)
        .collect();
    if counting.is_empty() {
        Selection::AllUnusable(reasons.into_iter().flatten().collect())
    } else {
        Selection::Usable(UsableRecords { records: counting, reasons })
    }
}

/// What a TLSA RRset asks of the client (RFC 7672 §2.2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Selection {
    /// There is no record: DANE does not apply.
    Empty,
    /// There are records and none can be used: TLS is mandatory, authentication is not. One reason per record, in the
    /// order of the RRset.
    AllUnusable(Vec<Unusable>),
    /// At least one record can be used: TLS and authentication are mandatory.
    Usable(UsableRecords),
}

impl Selection {
    /// Why each record of the RRset, in its order, does not count; `None` for those that do.
    pub fn reasons(&self) -> Vec<Option<Unusable>> {
        match self {
            Self::Empty => Vec::new(),
            Self::AllUnusable(reasons) => reasons.iter().cloned().map(Some).collect(),
            Self::Usable(records) => records.reasons.clone(),
        }
    }
}

/// The records of an RRset that count. Never empty; built by [`select`] alone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UsableRecords {
    records: Vec<UsableTlsa>,
    reasons: Vec<Option<Unusable>>,
}

impl UsableRecords {
    /// The records, in the order of the RRset.
    pub fn iter(&self) -> impl Iterator<Item = &UsableTlsa> {
        self.records.iter()
    }

    /// How many records count; at least one.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Why each record of the RRset, in its order, does not count; `None` for those that do.
    pub fn reasons(&self) -> &[Option<Unusable>] {
        &self.reasons
    }
}

/// A record that passed [`select`]: known usage, selector and matching type, well-formed data.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UsableTlsa {
    index: usize,
    usage: Usage,
    selector: Selector,
    matching: Matching,
    data: Vec<u8>,
}

impl UsableTlsa {
    /// Its place in the RRset, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Its usage: DANE-TA(2) or DANE-EE(3).
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// Its selector.
    pub fn selector(&self) -> Selector {
        self.selector
    }

    /// Its matching type.
    pub fn matching(&self) -> Matching {
        self.matching
    }

    /// Its association data: a digest of the right length, or a certificate or key in DER.
    pub fn data(&self) -> &[u8] {
        &self.data
    }
}

/// Why a record does not count.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Unusable {
    /// PKIX-TA(0) and PKIX-EE(1) mean nothing to an SMTP client: there are no agreed public CAs (RFC 7672 §3.1.3).
    PkixUsage(Usage),
    /// The usage is not assigned (RFC 6698 §4.1).
    UnknownUsage(u8),
    /// The selector is not assigned (RFC 6698 §4.1).
    UnknownSelector(u8),
    /// The matching type is not assigned (RFC 6698 §4.1).
    UnknownMatching(u8),
    /// The data is not as long as a digest of that type (RFC 6698 §4.1).
    DigestLength {
        /// Octets of such a digest.
        expected: usize,
        /// Octets found.
        found: usize,
    },
    /// A full certificate was announced; the data is not exactly one.
    NotACertificate,
    /// A full public key was announced; the data is not exactly one.
    NotAPublicKey,
    /// Another usable record of the same usage and selector has a stronger digest (RFC 7671 §9).
    WeakerDigest {
        /// The digest that counts.
        stronger: Matching,
    },
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PkixUsage(usage) => write!(f, "usage {usage} is not for SMTP (RFC 7672 3.1.3)"),
            Self::UnknownUsage(octet) => write!(f, "unknown usage {octet}"),
            Self::UnknownSelector(octet) => write!(f, "unknown selector {octet}"),
            Self::UnknownMatching(octet) => write!(f, "unknown matching type {octet}"),
            Self::DigestLength { expected, found } => {
                write!(f, "expected a digest of {expected} octets, found {found}")
            }
            Self::NotACertificate => f.write_str("the data is not exactly one certificate in DER"),
            Self::NotAPublicKey => f.write_str("the data is not exactly one public key in DER"),
            Self::WeakerDigest { stronger } => {
                write!(f, "a record with the stronger digest {stronger} stands beside it (RFC 7671 9)")
            }
        }
    }
}

/// Whether one record, by itself, can be used (RFC 6698 §4.1, RFC 7672 §3.1).
fn judge(index: usize, record: &TlsaRecord) -> Result<UsableTlsa, Unusable> {
    let usage = Usage::from_octet(record.usage).ok_or(Unusable::UnknownUsage(record.usage))?;
    if matches!(usage, Usage::PkixTa | Usage::PkixEe) {
        return Err(Unusable::PkixUsage(usage));
    }
    let selector = Selector::from_octet(record.selector).ok_or(Unusable::UnknownSelector(record.selector))?;
    let matching = Matching::from_octet(record.matching).ok_or(Unusable::UnknownMatching(record.matching))?;
    match (matching, selector) {
        (Matching::Sha256, _) => digest_length(&record.data, 32)?,
        (Matching::Sha512, _) => digest_length(&record.data, 64)?,
        (Matching::Full, Selector::Cert) if Certificate::parse(&record.data).is_err() => {
            return Err(Unusable::NotACertificate);
        }
        (Matching::Full, Selector::Spki) if !is_public_key(&record.data) => {
            return Err(Unusable::NotAPublicKey);
        }
        (Matching::Full, Selector::Cert | Selector::Spki) => {}
    }
    Ok(UsableTlsa { index, usage, selector, matching, data: record.data.clone() })
}

fn digest_length(data: &[u8], expected: usize) -> Result<(), Unusable> {
    if data.len() == expected { Ok(()) } else { Err(Unusable::DigestLength { expected, found: data.len() }) }
}

/// Rank among digests, the default of RFC 7671 §9; Full(0) is no digest.
fn strength(matching: Matching) -> u8 {
    match matching {
        Matching::Full => 0,
        Matching::Sha256 => 1,
        Matching::Sha512 => 2,
    }
}
