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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SYNTAX: Result<&str, &str> = Err("syntax");

    fn kind(error: &RecordError) -> &'static str {
        match error {
            RecordError::NotSts => "not STS",
            RecordError::Multiple { .. } => "multiple",
            RecordError::TooLong { .. } => "too long",
            RecordError::Syntax { .. } => "syntax",
            RecordError::MissingId => "missing id",
            RecordError::InvalidId { .. } => "invalid id",
        }
    }

    fn outcome(txt: &[u8]) -> Result<String, &'static str> {
        StsRecord::parse(txt).map(|record| record.id).map_err(|error| kind(&error))
    }

    #[test]
    fn sts_02_sts_03_sts_05_sts_18_records() {
        let longest = format!("v=STSv1; id={};", "a1".repeat(16));
        let too_long = format!("v=STSv1; id={};", "a".repeat(33));
        for (text, expected, why) in [
            ("v=STSv1; id=20160831085700Z;", Ok("20160831085700Z"), "the RFC's example"),
            ("v=STSv1;id=1", Ok("1"), "neither white space nor the last `;` is needed"),
            ("v=STSv1 ;id=1", Ok("1"), "decision 1: the grammar allows white space before `;`"),
            ("v=STSv1\t ;\t id=1 \t; ", Ok("1"), "white space is spaces and tabs, around every `;`"),
            ("v=STSv1; a=b; id=1; c.d-e_f=x:/@!;", Ok("1"), "unknown fields, in any order"),
            ("v=STSv1; id=1; id=2;", Ok("1"), "of a repeated field the first counts"),
            ("v=STSv1; id=1; id=a-b;", Ok("1"), "the second id is ignored whatever it says"),
            (&longest, Ok("a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"), "32 characters are the most"),
            (&too_long, Err("invalid id"), "33 are too many"),
            ("v=STSv1; id=;", Err("invalid id"), "an id has at least one character"),
            ("v=STSv1; id=a-b;", Err("invalid id"), "letters and digits only"),
            ("v=STSv1; id=a_b; id=1;", Err("invalid id"), "the first id counts, and is wrong"),
            ("v=STSv1; ID=1;", Err("missing id"), "names are compared exactly"),
            ("v=STSv1;", Err("missing id"), "an id is required"),
            ("v=STSv1", Err("not STS"), "a `;` is required"),
            ("v=STSv1 id=1;", Err("not STS"), "a `;` is required"),
            ("v=STSv10; id=1;", Err("not STS"), "the version is the whole token"),
            ("v=STSv2; id=1;", Err("not STS"), "another version"),
            ("v=stsv1; id=1;", Err("not STS"), "the version is compared exactly"),
            ("V=STSv1; id=1;", Err("not STS"), "so is its name"),
            (" v=STSv1; id=1;", Err("not STS"), "nothing stands before the version"),
            ("v = STSv1; id=1;", Err("not STS"), "no white space around `=`"),
            ("id=1; v=STSv1;", Err("not STS"), "the version comes first"),
            ("\u{feff}v=STSv1; id=1;", Err("not STS"), "a byte-order mark is no white space"),
            ("", Err("not STS"), "an empty record"),
            ("v=STSv1;; id=1;", SYNTAX, "no empty field"),
            ("v=STSv1; id=1;;", SYNTAX, "no empty field at the end"),
            ("v=STSv1; id =1;", SYNTAX, "no white space before `=`"),
            ("v=STSv1; id= 1;", Err("syntax"), "no white space behind `=`"),
            ("v=STSv1; id=1 ", SYNTAX, "white space at the end only behind a `;`"),
            ("v=STSv1; id=1 2;", SYNTAX, "no white space inside a value"),
            ("v=STSv1; id=1=2;", SYNTAX, "no `=` inside a value"),
            ("v=STSv1; id=1; a=;", SYNTAX, "an extension has a value"),
            ("v=STSv1; id=1; a;", SYNTAX, "a field is a name and a value"),
            ("v=STSv1; id=1; _a=b;", SYNTAX, "a name begins with a letter or digit"),
            (
                "v=STSv1; id=1; a23456789012345678901234567890123=b",
                SYNTAX,
                "a name has at most 32 characters",
            ),
            ("v=STSv1; id=1; a=\u{e9};", SYNTAX, "ASCII only"),
            ("v=STSv1; id=1\0;", SYNTAX, "no control characters"),
            ("v=STSv1;\r\n id=1;", SYNTAX, "line ends are no white space"),
        ] {
            let found = outcome(text.as_bytes());
            assert_eq!(found.as_deref().map_err(|kind| *kind), expected, "{why}: {text:?}");
        }
        assert_eq!(outcome(b"v=STSv1; id=1; a=\xff;"), Err("syntax"), "bytes that are no text");
    }

    #[test]
    fn sts_18_extensions_are_kept_in_order() {
        let record = StsRecord::parse(b"v=STSv1; b=1; id=7; a=2; b=3").unwrap();
        assert_eq!(record.extensions().collect::<Vec<_>>(), [("b", "1"), ("a", "2")]);
        assert_eq!(record.text(), "v=STSv1; b=1; id=7; a=2; b=3");
    }

    #[test]
    fn syntax_errors_name_the_byte() {
        for (text, offset) in [("v=STSv1; id=1; é=1", 15), ("v=STSv1; id=1=", 13), ("v=STSv1; id=1; a=", 17)]
        {
            match StsRecord::parse(text.as_bytes()) {
                Err(RecordError::Syntax { offset: found, .. }) => assert_eq!(found, offset, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_record_has_at_most_4096_bytes() {
        let of = |length: usize| format!("v=STSv1; id=1; a={:x<1$}", "", length - 17).into_bytes();
        assert_eq!(outcome(&of(MAX_RECORD)), Ok("1".to_owned()));
        assert_eq!(outcome(&of(MAX_RECORD + 1)), Err("too long"));
    }

    #[test]
    fn sts_04_exactly_one_record_is_left() {
        let good = "v=STSv1; id=1;";
        for (txts, expected, why) in [
            (&[][..], Ok(None), "no record at all"),
            (&["v=spf1 -all", "v=STSv10; id=2;", "id=3; v=STSv1"], Ok(None), "only records of others"),
            (&["v=STSv1"], Ok(None), "no `;`, so none of ours"),
            (&[good], Ok(Some("1")), "one record"),
            (&["junk", good, ""], Ok(Some("1")), "records of others do not count"),
            (&[good, "v=STSv1; id=2;"], Err("multiple"), "two valid ones"),
            (&[good, good], Err("multiple"), "the same one twice"),
            (&[good, "v=STSv1 ; junk"], Err("multiple"), "decision 21: one of them is malformed"),
            (&["v=STSv1; id=a-b"], Err("invalid id"), "the only one is malformed"),
        ] {
            let txts: Vec<Vec<u8>> = txts.iter().map(|txt| txt.as_bytes().to_vec()).collect();
            let found = select_record(&txts);
            let found = found.as_ref().map(|record| record.as_ref().map(StsRecord::id)).map_err(kind);
            assert_eq!(found, expected, "{why}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut txt = b"v=STSv1;".to_vec();
            txt.extend(bytes);
            if let Err(RecordError::Syntax { offset, .. }) = StsRecord::parse(&txt) {
                prop_assert!(offset <= txt.len());
            }
        }

        #[test]
        fn what_the_grammar_makes_is_read(
            id in "[A-Za-z0-9]{1,32}",
            extensions in proptest::collection::vec(("[a-h][A-Za-z0-9_.-]{0,31}", "[!-:<>-~]{1,40}"), 0..5),
            last in "|;|[ \t]{0,3};[ \t]{0,3}",
        ) {
            let mut txt = format!("v=STSv1; id={id}");
            for (name, value) in &extensions {
                txt += &format!("\t; {name}={}", value.replace('>', "?"));
            }
            txt += &last;
            let record = StsRecord::parse(txt.as_bytes());
            prop_assert_eq!(record.as_ref().map(StsRecord::id), Ok(id.as_str()), "{}", txt);
        }
    }
}
