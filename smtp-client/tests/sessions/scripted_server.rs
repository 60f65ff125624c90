//! A server that says what it is told to, and remembers what it heard.

use std::{
    collections::HashMap,
    net::SocketAddr,
    ops::ControlFlow,
    sync::{Arc, Mutex},
};

use mxtls_smtp_client::InterruptTrigger;
use rustls::ServerConfig;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// What a server answers, by what it is asked: `greeting`, a verb, `.`, or a whole line; with `TLS ` before it, inside
/// TLS only. The longest that fits is taken.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) answers: HashMap<&'static str, Answer>,
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) trigger: Option<Arc<InterruptTrigger>>,
}

/// An answer.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) say: Vec<u8>,
    pub(crate) then: Then,
}

/// What follows an answer.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Then {
    /// What the protocol asks for.
    GoOn,
    /// The connection is closed.
    Close,
    /// Nothing is said any more; what comes is still heard.
    FallSilent,
    /// The client is interrupted; what comes is still heard.
    Interrupt,
    /// The client is interrupted, and the session goes on.
    InterruptAndGoOn,
    /// This is said when the client has begun to speak.
    Interject(&'static [u8]),
}

/// What was heard.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Heard {
    /// Each command, with `TLS ` before it inside TLS.
    pub(crate) commands: Vec<String>,
    /// What came after DATA, up to and with the final dot, or up to the end of the connection.
    pub(crate) message: Vec<u8>,
    /// The server names of the handshakes.
    pub(crate) sni: Vec<Option<String>>,
    pub(crate) connections: usize,
}

pub(crate) struct ScriptedServer {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
    task: JoinHandle<()>,
}

impl Script {
    /// A server that does all that is right.
    pub(crate) fn new(tls: Arc<ServerConfig>) -> Self {
        let answers = [
            ("greeting", "220 mx.example ESMTP\r\n"),
            ("EHLO", "250-mx.example\r\n250-STARTTLS\r\n250 8BITMIME\r\n"),
            ("TLS EHLO", "250-mx.example\r\n250 8BITMIME\r\n"),
            ("HELO", "250 mx.example\r\n"),
            ("STARTTLS", "220 go ahead\r\n"),
            ("MAIL", "250 2.1.0 ok\r\n"),
            ("RCPT", "250 2.1.5 ok\r\n"),
            ("DATA", "354 go ahead\r\n"),
            (".", "250 2.0.0 queued as 1\r\n"),
            ("QUIT", "221 bye\r\n"),
        ];
        let answers = answers.map(|(key, text)| (key, Answer::new(text))).into();
        Self { answers, tls, trigger: None }
    }

    pub(crate) fn answer(mut self, key: &'static str, answer: impl Into<Answer>) -> Self {
        self.answers.insert(key, answer.into());
        self
    }

    /// Serves connections until the test is over.
    pub(crate) async fn serve(self) -> ScriptedServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Heard::default()));
        let journal = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            // One connection is all that an attempt may make.
            let (stream, _) = listener.accept().await.unwrap();
            journal.lock().unwrap().connections += 1;
            drop(listener);
            Conversation { script: self, heard: journal }.begin(stream).await;
        });
        ScriptedServer { address, heard, task }
    }
}

impl Answer {
    pub(crate) fn new(text: &str) -> Self {
        Self { say: text.as_bytes().to_vec(), then: Then::GoOn }
    }

    pub(crate) fn then(self, then: Then) -> Self {
        Self { then, ..self }
    }
}

impl From<&str> for Answer {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<Then> for Answer {
    fn from(then: Then) -> Self {
        Self { say: vec![], then }
    }
}

impl ScriptedServer {
    /// What was heard, once the connection is over.
    pub(crate) async fn heard(self) -> Heard {
        self.task.await.unwrap();
        let heard = self.heard.lock().unwrap();
        heard.clone()
    }

    /// What was heard where nobody was to connect.
    pub(crate) fn heard_nobody(self) -> bool {
        self.task.abort();
        *self.heard.lock().unwrap() == Heard::default()
    }
}

impl Heard {
    /// Whether a command of this verb was heard, inside TLS or not.
    pub(crate) fn has(&self, verb: &str) -> bool {
        self.count(verb) > 0
    }

    pub(crate) fn count(&self, verb: &str) -> usize {
        let of_verb = |line: &&String| line.trim_start_matches("TLS ").starts_with(verb);
        self.commands.iter().filter(of_verb).count()
    }
}

struct Conversation {
    script: Script,
    heard: Arc<Mutex<Heard>>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Conversation {
    async fn begin(&self, mut stream: TcpStream) {
        if let ControlFlow::Break(then) = self.say("greeting", "", &mut stream).await {
            return self.end(then, &mut stream).await;
        }
        if !self.talk(&mut stream, "").await {
            return;
        }
        let Ok(mut stream) = TlsAcceptor::from(Arc::clone(&self.script.tls)).accept(stream).await else {
            return;
        };
        let sni = stream.get_ref().1.server_name().map(str::to_owned);
        self.heard.lock().unwrap().sni.push(sni);
        self.talk(&mut stream, "TLS ").await;
    }

    /// Answers commands; true where the TLS handshake follows.
    async fn talk(&self, stream: &mut dyn Stream, prefix: &str) -> bool {
        let mut stream = BufReader::new(stream);
        loop {
            let mut line = vec![];
            // A client that breaks TLS off has said all it had to.
            let Ok(1..) = stream.read_until(b'\n', &mut line).await else { return false };
            let line = String::from_utf8_lossy(&line);
            assert!(line.ends_with("\r\n"), "not a whole command: {line:?}");
            let line = line.trim_end();
            self.heard.lock().unwrap().commands.push(format!("{prefix}{line}"));
            if let ControlFlow::Break(then) = self.say(line, prefix, &mut stream).await {
                self.end(then, &mut stream).await;
                return false;
            }
            let accepted = |code: &str| self.key(line, prefix).say.starts_with(code.as_bytes());
            if line == "STARTTLS" && accepted("220") {
                assert!(stream.buffer().is_empty(), "STLS-02: nothing but the handshake follows STARTTLS");
                return true;
            }
            let over = line == "DATA" && accepted("354") && !self.message(&mut stream, prefix).await;
            if over || line == "QUIT" {
                return false;
            }
        }
    }

    /// Hears a message and answers it; false where the session is over.
    async fn message(&self, stream: &mut BufReader<&mut dyn Stream>, prefix: &str) -> bool {
        loop {
            let mut line = vec![];
            let Ok(1..) = stream.read_until(b'\n', &mut line).await else { return false };
            let last = line == b".\r\n";
            self.heard.lock().unwrap().message.extend(&line);
            let key = if last { "." } else { "line" };
            if !last && !self.script.answers.contains_key("line") {
                continue;
            }
            if let ControlFlow::Break(then) = self.say(key, prefix, stream).await {
                self.end(then, stream).await;
                return false;
            }
            if last {
                return true;
            }
        }
    }

    /// Answers; breaks where the session does not go on after it.
    async fn say(
        &self,
        asked: &str,
        prefix: &str,
        stream: &mut (impl AsyncWrite + Unpin),
    ) -> ControlFlow<Then> {
        let answer = self.key(asked, prefix);
        if matches!(answer.then, Then::Interrupt | Then::InterruptAndGoOn) {
            self.script.trigger.as_ref().unwrap().interrupt();
        }
        // A client that has had enough closes: it need not hear all.
        if stream.write_all(&answer.say).await.is_err() || stream.flush().await.is_err() {
            return ControlFlow::Break(Then::FallSilent);
        }
        match answer.then {
            Then::GoOn | Then::InterruptAndGoOn => ControlFlow::Continue(()),
            then @ (Then::Close | Then::FallSilent | Then::Interrupt | Then::Interject(_)) => {
                ControlFlow::Break(then)
            }
        }
    }

    fn key(&self, asked: &str, prefix: &str) -> &Answer {
        let verb = asked.split(' ').next().unwrap();
        let keys = [format!("{prefix}{asked}"), format!("{prefix}{verb}"), asked.to_owned(), verb.to_owned()];
        keys.iter().find_map(|key| self.script.answers.get(key.as_str())).unwrap()
    }

    async fn end(&self, then: Then, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
        if let Then::Interject(bytes) = then {
            // A first octet of the ClientHello: the client waits for a record now.
            if stream.read_u8().await.is_err() || stream.write_all(bytes).await.is_err() {
                return;
            }
        }
        if then == Then::Close {
            return;
        }
        let mut rest = vec![];
        // The client may end the connection any way it likes.
        if stream.read_to_end(&mut rest).await.is_ok() || !rest.is_empty() {
            let mut heard = self.heard.lock().unwrap();
            if heard.has("DATA") {
                heard.message.extend(rest);
            } else if !heard.has("STARTTLS") || heard.commands.iter().any(|line| line.starts_with("TLS ")) {
                let lines = String::from_utf8_lossy(&rest).lines().map(str::to_owned).collect::<Vec<_>>();
                heard.commands.extend(lines);
            }
        }
    }
}
