//! Where a session stands, and how it can be cut short.

use std::fmt;

/// What the session waits for; also the step that a time limit is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    Handshake,
    Mail,
    /// The reply to RCPT for the recipient of this place.
    Rcpt(usize),
    Data,
    /// The message is being written, without its final dot.
    Message,
    /// The final dot was written, or at least begun.
    End,
    Quit,
    Closed,
}

/// Why no reply comes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Break {
    Timeout,
    Lost(String),
    Interrupted,
}

impl State {
    /// What the reply that is awaited answers, for people and logs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Greeting => "the connection",
            Self::Ehlo => "EHLO",
            Self::Helo => "HELO",
            Self::StartTls => "STARTTLS",
            Self::Handshake => "the TLS handshake",
            Self::Mail => "MAIL",
            Self::Rcpt(_) => "RCPT",
            Self::Data => "DATA",
            Self::Message => "the message",
            Self::End => "the final dot",
            Self::Quit | Self::Closed => "QUIT",
        }
    }
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => "the reply did not come in time",
            Self::Lost(detail) => detail,
            Self::Interrupted => "the caller did not wait for the reply",
        })
    }
}
