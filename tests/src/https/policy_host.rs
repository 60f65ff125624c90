//! How a policy host behaves, as data.

use serde::{Deserialize, Serialize};

use crate::pki::Certificate;

/// How a policy host behaves; whatever is left out goes well.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PolicyHost {
    /// The policy; its line ends are sent as CRLF (RFC 8461 §3.2).
    pub policy: Option<String>,
    /// The status at the well-known path, 200 if left out.
    pub status: Option<u16>,
    /// The `Content-Type`, `text/plain` if left out; none is sent where it is empty.
    pub content_type: Option<String>,
    /// Where the well-known path redirects to. Other paths always answer with the policy.
    pub location: Option<String>,
    /// What it presents in TLS.
    pub certificate: Option<Certificate>,
    /// Whether and how it answers.
    pub answers: Option<Answers>,
    /// After the first policy it closes every connection at once, and the domain's `_mta-sts` record has this text.
    pub then_gone: Option<String>,
}

impl PolicyHost {
    /// This host, changed where `over` says something.
    pub fn merged(self, over: Self) -> Self {
        Self {
            policy: over.policy.or(self.policy),
            status: over.status.or(self.status),
            content_type: over.content_type.or(self.content_type),
            location: over.location.or(self.location),
            certificate: match (self.certificate, over.certificate) {
                (Some(certificate), Some(over)) => Some(certificate.merged(over)),
                (certificate, over) => over.or(certificate),
            },
            answers: over.answers.or(self.answers),
            then_gone: over.then_gone.or(self.then_gone),
        }
    }
}

/// Whether and how a policy host answers.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answers {
    /// With the policy.
    #[default]
    Policy,
    /// Never: it reads the request and says nothing.
    Never,
    /// With a body that has no end.
    Endlessly,
    /// Not at all: nobody listens.
    Unheard,
}
