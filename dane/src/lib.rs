//! TLSA records.
