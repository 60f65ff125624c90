//! `mxtls resolve`: discovery without a connection to a mail server.

use futures_util::{StreamExt, stream};
use mx_resolve::Domain;
use mxtls_policy::Verdict;

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
    let port = global.port.unwrap_or(SMTP);
    let record = progress::during("looking up", resolver.check_dane(host, port)).await;
    let host = HostDocument::new(&record, options.policy.requirement());
    let status = host.failure.as_ref().map_or(Status::Holds, |failure| failure.verdict().into());
    output.show(&DaneDocument { results: [host] })?;
    Ok(status)
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
const SMTP: u16 = 25;
