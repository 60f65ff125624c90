use std::fmt::{self, Write as _};
use std::str::FromStr;

use crate::record::TlsaRecord;

impl TlsaRecord {
    /// The association data in hexadecimal, lower case.
    pub fn data_hex(&self) -> String {
        to_hex(&self.data)
    }

    /// The RDATA in the form that serves for records of any type, `\# 35 0301010d6f…` (RFC 3597 §5). Name servers that
    /// do not know TLSA read it behind the type `TYPE52`.
    pub fn to_unknown_form(&self) -> String {
        let rdata = self.to_wire();
        format!("{UNKNOWN} {} {}", rdata.len(), to_hex(&rdata))
    }
}

impl fmt::Display for TlsaRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.usage, self.selector, self.matching)?;
        if self.data.is_empty() { Ok(()) } else { write!(f, " {}", self.data_hex()) }
    }
}

impl FromStr for TlsaRecord {
    type Err = RecordError;

    /// Reads the presentation form: three decimal octets, then hexadecimal digits in either case, which white space
    /// and the parentheses of zone files may divide (RFC 6698 §2.2); or the form for records of any type, `\#`, the
    /// number of octets, and all of them in hexadecimal (RFC 3597 §5).
    fn from_str(text: &str) -> Result<Self, RecordError> {
        if !is_grouped(text) {
            return Err(RecordError::Parentheses);
        }
        let mut fields = text
            .split(|c: char| c.is_ascii_whitespace() || matches!(c, '(' | ')'))
            .filter(|field| !field.is_empty())
            .peekable();
        if fields.next_if_eq(&UNKNOWN).is_some() {
            let announced = length(fields.next())?;
            let rdata = from_hex(&fields.collect::<String>())?;
            if rdata.len() != usize::from(announced) {
                return Err(RecordError::Length { announced, found: rdata.len() });
            }
            return Self::from_wire(&rdata);
        }
        let usage = octet(fields.next(), "usage")?;
        let selector = octet(fields.next(), "selector")?;
        let matching = octet(fields.next(), "matching type")?;
        Ok(Self { usage, selector, matching, data: from_hex(&fields.collect::<String>())? })
    }
}

/// Whether each parenthesis that opens closes, before another one opens (RFC 1035 §5.1).
fn is_grouped(text: &str) -> bool {
    let mut is_open = false;
    for c in text.chars().filter(|c| matches!(c, '(' | ')')) {
        if is_open == (c == '(') {
            return false;
        }
        is_open = !is_open;
    }
    !is_open
}

/// Why a TLSA record could not be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The RDATA ends before usage, selector and matching type are complete (RFC 6698 §2.1).
    #[error("a TLSA record has at least 3 octets, found {octets}")]
    TooShort {
        /// Length of the RDATA.
        octets: usize,
    },
    /// A parenthesis that does not close, or closes nothing (RFC 1035 §5.1).
    #[error("expected parentheses in pairs")]
    Parentheses,
    /// One of the three leading fields is absent or no decimal number from 0 to 255 (RFC 6698 §2.2).
    #[error("expected the {field} as a decimal number from 0 to 255, found {found:?}")]
    NotAnOctet {
        /// Which of the three.
        field: &'static str,
        /// What stood in its place.
        found: String,
    },
    /// The length behind `\#` is absent or no decimal number from 0 to 65535 (RFC 3597 §5).
    #[error("expected the length as a decimal number from 0 to 65535, found {found:?}")]
    NotALength {
        /// What stood in its place.
        found: String,
    },
    /// There are more or fewer octets than `\#` announced (RFC 3597 §5).
    #[error("expected {announced} octets, as announced, found {found}")]
    Length {
        /// The number that was given.
        announced: u16,
        /// The number of octets that follow.
        found: usize,
    },
    /// The association data has a character that is no hexadecimal digit.
    #[error("expected hexadecimal digits, found {found:?} at digit {position}")]
    NotHexadecimal {
        /// The character.
        found: char,
        /// Its place among the digits, from 1, white space not counted.
        position: usize,
    },
    /// The association data has half an octet.
    #[error("expected an even number of hexadecimal digits, found {digits}")]
    OddDigits {
        /// Number of digits.
        digits: usize,
    },
}

/// What begins the form for records of any type.
const UNKNOWN: &str = r"\#";

fn octet(text: Option<&str>, field: &'static str) -> Result<u8, RecordError> {
    match decimal(text) {
        Ok(octet) => Ok(octet),
        Err(found) => Err(RecordError::NotAnOctet { field, found }),
    }
}

fn length(text: Option<&str>) -> Result<u16, RecordError> {
    match decimal(text) {
        Ok(length) => Ok(length),
        Err(found) => Err(RecordError::NotALength { found }),
    }
}

/// Digits alone: the parsers of the standard library would take a leading plus sign. What else it is, on failure.
fn decimal<T: FromStr>(text: Option<&str>) -> Result<T, String> {
    let found = text.ok_or_else(String::new)?;
    match found.bytes().all(|b| b.is_ascii_digit()).then(|| found.parse()) {
        Some(Ok(number)) => Ok(number),
        Some(Err(_)) | None => Err(found.to_owned()),
    }
}

pub(crate) fn to_hex(octets: &[u8]) -> String {
    let mut hex = String::with_capacity(octets.len() * 2);
    for octet in octets {
        // Writing to a `String` cannot fail.
        let _ = write!(hex, "{octet:02x}");
    }
    hex
}

fn from_hex(digits: &str) -> Result<Vec<u8>, RecordError> {
    let mut nibbles = Vec::with_capacity(digits.len());
    for (index, found) in digits.chars().enumerate() {
        match found.to_digit(16).map(u8::try_from) {
            Some(Ok(nibble)) => nibbles.push(nibble),
            Some(Err(_)) | None => return Err(RecordError::NotHexadecimal { found, position: index + 1 }),
        }
    }
    let (octets, odd) = nibbles.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(RecordError::OddDigits { digits: nibbles.len() });
    }
    Ok(octets.iter().map(|[high, low]| (high << 4) | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(usage: u8, selector: u8, matching: u8, data: &[u8]) -> Result<TlsaRecord, RecordError> {
        Ok(TlsaRecord { usage, selector, matching, data: data.to_vec() })
    }

    #[test]
    fn d66_03_presentation_form() {
        let not_an_octet = |field, found: &str| Err(RecordError::NotAnOctet { field, found: found.into() });
        for (text, expected, why) in [
            ("3 1 1 0d6", Err(RecordError::OddDigits { digits: 3 }), "half an octet"),
            ("3 1 1 0dxf", Err(RecordError::NotHexadecimal { found: 'x', position: 3 }), "not a digit"),
            ("3 1 1 0d é", Err(RecordError::NotHexadecimal { found: 'é', position: 3 }), "not even ASCII"),
            ("3 1 1 0x0d", Err(RecordError::NotHexadecimal { found: 'x', position: 2 }), "no prefix"),
            ("256 1 1 00", not_an_octet("usage", "256"), "beyond an octet"),
            ("3 +1 1 00", not_an_octet("selector", "+1"), "no sign"),
            ("3 1 0x1 00", not_an_octet("matching type", "0x1"), "decimal alone"),
            ("DANE-EE 1 1 00", not_an_octet("usage", "DANE-EE"), "RFC 6698 has no mnemonics"),
            ("3 1", not_an_octet("matching type", ""), "a field is absent"),
            ("", not_an_octet("usage", ""), "nothing"),
            ("3 1 1 0d6f", record(3, 1, 1, &[0x0d, 0x6f]), "lower case"),
            ("3 1 1 0D6F", record(3, 1, 1, &[0x0d, 0x6f]), "upper case"),
            ("3 1 1 0d 6 f\t00", record(3, 1, 1, &[0x0d, 0x6f, 0]), "white space anywhere among the digits"),
            ("3 1 1 (\n 0d\n 6f )", record(3, 1, 1, &[0x0d, 0x6f]), "the parentheses of a zone file"),
            ("( 3 1 1 0d6f )", record(3, 1, 1, &[0x0d, 0x6f]), "around all of it"),
            ("3 1 1 )0d6f(", Err(RecordError::Parentheses), "closed before they are opened"),
            ("3 1 1 ( 0d6f", Err(RecordError::Parentheses), "never closed"),
            ("3 1 1 ((0d6f))", Err(RecordError::Parentheses), "one in the other"),
            ("  255 7 0 00 ", record(255, 7, 0, &[0]), "unknown values are read"),
            ("003 01 1 00", record(3, 1, 1, &[0]), "a decimal number may have leading zeros"),
            ("3 1 1", record(3, 1, 1, &[]), "no data: read, never usable"),
        ] {
            assert_eq!(text.parse::<TlsaRecord>(), expected, "{why}: {text}");
        }
        assert_eq!("3 1 1 0D 6F".parse::<TlsaRecord>().unwrap().to_string(), "3 1 1 0d6f");
        assert_eq!("3 1 1".parse::<TlsaRecord>().unwrap().to_string(), "3 1 1");
    }

    #[test]
    fn the_form_for_unknown_types() {
        let not_a_length = |found: &str| Err(RecordError::NotALength { found: found.into() });
        let length = |announced, found| Err(RecordError::Length { announced, found });
        for (text, expected, why) in [
            (r"\# 6 0301010d6f", length(6, 5), "fewer octets than announced"),
            (r"\# 4 0301010d6f", length(4, 5), "more octets than announced"),
            (r"\# 5", length(5, 0), "no octets at all"),
            (r"\# 0", Err(RecordError::TooShort { octets: 0 }), "an empty record is no TLSA record"),
            (r"\# 2 0301", Err(RecordError::TooShort { octets: 2 }), "a field is absent"),
            (r"\# 65536 00", not_a_length("65536"), "longer than any record"),
            (r"\# +5 0301010d6f", not_a_length("+5"), "no sign"),
            (r"\#", not_a_length(""), "no length"),
            (r"\# 5 0301010d6", Err(RecordError::OddDigits { digits: 9 }), "half an octet"),
            (r"\# 1 0g", Err(RecordError::NotHexadecimal { found: 'g', position: 2 }), "not a digit"),
            (
                r"\#5 0301010d6f",
                Err(RecordError::NotAnOctet { field: "usage", found: r"\#5".into() }),
                "glued",
            ),
            (r"\# 5 0301010d6f", record(3, 1, 1, &[0x0d, 0x6f]), "the record of the table above"),
            ("\\# (5\n03 01 01\n0D6F)", record(3, 1, 1, &[0x0d, 0x6f]), "words as in a zone file"),
            (r"\# 3 030101", record(3, 1, 1, &[]), "no data: read, never usable"),
        ] {
            assert_eq!(text.parse::<TlsaRecord>(), expected, "{why}: {text}");
        }
        assert_eq!("3 1 1 0d6f".parse::<TlsaRecord>().unwrap().to_unknown_form(), r"\# 5 0301010d6f");
        assert_eq!("3 1 1".parse::<TlsaRecord>().unwrap().to_unknown_form(), r"\# 3 030101");
    }
}
