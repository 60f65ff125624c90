//! What an MTA-STS policy in testing mode would have refused (RFC 8461 §5, RFC 8460 §4.3).

use crate::{
    failure::Failure,
    security_policy::{SecurityPolicy, listed},
};

/// What a session came to, as far as MTA-STS cares.
#[derive(Clone, Debug)]
pub enum TlsReport {
    /// No TLS, and why.
    ClearText(Failure),
    /// TLS, and what the Web PKI says of the certificate and the MX host's name.
    Tls(Result<(), Failure>),
}

/// The failure that the policy would have enforced, were it not in testing mode. `None` without such a policy, and
/// where all its checks hold.
pub fn would_fail(policy: &SecurityPolicy, host: &str, report: &TlsReport) -> Option<Failure> {
    let testing = policy.testing_mta_sts()?;
    if let Err(failure) = listed(testing, host) {
        return Some(failure);
    }
    match report {
        TlsReport::ClearText(failure) | TlsReport::Tls(Err(failure)) => Some(failure.clone()),
        TlsReport::Tls(Ok(())) => None,
    }
}
