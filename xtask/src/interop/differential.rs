//! A differential between `mxtls` and unbound over zones of every kind, signed by BIND's and ldns' tools and served by BIND.
//!
//! `zones.toml` is the table of zones. Each question is asked through an unbound that hands everything on and straight from the
//! authority, by a process of its own and by one process that is asked everything, in several orders; this last also through the
//! unbound that validates. Each time the verdict must be that unbound's, but for `differences.toml`: those it must show.

mod difference;
mod fault;
mod key;
mod parallel;
mod run;
mod table;
mod world;

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};

use super::mxtls_verdicts::Mxtls;
use super::name_servers::NameServer;
use super::subfolder;
use super::unbound_verdicts;
use super::verdict::Question;
use crate::tally::Tally;
use difference::Differences;
use run::Way;

/// Where BIND answers with authority: the address of `ns.`, which all zones name.
pub(super) const AUTHORITY: &str = "127.0.1.1";

/// Where the unbound answers that validates.
const VALIDATOR: &str = "127.0.1.2";

/// Where the unbound answers that hands everything on.
const FORWARDER: &str = "127.0.1.3";

/// The orders of the questions to one process.
const SEEDS: [u64; 3] = [1, 2, 3];

/// Makes the zones, and holds `mxtls` against unbound.
pub(super) async fn compare(mxtls: &Path, folder: &Path, tally: &mut Tally) -> Result<()> {
    let start = Instant::now();
    let rows = table::rows()?;
    let files = subfolder(folder, "zones")?;
    let zones = world::keyed(&rows, &files)?;
    let served = world::signed(&zones, &files)?;
    println!("{} rows, {} zones signed in {} s", rows.len(), zones.len(), start.elapsed().as_secs());

    let authority = NameServer::authority(AUTHORITY, &served, folder).await?;
    let validator = NameServer::validator(VALIDATOR, &authority, &served, folder).await?;
    let forwarder = NameServer::forwarder(FORWARDER, &authority, folder).await?;

    let mut asked: Vec<Question> = Vec::new();
    for zone in &zones {
        asked.extend(zone.questions()?);
    }
    ensure!(
        zones.len() >= 40 && asked.len() >= 400,
        "{} zones and {} questions are few",
        zones.len(),
        asked.len()
    );
    let differences = Differences::read(&zones)?;
    let start = Instant::now();
    let theirs = unbound_verdicts::ask(validator.address(), &asked, &folder.join("dig.txt"))?;
    println!("{} questions asked of unbound in {} s", asked.len(), start.elapsed().as_secs());

    // Whoever goes by unbound's own word differs in nothing.
    let none = Differences::none();
    for (name, server, dnssec, differences) in [
        ("through a forwarding unbound", &forwarder, "validate", &differences),
        ("from the authority", &authority, "validate", &differences),
        ("through the validating unbound", &validator, "validate", &differences),
        ("from the root", &authority, "recursive", &differences),
        ("by the AD bit of unbound", &validator, "trust-ad", &none),
    ] {
        let mxtls = Mxtls {
            program: mxtls,
            resolver: server.address(),
            trust_anchor: &served.trust_anchor,
            dnssec,
            root_hints: server.root_hints(),
        };
        let way = Way { name, mxtls, asked: &asked, theirs: &theirs, differences };
        // The one that validates has everything in its cache by now, as it never would for a question that comes alone.
        if server.address() != VALIDATOR {
            way.cold(tally)?;
        }
        for seed in SEEDS {
            way.warm(seed, &folder.join("questions.txt"), tally)?;
        }
    }
    Ok(())
}
