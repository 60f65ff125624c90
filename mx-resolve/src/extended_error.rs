//! Extended DNS errors: what an upstream adds to an answer about what went wrong (RFC 8914).
//!
//! Nothing is decided by them, since anybody on the path may have written them: they are for people.

use hickory_proto::{op::Message, rr::rdata::opt::EdnsOption};

/// The option's code (RFC 8914 §2).
const OPTION: u16 = 15;
/// Errors of one message that are shown: honest ones have one or two.
const MAX_ERRORS: usize = 4;
/// Characters of EXTRA-TEXT that are shown.
const MAX_TEXT: usize = 256;

/// The extended errors of a message in words, if it has any.
pub(crate) fn in_words(message: &Message) -> Option<String> {
    let options = &message.edns.as_ref()?.options().options;
    let errors: Vec<String> = options
        .iter()
        .filter_map(|(_, option)| {
            let EdnsOption::Unknown(OPTION, octets) = option else { return None };
            error(octets)
        })
        .take(MAX_ERRORS)
        .collect();
    (!errors.is_empty()).then(|| format!("the resolver says: {}", errors.join("; ")))
}

/// One option's data: INFO-CODE and EXTRA-TEXT (RFC 8914 §2).
fn error(octets: &[u8]) -> Option<String> {
    let (code, text) = octets.split_first_chunk()?;
    let code = u16::from_be_bytes(*code);
    let name = match name(code) {
        Some(name) => format!("{name} ({code})"),
        None => format!("extended error {code}"),
    };
    let text = printable(text);
    Some(if text.is_empty() { name } else { format!("{name}: {text}") })
}

/// What a terminal would obey is escaped, and so is what is no UTF-8. A final NUL is no part of the text (§2).
fn printable(octets: &[u8]) -> String {
    let text = String::from_utf8_lossy(octets.strip_suffix(b"\0").unwrap_or(octets)).into_owned();
    let mut shown = String::new();
    for (number, character) in text.chars().enumerate() {
        if number == MAX_TEXT {
            shown.push('…');
            break;
        }
        if is_plain(character) {
            shown.push(character);
        } else {
            shown.extend(character.escape_unicode());
        }
    }
    shown
}

/// Neither a control character nor one that changes the direction of what follows.
fn is_plain(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The registered purpose of an INFO-CODE (RFC 8914 §5.2 and the registry that it made).
fn name(code: u16) -> Option<&'static str> {
    const NAMES: [&str; 31] = [
        "Other Error",
        "Unsupported DNSKEY Algorithm",
        "Unsupported DS Digest Type",
        "Stale Answer",
        "Forged Answer",
        "DNSSEC Indeterminate",
        "DNSSEC Bogus",
        "Signature Expired",
        "Signature Not Yet Valid",
        "DNSKEY Missing",
        "RRSIGs Missing",
        "No Zone Key Bit Set",
        "NSEC Missing",
        "Cached Error",
        "Not Ready",
        "Blocked",
        "Censored",
        "Filtered",
        "Prohibited",
        "Stale NXDomain Answer",
        "Not Authoritative",
        "Not Supported",
        "No Reachable Authority",
        "Network Error",
        "Invalid Data",
        "Signature Expired before Valid",
        "Too Early",
        "Unsupported NSEC3 Iterations Value",
        "Unable to conform to policy",
        "Synthesized",
        "Invalid Query Type",
    ];
    NAMES.get(usize::from(code)).copied()
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::Edns;

    use super::*;

    fn message(options: &[&[u8]]) -> Message {
        let mut message = Message::query();
        let mut edns = Edns::new();
        for octets in options {
            edns.options_mut().insert(EdnsOption::Unknown(OPTION, octets.to_vec()));
        }
        message.edns = Some(edns);
        // As it comes over the network.
        Message::from_vec(&message.to_vec().unwrap()).unwrap()
    }

    #[test]
    fn what_the_resolver_says() {
        let long = [&b"\0\0"[..], "é".repeat(300).as_bytes()].concat();
        let cut = format!("Other Error (0): {}…", "é".repeat(256));
        for (options, expected, why) in [
            (&[][..], None, "nothing"),
            (&[&b"\0\x07"[..]], Some("Signature Expired (7)"), "the code alone"),
            (&[b"\0\x09no key 12"], Some("DNSKEY Missing (9): no key 12"), "with a text"),
            (&[b"\0\x1e"], Some("Invalid Query Type (30)"), "the last one registered"),
            (&[b"\x01\0x"], Some("extended error 256: x"), "one that is not registered"),
            (
                &[b"\0\x06a", b"\0\x16b"],
                Some("DNSSEC Bogus (6): a; No Reachable Authority (22): b"),
                "§2: more than one",
            ),
            (
                &[&b"\0\x06a"[..]; 9],
                Some("DNSSEC Bogus (6): a; DNSSEC Bogus (6): a; DNSSEC Bogus (6): a; DNSSEC Bogus (6): a"),
                "a flood of them",
            ),
            (&[b"\0"], None, "half a code"),
            (&[b""], None, "no code"),
            (&[b"\0\0ends\0"], Some("Other Error (0): ends"), "§2: a final NUL is no text"),
            (
                &[b"\0\0a\x1b[2Jb\nc\0d"],
                Some("Other Error (0): a\\u{1b}[2Jb\\u{a}c\\u{0}d"),
                "nothing that moves a cursor",
            ),
            (
                &[b"\0\0a\xe2\x80\xaeb"],
                Some("Other Error (0): a\\u{202e}b"),
                "nor one that turns the line round",
            ),
            (
                &[b"\0\0a\xff\xc2\x9bb"],
                Some("Other Error (0): a\u{fffd}\\u{9b}b"),
                "no UTF-8, and a control character that is",
            ),
            (&[&long[..]], Some(&cut[..]), "an endless text"),
        ] {
            let expected = expected.map(|text| format!("the resolver says: {text}"));
            assert_eq!(in_words(&message(options)), expected, "{why}");
        }
        assert_eq!(in_words(&Message::query()), None, "without EDNS");
    }
}
