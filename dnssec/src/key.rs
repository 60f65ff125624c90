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
    pub(crate) fn new(key: &DNSKEY) -> Option<Self> {
        if !usable_key(key) {
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

/// Whether a key may verify signatures of its zone.
pub(crate) fn usable_key(key: &DNSKEY) -> bool {
    let public_key = key.public_key();
    // RFC 4034 §2.1.1: without the zone-key flag it verifies no RRset. RFC 5011 §2.1: nor once it is revoked.
    // (§2.1.2, protocol 3: hickory-proto reads no other.)
    key.zone_key()
        && !key.revoke()
        && match u8::from(public_key.algorithm()) {
            // RSA with SHA-1, SHA-256 and SHA-512.
            5 | 7 | 8 | 10 => rsa_modulus_bits(public_key.public_bytes()) >= MIN_RSA_BITS,
            // ECDSA P-256 and P-384, Ed25519.
            13..=15 => true,
            _ => false,
        }
}

/// Whether a DS record can be checked at all (RFC 4035 §5.2, RFC 6840 §5.2).
pub(crate) fn usable_ds(ds: &DS) -> bool {
    ds.algorithm().is_supported() && ds.digest_type().is_supported()
}

/// The DS records of a delegation that may be used: checkable ones, and SHA-1 only for algorithms that have no
/// stronger digest beside it (RFC 4509 §3: otherwise whoever can forge SHA-1 picks the weaker record).
pub(crate) fn usable_ds_set(set: Vec<DS>) -> Vec<DS> {
    let strong: Vec<Algorithm> = set
        .iter()
        .filter(|ds| usable_ds(ds) && ds.digest_type() != DigestType::SHA1)
        .map(DS::algorithm)
        .collect();
    let usable = |ds: &DS| {
        usable_ds(ds) && (ds.digest_type() != DigestType::SHA1 || !strong.contains(&ds.algorithm()))
    };
    set.into_iter().filter(usable).collect()
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

/// Length of the modulus of an RSA key in RFC 3110 §2 form; 0 where there is none.
fn rsa_modulus_bits(key: &[u8]) -> usize {
    let modulus = match key {
        [0, high, low, rest @ ..] => rest.get(usize::from(u16::from_be_bytes([*high, *low]))..),
        [0, ..] | [] => None,
        [length, rest @ ..] => rest.get(usize::from(*length)..),
    };
    let significant = match modulus {
        Some(modulus) => modulus.iter().skip_while(|byte| **byte == 0),
        None => return 0,
    };
    let mut significant = significant;
    match significant.next() {
        Some(first) => (significant.count() + 1) * 8 - first.leading_zeros() as usize,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_rsa_keys() {
        let long = |first: u8, octets: usize| [vec![3, 1, 0, 1, first], vec![0; octets - 1]].concat();
        for (key, bits, why) in [
            (long(0x80, 128), 1024, "1024 bits"),
            (long(0x40, 128), 1023, "one less, in as many octets"),
            ([vec![3, 1, 0, 1, 0, 0], vec![0x80; 64]].concat(), 512, "leading zeros do not count"),
            ([vec![0, 0, 3, 1, 0, 1], vec![0xff; 256]].concat(), 2048, "a long exponent's form"),
            (vec![], 0, "nothing"),
            (vec![9, 1], 0, "an exponent that is not there"),
            (vec![0, 1], 0, "a length that is not there"),
            (vec![3, 1, 0, 1], 0, "no modulus"),
        ] {
            assert_eq!(rsa_modulus_bits(&key), bits, "{why}");
        }
    }
}
