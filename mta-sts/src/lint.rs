//! What is odd in a policy file that is valid all the same.

use std::fmt;

/// A remark on a valid policy file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lint {
    /// What kind of remark it is.
    pub code: LintCode,
    /// The line of the file, counted from 1.
    pub line: usize,
    /// The remark in one sentence.
    pub message: String,
}

/// The kinds of remarks; [`LintCode::as_str`] is stable.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum LintCode {
    /// `max_age` is above the maximum and counts as the maximum.
    MaxAgeClamped,
    /// A line is empty; it is ignored. Only the first one is reported.
    BlankLine,
    /// A field other than `mx` stands there again; only its first value counts. Reported once for each field.
    DuplicateField,
}

impl LintCode {
    /// The code as machines read it, e.g. `max-age-clamped`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MaxAgeClamped => "max-age-clamped",
            Self::BlankLine => "blank-line",
            Self::DuplicateField => "duplicate-field",
        }
    }
}

impl fmt::Display for LintCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
