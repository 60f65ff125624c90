//! `cargo xtask test`: every test and doctest of the workspace.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use clap::Args;

use crate::cargo::{build_mxtls, cargo};
use crate::tally::Tally;

#[derive(Args)]
pub(crate) struct Options {
    /// Passed on to `cargo test`, such as `-p dane` or a test's name
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(options: &Options, tally: &mut Tally) -> Result<()> {
    // All targets, so that features unify as they will for the tests: nothing is compiled twice.
    let mxtls = build_mxtls(&["--workspace", "--all-features", "--all-targets"])?;
    let mut tests = cargo()?;
    tests
        .args(["test", "--workspace", "--all-features", "--no-fail-fast"])
        .args(&options.arguments)
        .env("MXTLS_BIN", mxtls);
    Counts::of_tests(&mut tests)?.add_to(tally);
    Ok(())
}

/// What one test binary, or the doctests of one crate, counted.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    ignored: u32,
}

impl Counts {
    /// Runs `cargo test`, shows what it says, and sums up the counts of all its binaries.
    pub(crate) fn of_tests(command: &mut Command) -> Result<Self> {
        let mut tests = command.stdout(Stdio::piped()).spawn().context("cannot run cargo test")?;
        let mut sum = Self::default();
        let output = tests.stdout.take().context("its output is piped")?;
        for line in BufReader::new(output).lines() {
            let line = line?;
            println!("{line}");
            if let Some(counts) = Self::of_line(&line) {
                sum.add(&counts);
            }
        }
        // A test that does not compile, or that brings its process down, is in no count.
        if !tests.wait()?.success() && sum.failed == 0 {
            sum.failed = 1;
        }
        Ok(sum)
    }

    pub(crate) fn add_to(&self, tally: &mut Tally) {
        if self.ignored > 0 {
            println!("{} ignored", self.ignored);
        }
        tally.add(self.passed, self.failed);
    }

    /// Tests that ran.
    pub(crate) fn total(&self) -> u32 {
        self.passed + self.failed
    }

    /// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`.
    pub(crate) fn of_line(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let mut sum = Self::default();
        for part in counts.split("; ") {
            let Some((number, what)) = part.split_once(' ') else { continue };
            let Ok(number) = number.parse() else { continue };
            match what {
                "passed" => sum.passed = number,
                "failed" => sum.failed = number,
                "ignored" => sum.ignored = number,
                _ => {}
            }
        }
        Some(sum)
    }

    fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines() {
        for (line, expected) in [
            (
                "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
                Some((3, 0, 1)),
            ),
            (
                "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 7 filtered out; finished in 0.01s",
                Some((3, 2, 0)),
            ),
            ("test parser::records ... ok", None),
            ("all doctests ran in 0.45s; merged doctests compilation took 0.45s", None),
        ] {
            let expected = expected.map(|(passed, failed, ignored)| Counts { passed, failed, ignored });
            assert_eq!(Counts::of_line(line), expected, "{line}");
        }
    }
}
