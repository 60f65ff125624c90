//! The lab itself: every server of every scenario, up in one process.

mod setup;

use std::collections::BTreeMap;
use std::future::Future;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::dns::{DnsServer, TamperError, WorldError};
use crate::journal::Saw;
use crate::scenario::{Scenario, ScenarioError};
use setup::{Running, SetUp};

/// Why the lab cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The scenarios are not in order.
    #[error("scenarios: {0}")]
    Scenarios(#[from] ScenarioError),
    /// A text of a scenario cannot be filled in.
    #[error("scenario {name}: {message}")]
    Scenario {
        /// The scenario.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// A zone cannot be built.
    #[error(transparent)]
    World(#[from] WorldError),
    /// A way to tamper that the DNS side does not know.
    #[error(transparent)]
    Tamper(#[from] TamperError),
    /// There are no loopback addresses besides 127.0.0.1.
    #[error(
        "cannot listen on {address}: {source}; the lab needs all of 127.0.0.0/8, which Linux has on its loopback interface"
    )]
    Loopback {
        /// The address that was tried.
        address: IpAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Anything else that the system refused.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// A running lab. It lives on a thread of its own, so that its methods can be called from anywhere; dropping it ends it.
pub struct Lab {
    scenarios: Vec<Scenario>,
    running: BTreeMap<String, Running>,
    dns: Arc<DnsServer>,
    port: u16,
    policy_port: u16,
    files: tempfile::TempDir,
    // The servers run for as long as it lives.
    _engine: Engine,
}

impl Lab {
    /// Starts every scenario of `tests/scenarios.toml`.
    ///
    /// # Errors
    /// What is wrong with the scenarios, or what the system refused.
    pub fn start() -> Result<Self, LabError> {
        Self::start_with(Scenario::all()?)
    }

    /// Starts only these scenarios.
    ///
    /// # Errors
    /// As [`Lab::start`].
    pub fn start_with(scenarios: Vec<Scenario>) -> Result<Self, LabError> {
        let engine = Engine::start()?;
        let files = tempfile::tempdir()?;
        let directory = files.path().to_owned();
        let (scenarios, set_up) = engine.run(async move {
            let set_up = SetUp::start(&scenarios, &directory).await;
            (scenarios, set_up)
        });
        let SetUp { running, dns, port, policy_port } = set_up?;
        Ok(Self { scenarios, running, dns, port, policy_port, files, _engine: engine })
    }

    /// The scenarios, in the order of their file.
    pub fn scenarios(&self) -> &[Scenario] {
        &self.scenarios
    }

    /// The scenario `name`.
    ///
    /// # Panics
    /// If there is none.
    pub fn scenario(&self, name: &str) -> &Scenario {
        self.scenarios
            .iter()
            .find(|scenario| scenario.name == name)
            .unwrap_or_else(|| panic!("no scenario {name} in this lab"))
    }

    /// The options of `mxtls` that point any of its commands at the lab.
    pub fn global_options(&self) -> Vec<String> {
        [
            ("--resolver", self.dns.address().to_string()),
            ("--root-hints", self.files.path().join(setup::ROOT_HINTS).display().to_string()),
            ("--dns-port", self.dns.address().port().to_string()),
            ("--trust-anchor", self.trust_anchor_file().display().to_string()),
            ("--ca-file", self.ca_file().display().to_string()),
            ("--policy-port", self.policy_port.to_string()),
        ]
        .into_iter()
        .flat_map(|(option, value)| [option.to_owned(), value])
        .collect()
    }

    /// The same with the SMTP port, for the commands that take one: `resolve`, `check` and `send`. They follow the command's word.
    pub fn options(&self) -> Vec<String> {
        let mut options = self.global_options();
        options.extend(["--port".to_owned(), self.port.to_string()]);
        options
    }

    /// The arguments that follow `mxtls check` and the options.
    pub fn check_arguments(&self, scenario: &Scenario) -> Vec<String> {
        let Running { destination, arguments, check_arguments, .. } = self.of(&scenario.name);
        [std::slice::from_ref(destination), arguments, check_arguments].concat()
    }

    /// The arguments that follow `mxtls send` and the options: a case file, or one message.
    pub fn send_arguments(&self, scenario: &Scenario) -> Vec<String> {
        let Running { destination, arguments, case, .. } = self.of(&scenario.name);
        let what = match case {
            Some(file) => vec!["--case".to_owned(), file.display().to_string()],
            None => vec![
                "--from".to_owned(),
                setup::SENDER.to_owned(),
                "--to".to_owned(),
                format!("postmaster@{destination}"),
                "--message".to_owned(),
                self.message().display().to_string(),
            ],
        };
        [what.as_slice(), arguments].concat()
    }

    /// The trust anchor of the lab's root, as a zone file.
    pub fn trust_anchor_file(&self) -> PathBuf {
        self.files.path().join(setup::TRUST_ANCHOR)
    }

    /// The roots of the lab's certificate authority, in PEM.
    pub fn ca_file(&self) -> PathBuf {
        self.files.path().join(setup::CA_FILE)
    }

    /// A message to send, as a file.
    pub fn message(&self) -> PathBuf {
        self.files.path().join(setup::MESSAGE)
    }

    /// A directory for a test's own files, gone with the lab.
    pub fn directory(&self) -> &Path {
        self.files.path()
    }

    /// The one port of all SMTP servers.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The one port of all policy hosts.
    pub fn policy_port(&self) -> u16 {
        self.policy_port
    }

    /// The address of the server `key` of a scenario, `mta-sts` for its policy host.
    ///
    /// # Panics
    /// If there is no such scenario or server.
    pub fn address(&self, name: &str, key: &str) -> IpAddr {
        let addresses = &self.of(name).addresses;
        *addresses.get(key).unwrap_or_else(|| panic!("no server {key} in scenario {name}"))
    }

    /// The DNS side, for its address, its anchors, and its log of questions.
    pub fn dns(&self) -> &DnsServer {
        &self.dns
    }

    /// What the servers of the scenario `name` saw since its last reset.
    ///
    /// # Panics
    /// If there is no such scenario.
    pub fn saw(&self, name: &str) -> Saw {
        self.of(name).journal.get().saw()
    }

    /// Waits, blocking, until what was seen satisfies `enough`: for example until a server hangs after DATA. `None` if that took longer
    /// than `limit`.
    ///
    /// # Panics
    /// If there is no such scenario.
    pub fn wait_until(&self, name: &str, limit: Duration, enough: impl Fn(&Saw) -> bool) -> Option<Saw> {
        self.of(name).journal.get().wait_until(limit, enough)
    }

    /// Lets the servers of the scenario `name` go on that hang.
    ///
    /// # Panics
    /// If there is no such scenario.
    pub fn release(&self, name: &str) {
        self.of(name).journal.get().release();
    }

    /// Makes the scenario `name` as it was at the start: nothing seen, the policy host back, the DNS records too. Only rules that begin
    /// at a later query go on counting.
    ///
    /// # Errors
    /// What is wrong with the zone's text.
    ///
    /// # Panics
    /// If there is no such scenario.
    pub fn reset(&self, name: &str) -> Result<(), LabError> {
        let running = self.of(name);
        running.journal.reset();
        if let Some((origin, text)) = &running.changing_zone {
            self.dns.replace_zone(origin, text)?;
        }
        if let Some(policy_host) = &running.policy_host {
            policy_host.restart();
        }
        Ok(())
    }

    fn of(&self, name: &str) -> &Running {
        self.running.get(name).unwrap_or_else(|| panic!("no scenario {name} in this lab"))
    }
}

/// The thread on which the servers run.
struct Engine {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    fn start() -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("lab".to_owned()).spawn(move || {
            // Either end of the channel ends the lab.
            let _stopped = runtime.block_on(stopped);
        })?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Runs `work` on the lab's thread and waits for it; works inside and outside of other runtimes.
    fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let (done, result) = mpsc::sync_channel(1);
        self.handle.spawn(async move { done.send(work.await) });
        result.recv().expect("the lab's thread runs as long as its engine")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            eprintln!("the lab's thread panicked");
        }
    }
}
