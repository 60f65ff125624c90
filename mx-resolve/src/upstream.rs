//! The DNS servers that questions go to, as a person names them.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use rustls_pki_types::DnsName;

use crate::destination::Domain;

/// A recursive DNS server and the channel to it.
///
/// * `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53` or `[2001:db8::53]:5353`: UDP, and TCP for what does not fit. The
///   port is 53 where none is given.
/// * `tls://192.0.2.53#dns.example` or `tls://[2001:db8::53]:8853#dns.example`: DNS over TLS (RFC 7858), port 853 where
///   none is given. The certificate must be valid for the name behind the `#`; without that there is no answer, and the
///   server is never asked in clear text instead (the strict profile of RFC 8310 §5).
///
/// ```
/// use mx_resolve::Upstream;
///
/// let upstream: Upstream = "tls://192.0.2.53#dns.example".parse()?;
/// assert_eq!(upstream.to_string(), "tls://192.0.2.53:853#dns.example");
/// # Ok::<(), mx_resolve::UpstreamError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Upstream {
    /// UDP and TCP.
    Plain(SocketAddr),
    /// DNS over TLS.
    Tls {
        /// Where the server listens.
        address: SocketAddr,
        /// The authentication domain name (RFC 8310 §7.1): an A-label name that the certificate must bear as a DNS-ID.
        name: DnsName<'static>,
    },
}

/// Why a text names no upstream.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// The address cannot be read.
    #[error(
        "{0:?} is not an IP address, with a port behind it if need be: \
         192.0.2.53:5353, [2001:db8::53]:5353 or tls://192.0.2.53#dns.example"
    )]
    Address(String),
    /// DNS over TLS without the name of the server.
    #[error("the server's name is missing: DNS over TLS is written tls://IP[:PORT]#NAME")]
    NameMissing,
    /// The name behind the `#` is none that a certificate can bear.
    #[error("{0:?} is not a domain name: DNS over TLS is written tls://IP[:PORT]#NAME")]
    Name(String),
}

impl Upstream {
    /// Whether nobody but this machine is on the path to it.
    pub(crate) fn is_on_this_machine(&self) -> bool {
        let (Self::Plain(address) | Self::Tls { address, .. }) = self;
        address.ip().to_canonical().is_loopback()
    }
}

impl FromStr for Upstream {
    type Err = UpstreamError;

    fn from_str(text: &str) -> Result<Self, UpstreamError> {
        let Some(rest) = text.strip_prefix("tls://") else {
            return Ok(Self::Plain(address(text, DNS_PORT)?));
        };
        let (address_text, name) = match rest.split_once('#') {
            Some((address, name)) => (address, Some(name)),
            None => (rest, None),
        };
        let address = address(address_text, DNS_OVER_TLS_PORT)?;
        match name {
            None | Some("") => Err(UpstreamError::NameMissing),
            Some(name) => Ok(Self::Tls { address, name: authentication_name(name)? }),
        }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(address) => address.fmt(f),
            Self::Tls { address, name } => write!(f, "tls://{address}#{}", name.as_ref()),
        }
    }
}

impl From<SocketAddr> for Upstream {
    fn from(address: SocketAddr) -> Self {
        Self::Plain(address)
    }
}

/// RFC 1035 §4.2.
pub(crate) const DNS_PORT: u16 = 53;
/// RFC 7858 §3.1.
const DNS_OVER_TLS_PORT: u16 = 853;

fn address(text: &str, default_port: u16) -> Result<SocketAddr, UpstreamError> {
    if let Ok(address) = text.parse::<SocketAddr>()
        && address.port() > 0
    {
        return Ok(address);
    }
    let bare = match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        // Brackets are for IPv6 alone.
        Some(inside) => inside.parse().map(IpAddr::V6),
        None => text.parse(),
    };
    match bare {
        Ok(ip) => Ok(SocketAddr::new(ip, default_port)),
        Err(_) => Err(UpstreamError::Address(text.to_owned())),
    }
}

fn authentication_name(text: &str) -> Result<DnsName<'static>, UpstreamError> {
    let error = || UpstreamError::Name(text.to_owned());
    let Ok(domain) = Domain::parse(text) else { return Err(error()) };
    DnsName::try_from(domain.to_string()).map_err(|_| error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams() {
        use UpstreamError::{Address, Name, NameMissing};
        let of = |variant: fn(String) -> UpstreamError, text: &str| Err(variant(text.to_owned()));
        for (text, expected, why) in [
            ("192.0.2.53", Ok("192.0.2.53:53"), "IPv4, DNS's own port"),
            ("192.0.2.53:5353", Ok("192.0.2.53:5353"), "and another one"),
            ("2001:db8::53", Ok("[2001:db8::53]:53"), "IPv6 needs no brackets without a port"),
            ("[2001:db8::53]", Ok("[2001:db8::53]:53"), "and may have them"),
            ("[2001:db8::53]:5353", Ok("[2001:db8::53]:5353"), "with a port it needs them"),
            (
                "tls://192.0.2.53#dns.example",
                Ok("tls://192.0.2.53:853#dns.example"),
                "RFC 7858 3.1: the port",
            ),
            ("tls://192.0.2.53:8853#dns.example", Ok("tls://192.0.2.53:8853#dns.example"), "another one"),
            ("tls://2001:db8::53#dns.example", Ok("tls://[2001:db8::53]:853#dns.example"), "IPv6, bare"),
            ("tls://[2001:db8::53]#dns.example", Ok("tls://[2001:db8::53]:853#dns.example"), "in brackets"),
            ("tls://[::1]:8853#dns.example", Ok("tls://[::1]:8853#dns.example"), "and with a port"),
            ("tls://192.0.2.53#DNS.example.", Ok("tls://192.0.2.53:853#dns.example"), "names have one form"),
            ("tls://192.0.2.53#bücher.example", Ok("tls://192.0.2.53:853#xn--bcher-kva.example"), "A-labels"),
            ("192.0.2.53:0", of(Address, "192.0.2.53:0"), "port 0"),
            ("192.0.2.53:x", of(Address, "192.0.2.53:x"), "no port"),
            ("[192.0.2.53]", of(Address, "[192.0.2.53]"), "brackets around IPv4"),
            ("dns.example", of(Address, "dns.example"), "a name would have to be resolved"),
            ("", of(Address, ""), "nothing"),
            ("192.0.2.53#dns.example", of(Address, "192.0.2.53#dns.example"), "a name, but no TLS"),
            (
                "https://192.0.2.53#dns.example",
                of(Address, "https://192.0.2.53#dns.example"),
                "another channel",
            ),
            ("tls://dns.example#dns.example", of(Address, "dns.example"), "a name for the address"),
            ("tls://192.0.2.53:0#dns.example", of(Address, "192.0.2.53:0"), "port 0"),
            ("tls://#dns.example", of(Address, ""), "no address"),
            ("tls://192.0.2.53", Err(NameMissing), "RFC 8310 5: nobody to authenticate"),
            ("tls://192.0.2.53#", Err(NameMissing), "an empty name"),
            ("tls://192.0.2.53#192.0.2.53", of(Name, "192.0.2.53"), "an address is no name"),
            ("tls://192.0.2.53#2001:db8::53", of(Name, "2001:db8::53"), "of neither family"),
            ("tls://192.0.2.53#a..b", of(Name, "a..b"), "an empty label"),
            ("tls://192.0.2.53#dns.1", of(Name, "dns.1"), "a last label of digits reads as an address"),
            ("tls://192.0.2.53#dns.example#x", of(Name, "dns.example#x"), "a second name"),
        ] {
            let got = text.parse::<Upstream>().map(|upstream| upstream.to_string());
            assert_eq!(got.as_deref().map_err(Clone::clone), expected, "{why}: {text}");
            if let Ok(canonical) = got {
                let again = canonical.parse::<Upstream>().unwrap();
                assert_eq!(again, text.parse().unwrap(), "{why}: what is printed can be read");
            }
        }
    }
}
