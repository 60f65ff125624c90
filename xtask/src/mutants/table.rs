//! The mutants, as `table.toml` has them and as the docs show them.

use std::fmt;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// The rules, in a few words each; the first is number 1.
    rules: Vec<String>,
    /// The test for mutants that name none.
    attacker: String,
    pub(super) mutants: Vec<Mutant>,
}

/// One thing taken out of the crate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mutant {
    /// Number of the rule that it belongs to.
    pub(super) rule: usize,
    /// What then no longer holds.
    pub(super) without: String,
    pub(super) patches: Vec<Patch>,
    test: Option<String>,
}

/// One change to one file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Patch {
    /// In the crate's `src`.
    pub(super) file: String,
    /// Must stand there once.
    pub(super) find: String,
    pub(super) put: String,
}

impl Table {
    pub(super) fn read() -> Result<Self> {
        let table: Self = toml::from_str(include_str!("table.toml")).context("table.toml")?;
        for (index, rule) in table.rules.iter().enumerate() {
            ensure!(table.of_rule(index + 1).next().is_some(), "nothing is taken out of the rule {rule:?}");
        }
        for mutant in &table.mutants {
            ensure!((1..=table.rules.len()).contains(&mutant.rule), "there is no rule {}", mutant.rule);
            ensure!(!mutant.patches.is_empty(), "{:?} takes nothing out", mutant.without);
        }
        Ok(table)
    }

    /// The test that has to fail.
    pub(super) fn test<'t>(&'t self, mutant: &'t Mutant) -> &'t str {
        mutant.test.as_deref().map_or(&self.attacker, |test| test)
    }

    fn of_rule(&self, number: usize) -> impl Iterator<Item = &Mutant> {
        self.mutants.iter().filter(move |mutant| mutant.rule == number)
    }
}

/// The page of the docs.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        for (index, rule) in self.rules.iter().enumerate() {
            writeln!(f, "\n## {}. {rule}\n", index + 1)?;
            writeln!(f, "| what is taken out | of | the test that fails |\n|---|---|---|")?;
            for mutant in self.of_rule(index + 1) {
                let mut files: Vec<&str> = mutant.patches.iter().map(|patch| patch.file.as_str()).collect();
                files.dedup();
                let files = files.join("`, `");
                writeln!(f, "| {} | `{files}` | `{}` |", mutant.without, self.test(mutant))?;
            }
        }
        Ok(())
    }
}

const HEAD: &str = "\
# What holds the rules

`cargo xtask mutants` takes each of these out of a copy of the crate, alone, and runs one test, which has to fail; it also
writes this page (`--bless`), and fails where the page says something else. The rules 1 to 9 are all held by one test, in
which an attacker composes messages out of everything that was ever signed.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        let table = Table::read().unwrap();
        assert_eq!(table.rules.len(), 13);
        for mutant in &table.mutants {
            let attacks = table.test(mutant) == table.attacker;
            assert_eq!(attacks, mutant.rule <= 9, "{}: rules 1 to 9 are the attacker's", mutant.without);
            assert!(!mutant.without.contains('|'), "{}: it would break the page", mutant.without);
        }
    }
}
