//! A differential between `mxtls` and unbound over zones of every kind, signed by BIND's and ldns' tools and served by BIND.
//!
//! `zones.toml` is the table of zones. Each question is asked through an unbound that forwards and does not validate, and from the root on, by a
//! process of its own and by one process that is asked everything, in several orders; this last also through the unbound that
//! validates, for verdicts of our own and for its AD bit. Each time the verdict must be that unbound's, but for
//! `differences.toml`: those it must show, where the verdict is ours.

mod expected;
mod fault;
mod key;
mod table;
mod world;

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};

use super::comparison::Comparison;
use super::difference::Differences;
use super::mxtls_verdicts::{Mxtls, Way};
use super::name_servers::{Authority, Resolver};
use super::subfolder;
use super::unbound_verdicts;
use super::verdict::Question;
use crate::tally::Tally;

/// Where BIND answers with authority: for the root, for the zones with one label, with two, and with more.
const NAME_SERVERS: [(&str, Ipv4Addr); 4] = [
    ("ns.", Ipv4Addr::new(127, 0, 1, 1)),
    ("ns1.", Ipv4Addr::new(127, 0, 1, 2)),
    ("ns2.", Ipv4Addr::new(127, 0, 1, 3)),
    ("ns3.", Ipv4Addr::new(127, 0, 1, 4)),
];

/// Where the unbound answers that validates.
const VALIDATING: &str = "127.0.1.5";

/// Where the one answers that does not, and the one that forwards to that.
const PLAIN: &str = "127.0.1.6";
const FORWARDING: &str = "127.0.1.7";

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

    let authority = Authority::start(&served, folder).await?;
    let validating = Resolver::validating(VALIDATING, &authority, &served, folder).await?;
    let plain = Resolver::plain(PLAIN, &authority, folder).await?;
    let forwarding = Resolver::forwarding(FORWARDING, &plain, &authority, folder).await?;

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
    let (expected, none) = (expected::read(&zones)?, Differences::default());
    let start = Instant::now();
    let theirs = unbound_verdicts::ask(validating.address(), &asked, &folder.join("dig.txt"))?;
    println!("{} questions asked of unbound in {} s", asked.len(), start.elapsed().as_secs());

    // The unbound that validates has everything in its cache by now, as it never would for a question that comes alone.
    for (name, way, differences, cold) in [
        ("through an unbound that forwards", Way::Validate(forwarding.address()), &expected, true),
        ("from the root", Way::Recursive(authority.root_hints()), &expected, true),
        ("through the unbound that validates", Way::Validate(validating.address()), &expected, false),
        ("by the AD bit", Way::TrustAd(validating.address()), &none, false),
    ] {
        let mxtls = Mxtls { program: mxtls, way, trust_anchor: &served.trust_anchor };
        let comparison = Comparison { name, mxtls, asked: &asked, theirs: &theirs, differences };
        if cold {
            comparison.cold(tally)?;
        }
        for seed in SEEDS {
            comparison.warm(seed, &folder.join("questions.txt"), tally)?;
        }
    }
    Ok(())
}
