use dane::{Match, Matching, Selector, TlsaRecord, Usage, VerifyError, leaf_spki};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
    date_time_ymd,
};
use ring::digest::{SHA256, digest};
use rustls_pki_types::CertificateDer;

use crate::pki::{Ca, check, data, expected_found, expired, found, not_yet_valid, self_signed, tlsa};

#[test]
fn every_selector_and_matching_type() {
    let leaf = self_signed(|_| {});
    let other = self_signed(|_| {});
    for selector in [0, 1] {
        for matching in [0, 1, 2] {
            let matched = check(&[&leaf], &[tlsa(3, selector, matching, &leaf)]).unwrap();
            assert_eq!(
                matched,
                Match {
                    index: 0,
                    depth: 0,
                    usage: Usage::DaneEe,
                    selector: Selector::from_octet(selector).unwrap(),
                    matching: Matching::from_octet(matching).unwrap(),
                    anchor_expired: None,
                }
            );
            let record = |leaf| [tlsa(3, selector, matching, leaf)];
            let no_match = expected_found(&record(&leaf), 1, &record(&other));
            assert_eq!(check(&[&other], &record(&leaf)), Err(no_match));
        }
    }
}

#[test]
fn d72_52_d72_53_d72_54_d72_61_d71_07_nothing_but_the_leaf_counts() {
    type Change = fn(&mut CertificateParams);
    let changes: [(Change, &str); 10] = [
        (
            |leaf| {
                leaf.subject_alt_names.clear();
                leaf.use_authority_key_identifier_extension = false;
            },
            "no extensions",
        ),
        (|leaf| leaf.subject_alt_names.clear(), "no name"),
        (
            |leaf| {
                leaf.subject_alt_names =
                    CertificateParams::new(["other.test".into()]).unwrap().subject_alt_names
            },
            "another name",
        ),
        (expired, "expired"),
        (not_yet_valid, "not yet valid"),
        (
            |leaf| {
                leaf.not_before = date_time_ymd(2040, 1, 1);
                leaf.not_after = date_time_ymd(2000, 1, 1);
            },
            "it ends before it begins",
        ),
        (|leaf| leaf.not_after = date_time_ymd(3015, 1, 1), "the year 3015"),
        (|leaf| leaf.distinguished_name = DistinguishedName::new(), "an empty subject"),
        (|leaf| leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained), "a CA"),
        (
            |leaf| {
                leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
                leaf.key_usages = vec![KeyUsagePurpose::CrlSign];
            },
            "not for servers",
        ),
    ];
    for (change, why) in changes {
        let leaf = self_signed(change);
        for selector in [0, 1] {
            assert_eq!(found(check(&[&leaf], &[tlsa(3, selector, 1, &leaf)])), Ok((0, 0)), "{why}");
        }
    }
}

#[test]
fn leaves_that_pkix_libraries_refuse() {
    for name in ["v1-leaf.der", "unknown-critical-leaf.der", "rsa1024-leaf.der", "sha1-leaf.der"] {
        let leaf = data(name);
        for selector in [0, 1] {
            for matching in [0, 1, 2] {
                assert_eq!(
                    found(check(&[&leaf], &[tlsa(3, selector, matching, &leaf)])),
                    Ok((0, 0)),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn d66_02_a_certificate_that_cannot_be_taken_apart_matches_as_a_whole() {
    let garbage = CertificateDer::from(b"\x30\x03\x02\x01\x05".to_vec());
    let digest = digest(&SHA256, &garbage).as_ref().to_vec();
    let record = |selector| TlsaRecord { usage: 3, selector, matching: 1, data: digest.clone() };
    assert_eq!(found(check(&[&garbage], &[record(0)])), Ok((0, 0)));
    assert_eq!(found(check(&[&garbage], &[record(1)])), Err(VerifyError::Malformed { certificate: 0 }));
    let other = [tlsa(3, 0, 1, &self_signed(|_| {}))];
    let result = check(&[&garbage], &other);
    assert_eq!(result, Err(expected_found(&other, 1, &[record(0)])), "nothing had to be read");
}

#[test]
fn d71_07_a_certificate_is_read_as_far_as_its_key() {
    let leaf = self_signed(|_| {});
    let key = leaf_spki(&leaf).unwrap();
    let begin = leaf.windows(key.len()).position(|at| at == key.as_ref()).unwrap();
    // Both sequences around it have two octets of length.
    let before = &leaf[8..begin];
    let sequence = |content: &[u8]| [&[0x30, 0x82][..], &u16_octets(content), content].concat();
    let far_too_long = |content: &[u8]| [&[0x30, 0x83, 0][..], &u16_octets(content), content].concat();
    let fields = |behind: &[u8]| [before, key.as_ref(), behind].concat();
    let matches = |der: &Vec<u8>| {
        let record = TlsaRecord { usage: 3, selector: 1, matching: 0, data: key.to_vec() };
        found(check(&[&der.clone().into()], &[record]))
    };
    for (der, why) in [
        (sequence(&sequence(&fields(&[]))), "neither extensions nor a signature"),
        (sequence(&[sequence(&fields(b"garbage")), b"more".to_vec()].concat()), "no DER behind the key"),
        (sequence(&sequence(&fields(&[0xa1, 2, 3, 0]))), "a unique identifier in pieces"),
        (far_too_long(&far_too_long(&fields(&[]))), "lengths in more octets than they need"),
    ] {
        assert_eq!(matches(&der), Ok((0, 0)), "{why}");
        let whole = TlsaRecord { usage: 3, selector: 0, matching: 0, data: der.clone() };
        assert_eq!(found(check(&[&der.into()], &[whole])), Ok((0, 0)), "{why}, as a whole");
    }
    for (der, why) in [
        ([sequence(&sequence(&fields(&[]))), vec![0]].concat(), "something behind the certificate"),
        (sequence(&sequence(before)), "no key"),
        (sequence(&sequence(&[before, &[0x31], &key[1..]].concat())), "a set in the place of the key"),
        (sequence(&sequence(&[&before[..5], key.as_ref()].concat())), "nothing between version and key"),
    ] {
        assert_eq!(matches(&der), Err(VerifyError::Malformed { certificate: 0 }), "{why}");
    }
}

fn u16_octets(content: &[u8]) -> [u8; 2] {
    u16::try_from(content.len()).unwrap().to_be_bytes()
}

#[test]
fn d66_02_a_key_is_compared_byte_by_byte() {
    // The parameters of an RSA key are NULL (RFC 3279 §2.3.1). Another value in their place is another key here, and
    // the key is taken as it stands in the certificate.
    let leaf = data("rsa-leaf.der");
    let header = b"\x30\x82\x01\x22\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
    let begin = leaf.windows(header.len()).position(|at| at == header).unwrap();
    let mut odd = leaf.to_vec();
    odd[begin + 17] = 4;
    let spki = odd[begin..begin + 4 + 0x122].to_vec();
    let odd = CertificateDer::from(odd);
    assert_eq!(leaf_spki(&odd).unwrap().as_ref(), spki);
    let record =
        TlsaRecord { usage: 3, selector: 1, matching: 1, data: digest(&SHA256, &spki).as_ref().to_vec() };
    assert_eq!(found(check(&[&odd], std::slice::from_ref(&record))), Ok((0, 0)));
    assert!(check(&[&leaf], &[record]).is_err(), "not the key with its parameters put right");
    let whole = TlsaRecord { usage: 3, selector: 1, matching: 0, data: spki };
    assert_eq!(found(check(&[&odd], &[whole])), Ok((0, 0)));
}

#[test]
fn only_the_leaf_is_compared() {
    let root = Ca::root("root");
    let leaf = root.leaf();
    let records = [tlsa(3, 0, 1, &root.certificate)];
    let no_match = expected_found(&records, 2, &[tlsa(3, 0, 1, &leaf)]);
    assert_eq!(check(&[&leaf, &root.certificate], &records), Err(no_match));
}

#[test]
fn d71_17_one_matching_record_is_enough() {
    let leaf = self_signed(|_| {});
    let next = self_signed(|_| {});
    let records = [tlsa(3, 1, 1, &next), tlsa(3, 1, 1, &leaf)];
    assert_eq!(found(check(&[&leaf], &records)), Ok((0, 1)));
    assert_eq!(found(check(&[&next], &records)), Ok((0, 0)));
}

#[test]
fn d71_20_a_weaker_digest_does_not_rescue() {
    let leaf = self_signed(|_| {});
    let other = self_signed(|_| {});
    let displaced = check(&[&leaf], &[tlsa(3, 1, 1, &leaf), tlsa(3, 1, 2, &other)]);
    assert_eq!(displaced, Err(expected_found(&[tlsa(3, 1, 2, &other)], 1, &[tlsa(3, 1, 2, &leaf)])));
    let beside = check(&[&leaf], &[tlsa(3, 0, 1, &leaf), tlsa(3, 1, 2, &other)]);
    assert_eq!(found(beside), Ok((0, 0)), "the selectors differ");
    let full = check(&[&leaf], &[tlsa(3, 1, 2, &other), tlsa(3, 1, 1, &other), tlsa(3, 1, 0, &leaf)]);
    assert_eq!(found(full), Ok((0, 2)), "Full(0) stays");
}

#[test]
fn unreadable_certificates_beside_the_leaf_do_no_harm() {
    let leaf = self_signed(|_| {});
    let garbage = b"garbage".to_vec().into();
    assert_eq!(found(check(&[&leaf, &garbage], &[tlsa(3, 1, 1, &leaf), tlsa(2, 0, 1, &leaf)])), Ok((0, 0)));
}

#[test]
fn nothing_presented_is_an_error_of_its_own() {
    assert_eq!(check(&[], &[tlsa(3, 1, 1, &self_signed(|_| {}))]), Err(VerifyError::EmptyChain));
}
