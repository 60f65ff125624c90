use std::sync::LazyLock;

use dane::{
    Digests, EeNames, Matching, Profile, ReferenceIds, Roots, Selection, Selector, Settings, TlsaRecord,
    Transport, Usage, leaf_spki, owner_name, select, select_rdata, verify_raw_key, verify_with,
};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, GeneralSubtree, NameConstraints};
use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer};

use crate::pki::{Ca, HOST, data, now, tlsa};

/// Changes per certificate; with few, every run finishes in seconds.
const ROUNDS: u64 = 3_000;

/// splitmix64: the same sequence on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// Some octets changed, inserted, removed, doubled or cut off, with a bias to what DER takes for lengths and tags.
    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        const INTERESTING: [u8; 14] = [0, 1, 2, 3, 4, 5, 6, 0x30, 0x7f, 0x80, 0x81, 0x82, 0xa3, 0xff];
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            let octet = match self.below(2) {
                0 => self.next() as u8,
                _ => INTERESTING[self.below(INTERESTING.len())],
            };
            match self.below(8) {
                _ if bytes.is_empty() => bytes.push(octet),
                0 => bytes.insert(at, octet),
                1 => drop(bytes.remove(at)),
                2 => bytes.truncate(at),
                3 => {
                    let part = bytes[at..(at + self.below(40)).min(bytes.len())].to_vec();
                    bytes.splice(at..at, part);
                }
                4 => bytes[at] ^= 1 << self.below(8),
                _ => bytes[at] = octet,
            }
        }
    }
}

struct Corpus {
    chain: Vec<CertificateDer<'static>>,
    roots: Roots,
    records: Vec<TlsaRecord>,
}

static CORPUS: LazyLock<Corpus> = LazyLock::new(|| {
    let root = Ca::root_with("root", |ca| {
        ca.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("example.com".into())],
            excluded_subtrees: vec![GeneralSubtree::DnsName("example.org".into())],
        });
    });
    let middle = root.ca("middle");
    let leaf = middle.leaf_with(|leaf| {
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let names = CertificateParams::new(["*.example.com".to_owned(), HOST.to_owned()]);
        leaf.subject_alt_names = names.unwrap().subject_alt_names;
    });
    let mut roots = Roots::new();
    roots.add(root.certificate.clone()).unwrap();
    let mut records = vec![tlsa(1, 0, 1, &leaf), tlsa(3, 1, 2, &leaf), tlsa(3, 0, 0, &leaf)];
    for usage in [0, 2] {
        for matching in 0..3 {
            records.push(tlsa(usage, 0, matching, &root.certificate));
            records.push(tlsa(usage, 1, matching, &root.certificate));
        }
    }
    Corpus { chain: vec![leaf, middle.certificate, root.certificate], roots, records }
});

#[test]
fn certificates() {
    let mut random = Random(6698);
    let (mut matched, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        let mut chain = CORPUS.chain.clone();
        let which = random.below(chain.len());
        let mut changed = chain[which].to_vec();
        random.mutate(&mut changed);
        let is_changed = chain[which].as_ref() != changed;
        chain[which] = changed.clone().into();
        let records = [CORPUS.records[random.below(CORPUS.records.len())].clone()];
        let Selection::Usable(usable) = select(&records, Profile::Full, &Digests::default()) else {
            panic!("{records:?}")
        };
        let settings = Settings {
            roots: &CORPUS.roots,
            ee_names: if random.below(2) == 0 { EeNames::Check } else { EeNames::Ignore },
        };
        let result = verify_with(&chain, &usable, &ReferenceIds::new(HOST), now(), &settings);
        match result {
            // What signatures cover cannot be changed; above the leaf only what the path does not need.
            Ok(found) if is_changed && which == 0 => {
                let spki = leaf_spki(&chain[0]).unwrap();
                assert_eq!((found.usage, found.selector), (Usage::DaneEe, Selector::Spki), "round {round}");
                assert_eq!(spki, leaf_spki(&CORPUS.chain[0]).unwrap(), "round {round}");
                matched += 1;
            }
            Ok(found) if is_changed && which == 1 => {
                assert_eq!(found.depth, 0, "round {round}: no path leads through it");
                assert_eq!(found.usage, Usage::DaneEe, "round {round}");
                matched += 1;
            }
            Ok(_) => matched += 1,
            Err(_) => refused += 1,
        }
        let made =
            TlsaRecord::from_certificate(Usage::DaneEe, Selector::Spki, Matching::Sha256, &chain[which]);
        assert_eq!(made.is_ok(), leaf_spki(&chain[which]).is_ok(), "round {round}");
        if Roots::new().add(changed.into()).is_ok() {
            assert!(made.is_ok(), "round {round}: a root is a certificate");
        }
    }
    assert!(matched > 100 && refused > 100, "{matched} matched, {refused} refused");
}

#[test]
fn records_in_wire_form() {
    let mut random = Random(7671);
    let mut usable_records = 0;
    for round in 0..ROUNDS {
        let mut rdata: Vec<_> = CORPUS.records.iter().map(TlsaRecord::to_wire).collect();
        for record in &mut rdata {
            random.mutate(record);
        }
        let profile = if random.below(2) == 0 { Profile::Smtp } else { Profile::Full };
        let selection = select_rdata(&rdata, profile, &Digests::default());
        let reasons = selection.reasons();
        assert_eq!(reasons.len(), rdata.len(), "round {round}: one word for each record");
        let Selection::Usable(usable) = &selection else { continue };
        usable_records += usable.len();
        for record in usable.iter() {
            assert_eq!(reasons[record.index()], None, "round {round}");
            assert_eq!(record.data(), &rdata[record.index()][3..], "round {round}");
        }
        let settings = Settings { roots: &CORPUS.roots, ee_names: EeNames::Ignore };
        let result = verify_with(&CORPUS.chain, usable, &ReferenceIds::new(HOST), now(), &settings);
        if let Ok(found) = result {
            assert_eq!(reasons[found.index], None, "round {round}: it is a usable record that matches");
        }
    }
    assert!(usable_records > 100, "{usable_records}");
}

#[test]
fn keys() {
    let mut random = Random(7250);
    let original = leaf_spki(&CORPUS.chain[0]).unwrap();
    let records = [tlsa(3, 1, 1, &CORPUS.chain[0]), tlsa(3, 1, 0, &CORPUS.chain[0])];
    let Selection::Usable(usable) = select(&records, Profile::Smtp, &Digests::default()) else {
        panic!("{records:?}")
    };
    let rsa = data("rsa-root.der");
    let rsa = leaf_spki(&rsa).unwrap();
    for round in 0..ROUNDS {
        for from in [&original, &rsa] {
            let mut changed = from.to_vec();
            random.mutate(&mut changed);
            let spki = SubjectPublicKeyInfoDer::from(changed.clone());
            assert_eq!(verify_raw_key(&spki, &usable).is_ok(), spki == original, "round {round}");
            let full = TlsaRecord { usage: 2, selector: 1, matching: 0, data: changed };
            let is_key = TlsaRecord::from_spki(Usage::DaneTa, Matching::Full, &spki).is_ok();
            let is_usable =
                matches!(select(&[full], Profile::Smtp, &Digests::default()), Selection::Usable(_));
            assert!(is_key || !is_usable, "round {round}: what is no key is no anchor");
        }
    }
}

#[test]
fn texts() {
    let mut random = Random(3597);
    let texts = [
        "3 1 1 ( e3b0c442 98fc1c14 )".to_owned(),
        CORPUS.records[0].to_unknown_form(),
        CORPUS.records[1].to_string(),
        "mx.example.com".to_owned(),
        "sha512,sha256".to_owned(),
    ];
    let (mut records, mut names) = (0, 0);
    for round in 0..ROUNDS * 5 {
        let mut bytes = texts[random.below(texts.len())].clone().into_bytes();
        random.mutate(&mut bytes);
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(record) = text.parse::<TlsaRecord>() {
            assert_eq!(record.to_string().parse(), Ok(record.clone()), "round {round}: {text:?}");
            assert_eq!(record.to_unknown_form().parse(), Ok(record.clone()), "round {round}: {text:?}");
            assert_eq!(TlsaRecord::from_wire(&record.to_wire()), Ok(record), "round {round}: {text:?}");
            records += 1;
        }
        if let Ok(name) = owner_name(25, Transport::Tcp, &text) {
            let host = name.strip_prefix("_25._tcp.").unwrap();
            assert!(host.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.')), "{text:?}");
            names += 1;
        }
        if let Ok(digests) = text.parse::<Digests>() {
            assert!(digests.iter().all(|digest| digest != Matching::Full), "{text:?}");
        }
    }
    assert!(records > 100 && names > 100, "{records} records, {names} names");
}
