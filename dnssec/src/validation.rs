//! One question being judged, from the first fetch to the verdict.

use std::sync::Arc;

use hickory_proto::op::Message;

use crate::{Failure, FetchError, Limits, Question, TrustAnchors, Verdict};

/// One question being judged: it says what to ask, is told the answers, and ends with a verdict.
///
/// It does no I/O and knows no clock. The driver calls [`step`](Self::step), puts the questions it gets to a
/// resolver (with the DO and CD bits set, RFC 4035 §4.1 and §4.9.1), hands what comes back to
/// [`answer`](Self::answer), and steps again.
#[derive(Debug)]
pub struct Validation {
    question: Question,
    anchors: Arc<TrustAnchors>,
    now: u32,
    limits: Limits,
}

/// What is to be done next.
#[derive(Debug)]
pub enum Step {
    /// Fetch these, in any order or all at once, and hand the answers in.
    Ask(Vec<Question>),
    /// The end.
    Done(Box<Result<Verdict, Failure>>),
}

impl Validation {
    /// Begins to judge `question` under `anchors` at the time `now`: seconds since the epoch modulo 2^32,
    /// compared in serial arithmetic (RFC 4034 §3.1.5).
    pub fn new(question: Question, anchors: Arc<TrustAnchors>, now: u32, limits: Limits) -> Self {
        Self { question, anchors, now, limits }
    }

    /// What is to be done next. Stays the same until an answer comes.
    pub fn step(&mut self) -> Step {
        Step::Ask(vec![self.question.clone()])
    }

    /// Takes the answer to a question of [`Step::Ask`]; the first one counts, and others are ignored.
    pub fn answer(&mut self, question: &Question, answer: Result<Message, FetchError>) {
        let _ = (question, answer, self.now, &self.limits, &self.anchors);
    }
}
