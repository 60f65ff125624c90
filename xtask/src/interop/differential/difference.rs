//! The differences that are expected, each with what makes ours right.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::world::Zone;
use crate::interop::verdict::{Question, Verdict, plain};

/// The expected differences, by question.
pub(super) struct Differences(BTreeMap<Question, Difference>);

/// A difference in status.
#[derive(Clone, Debug)]
struct Difference {
    unbound: String,
    mxtls: String,
}

/// A row of `differences.toml`, which says what each field is for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    zone: String,
    questions: Option<Vec<String>>,
    #[serde(default)]
    except: Vec<String>,
    unbound: String,
    mxtls: String,
    why: String,
}

impl Differences {
    /// Reads the table. A row about a zone or a question that there is not is an error.
    pub(super) fn read(zones: &[Zone<'_>]) -> Result<Self> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            difference: Vec<Row>,
        }
        let table: Table = toml::from_str(include_str!("differences.toml")).context("differences.toml")?;
        let mut differences = BTreeMap::new();
        for row in table.difference {
            ensure!(row.why.contains("RFC "), "differences.toml: {} names no RFC", row.zone);
            let own: Vec<_> = zones.iter().filter(|zone| zone.row.name == row.zone).collect();
            ensure!(!own.is_empty(), "differences.toml: there is no zone {}", row.zone);
            for zone in own {
                for question in row.of(zone)? {
                    let difference = Difference { unbound: row.unbound.clone(), mxtls: row.mxtls.clone() };
                    let before = differences.insert(question, difference);
                    ensure!(before.is_none(), "differences.toml says twice what {} differs in", row.zone);
                }
            }
        }
        Ok(Self(differences))
    }

    /// No difference at all.
    pub(super) fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Whether the two verdicts are the same, or differ in the way that is expected of this question.
    pub(super) fn check(&self, question: &Question, theirs: &Verdict, ours: &Verdict) -> Result<()> {
        let said = || format!("unbound says {theirs}; mxtls {ours}");
        let Some(difference) = self.0.get(question) else {
            ensure!(ours.is_same_as(theirs), said());
            return Ok(());
        };
        ensure!(
            theirs.status == difference.unbound && ours.status == difference.mxtls,
            "expected of unbound is {}, of mxtls {}; {}",
            difference.unbound,
            difference.mxtls,
            said()
        );
        // What there is they see alike, as far as both say it.
        ensure!(
            theirs.outcome == ours.outcome || theirs.outcome.is_none() || ours.outcome.is_none(),
            "not only the status differs; {}",
            said()
        );
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Row {
    /// The questions of a zone that it is about.
    fn of(&self, zone: &Zone<'_>) -> Result<Vec<Question>> {
        let all = zone.questions()?;
        let named = |texts: &[String]| -> Result<Vec<Question>> {
            let parse = |text: &String| {
                let (name, rtype) =
                    text.split_once(' ').with_context(|| format!("{text:?} is no question"))?;
                let question = (plain(&zone.name(name)), rtype.to_owned());
                ensure!(all.contains(&question), "differences.toml: {} is not asked {text}", self.zone);
                Ok(question)
            };
            texts.iter().map(parse).collect()
        };
        if let Some(questions) = &self.questions {
            return named(questions);
        }
        let except = named(&self.except)?;
        Ok(all.iter().filter(|question| !except.contains(question)).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interop::verdict::Outcome;

    fn verdict(status: &str, outcome: Option<Outcome>) -> Verdict {
        Verdict { status: status.to_owned(), outcome, remark: String::new() }
    }

    #[test]
    fn what_is_expected_must_be_so_and_nothing_else() {
        let question = |name: &str| (name.to_owned(), "A".to_owned());
        let difference = Difference { unbound: "secure".to_owned(), mxtls: "insecure".to_owned() };
        let differences = Differences([(question("differs"), difference)].into());
        let data = || Some(Outcome::NoData);
        for (name, theirs, ours, holds, why) in [
            ("same", verdict("secure", data()), verdict("secure", data()), true, "the same"),
            (
                "same",
                verdict("secure", data()),
                verdict("insecure", data()),
                false,
                "a difference that nobody expects",
            ),
            ("same", verdict("secure", data()), verdict("secure", None), false, "another outcome"),
            (
                "differs",
                verdict("secure", data()),
                verdict("insecure", data()),
                true,
                "the expected difference",
            ),
            (
                "differs",
                verdict("secure", data()),
                verdict("secure", data()),
                false,
                "no difference where one is expected",
            ),
            ("differs", verdict("secure", data()), verdict("bogus", None), false, "another difference"),
            (
                "differs",
                verdict("secure", data()),
                verdict("insecure", Some(Outcome::NoSuchName)),
                false,
                "the status differs as expected, the outcome too",
            ),
        ] {
            assert_eq!(differences.check(&question(name), &theirs, &ours).is_ok(), holds, "{why}");
        }
    }
}
