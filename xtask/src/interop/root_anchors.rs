//! The trust anchors and the servers of the root that are built in, beside those that Debian's `dns-root-data` has from IANA.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use dnssec::TrustAnchors;

use crate::cargo::quiet_output;
use crate::tally::Tally;

/// Where the package has its files: `root.ds` with DS records, `root.key` with the same keys as DNSKEY records, `root.hints`
/// with the servers.
const FOLDER: &str = "/usr/share/dns";

/// What `mx-resolve` has built in.
const ROOT_HINTS: &str = include_str!("../../../mx-resolve/src/root_hints.zone");

pub(super) fn compare(tally: &mut Tally) {
    let read = |name: &str| {
        let file = Path::new(FOLDER).join(name);
        fs::read_to_string(&file).with_context(|| format!("{}: Debian package dns-root-data", file.display()))
    };
    tally.check(
        "built-in anchors of the root as root.ds",
        read("root.ds").and_then(|text| compare_with(&text)),
    );
    let hints = read("root.hints").and_then(|text| compare_hints_with(&text));
    tally.check("built-in servers of the root as root.hints", hints);
    let key = Path::new(FOLDER).join("root.key");
    let digest = || quiet_output(Command::new("ldns-key2ds").args(["-n", "-2"]).arg(&key));
    tally.check("built-in anchors of the root as root.key", digest().and_then(|text| compare_with(&text)));
}

/// Whether DS records are the built-in ones, all of them and no others.
fn compare_with(text: &str) -> Result<()> {
    // Those built in are in the order of their tags.
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    let theirs = TrustAnchors::parse(&lines.join("\n"))?;
    let ours = TrustAnchors::iana();
    ensure!(theirs == ours, "built in are {ours:?}, Debian has {theirs:?}");
    Ok(())
}

/// Whether root hints are the built-in ones, all of them and no others.
fn compare_hints_with(text: &str) -> Result<()> {
    let (ours, theirs) = (records(ROOT_HINTS), records(text));
    let differing: Vec<_> = ours.symmetric_difference(&theirs).collect();
    ensure!(differing.is_empty(), "not in both: {differing:?}");
    Ok(())
}

/// The records of a file, one a line, in small letters and without comments.
fn records(text: &str) -> BTreeSet<String> {
    let lines = text.lines().map(|line| line.split(';').next().unwrap_or_default().to_ascii_lowercase());
    lines
        .map(|line| Vec::from_iter(line.split_whitespace()).join(" "))
        .filter(|line| !line.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: &str = "\
. IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
";

    #[test]
    fn all_of_them_and_no_others() {
        for (text, same, why) in [
            (BOTH.to_owned(), true, "in whatever order"),
            (BOTH.lines().take(1).collect(), false, "one is missing"),
            (format!("{BOTH}{}", BOTH.replace("38696", "38697")), false, "one more"),
            (BOTH.replace("683D", "683E"), false, "another digest"),
            (String::new(), false, "none"),
        ] {
            assert_eq!(compare_with(&text).is_ok(), same, "{why}");
        }
    }

    #[test]
    fn servers_are_compared_record_by_record() {
        for (text, same, why) in [
            (format!("; comment\n{}", ROOT_HINTS.to_ascii_uppercase()), true, "in whatever letters"),
            (ROOT_HINTS.replace("198.41.0.4", "198.41.0.5"), false, "another address"),
            (ROOT_HINTS.replace("\na.root-servers.net. 3600000 A ", "\n; "), false, "one is missing"),
            (String::new(), false, "none"),
        ] {
            assert_eq!(compare_hints_with(&text).is_ok(), same, "{why}");
        }
    }
}
