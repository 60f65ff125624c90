//! The tasks of this workspace: `cargo xtask --help` names them.

mod bench;
mod cargo;
mod ci;
mod demo;
mod dependency_count;
mod fuzz;
mod house;
mod interop;
mod interrupt;
mod lab;
mod mutants;
mod public_api;
mod publish_check;
mod readme;
mod shell;
mod tally;
mod test;

use std::process::ExitCode;

use clap::Parser;

use crate::tally::{Stop, Tally};

/// The tasks of this workspace.
///
/// A task that tests ends with a line `N passed, M failed`. Exit status: 0 all passed, 1 something failed, 2 it cannot be done
/// as asked or here, 130 it was interrupted.
#[derive(Parser)]
#[command(name = "xtask", bin_name = "cargo xtask")]
enum Task {
    /// Every scenario of the lab through the real mxtls: what it says, and what the servers saw
    Demo(demo::Options),
    /// The lab alone, until Ctrl-C, for trying mxtls by hand
    Lab,
    /// Every test and doctest of the workspace
    Test(test::Options),
    /// What else must hold before a change lands: format, lints, docs, packages, dependencies
    Ci,
    /// Each published package built alone from its tarball, its README and its public API
    PublishCheck,
    /// What a DNSSEC verdict costs, beside hickory and unbound's library, on this machine
    Bench(bench::Options),
    /// The attacks on dnssec with fresh seeds, for as long as one likes
    Fuzz(fuzz::Options),
    /// Whether the tests of dnssec notice each of its rules being taken out
    Mutants(mutants::Options),
    /// Beside BIND, ldns, unbound, Postfix and openssl from Debian's packages; needs root
    Interop(interop::Options),
}

fn main() -> ExitCode {
    let task = Task::parse();
    let mut tally = Tally::default();
    let done = match task {
        Task::Demo(options) => interrupt::run(demo::run(&options, &mut tally)),
        Task::Lab => match interrupt::run(lab::run()) {
            // It has no other end.
            Err(error) if matches!(error.downcast_ref(), Some(Stop::Interrupted)) => {
                return ExitCode::SUCCESS;
            }
            done => return tally::exit(done),
        },
        // It measures, and tests nothing.
        Task::Bench(options) => return tally::exit(bench::run(&options)),
        Task::Interop(options) if options.is_inside() => {
            interrupt::run(interop::inside(&options, &mut tally))
        }
        Task::Interop(options) => match interrupt::run(interop::outside(&options, &mut tally)) {
            // It was all counted, and said, inside.
            Ok(Some(code)) => return code,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        },
        Task::Test(options) => test::run(&options, &mut tally),
        Task::Fuzz(options) => fuzz::run(&options, &mut tally),
        Task::Mutants(options) => mutants::run(&options, &mut tally),
        Task::Ci => ci::run(&mut tally),
        Task::PublishCheck => publish_check::run(&mut tally),
    };
    tally.finish(done)
}
