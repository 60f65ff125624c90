//! Where the addresses of a policy host come from.

use std::{error::Error, fmt, future::Future, net::IpAddr, net::SocketAddr, pin::Pin, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The addresses of a host, or why they are not known.
pub type Addresses = Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, Box<dyn Error + Send + Sync>>> + Send>>;

/// Looks the addresses of policy hosts up.
///
/// They need no DNSSEC: the certificate authenticates the host. What must not be connected to is left out here.
pub trait AddressLookup: Send + Sync {
    /// The addresses of `host`, an A-label name in lower case without a trailing dot, in the order in which they
    /// are tried. No address is an error, as is a failed lookup.
    fn addresses(&self, host: &str) -> Addresses;
}

/// The lookup of the operating system.
pub(super) struct SystemLookup;

impl AddressLookup for SystemLookup {
    fn addresses(&self, host: &str) -> Addresses {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 443)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// An [`AddressLookup`] as the HTTP client asks it.
pub(super) struct Lookup {
    pub(super) addresses: Arc<dyn AddressLookup>,
    pub(super) port: u16,
}

impl Resolve for Lookup {
    fn resolve(&self, name: Name) -> Resolving {
        let port = self.port;
        let addresses = self.addresses.addresses(name.as_str());
        Box::pin(async move {
            let found = match addresses.await {
                Ok(found) if found.is_empty() => return Err(LookupFailed(Arc::new(NoAddress)).into()),
                Ok(found) => found,
                Err(error) => return Err(LookupFailed(error.into()).into()),
            };
            // A port that stands here is connected to, while the URL, `Host` and the TLS name stay as they are.
            Ok(Box::new(found.into_iter().map(move |ip| SocketAddr::new(ip, port))) as Addrs)
        })
    }
}

/// The lookup found the host, but no address of it.
#[derive(Debug, thiserror::Error)]
#[error("the host has no address")]
struct NoAddress;

/// Marks the error of a lookup among those that the HTTP client wraps up.
#[derive(Debug)]
pub(super) struct LookupFailed(pub(super) Arc<dyn Error + Send + Sync>);

impl fmt::Display for LookupFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for LookupFailed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.0.as_ref())
    }
}
