//! The case file of `mxtls send`: what is to be sent, and how. JSON5, read completely before anything is sent.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    num::NonZeroU16,
    path::{Path, PathBuf},
    str::FromStr,
};

use json5::{ErrorCode, Position};
use mx_resolve::{Destination, Domain};
use mxtls_smtp_client::{Mailbox, SessionSettings};
use mxtls_verifier::{Offer, Roots, SettingsError, TlsSettings};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

use crate::{
    header_field::{FieldName, FieldValue},
    problem::Problem,
    text_file,
};

/// A case.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// Where it was read from.
    #[serde(skip)]
    pub(crate) path: Option<PathBuf>,
    /// The hosts to use, in this order, instead of those that the recipients' domains name.
    #[serde(default, deserialize_with = "smart_hosts")]
    pub(crate) mx: Vec<Destination>,
    pub(crate) port: Option<NonZeroU16>,
    /// `true`: TLS must be used; `false`: STARTTLS is not used; `None`: as the policy says.
    pub(crate) tls: Option<bool>,
    #[serde(default, deserialize_with = "protocols")]
    pub(crate) protocols: Vec<String>,
    #[serde(default, deserialize_with = "ciphers")]
    pub(crate) ciphers: Vec<String>,
    #[serde(default, deserialize_with = "ehlo")]
    pub(crate) ehlo: Option<String>,
    #[serde(deserialize_with = "envelopes")]
    pub(crate) envelopes: Vec<CaseEnvelope>,
}

/// One message with its sender and recipients.
#[derive(Debug)]
pub(crate) struct CaseEnvelope {
    /// `None` is the null reverse-path.
    pub(crate) mail: Option<Mailbox>,
    /// At least one.
    pub(crate) rcpt: Vec<Mailbox>,
    pub(crate) content: Content,
}

/// What is sent.
#[derive(Debug)]
pub(crate) enum Content {
    /// A message as it stands in a file.
    File(PathBuf),
    /// A message to be composed.
    Text {
        subject: Option<FieldValue>,
        message: String,
        /// Further header fields.
        headers: BTreeMap<FieldName, FieldValue>,
    },
}

impl Case {
    /// Reads a case file. Files that it names are looked for beside it.
    pub(crate) fn read(file: &Path) -> Result<Self, Problem> {
        let text = text_file::read(file)?;
        let mut case = Self::parse(&text).map_err(|problem| problem.in_file(file))?;
        case.path = Some(file.to_owned());
        let folder = file.parent().unwrap_or(Path::new(""));
        for envelope in &mut case.envelopes {
            if let Content::File(message) = &mut envelope.content {
                *message = folder.join(&*message);
            }
        }
        Ok(case)
    }

    fn parse(text: &str) -> Result<Self, Problem> {
        json5::from_str(text).map_err(|error| {
            // Where there is no place, the text is over too early.
            let position = error.position().unwrap_or_else(|| Position::from_offset(text.len(), text));
            let words = error.to_string();
            let words = words.strip_suffix(&format!(" at {position}")).unwrap_or(&words);
            let message = match error.code() {
                Some(code) if !is_of_type(code) => format!("this is not JSON5: {words}"),
                Some(_) | None => words.to_owned(),
            };
            Problem::new(message).at(position.line.saturating_add(1), Some(position.column.saturating_add(1)))
        })
    }
}

impl Case {
    /// A problem that shows only when all of the case is known, with the name of its file.
    pub(crate) fn name_in(&self, problem: Problem) -> Problem {
        match &self.path {
            Some(path) if problem.file.is_none() => problem.in_file(path),
            Some(_) | None => problem,
        }
    }
}

/// Whether a value is of another type than expected, rather than none at all.
fn is_of_type(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::ExpectedBool
            | ErrorCode::ExpectedNull
            | ErrorCode::ExpectedNumber
            | ErrorCode::ExpectedOpeningBrace
            | ErrorCode::ExpectedOpeningBracket
            | ErrorCode::ExpectedString
            | ErrorCode::ExpectedStringOrObject
    )
}

/// An address to whose domain mail can be sent.
pub(crate) fn mailbox(text: &str) -> Result<Mailbox, String> {
    let error = |error: &dyn Display| format!("{text:?} is no e-mail address: {error}");
    let mailbox: Mailbox = text.parse().map_err(|fault| error(&fault))?;
    match Destination::from_str(mailbox.domain()) {
        Ok(_) => Ok(mailbox),
        Err(fault) => Err(error(&fault)),
    }
}

/// A sender; an empty text is the null reverse-path (RFC 5321 §4.5.5).
pub(crate) fn reverse_path(text: &str) -> Result<Option<Mailbox>, String> {
    if text.is_empty() || text == "<>" { Ok(None) } else { mailbox(text).map(Some) }
}

/// An envelope as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(deserialize_with = "sender")]
    mail: Option<Mailbox>,
    #[serde(deserialize_with = "recipients")]
    rcpt: Vec<Mailbox>,
    #[serde(default, deserialize_with = "subject")]
    subject: Option<FieldValue>,
    message: Option<String>,
    file: Option<PathBuf>,
    #[serde(default, deserialize_with = "headers")]
    headers: BTreeMap<FieldName, FieldValue>,
}

impl TryFrom<Fields> for CaseEnvelope {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, &'static str> {
        let Fields { mail, rcpt, subject, message, file, headers } = fields;
        let content = match (file, message) {
            (Some(file), None) if subject.is_none() && headers.is_empty() => Content::File(file),
            (None, Some(message)) => Content::Text { subject, message, headers },
            (Some(_), _) => return Err("`file` stands instead of `subject`, `message` and `headers`"),
            (None, None) => return Err("an envelope needs a `message` or a `file`"),
        };
        Ok(Self { mail, rcpt, content })
    }
}

impl<'de> Deserialize<'de> for CaseEnvelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EnvelopeVisitor)
    }
}

// Errors have a place in the file only where a visitor raises them, hence the visitors below.

struct EnvelopeVisitor;

impl<'de> Visitor<'de> for EnvelopeVisitor {
    type Value = CaseEnvelope;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an envelope")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<CaseEnvelope, A::Error> {
        Fields::deserialize(MapAccessDeserializer::new(map))?.try_into().map_err(A::Error::custom)
    }
}

/// A text that is something else in truth.
struct Text<T>(fn(&str) -> Result<T, String>);

impl<'de, T> Visitor<'de> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

impl<'de, T> DeserializeSeed<'de> for Text<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }
}

/// A list of such texts, never empty, and what must hold of all of them together.
struct Texts<T>(fn(&str) -> Result<T, String>, fn(&[T]) -> Result<(), String>);

impl<'de, T> Visitor<'de> for Texts<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of texts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut items = vec![];
        while let Some(item) = list.next_element_seed(Text(self.0))? {
            items.push(item);
        }
        if items.is_empty() {
            return Err(A::Error::custom(EMPTY));
        }
        (self.1)(&items).map_err(A::Error::custom)?;
        Ok(items)
    }
}

/// Header fields.
struct Headers;

impl<'de> Visitor<'de> for Headers {
    type Value = BTreeMap<FieldName, FieldValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of header fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some(field) = map.next_entry_seed(Text(FieldName::parse), Text(FieldValue::parse))? {
            fields.extend([field]);
        }
        Ok(fields)
    }
}

struct Envelopes;

impl<'de> Visitor<'de> for Envelopes {
    type Value = Vec<CaseEnvelope>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of envelopes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = vec![];
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        if items.is_empty() { Err(A::Error::custom(EMPTY)) } else { Ok(items) }
    }
}

const EMPTY: &str = "expected at least one item in this list";

fn sender<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Mailbox>, D::Error> {
    deserializer.deserialize_str(Text(reverse_path))
}

fn recipients<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Mailbox>, D::Error> {
    deserializer.deserialize_seq(Texts(mailbox, |_| Ok(())))
}

fn envelopes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<CaseEnvelope>, D::Error> {
    deserializer.deserialize_seq(Envelopes)
}

fn smart_hosts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Destination>, D::Error> {
    deserializer.deserialize_seq(Texts(smart_host, |_| Ok(())))
}

fn protocols<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    fn offer(protocols: Vec<String>) -> Offer {
        Offer { protocols, ..Offer::default() }
    }
    deserializer.deserialize_seq(Texts(|name| known(name, offer), |names| enough(names, offer)))
}

fn ciphers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    fn offer(cipher_suites: Vec<String>) -> Offer {
        Offer { cipher_suites, ..Offer::default() }
    }
    deserializer.deserialize_seq(Texts(|name| known(name, offer), |names| enough(names, offer)))
}

fn ehlo<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    deserializer.deserialize_str(Text(ehlo_name)).map(Some)
}

fn subject<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<FieldValue>, D::Error> {
    deserializer.deserialize_str(Text(FieldValue::parse)).map(Some)
}

fn headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<FieldName, FieldValue>, D::Error> {
    deserializer.deserialize_map(Headers)
}

/// A host by its name, or in brackets as in a destination.
fn smart_host(text: &str) -> Result<Destination, String> {
    let destination = if text.starts_with('[') {
        text.parse()
    } else {
        Domain::parse(text).map(|host| Destination::Host { host, port: None })
    };
    destination.map_err(|error| error.to_string())
}

/// A name that exists, whether or not it alone would leave anything to offer.
fn known(name: &str, offer: fn(Vec<String>) -> Offer) -> Result<String, String> {
    match TlsSettings::new(Roots::platform(), &offer(vec![name.to_owned()])) {
        Err(error @ (SettingsError::UnknownProtocol { .. } | SettingsError::UnknownCipherSuite { .. })) => {
            Err(error.to_string())
        }
        Ok(_) | Err(_) => Ok(name.to_owned()),
    }
}

/// Names that leave something to offer. Whether suites and versions fit each other shows later.
fn enough(names: &[String], offer: fn(Vec<String>) -> Offer) -> Result<(), String> {
    match TlsSettings::new(Roots::platform(), &offer(names.to_vec())) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{error} (found {})", names.join(", "))),
    }
}

fn ehlo_name(name: &str) -> Result<String, String> {
    let tls = TlsSettings::new(Roots::platform(), &Offer::default()).map_err(|error| error.to_string())?;
    match SessionSettings::new(name, tls) {
        Ok(_) => Ok(name.to_owned()),
        Err(error) => Err(format!("the name for EHLO cannot be used: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_case() {
        let case = Case::parse(
            r#"{
                // comments are part of JSON5
                mx: ["MX.example.com", "[mx2.example.com]:2525", "[192.0.2.1]"],
                port: 2525, tls: true, protocols: ["TLSv1.3"], ciphers: ["TLS_AES_128_GCM_SHA256"], ehlo: "me.example",
                envelopes: [
                    { mail: "", rcpt: ["a@bücher.example", "ä@bücher.example"], subject: "s", message: "m", headers: { "X-A": "b" } },
                    { mail: "a@b.example", rcpt: ["c@[192.0.2.1]"], file: "m.eml", },
                ],
            }"#,
        )
        .unwrap();
        let hosts: Vec<String> = case.mx.iter().map(ToString::to_string).collect();
        assert_eq!(hosts, ["[mx.example.com]", "[mx2.example.com]:2525", "[192.0.2.1]"]);
        assert_eq!((case.port.map(NonZeroU16::get), case.tls), (Some(2525), Some(true)));
        let [first, second] = case.envelopes.as_slice() else { panic!("{case:?}") };
        assert_eq!(first.mail, None, "the null reverse-path");
        assert_eq!(first.rcpt[0].as_str(), "a@xn--bcher-kva.example", "U-labels become A-labels");
        assert_eq!(first.rcpt[1].as_str(), "ä@xn--bcher-kva.example", "of any mailbox");
        assert!(matches!(&second.content, Content::File(file) if file == Path::new("m.eml")));
    }

    #[test]
    fn faults_have_a_place() {
        let envelope = r#"envelopes: [{ mail: "a@b.example", rcpt: ["c@d.example"], message: "" }]"#;
        for (text, line, expected, why) in [
            ("\n{\n".to_owned(), 2, "EOF parsing object", "no end: where the object begins"),
            (
                format!("{{\n  prot: 1,\n {envelope} }}"),
                2,
                "unknown field `prot`",
                "an unknown field is named",
            ),
            (
                format!("{{\n  requireTls: true,\n {envelope} }}"),
                2,
                "unknown field `requireTls`",
                "not built yet",
            ),
            (format!("{{ {envelope},\n port: 0 }}"), 2, "expected a nonzero u16", "port 0"),
            (format!("{{ {envelope},\n port: 65536 }}"), 2, "expected a nonzero u16", "no such port"),
            (format!("{{ {envelope},\n tls: \"yes\" }}"), 2, "expected", "a text for a truth"),
            (format!("{{ {envelope},\n mx: [\"a..b\"] }}"), 2, "a label is empty", "no host name"),
            (format!("{{ {envelope},\n mx: [] }}"), 2, "expected at least one item", "no host"),
            (
                format!("{{ {envelope},\n protocols: [\"TLSv1.4\"] }}"),
                2,
                "unknown TLS version \"TLSv1.4\"",
                "no such version",
            ),
            (
                format!("{{ {envelope},\n ciphers: [\"NULL\"] }}"),
                2,
                "unknown cipher suite \"NULL\"",
                "no such suite",
            ),
            (
                "{ envelopes: [\n{ mail: \"x\", rcpt: [\"c@d.example\"], message: \"\" }] }".into(),
                2,
                "\"x\" is no e-mail address",
                "a sender without a domain",
            ),
            (
                "{ envelopes: [{ mail: \"\", rcpt: [\n\"c@d..example\"], message: \"\" }] }".into(),
                2,
                "\"c@d..example\" is no e-mail address",
                "a malformed domain",
            ),
            (
                "{ envelopes: [{ mail: \"\",\nrcpt: [\"c@d.example\"],\n msg: \"\" }] }".into(),
                3,
                "unknown field `msg`",
                "an unknown field of an envelope",
            ),
            (
                "{ envelopes: [\n{ mail: \"\", rcpt: [], message: \"\" }] }".into(),
                2,
                "expected at least one item",
                "no recipient",
            ),
            (
                "{ envelopes: [\n{ mail: \"\", rcpt: [\"c@d.example\"] }] }".into(),
                2,
                "an envelope needs a `message` or a `file`",
                "nothing to send",
            ),
            (
                "{ envelopes: [\n{ mail: \"\", rcpt: [\"c@d.example\"], file: \"a\", subject: \"b\" }] }"
                    .into(),
                2,
                "`file` stands instead of",
                "both",
            ),
            (
                format!("{{\n ehlo: 'a b',\n {envelope} }}"),
                2,
                "\"a b\" is neither a domain name",
                "a space in a command",
            ),
            (
                format!("{{\n protocols: ['SSLv3', 'TLSv1.1'],\n {envelope} }}"),
                2,
                "(found SSLv3, TLSv1.1)",
                "all of them too old",
            ),
            (format!("{{\n port: 'smtp',\n {envelope} }}"), 2, "expected number", "a word for a number"),
            (
                envelope
                    .replace("message", "\nheaders: { 'X Y': 'z' }, message")
                    .replace("envelopes", "{ envelopes")
                    + "}",
                2,
                "\"X Y\" is no name of a header field",
                "a space in a name",
            ),
            (
                envelope
                    .replace("message", "\nheaders: { 'X': 'a\\nBcc: b' }, message")
                    .replace("envelopes", "{ envelopes")
                    + "}",
                2,
                "holds a control character",
                "a second field",
            ),
            (
                envelope
                    .replace("message", "\nsubject: 'a\\r\\nBcc: b', message")
                    .replace("envelopes", "{ envelopes")
                    + "}",
                2,
                "holds a control character",
                "a second field in the subject",
            ),
            ("{ envelopes:\n [] }".into(), 2, "expected at least one item", "no envelope"),
        ] {
            let problem = Case::parse(&text).unwrap_err();
            assert!(problem.to_string().contains(expected), "{why}: {problem}");
            assert_eq!(problem.line, Some(line), "{why}: {problem}");
            assert!(problem.column.is_some(), "{why}: {problem}");
        }
    }
}
