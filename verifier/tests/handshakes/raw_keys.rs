//! Raw public keys in the place of certificates (RFC 7250, RFC 7671 §5.1).

use dane::{Profile, TlsaRecord, Usage};
use mxtls_policy::{Failure, Found, SecurityPolicy};
use mxtls_verifier::{Handshake, Offer, TlsSettings, handshake, raw_key_handshake};
use rustls::{
    server::CertificateType,
    version::{TLS12, TLS13},
};

use crate::{
    certificates::{Ca, Credentials, HOST, foreign_tlsa, keys, leaf, unusable_tlsa},
    policies::{decided, decided_under, mta_sts},
    server::{Server, connect, shake},
};

fn dane(record: TlsaRecord) -> SecurityPolicy {
    decided(Found::Securely, vec![record], None)
}

/// Settings with raw keys switched on.
fn allowing(ca: &Ca) -> TlsSettings {
    ca.trusted(&Offer::default()).allow_raw_keys()
}

/// A server that has the key of these credentials and nothing else.
fn with_raw_key(credentials: &Credentials) -> Server {
    Server::with_raw_keys(vec![credentials.spki()], credentials, &TLS13)
}

fn ask_for_key(
    policy: &SecurityPolicy,
    settings: &TlsSettings,
    server: &Server,
) -> (Handshake, Result<(), Failure>) {
    let handshake = raw_key_handshake(policy, HOST, settings).expect("policy and settings allow it");
    let result = shake(&handshake, server).map(|_| ());
    (handshake, result)
}

#[test]
fn d71_08_keys_are_asked_for_where_settings_and_policy_allow_it_and_nowhere_else() {
    let ca = Ca::new("Trusted");
    let good = ca.server(HOST);
    let key = || dane(good.dane_ee_key());
    let offer = |protocol: &str, suite: &str| {
        let names = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty()).into_iter().collect();
        ca.trusted(&Offer { protocols: names(protocol), cipher_suites: names(suite) }).allow_raw_keys()
    };
    let two = |second: TlsaRecord| vec![good.dane_ee_key(), second];
    for (settings, policy, expected, why) in [
        (ca.trusted(&Offer::default()), key(), false, "they are off by default"),
        (offer("TLSv1.2", ""), key(), false, "TLS 1.2 alone"),
        (offer("", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"), key(), false, "a suite of TLS 1.2 alone"),
        (allowing(&ca), SecurityPolicy::opportunistic(), false, "nothing says whose key it is"),
        (allowing(&ca), SecurityPolicy::mta_sts(mta_sts("enforce")), false, "the Web PKI has certificates"),
        (allowing(&ca), dane(good.dane_ee()), false, "3 0 0 is a certificate"),
        (allowing(&ca), dane(good.dane_ta()), false, "2 0 0 stands above one"),
        (allowing(&ca), dane(unusable_tlsa()), false, "no usable record"),
        (allowing(&ca), decided(Found::Securely, two(good.dane_ta()), None), false, "one of two"),
        (
            allowing(&ca),
            decided_under(Profile::Full, Found::Securely, two(good.pkix_ee()), None),
            false,
            "one of two, under the profile that has it",
        ),
        (
            allowing(&ca),
            decided(Found::Insecurely, two(foreign_tlsa()), Some("enforce")),
            false,
            "both must hold, and the Web PKI cannot",
        ),
        (allowing(&ca), decided(Found::Securely, two(unusable_tlsa()), None), true, "the other is unusable"),
        (allowing(&ca), decided(Found::Insecurely, two(foreign_tlsa()), None), true, "DANE stands alone"),
        (offer("TLSv1.3", ""), key(), true, "TLS 1.3 alone"),
        (allowing(&ca), key(), true, "3 1 1"),
    ] {
        assert_eq!(raw_key_handshake(&policy, HOST, &settings).is_some(), expected, "{why}");
        // What the server sees: an ordinary handshake says nothing of raw keys, whatever is allowed.
        let server = Server::new(&good, if why.contains("TLS 1.2") { &TLS12 } else { &TLS13 });
        let ordinary = handshake(&policy, HOST, &settings);
        let _: Result<(), Failure> = shake(&ordinary, &server).map(|_| ());
        assert_eq!(server.certificate_types(), None, "{why}");
        assert_eq!(server.sni().as_deref(), Some(HOST), "{why}: it was asked");
    }
    let server = with_raw_key(&good);
    assert_eq!(ask_for_key(&key(), &allowing(&ca), &server).1, Ok(()));
    assert_eq!(server.certificate_types(), Some(vec![CertificateType::RawPublicKey]));
}

#[test]
fn a_server_that_has_only_a_raw_key() {
    let ca = Ca::new("Trusted");
    let settings = allowing(&ca);
    for (kind, key) in keys() {
        let credentials = ca.issue_for(&key, leaf(HOST));
        let server = with_raw_key(&credentials);
        let policy = dane(credentials.dane_ee_key());

        // Without the question there is no answer, and nothing is learned that would count.
        let (first, result) = connect(&policy, &settings, &server);
        assert_eq!(result.unwrap_err().code.as_str(), "tls-version", "{kind}");
        assert!(first.verdict().is_none(), "{kind}: nothing was presented");

        let handshake = raw_key_handshake(&policy, HOST, &settings).unwrap();
        let established = shake(&handshake, &server).unwrap();
        assert_eq!(established.version, "TLSv1.3", "{kind}");
        let matched = established.verdict.tlsa.clone().unwrap().unwrap();
        assert_eq!((matched.usage, matched.index, matched.depth), (Usage::DaneEe, 0, 0), "{kind}");
        assert_eq!(established.verdict.certificates, [], "{kind}");
        let web_pki = established.verdict.web_pki.as_ref().unwrap_err();
        assert_eq!(web_pki.code.as_str(), "certificate-untrusted", "{kind}: a key is no certificate");
    }
}

#[test]
fn d71_09_a_key_that_is_not_the_servers_or_not_that_of_the_records() {
    let ca = Ca::new("Trusted");
    let settings = allowing(&ca);
    let good = ca.server(HOST);
    let other = ca.server(HOST);
    let raw = |keys: &[&Credentials], signer: &Credentials| {
        Server::with_raw_keys(keys.iter().map(|one| one.spki()).collect(), signer, &TLS13)
    };
    let garbage = Server::with_raw_keys(vec![b"not a key".to_vec().into()], &good, &TLS13);
    let certificate = Server::with_raw_keys(vec![good.chain[0].clone()], &good, &TLS13);
    for (server, code, message, why) in [
        (raw(&[&other], &other), "tlsa-no-match", "matches none of its usable TLSA records", "another key"),
        (raw(&[&good], &other), "tls-handshake", "did not prove", "the right key in the wrong hands"),
        (raw(&[&good, &other], &good), "certificate-malformed", "cannot be read", "RFC 8446 4.4.2: two keys"),
        (garbage, "tlsa-no-match", "matches none", "no key at all"),
        (
            certificate,
            "tlsa-no-match",
            "matches none",
            "a certificate is no key, though it holds the right one",
        ),
    ] {
        let (handshake, result) = ask_for_key(&dane(good.dane_ee_key()), &settings, &server);
        let failure = result.unwrap_err();
        assert_eq!(failure.code.as_str(), code, "{why}: {failure:?}");
        assert!(failure.message.contains(message), "{why}: {failure:?}");
        let proven = handshake.verdict().is_some_and(|verdict| verdict.enforced.is_ok());
        assert_eq!(proven, why == "the right key in the wrong hands", "{why}");
    }
    // What cannot be read signs nothing.
    let unreadable = TlsaRecord { usage: 3, selector: 1, matching: 1, data: ring_digest(b"not a key") };
    let garbage = Server::with_raw_keys(vec![b"not a key".to_vec().into()], &good, &TLS13);
    let (_, result) = ask_for_key(&dane(unreadable), &settings, &garbage);
    assert_eq!(result.unwrap_err().code.as_str(), "certificate-malformed", "a match alone is not enough");
}

#[test]
fn a_server_that_has_no_raw_key_is_not_given_mail_for_it() {
    let ca = Ca::new("Trusted");
    let settings = allowing(&ca);
    let good = ca.server(HOST);
    let policy = dane(good.dane_ee_key());
    for (server, why) in [
        (Server::new(&good, &TLS13), "it has certificates"),
        (Server::new(&good, &TLS12), "it has no TLS 1.3"),
        (Server::with_raw_keys(vec![good.spki()], &good, &TLS12), "a raw key, and no TLS 1.3"),
    ] {
        let (handshake, result) = ask_for_key(&policy, &settings, &server);
        assert_eq!(result.unwrap_err().code.as_str(), "tls-version", "{why}");
        assert!(handshake.verdict().is_none(), "{why}");
    }
}

#[test]
fn a_handshake_for_a_key_is_good_for_one_connection() {
    let ca = Ca::new("Trusted");
    let good = ca.server(HOST);
    let server = with_raw_key(&good);
    let handshake = raw_key_handshake(&dane(good.dane_ee_key()), HOST, &allowing(&ca)).unwrap();
    assert!(shake(&handshake, &server).is_ok());
    let failure = shake(&handshake, &server).map(|_| ()).unwrap_err();
    assert_eq!(failure.code.as_str(), "tls-handshake", "the first verdict says nothing here");
}

fn ring_digest(octets: &[u8]) -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA256, octets).as_ref().to_vec()
}
