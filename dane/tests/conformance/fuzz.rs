//! The changes of `garbled` with fresh seeds, for as long as one likes: `cargo xtask fuzz` says how long, and from where.

use std::{
    env, thread,
    time::{Duration, Instant},
};

use crate::garbled::Garbled;

/// More than any round may take, on however busy a machine, if work is bounded.
const BOUND: Duration = Duration::from_secs(10);

/// Runs rounds until the time is over, or the one that is to be repeated.
fn rounds(what: &str, mut round: impl FnMut(&mut Garbled, u64, u64)) {
    let number = |name| match env::var(name) {
        Ok(text) => Some(text.parse::<u64>().unwrap_or_else(|error| panic!("{name}: {error}"))),
        Err(_) => None,
    };
    let seed = number("DANE_FUZZ_SEED").unwrap_or_else(|| panic!("cargo xtask fuzz sets DANE_FUZZ_SEED"));
    let (first, seconds) = match (number("DANE_FUZZ_ROUND"), number("DANE_FUZZ_SECONDS")) {
        (Some(only), _) => (only, 0),
        (None, Some(seconds)) => (0, seconds),
        (None, None) => panic!("cargo xtask fuzz sets DANE_FUZZ_SECONDS"),
    };
    let begin = Instant::now();
    let (mut garbled, mut slowest) = (Garbled::default(), Duration::ZERO);
    for n in first.. {
        let repeat = Repeat { seed, round: n };
        let start = Instant::now();
        round(&mut garbled, seed, n);
        slowest = slowest.max(start.elapsed());
        assert!(slowest < BOUND, "{slowest:?} of work");
        drop(repeat);
        if begin.elapsed() >= Duration::from_secs(seconds) {
            println!("{what}: {} rounds, the slowest took {slowest:?}: {garbled:?}", n - first + 1);
            return;
        }
    }
}

/// Says how a round that panics can be repeated, also where the crate itself panics.
struct Repeat {
    seed: u64,
    round: u64,
}

impl Drop for Repeat {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!(
                "\nto repeat: cargo xtask fuzz --only dane --seed {} --round {}",
                self.seed, self.round
            );
        }
    }
}

#[test]
#[ignore = "for as long as cargo xtask fuzz says"]
fn chains() {
    rounds("chains", Garbled::chain);
}

#[test]
#[ignore = "for as long as cargo xtask fuzz says"]
fn rdata() {
    rounds("RDATA", Garbled::rdata);
}

#[test]
#[ignore = "for as long as cargo xtask fuzz says"]
fn raw_keys() {
    rounds("raw keys", Garbled::raw_key);
}

#[test]
#[ignore = "for as long as cargo xtask fuzz says"]
fn texts() {
    rounds("texts", Garbled::text);
}
