//! Header fields that can start no other field (RFC 5322 §2.2).

/// A field name.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct FieldName(String);

/// A field value: one line of text, to be encoded where it is not ASCII.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct FieldValue(String);

impl FieldName {
    /// Reads a name of a field that a message composed here can have besides its own.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
            return Err(format!(
                "{text:?} is no name of a header field: printable ASCII without a colon is expected"
            ));
        }
        let name = Self(text.to_owned());
        if name.is("Content-Type") || name.is("Content-Transfer-Encoding") {
            return Err(format!("{text} cannot be given: it follows from the text of the message"));
        }
        Ok(name)
    }

    /// Names have no case.
    pub(crate) fn is(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FieldValue {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.chars().any(|c| c.is_control() && c != '\t') {
            return Err(format!("{text:?} holds a control character: a header field is one line of text"));
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, good, why) in [
            ("X-Note", true, "plain"),
            ("!#~", true, "RFC 5322 2.2: any printable ASCII"),
            ("", false, "nothing"),
            ("X Note", false, "a space"),
            ("X:", false, "a colon"),
            ("X\r\nBcc", false, "another field"),
            ("Größe", false, "not ASCII"),
            ("content-TYPE", false, "a second content type"),
            ("Content-Transfer-Encoding", false, "a second encoding"),
        ] {
            assert_eq!(FieldName::parse(text).is_ok(), good, "{why}: {text:?}");
        }
    }

    #[test]
    fn values() {
        for (text, good, why) in [
            ("", true, "nothing at all"),
            ("a\tb ü", true, "a tabulator, beyond ASCII"),
            ("a\r\nBcc: x", false, "another field"),
            ("a\nb", false, "LF"),
            ("a\rb", false, "CR"),
            ("a\0b", false, "NUL"),
            ("a\u{85}b", false, "a line end to some"),
        ] {
            assert_eq!(FieldValue::parse(text).is_ok(), good, "{why}: {text:?}");
        }
    }
}
