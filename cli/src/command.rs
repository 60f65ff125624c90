//! The commands, a file for each.

pub(crate) mod check;
pub(crate) mod dns;
pub(crate) mod matrix;
pub(crate) mod mta_sts;
pub(crate) mod resolve;
pub(crate) mod send;
pub(crate) mod tlsa;
