//! The policy of a domain, as its file states it.

use std::{fmt, time::Duration};

use crate::mx_pattern::MxPattern;

/// What a domain asks of senders (RFC 8461 §3.2). Made by [`Policy::parse`] only, so always valid.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Policy {
    pub(crate) mode: Mode,
    pub(crate) max_age: MaxAge,
    pub(crate) mx: Vec<MxPattern>,
    pub(crate) extensions: Vec<(String, String)>,
}

impl Policy {
    /// What happens to mail whose server fails the policy.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// How long the policy may be kept.
    #[must_use]
    pub fn max_age(&self) -> MaxAge {
        self.max_age
    }

    /// The patterns in the order of the file; at least one unless the mode is [`Mode::None`].
    #[must_use]
    pub fn mx(&self) -> &[MxPattern] {
        &self.mx
    }

    /// Fields that RFC 8461 does not define, as name and value, in the order of the file.
    pub fn extensions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.extensions.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The first pattern that `host` matches, if any (RFC 8461 §4.1).
    ///
    /// `host` is the name in the MX record, not the target of an alias; see [`MxPattern::matches`].
    #[must_use]
    pub fn matching(&self, host: &str) -> Option<&MxPattern> {
        self.mx.iter().find(|pattern| pattern.matches(host))
    }
}

/// What happens to mail whose server fails the policy (RFC 8461 §5).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Mode {
    /// It is not delivered to that server.
    Enforce,
    /// It is delivered all the same, and the failure is reported (RFC 8460).
    Testing,
    /// The domain has no policy, or no longer: as if nothing had been published.
    None,
}

impl Mode {
    /// The word in the policy file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Lifetime of a policy in seconds, `0..=31_557_600` (RFC 8461 §3.2).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MaxAge(pub(crate) u32);

impl MaxAge {
    /// The longest lifetime that there is: a year of 365.25 days.
    pub const MAX: Self = Self(31_557_600);

    /// The lifetime in seconds.
    #[must_use]
    pub fn seconds(self) -> u32 {
        self.0
    }

    /// The lifetime as a span of time.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0.into())
    }
}

impl fmt::Display for MaxAge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
