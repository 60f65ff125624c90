//! The HTTPS client: what is trusted, and what is switched off.

use std::sync::Arc;

use reqwest::{Client, redirect, retry};
use rustls::{
    ClientConfig, RootCertStore,
    client::Resumption,
    crypto::ring,
    time_provider::{DefaultTimeProvider, TimeProvider},
    version::{TLS12, TLS13},
};
use rustls_pki_types::UnixTime;

use super::{
    addresses::Lookup,
    builder::{BuildError, FetcherBuilder},
};

pub(super) fn client(settings: &FetcherBuilder) -> Result<Client, BuildError> {
    let lookup = Lookup { addresses: Arc::clone(&settings.addresses), port: settings.port };
    Client::builder()
        .tls_backend_preconfigured(tls(settings)?)
        .https_only(true)
        .http1_only()
        .dns_resolver(Arc::new(lookup))
        .user_agent(&settings.user_agent)
        // Within the limit of the whole fetch, which the caller keeps: it makes a host's addresses share the time,
        // so that a dead one leaves some for the next.
        .connect_timeout(settings.timeout)
        // RFC 8461 §3.3: redirects are not followed.
        .redirect(redirect::Policy::none())
        // One failed GET is one failure, not several.
        .retry(retry::never())
        // What another crate in the program switches on in the HTTP library, or the environment names, is not meant
        // for policies.
        .no_proxy()
        .referer(false)
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        // Each fetch judges the host's certificate anew.
        .pool_max_idle_per_host(0)
        .build()
        .map_err(|error| BuildError::Client { source: error.into() })
}

/// RFC 8461 §3.3: a certificate from a trusted authority, in its time, for the name of the policy host as a DNS-ID;
/// the name is the URL's.
fn tls(settings: &FetcherBuilder) -> Result<ClientConfig, BuildError> {
    let time: Arc<dyn TimeProvider> = match settings.at {
        Some(time) => Arc::new(FixedTime(time)),
        None => Arc::new(DefaultTimeProvider),
    };
    let mut config = ClientConfig::builder_with_details(Arc::new(ring::default_provider()), time)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|error| BuildError::Client { source: error.into() })?
        .with_root_certificates(roots(settings)?)
        .with_no_client_auth();
    // A resumed session would skip the certificate.
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn roots(settings: &FetcherBuilder) -> Result<RootCertStore, BuildError> {
    let mut store = RootCertStore::empty();
    let Some(given) = &settings.roots else {
        let platform = rustls_native_certs::load_native_certs();
        // Platforms hold a few certificates that nobody can read; the others serve.
        store.add_parsable_certificates(platform.certs);
        if store.is_empty() {
            let detail = match platform.errors.first() {
                Some(error) => error.to_string(),
                None => "the platform has none".to_owned(),
            };
            return Err(BuildError::NoRoots { detail });
        }
        return Ok(store);
    };
    for (root, number) in given.iter().zip(1..) {
        store.add(root.clone()).map_err(|error| BuildError::Root { number, source: error.into() })?;
    }
    if store.is_empty() {
        return Err(BuildError::NoRoots { detail: "none was given".to_owned() });
    }
    Ok(store)
}

/// A clock that stands still.
#[derive(Debug)]
struct FixedTime(UnixTime);

impl TimeProvider for FixedTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0)
    }
}
