//! What the caller asks for beyond the policy (RFC 3207 §6, RFC 7672 §6).

use crate::{
    channel::Channel,
    failure::{Failure, FailureCode},
    matrix_id::MatrixId,
    security_policy::SecurityPolicy,
};

/// A level that the caller makes mandatory. Less is a delay.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Requirement {
    /// What the policy asks for.
    #[default]
    AsPolicy,
    /// TLS of any kind.
    Tls,
    /// A channel that is [`Verified`](Channel::Verified).
    Authenticated,
    /// A TLSA match at a securely found host.
    Dane,
}

impl Requirement {
    /// Whether a session under `policy` can meet the requirement at all. Asked before any connection (RFC 7671 §10.3).
    ///
    /// # Errors
    /// No session with this host can.
    pub fn within_reach(self, policy: &SecurityPolicy) -> Result<(), Failure> {
        match self {
            Self::AsPolicy | Self::Tls => Ok(()),
            Self::Authenticated if Channel::over_tls(policy) == Channel::Verified => Ok(()),
            Self::Authenticated => {
                let message =
                    "The caller requires an authenticated server, and no policy authenticates this one.";
                Err(Failure::new(FailureCode::TlsRequiredByCaller, message))
            }
            Self::Dane if policy.row() == MatrixId::DaneUsable => Ok(()),
            Self::Dane => {
                let message = "The caller requires DANE, and the host has no usable TLSA record or was not found securely.";
                Err(Failure::new(FailureCode::TlsaRequired, message).rfc("RFC 7672 6"))
            }
        }
    }

    /// Whether the caller makes TLS mandatory.
    pub fn is_tls_mandatory(self) -> bool {
        match self {
            Self::AsPolicy => false,
            Self::Tls | Self::Authenticated | Self::Dane => true,
        }
    }
}
