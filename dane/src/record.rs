use std::borrow::Cow;

use crate::parameter::{Matching, Selector, Usage};
use crate::presentation::RecordError;

/// A TLSA record as it stands in DNS, unknown values included (RFC 6698 §2.1).
///
/// Nothing is judged here: [`select`](crate::select) says which records can be used. [`Display`](std::fmt::Display) and
/// [`FromStr`](std::str::FromStr) are the presentation form of RFC 6698 §2.2, `3 1 1 0d6fce13…`.
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
    /// A record whose numbers are assigned.
    pub(crate) fn of(usage: Usage, selector: Selector, matching: Matching, data: Vec<u8>) -> Self {
        Self { usage: usage.octet(), selector: selector.octet(), matching: matching.octet(), data }
    }

    /// Reads the RDATA of a TLSA record.
    ///
    /// A record without association data is read, so that it is counted as present; it can never be used. An RRset
    /// that may have even shorter records in it is for [`select_rdata`](crate::select_rdata), which counts those too.
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

    /// All three, `DANE-EE(3) SPKI(1) SHA2-256(1)`.
    pub fn description(&self) -> String {
        [self.usage_description(), self.selector_description(), self.matching_description()].join(" ")
    }

    /// What the record says, a sentence for each of the three numbers. Of one that is not assigned it says that.
    pub fn meaning(&self) -> String {
        let unassigned = |field, octet| format!("The {field} {octet} is not assigned.");
        let usage = match Usage::from_octet(self.usage) {
            Some(usage) => usage.meaning().to_owned(),
            None => unassigned("usage", self.usage),
        };
        let selector = match Selector::from_octet(self.selector) {
            Some(selector) => selector.meaning().to_owned(),
            None => unassigned("selector", self.selector),
        };
        let matching = match Matching::from_octet(self.matching) {
            Some(matching) => matching.meaning().to_owned(),
            None => unassigned("matching type", self.matching),
        };
        [usage, selector, matching].join(" ")
    }
}

fn describe(assigned: Option<&'static str>, private: &'static str, octet: u8) -> Cow<'static, str> {
    match (assigned, octet) {
        (Some(description), _) => description.into(),
        (None, 255) => private.into(),
        (None, _) => format!("unassigned({octet})").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for (text, description) in [
            ("0 0 0 00", "PKIX-TA(0) Cert(0) Full(0)"),
            ("1 1 1 00", "PKIX-EE(1) SPKI(1) SHA2-256(1)"),
            ("2 2 2 00", "DANE-TA(2) unassigned(2) SHA2-512(2)"),
            ("3 1 3 00", "DANE-EE(3) SPKI(1) unassigned(3)"),
            ("4 1 1 00", "unassigned(4) SPKI(1) SHA2-256(1)"),
            ("255 255 255 00", "PrivCert(255) PrivSel(255) PrivMatch(255)"),
        ] {
            assert_eq!(text.parse::<TlsaRecord>().unwrap().description(), description, "{text}");
        }
    }

    #[test]
    fn meanings_are_sentences_and_differ() {
        let meaning = |text: &str| text.parse::<TlsaRecord>().unwrap().meaning();
        assert_eq!(
            meaning("3 1 1 00"),
            "The server has this certificate; its names, dates and issuer do not count. The public key is compared, \
             with its algorithm and parameters. The data is the SHA-256 digest of that, 32 octets."
        );
        assert_eq!(
            meaning("9 2 255 00"),
            "The usage 9 is not assigned. The selector 2 is not assigned. The matching type 255 is not assigned."
        );
        let all = (0..4).flat_map(|usage| (0..2).map(move |selector| (usage, selector)));
        let all = all.flat_map(|(usage, selector)| (0..3).map(move |matching| (usage, selector, matching)));
        let meanings: std::collections::HashSet<_> = all
            .map(|(usage, selector, matching)| meaning(&format!("{usage} {selector} {matching}")))
            .collect();
        assert_eq!(meanings.len(), 4 * 2 * 3);
    }
}
