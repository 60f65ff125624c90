//! `mxtls resolve`: discovery without a connection to a mail server.

use futures_util::{StreamExt, stream};
use mx_resolve::{Domain, MxResolver};
use mxtls_policy::{Requirement, Verdict};

use crate::{
    arguments::{GlobalOptions, ResolveOptions},
    document::{DaneDocument, HostDocument, ResolveDocument, ResolvedDestination},
    output::Output,
    problem::Problem,
    progress, session,
    status::Status,
};

pub(crate) async fn run(
    global: &GlobalOptions,
    options: &ResolveOptions,
    output: &Output,
) -> Result<Status, Problem> {
    // No session is begun, but what one would be made of is held against what there is.
    session::settings(global, &options.policy, None)?;
    if let Some(host) = &options.dane_only {
        return dane_only(global, options, host, output).await;
    }
    let resolver = session::resolver(global, &options.policy, None)?;
    let requirement = options.policy.requirement();
    let results = stream::iter(&options.destinations)
        .map(async |destination| ResolvedDestination::new(&resolver.resolve(destination).await, requirement))
        .buffered(AT_ONCE)
        .collect();
    let results: Vec<_> = progress::during("looking up", results).await;
    let status = Status::of_all(results.iter().map(status));
    output.show(&ResolveDocument { results })?;
    Ok(status)
}

async fn dane_only(
    global: &GlobalOptions,
    options: &ResolveOptions,
    host: &Domain,
    output: &Output,
) -> Result<Status, Problem> {
    let resolver = session::resolver(global, &options.policy, None)?;
    let host = dane_side(&resolver, global, host, options.policy.requirement()).await;
    let status = dane_status(&host);
    output.show(&DaneDocument { results: [host] })?;
    Ok(status)
}

/// The DANE side of one host, at the port of the options.
pub(super) async fn dane_side(
    resolver: &MxResolver,
    global: &GlobalOptions,
    host: &Domain,
    requirement: Requirement,
) -> HostDocument {
    let port = global.port.unwrap_or(session::SMTP);
    let record = progress::during("looking up", resolver.check_dane(host, port)).await;
    HostDocument::new(&record, requirement)
}

/// Whether the host is known, with records or without.
pub(super) fn dane_status(host: &HostDocument) -> Status {
    host.failure.as_ref().map_or(Status::Holds, |failure| failure.verdict().into())
}

/// Whether a host is left that mail can be tried at.
fn status(result: &ResolvedDestination) -> Status {
    let mut failures =
        result.failure.iter().chain(result.hosts.iter().filter_map(|host| host.failure.as_ref()));
    if result.hosts.iter().any(|host| host.failure.is_none()) {
        Status::Holds
    } else if failures.all(|failure| failure.verdict() == Verdict::Bounce) {
        Status::DoesNotHold
    } else {
        Status::Temporary
    }
}

/// Destinations that are looked up at the same time.
const AT_ONCE: usize = 8;
