//! Where mail is to go: a mail domain, a host, or an address literal.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// A next hop as a person writes it.
///
/// * `example.com`, or an e-mail address, whose domain counts: a mail domain, found by its MX records;
/// * `[mx.example.com]` or `[mx.example.com]:2525`: that host, without MX look-up;
/// * `[192.0.2.1]` or `[IPv6:2001:db8::1]`: an address literal (RFC 5321 §4.1.3).
///
/// ```
/// use mx_resolve::Destination;
///
/// let destination: Destination = "postmaster@Bücher.example".parse()?;
/// assert_eq!(destination.to_string(), "xn--bcher-kva.example");
/// # Ok::<(), mx_resolve::DestinationError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Destination {
    /// A mail domain.
    Domain(Domain),
    /// A host that the caller names.
    Host {
        /// Its name.
        host: Domain,
        /// Its SMTP port, where it is given.
        port: Option<u16>,
    },
    /// An address that the caller names: neither DANE nor MTA-STS applies (RFC 7672 §2.2, RFC 8461 §3.4).
    Literal(IpAddr),
}

/// A domain name: A-labels in lower case without a trailing dot, fit for a look-up.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Domain(String);

/// Why a text is no destination.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{text:?} is not a mail domain, a [host] or an address literal: {reason}")]
pub struct DestinationError {
    text: String,
    reason: &'static str,
}

impl DestinationError {
    /// What is wrong, without the text and what was expected of it.
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}

impl Domain {
    /// Reads a domain; U-labels become A-labels (RFC 5891).
    ///
    /// # Errors
    /// The text is no domain name: a label is empty, longer than 63 octets or not made of letters, digits, hyphens inside
    /// and underscores, the whole is longer than 253, or it reads as an IP address.
    pub fn parse(text: &str) -> Result<Self, DestinationError> {
        let error = |reason| DestinationError { text: text.to_owned(), reason };
        let bare = text.strip_suffix('.').unwrap_or(text);
        if bare.is_empty() {
            return Err(error("the name is empty"));
        }
        // Plain ASCII names are folded and nothing else: IDNA mapping must not touch what DNS would take as it stands.
        let ascii = if bare.is_ascii() {
            bare.to_ascii_lowercase()
        } else {
            match idna::domain_to_ascii_strict(bare) {
                Ok(ascii) => ascii,
                Err(_) => {
                    return Err(error("it holds characters that no international domain name may hold"));
                }
            }
        };
        if ascii.len() > 253 {
            return Err(error("it is longer than 253 characters"));
        }
        for label in ascii.split('.') {
            if label.is_empty() {
                return Err(error("a label is empty"));
            }
            if label.len() > 63 {
                return Err(error("a label is longer than 63 characters"));
            }
            if label.starts_with('-') || label.ends_with('-') {
                return Err(error("a label begins or ends with a hyphen"));
            }
            if !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
                return Err(error(
                    "a label holds other characters than letters, digits, hyphens and underscores",
                ));
            }
        }
        if ascii.parse::<Ipv4Addr>().is_ok() {
            return Err(error("an address is no name; as a destination it is written in brackets"));
        }
        // RFC 1123 §2.1: what ends in a number is meant as an address.
        if ascii.rsplit('.').next().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(error("the last label is a number"));
        }
        Ok(Self(ascii))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Domain {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        let error = |reason| DestinationError { text: text.to_owned(), reason };
        let text = text.trim();
        // The domain of an e-mail address starts after the last @ (RFC 5321 §4.1.2 lets a quoted local part hold others).
        let domain = text.rsplit_once('@').map_or(text, |(_, domain)| domain);
        let Some(rest) = domain.strip_prefix('[') else {
            return Domain::parse(domain).map(Self::Domain);
        };
        let Some((inside, after)) = rest.split_once(']') else {
            return Err(error("the closing bracket is missing"));
        };
        let port = match after.strip_prefix(':') {
            None if after.is_empty() => None,
            Some(digits) => match digits.parse::<u16>() {
                Ok(port) if port > 0 => Some(port),
                Ok(_) | Err(_) => return Err(error("a port is a number from 1 to 65535")),
            },
            None => return Err(error("after the bracket only :port may follow")),
        };
        let literal = match inside.get(..5).filter(|tag| tag.eq_ignore_ascii_case("ipv6:")) {
            Some(_) => match inside.get(5..).map(str::parse::<Ipv6Addr>) {
                Some(Ok(address)) => Some(IpAddr::V6(address)),
                Some(Err(_)) | None => return Err(error("an IPv6 address is expected after IPv6:")),
            },
            None => match inside.parse::<IpAddr>() {
                Ok(address) => Some(address),
                Err(_) => None,
            },
        };
        match (literal, port) {
            (Some(address), None) => Ok(Self::Literal(address)),
            (Some(_), Some(_)) => Err(error("an address literal takes no port here: name it with --port")),
            (None, port) => Ok(Self::Host { host: Domain::parse(inside)?, port }),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(domain) => domain.fmt(f),
            Self::Host { host, port: None } => write!(f, "[{host}]"),
            Self::Host { host, port: Some(port) } => write!(f, "[{host}]:{port}"),
            Self::Literal(IpAddr::V4(address)) => write!(f, "[{address}]"),
            Self::Literal(IpAddr::V6(address)) => write!(f, "[IPv6:{address}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d66_05_destinations() {
        for (text, expected, why) in [
            ("example.com", Some("example.com"), "a domain"),
            ("Example.COM.", Some("example.com"), "folded, the trailing dot goes"),
            ("user@example.com", Some("example.com"), "the domain of an address"),
            ("\"a@b\"@example.com", Some("example.com"), "a quoted local part may hold an @"),
            ("bücher.example", Some("xn--bcher-kva.example"), "U-labels become A-labels"),
            ("user@[192.0.2.1]", Some("[192.0.2.1]"), "D72-27: an address literal"),
            ("[IPv6:2001:DB8::1]", Some("[IPv6:2001:db8::1]"), "an IPv6 literal"),
            ("[mx.example.com]", Some("[mx.example.com]"), "a host"),
            ("[mx.example.com]:2525", Some("[mx.example.com]:2525"), "a host and its port"),
            ("_25._tcp.example", Some("_25._tcp.example"), "underscores occur in names of hosts"),
            ("", None, "empty"),
            (".", None, "the root takes no mail"),
            ("a..b", None, "an empty label"),
            ("--json", None, "an option that came too late"),
            ("a-.example", None, "RFC 1123 2.1: no hyphen at an end"),
            ("a b.example", None, "a space"),
            ("a\u{0}.example", None, "NUL"),
            ("192.0.2.1", None, "an address without brackets is a slip"),
            ("[mx.example.com", None, "no closing bracket"),
            ("[mx.example.com]:0", None, "port 0"),
            ("[mx.example.com]x", None, "text behind the bracket"),
            ("[IPv6:x]", None, "no IPv6 address"),
            ("[300.1.1.1]", None, "no IPv4 address, and no host name"),
            ("1.2.3", None, "neither"),
            ("user@", None, "no domain behind the @"),
        ] {
            let got = text.parse::<Destination>().map(|destination| destination.to_string());
            assert_eq!(got.as_deref().map_err(|_| ()), expected.ok_or(()), "{why}: {text:?}");
        }
        assert!(Domain::parse(&format!("{}.example", "a".repeat(64))).is_err(), "a long label");
        assert!(Domain::parse(&"a.".repeat(140)).is_err(), "a long name");
    }
}
