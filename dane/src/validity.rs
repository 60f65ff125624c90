use std::fmt;
use std::time::Duration;

use rustls_pki_types::UnixTime;

use crate::der::{DerError, Reader, Value, tag};

/// The period in which a certificate is valid, both ends included (RFC 5280 §4.1.2.5).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Validity {
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
}

impl Validity {
    pub(crate) fn parse(validity: Value<'_>) -> Result<Self, DerError> {
        let mut times = Reader::new(validity.content);
        let not_before = time(times.any()?)?;
        let not_after = time(times.any()?)?;
        times.end()?;
        Ok(Self { not_before, not_after })
    }
}

/// Writes a time as `2033-01-01T00:00:00Z` (RFC 3339).
pub(crate) struct Utc(pub(crate) UnixTime);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (year, month, day) = date(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// UTCTime or GeneralizedTime, in UTC and with seconds; what lies before 1970 counts as its first second.
fn time(value: Value<'_>) -> Result<UnixTime, DerError> {
    let Some((b'Z', digits)) = value.content.split_last() else { return Err(DerError) };
    let (year, rest) = match (value.tag, digits) {
        // §4.1.2.5.1: from 1950 to 2049.
        (tag::UTC_TIME, [y1, y2, rest @ ..]) => match number(&[*y1, *y2])? {
            year @ 0..50 => (2000 + year, rest),
            year => (1900 + year, rest),
        },
        (tag::GENERALIZED_TIME, [y1, y2, y3, y4, rest @ ..]) => (number(&[*y1, *y2, *y3, *y4])?, rest),
        _ => return Err(DerError),
    };
    let (fields, []) = rest.as_chunks::<2>() else { return Err(DerError) };
    let [month, day, hour, minute, second] = fields else { return Err(DerError) };
    let (month, day) = (number(month)?, number(day)?);
    let (hour, minute, second) = (number(hour)?, number(minute)?, number(second)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return Err(DerError);
    }
    if hour > 23 || minute > 59 || second > 59 {
        return Err(DerError);
    }
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Ok(UnixTime::since_unix_epoch(Duration::from_secs(seconds.max(0).cast_unsigned())))
}

fn number(digits: &[u8]) -> Result<i64, DerError> {
    digits.iter().try_fold(0, |number, digit| match digit {
        b'0'..=b'9' => Ok(number * 10 + i64::from(digit - b'0')),
        _ => Err(DerError),
    })
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1 January 1970 to a day of the Gregorian calendar, from the year 0 on.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // A year that begins in March has its leap day at its end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days_in_year = (153 * month + 2) / 5 + day - 1;
    // 1 March 0000 lies 719,468 days before 1970.
    365 * year + leap_days + days_in_year - 719_468
}

/// Year, month and day of the day that lies so many days after 1 January 1970.
fn date(days: u64) -> (u64, u64, u64) {
    // The calendar repeats every 400 years, which are 146,097 days; as above, years begin in March.
    let days = days + 719_468;
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (400 * cycle + year + next_year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_there_and_back() {
        for day in (0..1_100_000).step_by(13).chain(11_000..11_800) {
            let (year, month, day_of_month) = date(day);
            let [year, month, day_of_month] = [year, month, day_of_month].map(u64::cast_signed);
            assert!((1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day_of_month));
            assert_eq!(days_since_1970(year, month, day_of_month), day.cast_signed());
        }
    }

    #[test]
    fn times() {
        for (tag, text, expected, why) in [
            (tag::UTC_TIME, "700101000000Z", Some(0), "the epoch"),
            (tag::UTC_TIME, "691231235959Z", Some(0), "before the epoch"),
            (tag::UTC_TIME, "500101000000Z", Some(0), "50 is 1950"),
            (tag::UTC_TIME, "491231235959Z", Some(2_524_607_999), "49 is 2049"),
            (tag::UTC_TIME, "000229120000Z", Some(951_825_600), "a leap day"),
            (tag::GENERALIZED_TIME, "20500101000000Z", Some(2_524_608_000), "the second after"),
            (tag::GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799), "no well-defined end"),
            (tag::GENERALIZED_TIME, "30150101000000Z", Some(32_976_979_200), "the year 3015"),
            (tag::UTC_TIME, "010229120000Z", None, "no leap year"),
            (tag::GENERALIZED_TIME, "21000229120000Z", None, "no leap year"),
            (tag::UTC_TIME, "001301000000Z", None, "month 13"),
            (tag::UTC_TIME, "000100000000Z", None, "day 0"),
            (tag::UTC_TIME, "000101240000Z", None, "hour 24"),
            (tag::UTC_TIME, "0001010000Z", None, "no seconds"),
            (tag::UTC_TIME, "000101000000+0100", None, "an offset"),
            (tag::UTC_TIME, "00010100000xZ", None, "not a digit"),
            (tag::GENERALIZED_TIME, "20000101000000.5Z", None, "a fraction"),
            (tag::OCTET_STRING, "000101000000Z", None, "not a time"),
        ] {
            let value = Value { tag, content: text.as_bytes(), raw: &[] };
            let expected = expected.map(Duration::from_secs).map(UnixTime::since_unix_epoch);
            assert_eq!(time(value), expected.ok_or(DerError), "{why}: {text}");
        }
    }
}
