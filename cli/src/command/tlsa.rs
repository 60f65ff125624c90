//! `mxtls tlsa`: the records of a host, a new one, and whether a chain satisfies some.

mod make;
mod show;
mod verify;

use crate::{
    arguments::{GlobalOptions, TlsaCommand, TlsaOptions},
    output::Output,
    problem::Problem,
    status::Status,
};

pub(crate) async fn run(
    global: &GlobalOptions,
    options: &TlsaOptions,
    output: &Output,
) -> Result<Status, Problem> {
    match &options.command {
        TlsaCommand::Show(options) => show::run(global, options, output).await,
        TlsaCommand::Make(options) => make::run(global, options, output),
        TlsaCommand::Verify(options) => verify::run(global, options, output),
    }
}
