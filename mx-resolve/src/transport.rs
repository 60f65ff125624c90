//! One DNS question to one upstream: UDP, and TCP when the answer is truncated (RFC 7766).
//!
//! hickory-net moves the messages; what it does not do is done here: the size limit of EDNS, the DO and CD bits, the
//! change to TCP, and the check that an answer over TCP belongs to the question.

use std::{io::ErrorKind, net::SocketAddr, time::Duration};

use dnssec::{FetchError, Question};
use hickory_net::{
    NetError,
    runtime::TokioRuntimeProvider,
    tcp::TcpClientStream,
    udp::UdpClientStream,
    xfer::{DnsExchange, DnsHandle, FirstAnswer},
};
use hickory_proto::op::{DnsRequest, DnsRequestOptions, Edns, Message, MessageType, Query, ResponseCode};

/// What is offered for UDP: an answer of this size crosses nearly every path unfragmented (RFC 9715 §3).
const EDNS_PAYLOAD: u16 = 1232;

/// Upstream resolvers, asked in order until one answers.
#[derive(Clone)]
pub(crate) struct Transport {
    servers: Vec<SocketAddr>,
    timeout: Duration,
    // Kept alive for as long as exchanges run: dropping it cancels those over TCP.
    runtime: TokioRuntimeProvider,
}

impl Transport {
    pub(crate) fn new(servers: Vec<SocketAddr>, timeout: Duration) -> Self {
        Self { servers, timeout, runtime: TokioRuntimeProvider::new() }
    }

    /// Asks the servers in order. The first usable answer counts; with none, the error of the last server.
    pub(crate) async fn ask(&self, question: &Question) -> Result<Message, FetchError> {
        let mut last = FetchError::Timeout;
        for server in &self.servers {
            match tokio::time::timeout(self.timeout, self.ask_one(*server, question)).await {
                Ok(Ok(message)) => {
                    let code = message.metadata.response_code;
                    if matches!(code, ResponseCode::NoError | ResponseCode::NXDomain) {
                        return Ok(message);
                    }
                    last = FetchError::Rcode(code);
                }
                Ok(Err(error)) => last = error,
                Err(_elapsed) => last = FetchError::Timeout,
            }
            tracing::debug!(server = %server, name = %question.name, r#type = %question.record_type, error = ?last,
                "upstream gave no answer");
        }
        Err(last)
    }

    async fn ask_one(&self, server: SocketAddr, question: &Question) -> Result<Message, FetchError> {
        let udp = UdpClientStream::builder(server, self.runtime.clone())
            .with_timeout(Some(self.timeout))
            .exchange();
        let answer = self.send(&udp, question).await?;
        if !answer.metadata.truncation {
            return Ok(answer);
        }
        let tcp = TcpClientStream::exchange(server, None, self.timeout, None, self.runtime.clone())
            .await
            .map_err(|error| fetch_error(&error))?;
        let answer = self.send(&tcp, question).await?;
        if answer.metadata.truncation {
            return Err(FetchError::Malformed);
        }
        Ok(answer)
    }

    async fn send(
        &self,
        exchange: &DnsExchange<TokioRuntimeProvider>,
        question: &Question,
    ) -> Result<Message, FetchError> {
        let request = DnsRequest::new(request(question), DnsRequestOptions::default());
        let response = exchange.send(request).first_answer().await.map_err(|error| fetch_error(&error))?;
        let message = response.into_message();
        if answers(&message, question) { Ok(message) } else { Err(FetchError::Malformed) }
    }
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
