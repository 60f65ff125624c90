//! `cargo xtask ci`: what must hold, beside the tests, before a change lands.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::cargo::{Metadata, cargo, output, run as run_command};
use crate::tally::Tally;
use crate::{bench, dependency_count, house, publish_check};

/// Crypto providers and TLS libraries that must not come in, not by any feature of any dependency: ring is the only one.
const UNWANTED: [&str; 3] = ["aws-lc-rs", "aws-lc-sys", "openssl-sys"];

pub(crate) fn run(tally: &mut Tally) -> Result<()> {
    let metadata = Metadata::of_workspace()?;
    step(tally, "rustfmt", || run_command(cargo()?.args(["fmt", "--all", "--check"])));
    step(tally, "rustfmt of the benchmarks", || {
        run_command(cargo()?.args(["fmt", "--manifest-path", bench::PACKAGE, "--check"]))
    });
    step(tally, "lock file of the benchmarks", || {
        run_command(cargo()?.args(["update", "--workspace", "--locked", "--manifest-path", bench::PACKAGE]))
    });
    step(tally, "one-way dependencies", || house::check(&metadata));
    step(tally, "dependencies as READMEs count them", || dependency_count::check("dane"));
    step(tally, "no other crypto provider", ring_alone);
    step(tally, "clippy", || {
        let mut clippy = cargo()?;
        clippy.args(["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]);
        run_command(&mut clippy)
    });
    step(tally, "docs", || run_command(&mut doc(&[])?));
    step(tally, "docs of private items", || run_command(&mut doc(&["--document-private-items"])?));
    publish_check::run(tally)
}

/// Runs one check, and says how long it took: CI has an end.
fn step(tally: &mut Tally, what: &str, check: impl FnOnce() -> Result<()>) {
    let start = Instant::now();
    let result = check();
    tally.check(format_args!("{what} ({} s)", start.elapsed().as_secs()), result);
}

fn doc(arguments: &[&str]) -> Result<Command> {
    let mut doc = cargo()?;
    doc.args(["doc", "--workspace", "--no-deps", "--all-features"]).args(arguments);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    Ok(doc)
}

fn ring_alone() -> Result<()> {
    let mut tree = cargo()?;
    tree.args(["tree", "--workspace", "--all-features", "--target", "all", "-e", "all", "--prefix", "none"]);
    let tree = output(&mut tree)?;
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    ensure!(
        names.contains("ring"),
        "cargo tree does not even name ring: it shows something else than it should"
    );
    let found: Vec<_> = UNWANTED.into_iter().filter(|name| names.contains(name)).collect();
    ensure!(found.is_empty(), "the dependency tree names {}", found.join(", "));
    Ok(())
}
