//! MTA-STS.
