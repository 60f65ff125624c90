//! Time: how long something takes, and what day it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// The processor time of this thread: other programs on the machine do not count, and neither does waiting.
pub(crate) fn now() -> Timespec {
    clock_gettime(ClockId::ThreadCPUTime)
}

pub(crate) fn since(begin: Timespec) -> Result<Duration> {
    Ok(Duration::try_from(now())?.saturating_sub(Duration::try_from(begin)?))
}

/// Seconds since the epoch, modulo 2^32 (RFC 4034 §3.1.5).
pub(crate) fn date() -> Result<u32> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok(u32::try_from(seconds & u64::from(u32::MAX))?)
}
