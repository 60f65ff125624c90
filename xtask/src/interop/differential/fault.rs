//! What happens to a zone's file after it was signed.

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::Deserialize;

/// A change to the records of one name and type, or to their signatures.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Fault {
    kind: Kind,
    name: String,
    /// `ANY` for all types.
    /// For a record to insert, with its data.
    record_type: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// The signatures are gone.
    Strip,
    /// The signatures do not verify.
    Garble,
    /// The first signature does not verify.
    GarbleFirst,
    /// The first signature says that it has expired.
    ExpireFirst,
    /// The records are gone, and their signatures.
    Remove,
    /// A record that nobody signed stands beside them.
    Insert,
}

impl TryFrom<String> for Fault {
    type Error = anyhow::Error;

    fn try_from(text: String) -> Result<Self> {
        let mut words = text.splitn(3, ' ');
        let kind = match words.next() {
            Some("strip") => Kind::Strip,
            Some("garble") => Kind::Garble,
            Some("garble-first") => Kind::GarbleFirst,
            Some("expire-first") => Kind::ExpireFirst,
            Some("remove") => Kind::Remove,
            Some("insert") => Kind::Insert,
            Some(_) | None => bail!("{text:?} is no fault"),
        };
        let name = words.next().with_context(|| format!("{text:?} says no name"))?.to_owned();
        let record_type = words.next().with_context(|| format!("{text:?} says no type"))?.to_owned();
        Ok(Self { kind, name, record_type })
    }
}

impl Fault {
    /// Makes the change in a file of one record a line. There must be something to change. What is inserted is `filled_in` first.
    pub(super) fn apply(
        &self,
        origin: &str,
        file: &str,
        filled_in: impl Fn(&str) -> String,
    ) -> Result<String> {
        let owner = absolute(&self.name, origin);
        if self.kind == Kind::Insert {
            return Ok(format!("{file}{owner} 3600 IN {}\n", filled_in(&self.record_type)));
        }
        let mut changed = 0_u32;
        let mut lines = Vec::new();
        for line in file.lines() {
            match Line::parse(line) {
                Some(record) if record.owner.eq_ignore_ascii_case(&owner) && self.is_about(&record) => {
                    let first = changed == 0;
                    changed += 1;
                    match self.kind {
                        Kind::Strip | Kind::Remove | Kind::Insert => {}
                        Kind::GarbleFirst | Kind::ExpireFirst if !first => lines.push(line.to_owned()),
                        Kind::Garble | Kind::GarbleFirst => lines.push(garbled(line)?),
                        Kind::ExpireFirst => lines.push(expired(line)?),
                    }
                }
                Some(_) | None => lines.push(line.to_owned()),
            }
        }
        ensure!(changed > 0, "there is nothing in {origin} for {self:?}");
        Ok(lines.join("\n") + "\n")
    }

    fn is_about(&self, record: &Line<'_>) -> bool {
        let is_type = |record_type: &str| self.record_type == "ANY" || record_type == self.record_type;
        match record.covered {
            Some(covered) => is_type(covered),
            None => self.kind == Kind::Remove && is_type(record.record_type),
        }
    }
}

/// A name of the table.
pub(super) fn absolute(name: &str, origin: &str) -> String {
    match (name, origin) {
        ("@", _) => origin.to_owned(),
        (name, _) if name.ends_with('.') => name.to_owned(),
        (name, ".") => format!("{name}."),
        (name, origin) => format!("{name}.{origin}"),
    }
}

/// The fields of a record that tell what it is.
struct Line<'a> {
    owner: &'a str,
    record_type: &'a str,
    /// What a signature is over.
    covered: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace();
        let (owner, _ttl, class) = (fields.next()?, fields.next()?, fields.next()?);
        let record_type = fields.next()?;
        let covered = if record_type == "RRSIG" { fields.next() } else { None };
        (class == "IN").then_some(Self { owner, record_type, covered })
    }
}

/// Changes one digit in the middle of a signature.
fn garbled(line: &str) -> Result<String> {
    let signature = field(line, 12)?;
    let middle = signature.len() / 2;
    let (before, after) = signature.split_at_checked(middle).context("base64 is ASCII")?;
    let mut after = after.chars();
    let other = match after.next() {
        Some('A') => 'B',
        Some(_) => 'A',
        None => bail!("{line:?} has no signature"),
    };
    Ok(line.replace(signature, &format!("{before}{other}{}", after.as_str())))
}

/// Puts both dates into the year 2000.
fn expired(line: &str) -> Result<String> {
    let (expiration, inception) = (field(line, 8)?, field(line, 9)?);
    Ok(line.replace(expiration, "20000201000000").replace(inception, "20000101000000"))
}

fn field(line: &str, index: usize) -> Result<&str> {
    line.split_ascii_whitespace().nth(index).ok_or_else(|| anyhow!("{line:?} is too short for a signature"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
www.z. 60 IN A 192.0.2.1
www.z. 60 IN RRSIG A 13 2 60 20300101000000 20200101000000 1 z. AAAABBBBCCCC
www.z. 60 IN RRSIG A 8 2 60 20300101000000 20200101000000 2 z. DDDDEEEEFFFF
mail.z. 60 IN A 192.0.2.2
";

    #[test]
    fn each_fault_changes_what_it_names() {
        for (fault, gone, there, why) in [
            ("strip www A", "RRSIG", "www.z. 60 IN A", "signatures only"),
            ("garble www A", "BBBB", "DDDDEEAEFFFF", "both signatures"),
            ("garble-first www A", "AAAABBBBCCCC", "DDDDEEEEFFFF", "the first alone"),
            (
                "expire-first www A",
                "20300101000000 20200101000000 1",
                "20300101000000 20200101000000 2",
                "its dates",
            ),
            ("remove www A", "www.z.", "mail.z.", "all of it"),
            ("insert new A 192.0.2.3", "new.z. 60", "new.z. 3600 IN A 192.0.2.3\n", "one more"),
        ] {
            let file = Fault::try_from(fault.to_owned()).unwrap().apply("z.", FILE, str::to_owned).unwrap();
            assert!(!file.contains(gone) && file.contains(there), "{fault}: {why}: {file}");
        }
    }

    #[test]
    fn a_fault_that_changes_nothing_is_an_error() {
        for fault in ["strip mail A", "remove nothing A", "garble www MX"] {
            assert!(
                Fault::try_from(fault.to_owned()).unwrap().apply("z.", FILE, str::to_owned).is_err(),
                "{fault}"
            );
        }
    }
}
