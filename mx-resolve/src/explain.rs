//! The steps of a resolution in words.

use mxtls_policy::{
    Answer, DaneRules, Exchanges, Explanation, Failure, Found, HostEvidence, InsecureMx, Lookup, LookupError,
    Outcome, SecurityPolicy,
};

/// One look-up.
pub(crate) fn lookup<T>(step: &str, subject: &str, result: &Lookup<Vec<T>>, rfc: &str) -> Explanation {
    match result {
        Ok(answer) => Explanation::new(step, subject, in_words(answer)).status(answer.status).rfc(rfc),
        Err(error) => failed(step, subject, error).rfc(rfc),
    }
}

/// A look-up that failed, with what is known about why.
fn failed(step: &str, subject: &str, error: &LookupError) -> Explanation {
    Explanation::new(step, subject, error.to_string()).children(reasons(subject, &error.explanation))
}

/// The lines that explain why a look-up failed.
pub(crate) fn reasons(subject: &str, lines: &[String]) -> impl Iterator<Item = Explanation> {
    lines.iter().map(move |line| Explanation::new("proof", subject, line))
}

fn in_words<T>(answer: &Answer<Vec<T>>) -> String {
    let what = match &answer.outcome {
        Outcome::Records(records) if records.len() == 1 => "1 record".to_owned(),
        Outcome::Records(records) => format!("{} records", records.len()),
        Outcome::NoData => "no such record".to_owned(),
        Outcome::NoSuchName => "no such name".to_owned(),
    };
    match answer.expanded() {
        Some(target) => format!("{}, {what} at {target}", answer.status),
        None => format!("{}, {what}", answer.status),
    }
}

/// That the list of hosts ends before ourselves.
pub(crate) fn ourselves(found: &Exchanges) -> Option<Explanation> {
    let own = found.ourselves.as_ref()?;
    let result = format!("this host itself: preference {} and all worse are left out", own.preference);
    Some(Explanation::new("own-name", &own.host, result).rfc("RFC 5321 5.1"))
}

/// That there are more hosts than are looked at.
pub(crate) fn host_limit(subject: &str, hosts: usize, limit: usize) -> Option<Explanation> {
    let result = || format!("the best {limit} of {hosts} hosts are looked at");
    (hosts > limit).then(|| Explanation::new("host-limit", subject, result()))
}

/// The look-ups of one host.
pub(crate) fn host(evidence: &HostEvidence, port: u16) -> Vec<Explanation> {
    let mut steps: Vec<_> = evidence
        .addresses
        .iter()
        .map(|found| {
            let subject = format!("{} {}", evidence.host, found.record_type);
            lookup("address-lookup", &subject, &found.result, "RFC 7672 2.2.2")
        })
        .collect();
    if let Some(check) = &evidence.alias_check {
        let subject = format!("{} CNAME", evidence.host);
        let step = match check {
            Ok(status) => Explanation::new("alias-lookup", subject, status.to_string()).status(*status),
            Err(error) => failed("alias-lookup", &subject, error),
        };
        steps.push(step.rfc("RFC 7672 2.2.2"));
    }
    steps.extend(evidence.tlsa.iter().map(|candidate| {
        lookup(
            "tlsa-lookup",
            &format!("{} TLSA", dane::owner_name_as_found(port, &candidate.base)),
            &candidate.result,
            "RFC 7672 2.2.3",
        )
    }));
    steps
}

/// That the caller wants less of TLSA records than they offer.
pub(crate) fn lowered(evidence: &HostEvidence, dane: DaneRules) -> Option<Explanation> {
    let result = match (evidence.found, dane.insecure_mx) {
        (Found::Securely, _) | (Found::Insecurely, InsecureMx::Dane) => return None,
        (Found::Insecurely, InsecureMx::Encrypt) => {
            "TLSA records make TLS mandatory and authenticate nothing"
        }
        (Found::Insecurely, InsecureMx::May) => "TLSA records are not asked for",
    };
    Some(Explanation::new("insecure-mx", &evidence.host, result).rfc("RFC 7672 2.2.1"))
}

/// What was decided about one host.
pub(crate) fn decision(host: &str, policy: &Result<SecurityPolicy, Failure>) -> Explanation {
    match policy {
        Ok(policy) => {
            let kinds: Vec<String> = policy.kinds().iter().map(ToString::to_string).collect();
            let tls = if policy.is_tls_mandatory() { "TLS is mandatory" } else { "TLS is attempted" };
            let section = if policy.is_dane() { "RFC 7672 2.2" } else { "RFC 8461 2" };
            Explanation::new("decision", host, format!("{}: {tls}", kinds.join(" and "))).rfc(section)
        }
        Err(failure) => {
            let step = Explanation::new("decision", host, format!("unreachable: {failure}"));
            match &failure.rfc {
                Some(section) => step.rfc(section),
                None => step,
            }
        }
    }
}
