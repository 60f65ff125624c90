//! What is garbled: a small PKI that is the same in every run, and what is true about it.

use std::sync::LazyLock;

use dane::{TlsaRecord, leaf_spki};
use rcgen::{
    CertificateParams, ExtendedKeyUsagePurpose, GeneralSubtree, KeyPair, NameConstraints, date_time_ymd,
};
use ring::digest::{SHA256, SHA512, digest};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use crate::pki::{Ca, HOST, YEAR, tlsa};

/// A leaf below a CA that has certificates of two roots.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Corpus {
    pub(crate) leaf: CertificateDer<'static>,
    pub(crate) middle: CertificateDer<'static>,
    pub(crate) root: CertificateDer<'static>,
    /// The key of `middle`, certified by `other_root`.
    pub(crate) cross: CertificateDer<'static>,
    pub(crate) other_root: CertificateDer<'static>,
    /// Every usage, selector and matching type, for each certificate that the usage can be about.
    pub(crate) records: Vec<TlsaRecord>,
}

pub(crate) static CORPUS: LazyLock<Corpus> = LazyLock::new(Corpus::new);

impl Corpus {
    fn new() -> Self {
        let root = Ca::root_of(ed25519(1), "root", |ca| {
            ca.name_constraints = Some(NameConstraints {
                permitted_subtrees: vec![GeneralSubtree::DnsName("example.com".into())],
                excluded_subtrees: vec![GeneralSubtree::DnsName("example.org".into())],
            });
        });
        let other_root = Ca::root_of(ed25519(2), "other root", |_| {});
        let middle = root.ca_of(ed25519(3), "middle", |_| {});
        let cross = middle.cross_signed_by(&other_root, |_| {}).certificate;
        let leaf = middle.leaf_of(&ed25519(4), |leaf| {
            leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            let names = CertificateParams::new(["*.example.com".to_owned(), HOST.to_owned()]);
            leaf.subject_alt_names = names.unwrap().subject_alt_names;
            leaf.not_before = date_time_ymd(YEAR - 1, 1, 1);
            leaf.not_after = date_time_ymd(YEAR + 1, 1, 1);
        });
        let (middle, root, other_root) = (middle.certificate, root.certificate, other_root.certificate);
        let mut records = Vec::new();
        for usage in 0..4 {
            let named: &[_] = if usage % 2 == 1 { &[&leaf] } else { &[&middle, &cross, &root, &other_root] };
            for certificate in named {
                for (selector, matching) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
                    records.push(tlsa(usage, selector, matching, certificate));
                }
            }
        }
        Self { leaf, middle, root, cross, other_root, records }
    }

    /// The keys that have signed, or are, what stands so far above the leaf in a sound path.
    pub(crate) fn keys(&self, depth: usize) -> Vec<Vec<u8>> {
        let key = |certificate| leaf_spki(certificate).unwrap().to_vec();
        match depth {
            0 => vec![key(&self.leaf)],
            1 => vec![key(&self.middle)],
            _ => vec![key(&self.root), key(&self.other_root)],
        }
    }

    /// Whether a root has signed this for the key that has signed the leaf.
    pub(crate) fn is_issued_middle(&self, certificate: &[u8]) -> bool {
        [&self.middle, &self.cross].iter().any(|genuine| genuine.as_ref() == certificate)
    }
}

/// Whether a matching type makes `data` out of `part` (RFC 6698 §2.1.3).
pub(crate) fn agrees(matching: u8, part: &[u8], data: &[u8]) -> bool {
    match matching {
        0 => part == data,
        1 => digest(&SHA256, part).as_ref() == data,
        2 => digest(&SHA512, part).as_ref() == data,
        _ => false,
    }
}

pub(crate) fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The key of this number. Its signatures are the same in every run (RFC 8032 §5.1.6), so that a round can be repeated.
fn ed25519(number: u8) -> KeyPair {
    let pkcs8 =
        [&b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"[..], &[number; 32]].concat();
    KeyPair::try_from(&PrivatePkcs8KeyDer::from(pkcs8)).unwrap()
}

#[test]
fn every_run_has_the_same_corpus() {
    assert_eq!(Corpus::new(), Corpus::new());
}
