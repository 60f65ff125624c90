//! Addresses that can stand in a command without becoming another command.

use std::{borrow::Cow, fmt, str::FromStr};

/// An e-mail address (RFC 5321 §4.1.2), free of anything that could end a path or a command line.
///
/// Dots may stand anywhere in a local part: there are mailboxes with two in a row. The domain has no U-labels: written
/// with them, it is held in A-labels (RFC 5891), which every server takes. A domain in ASCII stays as it was written.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Mailbox(String);

/// Why a text is no [`Mailbox`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MailboxError {
    /// There is no `@`.
    #[error("an address has an @ between mailbox and domain")]
    NoDomain,
    /// Longer than 254 octets (RFC 5321 §4.5.3.1.3), or the local part than 64 (§4.5.3.1.1).
    #[error("an address has at most 254 octets, 64 of them before the @")]
    TooLong,
    /// The local part is neither an atom nor a quoted string (RFC 5321 §4.1.2).
    #[error("the part before the @ is neither a plain word nor a quoted string")]
    LocalPart,
    /// The domain is neither a name nor an address literal; or it has labels beyond ASCII that have no A-labels
    /// (RFC 5891 §5).
    #[error("the part after the @ is neither a domain name nor an address literal")]
    Domain,
}

impl Mailbox {
    /// The address, such as `user@example.com`; its domain in A-labels.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the `@`: a name in A-labels or an address literal.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// Whether it can only be sent with SMTPUTF8 (RFC 6531 §3.3): its local part is not ASCII.
    pub fn is_internationalized(&self) -> bool {
        !self.0.is_ascii()
    }
}

impl FromStr for Mailbox {
    type Err = MailboxError;

    fn from_str(text: &str) -> Result<Self, MailboxError> {
        let (local, domain) = text.rsplit_once('@').ok_or(MailboxError::NoDomain)?;
        // A character takes four octets here at most, and at least one in an A-label.
        if text.len() > 4 * MAX_ADDRESS || local.len() > MAX_LOCAL_PART {
            return Err(MailboxError::TooLong);
        }
        let quoted = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        if !quoted.map_or_else(|| is_word(local), is_quoted_content) {
            return Err(MailboxError::LocalPart);
        }
        let domain = a_labels(domain)?;
        let literal = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if !literal.map_or_else(|| is_domain(&domain), is_literal_content) {
            return Err(MailboxError::Domain);
        }
        let address = format!("{local}@{domain}");
        if address.len() > MAX_ADDRESS {
            return Err(MailboxError::TooLong);
        }
        Ok(Self(address))
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_word(local: &str) -> bool {
    let atext = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c) || is_utf8_text(c);
    !local.is_empty() && local.chars().all(atext)
}

fn is_quoted_content(content: &str) -> bool {
    let mut escaped = false;
    for c in content.chars() {
        // Angle brackets are lawful here, but the mailbox that needs them is rarer than the parser they confuse.
        if matches!(c, '<' | '>') || !(matches!(c, ' '..='~') || is_utf8_text(c)) {
            return false;
        }
        escaped = match (escaped, c) {
            (false, '"') => return false,
            (false, '\\') => true,
            (false | true, _) => false,
        };
    }
    !escaped
}

/// Names in ASCII are not put through the mapping, which would refuse some that exist.
fn a_labels(domain: &str) -> Result<Cow<'_, str>, MailboxError> {
    if domain.is_ascii() {
        return Ok(Cow::Borrowed(domain));
    }
    idna::domain_to_ascii_strict(domain).map(Cow::Owned).map_err(|_| MailboxError::Domain)
}

fn is_domain(domain: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    domain.split('.').all(|label| !label.is_empty() && label.bytes().all(allowed))
}

fn is_literal_content(content: &str) -> bool {
    !content.is_empty() && content.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-".contains(&byte))
}

/// RFC 6531 §3.3 allows any non-ASCII character; controls and separators among them have no place in a mailbox's name.
fn is_utf8_text(c: char) -> bool {
    !c.is_ascii() && !c.is_control() && !c.is_whitespace()
}

const MAX_ADDRESS: usize = 254;
const MAX_LOCAL_PART: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smtp_22_addresses() {
        use MailboxError::{Domain, LocalPart, NoDomain, TooLong};
        let long_local = format!("{}@d.example", "a".repeat(65));
        let long_domain = format!("a@{}example", "d.".repeat(130));
        let long_labels = format!("{}@{}example", "a".repeat(64), "例え.".repeat(16));
        for (text, expected, why) in [
            ("user@example.com", Ok(()), "plain"),
            ("a.b+c=d/e@sub.example.com", Ok(()), "all of atext"),
            ("a..b.@example.com", Ok(()), "dots anywhere: such mailboxes exist"),
            ("\"a b\"@example.com", Ok(()), "quoted, with a space"),
            ("\"a\\\"b\"@example.com", Ok(()), "quoted, with an escaped quote"),
            ("\"a@b\"@example.com", Ok(()), "an @ in quotes"),
            ("user@[192.0.2.1]", Ok(()), "IPv4 literal"),
            ("user@[IPv6:2001:db8::1]", Ok(()), "IPv6 literal"),
            ("用户@例え.example", Ok(()), "RFC 6531"),
            ("a@例え..example", Err(Domain), "an empty label among U-labels"),
            ("a@☃︎\u{fffd}.example", Err(Domain), "RFC 5891: no A-label for it"),
            ("a@例え.exa＞mple", Err(Domain), "a character that would be mapped to >"),
            ("a@[例え]", Err(Domain), "a literal is ASCII"),
            ("postmaster", Err(NoDomain), "no domain"),
            ("", Err(NoDomain), "nothing"),
            ("@example.com", Err(LocalPart), "no local part"),
            ("a@", Err(Domain), "no domain behind the @"),
            ("a@b..c", Err(Domain), "an empty label"),
            ("a@b.", Err(Domain), "a trailing dot is no name in SMTP"),
            ("a@b>\r\nRCPT TO:<x@y", Err(LocalPart), "command injection"),
            ("a@b\r\nDATA", Err(Domain), "CR LF in the domain"),
            ("a\r\nRSET\r\n@b", Err(LocalPart), "CR LF in the local part"),
            ("\"a\r\nRSET\"@b", Err(LocalPart), "CR LF in quotes"),
            ("\"a\\\r\n\"@b", Err(LocalPart), "CR LF behind a backslash"),
            ("a\0@b", Err(LocalPart), "NUL"),
            ("a@b\0", Err(Domain), "NUL in the domain"),
            ("<a@b>", Err(LocalPart), "angle brackets"),
            ("\"<\"@b", Err(LocalPart), "angle brackets in quotes"),
            ("a b@c", Err(LocalPart), "a space would end the path's parameter"),
            ("a@b SIZE=1", Err(Domain), "a parameter"),
            ("a@b\u{85}x", Err(Domain), "a C1 control is a line end to some"),
            ("a@b\u{2028}x", Err(Domain), "a line separator"),
            ("\"a\"b\"@c", Err(LocalPart), "a quote inside quotes"),
            ("\"a\\\"@c", Err(LocalPart), "the last quote is escaped"),
            ("\"@c", Err(LocalPart), "one quote is not two"),
            ("a@[", Err(Domain), "a bracket alone"),
            ("a@[1.2.3.4>]", Err(Domain), "an odd literal"),
            (&long_local, Err(TooLong), "SMTP-22: 65 octets of local part"),
            (&long_domain, Err(TooLong), "SMTP-22: more than 254 octets"),
            (&long_labels, Err(TooLong), "SMTP-22: more than 254 octets once the labels are A-labels"),
        ] {
            assert_eq!(text.parse::<Mailbox>().map(|_| ()), expected, "{why}: {text:?}");
        }
    }

    #[test]
    fn only_a_local_part_asks_for_smtputf8() {
        for (text, expected, internationalized, why) in [
            (
                "user@bücher.example",
                "user@xn--bcher-kva.example",
                false,
                "RFC 5891: U-labels become A-labels",
            ),
            ("user@BÜCHER.Example", "user@xn--bcher-kva.example", false, "mapped, for it is no plain name"),
            ("user@bücher。example", "user@xn--bcher-kva.example", false, "an ideographic full stop"),
            ("Üser@bücher.example", "Üser@xn--bcher-kva.example", true, "the local part stays"),
            ("User@Example.COM", "User@Example.COM", false, "ASCII stays as it is"),
            ("user@_x.example", "user@_x.example", false, "ASCII is not held to RFC 5891"),
            ("üser@[192.0.2.1]", "üser@[192.0.2.1]", true, "a literal stays"),
        ] {
            let mailbox: Mailbox = text.parse().unwrap();
            assert_eq!(
                (mailbox.as_str(), mailbox.is_internationalized()),
                (expected, internationalized),
                "{why}"
            );
        }
    }
}
