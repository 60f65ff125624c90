//! `mxtls`: would mail to this domain arrive, over which channel, and why?
//!
//! A command turns its arguments into calls of the libraries ([`command`]), puts what they say into a document
//! ([`document`]), and prints it: as JSON, or as a page for people ([`page`]). Nothing is decided here.
//!
//! Logs go to standard error, by `tracing`. They never hold a local part, nor a line of a message.
//!
//! | level | message | fields |
//! |---|---|---|
//! | warn | `policy hosts are asked on another port than 443` | `port` |

mod arguments;
mod case_file;
mod certificate_file;
mod command;
mod composed;
mod document;
mod header_field;
mod interruption;
mod logging;
mod output;
mod page;
mod pem;
mod problem;
mod progress;
mod session;
mod status;
mod text_file;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    arguments::{Arguments, Command},
    output::Output,
    problem::Problem,
    status::Status,
};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return output::usage_error(&error),
    };
    let output = Output::new(arguments.global.json);
    match run(&arguments, &output) {
        Ok(status) => status.into(),
        Err(problem) => output.problem(&problem),
    }
}

fn run(arguments: &Arguments, output: &Output) -> Result<Status, Problem> {
    let Arguments { global, command } = arguments;
    logging::start(global)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new(format!("cannot start: {error}")))?;
    let status = runtime.block_on(async {
        match command {
            Command::Resolve(options) => command::resolve::run(global, options, output).await,
            Command::Check(options) => command::check::run(global, options, output).await,
            Command::Send(options) => command::send::run(global, options, output).await,
            Command::MtaSts(options) => command::mta_sts::run(global, options, output).await,
            Command::Tlsa(options) => command::tlsa::run(global, options, output).await,
            Command::Dns(options) => command::dns::run(global, options, output).await,
            Command::Matrix => command::matrix::run(output),
        }
    });
    // Look-ups that were given up may still wait for an answer: nobody waits for them.
    runtime.shutdown_background();
    status
}
