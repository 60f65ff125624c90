//! The TLS handshake after STARTTLS, and what the policy makes of it.

use std::io;

use mxtls_policy::{Failure, FailureCode};
use mxtls_verifier::{Handshake, TlsSettings, Verdict, handshake, raw_key_handshake};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    attempt::{TlsInfo, TlsaMatch},
    connection::Patience,
    first_record::FirstRecord,
    server::{Server, StartTlsUse},
    session::injection,
    state::Break,
};

/// What the handshake came to.
#[derive(Debug)]
pub(crate) struct Secured {
    /// Why it failed, or the stream over which all that the policy enforces holds.
    pub(crate) stream: Result<Box<TlsStream<FirstRecord<TcpStream>>>, HandshakeError>,
    /// `None` where neither a certificate nor a raw public key was shown.
    pub(crate) seen: Option<Seen>,
    /// Whether the server may be asked for a raw public key instead.
    pub(crate) retry_raw_key: bool,
}

/// What was seen of the server's certificates or of its raw public key.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) info: TlsInfo,
    /// What the Web PKI says of them.
    pub(crate) web_pki: Result<(), Failure>,
}

/// Why there is no stream.
#[derive(Debug)]
pub(crate) enum HandshakeError {
    Failed(Failure),
    Interrupted,
}

/// Makes the handshake. The server has answered STARTTLS with 220, and nothing is left of what it sent.
pub(crate) async fn start(
    server: &Server<'_>,
    settings: &TlsSettings,
    stream: TcpStream,
    patience: &mut Patience<'_>,
) -> Secured {
    let for_raw_key = raw_key_handshake(server.policy, server.host, settings);
    let raw_key_is_allowed = for_raw_key.is_some();
    let handshake = for_raw_key
        .filter(|_| server.starttls == StartTlsUse::ForRawKey)
        .unwrap_or_else(|| handshake(server.policy, server.host, settings));
    let stream = match nothing_sent(server.host, &stream).await {
        Ok(()) => connect(server.host, &handshake, stream, patience).await,
        Err(failure) => Err(HandshakeError::Failed(failure)),
    };
    let (stream, established) = match stream {
        Ok(stream) => match handshake.finish(stream.get_ref().1) {
            Ok(established) => (Ok(Box::new(stream)), Some((established.version, established.cipher_suite))),
            Err(failure) => (Err(HandshakeError::Failed(failure)), None),
        },
        Err(error) => (Err(error), None),
    };
    let seen = handshake.verdict().map(|verdict| Seen {
        info: info(&handshake, verdict, established),
        web_pki: verdict.web_pki.clone(),
    });
    // With a certificate in hand the answer is final: a server has one or the other.
    let nothing_shown = seen.is_none() && may_be_for_want_of_a_key(&stream);
    let retry_raw_key = nothing_shown && raw_key_is_allowed && server.starttls == StartTlsUse::AsOffered;
    Secured { stream, seen, retry_raw_key }
}

/// Decision 11: whoever injects gets no second try.
fn may_be_for_want_of_a_key<T>(stream: &Result<T, HandshakeError>) -> bool {
    match stream {
        Err(HandshakeError::Failed(failure)) => failure.code != FailureCode::Injection,
        Ok(_) | Err(HandshakeError::Interrupted) => false,
    }
}

/// Decision 11: what can be read before our ClientHello was sent by somebody who did not wait for it.
async fn nothing_sent(host: &str, stream: &TcpStream) -> Result<(), Failure> {
    // Lets the runtime take note of what has arrived since the last read.
    tokio::task::yield_now().await;
    match stream.try_read(&mut [0; 1]) {
        Ok(0) => Err(failed(host, "the server closed the connection")),
        Ok(_) => Err(injection(host, "there was more before the ClientHello was sent")),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(failed(host, &error.to_string())),
    }
}

async fn connect(
    host: &str,
    handshake: &Handshake,
    stream: TcpStream,
    patience: &mut Patience<'_>,
) -> Result<TlsStream<FirstRecord<TcpStream>>, HandshakeError> {
    let connector = TlsConnector::from(handshake.config());
    let connect = connector.connect(handshake.server_name(), FirstRecord::new(stream)).into_fallible();
    match patience.wait(connect).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err((_, stream))) if stream.injected() => {
            Err(HandshakeError::Failed(injection(host, "what came first is no TLS record")))
        }
        Ok(Err((error, _))) => Err(HandshakeError::Failed(handshake.failure(&error))),
        Err(Break::Interrupted) => Err(HandshakeError::Interrupted),
        Err(cause @ (Break::Timeout | Break::Lost(_))) => {
            Err(HandshakeError::Failed(failed(host, &cause.to_string())))
        }
    }
}

fn failed(host: &str, detail: &str) -> Failure {
    Failure::new(FailureCode::TlsHandshake, format!("The TLS handshake with {host} failed.")).detail(detail)
}

fn info(
    handshake: &Handshake,
    verdict: &Verdict,
    established: Option<(&'static str, &'static str)>,
) -> TlsInfo {
    let matched = match (&verdict.tlsa, established) {
        (Some(Ok(matched)), Some(_)) => Some(TlsaMatch {
            usage: matched.usage.octet(),
            selector: matched.selector.octet(),
            matching: matched.matching.octet(),
            depth: matched.depth,
            index: matched.index,
            anchor_expired: matched.anchor_expired,
        }),
        // Anybody can show a certificate that matches: only a handshake that is done proves the key (RFC 6698 §4.1).
        (Some(_) | None, _) => None,
    };
    TlsInfo {
        version: established.map(|(version, _)| version),
        cipher_suite: established.map(|(_, cipher_suite)| cipher_suite),
        sni: handshake.sni().map(str::to_owned),
        matched,
        web_pki: (!verdict.certificates.is_empty())
            .then(|| verdict.web_pki.clone().map_err(|failure| failure.code)),
        certificates: verdict.certificates.clone(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    #[tokio::test]
    async fn d11_what_arrives_before_the_client_hello() {
        for (bytes, close, expected, why) in [
            (&b"250 injected\r\n"[..], false, Some(FailureCode::Injection), "dev15: a segment of its own"),
            (b"\x16", false, Some(FailureCode::Injection), "whatever it looks like"),
            (b"250 injected\r\n", true, Some(FailureCode::Injection), "then a close"),
            (b"", true, Some(FailureCode::TlsHandshake), "dev4: a close"),
            (b"", false, None, "silence"),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (mut server, _) = listener.accept().await.unwrap();
            server.write_all(b"220 go\r\n").await.unwrap();
            // As in a session: the read that took the reply found nothing behind it.
            assert_eq!(client.read(&mut [0; 64]).await.unwrap(), 8);
            server.write_all(bytes).await.unwrap();
            if close {
                server.shutdown().await.unwrap();
            }
            let failure = nothing_sent("mx.example", &client).await.err();
            assert_eq!(failure.map(|failure| failure.code), expected, "{why}");
        }
    }
}
