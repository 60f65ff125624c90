//! The order of the house: a crate knows those above it, never one below, and some do not know each other at all.

use anyhow::{Context, Result, ensure};

use crate::cargo::{Metadata, Package};

/// The packages from the top down.
const ORDER: [&str; 11] = [
    "dnssec",
    "dane",
    "mta-sts",
    "tls-rpt",
    "mxtls-policy",
    "mxtls-verifier",
    "mxtls-smtp-client",
    "mx-resolve",
    "mxtls",
    "mxtls-lab",
    "xtask",
];

/// How many of them, from the top, know none of ours at all.
const STRANGERS: usize = 4;

/// Checks the dependencies of all members, those of their tests and build scripts too.
///
/// The one exception: the tests of the lab's package know everything, being where whatever needs the lab is tested; the
/// lab itself knows none of ours.
pub(crate) fn check(metadata: &Metadata) -> Result<()> {
    let mut wrong = Vec::new();
    for package in &metadata.packages {
        let place = place(&package.name)?;
        for dependency in package.dependencies.iter().filter(|dependency| dependency.path.is_some()) {
            let allowed = match package.name.as_str() {
                "mxtls-lab" => dependency.kind.as_deref() == Some("dev"),
                // `dnssec` for the anchors that are built in: no binary shows them.
                "xtask" => matches!(dependency.name.as_str(), "mxtls-lab" | "dnssec"),
                _ => place >= STRANGERS && self::place(&dependency.name)? < place,
            };
            if !allowed {
                wrong.push(format!("{} knows {}", package.name, dependency.name));
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join(", "));
    ensure!(knows_some(&metadata.packages), "no dependency between members was found, and there are some");
    Ok(())
}

fn place(name: &str) -> Result<usize> {
    ORDER.iter().position(|other| *other == name).with_context(|| format!("{name} has no place in the order"))
}

fn knows_some(packages: &[Package]) -> bool {
    packages.iter().any(|package| package.dependencies.iter().any(|dependency| dependency.path.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(package: &str, dependency: &str, kind: &str) -> Metadata {
        serde_json::from_str(&format!(
            r#"{{"target_directory":"","packages":[{{"name":"{package}","version":"1.0.0","targets":[],"publish":null,
            "dependencies":[{{"name":"{dependency}","path":"/x","kind":{kind}}}]}}]}}"#
        ))
        .unwrap()
    }

    #[test]
    fn who_may_know_whom() {
        for (package, dependency, kind, allowed) in [
            ("mxtls-policy", "dane", "null", true),
            ("mxtls-policy", "dane", r#""dev""#, true),
            ("dane", "mxtls-policy", "null", false),
            ("dane", "mxtls-lab", r#""dev""#, false),
            ("mta-sts", "dnssec", "null", false),
            ("mta-sts", "dnssec", r#""dev""#, false),
            ("mxtls", "mxtls-lab", r#""dev""#, false),
            ("mxtls-lab", "mx-resolve", r#""dev""#, true),
            ("mxtls-lab", "mx-resolve", "null", false),
            ("xtask", "mxtls-lab", "null", true),
            ("xtask", "dnssec", "null", true),
            ("xtask", "mx-resolve", "null", false),
            ("stranger", "dane", "null", false),
        ] {
            let result = check(&metadata(package, dependency, kind));
            assert_eq!(result.is_ok(), allowed, "{package} knows {dependency} ({kind}): {result:?}");
        }
    }
}
