//! The DNS servers of this machine.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs},
};

use crate::upstream::{DNS_PORT, Upstream};

pub(crate) const FILE: &str = "/etc/resolv.conf";

/// More are not asked, as resolv.conf(5) has it.
const MOST: usize = 3;

/// Those that resolv.conf(5) names, in its order; without any, or without the file, this machine.
pub(crate) fn servers() -> io::Result<Vec<Upstream>> {
    match fs::read(FILE) {
        Ok(text) => Ok(named(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(named(b"")),
        Err(error) => Err(error),
    }
}

/// What is no server is for others to read.
fn named(text: &[u8]) -> Vec<Upstream> {
    let text = String::from_utf8_lossy(text);
    let named: Vec<Upstream> =
        text.lines().filter_map(server).filter_map(address).take(MOST).map(Upstream::Plain).collect();
    match named.is_empty() {
        true => vec![Upstream::Plain((Ipv4Addr::LOCALHOST, DNS_PORT).into())],
        false => named,
    }
}

/// The second word of a line that begins with `nameserver`.
fn server(line: &str) -> Option<&str> {
    line.strip_prefix("nameserver")?.strip_prefix([' ', '\t'])?.split_ascii_whitespace().next()
}

/// A link-local address is one only on its link (RFC 4007 §11), and the system knows the number of that. Names it would look up
/// are no addresses.
fn address(server: &str) -> Option<SocketAddr> {
    let (bare, _link) = server.split_once('%').unwrap_or((server, ""));
    if bare.parse::<IpAddr>().is_err() {
        tracing::warn!(server, file = FILE, "not an address: the server is left out");
        return None;
    }
    match (server, DNS_PORT).to_socket_addrs() {
        Ok(mut addresses) => addresses.next(),
        Err(error) => {
            tracing::warn!(server, %error, file = FILE, "the server is left out");
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
                &b"nameserver 192.0.2.53\nnameserver 2001:db8::53\n"[..],
                &["192.0.2.53:53", "[2001:db8::53]:53"][..],
                "in order",
            ),
            (b"nameserver\t192.0.2.53\r\n", &["192.0.2.53:53"], "a tab, and another system's line end"),
            (b"nameserver 192.0.2.53 # r\xe9seau\n", &["192.0.2.53:53"], "whatever comes behind it"),
            (b"# nameserver 192.0.2.1\n; nameserver 192.0.2.2\n", &["127.0.0.1:53"], "none"),
            (b"search example.com\noptions edns0 whatever\n", &["127.0.0.1:53"], "none"),
            (b"", &["127.0.0.1:53"], "nothing at all"),
            (b"\0\xff\x1b[2Jnameserver\nnameservers 192.0.2.1\nnameserver", &["127.0.0.1:53"], "junk"),
            (b"nameserver localhost\nnameserver 192.0.2.53", &["192.0.2.53:53"], "a name is no server"),
            (
                b"nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n",
                &["192.0.2.1:53", "192.0.2.2:53", "192.0.2.3:53"],
                "three at the most",
            ),
            #[cfg(target_os = "linux")]
            (b"nameserver fe80::53%lo\n", &["[fe80::53%1]:53"], "a router's, as it announces itself"),
            (
                b"nameserver fe80::53%no-such.0\nnameserver 192.0.2.53",
                &["192.0.2.53:53"],
                "a link that is not there",
            ),
        ] {
            let found: Vec<_> = named(text).iter().map(Upstream::to_string).collect();
            assert_eq!(found, expected, "{why}");
        }
    }
}
