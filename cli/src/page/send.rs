//! `mxtls send`.

use crate::{
    document::{SendDocument, SentEnvelope, SentRecipient},
    page::{
        Cell, Page, Paint, Table, Tone, channel,
        check::{attempt, verdict},
        failure, printable,
    },
};

impl Page for SendDocument {
    fn page(&self, paint: Paint) -> String {
        let pages: Vec<String> = self.envelopes.iter().map(|envelope| envelope.page(paint)).collect();
        pages.join("\n")
    }
}

impl Page for SentEnvelope {
    fn page(&self, paint: Paint) -> String {
        let mut table = Table::default();
        table.row(0, [Cell::new(format!("from <{}>", self.mail), Tone::Strong)]);
        for recipient in &self.recipients {
            rows(&mut table, recipient);
        }
        if !self.attempts.is_empty() {
            table.begin_part();
            table.row(2, [Cell::new("sessions", Tone::Faint)]);
        }
        for one in &self.attempts {
            attempt(&mut table, 4, Some(&one.host), &one.attempt);
        }
        table.text(paint)
    }
}

fn rows(table: &mut Table, recipient: &SentRecipient) {
    let mut cells = vec![recipient.rcpt.clone().into(), verdict(recipient.verdict)];
    if let (Some(over), Some(policy), Some(host)) = (recipient.channel, recipient.policy, &recipient.host) {
        cells.extend([channel(over), format!("by {policy} through {host}").into()]);
    }
    table.row(2, cells);
    if let (Some(code), Some(text)) = (recipient.code, &recipient.text) {
        table.row(4, [format!("{code} {}", printable(text)).into()]);
    }
    if let Some(reason) = &recipient.failure {
        table.row(4, [failure(reason)]);
    }
}
