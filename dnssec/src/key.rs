//! Which keys and DS records count (RFC 4034 §2 and §5, RFC 4509, RFC 5011, RFC 8624).

use hickory_proto::{
    dnssec::{
        Algorithm, DigestType, PublicKey,
        rdata::{DNSKEY, DS},
    },
    rr::Name,
};

/// A key of a zone that may verify signatures.
#[derive(Clone, Debug)]
pub(crate) struct ZoneKey {
    pub(crate) tag: u16,
    pub(crate) key: DNSKEY,
}

impl ZoneKey {
    /// `None` for a key that may verify nothing.
    pub(crate) fn new(key: &DNSKEY, rsa_sha1: bool) -> Option<Self> {
        if check_key(key).is_err() || !permitted(key.public_key().algorithm(), rsa_sha1) {
            return None;
        }
        match key.calculate_key_tag() {
            Ok(tag) => Some(Self { tag, key: key.clone() }),
            Err(_) => None,
        }
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.key.public_key().algorithm()
    }
}

/// What keeps a key from verifying anything.
#[derive(Debug)]
pub(crate) struct Unfit {
    pub(crate) expected: &'static str,
    pub(crate) found: String,
}

/// The algorithms of [`check_key`], for messages.
pub(crate) const ALGORITHMS: &str = "an algorithm that can be checked (5, 7, 8, 10, 13, 14 or 15)";

/// Whether a key may verify signatures of its zone.
pub(crate) fn check_key(key: &DNSKEY) -> Result<(), Unfit> {
    let unfit = |expected, found| Err(Unfit { expected, found });
    // RFC 4034 §2.1.1: without the zone-key flag it verifies no RRset. RFC 5011 §2.1: nor once it is revoked.
    // (§2.1.2, protocol 3: hickory-proto reads no other.)
    if !key.zone_key() {
        return unfit("the zone-key flag (256)", key.flags().to_string());
    }
    if key.revoke() {
        return unfit("no revoke flag (128)", key.flags().to_string());
    }
    let octets = key.public_key().public_bytes();
    let (expected, length) = match u8::from(key.public_key().algorithm()) {
        // RSA with SHA-1, SHA-256 and SHA-512.
        5 | 7 | 8 | 10 => {
            return match rsa_modulus_bits(octets) {
                None => unfit("an RSA key with an exponent", format!("{} octets", octets.len())),
                Some(bits) if bits < MIN_RSA_BITS => {
                    unfit("an RSA modulus of at least 1024 bits", format!("{bits} bits"))
                }
                Some(_) => Ok(()),
            };
        }
        // ECDSA P-256 and P-384 (RFC 6605 §4), Ed25519 (RFC 8080 §3).
        13 => ("a key of 64 octets", 64),
        14 => ("a key of 96 octets", 96),
        15 => ("a key of 32 octets", 32),
        other => return unfit(ALGORITHMS, other.to_string()),
    };
    match octets.len() == length {
        true => Ok(()),
        false => unfit(expected, format!("{} octets", octets.len())),
    }
}

/// Whether local policy lets an algorithm count ([`LocalPolicy::rsa_sha1`](crate::LocalPolicy)).
fn permitted(algorithm: Algorithm, rsa_sha1: bool) -> bool {
    rsa_sha1 || !matches!(u8::from(algorithm), 5 | 7)
}

/// The DS records of a delegation that may be used: checkable ones, and SHA-1 only for algorithms that have no
/// stronger digest beside it (RFC 4509 §3: otherwise whoever can forge SHA-1 picks the weaker record).
pub(crate) fn usable_ds_set(mut set: Vec<DS>, rsa_sha1: bool) -> Vec<DS> {
    // RFC 4035 §5.2, RFC 6840 §5.2: those that can be checked at all.
    set.retain(|ds| {
        ds.algorithm().is_supported()
            && permitted(ds.algorithm(), rsa_sha1)
            && ds.digest_type().is_supported()
    });
    let is_sha1 = |ds: &DS| ds.digest_type() == DigestType::SHA1;
    let strong: Vec<Algorithm> = set.iter().filter(|ds| !is_sha1(ds)).map(DS::algorithm).collect();
    set.retain(|ds| !is_sha1(ds) || !strong.contains(&ds.algorithm()));
    set
}

/// The digest type of `ds` where it names `key` of `zone`.
pub(crate) fn matching_digest(zone: &Name, ds: &DS, key: &DNSKEY, key_tag: u16) -> Option<DigestType> {
    if ds.key_tag() != key_tag || ds.algorithm() != key.public_key().algorithm() {
        return None;
    }
    matches!(ds.covers(zone, key), Ok(true)).then(|| ds.digest_type())
}

/// Shorter RSA keys can be factored; ring takes none of them either.
const MIN_RSA_BITS: usize = 1024;

/// Length of the modulus of an RSA key in RFC 3110 §2 form; `None` where no exponent can be read.
fn rsa_modulus_bits(key: &[u8]) -> Option<usize> {
    let (length, rest) = match key {
        [0, high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]), rest),
        [length, rest @ ..] => (u16::from(*length), rest),
        [] => return None,
    };
    let (exponent, modulus) = rest.split_at_checked(usize::from(length))?;
    if exponent.is_empty() {
        return None;
    }
    let mut significant = modulus.iter().skip_while(|octet| **octet == 0);
    Some(match significant.next() {
        Some(first) => (significant.count() + 1) * 8 - first.leading_zeros() as usize,
        None => 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_rsa_keys() {
        let long = |first: u8, octets: usize| [vec![3, 1, 0, 1, first], vec![0; octets - 1]].concat();
        for (key, bits, why) in [
            (long(0x80, 128), Some(1024), "1024 bits"),
            (long(0x40, 128), Some(1023), "one less, in as many octets"),
            ([vec![3, 1, 0, 1, 0, 0], vec![0x80; 64]].concat(), Some(512), "leading zeros do not count"),
            ([vec![0, 0, 3, 1, 0, 1], vec![0xff; 256]].concat(), Some(2048), "a long exponent's form"),
            (vec![], None, "nothing"),
            (vec![9, 1], None, "an exponent that is not there"),
            (vec![0, 1], None, "a length that is not there"),
            ([vec![0, 0, 0], vec![0xff; 256]].concat(), None, "an exponent of no octets"),
            (vec![3, 1, 0, 1], Some(0), "no modulus"),
        ] {
            assert_eq!(rsa_modulus_bits(&key), bits, "{why}");
        }
    }
}
