//! What RFC 6698, 7671 and 7672 ask of a client that has secure TLSA records and a chain of certificates.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test code fails by panicking")]

mod dane_ee;
mod dane_ta;
mod hostile;
mod limits;
mod path_building;
mod pki;
mod selection;
