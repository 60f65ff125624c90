//! The `mx` patterns of a policy and how MX host names are held against them.

use std::{fmt, str::FromStr};

use crate::domain::{Domain, DomainError};

/// One `mx` value of a policy: a host name, or `*.` and a domain (RFC 8461 §3.2).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct MxPattern {
    wildcard: bool,
    domain: Domain,
}

impl MxPattern {
    /// Reads a pattern: A-labels in any case, no trailing dot.
    ///
    /// # Errors
    /// [`PatternError`] where the text is neither a name nor `*.` and a name.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let (wildcard, name) = match text.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, text),
        };
        if name.contains('*') {
            return Err(PatternError::Wildcard);
        }
        Ok(Self { wildcard, domain: Domain::parse(name)? })
    }

    /// Whether `host`, the name in the MX record, is one of those that the pattern stands for (RFC 8461 §4.1).
    ///
    /// `host` is in A-label form, in any case; one trailing dot is allowed. A wildcard stands for exactly one
    /// label, the left-most. A text that is no host name matches nothing.
    ///
    /// ```
    /// let pattern = mta_sts::MxPattern::parse("*.example.com")?;
    /// assert!(pattern.matches("mx1.example.com"));
    /// assert!(!pattern.matches("example.com"));
    /// assert!(!pattern.matches("a.b.example.com"));
    /// # Ok::<(), mta_sts::PatternError>(())
    /// ```
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        let name = if self.wildcard {
            match host.split_once('.') {
                Some((label, rest)) if is_label(label) => rest,
                Some(_) | None => return false,
            }
        } else {
            host
        };
        name.eq_ignore_ascii_case(self.domain.as_str())
    }
}

impl FromStr for MxPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for MxPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.wildcard { "*." } else { "" })?;
        self.domain.fmt(f)
    }
}

/// Why a text is not an `mx` pattern.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// An asterisk that is not the whole left-most label, or has no name behind it.
    #[error("`*` stands only as the whole left-most label, with a domain name behind it")]
    Wildcard,
    /// No domain name in A-label form.
    #[error(transparent)]
    Domain(#[from] DomainError),
}

/// A label as it stands in an MX record. An underscore is no part of a host name, but some servers have one.
/// Anything else is no host; above all an escaped dot (`a\.example.com` is *not* a child of `example.com`).
fn is_label(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
