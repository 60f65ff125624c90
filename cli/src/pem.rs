//! Files of certificates and keys in PEM (RFC 7468), read so that every fault has its line.

use rustls_pki_types::{CertificateDer, pem::PemObject};

use crate::problem::Problem;

/// What stands between two markers.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    /// What the markers call it, such as `CERTIFICATE`.
    pub(crate) label: String,
    /// The line of the first marker, from 1.
    pub(crate) line: usize,
    body: Vec<(usize, &'a [u8])>,
    end: Option<(usize, String)>,
}

/// Whether there is a marker in it: what is DER has none.
pub(crate) fn is_pem(octets: &[u8]) -> bool {
    lines(octets).any(|line| marker(line, BEGIN).is_some())
}

/// The sections of a text, in their order. What stands between them is skipped (RFC 7468 §2).
///
/// # Errors
/// A section ends that has not begun: a part of the file is missing.
pub(crate) fn sections(text: &[u8]) -> Result<Vec<Section<'_>>, Problem> {
    let mut sections: Vec<Section<'_>> = vec![];
    for (number, line) in (1..).zip(lines(text)) {
        if let Some(label) = marker(line, BEGIN) {
            sections.push(Section { label, line: number, body: vec![], end: None });
            continue;
        }
        let open = sections.last_mut().filter(|section| section.end.is_none());
        match (open, marker(line, END)) {
            (Some(section), Some(label)) => section.end = Some((number, label)),
            (Some(section), None) => section.body.push((number, line)),
            (None, Some(label)) => {
                let message = format!("expected -----BEGIN {label}----- above, found none");
                return Err(Problem::new(message).at(number, None));
            }
            (None, None) => {}
        }
    }
    Ok(sections)
}

/// The line on which a private key begins, in whichever form, and even where the lines of the file have been joined.
pub(crate) fn private_key(text: &[u8]) -> Option<usize> {
    let has = |line: &[u8], words: &[u8]| line.windows(words.len()).any(|window| window == words);
    let mut lines = (1..).zip(lines(text));
    lines.find(|(_, line)| has(line, BEGIN) && has(line, b"PRIVATE KEY")).map(|(number, _)| number)
}

impl Section<'_> {
    /// What the base64 stands for.
    ///
    /// # Errors
    /// The section does not end, or is not base64.
    pub(crate) fn der(&self) -> Result<Vec<u8>, Problem> {
        let Self { label, line, body, end } = self;
        match end {
            Some((_, found)) if found == label => {}
            Some((number, found)) => {
                let message = format!("expected -----END {label}-----, found -----END {found}-----");
                return Err(Problem::new(message).at(*number, None));
            }
            None => {
                let message = format!("expected -----END {label}----- below, found none");
                return Err(Problem::new(message).at(*line, None));
            }
        }
        for (number, line) in body {
            if let Some(index) = line.iter().position(|&octet| !is_base64(octet)) {
                let found = line.iter().skip(index).take(1).map(|octet| octet.escape_ascii().to_string());
                let message = format!("expected base64, found '{}'", found.collect::<String>());
                return Err(Problem::new(message).at(*number, Some(index.saturating_add(1))));
            }
        }
        // The decoder asks for a label that it knows; the bytes are the same for all.
        let lines = body.iter().map(|(_, line)| line.trim_ascii());
        let whole = [&b"-----BEGIN CERTIFICATE-----"[..]].into_iter().chain(lines);
        let whole: Vec<_> = whole.chain([&b"-----END CERTIFICATE-----"[..]]).collect();
        match CertificateDer::from_pem_slice(&whole.join(&b'\n')) {
            Ok(der) if !der.is_empty() => Ok(der.to_vec()),
            Ok(_) => Err(Problem::new(format!("the {label} is empty")).at(*line, None)),
            Err(_) => {
                let message = format!("expected base64, whole, inside the {label}");
                Err(Problem::new(message).at(*line, None))
            }
        }
    }
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";

/// The lines of a text, which some systems end with a carriage return alone. Some editors put a byte order mark in front.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = if text.contains(&b'\n') { b'\n' } else { b'\r' };
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).split(move |&octet| octet == end)
}

/// The label of a line that is such a marker (RFC 7468 §3), white space around it aside. Labels are shown to people: what
/// has dashes of a marker in it is a file in one line, with what may be a secret between them.
fn marker(line: &[u8], which: &[u8]) -> Option<String> {
    let label = line.trim_ascii().strip_prefix(which)?.strip_suffix(b"-----")?.trim_ascii();
    if label.windows(2).any(|pair| pair == b"--") {
        return None;
    }
    Some(label.escape_ascii().to_string())
}

fn is_base64(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/' | b'=') || octet.is_ascii_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The labels and contents, or the first problem.
    fn read(text: &str) -> Result<Vec<(String, Vec<u8>)>, Problem> {
        let read = |section: &Section<'_>| Ok((section.label.clone(), section.der()?));
        sections(text.as_bytes())?.iter().map(read).collect()
    }

    #[test]
    fn sections_in_their_order() {
        let found = |labels: &[&str]| -> Result<Vec<_>, Problem> {
            Ok(labels.iter().map(|label| ((*label).to_owned(), vec![0, 0, 0])).collect())
        };
        for (text, expected, why) in [
            ("", &[][..], "nothing"),
            ("text\n", &[], "no section"),
            ("-----BEGIN A-----\nAAAA\n-----END A-----", &["A"], "no line end at the end"),
            ("-----BEGIN A-----\r\nAAAA\r\n-----END A-----\r\n", &["A"], "lines that end in CRLF"),
            ("\u{feff}-----BEGIN A-----\nAAAA\n-----END A-----\n", &["A"], "a byte order mark"),
            ("-----BEGIN A-----\n\n  AA\nAA \n-----END A-----\n", &["A"], "white space inside"),
            ("-----BEGIN A-----\rAAAA\r-----END A-----\r", &["A"], "lines that end in CR"),
            ("-----BEGIN A-----AAAA-----END A-----\n", &[], "one line, whose label would be all of it"),
            (
                "x: caf\u{e9}\n-----BEGIN A-----\nAAAA\n-----END A-----\n?\n-----BEGIN B C-----\nAAAA\n-----END B C-----\n",
                &["A", "B C"],
                "text around them, a label of two words",
            ),
        ] {
            assert_eq!(read(text), found(expected), "{why}");
            assert_eq!(is_pem(text.as_bytes()), !expected.is_empty(), "{why}");
        }
    }

    #[test]
    fn private_keys() {
        for (text, expected, why) in [
            ("x\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", Some(2), "as it should be"),
            ("-----BEGIN EC PRIVATE KEY-----\n", Some(1), "of one algorithm, without an end"),
            ("-----BEGIN PRIVATE KEY -----\n", Some(1), "with a blank before the dashes"),
            (
                "-----BEGIN A----- AAAA -----END A----- -----BEGIN PRIVATE KEY----- AAAA\n",
                Some(1),
                "in one line",
            ),
            ("x\r-----BEGIN PRIVATE KEY-----\rAAAA\r", Some(2), "lines that end in CR"),
            ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", None, "a public key"),
            ("no PRIVATE KEY here\n", None, "text"),
        ] {
            assert_eq!(private_key(text.as_bytes()), expected, "{why}");
        }
    }

    #[test]
    fn faults_with_their_places() {
        for (text, line, column, expected, why) in [
            ("\n-----BEGIN A-----\nAAAA\n", 2, None, "expected -----END A----- below, found none", "no end"),
            (
                "-----BEGIN A-----\nAAAA\n-----BEGIN A-----\nAAAA\n-----END A-----\n",
                1,
                None,
                "expected -----END A----- below, found none",
                "the next one's end is its own",
            ),
            (
                "-----BEGIN A-----\nAAAA\n-----END B-----\n",
                3,
                None,
                "expected -----END A-----, found -----END B-----",
                "the end of something else",
            ),
            (
                "AAAA\n-----END A-----\n",
                2,
                None,
                "expected -----BEGIN A----- above, found none",
                "the head of the file is missing",
            ),
            (
                "-----BEGIN A-----\nAA\nA*\n-----END A-----\n",
                3,
                Some(2),
                "expected base64, found '*'",
                "no base64",
            ),
            (
                "-----BEGIN A-----\nP: x\n-----END A-----\n",
                2,
                Some(2),
                "expected base64, found ':'",
                "a header",
            ),
            (
                "-----BEGIN A-----\nA\u{1b}AA\n-----END A-----\n",
                2,
                Some(2),
                "expected base64, found '\\x1b'",
                "what a terminal would obey",
            ),
            (
                "-----BEGIN A-----\nAAAAA\n-----END A-----\n",
                1,
                None,
                "expected base64, whole, inside the A",
                "five digits",
            ),
            ("-----BEGIN A-----\n-----END A-----\n", 1, None, "the A is empty", "nothing inside"),
        ] {
            assert_eq!(read(text), Err(Problem::new(expected).at(line, column)), "{why}");
        }
    }
}
