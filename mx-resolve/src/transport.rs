//! One DNS question to one upstream: UDP, and TCP when the answer is truncated (RFC 7766); or TLS alone (RFC 7858).
//!
//! hickory-net moves the messages; what it does not do is done here: the size limit of EDNS, the DO and CD bits, the
//! change to TCP, and the check that an answer over TCP or TLS belongs to the question.

use std::{fmt, io::ErrorKind, net::SocketAddr, sync::Arc, time::Duration};

use dnssec::{FetchError, Question};
use hickory_net::{
    NetError,
    runtime::TokioRuntimeProvider,
    tcp::TcpClientStream,
    udp::UdpClientStream,
    xfer::{DnsExchange, DnsHandle, FirstAnswer},
};
use hickory_proto::op::{
    DnsRequest, DnsRequestOptions, DnsResponse, Edns, Message, MessageType, Query, ResponseCode,
};
use rustls_pki_types::CertificateDer;

use crate::{
    dns_over_tls::{Connection, DnsOverTlsError, TlsServer, client_config},
    upstream::Upstream,
};

/// What is offered for UDP: an answer of this size crosses nearly every path unfragmented (RFC 9715 §3).
const EDNS_PAYLOAD: u16 = 1232;

/// Upstream resolvers, asked in order until one answers.
pub(crate) struct Transport {
    servers: Vec<Server>,
    timeout: Duration,
    // Kept alive for as long as exchanges run: dropping it cancels those over TCP and TLS.
    runtime: TokioRuntimeProvider,
}

enum Server {
    Plain(SocketAddr),
    Tls(TlsServer),
}

impl Transport {
    /// The roots (DER), or without any the platform's, are those that servers of DNS over TLS are held against.
    pub(crate) fn new(
        upstreams: Vec<Upstream>,
        timeout: Duration,
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
        Ok(Self { servers, timeout, runtime: TokioRuntimeProvider::new() })
    }

    /// Asks the servers in order. The first usable answer counts; with none, the error of the last server.
    pub(crate) async fn ask(&self, question: &Question) -> Result<Message, FetchError> {
        let mut last = FetchError::Timeout;
        for server in &self.servers {
            match tokio::time::timeout(self.timeout, self.ask_one(server, question)).await {
                Ok(Ok(message)) => {
                    let code = message.metadata.response_code;
                    if matches!(code, ResponseCode::NoError | ResponseCode::NXDomain) {
                        return Ok(message);
                    }
                    last = FetchError::Rcode(code);
                }
                Ok(Err(error)) => last = error,
                Err(_elapsed) => {
                    last = FetchError::Timeout;
                    // What is silent may be dead: the next question does not depend on it.
                    if let Server::Tls(server) = server {
                        server.forget_connection();
                    }
                }
            }
            tracing::debug!(server = %server, %question, error = %last, "upstream gave no answer");
        }
        Err(last)
    }

    async fn ask_one(&self, server: &Server, question: &Question) -> Result<Message, FetchError> {
        match server {
            Server::Plain(address) => self.ask_plain(*address, question).await,
            Server::Tls(server) => self.ask_tls(server, question).await,
        }
    }

    async fn ask_plain(&self, server: SocketAddr, question: &Question) -> Result<Message, FetchError> {
        let udp = UdpClientStream::builder(server, self.runtime.clone())
            .with_timeout(Some(self.timeout))
            .exchange();
        let answer = accept(send(&udp, question).await, question)?;
        if !answer.metadata.truncation {
            return Ok(answer);
        }
        let tcp = TcpClientStream::exchange(server, None, self.timeout, None, self.runtime.clone())
            .await
            .map_err(|error| fetch_error(&error))?;
        whole(accept(send(&tcp, question).await, question)?)
    }

    /// RFC 8310 §5: whatever goes wrong, the question is not asked in clear text.
    async fn ask_tls(&self, server: &TlsServer, question: &Question) -> Result<Message, FetchError> {
        let connection = self.connect(server).await?;
        let mut answer = send(&connection.exchange, question).await;
        if answer.is_err() {
            server.forget_connection();
            // RFC 7858 §3.4: servers close connections that were idle, so this one is asked again, once.
            if connection.reused {
                answer = send(&self.connect(server).await?.exchange, question).await;
            }
        }
        whole(accept(answer, question)?)
    }

    async fn connect(&self, server: &TlsServer) -> Result<Connection, FetchError> {
        server.connection(self.timeout, &self.runtime).await.map_err(|error| {
            // Whoever does not prove the name is nobody, whatever was wrong with the proof.
            if matches!(error, NetError::Timeout) { FetchError::Timeout } else { FetchError::Unreachable }
        })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(address) => address.fmt(f),
            Self::Tls(server) => server.fmt(f),
        }
    }
}

async fn send(
    exchange: &DnsExchange<TokioRuntimeProvider>,
    question: &Question,
) -> Result<DnsResponse, NetError> {
    exchange.send(DnsRequest::new(request(question), DnsRequestOptions::default())).first_answer().await
}

/// The message that came, if it is an answer to the question.
fn accept(response: Result<DnsResponse, NetError>, question: &Question) -> Result<Message, FetchError> {
    let message = response.map_err(|error| fetch_error(&error))?.into_message();
    if answers(&message, question) { Ok(message) } else { Err(FetchError::Malformed) }
}

/// Over a stream there is room for the whole answer.
fn whole(answer: Message) -> Result<Message, FetchError> {
    if answer.metadata.truncation { Err(FetchError::Malformed) } else { Ok(answer) }
}

fn request(question: &Question) -> Message {
    let mut message = Message::query();
    message.add_query(Query::query(question.name.clone(), question.record_type));
    message.metadata.recursion_desired = true;
    // We judge ourselves, so the upstream is to pass on what it finds bogus too (RFC 4035 §3.2.2).
    message.metadata.checking_disabled = true;
    let mut edns = Edns::new();
    edns.set_max_payload(EDNS_PAYLOAD);
    edns.enable_dnssec();
    message.edns = Some(edns);
    message
}

/// Whether the message is an answer to the question (RFC 5452 §9.1).
fn answers(message: &Message, question: &Question) -> bool {
    message.metadata.message_type == MessageType::Response
        && matches!(message.queries.as_slice(), [query]
            if *query.name() == question.name && query.query_type() == question.record_type)
}

fn fetch_error(error: &NetError) -> FetchError {
    if matches!(error, NetError::Timeout) {
        FetchError::Timeout
    } else if is_malformed(error) {
        FetchError::Malformed
    } else {
        FetchError::Unreachable
    }
}

fn is_malformed(error: &NetError) -> bool {
    if let NetError::Io(io) = error {
        return matches!(io.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidData);
    }
    matches!(error, NetError::Proto(_))
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::{Name, RecordType};

    use super::*;

    #[test]
    fn what_is_asked_and_what_is_an_answer() {
        let question = Question::new(Name::from_ascii("mx.example.").unwrap(), RecordType::A);
        let asked = request(&question);
        assert!(asked.metadata.checking_disabled && asked.metadata.recursion_desired, "RFC 4035 3.2.2");
        let edns = asked.edns.as_ref().unwrap();
        assert!(edns.flags().dnssec_ok);
        assert_eq!(edns.max_payload(), EDNS_PAYLOAD);
        let mut answer = asked.clone();
        assert!(!answers(&answer, &question), "a query is no response");
        answer.metadata.message_type = MessageType::Response;
        assert!(answers(&answer, &question));
        for (name, record_type) in [("other.example.", RecordType::A), ("mx.example.", RecordType::AAAA)] {
            let mut other = answer.clone();
            other.queries = vec![Query::query(Name::from_ascii(name).unwrap(), record_type)];
            assert!(!answers(&other, &question), "{name} {record_type}");
        }
        answer.queries.clear();
        assert!(!answers(&answer, &question), "no question at all");
    }
}
