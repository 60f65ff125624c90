//! How safe the way was that a message took.

use std::fmt;

use serde::Serialize;

use crate::{matrix_id::MatrixId, security_policy::SecurityPolicy};

/// The channel of a delivery, weakest first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// No TLS.
    Cleartext,
    /// TLS, with nothing enforced about the server, whatever its certificate happened to say.
    Encrypted,
    /// A TLSA match at a host that was found insecurely: never reported as secure (RFC 7672 §2.2.1).
    Trusted,
    /// Authenticated by DANE at a securely found host, or by an enforced MTA-STS policy.
    Verified,
}

impl Channel {
    /// The best that a session under `policy` can reach: what it reaches when TLS is used and every enforced check holds.
    pub fn over_tls(policy: &SecurityPolicy) -> Self {
        match policy.row() {
            MatrixId::DaneUsable
            | MatrixId::DaneUnusableStsEnforce
            | MatrixId::DaneInsecureMxStsEnforce
            | MatrixId::StsEnforce => Self::Verified,
            MatrixId::DaneInsecureMx => Self::Trusted,
            MatrixId::DaneUnusable
            | MatrixId::StsTesting
            | MatrixId::Opportunistic
            | MatrixId::MxError
            | MatrixId::HostError => Self::Encrypted,
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cleartext => "cleartext",
            Self::Encrypted => "encrypted",
            Self::Trusted => "trusted",
            Self::Verified => "verified",
        })
    }
}
