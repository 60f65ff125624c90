//! `cargo xtask fuzz`: the attacks on `dnssec` with fresh seeds, optimised, for as long as one likes.

use std::hash::{BuildHasher, Hasher, RandomState};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::cargo::{cargo, shown};
use crate::tally::Tally;
use crate::test::Counts;

#[derive(Args)]
pub(crate) struct Options {
    /// For how long each kind of attack is tried; they run side by side
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Where the choices begin; a fresh one by default
    #[arg(long)]
    seed: Option<u64>,
    /// Only this round, to repeat a failure
    #[arg(long, requires = "seed", conflicts_with = "seconds")]
    round: Option<u64>,
}

pub(crate) fn run(options: &Options, tally: &mut Tally) -> Result<()> {
    // The keys of the standard library's hash tables are random.
    let seed = options.seed.unwrap_or_else(|| RandomState::new().build_hasher().finish());
    println!("seed {seed}");
    let mut fuzz = cargo()?;
    fuzz.args(["test", "--release", "-p", "dnssec", "--test", "suite", "--no-fail-fast"]);
    fuzz.args(["--", "--ignored", "--show-output", "fuzz::"]);
    fuzz.env("DNSSEC_FUZZ_SEED", seed.to_string());
    match options.round {
        Some(round) => fuzz.env("DNSSEC_FUZZ_ROUND", round.to_string()),
        None => fuzz.env_remove("DNSSEC_FUZZ_ROUND").env("DNSSEC_FUZZ_SECONDS", options.seconds.to_string()),
    };
    let counts = Counts::of_tests(&mut fuzz).with_context(|| shown(&fuzz))?;
    ensure!(counts.total() > 0, "there was nothing to run");
    counts.add_to(tally);
    Ok(())
}
