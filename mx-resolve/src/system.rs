//! The DNS servers of this machine.

use std::{
    fs,
    net::{SocketAddr, ToSocketAddrs},
};

use resolv_conf::{Config, ScopedIp};

use crate::upstream::{DNS_PORT, Upstream};

const FILE: &str = "/etc/resolv.conf";

/// Those that resolv.conf(5) names, in its order; or why there is none.
pub(crate) fn servers() -> Result<Vec<Upstream>, String> {
    let text = fs::read(FILE).map_err(|error| format!("{FILE}: {error}"))?;
    let servers = named(&text);
    match servers.is_empty() {
        true => Err(format!("{FILE} names no server: name one, or resolve from the root")),
        false => Ok(servers),
    }
}

/// What cannot be understood is left out, as the system itself does.
fn named(text: &[u8]) -> Vec<Upstream> {
    let (config, faults) = Config::parse_with_errors(text);
    for fault in faults {
        tracing::warn!(%fault, file = FILE, "a line is left out");
    }
    config.nameservers.iter().filter_map(address).map(Upstream::Plain).collect()
}

/// A link-local address is one only on its link (RFC 4007 §11): the system knows the number of that.
fn address(server: &ScopedIp) -> Option<SocketAddr> {
    let (ip, link) = match server {
        ScopedIp::V6(ip, Some(link)) => (ip, link),
        ScopedIp::V4(_) | ScopedIp::V6(_, None) => return Some(SocketAddr::new(server.into(), DNS_PORT)),
    };
    match (format!("{ip}%{link}"), DNS_PORT).to_socket_addrs() {
        Ok(mut addresses) => addresses.next(),
        Err(error) => {
            tracing::warn!(%server, %error, file = FILE, "a server is left out");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_names() {
        for (text, expected, why) in [
            (
                "nameserver 192.0.2.53\nnameserver 2001:db8::53\n",
                &["192.0.2.53:53", "[2001:db8::53]:53"][..],
                "in order",
            ),
            (
                "# nameserver 192.0.2.1\n; nameserver 192.0.2.2\nsearch example.com\noptions edns0\n",
                &[],
                "none",
            ),
            ("nameserver dns.example\nnameserver 192.0.2.53", &["192.0.2.53:53"], "a name is no server"),
            #[cfg(target_os = "linux")]
            ("nameserver fe80::53%lo\n", &["[fe80::53%1]:53"], "a router's, as it announces itself"),
            (
                "nameserver fe80::53%no-such-link\nnameserver 192.0.2.53",
                &["192.0.2.53:53"],
                "a link that is not there",
            ),
        ] {
            let found: Vec<_> = named(text.as_bytes()).iter().map(Upstream::to_string).collect();
            assert_eq!(found, expected, "{why}");
        }
    }
}
