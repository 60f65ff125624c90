//! `cargo xtask mutants`: whether the tests of `dnssec` notice when one of its rules is taken out.
//!
//! A copy of the crate under `target` loses one rule at a time; the test that is named for it has to fail. What was found is
//! written down in the crate's docs, and has to be what stands there.

mod copy;
mod table;

use std::{collections::BTreeSet, fs};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::cargo::root;
use crate::mutants::copy::Copy;
use crate::mutants::table::{Mutant, Table};
use crate::tally::{Stop, Tally};

/// Where the results stand.
const PAGE: &str = "dnssec/docs/rules.md";

#[derive(Args)]
pub(crate) struct Options {
    /// Writes the table of results into the docs instead of comparing it
    #[arg(long)]
    bless: bool,
    /// Only mutants of this rule, or whose description has this in it; the docs are left alone
    #[arg(conflicts_with = "bless")]
    only: Option<String>,
}

pub(crate) fn run(options: &Options, tally: &mut Tally) -> Result<()> {
    let table = Table::read()?;
    let all = &table.mutants;
    let chosen: Vec<&Mutant> = match &options.only {
        None => all.iter().collect(),
        Some(only) => {
            all.iter().filter(|m| m.rule.to_string() == *only || m.without.contains(only)).collect()
        }
    };
    if chosen.is_empty() {
        return Err(Stop::Unfit("no mutant is like that".into()).into());
    }
    let copy = Copy::make()?;
    let tests: BTreeSet<&str> = chosen.iter().map(|mutant| table.test(mutant)).collect();
    tally.check("the crate as it is, which must pass", unchanged(&copy, &tests));
    for mutant in chosen {
        let what = format!("rule {} without: {}", mutant.rule, mutant.without);
        tally.check(what, is_caught(&copy, mutant, table.test(mutant)));
    }
    if options.only.is_none() {
        tally.check(PAGE, page(&table, options.bless));
    }
    Ok(())
}

/// Without this a test that always fails, or that does not exist, would catch everything.
fn unchanged(copy: &Copy, tests: &BTreeSet<&str>) -> Result<()> {
    copy.build()?;
    for test in tests {
        ensure!(copy.passes(test)?, "{test} fails");
    }
    Ok(())
}

fn is_caught(copy: &Copy, mutant: &Mutant, test: &str) -> Result<()> {
    let _restored = copy.patch(&mutant.patches)?;
    copy.build().context("with this taken out")?;
    ensure!(!copy.passes(test)?, "{test} passes all the same");
    Ok(())
}

/// The docs say what the table says: each row stands for a check that was made above.
fn page(table: &Table, bless: bool) -> Result<()> {
    let path = root()?.join(PAGE);
    let now = table.to_string();
    if bless {
        return fs::write(&path, now).with_context(|| format!("cannot write {PAGE}"));
    }
    match fs::read_to_string(&path) {
        Ok(found) if found == now => Ok(()),
        Ok(_) => bail!("it says something else: `cargo xtask mutants --bless` writes it"),
        Err(error) => Err(error).with_context(|| format!("cannot read {PAGE}")),
    }
}
