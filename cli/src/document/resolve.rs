//! `mxtls resolve`.

use mx_resolve::{MtaStsReport, PolicySource, Resolution};
use mxtls_policy::{Explanation, Failure, MxSource, Requirement, Status};
use serde::Serialize;

use super::host::HostDocument;

#[derive(Debug, Serialize)]
pub(crate) struct ResolveDocument {
    pub(crate) results: Vec<ResolvedDestination>,
}

/// With `--dane-only`: one host is the result.
#[derive(Debug, Serialize)]
pub(crate) struct DaneDocument {
    pub(crate) results: [HostDocument; 1],
}

#[derive(Debug, Serialize)]
pub(crate) struct ResolvedDestination {
    pub(crate) domain: String,
    pub(crate) next_hop: String,
    pub(crate) mx_source: MxSource,
    pub(crate) mx_status: Option<Status>,
    pub(crate) mta_sts: Option<MtaStsSummary>,
    pub(crate) hosts: Vec<HostDocument>,
    pub(crate) failure: Option<Failure>,
    pub(crate) explain: Vec<Explanation>,
}

#[derive(Debug, Serialize)]
pub(crate) struct MtaStsSummary {
    /// The record's text as it was found.
    record: Option<String>,
    id: Option<String>,
    pub(crate) mode: Option<&'static str>,
    max_age: Option<u32>,
    mx: Vec<String>,
    pub(crate) source: PolicySource,
    pub(crate) failure: Option<Failure>,
}

impl ResolvedDestination {
    pub(crate) fn new(resolution: &Resolution, requirement: Requirement) -> Self {
        Self {
            domain: resolution.destination.to_string(),
            next_hop: resolution.next_hop.clone(),
            mx_source: resolution.mx_source,
            mx_status: resolution.mx_status,
            mta_sts: resolution.mta_sts.as_ref().map(MtaStsSummary::from),
            hosts: resolution.hosts.iter().map(|host| HostDocument::new(host, requirement)).collect(),
            failure: resolution.failure.clone(),
            explain: resolution.explain.clone(),
        }
    }
}

impl From<&MtaStsReport> for MtaStsSummary {
    fn from(report: &MtaStsReport) -> Self {
        let (record, policy) = (report.record.as_ref(), report.policy.as_ref());
        Self {
            record: record.map(|record| record.text().to_owned()),
            id: report.id.clone().or_else(|| record.map(|record| record.id().to_owned())),
            mode: policy.map(|policy| policy.mode().as_str()),
            max_age: policy.map(|policy| policy.max_age().seconds()),
            mx: policy.map_or(vec![], |policy| policy.mx().iter().map(ToString::to_string).collect()),
            source: report.source,
            failure: report.failure.clone(),
        }
    }
}
