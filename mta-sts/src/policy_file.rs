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
