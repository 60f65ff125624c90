//! Over the upstreams where one carries DNSSEC, else from the root: a probe of each tells.

use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use dnssec::{Question, Status};
use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, Either, join, select},
    stream::FuturesUnordered,
};
use hickory_proto::rr::{Name, RecordType};
use mxtls_policy::{LookupError, LookupErrorKind};
use tokio::time::{sleep, timeout};

use crate::{
    dns::{Due, Judged, NotEarly, Way},
    probe::Probe,
};

/// A resolver may be mended, or set up in another way: the choice is made anew after an hour.
const CHOICE_HOLDS: Duration = Duration::from_secs(3600);

/// For an upstream, and for the root after it: a question has time for both, and for itself, whatever an upstream may take for
/// an answer. It would not be remembered otherwise what came of them.
const PROBE_TIME: Duration = Duration::from_secs(20);

/// A good upstream has answered by then, as a rule, and is asked nothing more.
const SECOND_THOUGHT: Duration = Duration::from_millis(500);

/// What resolves for us, and may not pass DNSSEC records on.
pub(crate) trait Upstream: Way {
    /// Whether there is an answer to the question when nothing is said of DNSSEC, and at the same time none with a signature when
    /// that is asked for.
    fn lacks_dnssec(&self, question: Question) -> BoxFuture<'_, bool>;
}

/// What an upstream does with DNSSEC.
enum Found {
    Carries,
    /// It answers, but not what proves the answer.
    Lacks(LookupError),
    /// It has said nothing of use.
    Unknown(LookupError),
}

/// Two ways, of which the first is taken if it can be.
pub(crate) struct Auto<U, R> {
    ways: Arc<Ways<U, R>>,
    probe: Probe<Choice>,
}

struct Ways<U, R> {
    /// Over all upstreams, each for the next.
    upstream: Arc<U>,
    /// Over one upstream each.
    each: Vec<Arc<U>>,
    root: R,
    /// The zone that the probe is about: it is known to be signed.
    anchor: Name,
    /// That the root was chosen is said once, not every hour.
    said: AtomicBool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Choice {
    Upstream,
    Root,
}

impl<U: Upstream, R: Way> Auto<U, R> {
    /// `each` is for the upstreams alone what `upstream` is for all of them; `anchor` is a zone with a trust anchor.
    pub(crate) fn new(upstream: Arc<U>, each: Vec<Arc<U>>, root: R, anchor: Name) -> Self {
        let ways = Ways { upstream, each, root, anchor, said: AtomicBool::new(false) };
        Self { ways: Arc::new(ways), probe: Probe::new(CHOICE_HOLDS) }
    }

    async fn choice(&self) -> Result<Choice, Arc<LookupError>> {
        let begin = || {
            let ways = Arc::clone(&self.ways);
            async move { ways.choose().await }
        };
        self.probe.finding(begin).await
    }

    /// The upstream is asked while the probe runs, so that where it is good nobody waits for that.
    async fn judge_and_choose(&self, question: Question) -> Judged {
        let early = self.ways.upstream.judge(question.clone());
        match select(self.choice().boxed(), early).await {
            Either::Left((choice, early)) => match choice? {
                Choice::Upstream => early.await,
                Choice::Root => self.ways.root.judge(question).await,
            },
            Either::Right((verdict, choice)) => match choice.await? {
                Choice::Upstream => verdict,
                Choice::Root => self.ways.root.judge(question).await,
            },
        }
    }
}

impl<U: Upstream, R: Way> Way for Auto<U, R> {
    fn judge(&self, question: Question) -> BoxFuture<'_, Judged> {
        match self.probe.last() {
            Some(Ok(Choice::Upstream)) => self.ways.upstream.judge(question),
            Some(Ok(Choice::Root)) => self.ways.root.judge(question),
            Some(Err(none)) => ready(Err(none)).boxed(),
            None => self.judge_and_choose(question).boxed(),
        }
    }

    /// Without a choice nothing is known of any zone.
    fn judge_early(&self, question: Question, due: Due) -> BoxFuture<'_, Result<Judged, NotEarly>> {
        match self.probe.last() {
            Some(Ok(Choice::Upstream)) => self.ways.upstream.judge_early(question, due),
            Some(Ok(Choice::Root)) => self.ways.root.judge_early(question, due),
            Some(Err(_)) | None => ready(Err(NotEarly)).boxed(),
        }
    }
}

impl<U: Upstream, R: Way> Ways<U, R> {
    /// The root where each upstream has shown that it does not carry DNSSEC. One that has not said so may carry it, and what the
    /// root knows of a name may differ from what this network knows of it: a pause of an upstream must not decide between the two.
    async fn choose(&self) -> Result<Choice, Arc<LookupError>> {
        let (mut lacks, mut unknown) = (None, None);
        let mut probes: FuturesUnordered<_> = self.each.iter().map(|upstream| self.probe(upstream)).collect();
        while let Some(found) = probes.next().await {
            match found {
                Found::Carries => {
                    self.said.store(false, Ordering::Relaxed);
                    return Ok(Choice::Upstream);
                }
                Found::Lacks(error) => lacks = Some(error),
                Found::Unknown(error) => unknown = Some(error),
            }
        }
        match (unknown, lacks) {
            (None, Some(lacks)) => self.choose_root(&lacks).await,
            (Some(unknown), lacks) => {
                let others = if lacks.is_some() { " No other one passes DNSSEC records on." } else { "" };
                let detail = format!(
                    "the DNS resolver gives no answer ({}): is it running, can it be reached, and does it reach others?{others}",
                    unknown.detail
                );
                Err(Arc::new(LookupError::new(unknown.kind, detail)))
            }
            (None, None) => {
                Err(Arc::new(LookupError::new(LookupErrorKind::Timeout, "there is no DNS resolver")))
            }
        }
    }

    async fn choose_root(&self, lacks: &LookupError) -> Result<Choice, Arc<LookupError>> {
        match in_time(carries_dnssec(&self.root, &self.anchor)).await {
            Ok(()) => {
                if !self.said.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        reason = %lacks.detail,
                        "the DNS resolver does not pass DNSSEC records on: resolving from the root instead"
                    );
                }
                Ok(Choice::Root)
            }
            Err(root) => {
                // Both say it where the fault is on this machine.
                let detail = format!(
                    "nothing can be validated over the DNS resolver ({}), nor from the root ({}): name a resolver that passes \
                     DNSSEC records on, let questions to port 53 (UDP and TCP) out, or set the clock or the trust anchor right",
                    lacks.detail, root.detail
                );
                Err(Arc::new(LookupError::new(LookupErrorKind::Indeterminate, detail)))
            }
        }
    }

    /// Without an answer, or with an error instead, the upstream may not know what to do with DNSSEC; or it may be cut off, and
    /// then it does not answer any other question, but for what its cache proves, and that is signed.
    async fn probe(&self, upstream: &U) -> Found {
        let lacks = async {
            sleep(SECOND_THOUGHT).await;
            let question = Question::new(nobodys(&self.anchor), RecordType::SOA);
            upstream.lacks_dnssec(question).await
        };
        let probe = in_time(carries_dnssec(upstream, &self.anchor)).boxed();
        let (probed, lacks) = match select(probe, lacks.boxed()).await {
            Either::Left((probed, lacks)) => (probed, lacks),
            Either::Right((lacks, probed)) => (probed.await, ready(lacks).boxed()),
        };
        match probed {
            Ok(()) => Found::Carries,
            Err(error) if !says_nothing(&error) => Found::Lacks(error),
            Err(error) => match timeout(PROBE_TIME, lacks).await {
                Ok(true) => {
                    let detail = format!("it answers, but not with DNSSEC records ({})", error.detail);
                    Found::Lacks(LookupError::new(error.kind, detail))
                }
                Ok(false) | Err(_) => Found::Unknown(error),
            },
        }
    }
}

/// A name below the zone that nobody has asked for.
fn nobodys(zone: &Name) -> Name {
    match zone.prepend_label(format!("{:016x}", rand::random::<u64>())) {
        Ok(name) => name,
        // No room: the zone's own name will do.
        Err(_) => zone.clone(),
    }
}

async fn in_time(probe: impl Future<Output = Result<(), LookupError>>) -> Result<(), LookupError> {
    match timeout(PROBE_TIME, probe).await {
        Ok(probed) => probed,
        Err(_elapsed) => {
            let detail = format!("no answer within {} seconds", PROBE_TIME.as_secs());
            Err(LookupError::new(LookupErrorKind::Timeout, detail))
        }
    }
}

/// Whether the error leaves open what it comes from can do.
fn says_nothing(error: &LookupError) -> bool {
    match error.kind {
        LookupErrorKind::Timeout | LookupErrorKind::ServerFailure | LookupErrorKind::Indeterminate => true,
        LookupErrorKind::Bogus
        | LookupErrorKind::Malformed
        | LookupErrorKind::Budget
        | LookupErrorKind::AliasLoop => false,
    }
}

/// Whether keys, a signed record and a signed denial come through: the zone's own SOA, and an address that its apex has not,
/// as a rule.
async fn carries_dnssec(way: &impl Way, zone: &Name) -> Result<(), LookupError> {
    let ask = |record_type| way.judge(Question::new(zone.clone(), record_type));
    let (record, denial) = join(ask(RecordType::SOA), ask(RecordType::A)).await;
    let mut result = Ok(());
    for judged in [record, denial] {
        let error = match judged {
            Ok(verdict) if verdict.status == Status::Secure => continue,
            Ok(_) => {
                let detail = format!("{zone} is insecure, though it has a trust anchor");
                LookupError::new(LookupErrorKind::Bogus, detail)
            }
            Err(none) => LookupError::clone(&none),
        };
        if result.is_ok() || says_nothing(&error) {
            result = Err(error);
        }
    }
    result
}

#[cfg(test)]
mod tests;
