//! What is offered, what is established, and what a handshake is good for.

use std::{io, sync::Arc};

use mxtls_policy::{Failure, Found, SecurityPolicy};
use mxtls_verifier::{Handshake, Offer, handshake};
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, HandshakeKind, SupportedProtocolVersion,
    client::Resumption,
    version::{TLS12, TLS13},
};

use crate::{
    certificates::{Ca, HOST, foreign_tlsa},
    policies::{decided, every_policy, mta_sts},
    server::{Server, VERSIONS, Wire, connect, shake},
};

#[test]
fn no_session_is_resumed() {
    let ca = Ca::new("Trusted");
    let settings = ca.trusted(&Offer::default());
    let good = ca.server(HOST);
    for version in VERSIONS {
        let server = Server::new(&good, version);
        for (policy, why) in every_policy(&good) {
            // The server lets sessions be resumed: a configuration that differs in this alone does so, and the second time the
            // verifier is not asked. Even then the first verdict is not taken for one on the second connection.
            let handshake = handshake(&policy, HOST, &settings);
            let mut eager = ClientConfig::clone(&handshake.config());
            eager.resumption = Resumption::in_memory_sessions(8);
            let eager = Arc::new(eager);
            for (expected, code) in
                [(HandshakeKind::Full, "established"), (HandshakeKind::Resumed, "tls-handshake")]
            {
                let mut wire = Wire::with_config(Arc::clone(&eager), &handshake, &server);
                wire.run().unwrap();
                assert_eq!(wire.client.handshake_kind(), Some(expected), "{why}, {version:?}");
                assert_eq!(self::code(handshake.finish(&wire.client)), code, "{why}, {version:?}");
            }

            // The handshake's own configuration never does.
            for _ in 0..2 {
                let handshake = mxtls_verifier::handshake(&policy, HOST, &settings);
                let mut wire = Wire::new(&handshake, &server);
                wire.run().unwrap();
                assert_eq!(wire.client.handshake_kind(), Some(HandshakeKind::Full), "{why}, {version:?}");
                assert!(handshake.verdict().is_some(), "{why}: every connection has a verdict of its own");
                assert!(
                    wire_again(&handshake, &server).is_err(),
                    "{why}: and no session is kept for another"
                );
            }
        }
    }
}

/// A second connection with the same configuration.
fn wire_again(handshake: &Handshake, server: &Server) -> Result<(), rustls::Error> {
    let mut wire = Wire::new(handshake, server);
    let result = wire.run();
    assert_ne!(wire.client.handshake_kind(), Some(HandshakeKind::Resumed));
    result
}

#[test]
fn a_handshake_is_good_for_one_connection_under_every_policy() {
    let ca = Ca::new("Trusted");
    let settings = ca.trusted(&Offer::default());
    let good = ca.server(HOST);
    let impostor = Ca::new("Foreign").server(HOST);
    for version in VERSIONS {
        for (policy, why) in every_policy(&good) {
            for (second, who) in [(&good, "itself"), (&impostor, "an impostor")] {
                let handshake = handshake(&policy, HOST, &settings);
                assert!(shake(&handshake, &Server::new(&good, version)).is_ok(), "{why}, {version:?}");
                let result = shake(&handshake, &Server::new(second, version)).map(|_| ());
                let failure = result.unwrap_err();
                assert_eq!(
                    failure.code.as_str(),
                    "tls-handshake",
                    "{why}, {version:?}: the first verdict says nothing about {who}"
                );
            }
        }
    }
}

#[test]
fn nothing_is_established_before_the_handshake_is_done() {
    let ca = Ca::new("Trusted");
    let settings = ca.trusted(&Offer::default());
    let good = Server::new(&ca.server(HOST), &TLS12);
    let handshake = handshake(&SecurityPolicy::opportunistic(), HOST, &settings);
    let mut wire = Wire::new(&handshake, &good);
    assert_eq!(code(handshake.finish(&wire.client)), "tls-handshake", "no verdict");
    wire.turn().unwrap();
    assert!(handshake.verdict().is_some() && wire.client.is_handshaking());
    assert_eq!(
        code(handshake.finish(&wire.client)),
        "tls-handshake",
        "a verdict, and the server's Finished missing"
    );
    wire.run().unwrap();
    assert_eq!(code(handshake.finish(&wire.client)), "established");
}

#[test]
fn d66_14_d72_60_a_refused_server_gets_no_session() {
    let ca = Ca::new("Trusted");
    let settings = ca.trusted(&Offer::default());
    for version in VERSIONS {
        let server = Server::new(&ca.server(HOST), version);
        let policy = SecurityPolicy::dane(HOST, vec![foreign_tlsa()]).unwrap();
        let refusing = handshake(&policy, HOST, &settings);
        let mut wire = Wire::new(&refusing, &server);
        assert!(wire.run().is_err(), "{version:?}");
        assert!(wire.server.is_handshaking(), "{version:?}: the server saw an alert, and no Finished");
        assert_eq!(code(refusing.finish(&wire.client)), "tls-handshake", "{version:?}");

        // Not even with the session of somebody else.
        let lenient = handshake(&SecurityPolicy::opportunistic(), HOST, &settings);
        let mut wire = Wire::new(&lenient, &server);
        wire.run().unwrap();
        assert_eq!(code(refusing.finish(&wire.client)), "tlsa-no-match", "{version:?}");
        assert_eq!(code(lenient.finish(&wire.client)), "established", "{version:?}");
    }
}

#[test]
fn what_is_established() {
    let ca = Ca::new("Trusted");
    let good = ca.server(HOST);
    for (version, suite, name) in [
        (&TLS13, "TLS_CHACHA20_POLY1305_SHA256", "TLSv1.3"),
        (&TLS13, "TLS_AES_128_GCM_SHA256", "TLSv1.3"),
        (&TLS13, "TLS_AES_256_GCM_SHA384", "TLSv1.3"),
        (&TLS12, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLSv1.2"),
    ] {
        let offer = Offer { protocols: vec![], cipher_suites: vec![suite.to_owned()] };
        let handshake = handshake(&SecurityPolicy::opportunistic(), HOST, &ca.trusted(&offer));
        let established = shake(&handshake, &Server::new(&good, version)).unwrap();
        assert_eq!((established.version, established.cipher_suite), (name, suite));
        assert_eq!(established.verdict.web_pki, Ok(()));
    }
}

#[test]
fn handshakes_go_to_other_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Handshake>();
}

#[test]
fn nothing_in_common() {
    let ca = Ca::new("Trusted");
    let good = ca.server(HOST);
    let offer = |protocol: &str, suite: Option<&str>| Offer {
        protocols: vec![protocol.to_owned()],
        cipher_suites: suite.into_iter().map(str::to_owned).collect(),
    };
    let rsa = Some("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    let cases: [(Offer, &'static SupportedProtocolVersion, &str); 3] = [
        (offer("TLSv1.3", None), &TLS12, "no version"),
        (offer("TLSv1.2", None), &TLS13, "no version"),
        (offer("TLSv1.2", rsa), &TLS12, "no suite for the server's key"),
    ];
    for (offer, version, why) in cases {
        let settings = ca.trusted(&offer);
        let (_, result) = connect(&SecurityPolicy::opportunistic(), &settings, &Server::new(&good, version));
        let failure = result.unwrap_err();
        assert_eq!(failure.code.as_str(), "tls-version", "{why}: {failure:?}");
        assert!(failure.detail.unwrap().contains("this client speaks TLS 1.2 and 1.3"), "{why}");
    }
}

#[test]
fn dev17_servers_of_another_time_and_other_ends() {
    // A ServerHello of TLS 1.1 with TLS_RSA_WITH_AES_128_CBC_SHA, and the same of TLS 1.2.
    let server_hello = |minor: u8| {
        let body = [&[3, minor][..], &[7; 32], &[0, 0, 0x2f, 0]].concat();
        let message = [&[2, 0, 0, body.len() as u8][..], &body].concat();
        [&[22, 3, minor, 0, message.len() as u8][..], &message].concat()
    };
    let alert = |description: AlertDescription| vec![21, 3, 3, 0, 2, 2, u8::from(description)];
    for (sent, expected, why) in [
        (server_hello(2), "tls-version", "dev17: TLS 1.1"),
        (alert(AlertDescription::ProtocolVersion), "tls-version", "dev17: an alert that says so"),
        (alert(AlertDescription::HandshakeFailure), "tls-version", "no suite in common"),
        (alert(AlertDescription::InsufficientSecurity), "tls-version", "no suite that is safe enough"),
        (alert(AlertDescription::InternalError), "tls-handshake", "the server's own trouble"),
        (server_hello(3), "tls-handshake", "a suite that was not offered"),
        (b"250 not TLS\r\n".to_vec(), "tls-handshake", "no TLS at all"),
    ] {
        let handshake =
            handshake(&SecurityPolicy::opportunistic(), HOST, &Ca::new("Trusted").trusted(&Offer::default()));
        let mut client = ClientConnection::new(handshake.config(), handshake.server_name()).unwrap();
        client.read_tls(&mut sent.as_slice()).unwrap();
        let error = client.process_new_packets().unwrap_err();
        let failure = handshake.failure(&io::Error::new(io::ErrorKind::InvalidData, error));
        assert_eq!(failure.code.as_str(), expected, "{why}: {failure:?}");
    }
    let handshake =
        handshake(&SecurityPolicy::opportunistic(), HOST, &Ca::new("Trusted").trusted(&Offer::default()));
    let closed = handshake.failure(&io::ErrorKind::UnexpectedEof.into());
    assert_eq!(closed.code.as_str(), "tls-handshake", "the connection was closed");
}

#[test]
fn d71_03_d71_16_d72_72_server_names() {
    let ca = Ca::new("Trusted");
    let settings = ca.trusted(&Offer::default());
    let server = Server::new(&ca.server(HOST), VERSIONS[1]);
    let opportunistic = SecurityPolicy::opportunistic;
    let dane_at = |base: &str| SecurityPolicy::dane(base, vec![foreign_tlsa()]).unwrap();
    for (policy, host, expected, why) in [
        (opportunistic(), HOST, Some(HOST), "STS-44: the MX host"),
        (SecurityPolicy::mta_sts(mta_sts("enforce")), HOST, Some(HOST), "STS-44: the MX host"),
        (opportunistic(), "mx.example.com.", Some(HOST), "without the dot at the end"),
        (opportunistic(), "_mx.example.com", Some("_mx.example.com"), "underscores occur"),
        (opportunistic(), "192.0.2.1", None, "RFC 6066 §3: never an address"),
        (opportunistic(), "2001:db8::1", None, "RFC 6066 §3: never an address"),
        (opportunistic(), "mx.example.123", None, "no host name"),
        (opportunistic(), "mx .example", None, "no host name"),
        (
            dane_at("target.example.net"),
            HOST,
            Some("target.example.net"),
            "D72-72, D71-16: the TLSA base domain",
        ),
        (decided(Found::Insecurely, vec![foreign_tlsa()], Some("enforce")), HOST, Some(HOST), "both apply"),
    ] {
        let handshake = handshake(&policy, host, &settings);
        assert_eq!(handshake.sni(), expected, "{why}");
        // The handshake may well fail; the server saw the name all the same.
        let _: Result<(), Failure> = shake(&handshake, &server).map(|_| ());
        assert_eq!(server.sni().as_deref(), expected, "{why}: as the server saw it");
    }
}

#[test]
fn d72_73_a_server_that_does_not_know_the_name_is_accepted() {
    let ca = Ca::new("Trusted");
    let settings = ca.trusted(&Offer::default());
    let other = ca.server("other.example.com");
    for version in VERSIONS {
        let server = Server::new(&other, version);
        for (policy, expected, why) in [
            (
                SecurityPolicy::dane(HOST, vec![other.dane_ee()]),
                "established",
                "its certificate is the right one",
            ),
            (
                SecurityPolicy::dane(HOST, vec![other.dane_ta()]),
                "certificate-host-mismatch",
                "the twin: names count",
            ),
        ] {
            let handshake = handshake(&policy.unwrap(), HOST, &settings);
            assert_eq!(code(shake(&handshake, &server)), expected, "{why}, {version:?}");
            assert_eq!(server.sni().as_deref(), Some(HOST), "{why}, {version:?}");
        }
    }
}

/// There is no registered name for SMTP (RFC 7301 §6): whatever a server is for besides, none is offered, and none is agreed on.
#[test]
fn no_application_protocol_is_offered() {
    let ca = Ca::new("Trusted");
    let settings = ca.trusted(&Offer::default());
    let good = ca.server(HOST);
    for version in VERSIONS {
        let server = Server::new(&good, version).with_alpn(&["h2", "smtp"]);
        for (policy, why) in every_policy(&good) {
            // What the server would see and choose: a configuration that differs in this alone.
            let handshake = handshake(&policy, HOST, &settings);
            let mut offering = ClientConfig::clone(&handshake.config());
            offering.alpn_protocols = vec![b"smtp".to_vec()];
            let mut wire = Wire::with_config(Arc::new(offering), &handshake, &server);
            wire.run().unwrap();
            assert_eq!(server.alpn(), Some(vec![b"smtp".to_vec()]), "{why}, {version:?}: it would be seen");
            assert_eq!(wire.client.alpn_protocol(), Some(&b"smtp"[..]), "{why}, {version:?}: and agreed on");

            let handshake = mxtls_verifier::handshake(&policy, HOST, &settings);
            let mut wire = Wire::new(&handshake, &server);
            wire.run().unwrap();
            assert_eq!(server.alpn(), None, "{why}, {version:?}");
            assert_eq!(wire.client.alpn_protocol(), None, "{why}, {version:?}");
            assert_eq!(code(handshake.finish(&wire.client)), "established", "{why}, {version:?}");
        }
    }
}

#[test]
fn an_address_is_nobodys_name() {
    let ca = Ca::new("Trusted");
    let settings = ca.trusted(&Offer::default());
    for host in ["192.0.2.1", "mx.example.123"] {
        for (policy, expected) in [
            (SecurityPolicy::opportunistic(), None),
            (SecurityPolicy::mta_sts(mta_sts("enforce")), Some("certificate-host-mismatch")),
        ] {
            let handshake = handshake(&policy, host, &settings);
            let result = shake(&handshake, &Server::new(&ca.server(HOST), VERSIONS[0]));
            assert_eq!(result.err().map(|failure| failure.code.as_str()), expected, "{host}");
            let web_pki = &handshake.verdict().unwrap().web_pki;
            assert_eq!(web_pki.as_ref().unwrap_err().code.as_str(), "certificate-host-mismatch", "{host}");
        }
    }
}

fn code<T>(result: Result<T, Failure>) -> &'static str {
    match result {
        Ok(_) => "established",
        Err(failure) => failure.code.as_str(),
    }
}
