use dane::{MalformedCertificate, MalformedKey, Matching, Selector, TlsaRecord, Usage, leaf_spki};
use rustls_pki_types::SubjectPublicKeyInfoDer;

use crate::pki::{check_full, data, found, self_signed, tlsa};

const USAGES: [Usage; 4] = [Usage::PkixTa, Usage::PkixEe, Usage::DaneTa, Usage::DaneEe];
const MATCHING: [Matching; 3] = [Matching::Full, Matching::Sha256, Matching::Sha512];

#[test]
fn d66_16_records_of_every_kind_from_certificates_and_keys() {
    for certificate in [self_signed(|_| {}), data("v1-leaf.der"), data("rsa-leaf.der")] {
        let spki = leaf_spki(&certificate).unwrap();
        for usage in USAGES {
            for matching in MATCHING {
                for selector in [Selector::Cert, Selector::Spki] {
                    let record =
                        TlsaRecord::from_certificate(usage, selector, matching, &certificate).unwrap();
                    let expected = tlsa(usage.octet(), selector.octet(), matching.octet(), &certificate);
                    assert_eq!(record, expected);
                }
                let of_key = TlsaRecord::from_spki(usage, matching, &spki).unwrap();
                let of_certificate =
                    TlsaRecord::from_certificate(usage, Selector::Spki, matching, &certificate).unwrap();
                assert_eq!(of_key, of_certificate);
            }
        }
    }
}

#[test]
fn digests_are_those_that_openssl_makes() {
    // openssl x509 -in v1-leaf.der -inform DER -pubkey -noout | openssl pkey -pubin -outform DER | openssl dgst -sha256
    // openssl dgst -sha512 v1-leaf.der
    let certificate = data("v1-leaf.der");
    for (selector, matching, expected) in [
        (Selector::Spki, Matching::Sha256, SPKI_SHA256),
        (Selector::Cert, Matching::Sha512, CERTIFICATE_SHA512),
    ] {
        let record = TlsaRecord::from_certificate(Usage::DaneEe, selector, matching, &certificate).unwrap();
        assert_eq!(record.data_hex(), expected);
    }
}

#[test]
fn a_record_that_was_made_matches() {
    let leaf = self_signed(|_| {});
    for selector in [Selector::Cert, Selector::Spki] {
        for matching in MATCHING {
            let record = TlsaRecord::from_certificate(Usage::DaneEe, selector, matching, &leaf).unwrap();
            let printed: TlsaRecord = record.to_string().parse().unwrap();
            assert_eq!(found(check_full(&[&leaf], &[printed], &[])), Ok((0, 0)));
        }
    }
}

#[test]
fn what_is_no_certificate_or_key_makes_no_record() {
    let certificate = self_signed(|_| {});
    let spki = leaf_spki(&certificate).unwrap().to_vec();
    for (bytes, why) in [
        (vec![], "nothing"),
        (spki.clone(), "a key"),
        (certificate[..certificate.len() - 1].to_vec(), "cut short"),
        ([&certificate, &[0][..]].concat(), "something behind it"),
        (b"-----BEGIN CERTIFICATE-----".to_vec(), "PEM"),
    ] {
        for selector in [Selector::Cert, Selector::Spki] {
            let made = TlsaRecord::from_certificate(
                Usage::DaneEe,
                selector,
                Matching::Sha256,
                &bytes.clone().into(),
            );
            assert_eq!(made, Err(MalformedCertificate), "{why}");
        }
    }
    for (bytes, why) in [
        (vec![], "nothing"),
        (certificate.to_vec(), "a certificate"),
        (spki[..spki.len() - 1].to_vec(), "cut short"),
        ([&spki[..], &[0]].concat(), "something behind it"),
        (data("rsa-ca.pk8").to_vec(), "a private key"),
    ] {
        let spki = SubjectPublicKeyInfoDer::from(bytes);
        assert_eq!(TlsaRecord::from_spki(Usage::DaneEe, Matching::Full, &spki), Err(MalformedKey), "{why}");
    }
}

const SPKI_SHA256: &str = "51ec185fd73e1cc42a76510b22647088cf747406e130e010f97996cafade703f";
const CERTIFICATE_SHA512: &str = "5447d5258e409adb8a1cfa789ee57996f5dac0b09afeaadff938bac6a69d0c6f\
                                  2059c71e94c5dae8548afe879d6365128ab031766222c65d0ed057d0c0a18529";

#[test]
fn what_is_read_as_far_as_its_key_is_named_for_dane_ee_alone() {
    let spki = leaf_spki(&self_signed(|_| {})).unwrap().to_vec();
    let sequence =
        |content: &[u8]| [&[0x30, 0x81, u8::try_from(content.len()).unwrap()][..], content].concat();
    let fields = [b"\x02\x01\x01\x30\x00\x30\x00\x30\x00\x30\x00", &*spki].concat();
    let certificate = sequence(&sequence(&fields)).into();
    for usage in USAGES {
        let made = TlsaRecord::from_certificate(usage, Selector::Cert, Matching::Full, &certificate);
        assert_eq!(made.is_ok(), usage == Usage::DaneEe, "no other is usable: {usage}");
    }
}
