//! Policy hosts: HTTPS servers that hand out an MTA-STS policy, or misbehave in one way.

mod policy_host;
mod request;

pub use policy_host::{Answers, PolicyHost};

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::journal::CurrentJournal;

/// One policy host: how it behaves, what it presents in TLS, and whom it tells of the first fetch.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) personality: PolicyHost,
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) journal: CurrentJournal,
    /// Called before the first policy goes out, for a host that is gone then.
    pub(crate) first_fetch: Arc<dyn Fn() + Send + Sync>,
}

/// One life of a policy host, from its start until it is aborted or gone.
struct Life {
    server: Server,
    fetched: AtomicBool,
    gone: watch::Sender<bool>,
}

impl Server {
    /// Serves connections to `listener`: until the task is aborted, or up to the first fetch for a host that is gone then.
    pub(crate) fn serve(self, listener: TcpListener) -> JoinHandle<()> {
        let life =
            Arc::new(Life { server: self, fetched: AtomicBool::new(false), gone: watch::Sender::new(false) });
        tokio::spawn(async move {
            let mut gone = life.gone.subscribe();
            loop {
                tokio::select! {
                    biased;
                    _ = gone.wait_for(|gone| *gone) => return,
                    accepted = listener.accept() => if let Ok((connection, _)) = accepted {
                        let life = Arc::clone(&life);
                        let journal = life.server.journal.get();
                        journal.policy_host(|saw| saw.connections += 1);
                        tokio::spawn(async move {
                            // An error is a client that refused the certificate or went away: seen in the journal.
                            let _ended = request::serve(&life, &journal, connection).await;
                        });
                    }
                }
            }
        })
    }
}

/// A policy host that can be started again where it was.
pub(crate) struct Restartable {
    server: Server,
    address: SocketAddr,
    task: tokio::sync::Mutex<JoinHandle<()>>,
}

impl Restartable {
    pub(crate) fn start(server: Server, address: IpAddr, port: u16, listener: TcpListener) -> Self {
        let task = tokio::sync::Mutex::new(server.clone().serve(listener));
        Self { server, address: SocketAddr::new(address, port), task }
    }

    /// Ends this life and begins another at the same address.
    ///
    /// # Errors
    /// The port may be taken by now.
    pub(crate) async fn restart(&self) -> std::io::Result<()> {
        let mut task = self.task.lock().await;
        task.abort();
        // Only when the task is over is its listener closed. Being aborted is no failure.
        let _over = (&mut *task).await;
        *task = self.server.clone().serve(TcpListener::bind(self.address).await?);
        Ok(())
    }
}
