use dane::{EeNames, PathFault, Usage, VerifyError};
use rcgen::{BasicConstraints, CertificateParams, GeneralSubtree, IsCa, NameConstraints};

use crate::pki::{
    Ca, check_full, check_full_for, data, expired, found, no_match, not_yet_valid, self_signed, tlsa, trusted,
};

fn untrusted<T>(depth: usize, fault: PathFault) -> Result<T, VerifyError> {
    Err(VerifyError::Untrusted { depth, fault })
}

#[test]
fn every_selector_and_matching_type_of_both_usages() {
    let root = Ca::root("root");
    let middle = root.ca("middle");
    let leaf = middle.leaf();
    for selector in [0, 1] {
        for matching in [0, 1, 2] {
            let names = |usage, certificate| [tlsa(usage, selector, matching, certificate)];
            let chain = [&leaf, &middle.certificate];
            for (records, depth, why) in [
                (names(0, &middle.certificate), 1, "a CA that was sent"),
                (names(0, &root.certificate), 2, "a root that was not sent: the client has it"),
                (names(1, &leaf), 0, "the leaf"),
            ] {
                let result = check_full(&chain, &records, &[&root.certificate]);
                assert_eq!(found(result), Ok((depth, 0)), "{why}: {selector} {matching}");
                let untrusting = check_full(&chain, &records, &[]);
                assert!(untrusting.is_err(), "{why}, and no root: {selector} {matching}");
            }
            for (records, why) in [
                (names(0, &leaf), "the leaf is no CA of the path"),
                (names(1, &middle.certificate), "a CA is not the leaf"),
            ] {
                let result = check_full(&chain, &records, &[&root.certificate]);
                assert_eq!(found(result), Err(no_match(1, 2)), "{why}: {selector} {matching}");
            }
        }
    }
}

#[test]
fn a_record_alone_is_not_enough() {
    let (root, other) = (Ca::root("root"), Ca::root("other"));
    let leaf = root.leaf();
    let chain = [&leaf, &root.certificate];
    for records in [[tlsa(0, 0, 1, &root.certificate)], [tlsa(1, 1, 1, &leaf)]] {
        for roots in [&[][..], &[&other.certificate]] {
            let result = check_full(&chain, &records, roots);
            assert_eq!(result, untrusted(1, PathFault::NoTrustedRoot), "{records:?}");
        }
        let alone = check_full(&[&leaf], &records, &[]);
        match records[0].usage {
            0 => assert_eq!(found(alone), Err(no_match(1, 1)), "what the record names was not sent"),
            _ => assert_eq!(alone, untrusted(0, PathFault::NoTrustedRoot)),
        }
    }
}

#[test]
fn a_trusted_root_alone_is_not_enough() {
    let (root, other) = (Ca::root("root"), Ca::root("other"));
    let leaf = root.leaf();
    for records in [[tlsa(0, 0, 1, &other.certificate)], [tlsa(1, 0, 1, &other.leaf())]] {
        let result = check_full(&[&leaf, &root.certificate], &records, &[&root.certificate]);
        assert_eq!(
            found(result),
            Err(no_match(1, 2)),
            "d72_59: no public CA rescues what the records refuse"
        );
    }
    let result = check_full(
        &[&leaf, &root.certificate, &other.certificate],
        &[tlsa(0, 0, 1, &other.certificate)],
        &[&root.certificate],
    );
    assert_eq!(result, untrusted(0, PathFault::NotIssuedBelowAnchor), "sent, but not in the path");
}

#[test]
fn d72_59_a_trusted_root_does_not_rescue_dane_usages() {
    let (root, other) = (Ca::root("root"), Ca::root("other"));
    let leaf = root.leaf();
    for records in [[tlsa(3, 1, 1, &other.leaf())], [tlsa(2, 0, 1, &other.certificate)]] {
        let result = check_full(&[&leaf, &root.certificate], &records, &[&root.certificate]);
        assert_eq!(found(result), Err(no_match(1, 2)));
    }
}

#[test]
fn d71_12_roots_play_no_part_for_dane_ta() {
    let root = Ca::root("root");
    let middle = root.ca("middle");
    let leaf = middle.leaf();
    let records = [tlsa(2, 0, 1, &root.certificate)];
    let result = check_full(&[&leaf, &middle.certificate], &records, &[&root.certificate]);
    assert_eq!(found(result), Err(no_match(1, 2)), "the trust anchor must be sent, or be in DNS in full");
}

#[test]
fn d71_14_the_path_goes_on_past_the_first_trusted_certificate() {
    let top = Ca::root("top");
    let upper = top.ca("upper");
    let lower = upper.ca("lower");
    let leaf = lower.leaf();
    let chain = [&leaf, &lower.certificate, &upper.certificate, &top.certificate];
    for (roots, why) in [
        (&[&lower.certificate][..], "the lowest CA is trusted"),
        (&[&upper.certificate], "the one in the middle"),
        (&[&top.certificate], "the one at the top"),
        (&[&lower.certificate, &top.certificate], "two of them"),
    ] {
        for (ca, depth) in [(&lower, 1), (&upper, 2), (&top, 3)] {
            let result = check_full(&chain, &[tlsa(0, 0, 1, &ca.certificate)], roots);
            assert_eq!(found(result), Ok((depth, 0)), "{why}, the record names depth {depth}");
        }
    }
    // The store may also hold what stands above.
    let records = [tlsa(0, 0, 1, &top.certificate)];
    let result =
        check_full(&chain[..2], &records, &[&lower.certificate, &upper.certificate, &top.certificate]);
    assert_eq!(found(result), Ok((3, 0)));

    // Beyond the first trusted certificate the path has to be as sound as below it.
    let old = top.ca_with("upper", expired);
    let lower = old.ca("lower");
    let leaf = lower.leaf();
    let chain = [&leaf, &lower.certificate, &old.certificate, &top.certificate];
    let result = check_full(&chain, &records, &[&lower.certificate]);
    assert!(matches!(result, Err(VerifyError::Expired { depth: 2, .. })), "{result:?}");
}

#[test]
fn a_ca_that_dns_has_in_full_need_not_be_sent() {
    let root = Ca::root("root");
    let middle = root.ca("middle");
    let leaf = middle.leaf();
    let of_middle = tlsa(0, 0, 0, &middle.certificate);
    for (records, expected, why) in [
        (vec![of_middle.clone()], Ok((1, 0)), "the certificate that the record names is in a path to a root"),
        (
            vec![of_middle.clone(), tlsa(1, 1, 1, &leaf)],
            Ok((0, 1)),
            "and so is the leaf, which goes before it",
        ),
        (vec![tlsa(0, 1, 0, &middle.certificate)], Err(no_match(1, 1)), "a key alone is no certificate"),
        (vec![tlsa(0, 0, 1, &middle.certificate)], Err(no_match(1, 1)), "nor is a digest"),
        (vec![tlsa(0, 0, 0, &Ca::root("other").certificate)], Err(no_match(1, 1)), "another CA"),
        (
            vec![tlsa(1, 1, 1, &leaf), tlsa(0, 0, 0, &Ca::root("other").certificate)],
            untrusted(0, PathFault::NoTrustedRoot),
            "another CA leads to no root",
        ),
    ] {
        let result = check_full(&[&leaf], &records, &[&root.certificate]);
        assert_eq!(found(result), expected, "{why}");
    }
    let result = check_full(&[&leaf], std::slice::from_ref(&of_middle), &[]);
    assert_eq!(result, untrusted(1, PathFault::NoTrustedRoot), "it is no root itself");
    let old = root.ca_with("middle", expired);
    let result = check_full(&[&old.leaf()], &[tlsa(0, 0, 0, &old.certificate)], &[&root.certificate]);
    assert!(matches!(result, Err(VerifyError::Expired { depth: 1, .. })), "its dates count: {result:?}");
}

#[test]
fn a_root_may_also_be_cross_signed() {
    // The client trusts the self-signed certificate of "new"; the server sends the one that "old" has issued.
    let (old, new) = (Ca::root("old"), Ca::root("new"));
    let middle = new.ca("middle");
    let leaf = middle.leaf();
    let cross = new.cross_signed_by(&old, |_| {});
    let chain = [&leaf, &middle.certificate, &cross.certificate, &old.certificate];
    for (record, depth) in [(&new.certificate, 2), (&cross.certificate, 2), (&old.certificate, 3)] {
        let result = check_full(&chain, &[tlsa(0, 0, 1, record)], &[&new.certificate]);
        assert_eq!(found(result), Ok((depth, 0)));
    }
    // The constraints of the trusted certificate hold, whichever was sent.
    let narrow = new.cross_signed_by(&new, |ca| ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let result = check_full(&chain, &[tlsa(0, 0, 1, &old.certificate)], &[&narrow.certificate]);
    assert_eq!(result, untrusted(2, PathFault::PathLength { allowed: 0, found: 1 }));
}

#[test]
fn trust_met_on_one_path_does_not_carry_over_to_another() {
    // "middle" is a CA below a trusted root, and below a stranger, whom the record names: no single path has both.
    let (root, stranger) = (Ca::root("root"), Ca::root("stranger"));
    let middle = root.ca("middle");
    let by_stranger = middle.cross_signed_by(&stranger, |_| {});
    let leaf = middle.leaf();
    let records = [tlsa(0, 0, 1, &stranger.certificate)];
    let sent = [&middle.certificate, &by_stranger.certificate, &stranger.certificate];
    for (first, second, third) in [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)] {
        let chain = [&leaf, sent[first], sent[second], sent[third]];
        let result = check_full(&chain, &records, &[&root.certificate]);
        assert_eq!(result, untrusted(0, PathFault::NotIssuedBelowAnchor));
    }
}

#[test]
fn d71_23_names_dates_and_constraints_count() {
    let constrained = |permitted: &str| {
        let permitted_subtrees = vec![GeneralSubtree::DnsName(permitted.into())];
        move |ca: &mut CertificateParams| {
            ca.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: vec![] });
        }
    };
    let root = Ca::root("root");
    let old_root = Ca::root_with("root", expired);
    let (inside, outside) = (
        Ca::root_with("root", constrained("example.com")),
        Ca::root_with("root", constrained("example.org")),
    );
    type Change = fn(&mut CertificateParams);
    type Expected = fn(&Result<(), VerifyError>) -> bool;
    let rows: [(&Ca, Change, Expected, &str); 7] = [
        (&root, |_| {}, Result::is_ok, "nothing is wrong"),
        (
            &root,
            expired,
            |result| matches!(result, Err(VerifyError::Expired { depth: 0, .. })),
            "an old leaf",
        ),
        (
            &root,
            not_yet_valid,
            |result| matches!(result, Err(VerifyError::NotYetValid { depth: 0, .. })),
            "a young leaf",
        ),
        (
            &root,
            |leaf| leaf.subject_alt_names.clear(),
            |result| matches!(result, Err(VerifyError::NameMismatch { .. })),
            "no name",
        ),
        (&old_root, |_| {}, Result::is_ok, "the dates of a root do not count"),
        (&inside, |_| {}, Result::is_ok, "its constraints do: within"),
        (
            &outside,
            |_| {},
            |result| {
                matches!(result, Err(VerifyError::Untrusted { fault: PathFault::NameConstraints { .. }, .. }))
            },
            "its constraints do: without",
        ),
    ];
    for (root, change, expected, why) in rows {
        let leaf = root.leaf_with(change);
        for records in [[tlsa(0, 0, 1, &root.certificate)], [tlsa(1, 0, 1, &leaf)]] {
            let result = check_full(&[&leaf], &records, &[&root.certificate]).map(|_| ());
            assert!(expected(&result), "{why}, usage {}: {result:?}", records[0].usage);
        }
    }
}

#[test]
fn a_root_may_be_the_leaf_itself() {
    let ca = Ca::root_with("self", |ca| {
        ca.subject_alt_names =
            CertificateParams::new([crate::pki::HOST.to_owned()]).unwrap().subject_alt_names;
        ca.key_usages.push(rcgen::KeyUsagePurpose::DigitalSignature);
    });
    let leaf = &ca.certificate;
    assert_eq!(found(check_full(&[leaf], &[tlsa(1, 1, 1, leaf)], &[leaf])), Ok((0, 0)));
    let no_ca = self_signed(|_| {});
    let result = check_full(&[&no_ca], &[tlsa(1, 1, 1, &no_ca)], &[&no_ca]);
    assert_eq!(result, untrusted(1, PathFault::NotACa), "trusted, and yet no CA");
}

#[test]
fn weak_signatures_are_refused() {
    let root = data("rsa-root.der");
    for (leaf, expected) in [
        ("rsa-leaf.der", Ok((0, 0))),
        ("sha1-leaf.der", untrusted(0, PathFault::Algorithm { found: "1.2.840.113549.1.1.5".to_owned() })),
        ("rsa1024-leaf.der", untrusted(0, PathFault::WeakKey { bits: 1024, minimum: 2048 })),
    ] {
        let leaf = data(leaf);
        assert_eq!(found(check_full(&[&leaf], &[tlsa(1, 0, 1, &leaf)], &[&root])), expected);
    }
}

#[test]
fn names_for_dane_ee_where_they_are_asked_for() {
    let leaf = self_signed(|_| {});
    let records = [tlsa(3, 1, 1, &leaf)];
    let check = |host, ee_names| found(check_full_for(host, ee_names, &[&leaf], &records, &[]));
    assert_eq!(check("other.test", EeNames::Ignore), Ok((0, 0)), "d71_07: the default");
    assert_eq!(check(crate::pki::HOST, EeNames::Check), Ok((0, 0)));
    let mismatch = check("other.test", EeNames::Check);
    assert!(matches!(mismatch, Err(VerifyError::NameMismatch { .. })), "{mismatch:?}");
    // Dates play no part all the same.
    let old = self_signed(expired);
    let result = check_full_for(crate::pki::HOST, EeNames::Check, &[&old], &[tlsa(3, 0, 1, &old)], &[]);
    assert_eq!(found(result), Ok((0, 0)));
    // Another record may still match; where none does, the name is what is wrong.
    let root = Ca::root("root");
    let leaf = root.leaf();
    let records = [tlsa(3, 1, 1, &leaf), tlsa(2, 0, 1, &Ca::root("unseen").certificate)];
    let result = check_full_for("other.test", EeNames::Check, &[&leaf, &root.certificate], &records, &[]);
    assert!(matches!(result, Err(VerifyError::NameMismatch { .. })), "{result:?}");
}

#[test]
fn usages_beside_each_other() {
    let (public, private) = (Ca::root("public"), Ca::root("private"));
    let leaf = public.leaf();
    let chain = [&leaf, &public.certificate];
    let of_public = tlsa(0, 0, 1, &public.certificate);
    let records = [
        tlsa(2, 0, 1, &private.certificate),
        tlsa(3, 1, 1, &private.leaf()),
        of_public.clone(),
        tlsa(1, 1, 1, &leaf),
    ];
    let matched = check_full(&chain, &records, &[&public.certificate]).unwrap();
    assert_eq!((matched.index, matched.depth, matched.usage), (3, 0, Usage::PkixEe), "the leaf before CAs");
    let matched = check_full(&chain, &records[..3], &[&public.certificate]).unwrap();
    assert_eq!((matched.index, matched.depth, matched.usage), (2, 1, Usage::PkixTa));
    // Of two kinds of failure the one nearer to success.
    let old = private.leaf_with(expired);
    let records = [tlsa(2, 0, 1, &private.certificate), of_public];
    let result = check_full(&[&old, &private.certificate], &records, &[&public.certificate]);
    assert!(matches!(result, Err(VerifyError::Expired { .. })), "{result:?}");
}

#[test]
fn roots_are_kept_once_and_must_be_readable() {
    let root = Ca::root("root");
    let mut roots = trusted(&[&root.certificate, &root.certificate, &Ca::root("root").certificate]);
    assert_eq!((roots.len(), roots.is_empty()), (2, false));
    assert_eq!(roots.add(b"\x30\x00".to_vec().into()), Err(dane::MalformedCertificate));
    assert_eq!(roots.len(), 2);
}
