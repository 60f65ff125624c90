//! The differences from unbound that are expected.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use super::verdict::{Question, Verdict};

/// The expected differences, by question; none to begin with.
#[derive(Default)]
pub(super) struct Differences(BTreeMap<Question, Difference>);

/// A difference in status.
struct Difference {
    unbound: String,
    mxtls: String,
}

impl Differences {
    /// Adds what is expected of a question, of which nothing else is expected yet.
    pub(super) fn expect(&mut self, question: Question, unbound: &str, mxtls: &str) -> Result<()> {
        let difference = Difference { unbound: unbound.to_owned(), mxtls: mxtls.to_owned() };
        let (name, rtype) = &question;
        ensure!(!self.0.contains_key(&question), "two differences are expected of {name} {rtype}");
        self.0.insert(question, difference);
        Ok(())
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
        let mut differences = Differences::default();
        differences.expect(question("differs"), "secure", "insecure").unwrap();
        assert!(differences.expect(question("differs"), "secure", "bogus").is_err(), "one is enough");
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
