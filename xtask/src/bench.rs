//! `cargo xtask bench`: what a verdict costs, beside other people's validators.

use anyhow::Result;
use clap::Args;

use crate::cargo::{Metadata, cargo, root, run as run_command};

#[derive(Args)]
pub(crate) struct Options {
    /// Write the page docs/performance.md anew
    #[arg(long)]
    write: bool,
    /// How often each figure is measured
    #[arg(long)]
    rounds: Option<u32>,
}

/// The package is a workspace of its own: its rivals are in no lock file but its own.
pub(crate) const PACKAGE: &str = "tests/peers/Cargo.toml";

pub(crate) fn run(options: &Options) -> Result<()> {
    let target = Metadata::of_workspace()?.target_directory.join("peers");
    let mut bench = cargo()?;
    bench.args(["run", "--quiet", "--release", "--locked", "--manifest-path", PACKAGE, "--target-dir"]);
    bench.arg(target).args(["--bin", "bench", "--"]);
    if options.write {
        bench.arg("--write").arg(root()?.join("docs/performance.md"));
    }
    if let Some(rounds) = options.rounds {
        bench.arg("--rounds").arg(rounds.to_string());
    }
    run_command(&mut bench)
}
