//! Examples in the READMEs: those in Rust compile and run as doctests, those for the shell are given to the binary.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::cargo::{Package, quiet_output};
use crate::publish_check::Unpacked;

/// The beginnings of the command lines that need no network.
const OFFLINE: [&str; 4] = ["matrix", "mta-sts parse-", "mta-sts match", "mta-sts make"];

/// Checks that the package's README has an example, and that it holds.
///
/// A binary's README has lines that begin with its name in blocks ```` ```sh ````. Those that need no network are run; the others must be
/// understood, options and all.
pub(crate) fn check(unpacked: &Unpacked, package: &Package) -> Result<()> {
    if package.has_library() {
        let tests = unpacked.output(&["test", "--doc", "--all-features", "-p", &package.name])?;
        let held = tests.lines().filter(|line| line.contains("README.md") && line.ends_with(" ok")).count();
        print!("{tests}");
        ensure!(held > 0, "no example of it was tested");
        return Ok(());
    }
    let text = unpacked.read(package, "README.md")?;
    let lines = command_lines(&text, &package.name);
    let path = format!("{}:{}", unpacked.target().join("debug").display(), std::env::var("PATH")?);
    let mut shell = Command::new("sh");
    let shell = shell.env("PATH", &path).arg("-euc");
    let (offline, online): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| is_offline(line));
    ensure!(!offline.is_empty(), "it has no example that can be run without network");
    let script: String = offline.iter().map(|line| format!("{} {line}\n", package.name)).collect();
    let online: String =
        online.iter().map(|line| format!("{} {line} --help >/dev/null\n", package.name)).collect();
    quiet_output(shell.arg(script + &online)).map(|_| ())
}

fn is_offline(line: &str) -> bool {
    OFFLINE.iter().any(|beginning| line.starts_with(beginning))
}

/// What stands behind the program's name in the lines of the README's shell blocks, without comments.
fn command_lines<'a>(text: &'a str, program: &str) -> Vec<&'a str> {
    let mut lines = Vec::new();
    let mut within = false;
    for line in text.lines() {
        if line.starts_with("```") {
            within = line == "```sh";
        } else if within
            && let Some(words) = line.strip_prefix(program).and_then(|rest| rest.strip_prefix(' '))
        {
            lines.push(words.split(" #").next().map_or(words, str::trim));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_of_shell_blocks() {
        let text = "# x\n```sh\nmxtls matrix  # all of it\ncargo x\nmxtls check a.example\n```\nmxtls no\n```text\nmxtls no\n```\n```sh\nmxtls -h\n```\n";
        assert_eq!(command_lines(text, "mxtls"), ["matrix", "check a.example", "-h"]);
        assert!(is_offline("matrix") && !is_offline("check a.example"));
    }
}
