//! Cipher suites by the names of IANA's registry (RFC 8447 §8).

use rustls::{CipherSuite, SupportedCipherSuite};

use crate::settings::SettingsError;

/// Those of `supported` that are named; all of them where no name is given.
pub(crate) fn select(
    supported: Vec<SupportedCipherSuite>,
    names: &[String],
) -> Result<Vec<SupportedCipherSuite>, SettingsError> {
    if names.is_empty() {
        return Ok(supported);
    }
    names
        .iter()
        .map(|name| {
            supported.iter().copied().find(|suite| iana_name(suite.suite()) == name).ok_or_else(|| {
                SettingsError::UnknownCipherSuite {
                    name: name.clone(),
                    known: supported.iter().map(|suite| iana_name(suite.suite())).collect(),
                }
            })
        })
        .collect()
}

/// IANA's name of a suite; rustls marks those of TLS 1.3 with a prefix of its own.
pub(crate) fn iana_name(suite: CipherSuite) -> &'static str {
    match suite.as_str() {
        Some("TLS13_AES_128_GCM_SHA256") => "TLS_AES_128_GCM_SHA256",
        Some("TLS13_AES_256_GCM_SHA384") => "TLS_AES_256_GCM_SHA384",
        Some("TLS13_CHACHA20_POLY1305_SHA256") => "TLS_CHACHA20_POLY1305_SHA256",
        Some(name) => name,
        None => "unknown",
    }
}
