//! From a destination to its servers and their policies.

use std::net::IpAddr;

use futures_util::{StreamExt, future::join, stream};
use hickory_proto::rr::{RData, RecordType};
use mxtls_policy::{
    Exchange, Exchanges, Explanation, Failure, Found, HostEvidence, Lookup, MtaStsEvidence, Mx, MxSource,
    NextHop, Status, exchanges,
};
use rand::seq::SliceRandom;

use crate::{
    destination::{Destination, Domain},
    dns::name_text,
    explain, host,
    record::SecureMxRecord,
    resolver::{Inner, MxResolver},
};

/// Hosts of one domain that are looked at: no honest domain has more, and each costs several look-ups.
const MAX_HOSTS: usize = 64;
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
        let (expanded, mx_status) = match mx {
            Ok(answer) => (answer.expanded(), Some(answer.status)),
            Err(_) => (None, None),
        };
        Self {
            destination: destination.clone(),
            next_hop: expanded.map_or_else(|| domain.to_string(), str::to_owned),
            mx_source: MxSource::Mx,
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
        let Inner { dns, families, profile, .. } = self.inner();
        let evidence = host::gather(dns, *families, host.as_str(), port, Found::Securely, next_hop).await;
        SecureMxRecord::decide(0, port, &evidence, &MtaStsEvidence::NoPolicy, *profile)
    }

    async fn resolve_domain(&self, destination: &Destination, domain: &Domain) -> Resolution {
        let subject = format!("{domain} MX");
        let mx = self.mx(domain).await;
        let mut steps = vec![explain::lookup("mx-lookup", &subject, &mx, "RFC 5321 5.1")];
        let mut found = match exchanges(domain.as_str(), &mx) {
            Ok(found) => found,
            Err(failure) => return Resolution::failed(destination, domain, &mx, failure, steps),
        };
        self.shuffle(&mut found.hosts);
        found.hosts.truncate(MAX_HOSTS);
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
        let Inner { dns, families, profile, port: default_port, .. } = self.inner();
        let next_hop = NextHop { name: host.to_string(), expanded: None, source: MxSource::Host };
        let port = port.unwrap_or(*default_port);
        // RFC 8461 §3.4: for a smart host its own name is the policy domain.
        let ((evidence, report), gathered) = join(
            self.find_mta_sts(host.as_str()),
            host::gather(dns, *families, host.as_str(), port, Found::Securely, next_hop),
        )
        .await;
        let record = SecureMxRecord::decide(0, port, &gathered, &evidence, *profile);
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
        let record = SecureMxRecord::literal(address, self.inner().port);
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

    /// RFC 5321 §5.1: equal preferences in random order.
    fn shuffle(&self, hosts: &mut [Exchange]) {
        let mut rng = self.inner().rng();
        for equal in hosts.chunk_by_mut(|one, other| one.preference == other.preference) {
            equal.shuffle(&mut rng);
        }
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
        let Inner { dns, families, port, .. } = self.inner();
        let found = Found::from(domain.status);
        Ok(host::gather(dns, *families, &exchange.host, *port, found, domain.next_hop.clone()).await)
    }

    fn decide(
        &self,
        domain: &Exchanges,
        exchange: &Exchange,
        evidence: &Result<HostEvidence, Failure>,
        mta_sts: &MtaStsEvidence,
    ) -> SecureMxRecord {
        let Exchange { preference, host, .. } = exchange;
        let (port, profile) = (self.inner().port, self.inner().profile);
        match evidence {
            Ok(evidence) => SecureMxRecord::decide(*preference, port, evidence, mta_sts, profile),
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
    use super::*;

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
