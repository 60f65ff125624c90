//! One DNS question to the upstreams: UDP, and TCP when the answer is truncated (RFC 7766); or TLS alone (RFC 7858).
//!
//! hickory-net moves the messages; what it does not do is done here: the servers' order, the repetition over UDP, the
//! change to TCP, and the check that an answer belongs to the question.

use std::{
    fmt::{self, Display},
    io::ErrorKind,
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use dnssec::{FetchError, Question};
use futures_util::{
    FutureExt,
    future::{BoxFuture, join},
};
use hickory_net::{
    NetError,
    runtime::TokioRuntimeProvider,
    xfer::{DnsExchange, DnsHandle, FirstAnswer},
};
use hickory_proto::{
    op::{DnsRequest, DnsRequestOptions, Message, ResponseCode},
    rr::RecordType,
};
use mxtls_policy::LookupErrorKind;
use rustls_pki_types::CertificateDer;

use crate::{
    datagram::DatagramRuntime,
    dns_over_tls::{Connection, DnsOverTlsError, TlsServer, client_config},
    extended_error,
    in_flight::InFlight,
    message::{self, Role},
    tcp, udp,
    upstream::Upstream,
    validator::Source,
};

/// Upstream resolvers, asked in order until one answers.
pub(crate) struct Transport {
    servers: Vec<Server>,
    role: Role,
    timeout: Duration,
    // Kept alive for as long as exchanges run: dropping it cancels those over TLS.
    runtime: DatagramRuntime,
    in_flight: InFlight<(Question, usize), Result<Message, Unanswered>>,
}

enum Server {
    Plain(SocketAddr),
    Tls(TlsServer),
}

/// Why no answer came.
#[derive(Clone, Debug)]
pub(crate) struct Unanswered {
    pub(crate) error: FetchError,
    /// What the network, TLS or the server said, where that tells more than the error.
    pub(crate) detail: Option<Arc<str>>,
}

impl Transport {
    /// The roots (DER), or without any the platform's, are those that servers of DNS over TLS are held against.
    pub(crate) fn new(
        upstreams: Vec<Upstream>,
        timeout: Duration,
        mixed_case: bool,
        roots: Option<&[CertificateDer<'static>]>,
    ) -> Result<Self, DnsOverTlsError> {
        let mut config = None;
        let mut servers = Vec::with_capacity(upstreams.len());
        for upstream in upstreams {
            servers.push(match upstream {
                Upstream::Plain(address) => Server::Plain(address),
                Upstream::Tls { address, name } => {
                    let config = match &config {
                        Some(config) => Arc::clone(config),
                        None => Arc::clone(config.insert(client_config(roots)?)),
                    };
                    Server::Tls(TlsServer::new(address, name, config))
                }
            });
        }
        let runtime = DatagramRuntime { tokio: TokioRuntimeProvider::new(), mixed_case };
        Ok(Self { servers, role: Role::Recursive, timeout, runtime, in_flight: InFlight::new() })
    }

    /// The same over servers whose word counts.
    pub(crate) fn trusted(self) -> Self {
        Self { role: Role::Trusted, ..self }
    }

    /// Whether there is an answer to the question when nothing is said of DNSSEC, and at the same time none with a signature when
    /// that is asked for. What the answers say is not used.
    pub(crate) async fn lacks_dnssec(&self, question: &Question) -> bool {
        let ask = |role| self.ask_in_order(question, role, 0);
        let (plain, with_do) = join(ask(Role::Plain), ask(self.role)).await;
        let is_signed =
            |answer: Message| answer.all_sections().any(|record| record.record_type() == RecordType::RRSIG);
        plain.is_ok() && !with_do.is_ok_and(is_signed)
    }

    async fn ask_in_order(
        &self,
        question: &Question,
        role: Role,
        first: usize,
    ) -> Result<Message, Unanswered> {
        let mut last = FetchError::Timeout.into();
        for server in self.servers.iter().skip(first) {
            match self.ask_in_time(server, question, role).await {
                Ok(message) => return Ok(message),
                Err(error) => last = error,
            }
            tracing::debug!(%server, %question, error = %last, "upstream gave no answer");
        }
        Err(last)
    }

    /// The answer of one server, if it is one.
    async fn ask_in_time(
        &self,
        server: &Server,
        question: &Question,
        role: Role,
    ) -> Result<Message, Unanswered> {
        let Ok(answer) = tokio::time::timeout(self.timeout, self.ask_one(server, question, role)).await
        else {
            // What is silent may be dead: the next question does not depend on it.
            if let Server::Tls(server) = server {
                server.forget_connection();
            }
            return Err(FetchError::Timeout.into());
        };
        let message = answer?;
        if message::is_referral(&message) {
            // Whoever resolves refers to nobody.
            let detail = Some(format!("{server} refers to other servers").into());
            return Err(Unanswered { error: FetchError::Malformed, detail });
        }
        match matches!(message.metadata.response_code, ResponseCode::NoError | ResponseCode::NXDomain) {
            true => Ok(message),
            false => Err(Unanswered::rcode(&message)),
        }
    }

    async fn ask_one(&self, server: &Server, question: &Question, role: Role) -> Result<Message, Unanswered> {
        match server {
            Server::Plain(address) => {
                ask_in_clear(*address, question, role, self.timeout, &self.runtime).await
            }
            Server::Tls(server) => self.ask_tls(server, question, role).await,
        }
    }

    /// RFC 8310 §5: whatever goes wrong, the question is not asked in clear text.
    async fn ask_tls(
        &self,
        server: &TlsServer,
        question: &Question,
        role: Role,
    ) -> Result<Message, Unanswered> {
        let connection = self.connect(server).await?;
        let mut answer = send(&connection.exchange, question, role).await;
        if answer.is_err() {
            server.forget_connection();
            // RFC 7858 §3.4: servers close connections that were idle, so this one is asked again, once.
            if connection.reused {
                answer = send(&self.connect(server).await?.exchange, question, role).await;
            }
        }
        whole(accept(answer, question, server)?)
    }

    async fn connect(&self, server: &TlsServer) -> Result<Connection, Unanswered> {
        server.connection(self.timeout, &self.runtime.tokio).await.map_err(|error| {
            if matches!(error, NetError::Timeout) {
                return FetchError::Timeout.into();
            }
            // Whoever does not prove the name is nobody, whatever was wrong with the proof.
            Unanswered::unreachable(server, &error)
        })
    }
}

impl Source for Transport {
    fn upstreams(&self) -> usize {
        self.servers.len()
    }

    /// Asks the servers in order, unless they are being asked this already. The first usable answer counts; with none, the
    /// error of the last server.
    fn ask<'a>(
        self: &'a Arc<Self>,
        question: &'a Question,
        first: usize,
    ) -> BoxFuture<'a, Result<Message, Unanswered>> {
        let begin = move || {
            let (transport, question) = (Arc::clone(self), question.clone());
            async move { transport.ask_in_order(&question, transport.role, first).await }
        };
        self.in_flight.join((question.clone(), first), begin).boxed()
    }
}

/// What a question that got no answer makes of its look-up.
pub(crate) fn unanswered_kind(error: FetchError) -> LookupErrorKind {
    if let FetchError::Rcode(_) = error {
        LookupErrorKind::ServerFailure
    } else if let FetchError::Malformed | FetchError::Truncated = error {
        LookupErrorKind::Malformed
    } else {
        // `FetchError` may grow: whatever else kept an answer from us, none came in time.
        LookupErrorKind::Timeout
    }
}

impl Unanswered {
    fn new(server: &impl Display, error: &NetError) -> Self {
        if matches!(error, NetError::Timeout) {
            FetchError::Timeout.into()
        } else if is_malformed(error) {
            FetchError::Malformed.into()
        } else {
            Self::unreachable(server, error)
        }
    }

    /// A response code that answers nothing, with what the server says of it (RFC 8914).
    pub(crate) fn rcode(message: &Message) -> Self {
        let detail = extended_error::in_words(message).map(Arc::from);
        Self { error: FetchError::Rcode(message.metadata.response_code), detail }
    }

    fn unreachable(server: &impl Display, error: &NetError) -> Self {
        let detail = match certificate_error(error) {
            Some(refused) => format!("the certificate of {server} was refused: {refused}"),
            None => format!("{server}: {error}"),
        };
        Self { error: FetchError::Unreachable, detail: Some(detail.into()) }
    }
}

impl From<FetchError> for Unanswered {
    fn from(error: FetchError) -> Self {
        Self { error, detail: None }
    }
}

impl Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)?;
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(address) => address.fmt(f),
            Self::Tls(server) => server.fmt(f),
        }
    }
}

/// Asks one server over UDP, and over TCP where the answer does not fit.
pub(crate) async fn ask_in_clear(
    server: SocketAddr,
    question: &Question,
    role: Role,
    time: Duration,
    runtime: &DatagramRuntime,
) -> Result<Message, Unanswered> {
    let answer = accept(udp::ask(server, question, role, time, runtime).await, question, &server)?;
    if !answer.metadata.truncation {
        return Ok(answer);
    }
    let over_tcp = tcp::ask(server, question, role, time, &runtime.tokio).await;
    whole(accept(over_tcp, question, &server)?)
}

async fn send(
    exchange: &DnsExchange<TokioRuntimeProvider>,
    question: &Question,
    role: Role,
) -> Result<Message, NetError> {
    let request = DnsRequest::new(message::query(question, role), DnsRequestOptions::default());
    Ok(exchange.send(request).first_answer().await?.into_message())
}

/// The message that came, if it is an answer to the question.
fn accept(
    response: Result<Message, NetError>,
    question: &Question,
    server: &impl Display,
) -> Result<Message, Unanswered> {
    let message = response.map_err(|error| Unanswered::new(server, &error))?;
    if message::answers(&message, question) { Ok(message) } else { Err(FetchError::Malformed.into()) }
}

/// Over a stream there is room for the whole answer.
fn whole(answer: Message) -> Result<Message, Unanswered> {
    if answer.metadata.truncation { Err(FetchError::Truncated.into()) } else { Ok(answer) }
}

fn is_malformed(error: &NetError) -> bool {
    if let NetError::Io(io) = error {
        return matches!(io.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidData);
    }
    matches!(error, NetError::Proto(_))
}

/// What was wrong with a certificate, if that is what the error is about.
fn certificate_error(error: &NetError) -> Option<&rustls::CertificateError> {
    let NetError::Io(io) = error else { return None };
    let Some(rustls::Error::InvalidCertificate(refused)) = io.get_ref()?.downcast_ref() else { return None };
    Some(refused)
}

#[cfg(test)]
mod tests;
