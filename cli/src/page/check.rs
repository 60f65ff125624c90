//! `mxtls check`.

use mxtls_policy::Verdict;

use crate::{
    document::{AttemptDocument, CheckDocument, CheckedDestination, CheckedHost},
    page::{Cell, Page, Paint, Table, Tone, channel, failure, resolve, tlsa::expired},
};

impl Page for CheckDocument {
    fn page(&self, paint: Paint) -> String {
        let pages: Vec<String> = self.results.iter().map(|result| result.page(paint)).collect();
        pages.join("\n")
    }
}

impl Page for CheckedDestination {
    fn page(&self, paint: Paint) -> String {
        let mut table = Table::default();
        let mut head = vec![Cell::new(self.domain.clone(), Tone::Strong), verdict(self.verdict)];
        if let (Some(over), Some(policy), Some(host)) = (self.channel, self.policy, &self.host) {
            head.extend([channel(over), format!("by {policy} through {host}").into()]);
        }
        table.row(0, head);
        resolve::facts(&mut table, &self.resolve);
        if let Some(reason) = self.would_fail.as_ref() {
            let refusal =
                format!("refused if MTA-STS were enforced: {}", failure(reason).painted(Paint::Plain));
            table.row(2, [Cell::new(refusal, Tone::Doubtful)]);
        }
        if let Some(reason) =
            self.failure.as_ref().filter(|_| self.hosts.is_empty() && self.resolve.failure.is_none())
        {
            table.row(2, [failure(reason)]);
        }
        table.begin_part();
        for host in &self.hosts {
            rows(&mut table, host);
        }
        table.text(paint)
    }
}

/// What becomes of mail, in its colour.
pub(super) fn verdict(verdict: Verdict) -> Cell {
    let tone = match verdict {
        Verdict::Deliver => Tone::Good,
        Verdict::Defer => Tone::Doubtful,
        Verdict::Bounce => Tone::Bad,
    };
    Cell::new(verdict.to_string(), tone)
}

/// What one session came to.
pub(super) fn attempt(table: &mut Table, indent: usize, host: Option<&str>, attempt: &AttemptDocument) {
    let address = std::net::SocketAddr::new(attempt.address, attempt.port).to_string();
    let mut cells: Vec<Cell> = host.into_iter().map(Cell::from).collect();
    cells.extend([address.into(), accepted(attempt.verdict)]);
    cells.extend(attempt.channel.map(channel));
    let mut words: Vec<String> = vec![];
    match (&attempt.tls, attempt.starttls) {
        (Some(tls), _) => {
            words.extend(tls.version.map(str::to_owned));
            words.extend(tls.cipher_suite.map(str::to_owned));
            words.extend(tls.matched.as_ref().map(|matched| {
                format!(
                    "{} {} {} matches at depth {}{}",
                    matched.usage,
                    matched.selector,
                    matched.matching,
                    matched.depth,
                    expired(matched.anchor_expired.as_deref())
                )
            }));
        }
        (None, Some(starttls)) => words.push(format!("STARTTLS {starttls}")),
        (None, None) => {}
    }
    if !words.is_empty() {
        cells.push(words.join(", ").into());
    }
    table.row(indent, cells);
    if let Some(reason) = &attempt.failure {
        table.row(indent.saturating_add(2), [failure(reason)]);
    }
}

fn rows(table: &mut Table, host: &CheckedHost) {
    let mut cells = vec![
        host.preference.to_string().into(),
        host.host.clone().into(),
        host.policy.map_or_else(|| "-".to_owned(), |policy| policy.to_string()).into(),
        accepted(host.verdict),
    ];
    cells.extend(host.channel.map(channel));
    table.row(2, cells);
    if let Some(reason) = host.failure.as_ref().filter(|_| host.attempts.is_empty()) {
        table.row(7, [failure(reason)]);
    }
    for one in &host.attempts {
        attempt(table, 5, None, one);
    }
}

fn accepted(verdict: &'static str) -> Cell {
    Cell::new(verdict, if verdict == "accept" { Tone::Good } else { Tone::Bad })
}
