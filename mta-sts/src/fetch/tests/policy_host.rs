//! A policy host on the loopback interface: real TLS, and whatever HTTP a test wants.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::{ServerConfig, SupportedProtocolVersion, crypto::ring};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::super::{AddressLookup, Addresses, Fetcher, FetcherBuilder};

pub(super) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What the host does once it has read a request.
#[derive(Clone)]
pub(super) enum Answer {
    /// Sends these bytes and closes the connection.
    Send(Vec<u8>),
    /// Sends these bytes and then nothing, for ever.
    Stall(Vec<u8>),
    /// Sends the first bytes, then the second ones again and again.
    Endless(Vec<u8>, Vec<u8>),
}

/// A running policy host.
pub(super) struct PolicyHost {
    pub(super) port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// The name in the TLS handshake.
    pub(super) sni: Option<String>,
    /// The lines of the request.
    pub(super) head: Vec<String>,
}

impl PolicyHost {
    pub(super) async fn start(identity: Identity, answers: Vec<Answer>) -> Self {
        Self::with_versions(identity, answers, rustls::ALL_VERSIONS).await
    }

    /// The n-th request gets the n-th answer, further ones the last.
    pub(super) async fn with_versions(
        identity: Identity,
        answers: Vec<Answer>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(identity.chain, identity.key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(serve(listener, acceptor, answers, Arc::clone(&seen)));
        Self { port, seen }
    }

    pub(super) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// A fetcher that reaches this host under every name and trusts `authority`.
    pub(super) fn fetcher(&self, authority: &Authority) -> FetcherBuilder {
        Fetcher::builder().roots([authority.root()]).addresses(At(vec![LOOPBACK])).port(self.port)
    }
}

async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    answers: Vec<Answer>,
    seen: Arc<Mutex<Vec<Request>>>,
) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (acceptor, answers, seen) = (acceptor.clone(), answers.clone(), Arc::clone(&seen));
        tokio::spawn(async move {
            // A client that refuses the certificate, or has seen enough, ends the exchange: nothing to report.
            let _ = exchange(stream, acceptor, &answers, &seen).await;
        });
    }
}

async fn exchange(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    answers: &[Answer],
    seen: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    let mut tls = acceptor.accept(stream).await?;
    let sni = tls.get_ref().1.server_name().map(str::to_owned);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tls.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap().lines().map(str::to_owned).collect();
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(Request { sni, head });
        seen.len()
    };
    match answers.get(number - 1).or(answers.last()).unwrap() {
        Answer::Send(bytes) => {
            send(&mut tls, bytes).await?;
            tls.shutdown().await
        }
        Answer::Stall(bytes) => {
            send(&mut tls, bytes).await?;
            std::future::pending().await
        }
        Answer::Endless(first, again) => {
            send(&mut tls, first).await?;
            loop {
                send(&mut tls, again).await?;
            }
        }
    }
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

/// Every host is at these addresses.
pub(super) struct At(pub(super) Vec<IpAddr>);

impl AddressLookup for At {
    fn addresses(&self, _: &str) -> Addresses {
        let addresses = self.0.clone();
        Box::pin(async move { Ok(addresses) })
    }
}

/// A certificate authority.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
pub(super) struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn root(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// A certificate for these DNS names (or addresses), valid in the years 2020 to 2029.
    pub(super) fn issue(&self, names: &[&str]) -> Identity {
        self.issue_from(params(names))
    }

    pub(super) fn issue_from(&self, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity { chain: vec![certificate.der().clone()], key: der(&key) }
    }
}

impl Identity {
    pub(super) fn self_signed(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { chain: vec![certificate.der().clone()], key: der(&key) }
    }
}

pub(super) fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2029, 12, 31);
    params
}

fn der(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::try_from(key.serialize_der()).unwrap()
}
