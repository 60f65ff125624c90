//! A sign of life on standard error for what takes longer than a second.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use indicatif::ProgressBar;
use tokio::time::sleep;

/// Waits for `work`; after a second a spinner says what is going on. Only on a terminal.
pub(crate) async fn during<T>(what: &'static str, work: impl Future<Output = T>) -> T {
    if !io::stderr().is_terminal() {
        return work.await;
    }
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        () = sleep(PATIENCE) => {}
    }
    let spinner = ProgressBar::new_spinner().with_message(what);
    spinner.enable_steady_tick(TICK);
    let done = work.await;
    spinner.finish_and_clear();
    done
}

const PATIENCE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(120);
