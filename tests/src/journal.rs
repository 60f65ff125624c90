//! What the servers of a scenario saw: written by them, read and awaited by tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;

/// Everything that the servers of one scenario saw since they were last reset.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Saw {
    /// By host name, without a trailing dot.
    pub servers: BTreeMap<String, ServerSaw>,
    /// What the policy host saw.
    pub policy_host: PolicyHostSaw,
}

impl Saw {
    /// SMTP connections accepted, over all servers.
    pub fn connections(&self) -> u32 {
        self.servers.values().map(|server| server.connections).sum()
    }

    /// MAIL commands received, over all servers, refused ones too.
    pub fn mail(&self) -> u32 {
        self.count("MAIL")
    }

    /// RCPT commands received, over all servers, refused ones too.
    pub fn rcpt(&self) -> u32 {
        self.count("RCPT")
    }

    /// DATA commands received, over all servers, refused ones too.
    pub fn data(&self) -> u32 {
        self.count("DATA")
    }

    /// Messages received up to their final dot, as they came on the wire without that dot.
    pub fn messages(&self) -> impl Iterator<Item = &[u8]> {
        self.servers.values().flat_map(|server| &server.messages).map(Vec::as_slice)
    }

    fn count(&self, verb: &str) -> u32 {
        self.servers.values().map(|server| server.count(verb)).sum()
    }
}

/// What one SMTP server saw.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ServerSaw {
    /// Connections accepted.
    pub connections: u32,
    /// TLS handshakes that were completed.
    pub handshakes: u32,
    /// The server name of each ClientHello, `None` where it had none.
    pub sni: Vec<Option<String>>,
    /// Every command line, in order.
    pub commands: Vec<Command>,
    /// Messages up to their final dot, without it, dot-stuffing as it came.
    pub messages: Vec<Vec<u8>>,
}

impl ServerSaw {
    /// How many commands began with `verb`, in any case.
    pub fn count(&self, verb: &str) -> u32 {
        let is_verb = |command: &&Command| {
            command.line.split([' ', ':']).next().is_some_and(|word| word.eq_ignore_ascii_case(verb))
        };
        u32::try_from(self.commands.iter().filter(is_verb).count()).expect("a countable session")
    }
}

/// One command line as a server received it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Command {
    /// The line without its end.
    pub line: String,
    /// Whether it came inside TLS.
    pub tls: bool,
}

/// What a policy host saw.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PolicyHostSaw {
    /// Connections accepted.
    pub connections: u32,
    /// GET requests answered.
    pub gets: u32,
    /// The server name of each ClientHello, `None` where it had none.
    pub sni: Vec<Option<String>>,
    /// The path of each request.
    pub paths: Vec<String>,
    /// The `Host` field of each request, empty where it had none.
    pub hosts: Vec<String>,
}

/// Where the servers of one scenario write, from one reset to the next.
pub(crate) struct Journal {
    saw: Mutex<Saw>,
    changed: Condvar,
    released: watch::Sender<bool>,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self { saw: Mutex::default(), changed: Condvar::new(), released: watch::Sender::new(false) }
    }

    pub(crate) fn saw(&self) -> Saw {
        self.saw.lock().unwrap().clone()
    }

    /// Waits, blocking, until what was seen satisfies `enough`; gives up after `limit`.
    pub(crate) fn wait_until(&self, limit: Duration, enough: impl Fn(&Saw) -> bool) -> Option<Saw> {
        let saw = self.saw.lock().unwrap();
        let (saw, waited) = self.changed.wait_timeout_while(saw, limit, |saw| !enough(saw)).unwrap();
        (!waited.timed_out()).then(|| saw.clone())
    }

    pub(crate) fn server(&self, host: &str, note: impl FnOnce(&mut ServerSaw)) {
        note(self.saw.lock().unwrap().servers.entry(host.to_owned()).or_default());
        self.changed.notify_all();
    }

    pub(crate) fn policy_host(&self, note: impl FnOnce(&mut PolicyHostSaw)) {
        note(&mut self.saw.lock().unwrap().policy_host);
        self.changed.notify_all();
    }

    /// Lets every server go on that hangs.
    pub(crate) fn release(&self) {
        self.released.send_replace(true);
    }

    /// Holds the caller until [`Journal::release`].
    pub(crate) async fn held(&self) {
        let mut released = self.released.subscribe();
        released.wait_for(|released| *released).await.expect("the sender lives in self");
    }
}

/// The journal in use: a reset puts a new one in its place, and connections from before go on writing to the old one.
#[derive(Clone)]
pub(crate) struct CurrentJournal(Arc<Mutex<Arc<Journal>>>);

impl CurrentJournal {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Arc::new(Journal::new()))))
    }

    pub(crate) fn get(&self) -> Arc<Journal> {
        Arc::clone(&self.0.lock().unwrap())
    }

    /// Starts a new journal; whoever hangs in the old one is let go.
    pub(crate) fn reset(&self) {
        std::mem::replace(&mut *self.0.lock().unwrap(), Arc::new(Journal::new())).release();
    }
}
