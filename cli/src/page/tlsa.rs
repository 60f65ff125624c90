//! `mxtls tlsa show`, `make` and `verify`.

use dane::{Digests, Profile, TlsaRecord};
use mx_resolve::TlsaOutcome;

use crate::{
    document::{
        ChainResult, HostDocument, RecordUse, TlsaDocument, TlsaMakeDocument, TlsaShowDocument,
        TlsaVerifyDocument,
    },
    page::{Cell, Page, Paint, Table, Tone, failure, printable, reasons, status, word},
};

impl Page for TlsaShowDocument {
    fn page(&self, paint: Paint) -> String {
        let [host] = &self.results;
        let mut table = Table::default();
        table.row(0, [Cell::new(format!("{}:{}", host.host, host.port), Tone::Strong)]);
        facts(&mut table, host);
        reasons(&mut table, &host.explain);
        table.begin_part();
        for record in &host.tlsa {
            let TlsaDocument { usage, selector, matching, data, .. } = record;
            let digits = abbreviated(data);
            let text = format!("{usage} {selector} {matching} {digits}");
            rows(&mut table, use_of(record.usable), &record.description, &text, record.reason.as_deref());
        }
        table.text(paint)
    }
}

impl Page for TlsaMakeDocument {
    /// Text for a zone file (RFC 1035 §5.1): what people want to know stands in comments.
    fn page(&self, paint: Paint) -> String {
        let Self { owner, tlsa, .. } = self;
        let comment = |text: String| Cell::new(format!("; {text}"), Tone::Faint);
        let mut table = Table::default();
        table.row(0, [comment(tlsa.description())]);
        table.row(0, [comment(tlsa.meaning())]);
        let selection = dane::select(std::slice::from_ref(tlsa), Profile::Smtp, &Digests::default());
        for reason in selection.reasons().iter().flatten() {
            table.row(0, [comment(format!("Mail servers make no use of it: {reason}."))]);
        }
        match owner {
            Some(owner) => table.row(0, [format!("{owner}. IN TLSA {tlsa}").into()]),
            None => {
                table
                    .row(0, [comment("The owner, _PORT._tcp.HOST, is missing: --host gives it.".to_owned())]);
                // A line that begins with white space continues with the owner above it.
                table.row(4, [format!("IN TLSA {tlsa}").into()]);
            }
        }
        table.text(paint)
    }
}

impl Page for TlsaVerifyDocument {
    fn page(&self, paint: Paint) -> String {
        let mut table = Table::default();
        let tone = if self.is_match() { Tone::Good } else { Tone::Bad };
        table.row(0, [Cell::new(word(&self.result), tone), Cell::from(self.sentence())]);
        table.begin_part();
        let matched = self.matched.as_ref().map(|matched| matched.index);
        for (index, RecordUse { usable, reason, record }) in self.records.iter().enumerate() {
            let head =
                if matched == Some(index) { Cell::new("matches", Tone::Good) } else { use_of(*usable) };
            let text = short(record);
            rows(&mut table, head, &record.description(), &text, reason.as_deref());
        }
        if !self.is_match() {
            table.begin_part();
            table.row(
                2,
                [Cell::new("The certificates that were presented, as records would name them", Tone::Faint)],
            );
            for (index, record) in self.presented.iter().enumerate() {
                let text = match record {
                    Some(record) => Cell::from(record.to_string()),
                    None => Cell::new("cannot be read", Tone::Bad),
                };
                table.row(4, [index.to_string().into(), text]);
            }
        }
        table.text(paint)
    }
}

impl TlsaVerifyDocument {
    fn sentence(&self) -> String {
        match self.result {
            ChainResult::Match => match (self.depth, self.matched.as_ref().map(|matched| matched.usage)) {
                // What DANE-TA(2) names stands above the leaf, so this is a bare key from DNS (RFC 7671 §5.2.3).
                (Some(0), Some(2)) => {
                    "a record has the key that signed the server's own certificate".to_owned()
                }
                (Some(0), _) => "a record names the server's own certificate".to_owned(),
                (Some(depth), _) => {
                    let depth = format!("at depth {depth}, counted from the server's own certificate");
                    format!("a record matches {depth}{}", expired(self.anchor_expired.as_deref()))
                }
                (None, _) => String::new(),
            },
            // The records that were expected and found stand below.
            ChainResult::NoMatch => "no usable record is satisfied by the certificates".to_owned(),
            ChainResult::Unusable
            | ChainResult::HostMismatch
            | ChainResult::Expired
            | ChainResult::NotYetValid
            | ChainResult::Untrusted
            | ChainResult::Malformed => printable(self.error.as_deref().unwrap_or("")),
        }
    }
}

/// What there is to be told of a trust anchor that has expired.
pub(super) fn expired(anchor: Option<&str>) -> String {
    anchor
        .map(|when| format!("; this trust anchor expired at {when}, which does not count"))
        .unwrap_or_default()
}

/// Where the records were looked for, and what that came to.
fn facts(table: &mut Table, host: &HostDocument) {
    let mut fact = |name: &str, cells: Vec<Cell>| {
        table.row(2, [Cell::new(name, Tone::Faint)].into_iter().chain(cells));
    };
    if let Some(reason) = &host.failure {
        fact("failure", vec![failure(reason)]);
    }
    let addresses: Vec<String> = host.addresses.iter().map(ToString::to_string).collect();
    if !addresses.is_empty() {
        fact("addresses", vec![status(host.address_status), addresses.join(" ").into()]);
    }
    for candidate in &host.tlsa_candidates {
        let found = match (candidate.outcome, host.tlsa.len()) {
            (Some(TlsaOutcome::Records), 1) => "1 record".to_owned(),
            (Some(TlsaOutcome::Records), records) => format!("{records} records"),
            (Some(outcome), _) => word(&outcome),
            (None, _) => "look-up failed".to_owned(),
        };
        let name = format!("_{}._tcp.{}: {found}", host.port, candidate.name);
        fact("TLSA", vec![status(candidate.status), name.into()]);
    }
    if host.tlsa_outcome == Some(TlsaOutcome::NotAsked) {
        let message = "not looked for, since the address is not secure (RFC 7672 2.2.2)";
        fact("TLSA", vec![status(None), message.into()]);
    }
    if let Some(base) = &host.tlsa_base {
        fact("base domain", vec![status(host.tlsa_status), base.clone().into()]);
    }
}

fn use_of(usable: bool) -> Cell {
    if usable { Cell::new("usable", Tone::Good) } else { Cell::new("unused", Tone::Doubtful) }
}

/// A record in the words of RFC 7218, and below it why it does not count.
fn rows(table: &mut Table, head: Cell, description: &str, text: &str, reason: Option<&str>) {
    table.row(2, [head, description.into(), text.into()]);
    if let Some(reason) = reason {
        table.row(10, [Cell::new(printable(reason), Tone::Doubtful)]);
    }
}

fn short(record: &TlsaRecord) -> String {
    let TlsaRecord { usage, selector, matching, .. } = record;
    format!("{usage} {selector} {matching} {}", abbreviated(&record.data_hex()))
}

/// Digests are shown whole; of a whole certificate, the beginning.
fn abbreviated(hex: &str) -> String {
    const SHA512: usize = 128;
    if hex.len() <= SHA512 {
        return hex.to_owned();
    }
    let beginning: String = hex.chars().take(32).collect();
    format!("{beginning}… ({} octets)", hex.len() / 2)
}
