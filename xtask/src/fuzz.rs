//! `cargo xtask fuzz`: the attacks on `dnssec` and `dane` with fresh seeds, optimised, for as long as one likes.

use std::hash::{BuildHasher, Hasher, RandomState};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use crate::cargo::{cargo, shown};
use crate::tally::Tally;
use crate::test::Counts;

#[derive(Args)]
pub(crate) struct Options {
    /// Only the attacks on this crate
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// For how long each kind of attack is tried; those on one crate run side by side, as cores allow
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Where the choices begin; a fresh one by default
    #[arg(long)]
    seed: Option<u64>,
    /// Only this round, to repeat a failure
    #[arg(long, requires = "seed", conflicts_with = "seconds")]
    round: Option<u64>,
}

/// A crate whose tests have ignored ones in a module `fuzz`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Part {
    /// Answers of name servers, and texts of trust anchors
    Dnssec,
    /// Certificates, TLSA records in wire form and as text, and raw public keys
    Dane,
}

pub(crate) fn run(options: &Options, tally: &mut Tally) -> Result<()> {
    // The keys of the standard library's hash tables are random.
    let seed = options.seed.unwrap_or_else(|| RandomState::new().build_hasher().finish());
    println!("seed {seed}");
    for part in Part::value_variants() {
        if options.only.is_none_or(|only| only == *part) {
            attack(*part, seed, options, tally)?;
        }
    }
    Ok(())
}

fn attack(part: Part, seed: u64, options: &Options, tally: &mut Tally) -> Result<()> {
    let (package, tests, variables) = match part {
        Part::Dnssec => ("dnssec", "suite", "DNSSEC_FUZZ"),
        Part::Dane => ("dane", "conformance", "DANE_FUZZ"),
    };
    let [seed_name, round_name, seconds_name] =
        ["SEED", "ROUND", "SECONDS"].map(|name| format!("{variables}_{name}"));
    let mut fuzz = cargo()?;
    fuzz.args(["test", "--release", "-p", package, "--test", tests, "--no-fail-fast"]);
    fuzz.args(["--", "--ignored", "--show-output", "fuzz::"]);
    fuzz.env(seed_name, seed.to_string());
    match options.round {
        Some(round) => fuzz.env(round_name, round.to_string()),
        None => fuzz.env_remove(round_name).env(seconds_name, options.seconds.to_string()),
    };
    let counts = Counts::of_tests(&mut fuzz).with_context(|| shown(&fuzz))?;
    ensure!(counts.total() > 0, "there was nothing to run in {package}");
    counts.add_to(tally);
    Ok(())
}
