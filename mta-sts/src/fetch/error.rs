//! Why a policy could not be fetched.

use std::{error::Error, io, sync::Arc, time::Duration};

use rustls::CertificateError;

use super::{addresses::LookupFailed, builder::BuildError};
use crate::{
    domain::DomainError,
    policy_file::{MAX_POLICY_FILE, PolicyError},
};

/// Why a policy could not be fetched (RFC 8461 §3.3).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The domain is no domain name, so it has no policy host.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// The client could not be set up, e.g. for want of root certificates.
    #[error(transparent)]
    Setup(#[from] BuildError),
    /// The addresses of the policy host are not known.
    #[error("the address lookup of the policy host failed: {source}")]
    Lookup {
        /// The error of the [`AddressLookup`](crate::AddressLookup).
        source: Arc<dyn Error + Send + Sync>,
    },
    /// No address of the policy host accepted a connection.
    #[error("no connection to the policy host: {detail}")]
    Connect {
        /// What the last attempt met with.
        detail: String,
    },
    /// The certificate of the policy host does not authenticate it.
    #[error("the certificate of the policy host {fault}: {detail}")]
    Certificate {
        /// What kind of fault it is.
        fault: CertificateFault,
        /// The verifier's words.
        detail: String,
    },
    /// The TLS handshake or the TLS connection failed otherwise.
    #[error("TLS with the policy host failed: {detail}")]
    Tls {
        /// The TLS library's words.
        detail: String,
    },
    /// The HTTP exchange broke down: malformed, or ended early.
    #[error("HTTP with the policy host failed: {detail}")]
    Http {
        /// What broke it.
        detail: String,
    },
    /// A redirect, which must not be followed (§3.3).
    #[error("the policy host redirects (status {status}), which counts as failure")]
    Redirect {
        /// The HTTP status, `300..=399` but 304.
        status: u16,
    },
    /// A status other than 200 (§3.3).
    #[error("the policy host answers with status {status}, not 200")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// The media type is not `text/plain`, or there is none (§3.2).
    #[error("the media type of the policy is {found:?}, not `text/plain`")]
    MediaType {
        /// The value of `Content-Type`, if there is one.
        found: Option<String>,
    },
    /// The policy comes compressed, which was not asked for.
    #[error("the policy is encoded as {found:?}, which was not asked for")]
    ContentEncoding {
        /// The value of `Content-Encoding`.
        found: String,
    },
    /// The policy is larger than [`MAX_POLICY_FILE`].
    #[error("the policy has more than {MAX_POLICY_FILE} bytes")]
    TooLarge,
    /// The policy was not there in time, from the address lookup to the last byte.
    #[error("the policy was not fetched within {limit:?}")]
    Timeout {
        /// The time limit.
        limit: Duration,
    },
    /// The policy was fetched, and is invalid.
    #[error("the policy is invalid: {0}")]
    Policy(#[from] PolicyError),
}

/// Why a certificate does not authenticate the policy host (RFC 8461 §3.3).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFault {
    /// It, or one above it, is no longer valid.
    #[error("has expired")]
    Expired,
    /// It, or one above it, is not yet valid.
    #[error("is not yet valid")]
    NotYetValid,
    /// None of its DNS names is the policy host. Its common name does not count.
    #[error("is for another host")]
    HostMismatch,
    /// No trusted root stands above it; self-signed certificates are among these.
    #[error("is not issued by a trusted authority")]
    Untrusted,
    /// It is not well formed.
    #[error("is malformed")]
    Malformed,
    /// A signature is wrong, or made by an algorithm that is not accepted.
    #[error("has no acceptable signature")]
    Signature,
    /// It was not issued for TLS servers.
    #[error("is not for TLS servers")]
    Purpose,
    /// Something else, which `detail` names.
    #[error("is not acceptable")]
    Other,
}

impl FetchError {
    /// Finds out what is behind an error of the HTTP client.
    pub(super) fn classify(error: &reqwest::Error, limit: Duration) -> Self {
        let mut innermost: &(dyn Error + 'static) = error;
        loop {
            if let Some(LookupFailed(source)) = innermost.downcast_ref() {
                return Self::Lookup { source: Arc::clone(source) };
            }
            if let Some(tls) = innermost.downcast_ref() {
                return Self::tls(tls);
            }
            // `source()` of an I/O error steps over the error that it wraps, which is the one of interest.
            innermost = match innermost.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                Some(wrapped) => wrapped,
                None => match innermost.source() {
                    Some(source) => source,
                    None => break,
                },
            };
        }
        let detail = innermost.to_string();
        if error.is_timeout() {
            Self::Timeout { limit }
        } else if error.is_connect() {
            Self::Connect { detail }
        } else {
            Self::Http { detail }
        }
    }

    fn tls(error: &rustls::Error) -> Self {
        if let rustls::Error::InvalidCertificate(refusal) = error {
            Self::Certificate { fault: CertificateFault::of(refusal), detail: refusal.to_string() }
        } else {
            Self::Tls { detail: error.to_string() }
        }
    }
}

impl CertificateFault {
    fn of(refusal: &CertificateError) -> Self {
        use CertificateError as E;
        if matches!(refusal, E::Expired | E::ExpiredContext { .. }) {
            Self::Expired
        } else if matches!(refusal, E::NotValidYet | E::NotValidYetContext { .. }) {
            Self::NotYetValid
        } else if matches!(refusal, E::NotValidForName | E::NotValidForNameContext { .. }) {
            Self::HostMismatch
        } else if matches!(refusal, E::UnknownIssuer) {
            Self::Untrusted
        } else if matches!(refusal, E::BadEncoding | E::UnhandledCriticalExtension) {
            Self::Malformed
        } else if matches!(
            refusal,
            E::BadSignature
                | E::UnsupportedSignatureAlgorithmContext { .. }
                | E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. }
        ) {
            Self::Signature
        } else if matches!(refusal, E::InvalidPurpose | E::InvalidPurposeContext { .. }) {
            Self::Purpose
        } else {
            Self::Other
        }
    }
}
