//! A machine without root certificates cannot authenticate a policy host. That is no reason to send as if there were no policy.
#![allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and takes what it needs of the common file"
)]

mod mxtls;

use mxtls::{Running, command, lab_of};
use mxtls_lab::Lab;
use serde_json::{Value, json};

/// `mxtls send` to a scenario, where neither the command line nor the platform has root certificates.
fn send_without_roots(lab: &Lab, name: &str) -> (Option<i32>, Value) {
    let mut arguments = vec!["send".to_owned(), "--json".to_owned()];
    let mut options = lab.options().into_iter();
    while let Some(option) = options.next() {
        let value = options.next().unwrap();
        if option != "--ca-file" {
            arguments.extend([option, value]);
        }
    }
    arguments.extend(lab.send_arguments(lab.scenario(name)));
    let nowhere = lab.directory().join("nowhere");
    let mut command = command(arguments);
    command.env("SSL_CERT_FILE", &nowhere).env("SSL_CERT_DIR", &nowhere);
    let ended = Running::start(&mut command).end();
    (ended.status, ended.document()["envelopes"][0]["recipients"][0].clone())
}

#[test]
fn a_policy_that_cannot_be_authenticated_here_delays() {
    for (name, delivered, why) in [
        ("sts-enforce", false, "the domain has a record: what its policy says is not known"),
        ("insecure-mx-sts-enforce", false, "DANE alone would authenticate whatever host the MX names"),
        ("attacker-forges-mx", false, "as the attacker's, which is not the domain's"),
        ("dane-ee-match", true, "DANE needs no roots"),
        ("neither", true, "there is no policy to authenticate"),
    ] {
        let lab = lab_of(&[name]);
        let (status, recipient) = send_without_roots(&lab, name);
        let verdict = if delivered { "deliver" } else { "defer" };
        assert_eq!(
            (status, &recipient["verdict"]),
            (Some(if delivered { 0 } else { 75 }), &json!(verdict)),
            "{why}"
        );
        let saw = lab.saw(name);
        assert_eq!((saw.connections(), saw.data()), if delivered { (1, 1) } else { (0, 0) }, "{why}");
        if !delivered {
            assert_eq!(recipient["failure"]["code"], "certificate-untrusted", "{why}");
        }
    }
}
