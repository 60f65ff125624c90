//! `mxtls mta-sts DOMAIN`.

use std::collections::BTreeMap;

use mta_sts::{Lint, Policy, PolicyError, RecordError, StsRecord};
use mx_resolve::{MtaStsFault, MtaStsReport, Resolution};
use mxtls_policy::{Explanation, Failure};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct MtaStsDocument {
    pub(crate) domain: String,
    pub(crate) valid: bool,
    /// `None` where there is none, or the look-up failed.
    pub(crate) record: Option<RecordDocument>,
    /// `None` where none was fetched.
    pub(crate) policy: Option<PolicyDocument>,
    pub(crate) hosts: Vec<HeldHost>,
    pub(crate) lints: Vec<LintDocument>,
    pub(crate) failure: Option<Failure>,
    /// For people: among the steps, those of look-ups that failed say why.
    #[serde(skip)]
    pub(crate) explain: Vec<Explanation>,
}

#[derive(Debug, Serialize)]
pub(crate) struct RecordDocument {
    valid: bool,
    pub(crate) id: Option<String>,
    extensions: BTreeMap<String, String>,
    pub(crate) error: Option<ErrorDocument>,
}

#[derive(Debug, Serialize)]
pub(crate) struct PolicyDocument {
    valid: bool,
    pub(crate) mode: Option<&'static str>,
    pub(crate) max_age: Option<u32>,
    pub(crate) mx: Vec<String>,
    extensions: BTreeMap<String, String>,
    lints: Vec<LintDocument>,
    pub(crate) error: Option<ErrorDocument>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ErrorDocument {
    line: Option<usize>,
    column: Option<usize>,
    pub(crate) message: String,
    rfc: &'static str,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct LintDocument {
    code: &'static str,
    pub(crate) line: usize,
    pub(crate) message: String,
}

/// An MX host held against the patterns of the policy.
#[derive(Debug, Serialize)]
pub(crate) struct HeldHost {
    pub(crate) host: String,
    #[serde(rename = "match")]
    pub(crate) matches: bool,
    pub(crate) pattern: Option<String>,
}

impl MtaStsDocument {
    /// What was found of the domain's policy and of its MX hosts.
    pub(crate) fn new(domain: String, report: &MtaStsReport, resolution: &Resolution) -> Self {
        let lints: Vec<LintDocument> = report.lints.iter().map(LintDocument::from).collect();
        let record = match (&report.record, &report.fault) {
            (Some(record), _) => Some(record.into()),
            (None, Some(MtaStsFault::Record(error))) => Some(RecordDocument::invalid(error)),
            (None, Some(MtaStsFault::Policy(_)) | None) => None,
        };
        let policy = match (&report.policy, &report.fault) {
            (Some(policy), _) => Some(PolicyDocument::new(policy, lints.clone())),
            (None, Some(MtaStsFault::Policy(error))) => Some(PolicyDocument::invalid(error)),
            (None, Some(MtaStsFault::Record(_)) | None) => None,
        };
        let held = resolution.hosts.iter().map(|host| {
            let pattern = report.policy.as_ref().and_then(|policy| policy.matching(&host.hostname));
            HeldHost {
                host: host.hostname.clone(),
                matches: pattern.is_some(),
                pattern: pattern.map(ToString::to_string),
            }
        });
        let steps = resolution.explain.iter();
        let explain = steps.filter(|step| ["mx-lookup", "mta-sts"].contains(&step.step.as_str()));
        Self {
            domain,
            valid: report.policy.is_some(),
            record,
            policy,
            hosts: held.collect(),
            lints,
            failure: report.failure.clone(),
            explain: explain.cloned().collect(),
        }
    }
}

impl RecordDocument {
    fn invalid(error: &RecordError) -> Self {
        Self { valid: false, id: None, extensions: BTreeMap::new(), error: Some(error.into()) }
    }
}

impl From<&StsRecord> for RecordDocument {
    fn from(record: &StsRecord) -> Self {
        Self {
            valid: true,
            id: Some(record.id().to_owned()),
            extensions: owned(record.extensions()),
            error: None,
        }
    }
}

impl PolicyDocument {
    fn new(policy: &Policy, lints: Vec<LintDocument>) -> Self {
        Self {
            valid: true,
            mode: Some(policy.mode().as_str()),
            max_age: Some(policy.max_age().seconds()),
            mx: policy.mx().iter().map(ToString::to_string).collect(),
            extensions: owned(policy.extensions()),
            lints,
            error: None,
        }
    }

    fn invalid(error: &PolicyError) -> Self {
        Self {
            valid: false,
            mode: None,
            max_age: None,
            mx: vec![],
            extensions: BTreeMap::new(),
            lints: vec![],
            error: Some(error.into()),
        }
    }
}

/// A record has no lines: where it is malformed stands in the message.
impl From<&RecordError> for ErrorDocument {
    fn from(error: &RecordError) -> Self {
        Self { line: None, column: None, message: error.to_string(), rfc: error.rfc() }
    }
}

impl From<&PolicyError> for ErrorDocument {
    fn from(error: &PolicyError) -> Self {
        let message = error.fault.to_string();
        Self { line: Some(error.line), column: Some(error.column), message, rfc: error.rfc() }
    }
}

impl From<&Lint> for LintDocument {
    fn from(lint: &Lint) -> Self {
        Self { code: lint.code.as_str(), line: lint.line, message: lint.message.clone() }
    }
}

fn owned<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
