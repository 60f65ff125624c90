//! The grammar of the policy file (RFC 8461 §3.2).

use std::{collections::BTreeMap, fmt};

use nom::{
    IResult, Parser,
    branch::alt,
    bytes::complete::{take_till, take_while_m_n},
    character::complete::{char, line_ending, satisfy, space0},
    combinator::{eof, recognize},
    sequence::terminated,
};

use crate::{
    lint::{Lint, LintCode},
    mx_pattern::{MxPattern, PatternError},
    policy::{MaxAge, Mode, Policy},
};

/// The largest policy file that is read, in bytes (RFC 8461 §3.3 suggests 64 KiB).
pub const MAX_POLICY_FILE: usize = 64 * 1024;
/// The longest line that is read, in bytes without its end. An `mx` line needs at most some 260.
pub const MAX_LINE: usize = 4096;
/// The most `mx` lines that a policy can have.
pub const MAX_MX_PATTERNS: usize = 1000;
/// The most fields unknown to RFC 8461 that a policy can have.
pub const MAX_EXTENSIONS: usize = 100;

/// A policy and what is odd about its file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Parsed {
    /// The policy.
    pub policy: Policy,
    /// Remarks in the order of the lines; none of them makes the policy invalid.
    pub lints: Vec<Lint>,
}

impl Policy {
    /// Reads a policy file (RFC 8461 §3.2).
    ///
    /// Fields come in any order; unknown ones are kept as extensions; of a repeated field other than `mx` the
    /// first counts. Lines end with LF or CRLF, the last one with either or nothing. Empty lines are ignored, a
    /// `max_age` above [`MaxAge::MAX`] counts as that: refusing the file would only lower security.
    ///
    /// # Errors
    /// A [`PolicyError`] with the place of the first fault.
    ///
    /// ```
    /// let file = b"version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 604800\n";
    /// let policy = mta_sts::Policy::parse(file)?.policy;
    /// assert!(policy.matching("mx1.example.com").is_some());
    /// # Ok::<(), mta_sts::PolicyError>(())
    /// ```
    pub fn parse(file: &[u8]) -> Result<Parsed, PolicyError> {
        if file.len() > MAX_POLICY_FILE {
            return Err(PolicyError { line: 1, column: 1, fault: PolicyFault::TooLarge });
        }
        let text = match std::str::from_utf8(file) {
            Ok(text) => text,
            Err(error) => {
                let valid = String::from_utf8_lossy(file.split_at(error.valid_up_to()).0);
                return Err(PolicyError::behind(&valid, PolicyFault::NotUtf8));
            }
        };
        let at = |rest: &str, fault| {
            PolicyError::behind(text.get(..text.len() - rest.len()).unwrap_or(text), fault)
        };

        let mut draft = Draft::default();
        let mut rest = text;
        let mut number = 0;
        while !rest.is_empty() {
            number += 1;
            let (next, content) = match line(rest) {
                Ok(parsed) => parsed,
                Err(error) => return Err(at(place(rest, error), PolicyFault::LoneCarriageReturn)),
            };
            if content.len() > MAX_LINE {
                return Err(at(rest, PolicyFault::LineTooLong { length: content.len() }));
            }
            draft.line(number, content).map_err(|(column, fault)| PolicyError {
                line: number,
                column,
                fault,
            })?;
            rest = next;
        }
        draft.finish().map_err(|fault| at("", fault))
    }
}

/// Why a policy file is invalid, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PolicyError {
    /// The line, counted from 1. Where a field is missing, the last one.
    pub line: usize,
    /// The character in the line, counted from 1. Where a field is missing, behind the last one.
    pub column: usize,
    /// What is wrong; its text is one sentence without the place.
    pub fault: PolicyFault,
}

impl PolicyError {
    /// The section that the file breaks.
    #[must_use]
    pub fn rfc(&self) -> &'static str {
        if self.fault == PolicyFault::TooLarge { "RFC 8461 3.3" } else { "RFC 8461 3.2" }
    }

    /// A fault found right behind `text`, the start of the file.
    fn behind(text: &str, fault: PolicyFault) -> Self {
        let line = text.rsplit('\n').next().unwrap_or(text);
        Self {
            line: 1 + text.bytes().filter(|byte| *byte == b'\n').count(),
            column: 1 + line.chars().count(),
            fault,
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.fault)
    }
}

impl std::error::Error for PolicyError {}

/// What can be wrong with a policy file.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFault {
    /// The file is larger than [`MAX_POLICY_FILE`].
    #[error("the file has more than {MAX_POLICY_FILE} bytes")]
    TooLarge,
    /// A byte sequence is not UTF-8.
    #[error("this is not UTF-8")]
    NotUtf8,
    /// A carriage return has no line feed behind it.
    #[error("a carriage return stands only before a line feed")]
    LoneCarriageReturn,
    /// A line is longer than [`MAX_LINE`].
    #[error("the line has {length} bytes, more than {MAX_LINE}")]
    LineTooLong {
        /// Bytes found, without the line's end.
        length: usize,
    },
    /// The grammar is broken.
    #[error("{expected} expected")]
    Expected {
        /// What should have stood there.
        expected: &'static str,
    },
    /// A control character, a tab inside a value among them.
    #[error("{found:?} is a control character")]
    Control {
        /// The character found.
        found: char,
    },
    /// The version is not `STSv1`.
    #[error("the version is {found:?}, not `STSv1`")]
    Version {
        /// The value found.
        found: String,
    },
    /// The mode is none of the three.
    #[error("the mode is {found:?}, not `enforce`, `testing` or `none`")]
    Mode {
        /// The value found.
        found: String,
    },
    /// `max_age` is not 1 to 10 digits.
    #[error("`max_age` is {found:?}, not 1 to 10 digits")]
    MaxAge {
        /// The value found.
        found: String,
    },
    /// An `mx` value is no pattern.
    #[error("`mx` is {found:?}: {error}")]
    Mx {
        /// The value found.
        found: String,
        /// What is wrong with it.
        #[source]
        error: PatternError,
    },
    /// There are more than [`MAX_MX_PATTERNS`] `mx` lines.
    #[error("there are more than {MAX_MX_PATTERNS} `mx` lines")]
    TooManyMx,
    /// There are more than [`MAX_EXTENSIONS`] unknown fields.
    #[error("there are more than {MAX_EXTENSIONS} unknown fields")]
    TooManyExtensions,
    /// A field is missing: `version`, `mode`, `max_age`, or `mx` in a mode other than `none`.
    #[error("the policy has no `{field}`")]
    Missing {
        /// The name of the field.
        field: &'static str,
    },
}

/// What the lines read so far say.
#[derive(Default)]
struct Draft<'a> {
    version: bool,
    mode: Option<Mode>,
    max_age: Option<MaxAge>,
    mx: Vec<MxPattern>,
    extensions: Vec<(String, String)>,
    /// The fields seen, and whether a second one of the name was reported.
    seen: BTreeMap<&'a str, bool>,
    blank_line: bool,
    lints: Vec<Lint>,
}

impl<'a> Draft<'a> {
    /// Takes in line `number`. A fault comes with its column.
    fn line(&mut self, number: usize, content: &'a str) -> Result<(), (usize, PolicyFault)> {
        // A sender that refuses the file over an empty line leaves the domain without protection.
        if content.trim_matches(WSP).is_empty() {
            if !std::mem::replace(&mut self.blank_line, true) {
                self.lint(LintCode::BlankLine, number, "the empty line is ignored".to_owned());
            }
            return Ok(());
        }
        let at = |rest: &str, fault| (1 + content.chars().count() - rest.chars().count(), fault);
        let (at_value, key) = match key(content) {
            Ok(parsed) => parsed,
            Err(error) => {
                let rest = place(content, error);
                let expected = if rest.len() == content.len() { "a field name" } else { "`:`" };
                return Err(at(rest, PolicyFault::Expected { expected }));
            }
        };
        let value = at_value.trim_end_matches(WSP);
        if value.is_empty() {
            return Err(at(at_value, PolicyFault::Expected { expected: "a value" }));
        }
        if let Some((position, found)) = value.char_indices().find(|(_, c)| c.is_control()) {
            return Err(at(at_value.get(position..).unwrap_or(at_value), PolicyFault::Control { found }));
        }
        self.field(number, key, value).map_err(|fault| at(at_value, fault))
    }

    fn field(&mut self, number: usize, key: &'a str, value: &str) -> Result<(), PolicyFault> {
        if key == "mx" {
            if self.mx.len() == MAX_MX_PATTERNS {
                return Err(PolicyFault::TooManyMx);
            }
            let pattern = MxPattern::parse(value)
                .map_err(|error| PolicyFault::Mx { found: value.to_owned(), error })?;
            self.mx.push(pattern);
            return Ok(());
        }
        // §3.2: of a repeated field "all entries except for the first" are ignored.
        if let Some(reported) = self.seen.get_mut(key) {
            if !std::mem::replace(reported, true) {
                self.lint(LintCode::DuplicateField, number, format!("only the first `{key}` counts"));
            }
            return Ok(());
        }
        self.seen.insert(key, false);
        match key {
            "version" if value == "STSv1" => self.version = true,
            "version" => return Err(PolicyFault::Version { found: value.to_owned() }),
            "mode" => self.mode = Some(mode(value)?),
            "max_age" => self.max_age = Some(self.max_age(number, value)?),
            _ if self.extensions.len() == MAX_EXTENSIONS => return Err(PolicyFault::TooManyExtensions),
            _ => self.extensions.push((key.to_owned(), value.to_owned())),
        }
        Ok(())
    }

    /// `sts-policy-max-age`: 1 to 10 digits, so that a value above the maximum is still well formed.
    fn max_age(&mut self, number: usize, value: &str) -> Result<MaxAge, PolicyFault> {
        let invalid = || PolicyFault::MaxAge { found: value.to_owned() };
        if value.len() > 10 || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        let seconds: u64 = value.parse().map_err(|_| invalid())?;
        match u32::try_from(seconds) {
            Ok(seconds) if seconds <= MaxAge::MAX.seconds() => Ok(MaxAge(seconds)),
            Ok(_) | Err(_) => {
                self.lint(
                    LintCode::MaxAgeClamped,
                    number,
                    format!("`max_age` {seconds} counts as the maximum, {}", MaxAge::MAX),
                );
                Ok(MaxAge::MAX)
            }
        }
    }

    fn lint(&mut self, code: LintCode, line: usize, message: String) {
        self.lints.push(Lint { code, line, message });
    }

    fn finish(self) -> Result<Parsed, PolicyFault> {
        let missing = |field| PolicyFault::Missing { field };
        if !self.version {
            return Err(missing("version"));
        }
        let mode = self.mode.ok_or(missing("mode"))?;
        let max_age = self.max_age.ok_or(missing("max_age"))?;
        // §3.2: at least one, "unless the mode is none".
        if self.mx.is_empty() && mode != Mode::None {
            return Err(missing("mx"));
        }
        let policy = Policy { mode, max_age, mx: self.mx, extensions: self.extensions };
        Ok(Parsed { policy, lints: self.lints })
    }
}

fn mode(value: &str) -> Result<Mode, PolicyFault> {
    match value {
        "enforce" => Ok(Mode::Enforce),
        "testing" => Ok(Mode::Testing),
        "none" => Ok(Mode::None),
        found => Err(PolicyFault::Mode { found: found.to_owned() }),
    }
}

/// White space in the sense of the grammar.
const WSP: [char; 2] = [' ', '\t'];

/// A line without its end, which is LF, CRLF or the end of the file.
fn line(input: &str) -> IResult<&str, &str> {
    terminated(take_till(|c| c == '\r' || c == '\n'), alt((line_ending, eof))).parse(input)
}

/// `sts-policy-ext-name sts-policy-field-delim`, which the defined fields also begin with.
fn key(input: &str) -> IResult<&str, &str> {
    let name = (
        satisfy(|c| c.is_ascii_alphanumeric()),
        take_while_m_n(0, 31, |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c)),
    );
    terminated(recognize(name), (char(':'), space0)).parse(input)
}

/// Where a parser stopped.
fn place<'a>(input: &'a str, error: nom::Err<nom::error::Error<&'a str>>) -> &'a str {
    match error {
        nom::Err::Error(error) | nom::Err::Failure(error) => error.input,
        nom::Err::Incomplete(_) => input,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str =
        "version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmax_age: 86400\n";

    /// What became of a file, in short: mode, age, patterns and lint codes; or place and kind of the fault.
    fn outcome(file: &[u8]) -> String {
        match Policy::parse(file) {
            Ok(Parsed { policy, lints }) => {
                let mx: Vec<String> = policy.mx().iter().map(MxPattern::to_string).collect();
                let mut text = format!("{} {} {}", policy.mode(), policy.max_age(), mx.join(","));
                for lint in lints {
                    text += &format!(" {}@{}", lint.code, lint.line);
                }
                text
            }
            Err(error) => {
                let kind = format!("{:?}", error.fault);
                let kind = kind.split([' ', '{']).next().unwrap_or_default().to_owned();
                format!("{}:{} {kind}", error.line, error.column)
            }
        }
    }

    #[track_caller]
    fn check(rows: &[(&str, &str, &str)]) {
        for (file, expected, why) in rows {
            assert_eq!(outcome(file.as_bytes()), *expected, "{why}: {file:?}");
        }
    }

    #[test]
    fn sts_17_lines_and_white_space() {
        check(&[
            (GOOD, "enforce 86400 mail.example.com,*.example.net", "LF"),
            (
                "version: STSv1\r\nmode: testing\r\nmx: a.example\r\nmax_age: 1\r\n",
                "testing 1 a.example",
                "CRLF",
            ),
            ("version: STSv1\nmode: none\r\nmax_age: 1", "none 1 ", "mixed ends, none at the last line"),
            (
                "version:STSv1\nmode:\t none\nmax_age:  1\n",
                "none 1 ",
                "white space behind the colon is optional",
            ),
            (
                "version: STSv1 \t\nmode: none\t\r\nmax_age: 1  ",
                "none 1 ",
                "white space at the end of a line",
            ),
            ("max_age: 1\nmode: none\nversion: STSv1\n", "none 1 ", "any order"),
            (
                "version: STSv1\n\nmode: none\n \t\r\nmax_age: 1\n\n",
                "none 1  blank-line@2",
                "decision 19: empty lines are ignored, and named once",
            ),
            ("\r\nversion: STSv1\nmode: none\nmax_age: 1\n", "none 1  blank-line@1", "empty line in front"),
            ("version: STSv1\rmode: none\rmax_age: 1\r", "1:15 LoneCarriageReturn", "CR only"),
            ("version: STSv1\nmode: none\r\r\nmax_age: 1\n", "2:11 LoneCarriageReturn", "a CR too many"),
            (
                "version: STSv1\nmode: none\nmax_age: 1\r",
                "3:11 LoneCarriageReturn",
                "half of a CRLF at the end",
            ),
            ("version : STSv1\n", "1:8 Expected", "white space before the colon"),
            (" version: STSv1\n", "1:1 Expected", "white space before the field"),
            ("\u{feff}version: STSv1\n", "1:1 Expected", "a byte-order mark"),
            ("version: STSv1\nmode: no\0ne\n", "2:9 Control", "NUL"),
            ("version: STSv1\nmode: none\nx: a\tb\n", "3:5 Control", "a tab inside a value"),
            ("version: STSv1\nx: é\u{7f}\n", "2:5 Control", "DEL; columns count characters"),
            ("version: STSv1\nx: a\u{9b}b\n", "2:5 Control", "a control character of Latin-1"),
            ("version: STSv1\nmode: none\nmax_age: 1\n\0", "4:1 Expected", "NUL at the end"),
            ("version\u{3000}: STSv1\n", "1:8 Expected", "a space of another script"),
        ]);
        assert_eq!(outcome(b"version: STSv1\nx: \xc3\xa9\xff\n"), "2:5 NotUtf8", "UTF-8 is checked");
        assert_eq!(outcome(b"\xff\xfev\0"), "1:1 NotUtf8", "UTF-16");
    }

    #[test]
    fn sts_11_sts_12_versions_and_modes() {
        check(&[
            ("mode: none\nmax_age: 1\n", "3:1 Missing", "version is required"),
            ("version: STSv2\nmode: none\nmax_age: 1\n", "1:10 Version", "another version"),
            ("version: stsv1\nmode: none\nmax_age: 1\n", "1:10 Version", "exact case"),
            ("version: STSv1 x\nmode: none\nmax_age: 1\n", "1:10 Version", "the whole value"),
            ("Version: STSv1\nmode: none\nmax_age: 1\n", "4:1 Missing", "field names have exact case"),
            ("version: STSv1\nmode: Enforce\nmax_age: 1\n", "2:7 Mode", "exact case"),
            ("version: STSv1\nmode: doubt\nmax_age: 1\n", "2:7 Mode", "no such mode"),
            ("version: STSv1\nmode: report\nmax_age: 1\n", "2:7 Mode", "a mode of the drafts"),
            ("version: STSv1\nmode:\nmax_age: 1\n", "2:6 Expected", "no value"),
            ("version: STSv1\nmode\nmax_age: 1\n", "2:5 Expected", "no colon"),
            ("version: STSv1\nmax_age: 1\n", "3:1 Missing", "mode is required"),
            ("", "1:1 Missing", "an empty file"),
            ("<html>\n", "1:1 Expected", "something else"),
            ("{\"version\": \"STSv1\"}", "1:1 Expected", "JSON, as in the drafts"),
        ]);
        let html = Policy::parse(b"version: STSv1\n<p>").unwrap_err();
        assert_eq!(html.to_string(), "line 2, column 1: a field name expected");
        assert_eq!(html.rfc(), "RFC 8461 3.2");
    }

    #[test]
    fn sts_13_max_age() {
        for (value, expected, why) in [
            ("0", "none 0 ", "zero"),
            ("31557600", "none 31557600 ", "the maximum"),
            ("31557601", "none 31557600  max-age-clamped@3", "decision 2: clamped"),
            ("9999999999", "none 31557600  max-age-clamped@3", "decision 2: 10 digits"),
            ("0000000001", "none 1 ", "10 digits"),
            ("99999999999", "3:10 MaxAge", "11 digits"),
            ("00000000001", "3:10 MaxAge", "11 digits, whatever their value"),
            ("-1", "3:10 MaxAge", "no sign"),
            ("+1", "3:10 MaxAge", "no sign"),
            ("1e5", "3:10 MaxAge", "no exponent"),
            ("1.0", "3:10 MaxAge", "no fraction"),
            ("1 day", "3:10 MaxAge", "no unit"),
            ("١", "3:10 MaxAge", "digits of ASCII"),
            ("", "3:10 Expected", "no value"),
        ] {
            let file = format!("version: STSv1\nmode: none\nmax_age: {value}\n");
            assert_eq!(outcome(file.as_bytes()), expected, "{why}: {value}");
        }
        assert_eq!(outcome(b"version: STSv1\nmode: none\n"), "3:1 Missing", "max_age is required");
    }

    #[test]
    fn sts_14_sts_15_sts_16_mx() {
        check(&[
            ("version: STSv1\nmode: enforce\nmax_age: 1\n", "4:1 Missing", "enforce needs an mx"),
            ("version: STSv1\nmode: testing\nmax_age: 1\n", "4:1 Missing", "so does testing"),
            ("version: STSv1\nmode: none\nmax_age: 1\n", "none 1 ", "none does not"),
            (
                "version: STSv1\nmode: none\nmax_age: 1\nmx: a.example\n",
                "none 1 a.example",
                "and may have one",
            ),
            ("version: STSv1\nmx: a.example b.example\n", "2:5 Mx", "one a line"),
            ("version: STSv1\nmx: a.example,b.example\n", "2:5 Mx", "one a line"),
            ("version: STSv1\nmx: müller.example\n", "2:5 Mx", "a U-label"),
            ("version: STSv1\nmx:   *.*.example\n", "2:7 Mx", "two wildcards"),
            ("version: STSv1\nmx: mx.example.\n", "2:5 Mx", "a trailing dot"),
            ("version: STSv1\nmx:\n", "2:4 Expected", "no value"),
        ]);
        let error = Policy::parse(b"version: STSv1\nmx: *x.example\n").unwrap_err();
        let message = "line 2, column 5: `mx` is \"*x.example\": \
                       `*` stands only as the whole left-most label, with a domain name behind it";
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn sts_18_sts_19_unknown_and_repeated_fields() {
        check(&[
            (
                "version: STSv1\nmode: none\nmode: enforce\nmode: x\nmax_age: 1\nmax_age: 2\nversion: STSv2\n",
                "none 1  duplicate-field@3 duplicate-field@6 duplicate-field@7",
                "the first counts, whatever the others say",
            ),
            ("version: STSv1\nmode: x\nmode: none\nmax_age: 1\n", "2:7 Mode", "also where it is wrong"),
            (
                "x: 1\nversion: STSv1\ny.z-_: é ü\nmode: none\nmax_age: 1\nx: 2\n",
                "none 1  duplicate-field@6",
                "unknown fields anywhere, their values UTF-8 with spaces inside",
            ),
            ("version: STSv1\nx y: 1\n", "2:2 Expected", "no space in a name"),
            ("version: STSv1\n_x: 1\n", "2:1 Expected", "a name begins with a letter or digit"),
            (
                "version: STSv1\nx234567890123456789012345678901234: 1\n",
                "2:33 Expected",
                "32 characters at most",
            ),
        ]);
        let policy =
            Policy::parse(b"b: 1\nversion: STSv1\na: x: y\nmode: none\nmax_age: 1\nb: 2").unwrap().policy;
        assert_eq!(policy.extensions().collect::<Vec<_>>(), [("b", "1"), ("a", "x: y")]);
    }

    #[test]
    fn sts_26_bounds() {
        let filled = |length: usize| {
            let mut file = GOOD.to_owned();
            while file.len() + 4000 < length {
                file += &format!("x{}: {:y<2$}\n", file.len(), "", 3000);
            }
            let left = length - file.len() - 4;
            file + &format!("z: {:y<1$}\n", "", left)
        };
        assert_eq!(filled(MAX_POLICY_FILE).len(), MAX_POLICY_FILE);
        let good = "enforce 86400 mail.example.com,*.example.net";
        let mx = |count: usize| "mx: a.example\n".repeat(count - 2) + GOOD;
        let extensions =
            |count: usize| (0..count).map(|number| format!("x{number}: y\n")).collect::<String>() + GOOD;
        let line = |length: usize| format!("x: {:y<1$}\n{GOOD}", "", length - 3);
        for (file, expected, why) in [
            (filled(MAX_POLICY_FILE), good, "64 KiB"),
            (filled(MAX_POLICY_FILE + 1), "1:1 TooLarge", "one byte more"),
            (line(MAX_LINE), good, "the longest line"),
            (line(MAX_LINE + 1), "1:1 LineTooLong", "one byte more"),
            (extensions(MAX_EXTENSIONS), good, "the most unknown fields"),
            (extensions(MAX_EXTENSIONS + 1), "101:7 TooManyExtensions", "one more"),
            (mx(MAX_MX_PATTERNS + 1), "1003:5 TooManyMx", "one mx more than there may be"),
        ] {
            assert_eq!(outcome(file.as_bytes()), expected, "{why}");
        }
        let policy = Policy::parse(mx(MAX_MX_PATTERNS).as_bytes()).unwrap().policy;
        assert_eq!(policy.mx().len(), MAX_MX_PATTERNS, "the most mx lines");
        assert_eq!(Policy::parse(filled(MAX_POLICY_FILE + 1).as_bytes()).unwrap_err().rfc(), "RFC 8461 3.3");
    }

    #[test]
    fn sts_34_the_first_matching_pattern_is_named() {
        let file = "version: STSv1\nmode: enforce\nmx: *.example.net\nmx: a.example.net\nmax_age: 1\n";
        let policy = Policy::parse(file.as_bytes()).unwrap().policy;
        let matching = |host| policy.matching(host).map(MxPattern::to_string);
        assert_eq!(matching("A.example.net.").as_deref(), Some("*.example.net"));
        assert_eq!(matching("a.example.com"), None);
    }

    proptest! {
        #[test]
        fn a_damaged_policy_is_read_without_panic(
            at in 0..GOOD.len(),
            remove in 0..4_usize,
            bytes in proptest::collection::vec(any::<u8>(), 0..8),
        ) {
            let mut file = GOOD.as_bytes().to_vec();
            file.splice(at..(at + remove).min(GOOD.len()), bytes);
            if let Err(error) = Policy::parse(&file) {
                let lines = 1 + file.iter().filter(|byte| **byte == b'\n').count();
                prop_assert!((1..=lines).contains(&error.line), "{}", error);
                prop_assert!((1..=file.len() + 1).contains(&error.column), "{}", error);
            }
        }

        #[test]
        fn any_text_is_read_without_panic(text in "(\\PC|[:\r\n\t ]){0,80}") {
            let _ = outcome(text.as_bytes());
        }
    }
}
