//! The trust anchors of the root that are built in, beside those that Debian's `dns-root-data` has from IANA.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use dnssec::TrustAnchors;

use crate::cargo::quiet_output;
use crate::tally::Tally;

/// Where the package has its files: `root.ds` with DS records, `root.key` with the same keys as DNSKEY records.
const FOLDER: &str = "/usr/share/dns";

pub(super) fn compare(tally: &mut Tally) {
    let ds = Path::new(FOLDER).join("root.ds");
    let read =
        || fs::read_to_string(&ds).with_context(|| format!("{}: Debian package dns-root-data", ds.display()));
    tally.check("built-in anchors of the root as root.ds", read().and_then(|text| compare_with(&text)));
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
}
