use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::der::{Value, tag};
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
    pub(crate) fn new(value: Value<'a>) -> Self {
        const DNS_NAME: u8 = tag::context(2);
        const DIRECTORY_NAME: u8 = tag::context_constructed(4);
        const IP_ADDRESS: u8 = tag::context(7);
        match value.tag {
            DNS_NAME => Self::Dns(value.content),
            DIRECTORY_NAME => Self::Directory(Name::new(value.content)),
            IP_ADDRESS => Self::Ip(value.content),
            _ => Self::Other(value),
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
        let name =
            |tag: u8, content: &[u8]| GeneralName::new(Value { tag, content, raw: content }).to_string();
        assert_eq!(name(0x82, b"mx.example.com"), "DNS mx.example.com");
        assert_eq!(name(0x82, b"\x1b[1m"), r"DNS \x1b[1m");
        assert_eq!(name(0x82, &[b'a'; 256]), format!("DNS {}…", "a".repeat(255)));
        assert_eq!(name(0x82, &[b'a'; 255]), format!("DNS {}", "a".repeat(255)));
        assert_eq!(name(0x87, &[192, 0, 2, 1]), "IP 192.0.2.1");
        assert_eq!(name(0x87, &[0; 16]), "IP ::");
        assert_eq!(name(0x87, &[1, 2]), "IP of 2 octets");
        assert_eq!(name(0xa4, b"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02mx"), "directory CN=mx");
        assert_eq!(name(0x81, b"a@example.com"), "of the form [1]");
    }
}
