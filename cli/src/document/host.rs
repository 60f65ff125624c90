//! A mail server as it was found: an element of `hosts` of `mxtls resolve`.

use std::net::IpAddr;

use mx_resolve::{Candidate, SecureMxRecord, TlsaOutcome};
use mxtls_policy::{CertificateCheck, Explanation, Failure, PolicyKind, Requirement, Status};
use serde::{Serialize, Serializer};

#[derive(Debug, Serialize)]
pub(crate) struct HostDocument {
    pub(crate) preference: u16,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) address_status: Option<Status>,
    pub(crate) policy: Option<PolicyKind>,
    pub(crate) policies: Vec<PolicyKind>,
    pub(crate) tls_mandatory: Option<bool>,
    #[serde(serialize_with = "check_or_none")]
    pub(crate) certificate_check: Option<CertificateCheck>,
    pub(crate) certificate_checks: Vec<CertificateCheck>,
    pub(crate) fallback: bool,
    pub(crate) tlsa_base: Option<String>,
    pub(crate) tlsa_status: Option<Status>,
    pub(crate) tlsa_outcome: Option<TlsaOutcome>,
    pub(crate) tlsa_candidates: Vec<Candidate>,
    pub(crate) tlsa: Vec<TlsaDocument>,
    pub(crate) reference_ids: Vec<String>,
    pub(crate) sni: Option<String>,
    pub(crate) failure: Option<Failure>,
    /// For people: among the steps, those of look-ups that failed say why.
    #[serde(skip)]
    pub(crate) explain: Vec<Explanation>,
}

#[derive(Debug, Serialize)]
pub(crate) struct TlsaDocument {
    pub(crate) usage: u8,
    pub(crate) selector: u8,
    pub(crate) matching: u8,
    pub(crate) data: String,
    pub(crate) usable: bool,
    pub(crate) reason: Option<String>,
    /// For people: `DANE-EE(3) SPKI(1) SHA2-256(1)`.
    #[serde(skip)]
    pub(crate) description: String,
}

impl HostDocument {
    /// The server as a sender sees it that asks for `requirement`.
    pub(crate) fn new(record: &SecureMxRecord, requirement: Requirement) -> Self {
        let (policy, failure) = match &record.policy {
            Ok(policy) => (Some(policy), usable(record, requirement).err()),
            Err(failure) => (None, Some(failure.clone())),
        };
        let tls_mandatory = policy.map(|policy| policy.is_tls_mandatory() || requirement.is_tls_mandatory());
        let checks = policy.map_or(&[][..], |policy| policy.certificate_checks());
        // No name is sent for an address (RFC 6066 §3).
        let named = record.hostname.parse::<IpAddr>().is_err();
        Self {
            preference: record.preference,
            host: record.hostname.clone(),
            port: record.port,
            addresses: record.addresses.clone(),
            address_status: record.address_status,
            policy: policy.map(|policy| policy.kind()),
            policies: policy.map_or(vec![], |policy| policy.kinds().to_vec()),
            tls_mandatory,
            certificate_check: checks.first().copied(),
            certificate_checks: checks.to_vec(),
            fallback: tls_mandatory == Some(false),
            tlsa_base: record.tlsa.base.clone(),
            tlsa_status: record.tlsa.status,
            tlsa_outcome: record.tlsa.outcome,
            tlsa_candidates: record.tlsa.candidates.clone(),
            tlsa: records(record),
            reference_ids: reference_ids(record, checks),
            sni: policy.filter(|_| named).map(|policy| policy.sni(&record.hostname).to_owned()),
            failure,
            explain: record.explain.clone(),
        }
    }
}

fn usable(record: &SecureMxRecord, requirement: Requirement) -> Result<(), Failure> {
    requirement.within_reach(record.usable()?)
}

/// The names of which the certificate must hold one, by the checks that are enforced.
fn reference_ids(record: &SecureMxRecord, checks: &[CertificateCheck]) -> Vec<String> {
    match checks {
        // RFC 8461 §4.1: the MX host's name alone.
        [CertificateCheck::WebPki] => vec![record.hostname.clone()],
        _ => record.tlsa.reference_ids.clone(),
    }
}

fn records(record: &SecureMxRecord) -> Vec<TlsaDocument> {
    let records = &record.tlsa.records;
    let reasons: Vec<Option<String>> = match record.tlsa.status {
        Some(Status::Secure) => {
            let reasons = record.tlsa.unusable.iter();
            reasons.map(|reason| reason.as_ref().map(ToString::to_string)).collect()
        }
        // RFC 7672 §2.1.1: anybody may have written them.
        Some(Status::Insecure) | None => vec![Some("insecure".to_owned()); records.len()],
    };
    let documents = records.iter().zip(reasons).map(|(record, reason)| TlsaDocument {
        usage: record.usage,
        selector: record.selector,
        matching: record.matching,
        data: record.data_hex(),
        usable: reason.is_none(),
        reason,
        description: record.description(),
    });
    documents.collect()
}

fn check_or_none<S: Serializer>(check: &Option<CertificateCheck>, serializer: S) -> Result<S::Ok, S::Error> {
    match check {
        Some(check) => check.serialize(serializer),
        None => serializer.serialize_str("none"),
    }
}
