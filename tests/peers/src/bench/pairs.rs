//! Times as ratios to one bare signature verification, in interleaved pairs: what the machine does beside strikes both.

use std::{fmt, time::Duration};

use anyhow::{Context, Result};

use crate::{bare::Bare, clock};

/// Something whose time is measured.
pub(crate) trait Subject {
    /// Makes ready whatever the next `count` runs need. Not on the clock.
    fn ready(&mut self, count: usize) -> Result<()>;

    /// Does it once, on the clock, and checks that it came out right.
    fn run(&mut self) -> Result<()>;
}

/// A line of a table.
pub(crate) struct Row {
    pub(crate) label: Label,
    subject: Box<dyn Subject>,
    /// Runs that are timed together.
    batch: usize,
}

/// What a figure is about.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub(crate) question: String,
    pub(crate) validator: &'static str,
    /// How many signatures it verifies, where that is known.
    pub(crate) signatures: Option<u16>,
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.question, self.validator)
    }
}

impl Row {
    pub(crate) fn new(label: Label, batch: usize, subject: impl Subject + 'static) -> Self {
        Self { label, subject: Box::new(subject), batch }
    }

    /// Makes a batch ready, which takes code and data out of the processor's caches, and brings in what will run again.
    fn warm_up(&mut self, bare: &mut Bare) -> Result<()> {
        self.subject.ready(self.batch + 1).with_context(|| format!("{}, made ready", self.label))?;
        self.subject.run().with_context(|| format!("{}, not yet measured", self.label))?;
        bare.run()
    }

    /// The mean time of one run.
    fn time(&mut self) -> Result<Duration> {
        let context = || format!("{}, measured", self.label);
        let begin = clock::now();
        for _ in 0..self.batch {
            self.subject.run().with_context(context)?;
        }
        Ok(clock::since(begin)? / u32::try_from(self.batch)?)
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) label: Label,
    /// The ratio of the row's time to the bare verification's in each pair, in the order of the pairs.
    ratios: Vec<f64>,
    /// The time of one run in each pair.
    times: Vec<Duration>,
}

impl Figure {
    fn new(label: &Label) -> Self {
        Self { label: label.clone(), ratios: Vec::new(), times: Vec::new() }
    }

    /// Lower quartile, median and upper quartile of the ratios.
    pub(crate) fn quartiles(&self) -> [f64; 3] {
        let mut sorted = self.ratios.clone();
        sorted.sort_by(f64::total_cmp);
        [1, 2, 3].map(|quarter| {
            let at = sorted.len().saturating_sub(1) * quarter / 4;
            sorted.get(at).copied().unwrap_or(f64::NAN)
        })
    }

    /// The median time of one run.
    pub(crate) fn time(&self) -> Duration {
        let mut sorted = self.times.clone();
        sorted.sort();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }

    /// What this takes longer than `other`, pair by pair: their pairs belong together round by round.
    pub(crate) fn beyond(&self, validator: &'static str, other: &Self) -> Self {
        let differences = self.ratios.iter().zip(&other.ratios);
        let times = self.times.iter().zip(&other.times);
        Self {
            label: Label { validator, ..self.label.clone() },
            ratios: differences.map(|(one, other)| one - other).collect(),
            times: times.map(|(one, other)| one.saturating_sub(*other)).collect(),
        }
    }
}

/// Bare verifications that are timed together.
const BARE_BATCH: usize = 8;

/// Measures every row once a round, each beside bare verifications, now before and now after them.
pub(crate) fn measure(rows: &mut [Row], bare: &mut Bare, rounds: usize) -> Result<Vec<Figure>> {
    let mut figures: Vec<Figure> = rows.iter().map(|row| Figure::new(&row.label)).collect();
    for round in 0..rounds {
        for (row, figure) in rows.iter_mut().zip(&mut figures) {
            row.warm_up(bare)?;
            let (time, one) = if round % 2 == 0 {
                let time = row.time()?;
                (time, bare_time(bare)?)
            } else {
                let one = bare_time(bare)?;
                (row.time()?, one)
            };
            figure.ratios.push(time.as_secs_f64() / one.as_secs_f64());
            figure.times.push(time);
        }
    }
    Ok(figures)
}

fn bare_time(bare: &mut Bare) -> Result<Duration> {
    let begin = clock::now();
    for _ in 0..BARE_BATCH {
        bare.run()?;
    }
    Ok(clock::since(begin)? / u32::try_from(BARE_BATCH)?)
}
