//! `mxtls dns`.

use crate::{
    document::{DnsDocument, DnsResult},
    page::{Cell, Page, Paint, Table, Tone, failure, printable, status, word},
};

impl Page for DnsDocument {
    fn page(&self, paint: Paint) -> String {
        let pages: Vec<String> = self.results.iter().map(|result| result.page(paint)).collect();
        pages.join("\n")
    }
}

impl Page for DnsResult {
    fn page(&self, paint: Paint) -> String {
        let mut table = Table::default();
        let mut head =
            vec![Cell::new(format!("{} {}", self.name, self.record_type), Tone::Strong), status(self.status)];
        head.extend(self.outcome.map(Cell::from));
        head.extend(self.ttl.map(|ttl| Cell::new(format!("for {ttl} s"), Tone::Faint)));
        table.row(0, head);
        for alias in &self.chain {
            let kind = word(&alias.alias).to_uppercase();
            table.row(2, [alias.name.clone().into(), kind.into(), status(Some(alias.status))]);
        }
        for record in &self.records {
            table.row(3, [printable(record).into()]);
        }
        if let Some(reason) = &self.failure {
            table.row(3, [failure(reason)]);
        }
        for step in self.proof.iter().flatten() {
            table.row(4, [Cell::new(printable(step), Tone::Faint)]);
        }
        table.text(paint)
    }
}
