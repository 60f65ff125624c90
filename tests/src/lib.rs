//! The hermetic lab: everything that mail between servers meets on its way, in one process on loopback.
//!
//! A [`Lab`] is a private world for `mxtls`. It has a signed DNS root of its own with an attacker on the path to it ([`dns`]), a
//! certificate authority ([`pki`]), HTTPS policy hosts ([`https`]) and scripted SMTP servers ([`smtp`]). What is in it are
//! [`scenario`]s: rows of `tests/scenarios.toml`, each a mail domain with its set-up and with what must come of mail to it. What the
//! servers saw is written down ([`Saw`]), so that "never delivered" and "never connected" can be asserted where they are true.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let lab = mxtls_lab::Lab::start()?;
//! for scenario in lab.scenarios() {
//!     // `mxtls check OPTIONS ARGUMENTS`, to be held against `scenario.check` and `lab.saw(&scenario.name)`.
//!     println!("mxtls check {:?} {:?}", lab.options(), lab.check_arguments(scenario));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Servers listen on addresses of 127.0.0.0/8 and on ports that are free at run time; nothing needs privileges, and nothing leaves the
//! machine. The lab knows none of the crates that it tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test equipment: its input is this repository's own, and a panic names the mistake"
)]

pub mod dns;
pub mod https;
pub mod pki;
pub mod scenario;
pub mod smtp;

mod journal;
mod lab;

pub use journal::{Command, PolicyHostSaw, Saw, ServerSaw};
pub use lab::{Lab, LabError};
pub use scenario::Scenario;
