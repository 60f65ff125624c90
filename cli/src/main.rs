//! mxtls.
fn main() {}
