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
    /// The host at which the list ends, because it is ourselves: see [`before_ourselves`].
    pub ourselves: Option<Exchange>,
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
        ourselves: None,
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

/// Ends the list before ourselves, or mail would come back to where it is: the host that bears one of our names, those of
/// its preference and all worse ones go (RFC 5321 §5.1). Names are compared as DNS does, without regard to ASCII case.
///
/// How safe a host is does not matter here: what is no better than ourselves goes, with TLSA records or without
/// (RFC 7672 §2.2.1).
///
/// # Errors
/// No host is left: mail for the domain goes in a loop.
pub fn before_ourselves(
    mut exchanges: Exchanges,
    own_names: &[impl AsRef<str>],
) -> Result<Exchanges, Failure> {
    let is_own = |name: &str| own_names.iter().any(|own| own.as_ref().eq_ignore_ascii_case(name));
    // RFC 5321 §5.1: a domain that is an alias is, for want of MX records, the host that the alias leads to.
    let implicit = match exchanges.source {
        MxSource::Implicit => exchanges.next_hop.expanded.as_deref(),
        MxSource::Mx | MxSource::Host | MxSource::Literal => None,
    };
    let own = exchanges.hosts.iter().find(|host| is_own(&host.host) || implicit.is_some_and(is_own)).cloned();
    let Some(own) = own else { return Ok(exchanges) };
    exchanges.hosts.retain(|host| host.preference < own.preference);
    if exchanges.hosts.is_empty() {
        let domain = &exchanges.next_hop.name;
        let message =
            format!("No mail server of {domain} is better than {}, which is this host itself.", own.host);
        return Err(Failure::new(FailureCode::MxLoop, message).rfc("RFC 5321 5.1"));
    }
    exchanges.ourselves = Some(own);
    Ok(exchanges)
}

impl From<&Mx> for Exchange {
    fn from(mx: &Mx) -> Self {
        // The colon of an IPv6 address is escaped in a name (RFC 1035 §5.1).
        let text = mx.exchange.replace(r"\:", ":");
        let failure = text.parse::<IpAddr>().is_ok().then(|| {
            let message = format!("The MX record names the IP address {text} instead of a host.");
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
    fn smtp_18_the_list_ends_before_ourselves() {
        let implicit = |expanded: Option<&str>| {
            let alias = expanded.map(|target| Alias {
                name: "d.example".into(),
                target: target.into(),
                kind: AliasKind::Cname,
                status: Status::Secure,
            });
            let aliases = alias.into_iter().collect();
            Ok(Answer { status: Status::Secure, outcome: Outcome::NoData, aliases })
        };
        let looped = || Err(FailureCode::MxLoop);
        let three = || records(&[(10, "a"), (20, "b"), (30, "c")]);
        for (mx, own, expected, why) in [
            (three(), &["a"][..], looped(), "the best one: none is left"),
            (records(&[(10, "b"), (10, "a")]), &["a"], looped(), "nor is another of the same preference"),
            (implicit(None), &["d.example"], looped(), "the implicit MX"),
            (implicit(Some("e.example")), &["e.example"], looped(), "under the name that its alias leads to"),
            (implicit(Some("e.example")), &["d.example"], looped(), "or that it had before"),
            (records(&[(10, "192.0.2.1"), (10, "a")]), &["a"], looped(), "what cannot be used goes too"),
            (three(), &["b"], Ok(vec!["a"]), "in the middle: the worse one goes too"),
            (three(), &["c"], Ok(vec!["a", "b"]), "the last one"),
            (
                records(&[(30, "c"), (20, "x"), (20, "b"), (10, "a")]),
                &["b"],
                Ok(vec!["a"]),
                "its preference, in any order of the answer",
            ),
            (three(), &["c", "b"], Ok(vec!["a"]), "of two names the better one ends the list"),
            (records(&[(10, "a"), (20, "MX.d.example")]), &["mx.D.example"], Ok(vec!["a"]), "case is folded"),
            (three(), &["b.example", "xb"], Ok(vec!["a", "b", "c"]), "a name is the whole name"),
            (three(), &[], Ok(vec!["a", "b", "c"]), "no name of ours"),
            (implicit(Some("e.example")), &["f.example"], Ok(vec!["d.example"]), "not ourselves"),
        ] {
            let found = exchanges("d.example", &mx).unwrap();
            let is_shorter = |left: &Exchanges| left.hosts.len() < found.hosts.len();
            let left = before_ourselves(found.clone(), own);
            if let Ok(left) = &left {
                assert_eq!(left.ourselves.is_some(), is_shorter(left), "{why}");
            }
            let names = left.map(|left| left.hosts.into_iter().map(|host| host.host).collect::<Vec<_>>());
            let expected = expected.map(|hosts| hosts.into_iter().map(str::to_owned).collect());
            assert_eq!(names.map_err(|failure| failure.code), expected, "{why}");
        }
        let failure = before_ourselves(exchanges("d.example", &three()).unwrap(), &["a"]).unwrap_err();
        assert_eq!((failure.verdict(), failure.enhanced_status.as_str()), (crate::Verdict::Bounce, "5.4.6"));
    }

    #[test]
    fn d72_31_loop_prevention_outranks_channel_security() {
        // The list that is left is the same whatever the answer is worth; which hosts have TLSA records is not asked.
        for status in [Status::Secure, Status::Insecure] {
            let mut mx = records(&[(10, "plain"), (20, "ourselves"), (20, "dane"), (30, "dane-too")]);
            mx.as_mut().unwrap().status = status;
            let left = before_ourselves(exchanges("d.example", &mx).unwrap(), &["ourselves"]).unwrap();
            let hosts: Vec<_> = left.hosts.iter().map(|host| host.host.as_str()).collect();
            assert_eq!((left.status, hosts), (status, vec!["plain"]));
            assert_eq!(left.ourselves.unwrap().host, "ourselves");
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
            let failure = exchanges("d.example", &Err(LookupError::new(kind, ""))).unwrap_err();
            assert_eq!(failure.verdict(), crate::Verdict::Defer, "{kind}");
            assert_eq!(failure.code, FailureCode::from(kind));
        }
    }

    #[test]
    fn d72_28_an_ip_address_is_no_host() {
        for address in ["192.0.2.1", "2001:db8::1", r"2001\:db8\:\:1"] {
            let list = exchanges("d.example", &records(&[(10, address), (20, "a")])).unwrap();
            let code = list.hosts[0].failure.as_ref().map(|failure| failure.code);
            assert_eq!(code, Some(FailureCode::IpAddressMx), "{address}");
            assert_eq!(list.hosts[1].failure, None);
        }
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
