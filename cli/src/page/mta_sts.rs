//! `mxtls mta-sts DOMAIN`.

use crate::{
    document::{MtaStsDocument, PolicyDocument, RecordDocument},
    page::{Cell, Page, Paint, Table, Tone, failure, printable, reasons},
};

impl Page for MtaStsDocument {
    fn page(&self, paint: Paint) -> String {
        let name = |text: &str| Cell::new(text, Tone::Faint);
        let valid =
            if self.valid { Cell::new("valid", Tone::Good) } else { Cell::new("no valid policy", Tone::Bad) };
        let mut table = Table::default();
        table.row(0, [Cell::new(self.domain.clone(), Tone::Strong), valid]);
        table.row(2, [name("record"), record(self.record.as_ref())]);
        table.row(2, [name("policy"), policy(self.policy.as_ref())]);
        for pattern in self.policy.iter().flat_map(|policy| &policy.mx) {
            table.row(2, [name("mx"), pattern.clone().into()]);
        }
        for host in &self.hosts {
            let held = match &host.pattern {
                Some(pattern) => Cell::new(format!("matches {pattern}"), Tone::Good),
                None if self.valid => Cell::new("matches no pattern", Tone::Bad),
                None => Cell::new("", Tone::Faint),
            };
            table.row(2, [name("host"), host.host.clone().into(), held]);
        }
        for lint in &self.lints {
            let text = format!("line {}: {}", lint.line, printable(&lint.message));
            table.row(2, [name("lint"), Cell::new(text, Tone::Doubtful)]);
        }
        if let Some(reason) = &self.failure {
            table.row(2, [name("failure"), failure(reason)]);
        }
        reasons(&mut table, &self.explain);
        table.text(paint)
    }
}

fn record(record: Option<&RecordDocument>) -> Cell {
    match record {
        None => Cell::new("none", Tone::Faint),
        Some(RecordDocument { id: Some(id), .. }) => format!("id {id}").into(),
        Some(_) => Cell::new("invalid", Tone::Bad),
    }
}

fn policy(policy: Option<&PolicyDocument>) -> Cell {
    match policy {
        None => Cell::new("none", Tone::Faint),
        Some(PolicyDocument { mode: Some(mode), max_age: Some(max_age), .. }) => {
            format!("mode {mode}, for {max_age} s").into()
        }
        Some(_) => Cell::new("invalid", Tone::Bad),
    }
}
