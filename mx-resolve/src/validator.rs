//! The driver of the validator: fetches what `dnssec` asks for until it has a verdict.

use std::{
    collections::{HashMap, HashSet},
    future::ready,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use dnssec::{
    Failure, FailureKind, KeyCache, Limit, LocalPolicy, Proof, Question, Reason, Status, Step, Validation,
    Verdict, ZoneStep,
};
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use hickory_proto::{
    op::Message,
    rr::{Name, RecordType},
};
use mxtls_policy::{LookupError, LookupErrorKind};
use tokio::time::Instant;

use crate::{
    auto::Upstream,
    cache::ExpiringMap,
    dns::{Due, Judged, NotEarly, Way, reached},
    extended_error,
    lock::lock,
    transport::{Transport, Unanswered, unanswered_kind},
};

/// Names of which it is known what zone they belong to.
const KNOWN_ZONES: usize = 4096;

/// Where messages come from. What is in them is believed once it is proven.
pub(crate) trait Source: Send + Sync + 'static {
    /// Upstreams that can be asked one by one.
    fn upstreams(&self) -> usize;

    /// The answer of the upstream number `first`, counted from 0, or of one that comes after it where that has none.
    fn ask<'a>(
        self: &'a Arc<Self>,
        question: &'a Question,
        first: usize,
    ) -> BoxFuture<'a, Result<Message, Unanswered>>;
}

/// Hosts of which it is remembered what signed zone they lie in, and for how long.
const KNOWN_HOSTS: usize = 4096;
const HOST_REMEMBERED: Duration = Duration::from_secs(86_400);

/// Verdicts made here, from what a source says.
pub(crate) struct Validator<S> {
    source: Arc<S>,
    keys: Arc<KeyCache>,
    /// The zone in which something at the host was proven. It decides on no verdict.
    hosts: Mutex<ExpiringMap<Name, Name>>,
}

impl<S: Source> Validator<S> {
    pub(crate) fn new(source: S, policy: LocalPolicy) -> Self {
        Self {
            source: Arc::new(source),
            keys: Arc::new(KeyCache::new(policy, KNOWN_ZONES)),
            hosts: Mutex::new(ExpiringMap::new(KNOWN_HOSTS)),
        }
    }

    /// The verdict. With `due`, what is not early waits for that.
    async fn validate(&self, question: Question, due: Option<&Due>) -> Judged {
        let mut details = Details::new();
        let mut validation = Validation::new(question.clone(), Arc::clone(&self.keys), unix_seconds());
        let mut result = self.run(&mut validation, 0, &mut details, due).await;
        let bogus = result.as_ref().is_err_and(|failure| failure.kind() == FailureKind::Bogus);
        if bogus && validation.used_cache() {
            // What is remembered of a zone may be older than what it shows now: a roll-over is no attack.
            validation = validation.afresh();
            result = self.run(&mut validation, 0, &mut details, due).await;
        }
        for first in 1..self.source.upstreams() {
            if !result.as_ref().is_err_and(may_be_the_upstreams_doing) {
                break;
            }
            tracing::debug!(%question, upstream = first, "no verdict from what the upstream said, the next one is asked");
            validation = validation.afresh();
            // With none, the first failure counts: a further upstream that is silent makes a bogus answer no better.
            result = self.run(&mut validation, first, &mut details, due).await.or(result);
        }
        if let Ok(verdict) = &result {
            self.remember_hosts(&question, verdict);
        }
        result.map(Arc::new).map_err(|failure| {
            let said_of = |question: &Question| details.get(question).and_then(Option::as_ref);
            let detail = said_of(&failure.record).or_else(|| said_of(&question));
            Arc::new(lookup_error(&failure, detail))
        })
    }

    /// Each answer counts when it comes: what was asked ahead of need is not waited for, and dropped at the end.
    async fn run(
        &self,
        validation: &mut Validation,
        first: usize,
        details: &mut Details,
        due: Option<&Due>,
    ) -> Result<Verdict, Failure> {
        let mut answers = FuturesUnordered::new();
        let mut outstanding = HashSet::new();
        loop {
            match validation.step() {
                Step::Ask(questions) => {
                    for question in questions {
                        if outstanding.insert(question.clone()) {
                            answers.push(async move {
                                if let Some(due) = due
                                    && !self.is_early(&question)
                                {
                                    reached(due.clone()).await;
                                }
                                let answer = self.source.ask(&question, first).await;
                                (question, answer)
                            });
                        }
                    }
                }
                Step::Done(result) => return *result,
            }
            // There is always one: what is needed is outstanding.
            if let Some((question, answer)) = answers.next().await {
                outstanding.remove(&question);
                let (answer, detail) = match answer {
                    Ok(message) => {
                        let detail = extended_error::in_words(&message);
                        (Ok(message), detail.map(Arc::from))
                    }
                    Err(Unanswered { error, detail }) => (Err(error), detail),
                };
                validation.answer(&question, answer);
                details.entry(question).or_insert(detail);
            }
        }
    }

    /// The names of the chain, each with what was found of it: what is behind an insecure alias has no status of its own here.
    fn remember_hosts(&self, question: &Question, verdict: &Verdict) {
        if !matches!(question.record_type, RecordType::A | RecordType::AAAA | RecordType::TLSA) {
            return;
        }
        let hops = verdict.chain.iter().map(|hop| (&hop.owner, hop.status));
        let mut hosts = lock(&self.hosts);
        for (name, status) in hops.chain([(&verdict.name, verdict.status)]) {
            if host_of(name) != *name {
                continue;
            }
            match zone_of(name, &verdict.proof) {
                Some(zone) if status == Status::Secure => {
                    hosts.insert(name.clone(), zone.clone(), HOST_REMEMBERED, Instant::now());
                }
                Some(_) | None => {
                    hosts.remove(name);
                    break;
                }
            }
        }
    }

    /// Whether the question goes to a zone that is known to be signed. DS and DNSKEY may go anywhere. No zone is known by
    /// what is above it: the name may be an unsigned delegation that nobody has come by.
    fn is_early(&self, question: &Question) -> bool {
        if matches!(question.record_type, RecordType::DS | RecordType::DNSKEY) {
            return true;
        }
        let zone = lock(&self.hosts).get(&host_of(&question.name), Instant::now());
        zone.is_some() && zone == self.keys.signed_zone_of(&question.name, unix_seconds())
    }
}

/// The zone that the name lies in, by a proof of something at it.
fn zone_of<'a>(name: &Name, proof: &'a Proof) -> Option<&'a Name> {
    let zones = proof
        .zones
        .iter()
        .filter_map(|step| if let ZoneStep::Secure { zone, .. } = step { Some(zone) } else { None });
    zones.filter(|zone| zone.zone_of(name)).max_by_key(|zone| zone.iter().count())
}

/// The host of a service, whose name has `_25._tcp` before the host's (RFC 6698 §3), or else the name itself.
fn host_of(name: &Name) -> Name {
    let mut labels = name.iter();
    let port = labels.next().and_then(|label| label.strip_prefix(b"_"));
    let is_service = port.is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
        && labels.next().is_some_and(|transport| transport.eq_ignore_ascii_case(b"_tcp"));
    if is_service { name.base_name().base_name() } else { name.clone() }
}

impl Upstream for Validator<Transport> {
    fn lacks_dnssec(&self, question: Question) -> BoxFuture<'_, bool> {
        async move { self.source.lacks_dnssec(&question).await }.boxed()
    }
}

impl<S: Source> Way for Validator<S> {
    fn judge(&self, question: Question) -> BoxFuture<'_, Judged> {
        self.validate(question, None).boxed()
    }

    fn judge_early(&self, question: Question, due: Due) -> BoxFuture<'_, Result<Judged, NotEarly>> {
        match self.is_early(&question) {
            true => async move { Ok(self.validate(question, Some(&due)).await) }.boxed(),
            false => ready(Err(NotEarly)).boxed(),
        }
    }
}

/// Whether another upstream might do better. Where a question got no answer, all of them were asked already.
fn may_be_the_upstreams_doing(failure: &Failure) -> bool {
    match failure.kind() {
        FailureKind::Bogus | FailureKind::Budget => true,
        FailureKind::Indeterminate | FailureKind::Unanswered(_) => false,
    }
}

/// What more there is to say of a question: the network's words or the upstream's, those of the first try.
type Details = HashMap<Question, Option<Arc<str>>>;

/// Seconds since the epoch, modulo 2^32 as DNSSEC counts them (RFC 4034 §3.1.5).
fn unix_seconds() -> u32 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => (since.as_secs() & u64::from(u32::MAX)) as u32,
        // A clock before 1970: no signature holds then, which is the safe side.
        Err(_) => 0,
    }
}

fn lookup_error(failure: &Failure, detail: Option<&Arc<str>>) -> LookupError {
    let kind = match failure.kind() {
        FailureKind::Bogus => LookupErrorKind::Bogus,
        FailureKind::Indeterminate => LookupErrorKind::Indeterminate,
        FailureKind::Budget if failure.reason == Reason::OverLimit(Limit::Aliases) => {
            LookupErrorKind::AliasLoop
        }
        FailureKind::Budget => LookupErrorKind::Budget,
        FailureKind::Unanswered(error) => unanswered_kind(error),
    };
    let detail = match detail {
        Some(detail) => format!("{failure}: {detail}"),
        None => failure.to_string(),
    };
    let mut explanation: Vec<String> = failure.proof.to_string().lines().map(str::to_owned).collect();
    explanation.push(format!("to mend it: {}", failure.remedy()));
    LookupError { kind, detail, explanation }
}
