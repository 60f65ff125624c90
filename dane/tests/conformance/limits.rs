use std::time::{Duration, Instant};

use dane::{TlsaRecord, VerifyError, Work};
use rcgen::{CertificateParams, CustomExtension, GeneralSubtree, NameConstraints, SanType};

use crate::pki::{Ca, check, check_full, expired, found, no_match, tlsa};

#[test]
fn a_chain_has_a_limit_of_certificates_only_where_paths_are_built() {
    let root = Ca::root("root");
    let leaf = root.leaf();
    let strangers: Vec<_> = (0..64).map(|n| Ca::root(&format!("stranger {n}")).certificate).collect();
    let with = |count: usize| {
        std::iter::once(&leaf).chain(&strangers[..count]).chain([&root.certificate]).collect::<Vec<_>>()
    };
    let anchor = [tlsa(2, 0, 1, &root.certificate)];
    assert_eq!(found(check(&with(63), &anchor)), Ok((1, 0)));
    let too_many = VerifyError::TooMuchWork { what: Work::Certificates, limit: 64 };
    assert_eq!(found(check(&with(64), &anchor)), Err(too_many));
    assert_eq!(found(check(&with(64), &[tlsa(3, 1, 1, &leaf)])), Ok((0, 0)));
}

#[test]
fn a_chain_has_a_limit_of_octets_only_where_paths_are_built() {
    let root = Ca::root("root");
    let leaf = |octets: usize| {
        root.leaf_with(|leaf| {
            let extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![0; octets]);
            leaf.custom_extensions.push(extension);
        })
    };
    let anchor = [tlsa(2, 0, 1, &root.certificate)];
    let (long, too_long) = (leaf(1_000_000), leaf(1 << 20));
    assert_eq!(found(check(&[&long, &root.certificate], &anchor)), Ok((1, 0)));
    let too_many = VerifyError::TooMuchWork { what: Work::Octets, limit: 1 << 20 };
    assert_eq!(found(check(&[&too_long, &root.certificate], &anchor)), Err(too_many.clone()));
    let above = [&root.leaf(), &root.certificate, &too_long];
    assert_eq!(found(check(&above, &anchor)), Err(too_many), "of all together");
    assert_eq!(found(check(&[&too_long], &[tlsa(3, 1, 1, &too_long)])), Ok((0, 0)));
}

#[test]
fn two_hundred_records_and_thirty_certificates() {
    let root = Ca::root("root");
    let middle = root.ca("middle");
    let leaf = middle.leaf();
    let decoys: Vec<_> = (0..28).map(|_| Ca::root("middle").certificate).collect();
    let chain: Vec<_> =
        std::iter::once(&leaf).chain(&decoys).chain([&middle.certificate, &root.certificate]).collect();
    let mut records: Vec<_> = (0..199).map(|n| tlsa(2, n % 2, 1, &Ca::root("unseen").certificate)).collect();
    records.push(tlsa(2, 0, 1, &root.certificate));
    let begin = Instant::now();
    assert_eq!(found(check(&chain, &records)), Ok((2, 199)));
    assert!(begin.elapsed() < Duration::from_secs(2), "took {:?}", begin.elapsed());
}

#[test]
fn two_hundred_bare_keys_and_thirty_certificates() {
    let root = Ca::root("root");
    let mut cas = vec![root.ca("0")];
    for depth in 1..29 {
        let next = cas[depth - 1].ca(&depth.to_string());
        cas.push(next);
    }
    let leaf = cas[28].leaf();
    let chain: Vec<_> = std::iter::once(&leaf).chain(cas.iter().map(|ca| &ca.certificate)).collect();
    let mut records: Vec<_> = (0..199).map(|_| tlsa(2, 1, 0, &Ca::root("unseen").certificate)).collect();
    records.push(tlsa(2, 1, 0, &root.certificate));
    assert_eq!(found(check(&chain, &records)), Ok((29, 199)));
}

#[test]
fn comparisons_are_limited() {
    let root = Ca::root("root");
    let leaf = root.leaf();
    let strangers: Vec<_> = (0..63).map(|n| Ca::root(&format!("stranger {n}")).certificate).collect();
    let chain: Vec<_> = std::iter::once(&leaf).chain(&strangers).chain([&root.certificate]).collect();
    let anchor = tlsa(2, 0, 1, &root.certificate);
    let other = TlsaRecord { data: vec![7; 32], ..anchor.clone() };
    let with = |count: usize| {
        let mut records = vec![other.clone(); count - 1];
        records.push(anchor.clone());
        found(check(&chain, &records))
    };
    assert_eq!(with(200_000 / 64), Ok((1, 3124)));
    let limit = VerifyError::TooMuchWork { what: Work::Comparisons, limit: 200_000 };
    assert_eq!(with(200_000 / 64 + 1), Err(limit));
}

#[test]
fn a_chain_below_given_roots_is_limited_like_any_other() {
    let root = Ca::root("root");
    let leaf = root.leaf();
    let strangers: Vec<_> = (0..65).map(|n| Ca::root(&format!("stranger {n}")).certificate).collect();
    let records = [tlsa(0, 0, 1, &root.certificate)];
    let chain: Vec<_> = std::iter::once(&leaf).chain(&strangers).collect();
    assert_eq!(found(check_full(&chain[..65], &records, &[&root.certificate])), Ok((1, 0)));
    let too_many = VerifyError::TooMuchWork { what: Work::Certificates, limit: 64 };
    assert_eq!(check_full(&chain, &records, &[&root.certificate]), Err(too_many));
    // Roots do not count: the client has chosen them. Those of other names cost nothing.
    let roots: Vec<_> = strangers.iter().chain([&root.certificate]).collect();
    assert_eq!(found(check_full(&[&leaf], &records, &roots)), Ok((1, 0)));
}

#[test]
fn signatures_are_limited() {
    // CAs of one name in a ring, each with its own key and signed by the next: who signed whom is only known once all
    // have been tried.
    let issuer = Ca::root("same");
    let leaf = issuer.leaf();
    let mutual: Vec<Ca> = (0..30).map(|_| Ca::root("same")).collect();
    let mut sent = vec![];
    for (ca, next) in mutual.iter().zip(mutual.iter().cycle().skip(1)) {
        sent.push(ca.cross_signed_by(next, |_| {}).certificate);
    }
    sent.push(issuer.cross_signed_by(&mutual[0], |_| {}).certificate);
    let chain: Vec<_> = std::iter::once(&leaf).chain(&sent).collect();
    let stranger = Ca::root("stranger");
    // A key that DNS has in full may have signed any of them.
    let result = check(&chain, &[tlsa(2, 1, 0, &stranger.certificate)]);
    assert!(
        matches!(result, Err(VerifyError::TooMuchWork { what: Work::Signatures, limit: 256 })),
        "{result:?}"
    );
}

#[test]
fn as_many_signatures_as_are_allowed() {
    let leaf = Ca::root("root").leaf();
    let keys =
        |count: usize| (0..count).map(|_| tlsa(2, 1, 0, &Ca::root("unseen").certificate)).collect::<Vec<_>>();
    assert_eq!(found(check(&[&leaf], &keys(256))), Err(no_match(256, 1)));
    let limit = VerifyError::TooMuchWork { what: Work::Signatures, limit: 256 };
    assert_eq!(found(check(&[&leaf], &keys(257))), Err(limit));
}

#[test]
fn bare_keys_that_key_identifiers_point_to_are_tried_first() {
    let records: Vec<_> = (0..199).map(|_| tlsa(2, 1, 0, &Ca::root("unseen").certificate)).collect();
    for _ in 0..8 {
        let (root, other) = (Ca::root("root"), Ca::root("other"));
        let middle = root.ca("middle");
        let by_other = middle.cross_signed_by(&other, |_| {});
        let chain = [&middle.leaf(), &middle.certificate, &by_other.certificate];
        let records = [records.as_slice(), &[tlsa(2, 1, 0, &root.certificate)]].concat();
        assert_eq!(found(check(&chain, &records)), Ok((1, 199)), "by both, all keys are too many");
    }
}

#[test]
fn the_order_of_bare_keys_does_not_decide_what_is_too_much() {
    // Either of two authorities that were not sent may have signed the certificate at the top, so each key is tried twice.
    let nameless = |ca: &mut CertificateParams| ca.use_authority_key_identifier_extension = false;
    let (root, other) = (Ca::root("root"), Ca::root("other"));
    let middle = root.ca_with("middle", nameless);
    let by_other = middle.cross_signed_by(&other, |_| {});
    let leaf = middle.leaf();
    let chain = [&leaf, &middle.certificate, &by_other.certificate];
    for seen in [&root, &other] {
        let mut records: Vec<_> = (0..199).map(|_| tlsa(2, 1, 0, &Ca::root("unseen").certificate)).collect();
        records.push(tlsa(2, 1, 0, &seen.certificate));
        let outcome = |records: &[TlsaRecord]| check(&chain, records).map(|matched| matched.depth);
        let first = outcome(&records);
        for _ in 0..4 {
            records.rotate_left(50);
            assert_eq!(outcome(&records), first);
        }
        records.reverse();
        assert_eq!(outcome(&records), first);
    }
}

#[test]
fn steps_are_limited() {
    // Eight entities that all sign each other: the simple paths through them are tens of thousands.
    let cas: Vec<Ca> = (0..8).map(|n| Ca::root(&n.to_string())).collect();
    let mut sent = vec![];
    for (n, ca) in cas.iter().enumerate() {
        for (m, issuer) in cas.iter().enumerate() {
            if n != m {
                sent.push(ca.cross_signed_by(issuer, |_| {}).certificate);
            }
        }
    }
    let leaf = cas[0].leaf();
    let chain: Vec<_> = std::iter::once(&leaf).chain(&sent).collect();
    let stranger = Ca::root("stranger");
    let result = check(&chain, &[tlsa(2, 1, 0, &stranger.certificate)]);
    assert_eq!(result, Err(VerifyError::TooMuchWork { what: Work::Steps, limit: 1_000 }));
    // Where neither a certificate nor such a key can be the goal, there is nothing to search for.
    let result = check(&chain, &[tlsa(2, 0, 1, &stranger.certificate)]);
    assert_eq!(found(result), Err(no_match(1, chain.len())));
}

#[test]
fn as_many_steps_as_are_allowed() {
    // Many certificates of two CAs: each of the lower one's leads to each of the upper one's, and there it ends.
    let (root, stranger) = (Ca::root("root"), Ca::root("stranger"));
    let middle = root.ca("middle");
    let leaf = middle.leaf();
    let with = |lower: usize, upper: usize| {
        let lower = (0..lower).map(|_| middle.cross_signed_by(&root, |_| {}).certificate);
        let upper = (0..upper).map(|_| root.cross_signed_by(&root, |_| {}).certificate);
        let sent: Vec<_> = lower.chain(upper).collect();
        let chain: Vec<_> = std::iter::once(&leaf).chain(&sent).collect();
        found(check(&chain, &[tlsa(2, 1, 0, &stranger.certificate)]))
    };
    assert_eq!(with(25, 39), Err(no_match(1, 65)), "25 + 25 × 39 steps");
    let limit = VerifyError::TooMuchWork { what: Work::Steps, limit: 1_000 };
    assert_eq!(with(26, 38), Err(limit), "26 + 26 × 38");
}

#[test]
fn name_comparisons_are_limited() {
    // Each name is held against 249 bases, and the subject is one of the names.
    let subtrees: Vec<_> = (0..249).map(|n| GeneralSubtree::DnsName(format!("{n}.test"))).collect();
    let root = Ca::root_with("root", |ca| {
        ca.name_constraints =
            Some(NameConstraints { permitted_subtrees: vec![], excluded_subtrees: subtrees });
    });
    let names = |count: usize| {
        let names: Vec<_> = (0..count).map(|n| format!("{n}.example.com")).collect();
        root.leaf_with(|leaf| {
            leaf.subject_alt_names.extend(CertificateParams::new(names).unwrap().subject_alt_names)
        })
    };
    let records = [tlsa(2, 0, 1, &root.certificate)];
    assert_eq!(found(check(&[&names(198), &root.certificate], &records)), Ok((1, 0)));
    let limit = VerifyError::TooMuchWork { what: Work::NameComparisons, limit: 50_000 };
    assert_eq!(found(check(&[&names(199), &root.certificate], &records)), Err(limit));
}

#[test]
fn names_and_constraints_of_different_forms_are_limited_too() {
    let subtrees: Vec<_> = (0..300).map(|n| GeneralSubtree::DnsName(format!("{n}.test"))).collect();
    let everything = vec![GeneralSubtree::DnsName("example.com".to_owned()); 300];
    for (permitted, excluded, why) in [(vec![], subtrees, "excluded"), (everything, vec![], "permitted")] {
        let root = Ca::root_with("root", |ca| {
            ca.name_constraints =
                Some(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: excluded });
        });
        let mailboxes = |count: usize| {
            root.leaf_with(|leaf| {
                let mailbox = SanType::Rfc822Name("a@example.com".try_into().unwrap());
                leaf.subject_alt_names.extend(vec![mailbox; count]);
            })
        };
        let records = [tlsa(2, 0, 1, &root.certificate)];
        assert_eq!(found(check(&[&mailboxes(100), &root.certificate], &records)), Ok((1, 0)), "{why}");
        let limit = VerifyError::TooMuchWork { what: Work::NameComparisons, limit: 50_000 };
        assert_eq!(found(check(&[&mailboxes(200), &root.certificate], &records)), Err(limit), "{why}");
    }
}

#[test]
fn a_bare_key_is_tried_once_however_often_it_is_there() {
    let (root, other) = (Ca::root("root"), Ca::root("other"));
    let middle = root.ca_with("middle", expired);
    let by_other = middle.cross_signed_by(&other, |_| {});
    let leaf = middle.leaf();
    let records = vec![tlsa(2, 1, 0, &root.certificate); 60_000];
    let result = check(&[&leaf, &middle.certificate, &by_other.certificate], &records);
    assert!(matches!(result, Err(VerifyError::Expired { depth: 1, .. })), "{result:?}");
}
