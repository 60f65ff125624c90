//! From a destination to its servers and their policies.

use std::net::IpAddr;

use futures_util::{StreamExt, future::join, stream};
use hickory_proto::rr::{RData, RecordType};
use mxtls_policy::{
    Exchange, Exchanges, Explanation, Failure, Found, HostEvidence, Lookup, MtaStsEvidence, Mx, MxSource,
    NextHop, Outcome, Status, before_ourselves, exchanges,
};
use rand::{Rng, seq::SliceRandom};

use crate::{
    destination::{Destination, Domain},
    dns::name_text,
    explain, host,
    record::SecureMxRecord,
    resolver::{Inner, MxResolver},
};

/// Hosts looked up at the same time.
const HOSTS_AT_ONCE: usize = 10;

/// All that is known about a destination before any connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Resolution {
    /// What was asked for.
    pub destination: Destination,
    /// The name after its aliases, as far as they are known; the host or address where that was named.
    pub next_hop: String,
    /// Where the servers come from, or were to come from.
    pub mx_source: MxSource,
    /// The status of the MX records, or of their denial; `None` where none were asked for or the look-up failed.
    pub mx_status: Option<Status>,
    /// What MTA-STS says; `None` for literals. Nothing is asked for a domain without servers.
    #[cfg(feature = "mta-sts")]
    pub mta_sts: Option<crate::MtaStsReport>,
    /// The servers, best first.
    pub hosts: Vec<SecureMxRecord>,
    /// Why there are no servers at all.
    pub failure: Option<Failure>,
    /// The steps that were taken.
    pub explain: Vec<Explanation>,
}

impl Resolution {
    /// No server, and why; what the MX answer says beyond that is kept.
    fn failed(
        destination: &Destination,
        domain: &Domain,
        mx: &Lookup<Vec<Mx>>,
        failure: Failure,
        explain: Vec<Explanation>,
    ) -> Self {
        let (expanded, mx_status, mx_source) = match mx {
            Ok(answer) => {
                let source = match answer.outcome {
                    Outcome::NoData => MxSource::Implicit,
                    Outcome::Records(_) | Outcome::NoSuchName => MxSource::Mx,
                };
                (answer.expanded(), Some(answer.status), source)
            }
            Err(_) => (None, None, MxSource::Mx),
        };
        Self {
            destination: destination.clone(),
            next_hop: expanded.map_or_else(|| domain.to_string(), str::to_owned),
            mx_source,
            mx_status,
            #[cfg(feature = "mta-sts")]
            mta_sts: Some(crate::MtaStsReport::none()),
            hosts: vec![],
            failure: Some(failure),
            explain,
        }
    }
}

impl MxResolver {
    /// Finds the servers of a destination and the policy of each.
    pub async fn resolve(&self, destination: &Destination) -> Resolution {
        match destination {
            Destination::Domain(domain) => self.resolve_domain(destination, domain).await,
            Destination::Host { host, port } => self.resolve_host(destination, host, *port).await,
            Destination::Literal(address) => self.resolve_literal(destination, *address),
        }
    }

    /// The servers of a mail domain, best first, each with its policy or the reason why it is unreachable.
    ///
    /// # Errors
    /// No server can be named: the MX look-up failed, the domain does not exist, or it accepts no mail. A text that is
    /// no domain is an error of the same kind as one that does not exist.
    pub async fn resolve_secure_mx(&self, domain: &str) -> Result<Vec<SecureMxRecord>, Failure> {
        let domain = Domain::parse(domain)
            .map_err(|error| Failure::new(mxtls_policy::FailureCode::NoSuchDomain, error.to_string()))?;
        let resolution = self.resolve(&Destination::Domain(domain)).await;
        match resolution.failure {
            Some(failure) => Err(failure),
            None => Ok(resolution.hosts),
        }
    }

    /// The DANE side of one host that the caller names: addresses, TLSA records, and the policy that follows from them
    /// alone. The records in force are those of [`SecurityPolicy::tlsa_records`](mxtls_policy::SecurityPolicy).
    pub async fn check_dane(&self, host: &Domain, port: u16) -> SecureMxRecord {
        let next_hop = NextHop { name: host.to_string(), expanded: None, source: MxSource::Host };
        let evidence = host::gather(self.inner(), host.as_str(), port, Found::Securely, next_hop).await;
        SecureMxRecord::decide(self.inner(), 0, port, &evidence, &MtaStsEvidence::NoPolicy)
    }

    async fn resolve_domain(&self, destination: &Destination, domain: &Domain) -> Resolution {
        let subject = format!("{domain} MX");
        let mx = self.mx(domain).await;
        let mut steps = vec![explain::lookup("mx-lookup", &subject, &mx, "RFC 5321 5.1")];
        let Inner { own_names, max_hosts, .. } = self.inner();
        let found = exchanges(domain.as_str(), &mx).and_then(|found| before_ourselves(found, own_names));
        let mut found = match found {
            Ok(found) => found,
            Err(failure) => return Resolution::failed(destination, domain, &mx, failure, steps),
        };
        shuffle(&mut found.hosts, &mut self.inner().rng());
        steps.extend(explain::ourselves(&found));
        steps.extend(explain::host_limit(&subject, found.hosts.len(), *max_hosts));
        found.hosts.truncate(*max_hosts);
        let ((evidence, report), gathered) =
            join(self.find_mta_sts(domain.as_str()), self.gather(&found)).await;
        steps.extend(mta_sts_step(domain.as_str(), &report));
        let hosts = gathered
            .iter()
            .zip(&found.hosts)
            .map(|(gathered, exchange)| self.decide(&found, exchange, gathered, &evidence));
        let hosts: Vec<SecureMxRecord> = hosts.collect();
        steps.extend(hosts.iter().flat_map(|host| host.explain.clone()));
        Resolution {
            destination: destination.clone(),
            next_hop: found.next_hop.expanded.unwrap_or(found.next_hop.name),
            mx_source: found.source,
            mx_status: Some(found.status),
            #[cfg(feature = "mta-sts")]
            mta_sts: Some(report),
            hosts,
            failure: None,
            explain: steps,
        }
    }

    async fn resolve_host(&self, destination: &Destination, host: &Domain, port: Option<u16>) -> Resolution {
        let next_hop = NextHop { name: host.to_string(), expanded: None, source: MxSource::Host };
        let port = port.unwrap_or(self.inner().port);
        // RFC 8461 §3.4: for a smart host its own name is the policy domain.
        let ((evidence, report), gathered) = join(
            self.find_mta_sts(host.as_str()),
            host::gather(self.inner(), host.as_str(), port, Found::Securely, next_hop),
        )
        .await;
        let record = SecureMxRecord::decide(self.inner(), 0, port, &gathered, &evidence);
        let mut steps: Vec<Explanation> = mta_sts_step(host.as_str(), &report).into_iter().collect();
        steps.extend(record.explain.clone());
        Resolution {
            destination: destination.clone(),
            next_hop: host.to_string(),
            mx_source: MxSource::Host,
            mx_status: None,
            #[cfg(feature = "mta-sts")]
            mta_sts: Some(report),
            hosts: vec![record],
            failure: None,
            explain: steps,
        }
    }

    fn resolve_literal(&self, destination: &Destination, address: IpAddr) -> Resolution {
        let record = SecureMxRecord::literal(self.inner(), address);
        Resolution {
            destination: destination.clone(),
            next_hop: address.to_string(),
            mx_source: MxSource::Literal,
            mx_status: None,
            #[cfg(feature = "mta-sts")]
            mta_sts: None,
            explain: record.explain.clone(),
            hosts: vec![record],
            failure: None,
        }
    }

    async fn mx(&self, domain: &Domain) -> Lookup<Vec<Mx>> {
        host::lookup(&self.inner().dns, domain.as_str(), RecordType::MX, |data| {
            let RData::MX(mx) = data else { return None };
            Some(Mx { preference: mx.preference, exchange: name_text(&mx.exchange) })
        })
        .await
    }

    /// The evidence about every host, or why its MX record already makes it unusable.
    async fn gather(&self, found: &Exchanges) -> Vec<Result<HostEvidence, Failure>> {
        let hosts: Vec<_> = found.hosts.iter().map(|exchange| self.gather_host(found, exchange)).collect();
        stream::iter(hosts).buffered(HOSTS_AT_ONCE).collect().await
    }

    async fn gather_host(&self, domain: &Exchanges, exchange: &Exchange) -> Result<HostEvidence, Failure> {
        if let Some(failure) = &exchange.failure {
            return Err(failure.clone());
        }
        let (inner, found) = (self.inner(), Found::from(domain.status));
        Ok(host::gather(inner, &exchange.host, inner.port, found, domain.next_hop.clone()).await)
    }

    fn decide(
        &self,
        domain: &Exchanges,
        exchange: &Exchange,
        evidence: &Result<HostEvidence, Failure>,
        mta_sts: &MtaStsEvidence,
    ) -> SecureMxRecord {
        let Exchange { preference, host, .. } = exchange;
        let port = self.inner().port;
        match evidence {
            Ok(evidence) => SecureMxRecord::decide(self.inner(), *preference, port, evidence, mta_sts),
            Err(failure) => {
                SecureMxRecord::unusable(host, *preference, port, Found::from(domain.status), failure.clone())
            }
        }
    }

    #[cfg(feature = "mta-sts")]
    async fn find_mta_sts(&self, domain: &str) -> (MtaStsEvidence, crate::MtaStsReport) {
        self.inner().mta_sts.find(&self.inner().dns, domain).await
    }

    #[cfg(not(feature = "mta-sts"))]
    async fn find_mta_sts(&self, _domain: &str) -> (MtaStsEvidence, NoReport) {
        (MtaStsEvidence::NoPolicy, NoReport)
    }
}

/// RFC 5321 §5.1: equal preferences in random order.
fn shuffle(hosts: &mut [Exchange], rng: &mut impl Rng) {
    for equal in hosts.chunk_by_mut(|one, other| one.preference == other.preference) {
        equal.shuffle(rng);
    }
}

#[cfg(feature = "mta-sts")]
fn mta_sts_step(domain: &str, report: &crate::MtaStsReport) -> Option<Explanation> {
    Some(report.explanation(domain))
}

#[cfg(not(feature = "mta-sts"))]
struct NoReport;

#[cfg(not(feature = "mta-sts"))]
fn mta_sts_step(_domain: &str, _report: &NoReport) -> Option<Explanation> {
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hickory_proto::rr::{
        Name, Record,
        rdata::{A, MX},
    };
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;
    use crate::{resolver::Dnssec, scripted::Scripted};

    #[test]
    fn smtp_16_every_order_of_equal_preferences_is_as_likely_as_any_other() {
        const SEEDS: u64 = 2400;
        let host =
            |(preference, host): (u16, &str)| Exchange { preference, host: host.into(), failure: None };
        let hosts = [(5, "best"), (10, "a"), (10, "b"), (10, "c"), (20, "worst")].map(host);
        let mut orders = BTreeMap::new();
        for seed in 0..SEEDS {
            let mut shuffled = hosts.clone();
            shuffle(&mut shuffled, &mut StdRng::seed_from_u64(seed));
            let again = &mut hosts.clone();
            shuffle(again, &mut StdRng::seed_from_u64(seed));
            assert_eq!(shuffled, *again, "a seed makes it repeatable");
            let names = shuffled.map(|host| host.host);
            assert_eq!(
                (names[0].as_str(), names[4].as_str()),
                ("best", "worst"),
                "the preference comes first"
            );
            let count: &mut u64 = orders.entry(names).or_default();
            *count += 1;
        }
        assert_eq!(orders.len(), 6, "{orders:?}");
        // A binomial count of mean 400: five of its deviations are 91.
        for (order, count) in orders {
            assert!(count.abs_diff(SEEDS / 6) <= 91, "{order:?}: {count}");
        }
    }

    #[tokio::test]
    async fn smtp_17_hosts_and_addresses_are_bounded_and_that_is_said() {
        let server = Scripted::start(|asked| {
            let mut answer = asked.response();
            let name = asked.name();
            let data: Vec<RData> = if asked.record_type() == RecordType::A {
                (1..=20).map(|n| RData::A(A::new(192, 0, 2, n))).collect()
            } else if asked.record_type() == RecordType::MX && asked.tcp {
                let host = |n| Name::from_ascii(format!("mx{n}.example.")).unwrap();
                (1..=70).map(|n| RData::MX(MX::new(n, host(n)))).collect()
            } else {
                // The MX records do not fit into a datagram; there are none of other types.
                answer.metadata.truncation = asked.record_type() == RecordType::MX;
                vec![]
            };
            answer.add_answers(data.into_iter().map(|data| Record::from_rdata(name.clone(), 60, data)));
            vec![answer.into()]
        })
        .await;
        let anchor = "signed. IN DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000";
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), anchor).unwrap();
        let resolver = || {
            let builder = MxResolver::builder().upstream(server.address).trust_anchor_file(file.path());
            builder.dnssec(Dnssec::Validate)
        };
        for (resolver, hosts, addresses, why) in [
            (resolver(), 64, 16, "the defaults"),
            (resolver().max_hosts(3).max_addresses(5), 3, 5, "the caller's"),
            (resolver().max_hosts(0).max_addresses(0), 1, 2, "one host and two addresses at the least"),
            (resolver().max_hosts(100).max_addresses(100), 70, 20, "all"),
        ] {
            let resolution = resolver.build().unwrap().resolve(&"example".parse().unwrap()).await;
            let named: Vec<_> = resolution.hosts.iter().map(|host| host.hostname.clone()).collect();
            let best: Vec<_> = (1..=hosts).map(|n| format!("mx{n}.example")).collect();
            assert_eq!(named, best, "{why}: {:?}", resolution.failure);
            assert!(resolution.hosts.iter().all(|host| host.addresses.len() == addresses), "{why}");
            let said = |step: &str| {
                let steps = resolution.explain.iter().filter(|said| said.step == step);
                steps.map(|said| said.result.clone()).collect::<Vec<_>>()
            };
            let of_hosts = format!("the best {hosts} of 70 hosts are looked at");
            assert_eq!(said("host-limit"), if hosts < 70 { vec![of_hosts] } else { vec![] }, "{why}");
            let of_addresses = format!("the first {addresses} of 20 addresses are used");
            assert_eq!(
                said("address-limit"),
                if addresses < 20 { vec![of_addresses; hosts] } else { vec![] },
                "{why}"
            );
        }
    }

    #[test]
    fn futures_may_move_between_threads() {
        fn is_send<T: Send>(_: &T) {}
        let resolver =
            MxResolver::builder().upstream(std::net::SocketAddr::from(([127, 0, 0, 1], 53))).build().unwrap();
        let destination = "example.com".parse().unwrap();
        is_send(&resolver.resolve(&destination));
        is_send(&resolver.resolve_secure_mx("example.com"));
        is_send(&resolver.check_dane(&Domain::parse("mx.example.com").unwrap(), 25));
    }
}
