//! `mxtls check`.

use mx_resolve::{Checked, HostReport};
use mxtls_policy::{Channel, Failure, PolicyKind, Verdict};
use serde::Serialize;

use super::{
    attempt::{self, AttemptDocument},
    resolve::ResolvedDestination,
};

#[derive(Debug, Serialize)]
pub(crate) struct CheckDocument {
    pub(crate) results: Vec<CheckedDestination>,
}

#[derive(Debug, Serialize)]
pub(crate) struct CheckedDestination {
    pub(crate) domain: String,
    pub(crate) verdict: Verdict,
    pub(crate) channel: Option<Channel>,
    pub(crate) policy: Option<PolicyKind>,
    pub(crate) host: Option<String>,
    pub(crate) failure: Option<Failure>,
    pub(crate) would_fail: Option<Failure>,
    pub(crate) hosts: Vec<CheckedHost>,
    pub(crate) resolve: ResolvedDestination,
}

#[derive(Debug, Serialize)]
pub(crate) struct CheckedHost {
    pub(crate) host: String,
    pub(crate) preference: u16,
    pub(crate) policy: Option<PolicyKind>,
    pub(crate) verdict: &'static str,
    pub(crate) channel: Option<Channel>,
    pub(crate) failure: Option<Failure>,
    pub(crate) attempts: Vec<AttemptDocument>,
}

impl CheckedDestination {
    pub(crate) fn new(resolve: ResolvedDestination, checked: &Checked) -> Self {
        let usable = checked.usable.as_ref();
        Self {
            domain: resolve.domain.clone(),
            verdict: checked.verdict,
            channel: usable.map(|usable| usable.channel),
            policy: usable.map(|usable| usable.policy),
            host: usable.map(|usable| usable.host.clone()),
            failure: checked.failure.clone(),
            would_fail: checked.would_fail.clone(),
            hosts: checked.hosts.iter().map(CheckedHost::from).collect(),
            resolve,
        }
    }
}

impl From<&HostReport> for CheckedHost {
    fn from(report: &HostReport) -> Self {
        Self {
            host: report.host.clone(),
            preference: report.preference,
            policy: report.policy,
            verdict: attempt::verdict(report.verdict),
            channel: report.channel,
            failure: report.failure.clone(),
            attempts: report.attempts.iter().map(AttemptDocument::from).collect(),
        }
    }
}
