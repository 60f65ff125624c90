//! The three ways to a status, and the probe that chooses, through the binary: what comes of mail does not depend on them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code outside test functions may panic too: that is how it fails"
)]

mod mxtls;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use mxtls::{Ended, INSECURE_TLSA, lab_of, run};
use mxtls_lab::dns::{Face, Tamper};
use mxtls_lab::{Lab, Scenario};
use serde_json::Value;

/// How many commands run at a time.
const AT_ONCE: usize = 6;

const GOOD: &str = "dane-ee-match";
const UNSIGNED: &str = "insecure-delegation";

/// What `mxtls send` reports of a recipient, and what the servers saw.
#[derive(Debug, Eq, PartialEq)]
struct Outcome {
    exit: Option<i32>,
    /// Verdict, channel and policy of each recipient, each once.
    recipients: Vec<[Value; 3]>,
    connections: u32,
    mail: u32,
    data: u32,
}

impl Outcome {
    fn expected(scenario: &Scenario) -> Self {
        let expected = &scenario.send;
        let exit = match expected.verdict.as_str() {
            "deliver" => 0,
            "bounce" => 1,
            _ => 75,
        };
        let recipient = [
            expected.verdict.as_str().into(),
            expected.channel.clone().into(),
            expected.policy.clone().into(),
        ];
        Self {
            exit: Some(exit),
            recipients: vec![recipient],
            connections: expected.connections,
            mail: expected.mail,
            data: expected.data,
        }
    }

    fn got(lab: &Lab, scenario: &Scenario, ended: &Ended) -> Self {
        let document = ended.document();
        let envelopes = document["envelopes"].as_array().unwrap();
        let recipients = envelopes.iter().flat_map(|envelope| envelope["recipients"].as_array().unwrap());
        let mut recipients: Vec<[Value; 3]> = recipients
            .map(|recipient| ["verdict", "channel", "policy"].map(|field| recipient[field].clone()))
            .collect();
        recipients.dedup();
        let saw = lab.saw(&scenario.name);
        Self {
            exit: ended.status,
            recipients,
            connections: saw.connections(),
            mail: saw.mail(),
            data: saw.data(),
        }
    }
}

/// The lab's options with another resolver, and more behind them.
fn options(lab: &Lab, resolver: SocketAddr, more: &[&str]) -> Vec<String> {
    let mut options = lab.options();
    let place = options.iter().position(|option| option == "--resolver").unwrap();
    options[place + 1] = resolver.to_string();
    options.extend(more.iter().map(|&option| option.to_owned()));
    options
}

/// Sends to every one of these scenarios, and returns those that do not come to what the table says.
fn differing(lab: &Lab, scenarios: &[&Scenario], options: &[String]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut differing = vec![];
        while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut arguments = vec!["send".to_owned(), "--json".to_owned()];
            arguments.extend_from_slice(options);
            arguments.extend(lab.send_arguments(scenario));
            let ended = run(&arguments);
            let (got, expected) = (Outcome::got(lab, scenario, &ended), Outcome::expected(scenario));
            if got != expected {
                differing.push(format!("{}: {got:?}, not {expected:?}: {}", scenario.name, ended.stdout));
            }
        }
        differing
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}

/// The attacker sits before the name servers.
#[test]
fn every_scenario_from_the_root() {
    let lab = Lab::start().unwrap();
    let all: Vec<&Scenario> = lab.scenarios().iter().collect();
    let options = options(&lab, lab.dns().address(), &["--dnssec", "recursive"]);
    let differing = differing(&lab, &all, &options);
    assert!(differing.is_empty(), "{} of {}:\n{}", differing.len(), all.len(), differing.join("\n"));
    let asked = |wanted: &dyn Fn(Face) -> bool| lab.dns().queries(|query| wanted(query.face)).len();
    assert_eq!(asked(&|face| face == Face::Recursive), 0, "no upstream is asked");
    for labels in 0..=5 {
        assert!(asked(&|face| face == Face::Authority(labels)) > 0, "a zone with {labels} labels");
    }
}

/// The path to the resolver is trusted by definition, so that nobody forges on it; but it fails at times.
#[test]
fn every_scenario_by_the_ad_bit() {
    let lab = Lab::start().unwrap();
    let apply = |scenario: &&Scenario| {
        scenario.tamper.iter().all(|rule| rule.with.parse::<Tamper>().is_ok_and(|tamper| tamper.is_fault()))
    };
    let all: Vec<&Scenario> = lab.scenarios().iter().filter(apply).collect();
    assert!(all.iter().any(|scenario| !scenario.tamper.is_empty()), "faults are among them");
    assert!(all.len() > 100, "{} scenarios are left", all.len());
    let resolver = lab.dns().face(Face::Validating);
    let differing = differing(&lab, &all, &options(&lab, resolver, &["--dnssec", "trust-ad"]));
    assert!(differing.is_empty(), "{} of {}:\n{}", differing.len(), all.len(), differing.join("\n"));
    assert_eq!(lab.dns().queries(|query| query.face != Face::Validating), [], "nobody else is asked");
}

/// Where nobody listens: another address of loopback, at the lab's port.
const NOBODY: &str = "127.53.9.9";

/// `check` of the good domain, with another resolver and more options.
fn check(lab: &Lab, resolver: SocketAddr, more: &[&str]) -> Ended {
    let mut arguments = vec!["check".to_owned(), "--json".to_owned()];
    arguments.extend(options(lab, resolver, more));
    arguments.push(format!("{GOOD}.lab"));
    run(&arguments)
}

fn at_nobody(lab: &Lab) -> SocketAddr {
    SocketAddr::new(NOBODY.parse().unwrap(), lab.dns().address().port())
}

/// Exit status, verdict, channel, and the failure's code.
fn result(ended: &Ended) -> (Option<i32>, Value, Value, Value) {
    let document = ended.document();
    let result = &document["results"][0];
    let code = result["failure"]["code"].clone();
    (ended.status, result["verdict"].clone(), result["channel"].clone(), code)
}

fn delivered() -> (Option<i32>, Value, Value, Value) {
    (Some(0), "deliver".into(), "verified".into(), Value::Null)
}

fn asked_from_the_root(lab: &Lab) -> usize {
    lab.dns().queries(|query| matches!(query.face, Face::Authority(_))).len()
}

const WARNING: &str = "the DNS resolver does not pass DNSSEC records on";

#[test]
fn an_upstream_that_does_not_carry_dnssec_is_left_with_one_warning() {
    for (face, reason) in [
        (Face::Oblivious, "not signed, though its zone is"),
        (Face::WithoutDo, "it answers, but not with DNSSEC records"),
    ] {
        let lab = lab_of(&[GOOD, "dane-nsec3", "dane-ta-next-hop"]);
        let more = ["--timeout", "2", "dane-nsec3.lab", "dane-ta-next-hop.lab"];
        let ended = check(&lab, lab.dns().face(face), &more);
        assert_eq!(result(&ended), delivered(), "{face:?}: {ended:?}");
        assert_eq!(ended.stderr.matches(WARNING).count(), 1, "{face:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(reason), "{face:?}: {}", ended.stderr);
        assert!(asked_from_the_root(&lab) > 0);
        for scenario in lab.scenarios() {
            assert_eq!(lab.saw(&scenario.name).connections(), 1, "{face:?}: {}", scenario.name);
        }
    }
}

#[test]
fn validate_never_leaves_the_upstream() {
    let lab = lab_of(&[GOOD]);
    let ended = check(&lab, lab.dns().face(Face::Oblivious), &["--dnssec", "validate"]);
    assert_eq!(result(&ended), (Some(75), "defer".into(), Value::Null, "dns-bogus".into()), "{ended:?}");
    assert_eq!(asked_from_the_root(&lab), 0);
    let ended = check(&lab, lab.dns().address(), &["--dnssec", "validate"]);
    assert_eq!(result(&ended), delivered(), "{ended:?}");
}

#[test]
fn over_a_good_upstream_nothing_is_asked_from_the_root() {
    let lab = lab_of(&[GOOD]);
    let ended = check(&lab, lab.dns().address(), &[]);
    assert_eq!(result(&ended), delivered(), "{ended:?}");
    assert!(!ended.stderr.contains(WARNING), "{}", ended.stderr);
    assert_eq!(asked_from_the_root(&lab), 0);
}

/// One sentence on what to do, and no domain is called bogus.
#[test]
fn where_neither_works_one_sentence_says_so() {
    let lab = lab_of(&[GOOD]);
    let hints = lab.directory().join("nobody.hints");
    std::fs::write(&hints, format!(". NS ns.\nns. A {NOBODY}\n")).unwrap();
    // The last of two options of one kind would be an error: this stands in the place of the lab's.
    let mut arguments = options(&lab, lab.dns().face(Face::Oblivious), &[]);
    let place = arguments.iter().position(|option| option == "--root-hints").unwrap();
    arguments[place + 1] = hints.display().to_string();
    for json in [true, false] {
        let mut command = vec!["check".to_owned()];
        command.extend(json.then(|| "--json".to_owned()));
        command.extend_from_slice(&arguments);
        command.extend([format!("{GOOD}.lab"), "elsewhere.lab".to_owned()]);
        let ended = run(&command);
        assert_eq!(ended.status, Some(75), "{ended:?}");
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(
            said.contains("(. DNSKEY: not signed, though its zone is"),
            "what the resolver lacks: {said}"
        );
        assert!(said.contains("name a resolver that passes DNSSEC records on"), "{said}");
        assert!(!said.contains("bogus"), "{said}");
    }
    assert_eq!(lab.saw(GOOD).connections(), 0);
}

/// Silence does not tell what an upstream carries, and the root may know another view of a name than the upstream.
#[test]
fn a_dead_upstream_is_waited_for() {
    let lab = lab_of(&[GOOD]);
    let ended = check(&lab, at_nobody(&lab), &["--timeout", "2"]);
    assert_eq!(result(&ended), (Some(75), "defer".into(), Value::Null, "dns-timeout".into()), "{ended:?}");
    assert!(ended.stdout.contains("the DNS resolver gives no answer"), "{ended:?}");
}

/// Whatever the other one says: the silent one may carry DNSSEC, and another view of names, when it is back.
#[test]
fn a_silent_upstream_beside_one_that_carries_no_dnssec_is_waited_for() {
    for face in [Face::WithoutDo, Face::Oblivious] {
        let lab = lab_of(&[GOOD]);
        let (silent, other) = (at_nobody(&lab), lab.dns().face(face));
        for (first, second) in [(silent, other), (other, silent)] {
            let ended = check(&lab, first, &["--timeout", "2", "--resolver", &second.to_string()]);
            let timeout = (Some(75), "defer".into(), Value::Null, "dns-timeout".into());
            assert_eq!(result(&ended), timeout, "{face:?}: {ended:?}");
            assert!(ended.stdout.contains("No other one passes DNSSEC records on"), "{face:?}: {ended:?}");
            assert_eq!(asked_from_the_root(&lab), 0, "{face:?}");
            assert!(!ended.stderr.contains(WARNING), "{face:?}: {}", ended.stderr);
        }
    }
}

#[test]
fn from_the_root_without_a_root_nothing_is_found() {
    let lab = lab_of(&[GOOD]);
    let dead = format!("{}", lab.policy_port());
    let ended = check(&lab, lab.dns().address(), &["--dnssec", "recursive", "--timeout", "2"]);
    assert_eq!(result(&ended), delivered(), "{ended:?}");
    let mut arguments = options(&lab, lab.dns().address(), &["--dnssec", "recursive", "--timeout", "2"]);
    let place = arguments.iter().position(|option| option == "--dns-port").unwrap();
    arguments[place + 1] = dead;
    let ended =
        run([&["check".to_owned(), "--json".to_owned()], arguments.as_slice(), &[format!("{GOOD}.lab")]]
            .concat());
    assert_eq!(result(&ended), (Some(75), "defer".into(), Value::Null, "dns-timeout".into()), "{ended:?}");
    assert_eq!(lab.saw(GOOD).connections(), 1, "of the first");
}

/// RFC 7672 §2.1.1: that no answer is secure says something about the resolver, not about the zones.
#[test]
fn a_resolver_that_sets_no_ad_is_told_from_an_insecure_zone() {
    let lab = lab_of(&[GOOD, UNSIGNED]);
    let trust_ad = ["--dnssec", "trust-ad"];
    for stripping in [Face::WithoutAd, Face::Oblivious, Face::Recursive] {
        let ended =
            check(&lab, lab.dns().face(stripping), &["--dnssec", "trust-ad", &format!("{UNSIGNED}.lab")]);
        assert_eq!(
            result(&ended),
            (Some(75), "defer".into(), Value::Null, "dns-indeterminate".into()),
            "{stripping:?}: {ended:?}"
        );
        assert!(ended.stdout.contains("does not set the AD bit"), "{stripping:?}: {ended:?}");
        assert_eq!((lab.saw(GOOD).connections(), lab.saw(UNSIGNED).connections()), (0, 0));
    }
    let validating = lab.dns().face(Face::Validating);
    assert_eq!(result(&check(&lab, validating, &trust_ad)), delivered());
    let mut arguments = vec!["check".to_owned(), "--json".to_owned(), format!("{UNSIGNED}.lab")];
    arguments.extend(options(&lab, validating, &trust_ad));
    let ended = run(&arguments);
    assert_eq!(result(&ended), (Some(0), "deliver".into(), "encrypted".into(), Value::Null), "{ended:?}");
}

/// RFC 7672 §2.2.2, §2.2.3: where an alias leads out of the signed zones, each way finds the same.
#[test]
fn an_alias_into_an_unsigned_zone() {
    let mut scenarios = Scenario::parse(INSECURE_TLSA).unwrap();
    scenarios.extend(Scenario::parse(INSECURE_ADDRESS).unwrap());
    for (way, face) in [
        ("auto", Face::Recursive),
        ("auto", Face::Oblivious),
        ("validate", Face::Recursive),
        ("recursive", Face::Oblivious),
        ("trust-ad", Face::Validating),
    ] {
        let lab = Lab::start_with(scenarios.clone()).unwrap();
        let options = options(&lab, lab.dns().face(face), &["--dnssec", way]);
        let all: Vec<&Scenario> = lab.scenarios().iter().collect();
        assert_eq!(differing(&lab, &all, &options), Vec::<String>::new(), "{way}");
    }
}

const INSECURE_ADDRESS: &str = r#"
[[scenario]]
name = "insecure-address"
matrix = "dane-usable"
why = "RFC 7672 2.2.2: the first alias is secure, the address is not: TLSA at the original name"
zone = """
@                 MX     10 mx1
mx1               CNAME  real.unsigned
_{port}._tcp.mx1  TLSA   {tlsa mx1 3 1 1}
"""
servers.mx1 = { certificate.issuer = "itself" }
expected = { verdict = "deliver", channel = "verified", policy = "dane", connections = 1, mail = 1, data = 1 }
[scenario.zones."unsigned.{domain}."]
signing = "unsigned"
text = "real A {ip mx1}"
"#;
