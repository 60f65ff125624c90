//! Asking `mxtls` what unbound was asked, in one way or another.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;

use super::difference::Differences;
use super::mxtls_verdicts::Mxtls;
use super::parallel;
use super::unbound_verdicts::{Agreement, UNANSWERED};
use super::verdict::{Question, Verdict};
use crate::tally::Tally;

/// One way to ask, and what is expected of the answers.
pub(super) struct Comparison<'a> {
    pub(super) name: &'a str,
    pub(super) mxtls: Mxtls<'a>,
    pub(super) asked: &'a [Question],
    /// What unbound says of each.
    pub(super) theirs: &'a BTreeMap<Question, Verdict>,
    pub(super) differences: &'a Differences,
}

impl Comparison<'_> {
    /// Each question by a process of its own.
    pub(super) fn cold(&self, tally: &mut Tally) -> Result<()> {
        let start = Instant::now();
        let verdicts = parallel::each(self.asked, |question| self.mxtls.cold(question))?;
        let answered: Vec<_> = self.asked.iter().zip(&verdicts).collect();
        self.judge(&format!("cold, {} s", start.elapsed().as_secs()), &answered, tally)
    }

    /// All questions by one process, in the order of a seed.
    pub(super) fn warm(&self, seed: u64, file: &Path, tally: &mut Tally) -> Result<()> {
        let start = Instant::now();
        let mut asked = self.asked.to_vec();
        asked.shuffle(&mut StdRng::seed_from_u64(seed));
        let verdicts = self.mxtls.warm(&asked, file)?;
        let answered: Vec<_> = asked.iter().zip(&verdicts).collect();
        self.judge(&format!("warm, seed {seed}, {} s", start.elapsed().as_secs()), &answered, tally)
    }

    fn judge(&self, how: &str, answered: &[(&Question, &Verdict)], tally: &mut Tally) -> Result<()> {
        let mut agreement = Agreement::default();
        let mut passed = 0;
        for (question, ours) in answered {
            let (name, rtype) = question;
            let theirs = self.theirs.get(*question).context("unbound was not asked")?;
            let checked = match theirs.status == UNANSWERED {
                true => Err(anyhow!("unbound gives no answer: {}", theirs.remark)),
                false => self.differences.check(question, theirs, ours),
            };
            match checked {
                Ok(()) => {
                    passed += 1;
                    agreement.count(ours);
                }
                Err(error) => tally.check(format_args!("{name} {rtype}, {} ({how})", self.name), Err(error)),
            }
        }
        tally.add(passed, 0);
        tally.check(
            format_args!("{}, {how}: secure, insecure and bogus all occur", self.name),
            agreement.check(),
        );
        println!(
            "{}, {how}: {agreement}; as unbound but for {} expected differences",
            self.name,
            self.differences.len()
        );
        Ok(())
    }
}
