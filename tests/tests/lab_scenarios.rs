//! The scenario file: whole, consistent, and able to fail.
#![allow(
    clippy::unwrap_used,
    reason = "test code outside test functions may panic too: that is how it fails"
)]

use std::collections::BTreeSet;

use mxtls_lab::{Lab, Scenario, dns};

fn all() -> Vec<Scenario> {
    Scenario::all().unwrap()
}

#[test]
fn every_scenario_is_set_up() {
    let lab = Lab::start().unwrap();
    assert_eq!(lab.scenarios().len(), all().len());
    for scenario in lab.scenarios() {
        assert_eq!(lab.saw(&scenario.name).connections(), 0);
        assert!(!lab.check_arguments(scenario).is_empty());
        assert!(!lab.send_arguments(scenario).is_empty());
    }
}

#[test]
fn the_words_are_those_of_the_command_line() {
    let matrix = [
        "dane-usable",
        "dane-unusable",
        "dane-unusable-sts-enforce",
        "dane-insecure-mx",
        "dane-insecure-mx-sts-enforce",
        "sts-enforce",
        "sts-testing",
        "opportunistic",
        "mx-error",
        "host-error",
    ];
    let scenarios = all();
    let shown: BTreeSet<&str> = scenarios.iter().map(|scenario| scenario.matrix.as_str()).collect();
    assert_eq!(shown, BTreeSet::from(matrix), "every row of the matrix is shown, and no other");
    for scenario in &scenarios {
        for expected in [&scenario.send, &scenario.check] {
            let name = &scenario.name;
            let channel = expected.channel.as_deref();
            let policy = expected.policy.as_deref();
            match expected.verdict.as_str() {
                "deliver" => {
                    let channels = ["verified", "trusted", "encrypted", "cleartext"];
                    let policies = ["dane", "mta-sts", "opportunistic"];
                    assert!(channel.is_some_and(|channel| channels.contains(&channel)), "{name}");
                    assert!(policy.is_some_and(|policy| policies.contains(&policy)), "{name}");
                    assert_eq!(expected.failure, None, "{name}");
                }
                "defer" | "bounce" => {
                    assert_eq!((channel, policy), (None, None), "{name}");
                    assert!(expected.failure.is_some(), "{name}");
                }
                other => panic!("{name}: verdict {other:?}"),
            }
        }
        assert_eq!((scenario.check.mail, scenario.check.data), (0, 0), "check sends no mail");
        assert!(!scenario.why.is_empty(), "{}", scenario.name);
    }
}

#[test]
fn who_does_not_deliver_has_a_twin_that_does_and_differs_in_one_fact() {
    let scenarios = all();
    for scenario in scenarios.iter().filter(|scenario| !scenario.send.delivers()) {
        let name = &scenario.name;
        let twin = scenario.twin.as_ref().unwrap_or_else(|| panic!("{name} has no twin"));
        let twin = scenarios.iter().find(|other| other.name == *twin).unwrap();
        assert!(twin.send.delivers(), "{name}: its twin {} does not deliver", twin.name);
        let (ours, theirs) = (scenario.facts(), twin.facts());
        assert_eq!(
            scenario.distance(twin),
            1,
            "{name} differs from {} in\n{:#?}\nin the place of\n{:#?}",
            twin.name,
            ours.difference(&theirs).collect::<Vec<_>>(),
            theirs.difference(&ours).collect::<Vec<_>>()
        );
    }
}

#[test]
fn no_fault_and_no_attack_is_left_out() {
    let scenarios = all();
    let tampered = |wanted: &dyn Fn(&str) -> bool, way: &str| {
        scenarios.iter().any(|scenario| {
            scenario
                .tamper
                .iter()
                .any(|rule| rule.with == way && rule.questions.iter().any(|question| wanted(question)))
        })
    };
    for kind in
        ["servfail", "refused", "timeout", "bogus", "indeterminate", "malformed", "truncated", "over-budget"]
    {
        for rtype in ["MX", "A", "AAAA", "CNAME", "TLSA", "TXT"] {
            assert!(
                tampered(&|question| question.ends_with(&format!(" {rtype}")), kind),
                "{kind} of {rtype}"
            );
        }
    }
    for attack in dns::attacks() {
        assert!(tampered(&|question| question.ends_with(" TLSA"), attack.name), "{}", attack.name);
    }
}
