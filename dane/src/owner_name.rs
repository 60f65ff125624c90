use std::fmt;

use crate::reference_id::normalize;

/// Where the TLSA records of a service stand: `_25._tcp.mx.example.com` (RFC 6698 §3).
///
/// `host` is the TLSA base domain, a host name in ASCII; the case of its letters and a final dot are dropped. The port
/// is written without leading zeros. What stands there is for this port and transport alone: the session that
/// is held against it must be with them (RFC 6698 §4).
///
/// # Errors
/// `host` is no host name (RFC 1123 §2.1): the names of a zone's other records, like `_dmarc`, cannot have servers, and
/// an address has no TLSA records. A name in Unicode has to be turned into A-labels before (RFC 5890 §2.3.2.1).
pub fn owner_name(port: u16, transport: Transport, host: &str) -> Result<String, OwnerNameError> {
    let relative = host.strip_suffix('.').unwrap_or(host);
    let labels = || relative.split('.');
    labels().try_for_each(check_label)?;
    if labels().next_back().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit())) {
        return Err(OwnerNameError::Address(host.to_owned()));
    }
    let name = format!("_{port}._{transport}.{}", relative.to_ascii_lowercase());
    if name.len() > MAX_NAME {
        return Err(OwnerNameError::NameLength { octets: name.len() });
    }
    Ok(name)
}

/// The same for a TCP service of a host that DNS itself has named, in an MX record or an alias.
///
/// Nothing is checked: who calls a server `mx_1` breaks a rule, and is better served by a look-up than by none.
pub fn owner_name_as_found(port: u16, host: &str) -> String {
    format!("_{port}._tcp.{}", normalize(host))
}

/// What carries a service (RFC 6698 §3).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Transport {
    /// TLS.
    Tcp,
    /// DTLS.
    Udp,
    /// TLS or DTLS over SCTP.
    Sctp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        })
    }
}

/// Why no TLSA records can stand at a name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OwnerNameError {
    /// A label is empty, or there is no name at all.
    #[error("a host name has no empty label")]
    EmptyLabel,
    /// A label is in Unicode (RFC 6698 §3 asks for A-labels).
    #[error("expected an A-label like \"xn--bcher-kva\", found {0:?}")]
    NotAnALabel(String),
    /// A label has something else than letters, digits and hyphens between them (RFC 1123 §2.1).
    #[error("expected letters, digits and hyphens between them, found {0:?}")]
    Label(String),
    /// A label has more than 63 octets (RFC 1035 §2.3.4).
    #[error("a label has at most 63 octets, found {octets}")]
    LabelLength {
        /// Its length.
        octets: usize,
    },
    /// The name, with the labels for port and transport, has more than 253 octets (RFC 1035 §2.3.4).
    #[error("the name of a record has at most 253 octets, found {octets}")]
    NameLength {
        /// Its length.
        octets: usize,
    },
    /// An IPv4 address, or something else that ends like one.
    #[error("expected a host name, found {0:?}, which ends like an address")]
    Address(String),
}

/// Octets of a name in text, without the final dot.
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

fn check_label(label: &str) -> Result<(), OwnerNameError> {
    if label.is_empty() {
        return Err(OwnerNameError::EmptyLabel);
    }
    if !label.is_ascii() {
        return Err(OwnerNameError::NotAnALabel(label.to_owned()));
    }
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if !label.bytes().all(is_allowed) || label.starts_with('-') || label.ends_with('-') {
        return Err(OwnerNameError::Label(label.to_owned()));
    }
    if label.len() > MAX_LABEL {
        return Err(OwnerNameError::LabelLength { octets: label.len() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d66_04_ports_have_no_leading_zeros() {
        for (port, transport, host, expected) in [
            (25, Transport::Tcp, "MX.example.com.", "_25._tcp.mx.example.com"),
            (2525, Transport::Tcp, "mx.example.com", "_2525._tcp.mx.example.com"),
            (65535, Transport::Udp, "mx.example.com", "_65535._udp.mx.example.com"),
            (0, Transport::Sctp, "mx.example.com", "_0._sctp.mx.example.com"),
        ] {
            assert_eq!(owner_name(port, transport, host).as_deref(), Ok(expected));
        }
        assert_eq!(owner_name_as_found(25, "MX_1.example.com."), "_25._tcp.mx_1.example.com");
    }

    #[test]
    fn d66_05_labels_are_those_of_host_names() {
        let label = |label: &str| Err(OwnerNameError::Label(label.to_owned()));
        let sixty_three = "a".repeat(63);
        let longest = [&*sixty_three, &sixty_three, &sixty_three, &"b".repeat(253 - 9 - 3 * 64)].join(".");
        for (host, expected, why) in [
            ("mx_1.example.com", label("mx_1"), "an underscore"),
            ("_25._tcp.mx.example.com", label("_25"), "an owner name is no host name"),
            ("mx 1.example.com", label("mx 1"), "a space"),
            ("*.example.com", label("*"), "a wildcard"),
            ("-mx.example.com", label("-mx"), "a hyphen at the front"),
            ("mx-.example.com", label("mx-"), "a hyphen at the end"),
            ("mx\\.example.com", label("mx\\"), "an escape"),
            ("::1", label("::1"), "an IPv6 address"),
            ("bücher.example", Err(OwnerNameError::NotAnALabel("bücher".into())), "a U-label"),
            (
                "mx。example.com",
                Err(OwnerNameError::NotAnALabel("mx。example".into())),
                "a full stop of another script",
            ),
            ("", Err(OwnerNameError::EmptyLabel), "no name"),
            (".", Err(OwnerNameError::EmptyLabel), "the root"),
            ("mx..example.com", Err(OwnerNameError::EmptyLabel), "two dots"),
            (".example.com", Err(OwnerNameError::EmptyLabel), "a dot at the front"),
            ("mx.example.com..", Err(OwnerNameError::EmptyLabel), "two dots at the end"),
            ("192.0.2.1", Err(OwnerNameError::Address("192.0.2.1".into())), "an IPv4 address"),
            (
                &format!("{}.com", "a".repeat(64)),
                Err(OwnerNameError::LabelLength { octets: 64 }),
                "a long label",
            ),
            (&format!("{longest}b"), Err(OwnerNameError::NameLength { octets: 254 }), "a long name"),
            (&longest, Ok(format!("_25._tcp.{longest}")), "the longest name"),
            (&format!("{sixty_three}.com"), Ok(format!("_25._tcp.{sixty_three}.com")), "the longest label"),
            ("xn--bcher-kva.example", Ok("_25._tcp.xn--bcher-kva.example".into()), "an A-label"),
            ("3com.com", Ok("_25._tcp.3com.com".into()), "a digit at the front"),
            ("1.2.3.example", Ok("_25._tcp.1.2.3.example".into()), "labels of digits that are no address"),
            ("localhost", Ok("_25._tcp.localhost".into()), "a single label"),
        ] {
            assert_eq!(owner_name(25, Transport::Tcp, host), expected, "{why}: {host}");
        }
    }
}
