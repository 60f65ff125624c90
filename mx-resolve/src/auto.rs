//! Over the upstream where that carries DNSSEC, else from the root: a probe tells.

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
    FutureExt,
    future::{BoxFuture, Either, join, select},
};
use hickory_proto::rr::{Name, RecordType};
use mxtls_policy::{LookupError, LookupErrorKind};
use tokio::time::{sleep, timeout};

use crate::{
    dns::{Due, Judged, NotEarly, Way},
    probe::Probe,
};

/// A resolver may stumble when it starts, and a machine may move to another network: the choice is made anew after an hour.
const CHOICE_HOLDS: Duration = Duration::from_secs(3600);

/// Together they leave some time of a question for the root, whatever an upstream may take for its answer: it would not be
/// remembered otherwise what came of them.
const FIRST_PROBE: Duration = Duration::from_secs(40);
const SECOND_PROBE: Duration = Duration::from_secs(10);

/// A good upstream has answered by then, as a rule, and is asked nothing more.
const PLAIN_AFTER: Duration = Duration::from_millis(500);

/// What resolves for us, and may not pass DNSSEC records on.
pub(crate) trait Upstream: Way {
    /// Whether all that it asks answer the question when nothing is said to them of DNSSEC.
    fn answers_plain(&self, question: Question) -> BoxFuture<'_, bool>;
}

/// Two ways, of which the first is taken if it can be.
pub(crate) struct Auto<U, R> {
    ways: Arc<Ways<U, R>>,
    probe: Probe<Choice>,
}

struct Ways<U, R> {
    upstream: U,
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
    /// `anchor` is a zone with a trust anchor.
    pub(crate) fn new(upstream: U, root: R, anchor: Name) -> Self {
        let ways = Ways { upstream, root, anchor, said: AtomicBool::new(false) };
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

    /// Before the choice nothing is known of any zone.
    fn judge_early(&self, question: Question, due: Due) -> BoxFuture<'_, Result<Judged, NotEarly>> {
        match self.probe.last() {
            Some(Ok(Choice::Upstream)) => self.ways.upstream.judge_early(question, due),
            Some(Ok(Choice::Root)) => self.ways.root.judge_early(question, due),
            Some(Err(_)) | None => ready(Err(NotEarly)).boxed(),
        }
    }
}

impl<U: Upstream, R: Way> Ways<U, R> {
    async fn choose(&self) -> Result<Choice, Arc<LookupError>> {
        let upstream = match self.probe_upstream().await {
            Ok(()) => {
                self.said.store(false, Ordering::Relaxed);
                return Ok(Choice::Upstream);
            }
            Err(error) => error,
        };
        // Who is silent has not said what it carries. What the root knows of a name may differ from what this network
        // knows of it, so that a pause of the upstream must not decide between the two.
        if upstream.kind == LookupErrorKind::Timeout {
            let detail = format!(
                "the DNS resolver does not answer ({}): is it running, and can it be reached?",
                upstream.detail
            );
            return Err(Arc::new(LookupError::new(LookupErrorKind::Timeout, detail)));
        }
        match carries_dnssec(&self.root, &self.anchor).await {
            Ok(()) => {
                if !self.said.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        reason = %upstream.detail,
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
                    upstream.detail, root.detail
                );
                Err(Arc::new(LookupError::new(LookupErrorKind::Indeterminate, detail)))
            }
        }
    }

    /// Where nothing comes of it, an answer to a plain question tells a path that drops DO from silence: one that is in no
    /// cache, from each upstream, and only where it is no pause that ends just then.
    async fn probe_upstream(&self) -> Result<(), LookupError> {
        let probe = |time| in_time(time, carries_dnssec(&self.upstream, &self.anchor));
        let plain = async {
            sleep(PLAIN_AFTER).await;
            let question = Question::new(nobodys(&self.anchor), RecordType::SOA);
            self.upstream.answers_plain(question).await
        };
        let first = match select(probe(FIRST_PROBE).boxed(), plain.boxed()).await {
            // It is good, or wrong; or both are silent.
            Either::Left((first, _plain)) => return first,
            Either::Right((false, first)) => return first.await,
            Either::Right((true, first)) => first.await,
        };
        if !is_silence(&first) {
            return first;
        }
        match probe(SECOND_PROBE).await {
            Err(silence) if silence.kind == LookupErrorKind::Timeout => {
                let detail = format!(
                    "it answers, but leaves what asks for DNSSEC records without an answer ({})",
                    silence.detail
                );
                Err(LookupError::new(LookupErrorKind::Indeterminate, detail))
            }
            result => result,
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

fn is_silence(probed: &Result<(), LookupError>) -> bool {
    probed.as_ref().is_err_and(|error| error.kind == LookupErrorKind::Timeout)
}

async fn in_time(
    time: Duration,
    probe: impl Future<Output = Result<(), LookupError>>,
) -> Result<(), LookupError> {
    match timeout(time, probe).await {
        Ok(probed) => probed,
        Err(_elapsed) => {
            let detail = format!("no answer within {} seconds", time.as_secs());
            Err(LookupError::new(LookupErrorKind::Timeout, detail))
        }
    }
}

/// Whether keys, a signed record and a signed denial come through: the zone's own SOA, and an address that its apex has not,
/// as a rule.
async fn carries_dnssec(way: &impl Way, zone: &Name) -> Result<(), LookupError> {
    let ask = |record_type| way.judge(Question::new(zone.clone(), record_type));
    let (record, denial) = join(ask(RecordType::SOA), ask(RecordType::A)).await;
    let mut result = Ok(());
    for judged in [record, denial] {
        match judged {
            Ok(verdict) if verdict.status == Status::Secure => {}
            Ok(_) => {
                let detail = format!("{zone} is insecure, though it has a trust anchor");
                result = result.and(Err(LookupError::new(LookupErrorKind::Indeterminate, detail)));
            }
            // Silence counts before any other error: it says nothing.
            Err(none) if none.kind == LookupErrorKind::Timeout => return Err(LookupError::clone(&none)),
            Err(none) => result = result.and(Err(LookupError::clone(&none))),
        }
    }
    result
}

#[cfg(test)]
mod tests;
