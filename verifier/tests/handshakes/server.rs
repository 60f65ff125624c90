//! The other side, and the wire between.

use std::{
    io,
    sync::{Arc, Mutex},
};

use mxtls_policy::{Failure, SecurityPolicy};
use mxtls_verifier::{Established, Handshake, TlsSettings, handshake};
use rustls::{
    ClientConfig, ClientConnection, ServerConfig, ServerConnection, SupportedProtocolVersion,
    crypto::ring,
    server::{CertificateType, ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};

use rustls_pki_types::CertificateDer;

use crate::certificates::{Credentials, HOST};

/// Every test runs over both.
pub(crate) const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// A server that presents what it is given, however odd, and remembers what it was asked for.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) config: Arc<ServerConfig>,
    resolver: Arc<Resolver>,
}

impl Server {
    pub(crate) fn new(credentials: &Credentials, version: &'static SupportedProtocolVersion) -> Self {
        Self::presenting(credentials.chain.clone(), credentials, false, version)
    }

    /// A server that has a raw public key and no certificate (RFC 7250), and presents these: one, if it is right.
    pub(crate) fn with_raw_keys(
        keys: Vec<CertificateDer<'static>>,
        credentials: &Credentials,
        version: &'static SupportedProtocolVersion,
    ) -> Self {
        Self::presenting(keys, credentials, true, version)
    }

    fn presenting(
        presented: Vec<CertificateDer<'static>>,
        credentials: &Credentials,
        only_raw_keys: bool,
        version: &'static SupportedProtocolVersion,
    ) -> Self {
        let resolver = Arc::new(Resolver {
            key: Arc::new(CertifiedKey::new(presented, Arc::clone(&credentials.key))),
            only_raw_keys,
            asked: Mutex::default(),
        });
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Resolver>::clone(&resolver));
        // It lets everyone resume that wants to.
        config.ticketer = ring::Ticketer::new().unwrap();
        Self { config: Arc::new(config), resolver }
    }

    /// The same server, for protocols of its own (RFC 7301).
    pub(crate) fn with_alpn(mut self, protocols: &[&str]) -> Self {
        let mut config = ServerConfig::clone(&self.config);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        self.config = Arc::new(config);
        self
    }

    /// The protocols that the client of the last connection offered, where it had the extension (RFC 7301 §3.1).
    pub(crate) fn alpn(&self) -> Option<Vec<Vec<u8>>> {
        self.resolver.asked.lock().unwrap().alpn.clone()
    }

    /// The server name of the last connection.
    pub(crate) fn sni(&self) -> Option<String> {
        self.resolver.asked.lock().unwrap().sni.clone()
    }

    /// The kinds of certificate that the client of the last connection took, where it said so (RFC 7250 §3).
    pub(crate) fn certificate_types(&self) -> Option<Vec<CertificateType>> {
        self.resolver.asked.lock().unwrap().certificate_types.clone()
    }
}

/// Connects under `policy` to the host of all tests.
pub(crate) fn connect(
    policy: &SecurityPolicy,
    settings: &TlsSettings,
    server: &Server,
) -> (Handshake, Result<(), Failure>) {
    let handshake = handshake(policy, HOST, settings);
    let result = shake(&handshake, server).map(|_| ());
    (handshake, result)
}

/// One connection to its end: what the client has established, or why it failed.
pub(crate) fn shake<'a>(handshake: &'a Handshake, server: &Server) -> Result<Established<'a>, Failure> {
    let mut wire = Wire::new(handshake, server);
    match wire.run() {
        Ok(()) => handshake.finish(&wire.client),
        Err(error) => Err(handshake.failure(&io::Error::new(io::ErrorKind::InvalidData, error))),
    }
}

/// A connection that can be looked at from both sides, at any time.
pub(crate) struct Wire {
    pub(crate) client: ClientConnection,
    pub(crate) server: ServerConnection,
}

impl Wire {
    pub(crate) fn new(handshake: &Handshake, server: &Server) -> Self {
        Self::with_config(handshake.config(), handshake, server)
    }

    /// With another configuration than the handshake's own.
    pub(crate) fn with_config(config: Arc<ClientConfig>, handshake: &Handshake, server: &Server) -> Self {
        Self {
            client: ClientConnection::new(config, handshake.server_name()).unwrap(),
            server: ServerConnection::new(Arc::clone(&server.config)).unwrap(),
        }
    }

    /// Goes on until the handshake is done, or the client ends it.
    pub(crate) fn run(&mut self) -> Result<(), rustls::Error> {
        while self.client.is_handshaking() || self.server.is_handshaking() {
            self.turn()?;
        }
        Ok(())
    }

    /// One flight of the client, and one of the server.
    pub(crate) fn turn(&mut self) -> Result<(), rustls::Error> {
        let Self { client, server } = self;
        carry(|wire| client.write_tls(wire), |wire| server.read_tls(wire));
        // What the client makes of it is what counts: an error of the server reaches it as an alert.
        let server_failed = server.process_new_packets().is_err();
        carry(|wire| server.write_tls(wire), |wire| client.read_tls(wire));
        let result = client.process_new_packets().map(|_| ());
        assert!(result.is_err() || !server_failed, "the server gave up and the client did not notice");
        if result.is_err() {
            carry(|wire| client.write_tls(wire), |wire| server.read_tls(wire));
            let _alert = server.process_new_packets();
        }
        result
    }
}

fn carry(
    mut from: impl FnMut(&mut Vec<u8>) -> io::Result<usize>,
    mut to: impl FnMut(&mut &[u8]) -> io::Result<usize>,
) {
    let mut wire = Vec::new();
    while from(&mut wire).unwrap() > 0 {}
    let mut rest = wire.as_slice();
    while !rest.is_empty() {
        to(&mut rest).unwrap();
    }
}

#[derive(Debug)]
struct Resolver {
    key: Arc<CertifiedKey>,
    only_raw_keys: bool,
    asked: Mutex<Asked>,
}

#[derive(Debug, Default)]
struct Asked {
    sni: Option<String>,
    alpn: Option<Vec<Vec<u8>>>,
    certificate_types: Option<Vec<CertificateType>>,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        *self.asked.lock().unwrap() = Asked {
            sni: hello.server_name().map(str::to_owned),
            alpn: hello.alpn().map(|protocols| protocols.map(<[u8]>::to_vec).collect()),
            certificate_types: hello.server_cert_types().map(<[_]>::to_vec),
        };
        Some(Arc::clone(&self.key))
    }

    fn only_raw_public_keys(&self) -> bool {
        self.only_raw_keys
    }
}
