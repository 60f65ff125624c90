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
            Self::Dns(name) => write!(f, "DNS {}", name.escape_ascii()),
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
