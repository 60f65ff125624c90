//! What holding certificates against TLSA records costs, beside another crate and beside the cryptography in it.

mod pki;
mod subjects;

use std::{fmt, time::Duration};

use anyhow::{Context, Result};
use dane::{TlsaRecord, leaf_spki};
use ring::digest::{Algorithm, SHA256, SHA512, digest};
use rustls_pki_types::CertificateDer;

use self::{
    pki::{Ca, chain},
    subjects::{Hashes, HnsDane, Input, Mailrs, OurKeys, Ours, Signatures},
};
use crate::{
    memory::{Allocated, allocated},
    pairs::{Side, Subject, median, pair, quartiles},
};

/// Two things, measured beside each other.
pub(crate) struct Comparison {
    pub(crate) label: Label,
    /// Of the times, in each pair.
    ratios: Vec<f64>,
    /// Of the times, in each pair, in µs.
    differences: Vec<f64>,
    /// What one run takes, in each pair.
    times: Vec<Duration>,
    /// What one run allocates.
    pub(crate) allocated: Allocated,
}

/// What is compared.
pub(crate) struct Label {
    pub(crate) work: &'static str,
    pub(crate) by: &'static str,
    pub(crate) beside: &'static str,
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, beside {}", self.work, self.by, self.beside)
    }
}

impl Comparison {
    /// Lower quartile, median and upper quartile of the ratios.
    pub(crate) fn ratios(&self) -> [f64; 3] {
        quartiles(&self.ratios)
    }

    /// The median of what it takes longer, in µs.
    pub(crate) fn difference(&self) -> f64 {
        let [_, median, _] = quartiles(&self.differences);
        median
    }

    pub(crate) fn time(&self) -> Duration {
        median(&self.times)
    }
}

struct Row {
    label: Label,
    one: Side,
    other: Side,
}

impl Row {
    /// `batch` runs of each are timed together.
    fn new(
        [work, by, beside]: [&'static str; 3],
        batch: usize,
        one: impl Subject + 'static,
        other: impl Subject + 'static,
    ) -> Self {
        let label = Label { work, by, beside };
        Self { label, one: Side::new(batch, one), other: Side::new(batch, other) }
    }
}

/// Leafs that take turns.
const LEAFS: usize = 64;

/// Runs timed together of what takes less than a microsecond, about as much as reading the clock.
const MANY: usize = 1_024;
/// Of what takes some tens of microseconds.
const SOME: usize = 16;
/// Of what takes some milliseconds.
const FEW: usize = 2;

/// Measures each pair once a round, and counts what is allocated.
pub(crate) fn measure(rounds: usize) -> Result<Vec<Comparison>> {
    let mut rows = rows()?;
    let mut comparisons = Vec::new();
    for Row { label, one, .. } in &mut rows {
        one.warm_up()?;
        let counted = allocated(|| one.once()).with_context(|| label.to_string())?;
        comparisons.push((counted, Vec::new()));
    }
    for round in 0..rounds {
        for (Row { label, one, other }, (_, times)) in rows.iter_mut().zip(&mut comparisons) {
            times.push(pair(one, other, round).with_context(|| label.to_string())?);
        }
    }
    let rows = rows.into_iter().zip(comparisons);
    Ok(rows
        .map(|(Row { label, .. }, (allocated, times))| Comparison {
            label,
            ratios: times.iter().map(|[one, other]| one.as_secs_f64() / other.as_secs_f64()).collect(),
            differences: times
                .iter()
                .map(|[one, other]| (one.as_secs_f64() - other.as_secs_f64()) * 1e6)
                .collect(),
            times: times.iter().map(|[one, _]| *one).collect(),
            allocated,
        })
        .collect())
}

const DANE: &str = "**dane**";
const MAILRS: &str = "mailrs-smtp-client";
const HNS: &str = "hns-dane";
const RING: &str = "ring alone";

fn rows() -> Result<Vec<Row>> {
    const EE: &str = "`3 1 1`, leaf in DER";
    const PARSED: &str = "`3 1 1`, parsed leaf";
    const TA: &str = "`2 0 1`, one CA";
    const KEY: &str = "SHA-256 of the key";
    const SIGNATURE: &str = "one signature";
    let ca = Ca::root("Root")?;
    let leafs = (0..LEAFS).map(|_| ca.leaf()).collect::<Result<Vec<_>>>()?;
    let (mut by_key, mut by_ca) = (Vec::new(), Vec::new());
    for leaf in leafs {
        let chain = vec![leaf.clone(), ca.certificate.clone()];
        let record = record([3, 1, 1], &SHA256, &leaf_spki(&leaf)?);
        by_key.push(Input { chain: chain.clone(), records: vec![record] });
        by_ca.push(Input { chain, records: vec![record_of_root(&ca.certificate)] });
    }
    let hashes = || Hashes::of_leaf_keys(&by_key);
    let signatures = || Signatures::new(&ca, &by_ca);
    let mut rows = vec![
        Row::new([KEY, RING, "itself"], MANY, hashes()?, hashes()?),
        Row::new([EE, DANE, KEY], MANY, Ours::new(&by_key, Some(0))?, hashes()?),
        Row::new([EE, MAILRS, KEY], MANY, Mailrs::new(&by_key)?, hashes()?),
        Row::new([EE, DANE, MAILRS], MANY, Ours::new(&by_key, Some(0))?, Mailrs::new(&by_key)?),
        Row::new([EE, DANE, HNS], MANY, Ours::new(&by_key, Some(0))?, HnsDane::new(&by_key)?),
        Row::new([PARSED, DANE, KEY], MANY, OurKeys::new(&by_key)?, hashes()?),
        Row::new([PARSED, DANE, MAILRS], MANY, OurKeys::new(&by_key)?, Mailrs::new(&by_key)?),
        Row::new([PARSED, DANE, HNS], MANY, OurKeys::new(&by_key)?, HnsDane::new(&by_key)?),
        Row::new([SIGNATURE, RING, "itself"], SOME, signatures()?, signatures()?),
        Row::new([TA, DANE, SIGNATURE], SOME, Ours::new(&by_ca, Some(0))?, signatures()?),
    ];
    let (long, short) = (chain(30)?, chain(15)?);
    let strangers = |records: usize, chain: &[CertificateDer<'static>]| {
        input(chain, (0..records).map(stranger).collect())
    };
    let none = |records, chain| Ours::new(&[strangers(records, chain)], None);
    const NONE: &str = "200 records × 30 certificates, no match";
    rows.push(Row::new([NONE, DANE, "100 × 30"], SOME, none(200, &long)?, none(100, &long)?));
    rows.push(Row::new([NONE, DANE, "200 × 15"], SOME, none(200, &long)?, none(200, &short)?));
    let hashes = Hashes::of_issuers(&strangers(200, &long))?;
    rows.push(Row::new([NONE, DANE, "29 certificates and keys hashed"], SOME, none(200, &long)?, hashes));
    let last = |records: usize, chain: &[CertificateDer<'static>]| {
        let mut of_all = (1..records).map(stranger).collect::<Vec<_>>();
        of_all.push(record_of_root(chain.last().context("there is a root")?));
        Ours::new(&[input(chain, of_all)], Some(records - 1))
    };
    const LAST: &str = "200 records × 30 certificates, the last of both";
    rows.push(Row::new([LAST, DANE, "100 × 30"], FEW, last(200, &long)?, last(100, &long)?));
    rows.push(Row::new([LAST, DANE, "200 × 15"], FEW, last(200, &long)?, last(200, &short)?));
    Ok(rows)
}

fn input(chain: &[CertificateDer<'static>], records: Vec<TlsaRecord>) -> Input {
    Input { chain: chain.to_vec(), records }
}

fn record_of_root(root: &CertificateDer<'_>) -> TlsaRecord {
    record([2, 0, 1], &SHA256, root)
}

/// A record for a trust anchor that nobody has: in turn `2 0 1` and `2 1 2`, so that each certificate has to be hashed both ways.
fn stranger(number: usize) -> TlsaRecord {
    match number % 2 {
        0 => record([2, 1, 2], &SHA512, &number.to_be_bytes()),
        _ => record([2, 0, 1], &SHA256, &number.to_be_bytes()),
    }
}

fn record([usage, selector, matching]: [u8; 3], algorithm: &'static Algorithm, octets: &[u8]) -> TlsaRecord {
    TlsaRecord { usage, selector, matching, data: digest(algorithm, octets).as_ref().to_vec() }
}
