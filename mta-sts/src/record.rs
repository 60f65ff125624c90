//! The TXT record at `_mta-sts.<domain>` (RFC 8461 §3.1).

use nom::{
    IResult, Parser,
    bytes::complete::{tag, take_while_m_n, take_while1},
    character::complete::{char, satisfy, space0},
    combinator::recognize,
    sequence::{delimited, terminated},
};

/// The longest record that is read, in bytes. The id has at most 32; the rest is room for extensions.
pub const MAX_RECORD: usize = 4096;

/// A valid `_mta-sts` record: it says that the domain has a policy, and which version of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StsRecord {
    text: String,
    id: String,
    extensions: Vec<(String, String)>,
}

impl StsRecord {
    /// Reads one TXT record, its character-strings joined without anything between them (RFC 8461 §3.1).
    ///
    /// White space before the first `;` is accepted, as the grammar has it. The version is compared exactly and
    /// comes first. Of fields with the same name the first counts (§3.2).
    ///
    /// # Errors
    /// Any [`RecordError`] but [`RecordError::Multiple`].
    ///
    /// ```
    /// let record = mta_sts::StsRecord::parse(b"v=STSv1; id=20160831085700Z;")?;
    /// assert_eq!(record.id(), "20160831085700Z");
    /// # Ok::<(), mta_sts::RecordError>(())
    /// ```
    pub fn parse(txt: &[u8]) -> Result<Self, RecordError> {
        let Ok((_, _)) = candidate(txt) else { return Err(RecordError::NotSts) };
        if txt.len() > MAX_RECORD {
            return Err(RecordError::TooLong { length: txt.len() });
        }
        let text = match std::str::from_utf8(txt) {
            Ok(text) => text,
            Err(error) => return Err(RecordError::Syntax { offset: error.valid_up_to(), expected: "ASCII" }),
        };
        let syntax = |rest: &str, expected| RecordError::Syntax { offset: text.len() - rest.len(), expected };

        let mut id = None;
        let mut extensions: Vec<(String, String)> = Vec::new();
        let mut rest = text.strip_prefix(VERSION).unwrap_or(text);
        while !rest.is_empty() {
            let Ok((behind, _)) = delimiter(rest) else { return Err(syntax(rest, "`;`")) };
            if behind.is_empty() {
                break;
            }
            let Ok((at_value, name)) = field_name(behind) else { return Err(syntax(behind, "`name=`")) };
            let (behind, value) = match field_value(at_value) {
                Ok(parsed) => parsed,
                Err(_) if name == "id" => (at_value, ""),
                Err(_) => return Err(syntax(at_value, "a value")),
            };
            if name == "id" {
                id.get_or_insert(value);
            } else if extensions.iter().all(|(known, _)| known != name) {
                extensions.push((name.to_owned(), value.to_owned()));
            }
            rest = behind;
        }
        let id = id.ok_or(RecordError::MissingId)?;
        if !(1..=32).contains(&id.len()) || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(RecordError::InvalidId { found: id.to_owned() });
        }
        Ok(Self { text: text.to_owned(), id: id.to_owned(), extensions })
    }

    /// The version of the policy: 1 to 32 ASCII letters and digits. It changes whenever the policy does.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Fields that RFC 8461 does not define, as name and value, in the order of the record.
    pub fn extensions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.extensions.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The record as it was published.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Chooses the record among all TXT records found at `_mta-sts.<domain>` (RFC 8461 §3.1).
///
/// Each element is one record, its character-strings joined. Records that do not begin with `v=STSv1`, optional
/// white space and `;` are somebody else's and count for nothing; where none is left, the domain announces no
/// policy: `Ok(None)`.
///
/// # Errors
/// [`RecordError::Multiple`] where more than one candidate is left, even if only one of them is well formed; else
/// what is wrong with the only one. Either way no policy is announced in DNS; a cached one still applies (§3.3).
pub fn select_record(txts: &[Vec<u8>]) -> Result<Option<StsRecord>, RecordError> {
    let mut candidates = txts.iter().filter(|txt| candidate(txt).is_ok());
    match (candidates.next(), candidates.count()) {
        (None, _) => Ok(None),
        (Some(txt), 0) => StsRecord::parse(txt).map(Some),
        (Some(_), others) => Err(RecordError::Multiple { candidates: others + 1 }),
    }
}

/// Why TXT records announce no policy (RFC 8461 §3.1).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The record does not begin with `v=STSv1` and a `;`.
    #[error("the record does not begin with `v=STSv1;`")]
    NotSts,
    /// There must be exactly one record.
    #[error("there are {candidates} records that begin with `v=STSv1;`, not one")]
    Multiple {
        /// Records that begin with `v=STSv1;`.
        candidates: usize,
    },
    /// The record is longer than [`MAX_RECORD`].
    #[error("the record has {length} bytes, more than {MAX_RECORD}")]
    TooLong {
        /// Bytes found.
        length: usize,
    },
    /// The grammar is broken.
    #[error("{expected} expected at byte {offset}")]
    Syntax {
        /// Where, in bytes from the start of the record.
        offset: usize,
        /// What should have stood there.
        expected: &'static str,
    },
    /// There is no field `id`.
    #[error("the record has no `id`")]
    MissingId,
    /// The id is not 1 to 32 ASCII letters and digits.
    #[error("the id {found:?} is not 1 to 32 letters and digits")]
    InvalidId {
        /// The value found.
        found: String,
    },
}

impl RecordError {
    /// The section that the record breaks.
    #[must_use]
    pub fn rfc(&self) -> &'static str {
        "RFC 8461 3.1"
    }
}

const VERSION: &str = "v=STSv1";

/// The start that makes a TXT record one of ours, well formed or not.
fn candidate(txt: &[u8]) -> IResult<&[u8], ()> {
    (tag(VERSION.as_bytes()), space0, tag(&b";"[..])).map(|_| ()).parse(txt)
}

/// `sts-field-delim = *WSP ";" *WSP`
fn delimiter(input: &str) -> IResult<&str, char> {
    delimited(space0, char(';'), space0).parse(input)
}

/// `sts-ext-name "="`, which the names of the defined fields are also made of.
fn field_name(input: &str) -> IResult<&str, &str> {
    let name = (
        satisfy(|c| c.is_ascii_alphanumeric()),
        take_while_m_n(0, 31, |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c)),
    );
    terminated(recognize(name), char('=')).parse(input)
}

/// `sts-ext-value`: visible ASCII but `=` and `;`.
fn field_value(input: &str) -> IResult<&str, &str> {
    take_while1(|c: char| c.is_ascii_graphic() && c != '=' && c != ';').parse(input)
}
