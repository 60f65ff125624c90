//! `mxtls matrix`.

use crate::{
    document::MatrixDocument,
    page::{Cell, Page, Paint, Table, Tone, checks, policies, word},
};

impl Page for MatrixDocument {
    fn page(&self, paint: Paint) -> String {
        let mut table = Table::default();
        let head = ["id", "policy", "TLS", "certificate against", "clear text", "scenario"];
        table.row(0, head.map(|title| Cell::new(title, Tone::Strong)));
        for row in &self.rows {
            table.row(
                0,
                [
                    word(&row.id).into(),
                    policies(&row.policies).into(),
                    match row.tls_mandatory {
                        Some(true) => "mandatory",
                        Some(false) => "attempted",
                        None => "no connection",
                    }
                    .into(),
                    checks(&row.certificate_checks).into(),
                    if row.fallback { "allowed" } else { "never" }.into(),
                    row.scenario.into(),
                ],
            );
        }
        table.text(paint)
    }
}
