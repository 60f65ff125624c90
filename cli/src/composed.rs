//! Messages: read from a file as they stand, or composed from a subject and a text.

use std::{collections::BTreeMap, fs, path::Path};

use mail_builder::{
    MessageBuilder,
    headers::{HeaderType, address::Address, raw::Raw, text::Text},
    mime::make_boundary,
};
use mxtls_policy::Failure;
use mxtls_smtp_client::{Mailbox, Message};

use crate::{
    case_file::{CaseEnvelope, Content},
    header_field::{FieldName, FieldValue},
    problem::Problem,
};

/// The message of an envelope, or why it bounces: no server can be given it. Lines that end in LF, as files and texts
/// have them, end in CRLF (RFC 5321 §2.3.8).
///
/// # Errors
/// There is no message: its file cannot be read, or it cannot be composed.
pub(crate) fn message(envelope: &CaseEnvelope, ehlo: &str) -> Result<Result<Message, Failure>, Problem> {
    let travelling = |bytes: &[u8]| Message::new(with_crlf(bytes));
    match &envelope.content {
        Content::File(file) => Ok(travelling(&read(file)?)),
        Content::Text { subject, message, headers } => {
            let whole =
                compose(envelope.mail.as_ref(), &envelope.rcpt, subject.as_ref(), message, headers, ehlo)?;
            // The failure of the text alone counts lines as they were written, without the header above them.
            Ok(travelling(&whole).map_err(|failure| travelling(message.as_bytes()).err().unwrap_or(failure)))
        }
    }
}

/// A message as it stands.
fn read(file: &Path) -> Result<Vec<u8>, Problem> {
    fs::read(file).map_err(|error| Problem::new(format!("cannot be read: {error}")).in_file(file))
}

fn compose(
    mail: Option<&Mailbox>,
    rcpt: &[Mailbox],
    subject: Option<&FieldValue>,
    text: &str,
    headers: &BTreeMap<FieldName, FieldValue>,
    ehlo: &str,
) -> Result<Vec<u8>, Problem> {
    let given = |name: &str| headers.keys().any(|header| header.is(name));
    let address = |mailbox: &str| Address::new_address(None::<&str>, mailbox.to_owned());
    let mut builder = MessageBuilder::new();
    if !given("Message-ID") {
        builder = builder.message_id(format!("{}@{ehlo}", make_boundary(".")));
    }
    if !given("From") {
        // A message without a sender says that the mail system itself sends it (RFC 5321 §4.5.5).
        let from = mail.map_or_else(|| format!("MAILER-DAEMON@{ehlo}"), ToString::to_string);
        builder = builder.from(address(&from));
    }
    if !given("To") {
        let to = rcpt.iter().map(|mailbox| address(mailbox.as_str())).collect();
        builder = builder.to(Address::new_list(to));
    }
    if let (Some(subject), false) = (subject, given("Subject")) {
        builder = builder.subject(subject.as_str());
    }
    for (name, value) in headers {
        let value = value.as_str();
        // What is ASCII stands as it was written: an encoded word could not be read in every field (RFC 2047 §5).
        let value: HeaderType<'_> =
            if value.is_ascii() { Raw::new(value).into() } else { Text::new(value).into() };
        builder = builder.header(canonical(name), value);
    }
    builder
        .text_body(text)
        .write_to_vec()
        .map_err(|error| Problem::new(format!("the message cannot be composed: {error}")))
}

/// The names that the builder looks for, so that it adds no second field.
fn canonical(name: &FieldName) -> &str {
    let known = ["Date", "Message-ID", "MIME-Version"];
    known.into_iter().find(|known| name.is(known)).unwrap_or(name.as_str())
}

fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut converted = Vec::with_capacity(bytes.len().saturating_add(64));
    let mut previous = 0;
    for byte in bytes {
        if *byte == b'\n' && previous != b'\r' {
            converted.push(b'\r');
        }
        converted.push(*byte);
        previous = *byte;
    }
    converted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composed(subject: &str, text: &str, headers: &[(&str, &str)]) -> Result<String, Failure> {
        let field = |(name, value): &(&str, &str)| {
            (FieldName::parse(name).unwrap(), FieldValue::parse(value).unwrap())
        };
        let subject = FieldValue::parse(subject).unwrap();
        let envelope = CaseEnvelope {
            mail: Some("a@d.example".parse().unwrap()),
            rcpt: vec!["b@d.example".parse().unwrap(), "c@d.example".parse().unwrap()],
            content: Content::Text {
                subject: Some(subject),
                message: text.to_owned(),
                headers: headers.iter().map(field).collect(),
            },
        };
        let message = message(&envelope, "me.example").unwrap()?;
        Ok(String::from_utf8(message.as_bytes().to_vec()).unwrap())
    }

    #[test]
    fn line_ends() {
        for (bytes, expected, why) in [
            ("a\nb\n", "a\r\nb\r\n", "LF"),
            ("a\r\nb\r\n", "a\r\nb\r\n", "CRLF stays"),
            ("a\r\nb\n", "a\r\nb\r\n", "both"),
            ("a\rb\n", "a\rb\r\n", "a bare CR stays, to be refused"),
            ("\n", "\r\n", "an empty line"),
            ("", "", "nothing"),
        ] {
            assert_eq!(with_crlf(bytes.as_bytes()), expected.as_bytes(), "{why}");
        }
    }

    #[test]
    fn a_composed_message_has_its_fields_and_is_ascii() {
        let message = composed("Grüße", "Zeile eins: ä\nZeile zwei\n", &[("X-Note", "yes")]).unwrap();
        assert!(message.is_ascii(), "{message}");
        for field in [
            "Date: ",
            "Message-ID: <",
            "From: <a@d.example>",
            "To: <b@d.example>, <c@d.example>",
            "Subject: =?utf-8?",
            "X-Note: yes",
            "MIME-Version: 1.0",
        ] {
            let found =
                message.split("\r\n").filter(|line| line.to_lowercase().starts_with(&field.to_lowercase()));
            assert_eq!(found.count(), 1, "{field}: {message}");
        }
        assert!(message.contains("@me.example>"), "the Message-ID names the sender: {message}");
    }

    #[test]
    fn given_fields_replace_ours() {
        let given = [
            ("subject", "mine"),
            ("DATE", "Thu, 1 Jan 1970 00:00:00 +0000"),
            ("from", "x@y.example"),
            ("message-id", "<1@y>"),
        ];
        let message = composed("ours", "", &given).unwrap().to_lowercase();
        for field in ["subject: mine", "date: thu, 1 jan", "from: x@y", "message-id: <1@y>"] {
            assert_eq!(message.matches(field).count(), 1, "{field}: {message}");
        }
        for field in ["\r\nsubject:", "\r\ndate:", "\r\nfrom:", "message-id:"] {
            assert!(message.matches(field).count() <= 1, "{field}: {message}");
        }
        assert!(!message.contains("ours"), "{message}");
    }

    #[test]
    fn lines_are_counted_as_they_were_written() {
        let failure = composed("s", "a\nb\rc\n", &[("X-Note", "yes")]).unwrap_err();
        assert_eq!(failure.message, "Line 2 of the message holds a CR without an LF.");
    }

    #[test]
    fn odd_line_ends_in_a_text_are_encoded_or_refused() {
        for text in ["a\rb", "a\r\rb\r\n", "\r", "a\0b"] {
            if let Ok(message) = composed("s", text, &[]) {
                assert!(!message.replace("\r\n", "").contains(['\r', '\n', '\0']), "{text:?}: {message:?}");
            }
        }
    }
}
