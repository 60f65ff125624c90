//! Times as people read them.

use std::fmt;

/// Shows seconds since 1970 as RFC 3339 has it, in UTC. DNSSEC counts them modulo 2^32 (RFC 4034 §3.1.5); what is shown lies
/// between 1970 and 2106.
pub(crate) struct Date(pub(crate) u32);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut day, second) = (self.0 / 86_400, self.0 % 86_400);
        let mut year = 1970;
        while day >= days_of_year(year) {
            day -= days_of_year(year);
            year += 1;
        }
        let mut month = 1;
        while day >= days_of_month(year, month) {
            day -= days_of_month(year, month);
            month += 1;
        }
        let (hour, minute) = (second / 3600, second / 60 % 60);
        write!(f, "{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{:02}Z", day + 1, second % 60)
    }
}

fn days_of_year(year: u32) -> u32 {
    (1..=12).map(|month| days_of_month(year, month)).sum()
}

fn days_of_month(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
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
            (86_399, "1970-01-01T23:59:59Z", "the last second of a day"),
            (68_169_599, "1972-02-28T23:59:59Z", "before a leap day"),
            (68_169_600, "1972-02-29T00:00:00Z", "a leap day"),
            (68_256_000, "1972-03-01T00:00:00Z", "after it"),
            (951_782_400, "2000-02-29T00:00:00Z", "a leap day in a year that 400 divides"),
            (1_798_761_599, "2026-12-31T23:59:59Z", "the end of a year"),
            (1_798_761_600, "2027-01-01T00:00:00Z", "the beginning of the next"),
            (4_107_542_399, "2100-02-28T23:59:59Z", "a year that 100 divides"),
            (4_107_542_400, "2100-03-01T00:00:00Z", "has no leap day"),
            (u32::MAX, "2106-02-07T06:28:15Z", "the end of the count"),
        ] {
            assert_eq!(Date(seconds).to_string(), expected, "{why}");
        }
    }
}
