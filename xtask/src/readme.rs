//! Examples in the READMEs: those in Rust compile and run as doctests, those for the shell run with the binary.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::cargo::{Package, run};
use crate::publish_check::Unpacked;

/// Checks that the package's README has an example, and that it holds.
///
/// In the README of a binary every block ```` ```sh ```` is run; one that needs the network is fenced as ```` ```text ````.
pub(crate) fn check(unpacked: &Unpacked, package: &Package) -> Result<()> {
    let text = unpacked.read(package, "README.md")?;
    if package.has_library() {
        let tests = unpacked.output(&["test", "--doc", "--all-features", "-p", &package.name])?;
        let held = tests.lines().filter(|line| line.contains("README.md") && line.ends_with(" ok")).count();
        print!("{tests}");
        ensure!(held > 0, "no example of it was tested");
        return Ok(());
    }
    let examples = shell_examples(&text);
    ensure!(!examples.is_empty(), "it has no block ```sh");
    let path = format!("{}:{}", unpacked.target().join("debug").display(), std::env::var("PATH")?);
    for example in examples {
        run(Command::new("sh").args(["-euc", &example]).env("PATH", &path))?;
    }
    Ok(())
}

fn shell_examples(text: &str) -> Vec<String> {
    let mut examples = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        match (&mut open, line.trim_end()) {
            (None, "```sh") => open = Some(String::new()),
            (Some(_), "```") => examples.extend(open.take()),
            (Some(example), line) => {
                example.push_str(line);
                example.push('\n');
            }
            (None, _) => {}
        }
    }
    examples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_shell_blocks_are_run() {
        let text = "# x\n```sh\nmxtls matrix\nmxtls dns\n```\nor\n```text\nmxtls check\n```\n```rust\nfn x() {}\n```\n```sh\ntrue\n```\n";
        assert_eq!(shell_examples(text), ["mxtls matrix\nmxtls dns\n", "true\n"]);
    }
}
