//! What the servers present.

use std::{sync::Arc, time::Duration};

use dane::TlsaRecord;
use mxtls_verifier::{Offer, Roots, TlsSettings};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, Issuer, KeyPair, SignatureAlgorithm,
    date_time_ymd,
};
use ring::digest::{SHA256, digest};
use rustls::{crypto::ring::sign::any_supported_type, sign::SigningKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};

/// The host of all tests.
pub(crate) const HOST: &str = "mx.example.com";

/// 2027-01-01: the time of all tests, inside the life of every certificate that is not said to be outside.
pub(crate) fn now() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(1_798_761_600))
}

/// A certification authority: in the tests one is trusted, and all others are not.
pub(crate) struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// Settings that trust this authority alone, at [`now`].
    pub(crate) fn trusted(&self, offer: &Offer) -> TlsSettings {
        TlsSettings::new(Roots::from_pem(self.0.pem().as_bytes()).unwrap(), offer).unwrap().at(now())
    }

    /// A server with a good certificate for `name`.
    pub(crate) fn server(&self, name: &str) -> Credentials {
        self.issue(leaf(name))
    }

    pub(crate) fn issue(&self, params: CertificateParams) -> Credentials {
        self.issue_for(&KeyPair::generate().unwrap(), params)
    }

    pub(crate) fn issue_for(&self, key: &KeyPair, params: CertificateParams) -> Credentials {
        let issuer: &Issuer<'_, _> = &self.0;
        let chain = vec![params.signed_by(key, issuer).unwrap().der().clone(), self.der()];
        Credentials { chain, key: signing_key(&key.serialize_der()) }
    }
}

/// A good certificate for `name`, to be spoilt.
pub(crate) fn leaf(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2028, 1, 1);
    params
}

/// What a server presents, and the key that it signs with.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: Arc<dyn SigningKey>,
}

impl Credentials {
    pub(crate) fn self_signed(params: CertificateParams, algorithm: &'static SignatureAlgorithm) -> Self {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let chain = vec![params.self_signed(&key).unwrap().der().clone()];
        Self { chain, key: signing_key(&key.serialize_der()) }
    }

    /// One of `tests/data`.
    pub(crate) fn stored(certificate: &'static [u8], key: &[u8]) -> Self {
        Self { chain: vec![certificate.into()], key: signing_key(key) }
    }

    pub(crate) fn v1() -> Self {
        Self::stored(include_bytes!("../data/v1.der"), include_bytes!("../data/p256.key.der"))
    }

    pub(crate) fn unknown_critical() -> Self {
        Self::stored(include_bytes!("../data/unknown-critical.der"), include_bytes!("../data/p256.key.der"))
    }

    /// The same certificates in the hands of somebody who does not have their key.
    pub(crate) fn stolen(mut self) -> Self {
        self.key = signing_key(&KeyPair::generate().unwrap().serialize_der());
        self
    }

    /// The key alone, as a server presents it in the place of certificates (RFC 7250).
    pub(crate) fn spki(&self) -> CertificateDer<'static> {
        self.key.public_key().unwrap().as_ref().to_vec().into()
    }

    /// The `3 1 1` record of the leaf.
    pub(crate) fn dane_ee_key(&self) -> TlsaRecord {
        let data = digest(&SHA256, &dane::leaf_spki(&self.chain[0]).unwrap()).as_ref().to_vec();
        TlsaRecord { usage: 3, selector: 1, matching: 1, data }
    }

    /// The `1 0 1` record of the leaf.
    pub(crate) fn pkix_ee(&self) -> TlsaRecord {
        let data = digest(&SHA256, &self.chain[0]).as_ref().to_vec();
        TlsaRecord { usage: 1, selector: 0, matching: 1, data }
    }

    /// The `0 0 1` record of the certificate above the leaf.
    pub(crate) fn pkix_ta(&self) -> TlsaRecord {
        let data = digest(&SHA256, &self.chain[1]).as_ref().to_vec();
        TlsaRecord { usage: 0, selector: 0, matching: 1, data }
    }

    /// A `3 0 0` record of the leaf.
    pub(crate) fn dane_ee(&self) -> TlsaRecord {
        TlsaRecord { usage: 3, selector: 0, matching: 0, data: self.chain[0].to_vec() }
    }

    /// A `2 0 0` record of the certificate above the leaf.
    pub(crate) fn dane_ta(&self) -> TlsaRecord {
        TlsaRecord { usage: 2, selector: 0, matching: 0, data: self.chain[1].to_vec() }
    }
}

/// A well-formed `3 1 1` record that nothing matches.
pub(crate) fn foreign_tlsa() -> TlsaRecord {
    TlsaRecord { usage: 3, selector: 1, matching: 1, data: vec![0; 32] }
}

/// A record that an SMTP client cannot use (RFC 7672 §3.1.3).
pub(crate) fn unusable_tlsa() -> TlsaRecord {
    TlsaRecord { usage: 1, selector: 1, matching: 1, data: vec![0; 32] }
}

/// A key of every kind that the client can verify.
pub(crate) fn keys() -> [(&'static str, KeyPair); 5] {
    let generate = |algorithm| KeyPair::generate_for(algorithm).unwrap();
    let rsa = |der: &[u8]| {
        let der = PrivatePkcs8KeyDer::from(der);
        KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_RSA_SHA256).unwrap()
    };
    [
        ("RSA-2048", rsa(include_bytes!("../data/rsa2048.key.der"))),
        ("RSA-3072", rsa(include_bytes!("../data/rsa3072.key.der"))),
        ("P-256", generate(&rcgen::PKCS_ECDSA_P256_SHA256)),
        ("P-384", generate(&rcgen::PKCS_ECDSA_P384_SHA384)),
        ("Ed25519", generate(&rcgen::PKCS_ED25519)),
    ]
}

fn signing_key(der: &[u8]) -> Arc<dyn SigningKey> {
    any_supported_type(&PrivateKeyDer::try_from(der).unwrap().clone_key()).unwrap()
}
