//! Networks in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3).

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use ipnet::IpNet;

/// A network of IPv4 or IPv6 addresses, written `192.0.2.0/24` or `2001:db8::/32`. An address alone is a network of one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Network(IpNet);

/// Why a text is no network.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// It has another form, or a prefix that is longer than an address.
    #[error(
        "{0:?} is not a network: expected one such as 192.0.2.0/24 or 2001:db8::/32, or an address alone"
    )]
    Malformed(String),
    /// An address inside the network stands where its own address is expected: it may be a slip in the one or in the prefix.
    #[error("{text:?} has bits beyond its prefix: the network of this address is {network}")]
    BitsBeyondPrefix {
        /// The text.
        text: String,
        /// The network that was probably meant.
        network: Network,
    },
}

impl Network {
    /// Whether the address lies in it. An IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) leads to an IPv4 host, so it lies in
    /// every network that holds either of the two. The unspecified address is no destination (RFC 1122 §3.2.1.3,
    /// RFC 4291 §2.5.2), but systems take a connection to it to this machine, so it counts as the loopback address too.
    pub fn contains(&self, address: IpAddr) -> bool {
        let canonical = address.to_canonical();
        let this_machine: IpAddr = match canonical {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        self.0.contains(&address)
            || self.0.contains(&canonical)
            || canonical.is_unspecified() && self.0.contains(&this_machine)
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let malformed = || NetworkError::Malformed(text.to_owned());
        let network = match text.split_once('/') {
            None => IpNet::from(text.parse::<IpAddr>().map_err(|_| malformed())?),
            Some((address, length)) => {
                // A number of Rust may have a sign, a prefix has none.
                if !length.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(malformed());
                }
                let address = address.parse().map_err(|_| malformed())?;
                let length = length.parse().map_err(|_| malformed())?;
                IpNet::new(address, length).map_err(|_| malformed())?
            }
        };
        if network != network.trunc() {
            let network = Self(network.trunc());
            return Err(NetworkError::BitsBeyondPrefix { text: text.to_owned(), network });
        }
        Ok(Self(network))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let network = |text: &str| Ok(text.to_owned());
        let malformed = |text: &str| Err(NetworkError::Malformed(text.to_owned()).to_string());
        let beyond = |text: &str, network: &str| {
            Err(format!("{text:?} has bits beyond its prefix: the network of this address is {network}"))
        };
        for (text, expected, why) in [
            ("", malformed(""), "nothing"),
            ("/", malformed("/"), "nothing but the slash"),
            ("192.0.2.0/", malformed("192.0.2.0/"), "no length"),
            ("192.0.2.0/33", malformed("192.0.2.0/33"), "longer than an IPv4 address"),
            ("2001:db8::/129", malformed("2001:db8::/129"), "longer than an IPv6 address"),
            ("192.0.2.0/256", malformed("192.0.2.0/256"), "no octet"),
            ("192.0.2.0/-1", malformed("192.0.2.0/-1"), "a sign"),
            ("192.0.2.0/+24", malformed("192.0.2.0/+24"), "a sign"),
            ("192.0.2.0/24/24", malformed("192.0.2.0/24/24"), "two lengths"),
            ("192.0.2.0/255.255.255.0", malformed("192.0.2.0/255.255.255.0"), "a mask"),
            ("192.0.2/24", malformed("192.0.2/24"), "three octets"),
            ("010.0.0.0/8", malformed("010.0.0.0/8"), "octal or decimal?"),
            ("192.0.2.0 /24", malformed("192.0.2.0 /24"), "a space"),
            ("fe80::%lo/64", malformed("fe80::%lo/64"), "a zone"),
            ("example.com/24", malformed("example.com/24"), "a name"),
            ("192.0.2.1/24", beyond("192.0.2.1/24", "192.0.2.0/24"), "an address inside"),
            ("192.0.2.1/0", beyond("192.0.2.1/0", "0.0.0.0/0"), "the same, of all"),
            ("2001:db8::1/32", beyond("2001:db8::1/32", "2001:db8::/32"), "the same in IPv6"),
            ("192.0.2.0/24", network("192.0.2.0/24"), "a network"),
            ("192.0.2.128/25", network("192.0.2.128/25"), "half of it"),
            ("2001:DB8::/32", network("2001:db8::/32"), "of IPv6, folded"),
            ("0.0.0.0/0", network("0.0.0.0/0"), "all of IPv4"),
            ("192.0.2.1", network("192.0.2.1/32"), "an address alone"),
            ("2001:db8::1", network("2001:db8::1/128"), "the same in IPv6"),
        ] {
            let parsed = text.parse::<Network>();
            assert_eq!(
                parsed.map(|network| network.to_string()).map_err(|error| error.to_string()),
                expected,
                "{why}"
            );
        }
    }

    #[test]
    fn what_lies_in_a_network() {
        for (network, address, expected, why) in [
            ("192.0.2.0/24", "192.0.3.0", false, "the next address"),
            ("192.0.2.0/24", "192.0.1.255", false, "the one before"),
            ("192.0.2.0/24", "192.0.2.0", true, "the first one"),
            ("192.0.2.0/24", "192.0.2.255", true, "the last one"),
            ("10.0.0.0/9", "10.128.0.0", false, "a prefix within an octet"),
            ("10.0.0.0/9", "10.127.255.255", true, "the last one before it"),
            ("1.2.3.4", "1.2.3.40", false, "not the beginning of a text"),
            ("0.0.0.0/0", "255.255.255.255", true, "all of IPv4"),
            ("0.0.0.0/0", "2001:db8::1", false, "no more than that"),
            ("2001:db8::/33", "2001:db8:8000::", false, "a prefix within a group"),
            ("2001:db8::/33", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff", true, "the last one before it"),
            ("::/0", "192.0.2.1", false, "an IPv4 address is none of IPv6"),
            ("192.0.2.0/24", "::ffff:192.0.2.1", true, "mapped: it leads to the IPv4 host"),
            ("192.0.2.0/24", "::ffff:192.0.3.1", false, "mapped, and outside"),
            (
                "192.0.2.0/24",
                "::192.0.2.1",
                false,
                "IPv4-compatible addresses lead nowhere (RFC 4291 2.5.5.1)",
            ),
            ("::ffff:0:0/96", "::ffff:192.0.2.1", true, "mapped: as itself"),
            ("::/0", "::ffff:192.0.2.1", true, "the same"),
            ("::ffff:0:0/96", "192.0.2.1", false, "an address of IPv4 is not mapped"),
            ("127.0.0.0/8", "0.0.0.0", true, "unspecified: a connection to it ends on this machine"),
            ("::1", "::", true, "the same in IPv6"),
            ("127.0.0.1", "::ffff:0.0.0.0", true, "and mapped"),
            ("0.0.0.0/8", "0.0.0.0", true, "unspecified: as itself"),
            ("127.0.0.0/8", "0.0.0.1", false, "nothing but the unspecified address"),
        ] {
            let contains = network.parse::<Network>().unwrap().contains(address.parse().unwrap());
            assert_eq!(contains, expected, "{why}: {address} in {network}");
        }
    }
}
