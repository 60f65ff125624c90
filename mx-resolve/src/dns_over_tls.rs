//! DNS over TLS (RFC 7858) to a server that must prove its name: the strict profile of RFC 8310 §5.
//!
//! The questions to one server share a connection while it lasts (RFC 7858 §3.4).

use std::{
    error::Error,
    fmt,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, StreamExt};
use hickory_net::{
    DnsMultiplexer, NetError,
    runtime::{RuntimeProvider, Spawn, TokioRuntimeProvider},
    tls::tls_client_connect,
    xfer::{DnsClientStream, DnsExchange},
};
use hickory_proto::op::{Message, MessageType, SerialMessage};
use rustls::{
    ClientConfig, RootCertStore,
    client::Resumption,
    crypto::ring,
    version::{TLS12, TLS13},
};
use rustls_pki_types::{CertificateDer, DnsName, ServerName};
use tokio::sync::Mutex;

/// Questions under way on one connection: more than all hosts of a few domains have at a time.
const MAX_ACTIVE_REQUESTS: usize = 1024;

/// Why no server of DNS over TLS can be authenticated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DnsOverTlsError {
    /// There is no root certificate, neither given nor on the platform.
    #[error("DNS over TLS: there is no root certificate to trust: {detail}")]
    NoRoots {
        /// Whose fault it is; where the platform said why, in its words.
        detail: String,
    },
    /// A given root is no certificate.
    #[error("DNS over TLS: root certificate {number} is malformed: {source}")]
    Root {
        /// Which one, counted from 1.
        number: usize,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The TLS client refuses its settings.
    #[error("DNS over TLS: the client cannot be set up: {source}")]
    Client {
        /// What it said.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// One server, and the connection to it.
pub(crate) struct TlsServer {
    address: SocketAddr,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
    connection: Mutex<Option<DnsExchange<TokioRuntimeProvider>>>,
}

/// A connection to ask on.
pub(crate) struct Connection {
    pub(crate) exchange: DnsExchange<TokioRuntimeProvider>,
    /// Whether it served other questions before; it may have ended since.
    pub(crate) reused: bool,
}

impl TlsServer {
    pub(crate) fn new(address: SocketAddr, name: DnsName<'static>, config: Arc<ClientConfig>) -> Self {
        Self { address, name: ServerName::DnsName(name), config, connection: Mutex::new(None) }
    }

    /// The connection at hand, or a new one. Whoever comes while it is made waits for it.
    pub(crate) async fn connection(
        &self,
        timeout: Duration,
        runtime: &TokioRuntimeProvider,
    ) -> Result<Connection, NetError> {
        let mut connection = self.connection.lock().await;
        if let Some(exchange) = &*connection {
            return Ok(Connection { exchange: exchange.clone(), reused: true });
        }
        let exchange = self.connect(timeout, runtime).await?;
        *connection = Some(exchange.clone());
        Ok(Connection { exchange, reused: false })
    }

    /// Leaves the connection to the questions that are under way on it; the next one gets a new connection.
    pub(crate) fn forget_connection(&self) {
        // Whoever holds the lock is making a new one.
        if let Ok(mut connection) = self.connection.try_lock() {
            *connection = None;
        }
    }

    async fn connect(
        &self,
        timeout: Duration,
        runtime: &TokioRuntimeProvider,
    ) -> Result<DnsExchange<TokioRuntimeProvider>, NetError> {
        // hickory's shorter way, `tls_exchange`, sends no SNI, which servers with several names go by.
        let (stream, sender) =
            tls_client_connect(self.address, self.name.clone(), Arc::clone(&self.config), runtime.clone());
        let stream = stream.await.inspect_err(|error| {
            tracing::warn!(server = %self, %error, "no TLS with the upstream");
        })?;
        let multiplexer = DnsMultiplexer::new(Attributable(stream), sender)
            .with_timeout(timeout)
            .with_max_active_requests(MAX_ACTIVE_REQUESTS);
        let (exchange, background) = DnsExchange::from_stream(multiplexer);
        runtime.create_handle().spawn_bg(background);
        Ok(exchange)
    }
}

impl fmt::Display for TlsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tls://{}#{}", self.address, self.name.to_str())
    }
}

/// The messages of a stream. What cannot be read becomes an empty message with its id, which answers nothing: the question
/// that it was for fails at once, and the others on the connection do not. The multiplexer would throw it away, and the
/// question would run into its time.
struct Attributable<S>(S);

impl<S: DnsClientStream> Stream for Attributable<S> {
    type Item = Result<SerialMessage, NetError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context).map_ok(|message| {
            let (octets, server) = message.into_parts();
            SerialMessage::new(if is_response(&octets) { octets } else { nothing(&octets) }, server)
        })
    }
}

impl<S: DnsClientStream> DnsClientStream for Attributable<S> {
    type Time = S::Time;

    fn name_server_addr(&self) -> SocketAddr {
        self.0.name_server_addr()
    }
}

fn is_response(octets: &[u8]) -> bool {
    Message::from_vec(octets).is_ok_and(|message| message.metadata.message_type == MessageType::Response)
}

/// A response with the id of these octets and without a question (RFC 1035 §4.1.1).
fn nothing(octets: &[u8]) -> Vec<u8> {
    let id = octets.iter().copied().chain([0, 0]).take(2);
    id.chain([QR, 0, 0, 0, 0, 0, 0, 0, 0, 0]).collect()
}

/// The bit that tells a response from a query.
const QR: u8 = 0x80;

/// A client that trusts these roots (DER), or without any the platform's.
pub(crate) fn client_config(
    roots: Option<&[CertificateDer<'static>]>,
) -> Result<Arc<ClientConfig>, DnsOverTlsError> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|error| DnsOverTlsError::Client { source: error.into() })?
        .with_root_certificates(root_store(roots)?)
        .with_no_client_auth();
    // A resumed session would skip the certificate.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn root_store(roots: Option<&[CertificateDer<'static>]>) -> Result<RootCertStore, DnsOverTlsError> {
    let mut store = RootCertStore::empty();
    let Some(given) = roots else {
        let platform = rustls_native_certs::load_native_certs();
        // Platforms hold a few certificates that nobody can read; the others serve.
        store.add_parsable_certificates(platform.certs);
        if store.is_empty() {
            let detail = match platform.errors.first() {
                Some(error) => error.to_string(),
                None => "the platform has none".to_owned(),
            };
            return Err(DnsOverTlsError::NoRoots { detail });
        }
        return Ok(store);
    };
    for (root, number) in given.iter().zip(1..) {
        store.add(root.clone()).map_err(|error| DnsOverTlsError::Root { number, source: error.into() })?;
    }
    if store.is_empty() {
        return Err(DnsOverTlsError::NoRoots { detail: "none was given".to_owned() });
    }
    Ok(store)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_answers_nothing() {
        for (octets, id, why) in [
            (&b"\x12\x34\x80\0\0\x01"[..], 0x1234, "half a header"),
            (b"\x12", 0x1200, "half an id"),
            (b"", 0, "nothing"),
        ] {
            assert!(!is_response(octets), "{why}");
            let message = Message::from_vec(&nothing(octets)).unwrap();
            assert_eq!((message.metadata.id, message.queries.len()), (id, 0), "{why}");
            assert!(is_response(&nothing(octets)), "{why}");
        }
        assert!(!is_response(&Message::query().to_vec().unwrap()), "a query");
    }

    #[test]
    fn without_a_root_nobody_is_authenticated() {
        assert!(matches!(client_config(Some(&[])), Err(DnsOverTlsError::NoRoots { .. })), "none was given");
        let garbage = CertificateDer::from(vec![0; 8]);
        assert!(matches!(client_config(Some(&[garbage])), Err(DnsOverTlsError::Root { number: 1, .. })));
    }
}
