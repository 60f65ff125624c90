//! Real handshakes in memory, over TLS 1.2 and 1.3, each judged by a policy.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test code panics to fail, in the functions that tests share too"
)]

mod certificates;
mod platform_roots;
mod policies;
mod raw_keys;
mod server;
mod session;
mod signature;
