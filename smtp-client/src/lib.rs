//! How is mail handed to a server that may be an impostor?
//!
//! SMTP begins in clear text. The client greets with EHLO, the server lists what it can do, and where STARTTLS is in the
//! list the client may ask for TLS (RFC 3207). Whoever sits on the path can strike the word from the list, refuse in the
//! server's name, answer with a certificate of their own, or slip commands in before the handshake. Against all of that
//! stands one thing: a [`SecurityPolicy`](mxtls_policy::SecurityPolicy) that was learned by another way, from DNSSEC
//! (RFC 7672) or HTTPS (RFC 8461), and says what this server must prove.
//!
//! This crate carries out one session with one address of a server:
//!
//! * [`check`] goes through EHLO, STARTTLS, handshake and EHLO, and ends with QUIT;
//! * [`deliver`] goes on with MAIL, RCPT and DATA, and has an outcome for every recipient.
//!
//! Where TLS is mandatory, nothing is handed over without it, and nothing to a server whose certificate does not pass
//! the checks that the policy enforces. Where it is not, clear text is allowed: the result then says whether the caller
//! may try again without TLS ([`Attempt::retry_clear_text`]). Never after bytes that were slipped in between the reply
//! to STARTTLS and the handshake: those are an attack on this very session. What was learned before TLS is forgotten at
//! TLS (RFC 3207 §4.2). All that comes from the server is bounded in size, number and time.
//!
//! A message is a [`Message`] only if no server can take it for two, an address is a [`Mailbox`] only if it cannot become
//! another command. A session that is cut short leaves no doubt: before the final dot nothing was accepted
//! (`interrupted`, `connection-lost`, `timeout`), after it the failure says `unknown-outcome`.
//!
//! Inside, the protocol is a state machine without sockets or clocks; the driver runs it on tokio.
//!
//! # Log events
//! By `tracing`; none holds a local part, a reply's text or message content.
//!
//! | level | message | fields |
//! |---|---|---|
//! | debug | `reply` | `host`, `step`, `code` |
//! | debug | `shutdown failed` | `error` |
//! | info | `attempt` | `host`, `address`, `verdict`, `failure` |

mod attempt;
mod capabilities;
mod connection;
mod delivery;
mod envelope;
mod first_record;
mod interrupt;
mod mailbox;
mod message;
mod recipient_reply;
mod reply;
mod server;
mod session;
mod settings;
mod starttls;
mod state;
mod timeouts;

pub use attempt::{Attempt, AttemptVerdict, RecipientOutcome, StartTls, TlsInfo, TlsaMatch};
pub use delivery::{check, deliver};
pub use envelope::{Envelope, NoRecipients};
pub use interrupt::{Interrupt, InterruptTrigger};
pub use mailbox::{Mailbox, MailboxError};
pub use message::Message;
pub use server::{Server, StartTlsUse};
pub use settings::{InvalidEhloName, SessionSettings};
pub use timeouts::Timeouts;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
