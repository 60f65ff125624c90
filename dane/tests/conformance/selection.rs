use dane::{Digests, Matching, Profile, Selection, TlsaRecord, Unusable, Usage, select, select_rdata};

use crate::pki::{data, self_signed, tlsa, usable};

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
fn d72_58_d71_05_pkix_usages_are_unusable_in_every_shape() {
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
    let key = |spki: &[u8]| TlsaRecord { usage: 3, selector: 1, matching: 0, data: spki.to_vec() };
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
        (
            TlsaRecord { usage: 3, selector: 0, matching: 0, data: vec![0] },
            Some(Unusable::NotACertificate),
            "3 0 0 00",
        ),
        (key(b"\x30\x00"), Some(Unusable::NotAPublicKey), "an empty sequence is no key"),
        (key(b"\x30\x08\x30\x03\x06\x01\x29\x03\x01\x00"), Some(Unusable::NotAPublicKey), "a key of no bits"),
        (
            key(b"\x30\x09\x30\x03\x06\x01\x29\x03\x02\x08\x01"),
            Some(Unusable::NotAPublicKey),
            "8 unused bits",
        ),
        (
            key(b"\x30\x0d\x30\x07\x06\x01\x29\x05\x00\x05\x00\x03\x02\x00\x01"),
            Some(Unusable::NotAPublicKey),
            "parameters twice",
        ),
        (key(b"\x30\x0b\x30\x05\x06\x01\x29\x05\x00\x03\x02\x00\x01"), None, "a key of an unknown algorithm"),
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
fn d72_70_d71_19_d71_20_d71_21_digest_agility() {
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

#[test]
fn d66_01_records_that_are_too_short_are_there_and_unusable() {
    let digests = Digests::default();
    for octets in 0..=3 {
        let short = &[3, 1, 1][..octets];
        let alone = select_rdata(&[short], Profile::Smtp, &digests);
        assert_eq!(alone, Selection::AllUnusable(vec![Unusable::TooShort { octets }]), "not an empty RRset");
        let beside = select_rdata(&[short, &record(3, 1, 1, 32).to_wire()], Profile::Smtp, &digests);
        assert_eq!(
            beside.reasons(),
            [Some(Unusable::TooShort { octets }), None],
            "not a reason to drop both"
        );
    }
    let four = select_rdata(&[&[3, 1, 1, 0]], Profile::Smtp, &digests);
    assert_eq!(four.reasons(), [Some(Unusable::DigestLength { expected: 32, found: 1 })]);
    assert_eq!(select_rdata::<&[u8]>(&[], Profile::Smtp, &digests), Selection::Empty);
}

#[test]
fn d71_04_all_four_usages_only_on_request() {
    let certificate = self_signed(|_| {});
    for usage in [Usage::PkixTa, Usage::PkixEe, Usage::DaneTa, Usage::DaneEe] {
        for selector in [0, 1] {
            for matching in [0, 1, 2] {
                let records = [tlsa(usage.octet(), selector, matching, &certificate)];
                let reasons = |profile| select(&records, profile, &Digests::default()).reasons();
                assert_eq!(reasons(Profile::Full), [None], "{}", records[0]);
                let for_smtp = match usage {
                    Usage::PkixTa | Usage::PkixEe => Some(Unusable::PkixUsage(usage)),
                    Usage::DaneTa | Usage::DaneEe => None,
                };
                assert_eq!(reasons(Profile::Smtp), [for_smtp], "{}", records[0]);
            }
        }
    }
    // What is malformed is malformed under both.
    let result = select(&[record(0, 0, 0, 5), record(1, 1, 1, 5)], Profile::Full, &Digests::default());
    assert_eq!(
        result.reasons(),
        [Some(Unusable::NotACertificate), Some(Unusable::DigestLength { expected: 32, found: 5 })]
    );
}

#[test]
fn d71_01_d71_18_digests_as_configured() {
    use Matching::{Sha256, Sha512};
    let both = [record(3, 1, 1, 32), record(3, 1, 2, 64)];
    let weaker = |stronger| Some(Unusable::WeakerDigest { stronger });
    let disabled = |digest| Some(Unusable::Disabled(digest));
    for (digests, expected, why) in [
        (&[Sha512, Sha256][..], [weaker(Sha512), None], "the default"),
        (&[Sha256, Sha512], [None, weaker(Sha256)], "the other order"),
        (&[Sha512], [disabled(Sha256), None], "without SHA2-256"),
        (&[Sha256], [None, disabled(Sha512)], "without SHA2-512: what is disabled displaces nothing"),
    ] {
        assert_eq!(
            select(&both, Profile::Smtp, &Digests::new(digests).unwrap()).reasons(),
            expected,
            "{why}"
        );
    }
    let alone = select(&both[..1], Profile::Smtp, &Digests::new(&[Sha512]).unwrap());
    assert_eq!(alone, Selection::AllUnusable(vec![Unusable::Disabled(Sha256)]));
    assert_eq!(Unusable::Disabled(Sha256).to_string(), "the digest SHA2-256(1) is disabled by configuration");
    let full = tlsa(3, 1, 0, &self_signed(|_| {}));
    let reasons = select(&[full], Profile::Smtp, &Digests::new(&[Sha512]).unwrap()).reasons();
    assert_eq!(reasons, [None], "Full(0) is no digest");
}

/// A SubjectPublicKeyInfo with an RSA key of so many octets (RFC 8017 §A.1.1).
fn rsa_key(octets: usize) -> Vec<u8> {
    rsa_key_of(b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00", 1, octets)
}

/// With another algorithm, and with so many zeros before the modulus.
fn rsa_key_of(algorithm: &[u8], zeros: usize, octets: usize) -> Vec<u8> {
    fn value(tag: u8, content: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
        let header = match (high, low) {
            (0, 0..=0x7f) => vec![tag, low],
            (0, _) => vec![tag, 0x81, low],
            _ => vec![tag, 0x82, high, low],
        };
        [&header, content].concat()
    }
    let modulus = value(2, &[vec![0; zeros], vec![0xc5; octets]].concat());
    let key = value(0x30, &[&modulus[..], b"\x02\x03\x01\x00\x01"].concat());
    value(0x30, &[algorithm, &value(3, &[&[0], &key[..]].concat())].concat())
}

#[test]
fn d66_13_keys_that_are_too_weak() {
    let weak = |bits, minimum| Some(Unusable::WeakKey { bits, minimum });
    for (usage, bits, expected, why) in [
        (3, 512, weak(512, 1024), "a key that anybody can break"),
        (3, 1016, weak(1016, 1024), "just below"),
        (3, 1024, None, "DANE-EE only says which key the server has"),
        (2, 1024, weak(1024, 2048), "a trust anchor whose signatures are refused anyway"),
        (2, 2040, weak(2040, 2048), "just below"),
        (2, 2048, None, "what is asked of all certificates in a path"),
        (0, 1024, weak(1024, 2048), "PKIX-TA like DANE-TA"),
        (1, 1024, weak(1024, 2048), "PKIX-EE: it is part of a path"),
        (1, 4096, None, "a strong one"),
    ] {
        let record = TlsaRecord { usage, selector: 1, matching: 0, data: rsa_key(bits / 8) };
        let reasons = select(&[record], Profile::Full, &Digests::default()).reasons();
        assert_eq!(reasons, [expected], "{why}: {usage}, {bits} bits");
    }
    for (key, why) in [
        (
            rsa_key_of(b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00", 200, 64),
            "zeros in front",
        ),
        (rsa_key_of(b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a", 1, 64), "for RSASSA-PSS alone"),
        (rsa_key_of(b"\x30\x08\x06\x04\x55\x08\x01\x01\x05\x00", 1, 64), "by the name that X.509 has for it"),
    ] {
        let record = TlsaRecord { usage: 3, selector: 1, matching: 0, data: key };
        assert_eq!(reason(record), weak(512, 1024), "{why}");
    }
    let certificate = data("rsa1024-root.der");
    for (usage, expected) in [(2, weak(1024, 2048)), (3, None)] {
        assert_eq!(reason(tlsa(usage, 0, 0, &certificate)), expected, "in a certificate, usage {usage}");
        assert_eq!(reason(tlsa(usage, 0, 1, &certificate)), None, "a digest shows no key, usage {usage}");
    }
    // A weak record is not there to displace or to rescue others.
    let records = [tlsa(2, 0, 0, &certificate), record(2, 0, 1, 32)];
    assert_eq!(select_smtp(&records).reasons(), [weak(1024, 2048), None]);
}
