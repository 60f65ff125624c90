//! From the answer to the MX question to an ordered list of hosts (RFC 5321 §5.1, RFC 7505).

use std::net::IpAddr;

use serde::Serialize;

use crate::{
    evidence::NextHop,
    failure::{Failure, FailureCode},
    lookup::{Lookup, Outcome, Status},
};

/// One MX record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mx {
    /// Lower is better.
    pub preference: u16,
    /// The exchange, without its trailing dot; empty for the root (`.`), which names no host.
    pub exchange: String,
}

/// Where the hosts of a destination come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MxSource {
    /// MX records.
    Mx,
    /// The domain itself, because it has no MX record (RFC 5321 §5.1).
    Implicit,
    /// The caller named a host.
    Host,
    /// The caller named an address.
    Literal,
}

/// The hosts of a domain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Exchanges {
    /// Where they come from: [`MxSource::Mx`] or [`MxSource::Implicit`].
    pub source: MxSource,
    /// The status of the MX RRset, or of its denial.
    pub status: Status,
    /// The name that they were found for.
    pub next_hop: NextHop,
    /// The hosts, best preference first; equal preferences in the order of the answer, to be shuffled by the caller.
    pub hosts: Vec<Exchange>,
}

/// One host of a domain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Exchange {
    /// Lower is better; 0 for an implicit MX.
    pub preference: u16,
    /// The name as the record has it.
    pub host: String,
    /// Why the host can never be used, where the record itself says so: an IP address in the place of a name.
    pub failure: Option<Failure>,
}

/// Reads the hosts of `domain` from the answer to its MX question.
///
/// # Errors
/// The failure of the whole destination: a look-up error (delay, RFC 7672 §2.1.2), no such domain, or null MX.
pub fn exchanges(domain: &str, mx: &Lookup<Vec<Mx>>) -> Result<Exchanges, Failure> {
    let answer = match mx {
        Ok(answer) => answer,
        // RFC 7672 §2.1.2: without knowing the servers there is nothing to connect to.
        Err(error) => return Err(error.failure(&format!("{domain} MX"))),
    };
    let expanded = answer.expanded().map(str::to_owned);
    let exchanges = |source, hosts| Exchanges {
        source,
        status: answer.status,
        next_hop: NextHop { name: domain.to_owned(), expanded, source },
        hosts,
    };
    match &answer.outcome {
        Outcome::Records(records) => Ok(exchanges(MxSource::Mx, listed(domain, records)?)),
        // RFC 5321 §5.1: the domain is its own mail server, with preference 0.
        Outcome::NoData => {
            let host = Exchange { preference: 0, host: domain.to_owned(), failure: None };
            Ok(exchanges(MxSource::Implicit, vec![host]))
        }
        Outcome::NoSuchName => {
            let message = format!("The domain {domain} does not exist.");
            Err(Failure::new(FailureCode::NoSuchDomain, message).rfc("RFC 5321 5.1"))
        }
    }
}

fn listed(domain: &str, records: &[Mx]) -> Result<Vec<Exchange>, Failure> {
    // RFC 7505 §3: `.` beside other records names no host and does not make the MX null.
    let mut hosts: Vec<Exchange> =
        records.iter().filter(|mx| !mx.exchange.is_empty()).map(Exchange::from).collect();
    if hosts.is_empty() {
        let message = format!("The domain {domain} accepts no mail (null MX).");
        return Err(Failure::new(FailureCode::NullMx, message).rfc("RFC 7505 3"));
    }
    hosts.sort_by_key(|host| host.preference);
    Ok(hosts)
}

impl From<&Mx> for Exchange {
    fn from(mx: &Mx) -> Self {
        let failure = mx.exchange.parse::<IpAddr>().is_ok().then(|| {
            let message = format!("The MX record names the IP address {} instead of a host.", mx.exchange);
            Failure::new(FailureCode::IpAddressMx, message).rfc("RFC 5321 5.1")
        });
        Self { preference: mx.preference, host: mx.exchange.clone(), failure }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::{Alias, AliasKind, Answer, LookupError, LookupErrorKind};

    fn answer(outcome: Outcome<Vec<Mx>>) -> Lookup<Vec<Mx>> {
        Ok(Answer { status: Status::Secure, outcome, aliases: vec![] })
    }

    fn records(list: &[(u16, &str)]) -> Lookup<Vec<Mx>> {
        let records = list
            .iter()
            .map(|(preference, host)| Mx { preference: *preference, exchange: (*host).to_owned() });
        answer(Outcome::Records(records.collect()))
    }

    #[test]
    fn smtp_13_to_19_hosts_of_a_domain() {
        for (mx, expected, why) in [
            (records(&[(20, "b"), (10, "a")]), Ok(vec!["a", "b"]), "SMTP-16: best preference first"),
            (
                records(&[(10, "b"), (10, "a")]),
                Ok(vec!["b", "a"]),
                "equal preferences stay in the answer's order",
            ),
            (records(&[(0, "")]), Err(FailureCode::NullMx), "SMTP-19: a single `.`"),
            (records(&[(0, ""), (10, "")]), Err(FailureCode::NullMx), "only `.`: no host either"),
            (records(&[(0, ""), (10, "a")]), Ok(vec!["a"]), "SMTP-19: `.` beside others is ignored"),
            (answer(Outcome::NoData), Ok(vec!["d.example"]), "SMTP-15: implicit MX"),
            (answer(Outcome::NoSuchName), Err(FailureCode::NoSuchDomain), "SMTP-13: NXDOMAIN is an error"),
        ] {
            let got = exchanges("d.example", &mx)
                .map(|list| list.hosts.into_iter().map(|host| host.host).collect::<Vec<_>>())
                .map_err(|failure| failure.code);
            assert_eq!(got, expected.map(|hosts| hosts.into_iter().map(str::to_owned).collect()), "{why}");
        }
    }

    #[test]
    fn d72_07_an_error_of_the_mx_lookup_delays() {
        for kind in [
            LookupErrorKind::Bogus,
            LookupErrorKind::Indeterminate,
            LookupErrorKind::ServerFailure,
            LookupErrorKind::Timeout,
            LookupErrorKind::Malformed,
            LookupErrorKind::Budget,
        ] {
            let failure =
                exchanges("d.example", &Err(LookupError { kind, detail: String::new() })).unwrap_err();
            assert_eq!(failure.verdict(), crate::Verdict::Defer, "{kind}");
            assert_eq!(failure.code, FailureCode::from(kind));
        }
    }

    #[test]
    fn d72_28_an_ip_address_is_no_host() {
        let list = exchanges("d.example", &records(&[(10, "192.0.2.1"), (20, "a")])).unwrap();
        assert_eq!(list.hosts[0].failure.as_ref().unwrap().code, FailureCode::IpAddressMx);
        assert_eq!(list.hosts[1].failure, None);
    }

    #[test]
    fn d72_32_the_next_hop_keeps_both_names() {
        let alias = Alias {
            name: "d.example".into(),
            target: "e.example".into(),
            kind: AliasKind::Cname,
            status: Status::Secure,
        };
        let outcome = Outcome::Records(vec![Mx { preference: 10, exchange: "a".into() }]);
        let mx = Ok(Answer { status: Status::Secure, outcome, aliases: vec![alias] });
        let next_hop = exchanges("d.example", &mx).unwrap().next_hop;
        let expanded = Some("e.example".to_owned());
        assert_eq!(next_hop, NextHop { name: "d.example".into(), expanded, source: MxSource::Mx });
    }
}
