use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::der::{DerError, Value};
use crate::name::Name;

/// An alternative name of a subject, or the base of a name constraint (RFC 5280 §4.2.1.6).
#[derive(Clone, Debug)]
pub(crate) enum GeneralName<'a> {
    Dns(&'a [u8]),
    Directory(Name<'a>),
    /// With the mask of a network behind it where it is a base.
    Ip(&'a [u8]),
    /// Of a form that is not looked at here.
    Other(Value<'a>),
}

impl<'a> GeneralName<'a> {
    pub(crate) fn new(value: Value<'a>) -> Result<Self, DerError> {
        match value.tag {
            0x82 => Ok(Self::Dns(value.content)),
            0xa4 => Ok(Self::Directory(Name::new(value.content))),
            0x87 => Ok(Self::Ip(value.content)),
            // Other name, mailbox, X.400, EDI, URI, registered identifier.
            0xa0 | 0x81 | 0xa3 | 0xa5 | 0x86 | 0x88 => Ok(Self::Other(value)),
            _ => Err(DerError),
        }
    }
}

impl fmt::Display for GeneralName<'_> {
    /// For people, and with nothing in it that is not printable ASCII.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "DNS {}", printable(name)),
            Self::Directory(name) => write!(f, "directory {name}"),
            Self::Ip(octets) => match (<[u8; 4]>::try_from(*octets), <[u8; 16]>::try_from(*octets)) {
                (Ok(octets), _) => write!(f, "IP {}", Ipv4Addr::from(octets)),
                (_, Ok(octets)) => write!(f, "IP {}", Ipv6Addr::from(octets)),
                (Err(_), Err(_)) => write!(f, "IP of {} octets", octets.len()),
            },
            Self::Other(Value { tag, .. }) => write!(f, "of the form [{}]", tag & 0x1f),
        }
    }
}

/// What calls itself a DNS name, with anything that is not printable ASCII escaped, and cut where no name can go on
/// (RFC 1035 §2.3.4).
pub(crate) fn printable(dns_id: &[u8]) -> String {
    const LONGEST: usize = 255;
    match dns_id.split_at_checked(LONGEST) {
        Some((shown, [_, ..])) => format!("{}…", shown.escape_ascii()),
        Some((_, [])) | None => dns_id.escape_ascii().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_for_people() {
        let name = |tag: u8, content: &[u8]| {
            GeneralName::new(Value { tag, content, raw: content }).map(|name| name.to_string())
        };
        assert_eq!(name(0x82, b"mx.example.com"), Ok("DNS mx.example.com".to_owned()));
        assert_eq!(name(0x82, b"\x1b[1m"), Ok(r"DNS \x1b[1m".to_owned()));
        assert_eq!(name(0x82, &[b'a'; 256]), Ok(format!("DNS {}…", "a".repeat(255))));
        assert_eq!(name(0x82, &[b'a'; 255]), Ok(format!("DNS {}", "a".repeat(255))));
        assert_eq!(name(0x87, &[192, 0, 2, 1]), Ok("IP 192.0.2.1".to_owned()));
        assert_eq!(name(0x87, &[0; 16]), Ok("IP ::".to_owned()));
        assert_eq!(name(0x87, &[1, 2]), Ok("IP of 2 octets".to_owned()));
        assert_eq!(
            name(0xa4, b"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02mx"),
            Ok("directory CN=\"mx\"".to_owned())
        );
        assert_eq!(name(0xa2, b"mx.example.com"), Err(DerError), "a constructed DNS name");
        assert_eq!(name(0x81, b"a@example.com"), Ok("of the form [1]".to_owned()));
    }
}
