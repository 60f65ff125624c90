//! Fetching a policy by HTTPS (RFC 8461 §3.3).

use std::{fmt, sync::OnceLock, time::Duration};

use reqwest::{
    Client, Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue},
};

use crate::{
    domain::policy_url,
    policy::Policy,
    policy_file::{MAX_POLICY_FILE, Parsed},
};

mod addresses;
mod builder;
mod client;
mod error;

pub use addresses::{AddressLookup, Addresses};
pub use builder::{BuildError, FetcherBuilder};
pub use error::{CertificateFault, FetchError};

/// Fetches policies: one GET each, over TLS 1.2 or 1.3, from a host that the Web PKI authenticates by name.
///
/// Follows no redirect, uses no proxy, keeps no cookie, honours no HTTP caching, asks for no compression, and
/// reads at most [`MAX_POLICY_FILE`] bytes within one time limit. Runs on tokio, with its I/O and time enabled.
///
/// A fetcher can be shared between tasks. The platform's roots are loaded at the first fetch and kept.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let fetcher = mta_sts::Fetcher::builder().build()?;
/// let policy = fetcher.fetch("example.com").await?.policy;
/// println!("{} for {} seconds", policy.mode(), policy.max_age());
/// # Ok(())
/// # }
/// ```
pub struct Fetcher {
    settings: FetcherBuilder,
    client: OnceLock<Client>,
}

impl Fetcher {
    /// Starts from the defaults that [`FetcherBuilder`]'s methods name.
    #[must_use]
    pub fn builder() -> FetcherBuilder {
        FetcherBuilder::default()
    }

    /// Fetches the policy of `domain`, which is in A-label form.
    ///
    /// Call it for a domain whose record was found, and not more often than [`PolicyCache::next_step`] allows.
    ///
    /// # Errors
    /// A [`FetchError`]; to the sender all are the same: no policy could be fetched (§3.3).
    ///
    /// [`PolicyCache::next_step`]: crate::PolicyCache::next_step
    pub async fn fetch(&self, domain: &str) -> Result<Parsed, FetchError> {
        let url = policy_url(domain)?;
        let client = self.client()?;
        let limit = self.settings.timeout;
        match tokio::time::timeout(limit, get(client, &url, limit)).await {
            Ok(Ok(file)) => Ok(Policy::parse(&file)?),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(FetchError::Timeout { limit }),
        }
    }

    fn client(&self) -> Result<&Client, BuildError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = client::client(&self.settings)?;
        Ok(self.client.get_or_init(|| client))
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// One GET; gives back the policy file.
async fn get(client: &Client, url: &str, limit: Duration) -> Result<Vec<u8>, FetchError> {
    let broken = |error: reqwest::Error| FetchError::classify(&error, limit);
    let mut response = client.get(url).send().await.map_err(broken)?;
    check_head(&response)?;

    let mut file = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if file.len() + chunk.len() > MAX_POLICY_FILE {
            return Err(FetchError::TooLarge);
        }
        file.extend_from_slice(&chunk);
    }
    Ok(file)
}

/// Refuses whatever cannot be a policy before any of it is read.
fn check_head(response: &Response) -> Result<(), FetchError> {
    // §3.3: only 200 counts, and redirects are not followed.
    let status = response.status();
    if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
        return Err(FetchError::Redirect { status: status.as_u16() });
    }
    if status != StatusCode::OK {
        return Err(FetchError::Status { status: status.as_u16() });
    }
    // §3.2: "text/plain"; parameters other than a charset of UTF-8 or US-ASCII are ignored.
    let mut media_types = response.headers().get_all(CONTENT_TYPE).iter().peekable();
    if media_types.peek().is_none() {
        return Err(FetchError::MediaType { found: None });
    }
    if let Some(other) = media_types.find(|value| !is_text_plain(value)) {
        return Err(FetchError::MediaType { found: Some(printable(other)) });
    }
    let mut encodings = response.headers().get_all(CONTENT_ENCODING).iter();
    if let Some(encoding) = encodings.find(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(FetchError::ContentEncoding { found: printable(encoding) });
    }
    if response.content_length().is_some_and(|length| length > MAX_POLICY_FILE as u64) {
        return Err(FetchError::TooLarge);
    }
    Ok(())
}

fn is_text_plain(value: &HeaderValue) -> bool {
    let media_type = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or(value.as_bytes());
    media_type.trim_ascii().eq_ignore_ascii_case(b"text/plain")
}

/// The start of a header's value, for messages.
fn printable(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).chars().take(100).collect()
}

#[cfg(test)]
mod tests;
