//! `mxtls resolve`.

use crate::{
    document::{DaneDocument, ResolveDocument, ResolvedDestination},
    page::{Cell, Page, Paint, Table, Tone, failure, host, reasons, status, word},
};

impl Page for ResolveDocument {
    fn page(&self, paint: Paint) -> String {
        let pages: Vec<String> = self.results.iter().map(|result| result.page(paint)).collect();
        pages.join("\n")
    }
}

impl Page for DaneDocument {
    fn page(&self, paint: Paint) -> String {
        let mut table = Table::default();
        let [record] = &self.results;
        host::rows(&mut table, 0, record);
        table.begin_part();
        reasons(&mut table, &record.explain);
        table.text(paint)
    }
}

impl Page for ResolvedDestination {
    fn page(&self, paint: Paint) -> String {
        let mut table = Table::default();
        table.row(0, [Cell::new(self.domain.clone(), Tone::Strong)]);
        facts(&mut table, self);
        table.begin_part();
        for record in &self.hosts {
            host::rows(&mut table, 2, record);
        }
        table.text(paint)
    }
}

/// What is known of the destination itself.
pub(super) fn facts(table: &mut Table, result: &ResolvedDestination) {
    let name = |text: &str| Cell::new(text, Tone::Faint);
    let source = word(&result.mx_source);
    let next_hop =
        if result.next_hop == result.domain { source } else { format!("{source}, {}", result.next_hop) };
    table.row(2, [name("servers"), status(result.mx_status), next_hop.into()]);
    // Without a server nobody asks for a policy.
    if let (Some(mta_sts), None) = (&result.mta_sts, &result.failure) {
        let mode = mta_sts.mode.map_or_else(|| "no policy".to_owned(), |mode| format!("mode {mode}"));
        let mode = if mta_sts.mode.is_some() { format!("{mode}, {}", word(&mta_sts.source)) } else { mode };
        match &mta_sts.failure {
            Some(reason) => table.row(2, [name("MTA-STS"), mode.into(), failure(reason)]),
            None => table.row(2, [name("MTA-STS"), mode.into()]),
        }
    }
    if let Some(reason) = &result.failure {
        table.row(2, [name("failure"), failure(reason)]);
    }
    reasons(table, &result.explain);
}
