//! One SMTP session, as the server's personality has it.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;

use super::{Reply, Server, Starttls};
use crate::journal::{Command, Journal};

/// Runs the session until one side has had enough. What became of it stands in the journal.
pub(super) async fn run(server: &Server, journal: &Journal, connection: TcpStream) {
    // An error here is a client that went away or broke off the handshake: part of the scenario, and seen in the journal.
    let _ended = session(server, journal, connection).await;
}

async fn session(server: &Server, journal: &Journal, connection: TcpStream) -> io::Result<()> {
    let mut clear = Dialogue { server, journal, stream: BufStream::new(connection), tls: false };
    let greeting = format!("220 {} ESMTP the lab", server.host);
    let greeted = clear.reply(server.personality.greeting.as_ref(), &greeting).await?;
    if greeted.is_break() || matches!(clear.commands().await?, End::Closed) {
        return close(&mut clear.stream).await;
    }
    let connection = clear.stream.into_inner();
    let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), connection).await?;
    let sni = start.client_hello().server_name().map(str::to_owned);
    journal.server(&server.host, |saw| saw.sni.push(sni));
    let stream = start.into_stream(Arc::clone(&server.tls)).await?;
    journal.server(&server.host, |saw| saw.handshakes += 1);
    let mut inside = Dialogue { server, journal, stream: BufStream::new(stream), tls: true };
    inside.commands().await?;
    close(&mut inside.stream).await
}

/// Closes so that the client reads all that was said: closing over unread bytes would reset the connection.
async fn close(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    stream.shutdown().await?;
    tokio::io::copy(stream, &mut tokio::io::sink()).await.map(|_| ())
}

/// How a run of commands ended.
enum End {
    /// The session is over.
    Closed,
    /// The 220 to STARTTLS is out: a handshake comes next.
    Handshake,
}

/// Whether the session goes on after a reply.
type Flow = std::ops::ControlFlow<()>;

struct Dialogue<'a, S> {
    server: &'a Server,
    journal: &'a Journal,
    stream: BufStream<S>,
    tls: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Dialogue<'_, S> {
    async fn commands(&mut self) -> io::Result<End> {
        let personality = &self.server.personality;
        while let Some(line) = self.line().await? {
            let tls = self.tls;
            self.journal
                .server(&self.server.host, |saw| saw.commands.push(Command { line: line.clone(), tls }));
            let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
            let flow = match verb.as_str() {
                "EHLO" => match &personality.ehlo {
                    Some(reply) => self.reply(Some(reply), "502 5.5.1 no EHLO").await?,
                    None => self.capabilities().await?,
                },
                "HELO" => self.reply(None, &format!("250 {}", self.server.host)).await?,
                "STARTTLS" => match self.starttls().await? {
                    Some(end) => return Ok(end),
                    None => Flow::Continue(()),
                },
                "MAIL" => self.reply(personality.mail.as_ref(), "250 2.1.0 ok").await?,
                "RCPT" => {
                    let replies = personality.rcpt.as_ref();
                    let reply = replies.and_then(|r| r.get(recipient(&line)).or_else(|| r.get("*")));
                    self.reply(reply, "250 2.1.5 ok").await?
                }
                "DATA" => self.data().await?,
                "RSET" | "NOOP" => self.reply(None, "250 2.0.0 ok").await?,
                "QUIT" => {
                    self.say("221 2.0.0 bye").await?;
                    Flow::Break(())
                }
                _ => self.reply(None, "502 5.5.2 command not known here").await?,
            };
            if flow.is_break() {
                break;
            }
        }
        Ok(End::Closed)
    }

    async fn capabilities(&mut self) -> io::Result<Flow> {
        let personality = &self.server.personality;
        let offered = match (&personality.capabilities_in_tls, &personality.capabilities) {
            (Some(inside), _) if self.tls => inside.clone(),
            (_, Some(always)) => always.clone(),
            (_, None) => vec!["8BITMIME".to_owned(), "ENHANCEDSTATUSCODES".to_owned()],
        };
        let mut lines = vec![self.server.host.clone()];
        lines.extend(offered);
        if !self.tls && personality.starttls != Some(Starttls::Absent) {
            lines.push("STARTTLS".to_owned());
        }
        let last = lines.pop().expect("the host's name at least");
        let mut text: String = lines.iter().map(|line| format!("250-{line}\r\n")).collect();
        text.push_str(&format!("250 {last}"));
        self.reply(None, &text).await
    }

    /// Answers STARTTLS: `None` where the session goes on as it was.
    async fn starttls(&mut self) -> io::Result<Option<End>> {
        const READY: &str = "220 2.0.0 ready";
        if self.tls {
            self.say("503 5.5.1 TLS is on already").await?;
            return Ok(None);
        }
        match self.server.personality.starttls.clone().unwrap_or_default() {
            Starttls::Absent => {
                self.say("502 5.5.1 command not known here").await?;
                return Ok(None);
            }
            Starttls::Say(line) => {
                self.say(&line).await?;
                return Ok(None);
            }
            Starttls::Accept => self.say(READY).await?,
            // One write, so that both lines are there before any ClientHello can be.
            Starttls::Inject => self.say(&format!("{READY}\r\n250 injected")).await?,
            Starttls::Garbage => {
                self.say(READY).await?;
                // The client speaks first (RFC 3207 §4): wait for its ClientHello, so that these bytes answer it.
                self.stream.read_u8().await?;
                self.say("\x7f\x7fthis is not TLS").await?;
                return Ok(Some(End::Closed));
            }
            Starttls::Close => {
                self.say(READY).await?;
                return Ok(Some(End::Closed));
            }
            Starttls::Hang => {
                self.say(READY).await?;
                self.journal.held().await;
            }
        }
        Ok(Some(End::Handshake))
    }

    async fn data(&mut self) -> io::Result<Flow> {
        let before = self.server.personality.data.as_ref();
        if self.reply(before, "354 go on").await?.is_break() {
            return Ok(Flow::Break(()));
        }
        if let Some(Reply::Say(line)) = before
            && !line.starts_with('3')
        {
            return Ok(Flow::Continue(()));
        }
        let mut message = Vec::new();
        loop {
            let start = message.len();
            if self.stream.read_until(b'\n', &mut message).await? == 0 {
                return Ok(Flow::Break(()));
            }
            if &message[start..] == b".\r\n" {
                message.truncate(start);
                break;
            }
        }
        self.journal.server(&self.server.host, |saw| saw.messages.push(message));
        self.reply(self.server.personality.dot.as_ref(), "250 2.0.0 queued in the lab").await
    }

    async fn reply(&mut self, reply: Option<&Reply>, usual: &str) -> io::Result<Flow> {
        match reply {
            None => self.say(usual).await?,
            Some(Reply::Say(line)) => self.say(line).await?,
            Some(Reply::Close) => return Ok(Flow::Break(())),
            Some(Reply::Hang) => {
                self.journal.held().await;
                self.say(usual).await?;
            }
        }
        Ok(Flow::Continue(()))
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(format!("{text}\r\n").as_bytes()).await?;
        self.stream.flush().await
    }

    /// The next line without its end, `None` at the end of the stream.
    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        if self.stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&line);
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

/// The address in `RCPT TO:<address> …`, empty where there is none.
fn recipient(line: &str) -> &str {
    let Some((_, rest)) = line.split_once('<') else { return "" };
    let Some((address, _)) = rest.split_once('>') else { return "" };
    address
}
