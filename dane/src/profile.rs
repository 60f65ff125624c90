use std::fmt;
use std::str::FromStr;

use crate::parameter::Usage;

/// The rules by which a client takes records.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Profile {
    /// RFC 7672: mail between servers. The usages 0 and 1 are unusable (§3.1.3).
    #[default]
    Smtp,
    /// RFC 6698 and 7671: all four usages. A client that is not free to insist on trusted roots should not choose it
    /// (RFC 7671 §4.1).
    Full,
}

impl Profile {
    pub(crate) fn allows(self, usage: Usage) -> bool {
        match (self, usage) {
            (Self::Smtp, Usage::PkixTa | Usage::PkixEe) => false,
            (Self::Smtp, Usage::DaneTa | Usage::DaneEe) | (Self::Full, _) => true,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Smtp => "smtp",
            Self::Full => "full",
        })
    }
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, UnknownProfile> {
        match text {
            "smtp" => Ok(Self::Smtp),
            "full" => Ok(Self::Full),
            _ => Err(UnknownProfile(text.to_owned())),
        }
    }
}

/// It is not the name of a profile.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected smtp or full, found {0:?}")]
pub struct UnknownProfile(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_there_and_back() {
        for profile in [Profile::Smtp, Profile::Full] {
            assert_eq!(profile.to_string().parse(), Ok(profile));
        }
        assert_eq!("SMTP".parse::<Profile>(), Err(UnknownProfile("SMTP".into())));
        assert_eq!(Profile::default(), Profile::Smtp);
    }
}
