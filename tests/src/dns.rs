//! The DNS side of the lab: a small internet of signed zones behind one recursive server on loopback, and an attacker on the
//! path to it.
//!
//! A [`World`] is a set of zones below a private root that is signed with keys made for this world alone. What it answers is
//! a pure function of the world and the question ([`World::answer`]), after RFC 4035 §3.1 and RFC 5155 §7.2, put together
//! the way a recursive server would that does not validate: aliases chased through all zones, signatures and denials
//! gathered on the way. [`DnsServer`] serves that function over UDP and TCP on one loopback port, and over TLS on another. On
//! the same port of other addresses are the zones' own name servers and recursive servers of other kinds ([`Face`]).
//!
//! Between the client and that answer sits the attacker: a [`PathRule`] names a question and the [`Tamper`] that is done to
//! it. Whatever an attacker does here can be done with genuine messages, records pasted from other messages, unsigned
//! records, and signatures by keys of zones the attacker really owns (`attacker.` and the zones below it are part of every
//! world).
//!
//! Every question that arrives is in the log ([`DnsServer::queries`]), and the world can be changed while it is served.

mod attack;
mod authority;
mod denial;
mod face;
mod front;
mod server;
mod signing;
mod tamper;
mod world;
mod zone;

pub use hickory_proto::{
    op::Message,
    rr::{Name, RecordType},
};

pub use self::{
    attack::{Attack, attacks},
    face::Face,
    server::{DnsServer, LoggedQuery, PathRule},
    signing::Signing,
    tamper::{Tamper, TamperError},
    world::{World, WorldError, ZoneSpec},
};
