//! Scripted SMTP servers: each does what its [`Personality`] says, at every stage of a session, and writes down all that it was sent.

mod personality;
mod session;

pub use personality::{Personality, Reply, Starttls};

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::journal::CurrentJournal;

/// Binds one listener on each of `addresses`, all on one port that nobody else uses on any of them.
///
/// # Errors
/// The first error that is not "address in use", and that one if it came back every time; with the address.
pub(crate) async fn bind_common_port(
    addresses: &[IpAddr],
) -> Result<(u16, Vec<TcpListener>), (IpAddr, std::io::Error)> {
    const TRIES: usize = 20;
    let mut tries = 0;
    loop {
        tries += 1;
        match bind_once(addresses).await {
            Err((_, error)) if error.kind() == std::io::ErrorKind::AddrInUse && tries < TRIES => {}
            other => return other,
        }
    }
}

async fn bind_once(addresses: &[IpAddr]) -> Result<(u16, Vec<TcpListener>), (IpAddr, std::io::Error)> {
    let mut port = 0;
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let of = |error| (*address, error);
        let listener = TcpListener::bind(SocketAddr::new(*address, port)).await.map_err(of)?;
        port = listener.local_addr().map_err(of)?.port();
        listeners.push(listener);
    }
    Ok((port, listeners))
}

/// One server: what it is called, how it behaves, and what it presents in TLS.
pub(crate) struct Server {
    pub(crate) host: String,
    pub(crate) personality: Personality,
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) journal: CurrentJournal,
}

impl Server {
    /// Serves every connection to `listener` until the task is aborted.
    pub(crate) fn serve(self, listener: TcpListener) -> JoinHandle<()> {
        let server = Arc::new(self);
        tokio::spawn(async move {
            // An error of accept means that the client is gone again: the next one is served all the same.
            loop {
                if let Ok((connection, _)) = listener.accept().await {
                    let journal = server.journal.get();
                    journal.server(&server.host, |saw| saw.connections += 1);
                    let server = Arc::clone(&server);
                    tokio::spawn(async move { session::run(&server, &journal, connection).await });
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: [&str; 2]) -> [IpAddr; 2] {
        texts.map(|text| text.parse().unwrap())
    }

    #[tokio::test]
    async fn all_listeners_share_a_port() {
        let wanted = addresses(["127.81.0.1", "127.81.0.2"]);
        let (port, listeners) = bind_common_port(&wanted).await.unwrap();
        let bound: Vec<SocketAddr> =
            listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
        assert_eq!(bound, wanted.map(|address| SocketAddr::new(address, port)));
    }

    #[tokio::test]
    async fn an_address_of_others_is_named() {
        let wanted = addresses(["127.0.0.1", "192.0.2.1"]);
        let (address, error) = bind_common_port(&wanted).await.unwrap_err();
        assert_eq!((address, error.kind()), (wanted[1], std::io::ErrorKind::AddrNotAvailable));
    }
}
