use std::collections::HashMap;
use std::fmt;

use crate::certificate::{is_public_key, spki_under};
use crate::der::DerError;
use crate::digests::Digests;
use crate::parameter::{Matching, Selector, Usage};
use crate::profile::Profile;
use crate::raw_key::is_for_raw_keys;
use crate::record::TlsaRecord;
use crate::signature::{MINIMUM_RSA_BITS, rsa_key_bits};

/// Decides which records of a secure TLSA RRset can be used under a profile, and which of those count.
///
/// Usability first (RFC 6698 §4.1, RFC 7672 §3.1), then digest agility among what is left (RFC 7671 §9): for each usage
/// and selector, the records of the strongest digest count, and those with Full(0). The order of the records plays no
/// part. Only ever call this with a *secure* RRset: an insecure one is no TLSA RRset at all.
pub fn select(records: &[TlsaRecord], profile: Profile, digests: &Digests) -> Selection {
    let judged = records.iter().enumerate().map(|(index, record)| judge(index, record, profile, digests));
    choose(judged.collect(), digests)
}

/// The same for the RDATA of each record as it came. Those that are too short to be read are no reason to take the
/// RRset for an empty one: they are there, and unusable (RFC 6698 §4.1).
pub fn select_rdata<R: AsRef<[u8]>>(rdata: &[R], profile: Profile, digests: &Digests) -> Selection {
    let judged = rdata.iter().enumerate().map(|(index, rdata)| match TlsaRecord::from_wire(rdata.as_ref()) {
        Ok(record) => judge(index, &record, profile, digests),
        Err(_) => Err(Unusable::TooShort { octets: rdata.as_ref().len() }),
    });
    choose(judged.collect(), digests)
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

    /// Whether a raw public key may be asked for (RFC 7250): only where each of the records can match one, DANE-EE(3) with
    /// the selector SPKI(1). Otherwise the server might send a key where a certificate would have matched (RFC 7671 §5.1).
    pub fn allow_raw_keys(&self) -> bool {
        self.iter().all(is_for_raw_keys)
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

    /// Its usage; under the profile for SMTP, DANE-TA(2) or DANE-EE(3).
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

impl From<&UsableTlsa> for TlsaRecord {
    fn from(UsableTlsa { usage, selector, matching, data, .. }: &UsableTlsa) -> Self {
        Self::of(*usage, *selector, *matching, data.clone())
    }
}

/// Why a record does not count.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Unusable {
    /// The RDATA has less than the four octets of the shortest record (RFC 6698 §2.1).
    TooShort {
        /// Octets found.
        octets: usize,
    },
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
    /// The digest is not among those that the client takes (RFC 7671 §9).
    Disabled(Matching),
    /// The data is a key, or a certificate with a key, that is too weak (RFC 6698 §4.1).
    WeakKey {
        /// Size of the RSA key, in bits.
        bits: usize,
        /// The least that would do.
        minimum: usize,
    },
    /// Another usable record of the same usage and selector has a stronger digest (RFC 7671 §9).
    WeakerDigest {
        /// The digest that counts.
        stronger: Matching,
    },
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { octets } => write!(f, "expected at least 4 octets, found {octets}"),
            Self::PkixUsage(usage) => write!(f, "usage {usage} is not for SMTP (RFC 7672 3.1.3)"),
            Self::UnknownUsage(octet) => write!(f, "unknown usage {octet}"),
            Self::UnknownSelector(octet) => write!(f, "unknown selector {octet}"),
            Self::UnknownMatching(octet) => write!(f, "unknown matching type {octet}"),
            Self::DigestLength { expected, found } => {
                write!(f, "expected a digest of {expected} octets, found {found}")
            }
            Self::NotACertificate => f.write_str("the data is not exactly one certificate in DER"),
            Self::NotAPublicKey => f.write_str("the data is not exactly one public key in DER"),
            Self::Disabled(digest) => write!(f, "the digest {digest} is disabled by configuration"),
            Self::WeakKey { bits, minimum } => {
                write!(f, "expected an RSA key of at least {minimum} bits, found {bits}")
            }
            Self::WeakerDigest { stronger } => {
                write!(f, "a record with the stronger digest {stronger} stands beside it (RFC 7671 9)")
            }
        }
    }
}

/// Whether one record, by itself, can be used (RFC 6698 §4.1, RFC 7672 §3.1).
fn judge(
    index: usize,
    record: &TlsaRecord,
    profile: Profile,
    digests: &Digests,
) -> Result<UsableTlsa, Unusable> {
    if record.data.is_empty() {
        return Err(Unusable::TooShort { octets: 3 });
    }
    let usage = Usage::from_octet(record.usage).ok_or(Unusable::UnknownUsage(record.usage))?;
    if !profile.allows(usage) {
        return Err(Unusable::PkixUsage(usage));
    }
    let selector = Selector::from_octet(record.selector).ok_or(Unusable::UnknownSelector(record.selector))?;
    let matching = Matching::from_octet(record.matching).ok_or(Unusable::UnknownMatching(record.matching))?;
    match matching {
        Matching::Sha256 => check_digest(&record.data, 32, matching, digests)?,
        Matching::Sha512 => check_digest(&record.data, 64, matching, digests)?,
        Matching::Full => check_full(&record.data, usage, selector)?,
    }
    Ok(UsableTlsa { index, usage, selector, matching, data: record.data.clone() })
}

fn check_digest(data: &[u8], expected: usize, matching: Matching, digests: &Digests) -> Result<(), Unusable> {
    if data.len() != expected {
        return Err(Unusable::DigestLength { expected, found: data.len() });
    }
    digests.rank(matching).map(|_| ()).ok_or(Unusable::Disabled(matching))
}

/// The data is one certificate or one key, with nothing behind it, and not weaker than the policy wants.
///
/// The policy: where signatures of the key are checked here, RSA keys have 2048 bits, like those of every certificate
/// in a path. A DANE-EE(3) record only says which key the server has; what a key of 1024 bits is worth is for TLS to
/// say, and below that it is not worth naming.
fn check_full(data: &[u8], usage: Usage, selector: Selector) -> Result<(), Unusable> {
    let spki = match selector {
        Selector::Cert => spki_under(usage, data).map_err(|DerError| Unusable::NotACertificate)?,
        Selector::Spki if is_public_key(data) => data,
        Selector::Spki => return Err(Unusable::NotAPublicKey),
    };
    let minimum = match usage {
        Usage::PkixTa | Usage::PkixEe | Usage::DaneTa => MINIMUM_RSA_BITS,
        Usage::DaneEe => 1024,
    };
    match rsa_key_bits(spki) {
        Ok(Some(bits)) if bits < minimum => Err(Unusable::WeakKey { bits, minimum }),
        // A key that cannot be read signs nothing, but may still be the one that the server has.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Digest agility among the usable records (RFC 7671 §9).
fn choose(judged: Vec<Result<UsableTlsa, Unusable>>, digests: &Digests) -> Selection {
    if judged.is_empty() {
        return Selection::Empty;
    }
    let mut strongest = HashMap::new();
    for record in judged.iter().flatten() {
        if let Some(rank) = digests.rank(record.matching) {
            let best = strongest.entry((record.usage, record.selector)).or_insert((rank, record.matching));
            if rank < best.0 {
                *best = (rank, record.matching);
            }
        }
    }
    let mut counting = Vec::new();
    let mut reasons = Vec::with_capacity(judged.len());
    for judged in judged {
        let record = match judged {
            Ok(record) => record,
            Err(reason) => {
                reasons.push(Some(reason));
                continue;
            }
        };
        match (digests.rank(record.matching), strongest.get(&(record.usage, record.selector))) {
            (Some(rank), Some((best, stronger))) if rank > *best => {
                reasons.push(Some(Unusable::WeakerDigest { stronger: *stronger }));
            }
            // The strongest, or Full(0), which has no rank: it is never displaced.
            (Some(_) | None, _) => {
                reasons.push(None);
                counting.push(record);
            }
        }
    }
    if counting.is_empty() {
        Selection::AllUnusable(reasons.into_iter().flatten().collect())
    } else {
        Selection::Usable(UsableRecords { records: counting, reasons })
    }
}
