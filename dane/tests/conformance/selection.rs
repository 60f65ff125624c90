use dane::{Digests, Matching, Profile, Selection, TlsaRecord, Unusable, Usage, select};

use crate::pki::{self_signed, tlsa, usable};

fn record(usage: u8, selector: u8, matching: u8, octets: usize) -> TlsaRecord {
    TlsaRecord { usage, selector, matching, data: vec![7; octets] }
}

fn select_smtp(records: &[TlsaRecord]) -> Selection {
    select(records, Profile::Smtp, &Digests::default())
}

/// The reason why a lone record does not count.
fn reason(record: TlsaRecord) -> Option<Unusable> {
    select_smtp(&[record]).reasons().remove(0)
}

#[test]
fn no_record_is_not_the_same_as_no_usable_record() {
    assert_eq!(select_smtp(&[]), Selection::Empty);
    assert_eq!(select_smtp(&[record(4, 0, 1, 32)]), Selection::AllUnusable(vec![Unusable::UnknownUsage(4)]));
}

#[test]
fn d72_58_pkix_usages_are_unusable_in_every_shape() {
    for (octet, usage) in [(0, Usage::PkixTa), (1, Usage::PkixEe)] {
        for selector in [0, 1] {
            for (matching, octets) in [(0, 5), (1, 32), (2, 64)] {
                let found = reason(record(octet, selector, matching, octets));
                assert_eq!(found, Some(Unusable::PkixUsage(usage)), "{octet} {selector} {matching}");
            }
        }
    }
}

#[test]
fn d66_11_d66_12_unknown_and_malformed_records() {
    let digest = |expected, found| Some(Unusable::DigestLength { expected, found });
    let certificate = self_signed(|_| {});
    let with_tail = |mut record: TlsaRecord| {
        record.data.push(0);
        record
    };
    for (record, expected, why) in [
        (record(3, 1, 1, 32), None, "a digest of the right length"),
        (record(2, 0, 2, 64), None, "a digest of the right length"),
        (record(4, 1, 1, 32), Some(Unusable::UnknownUsage(4)), "usage 4"),
        (record(255, 1, 1, 32), Some(Unusable::UnknownUsage(255)), "private use means nothing here"),
        (record(3, 2, 1, 32), Some(Unusable::UnknownSelector(2)), "selector 2"),
        (record(3, 255, 1, 32), Some(Unusable::UnknownSelector(255)), "private use"),
        (record(3, 1, 3, 32), Some(Unusable::UnknownMatching(3)), "matching type 3"),
        (record(3, 1, 255, 32), Some(Unusable::UnknownMatching(255)), "private use"),
        (record(3, 1, 1, 31), digest(32, 31), "an octet short"),
        (record(3, 1, 1, 33), digest(32, 33), "an octet long"),
        (record(3, 1, 1, 0), Some(Unusable::TooShort { octets: 3 }), "no data"),
        (record(3, 1, 2, 32), digest(64, 32), "the other digest's length"),
        (record(3, 0, 0, 1), Some(Unusable::NotACertificate), "one octet is no certificate"),
        (record(2, 1, 0, 0), Some(Unusable::TooShort { octets: 3 }), "no data is no key"),
        (tlsa(3, 0, 0, &certificate), None, "a whole certificate"),
        (tlsa(2, 1, 0, &certificate), None, "a whole key"),
        (with_tail(tlsa(3, 0, 0, &certificate)), Some(Unusable::NotACertificate), "something behind it"),
        (with_tail(tlsa(3, 1, 0, &certificate)), Some(Unusable::NotAPublicKey), "something behind it"),
        (
            TlsaRecord { selector: 1, ..tlsa(3, 0, 0, &certificate) },
            Some(Unusable::NotAPublicKey),
            "not a key",
        ),
        (TlsaRecord { selector: 0, ..tlsa(3, 1, 0, &certificate) }, Some(Unusable::NotACertificate), "a key"),
    ] {
        assert_eq!(reason(record.clone()), expected, "{why}: {record}");
    }
}

#[test]
fn d66_11_one_bad_record_does_not_spoil_the_set() {
    let records = usable(&[record(9, 1, 1, 32), record(3, 1, 1, 32), record(3, 1, 1, 5)]);
    assert_eq!(records.iter().map(dane::UsableTlsa::index).collect::<Vec<_>>(), [1]);
    assert_eq!(
        records.reasons(),
        [Some(Unusable::UnknownUsage(9)), None, Some(Unusable::DigestLength { expected: 32, found: 5 })]
    );
}

#[test]
fn d71_19_d71_20_d71_21_digest_agility() {
    let certificate = self_signed(|_| {});
    let full = tlsa(3, 1, 0, &certificate);
    let weaker = Some(Unusable::WeakerDigest { stronger: Matching::Sha512 });
    for (records, expected, why) in [
        (
            vec![record(3, 1, 1, 32), record(3, 1, 2, 64)],
            vec![weaker.clone(), None],
            "the strongest digest counts",
        ),
        (vec![record(3, 1, 2, 64), record(3, 1, 1, 32)], vec![None, weaker.clone()], "in whatever order"),
        (
            vec![record(3, 0, 1, 32), record(3, 1, 2, 64)],
            vec![None, None],
            "another selector is judged alone",
        ),
        (vec![record(2, 1, 1, 32), record(3, 1, 2, 64)], vec![None, None], "another usage is judged alone"),
        (
            vec![record(3, 1, 1, 32), record(3, 1, 2, 63)],
            vec![None, Some(Unusable::DigestLength { expected: 64, found: 63 })],
            "a malformed record displaces nothing",
        ),
        (
            vec![full.clone(), record(3, 1, 1, 32), record(3, 1, 2, 64)],
            vec![None, weaker.clone(), None],
            "Full(0) is no digest: it is never displaced",
        ),
        (vec![full, record(3, 1, 1, 32)], vec![None, None], "nor does it displace"),
        (
            vec![record(3, 1, 1, 32), record(3, 1, 1, 32), record(3, 1, 2, 64)],
            vec![weaker.clone(), weaker, None],
            "all of the weaker ones go",
        ),
    ] {
        assert_eq!(select_smtp(&records).reasons(), expected, "{why}");
    }
}
