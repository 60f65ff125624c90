//! `mxtls send`.

use mx_resolve::RecipientReport;
use mxtls_policy::{Channel, Failure, PolicyKind, Verdict};
use mxtls_smtp_client::{Attempt, Mailbox};
use serde::Serialize;

use super::attempt::AttemptDocument;

#[derive(Debug, Serialize)]
pub(crate) struct SendDocument {
    pub(crate) envelopes: Vec<SentEnvelope>,
}

#[derive(Debug, Serialize)]
pub(crate) struct SentEnvelope {
    /// Empty for the null reverse-path.
    pub(crate) mail: String,
    /// In the order of the envelope.
    pub(crate) recipients: Vec<SentRecipient>,
    pub(crate) attempts: Vec<HostAttempt>,
}

#[derive(Debug, Serialize)]
pub(crate) struct SentRecipient {
    pub(crate) rcpt: String,
    pub(crate) verdict: Verdict,
    pub(crate) code: Option<u16>,
    enhanced_status: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) channel: Option<Channel>,
    pub(crate) policy: Option<PolicyKind>,
    pub(crate) text: Option<String>,
    pub(crate) failure: Option<Failure>,
}

#[derive(Debug, Serialize)]
pub(crate) struct HostAttempt {
    pub(crate) host: String,
    #[serde(flatten)]
    pub(crate) attempt: AttemptDocument,
}

impl SentRecipient {
    /// A recipient to whom nothing was sent.
    pub(crate) fn failed(rcpt: &Mailbox, failure: &Failure) -> Self {
        Self {
            rcpt: rcpt.to_string(),
            verdict: failure.verdict(),
            code: None,
            enhanced_status: None,
            host: None,
            channel: None,
            policy: None,
            text: None,
            failure: Some(failure.clone()),
        }
    }
}

impl From<&RecipientReport> for SentRecipient {
    fn from(report: &RecipientReport) -> Self {
        let (outcome, delivered) = (&report.outcome, report.delivered.as_ref());
        Self {
            rcpt: outcome.rcpt.clone(),
            verdict: outcome.verdict,
            code: outcome.code,
            enhanced_status: outcome.enhanced_status.clone(),
            host: delivered.map(|usable| usable.host.clone()),
            channel: delivered.map(|usable| usable.channel),
            policy: delivered.map(|usable| usable.policy),
            text: outcome.text.clone(),
            failure: outcome.failure.clone(),
        }
    }
}

impl From<&(String, Attempt)> for HostAttempt {
    fn from((host, attempt): &(String, Attempt)) -> Self {
        Self { host: host.clone(), attempt: attempt.into() }
    }
}
