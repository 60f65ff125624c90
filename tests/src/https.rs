//! Policy hosts: HTTPS servers that hand out an MTA-STS policy, or misbehave in one way.

mod policy_host;
mod request;

pub use policy_host::{Answers, PolicyHost};

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use tokio::net::TcpListener;

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

/// One life of a policy host, from its start until the next one begins. It may be gone before that.
struct Life {
    server: Server,
    fetched: AtomicBool,
    gone: AtomicBool,
}

impl Life {
    fn new(server: Server) -> Arc<Self> {
        Arc::new(Self { server, fetched: AtomicBool::new(false), gone: AtomicBool::new(false) })
    }
}

/// A policy host that can begin again where it was. Its listener stays open, so that nobody else takes the port: a host
/// that is gone closes what it accepts, before any TLS.
pub(crate) struct Restartable {
    life: Arc<Mutex<Arc<Life>>>,
}

impl Restartable {
    pub(crate) fn start(server: Server, listener: TcpListener) -> Self {
        let life = Arc::new(Mutex::new(Life::new(server)));
        tokio::spawn(serve(Arc::clone(&life), listener));
        Self { life }
    }

    /// Begins another life.
    pub(crate) fn restart(&self) {
        let mut life = self.life.lock().unwrap();
        *life = Life::new(life.server.clone());
    }
}

async fn serve(current: Arc<Mutex<Arc<Life>>>, listener: TcpListener) {
    loop {
        let Ok((connection, _)) = listener.accept().await else { continue };
        let life = Arc::clone(&current.lock().unwrap());
        if life.gone.load(Ordering::SeqCst) {
            continue;
        }
        let journal = life.server.journal.get();
        journal.policy_host(|saw| saw.connections += 1);
        tokio::spawn(async move {
            // An error is a client that refused the certificate or went away: seen in the journal.
            let _ended = request::serve(&life, &journal, connection).await;
        });
    }
}
