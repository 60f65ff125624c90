//! `mxtls matrix`: the ids in their order, and what follows from each.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code outside test functions may panic too"
)]

mod process;

use process::{fields, run};
use serde_json::json;

#[test]
fn rows() {
    let ended = run(["matrix", "--json"]);
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
    let document = ended.document();
    assert_eq!(fields(&document), ["schema", "rows"]);
    let rows = document["rows"].as_array().unwrap();
    let expected = [
        ("dane-usable", json!([["dane"], true, ["tlsa"], false])),
        ("dane-unusable", json!([["dane"], true, [], false])),
        ("dane-unusable-sts-enforce", json!([["dane", "mta-sts"], true, ["web-pki"], false])),
        ("dane-insecure-mx", json!([["dane"], true, ["tlsa"], false])),
        ("dane-insecure-mx-sts-enforce", json!([["dane", "mta-sts"], true, ["tlsa", "web-pki"], false])),
        ("sts-enforce", json!([["mta-sts"], true, ["web-pki"], false])),
        ("sts-testing", json!([["mta-sts"], false, [], true])),
        ("opportunistic", json!([["opportunistic"], false, [], true])),
        ("mx-error", json!([[], null, [], false])),
        ("host-error", json!([[], null, [], false])),
    ];
    assert_eq!(rows.len(), expected.len());
    for (row, (id, consequences)) in rows.iter().zip(expected) {
        assert_eq!(
            fields(row),
            ["id", "scenario", "policies", "tls_mandatory", "certificate_checks", "fallback", "decision"]
        );
        assert_eq!(row["id"], id);
        let found =
            json!([row["policies"], row["tls_mandatory"], row["certificate_checks"], row["fallback"]]);
        assert_eq!(found, consequences, "{id}");
        assert!(row["scenario"].as_str().is_some_and(|scenario| !scenario.is_empty()), "{id}");
    }
}

#[test]
fn the_page_has_the_same_rows_without_colours() {
    let page = run(["matrix"]).stdout;
    let ids: Vec<&str> = page.lines().skip(1).map(|line| line.split_whitespace().next().unwrap()).collect();
    let document = run(["matrix", "--json"]).document();
    let expected: Vec<&str> =
        document["rows"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids, expected);
    assert!(!page.contains('\u{1b}'), "no colours where standard output is no terminal");
}
