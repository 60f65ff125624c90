//! The signal by which the caller ends a session early.

use std::future::pending;

use tokio::sync::watch;

/// Tells a running session to stop, such as after Ctrl-C. Clones wait for the same trigger.
///
/// A session that is stopped before its final dot drops the connection without the dot, so that nothing can have been
/// accepted. After the final dot it waits a short grace for the reply.
#[derive(Clone, Debug)]
pub struct Interrupt(watch::Receiver<bool>);

/// The other end of an [`Interrupt`]. Dropping it interrupts nothing.
#[derive(Debug)]
pub struct InterruptTrigger(watch::Sender<bool>);

impl Interrupt {
    /// An interrupt and its trigger.
    pub fn new() -> (InterruptTrigger, Self) {
        let (sender, receiver) = watch::channel(false);
        (InterruptTrigger(sender), Self(receiver))
    }

    /// An interrupt that never comes.
    pub fn never() -> Self {
        Self::new().1
    }

    /// Whether the trigger was pulled.
    pub fn is_triggered(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the trigger is pulled; forever, where it was dropped instead.
    pub async fn triggered(&mut self) {
        if self.0.wait_for(|triggered| *triggered).await.is_err() {
            pending::<()>().await;
        }
    }
}

impl InterruptTrigger {
    /// Interrupts every session that holds the interrupt, now and later.
    pub fn interrupt(&self) {
        self.0.send_replace(true);
    }
}
