//! Where resolution begins: the addresses of the root's servers, known beforehand (RFC 9609).

use std::net::IpAddr;

use hickory_proto::rr::Name;

/// The addresses in a file of root hints.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RootHints(pub(crate) Vec<IpAddr>);

/// Where and why a file of root hints was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {fault}")]
#[non_exhaustive]
pub struct RootHintsError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: RootHintsFault,
}

/// What is wrong with root hints.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RootHintsFault {
    /// A line that is no record of a type that belongs here.
    #[error("expected `. NS NAME`, `NAME A ADDRESS` or `NAME AAAA ADDRESS`, found {0:?}")]
    Record(String),
    /// An owner, or the data of an NS record, that is no name.
    #[error("{0:?} is not a domain name")]
    Name(String),
    /// The data of an address record.
    #[error("{0:?} is not an address of this type")]
    Address(String),
    /// An address of a name that no record calls a server of the root.
    #[error("no NS record calls {0} a server of the root")]
    NoServer(String),
    /// No address at all.
    #[error("there is no address of a root server in it")]
    Nothing,
}

impl RootHints {
    /// Those that IANA publishes.
    pub(crate) fn iana() -> Result<Self, RootHintsError> {
        Self::parse(include_str!("root_hints.zone"))
    }

    /// Reads the form that IANA's `named.root` has: a record a line, NS of the root and A and AAAA of its servers, with TTL and
    /// class or without, and comments behind `;`.
    pub(crate) fn parse(text: &str) -> Result<Self, RootHintsError> {
        let mut servers: Vec<Name> = vec![];
        let mut addresses: Vec<(usize, Name, IpAddr)> = vec![];
        for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line)) {
            let record = line.split_once(';').map_or(line, |(record, _comment)| record);
            let at = |fault| RootHintsError { line: number, fault };
            match Hint::parse(record).map_err(at)? {
                Some(Hint::Server(server)) => servers.push(server),
                Some(Hint::Address(owner, address)) => addresses.push((number, owner, address)),
                None => {}
            }
        }
        if let Some((line, owner, _)) = addresses.iter().find(|(_, owner, _)| !servers.contains(owner)) {
            return Err(RootHintsError { line: *line, fault: RootHintsFault::NoServer(owner.to_ascii()) });
        }
        if addresses.is_empty() {
            let line = text.lines().count().max(1);
            return Err(RootHintsError { line, fault: RootHintsFault::Nothing });
        }
        Ok(Self(addresses.into_iter().map(|(_, _, address)| address).collect()))
    }
}

/// One record of the file.
enum Hint {
    Server(Name),
    Address(Name, IpAddr),
}

impl Hint {
    fn parse(record: &str) -> Result<Option<Self>, RootHintsFault> {
        let mut fields = record.split_whitespace();
        let Some(owner) = fields.next() else { return Ok(None) };
        // TTL and class, in either order.
        let rest: Vec<&str> = fields
            .skip_while(|field| {
                field.bytes().all(|byte| byte.is_ascii_digit()) || field.eq_ignore_ascii_case("IN")
            })
            .collect();
        let other = || RootHintsFault::Record(record.trim().to_owned());
        // A line that begins with white space would take its owner from the line above.
        let ([record_type, data], false) = (rest.as_slice(), record.starts_with(char::is_whitespace)) else {
            return Err(other());
        };
        let owner = name(owner)?;
        Ok(Some(match record_type.to_ascii_uppercase().as_str() {
            "NS" if owner.is_root() => Self::Server(name(data)?),
            "A" => Self::Address(owner, IpAddr::V4(address(data)?)),
            "AAAA" => Self::Address(owner, IpAddr::V6(address(data)?)),
            _ => return Err(other()),
        }))
    }
}

fn name(text: &str) -> Result<Name, RootHintsFault> {
    let error = || RootHintsFault::Name(text.to_owned());
    let mut name = Name::from_ascii(text).map_err(|_| error())?;
    name.set_fqdn(true);
    Ok(name)
}

fn address<T: std::str::FromStr>(text: &str) -> Result<T, RootHintsFault> {
    text.parse().map_err(|_| RootHintsFault::Address(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_ones() {
        let RootHints(addresses) = RootHints::iana().unwrap();
        let (ipv4, ipv6): (Vec<&IpAddr>, Vec<&IpAddr>) =
            addresses.iter().partition(|address| address.is_ipv4());
        assert_eq!((ipv4.len(), ipv6.len()), (13, 13), "thirteen servers with an address of each family");
    }

    #[test]
    fn files() {
        use RootHintsFault::{Address, Name, NoServer, Nothing, Record};
        let fault = |line, fault| Err(RootHintsError { line, fault });
        let of = |text: &str| text.to_owned();
        for (text, expected, why) in [
            ("", fault(1, Nothing), "an empty file"),
            ("; nothing\n\n", fault(2, Nothing), "a comment alone"),
            (". NS a.", fault(1, Nothing), "a server without an address"),
            (". NS a.\nb. A 192.0.2.1", fault(2, NoServer(of("b."))), "an address of nobody"),
            (". NS a.\na. A 2001:db8::1", fault(2, Address(of("2001:db8::1"))), "the other family"),
            (". NS a.\na. AAAA x", fault(2, Address(of("x"))), "no address"),
            (". NS a..b\n", fault(1, Name(of("a..b"))), "no name"),
            ("example. NS a.\n", fault(1, Record(of("example. NS a."))), "a server of another zone"),
            (". NS a.\na. MX 10 b.", fault(2, Record(of("a. MX 10 b."))), "another type"),
            (". NS a.\n  A 192.0.2.1", fault(2, Record(of("A 192.0.2.1"))), "an owner left out"),
            (". NS\n", fault(1, Record(of(". NS"))), "no data"),
            ("$TTL 300\n", fault(1, Record(of("$TTL 300"))), "a control entry"),
            (". NS a.\na. A 192.0.2.1", Ok(vec!["192.0.2.1"]), "the least"),
            (". NS a\na A 192.0.2.1", Ok(vec!["192.0.2.1"]), "names are absolute"),
            (
                ". 3600000 IN NS A. ; one\nA. IN 60 a 192.0.2.1\na. aaaa 2001:db8::1\n",
                Ok(vec!["192.0.2.1", "2001:db8::1"]),
                "TTL and class in either order, any case, comments",
            ),
        ] {
            let expected = expected.map(|addresses: Vec<&str>| {
                RootHints(addresses.iter().map(|address| address.parse().unwrap()).collect())
            });
            assert_eq!(RootHints::parse(text), expected, "{why}");
        }
    }
}
