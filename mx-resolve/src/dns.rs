//! The driver of the validator: fetches what `dnssec` asks for until it has a verdict, and remembers verdicts.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use dnssec::{
    Failure, FailureKind, FetchError, HopKind, KeyCache, Limit, LocalPolicy, Question, Reason, Step,
    Validation, Verdict,
};
use futures_util::future::join_all;
use hickory_proto::{
    rr::{Name, RData, Record, RecordType},
    serialize::binary::BinEncodable,
};
use mxtls_policy::{Alias, AliasKind, Answer, LookupError, LookupErrorKind, Outcome, Status};
use tokio::time::Instant;

use crate::{
    cache::ExpiringMap,
    in_flight::InFlight,
    lock::lock,
    transport::{Transport, Unanswered},
};

/// Verdicts kept, and as many names of which it is known what zone they belong to.
const CACHE_ENTRIES: usize = 4096;
/// A verdict that takes more octets is not kept: else whoever fills their answers to the brim would fill the memory. It
/// has room for 150 TLSA records, and most take a few kilobytes.
const MAX_WEIGHT: usize = 65_536;
/// Nothing is kept longer than a day, whatever its TTL.
const MAX_LIFETIME: Duration = Duration::from_secs(86_400);
/// A verdict may take several questions one after the other; whoever answers each at the last moment gains no more.
const QUESTION_TIME: Duration = Duration::from_secs(60);

/// The verdict on a question, or why there is none.
pub(crate) type Judged = Result<Arc<Verdict>, Arc<NoVerdict>>;

/// Why there is no verdict, and what is known all the same.
#[derive(Debug)]
pub(crate) struct NoVerdict {
    pub(crate) error: LookupError,
    /// What had been proven before it broke, then what can be done about it: a line for each.
    pub(crate) explanation: Vec<String>,
}

/// Asks questions and judges the answers.
pub(crate) struct Dns {
    transport: Arc<Transport>,
    in_flight: InFlight<Question, Judged>,
    keys: Arc<KeyCache>,
    verdicts: Mutex<ExpiringMap<Question, Arc<Verdict>>>,
}

impl Dns {
    pub(crate) fn new(transport: Transport, policy: LocalPolicy) -> Self {
        Self {
            transport: Arc::new(transport),
            in_flight: InFlight::new(),
            keys: Arc::new(KeyCache::new(policy, CACHE_ENTRIES)),
            verdicts: Mutex::new(ExpiringMap::new(CACHE_ENTRIES)),
        }
    }

    /// The verdict on one question, within the time for all the questions behind it.
    pub(crate) async fn ask(self: &Arc<Self>, name: &Name, record_type: RecordType) -> Judged {
        let question = Question::new(name.clone(), record_type);
        if let Some(verdict) = lock(&self.verdicts).get(&question, Instant::now()) {
            return Ok(verdict);
        }
        let begin = || {
            let (dns, question) = (Arc::clone(self), question.clone());
            async move { dns.judge_in_time(question).await }
        };
        self.in_flight.join(question.clone(), begin).await
    }

    async fn judge_in_time(&self, question: Question) -> Judged {
        match tokio::time::timeout(QUESTION_TIME, self.judge(question)).await {
            Ok(result) => result,
            Err(_elapsed) => {
                let detail = format!("no verdict within {} seconds", QUESTION_TIME.as_secs());
                let error = LookupError { kind: LookupErrorKind::Timeout, detail };
                Err(Arc::new(NoVerdict { error, explanation: vec![] }))
            }
        }
    }

    async fn judge(&self, question: Question) -> Judged {
        let keys = || Arc::clone(&self.keys);
        let mut details = Details::new();
        // A verdict's lifetime begins here, however long its answers take: a signature ends when it ends.
        let begun = Instant::now();
        let mut validation = Validation::new(question.clone(), keys(), unix_seconds());
        let mut result = self.run(&mut validation, &mut details).await;
        let bogus = result.as_ref().is_err_and(|failure| failure.kind() == FailureKind::Bogus);
        if bogus && validation.used_cache() {
            // What is remembered of a zone may be older than what it shows now: a roll-over is no attack.
            result = self.run(&mut validation.afresh(), &mut details).await;
        }
        let verdict = match result {
            Ok(verdict) => Arc::new(verdict),
            Err(failure) => {
                let mut explanation: Vec<String> =
                    failure.proof.to_string().lines().map(str::to_owned).collect();
                explanation.push(format!("to mend it: {}", failure.remedy()));
                let error = lookup_error(&failure, details.get(&failure.record));
                return Err(Arc::new(NoVerdict { error, explanation }));
            }
        };
        let lifetime = Duration::from_secs(verdict.ttl.into()).min(MAX_LIFETIME);
        let end = begun + lifetime;
        let now = Instant::now();
        if weight(&verdict) <= MAX_WEIGHT {
            lock(&self.verdicts).insert(question, Arc::clone(&verdict), end.duration_since(now), now);
        }
        Ok(verdict)
    }

    async fn run(&self, validation: &mut Validation, details: &mut Details) -> Result<Verdict, Failure> {
        loop {
            match validation.step() {
                Step::Ask(questions) => {
                    let answers = questions.into_iter().map(|question| async {
                        let answer = self.transport.ask(&question).await;
                        (question, answer)
                    });
                    for (question, answer) in join_all(answers).await {
                        let answer = answer.map_err(|Unanswered { error, detail }| {
                            details.extend(detail.map(|detail| (question.clone(), detail)));
                            error
                        });
                        validation.answer(&question, answer);
                    }
                }
                Step::Done(result) => return *result,
            }
        }
    }
}

/// What more there is to say of the questions that got no answer.
type Details = HashMap<Question, Arc<str>>;

/// About how many octets a verdict takes in memory.
fn weight(verdict: &Verdict) -> usize {
    /// What a step, a signature, a denial or an alias takes with the three longest names.
    const LINE: usize = 1024;
    let proof = &verdict.proof;
    let lines = proof.zones.len() + proof.signatures.len() + proof.denials.len() + verdict.chain.len();
    let records = match &verdict.outcome {
        dnssec::Outcome::Records(records) => records.as_slice(),
        dnssec::Outcome::NoData | dnssec::Outcome::NxDomain => &[],
    };
    let octets = records.iter().map(|record| match record.to_bytes() {
        Ok(octets) => size_of::<Record>() + octets.len(),
        // What cannot be written again is nothing to keep.
        Err(_) => MAX_WEIGHT,
    });
    octets.fold(lines * LINE, usize::saturating_add)
}

/// Seconds since the epoch, modulo 2^32 as DNSSEC counts them (RFC 4034 §3.1.5).
fn unix_seconds() -> u32 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => (since.as_secs() & u64::from(u32::MAX)) as u32,
        // A clock before 1970: no signature holds then, which is the safe side.
        Err(_) => 0,
    }
}

/// The verdict as evidence, with the records that `read` understands. Without any, there is no data.
pub(crate) fn evidence<T>(
    judged: &Judged,
    read: impl FnMut(&RData) -> Option<T>,
) -> Result<Answer<Vec<T>>, LookupError> {
    let verdict = match judged {
        Ok(verdict) => verdict,
        Err(none) => return Err(none.error.clone()),
    };
    let outcome = match &verdict.outcome {
        dnssec::Outcome::Records(records) => {
            let read: Vec<T> = records.iter().map(|record| &record.data).filter_map(read).collect();
            // A record of the type whose data could not be read is not the same as no record.
            if read.len() != records.len() {
                let detail = "a record has data that cannot be read".to_owned();
                return Err(LookupError { kind: LookupErrorKind::Malformed, detail });
            }
            Outcome::Records(read)
        }
        dnssec::Outcome::NoData => Outcome::NoData,
        dnssec::Outcome::NxDomain => Outcome::NoSuchName,
    };
    let aliases = verdict.chain.iter().map(|hop| Alias {
        name: name_text(&hop.owner),
        target: name_text(&hop.target),
        kind: match hop.kind {
            HopKind::Cname => AliasKind::Cname,
            HopKind::Dname => AliasKind::Dname,
        },
        status: status(hop.status),
    });
    Ok(Answer { status: status(verdict.status), outcome, aliases: aliases.collect() })
}

fn status(status: dnssec::Status) -> Status {
    match status {
        dnssec::Status::Secure => Status::Secure,
        dnssec::Status::Insecure => Status::Insecure,
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
        FailureKind::Unanswered(FetchError::Rcode(_)) => LookupErrorKind::ServerFailure,
        FailureKind::Unanswered(FetchError::Malformed | FetchError::Truncated) => LookupErrorKind::Malformed,
        // `FetchError` may grow: whatever else kept an answer from us, none came in time.
        FailureKind::Unanswered(_) => LookupErrorKind::Timeout,
    };
    let detail = match detail {
        Some(detail) => format!("{failure}: {detail}"),
        None => failure.to_string(),
    };
    LookupError { kind, detail }
}

/// A name as everything outside DNS knows it: lower case, no trailing dot; the root is empty.
pub(crate) fn name_text(name: &Name) -> String {
    let text = name.to_ascii().to_ascii_lowercase();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests;
