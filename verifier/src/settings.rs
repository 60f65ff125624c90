//! What the client brings to every handshake.

use std::{fmt, sync::Arc};

use rustls::{
    ClientConfig, ConfigBuilder, SupportedProtocolVersion, WantsVerifier,
    crypto::{WebPkiSupportedAlgorithms, ring},
    version::{TLS12, TLS13},
};
use rustls_pki_types::UnixTime;

use crate::{cipher_suite, roots::Roots};

/// What the client offers in a handshake. The default is everything that is safe.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Offer {
    /// Protocol versions, such as `TLSv1.3`; empty: all. Those below TLS 1.2 are never offered (RFC 8996).
    pub protocols: Vec<String>,
    /// Cipher suites by their IANA names, such as `TLS_AES_128_GCM_SHA256`; empty: all.
    pub cipher_suites: Vec<String>,
}

/// The same for all connections: trusted roots, versions, cipher suites, and the time to judge certificates at.
#[derive(Clone)]
pub struct TlsSettings {
    roots: Roots,
    // Kept as a builder, in which rustls has already found versions and suites to fit each other.
    config: ConfigBuilder<ClientConfig, WantsVerifier>,
    /// The same for TLS 1.3 alone; `None` where that is not offered.
    raw_key_config: Option<ConfigBuilder<ClientConfig, WantsVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
    at: Option<UnixTime>,
    raw_keys: bool,
}

impl TlsSettings {
    /// Settings that trust `roots` where the Web PKI counts.
    ///
    /// # Errors
    /// The offer names something unknown, or leaves nothing to offer.
    pub fn new(roots: Roots, offer: &Offer) -> Result<Self, SettingsError> {
        let mut provider = ring::default_provider();
        provider.cipher_suites = cipher_suite::select(provider.cipher_suites, &offer.cipher_suites)?;
        let versions = versions(&offer.protocols)?;
        let algorithms = provider.signature_verification_algorithms;
        let builder = ClientConfig::builder_with_provider(Arc::new(provider));
        let config = builder
            .clone()
            .with_protocol_versions(&versions)
            .map_err(|_| SettingsError::NoCipherSuiteLeft)?;
        let raw_key_config = match builder.with_protocol_versions(&[&TLS13]) {
            Ok(config) if versions.contains(&&TLS13) => Some(config),
            Ok(_) | Err(_) => None,
        };
        Ok(Self { roots, config, raw_key_config, algorithms, at: None, raw_keys: false })
    }

    /// Allows raw public keys (RFC 7250) in the place of certificates, where the policy does: see
    /// [`raw_key_handshake`](crate::raw_key_handshake). They are off by default.
    #[must_use]
    pub fn allow_raw_keys(mut self) -> Self {
        self.raw_keys = true;
        self
    }

    /// Judges certificates as of `time` instead of now.
    #[must_use]
    pub fn at(mut self, time: UnixTime) -> Self {
        self.at = Some(time);
        self
    }

    pub(crate) fn roots(&self) -> &Roots {
        &self.roots
    }

    pub(crate) fn config(&self) -> ConfigBuilder<ClientConfig, WantsVerifier> {
        self.config.clone()
    }

    /// For handshakes with raw public keys; `None` where they are off, or TLS 1.3 is not offered: only there does rustls see
    /// to it that a server sends what was asked for.
    pub(crate) fn raw_key_config(&self) -> Option<ConfigBuilder<ClientConfig, WantsVerifier>> {
        self.raw_key_config.clone().filter(|_| self.raw_keys)
    }

    pub(crate) fn algorithms(&self) -> WebPkiSupportedAlgorithms {
        self.algorithms
    }

    pub(crate) fn fixed_time(&self) -> Option<UnixTime> {
        self.at
    }
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSettings")
            .field("roots", &self.roots)
            .field("at", &self.at)
            .field("raw_keys", &self.raw_keys)
            .finish_non_exhaustive()
    }
}

/// Why an [`Offer`] cannot be made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// No such protocol version.
    #[error("unknown TLS version {name:?}, expected TLSv1.2 or TLSv1.3")]
    UnknownProtocol {
        /// The name as given.
        name: String,
    },
    /// Only versions below TLS 1.2 were named (RFC 8996).
    #[error("no TLS version is left: none of those named is TLSv1.2 or TLSv1.3")]
    NoProtocolLeft,
    /// No such cipher suite, or none that is safe.
    #[error("unknown cipher suite {name:?}, expected one of {}", .known.join(", "))]
    UnknownCipherSuite {
        /// The name as given.
        name: String,
        /// The IANA names of those supported.
        known: Vec<&'static str>,
    },
    /// None of the cipher suites goes with any of the versions.
    #[error("no cipher suite is left: none of those named belongs to a TLS version that is offered")]
    NoCipherSuiteLeft,
}

fn versions(names: &[String]) -> Result<Vec<&'static SupportedProtocolVersion>, SettingsError> {
    if names.is_empty() {
        return Ok(vec![&TLS13, &TLS12]);
    }
    let mut versions = Vec::new();
    for name in names {
        match name.as_str() {
            "TLSv1.3" => versions.push(&TLS13),
            "TLSv1.2" => versions.push(&TLS12),
            // RFC 8996: known, and left out.
            "TLSv1.1" | "TLSv1.0" | "TLSv1" | "SSLv3" | "SSLv2" => {}
            _ => return Err(SettingsError::UnknownProtocol { name: name.clone() }),
        }
    }
    if versions.is_empty() { Err(SettingsError::NoProtocolLeft) } else { Ok(versions) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d71_02_offers() {
        let unknown_suite = |name: &str| SettingsError::UnknownCipherSuite {
            name: name.to_owned(),
            known: ring::ALL_CIPHER_SUITES
                .iter()
                .map(|suite| cipher_suite::iana_name(suite.suite()))
                .collect(),
        };
        let unknown_version = |name: &str| SettingsError::UnknownProtocol { name: name.to_owned() };
        for (protocols, suites, expected, why) in [
            (&[][..], &[][..], Ok(()), "everything"),
            (&["TLSv1.2"], &[], Ok(()), "one version"),
            (&["TLSv1.1", "TLSv1.2"], &[], Ok(()), "D71-02: the old one is left out"),
            (
                &["TLSv1", "TLSv1.1"],
                &[],
                Err(SettingsError::NoProtocolLeft),
                "D71-02: nothing at or above 1.2",
            ),
            (&["TLSv1.4"], &[], Err(unknown_version("TLSv1.4")), "no such version"),
            (&["tlsv1.3"], &[], Err(unknown_version("tlsv1.3")), "names are exact"),
            (&[], &["TLS_AES_128_GCM_SHA256"], Ok(()), "IANA's name of a TLS 1.3 suite"),
            (&[], &["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"], Ok(()), "and of a TLS 1.2 suite"),
            (
                &[],
                &["TLS13_AES_128_GCM_SHA256"],
                Err(unknown_suite("TLS13_AES_128_GCM_SHA256")),
                "not IANA's name",
            ),
            (
                &[],
                &["TLS_RSA_WITH_AES_128_CBC_SHA"],
                Err(unknown_suite("TLS_RSA_WITH_AES_128_CBC_SHA")),
                "unsafe",
            ),
            (
                &["TLSv1.3"],
                &["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
                Err(SettingsError::NoCipherSuiteLeft),
                "a suite of another version",
            ),
        ] {
            let offer = Offer {
                protocols: protocols.iter().map(ToString::to_string).collect(),
                cipher_suites: suites.iter().map(ToString::to_string).collect(),
            };
            assert_eq!(TlsSettings::new(Roots::platform(), &offer).map(|_| ()), expected, "{why}");
        }
    }
}
