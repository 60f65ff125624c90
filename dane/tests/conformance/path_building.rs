use dane::{Match, PathFault, TlsaRecord, VerifyError};
use rcgen::{BasicConstraints, CertificateParams, DnType, DnValue, IsCa, KeyIdMethod};
use rustls_pki_types::CertificateDer;

use crate::pki::{Ca, check, check_full, common_name, expired, found, no_match, tlsa};

/// The result, which is the same for every order of the certificates above the leaf and of the records, apart from the
/// number of the record.
fn in_every_order(
    leaf: &CertificateDer<'static>,
    sent: &[&CertificateDer<'static>],
    records: &[TlsaRecord],
) -> Result<usize, VerifyError> {
    let depth = |result: Result<Match, VerifyError>| found(result).map(|(depth, _)| depth);
    let chain = |sent: &[&CertificateDer<'static>]| {
        std::iter::once(leaf.clone()).chain(sent.iter().copied().cloned()).collect::<Vec<_>>()
    };
    let check = |sent: &[&CertificateDer<'static>], records: &[TlsaRecord]| {
        depth(check(&chain(sent).iter().collect::<Vec<_>>(), records))
    };
    let expected = check(sent, records);
    for sent in permutations(sent) {
        for records in permutations(records) {
            let result = check(&sent, &records);
            assert_eq!(result.is_ok(), expected.is_ok(), "the order decides: {expected:?}, then {result:?}");
            if let (Err(result), Err(expected)) = (&result, &expected) {
                assert_eq!(std::mem::discriminant(result), std::mem::discriminant(expected));
            }
        }
    }
    expected
}

fn permutations<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    match items {
        [] => vec![vec![]],
        _ => (0..items.len())
            .flat_map(|first| {
                let mut rest = items.to_vec();
                let first = rest.remove(first);
                permutations(&rest).into_iter().map(move |tail| [vec![first.clone()], tail].concat())
            })
            .collect(),
    }
}

#[test]
fn any_order_with_duplicates_and_strangers() {
    let root = Ca::root("root");
    let upper = root.ca("upper");
    let lower = upper.ca("lower");
    let stranger = Ca::root("stranger");
    let sent = [
        &root.certificate,
        &stranger.certificate,
        &lower.certificate,
        &upper.certificate,
        &lower.certificate,
    ];
    let records = [tlsa(2, 0, 1, &root.certificate)];
    assert_eq!(in_every_order(&lower.leaf(), &sent, &records), Ok(3));
}

#[test]
fn cross_signed_cas() {
    let (old, new) = (Ca::root("old"), Ca::root("new"));
    let by_old = old.ca("middle");
    let by_new = by_old.cross_signed_by(&new, |_| {});
    let sent = [&by_old.certificate, &by_new.certificate, &new.certificate, &old.certificate];
    for root in [&old, &new] {
        assert_eq!(in_every_order(&by_old.leaf(), &sent, &[tlsa(2, 0, 1, &root.certificate)]), Ok(2));
    }
    // Of two ways to one anchor the one that has not expired counts.
    let old_way = by_old.cross_signed_by(&new, expired);
    let sent = [&old_way.certificate, &by_new.certificate, &new.certificate];
    assert_eq!(in_every_order(&by_old.leaf(), &sent, &[tlsa(2, 0, 1, &new.certificate)]), Ok(2));
}

#[test]
fn cas_of_one_name() {
    let [right, wrong, other] = ["same"; 3].map(Ca::root);
    let leaf = right.leaf();
    let sent = [&wrong.certificate, &right.certificate, &other.certificate];
    assert_eq!(in_every_order(&leaf, &sent, &[tlsa(2, 0, 1, &right.certificate)]), Ok(1));
    let both = [tlsa(2, 0, 1, &wrong.certificate), tlsa(2, 0, 1, &right.certificate)];
    assert_eq!(in_every_order(&leaf, &sent, &both), Ok(1));
    assert!(matches!(
        in_every_order(&leaf, &sent, &[tlsa(2, 0, 1, &wrong.certificate)]),
        Err(VerifyError::Untrusted { .. })
    ));
    let unseen = [tlsa(2, 0, 1, &Ca::root("same").certificate)];
    let sent = [&wrong.certificate, &other.certificate];
    assert_eq!(in_every_order(&leaf, &sent, &unseen), Err(no_match(1, 3)));
}

#[test]
fn another_ca_of_the_same_name_is_no_bad_signature() {
    let (root, renewed, stranger) = (Ca::root("root"), Ca::root("root"), Ca::root("stranger"));
    let sent = [&root.certificate, &renewed.certificate, &stranger.certificate];
    let records = [tlsa(2, 0, 1, &stranger.certificate)];
    let not_below = VerifyError::Untrusted { depth: 0, fault: PathFault::NotIssuedBelowAnchor };
    assert_eq!(in_every_order(&root.leaf(), &sent, &records), Err(not_below));
    let unsigned = VerifyError::Untrusted { depth: 0, fault: PathFault::Signature };
    assert_eq!(
        in_every_order(&root.leaf(), &sent[1..2], &[tlsa(2, 0, 1, &renewed.certificate)]),
        Err(unsigned)
    );
}

#[test]
fn an_issuer_that_was_not_tried_is_no_bad_signature() {
    // Each of two CAs signed the other: the second one's issuer stands in the path already, and its namesake is a stranger.
    let (one, two) = (Ca::root("one"), Ca::root("two"));
    let (namesake, stranger) = (Ca::root("one"), Ca::root("stranger"));
    let (below_two, below_one) = (one.cross_signed_by(&two, |_| {}), two.cross_signed_by(&one, |_| {}));
    let sent = [&below_two.certificate, &below_one.certificate, &namesake.certificate, &stranger.certificate];
    let result = in_every_order(&one.leaf(), &sent, &[tlsa(2, 0, 1, &stranger.certificate)]);
    assert_eq!(result, Err(VerifyError::Untrusted { depth: 0, fault: PathFault::NotIssuedBelowAnchor }));
}

#[test]
fn a_late_certificate_is_nearer_to_success_than_a_bad_signature() {
    let (root, renewed) = (Ca::root("root"), Ca::root("root"));
    let middle = root.ca_with("middle", expired);
    let by_renewed = middle.cross_signed_by(&renewed, |_| {});
    let sent = [&middle.certificate, &by_renewed.certificate, &root.certificate];
    let result = in_every_order(&middle.leaf(), &sent, &[tlsa(2, 0, 1, &root.certificate)]);
    assert!(matches!(result, Err(VerifyError::Expired { depth: 1, .. })), "{result:?}");
}

#[test]
fn of_two_failures_the_one_nearer_to_success_is_told() {
    // One certificate of the CA is late, the other below a root that allows no CA; whichever is looked at first.
    for (of_late, of_narrow) in [("new", "narrow"), ("narrowest", "new")] {
        let wide = Ca::root(of_late);
        let narrow = Ca::root_with(of_narrow, |ca| ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
        let late = wide.ca_with("middle", expired);
        let too_deep = late.cross_signed_by(&narrow, |ca| ca.not_after = rcgen::date_time_ymd(2999, 1, 1));
        let sent = [&late.certificate, &too_deep.certificate, &wide.certificate, &narrow.certificate];
        let records = [tlsa(2, 0, 1, &narrow.certificate), tlsa(2, 0, 1, &wide.certificate)];
        let result = in_every_order(&late.leaf(), &sent, &records);
        assert!(matches!(result, Err(VerifyError::Expired { depth: 1, .. })), "{result:?}");
    }
}

#[test]
fn names_of_cas_are_compared_by_their_text() {
    // RFC 5280 §7.1: string type, case and further spaces do not count.
    let mut root = Ca::root_with("root", |ca| {
        ca.distinguished_name
            .push(DnType::CommonName, DnValue::PrintableString("The Root".try_into().unwrap()));
    });
    root.params.distinguished_name = common_name(" the  ROOT");
    let leaf = root.leaf();
    assert_eq!(found(check(&[&leaf, &root.certificate], &[tlsa(2, 0, 1, &root.certificate)])), Ok((1, 0)));
    assert_eq!(found(check(&[&leaf], &[tlsa(2, 0, 0, &root.certificate)])), Ok((1, 0)), "from DNS");
    for records in [[tlsa(0, 0, 1, &root.certificate)], [tlsa(0, 0, 0, &root.certificate)]] {
        let result = check_full(&[&leaf], &records, &[&root.certificate]);
        assert_eq!(found(result), Ok((1, 0)), "as a root: {records:?}");
    }
    root.params.distinguished_name = common_name("the roots");
    let records = [tlsa(2, 0, 1, &root.certificate)];
    assert!(check(&[&root.leaf(), &root.certificate], &records).is_err(), "another name");
}

#[test]
fn two_records_for_one_ca() {
    // One entity with a certificate that allows no CA below it and one that does.
    let narrow = Ca::root_with("root", |ca| ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let wide = narrow.cross_signed_by(&narrow, |ca| ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let middle = narrow.ca("middle");
    let sent = [&middle.certificate, &narrow.certificate, &wide.certificate];
    let records = [tlsa(2, 0, 1, &narrow.certificate), tlsa(2, 0, 1, &wide.certificate)];
    assert_eq!(in_every_order(&middle.leaf(), &sent, &records), Ok(2));
    assert!(in_every_order(&middle.leaf(), &sent, &records[..1]).is_err());
}

#[test]
fn key_identifiers_are_hints() {
    type Change = fn(&mut CertificateParams);
    let absent: Change = |params| params.use_authority_key_identifier_extension = false;
    let wrong: Change = |params| params.key_identifier_method = KeyIdMethod::PreSpecified(b"wrong".to_vec());
    let same: Change = |_| {};
    for change_leaf in [same, absent] {
        for change_ca in [same, absent, wrong] {
            let root = Ca::root_with("root", change_ca);
            let decoy = Ca::root("root");
            let middle = root.ca_with("middle", change_ca);
            let leaf = middle.leaf_with(change_leaf);
            let sent = [&decoy.certificate, &middle.certificate, &root.certificate];
            for record in [tlsa(2, 0, 1, &root.certificate), tlsa(2, 1, 1, &root.certificate)] {
                assert_eq!(in_every_order(&leaf, &sent, &[record]), Ok(2));
            }
        }
    }
    // The leaf's identifier names the decoy's key, not the issuer's.
    let root = Ca::root("root");
    let decoy =
        Ca::root_with("root", |ca| ca.key_identifier_method = KeyIdMethod::PreSpecified(b"decoy".to_vec()));
    let misled =
        Ca { params: decoy.params.clone(), key: root.same_key(), certificate: root.certificate.clone() };
    let sent = [&decoy.certificate, &root.certificate];
    assert_eq!(in_every_order(&misled.leaf(), &sent, &[tlsa(2, 0, 1, &root.certificate)]), Ok(1));
}

#[test]
fn key_identifiers_save_signatures() {
    // At each of twenty steps there are dozens of CAs of the right name: trying half of them would be over the limit.
    let mut cas = vec![Ca::root("same")];
    for _ in 0..20 {
        let next = cas[cas.len() - 1].ca("same");
        cas.push(next);
    }
    let leaf = cas[20].leaf();
    let decoys: Vec<_> = (0..43).map(|_| Ca::root("same").certificate).collect();
    let chain: Vec<_> =
        std::iter::once(&leaf).chain(&decoys).chain(cas.iter().map(|ca| &ca.certificate)).collect();
    assert_eq!(found(check(&chain, &[tlsa(2, 0, 1, &cas[0].certificate)])), Ok((21, 0)));
}

#[test]
fn of_several_failures_the_one_nearest_to_success() {
    let (narrow, wide) = (Ca::root_with("narrow", |ca| ca.is_ca = IsCa::ExplicitNoCa), Ca::root("wide"));
    let unsound = narrow.ca("middle");
    let late = unsound.cross_signed_by(&wide, expired);
    let sent = [&unsound.certificate, &late.certificate, &narrow.certificate, &wide.certificate];
    let records = [tlsa(2, 0, 1, &narrow.certificate), tlsa(2, 0, 1, &wide.certificate)];
    let result = in_every_order(&unsound.leaf(), &sent, &records);
    assert!(matches!(result, Err(VerifyError::Expired { depth: 1, .. })), "{result:?}");
}

#[test]
fn cas_that_sign_each_other_end() {
    let a = Ca::root("a");
    let b = Ca::root("b");
    let a_by_b = a.cross_signed_by(&b, |_| {});
    let b_by_a = b.cross_signed_by(&a, |_| {});
    let sent = [&a_by_b.certificate, &b_by_a.certificate];
    let stranger = Ca::root("stranger");
    let records = [tlsa(2, 0, 1, &stranger.certificate)];
    assert_eq!(in_every_order(&a.leaf(), &sent, &records), Err(no_match(1, 3)));
}

#[test]
fn an_anchor_may_share_name_and_key_with_the_leaf() {
    let root = Ca::root("root");
    let leaf = root.cross_signed_by(&root, |leaf| {
        leaf.is_ca = IsCa::NoCa;
        leaf.key_usages.clear();
        leaf.subject_alt_names = CertificateParams::new([crate::pki::HOST.into()]).unwrap().subject_alt_names;
    });
    let result = check(&[&leaf.certificate, &root.certificate], &[tlsa(2, 0, 1, &root.certificate)]);
    assert_eq!(found(result), Ok((1, 0)));
}

#[test]
fn ten_certificates_deep() {
    let mut cas = vec![Ca::root("0")];
    for depth in 1..10 {
        let next = cas[depth - 1].ca(&depth.to_string());
        cas.push(next);
    }
    let leaf = cas[9].leaf();
    let chain: Vec<_> = std::iter::once(&leaf).chain(cas.iter().map(|ca| &ca.certificate)).collect();
    assert_eq!(found(check(&chain, &[tlsa(2, 0, 1, &cas[0].certificate)])), Ok((10, 0)));
}
