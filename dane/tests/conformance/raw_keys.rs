use dane::{Match, Matching, Profile, Selector, TlsaRecord, Usage, VerifyError, leaf_spki, verify_raw_key};

use crate::pki::{Ca, self_signed, tlsa, usable_under};

#[test]
fn d71_09_only_3_1_x_can_match_a_raw_key() {
    let leaf = self_signed(|_| {});
    let key = leaf_spki(&leaf).unwrap();
    for usage in 0..4 {
        for selector in [0, 1] {
            for matching in [0, 1, 2] {
                let records = [tlsa(usage, selector, matching, &leaf)];
                let usable = usable_under(Profile::Full, &records);
                let expected = match (usage, selector) {
                    (3, 1) => Ok(Match {
                        index: 0,
                        depth: 0,
                        usage: Usage::DaneEe,
                        selector: Selector::Spki,
                        matching: Matching::from_octet(matching).unwrap(),
                        anchor_expired: None,
                    }),
                    _ => Err(expected_found(&records, &[])),
                };
                assert_eq!(verify_raw_key(&key, &usable), expected, "{usage} {selector} {matching}");
                assert_eq!(usable.allow_raw_keys(), expected.is_ok(), "{usage} {selector} {matching}");
            }
        }
    }
    // Not even a 3 0 x record whose data is the digest of the key.
    let disguised = TlsaRecord { selector: 0, ..tlsa(3, 1, 1, &leaf) };
    let records = [disguised];
    let result = verify_raw_key(&key, &usable_under(Profile::Smtp, &records));
    assert_eq!(result, Err(expected_found(&records, &[])));
}

#[test]
fn another_key_does_not_match() {
    let (leaf, other) = (self_signed(|_| {}), self_signed(|_| {}));
    let records = [tlsa(3, 1, 1, &other), tlsa(3, 1, 0, &leaf)];
    let usable = usable_under(Profile::Smtp, &records);
    assert_eq!(verify_raw_key(&leaf_spki(&leaf).unwrap(), &usable).unwrap().index, 1);
    let third = self_signed(|_| {});
    let result = verify_raw_key(&leaf_spki(&third).unwrap(), &usable);
    assert_eq!(result, Err(expected_found(&records, &[tlsa(3, 1, 1, &third), tlsa(3, 1, 0, &third)])));
}

fn expected_found(expected: &[TlsaRecord], found: &[TlsaRecord]) -> VerifyError {
    let (records, expected, found) = (expected.len(), expected.to_vec(), found.to_vec());
    VerifyError::RawKeyMismatch { records, expected, found }
}

#[test]
fn d71_08_raw_keys_are_asked_for_only_where_every_record_can_match_one() {
    let (leaf, root) = (self_signed(|_| {}), Ca::root("root"));
    for (records, expected, why) in [
        (vec![tlsa(3, 1, 1, &leaf)], true, "one record for a key"),
        (vec![tlsa(3, 1, 2, &leaf), tlsa(3, 1, 0, &leaf)], true, "two of them"),
        (vec![tlsa(3, 1, 1, &leaf), tlsa(3, 0, 1, &leaf)], false, "one for a certificate beside it"),
        (vec![tlsa(3, 1, 1, &leaf), tlsa(2, 1, 1, &root.certificate)], false, "a trust anchor beside it"),
        (vec![tlsa(3, 1, 1, &leaf), tlsa(1, 1, 1, &leaf)], true, "what is unusable does not count"),
    ] {
        assert_eq!(usable_under(Profile::Smtp, &records).allow_raw_keys(), expected, "{why}");
    }
}
