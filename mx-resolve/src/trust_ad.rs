//! The word of a resolver that validates: its AD bit (RFC 4035 §3.2.3, RFC 6840 §5.8).
//!
//! Nothing is checked here, so the resolver and the path to it are to be trusted (RFC 7672 §2.1.1): a resolver on this machine,
//! or one that the operator vouches for.

use std::{collections::HashSet, sync::Arc, time::Duration};

use dnssec::{FetchError, Hop, HopKind, Limits, Outcome, Question, Status, Verdict};
use futures_util::{
    FutureExt,
    future::{BoxFuture, join},
};
use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{Name, RData, Record, RecordType},
};
use mxtls_policy::{LookupError, LookupErrorKind};

use crate::{
    dns::{Judged, Way},
    probe::Probe,
    transport::{Transport, Unanswered, unanswered_kind},
    validator::Source,
};

/// A negative answer is kept for three hours at the most (RFC 2308 §5).
const MAX_NEGATIVE_TTL: u32 = 10_800;

/// A resolver may begin again with another configuration. What it says then must not pass for insecure for long.
const PROBE_HOLDS: Duration = Duration::from_secs(60);

/// Verdicts of trusted resolvers.
pub(crate) struct TrustAd {
    resolvers: Vec<Resolver>,
    /// A zone that is known to be signed.
    anchor: Name,
}

struct Resolver {
    trusted: Arc<Transport>,
    /// The same server, asked not to check (RFC 4035 §3.2.2). What it says then is not used.
    unchecked: Arc<Transport>,
    /// Whether it sets AD at all. Each is asked: an answer without the bit, from one that never sets it, would pass for
    /// insecure where another one has found it bogus.
    probe: Probe<()>,
}

impl TrustAd {
    /// Each pair of transports leads to one resolver, which is to have the trust anchor of the zone `anchor` too.
    pub(crate) fn new(transports: impl IntoIterator<Item = [Transport; 2]>, anchor: Name) -> Self {
        let resolver = |[trusted, unchecked]: [Transport; 2]| Resolver {
            trusted: Arc::new(trusted.trusted()),
            unchecked: Arc::new(unchecked),
            probe: Probe::new(PROBE_HOLDS),
        };
        Self { resolvers: transports.into_iter().map(resolver).collect(), anchor }
    }

    async fn look_up(&self, question: Question) -> Judged {
        let mut found =
            Found { name: question.name.clone(), chain: vec![], status: Status::Secure, ttl: u32::MAX };
        loop {
            let current = Question::new(found.name.clone(), question.record_type);
            let message = self.ask(&current).await?;
            let status = status(&message);
            // The bit is the whole answer's, so that what is behind a split is as insecure as what is before it.
            found.status = found.status.min(status);
            loop {
                let records = records(&message, &found.name, question.record_type);
                if !records.is_empty() {
                    let ttl = records.iter().map(|record| lifetime(record.ttl)).fold(found.ttl, u32::min);
                    return Ok(Arc::new(found.verdict(Outcome::Records(distinct(&records)), ttl)));
                }
                let Some(alias) = alias(&message, &found.name, question.record_type)? else { break };
                let hop = match status {
                    Status::Secure => Status::Secure,
                    Status::Insecure => self.alias_alone(&alias).await?,
                };
                found.follow(alias, hop)?;
            }
            if let Some(ttl) = denial(&message, &found.name) {
                let no_name = message.metadata.response_code == ResponseCode::NXDomain;
                let outcome = if no_name { Outcome::NxDomain } else { Outcome::NoData };
                let ttl = found.ttl.min(ttl);
                return Ok(Arc::new(found.verdict(outcome, ttl)));
            }
            // RFC 7672 §2.1.3: a target that did not come along is asked for. Each time at least one alias has been followed.
            if found.name == current.name {
                // RFC 2308 §2.2: without an SOA it may be a referral, or the shrug of a lame server.
                return Err(malformed(&current, "neither records nor a denial with an SOA record"));
            }
        }
    }

    /// The status of one alias of an answer that is insecure as a whole (RFC 7672 §2.1.3): of the record that makes it one,
    /// CNAME or DNAME. Some resolvers do not answer for the CNAME that a DNAME makes.
    async fn alias_alone(&self, alias: &Alias<'_>) -> Result<Status, Arc<LookupError>> {
        let made_by = alias.made_by;
        let question = Question::new(made_by.name.clone(), made_by.record_type());
        let message = self.ask(&question).await?;
        let same = |record: &&Record| record.data == made_by.data;
        match records(&message, &question.name, question.record_type).iter().any(same) {
            true => Ok(status(&message)),
            false => Err(malformed(&question, "the alias is another one than a moment ago")),
        }
    }

    /// In order, until one answers that is known to validate.
    async fn ask(&self, question: &Question) -> Result<Message, Arc<LookupError>> {
        let mut last = Arc::new(LookupError::new(LookupErrorKind::Timeout, "there is no resolver"));
        for resolver in &self.resolvers {
            match resolver.ask(question, &self.anchor).await {
                Ok(message) => return Ok(message),
                // Bogus counts for more than any fault that comes after it.
                Err(_) if last.kind == LookupErrorKind::Bogus => {}
                Err(none) => last = none,
            }
        }
        Err(last)
    }
}

impl Resolver {
    async fn ask(&self, question: &Question, anchor: &Name) -> Result<Message, Arc<LookupError>> {
        let begin = || sets_ad(Arc::clone(&self.trusted), Question::new(anchor.clone(), RecordType::SOA));
        let (probe, answer) = join(self.probe.finding(begin), self.trusted.ask(question, 0)).await;
        probe?;
        match answer {
            Ok(message) => Ok(message),
            Err(Unanswered { error: FetchError::Rcode(ResponseCode::ServFail), detail })
                if self.unchecked.ask(question, 0).await.is_ok() =>
            {
                // RFC 4035 §5.5: what it finds bogus it does not give. A fault of a server counts for less (decision 27).
                let why = detail.map_or_else(String::new, |detail| format!(": {detail}"));
                let detail =
                    format!("{question}: the DNS resolver refuses what it would give unchecked{why}");
                let remedy = "to mend it: validate here instead, which shows the link that is broken, and what can be done about it";
                let explanation = vec![remedy.to_owned()];
                Err(Arc::new(LookupError { kind: LookupErrorKind::Bogus, detail, explanation }))
            }
            Err(error) => Err(unanswered(question, &error)),
        }
    }
}

/// RFC 4035 §4.9.3: a clear AD bit means insecure, but only of who would have set it.
async fn sets_ad(resolver: Arc<Transport>, signed: Question) -> Result<(), Arc<LookupError>> {
    let answer = resolver.ask(&signed, 0).await.map_err(|error| unanswered(&signed, &error))?;
    if answer.metadata.authentic_data {
        return Ok(());
    }
    let detail = format!(
        "the DNS resolver does not set the AD bit for {signed}, which is signed: it does not validate, or the bit is removed \
         on the way; turn validation on there, or validate here"
    );
    Err(Arc::new(LookupError::new(LookupErrorKind::Indeterminate, detail)))
}

impl Way for TrustAd {
    fn judge(&self, question: Question) -> BoxFuture<'_, Judged> {
        self.look_up(question).boxed()
    }
}

/// What is known so far.
struct Found {
    /// The last name of the chain.
    name: Name,
    chain: Vec<Hop>,
    status: Status,
    ttl: u32,
}

impl Found {
    fn follow(&mut self, alias: Alias<'_>, status: Status) -> Result<(), Arc<LookupError>> {
        let looped = self.chain.iter().any(|hop| hop.owner == alias.target) || alias.owner == alias.target;
        if looped || self.chain.len() >= usize::from(Limits::default().aliases) {
            let detail =
                format!("{} leads on to {}, after {} aliases", alias.owner, alias.target, self.chain.len());
            return Err(Arc::new(LookupError::new(LookupErrorKind::AliasLoop, detail)));
        }
        self.status = self.status.min(status);
        self.ttl = self.ttl.min(alias.ttl);
        self.name = alias.target.clone();
        self.chain.push(Hop::new(alias.owner, alias.kind, alias.target, status));
        Ok(())
    }

    fn verdict(self, outcome: Outcome, ttl: u32) -> Verdict {
        Verdict::new(self.name, self.status, outcome, self.chain, ttl)
    }
}

/// What makes a name an alias.
struct Alias<'m> {
    made_by: &'m Record,
    kind: HopKind,
    owner: Name,
    target: Name,
    ttl: u32,
}

fn status(message: &Message) -> Status {
    if message.metadata.authentic_data { Status::Secure } else { Status::Insecure }
}

fn records<'m>(message: &'m Message, name: &Name, record_type: RecordType) -> Vec<&'m Record> {
    let wanted = |record: &&Record| record.name == *name && record.record_type() == record_type;
    message.answers.iter().filter(wanted).collect()
}

fn distinct(records: &[&Record]) -> Vec<Record> {
    let mut seen = HashSet::new();
    records.iter().filter(|record| seen.insert(&record.data)).map(|record| (*record).clone()).collect()
}

/// The one alias at a name (RFC 1034 §3.6.2). One that comes of a DNAME has its CNAME beside it (RFC 6672 §3.1).
fn alias<'m>(
    message: &'m Message,
    owner: &Name,
    record_type: RecordType,
) -> Result<Option<Alias<'m>>, Arc<LookupError>> {
    let mut found: Option<Alias<'m>> = None;
    if record_type == RecordType::CNAME {
        return Ok(found);
    }
    let above = |record: &&Record| {
        record.record_type() == RecordType::DNAME && record.name != *owner && record.name.zone_of(owner)
    };
    let dname = message.answers.iter().find(above);
    for record in records(message, owner, RecordType::CNAME) {
        let RData::CNAME(cname) = &record.data else { continue };
        if found.as_ref().is_some_and(|alias| alias.target != cname.0) {
            let question = Question::new(owner.clone(), RecordType::CNAME);
            return Err(malformed(&question, "more than one alias record at one name"));
        }
        let (kind, made_by) = match dname {
            Some(dname) => (HopKind::Dname, dname),
            None => (HopKind::Cname, record),
        };
        let (owner, target) = (owner.clone(), cname.0.clone());
        found = Some(Alias { made_by, kind, owner, target, ttl: lifetime(record.ttl) });
    }
    Ok(found)
}

/// For how long `name` is denied (RFC 2308 §5): by an SOA record at or above it, in a message without records for it.
fn denial(message: &Message, name: &Name) -> Option<u32> {
    let lifetimes =
        message.authorities.iter().filter(|record| record.name.zone_of(name)).filter_map(|record| {
            let RData::SOA(soa) = &record.data else { return None };
            Some(lifetime(record.ttl).min(lifetime(soa.minimum)))
        });
    lifetimes.min().map(|ttl| ttl.min(MAX_NEGATIVE_TTL))
}

/// A TTL as the seconds it stands for: with the highest bit set, none (RFC 2181 §8).
fn lifetime(ttl: u32) -> u32 {
    if ttl > i32::MAX as u32 { 0 } else { ttl }
}

fn malformed(question: &Question, what: &str) -> Arc<LookupError> {
    Arc::new(LookupError::new(LookupErrorKind::Malformed, format!("{question}: {what}")))
}

fn unanswered(question: &Question, unanswered: &Unanswered) -> Arc<LookupError> {
    Arc::new(LookupError::new(unanswered_kind(unanswered.error), format!("{question}: {unanswered}")))
}

#[cfg(test)]
mod tests;
