//! Policy domains and the names derived from them.

use std::fmt;

/// The longest domain name in text form, without a trailing dot (RFC 1035 §2.3.4).
const MAX_DOMAIN: usize = 253;
/// The longest label (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;

/// The host that serves the policy of `domain`: `mta-sts.<domain>` (RFC 8461 §3.2).
///
/// `domain` is in A-label form, in any case; one trailing dot is allowed. The host comes back in lower case.
///
/// # Errors
/// A text that is no host name. Address literals are among them: they have no policy (RFC 8461 §3.4).
///
/// ```
/// assert_eq!(mta_sts::policy_host("Example.COM")?, "mta-sts.example.com");
/// # Ok::<(), mta_sts::DomainError>(())
/// ```
pub fn policy_host(domain: &str) -> Result<String, DomainError> {
    let domain = Domain::parse(domain.strip_suffix('.').unwrap_or(domain))?;
    if domain.is_address() {
        return Err(DomainError::Address);
    }
    let host = format!("mta-sts.{domain}");
    match host.len() {
        0..=MAX_DOMAIN => Ok(host),
        length => Err(DomainError::TooLong { length }),
    }
}

/// The address of the policy of `domain`: `https://mta-sts.<domain>/.well-known/mta-sts.txt` (RFC 8461 §3.2).
///
/// # Errors
/// As [`policy_host`].
pub fn policy_url(domain: &str) -> Result<String, DomainError> {
    Ok(format!("https://{}/.well-known/mta-sts.txt", policy_host(domain)?))
}

/// Why a text is not a domain name in A-label form (`Domain` in RFC 5321 §4.1.2).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DomainError {
    /// More characters than a domain name can have.
    #[error("a domain name has at most {MAX_DOMAIN} characters, this one has {length}")]
    TooLong {
        /// Characters found, without a trailing dot.
        length: usize,
    },
    /// Nothing before, between or after two dots; also an empty text and a trailing dot.
    #[error("a domain name has no empty labels")]
    EmptyLabel,
    /// More characters than a label can have.
    #[error("a label has at most {MAX_LABEL} characters, one of these has {length}")]
    LabelTooLong {
        /// Characters found in the label.
        length: usize,
    },
    /// Something else than an ASCII letter, digit or hyphen; a U-label has to be converted first.
    #[error("{found:?} is no letter, digit or hyphen of ASCII")]
    Character {
        /// The first such character.
        found: char,
    },
    /// A hyphen at an end of a label.
    #[error("a label neither begins nor ends with a hyphen")]
    Hyphen,
    /// An IP address, which has no policy (RFC 8461 §3.4).
    #[error("an IP address has no MTA-STS policy")]
    Address,
}

/// A host name: A-labels in lower case, no trailing dot.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Domain(String);

impl Domain {
    pub(crate) fn parse(text: &str) -> Result<Self, DomainError> {
        if text.len() > MAX_DOMAIN {
            return Err(DomainError::TooLong { length: text.chars().count() });
        }
        text.split('.').try_for_each(check_label)?;
        Ok(Self(text.to_ascii_lowercase()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// No top-level domain is all digits, so this is an IPv4 address in one spelling or another.
    fn is_address(&self) -> bool {
        self.0.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `sub-domain = Let-dig [Ldh-str]` (RFC 5321 §4.1.2).
fn check_label(label: &str) -> Result<(), DomainError> {
    if label.is_empty() {
        return Err(DomainError::EmptyLabel);
    }
    if let Some(found) = label.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-') {
        return Err(DomainError::Character { found });
    }
    if label.len() > MAX_LABEL {
        return Err(DomainError::LabelTooLong { length: label.len() });
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err(DomainError::Hyphen);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sts_09_sts_31_sts_32_the_policy_host_and_url() {
        let long = "a.".repeat(122) + "aa";
        let too_long = format!("{long}a");
        for (domain, expected, why) in [
            ("example.com", Ok("https://mta-sts.example.com/.well-known/mta-sts.txt"), "the RFC's form"),
            ("Example.COM.", Ok("https://mta-sts.example.com/.well-known/mta-sts.txt"), "any case, absolute"),
            (
                "mail.example.com",
                Ok("https://mta-sts.mail.example.com/.well-known/mta-sts.txt"),
                "a smart host",
            ),
            ("192.0.2.1", Err(DomainError::Address), "an address"),
            ("[192.0.2.1]", Err(DomainError::Character { found: '[' }), "an address literal"),
            ("[IPv6:2001:db8::1]", Err(DomainError::Character { found: '[' }), "an address literal"),
            ("example.com/x", Err(DomainError::Character { found: '/' }), "nothing gets into the path"),
            ("a@b.example", Err(DomainError::Character { found: '@' }), "nor into another part of the URL"),
            ("example.com:81", Err(DomainError::Character { found: ':' }), "nor into the port"),
            ("", Err(DomainError::EmptyLabel), "the root has no policy"),
            (".", Err(DomainError::EmptyLabel), "the root has no policy"),
            ("example..", Err(DomainError::EmptyLabel), "one trailing dot only"),
            (&too_long, Err(DomainError::TooLong { length: 255 }), "no room for `mta-sts.`"),
        ] {
            assert_eq!(policy_url(domain), expected.map(str::to_owned), "{why}: {domain}");
        }
    }
}
