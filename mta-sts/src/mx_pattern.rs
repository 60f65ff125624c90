//! The `mx` patterns of a policy and how MX host names are held against them.

use std::{fmt, str::FromStr};

use crate::domain::{Domain, DomainError};

/// One `mx` value of a policy: a host name, or `*.` and a domain (RFC 8461 §3.2).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct MxPattern {
    wildcard: bool,
    domain: Domain,
}

impl MxPattern {
    /// Reads a pattern: A-labels in any case, no trailing dot.
    ///
    /// # Errors
    /// [`PatternError`] where the text is neither a name nor `*.` and a name.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let (wildcard, name) = match text.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, text),
        };
        if name.contains('*') {
            return Err(PatternError::Wildcard);
        }
        Ok(Self { wildcard, domain: Domain::parse(name)? })
    }

    /// Whether `host`, the name in the MX record, is one of those that the pattern stands for (RFC 8461 §4.1).
    ///
    /// `host` is in A-label form, in any case; one trailing dot is allowed. A wildcard stands for exactly one
    /// label, the left-most. A text that is no host name matches nothing.
    ///
    /// ```
    /// let pattern = mta_sts::MxPattern::parse("*.example.com")?;
    /// assert!(pattern.matches("mx1.example.com"));
    /// assert!(!pattern.matches("example.com"));
    /// assert!(!pattern.matches("a.b.example.com"));
    /// # Ok::<(), mta_sts::PatternError>(())
    /// ```
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        let name = if self.wildcard {
            match host.split_once('.') {
                Some((label, rest)) if is_label(label) => rest,
                Some(_) | None => return false,
            }
        } else {
            host
        };
        name.eq_ignore_ascii_case(self.domain.as_str())
    }
}

impl FromStr for MxPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for MxPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.wildcard { "*." } else { "" })?;
        self.domain.fmt(f)
    }
}

/// Why a text is not an `mx` pattern.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// An asterisk that is not the whole left-most label, or has no name behind it.
    #[error("`*` stands only as the whole left-most label, with a domain name behind it")]
    Wildcard,
    /// No domain name in A-label form.
    #[error(transparent)]
    Domain(#[from] DomainError),
}

/// A label as it stands in an MX record. An underscore is no part of a host name, but some servers have one.
/// Anything else is no host; above all an escaped dot (`a\.example.com` is *not* a child of `example.com`).
fn is_label(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sts_15_sts_16_patterns() {
        let label = "a".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
        let too_long = format!("{longest}a");
        let long_label = format!("{label}a.example.com");
        let domain = |error| Err(PatternError::Domain(error));
        for (text, expected, why) in [
            ("mx.example.com", Ok("mx.example.com"), "a name"),
            ("*.example.com", Ok("*.example.com"), "a wildcard"),
            ("MX.Example.COM", Ok("mx.example.com"), "case is folded"),
            ("mx", Ok("mx"), "one label is a name"),
            ("*.com", Ok("*.com"), "one label behind the wildcard"),
            ("xn--mller-kva.example", Ok("xn--mller-kva.example"), "an A-label"),
            ("1-2.3com", Ok("1-2.3com"), "labels may begin with digits"),
            (&longest, Ok(longest.as_str()), "253 characters"),
            (&too_long, domain(DomainError::TooLong { length: 254 }), "254 characters"),
            (&long_label, domain(DomainError::LabelTooLong { length: 64 }), "a label of 64"),
            ("*", Err(PatternError::Wildcard), "a wildcard alone"),
            ("*.", domain(DomainError::EmptyLabel), "a wildcard and nothing"),
            ("**.example.com", Err(PatternError::Wildcard), "two asterisks"),
            ("*.*.example.com", Err(PatternError::Wildcard), "two wildcards"),
            ("a.*.example.com", Err(PatternError::Wildcard), "not the left-most label"),
            ("*x.example.com", Err(PatternError::Wildcard), "part of a label"),
            ("x*.example.com", Err(PatternError::Wildcard), "part of a label"),
            ("mx.example.com.", domain(DomainError::EmptyLabel), "a trailing dot"),
            (".example.com", domain(DomainError::EmptyLabel), "a leading dot, as other tools write suffixes"),
            ("mx..example.com", domain(DomainError::EmptyLabel), "an empty label"),
            ("", domain(DomainError::EmptyLabel), "nothing"),
            ("müller.example", domain(DomainError::Character { found: 'ü' }), "a U-label"),
            ("mx。example", domain(DomainError::Character { found: '。' }), "a dot of another script"),
            ("m_x.example", domain(DomainError::Character { found: '_' }), "no host name has an underscore"),
            (
                "mx.example.com, b.example",
                domain(DomainError::Character { found: ',' }),
                "one pattern a line",
            ),
            ("-mx.example", domain(DomainError::Hyphen), "a hyphen in front"),
            ("mx-.example", domain(DomainError::Hyphen), "a hyphen behind"),
            ("[192.0.2.1]", domain(DomainError::Character { found: '[' }), "an address literal"),
            ("2001:db8::1", domain(DomainError::Character { found: ':' }), "an IPv6 address"),
        ] {
            let found = MxPattern::parse(text).map(|pattern| pattern.to_string());
            assert_eq!(found, expected.map(str::to_owned), "{why}: {text}");
        }
    }

    #[test]
    fn sts_34_hosts() {
        for (pattern, host, expected, why) in [
            ("mail.example.com", "mail.example.com", true, "the name"),
            ("mail.example.com", "MAIL.Example.Com", true, "in any case"),
            ("MAIL.example.com", "mail.example.com", true, "in any case"),
            ("mail.example.com", "mail.example.com.", true, "the same name, written as absolute"),
            ("mail.example.com", "a.mail.example.com", false, "a child"),
            ("mail.example.com", "example.com", false, "the parent"),
            ("mail.example.com", "xmail.example.com", false, "a longer label"),
            ("*.example.com", "mail.example.com", true, "one label"),
            ("*.example.com", "MAIL.EXAMPLE.COM.", true, "in any case, absolute"),
            ("*.example.com", "_mx.example.com", true, "an underscore, which some servers have"),
            ("*.example.com", "example.com", false, "no label"),
            ("*.example.com", ".example.com", false, "an empty label"),
            ("*.example.com", "foo.bar.example.com", false, "two labels"),
            ("*.example.com", "mail.example.com..", false, "an empty label at the end"),
            ("*.example.com", "mail.example.org", false, "another domain"),
            ("*.example.com", "mailexample.com", false, "no label boundary"),
            ("*.example.com", r"mail\.example.com", false, "an escaped dot inside one label"),
            ("*.example.com", r"evil\.x.example.com", false, "two labels, seen by a naive eye"),
            ("*.example.com", "a b.example.com", false, "no host name"),
            ("*.com", "example.com", true, "one label before one label"),
            ("mail.example.com", "", false, "no name"),
            ("*.example.com", ".", false, "the root"),
            ("*.xn--k.example", "a.xn--K.example", true, "ASCII folding"),
            ("*.xn--k.example", "a.xn--\u{212a}.example", false, "no Unicode folding: the Kelvin sign"),
        ] {
            assert_eq!(MxPattern::parse(pattern).unwrap().matches(host), expected, "{why}: {pattern} {host}");
        }
    }
}
