//! How long each step of a session may take.

use std::time::Duration;

/// The time limits of a session. Each counts for a whole reply, not for a read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// The TCP connection.
    pub connect: Duration,
    /// The greeting.
    pub greeting: Duration,
    /// The replies to EHLO, HELO and STARTTLS.
    pub hello: Duration,
    /// The TLS handshake.
    pub handshake: Duration,
    /// The reply to MAIL.
    pub mail: Duration,
    /// The reply to each RCPT.
    pub rcpt: Duration,
    /// The reply to DATA.
    pub data: Duration,
    /// Sending one block of the message.
    pub block: Duration,
    /// The reply to the final dot.
    pub end: Duration,
    /// The reply to QUIT: nothing depends on it any more.
    pub quit: Duration,
    /// The reply to the final dot, once the session was interrupted.
    pub grace: Duration,
}

impl Timeouts {
    /// The same limit for every step; QUIT and the grace are not given more than they need.
    pub fn each(limit: Duration) -> Self {
        Self {
            connect: limit,
            greeting: limit,
            hello: limit,
            handshake: limit,
            mail: limit,
            rcpt: limit,
            data: limit,
            block: limit,
            end: limit,
            quit: limit.min(QUIT),
            grace: limit.min(GRACE),
        }
    }
}

/// The minima of RFC 5321 §4.5.3.2; what it leaves open is bounded by what an honest server needs.
impl Default for Timeouts {
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        Self {
            connect: Duration::from_secs(30),
            greeting: minutes(5),
            hello: minutes(5),
            handshake: minutes(1),
            mail: minutes(5),
            rcpt: minutes(5),
            data: minutes(2),
            block: minutes(3),
            end: minutes(10),
            quit: QUIT,
            grace: GRACE,
        }
    }
}

const QUIT: Duration = Duration::from_secs(10);
const GRACE: Duration = Duration::from_secs(5);
