//! The driver of the validator: fetches what `dnssec` asks for until it has a verdict.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use dnssec::{
    Failure, FailureKind, FetchError, KeyCache, Limit, LocalPolicy, Question, Reason, Step, Validation,
    Verdict,
};
use futures_util::{
    FutureExt,
    future::{BoxFuture, join_all},
};
use hickory_proto::op::Message;
use mxtls_policy::{LookupError, LookupErrorKind};

use crate::{
    dns::{Judged, NoVerdict, Way},
    transport::Unanswered,
};

/// Names of which it is known what zone they belong to.
const KNOWN_ZONES: usize = 4096;

/// Where messages come from. What is in them is believed once it is proven.
pub(crate) trait Source: Send + Sync + 'static {
    fn ask<'a>(self: &'a Arc<Self>, question: &'a Question) -> BoxFuture<'a, Result<Message, Unanswered>>;
}

/// Verdicts made here, from what a source says.
pub(crate) struct Validator<S> {
    source: Arc<S>,
    keys: Arc<KeyCache>,
}

impl<S: Source> Validator<S> {
    pub(crate) fn new(source: S, policy: LocalPolicy) -> Self {
        Self { source: Arc::new(source), keys: Arc::new(KeyCache::new(policy, KNOWN_ZONES)) }
    }

    async fn validate(&self, question: Question) -> Judged {
        let mut details = Details::new();
        let mut validation = Validation::new(question, Arc::clone(&self.keys), unix_seconds());
        let mut result = self.run(&mut validation, &mut details).await;
        let bogus = result.as_ref().is_err_and(|failure| failure.kind() == FailureKind::Bogus);
        if bogus && validation.used_cache() {
            // What is remembered of a zone may be older than what it shows now: a roll-over is no attack.
            result = self.run(&mut validation.afresh(), &mut details).await;
        }
        result.map(Arc::new).map_err(|failure| {
            let mut explanation: Vec<String> = failure.proof.to_string().lines().map(str::to_owned).collect();
            explanation.push(format!("to mend it: {}", failure.remedy()));
            let error = lookup_error(&failure, details.get(&failure.record));
            Arc::new(NoVerdict { error, explanation })
        })
    }

    async fn run(&self, validation: &mut Validation, details: &mut Details) -> Result<Verdict, Failure> {
        loop {
            match validation.step() {
                Step::Ask(questions) => {
                    let answers = questions.into_iter().map(|question| async {
                        let answer = self.source.ask(&question).await;
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

impl<S: Source> Way for Validator<S> {
    fn judge(&self, question: Question) -> BoxFuture<'_, Judged> {
        self.validate(question).boxed()
    }
}

/// What more there is to say of the questions that got no answer.
type Details = HashMap<Question, Arc<str>>;

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
