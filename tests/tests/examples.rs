//! The examples run, and what they say is true.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

use mxtls_lab::{Lab, Scenario};
use mxtls_smtp_client::AttemptVerdict;

#[allow(dead_code, reason = "main is for `cargo run --example`")]
#[path = "../examples/basic_secure_delivery.rs"]
mod basic_secure_delivery;
#[allow(dead_code, reason = "main is for `cargo run --example`")]
#[path = "../examples/manual_policy.rs"]
mod manual_policy;
#[allow(dead_code, reason = "main is for `cargo run --example`")]
#[path = "../examples/policy_kinds.rs"]
mod policy_kinds;

fn lab(names: &[&str]) -> Lab {
    let rows = Scenario::all().unwrap().into_iter().filter(|row| names.contains(&row.name.as_str()));
    Lab::start_with(rows.collect()).unwrap()
}

#[tokio::test]
async fn basic_secure_delivery_delivers() {
    let lab = lab(&["dane-ee-match"]);
    basic_secure_delivery::run(&lab).await.unwrap();
    assert_eq!(lab.saw("dane-ee-match").data(), 1);
}

#[tokio::test]
async fn policy_kinds_names_all_three() {
    let lab = lab(&["dane-ee-match", "sts-enforce", "neither"]);
    let lines = policy_kinds::run(&lab).await.unwrap();
    let expected = [
        "dane-ee-match.lab: DANE, 1 TLSA record(s)",
        "sts-enforce.lab: MTA-STS, mode enforce",
        "neither.lab: TLS if the server offers it, else clear text",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn manual_policy_is_enforced() {
    let lab = lab(&["dane-ee-match"]);
    let attempt = manual_policy::run(&lab).await.unwrap();
    assert_eq!(attempt.verdict, AttemptVerdict::Accept);
    assert_eq!(attempt.tls.unwrap().matched.unwrap().index, 0);
}
