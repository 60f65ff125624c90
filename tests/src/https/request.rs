//! One HTTPS connection: one request, one answer.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;

use super::{Answers, Life};
use crate::journal::Journal;

/// Where a policy is found (RFC 8461 §3.3).
const WELL_KNOWN: &str = "/.well-known/mta-sts.txt";

pub(super) async fn serve(life: &Life, journal: &Journal, connection: TcpStream) -> io::Result<()> {
    let server = &life.server;
    let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), connection).await?;
    let sni = start.client_hello().server_name().map(str::to_owned);
    journal.policy_host(|saw| saw.sni.push(sni));
    let mut stream = BufReader::new(start.into_stream(Arc::clone(&server.tls)).await?);
    let Request { path, host } = Request::read(&mut stream).await?;
    journal.policy_host(|saw| {
        saw.paths.push(path.clone());
        saw.hosts.push(host);
    });

    let personality = &server.personality;
    match personality.answers.unwrap_or_default() {
        Answers::Never => {
            // Until the client gives up.
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
            return Ok(());
        }
        Answers::Unheard => unreachable!("such a host has no listener"),
        Answers::Endlessly => {
            journal.policy_host(|saw| saw.gets += 1);
            let head =
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nversion: STSv1\r\n";
            stream.write_all(head.as_bytes()).await?;
            loop {
                stream.write_all(b"x: this policy has no end\r\n").await?;
            }
        }
        Answers::Policy => {}
    }

    let (status, location) = match &personality.location {
        Some(location) if path == WELL_KNOWN => {
            (personality.status.unwrap_or(301), format!("Location: {location}\r\n"))
        }
        None if path == WELL_KNOWN => (personality.status.unwrap_or(200), String::new()),
        Some(_) | None => (200, String::new()),
    };
    let content_type = match personality.content_type.as_deref() {
        None => "Content-Type: text/plain\r\n".to_owned(),
        Some("") => String::new(),
        Some(other) => format!("Content-Type: {other}\r\n"),
    };
    let policy = personality.policy.as_deref().unwrap_or_default();
    let body: String = policy.lines().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    // Before the answer goes out: whoever has it finds the world already changed.
    if !life.fetched.swap(true, Ordering::SeqCst) && personality.then_gone.is_some() {
        (server.first_fetch)();
        life.gone.store(true, Ordering::SeqCst);
    }
    journal.policy_host(|saw| saw.gets += 1);
    let answer = format!(
        "HTTP/1.1 {status} lab\r\n{content_type}{location}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

struct Request {
    path: String,
    /// The `Host` field's value, empty where there was none.
    host: String,
}

impl Request {
    async fn read(stream: &mut (impl AsyncBufReadExt + AsyncRead + AsyncWrite + Unpin)) -> io::Result<Self> {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut host = String::new();
        loop {
            line.clear();
            stream.read_line(&mut line).await?;
            match line.trim_end().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("host") => {
                    value.trim().clone_into(&mut host)
                }
                Some(_) => {}
                None => return Ok(Self { path, host }),
            }
        }
    }
}
