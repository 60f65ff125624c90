//! `mxtls matrix`.

use crate::{
    document::MatrixDocument,
    page::{Cell, Page, Paint, Table, Tone, policies},
};

impl Page for MatrixDocument {
    fn page(&self, paint: Paint) -> String {
        let mut table = Table::default();
        let head = ["id", "policy", "TLS", "certificate against", "clear text", "scenario"];
        table.row(0, head.map(|title| Cell::new(title, Tone::Strong)));
        for row in &self.rows {
            let checks: Vec<String> =
                row.certificate_checks.iter().map(|check| format!("{check:?}")).collect();
            let id = match serde_json::to_value(row.id) {
                Ok(serde_json::Value::String(id)) => id,
                Ok(_) | Err(_) => format!("{:?}", row.id),
            };
            let decision = row.decision.map_or_else(String::new, |number| format!(" (decision {number})"));
            table.row(
                0,
                [
                    id.into(),
                    policies(&row.policies).into(),
                    match row.tls_mandatory {
                        Some(true) => "mandatory",
                        Some(false) => "attempted",
                        None => "no connection",
                    }
                    .into(),
                    if checks.is_empty() { "nothing".to_owned() } else { checks.join(" and ") }.into(),
                    if row.fallback { "allowed" } else { "never" }.into(),
                    format!("{}{decision}", row.scenario).into(),
                ],
            );
        }
        table.text(paint)
    }
}
