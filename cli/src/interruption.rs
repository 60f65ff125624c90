//! Ctrl-C while mail is under way: the first ends the delivery in order, the second ends the process.

use std::{io, process};

use mxtls_smtp_client::Interrupt;
use tokio::signal;

/// An interrupt that Ctrl-C, or SIGTERM where there are signals, triggers from now on. After the second one nothing is
/// printed: the status is 130.
pub(crate) fn listen() -> io::Result<Interrupt> {
    let (trigger, interrupt) = Interrupt::new();
    let mut signals = Signals::new()?;
    tokio::spawn(async move {
        signals.next().await;
        trigger.interrupt();
        signals.next().await;
        process::exit(ENDED_BY_CTRL_C);
    });
    Ok(interrupt)
}

/// As shells report a process that SIGINT has ended.
const ENDED_BY_CTRL_C: i32 = 130;

#[cfg(unix)]
struct Signals {
    interrupt: signal::unix::Signal,
    terminate: signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
