//! What people see: the documents as aligned text.

mod check;
mod dns;
mod host;
mod matrix;
mod mta_sts;
mod resolve;
mod send;
mod table;
mod tlsa;

use mxtls_policy::{CertificateCheck, Channel, Explanation, Failure, PolicyKind, Status};
use serde::Serialize;

pub(crate) use table::{Cell, Table, Tone};

/// A result as text for people.
pub(crate) trait Page {
    /// Lines with their ends.
    fn page(&self, paint: Paint) -> String;
}

/// Whether there are colours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Paint {
    Plain,
    Colours,
}

impl Paint {
    /// The text in its tone.
    fn apply(self, text: &str, tone: Tone) -> String {
        let code = match (self, tone) {
            (Self::Plain, _) | (_, Tone::Normal) => return text.to_owned(),
            (Self::Colours, Tone::Good) => 32,
            (Self::Colours, Tone::Doubtful) => 33,
            (Self::Colours, Tone::Bad) => 31,
            (Self::Colours, Tone::Strong) => 1,
            (Self::Colours, Tone::Faint) => 2,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

fn channel(channel: Channel) -> Cell {
    let tone = match channel {
        Channel::Verified => Tone::Good,
        Channel::Trusted | Channel::Encrypted => Tone::Doubtful,
        Channel::Cleartext => Tone::Bad,
    };
    Cell::new(channel.to_string(), tone)
}

fn status(status: Option<Status>) -> Cell {
    match status {
        Some(Status::Secure) => Cell::new("secure", Tone::Good),
        Some(Status::Insecure) => Cell::new("insecure", Tone::Doubtful),
        None => Cell::new("-", Tone::Faint),
    }
}

fn policies(policies: &[PolicyKind]) -> String {
    if policies.is_empty() {
        return "-".to_owned();
    }
    policies.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + ")
}

/// What a certificate is held against.
fn checks(checks: &[CertificateCheck]) -> String {
    if checks.is_empty() {
        return "nothing".to_owned();
    }
    checks.iter().map(word).collect::<Vec<_>>().join(" and ")
}

/// The word that stands for a value in the documents.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => "?".to_owned(),
    }
}

/// A failure with the server's or the component's own words.
fn failure(failure: &Failure) -> Cell {
    let detail = failure.detail.as_ref().map_or_else(String::new, |detail| format!(" ({detail})"));
    Cell::new(printable(&format!("{}: {}{detail}", failure.code, failure.message)), Tone::Bad)
}

/// Why look-ups failed: what held, and what can be done.
fn reasons(table: &mut Table, steps: &[Explanation]) {
    for step in steps.iter().filter(|step| !step.children.is_empty()) {
        let what = format!("{}: {}", step.subject, step.result);
        table.row(2, [Cell::new("look-up", Tone::Faint), printable(&what).into()]);
        for reason in &step.children {
            table.row(5, [Cell::new(printable(&reason.result), Tone::Faint)]);
        }
    }
}

/// Texts come from the network and go to a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_reaches_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\r\nc\u{9b}d"), "a\u{fffd}[31mb\u{fffd}\u{fffd}c\u{fffd}d");
    }

    #[test]
    fn colours_only_where_they_are_wanted() {
        assert_eq!(Paint::Plain.apply("deliver", Tone::Good), "deliver");
        assert_eq!(Paint::Colours.apply("deliver", Tone::Good), "\u{1b}[32mdeliver\u{1b}[0m");
        assert_eq!(Paint::Colours.apply("deliver", Tone::Normal), "deliver");
    }
}
