//! Where `mxtls` is to differ from unbound, each with what makes it right.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::world::Zone;
use crate::interop::difference::Differences;
use crate::interop::verdict::{Question, plain};

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

/// Reads the table. A row about a zone or a question that there is not is an error.
pub(super) fn read(zones: &[Zone<'_>]) -> Result<Differences> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Table {
        difference: Vec<Row>,
    }
    let table: Table = toml::from_str(include_str!("differences.toml")).context("differences.toml")?;
    let mut differences = Differences::default();
    for row in table.difference {
        ensure!(row.why.contains("RFC "), "differences.toml: {} names no RFC", row.zone);
        let own: Vec<_> = zones.iter().filter(|zone| zone.row.name == row.zone).collect();
        ensure!(!own.is_empty(), "differences.toml: there is no zone {}", row.zone);
        for zone in own {
            for question in row.of(zone)? {
                differences.expect(question, &row.unbound, &row.mxtls).context("differences.toml")?;
            }
        }
    }
    Ok(differences)
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
