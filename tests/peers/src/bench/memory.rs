//! What is allocated, and what stays.
#![allow(unsafe_code, reason = "an allocator that counts")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use anyhow::{Context, Result, anyhow};
use dnssec::Question;
use hickory_proto::{
    op::Message,
    rr::{Name, RData, Record, RecordType, rdata::A},
};
use mxtls_lab::dns::{Signing, ZoneSpec};

use crate::{
    ours::Judge,
    scene::{Kind, Scene, Zone, question},
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The system's allocator, with counters.
struct Counting;

/// Octets in use.
static LIVE: AtomicUsize = AtomicUsize::new(0);
/// Octets ever allocated.
static TOTAL: AtomicUsize = AtomicUsize::new(0);
/// Allocations ever made.
static COUNT: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is the system allocator's; the default `realloc` and `alloc_zeroed` are made of these two.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Relaxed);
        TOTAL.fetch_add(layout.size(), Relaxed);
        COUNT.fetch_add(1, Relaxed);
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promises are the same.
        unsafe { System.dealloc(block, layout) }
    }
}

/// What one run of something allocates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allocated {
    pub(crate) allocations: usize,
    pub(crate) octets: usize,
}

/// What a warm positive verdict allocates, for a message as it is and for one with `unrelated` further records in it.
pub(crate) fn verdict(scene: &Scene, unrelated: usize) -> Result<[Allocated; 2]> {
    let judge = Judge::new(&scene.anchor())?;
    let asked = scene.question(Zone::Nsec, Kind::Records, 0)?;
    let end = judge.judge(asked.clone(), |asked| scene.ask(asked))?;
    end.verdict.map_err(|failure| anyhow!("{failure}"))?;
    let plain = scene.ask(&asked)?;
    let mut large = plain.clone();
    let elsewhere = Name::from_ascii("a.name.elsewhere.")?;
    let record = Record::from_rdata(elsewhere, 300, RData::A(A::new(192, 0, 2, 1)));
    large.authorities.extend(std::iter::repeat_n(record, unrelated));
    Ok([judged(&judge, asked.clone(), plain)?, judged(&judge, asked, large)?])
}

fn judged(judge: &Judge, question: Question, message: Message) -> Result<Allocated> {
    let mut message = Some(message);
    let mut verdict = None;
    let counted = allocated(|| {
        let end =
            judge.judge(question, |asked| message.take().ok_or_else(|| anyhow!("{asked} was asked too")))?;
        verdict = Some(end.verdict);
        Ok(())
    })?;
    verdict.context("it was judged")?.map_err(|failure| anyhow!("{failure}"))?;
    Ok(counted)
}

/// What one run of something allocates. No other thread may be at work.
pub(crate) fn allocated(run: impl FnOnce() -> Result<()>) -> Result<Allocated> {
    let before = (COUNT.load(Relaxed), TOTAL.load(Relaxed));
    run()?;
    let after = (COUNT.load(Relaxed), TOTAL.load(Relaxed));
    Ok(Allocated { allocations: after.0 - before.0, octets: after.1 - before.1 })
}

/// Octets that stay in the cache for each of `zones` zones directly below a top-level one, the map's own growth included.
pub(crate) fn per_zone(signing: &Signing, zones: usize) -> Result<usize> {
    let apexes = (0..zones).map(|number| format!("zone{number}.tld."));
    let lowest = apexes.clone().map(|apex| ZoneSpec::new(&apex, signing.clone(), "host A 192.0.2.1\n"));
    let top = ["tld.", "first.tld."].map(|apex| ZoneSpec::new(apex, Signing::Nsec, "host A 192.0.2.1\n"));
    let scene = Arc::new(Scene::of(top.into_iter().chain(lowest))?);
    let judge = Judge::new(&scene.anchor())?;
    let settle = |apex: &str| -> Result<()> {
        let asked = question(&format!("host.{apex}"), RecordType::A)?;
        let end = judge.judge(asked, |asked| scene.ask(asked))?;
        end.verdict.map(|_| ()).map_err(|failure| anyhow!("{failure}"))
    };
    settle("first.tld.")?;
    // The lab signs a record when it is first asked for, and keeps the signature.
    for apex in apexes.clone() {
        let asked = question(&format!("host.{apex}"), RecordType::A)?;
        let fresh = Judge::new(&scene.anchor())?;
        fresh.judge(asked, |asked| scene.ask(asked))?;
    }
    let (before, names) = (LIVE.load(Relaxed), judge.cache.len());
    for apex in apexes {
        settle(&apex)?;
    }
    let (after, grown) = (LIVE.load(Relaxed), judge.cache.len() - names);
    anyhow::ensure!(grown == zones, "{zones} zones make {grown} entries");
    Ok((after - before) / zones)
}
