//! Which keys and DS records count (RFC 4034 §2 and §5, RFC 4509, RFC 5011, RFC 8624).

use std::collections::HashMap;

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
    /// What a verification costs, in those with P-256.
    pub(crate) cost: u16,
}

impl ZoneKey {
    /// `None` for a key that may verify nothing.
    pub(crate) fn new(key: &DNSKEY, rsa_sha1: bool) -> Option<Self> {
        if check_key(key).is_err() || !permitted(key.public_key().algorithm(), rsa_sha1) {
            return None;
        }
        match key.calculate_key_tag() {
            Ok(tag) => Some(Self { tag, key: key.clone(), cost: cost(key) }),
            Err(_) => None,
        }
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.key.public_key().algorithm()
    }
}

/// What a verification costs with ring, in those with P-256, as measured: see the project's page on performance.
fn cost(key: &DNSKEY) -> u16 {
    let public_key = key.public_key();
    match (u8::from(public_key.algorithm()), rsa_numbers(public_key.public_bytes())) {
        (14, _) => 13,
        // As many multiplications as the exponent has bits, each by the square of the modulus' length.
        (5 | 7 | 8 | 10, Some((exponent, modulus))) => {
            let kilobits = bits(modulus).div_ceil(1024);
            let cost = (kilobits * kilobits * bits(exponent)).div_ceil(RSA_PER_P256);
            u16::try_from(cost).map_or(u16::MAX, |cost| cost)
        }
        _ => 1,
    }
}

/// The cost of a verification with P-256 in multiplications modulo a number of 1024 bits.
const RSA_PER_P256: usize = 124;

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
        5 | 7 | 8 | 10 => return check_rsa(octets),
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

/// The DS records of a delegation that may be used: checkable ones, and SHA-1 only where none of them has a stronger
/// digest, whatever its algorithm (RFC 4509 §3: otherwise whoever can forge SHA-1 picks the weaker record).
pub(crate) fn usable_ds_set(mut set: Vec<DS>, rsa_sha1: bool) -> Vec<DS> {
    // RFC 4035 §5.2, RFC 6840 §5.2: those that can be checked at all.
    set.retain(|ds| {
        ds.algorithm().is_supported()
            && permitted(ds.algorithm(), rsa_sha1)
            && ds.digest_type().is_supported()
    });
    let is_strong = |ds: &DS| ds.digest_type() != DigestType::SHA1;
    if set.iter().any(is_strong) {
        set.retain(is_strong);
    }
    set
}

/// The digest types of those of `set` that name `key` of `zone` (RFC 4035 §5.2). The key is hashed once for each type, however
/// many records there are.
pub(crate) fn matching_digests<'d>(
    zone: &Name,
    set: impl IntoIterator<Item = &'d DS>,
    key: &DNSKEY,
    key_tag: u16,
) -> Vec<DigestType> {
    let algorithm = key.public_key().algorithm();
    let named =
        set.into_iter().filter(|ds| key.zone_key() && ds.key_tag() == key_tag && ds.algorithm() == algorithm);
    let mut hashed = HashMap::new();
    let matching = named.filter(|ds| {
        let digest = hashed.entry(ds.digest_type()).or_insert_with(|| key.to_digest(zone, ds.digest_type()));
        matches!(digest, Ok(digest) if digest.as_ref() == ds.digest())
    });
    matching.map(DS::digest_type).collect()
}

/// Shorter RSA keys can be factored; ring takes none of them either.
const MIN_RSA_BITS: usize = 1024;

/// What ring verifies with at most: more would be work that an attacker can cause.
const MAX_RSA_BITS: usize = 8192;
const MAX_EXPONENT_BITS: usize = 33;

/// Whether an RSA key in RFC 3110 §2 form can verify anything.
fn check_rsa(key: &[u8]) -> Result<(), Unfit> {
    let unfit = |expected, found| Err(Unfit { expected, found });
    let Some((exponent, modulus)) = rsa_numbers(key) else {
        return unfit("an RSA key with an exponent", format!("{} octets", key.len()));
    };
    match bits(modulus) {
        short if short < MIN_RSA_BITS => {
            return unfit("an RSA modulus of at least 1024 bits", format!("{short} bits"));
        }
        long if long > MAX_RSA_BITS => {
            return unfit("an RSA modulus of at most 8192 bits", format!("{long} bits"));
        }
        _ => {}
    }
    let exponent_bits = bits(exponent);
    if exponent_bits > MAX_EXPONENT_BITS {
        return unfit("an RSA exponent of at most 33 bits", format!("{exponent_bits} bits"));
    }
    // RFC 3110 §2: leading zeros are prohibited; ring refuses them.
    for (number, what) in [(exponent, "exponent"), (modulus, "modulus")] {
        if matches!(number, [0, ..]) {
            return unfit("RSA numbers without leading zeros", format!("{} octets of {what}", number.len()));
        }
    }
    Ok(())
}

/// Splits an RSA key in RFC 3110 §2 form into exponent and modulus; `None` where no exponent can be read.
fn rsa_numbers(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match key {
        [0, high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]), rest),
        [length, rest @ ..] => (u16::from(*length), rest),
        [] => return None,
    };
    rest.split_at_checked(usize::from(length)).filter(|(exponent, _)| !exponent.is_empty())
}

/// The length of a number without its leading zeros.
fn bits(number: &[u8]) -> usize {
    let mut significant = number.iter().skip_while(|octet| **octet == 0);
    match significant.next() {
        Some(first) => (significant.count() + 1) * 8 - first.leading_zeros() as usize,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::dnssec::PublicKeyBuf;

    use super::*;
    use crate::anchor::base64;

    #[test]
    fn the_ds_records_of_the_rfcs_name_their_keys() {
        const DSKEY: &str = "AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAph\
                             XdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==";
        for (why, zone, flags, algorithm, key, tag, digest, hex) in [
            (
                "RFC 4034 §5.4, SHA-1",
                "dskey.example.com.",
                256,
                5,
                DSKEY,
                60485,
                DigestType::SHA1,
                "2bb183af5f22588179a53b0a98631fad1a292118",
            ),
            (
                "RFC 4509 §2.3, SHA-256",
                "dskey.example.com.",
                256,
                5,
                DSKEY,
                60485,
                DigestType::SHA256,
                "d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469da50a",
            ),
            (
                "RFC 6605 §6.1, SHA-256 of a P-256 key",
                "example.net.",
                257,
                13,
                "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
                55648,
                DigestType::SHA256,
                "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17",
            ),
            (
                "RFC 6605 §6.2, SHA-384 of a P-384 key",
                "example.net.",
                257,
                14,
                "xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
                10771,
                DigestType::SHA384,
                "72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0563a9b5f4d288405c3008a946df983d6",
            ),
        ] {
            let algorithm = Algorithm::from_u8(algorithm);
            let key = DNSKEY::with_flags(flags, PublicKeyBuf::new(base64(key).unwrap(), algorithm));
            let key = ZoneKey::new(&key, true).unwrap();
            assert_eq!(key.tag, tag, "{why}: the tag");
            let octet = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            let octets: Vec<u8> = (0..hex.len()).step_by(2).map(octet).collect();
            let name = |text: &str| Name::from_ascii(text).unwrap();
            let names = |zone: &str, ds: DS| matching_digests(&name(zone), [&ds], &key.key, tag).pop();
            let ds = |tag, algorithm, octets| DS::new(tag, algorithm, digest, octets);
            assert_eq!(names(zone, ds(tag, algorithm, octets.clone())), Some(digest), "{why}");
            assert_eq!(
                names(&zone.to_uppercase(), ds(tag, algorithm, octets.clone())),
                Some(digest),
                "{why}: case"
            );

            let mut other = octets.clone();
            other[0] ^= 1;
            assert_eq!(names(zone, ds(tag, algorithm, other)), None, "{why}: another digest");
            assert_eq!(names("example.", ds(tag, algorithm, octets.clone())), None, "{why}: another zone");
            assert_eq!(names(zone, ds(tag + 1, algorithm, octets.clone())), None, "{why}: another tag");
            assert_eq!(names(zone, ds(tag, Algorithm::ED25519, octets)), None, "{why}: another algorithm");
        }
    }

    #[test]
    fn what_a_verification_costs() {
        let rsa = |bits: usize, exponent: &[u8]| {
            [&[exponent.len() as u8], exponent, &vec![0xff; bits / 8]].concat()
        };
        for (algorithm, key, expected, why) in [
            (13, vec![1; 64], 1, "P-256, the measure"),
            (14, vec![1; 96], 13, "P-384"),
            (15, vec![1; 32], 1, "Ed25519"),
            (8, rsa(1024, &[1, 0, 1]), 1, "RSA, as short as may be"),
            (8, rsa(2048, &[1, 0, 1]), 1, "the usual length"),
            (10, rsa(4096, &[1, 0, 1]), 3, "a long one"),
            (7, rsa(8192, &[1, 0xff, 0xff, 0xff, 0xff]), 18, "the longest numbers that ring takes"),
        ] {
            let key = DNSKEY::with_flags(256, PublicKeyBuf::new(key, Algorithm::from_u8(algorithm)));
            assert_eq!(ZoneKey::new(&key, true).unwrap().cost, expected, "{why}");
        }
    }

    #[test]
    fn rsa_keys_at_their_bounds() {
        let long = |first: u8, octets: usize| [vec![3, 1, 0, 1, first], vec![0; octets - 1]].concat();
        let with =
            |exponent: &[u8]| [vec![exponent.len() as u8], exponent.to_vec(), vec![0xff; 256]].concat();
        let modulus = "an RSA modulus of at least 1024 bits";
        let longest = "an RSA modulus of at most 8192 bits";
        let exponent = "an RSA key with an exponent";
        let largest = "an RSA exponent of at most 33 bits";
        let zeros = "RSA numbers without leading zeros";
        for (key, unfit, why) in [
            (long(0x80, 128), None, "1024 bits"),
            (long(0x40, 128), Some((modulus, "1023 bits")), "one less, in as many octets"),
            (long(0x80, 1024), None, "8192 bits"),
            (long(0x01, 1025), Some((longest, "8193 bits")), "one more"),
            (
                [vec![3, 1, 0, 1, 0, 0], vec![0x80; 64]].concat(),
                Some((modulus, "512 bits")),
                "zeros do not count",
            ),
            (
                [vec![3, 1, 0, 1, 0], vec![0x80; 128]].concat(),
                Some((zeros, "129 octets of modulus")),
                "a zero",
            ),
            ([vec![0, 0, 3, 1, 0, 1], vec![0xff; 256]].concat(), None, "a long exponent's form"),
            (with(&[3]), None, "a small exponent"),
            (with(&[1, 0xff, 0xff, 0xff, 0xff]), None, "33 bits of exponent"),
            (with(&[2, 0, 0, 0, 1]), Some((largest, "34 bits")), "34 bits of exponent"),
            (with(&[0, 3]), Some((zeros, "2 octets of exponent")), "a zero before the exponent"),
            (vec![], Some((exponent, "0 octets")), "nothing"),
            (vec![9, 1], Some((exponent, "2 octets")), "an exponent that is not there"),
            (vec![0, 1], Some((exponent, "2 octets")), "a length that is not there"),
            (
                [vec![0, 0, 0], vec![0xff; 256]].concat(),
                Some((exponent, "259 octets")),
                "no octets of exponent",
            ),
            (vec![3, 1, 0, 1], Some((modulus, "0 bits")), "no modulus"),
        ] {
            let found = check_rsa(&key).err().map(|Unfit { expected, found }| (expected, found));
            assert_eq!(found, unfit.map(|(expected, found)| (expected, found.to_owned())), "{why}");
        }
    }
}
