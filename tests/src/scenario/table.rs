//! From the rows of the file to scenarios.

use std::collections::BTreeMap;

use super::row::{Edit, File, Row};
use super::{Scenario, Zone};

/// What is wrong with a text of scenarios.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// It is not of the form, or a field is unknown; the message has the line.
    #[error("{0}")]
    Form(#[from] toml::de::Error),
    /// A row says what cannot be.
    #[error("line {line}: scenario {name}: {message}")]
    Row {
        /// Line of the row's name, from 1.
        line: usize,
        /// The row's name.
        name: String,
        /// What is wrong.
        message: String,
    },
}

pub(super) fn parse(text: &str) -> Result<Vec<Scenario>, ScenarioError> {
    let File { scenario, tampered } = toml::from_str(text)?;
    let rows = scenario.into_iter().chain(tampered.into_iter().flat_map(super::row::Tampered::rows));
    let mut done = Vec::new();
    for row in rows {
        let (name, at) = (row.name.get_ref().clone(), row.name.span().start);
        let scenario = resolve(row, &done).map_err(|message| ScenarioError::Row {
            line: text[..at].matches('\n').count() + 1,
            name,
            message,
        })?;
        done.push(scenario);
    }
    Ok(done)
}

/// A row together with the one that it starts from, which stands above it.
fn resolve(row: Row, above: &[Scenario]) -> Result<Scenario, String> {
    let name = row.name.into_inner();
    if above.iter().any(|other| other.name == name) {
        return Err("there is a row of this name above".to_owned());
    }
    if name.len() > 63 || name.contains(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'))
    {
        return Err("a name is one DNS label in kebab-case".to_owned());
    }
    let start = match &row.like {
        None => None,
        Some(like) => {
            Some(above.iter().find(|other| other.name == *like).ok_or(format!("no row {like:?} above"))?)
        }
    };
    let start = start.cloned();
    let twin = row.twin.or(row.like);
    let check = row.expected.of_check(row.check.as_ref());
    let domain = format!("{name}.lab");
    let mut scenario = match start {
        Some(start) => Scenario { name, twin, domain, why: row.why, send: row.expected, check, ..start },
        None => Scenario {
            name,
            matrix: row.matrix.clone().ok_or("no matrix row")?,
            why: row.why,
            twin,
            domain,
            destination: "{domain}".to_owned(),
            zone: Zone { signing: None, text: row.zone.clone().ok_or("no zone")? },
            zones: BTreeMap::new(),
            servers: BTreeMap::new(),
            policy_host: None,
            tamper: Vec::new(),
            arguments: Vec::new(),
            check_arguments: Vec::new(),
            case: None,
            send: row.expected,
            check,
        },
    };
    if let Some(matrix) = row.matrix {
        scenario.matrix = matrix;
    }
    if let Some(destination) = row.destination {
        scenario.destination = destination;
    }
    if let Some(zone) = row.zone {
        scenario.zone.text = zone;
    }
    if let Some(signing) = row.signing {
        scenario.zone.signing = Some(signing);
    }
    scenario.zones.extend(row.zones);
    for (key, over) in row.servers {
        let server = scenario.servers.remove(&key).unwrap_or_default();
        scenario.servers.insert(key, server.merged(over));
    }
    scenario.policy_host = match (scenario.policy_host, row.policy_host) {
        (Some(host), Some(over)) => Some(host.merged(over)),
        (host, over) => over.or(host),
    };
    if let Some(tamper) = row.tamper {
        scenario.tamper = tamper;
    }
    if let Some(arguments) = row.arguments {
        scenario.arguments = arguments;
    }
    if let Some(arguments) = row.check_arguments {
        scenario.check_arguments = arguments;
    }
    if let Some(case) = row.case {
        scenario.case = Some(case);
    }
    if let Some(edit) = row.edit {
        apply(&edit, &mut scenario)?;
    }
    Ok(scenario)
}

/// Makes the one change that `edit` asks for.
fn apply(Edit { from, to }: &Edit, scenario: &mut Scenario) -> Result<(), String> {
    let policy = scenario.policy_host.as_mut().and_then(|host| host.policy.as_mut());
    let zones = scenario.zones.values_mut().map(|zone| &mut zone.text);
    let texts = zones.chain([&mut scenario.zone.text]).chain(policy);
    let mut found = 0;
    for text in texts {
        found += text.matches(from.as_str()).count();
        *text = text.replace(from.as_str(), to);
    }
    match found {
        1 => Ok(()),
        _ => Err(format!("{from:?} to edit stands {found} times in its zones and policy")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = r#"
[[scenario]]
name = "base"
matrix = "dane-usable"
why = "it is"
zone = "@ MX 10 mx1\nmx1 A {ip mx1}"
servers.mx1 = { certificate.issuer = "itself" }
expected = { verdict = "deliver", channel = "verified", policy = "dane", connections = 1, mail = 1, data = 1 }
"#;

    fn refused(row: &str) -> String {
        parse(&format!("{BASE}[[scenario]]\nwhy = ''\n{row}")).unwrap_err().to_string()
    }

    const DEFER: &str = "expected = { verdict = 'defer', connections = 1, mail = 0, data = 0 }";

    #[test]
    fn a_row_starts_from_another() {
        let text = format!(
            "{BASE}[[scenario]]\nname = 'second'\nlike = 'base'\nwhy = ''\nedit = {{ from = '10', to = '20' }}\n\
             servers.mx1.starttls = 'absent'\n{DEFER}"
        );
        let scenarios = parse(&text).unwrap();
        let second = &scenarios[1];
        assert_eq!(second.domain, "second.lab");
        assert_eq!(second.twin.as_deref(), Some("base"));
        assert!(second.zone.text.starts_with("@ MX 20 mx1"));
        assert_eq!(second.distance(&scenarios[0]), 2, "a record and what comes of STARTTLS");
        let set_up = second.facts();
        assert!(set_up.contains("server mx1.certificate.issuer: itself"), "{set_up:?}");
        assert_eq!((second.check.mail, second.check.connections), (0, 1));
    }

    #[test]
    fn tampering_rows_are_expanded() {
        let text = format!(
            "{BASE}[[tampered]]\nname = 'fault'\nlike = 'base'\nwhy = ''\nquestions = ['mx1 A']\n\
             failures = {{ servfail = 'dns-servfail', timeout = 'dns-timeout' }}\n{DEFER}"
        );
        let scenarios = parse(&text).unwrap();
        let of = |name: &str| scenarios.iter().find(|s| s.name == name).unwrap();
        assert_eq!(of("fault-servfail").send.failure.as_deref(), Some("dns-servfail"));
        assert_eq!(of("fault-timeout").check.failure.as_deref(), Some("dns-timeout"));
        assert_eq!(of("fault-timeout").distance(of("base")), 1);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let like = "name = 'second'\nlike = 'base'";
        for (row, found) in [
            (format!("{like}\nzonee = ''\n{DEFER}"), vec!["line 13", "unknown field `zonee`"]),
            (
                format!("{like}\nservers.mx1.startls = ''\n{DEFER}"),
                vec!["line 13", "unknown field `startls`"],
            ),
            (format!("{like}\nservers.mx1.starttls = 'maybe'\n{DEFER}"), vec!["line 13", "maybe"]),
            (format!("name = 'second'\nlike = 'bass'\n{DEFER}"), vec!["line 11", "no row \"bass\""]),
            (format!("name = 'base'\nlike = 'base'\n{DEFER}"), vec!["line 11", "of this name"]),
            (format!("name = 'Base'\nlike = 'base'\n{DEFER}"), vec!["line 11", "kebab-case"]),
            (
                format!("{like}\nedit = {{ from = 'mx1', to = 'mx2' }}\n{DEFER}"),
                vec!["line 11", "stands 3 times"],
            ),
        ] {
            let message = refused(&row);
            for part in found {
                assert!(message.contains(part), "{part} in {message}");
            }
        }
    }
}
