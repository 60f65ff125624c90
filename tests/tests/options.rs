//! Options that change what is asked for, each beside the same command without it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code outside test functions may panic too: that is how it fails"
)]

mod mxtls;

use mxtls::{at_lab, lab_of, run};
use mxtls_lab::{Lab, Scenario};
use serde_json::{Value, json};

/// Runs a command at the lab and gives back its first result, with the exit status.
fn first(lab: &Lab, word: &str, own: &[&str]) -> (Option<i32>, Value) {
    let own: Vec<String> = own.iter().map(|&word| word.to_owned()).collect();
    let ended = run(at_lab(lab, word, &own));
    (ended.status, ended.document()["results"][0].clone())
}

/// Less than the mandatory level is `defer`; nothing is sent below it.
#[test]
fn require() {
    let rows =
        ["dane-ee-match", "sts-enforce", "insecure-mx", "tlsa-unusable", "neither", "neither-no-starttls"];
    let lab = lab_of(&rows);
    let caller = "tls-required-by-caller";
    for (row, level, failure, why) in [
        ("dane-ee-match", "dane", None, "a TLSA match at a securely found host"),
        ("dane-ee-match", "authenticated", None, "it is verified"),
        ("sts-enforce", "dane", Some("tlsa-required"), "there is no TLSA record"),
        ("sts-enforce", "authenticated", None, "MTA-STS verifies"),
        ("insecure-mx", "dane", Some("tlsa-required"), "the host was not securely found"),
        ("insecure-mx", "authenticated", Some(caller), "trusted is not verified"),
        ("insecure-mx", "tls", None, "it is TLS"),
        ("tlsa-unusable", "dane", Some("tlsa-required"), "no usable record"),
        ("tlsa-unusable", "authenticated", Some(caller), "nothing authenticates"),
        ("tlsa-unusable", "tls", None, "it is TLS"),
        ("neither", "tls", None, "TLS of any kind"),
        ("neither", "authenticated", Some(caller), "nothing authenticates"),
        ("neither-no-starttls", "tls", Some(caller), "there is no TLS"),
    ] {
        let domain = format!("{row}.lab");
        let (status, result) = first(&lab, "check", &[&domain, "--require", level]);
        assert_eq!(result["failure"]["code"].as_str(), failure, "{row}, {level}: {why}");
        assert_eq!(status, Some(if failure.is_some() { 75 } else { 0 }), "{row}, {level}: {why}");

        let mut own = lab.send_arguments(lab.scenario(row));
        own.extend(["--require".to_owned(), level.to_owned()]);
        let before = lab.saw(row).mail();
        let ended = run(at_lab(&lab, "send", &own));
        let recipient = &ended.document()["envelopes"][0]["recipients"][0];
        assert_eq!(recipient["failure"]["code"].as_str(), failure, "{row}, {level}: {why}");
        let sent = lab.saw(row).mail() - before;
        assert_eq!(sent, u32::from(failure.is_none()), "{row}, {level}: {why}");
    }
    for row in rows {
        let (status, _) = first(&lab, "check", &[&format!("{row}.lab")]);
        assert_eq!(status, Some(0), "{row}: without the option it can be used");
    }
}

/// `tls: true` in a case file is the same as `--require tls`.
#[test]
fn a_case_may_ask_for_tls() {
    let lab = lab_of(&["neither", "neither-no-starttls"]);
    for (row, tls, failure) in [
        ("neither", "tls: true,", None),
        ("neither-no-starttls", "tls: true,", Some("tls-required-by-caller")),
        ("neither-no-starttls", "", None),
    ] {
        let case = format!(
            "{{ {tls} envelopes: [{{ mail: 'a@elsewhere.example', rcpt: ['b@{row}.lab'], subject: 's', message: 'm' }}] }}"
        );
        let file = lab.directory().join("case.json5");
        std::fs::write(&file, case).unwrap();
        let before = lab.saw(row).messages().count();
        let ended = run(at_lab(&lab, "send", &["--case".to_owned(), file.display().to_string()]));
        let recipient = &ended.document()["envelopes"][0]["recipients"][0];
        assert_eq!(recipient["failure"]["code"].as_str(), failure, "{row} {tls}");
        let sent = lab.saw(row).messages().count() - before;
        assert_eq!(sent, usize::from(failure.is_none()), "{row} {tls}");
    }
}

/// Certificates are judged as of `--at`, DNSSEC signatures and policy lifetimes never.
#[test]
fn at_another_time() {
    let lab = lab_of(&["sts-enforce", "dane-ee-match", "dane-ta-next-hop"]);
    for (row, at, failure, why) in [
        ("sts-enforce", "2200-01-01T00:00:00Z", Some("certificate-expired"), "long after its end"),
        ("dane-ta-next-hop", "2200-01-01T00:00:00Z", Some("certificate-expired"), "under a trust anchor too"),
        ("dane-ee-match", "2200-01-01T00:00:00Z", None, "RFC 7672 3.1.1: dates do not count for DANE-EE"),
    ] {
        // The policy host's certificate is judged by the same clock, and without a policy its fault would not show.
        let (_, now) = first(&lab, "check", &[&format!("{row}.lab")]);
        assert_eq!(now["verdict"], "deliver", "{row}");
        let (_, result) = first(&lab, "check", &[&format!("{row}.lab"), "--at", at]);
        if row == "sts-enforce" {
            assert_eq!(result["resolve"]["mta_sts"]["failure"]["code"], "policy-fetch", "{why}");
            assert_eq!(result["hosts"][0]["attempts"][0]["tls"]["web_pki"], failure.unwrap(), "{why}");
        } else {
            assert_eq!(result["failure"]["code"].as_str(), failure, "{row}: {why}");
        }
    }
}

/// `--first` stops at the first host that can be used; without it every host is connected to.
#[test]
fn first_usable_host() {
    let lab = lab_of(&["preferred-mx-without-tlsa"]);
    let domain = "preferred-mx-without-tlsa.lab";
    let (_, all) = first(&lab, "check", &[domain]);
    assert_eq!(all["hosts"].as_array().unwrap().len(), 2);
    assert_eq!(lab.saw("preferred-mx-without-tlsa").connections(), 2);
    let (_, some) = first(&lab, "check", &[domain, "--first"]);
    assert_eq!(some["hosts"].as_array().unwrap().len(), 1);
    assert_eq!(some["host"], all["host"]);
    assert_eq!(lab.saw("preferred-mx-without-tlsa").connections(), 3);
}

#[test]
fn one_address_family() {
    let lab = lab_of(&["dane-ee-match"]);
    let domain = "dane-ee-match.lab";
    let types = || -> Vec<String> {
        let of_host = lab.dns().queries(|query| query.name == "mx1.dane-ee-match.lab.");
        let types = of_host.iter().map(|query| query.rtype.to_string());
        types.filter(|rtype| matches!(rtype.as_str(), "A" | "AAAA")).collect()
    };
    let (_, result) = first(&lab, "resolve", &[domain, "--ipv4"]);
    assert_eq!(result["hosts"][0]["policy"], "dane");
    assert_eq!(types(), ["A"]);
    lab.dns().clear_log();
    let (status, result) = first(&lab, "resolve", &[domain, "--ipv6"]);
    let failure = &result["hosts"][0]["failure"];
    assert_eq!(failure["code"], "no-addresses");
    assert_eq!(failure["message"], "The mail server mx1.dane-ee-match.lab has no IPv6 address.");
    assert_eq!((types(), status), (vec!["AAAA".to_owned()], Some(75)));
}

/// A policy host that is excluded is not connected to, and its policy counts as one that could not be fetched.
#[test]
fn excluded_policy_host() {
    let lab = lab_of(&["sts-enforce"]);
    let policy_host = lab.address("sts-enforce", "mta-sts").to_string();
    let around = format!("{}.0.0.0/8", policy_host.split('.').next().unwrap());
    for (networks, source, failure, connections, why) in [
        (&["--exclude-net", &policy_host][..], "none", json!("policy-fetch"), 0, "the address"),
        (&["--exclude-net", "::/0", "--exclude-net", &around], "none", json!("policy-fetch"), 0, "a network"),
        (&["--exclude-net", "192.0.2.0/24"], "fetched", json!(null), 1, "another one"),
    ] {
        let (_, result) = first(&lab, "resolve", &[&["sts-enforce.lab"], networks].concat());
        let mta_sts = &result["mta_sts"];
        assert_eq!((&mta_sts["source"], &mta_sts["failure"]["code"]), (&json!(source), &failure), "{why}");
        if let Some(message) = mta_sts["failure"]["message"].as_str() {
            assert!(message.ends_with(" are excluded by configuration."), "{why}: {message}");
            let detail = mta_sts["failure"]["detail"].as_str().unwrap();
            assert!(detail.starts_with(&format!("{policy_host} is in ")), "{why}: {detail}");
        }
        assert_eq!(lab.saw("sts-enforce").policy_host.connections, connections, "{why}");

        let mut own = vec!["sts-enforce.lab".to_owned()];
        own.extend(networks.iter().map(|&word| word.to_owned()));
        let ended = run(at_lab(&lab, "mta-sts", &own));
        assert_eq!(ended.document()["failure"]["code"], failure, "mta-sts: {why}");
        assert_eq!(lab.saw("sts-enforce").policy_host.connections, 2 * connections, "mta-sts: {why}");
    }
}

/// What was left out is said, and what is left is shown.
#[test]
fn excluded_addresses_and_own_names_are_explained() {
    let lab = lab_of(&["neither-two-addresses", "own-name-elsewhere", "implicit-mx"]);
    let [one, two] = ["mx1", "mx2"].map(|key| lab.address("neither-two-addresses", key).to_string());
    let said = |result: &Value, step: &str| -> Vec<String> {
        let steps = result["explain"].as_array().unwrap().iter().filter(|said| said["step"] == step);
        steps.map(|said| said["result"].as_str().unwrap().to_owned()).collect()
    };
    let (_, result) = first(&lab, "resolve", &["neither-two-addresses.lab", "--exclude-net", &one]);
    assert_eq!(result["hosts"][0]["addresses"], json!([two]));
    let expected = format!("1 of 2 addresses excluded: {one} is in {one}/32");
    assert_eq!(said(&result, "excluded-address"), [expected]);

    // A host that the caller names is not connected to either.
    let networks = ["--exclude-net", &one, "--exclude-net", &two];
    for destination in ["[mx1.neither-two-addresses.lab]", "neither-two-addresses.lab"] {
        let (status, result) = first(&lab, "check", &[&[destination], &networks[..]].concat());
        let host = &result["hosts"][0];
        assert_eq!((status, &host["verdict"]), (Some(75), &json!("unreachable")), "{destination}");
        assert_eq!((&host["failure"]["code"], &host["attempts"]), (&json!("excluded-address"), &json!([])));
        assert_eq!(lab.saw("neither-two-addresses").connections(), 0, "{destination}");
    }

    let own = ["own-name-elsewhere.lab", "--own-name", "mx2.own-name-elsewhere.lab"];
    let (_, result) = first(&lab, "resolve", &own);
    assert_eq!(result["hosts"].as_array().unwrap().len(), 1);
    assert_eq!(said(&result, "own-name"), ["this host itself: preference 20 and all worse are left out"]);

    let (status, result) = first(&lab, "resolve", &["implicit-mx.lab", "--own-name", "implicit-mx.lab"]);
    assert_eq!(
        (status, &result["mx_source"], &result["mx_status"]),
        (Some(1), &json!("implicit"), &json!("secure"))
    );
    assert_eq!((&result["failure"]["code"], &result["hosts"]), (&json!("mx-loop"), &json!([])));
}

/// RFC 5321 §5.1: any order of equal preferences, and with a seed always the same.
#[test]
fn seed() {
    let lab = lab_of(&["equal-preferences"]);
    let order = |seed: u64| {
        let (_, result) = first(&lab, "resolve", &["equal-preferences.lab", "--seed", &seed.to_string()]);
        let hosts = result["hosts"].as_array().unwrap().iter();
        hosts.map(|host| host["host"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let orders: Vec<_> = (0..12).map(order).collect();
    assert_eq!(orders, (0..12).map(order).collect::<Vec<_>>());
    for host in ["mx1", "mx2", "mx3"].map(|key| format!("{key}.equal-preferences.lab")) {
        assert!(orders.iter().any(|order| order[0] == host), "{host} is the first for some seed: {orders:?}");
        assert!(orders.iter().all(|order| order.contains(&host)), "{host} is always there: {orders:?}");
    }
}

/// What is asked of hosts that were found insecurely.
#[test]
fn insecure_mx() {
    let lab = lab_of(&["insecure-mx"]);
    let tlsa_questions = || lab.dns().queries(|query| query.rtype.to_string() == "TLSA").len();
    for (level, policy, channel, outcome, questions) in [
        ("dane", "dane", "trusted", "records", 1),
        ("encrypt", "dane", "encrypted", "records", 1),
        ("may", "opportunistic", "encrypted", "not-asked", 0),
    ] {
        lab.dns().clear_log();
        let (status, result) = first(&lab, "check", &["insecure-mx.lab", "--insecure-mx", level]);
        assert_eq!((status, &result["policy"]), (Some(0), &json!(policy)), "{level}");
        assert_eq!(result["channel"], channel, "{level}: D72-36");
        let host = &result["resolve"]["hosts"][0];
        let checks = if channel == "trusted" { json!(["tlsa"]) } else { json!([]) };
        assert_eq!(
            (&host["tlsa_outcome"], &host["certificate_checks"]),
            (&json!(outcome), &checks),
            "{level}"
        );
        assert_eq!(tlsa_questions(), questions, "{level}");
        for required in ["dane", "authenticated"] {
            let own = ["insecure-mx.lab", "--insecure-mx", level, "--require", required];
            let (status, _) = first(&lab, "check", &own);
            assert_eq!(status, Some(75), "D72-33, {level}, {required}");
        }
    }
}

/// D72-35: the log names the host as the insecure MX record does, not what its alias leads to.
#[test]
fn d72_35_the_host_is_logged_under_the_name_of_the_mx_record() {
    let lab = Lab::start_with(Scenario::parse(INSECURE_ALIAS).unwrap()).unwrap();
    let own = ["insecure-alias.lab", "--log", "info", "--log-format", "json"].map(str::to_owned);
    let ended = run(at_lab(&lab, "check", &own));
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let events = ended.stderr.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let hosts: Vec<Value> = events
        .filter(|event| event["fields"]["message"] == "attempt")
        .map(|event| event["fields"]["host"].clone())
        .collect();
    assert_eq!(hosts, ["mx1.insecure-alias.lab"]);
}

const INSECURE_ALIAS: &str = r#"
[[scenario]]
name = "insecure-alias"
matrix = "opportunistic"
why = "an unsigned zone"
signing = "unsigned"
zone = """
@     MX     10 mx1
mx1   CNAME  real
real  A      {ip mx1}
"""
servers.mx1 = { certificate.issuer = "itself" }
expected = { verdict = "deliver", channel = "encrypted", policy = "opportunistic", connections = 1, mail = 1, data = 1 }
"#;

/// Which TLSA records count, for a domain and for one host alone.
#[test]
fn dane_profile() {
    let lab = lab_of(&["pkix-ee-smtp", "pkix-ta-smtp", "dane-ee-match"]);
    for (row, profile, usable, why) in [
        ("pkix-ee-smtp", None, false, "RFC 7672 3.1.3 is the default"),
        ("pkix-ta-smtp", Some("smtp"), false, "and can be asked for"),
        ("pkix-ee-smtp", Some("full"), true, "usage 1"),
        ("pkix-ta-smtp", Some("full"), true, "usage 0"),
        ("dane-ee-match", Some("full"), true, "usage 3 is in both"),
    ] {
        let (domain, host) = (format!("{row}.lab"), format!("mx1.{row}.lab"));
        let option = profile.map_or(vec![], |profile| vec!["--dane-profile", profile]);
        let (_, whole) = first(&lab, "resolve", &[&[domain.as_str()], option.as_slice()].concat());
        let (_, alone) =
            first(&lab, "resolve", &[&["--dane-only", host.as_str()], option.as_slice()].concat());
        for found in [&whole["hosts"][0], &alone] {
            let checks = if usable { json!(["tlsa"]) } else { json!([]) };
            assert_eq!((&found["policy"], &found["certificate_checks"]), (&json!("dane"), &checks), "{why}");
            let record = &found["tlsa"][0];
            assert_eq!((&record["usable"], record["reason"].is_null()), (&json!(usable), usable), "{why}");
        }
        let (_, checked) = first(&lab, "check", &[&[domain.as_str()], option.as_slice()].concat());
        let channel = if usable { "verified" } else { "encrypted" };
        assert_eq!(checked["channel"], channel, "{why}");
        assert_eq!(checked["hosts"][0]["attempts"][0]["tls"]["matched"].is_null(), !usable, "{why}");
    }
}

#[test]
fn protocols_and_ciphers() {
    let lab = lab_of(&["dane-ee-match"]);
    let tls = |own: &[&str]| {
        let (_, result) = first(&lab, "check", &[&["dane-ee-match.lab"], own].concat());
        let tls = result["hosts"][0]["attempts"][0]["tls"].clone();
        (tls["version"].clone(), tls["cipher_suite"].clone())
    };
    assert_eq!(tls(&[]).0, "TLSv1.3");
    assert_eq!(tls(&["--protocols", "TLSv1.2"]).0, "TLSv1.2");
    let one = "TLS_CHACHA20_POLY1305_SHA256";
    assert_eq!(tls(&["--ciphers", one]), (json!("TLSv1.3"), json!(one)));
}

/// Each way to write a destination, with the domain that it is about.
#[test]
fn destinations() {
    let lab = lab_of(&["dane-ee-match"]);
    for (destination, domain, why) in [
        ("DANE-EE-match.LAB", "dane-ee-match.lab", "folded"),
        ("dane-ee-match.lab.", "dane-ee-match.lab", "without the trailing dot"),
        ("someone@dane-ee-match.lab", "dane-ee-match.lab", "the domain of an address counts"),
        ("\"a@b\"@dane-ee-match.lab", "dane-ee-match.lab", "a quoted local part may hold an @"),
        (
            "dane\u{2d}ee-match\u{3002}lab",
            "dane-ee-match.lab",
            "an ideographic full stop separates labels in U-labels",
        ),
    ] {
        let (status, result) = first(&lab, "resolve", &[destination]);
        assert_eq!(result["domain"], domain, "{why}");
        assert_eq!((status, &result["hosts"][0]["policy"]), (Some(0), &json!("dane")), "{why}");
    }
    let (_, result) = first(&lab, "resolve", &["bücher.lab"]);
    assert_eq!(result["domain"], "xn--bcher-kva.lab", "U-labels become A-labels");
    assert_eq!(result["failure"]["code"], "no-such-domain");
    let (status, result) = first(&lab, "check", &["[mx1.dane-ee-match.lab]"]);
    assert_eq!((status, &result["channel"]), (Some(0), &json!("verified")), "a host, securely found");
    let port = lab.port().to_string();
    let host = format!("[mx1.dane-ee-match.lab]:{port}");
    let mut own = at_lab(&lab, "resolve", &[host]);
    // The port in the destination counts, not the one for all others.
    let at = own.iter().position(|word| word == "--port").unwrap();
    own[at + 1] = "1".to_owned();
    let found = run(own).document()["results"][0]["hosts"][0].clone();
    assert_eq!((&found["port"], &found["policy"]), (&json!(lab.port()), &json!("dane")));
}

/// Where a domain is expected, that of an e-mail address counts.
#[test]
fn an_address_for_a_domain() {
    let lab = lab_of(&["sts-enforce"]);
    let of = |own: &[&str]| {
        let own: Vec<String> = own.iter().map(|&word| word.to_owned()).collect();
        let ended = run(at_lab(&lab, "mta-sts", &own));
        assert_eq!(ended.status, Some(0), "{own:?}: {ended:?}");
        ended.document()
    };
    let domain = of(&["sts-enforce.lab"]);
    for own in [&["someone@sts-enforce.lab"][..], &["--domain", "\"a@b\"@STS-Enforce.lab"]] {
        assert_eq!(of(own), domain, "{own:?}");
    }
}
