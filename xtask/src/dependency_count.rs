//! The number of dependencies that a README states.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};

use crate::cargo::{cargo, output, root};

/// Holds the words "N packages in all" of a package's README against `cargo tree`, the package itself not counted.
///
/// Dependencies differ between platforms: the count is for Linux.
pub(crate) fn check(package: &str) -> Result<()> {
    let readme = fs::read_to_string(root()?.join(package).join("README.md"))?;
    let stated = stated(&readme).with_context(|| format!("the README of {package}"))?;
    let mut tree = cargo()?;
    tree.args([
        "tree",
        "-p",
        package,
        "-e",
        "normal",
        "--prefix",
        "none",
        "--target",
        "x86_64-unknown-linux-gnu",
    ]);
    let found = count(&output(&mut tree)?);
    ensure!(stated == found, "the README of {package} states {stated} dependencies, cargo tree {found}");
    Ok(())
}

fn stated(readme: &str) -> Result<usize> {
    let (before, _) = readme.split_once(" packages in all").context("it states no number of packages")?;
    let number = before.split_whitespace().next_back().context("no number stands before the packages")?;
    number.parse().with_context(|| format!("expected a number of packages, found {number}"))
}

/// Packages without the first, each once.
fn count(tree: &str) -> usize {
    let names = tree.lines().skip(1).filter_map(|line| line.split(" (").next());
    names.filter(|name| !name.is_empty()).collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(stated("few: `a` and `b`; 14 packages in all (`cargo tree`)").unwrap(), 14);
        assert!(stated("some packages in all").is_err());
        assert!(stated("none").is_err());
        assert_eq!(
            count(
                "dane v1 (/x)\nring v2\nlibc v1\nring v2 (*)\nquote v1 (proc-macro)\nquote v1 (proc-macro) (*)\n"
            ),
            3
        );
    }
}
