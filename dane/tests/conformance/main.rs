//! What RFC 6698, 7671 and 7672 ask of a client that has secure TLSA records and a chain of certificates.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code fails by panicking"
)]

mod corpus;
mod dane_ee;
mod dane_ta;
mod fuzz;
mod garbled;
mod generate;
mod hostile;
mod limits;
mod matrix;
mod path_building;
mod permutations;
mod pki;
mod pkix;
mod random;
mod raw_keys;
mod selection;
