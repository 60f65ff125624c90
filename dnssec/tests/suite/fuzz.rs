//! The attacks of the other tests with fresh seeds, for as long as one likes: `cargo xtask fuzz` says how long, and from where.

use std::{
    env,
    time::{Duration, Instant},
};

use crate::{attacker::Attacker, bytes::Garbled};

/// More than any round may take, on however busy a machine, if work is bounded.
const BOUND: Duration = Duration::from_secs(10);

/// Runs rounds until the time is over, or the one that is to be repeated.
fn rounds(what: &str, mut round: impl FnMut(u64, u64) -> Result<(), String>) {
    let number = |name| env::var(name).map(|text| text.parse::<u64>().expect(name));
    let seed = number("DNSSEC_FUZZ_SEED").expect("cargo xtask fuzz sets DNSSEC_FUZZ_SEED");
    let (first, seconds) = match number("DNSSEC_FUZZ_ROUND") {
        Ok(only) => (only, 0),
        Err(_) => (0, number("DNSSEC_FUZZ_SECONDS").expect("cargo xtask fuzz sets DNSSEC_FUZZ_SECONDS")),
    };
    let begin = Instant::now();
    let mut slowest = Duration::ZERO;
    for n in first.. {
        let repeat = format!("cargo xtask fuzz --seed {seed} --round {n}");
        let start = Instant::now();
        round(seed, n).unwrap_or_else(|falsehood| panic!("{falsehood}\n\nto repeat: {repeat}"));
        slowest = slowest.max(start.elapsed());
        assert!(slowest < BOUND, "{slowest:?} of work\n\nto repeat: {repeat}");
        if begin.elapsed() >= Duration::from_secs(seconds) {
            println!("{what}: {} rounds, the slowest took {slowest:?}", n - first + 1);
            return;
        }
    }
}

#[test]
#[ignore = "for as long as cargo xtask fuzz says"]
fn compositions() {
    let mut attacker = Attacker::new();
    rounds("compositions", |seed, round| attacker.attack(seed, round));
}

#[test]
#[ignore = "for as long as cargo xtask fuzz says"]
fn garbled_answers() {
    let (mut attacker, mut garbled) = (Attacker::new(), Garbled::default());
    rounds("garbled answers", |seed, round| garbled.answers(&mut attacker, seed, round));
}

#[test]
#[ignore = "for as long as cargo xtask fuzz says"]
fn garbled_texts() {
    let mut garbled = Garbled::default();
    rounds("garbled texts of anchors", |seed, round| {
        garbled.text(seed, round);
        Ok(())
    });
}
