//! Finding the MTA-STS policy of a domain (RFC 8461 §3, §5.1).

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use hickory_proto::rr::{RData, RecordType};
use mta_sts::{
    AddressLookup, Addresses, FetchError, Fetcher, Lint, Policy, PolicyCache, PolicyError, RecordError, Step,
    StsRecord, select_record,
};
use mxtls_policy::{
    Explanation, Failure, FailureCode, Found, HostEvidence, MtaStsEvidence, MxSource, NextHop, Outcome,
    Status, addresses as joined,
};
use rustls_pki_types::{CertificateDer, UnixTime};
use serde::Serialize;

use crate::{
    address_limits::AddressLimits,
    destination::Domain,
    dns::Dns,
    families::Families,
    host,
    lock::lock,
    resolver::{BuildError, MxResolver},
};

/// What MTA-STS says about one domain, and how that was found out.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MtaStsReport {
    /// The record found in DNS.
    pub record: Option<StsRecord>,
    /// The status of the record's answer; `None` where the look-up failed.
    pub record_status: Option<Status>,
    /// The policy that applies.
    pub policy: Option<Policy>,
    /// The id under which that policy was fetched, which may differ from the record's.
    pub id: Option<String>,
    /// Where the policy comes from.
    pub source: PolicySource,
    /// What is odd in the policy file, where it was fetched now.
    pub lints: Vec<Lint>,
    /// What went wrong; a policy from the cache may apply all the same.
    pub failure: Option<Failure>,
    /// What is wrong with the record, or with the policy file, where that is the failure.
    pub fault: Option<MtaStsFault>,
    /// Why the record could not be had, in lines for people.
    reasons: Vec<String>,
}

/// What is wrong with what a domain publishes.
#[derive(Clone, Debug)]
pub enum MtaStsFault {
    /// With its `_mta-sts` records.
    Record(RecordError),
    /// With its policy file, and where.
    Policy(PolicyError),
}

/// Where a policy comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicySource {
    /// It was fetched for this question.
    Fetched,
    /// It was known already.
    Cache,
    /// There is none.
    None,
}

impl MxResolver {
    /// The MTA-STS policy of a domain.
    pub async fn mta_sts(&self, domain: &Domain) -> MtaStsReport {
        let inner = self.inner();
        inner.mta_sts.find(&inner.dns, domain.as_str()).await.1
    }
}

/// How policy hosts are reached.
#[derive(Clone, Debug, Default)]
pub(crate) struct PolicyHosts {
    pub(crate) port: Option<u16>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) at: Option<UnixTime>,
}

/// Policies known, and the means to fetch more.
pub(crate) struct MtaSts {
    fetcher: Fetcher,
    cache: Mutex<PolicyCache>,
}

impl MtaSts {
    pub(crate) fn new(
        hosts: PolicyHosts,
        roots: Option<Vec<CertificateDer<'static>>>,
        dns: Arc<Dns>,
        families: Families,
        limits: AddressLimits,
    ) -> Result<Self, BuildError> {
        let mut builder = Fetcher::builder().addresses(PolicyHostAddresses { dns, families, limits });
        if let Some(roots) = roots {
            builder = builder.roots(roots);
        }
        if let Some(port) = hosts.port {
            builder = builder.port(port);
        }
        if let Some(timeout) = hosts.timeout {
            builder = builder.timeout(timeout);
        }
        if let Some(at) = hosts.at {
            builder = builder.at(at);
        }
        let fetcher = builder.build().map_err(BuildError::PolicyFetcher)?;
        Ok(Self { fetcher, cache: Mutex::new(PolicyCache::default()) })
    }

    pub(crate) async fn find(&self, dns: &Arc<Dns>, domain: &str) -> (MtaStsEvidence, MtaStsReport) {
        let mut report = MtaStsReport::none();
        // An error can mean that mail goes out as if there were no policy: it holds for this attempt alone.
        let txt = host::lookup_again(dns, &format!("_mta-sts.{domain}"), RecordType::TXT, |data| {
            let RData::TXT(txt) = data else { return None };
            // §3.1: the strings of one record are joined without anything between them.
            Some(txt.txt_data.concat())
        })
        .await;
        let answer = match txt {
            Ok(answer) => answer,
            Err(error) => {
                report.failure = Some(error.failure(&format!("_mta-sts.{domain} TXT")).rfc("RFC 8461 3.3"));
                report.reasons.clone_from(&error.explanation);
                let cached = self.cached(domain, &mut report);
                return (MtaStsEvidence::after_lookup_error(domain, &error, cached), report);
            }
        };
        report.record_status = Some(answer.status);
        let records = match answer.outcome {
            Outcome::Records(records) => records,
            Outcome::NoData | Outcome::NoSuchName => vec![],
        };
        match select_record(&records) {
            Ok(record) => report.record = record,
            Err(error) => {
                let failure = Failure::new(
                    FailureCode::PolicyRecordInvalid,
                    format!("The MTA-STS record is invalid: {error}."),
                );
                report.failure = Some(failure.rfc(error.rfc()));
                report.fault = Some(MtaStsFault::Record(error));
            }
        }
        let evidence = self.policy(domain, &mut report).await;
        (evidence, report)
    }

    /// §3.3, §5.1: the cached policy while its id is the record's, a new one otherwise, and what is cached when that
    /// cannot be had.
    async fn policy(&self, domain: &str, report: &mut MtaStsReport) -> MtaStsEvidence {
        let now = SystemTime::now();
        let (fetch, wait) = match lock(&self.cache).next_step(domain, report.record.as_ref(), now) {
            Step::Fetch { .. } => (true, false),
            Step::Wait { .. } => (false, true),
            Step::NoPolicy | Step::UseCached(_) => (false, false),
        };
        if let (true, Some(record)) = (fetch, &report.record) {
            let id = record.id().to_owned();
            match self.fetcher.fetch(domain).await {
                Ok(parsed) => {
                    lock(&self.cache).insert(domain, &id, parsed.policy.clone(), now);
                    report.lints = parsed.lints;
                    report.applies(id, parsed.policy.clone(), PolicySource::Fetched);
                    return MtaStsEvidence::Policy(parsed.policy);
                }
                // Nothing was asked, and the domain is not to blame: mail must not go out as if it had no policy.
                Err(FetchError::Setup(error)) => {
                    let failure = no_roots(domain, &error);
                    report.failure = Some(failure.clone());
                    return match self.cached(domain, report) {
                        Some(policy) => MtaStsEvidence::Policy(policy),
                        None => MtaStsEvidence::Failed(failure),
                    };
                }
                Err(error) => {
                    lock(&self.cache).note_failure(domain, &id, now);
                    report.failure = Some(fetch_failure(domain, &error));
                    if let FetchError::Policy(error) = error {
                        report.fault = Some(MtaStsFault::Policy(error));
                    }
                }
            }
        }
        if wait {
            let message = format!(
                "Fetching the MTA-STS policy of {domain} failed minutes ago and is not tried again yet."
            );
            report.failure = Some(Failure::new(FailureCode::PolicyFetch, message).rfc("RFC 8461 3.3"));
        }
        self.cached(domain, report).map_or(MtaStsEvidence::NoPolicy, MtaStsEvidence::Policy)
    }

    /// The policy kept for the domain, unless it has expired.
    fn cached(&self, domain: &str, report: &mut MtaStsReport) -> Option<Policy> {
        let cache = lock(&self.cache);
        let cached = cache.get(domain, SystemTime::now())?;
        report.applies(cached.id().to_owned(), cached.policy().clone(), PolicySource::Cache);
        Some(cached.policy().clone())
    }
}

impl MtaStsReport {
    /// Nothing was asked, or nothing found.
    pub(crate) fn none() -> Self {
        Self {
            record: None,
            record_status: None,
            policy: None,
            id: None,
            source: PolicySource::None,
            lints: vec![],
            failure: None,
            fault: None,
            reasons: vec![],
        }
    }

    fn applies(&mut self, id: String, policy: Policy, source: PolicySource) {
        self.id = Some(id);
        self.policy = Some(policy);
        self.source = source;
    }

    pub(crate) fn explanation(&self, domain: &str) -> Explanation {
        let policy = match (&self.policy, self.source) {
            (Some(policy), PolicySource::Cache) => format!("mode {} from the cache", policy.mode()),
            (Some(policy), PolicySource::Fetched | PolicySource::None) => format!("mode {}", policy.mode()),
            (None, _) => "no policy".to_owned(),
        };
        let result = match &self.failure {
            Some(failure) => format!("{policy} ({failure})"),
            None => policy,
        };
        let subject = format!("_mta-sts.{domain} TXT");
        let reasons = crate::explain::reasons(&subject, &self.reasons);
        let step = Explanation::new("mta-sts", &subject, result).rfc("RFC 8461 3").children(reasons);
        match self.record_status {
            Some(status) => step.status(status),
            None => step,
        }
    }
}

fn no_roots(domain: &str, error: &mta_sts::BuildError) -> Failure {
    let message = format!("The MTA-STS policy of {domain} cannot be authenticated here.");
    Failure::new(FailureCode::CertificateUntrusted, message).rfc("RFC 8461 3.3").detail(error)
}

fn fetch_failure(domain: &str, error: &FetchError) -> Failure {
    let code = if matches!(error, FetchError::Policy(_)) {
        FailureCode::PolicyInvalid
    } else if matches!(error, FetchError::Certificate { .. }) {
        FailureCode::PolicyFetchWebPki
    } else {
        FailureCode::PolicyFetch
    };
    let message = format!("The MTA-STS policy of {domain} could not be had: {error}");
    // What a look-up failed of is a sentence already.
    let message = format!("{}.", message.trim_end_matches('.'));
    let failure = Failure::new(code, message).rfc("RFC 8461 3.3");
    let FetchError::Lookup { source } = error else { return failure };
    match source.downcast_ref::<Failure>().and_then(|lookup| lookup.detail.as_ref()) {
        Some(detail) => failure.detail(detail),
        None => failure,
    }
}

/// The addresses of policy hosts, by the same judged DNS as everything else.
struct PolicyHostAddresses {
    dns: Arc<Dns>,
    families: Families,
    limits: AddressLimits,
}

impl AddressLookup for PolicyHostAddresses {
    fn addresses(&self, policy_host: &str) -> Addresses {
        let (dns, families, host) = (Arc::clone(&self.dns), self.families, policy_host.to_owned());
        let limits = self.limits.clone();
        Box::pin(async move {
            let addresses = host::addresses_of(&dns, families, &host).await;
            let next_hop = NextHop { name: host.clone(), expanded: None, source: MxSource::Host };
            let evidence = HostEvidence {
                host,
                found: Found::Securely,
                next_hop,
                addresses,
                alias_check: None,
                tlsa: vec![],
            };
            Ok(limits.admit(&evidence.host, &joined(&evidence)?.list)?.addresses)
        })
    }
}
