//! One mail server with the policy that it must meet.

use std::net::{IpAddr, SocketAddr};

use dane::{Digests, Profile};
use mxtls_policy::{
    Explanation, Failure, Found, HostEvidence, MtaStsEvidence, Outcome, SecurityPolicy, Status, TlsaFinding,
    addresses, decide, reference_ids, tlsa,
};
use serde::Serialize;

use crate::resolver::Inner;

/// A mail server, its place in the order, and what a session with it must meet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SecureMxRecord {
    /// The name as the MX record has it (A-labels, lower case, no trailing dot); the address for a literal.
    pub hostname: String,
    /// Lower is better; 0 for an implicit MX, a named host and a literal.
    pub preference: u16,
    /// The SMTP port.
    pub port: u16,
    /// How the server was found.
    pub found: Found,
    /// The addresses to connect to, in their order; empty where the look-ups failed or all are excluded.
    pub addresses: Vec<IpAddr>,
    /// The DNSSEC status of the addresses; `None` for a literal and where the look-ups failed.
    pub address_status: Option<Status>,
    /// The TLSA side.
    pub tlsa: TlsaReport,
    /// The policy, or why the server counts as unreachable: no connection may be made to it.
    pub policy: Result<SecurityPolicy, Failure>,
    /// The steps that led to the policy.
    pub explain: Vec<Explanation>,
}

impl SecureMxRecord {
    /// The policy of a server that may be connected to.
    ///
    /// # Errors
    /// The look-ups failed, or the policy itself does not admit the host (RFC 8461 §4.1).
    pub fn usable(&self) -> Result<&SecurityPolicy, Failure> {
        let policy = self.policy.as_ref().map_err(Clone::clone)?;
        policy.admits(&self.hostname)?;
        Ok(policy)
    }

    /// The addresses with the SMTP port.
    pub fn socket_addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.addresses.iter().map(|address| SocketAddr::new(*address, self.port))
    }
}

/// What was found out about a host's TLSA records.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TlsaReport {
    /// The TLSA base domain whose records are in force.
    pub base: Option<String>,
    /// The status of the answer that counted; `None` where nothing was asked or the look-up failed.
    pub status: Option<Status>,
    /// What the look-ups came to; `None` where one failed.
    pub outcome: Option<TlsaOutcome>,
    /// Every name that was asked, in order.
    pub candidates: Vec<Candidate>,
    /// The records of the answer that counted: in force where its status is secure, ignored where it is not.
    pub records: Vec<dane::TlsaRecord>,
    /// Why each of the records in force, in their order, does not count; `None` for those that do. Empty where none is in
    /// force.
    pub unusable: Vec<Option<dane::Unusable>>,
    /// The names that a certificate may carry where its names count, the primary one first.
    pub reference_ids: Vec<String>,
}

/// One candidate TLSA base domain.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Candidate {
    /// The base domain.
    pub name: String,
    /// The status of its answer; `None` where the look-up failed.
    pub status: Option<Status>,
    /// What the look-up came to; `None` where it failed.
    pub outcome: Option<TlsaOutcome>,
}

/// What TLSA look-ups come to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsaOutcome {
    /// There are records.
    Records,
    /// The name exists without them.
    NoData,
    /// The name does not exist.
    NoSuchName,
    /// DANE does not apply, so nothing was asked.
    NotAsked,
}

impl<T> From<&Outcome<T>> for TlsaOutcome {
    fn from(outcome: &Outcome<T>) -> Self {
        match outcome {
            Outcome::Records(_) => Self::Records,
            Outcome::NoData => Self::NoData,
            Outcome::NoSuchName => Self::NoSuchName,
        }
    }
}

impl SecureMxRecord {
    /// The decision on a host from all the evidence.
    pub(crate) fn decide(
        inner: &Inner,
        preference: u16,
        port: u16,
        evidence: &HostEvidence,
        mta_sts: &MtaStsEvidence,
    ) -> Self {
        let Inner { dane, address_limits, .. } = inner;
        let mut explain = crate::explain::host(evidence, port);
        let found = addresses(evidence);
        let (finding, admitted, address_status) = match &found {
            Ok(found) => {
                let admitted = address_limits.admit(&evidence.host, &found.list);
                (tlsa(evidence, found, *dane), admitted, Some(found.status))
            }
            Err(failure) => (Err(failure.clone()), Err(failure.clone()), None),
        };
        let (addresses, policy) = match admitted {
            Ok(admitted) => {
                explain.extend(admitted.explain);
                (admitted.addresses, decide(evidence, mta_sts, *dane))
            }
            Err(failure) => (vec![], Err(failure)),
        };
        explain.extend(crate::explain::lowered(evidence, *dane));
        explain.push(crate::explain::decision(&evidence.host, &policy));
        Self {
            hostname: evidence.host.clone(),
            preference,
            port,
            found: evidence.found,
            addresses,
            address_status,
            tlsa: TlsaReport::new(evidence, &finding, dane.profile),
            policy,
            explain,
        }
    }

    /// A host that cannot be used, whatever the look-ups would say.
    pub(crate) fn unusable(
        hostname: &str,
        preference: u16,
        port: u16,
        found: Found,
        failure: Failure,
    ) -> Self {
        let policy = Err(failure);
        let explain = vec![crate::explain::decision(hostname, &policy)];
        Self {
            hostname: hostname.to_owned(),
            preference,
            port,
            found,
            addresses: vec![],
            address_status: None,
            tlsa: TlsaReport::default(),
            policy,
            explain,
        }
    }

    /// An address that the caller names: neither DANE nor MTA-STS applies.
    pub(crate) fn literal(inner: &Inner, address: IpAddr) -> Self {
        let (hostname, port) = (address.to_string(), inner.port);
        if let Err(failure) = inner.address_limits.admit(&hostname, &[address]) {
            return Self::unusable(&hostname, 0, port, Found::Securely, failure);
        }
        let policy = Ok(SecurityPolicy::opportunistic());
        let explain = vec![crate::explain::decision(&hostname, &policy)];
        Self {
            hostname,
            preference: 0,
            port,
            found: Found::Securely,
            addresses: vec![address],
            address_status: None,
            tlsa: TlsaReport { outcome: Some(TlsaOutcome::NotAsked), ..TlsaReport::default() },
            policy,
            explain,
        }
    }
}

impl TlsaReport {
    fn new(evidence: &HostEvidence, finding: &Result<TlsaFinding, Failure>, profile: Profile) -> Self {
        let candidates = evidence.tlsa.iter().map(|candidate| match &candidate.result {
            Ok(answer) => Candidate {
                name: candidate.base.clone(),
                status: Some(answer.status),
                outcome: Some((&answer.outcome).into()),
            },
            Err(_) => Candidate { name: candidate.base.clone(), status: None, outcome: None },
        });
        let mut report = Self { candidates: candidates.collect(), ..Self::default() };
        match finding {
            Err(_) => {}
            Ok(TlsaFinding::NotAsked) => report.outcome = Some(TlsaOutcome::NotAsked),
            Ok(TlsaFinding::Records { base, records }) => {
                report.reference_ids = reference_ids(base, evidence);
                report.base = Some(base.clone());
                report.status = Some(Status::Secure);
                report.outcome = Some(TlsaOutcome::Records);
                report.unusable = dane::select(records, profile, &Digests::default()).reasons();
                report.records = records.clone();
            }
            Ok(TlsaFinding::None) => report.show_last_answer(evidence),
        }
        report
    }

    /// With no record in force: the insecure records that were found, or else the last denial.
    fn show_last_answer(&mut self, evidence: &HostEvidence) {
        for candidate in &evidence.tlsa {
            let Ok(answer) = &candidate.result else { continue };
            self.status = Some(answer.status);
            self.outcome = Some((&answer.outcome).into());
            if let Outcome::Records(records) = &answer.outcome {
                self.records = records.clone();
                return;
            }
        }
    }
}
