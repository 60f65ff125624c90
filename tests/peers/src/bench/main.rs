//! What verdicts of `dnssec` and `dane` cost, beside the bare cryptography in them and beside other people's crates; and what it takes
//! `mx-resolve` to find the servers of a domain.
//!
//! `cargo xtask bench` runs it. Nothing here is asserted in a test: a figure belongs to a machine.

mod bare;
mod clock;
mod discovery;
mod hickory;
mod hostile;
mod machine;
mod memory;
mod ours;
mod owner;
mod pairs;
mod report;
mod scene;
mod server;
mod supply;
mod tlsa;
mod unbound;

use std::{fs, path::PathBuf, sync::Arc};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use hickory_proto::dnssec::Algorithm;
use mxtls_lab::dns::Signing;

use crate::{
    bare::Bare,
    discovery::Member,
    hickory::Hickory,
    hostile::Hostile,
    ours::Ours,
    pairs::{Figure, Label, Row, Side},
    report::{Certificates, Discovery, Report},
    scene::{Kind, Scene, Zone},
    server::Server,
    unbound::{Calls, Mode, Unbound},
};

#[derive(Parser)]
#[command(name = "bench")]
struct Options {
    /// Write the page to this file, too
    #[arg(long)]
    write: Option<PathBuf>,
    /// How often each row is measured
    #[arg(long, default_value_t = 100, global = true)]
    rounds: usize,
    /// Measure nothing but the rows with this text in them, for a profiler
    #[arg(long, conflicts_with = "write")]
    only: Option<String>,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Subcommand)]
enum Part {
    /// Measure discovery alone
    Discovery,
    /// Measure certificates against TLSA records alone
    Tlsa,
    /// The resolver's side of many domains at once; discovery starts it
    #[command(hide = true)]
    Crowd(Member),
}

/// Runs that are timed together, of what takes about as long as one verification.
const BATCH: usize = 8;

/// Names beside those that are measured: validators use some up before, and bare verifications are made of these.
const FURTHER: usize = 64;

/// Records for the message that would be dear to copy.
const UNRELATED: usize = 500;

/// Zones over which the memory for one is averaged.
const ZONES: usize = 200;

fn main() -> Result<()> {
    let Options { write, rounds, only, part } = Options::parse();
    match part {
        Some(Part::Crowd(member)) => return member.run(),
        Some(Part::Tlsa) => {
            print!("{}", Certificates::measure(rounds)?);
            return Ok(());
        }
        Some(Part::Discovery) => {
            print!("{}", Discovery::measure()?);
            return Ok(());
        }
        None => {}
    }
    // Before threads are started: they would allocate, too.
    let per_zone = [Signing::Nsec, Signing::Unsigned].map(|signing| memory::per_zone(&signing, ZONES));
    let [signed, unsigned] = per_zone;
    let scene = Arc::new(Scene::new(rounds * (BATCH + 1) + FURTHER)?);
    let allocated = memory::verdict(&scene, UNRELATED)?;
    let mut bare = Side::new(BATCH, Bare::new(&scene)?);

    let warm = [
        ("warm, records", Zone::Nsec, Kind::Records),
        ("warm, no data, NSEC", Zone::Nsec, Kind::NoData),
        ("warm, no such name, NSEC", Zone::Nsec, Kind::NxDomain),
        ("warm, no data, NSEC3", Zone::Nsec3, Kind::NoData),
        ("warm, no such name, NSEC3", Zone::Nsec3, Kind::NxDomain),
    ];

    let mut rows = vec![Row::new(label("one signature", "ring alone", Some(1)), BATCH, Bare::new(&scene)?)];
    let ours = Ours::cold(&scene, Zone::Nsec, Kind::Records)?;
    rows.push(Row::new(label("cold, records", DNSSEC, Some(ours.signatures)), 1, ours));
    let theirs = Hickory::cold(&scene, Zone::Nsec, Kind::Records)?;
    rows.push(Row::new(label("cold, records", HICKORY, None), 1, theirs));
    let unbound = match Calls::load() {
        Ok(calls) => Ok((calls, Arc::new(Server::start(&scene)?))),
        Err(error) => Err(format!("{error:#}")),
    };
    for (question, zone, kind) in warm {
        let ours = Ours::warm(&scene, zone, kind)?;
        rows.push(Row::new(label(question, DNSSEC, Some(ours.signatures)), BATCH, ours));
        rows.push(Row::new(label(question, HICKORY, None), BATCH, Hickory::warm(&scene, zone, kind)?));
        if let Ok((calls, server)) = &unbound {
            for (mode, validator) in [(Mode::Validating, UNBOUND), (Mode::Forwarding, FORWARDING)] {
                let theirs = Unbound::warm(calls, server, &scene, (zone, kind), mode)?;
                rows.push(Row::new(label(question, validator, None), BATCH, theirs));
            }
        }
    }
    let genuine = rows.len();
    for (question, hostile) in [
        (
            "16 keys of one tag, P-256, 100 false signatures",
            Hostile::colliding_keys(Algorithm::ECDSAP256SHA256)?,
        ),
        (
            "16 keys of one tag, P-384, 100 false signatures",
            Hostile::colliding_keys(Algorithm::ECDSAP384SHA384)?,
        ),
        ("RSA of 8192 bits, exponent of 33, 100 false signatures", Hostile::long_rsa_key()?),
        ("NSEC3 of 150 iterations, salt of 255 octets, 100 labels", Hostile::hashing()?),
        ("800 addresses, 100 false signatures", Hostile::large_set()?),
        ("25 denials at 120 labels, 900 signatures of unknown keys", Hostile::unknown_keys()?),
        ("the same, by every name on the way there", Hostile::signers()?),
        ("800 unsigned addresses, 120 labels that are asked about", Hostile::long_walk()?),
        ("8 aliases with 24 denials each, P-256", Hostile::good_signatures(Algorithm::ECDSAP256SHA256)?),
        ("8 aliases with 24 denials each, P-384", Hostile::good_signatures(Algorithm::ECDSAP384SHA384)?),
    ] {
        rows.push(Row::new(label(question, DNSSEC, Some(hostile.signatures)), 1, hostile));
    }

    if let Some(text) = only {
        rows.retain(|row| row.label.to_string().contains(&text));
        for figure in pairs::measure(&mut rows, &mut bare, rounds)? {
            println!("{}: {:.2} ({:?})", figure.label, figure.quartiles()[1], figure.time());
        }
        return Ok(());
    }
    let certificates = Certificates::measure(rounds)?;
    let mut figures = pairs::measure(&mut rows, &mut bare, rounds)?;
    let discovery = Discovery::measure()?;
    let hostile = figures.split_off(genuine);
    let bare = figures.remove(0);
    let mut versions = vec![machine::compiler()?];
    for name in ["ring", "hickory-proto", "hickory-net", "hns-dane", "mailrs-smtp-client"] {
        versions.push(format!("{name} {}", machine::version(name)?));
    }
    let without_unbound = match unbound {
        Ok((calls, _)) => {
            versions.push(format!("libunbound {}", calls.version()));
            None
        }
        Err(error) => Some(error),
    };
    let report = Report {
        processor: machine::processor()?,
        versions,
        rounds,
        bare,
        figures: shown(figures),
        without_unbound,
        hostile,
        certificates,
        discovery,
        allocated,
        unrelated: UNRELATED,
        per_zone: [signed?, unsigned?],
    };
    print!("{report}");
    match write {
        Some(path) => fs::write(&path, report.to_string()).with_context(|| path.display().to_string()),
        None => Ok(()),
    }
}

const DNSSEC: &str = "**dnssec**";
const HICKORY: &str = "hickory-net's handle";
const UNBOUND: &str = "unbound's library";
const FORWARDING: &str = "unbound's library, validator off";

fn label(question: &str, validator: &'static str, signatures: Option<u16>) -> Label {
    Label { question: question.to_owned(), validator, signatures }
}

/// The figures with unbound's forwarding turned into what its validation takes.
fn shown(figures: Vec<Figure>) -> Vec<Figure> {
    let mut shown: Vec<Figure> = Vec::with_capacity(figures.len());
    for figure in figures {
        match shown.last() {
            Some(before) if figure.label.validator == FORWARDING => {
                let validation = before.beyond("the same, for validation", &figure);
                shown.push(validation);
            }
            _ => shown.push(figure),
        }
    }
    shown
}
