//! Every JSON document of every command against field lists typed by hand: scripts rely on them word for word.
//!
//! A field that is missing, one that is not in the list, a value of another type and a word outside its closed list all fail; so does
//! an exit status other than stated, and anything beside the one document on standard output.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code outside test functions may panic too: that is how it fails"
)]

mod mxtls;

use mxtls::{Ended, INSECURE_TLSA, at_lab, lab_of, run};
use mxtls_lab::{Lab, Scenario};
use serde_json::{Value, json};

/// What a value must look like.
enum Shape {
    Text,
    /// A time of RFC 3339 in UTC.
    Time,
    Number,
    Bool,
    /// One of a closed list.
    Word(&'static [&'static str]),
    /// An object with any fields, whose names are data.
    Any,
    Maybe(&'static Shape),
    List(&'static Shape),
    /// Exactly these fields.
    Fields(&'static [(&'static str, Shape)]),
    /// A list of fields and more of them.
    Both(&'static Shape, &'static Shape),
}
use Shape::{Any, Bool, Both, Fields, List, Maybe, Number, Text, Time, Word};

const CHANNEL: Shape = Word(&["verified", "trusted", "encrypted", "cleartext"]);
const POLICY: Shape = Word(&["dane", "mta-sts", "opportunistic"]);
const STATUS: Shape = Word(&["secure", "insecure"]);
const VERDICT: Shape = Word(&["deliver", "defer", "bounce"]);
const HOST_VERDICT: Shape = Word(&["accept", "reject", "unreachable"]);
const CHECK: Shape = Word(&["tlsa", "web-pki"]);
const ALIAS: Shape = Word(&["cname", "dname"]);

/// Each code with its enhanced status; `None` where the status is the server's, or depends on what is wrong with the message.
const CODES: &[(&str, Option<&str>)] = &[
    ("dns-bogus", Some("4.7.5")),
    ("dns-indeterminate", Some("4.7.5")),
    ("dns-servfail", Some("4.4.3")),
    ("dns-timeout", Some("4.4.3")),
    ("dns-malformed", Some("4.4.3")),
    ("dns-budget", Some("4.4.3")),
    ("null-mx", Some("5.1.10")),
    ("no-such-domain", Some("5.1.2")),
    ("mx-loop", Some("5.4.6")),
    ("no-addresses", None),
    ("ip-address-mx", Some("4.4.4")),
    ("cname-loop", Some("4.4.4")),
    ("excluded-address", Some("4.4.4")),
    ("connect-refused", Some("4.4.1")),
    ("connect-timeout", Some("4.4.1")),
    ("greeting-refused", Some("4.3.2")),
    ("timeout", Some("4.4.2")),
    ("connection-lost", Some("4.4.2")),
    ("unknown-outcome", Some("4.4.2")),
    ("protocol-error", Some("4.5.0")),
    ("response-too-long", Some("4.5.0")),
    ("injection", Some("4.7.0")),
    ("starttls-not-offered", Some("4.7.4")),
    ("starttls-refused", Some("4.7.4")),
    ("tls-handshake", Some("4.7.5")),
    ("tls-version", Some("4.7.5")),
    ("tlsa-no-match", Some("4.7.5")),
    ("tlsa-required", Some("4.7.5")),
    ("certificate-expired", Some("4.7.5")),
    ("certificate-not-yet-valid", Some("4.7.5")),
    ("certificate-host-mismatch", Some("4.7.5")),
    ("certificate-untrusted", Some("4.7.5")),
    ("certificate-malformed", Some("4.7.5")),
    ("mx-not-in-policy", Some("4.7.5")),
    ("tls-required-by-caller", Some("4.7.10")),
    ("tls-required-by-policy", Some("4.7.10")),
    ("requiretls-unsupported", Some("5.7.30")),
    ("interrupted", Some("4.3.2")),
    ("rejected-by-server", None),
    ("message-refused", None),
];

/// These stand in `mta_sts.failure` alone, which may hold a DNS error too.
const POLICY_CODES: &[&str] = &["policy-record-invalid", "policy-invalid", "policy-fetch"];

static FAILURE: Shape = Fields(&[
    ("code", Text),
    ("message", Text),
    ("enhanced_status", Text),
    ("rfc", Maybe(&Text)),
    ("detail", Maybe(&Text)),
]);

static STEP: Shape = Fields(&[
    ("step", Text),
    ("subject", Text),
    ("result", Text),
    ("status", Maybe(&STATUS)),
    ("rfc", Maybe(&Text)),
    ("children", List(&STEP)),
]);

static OUTCOME: Shape = Word(&["records", "no-data", "no-such-name", "not-asked"]);

static HOST: Shape = Fields(&[
    ("preference", Number),
    ("host", Text),
    ("port", Number),
    ("addresses", List(&Text)),
    ("address_status", Maybe(&STATUS)),
    ("policy", Maybe(&POLICY)),
    ("policies", List(&POLICY)),
    ("tls_mandatory", Maybe(&Bool)),
    ("certificate_check", Maybe(&Word(&["tlsa", "web-pki", "none"]))),
    ("certificate_checks", List(&CHECK)),
    ("fallback", Bool),
    ("tlsa_base", Maybe(&Text)),
    ("tlsa_status", Maybe(&STATUS)),
    ("tlsa_outcome", Maybe(&OUTCOME)),
    (
        "tlsa_candidates",
        List(&Fields(&[("name", Text), ("status", Maybe(&STATUS)), ("outcome", Maybe(&OUTCOME))])),
    ),
    (
        "tlsa",
        List(&Fields(&[
            ("usage", Number),
            ("selector", Number),
            ("matching", Number),
            ("data", Text),
            ("usable", Bool),
            ("reason", Maybe(&Text)),
        ])),
    ),
    ("reference_ids", List(&Text)),
    ("sni", Maybe(&Text)),
    ("failure", Maybe(&FAILURE)),
]);

static RESOLVED: Shape = Fields(&[
    ("domain", Text),
    ("next_hop", Text),
    ("mx_source", Word(&["mx", "implicit", "host", "literal"])),
    ("mx_status", Maybe(&STATUS)),
    (
        "mta_sts",
        Maybe(&Fields(&[
            ("record", Maybe(&Text)),
            ("id", Maybe(&Text)),
            ("mode", Maybe(&Word(&["enforce", "testing", "none"]))),
            ("max_age", Maybe(&Number)),
            ("mx", List(&Text)),
            ("source", Word(&["fetched", "cache", "none"])),
            ("failure", Maybe(&FAILURE)),
        ])),
    ),
    ("hosts", List(&HOST)),
    ("failure", Maybe(&FAILURE)),
    ("explain", List(&STEP)),
]);

static RESOLVE: Shape = Fields(&[("schema", Number), ("results", List(&RESOLVED))]);
static DANE_ONLY: Shape = Fields(&[("schema", Number), ("results", List(&HOST))]);

static ATTEMPT: Shape = Fields(&[
    ("address", Text),
    ("port", Number),
    ("verdict", HOST_VERDICT),
    ("channel", Maybe(&CHANNEL)),
    ("failure", Maybe(&FAILURE)),
    ("starttls", Maybe(&Word(&["accepted", "refused", "not-offered", "not-sent"]))),
    (
        "tls",
        Maybe(&Fields(&[
            ("version", Maybe(&Word(&["TLSv1.2", "TLSv1.3"]))),
            ("cipher_suite", Maybe(&Text)),
            ("sni", Maybe(&Text)),
            (
                "matched",
                Maybe(&Fields(&[
                    ("usage", Number),
                    ("selector", Number),
                    ("matching", Number),
                    ("depth", Number),
                    ("index", Number),
                ])),
            ),
            (
                "web_pki",
                Maybe(&Word(&[
                    "valid",
                    "certificate-expired",
                    "certificate-not-yet-valid",
                    "certificate-host-mismatch",
                    "certificate-untrusted",
                    "certificate-malformed",
                ])),
            ),
            (
                "certificates",
                List(&Fields(&[
                    ("subject", Text),
                    ("issuer", Text),
                    ("not_after", Time),
                    ("spki_sha256", Text),
                ])),
            ),
        ])),
    ),
]);

static CHECKED: Shape = Fields(&[
    ("schema", Number),
    (
        "results",
        List(&Fields(&[
            ("domain", Text),
            ("verdict", VERDICT),
            ("channel", Maybe(&CHANNEL)),
            ("policy", Maybe(&POLICY)),
            ("host", Maybe(&Text)),
            ("failure", Maybe(&FAILURE)),
            ("would_fail", Maybe(&FAILURE)),
            (
                "hosts",
                List(&Fields(&[
                    ("host", Text),
                    ("preference", Number),
                    ("policy", Maybe(&POLICY)),
                    ("verdict", HOST_VERDICT),
                    ("channel", Maybe(&CHANNEL)),
                    ("failure", Maybe(&FAILURE)),
                    ("attempts", List(&ATTEMPT)),
                ])),
            ),
            ("resolve", Both(&RESOLVED, &Fields(&[]))),
        ])),
    ),
]);

static SENT: Shape = Fields(&[
    ("schema", Number),
    (
        "envelopes",
        List(&Fields(&[
            ("mail", Text),
            (
                "recipients",
                List(&Fields(&[
                    ("rcpt", Text),
                    ("verdict", VERDICT),
                    ("code", Maybe(&Number)),
                    ("enhanced_status", Maybe(&Text)),
                    ("host", Maybe(&Text)),
                    ("channel", Maybe(&CHANNEL)),
                    ("policy", Maybe(&POLICY)),
                    ("text", Maybe(&Text)),
                    ("failure", Maybe(&FAILURE)),
                ])),
            ),
            ("attempts", List(&Both(&Fields(&[("host", Text)]), &ATTEMPT))),
        ])),
    ),
]);

static LINT: Shape = Fields(&[("code", Text), ("line", Maybe(&Number)), ("message", Text)]);

static MTA_STS: Shape = Fields(&[
    ("schema", Number),
    ("domain", Text),
    ("valid", Bool),
    (
        "record",
        Maybe(&Fields(&[("valid", Bool), ("id", Maybe(&Text)), ("extensions", Any), ("error", Maybe(&Any))])),
    ),
    (
        "policy",
        Maybe(&Fields(&[
            ("valid", Bool),
            ("mode", Maybe(&Word(&["enforce", "testing", "none"]))),
            ("max_age", Maybe(&Number)),
            ("mx", List(&Text)),
            ("extensions", Any),
            ("lints", List(&LINT)),
            ("error", Maybe(&Any)),
        ])),
    ),
    ("hosts", List(&Fields(&[("host", Text), ("match", Bool), ("pattern", Maybe(&Text))]))),
    ("lints", List(&LINT)),
    ("failure", Maybe(&FAILURE)),
]);

static VERDICT_ON_DNS: Shape = Fields(&[
    ("name", Text),
    ("type", Text),
    ("status", Maybe(&STATUS)),
    ("outcome", Maybe(&Word(&["records", "no-data", "no-such-name"]))),
    ("records", List(&Text)),
    ("chain", List(&Fields(&[("name", Text), ("alias", ALIAS), ("status", STATUS)]))),
    ("ttl", Maybe(&Number)),
    ("failure", Maybe(&FAILURE)),
]);

static DNS: Shape = Fields(&[("schema", Number), ("results", List(&VERDICT_ON_DNS))]);
static DNS_EXPLAINED: Shape = Fields(&[
    ("schema", Number),
    ("results", List(&Both(&VERDICT_ON_DNS, &Fields(&[("proof", List(&Text))])))),
]);

static TLSA_MADE: Shape = Fields(&[("schema", Number), ("owner", Maybe(&Text)), ("record", Text)]);

static TLSA_VERIFIED: Shape = Fields(&[
    ("schema", Number),
    (
        "result",
        Word(&[
            "match",
            "no-match",
            "unusable",
            "host-mismatch",
            "expired",
            "not-yet-valid",
            "untrusted",
            "malformed",
        ]),
    ),
    ("depth", Maybe(&Number)),
    (
        "matched",
        Maybe(&Fields(&[("usage", Number), ("selector", Number), ("matching", Number), ("index", Number)])),
    ),
    ("records", List(&Fields(&[("usable", Bool), ("reason", Maybe(&Text))]))),
    ("error", Maybe(&Text)),
]);

static MATRIX: Shape = Fields(&[
    ("schema", Number),
    (
        "rows",
        List(&Fields(&[
            ("id", Text),
            ("scenario", Text),
            ("policies", List(&POLICY)),
            ("tls_mandatory", Maybe(&Bool)),
            ("certificate_checks", List(&CHECK)),
            ("fallback", Bool),
            ("decision", Maybe(&Number)),
        ])),
    ),
]);

static ERROR: Shape = Fields(&[
    ("schema", Number),
    (
        "error",
        Fields(&[
            ("message", Text),
            ("file", Maybe(&Text)),
            ("line", Maybe(&Number)),
            ("column", Maybe(&Number)),
        ]),
    ),
]);

impl Shape {
    /// What is wrong with `value`, each with the path to it.
    fn faults(&self, path: &str, value: &Value, faults: &mut Vec<String>) {
        let expected = match self {
            Text if value.is_string() => return,
            Text => "a string".to_owned(),
            Time if value.as_str().is_some_and(is_utc_time) => return,
            Time => "a time of RFC 3339 in UTC".to_owned(),
            Number if value.is_u64() => return,
            Number => "a whole number".to_owned(),
            Bool if value.is_boolean() => return,
            Bool => "true or false".to_owned(),
            Word(words) if value.as_str().is_some_and(|word| words.contains(&word)) => return,
            Word(words) => format!("one of {words:?}"),
            Any if value.is_object() => return,
            Any => "an object".to_owned(),
            Maybe(_) if value.is_null() => return,
            Maybe(shape) => return shape.faults(path, value, faults),
            List(shape) => match value.as_array() {
                Some(items) => {
                    for (index, item) in items.iter().enumerate() {
                        shape.faults(&format!("{path}[{index}]"), item, faults);
                    }
                    return;
                }
                None => "a list".to_owned(),
            },
            Fields(_) | Both(..) => match value.as_object() {
                Some(object) => {
                    let fields = self.fields();
                    for (name, shape) in &fields {
                        match object.get(*name) {
                            Some(value) => shape.faults(&format!("{path}.{name}"), value, faults),
                            None => faults.push(format!("{path}.{name} is missing")),
                        }
                    }
                    for name in object.keys().filter(|name| !fields.iter().any(|(known, _)| known == name)) {
                        faults.push(format!("{path}.{name} is unknown"));
                    }
                    return;
                }
                None => "an object".to_owned(),
            },
        };
        faults.push(format!("{path} is {value}, expected {expected}"));
    }

    fn fields(&self) -> Vec<&'static (&'static str, Shape)> {
        match self {
            Fields(fields) => fields.iter().collect(),
            Both(one, other) => [one.fields(), other.fields()].concat(),
            Text | Time | Number | Bool | Word(_) | Any | Maybe(_) | List(_) => panic!("not an object"),
        }
    }
}

fn is_utc_time(text: &str) -> bool {
    let digits: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    digits == "0000-00-00T00:00:00Z"
}

/// The document of a command, held against its field list and against what is true of every document.
fn held(ended: &Ended, shape: &Shape, status: i32) -> Value {
    let document = ended.document();
    let mut faults = vec![];
    shape.faults("", &document, &mut faults);
    everywhere("", &document, &mut faults);
    assert!(faults.is_empty(), "{faults:#?}\n{document:#}");
    assert_eq!(ended.status, Some(status), "{document:#}\n{}", ended.stderr);
    document
}

/// Rules that hold wherever a field occurs.
fn everywhere(path: &str, value: &Value, faults: &mut Vec<String>) {
    if let Some(items) = value.as_array() {
        for (index, item) in items.iter().enumerate() {
            everywhere(&format!("{path}[{index}]"), item, faults);
        }
    }
    let Some(object) = value.as_object() else { return };
    for (name, value) in object {
        let path = format!("{path}.{name}");
        if matches!(name.as_str(), "failure" | "would_fail") && value.is_object() {
            failure(&path, value, faults);
        }
        if matches!(name.as_str(), "domain" | "host" | "next_hop" | "sni" | "tlsa_base")
            && value.as_str().is_some_and(|name| name.ends_with('.') || !name.is_ascii())
        {
            faults.push(format!("{path} is {value}, expected A-labels without a trailing dot"));
        }
        everywhere(&path, value, faults);
    }
    let verdict = value["verdict"].as_str();
    // A destination and a recipient say how only where mail is delivered.
    if matches!(verdict, Some("deliver" | "defer" | "bounce")) {
        for name in ["channel", "policy", "host"] {
            if value[name].is_null() == (verdict == Some("deliver")) {
                faults.push(format!("{path}.{name} is {} with the verdict {verdict:?}", value[name]));
            }
        }
    }
    if let Some(verdict) = verdict
        && value["failure"].is_null() != matches!(verdict, "deliver" | "accept")
    {
        faults.push(format!("{path}.failure is {} with the verdict {verdict}", value["failure"]));
    }
    if matches!(verdict, Some("accept" | "reject" | "unreachable"))
        && value["channel"].is_null() == (verdict == Some("accept"))
    {
        faults.push(format!("{path}.channel is {} with the verdict {verdict:?}", value["channel"]));
    }
    if let Some(policies) = object.get("policies")
        && object.contains_key("policy")
        && value["policy"].is_null() != (*policies == json!([]))
    {
        faults.push(format!("{path}.policies is {policies} with the policy {}", value["policy"]));
    }
    if let (Some(check), Some(first)) = (object.get("certificate_check"), object.get("certificate_checks"))
        && let (Some(check), Some(checks)) = (check.as_str(), first.as_array())
        && check != checks.first().and_then(Value::as_str).unwrap_or("none")
    {
        faults.push(format!("{path}.certificate_check is {check}, the checks are {checks:?}"));
    }
}

fn failure(path: &str, value: &Value, faults: &mut Vec<String>) {
    let (code, status) = (value["code"].as_str().unwrap_or_default(), &value["enhanced_status"]);
    let known = CODES.iter().find(|(known, _)| *known == code);
    let of_a_policy =
        POLICY_CODES.contains(&code) && (path.contains("mta_sts.failure") || path == ".failure");
    match known {
        Some((_, Some(expected))) if *status != **expected => {
            faults.push(format!("{path}: {code} has the status {status}, expected {expected}"));
        }
        Some(_) => {}
        None if of_a_policy => {}
        None => faults.push(format!("{path}: there is no code {code:?} here")),
    }
    let message = value["message"].as_str().unwrap_or_default();
    if !message.ends_with('.') || message.contains('\n') {
        faults.push(format!("{path}.message is {message:?}, expected one sentence"));
    }
}

/// The result for one destination.
fn only<'a>(document: &'a Value, list: &str) -> &'a Value {
    let items = document[list].as_array().unwrap();
    assert_eq!(items.len(), 1, "{document:#}");
    &items[0]
}

/// The check of the checker: each kind of deviation is seen.
#[test]
fn deviations_are_seen() {
    let good = || json!({"schema": 1, "error": {"message": "no", "file": null, "line": 3, "column": null}});
    let faults = |document: &Value| {
        let mut faults = vec![];
        ERROR.faults("", document, &mut faults);
        faults
    };
    assert_eq!(faults(&good()), [""; 0]);
    for (pointer, value, found) in [
        ("/error/line", json!("3"), ".error.line is \"3\", expected a whole number"),
        ("/error/message", json!(null), ".error.message is null, expected a string"),
        ("/error", json!([]), ".error is [], expected an object"),
    ] {
        let mut document = good();
        *document.pointer_mut(pointer).unwrap() = value;
        assert_eq!(faults(&document), [found]);
    }
    let mut document = good();
    document["error"]["lines"] = json!(1);
    document["error"].as_object_mut().unwrap().remove("file");
    assert_eq!(faults(&document), [".error.file is missing", ".error.lines is unknown"]);

    let mut found = vec![];
    everywhere(
        "",
        &json!({"verdict": "deliver", "channel": null, "policy": "dane", "host": "mx.", "failure": null}),
        &mut found,
    );
    assert_eq!(found.len(), 2, "a delivery without a channel, a trailing dot: {found:?}");
    let mut found = vec![];
    let failure = json!({"code": "dns-bogus", "message": "It is.", "enhanced_status": "5.7.5"});
    everywhere("", &json!({ "failure": failure }), &mut found);
    assert_eq!(found.len(), 1, "another status: {found:?}");
    let mut found = vec![];
    VERDICT.faults("", &json!("delay"), &mut found);
    Time.faults("", &json!("2026-01-01 00:00:00"), &mut found);
    assert_eq!(found.len(), 2, "{found:?}");
}

/// Rows of every kind of outcome.
const ROWS: &[&str] = &[
    "dane-ee-match",
    "dane-ee-mismatch",
    "tlsa-no-starttls",
    "dane-ta-next-hop",
    "tlsa-unusable",
    "tlsa-bogus",
    "mx-bogus",
    "insecure-delegation",
    "backup-mx",
    "alias-tlsa-at-target",
    "alias-tlsa-at-alias",
    "alias-into-insecure-zone",
    "insecure-mx",
    "implicit-mx-dane",
    "smart-host",
    "sts-enforce",
    "sts-enforce-mx-not-in-policy",
    "sts-enforce-self-signed",
    "sts-testing-self-signed",
    "sts-none",
    "policy-host-404",
    "policy-host-wrong-name",
    "tlsa-unusable-sts-enforce",
    "insecure-mx-sts-enforce",
    "neither",
    "neither-no-starttls",
    "null-mx",
    "implicit-mx",
    "no-such-domain",
    "mx-without-address",
    "greeting-554",
    "recipient-unknown",
    "recipient-later",
    "lost-after-dot",
    "own-name-best",
    "excluded-address",
    "insecure-mx-encrypt",
];

fn lab() -> Lab {
    lab_of(ROWS)
}

/// The exit status that belongs to a verdict.
fn status_of(verdict: &str) -> i32 {
    match verdict {
        "deliver" => 0,
        "bounce" => 1,
        "defer" => 75,
        other => panic!("{other}"),
    }
}

#[test]
fn resolve() {
    // Exit 0 where a host is left, 75 where look-ups left none, 1 for null MX and the like.
    let lab = lab();
    for (row, status) in [
        ("dane-ee-match", 0),
        ("tlsa-unusable", 0),
        ("insecure-delegation", 0),
        ("insecure-mx", 0),
        ("backup-mx", 0),
        ("alias-tlsa-at-target", 0),
        ("alias-tlsa-at-alias", 0),
        ("alias-into-insecure-zone", 0),
        ("implicit-mx-dane", 0),
        ("smart-host", 0),
        ("sts-enforce", 0),
        ("sts-none", 0),
        ("policy-host-404", 0),
        ("tlsa-unusable-sts-enforce", 0),
        ("insecure-mx-sts-enforce", 0),
        ("neither", 0),
        ("tlsa-bogus", 75),
        ("mx-bogus", 75),
        ("null-mx", 1),
        ("no-such-domain", 1),
        ("own-name-best", 1),
        ("excluded-address", 75),
        ("insecure-mx-encrypt", 0),
    ] {
        let own = lab.check_arguments(lab.scenario(row));
        let ended = run(at_lab(&lab, "resolve", &own));
        let document = held(&ended, &RESOLVE, status);
        let result = only(&document, "results");
        assert_eq!(result["domain"], Value::from(own[0].as_str()), "{row}");
        assert!(!result["explain"].as_array().unwrap().is_empty(), "{row}");
        assert_eq!(lab.saw(row).connections(), 0, "{row}: resolve connects to no mail server");
    }
}

#[test]
fn resolve_says_what_was_found() {
    let lab = lab();
    let port = lab.port();
    let of = |row: &str| {
        let own = lab.check_arguments(lab.scenario(row));
        only(&run(at_lab(&lab, "resolve", &own)).document(), "results").clone()
    };
    let dane = of("dane-ee-match");
    let host = only(&dane, "hosts");
    for (field, expected) in [
        ("preference", json!(10)),
        ("host", json!("mx1.dane-ee-match.lab")),
        ("port", json!(port)),
        ("addresses", json!([lab.address("dane-ee-match", "mx1").to_string()])),
        ("address_status", json!("secure")),
        ("policy", json!("dane")),
        ("policies", json!(["dane"])),
        ("tls_mandatory", json!(true)),
        ("certificate_check", json!("tlsa")),
        ("certificate_checks", json!(["tlsa"])),
        ("fallback", json!(false)),
        ("tlsa_base", json!("mx1.dane-ee-match.lab")),
        ("tlsa_status", json!("secure")),
        ("tlsa_outcome", json!("records")),
        (
            "tlsa_candidates",
            json!([{"name": "mx1.dane-ee-match.lab", "status": "secure", "outcome": "records"}]),
        ),
        ("sni", json!("mx1.dane-ee-match.lab")),
        ("failure", json!(null)),
    ] {
        assert_eq!(host[field], expected, "{field}");
    }
    assert_eq!(host["reference_ids"][0], "mx1.dane-ee-match.lab");
    let data = host["tlsa"][0]["data"].as_str().unwrap();
    assert!(data.len() == 64 && data.bytes().all(|b| b.is_ascii_hexdigit()), "{data}");
    assert_eq!((&host["tlsa"][0]["usable"], &host["tlsa"][0]["reason"]), (&json!(true), &json!(null)));
    for (field, expected) in [("mx_source", "mx"), ("mx_status", "secure"), ("next_hop", "dane-ee-match.lab")]
    {
        assert_eq!(dane[field], expected, "{field}");
    }

    let sts = of("sts-enforce");
    for (field, expected) in [
        ("record", json!("v=STSv1; id=1;")),
        ("id", json!("1")),
        ("mode", json!("enforce")),
        ("max_age", json!(86400)),
        ("mx", json!(["*.sts-enforce.lab"])),
        ("source", json!("fetched")),
        ("failure", json!(null)),
    ] {
        assert_eq!(sts["mta_sts"][field], expected, "{field}");
    }
    assert_eq!(only(&sts, "hosts")["certificate_checks"], json!(["web-pki"]));

    let both = of("insecure-mx-sts-enforce");
    let host = only(&both, "hosts");
    assert_eq!(
        (&host["policy"], &host["policies"], &host["certificate_checks"], &both["mx_status"]),
        (&json!("dane"), &json!(["dane", "mta-sts"]), &json!(["tlsa", "web-pki"]), &json!("insecure")),
        "decision 24"
    );

    let none = of("neither");
    let host = only(&none, "hosts");
    assert_eq!(
        (&host["policies"], &host["fallback"], &host["certificate_check"], &none["mta_sts"]["source"]),
        (&json!(["opportunistic"]), &json!(true), &json!("none"), &json!("none"))
    );

    let gone = of("policy-host-404");
    assert_eq!(gone["mta_sts"]["failure"]["code"], "policy-fetch");

    let failed = of("tlsa-bogus");
    let host = only(&failed, "hosts");
    assert_eq!(
        (&host["policy"], &host["policies"], &host["tlsa_outcome"], &host["failure"]["code"]),
        (&json!(null), &json!([]), &json!(null), &json!("dns-bogus"))
    );

    for (row, field, expected) in [
        ("implicit-mx-dane", "mx_source", json!("implicit")),
        ("implicit-mx-dane", "mx_status", json!("secure")),
        ("smart-host", "mx_source", json!("host")),
        ("smart-host", "mx_status", json!(null)),
    ] {
        assert_eq!(of(row)[field], expected, "{row} {field}");
    }
}

/// The names that the certificate is held against, by the checks that are enforced.
#[test]
fn reference_identifiers() {
    let lab = lab_of(&[
        "dane-ta-next-hop",
        "sts-enforce",
        "tlsa-unusable-sts-enforce",
        "insecure-mx-sts-enforce",
        "sts-testing",
        "neither",
    ]);
    for (row, expected, why) in [
        ("dane-ta-next-hop", &["mx1.dane-ta-next-hop.lab", "dane-ta-next-hop.lab"][..], "RFC 7672 3.2.2"),
        ("sts-enforce", &["mx1.sts-enforce.lab"], "RFC 8461 4.1: the name of the MX host alone"),
        (
            "tlsa-unusable-sts-enforce",
            &["mx1.tlsa-unusable-sts-enforce.lab"],
            "no TLSA record is held against it",
        ),
        ("insecure-mx-sts-enforce", &["mx1.insecure-mx-sts-enforce-hosts.lab"], "both checks: those of DANE"),
        ("sts-testing", &[], "nothing is enforced"),
        ("neither", &[], "nor here"),
    ] {
        let own = lab.check_arguments(lab.scenario(row));
        let document = run(at_lab(&lab, "resolve", &own)).document();
        let host = only(only(&document, "results"), "hosts");
        assert_eq!(host["reference_ids"], json!(expected), "{row}: {why}");
    }
}

#[test]
fn insecure_records_are_shown_as_unusable() {
    let lab = Lab::start_with(Scenario::parse(INSECURE_TLSA).unwrap()).unwrap();
    let ended = run(at_lab(&lab, "resolve", &["insecure-tlsa.lab".to_owned()]));
    let document = held(&ended, &RESOLVE, 0);
    let host = only(only(&document, "results"), "hosts").clone();
    assert_eq!((&host["policy"], &host["tlsa_status"]), (&json!("opportunistic"), &json!("insecure")));
    assert_eq!((&host["tlsa"][0]["usable"], &host["tlsa"][0]["reason"]), (&json!(false), &json!("insecure")));
}

#[test]
fn literals() {
    let lab = lab_of(&["neither", "sts-enforce"]);
    let address = lab.address("neither", "mx1").to_string();
    let ended = run(at_lab(&lab, "resolve", &[format!("[{address}]")]));
    let document = held(&ended, &RESOLVE, 0);
    let result = only(&document, "results");
    for (field, expected) in
        [("mx_source", json!("literal")), ("mx_status", json!(null)), ("mta_sts", json!(null))]
    {
        assert_eq!(result[field], expected, "{field}");
    }
    assert_eq!(only(result, "hosts")["policies"], json!(["opportunistic"]));
    let ended = run(at_lab(&lab, "check", &[format!("[{address}]")]));
    let document = held(&ended, &CHECKED, 0);
    assert_eq!(only(&document, "results")["channel"], "encrypted");
    let arguments = at_lab(&lab, "resolve", &["[IPv6:2001:db8::1]".to_owned()]);
    let text = run(arguments.iter().filter(|argument| *argument != "--json")).stdout;
    assert!(text.contains(" [2001:db8::1]:"), "where the address ends, and the port begins: {text}");
    // D72-27: neither DANE nor MTA-STS for a literal, so nothing at all is asked.
    assert_eq!(lab.dns().queries(|_| true), []);
}

#[test]
fn dane_only() {
    let lab = lab();
    for (host, status, policy, failure) in [
        ("mx1.dane-ee-match.lab", 0, json!("dane"), json!(null)),
        ("mx1.neither.lab", 0, json!("opportunistic"), json!(null)),
        ("mx1.tlsa-bogus.lab", 75, json!(null), json!("dns-bogus")),
    ] {
        let ended = run(at_lab(&lab, "resolve", &["--dane-only".to_owned(), host.to_owned()]));
        let document = held(&ended, &DANE_ONLY, status);
        let result = only(&document, "results");
        assert_eq!(
            (&result["host"], &result["policy"], &result["failure"]["code"]),
            (&json!(host), &policy, &failure)
        );
    }
}

#[test]
fn check() {
    let lab = lab();
    for row in ROWS {
        let scenario = lab.scenario(row);
        let ended = run(at_lab(&lab, "check", &lab.check_arguments(scenario)));
        let document = held(&ended, &CHECKED, status_of(&scenario.check.verdict));
        let result = only(&document, "results");
        let code = |name: &str| result[name]["code"].as_str().map(str::to_owned);
        assert_eq!(result["verdict"], scenario.check.verdict, "{row}");
        assert_eq!(result["channel"].as_str(), scenario.check.channel.as_deref(), "{row}");
        assert_eq!(result["policy"].as_str(), scenario.check.policy.as_deref(), "{row}");
        assert_eq!(code("failure"), scenario.check.failure, "{row}");
        assert_eq!(code("would_fail"), scenario.check.would_fail, "{row}");
        let saw = lab.saw(row);
        assert_eq!((saw.connections(), saw.mail()), (scenario.check.connections, 0), "{row}");
    }
}

#[test]
fn a_match_and_the_session_are_described() {
    let lab = lab_of(&["dane-ta-next-hop", "sts-enforce", "tlsa-no-starttls"]);
    let attempt = |row: &str| {
        let document = run(at_lab(&lab, "check", &lab.check_arguments(lab.scenario(row)))).document();
        only(only(only(&document, "results"), "hosts"), "attempts").clone()
    };
    let dane = attempt("dane-ta-next-hop");
    assert_eq!(
        dane["tls"]["matched"],
        json!({"usage": 2, "selector": 0, "matching": 1, "depth": 1, "index": 0})
    );
    assert_eq!(dane["tls"]["web_pki"], "certificate-untrusted");
    assert_eq!(dane["tls"]["sni"], "mx1.dane-ta-next-hop.lab");
    assert_eq!(dane["starttls"], "accepted");
    assert_eq!(dane["address"], lab.address("dane-ta-next-hop", "mx1").to_string());
    assert_eq!(dane["port"], lab.port());
    let spki = dane["tls"]["certificates"][0]["spki_sha256"].as_str().unwrap();
    assert!(spki.len() == 64 && spki.bytes().all(|b| b.is_ascii_hexdigit()), "{spki}");

    let sts = attempt("sts-enforce");
    assert_eq!((&sts["tls"]["matched"], &sts["tls"]["web_pki"]), (&json!(null), &json!("valid")));

    let clear = attempt("tlsa-no-starttls");
    assert_eq!((&clear["starttls"], &clear["tls"]), (&json!("not-offered"), &json!(null)));
}

#[test]
fn several_destinations_in_order_with_the_worst_status() {
    let lab = lab_of(&["dane-ee-match", "null-mx", "mx-bogus"]);
    let domains = |rows: &[&str]| rows.iter().map(|row| format!("{row}.lab")).collect::<Vec<_>>();
    for (rows, status) in [
        (["dane-ee-match", "null-mx"].as_slice(), 1),
        (&["null-mx", "mx-bogus", "dane-ee-match"], 75),
        (&["dane-ee-match"], 0),
    ] {
        let ended = run(at_lab(&lab, "check", &domains(rows)));
        let document = held(&ended, &CHECKED, status);
        let said: Vec<String> = document["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|result| result["domain"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(said, domains(rows));
    }
}

#[test]
fn send() {
    let lab = lab();
    for row in ROWS {
        let scenario = lab.scenario(row);
        let ended = run(at_lab(&lab, "send", &lab.send_arguments(scenario)));
        let document = held(&ended, &SENT, status_of(&scenario.send.verdict));
        let recipient = only(only(&document, "envelopes"), "recipients");
        assert_eq!(recipient["verdict"], scenario.send.verdict, "{row}");
        assert_eq!(recipient["channel"].as_str(), scenario.send.channel.as_deref(), "{row}");
        assert_eq!(recipient["policy"].as_str(), scenario.send.policy.as_deref(), "{row}");
        assert_eq!(recipient["failure"]["code"].as_str(), scenario.send.failure.as_deref(), "{row}");
        if scenario.send.delivers() {
            assert_eq!(
                (&recipient["code"], &recipient["enhanced_status"]),
                (&json!(250), &json!("2.0.0")),
                "{row}"
            );
            assert!(recipient["text"].as_str().unwrap().contains("queued in the lab"), "{row}");
        }
        let saw = lab.saw(row);
        let expected = (scenario.send.connections, scenario.send.mail, scenario.send.data);
        assert_eq!((saw.connections(), saw.mail(), saw.data()), expected, "{row}");
    }
}

#[test]
fn the_servers_word_on_a_refusal_is_passed_on() {
    let lab = lab_of(&["recipient-unknown", "recipient-later"]);
    for (row, code, status) in [("recipient-unknown", 550, "5.1.1"), ("recipient-later", 450, "4.2.0")] {
        let document = run(at_lab(&lab, "send", &lab.send_arguments(lab.scenario(row)))).document();
        let recipient = only(only(&document, "envelopes"), "recipients").clone();
        assert_eq!((&recipient["code"], &recipient["enhanced_status"]), (&json!(code), &json!(status)));
        assert_eq!(recipient["failure"]["enhanced_status"], status, "the server's");
    }
}

#[test]
fn mta_sts() {
    let lab = lab_of(&[
        "sts-enforce",
        "sts-enforce-mx-not-in-policy",
        "sts-none",
        "neither",
        "policy-host-404",
        "fault-txt-bogus",
        "no-such-domain",
    ]);
    for (row, status, valid, code) in [
        ("sts-enforce", 0, true, json!(null)),
        ("sts-none", 0, true, json!(null)),
        ("neither", 1, false, json!(null)),
        ("policy-host-404", 1, false, json!("policy-fetch")),
        ("fault-txt-bogus", 75, false, json!("dns-bogus")),
    ] {
        let ended = run(at_lab(&lab, "mta-sts", &[format!("{row}.lab")]));
        let document = held(&ended, &MTA_STS, status);
        assert_eq!((&document["domain"], &document["valid"]), (&json!(format!("{row}.lab")), &json!(valid)));
        // Without a record there may be a failure that says so, but none of another kind.
        if row != "neither" {
            assert_eq!(document["failure"]["code"], code, "{row}");
        }
    }
    let of = |own: &[&str]| {
        let own: Vec<String> = own.iter().map(|&word| word.to_owned()).collect();
        run(at_lab(&lab, "mta-sts", &own)).document()
    };
    let good = of(&["sts-enforce.lab"]);
    assert_eq!((&good["record"]["id"], &good["record"]["valid"]), (&json!("1"), &json!(true)));
    assert_eq!(
        (&good["policy"]["mode"], &good["policy"]["max_age"], &good["policy"]["mx"]),
        (&json!("enforce"), &json!(86400), &json!(["*.sts-enforce.lab"]))
    );
    assert_eq!(
        good["hosts"],
        json!([{"host": "mx1.sts-enforce.lab", "match": true, "pattern": "*.sts-enforce.lab"}])
    );
    assert_eq!(of(&["--domain", "sts-enforce.lab"]), good, "the option says the same");
    let other = of(&["sts-enforce-mx-not-in-policy.lab"]);
    assert_eq!(
        other["hosts"],
        json!([{"host": "mx1.sts-enforce-mx-not-in-policy.lab", "match": false, "pattern": null}])
    );
}

#[test]
fn tlsa_show() {
    // The exit status is that of `resolve --dane-only`, and so is the document.
    let lab = lab();
    for (host, status, records) in [
        ("mx1.dane-ee-match.lab", 0, 1),
        ("mx1.tlsa-unusable.lab", 0, 2),
        ("mx1.neither.lab", 0, 0),
        ("mx1.insecure-delegation.lab", 0, 0),
        ("mx1.tlsa-bogus.lab", 75, 0),
    ] {
        let own = ["show", host, "--port", &lab.port().to_string()].map(str::to_owned);
        let document = held(&run(at_lab(&lab, "tlsa", &own)), &DANE_ONLY, status);
        let result = only(&document, "results");
        assert_eq!(result["host"], host);
        assert_eq!(result["tlsa"].as_array().unwrap().len(), records, "{host}: {result:#}");
    }
}

#[test]
fn tlsa_make_and_verify() {
    let lab = lab_of(&["dane-ee-match"]);
    // The root stands for a server's certificate: what is looked at are the fields.
    let file = lab.ca_file().display().to_string();
    let own = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let make = |options: &[&str]| {
        let words = own(&[&["make", "--cert", &file], options].concat());
        held(&run(at_lab(&lab, "tlsa", &words)), &TLSA_MADE, 0)
    };
    let made = make(&["--host", "MX.Example.com.", "--port", "465"]);
    assert_eq!(made["owner"], "_465._tcp.mx.example.com");
    let record = made["record"].as_str().unwrap().to_owned();
    let data = record.strip_prefix("3 1 1 ").unwrap();
    assert!(data.len() == 64 && data.bytes().all(|b| b.is_ascii_hexdigit()), "{record}");
    assert_eq!(make(&[]), json!({"schema": 1, "owner": null, "record": record}), "no host, no owner");

    let verify = |records: &[&str], status: i32| {
        let words =
            own(&[&["verify", "--chain", &file, "--name", "mx.example.com", "--tlsa"], records].concat());
        held(&run(at_lab(&lab, "tlsa", &words)), &TLSA_VERIFIED, status)
    };
    assert_eq!(
        verify(&[&record], 0),
        json!({
            "schema": 1,
            "result": "match",
            "depth": 0,
            "matched": {"usage": 3, "selector": 1, "matching": 1, "index": 0},
            "records": [{"usable": true, "reason": null}],
            "error": null,
        }),
        "the example, word for word"
    );
    let failed = verify(&["3 1 1", &format!("3 1 1 {}", "00".repeat(32))], 1);
    assert_eq!(
        (&failed["result"], &failed["depth"], &failed["matched"]),
        (&json!("no-match"), &json!(null), &json!(null))
    );
    assert_eq!(failed["records"][0]["usable"], false, "a record with no data has three fields");
    assert!(failed["records"][0]["reason"].is_string() && failed["error"].is_string(), "{failed:#}");
    assert_eq!(failed["records"][1], json!({"usable": true, "reason": null}));
    assert_eq!(verify(&["1 1 1 00"], 1)["result"], "unusable");
    assert_eq!(lab.dns().queries(|_| true), [], "neither of the two asks anything");
}

#[test]
fn dns() {
    let lab = lab_of(&["dane-ee-match", "alias-tlsa-at-target", "insecure-delegation", "tlsa-bogus"]);
    let port = lab.port();
    for (name, rtype, status) in [
        ("dane-ee-match.lab".to_owned(), "MX", 0),
        ("dane-ee-match.lab".to_owned(), "TXT", 0),
        ("absent.dane-ee-match.lab".to_owned(), "A", 0),
        ("mx1.alias-tlsa-at-target.lab".to_owned(), "A", 0),
        ("insecure-delegation.lab".to_owned(), "MX", 0),
        (format!("_{port}._tcp.mx1.tlsa-bogus.lab"), "TLSA", 75),
    ] {
        let question = [name, rtype.to_owned()];
        let ended = run(at_lab(&lab, "dns", &question));
        let document = held(&ended, &DNS, status);
        let result = only(&document, "results");
        assert_eq!((&result["name"], &result["type"]), (&json!(question[0]), &json!(question[1])));
        assert_eq!(result["failure"].is_null(), status == 0);

        let explained = [question[0].clone(), question[1].clone(), "--explain".to_owned()];
        let document = held(&run(at_lab(&lab, "dns", &explained)), &DNS_EXPLAINED, status);
        assert!(
            !only(&document, "results")["proof"].as_array().unwrap().is_empty(),
            "with or without a verdict"
        );
    }
}

#[test]
fn matrix() {
    let ended = run(["matrix", "--json"]);
    let document = held(&ended, &MATRIX, 0);
    let expected = [
        ("dane-usable", json!(["dane"]), json!(true), json!(["tlsa"]), false, json!(null)),
        ("dane-unusable", json!(["dane"]), json!(true), json!([]), false, json!(null)),
        (
            "dane-unusable-sts-enforce",
            json!(["dane", "mta-sts"]),
            json!(true),
            json!(["web-pki"]),
            false,
            json!(23),
        ),
        ("dane-insecure-mx", json!(["dane"]), json!(true), json!(["tlsa"]), false, json!(5)),
        (
            "dane-insecure-mx-sts-enforce",
            json!(["dane", "mta-sts"]),
            json!(true),
            json!(["tlsa", "web-pki"]),
            false,
            json!(24),
        ),
        ("sts-enforce", json!(["mta-sts"]), json!(true), json!(["web-pki"]), false, json!(null)),
        ("sts-testing", json!(["mta-sts"]), json!(false), json!([]), true, json!(null)),
        ("opportunistic", json!(["opportunistic"]), json!(false), json!([]), true, json!(null)),
        ("mx-error", json!([]), json!(null), json!([]), false, json!(null)),
        ("host-error", json!([]), json!(null), json!([]), false, json!(28)),
    ];
    let rows = document["rows"].as_array().unwrap();
    assert_eq!(rows.len(), expected.len());
    for (row, (id, policies, mandatory, checks, fallback, decision)) in rows.iter().zip(expected) {
        assert_eq!(row["id"], id);
        assert_eq!(row["policies"], policies, "{id}");
        assert_eq!(row["tls_mandatory"], mandatory, "{id}");
        assert_eq!(row["certificate_checks"], checks, "{id}");
        assert_eq!(row["fallback"], fallback, "{id}");
        assert_eq!(row["decision"], decision, "{id}");
    }
}

#[test]
fn an_error_of_usage() {
    for arguments in [
        ["check", "--json", "a..b"].as_slice(),
        &["check", "--json"],
        &["--json", "no-such-command"],
        &["resolve", "--json", "--no-such-option", "example.com"],
        &["dns", "--json", "example.com", "NOTYPE"],
        &["mta-sts", "--json", "a..b"],
        &["send", "--json", "--case", "/nonexistent/case.json5"],
        &["tlsa", "--json"],
        &["tlsa", "show", "--json", "a..b"],
        &["tlsa", "make", "--json", "--cert", "/nonexistent/leaf.pem"],
        &[
            "tlsa",
            "verify",
            "--json",
            "--chain",
            "/nonexistent/chain.pem",
            "--tlsa",
            "3 1 1 0",
            "--name",
            "a.b",
        ],
    ] {
        held(&run(arguments), &ERROR, 2);
    }
}

/// `--json` is the same before and after the command's word.
#[test]
fn json_is_a_global_option() {
    assert_eq!(run(["--json", "matrix"]).document(), run(["matrix", "--json"]).document());
}
