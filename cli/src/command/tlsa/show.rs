//! `mxtls tlsa show`: what `mxtls resolve --dane-only` finds, for who looks after the records.

use mxtls_policy::Requirement;

use crate::{
    arguments::{GlobalOptions, TlsaShowOptions},
    command::resolve::{dane_side, dane_status},
    document::TlsaShowDocument,
    output::Output,
    problem::Problem,
    session,
    status::Status,
};

pub(crate) async fn run(
    global: &GlobalOptions,
    options: &TlsaShowOptions,
    output: &Output,
) -> Result<Status, Problem> {
    let resolver = session::plain_resolver(global)?;
    let host = dane_side(&resolver, global, &options.host, Requirement::AsPolicy).await;
    let status = dane_status(&host);
    output.show(&TlsaShowDocument { results: [host] })?;
    Ok(status)
}
