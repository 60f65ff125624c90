//! Times as ratios to that of something else, most often one bare signature verification, in interleaved pairs: what the machine
//! does beside strikes both.

use std::{fmt, time::Duration};

use anyhow::{Context, Result};

use crate::clock;

/// Something whose time is measured.
pub(crate) trait Subject {
    /// Makes ready whatever the next `count` runs need. Not on the clock.
    fn ready(&mut self, count: usize) -> Result<()>;

    /// Does it once, on the clock, and checks that it came out right.
    fn run(&mut self) -> Result<()>;
}

/// One of two things that are measured beside each other.
pub(crate) struct Side {
    subject: Box<dyn Subject>,
    /// Runs that are timed together.
    batch: usize,
}

impl Side {
    pub(crate) fn new(batch: usize, subject: impl Subject + 'static) -> Self {
        Self { subject: Box::new(subject), batch }
    }

    /// Makes a batch ready and does it once, off the clock: the one takes code and data out of the processor's caches, the
    /// other brings in what will run again.
    pub(crate) fn warm_up(&mut self) -> Result<()> {
        self.subject.ready(self.batch + 1).context("made ready")?;
        self.subject.run().context("not yet measured")
    }

    /// The mean time of one run.
    fn time(&mut self) -> Result<Duration> {
        let begin = clock::now();
        for _ in 0..self.batch {
            self.subject.run().context("measured")?;
        }
        Ok(clock::since(begin)? / u32::try_from(self.batch)?)
    }

    /// One run, for something else than its time to be seen.
    pub(crate) fn once(&mut self) -> Result<()> {
        self.subject.run()
    }
}

/// The mean times of one run of each. Which comes first changes from round to round.
pub(crate) fn pair(one: &mut Side, other: &mut Side, round: usize) -> Result<[Duration; 2]> {
    one.warm_up()?;
    other.warm_up()?;
    if round.is_multiple_of(2) {
        let time = one.time()?;
        Ok([time, other.time()?])
    } else {
        let time = other.time()?;
        Ok([one.time()?, time])
    }
}

/// A line of a table.
pub(crate) struct Row {
    pub(crate) label: Label,
    side: Side,
}

impl Row {
    pub(crate) fn new(label: Label, batch: usize, subject: impl Subject + 'static) -> Self {
        Self { label, side: Side::new(batch, subject) }
    }
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
        quartiles(&self.ratios)
    }

    /// The median time of one run.
    pub(crate) fn time(&self) -> Duration {
        median(&self.times)
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

/// Measures every row once a round, each beside bare verifications.
pub(crate) fn measure(rows: &mut [Row], bare: &mut Side, rounds: usize) -> Result<Vec<Figure>> {
    let mut figures: Vec<Figure> = rows.iter().map(|row| Figure::new(&row.label)).collect();
    for round in 0..rounds {
        for (row, figure) in rows.iter_mut().zip(&mut figures) {
            let [time, one] = pair(&mut row.side, bare, round).with_context(|| row.label.to_string())?;
            figure.ratios.push(time.as_secs_f64() / one.as_secs_f64());
            figure.times.push(time);
        }
    }
    Ok(figures)
}

/// Lower quartile, median and upper quartile.
pub(crate) fn quartiles(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| {
        let at = sorted.len().saturating_sub(1) * quarter / 4;
        sorted.get(at).copied().unwrap_or(f64::NAN)
    })
}

pub(crate) fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
