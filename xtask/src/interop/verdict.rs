//! A question, and what a validator makes of it.

use std::fmt;

/// A name as it is asked for, without trailing dot, the root as `.`; and a type.
pub(super) type Question = (String, String);

/// The name as a [`Question`] has it.
pub(super) fn plain(name: &str) -> String {
    match name.strip_suffix('.') {
        Some("") => ".".to_owned(),
        Some(name) => name.to_owned(),
        None => name.to_owned(),
    }
}

/// What a validator makes of a question.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    /// `secure`, `insecure` or `bogus`; another word where there is no verdict.
    pub(super) status: String,
    /// What the last name of the chain of aliases has; `None` without an answer that may be believed.
    pub(super) outcome: Option<Outcome>,
    /// What else was said about it. It is not compared.
    pub(super) remark: String,
}

/// What a name has of a type.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// The data of the records, sorted, each once.
    Records(Vec<String>),
    NoData,
    NoSuchName,
}

impl Verdict {
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.status == other.status && self.outcome == other.outcome
    }
}

impl Outcome {
    /// Records in presentation form, whoever wrote it.
    pub(super) fn records<'a>(record_type: &str, data: impl IntoIterator<Item = &'a str>) -> Self {
        let mut data: Vec<String> = data.into_iter().map(|data| uniform(record_type, data)).collect();
        data.sort_unstable();
        data.dedup();
        Self::Records(data)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.status)?;
        match &self.outcome {
            Some(Outcome::Records(records)) => {
                write!(f, ", {} records: {}", records.len(), records.join(" | "))?
            }
            Some(Outcome::NoData) => f.write_str(", no data")?,
            Some(Outcome::NoSuchName) => f.write_str(", no such name")?,
            None => {}
        }
        match self.remark.as_str() {
            "" => Ok(()),
            remark => write!(f, " ({remark})"),
        }
    }
}

/// One form of the same data. Programs break long fields where they like, and may write names and digits in either case.
fn uniform(record_type: &str, data: &str) -> String {
    if record_type == "TXT" {
        return data.to_owned();
    }
    // mxtls has these without quotes, and a comma behind each parameter.
    let bare = matches!(record_type, "HINFO" | "SVCB" | "HTTPS").then(|| data.replace(['"', ','], ""));
    let data = bare.as_deref().unwrap_or(data);
    let mut fields: Vec<&str> = data.split_ascii_whitespace().collect();
    // How many fields stand before the last, which may be broken.
    let whole = match record_type {
        "SSHFP" => 2,
        "TLSA" | "SMIMEA" | "DS" | "DNSKEY" | "CDS" | "CDNSKEY" => 3,
        _ => fields.len(),
    };
    let last = fields.split_off(whole.min(fields.len())).concat();
    let mut text = fields.join(" ").to_ascii_lowercase();
    if !last.is_empty() {
        text.push(' ');
        // The digits of base64 differ by case.
        text.push_str(&if record_type.ends_with("DNSKEY") { last } else { last.to_ascii_lowercase() });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_of_the_same_data() {
        for (record_type, one, other, same, why) in [
            ("TLSA", "3 1 1 AB CD", "3 1 1 abcd", true, "digits in pieces, in either case"),
            ("MX", "10 Mail.example.", "10 mail.example.", true, "names in either case"),
            ("DNSKEY", "257 3 13 Ab cD", "257 3 13 AbcD", true, "base64 in pieces"),
            ("DNSKEY", "257 3 13 AbcD", "257 3 13 abcd", false, "base64 has two cases"),
            ("HTTPS", "1 a. alpn=\"h2\"", "1 a. alpn=h2,", true, "quotes and commas"),
            ("TXT", "\"a b\"", "\"a  b\"", false, "text is text"),
            ("A", "192.0.2.1", "192.0.2.2", false, "other data"),
        ] {
            assert_eq!(uniform(record_type, one) == uniform(record_type, other), same, "{why}");
        }
    }
}
