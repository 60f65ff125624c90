//! Times as people read them.

use std::fmt;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Shows seconds since 1970 as RFC 3339 has it, in UTC. DNSSEC counts them modulo 2^32 (RFC 4034 §3.1.5); what is shown lies
/// between 1970 and 2106.
pub(crate) struct Date(pub(crate) u32);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = OffsetDateTime::from_unix_timestamp(self.0.into()).map_err(|_| fmt::Error)?;
        f.write_str(&time.format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        // As `date -u -d @SECONDS +%FT%TZ` prints them.
        for (seconds, expected, why) in [
            (0, "1970-01-01T00:00:00Z", "the epoch"),
            (1_798_761_599, "2026-12-31T23:59:59Z", "the end of a year"),
            (1_798_761_600, "2027-01-01T00:00:00Z", "the beginning of the next"),
            (u32::MAX, "2106-02-07T06:28:15Z", "the end of the count"),
        ] {
            assert_eq!(Date(seconds).to_string(), expected, "{why}");
        }
    }
}
