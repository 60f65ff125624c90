use std::sync::LazyLock;

use dane::{Digests, Profile, Selection, TlsaRecord, VerifyError, leaf_spki, select};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rustls_pki_types::CertificateDer;

use crate::pki::{Ca, check, tlsa};

static PKI: LazyLock<[CertificateDer<'static>; 3]> = LazyLock::new(|| {
    let root = Ca::root("root");
    let middle = root.ca("middle");
    [middle.leaf(), middle.certificate, root.certificate]
});

#[test]
fn a_change_of_any_bit_below_the_anchor_breaks_the_path() {
    let [leaf, middle, root] = &*PKI;
    let records = [tlsa(2, 0, 1, root)];
    assert!(check(&[leaf, middle, root], &records).is_ok());
    for (position, certificate) in [leaf, middle].into_iter().enumerate() {
        for octet in 0..certificate.len() {
            for bit in [0, 7] {
                let mut changed = certificate.to_vec();
                changed[octet] ^= 1 << bit;
                let changed = changed.into();
                let chain = if position == 0 { [&changed, middle, root] } else { [leaf, &changed, root] };
                let result = check(&chain, &records);
                assert!(result.is_err(), "certificate {position}, octet {octet}, bit {bit}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(6698), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn wire_and_presentation_form_agree(rdata in vec(any::<u8>(), 3..80)) {
        let record = TlsaRecord::from_wire(&rdata).unwrap();
        prop_assert_eq!(record.to_string().parse::<TlsaRecord>(), Ok(record.clone()));
        prop_assert_eq!(record.to_wire(), rdata);
    }

    #[test]
    fn arbitrary_text_is_read_or_refused(text in ".{0,60}") {
        if let Ok(record) = text.parse::<TlsaRecord>() {
            prop_assert_eq!(record.to_string().parse::<TlsaRecord>(), Ok(record));
        }
    }

    #[test]
    fn every_record_counts_or_has_a_reason(rrset in vec((0u8..5, 0u8..3, 0u8..4, 0usize..70), 0..12)) {
        let records: Vec<_> = rrset
            .into_iter()
            .map(|(usage, selector, matching, octets)| TlsaRecord { usage, selector, matching, data: vec![1; octets] })
            .collect();
        let selection = select(&records, Profile::Smtp, &Digests::default());
        let reasons = selection.reasons();
        prop_assert_eq!(reasons.len(), records.len());
        let counting: Vec<_> =
            reasons.iter().enumerate().filter(|(_, reason)| reason.is_none()).map(|(index, _)| index).collect();
        match selection {
            Selection::Empty => prop_assert!(records.is_empty()),
            Selection::AllUnusable(_) => prop_assert!(!records.is_empty() && counting.is_empty()),
            Selection::Usable(usable) => {
                let usable: Vec<_> = usable.iter().map(dane::UsableTlsa::index).collect();
                prop_assert!(!usable.is_empty());
                prop_assert_eq!(usable, counting);
            }
        }
    }

    #[test]
    fn scrambled_certificates_are_refused(
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        which in 0usize..3,
    ) {
        let mut chain = PKI.clone();
        let mut scrambled = chain[which].to_vec();
        for (index, octet) in changes {
            let at = index.index(scrambled.len());
            scrambled[at] = octet;
        }
        scrambled.truncate(cut.index(scrambled.len()) + 1);
        let changed = scrambled != chain[which].as_ref();
        chain[which] = scrambled.into();
        let _ = leaf_spki(&chain[which]);
        let result = check(&chain.iter().collect::<Vec<_>>(), &[tlsa(2, 0, 1, &PKI[2]), tlsa(3, 0, 2, &PKI[0])]);
        match result {
            // A leaf in its old form still matches by itself; nothing else does.
            Ok(_) => prop_assert!(!changed || which != 0),
            Err(VerifyError::EmptyChain) => prop_assert!(false, "there is a chain"),
            Err(_) => prop_assert!(changed),
        }
    }
}
