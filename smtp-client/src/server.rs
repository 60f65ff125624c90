//! One address of a mail server, and what it must meet.

use std::net::SocketAddr;

use mxtls_policy::{Channel, Failure, FailureCode, Requirement, SecurityPolicy};

/// Where to connect, and what the session there must meet.
#[derive(Clone, Copy, Debug)]
pub struct Server<'a> {
    /// The address and port.
    pub address: SocketAddr,
    /// The host's name as the MX record has it, or as the caller named it: an A-label name without a trailing dot.
    pub host: &'a str,
    /// The policy of the host.
    pub policy: &'a SecurityPolicy,
    /// What the caller asks for beyond the policy.
    pub requirement: Requirement,
    /// Whether STARTTLS is used.
    pub starttls: StartTlsUse,
}

/// Whether STARTTLS is used.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum StartTlsUse {
    /// Where the server offers it.
    #[default]
    AsOffered,
    /// Not at all: a second attempt after an opportunistic handshake failed, or the caller wants clear text. Refused
    /// without a connection where TLS is mandatory.
    NotSent,
    /// Where the server offers it; in the handshake it is asked for a raw public key and for no certificate (RFC 7250): a
    /// second attempt, see [`Attempt::retry_raw_key`](crate::Attempt::retry_raw_key). Where the policy or the settings do
    /// not allow that, it is the same as [`AsOffered`](Self::AsOffered).
    ForRawKey,
}

/// Who makes TLS mandatory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mandatory {
    No,
    ByPolicy,
    ByCaller,
}

impl Server<'_> {
    /// Whether a session may be begun at all. No connection is made where the policy or the caller's requirement
    /// already rule every delivery out (RFC 7671 §10.3, RFC 8461 §4.1).
    pub(crate) fn permits_connection(&self) -> Result<(), Failure> {
        self.policy.admits(self.host)?;
        self.requirement.within_reach(self.policy)?;
        match (self.starttls, self.mandatory()) {
            (StartTlsUse::AsOffered | StartTlsUse::ForRawKey, _) | (StartTlsUse::NotSent, Mandatory::No) => {
                Ok(())
            }
            (StartTlsUse::NotSent, Mandatory::ByPolicy) => {
                let message =
                    format!("The policy of {} makes TLS mandatory, and the caller forbids it.", self.host);
                Err(Failure::new(FailureCode::TlsRequiredByPolicy, message))
            }
            (StartTlsUse::NotSent, Mandatory::ByCaller) => {
                let message = format!("The caller both requires and forbids TLS to {}.", self.host);
                Err(Failure::new(FailureCode::TlsRequiredByCaller, message))
            }
        }
    }

    pub(crate) fn mandatory(&self) -> Mandatory {
        if self.policy.is_tls_mandatory() {
            Mandatory::ByPolicy
        } else if self.requirement.is_tls_mandatory() {
            Mandatory::ByCaller
        } else {
            Mandatory::No
        }
    }

    /// The channel of a session that is within its policy.
    pub(crate) fn channel(&self, over_tls: bool) -> Channel {
        if over_tls { Channel::over_tls(self.policy) } else { Channel::Cleartext }
    }
}
