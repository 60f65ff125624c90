//! Logs on standard error.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::{
    arguments::{GlobalOptions, LogFormat},
    problem::Problem,
};

/// Starts logging at the level that was asked for.
pub(crate) fn start(options: &GlobalOptions) -> Result<(), Problem> {
    let directives = match (&options.log, options.verbose) {
        (Some(filter), _) => filter,
        (None, 0) => "warn",
        (None, 1) => "info",
        (None, _) => "debug",
    };
    let filter = EnvFilter::builder().parse(directives).map_err(|error| {
        Problem::new(format!(
            "--log expects a filter such as info or mx_resolve=debug, found {directives:?}: {error}"
        ))
    })?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(false);
    match options.log_format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().init(),
    }
    Ok(())
}
