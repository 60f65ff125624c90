//! Ctrl-C: what a task has started ends with it, at once.

use std::future::Future;

use anyhow::Result;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::tally::Stop;

/// Runs a task until it is done, or until SIGINT or SIGTERM: then it is dropped, and with it the processes and servers that it
/// holds.
pub(crate) fn run<T>(task: impl Future<Output = Result<T>>) -> Result<T> {
    Runtime::new()?.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            result = task => result,
            _ = interrupt.recv() => Err(Stop::Interrupted.into()),
            _ = terminate.recv() => Err(Stop::Interrupted.into()),
        }
    })
}
