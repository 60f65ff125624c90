//! Handshakes with `openssl s_server`. They need servers, which `cargo xtask interop` starts; without it they are ignored, and run by hand
//! they fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code outside test functions may panic too: that is how it fails"
)]

use std::env;
use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use dane::TlsaRecord;
use mxtls_policy::{Failure, SecurityPolicy};
use mxtls_verifier::{Offer, Roots, TlsSettings, handshake};
use rustls::ClientConnection;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

#[test]
#[ignore = "run by cargo xtask interop"]
fn rsa_2048() {
    handshakes("rsa_2048");
}

#[test]
#[ignore = "run by cargo xtask interop"]
fn rsa_3072() {
    handshakes("rsa_3072");
}

#[test]
#[ignore = "run by cargo xtask interop"]
fn p_256() {
    handshakes("p_256");
}

#[test]
#[ignore = "run by cargo xtask interop"]
fn p_384() {
    handshakes("p_384");
}

#[test]
#[ignore = "run by cargo xtask interop"]
fn ed25519() {
    handshakes("ed25519");
}

/// Both versions under every kind of policy, with the server that has this kind of key.
fn handshakes(key: &str) {
    let folder = env::var_os("OPENSSL_S_SERVER").expect("cargo xtask interop says where the servers are");
    let folder = PathBuf::from(folder);
    let text = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
    let (host, address) = (text("host"), text(&format!("{key}.address")));
    let certificate = |file: &str| CertificateDer::from_pem_file(folder.join(file)).unwrap();
    let (leaf, root) = (certificate(&format!("{key}.pem")), certificate("root.pem"));
    let roots = Roots::from_file(folder.join("root.pem")).unwrap();
    let strangers = Roots::from_file(folder.join(format!("{key}.pem"))).unwrap();

    let full = |usage, certificate: &CertificateDer<'_>| TlsaRecord {
        usage,
        selector: 0,
        matching: 0,
        data: certificate.to_vec(),
    };
    let key_of = |certificate| TlsaRecord {
        usage: 3,
        selector: 1,
        matching: 0,
        data: dane::leaf_spki(certificate).unwrap().as_ref().to_vec(),
    };
    let dane = |record| SecurityPolicy::dane(&host, vec![record]).unwrap();
    let under_full = |record| SecurityPolicy::dane_under(dane::Profile::Full, &host, vec![record]).unwrap();
    let mta_sts = |mode: &str| {
        let file = format!("version: STSv1\nmode: {mode}\nmx: {host}\nmax_age: 86400\n");
        SecurityPolicy::mta_sts(mta_sts::Policy::parse(file.as_bytes()).unwrap().policy)
    };
    for (version, policy, roots, expected, why) in ["TLSv1.2", "TLSv1.3"].into_iter().flat_map(|version| {
        [
            (version, dane(key_of(&leaf)), &roots, None, "DANE-EE"),
            (version, dane(key_of(&root)), &roots, Some("tlsa-no-match"), "DANE-EE of another key"),
            (version, dane(full(2, &root)), &roots, None, "DANE-TA"),
            (version, under_full(full(1, &leaf)), &roots, None, "PKIX-EE"),
            (version, under_full(full(0, &root)), &roots, None, "PKIX-TA"),
            (version, mta_sts("enforce"), &roots, None, "MTA-STS"),
            (version, mta_sts("enforce"), &strangers, Some("certificate-untrusted"), "MTA-STS, other roots"),
            (version, mta_sts("testing"), &strangers, None, "MTA-STS in testing, other roots"),
            (version, SecurityPolicy::opportunistic(), &strangers, None, "opportunistic, other roots"),
        ]
    }) {
        let offer = Offer { protocols: vec![version.to_owned()], cipher_suites: vec![] };
        let settings = TlsSettings::new(roots.clone(), &offer).unwrap();
        let got = shake(&address, &host, &policy, &settings);
        let expected = expected.map_or(Ok(version), Err);
        assert_eq!(got.map_err(|failure| failure.code.as_str()), expected, "{key}, {version}, {why}");
    }
}

/// One handshake: the version, or why it failed.
fn shake(
    address: &str,
    host: &str,
    policy: &SecurityPolicy,
    settings: &TlsSettings,
) -> Result<&'static str, Failure> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let handshake = handshake(policy, host, settings);
    let mut connection = ClientConnection::new(handshake.config(), handshake.server_name()).unwrap();
    while connection.is_handshaking() {
        if let Err(error) = connection.complete_io(&mut stream) {
            return Err(handshake.failure(&error));
        }
    }
    handshake.finish(&connection).map(|established| established.version)
}
