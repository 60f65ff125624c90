//! What a fetcher can be told.

use std::{error::Error, fmt, sync::Arc, sync::OnceLock, time::Duration};

use reqwest::header::HeaderValue;
use rustls_pki_types::{CertificateDer, UnixTime};

use super::{
    Fetcher,
    addresses::{AddressLookup, SystemLookup},
};

/// What a [`Fetcher`] can be told; made by [`Fetcher::builder`].
pub struct FetcherBuilder {
    pub(super) roots: Option<Vec<CertificateDer<'static>>>,
    pub(super) addresses: Arc<dyn AddressLookup>,
    pub(super) port: u16,
    pub(super) timeout: Duration,
    pub(super) at: Option<UnixTime>,
    pub(super) user_agent: String,
}

impl FetcherBuilder {
    /// Trusts these root certificates (DER) in the place of the platform's.
    #[must_use]
    pub fn roots(mut self, roots: impl IntoIterator<Item = CertificateDer<'static>>) -> Self {
        self.roots = Some(roots.into_iter().collect());
        self
    }

    /// Looks addresses up this way; by default the operating system does it.
    #[must_use]
    pub fn addresses(mut self, addresses: impl AddressLookup + 'static) -> Self {
        self.addresses = Arc::new(addresses);
        self
    }

    /// Connects to this port in the place of 443, for test set-ups. `Host` and the TLS name stay as ever.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The time for one fetch, from the address lookup to the last byte; by default a minute (RFC 8461 §3.3).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Judges certificates as of this time; by default as of now.
    #[must_use]
    pub fn at(mut self, time: UnixTime) -> Self {
        self.at = Some(time);
        self
    }

    /// The value of `User-Agent`; by default this crate's name and version.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Makes the fetcher. The platform's roots are not loaded yet; given ones are checked.
    ///
    /// # Errors
    /// A given root that is no certificate, no root at all, or a `User-Agent` that no header can hold.
    pub fn build(self) -> Result<Fetcher, BuildError> {
        if HeaderValue::from_str(&self.user_agent).is_err() {
            return Err(BuildError::UserAgent { found: self.user_agent });
        }
        let client = match &self.roots {
            Some(_) => super::client::client(&self)?.into(),
            None => OnceLock::new(),
        };
        Ok(Fetcher { settings: self, client })
    }
}

impl Default for FetcherBuilder {
    fn default() -> Self {
        Self {
            roots: None,
            addresses: Arc::new(SystemLookup),
            port: 443,
            timeout: Duration::from_secs(60),
            at: None,
            user_agent: concat!("mta-sts/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl fmt::Debug for FetcherBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetcherBuilder")
            .field("roots", &self.roots.as_ref().map(Vec::len))
            .field("port", &self.port)
            .field("timeout", &self.timeout)
            .field("at", &self.at)
            .field("user_agent", &self.user_agent)
            .finish_non_exhaustive()
    }
}

/// Why a fetcher cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// There is no root certificate, neither given nor on the platform, so no policy host can be authenticated.
    #[error("there is no root certificate to trust: {detail}")]
    NoRoots {
        /// Whose fault it is; where the platform said why, in its words.
        detail: String,
    },
    /// A given root is no certificate.
    #[error("root certificate {number} is malformed: {source}")]
    Root {
        /// Which one, counted from 1.
        number: usize,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The value of `User-Agent` cannot stand in a header.
    #[error("{found:?} cannot be sent as `User-Agent`")]
    UserAgent {
        /// The value given.
        found: String,
    },
    /// The TLS or HTTP client refuses its settings.
    #[error("the HTTPS client cannot be set up: {source}")]
    Client {
        /// What it said.
        source: Box<dyn Error + Send + Sync>,
    },
}
