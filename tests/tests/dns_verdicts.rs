//! Verdicts on DNS questions by `mxtls dns`, and which questions are asked at all, on the query log of the lab.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code outside test functions may panic too: that is how it fails"
)]

mod mxtls;

use mxtls::{at_lab, lab_of, run, run_with_input};
use mxtls_lab::dns::{LoggedQuery, PathRule};
use mxtls_lab::{Lab, Scenario};
use serde_json::{Value, json};

/// One signed zone with everything that an answer can be, and zones of other kinds below it.
const WORLD: &str = r#"
[[scenario]]
name = "verdicts"
matrix = "opportunistic"
why = "only its records matter"
zone = """
@             MX     10 mx1
mx1           A      192.0.2.1
mx1           A      192.0.2.2
_25._tcp.mx1  TLSA   3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
alias         CNAME  mx1
chain         CNAME  alias
out           CNAME  host.unsigned
back          CNAME  hop.unsigned
nowhere       CNAME  absent
one           CNAME  two
two           CNAME  one
*.wild        A      192.0.2.7
xn--bcher-kva A      192.0.2.8
"""
expected = { verdict = "deliver", channel = "encrypted", policy = "opportunistic", connections = 0, mail = 0, data = 0 }
[scenario.zones."unsigned.{domain}."]
signing = "unsigned"
text = """
host A 192.0.2.3
hop CNAME mx1.{domain}.
"""
[scenario.zones."nsec3.{domain}."]
signing = "nsec3"
text = "host A 192.0.2.4"
[scenario.zones."optout.{domain}."]
signing = "nsec3-opt-out"
text = "host A 192.0.2.5"
[scenario.zones."child.optout.{domain}."]
signing = "unsigned"
text = "host A 192.0.2.6"
[scenario.zones."expired.{domain}."]
signing = "expired"
text = "host A 192.0.2.9"
[scenario.zones."wrongds.{domain}."]
signing = "wrong-ds"
text = "host A 192.0.2.10"
[scenario.zones."unknown.{domain}."]
signing = "unsupported-algorithm"
text = "host A 192.0.2.11"
"#;

fn world() -> Lab {
    Lab::start_with(Scenario::parse(WORLD).unwrap()).unwrap()
}

/// What one question comes to.
struct Row {
    question: (&'static str, &'static str),
    status: Option<&'static str>,
    outcome: Option<&'static str>,
    records: &'static [&'static str],
    /// Owner below the domain, kind, status.
    chain: &'static [(&'static str, &'static str, &'static str)],
    failure: Option<&'static str>,
    why: &'static str,
}

const NOTHING: Row =
    Row { question: ("", ""), status: None, outcome: None, records: &[], chain: &[], failure: None, why: "" };

const ROWS: &[Row] = &[
    Row {
        question: ("mx1", "A"),
        status: Some("secure"),
        outcome: Some("records"),
        records: &["192.0.2.1", "192.0.2.2"],
        why: "a signed answer",
        ..NOTHING
    },
    Row {
        question: ("_25._tcp.mx1", "TLSA"),
        status: Some("secure"),
        outcome: Some("records"),
        records: &["3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"],
        why: "a TLSA record in zone-file text",
        ..NOTHING
    },
    Row {
        question: ("mx1", "AAAA"),
        status: Some("secure"),
        outcome: Some("no-data"),
        why: "D72-05: a proven denial is an answer",
        ..NOTHING
    },
    Row {
        question: ("absent", "A"),
        status: Some("secure"),
        outcome: Some("no-such-name"),
        why: "D72-05: of the name too",
        ..NOTHING
    },
    Row {
        question: ("any.wild", "A"),
        status: Some("secure"),
        outcome: Some("records"),
        records: &["192.0.2.7"],
        why: "RFC 4035 5.3.4: an expanded wildcard, and the proof that nothing is nearer",
        ..NOTHING
    },
    Row {
        question: ("alias", "A"),
        status: Some("secure"),
        outcome: Some("records"),
        records: &["192.0.2.1", "192.0.2.2"],
        chain: &[("alias", "cname", "secure")],
        why: "a secure alias",
        ..NOTHING
    },
    Row {
        question: ("chain", "A"),
        status: Some("secure"),
        outcome: Some("records"),
        records: &["192.0.2.1", "192.0.2.2"],
        chain: &[("chain", "cname", "secure"), ("alias", "cname", "secure")],
        why: "hop by hop",
        ..NOTHING
    },
    Row {
        question: ("out", "A"),
        status: Some("insecure"),
        outcome: Some("records"),
        records: &["192.0.2.3"],
        chain: &[("out", "cname", "secure")],
        why: "a secure alias into an unsigned zone: the weakest hop counts",
        ..NOTHING
    },
    Row {
        question: ("back", "A"),
        status: Some("insecure"),
        outcome: Some("records"),
        records: &["192.0.2.1", "192.0.2.2"],
        chain: &[("back", "cname", "secure"), ("hop.unsigned", "cname", "insecure")],
        why: "through an unsigned zone: what follows is no better",
        ..NOTHING
    },
    Row {
        question: ("nowhere", "A"),
        status: Some("secure"),
        outcome: Some("no-such-name"),
        chain: &[("nowhere", "cname", "secure")],
        why: "an alias to a name that is not there",
        ..NOTHING
    },
    Row {
        question: ("one", "A"),
        failure: Some("dns-servfail"),
        why: "RFC 1034 5.2.2: an alias that leads back to itself, at which the upstream gives up",
        ..NOTHING
    },
    Row {
        question: ("host.unsigned", "A"),
        status: Some("insecure"),
        outcome: Some("records"),
        records: &["192.0.2.3"],
        why: "RFC 4035 5.2: the delegation is proven to be unsigned",
        ..NOTHING
    },
    Row {
        question: ("absent.unsigned", "A"),
        status: Some("insecure"),
        outcome: Some("no-such-name"),
        why: "and so is a denial there",
        ..NOTHING
    },
    Row {
        question: ("host.nsec3", "A"),
        status: Some("secure"),
        outcome: Some("records"),
        records: &["192.0.2.4"],
        why: "a zone of hashed denials",
        ..NOTHING
    },
    Row {
        question: ("absent.nsec3", "A"),
        status: Some("secure"),
        outcome: Some("no-such-name"),
        why: "RFC 5155 8.4: and a denial there",
        ..NOTHING
    },
    Row {
        question: ("host.nsec3", "MX"),
        status: Some("secure"),
        outcome: Some("no-data"),
        why: "RFC 5155 8.5",
        ..NOTHING
    },
    Row {
        question: ("host.child.optout", "A"),
        status: Some("insecure"),
        outcome: Some("records"),
        records: &["192.0.2.6"],
        why: "RFC 5155 8.9: an opt-out span covers the delegation",
        ..NOTHING
    },
    Row {
        question: ("host.unknown", "A"),
        status: Some("insecure"),
        outcome: Some("records"),
        records: &["192.0.2.11"],
        why: "RFC 4035 5.2: signed by nothing but algorithms that nobody here knows",
        ..NOTHING
    },
    Row {
        question: ("host.expired", "A"),
        failure: Some("dns-bogus"),
        why: "RFC 4035 5.3.1: signatures that have ended",
        ..NOTHING
    },
    Row {
        question: ("absent.expired", "A"),
        failure: Some("dns-bogus"),
        why: "of the denials too",
        ..NOTHING
    },
    Row {
        question: ("host.wrongds", "A"),
        failure: Some("dns-bogus"),
        why: "RFC 4035 5.2: the DS names no key of the zone",
        ..NOTHING
    },
    Row {
        question: ("bücher", "A"),
        status: Some("secure"),
        outcome: Some("records"),
        records: &["192.0.2.8"],
        why: "U-labels become A-labels",
        ..NOTHING
    },
];

const DOMAIN: &str = "verdicts.lab";

impl Row {
    fn name(&self) -> String {
        format!("{}.{DOMAIN}", self.question.0)
    }

    fn holds(&self, result: &Value) {
        let why = self.why;
        assert_eq!(result["name"], json!(self.name().replace("bücher", "xn--bcher-kva")), "{why}");
        assert_eq!(result["type"], json!(self.question.1), "{why}");
        assert_eq!(result["status"].as_str(), self.status, "{why}: {result}");
        assert_eq!(result["outcome"].as_str(), self.outcome, "{why}: {result}");
        assert_eq!(result["failure"]["code"].as_str(), self.failure, "{why}: {result}");
        let mut records: Vec<String> = result["records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r.as_str().unwrap().to_lowercase())
            .collect();
        records.sort();
        assert_eq!(records, self.records, "{why}");
        let hop = |(owner, alias, status): &(&str, &str, &str)| json!({"name": format!("{owner}.{DOMAIN}"), "alias": alias, "status": status});
        let chain: Vec<Value> = self.chain.iter().map(hop).collect();
        assert_eq!(result["chain"], Value::from(chain), "{why}");
        assert_eq!(result["ttl"].is_null(), self.failure.is_some(), "{why}: {result}");
    }
}

#[test]
fn each_question_by_itself() {
    let lab = world();
    for row in ROWS {
        let ended = run(at_lab(&lab, "dns", &[row.name(), row.question.1.to_owned()]));
        let results = &ended.document()["results"];
        assert_eq!(results.as_array().unwrap().len(), 1, "{}", row.why);
        row.holds(&results[0]);
        assert_eq!(ended.status, Some(if row.failure.is_some() { 75 } else { 0 }), "{}", row.why);
    }
}

fn lines_of<'a>(rows: impl IntoIterator<Item = &'a Row>) -> String {
    rows.into_iter().map(|row| format!("{} {}\n", row.name(), row.question.1)).collect()
}

#[test]
fn all_questions_from_standard_input() {
    let lab = world();
    let ended = run_with_input(at_lab(&lab, "dns", &["-".to_owned()]), &lines_of(ROWS));
    let document = ended.document();
    let results = document["results"].as_array().unwrap();
    assert_eq!(results.len(), ROWS.len(), "one for each line, in their order");
    for (row, result) in ROWS.iter().zip(results) {
        row.holds(result);
    }
    assert_eq!(ended.status, Some(75), "one of them failed");
}

/// The lines share one process and its caches: what was asked before is not asked again, nor are the keys of a zone.
#[test]
fn questions_from_standard_input_share_caches() {
    let lab = world();
    let good = || ROWS.iter().filter(|row| row.failure.is_none());
    let ended = run_with_input(at_lab(&lab, "dns", &["-".to_owned()]), &lines_of(good().chain(good())));
    let document = ended.document();
    let results = document["results"].as_array().unwrap();
    assert_eq!(results.len(), 2 * good().count());
    for (row, result) in good().chain(good()).zip(results) {
        row.holds(result);
    }
    assert_eq!(ended.status, Some(0));
    let asked = |name: &str, rtype: &str| {
        lab.dns().queries(|query| query.name == name && query.rtype.to_string() == rtype).len()
    };
    assert_eq!(asked(&format!("host.nsec3.{DOMAIN}."), "A"), 1);
    for zone in [".", "lab.", "verdicts.lab.", "nsec3.verdicts.lab."] {
        assert_eq!(asked(zone, "DNSKEY"), 1, "{zone}");
    }
}

/// An attacker's answer is a failure, not an absence, whatever it looks like.
#[test]
fn d66_10_what_the_attacker_sends_is_bogus() {
    for way in ["bogus", "strip-signatures", "deny-unsigned", "deny-unsigned-nxdomain", "forge-unsigned"] {
        let lab = world();
        let question = format!("_25._tcp.mx1.{DOMAIN} TLSA");
        lab.dns().tamper(PathRule::new(&question, way.parse().unwrap()).unwrap()).unwrap();
        let own = question.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let ended = run(at_lab(&lab, "dns", &own));
        let result = ended.document()["results"][0].clone();
        assert_eq!(
            (&result["status"], &result["outcome"], &result["records"], &result["failure"]["code"]),
            (&json!(null), &json!(null), &json!([]), &json!("dns-bogus")),
            "{way}"
        );
        assert_eq!(ended.status, Some(75), "{way}");
    }
}

/// `--explain`: the zones walked, and the key tags used.
#[test]
fn the_proof_names_zones_and_keys() {
    let lab = world();
    let own = ["--explain".to_owned(), format!("mx1.{DOMAIN}"), "A".to_owned()];
    let proof = run(at_lab(&lab, "dns", &own)).document()["results"][0]["proof"].clone();
    let lines: Vec<&str> = proof.as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    for zone in [".", "lab.", "verdicts.lab."] {
        let key = lab.dns().anchor(zone).unwrap();
        // `ZONE TTL IN DS TAG …`
        let tag = key.split_whitespace().nth(4).unwrap();
        assert!(lines.iter().any(|line| line.contains(tag)), "key {tag} of {zone} is not in {lines:#?}");
    }
    assert!(lines.iter().any(|line| line.contains("verdicts.lab")), "{lines:#?}");
    let own = ["--explain".to_owned(), format!("host.unsigned.{DOMAIN}"), "A".to_owned()];
    let proof = run(at_lab(&lab, "dns", &own)).document()["results"][0]["proof"].to_string();
    assert!(proof.contains("unsigned.verdicts.lab"), "where security ends is named: {proof}");
}

/// `--explain` of what has no verdict: how far the chain of trust holds, and whose matter the rest is.
#[test]
fn a_failure_is_explained_by_what_held_and_what_can_be_done() {
    let lab = world();
    let rule = PathRule::new(&format!("mx1.{DOMAIN} A"), "bogus".parse().unwrap()).unwrap();
    lab.dns().tamper(rule).unwrap();
    let own = ["--explain".to_owned(), format!("mx1.{DOMAIN}"), "A".to_owned()];
    let result = run(at_lab(&lab, "dns", &own)).document()["results"][0].clone();
    assert_eq!(result["failure"]["code"], "dns-bogus");
    let lines: Vec<&str> =
        result["proof"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert!(lines.iter().any(|line| line.starts_with("zone verdicts.lab secure")), "{lines:#?}");
    let remedy = lines.last().unwrap();
    assert!(remedy.starts_with("to mend it: sign verdicts.lab"), "{remedy}");
}

/// The questions that reach the server for `mxtls resolve` of one row of the scenario file.
fn questions_of(row: &str) -> (Lab, Vec<LoggedQuery>) {
    let lab = lab_of(&[row]);
    let own = lab.check_arguments(lab.scenario(row));
    let ended = run(at_lab(&lab, "resolve", &own));
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let queries = lab.dns().queries(|_| true);
    assert!(!queries.is_empty(), "the log is written");
    (lab, queries)
}

fn is_tlsa_name(query: &LoggedQuery) -> bool {
    query.name.contains("._tcp.") || query.rtype.to_string() == "TLSA"
}

#[test]
fn d72_41_an_insecure_address_asks_no_tlsa() {
    for (row, why) in [
        ("insecure-delegation", "the zone of domain and host is unsigned, though it has TLSA records"),
        ("sts-enforce-unsigned", "an MTA-STS policy changes nothing about it"),
    ] {
        let (_, queries) = questions_of(row);
        let asked: Vec<_> = queries.iter().filter(|query| is_tlsa_name(query)).collect();
        assert!(asked.is_empty(), "{why}: {asked:?}");
    }
}

/// The twin: with a secure address the question is there, for the port in use, and at the host.
#[test]
fn d66_06_d72_09_d72_47_a_secure_address_asks_tlsa_at_the_real_port() {
    let (lab, queries) = questions_of("dane-ee-match");
    let names: Vec<&str> = queries
        .iter()
        .filter(|query| query.rtype.to_string() == "TLSA")
        .map(|query| query.name.as_str())
        .collect();
    assert_eq!(names, [format!("_{}._tcp.mx1.dane-ee-match.lab.", lab.port())]);

    // D72-47: another port, another name, and no record there.
    lab.dns().clear_log();
    let host = format!("[mx1.dane-ee-match.lab]:{}", if lab.port() == 2525 { 2526 } else { 2525 });
    let ended = run(at_lab(&lab, "resolve", std::slice::from_ref(&host)));
    let port = host.rsplit(':').next().unwrap();
    assert_eq!(lab.dns().queries(|query| query.name.starts_with(&format!("_{port}._tcp.mx1."))).len(), 1);
    let found = &ended.document()["results"][0]["hosts"][0];
    assert_eq!((&found["policy"], &found["tlsa_outcome"]), (&json!("opportunistic"), &json!("no-such-name")));
}

/// D72-39 on the outcome: whatever TLSA would say, without an address verdict it does not count.
#[test]
fn d72_39_no_tlsa_answer_counts_without_addresses() {
    let lab = lab_of(&["dane-ee-match"]);
    let question = "mx1.dane-ee-match.lab A";
    lab.dns().tamper(PathRule::new(question, "bogus".parse().unwrap()).unwrap()).unwrap();
    let ended = run(at_lab(&lab, "resolve", &["dane-ee-match.lab".to_owned()]));
    let host = ended.document()["results"][0]["hosts"][0].clone();
    assert_eq!(
        (&host["policy"], &host["tlsa"], &host["tlsa_outcome"], &host["failure"]["code"]),
        (&json!(null), &json!([]), &json!(null), &json!("dns-bogus"))
    );
    assert_eq!(ended.status, Some(75));
}

/// RFC 7672 §2.2.2: the first alias is secure and the target is not: the records of the alias itself are the only ones asked for.
#[test]
fn d72_44_an_alias_into_an_insecure_zone_asks_at_the_alias_alone() {
    let (lab, queries) = questions_of("alias-into-insecure-zone");
    let names: Vec<&str> =
        queries.iter().filter(|query| is_tlsa_name(query)).map(|query| query.name.as_str()).collect();
    let expected = format!("_{}._tcp.mx1.alias-into-insecure-zone.lab.", lab.port());
    assert!(names.contains(&expected.as_str()), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("hosting")), "{names:?}");
}

/// RFC 8461 §3.4: a subdomain has its own policy or none; nobody asks its parents.
#[test]
fn sts_33_no_policy_is_looked_for_at_parents() {
    let row = r#"
[[scenario]]
name = "parent"
matrix = "opportunistic"
why = "the parent has a policy, the subdomain has none"
destination = "sub.{domain}"
zone = """
@         MX     10 mx1
sub       MX     10 mx1
mx1       A      {ip mx1}
_mta-sts  0 TXT  "v=STSv1; id=1;"
mta-sts   A      {ip mta-sts}
"""
servers.mx1 = { certificate.issuer = "itself" }
expected = { verdict = "deliver", channel = "encrypted", policy = "opportunistic", connections = 1, mail = 1, data = 1 }
[scenario.policy-host]
policy = """
version: STSv1
mode: enforce
mx: mx1.{domain}
max_age: 86400
"""
"#;
    let lab = Lab::start_with(Scenario::parse(row).unwrap()).unwrap();
    let policy_questions = || -> Vec<String> {
        let about_policies =
            |query: &LoggedQuery| query.name.starts_with("_mta-sts.") || query.name.starts_with("mta-sts.");
        lab.dns()
            .queries(about_policies)
            .into_iter()
            .map(|query| format!("{} {}", query.name, query.rtype))
            .collect()
    };
    let ended = run(at_lab(&lab, "resolve", &["sub.parent.lab".to_owned()]));
    assert_eq!(ended.document()["results"][0]["mta_sts"]["source"], "none");
    let asked = policy_questions();
    assert!(asked.contains(&"_mta-sts.sub.parent.lab. TXT".to_owned()), "{asked:?}");
    // A DS question on the way down is about delegations, not about policies.
    assert!(asked.iter().all(|question| question.contains("_mta-sts.sub.parent.lab.")), "{asked:?}");
    assert_eq!(lab.saw("parent").policy_host.connections, 0);

    // The twin: the parent itself has the policy.
    let ended = run(at_lab(&lab, "resolve", &["parent.lab".to_owned()]));
    assert_eq!(ended.document()["results"][0]["mta_sts"]["source"], "fetched");
    assert_eq!(lab.saw("parent").policy_host.gets, 1);
}

/// D72-27: no question of DANE or MTA-STS is asked for an address literal; D72-09's twin for a host that the user names.
#[test]
fn a_named_host_is_asked_for_itself_alone() {
    let lab = lab_of(&["smart-host"]);
    let ended = run(at_lab(&lab, "resolve", &["[mx1.smart-host.lab]".to_owned()]));
    assert_eq!(ended.status, Some(0));
    assert_eq!(lab.dns().queries(|query| query.rtype.to_string() == "MX"), [], "no MX look-up");
    let policy = lab.dns().queries(|query| query.name.starts_with("_mta-sts."));
    assert!(policy.iter().all(|query| query.name == "_mta-sts.mx1.smart-host.lab."), "{policy:?}");
    assert!(!policy.is_empty(), "RFC 8461 3.4: the policy of the host's own name");
}
