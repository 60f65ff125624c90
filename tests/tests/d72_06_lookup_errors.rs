//! RFC 7672 §2.1.1: an error of a lookup is never taken for an answer, neither by a resolver that starts with it nor by one that had
//! the answer before.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code outside test functions may panic too: that is how it fails"
)]

use std::sync::Arc;
use std::time::Duration;

use mx_resolve::{Checked, Deliverer, Destination, MxResolver};
use mxtls_lab::scenario::{Expected, Zone};
use mxtls_lab::{Lab, Scenario};
use mxtls_smtp_client::{SessionSettings, Timeouts};
use mxtls_verifier::{Offer, Roots, TlsSettings};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::task::{JoinSet, LocalSet};

const DNS_TIMEOUT: Duration = Duration::from_secs(1);
const SMTP_TIMEOUT: Duration = Duration::from_secs(20);

/// The rows of the scenario file that disturb a lookup, and nothing else.
fn faults() -> Vec<Scenario> {
    let faults: Vec<Scenario> =
        Scenario::all().unwrap().into_iter().filter(|scenario| scenario.name.starts_with("fault-")).collect();
    for rtype in ["mx", "a", "aaaa", "cname", "tlsa"] {
        for kind in ["servfail", "refused", "timeout", "bogus", "indeterminate", "malformed", "over-budget"] {
            let name = format!("fault-{rtype}-{kind}");
            assert!(faults.iter().any(|fault| fault.name == name), "{name}");
        }
    }
    faults
}

/// What `mxtls check` would report, in the words of the scenario file.
fn outcome(checked: &Checked) -> Expected {
    let usable = checked.usable.as_ref();
    Expected {
        verdict: checked.verdict.to_string(),
        channel: usable.map(|usable| usable.channel.to_string()),
        policy: usable.map(|usable| usable.policy.to_string()),
        failure: checked.failure.as_ref().map(|failure| failure.code.to_string()),
        would_fail: None,
        connections: 0,
        mail: 0,
        data: 0,
    }
}

/// The same without what the servers saw.
fn said(expected: &Expected) -> Expected {
    Expected { connections: 0, ..expected.clone() }
}

fn client(lab: &Lab) -> (MxResolver, Deliverer) {
    let options = lab.global_options();
    let value = |option: &str| {
        let at = options.iter().position(|given| given == option).unwrap();
        options.get(at + 1).unwrap().clone()
    };
    let resolver = MxResolver::builder()
        .upstream(lab.dns().address())
        .trust_anchor_file(value("--trust-anchor"))
        .timeout(DNS_TIMEOUT)
        .port(lab.port())
        .policy_port(lab.policy_port())
        .policy_roots([CertificateDer::from_pem_file(value("--ca-file")).unwrap()])
        .build()
        .unwrap();
    let tls = TlsSettings::new(Roots::from_file(value("--ca-file")).unwrap(), &Offer::default()).unwrap();
    let mut settings = SessionSettings::new("client.example", tls).unwrap();
    settings.timeouts = Timeouts::each(SMTP_TIMEOUT);
    (resolver, Deliverer::new(settings))
}

async fn check(lab: &Lab, scenario: &Scenario, (resolver, deliverer): &(MxResolver, Deliverer)) -> Expected {
    let arguments = lab.check_arguments(scenario);
    let destination: Destination = arguments.first().unwrap().parse().unwrap();
    outcome(&deliverer.check(&resolver.resolve(&destination).await).await)
}

#[tokio::test]
async fn d72_06_cold() {
    LocalSet::new().run_until(cold()).await;
}

async fn cold() {
    let lab = Arc::new(Lab::start_with(faults()).unwrap());
    let mut trials = JoinSet::new();
    for scenario in faults() {
        let lab = Arc::clone(&lab);
        trials.spawn_local(async move {
            let got = check(&lab, &scenario, &client(&lab)).await;
            let connections = lab.saw(&scenario.name).connections();
            (scenario, Expected { connections, ..got })
        });
    }
    let other = |(scenario, got): (Scenario, Expected)| {
        (got != scenario.check).then(|| format!("{}: {got:?}, expected {:?}", scenario.name, scenario.check))
    };
    let wrong: Vec<String> = trials.join_all().await.into_iter().filter_map(other).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn d72_06_warm() {
    LocalSet::new().run_until(warm()).await;
}

/// The error comes at the second query for the same question; no answer may be kept until then, for its TTL is 0. What may be kept are
/// keys, so that nothing is missing where only they cannot be had, and the policy.
async fn warm() {
    let all = Scenario::all().unwrap();
    let scenarios: Vec<Scenario> = faults().into_iter().map(from_the_second_query_on).collect();
    let lab = Arc::new(Lab::start_with(scenarios.clone()).unwrap());
    let mut trials = JoinSet::new();
    for scenario in scenarios {
        let lab = Arc::clone(&lab);
        trials.spawn_local(async move {
            let client = client(&lab);
            let before = check(&lab, &scenario, &client).await;
            let after = check(&lab, &scenario, &client).await;
            (scenario, before, after)
        });
    }
    let mut wrong = Vec::new();
    for (scenario, before, after) in trials.join_all().await {
        let name = &scenario.name;
        let twin = all.iter().find(|other| Some(&other.name) == scenario.twin.as_ref()).unwrap();
        let (undisturbed, cold) = (said(&twin.check), said(&scenario.check));
        let allowed = if name.starts_with("fault-txt-") {
            vec![&undisturbed]
        } else if name.ends_with("-indeterminate") {
            vec![&cold, &undisturbed]
        } else {
            vec![&cold]
        };
        if before != undisturbed {
            wrong.push(format!("{name}: the first time {before:?}"));
        }
        if !allowed.contains(&&after) {
            wrong.push(format!("{name}: the second time {after:?}, expected {allowed:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn from_the_second_query_on(mut scenario: Scenario) -> Scenario {
    for rule in &mut scenario.tamper {
        rule.from = Some(2);
    }
    for Zone { text, .. } in scenario.zones.values_mut().chain([&mut scenario.zone]) {
        text.insert_str(0, "$TTL 0\n");
    }
    scenario
}
