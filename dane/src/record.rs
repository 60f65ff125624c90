use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::str::FromStr;

/// A TLSA record as it stands in DNS, unknown values included (RFC 6698 §2.1).
///
/// Nothing is judged here: [`select`](crate::select) says which records can be used. [`Display`](fmt::Display) and
/// [`FromStr`] are the presentation form of RFC 6698 §2.2, `3 1 1 0d6fce13…`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct TlsaRecord {
    /// Certificate usage (§2.1.1): what the record is about.
    pub usage: u8,
    /// Selector (§2.1.2): which part of the certificate is compared.
    pub selector: u8,
    /// Matching type (§2.1.3): how it is compared.
    pub matching: u8,
    /// Certificate association data (§2.1.4): a digest, or the whole certificate or key in DER.
    pub data: Vec<u8>,
}

impl TlsaRecord {
    /// Reads the RDATA of a TLSA record.
    ///
    /// A record without association data is read, so that it is counted as present; it can never be used.
    ///
    /// # Errors
    /// [`RecordError::TooShort`] where the three leading octets are not there.
    pub fn from_wire(rdata: &[u8]) -> Result<Self, RecordError> {
        match rdata {
            [usage, selector, matching, data @ ..] => {
                Ok(Self { usage: *usage, selector: *selector, matching: *matching, data: data.to_vec() })
            }
            _ => Err(RecordError::TooShort { octets: rdata.len() }),
        }
    }

    /// The RDATA of this record.
    pub fn to_wire(&self) -> Vec<u8> {
        let mut rdata = vec![self.usage, self.selector, self.matching];
        rdata.extend_from_slice(&self.data);
        rdata
    }

    /// The association data in hexadecimal, lower case.
    pub fn data_hex(&self) -> String {
        let mut hex = String::with_capacity(self.data.len() * 2);
        for octet in &self.data {
            // Writing to a `String` cannot fail.
            let _ = write!(hex, "{octet:02x}");
        }
        hex
    }

    /// The usage with its acronym, `DANE-EE(3)` (RFC 7218 §2.1).
    pub fn usage_description(&self) -> Cow<'static, str> {
        describe(Usage::from_octet(self.usage).map(Usage::description), "PrivCert(255)", self.usage)
    }

    /// The selector with its acronym, `SPKI(1)` (RFC 7218 §2.2).
    pub fn selector_description(&self) -> Cow<'static, str> {
        describe(
            Selector::from_octet(self.selector).map(Selector::description),
            "PrivSel(255)",
            self.selector,
        )
    }

    /// The matching type with its acronym, `SHA2-256(1)` (RFC 7218 §2.3).
    pub fn matching_description(&self) -> Cow<'static, str> {
        describe(
            Matching::from_octet(self.matching).map(Matching::description),
            "PrivMatch(255)",
            self.matching,
        )
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
    /// and the parentheses of zone files may divide (RFC 6698 §2.2).
    fn from_str(text: &str) -> Result<Self, RecordError> {
        let mut fields = text
            .split(|c: char| c.is_ascii_whitespace() || matches!(c, '(' | ')'))
            .filter(|field| !field.is_empty());
        let usage = octet(fields.next(), "usage")?;
        let selector = octet(fields.next(), "selector")?;
        let matching = octet(fields.next(), "matching type")?;
        let digits = fields.collect::<String>();
        Ok(Self { usage, selector, matching, data: from_hex(&digits)? })
    }
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
    /// One of the three leading fields is absent or no decimal number from 0 to 255 (RFC 6698 §2.2).
    #[error("expected the {field} as a decimal number from 0 to 255, found {found:?}")]
    NotAnOctet {
        /// Which of the three.
        field: &'static str,
        /// What stood in its place.
        found: String,
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

/// Certificate usages (RFC 6698 §2.1.1; acronyms: RFC 7218 §2.1).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Usage {
    /// PKIX-TA(0), "CA constraint".
    PkixTa,
    /// PKIX-EE(1), "service certificate constraint".
    PkixEe,
    /// DANE-TA(2), "trust anchor assertion".
    DaneTa,
    /// DANE-EE(3), "domain-issued certificate".
    DaneEe,
}

impl Usage {
    /// The usage of this number, where one is assigned.
    pub fn from_octet(octet: u8) -> Option<Self> {
        [Self::PkixTa, Self::PkixEe, Self::DaneTa, Self::DaneEe]
            .into_iter()
            .find(|usage| usage.octet() == octet)
    }

    /// Its number in DNS.
    pub fn octet(self) -> u8 {
        match self {
            Self::PkixTa => 0,
            Self::PkixEe => 1,
            Self::DaneTa => 2,
            Self::DaneEe => 3,
        }
    }

    /// Acronym and number, `DANE-EE(3)`.
    pub fn description(self) -> &'static str {
        match self {
            Self::PkixTa => "PKIX-TA(0)",
            Self::PkixEe => "PKIX-EE(1)",
            Self::DaneTa => "DANE-TA(2)",
            Self::DaneEe => "DANE-EE(3)",
        }
    }
}

/// Selectors (RFC 6698 §2.1.2; acronyms: RFC 7218 §2.2).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Selector {
    /// Cert(0): the whole certificate.
    Cert,
    /// SPKI(1): its SubjectPublicKeyInfo.
    Spki,
}

impl Selector {
    /// The selector of this number, where one is assigned.
    pub fn from_octet(octet: u8) -> Option<Self> {
        [Self::Cert, Self::Spki].into_iter().find(|selector| selector.octet() == octet)
    }

    /// Its number in DNS.
    pub fn octet(self) -> u8 {
        match self {
            Self::Cert => 0,
            Self::Spki => 1,
        }
    }

    /// Acronym and number, `SPKI(1)`.
    pub fn description(self) -> &'static str {
        match self {
            Self::Cert => "Cert(0)",
            Self::Spki => "SPKI(1)",
        }
    }
}

/// Matching types (RFC 6698 §2.1.3; acronyms: RFC 7218 §2.3).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Matching {
    /// Full(0): the data itself.
    Full,
    /// SHA2-256(1).
    Sha256,
    /// SHA2-512(2).
    Sha512,
}

impl Matching {
    /// The matching type of this number, where one is assigned.
    pub fn from_octet(octet: u8) -> Option<Self> {
        [Self::Full, Self::Sha256, Self::Sha512].into_iter().find(|matching| matching.octet() == octet)
    }

    /// Its number in DNS.
    pub fn octet(self) -> u8 {
        match self {
            Self::Full => 0,
            Self::Sha256 => 1,
            Self::Sha512 => 2,
        }
    }

    /// Acronym and number, `SHA2-256(1)`.
    pub fn description(self) -> &'static str {
        match self {
            Self::Full => "Full(0)",
            Self::Sha256 => "SHA2-256(1)",
            Self::Sha512 => "SHA2-512(2)",
        }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description())
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description())
    }
}

impl fmt::Display for Matching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description())
    }
}

fn describe(assigned: Option<&'static str>, private: &'static str, octet: u8) -> Cow<'static, str> {
    match (assigned, octet) {
        (Some(description), _) => description.into(),
        (None, 255) => private.into(),
        (None, _) => format!("unassigned({octet})").into(),
    }
}

fn octet(text: Option<&str>, field: &'static str) -> Result<u8, RecordError> {
    let found = text.ok_or_else(|| RecordError::NotAnOctet { field, found: String::new() })?;
    // `u8::from_str` would take a leading plus sign.
    match found.bytes().all(|b| b.is_ascii_digit()).then(|| found.parse()) {
        Some(Ok(octet)) => Ok(octet),
        Some(Err(_)) | None => Err(RecordError::NotAnOctet { field, found: found.into() }),
    }
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

    #[test]
    fn d66_03_presentation_form() {
        let record = |usage, selector, matching, data: &[u8]| {
            Ok(TlsaRecord { usage, selector, matching, data: data.to_vec() })
        };
        let not_an_octet = |field, found: &str| Err(RecordError::NotAnOctet { field, found: found.into() });
        for (text, expected, why) in [
            ("3 1 1 0d6f", record(3, 1, 1, &[0x0d, 0x6f]), "lower case"),
            ("3 1 1 0D6F", record(3, 1, 1, &[0x0d, 0x6f]), "upper case"),
            ("3 1 1 0d 6 f\t00", record(3, 1, 1, &[0x0d, 0x6f, 0]), "white space anywhere among the digits"),
            ("3 1 1 (\n 0d\n 6f )", record(3, 1, 1, &[0x0d, 0x6f]), "the parentheses of a zone file"),
            ("  255 7 0 00 ", record(255, 7, 0, &[0]), "unknown values are read"),
            ("3 1 1", record(3, 1, 1, &[]), "no data: read, never usable"),
            ("3 1 1 0d6", Err(RecordError::OddDigits { digits: 3 }), "half an octet"),
            ("3 1 1 0dxf", Err(RecordError::NotHexadecimal { found: 'x', position: 3 }), "not a digit"),
            ("256 1 1 00", not_an_octet("usage", "256"), "beyond an octet"),
            ("3 +1 1 00", not_an_octet("selector", "+1"), "no sign"),
            ("3 1", not_an_octet("matching type", ""), "a field is absent"),
            ("", not_an_octet("usage", ""), "nothing"),
        ] {
            assert_eq!(text.parse::<TlsaRecord>(), expected, "{why}: {text}");
        }
        assert_eq!("3 1 1 0D 6F".parse::<TlsaRecord>().unwrap().to_string(), "3 1 1 0d6f");
        assert_eq!("3 1 1".parse::<TlsaRecord>().unwrap().to_string(), "3 1 1");
    }

    #[test]
    fn d66_01_wire_form() {
        for octets in 0..3 {
            assert_eq!(TlsaRecord::from_wire(&[3, 1, 1][..octets]), Err(RecordError::TooShort { octets }));
        }
        for rdata in [&[3, 1, 1][..], &[3, 1, 1, 9], &[255; 70]] {
            assert_eq!(TlsaRecord::from_wire(rdata).unwrap().to_wire(), rdata);
        }
    }

    #[test]
    fn descriptions_are_those_of_rfc_7218() {
        for (text, usage, selector, matching) in [
            ("0 0 0 00", "PKIX-TA(0)", "Cert(0)", "Full(0)"),
            ("1 1 1 00", "PKIX-EE(1)", "SPKI(1)", "SHA2-256(1)"),
            ("2 2 2 00", "DANE-TA(2)", "unassigned(2)", "SHA2-512(2)"),
            ("3 1 3 00", "DANE-EE(3)", "SPKI(1)", "unassigned(3)"),
            ("255 255 255 00", "PrivCert(255)", "PrivSel(255)", "PrivMatch(255)"),
        ] {
            let record: TlsaRecord = text.parse().unwrap();
            assert_eq!(record.usage_description(), usage);
            assert_eq!(record.selector_description(), selector);
            assert_eq!(record.matching_description(), matching);
        }
    }
}
