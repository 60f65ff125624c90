//! The message as it travels: only CRLF line ends, dots stuffed (RFC 5321 §2.3.8, §4.5.2).

use std::sync::Arc;

use mxtls_policy::{Failure, FailureCode, MessageFault};

/// A message that no server can take for two: every line ends in CRLF, and there is no NUL. Cheap to clone.
#[derive(Clone, Eq, PartialEq)]
pub struct Message(Arc<[u8]>);

impl Message {
    /// Takes a message whose lines end in CRLF; the last one may lack it.
    ///
    /// # Errors
    /// `message-refused`: a bare CR, a bare LF or a NUL. Servers differ over these, which lets one message smuggle in
    /// another (RFC 5321 §2.3.8). A file with LF line ends is for the caller to convert.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Result<Self, Failure> {
        let bytes = bytes.into();
        match first_fault(&bytes) {
            None => Ok(Self(bytes)),
            Some((line, fault)) => {
                let message = format!("Line {line} of the message holds {fault}.");
                Err(Failure::new(FailureCode::MessageRefused(MessageFault::Smuggling), message)
                    .rfc("RFC 5321 2.3.8"))
            }
        }
    }

    /// The message without dot-stuffing and terminator.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its size in octets as RFC 1870 §3 counts it: with the CRLF of the last line, without stuffed dots.
    pub(crate) fn size(&self) -> usize {
        if self.ends_in_crlf() { self.0.len() } else { self.0.len().saturating_add(2) }
    }

    /// Whether it needs 8BITMIME (RFC 6152).
    pub(crate) fn is_eight_bit(&self) -> bool {
        !self.0.is_ascii()
    }

    /// Whether its header needs SMTPUTF8 (RFC 6531 §3.2). That extension is for UTF-8: octets in an older charset ask for
    /// no more than 8BITMIME does, as they always have.
    pub(crate) fn has_internationalized_header(&self) -> bool {
        let mut header = self.0.split_inclusive(|byte| *byte == b'\n').take_while(|line| *line != b"\r\n");
        header.any(|line| !line.is_ascii() && std::str::from_utf8(line).is_ok())
    }

    /// The message with its dots stuffed (RFC 5321 §4.5.2), in blocks of about 16 KiB.
    pub(crate) fn blocks(&self) -> Blocks<'_> {
        Blocks { rest: &self.0, line_start: true }
    }

    /// What ends the message: exactly CRLF `.` CRLF, of which the message's own last CRLF is part.
    pub(crate) fn terminator(&self) -> &'static [u8] {
        if self.ends_in_crlf() { b".\r\n" } else { b"\r\n.\r\n" }
    }

    fn ends_in_crlf(&self) -> bool {
        // The CRLF that ended DATA stands before an empty message.
        self.0.is_empty() || self.0.ends_with(b"\r\n")
    }
}

/// Logs hold no message content.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({} octets)", self.0.len())
    }
}

/// The blocks of a message.
pub(crate) struct Blocks<'a> {
    rest: &'a [u8],
    line_start: bool,
}

impl Iterator for Blocks<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let (block, rest) = self.rest.split_at_checked(BLOCK).unwrap_or((self.rest, &[]));
        self.rest = rest;
        let mut stuffed = Vec::with_capacity(block.len().saturating_add(64));
        for line in block.split_inclusive(|byte| *byte == b'\n') {
            if self.line_start && line.starts_with(b".") {
                stuffed.push(b'.');
            }
            stuffed.extend_from_slice(line);
            self.line_start = line.ends_with(b"\n");
        }
        (!stuffed.is_empty()).then_some(stuffed)
    }
}

/// The line, from 1, and what is wrong in it.
fn first_fault(bytes: &[u8]) -> Option<(usize, &'static str)> {
    let mut line = 1_usize;
    let mut previous = 0;
    let next = bytes.iter().skip(1).map(Some).chain([None]);
    for (byte, next) in bytes.iter().zip(next) {
        match (*byte, next) {
            (0, _) => return Some((line, "a NUL")),
            (b'\r', Some(b'\n')) => {}
            (b'\r', _) => return Some((line, "a CR without an LF")),
            (b'\n', _) if previous != b'\r' => return Some((line, "an LF without a CR")),
            (b'\n', _) => line = line.saturating_add(1),
            (_, _) => {}
        }
        previous = *byte;
    }
    None
}

const BLOCK: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sent(message: &Message) -> Vec<u8> {
        let mut sent: Vec<u8> = message.blocks().flatten().collect();
        sent.extend_from_slice(message.terminator());
        sent
    }

    #[test]
    fn smtp_02_dots_are_stuffed() {
        for (text, expected, why) in [
            ("", ".\r\n", "an empty message is the dot alone"),
            ("a", "a\r\n.\r\n", "no final CRLF: one is added"),
            ("a\r\n", "a\r\n.\r\n", "the message's own CRLF counts"),
            (".", "..\r\n.\r\n", "a dot alone"),
            (".\r\n", "..\r\n.\r\n", "a line that would end the message"),
            ("..\r\n", "...\r\n.\r\n", "two dots"),
            ("a\r\n.b\r\n", "a\r\n..b\r\n.\r\n", "a dot at the start of a later line"),
            ("a.\r\nb.c\r\n", "a.\r\nb.c\r\n.\r\n", "dots elsewhere stay"),
            ("\r\n", "\r\n.\r\n", "an empty line"),
        ] {
            assert_eq!(sent(&Message::new(text.as_bytes()).unwrap()), expected.as_bytes(), "{why}");
        }
    }

    #[test]
    fn smtp_01_smuggling_is_refused() {
        for (text, why) in [
            ("a\n.\nMAIL", "LF . LF"),
            ("a\r.\rMAIL", "CR . CR"),
            ("a\r\n.\nMAIL", "CRLF . LF"),
            ("a\n.\r\nMAIL", "LF . CRLF"),
            ("a\r\n.\rMAIL", "CRLF . CR"),
            ("a\r.\r\nMAIL", "CR . CRLF"),
            ("a\r\n.\r\r\n", "CR CR LF"),
            ("a\r", "a final CR alone"),
            ("\n", "an LF alone"),
            ("\r", "a CR alone"),
            ("a\n\r\n", "LF CR LF"),
            ("a\0b\r\n", "NUL"),
            ("a\r\n\0.\r\n", "NUL before a dot"),
        ] {
            let failure = Message::new(text.as_bytes()).unwrap_err();
            assert_eq!(failure.code, FailureCode::MessageRefused(MessageFault::Smuggling), "{why}");
            assert_eq!(failure.enhanced_status, "5.6.0", "{why}");
        }
        assert!(Message::new(&b"a\r\nb\nc"[..]).unwrap_err().message.contains("Line 2"));
    }

    #[test]
    fn needs() {
        for (bytes, size, eight_bit, utf8_header, why) in [
            (&b"A: b\r\n\r\nc\r\n"[..], 11, false, false, "ASCII"),
            (b"A: b\r\n\r\nc", 11, false, false, "the CRLF to come counts"),
            (b"A: b\r\n\r\n\xc3\xa4\r\n", 12, true, false, "8-bit body"),
            (b"A: \xc3\xa4\r\n\r\nc\r\n", 12, true, true, "8-bit header"),
            (b"A: \xc3\xa4", 7, true, true, "a header without an end"),
            (
                b"A: \xe4\r\n\r\nc\r\n",
                11,
                true,
                false,
                "RFC 6532 §3.1: not UTF-8, so SMTPUTF8 is of no use to it",
            ),
            (b"A: \xe4\r\nB: \xc3\xa4\r\n\r\n", 15, true, true, "one field is not UTF-8, another is"),
            (b"\r\n.a\r\n", 6, false, false, "a stuffed dot does not count"),
        ] {
            let message = Message::new(bytes).unwrap();
            let got = (message.size(), message.is_eight_bit(), message.has_internationalized_header());
            assert_eq!(got, (size, eight_bit, utf8_header), "{why}");
        }
    }

    /// What a server takes out of the stream: everything up to the first CRLF.CRLF, unstuffed.
    fn received(stream: &[u8]) -> Option<(Vec<u8>, &[u8])> {
        let mut message = vec![];
        let mut rest = stream;
        loop {
            let end = rest.windows(2).position(|pair| pair == b"\r\n")? + 2;
            let line = &rest[..end];
            rest = &rest[end..];
            if line == b".\r\n" {
                return Some((message, rest));
            }
            message.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        }
    }

    proptest! {
        #[test]
        fn what_arrives_is_what_was_sent(lines in proptest::collection::vec("[.a\\x80-\\xff]{0,4}", 0..20), big in 0_usize..3) {
            let mut text = lines.join("\r\n") + "\r\n";
            // Lines and dots across the borders of blocks.
            text += &".\r\n".repeat(big * 8 * 1024);
            let message = Message::new(text.clone().into_bytes()).unwrap();
            let stream = sent(&message);
            let (arrived, rest) = received(&stream).unwrap();
            prop_assert_eq!(arrived, text.into_bytes());
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn any_bytes_are_taken_or_refused(bytes in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'.'), any::<u8>()], 0..64)) {
            if let Ok(message) = Message::new(bytes) {
                let stream = sent(&message);
                let (_, rest) = received(&stream).unwrap();
                prop_assert!(rest.is_empty());
            }
        }
    }
}
