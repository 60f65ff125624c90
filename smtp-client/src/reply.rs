//! Replies of a server (RFC 5321 §4.2), read from bytes as they come.

/// A whole reply.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Reply {
    code: u16,
    /// What follows the code on each line; never empty.
    lines: Vec<String>,
}

/// What a code asks for: its first digit (RFC 5321 §4.2.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Class {
    /// 2yz
    Done,
    /// 3yz
    GoOn,
    /// 4yz
    NotNow,
    /// 5yz
    Never,
}

/// Why bytes are no reply. The session cannot go on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ReplyError {
    #[error("a line does not begin with a code of three digits, from 200 to 599")]
    NoCode,
    #[error("the lines of one reply have different codes, {0} and {1}")]
    CodesDiffer(u16, u16),
    #[error("a line is longer than {MAX_LINE} octets")]
    LineTooLong,
    #[error("a reply has more than {MAX_LINES} lines")]
    TooManyLines,
    #[error("a reply is longer than {MAX_REPLY} octets")]
    TooLong,
}

impl ReplyError {
    /// Whether it is about size, not syntax.
    pub(crate) fn is_length(self) -> bool {
        match self {
            Self::NoCode | Self::CodesDiffer(..) => false,
            Self::LineTooLong | Self::TooManyLines | Self::TooLong => true,
        }
    }
}

/// Bytes received and not yet taken as a reply.
#[derive(Debug, Default)]
pub(crate) struct ReplyBuffer {
    /// What came after the last whole line.
    pending: Vec<u8>,
    code: Option<u16>,
    lines: Vec<String>,
    /// Octets of `lines`, with their ends.
    octets: usize,
}

impl ReplyBuffer {
    /// Adds what was received. Bounded by one read beyond the limits, because [`next`](Self::next) is asked after each.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// Whether every byte received so far belongs to a reply that was taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.lines.is_empty()
    }

    /// Takes the next whole reply; `None` where more bytes are needed.
    pub(crate) fn next(&mut self) -> Result<Option<Reply>, ReplyError> {
        let mut taken = 0;
        let mut reply = None;
        // LF alone ends a line as well: there are such servers, and nothing rests on the difference.
        while let Some(length) = self.unread(taken).iter().position(|byte| *byte == b'\n') {
            let line = self.unread(taken).get(..length).unwrap_or_default().to_vec();
            taken = taken.saturating_add(length).saturating_add(1);
            if self.line(&line)? {
                reply = self.code.take().map(|code| Reply { code, lines: std::mem::take(&mut self.lines) });
                self.octets = 0;
                break;
            }
        }
        self.pending.drain(..taken);
        if reply.is_none() && self.pending.len() > MAX_LINE {
            return Err(ReplyError::LineTooLong);
        }
        Ok(reply)
    }

    fn unread(&self, taken: usize) -> &[u8] {
        self.pending.get(taken..).unwrap_or_default()
    }

    /// Adds a line without its LF; true where it is the last of its reply.
    fn line(&mut self, line: &[u8]) -> Result<bool, ReplyError> {
        if line.len() > MAX_LINE {
            return Err(ReplyError::LineTooLong);
        }
        self.octets = self.octets.saturating_add(line.len()).saturating_add(1);
        if self.octets > MAX_REPLY {
            return Err(ReplyError::TooLong);
        }
        let (code, more, text) = parse_line(line.strip_suffix(b"\r").unwrap_or(line))?;
        match self.code {
            Some(first) if first != code => return Err(ReplyError::CodesDiffer(first, code)),
            Some(_) | None => self.code = Some(code),
        }
        if self.lines.len() >= MAX_LINES {
            return Err(ReplyError::TooManyLines);
        }
        self.lines.push(printable(text));
        Ok(!more)
    }
}

impl Reply {
    pub(crate) fn code(&self) -> u16 {
        self.code
    }

    pub(crate) fn class(&self) -> Class {
        match self.code {
            ..300 => Class::Done,
            300..400 => Class::GoOn,
            400..500 => Class::NotNow,
            500.. => Class::Never,
        }
    }

    /// What follows the code on each line.
    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// The enhanced status code (RFC 2034 §4), where its class is that of the code.
    pub(crate) fn enhanced_status(&self) -> Option<&str> {
        self.lines.first().and_then(|line| self.split_status(line)).map(|(status, _)| status)
    }

    /// The text of all lines without the enhanced status codes, cut after [`MAX_TEXT`] characters.
    pub(crate) fn text(&self) -> String {
        let text =
            self.lines.iter().map(|line| self.split_status(line).map_or(line.as_str(), |(_, text)| text));
        text.collect::<Vec<_>>().join(" ").trim().chars().take(MAX_TEXT).collect()
    }

    fn split_status<'a>(&self, line: &'a str) -> Option<(&'a str, &'a str)> {
        let (status, text) = line.split_once(' ').unwrap_or((line, ""));
        let mut parts = status.split('.');
        let class = parts.next()? == (self.code / 100).to_string();
        let number =
            |part: &str| matches!(part.len(), 1..=3) && part.bytes().all(|byte| byte.is_ascii_digit());
        let rest =
            parts.next().is_some_and(number) && parts.next().is_some_and(number) && parts.next().is_none();
        (class && rest).then_some((status, text))
    }
}

/// The code, whether more lines follow, and the text. A missing text is as good as one (RFC 5321 §4.2).
fn parse_line(line: &[u8]) -> Result<(u16, bool, &[u8]), ReplyError> {
    let (code, rest) = line.split_at_checked(3).ok_or(ReplyError::NoCode)?;
    let [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9'] = code else {
        return Err(ReplyError::NoCode);
    };
    let code = code.iter().fold(0_u16, |code, digit| {
        code.saturating_mul(10).saturating_add(u16::from(digit.saturating_sub(b'0')))
    });
    match rest {
        [b'-', text @ ..] => Ok((code, true, text)),
        [b' ', text @ ..] => Ok((code, false, text)),
        [b'0'..=b'9', ..] => Err(ReplyError::NoCode),
        text => Ok((code, false, text)),
    }
}

/// A server's words end up on terminals and in logs: they move no cursor there.
fn printable(text: &[u8]) -> String {
    String::from_utf8_lossy(text)
        .chars()
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect()
}

/// RFC 5321 §4.5.3.1.5 asks for 512; servers exceed it, honest ones not by this much.
const MAX_LINE: usize = 4 * 1024;
const MAX_LINES: usize = 256;
const MAX_REPLY: usize = 64 * 1024;
/// Each recipient keeps the text: a server must not multiply what it sends by their number.
const MAX_TEXT: usize = 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(bytes: &[u8]) -> Result<Option<Reply>, ReplyError> {
        let mut buffer = ReplyBuffer::default();
        buffer.extend(bytes);
        buffer.next()
    }

    fn reply(code: u16, lines: &[&str]) -> Result<Option<Reply>, ReplyError> {
        Ok(Some(Reply { code, lines: lines.iter().map(|line| (*line).to_owned()).collect() }))
    }

    #[test]
    fn smtp_04_05_06_replies() {
        use ReplyError::{CodesDiffer, NoCode};
        for (bytes, expected, why) in [
            (&b"250 ok\r\n"[..], reply(250, &["ok"]), "plain"),
            (b"250\r\n", reply(250, &[""]), "SMTP-04: no text"),
            (b"250 \r\n", reply(250, &[""]), "SMTP-04: an empty text"),
            (b"250ok\r\n", reply(250, &["ok"]), "SMTP-04: a missing space"),
            (b"250 ok\n", reply(250, &["ok"]), "LF alone"),
            (b"250-a\r\n250-b\r\n250 c\r\n", reply(250, &["a", "b", "c"]), "SMTP-06: several lines"),
            (b"250-a\r\n250\r\n", reply(250, &["a", ""]), "SMTP-06: a bare last line"),
            (b"299 x\r\n", reply(299, &["x"]), "SMTP-05: an unknown code"),
            (b"571 x\r\n", reply(571, &["x"]), "SMTP-05: an unknown second digit"),
            (b"250 a\x1b[2Jb\r\n", reply(250, &["a\u{fffd}[2Jb"]), "no terminal controls"),
            (b"250 \xff\r\n", reply(250, &["\u{fffd}"]), "not UTF-8"),
            (b"250", Ok(None), "not whole"),
            (b"250-a\r\n", Ok(None), "more lines are to come"),
            (b"", Ok(None), "nothing"),
            (b"199 x\r\n", Err(NoCode), "SMTP-05: first digit out of range"),
            (b"600 x\r\n", Err(NoCode), "SMTP-05: first digit out of range"),
            (b"2500 x\r\n", Err(NoCode), "four digits"),
            (b"25\r\n", Err(NoCode), "two digits"),
            (b"\r\n", Err(NoCode), "an empty line"),
            (b"ok\r\n", Err(NoCode), "no code"),
            (b"250-a\r\n251 b\r\n", Err(CodesDiffer(250, 251)), "SMTP-06: different codes"),
            (b"250-a\r\nb\r\n", Err(NoCode), "SMTP-06: a line without a code"),
        ] {
            assert_eq!(parse(bytes), expected, "{why}");
        }
    }

    #[test]
    fn smtp_06_dev13_dev14_bounds() {
        let line = |length: usize| [b"250 ".as_slice(), &vec![b'x'; length - 5], b"\r\n"].concat();
        let lines = |count: usize| ["250-x\r\n".repeat(count - 1).as_bytes(), b"250 x\r\n"].concat();
        let wide = |count: usize| {
            let line = format!("250-{}\r\n", "x".repeat(994));
            [line.repeat(count).as_bytes(), b"250 x\r\n"].concat()
        };
        for (bytes, expected, why) in [
            (line(MAX_LINE), None, "the longest line"),
            (line(MAX_LINE + 1), Some(ReplyError::LineTooLong), "one octet more"),
            (vec![b'2'; MAX_LINE + 1], Some(ReplyError::LineTooLong), "a line that never ends"),
            (vec![b'x'; 3 * 1024 * 1024], Some(ReplyError::LineTooLong), "dev14"),
            (lines(MAX_LINES), None, "the most lines"),
            (lines(MAX_LINES + 1), Some(ReplyError::TooManyLines), "one line more"),
            (lines(20_000), Some(ReplyError::TooManyLines), "dev13"),
            (wide(65), None, "almost the longest reply"),
            (wide(66), Some(ReplyError::TooLong), "too long a reply"),
        ] {
            assert_eq!(parse(&bytes).err(), expected, "{why}");
        }
    }

    #[test]
    fn what_follows_a_reply_stays() {
        let mut buffer = ReplyBuffer::default();
        buffer.extend(b"220 a\r\n250 b\r\n25");
        assert_eq!(buffer.next(), reply(220, &["a"]));
        assert_eq!(buffer.next(), reply(250, &["b"]));
        assert_eq!(buffer.next(), Ok(None));
        assert!(!buffer.is_empty());
        buffer.extend(b"0 c\r\n");
        assert_eq!(buffer.next(), reply(250, &["c"]));
        assert!(buffer.is_empty());
    }

    #[test]
    fn enhanced_status_codes() {
        for (bytes, status, text, why) in [
            (&b"250 2.0.0 queued\r\n"[..], Some("2.0.0"), "queued", "plain"),
            (b"550-5.1.1 no\r\n550 5.1.1 body\r\n", Some("5.1.1"), "no body", "on each line"),
            (b"550 5.7.509 no\r\n", Some("5.7.509"), "no", "three digits"),
            (b"250 2.0.0\r\n", Some("2.0.0"), "", "no text"),
            (b"550 4.1.1 no\r\n", None, "4.1.1 no", "RFC 2034 §4: the class is not the code's"),
            (b"550 5.1 no\r\n", None, "5.1 no", "two parts"),
            (b"550 5.1.1.1 no\r\n", None, "5.1.1.1 no", "four parts"),
            (b"550 5.1.1000 no\r\n", None, "5.1.1000 no", "four digits"),
            (b"550 +5.1.1 no\r\n", None, "+5.1.1 no", "a sign is no digit"),
            (b"550 05.1.1 no\r\n", None, "05.1.1 no", "two digits of class"),
            (b"550 no\r\n", None, "no", "none"),
        ] {
            let reply = parse(bytes).unwrap().unwrap();
            assert_eq!((reply.enhanced_status(), reply.text().as_str()), (status, text), "{why}");
        }
    }

    #[test]
    fn a_text_is_kept_for_many_recipients_and_so_is_short() {
        let line = format!("550-5.1.1 {}\r\n", "\x07".repeat(900));
        let bytes = [line.repeat(60).as_bytes(), b"550 5.1.1 x\r\n"].concat();
        let reply = parse(&bytes).unwrap().unwrap();
        assert_eq!(reply.enhanced_status(), Some("5.1.1"));
        assert_eq!(reply.text().chars().count(), MAX_TEXT);
    }

    proptest! {
        #[test]
        fn segments_do_not_matter(bytes in "(2|3|5|-| |x|\r\n){0,40}", cut in 0_usize..40) {
            let bytes = bytes.into_bytes();
            let cut = cut.min(bytes.len());
            let mut whole = ReplyBuffer::default();
            whole.extend(&bytes);
            let mut parts = ReplyBuffer::default();
            parts.extend(&bytes[..cut]);
            let first = parts.next();
            parts.extend(&bytes[cut..]);
            let in_parts = if first == Ok(None) { parts.next() } else { first };
            prop_assert_eq!(in_parts, whole.next());
        }

        #[test]
        fn any_bytes_are_bounded(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..2048), 0..8)) {
            let mut buffer = ReplyBuffer::default();
            for chunk in chunks {
                buffer.extend(&chunk);
                loop {
                    match buffer.next() {
                        Ok(Some(reply)) => prop_assert!((200..600).contains(&reply.code())),
                        Ok(None) => break,
                        Err(_) => return Ok(()),
                    }
                }
                prop_assert!(buffer.pending.len() <= MAX_LINE);
            }
        }
    }
}
