//! What is set up in a scenario, fact by fact: twins differ in one.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Scenario;
use super::row::Zone;

pub(super) fn of(scenario: &Scenario) -> BTreeSet<String> {
    let mut facts = BTreeSet::new();
    facts.insert(format!("destination: {}", scenario.destination));
    zone("{domain}", &scenario.zone, &mut facts);
    for (origin, other) in &scenario.zones {
        zone(origin, other, &mut facts);
    }
    for (key, server) in &scenario.servers {
        facts.insert(format!("server {key}"));
        leaves(&format!("server {key}"), &serde_json::to_value(server).expect("plain data"), &mut facts);
    }
    if let Some(host) = &scenario.policy_host {
        let mut value = serde_json::to_value(host).expect("plain data");
        if let Some(Value::String(policy)) = value.get_mut("policy").map(Value::take) {
            lines("policy", &policy, &mut facts);
        }
        facts.insert("policy host".to_owned());
        leaves("policy host", &value, &mut facts);
    }
    for rule in &scenario.tamper {
        facts.insert(format!("tamper: {} {:?} {:?}", rule.with, rule.questions, rule.from));
    }
    facts.insert(format!("arguments: {:?} {:?}", scenario.arguments, scenario.check_arguments));
    facts.insert(format!("case: {:?}", scenario.case));
    facts
}

fn zone(origin: &str, zone: &Zone, facts: &mut BTreeSet<String>) {
    facts.insert(format!("zone {origin} signing: {:?}", zone.signing));
    lines(&format!("zone {origin}"), &zone.text, facts);
}

fn lines(of: &str, text: &str, facts: &mut BTreeSet<String>) {
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        facts.insert(format!("{of}: {}", words.join(" ")));
    }
}

/// One fact for each value that is no table; nothing for what is left out.
fn leaves(path: &str, value: &Value, facts: &mut BTreeSet<String>) {
    match value {
        Value::Null => {}
        Value::Object(table) => {
            for (key, value) in table {
                leaves(&format!("{path}.{key}"), value, facts);
            }
        }
        Value::String(text) => {
            facts.insert(format!("{path}: {text}"));
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            facts.insert(format!("{path}: {value}"));
        }
    }
}
