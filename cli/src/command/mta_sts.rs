//! `mxtls mta-sts DOMAIN`: the policy, and the MX hosts held against it.

use mx_resolve::{Destination, Domain, MxResolver};
use mxtls_policy::{Failure, FailureCode};

use crate::{
    arguments::{GlobalOptions, MtaStsOptions},
    document::MtaStsDocument,
    output::Output,
    problem::Problem,
    progress, session,
    status::Status,
};

pub(crate) async fn run(
    global: &GlobalOptions,
    options: &MtaStsOptions,
    output: &Output,
) -> Result<Status, Problem> {
    let Some(domain) = options.domain() else { return Err(Problem::new("a domain is expected")) };
    let resolver = session::plain_resolver(global)?;
    let document = progress::during("looking up", look_up(&resolver, domain)).await;
    let status = match &document.failure {
        Some(failure) if is_of_lookup(failure) => Status::Temporary,
        Some(_) | None if document.valid => Status::Holds,
        Some(_) | None => Status::DoesNotHold,
    };
    output.show(&document)?;
    Ok(status)
}

async fn look_up(resolver: &MxResolver, domain: &Domain) -> MtaStsDocument {
    let report = resolver.mta_sts(domain).await;
    let resolution = resolver.resolve(&Destination::Domain(domain.clone())).await;
    let mut document = MtaStsDocument::new(domain.to_string(), &report, &resolution);
    if document.failure.is_none() {
        document.failure = resolution.failure.filter(is_of_lookup);
    }
    document
}

/// Whether DNS had no answer, so that another time may have one.
fn is_of_lookup(failure: &Failure) -> bool {
    matches!(
        failure.code,
        FailureCode::DnsBogus
            | FailureCode::DnsIndeterminate
            | FailureCode::DnsServfail
            | FailureCode::DnsTimeout
            | FailureCode::DnsMalformed
            | FailureCode::DnsBudget
            | FailureCode::CnameLoop
    )
}
