//! Verdicts on questions: each is found out once at a time, within bounds, and kept as long as it holds.

use std::{
    convert::Infallible,
    future::ready,
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use dnssec::{HopKind, Question, Verdict};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Either, select},
};
use hickory_proto::{
    rr::{Name, RData, Record, RecordType},
    serialize::binary::BinEncodable,
};
use mxtls_policy::{Alias, AliasKind, Answer, LookupError, LookupErrorKind, Outcome, Status};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use crate::{cache::ExpiringMap, in_flight::InFlight, lock::lock};

/// Verdicts and failures kept.
const CACHE_ENTRIES: usize = 4096;
/// What takes more octets is not kept: else whoever fills their answers to the brim would fill the memory. It
/// has room for 150 TLSA records, and most take a few kilobytes.
const MAX_WEIGHT: usize = 65_536;
/// Nothing is kept longer than a day, whatever its TTL.
const MAX_LIFETIME: Duration = Duration::from_secs(86_400);
/// How long it is remembered that there was no verdict, for whatever reason, a missing answer included: RFC 9520 §3.2 asks
/// for a second at least. A broken zone and whoever attacks one then cannot make us repeat the work for each host of each
/// message; and nobody who tries again later, as queues do after minutes, is kept from it.
const FAILURE_LIFETIME: Duration = Duration::from_secs(5);
/// A verdict may take several questions one after the other; whoever answers each at the last moment gains no more.
const QUESTION_TIME: Duration = Duration::from_secs(60);

/// The verdict on a question, or why there is none.
pub(crate) type Judged = Result<Arc<Verdict>, Arc<LookupError>>;

/// A way to the status of an answer.
pub(crate) trait Way: Send + Sync + 'static {
    /// The verdict on one question. Its lifetime begins with this call.
    fn judge(&self, question: Question) -> BoxFuture<'_, Judged>;

    /// The same for a question of which it is not known yet whether it may be asked: whatever would be asked of a zone that is
    /// not known to be signed waits until it is due. A way that does not know which are asks nothing.
    fn judge_early(&self, _question: Question, _due: Due) -> BoxFuture<'_, Result<Judged, NotEarly>> {
        ready(Err(NotEarly)).boxed()
    }
}

/// Whether it is known by now that a question may be asked. Where nobody is left to know, it does not matter.
pub(crate) type Due = watch::Receiver<bool>;

/// It is not known that the question would go to a signed zone.
#[derive(Debug)]
pub(crate) struct NotEarly;

/// Asks questions, and remembers what came of them.
pub(crate) struct Dns {
    way: Box<dyn Way>,
    in_flight: InFlight<Question, Judged>,
    known: Mutex<ExpiringMap<Question, Judged>>,
}

impl Dns {
    pub(crate) fn new(way: impl Way) -> Self {
        Self {
            way: Box::new(way),
            in_flight: InFlight::new(),
            known: Mutex::new(ExpiringMap::new(CACHE_ENTRIES)),
        }
    }

    /// The verdict on one question, within the time for all the questions behind it.
    pub(crate) async fn ask(self: &Arc<Self>, name: &Name, record_type: RecordType) -> Judged {
        let question = Question::new(name.clone(), record_type);
        match self.known(&question) {
            Some(judged) => judged,
            None => self.find_out(question).await,
        }
    }

    /// The same, where that it failed a moment ago is no reason not to ask.
    #[cfg(feature = "mta-sts")]
    pub(crate) async fn ask_again(self: &Arc<Self>, name: &Name, record_type: RecordType) -> Judged {
        let question = Question::new(name.clone(), record_type);
        match self.known(&question) {
            Some(Ok(verdict)) => Ok(verdict),
            Some(Err(_)) | None => self.find_out(question).await,
        }
    }

    fn known(&self, question: &Question) -> Option<Judged> {
        lock(&self.known).get(question, Instant::now())
    }

    async fn find_out(self: &Arc<Self>, question: Question) -> Judged {
        let begin = || {
            let (dns, question) = (Arc::clone(self), question.clone());
            async move {
                let judge = dns.way.judge(question.clone()).map(Ok::<_, Infallible>);
                let Ok(judged) = dns.judge(question, judge, ready(())).await;
                judged
            }
        };
        self.in_flight.join(question.clone(), begin).await
    }

    /// The same for a question of which it is not known yet whether it may be asked: see [`Way::judge_early`].
    pub(crate) async fn ask_early(
        &self,
        name: &Name,
        record_type: RecordType,
        due: Due,
    ) -> Result<Judged, NotEarly> {
        let question = Question::new(name.clone(), record_type);
        match self.known(&question) {
            Some(Ok(verdict)) => Ok(Ok(verdict)),
            // When it is due, that may be forgotten.
            Some(Err(_)) => Err(NotEarly),
            None => {
                let is_due = reached(due.clone());
                self.judge(question.clone(), self.way.judge_early(question, due), is_due).await
            }
        }
    }

    async fn judge<E>(
        &self,
        question: Question,
        judge: impl Future<Output = Result<Judged, E>>,
        is_due: impl Future<Output = ()>,
    ) -> Result<Judged, E> {
        // A verdict's lifetime begins here, however long its answers take: a signature ends when it ends.
        let begun = Instant::now();
        let judged = in_time(judge, is_due).await?;
        let now = Instant::now();
        let (end, weight) = match &judged {
            Ok(verdict) => {
                (begun + Duration::from_secs(verdict.ttl.into()).min(MAX_LIFETIME), weight(verdict))
            }
            Err(error) => (now + FAILURE_LIFETIME, error_weight(error)),
        };
        if weight <= MAX_WEIGHT {
            lock(&self.known).insert(question, judged.clone(), end.duration_since(now), now);
        }
        Ok(judged)
    }
}

/// Ends when it is due, or nobody is left who could say so.
pub(crate) async fn reached(mut due: Due) {
    let _due_or_alone = due.wait_for(|due| *due).await;
}

/// The time begins when it is due.
async fn in_time<E>(
    judge: impl Future<Output = Result<Judged, E>>,
    is_due: impl Future<Output = ()>,
) -> Result<Judged, E> {
    let over = is_due.then(|()| sleep(QUESTION_TIME));
    match select(pin!(judge), pin!(over)).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => {
            let detail = format!("no verdict within {} seconds", QUESTION_TIME.as_secs());
            Ok(Err(Arc::new(LookupError::new(LookupErrorKind::Timeout, detail))))
        }
    }
}

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

/// The same for what takes its place.
fn error_weight(error: &LookupError) -> usize {
    error.explanation.iter().map(String::len).fold(error.detail.len(), usize::saturating_add)
}

/// The verdict as evidence, with the records that `read` understands. Without any, there is no data.
pub(crate) fn evidence<T>(
    judged: &Judged,
    read: impl FnMut(&RData) -> Option<T>,
) -> Result<Answer<Vec<T>>, LookupError> {
    let verdict = match judged {
        Ok(verdict) => verdict,
        Err(error) => return Err(LookupError::clone(error)),
    };
    let outcome = match &verdict.outcome {
        dnssec::Outcome::Records(records) => {
            let read: Vec<T> = records.iter().map(|record| &record.data).filter_map(read).collect();
            // A record of the type whose data could not be read is not the same as no record.
            if read.len() != records.len() {
                let detail = "a record has data that cannot be read";
                return Err(LookupError::new(LookupErrorKind::Malformed, detail));
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

/// A name as everything outside DNS knows it: lower case, no trailing dot; the root is empty.
pub(crate) fn name_text(name: &Name) -> String {
    let text = name.to_ascii().to_ascii_lowercase();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
