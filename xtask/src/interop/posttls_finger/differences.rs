//! Where `mxtls` is to differ from Postfix, each with what makes it right.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::course::Course;

/// The expected differences, by destination.
pub(super) struct Differences(BTreeMap<String, Row>);

/// A row of `differences.toml`, which says what each field is for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    destination: String,
    postfix: String,
    mxtls: String,
    why: String,
}

impl Differences {
    /// Reads the table. A row about a destination that is not asked about is an error.
    pub(super) fn read<'a>(destinations: impl Iterator<Item = &'a str>) -> Result<Self> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            difference: Vec<Row>,
        }
        let table: Table =
            toml::from_str(include_str!("differences.toml")).context("posttls_finger/differences.toml")?;
        let destinations: BTreeSet<&str> = destinations.collect();
        let mut differences = BTreeMap::new();
        for row in table.difference {
            let destination = row.destination.clone();
            ensure!(row.why.contains("RFC "), "differences.toml: {destination} names no RFC");
            ensure!(destinations.contains(destination.as_str()), "nobody is asked about {destination}");
            ensure!(differences.insert(destination.clone(), row).is_none(), "two rows about {destination}");
        }
        Ok(Self(differences))
    }

    /// Whether both come to the same, or differ in the way that is expected of this destination.
    pub(super) fn check(&self, destination: &str, theirs: &Course, ours: &Course) -> Result<()> {
        let said = format!("Postfix: {theirs}; mxtls: {ours}");
        match self.0.get(destination) {
            None => ensure!(theirs == ours, said),
            Some(row) => ensure!(
                theirs.to_string() == row.postfix && ours.to_string() == row.mxtls,
                "expected of Postfix is {}, of mxtls {}; {said}",
                row.postfix,
                row.mxtls
            ),
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_must_be_so_and_nothing_else() {
        let row = Row {
            destination: "differs.lab".to_owned(),
            postfix: "bounced".to_owned(),
            mxtls: "delayed".to_owned(),
            why: String::new(),
        };
        let differences = Differences([(row.destination.clone(), row)].into());
        let course = |reason: &str| {
            let said = format!("posttls-finger: Destination address lookup failed: {reason}");
            Course::of_postfix(&said, "differs.lab").unwrap()
        };
        let (bounced, delayed) = (|| course("Host not found"), || course("Host not found, try again"));
        for (destination, theirs, ours, holds, why) in [
            ("same.lab", bounced(), bounced(), true, "the same"),
            ("same.lab", bounced(), delayed(), false, "a difference that nobody expects"),
            ("differs.lab", bounced(), delayed(), true, "the expected difference"),
            ("differs.lab", bounced(), bounced(), false, "no difference where one is expected"),
            ("differs.lab", delayed(), bounced(), false, "another difference"),
        ] {
            assert_eq!(differences.check(destination, &theirs, &ours).is_ok(), holds, "{why}");
        }
    }

    #[test]
    fn a_row_about_what_is_not_asked_is_an_error() {
        assert!(Differences::read(["elsewhere.lab"].into_iter()).is_err());
    }
}
