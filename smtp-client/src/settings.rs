//! What all sessions of a caller have in common.

use mxtls_verifier::TlsSettings;

use crate::timeouts::Timeouts;

/// The settings of sessions.
#[derive(Clone, Debug)]
pub struct SessionSettings {
    /// Roots, protocol versions, cipher suites.
    pub tls: TlsSettings,
    /// The time limits.
    pub timeouts: Timeouts,
    ehlo: String,
}

/// The name given to EHLO is no domain and no address literal (RFC 5321 §4.1.1.1).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{name:?} is neither a domain name nor an address literal such as [192.0.2.1]")]
pub struct InvalidEhloName {
    name: String,
}

impl SessionSettings {
    /// Settings with the time limits of RFC 5321. `ehlo` is the caller's own name: a domain or an address literal.
    ///
    /// # Errors
    /// The name could not stand in a command.
    pub fn new(ehlo: &str, tls: TlsSettings) -> Result<Self, InvalidEhloName> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        if ehlo.is_empty() || ehlo.len() > 255 || !ehlo.bytes().all(allowed) {
            return Err(InvalidEhloName { name: ehlo.to_owned() });
        }
        Ok(Self { tls, timeouts: Timeouts::default(), ehlo: ehlo.to_owned() })
    }

    /// The name given to EHLO.
    pub fn ehlo(&self) -> &str {
        &self.ehlo
    }
}
