use std::sync::LazyLock;

use dane::{Match, TlsaRecord, VerifyError};
use proptest::prelude::*;
use proptest::sample::subsequence;
use proptest::test_runner::RngSeed;
use rcgen::{BasicConstraints, IsCa};
use rustls_pki_types::CertificateDer;

use crate::pki::{Ca, check_full, expired, tlsa};

/// A server whose CAs are cross-signed, share names and keys, have expired or may not issue, with records for many of
/// them.
struct Server {
    leaf: CertificateDer<'static>,
    sent: Vec<CertificateDer<'static>>,
    records: Vec<TlsaRecord>,
    roots: Vec<CertificateDer<'static>>,
}

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let (old, new, narrow) = (
        Ca::root("old"),
        Ca::root("new"),
        Ca::root_with("narrow", |ca| ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0))),
    );
    let middle = old.ca("middle");
    let twin = new.ca("middle");
    let by_new = middle.cross_signed_by(&new, |_| {});
    let by_new_late = middle.cross_signed_by(&new, expired);
    let lower = middle.ca("lower");
    let lower_by_narrow = lower.cross_signed_by(&narrow, |_| {});
    let leaf = lower.leaf();
    let sent: Vec<_> = [&old, &new, &narrow, &middle, &twin, &by_new, &by_new_late, &lower, &lower_by_narrow]
        .map(|ca| ca.certificate.clone())
        .into_iter()
        .chain([b"garbage".to_vec().into()])
        .collect();
    let of = |usage, selector, matching, ca: &Ca| tlsa(usage, selector, matching, &ca.certificate);
    let records = vec![
        of(2, 0, 1, &old),
        of(2, 1, 1, &new),
        of(2, 1, 0, &new),
        of(2, 0, 0, &narrow),
        of(2, 0, 1, &by_new_late),
        of(2, 0, 1, &twin),
        of(0, 0, 1, &middle),
        of(0, 1, 1, &new),
        tlsa(1, 1, 1, &leaf),
        tlsa(3, 0, 1, &Ca::root("stranger").leaf()),
        tlsa(2, 0, 1, &leaf),
    ];
    Server { leaf, sent, records, roots: vec![old.certificate.clone(), new.certificate.clone()] }
});

/// A choice of some, and the same in another order, some of them twice.
fn in_two_orders<T: Clone + std::fmt::Debug + 'static>(
    all: &[T],
    min: usize,
) -> impl Strategy<Value = (Vec<T>, Vec<T>)> + use<T> {
    subsequence(all.to_vec(), min..=all.len()).prop_flat_map(|some| {
        let again = subsequence(some.clone(), 0..=some.len());
        again.prop_flat_map(move |again| {
            (Just(some.clone()), Just([some.clone(), again].concat()).prop_shuffle())
        })
    })
}

/// What must not depend on any order: all but the places of records and certificates in their lists.
fn outcome(result: Result<Match, VerifyError>, records: &[TlsaRecord]) -> String {
    match result {
        Ok(matched) => format!("{} at depth {}", records[matched.index].usage, matched.depth),
        Err(VerifyError::NoMatch { .. }) => "no match".into(),
        Err(VerifyError::Malformed { .. }) => "malformed".into(),
        Err(other) => format!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, rng_seed: RngSeed::Fixed(7671), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn neither_the_order_of_records_nor_of_certificates_decides(
        (sent, sent_otherwise) in in_two_orders(&SERVER.sent, 0),
        (records, records_otherwise) in in_two_orders(&SERVER.records, 1),
        (roots, roots_otherwise) in in_two_orders(&SERVER.roots, 0),
    ) {
        let check = |sent: &[CertificateDer<'static>], records: &[TlsaRecord], roots: &[CertificateDer<'static>]| {
            let chain: Vec<_> = std::iter::once(&SERVER.leaf).chain(sent).collect();
            outcome(check_full(&chain, records, &roots.iter().collect::<Vec<_>>()), records)
        };
        let expected = check(&sent, &records, &roots);
        prop_assert_eq!(check(&sent_otherwise, &records, &roots), expected.clone(), "certificates");
        prop_assert_eq!(check(&sent, &records_otherwise, &roots), expected.clone(), "records");
        prop_assert_eq!(check(&sent, &records, &roots_otherwise), expected.clone(), "roots");
        prop_assert_eq!(check(&sent_otherwise, &records_otherwise, &roots_otherwise), expected, "all three");
    }
}

#[test]
fn the_order_of_roots_does_not_choose_the_error() {
    // Two certificates of one root, each with a fault of its own.
    let root = Ca::root("root");
    let middle = root.ca("middle");
    let leaf = middle.leaf();
    let narrow = root.cross_signed_by(&root, |ca| ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let for_clients = root.cross_signed_by(&root, |ca| {
        ca.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    });
    let (narrow, for_clients) = (&narrow.certificate, &for_clients.certificate);
    let records = [tlsa(1, 1, 1, &leaf)];
    let check = |sent: &[&CertificateDer<'static>], roots: &[&CertificateDer<'static>]| {
        check_full(&[&[&leaf, &middle.certificate], sent].concat(), &records, roots)
    };
    let expected = check(&[], &[narrow, for_clients]);
    assert!(matches!(expected, Err(VerifyError::Untrusted { depth: 2, .. })), "{expected:?}");
    assert_eq!(check(&[], &[for_clients, narrow]), expected);
    for sent in [&[narrow][..], &[for_clients], &[narrow, for_clients], &[for_clients, narrow]] {
        assert_eq!(check(sent, &[for_clients, narrow]), expected);
    }
}

#[test]
fn the_server_shows_every_kind_of_outcome() {
    // Were all outcomes alike, the test above would show nothing.
    let all: Vec<_> = std::iter::once(&SERVER.leaf).chain(&SERVER.sent).collect();
    let roots: Vec<_> = SERVER.roots.iter().collect();
    let mut outcomes: Vec<_> = SERVER
        .records
        .iter()
        .map(|record| {
            let record = std::slice::from_ref(record);
            outcome(check_full(&all, record, &roots), record)
        })
        .map(|outcome| outcome.split([' ', '{']).take(3).collect::<Vec<_>>().join(" "))
        .collect();
    outcomes.sort();
    outcomes.dedup();
    assert!(outcomes.len() >= 5, "{outcomes:?}");
}
