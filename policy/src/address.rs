//! The addresses of a host, from the look-ups of both families.

use std::net::IpAddr;

use crate::{
    evidence::HostEvidence,
    failure::{Failure, FailureCode},
    lookup::{Outcome, Status},
    mx::MxSource,
};

/// The addresses of a host and what the answer says about its name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Addresses {
    /// In the order of the look-ups, never empty.
    pub list: Vec<IpAddr>,
    /// Secure where one family's answer is: DANE is then looked for (RFC 7672 §2.2.2).
    pub status: Status,
    /// The name after its aliases; `None` where the host is no alias.
    pub expanded: Option<String>,
    /// The status of the first alias; `None` where the host is no alias.
    pub first_alias: Option<Status>,
}

/// Joins the families. One with a verdict and addresses is enough, the other's error is then no obstacle.
///
/// # Errors
/// The host is unreachable: both families failed, or one failed and the other has no address (RFC 7672 §2.1.2, §2.2.2).
pub fn addresses(evidence: &HostEvidence) -> Result<Addresses, Failure> {
    let answers: Vec<_> = evidence
        .addresses
        .iter()
        .filter_map(|lookup| match &lookup.result {
            Ok(answer) => Some(answer),
            // Reported by `unreachable` when no family is left.
            Err(_) => None,
        })
        .collect();
    let with_records = |status| {
        answers
            .iter()
            .find(move |answer| answer.status == status && matches!(answer.outcome, Outcome::Records(_)))
    };
    // The secure family names the aliases: an insecure one beside it must not hide that DANE applies.
    let Some(leading) = with_records(Status::Secure).or_else(|| with_records(Status::Insecure)) else {
        return Err(unreachable(evidence));
    };
    let list = answers.iter().flat_map(|answer| match &answer.outcome {
        Outcome::Records(addresses) => addresses.as_slice(),
        Outcome::NoData | Outcome::NoSuchName => &[],
    });
    Ok(Addresses {
        list: list.copied().collect(),
        status: leading.status,
        expanded: leading.expanded().map(str::to_owned),
        first_alias: leading.aliases.first().map(|alias| alias.status),
    })
}

fn unreachable(evidence: &HostEvidence) -> Failure {
    let host = &evidence.host;
    for lookup in &evidence.addresses {
        if let Err(error) = &lookup.result {
            return error.failure(&format!("{host} {}", lookup.record_type)).rfc("RFC 7672 2.1.2");
        }
    }
    // A domain without mail server and without any address is no mail domain. All else may be a passing fault: of the relay
    // that the caller names, of the host that an MX record names, or because only one family was asked for.
    let asked = |record_type| evidence.addresses.iter().any(|lookup| lookup.record_type == record_type);
    let (code, message) = if evidence.next_hop.source == MxSource::Implicit && asked("A") && asked("AAAA") {
        (FailureCode::NoAddressesOfDomain, format!("{host} has neither a mail server nor an address."))
    } else {
        let what = match (asked("A"), asked("AAAA")) {
            (true, false) => "IPv4 address",
            (false, true) => "IPv6 address",
            (true, true) | (false, false) => "address",
        };
        (FailureCode::NoAddresses, format!("The mail server {host} has no {what}."))
    };
    Failure::new(code, message).rfc("RFC 5321 5.1")
}
