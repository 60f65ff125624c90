//! The verdict on any DNS question, for people who want to know what this library sees.

use std::str::FromStr;

use dnssec::Question;
use hickory_proto::{
    rr::{Name, RData, RecordType},
    serialize::binary::{BinDecodable, BinDecoder},
};
use mxtls_policy::{Answer, Failure};

use crate::{
    dns::{Judged, evidence, name_text},
    resolver::MxResolver,
};

/// What one DNS question came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DnsAnswer {
    /// The name asked for: lower case, no trailing dot.
    pub name: String,
    /// The record type, such as `TLSA`.
    pub record_type: String,
    /// The records in presentation form, or their absence, with the status and the aliases; or why there is no verdict.
    pub result: Result<Answer<Vec<String>>, Failure>,
    /// For how many seconds the verdict holds, from when it was made: it may come out of the cache.
    pub ttl: Option<u32>,
    /// The zones walked, the signatures that held, the denials that counted: a line for each. Without a verdict, those that
    /// had been proven before it broke, and a line on what can be done about it. Empty where a trusted resolver has judged.
    pub proof: Vec<String>,
}

/// Why a text is no DNS question.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DnsQuestionError {
    /// The name cannot be asked for.
    #[error("{0:?} is not a domain name: labels of 1 to 63 octets, 255 in all, are expected")]
    Name(String),
    /// The type is unknown.
    #[error("{0:?} is not a DNS record type: a name such as MX, A or TLSA is expected")]
    RecordType(String),
    /// The type belongs to the signing machinery or is no type of data, so that no verdict is given for it.
    #[error("no verdict is given for the type {0}: one of data such as MX, A or TLSA is expected")]
    NoVerdict(String),
}

/// A DNS question that can be asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DnsQuestion {
    name: Name,
    record_type: RecordType,
}

impl DnsQuestion {
    /// Reads a name and a record type such as `TLSA`. U-labels become A-labels.
    ///
    /// # Errors
    /// The name cannot be asked for, the type is unknown, or it is one that no verdict is given for.
    pub fn new(name: &str, record_type: &str) -> Result<Self, DnsQuestionError> {
        let parsed = RecordType::from_str(&record_type.to_ascii_uppercase())
            .map_err(|_| DnsQuestionError::RecordType(record_type.to_owned()))?;
        let question = Self { name: parse_name(name)?, record_type: parsed };
        if !Question::new(question.name.clone(), parsed).gets_verdict() {
            return Err(DnsQuestionError::NoVerdict(parsed.to_string()));
        }
        Ok(question)
    }
}

impl MxResolver {
    /// The verdict on one question.
    pub async fn ask(&self, question: &DnsQuestion) -> DnsAnswer {
        let DnsQuestion { name, record_type } = question;
        let verdict = self.inner().dns.ask(name, *record_type).await;
        let shown = if name.is_root() { ".".to_owned() } else { name_text(name) };
        DnsAnswer::new(shown, *record_type, &verdict)
    }

    /// The same for a question as text.
    ///
    /// # Errors
    /// The question cannot be asked at all. That it got no verdict is part of the answer.
    pub async fn dns(&self, name: &str, record_type: &str) -> Result<DnsAnswer, DnsQuestionError> {
        Ok(self.ask(&DnsQuestion::new(name, record_type)?).await)
    }
}

fn parse_name(text: &str) -> Result<Name, DnsQuestionError> {
    let error = || DnsQuestionError::Name(text.to_owned());
    if text.is_empty() {
        return Err(error());
    }
    let ascii =
        if text.is_ascii() { text.to_owned() } else { idna::domain_to_ascii(text).map_err(|_| error())? };
    let mut name = Name::from_ascii(&ascii).map_err(|_| error())?;
    name.set_fqdn(true);
    Ok(name)
}

impl DnsAnswer {
    fn new(name: String, record_type: RecordType, judged: &Judged) -> Self {
        let result = evidence(judged, |data| Some(presentation(data)))
            .map_err(|error| error.failure(&format!("{name} {record_type}")));
        let (ttl, proof) = match judged {
            Ok(verdict) => {
                (Some(verdict.ttl), verdict.proof.to_string().lines().map(str::to_owned).collect())
            }
            Err(error) => (None, error.explanation.clone()),
        };
        Self { name, record_type: record_type.to_string(), result, ttl, proof }
    }
}

/// Record data as zone files have it (RFC 1035 §5.1). What a terminal would obey is escaped.
fn presentation(data: &RData) -> String {
    if let RData::TXT(txt) = data {
        let strings: Vec<String> = txt.txt_data.iter().map(|string| quoted(string)).collect();
        return strings.join(" ");
    }
    if let RData::Unknown { code, rdata } = data {
        return unknown(*code, &rdata.anything);
    }
    let mut text = String::new();
    for character in data.to_string().chars() {
        if character.is_control() {
            let mut octets = [0; 4];
            text.extend(character.encode_utf8(&mut octets).bytes().map(escaped));
        } else {
            text.push(character);
        }
    }
    text
}

/// Data that hickory-proto leaves as octets: that of DNAME is a name, any other is written as RFC 3597 §5 has it.
fn unknown(record_type: RecordType, octets: &[u8]) -> String {
    let mut decoder = BinDecoder::new(octets);
    if record_type == RecordType::DNAME
        && let Ok(target) = Name::read(&mut decoder)
        && decoder.is_empty()
    {
        return target.to_ascii();
    }
    let digits: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    format!("\\# {} {digits}", octets.len())
}

fn quoted(string: &[u8]) -> String {
    let octets = string.iter().map(|octet| match octet {
        b'"' | b'\\' => format!("\\{}", char::from(*octet)),
        b' '..=b'~' => char::from(*octet).to_string(),
        _ => escaped(*octet),
    });
    format!("\"{}\"", octets.collect::<String>())
}

fn escaped(octet: u8) -> String {
    format!("\\{octet:03}")
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::rdata::{NULL, TXT};

    use super::*;

    #[test]
    fn questions_that_can_be_asked() {
        for (name, record_type, asked) in [
            ("mx.example", "A", true),
            ("_25._tcp.mx.example.", "tlsa", true),
            (".", "SOA", true),
            ("mx.example", "ANY", false),
            ("mx.example", "RRSIG", false),
            ("mx.example", "NOSUCH", false),
            ("", "A", false),
            ("a..b", "A", false),
        ] {
            assert_eq!(DnsQuestion::new(name, record_type).is_ok(), asked, "{name:?} {record_type}");
        }
    }

    #[test]
    fn text_stays_text() {
        for (strings, expected, why) in [
            (vec![&b"v=STSv1; id=1;"[..]], r#""v=STSv1; id=1;""#, "plain"),
            (vec![b"a", b"b c"], r#""a" "b c""#, "strings keep their borders"),
            (vec![br#"a"b\c"#], r#""a\"b\\c""#, "quotes and backslashes"),
            (vec![b"a\x1b[2Jb\n\x9b"], r#""a\027[2Jb\010\155""#, "nothing that moves a cursor"),
            (vec!["é".as_bytes()], r#""\195\169""#, "octets, not characters"),
        ] {
            let txt = TXT::from_bytes(strings);
            assert_eq!(presentation(&RData::TXT(txt)), expected, "{why}");
        }
    }

    #[test]
    fn data_of_types_without_a_form_of_their_own() {
        for (record_type, octets, expected, why) in [
            (RecordType::DNAME, &b"\x01a\x07example\0"[..], "a.example.", "RFC 6672 §2.1: a name"),
            (RecordType::DNAME, b"\x01a", r"\# 2 0161", "no name"),
            (RecordType::DNAME, b"\x01a\0\0", r"\# 4 01610000", "more than a name"),
            (RecordType::from(65400), b"\x0a\xff", r"\# 2 0aff", "RFC 3597 §5"),
        ] {
            let rdata = NULL::with(octets.to_vec());
            assert_eq!(presentation(&RData::Unknown { code: record_type, rdata }), expected, "{why}");
        }
    }
}
