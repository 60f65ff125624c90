//! Certificates are public: whoever presents one must hold its key, whatever the policy.

use mxtls_policy::SecurityPolicy;
use mxtls_verifier::{Offer, handshake};
use rustls::version::TLS13;

use crate::{
    certificates::{Ca, Credentials, HOST, foreign_tlsa, keys, leaf},
    policies::{every_policy, mta_sts},
    server::{Server, VERSIONS, Wire, connect, shake},
};

#[test]
fn a_stolen_certificate_fails_under_every_policy() {
    let ca = Ca::new("Trusted");
    let settings = ca.trusted(&Offer::default());
    let good = ca.server(HOST);
    for (policy, why) in every_policy(&good) {
        for version in VERSIONS {
            let (handshake, result) =
                connect(&policy, &settings, &Server::new(&good.clone().stolen(), version));
            let verdict = handshake.verdict().expect("the certificates were seen");
            assert_eq!(verdict.enforced, Ok(()), "{why}: nothing is wrong with the certificates");
            let failure = result.unwrap_err();
            assert_eq!(failure.code.as_str(), "tls-handshake", "{why}, {version:?}");
            assert!(failure.message.contains("did not prove"), "{why}, {version:?}: {failure:?}");

            let (_, result) = connect(&policy, &settings, &Server::new(&good, version));
            assert_eq!(result, Ok(()), "{why}: and it is delivered to whoever has the key");
        }
    }
}

/// Whoever shows a certificate has proven nothing: what was found about it counts for no connection with somebody else.
#[test]
fn what_was_found_about_one_server_counts_for_no_other() {
    let ca = Ca::new("Trusted");
    let settings = ca.trusted(&Offer::default());
    let good = ca.server(HOST);
    let other = Server::new(&ca.server(HOST), &TLS13);
    for (policy, why) in every_policy(&good) {
        let (stolen, result) = connect(&policy, &settings, &Server::new(&good.clone().stolen(), &TLS13));
        result.unwrap_err();
        assert_eq!(stolen.verdict().unwrap().enforced, Ok(()), "{why}");
        let anybody = handshake(&SecurityPolicy::opportunistic(), HOST, &settings);
        let mut wire = Wire::new(&anybody, &other);
        wire.run().unwrap();
        let failure = stolen.finish(&wire.client).unwrap_err();
        assert_eq!(failure.code.as_str(), "tls-handshake", "{why}: {failure:?}");
        assert!(anybody.finish(&wire.client).is_ok(), "{why}");
    }
}

#[test]
fn d72_74_every_kind_of_key_signs_under_every_policy() {
    let ca = Ca::new("Trusted");
    let settings = ca.trusted(&Offer::default());
    for (kind, key) in keys() {
        let credentials = ca.issue_for(&key, leaf(HOST));
        for version in VERSIONS {
            let server = Server::new(&credentials, version);
            for (policy, why) in every_policy(&credentials) {
                let handshake = handshake(&policy, HOST, &settings);
                let established = shake(&handshake, &server).map(|established| established.version);
                let expected = if version == &TLS13 { "TLSv1.3" } else { "TLSv1.2" };
                assert_eq!(established, Ok(expected), "{kind}, {why}");
            }
            let refusing = SecurityPolicy::dane(HOST, vec![foreign_tlsa()]).unwrap();
            let (_, result) = connect(&refusing, &settings, &server);
            assert_eq!(result.unwrap_err().code.as_str(), "tlsa-no-match", "{kind}, {version:?}");
        }
    }
}

#[test]
fn d72_54_certificates_that_pkix_refuses_are_checked_by_their_key() {
    let settings = Ca::new("Trusted").trusted(&Offer::default());
    for (credentials, why) in [
        (Credentials::v1(), "version 1"),
        (Credentials::unknown_critical(), "an unknown critical extension"),
        (Credentials::self_signed(leaf("other.example.com"), &rcgen::PKCS_ECDSA_P256_SHA256), "another name"),
    ] {
        for version in VERSIONS {
            for policy in [
                SecurityPolicy::opportunistic(),
                SecurityPolicy::dane(HOST, vec![credentials.dane_ee()]).unwrap(),
            ] {
                let (handshake, result) = connect(&policy, &settings, &Server::new(&credentials, version));
                assert_eq!(result, Ok(()), "{why} {version:?}");
                assert!(handshake.verdict().unwrap().web_pki.is_err(), "{why}: recorded");

                let stolen = Server::new(&credentials.clone().stolen(), version);
                let (_, result) = connect(&policy, &settings, &stolen);
                assert_eq!(result.unwrap_err().code.as_str(), "tls-handshake", "{why} {version:?}: stolen");
            }
        }
    }
}

#[test]
fn a_certificate_without_a_key_ends_the_handshake() {
    let settings = Ca::new("Trusted").trusted(&Offer::default());
    let mut garbage = Credentials::v1();
    garbage.chain = vec![b"not a certificate".to_vec().into()];
    for version in VERSIONS {
        for policy in [SecurityPolicy::opportunistic(), SecurityPolicy::mta_sts(mta_sts("enforce"))] {
            let (handshake, result) = connect(&policy, &settings, &Server::new(&garbage, version));
            assert_eq!(result.unwrap_err().code.as_str(), "certificate-malformed", "{version:?}");
            assert_eq!(handshake.verdict().unwrap().certificates[0].spki_sha256, None);
        }
    }
}
