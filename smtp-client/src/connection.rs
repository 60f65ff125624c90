//! The bytes of a session, within its time limits.

use std::{
    io,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout_at,
};
use tokio_rustls::client::TlsStream;

use crate::{first_record::FirstRecord, interrupt::Interrupt, state::Break};

/// A connection in the clear or over TLS.
#[derive(Debug)]
pub(crate) enum Connection {
    Clear(TcpStream),
    Tls(Box<TlsStream<FirstRecord<TcpStream>>>),
}

/// When a step has to be done, and who can end it before.
#[derive(Debug)]
pub(crate) struct Patience<'a> {
    interrupt: &'a mut Interrupt,
    deadline: Instant,
    /// How long each step may take now that the interrupt has come.
    grace: Option<Duration>,
}

impl Connection {
    /// Reads at least one octet.
    pub(crate) async fn read(
        &mut self,
        buffer: &mut [u8],
        patience: &mut Patience<'_>,
    ) -> Result<usize, Break> {
        match patience.wait(self.stream().read(buffer)).await? {
            Ok(0) => Err(Break::Lost("the server closed the connection".to_owned())),
            Ok(length) => Ok(length),
            Err(error) => Err(Break::from(error)),
        }
    }

    /// Writes all of it, whatever interrupts: half a command is worse than a whole one.
    pub(crate) async fn write(&mut self, bytes: &[u8], patience: &mut Patience<'_>) -> Result<(), Break> {
        patience.insist(write(self.stream(), bytes)).await?.map_err(Break::from)
    }

    /// Writes all of it, or a part where it is interrupted.
    pub(crate) async fn write_interruptibly(
        &mut self,
        bytes: &[u8],
        patience: &mut Patience<'_>,
    ) -> Result<(), Break> {
        patience.wait(write(self.stream(), bytes)).await?.map_err(Break::from)
    }

    /// Ends TLS as it ought to be ended, so that the server need not take it for a truncation.
    pub(crate) async fn shut_down(&mut self, patience: &mut Patience<'_>) {
        if let Ok(Err(error)) = patience.wait(self.stream().shutdown()).await {
            tracing::debug!(%error, "shutdown failed");
        }
    }

    fn stream(&mut self) -> &mut dyn Stream {
        match self {
            Self::Clear(stream) => stream,
            Self::Tls(stream) => stream.as_mut(),
        }
    }
}

async fn write(stream: &mut dyn Stream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

impl<'a> Patience<'a> {
    pub(crate) fn new(interrupt: &'a mut Interrupt, limit: Duration) -> Self {
        Self { interrupt, deadline: after(limit), grace: None }
    }

    /// Begins another step.
    pub(crate) fn allow(&mut self, limit: Duration) {
        self.deadline = after(self.grace.map_or(limit, |grace| grace.min(limit)));
    }

    /// Takes note of the interrupt: what is still done is done without it, and no step may take longer than `grace`.
    pub(crate) fn last(&mut self, grace: Duration) {
        self.grace = Some(grace);
        self.deadline = self.deadline.min(after(grace));
    }

    /// Whether the interrupt was taken note of.
    pub(crate) fn is_spent(&self) -> bool {
        self.grace.is_some()
    }

    /// Whether there is an interrupt to take note of.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.grace.is_none() && self.interrupt.is_triggered()
    }

    /// Waits until the work is done, the time is up, or the interrupt comes.
    pub(crate) async fn wait<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Break> {
        let work = timeout_at(self.deadline.into(), work);
        let done = if self.grace.is_some() {
            work.await
        } else {
            tokio::select! {
                biased;
                () = self.interrupt.triggered() => return Err(Break::Interrupted),
                done = work => done,
            }
        };
        done.map_err(|_| Break::Timeout)
    }

    /// Waits until the work is done or the time is up.
    pub(crate) async fn insist<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Break> {
        timeout_at(self.deadline.into(), work).await.map_err(|_| Break::Timeout)
    }
}

impl From<io::Error> for Break {
    fn from(error: io::Error) -> Self {
        Self::Lost(error.to_string())
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A limit beyond what the clock can count is as good as a day.
fn after(limit: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(limit).or_else(|| now.checked_add(DAY)).unwrap_or(now)
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
