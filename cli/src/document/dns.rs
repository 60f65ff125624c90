//! `mxtls dns`.

use mx_resolve::DnsAnswer;
use mxtls_policy::{AliasKind, Failure, Outcome, Status};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct DnsDocument {
    pub(crate) results: Vec<DnsResult>,
}

#[derive(Debug, Serialize)]
pub(crate) struct DnsResult {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) record_type: String,
    pub(crate) status: Option<Status>,
    pub(crate) outcome: Option<&'static str>,
    pub(crate) records: Vec<String>,
    pub(crate) chain: Vec<AliasDocument>,
    pub(crate) ttl: Option<u32>,
    pub(crate) failure: Option<Failure>,
    /// With `--explain`: the zones walked, the signatures that held, the denials that counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proof: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct AliasDocument {
    pub(crate) name: String,
    pub(crate) alias: AliasKind,
    pub(crate) status: Status,
}

impl DnsResult {
    pub(crate) fn new(answer: &DnsAnswer, explain: bool) -> Self {
        let (found, failure) = match &answer.result {
            Ok(found) => (Some(found), None),
            Err(failure) => (None, Some(failure.clone())),
        };
        let (outcome, records) = match found.map(|found| &found.outcome) {
            Some(Outcome::Records(records)) => (Some("records"), records.clone()),
            Some(Outcome::NoData) => (Some("no-data"), vec![]),
            Some(Outcome::NoSuchName) => (Some("no-such-name"), vec![]),
            None => (None, vec![]),
        };
        let chain = found.into_iter().flat_map(|found| &found.aliases).map(|alias| AliasDocument {
            name: alias.name.clone(),
            alias: alias.kind,
            status: alias.status,
        });
        Self {
            name: answer.name.clone(),
            record_type: answer.record_type.clone(),
            status: found.map(|found| found.status),
            outcome,
            records,
            chain: chain.collect(),
            ttl: answer.ttl,
            failure,
            proof: explain.then(|| answer.proof.clone()),
        }
    }
}
