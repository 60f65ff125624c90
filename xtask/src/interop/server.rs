//! A server as our child.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::process::{Child, Command};
use tokio::time;

/// How long a server may take to start, or to do what is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked at meanwhile.
const GLANCE: Duration = Duration::from_millis(50);

/// A server in the foreground of its own. It is killed when it is dropped.
pub(super) struct Server {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts a server whose output goes to a log in `folder`.
    pub(super) fn start(name: &str, folder: &Path, command: &mut Command) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run {name}"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// Waits until `done` comes to something; it may take [`PATIENCE`], and the server must live.
    pub(super) async fn until<T>(
        &mut self,
        what: &str,
        mut done: impl FnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let start = Instant::now();
        loop {
            if let Some(done) = done()? {
                return Ok(done);
            }
            let ended = self.child.try_wait()?;
            if ended.is_some() || start.elapsed() > PATIENCE {
                let log = fs::read_to_string(&self.log)?;
                let end: Vec<_> = log.lines().rev().take(20).collect();
                let end: Vec<_> = end.into_iter().rev().collect();
                let how = ended.map_or("still runs".to_owned(), |status| format!("ended with {status}"));
                bail!(
                    "{}: waiting until {what} failed, it {how}; its log ends with\n{}",
                    self.name,
                    end.join("\n")
                );
            }
            time::sleep(GLANCE).await;
        }
    }
}
