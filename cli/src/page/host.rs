//! A mail server as it was found.

use crate::{
    document::HostDocument,
    page::{Cell, Table, Tone, checks, failure, policies, printable, status, word},
};

/// The rows of one host.
pub(super) fn rows(table: &mut Table, indent: usize, host: &HostDocument) {
    let inner = indent.saturating_add(3);
    let fact = |table: &mut Table, name: &str, cells: Vec<Cell>| {
        table.row(inner, [Cell::new(name, Tone::Faint)].into_iter().chain(cells));
    };
    // An IPv6 literal has colons of its own.
    let name = if host.host.contains(':') { format!("[{}]", host.host) } else { host.host.clone() };
    let place = Cell::new(format!("{name}:{}", host.port), Tone::Strong);
    table.row(indent, [host.preference.to_string().into(), place]);
    if let Some(reason) = &host.failure {
        fact(table, "unusable", vec![failure(reason)]);
    }
    if host.policy.is_some() {
        let tls = if host.tls_mandatory == Some(true) { "TLS mandatory" } else { "TLS attempted" };
        let fallback = if host.fallback { "clear text allowed" } else { "never clear text" };
        let checks = checks(&host.certificate_checks);
        let words = format!("{}; {tls}, {fallback}; certificate against {checks}", policies(&host.policies));
        fact(table, "policy", vec![words.into()]);
    }
    let addresses: Vec<String> = host.addresses.iter().map(ToString::to_string).collect();
    if !addresses.is_empty() {
        fact(table, "addresses", vec![status(host.address_status), addresses.join(" ").into()]);
    }
    for candidate in &host.tlsa_candidates {
        let found = match candidate.outcome {
            Some(outcome) => word(&outcome),
            None => "look-up failed".to_owned(),
        };
        let name = format!("_{}._tcp.{}: {found}", host.port, candidate.name);
        fact(table, "TLSA", vec![status(candidate.status), name.into()]);
    }
    for record in &host.tlsa {
        let text = format!("{} {} {} {}", record.usage, record.selector, record.matching, record.data);
        match &record.reason {
            None => fact(table, "", vec![Cell::new("usable", Tone::Good), text.into()]),
            Some(reason) => fact(
                table,
                "",
                vec![Cell::new("unused", Tone::Doubtful), printable(&format!("{text}: {reason}")).into()],
            ),
        }
    }
    if !host.reference_ids.is_empty() {
        fact(table, "names", vec![host.reference_ids.join(" ").into()]);
    }
}
