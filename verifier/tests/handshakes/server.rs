//! The other side, and the wire between.

use std::{
    io,
    sync::{Arc, Mutex},
};

use mxtls_policy::{Failure, SecurityPolicy};
use mxtls_verifier::{Established, Handshake, TlsSettings, handshake};
use rustls::{
    ClientConnection, ServerConfig, ServerConnection, SupportedProtocolVersion,
    crypto::ring,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};

use crate::certificates::{Credentials, HOST};

/// Every test runs over both.
pub(crate) const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// A server that presents what it is given, however odd, and remembers the server name that it was asked for.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) config: Arc<ServerConfig>,
    resolver: Arc<Resolver>,
}

impl Server {
    pub(crate) fn new(credentials: &Credentials, version: &'static SupportedProtocolVersion) -> Self {
        let resolver = Arc::new(Resolver {
            key: Arc::new(CertifiedKey::new(credentials.chain.clone(), Arc::clone(&credentials.key))),
            sni: Mutex::default(),
        });
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Resolver>::clone(&resolver));
        Self { config: Arc::new(config), resolver }
    }

    /// The server name of the last connection.
    pub(crate) fn sni(&self) -> Option<String> {
        self.resolver.sni.lock().unwrap().clone()
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
    let mut client = ClientConnection::new(handshake.config(), handshake.server_name()).unwrap();
    let mut server = ServerConnection::new(Arc::clone(&server.config)).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        carry(|wire| client.write_tls(wire), |wire| server.read_tls(wire));
        // What the client did is what counts; an error of the server reaches it as an alert.
        let broken = server.process_new_packets().is_err();
        carry(|wire| server.write_tls(wire), |wire| client.read_tls(wire));
        if let Err(error) = client.process_new_packets() {
            return Err(handshake.failure(&io::Error::new(io::ErrorKind::InvalidData, error)));
        }
        assert!(!broken, "the server gave up and the client did not notice");
    }
    handshake.finish(&client)
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
    sni: Mutex<Option<String>>,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        *self.sni.lock().unwrap() = hello.server_name().map(str::to_owned);
        Some(Arc::clone(&self.key))
    }
}
