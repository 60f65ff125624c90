//! Other people's types in the public API of our packages: only those of the boundaries.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::cargo::{Package, run};
use crate::publish_check::Unpacked;

/// What may stand in any public API: the language's own, and the two that everybody shares.
const EVERYWHERE: [&str; 6] = ["std", "core", "alloc", "rustls_pki_types", "serde", "serde_core"];

/// Our own crates, as the compiler names them. The order of the house says who may know whom.
const OURS: [&str; 8] = [
    "dnssec",
    "dane",
    "mta_sts",
    "tls_rpt",
    "mxtls_policy",
    "mxtls_verifier",
    "mxtls_smtp_client",
    "mx_resolve",
];

/// What a package may show besides: a crate, or a module of it.
fn allowed(package: &str) -> &'static [&'static str] {
    match package {
        "dnssec" => &["hickory_proto"],
        "mxtls-verifier" => &["rustls"],
        "mxtls-smtp-client" => &["rustls", "tokio::io"],
        _ => &[],
    }
}

/// Holds the public API of a package, with all its features, against the list.
pub(crate) fn check(unpacked: &Unpacked, package: &Package) -> Result<()> {
    let mut rustdoc = unpacked.cargo()?;
    rustdoc.args(["rustdoc", "--quiet", "--lib", "--all-features", "-p", &package.name]);
    rustdoc.args(["--", "-Z", "unstable-options", "--output-format", "json"]);
    // The JSON of rustdoc is not stable yet. Whoever uses another toolchain than CI may have to wait for this check.
    run(rustdoc.env("RUSTC_BOOTSTRAP", "1"))?;
    let file = unpacked.target().join("doc").join(format!("{}.json", package.name.replace('-', "_")));
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let crate_: Crate = serde_json::from_str(&text).context("rustdoc's JSON")?;
    let foreign = foreign(&crate_, allowed(&package.name));
    ensure!(foreign.is_empty(), "it shows {}", foreign.into_iter().collect::<Vec<_>>().join(", "));
    Ok(())
}

/// Where the API names what is not on the list.
fn foreign(crate_: &Crate, allowed: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for item in crate_.index.values().filter(|item| item.is_public() && !item.is_automatic()) {
        let mut ids = BTreeSet::new();
        named_in(&item.inner, &mut ids);
        for path in ids.iter().filter_map(|id| crate_.paths.get(&id.to_string())) {
            if path.crate_id != 0 && !path.is_allowed(allowed) {
                let place = item.name.as_deref().unwrap_or("an impl");
                found.insert(format!("{} ({place})", path.path.join("::")));
            }
        }
    }
    found
}

/// The ids of all items that a description names: of types, of traits, of what a `use` brings in.
fn named_in(value: &Value, ids: &mut BTreeSet<u64>) {
    match value {
        Value::Object(fields) => {
            if let Some(id) = fields.get("id").and_then(Value::as_u64) {
                ids.insert(id);
            }
            fields.values().for_each(|field| named_in(field, ids));
        }
        Value::Array(values) => values.iter().for_each(|value| named_in(value, ids)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The part of rustdoc's JSON that is read here.
#[derive(Deserialize)]
struct Crate {
    index: BTreeMap<String, Item>,
    paths: BTreeMap<String, ItemPath>,
}

#[derive(Deserialize)]
struct Item {
    crate_id: u32,
    name: Option<String>,
    /// `"public"`, `"default"` for what has none of its own, or something narrower.
    visibility: Value,
    inner: Value,
}

impl Item {
    fn is_public(&self) -> bool {
        self.crate_id == 0 && (self.visibility == "public" || self.visibility == "default")
    }

    /// An impl that nobody wrote for this type: `impl<T> Any for T`, `impl Send for …`.
    fn is_automatic(&self) -> bool {
        let Some(impl_) = self.inner.get("impl") else { return false };
        impl_.get("blanket_impl").is_some_and(|of| !of.is_null())
            || impl_.get("is_synthetic") == Some(&Value::Bool(true))
    }
}

#[derive(Deserialize)]
struct ItemPath {
    crate_id: u32,
    path: Vec<String>,
}

impl ItemPath {
    fn is_allowed(&self, allowed: &[&str]) -> bool {
        let Some(crate_) = self.path.first() else { return false };
        let path = self.path.join("::");
        EVERYWHERE.contains(&crate_.as_str())
            || OURS.contains(&crate_.as_str())
            || allowed
                .iter()
                .any(|prefix| path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with("::")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn api(inner: Value, visibility: &str) -> Crate {
        let json = json!({
            "index": { "1": { "crate_id": 0, "name": "f", "visibility": visibility, "inner": inner } },
            "paths": {
                "7": { "crate_id": 3, "path": ["tokio", "net", "TcpStream"] },
                "8": { "crate_id": 3, "path": ["tokio", "io", "AsyncRead"] },
                "9": { "crate_id": 1, "path": ["core", "option", "Option"] },
            },
        });
        serde_json::from_value(json).unwrap()
    }

    fn function(id: u64) -> Value {
        let inner = json!({ "resolved_path": { "path": "X", "id": id, "args": null } });
        let args = json!({ "angle_bracketed": { "args": [{ "type": inner }] } });
        json!({ "function": { "sig": { "inputs": [["x", { "resolved_path": { "path": "Option", "id": 9, "args": args } }]] } } })
    }

    #[test]
    fn foreign_types_are_found_wherever_they_stand() {
        let blanket =
            json!({ "impl": { "blanket_impl": { "generic": "T" }, "trait": { "path": "X", "id": 7 } } });
        let written = json!({ "impl": { "blanket_impl": null, "trait": { "path": "X", "id": 7 } } });
        let none: &[&str] = &[];
        for (inner, visibility, allowed, count, why) in [
            (function(7), "public", none, 1, "as a parameter's parameter"),
            (function(7), "crate", none, 0, "not public"),
            (function(9), "public", none, 0, "the language's own"),
            (function(8), "public", &["tokio::io"], 0, "a module on the list"),
            (function(7), "public", &["tokio::io"], 1, "another module of the same crate"),
            (function(7), "public", &["tok"], 1, "a prefix is whole words"),
            (json!({ "use": { "source": "tokio::net", "id": 7 } }), "public", none, 1, "a re-export"),
            (written, "default", none, 1, "an impl of a foreign trait"),
            (blanket, "default", none, 0, "an impl that the foreign crate has for everything"),
        ] {
            assert_eq!(foreign(&api(inner, visibility), allowed).len(), count, "{why}");
        }
    }
}
