//! What has been asked, and what came back.

use std::collections::HashMap;

use hickory_proto::{
    op::{Message, ResponseCode},
    rr::Name,
};

use crate::{Failure, FetchError, Question, Reason, limits::Budget};

/// The questions asked so far with their answers; `None` for one that is still outstanding.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    by_question: HashMap<Question, Option<Result<Message, Reason>>>,
}

impl Answers {
    /// Notes that a question has been asked; `false` where it already was.
    pub(crate) fn note(&mut self, question: &Question) -> bool {
        let new = !self.by_question.contains_key(question);
        if new {
            self.by_question.insert(question.clone(), None);
        }
        new
    }

    /// Takes an answer to a question that is outstanding.
    pub(crate) fn take(
        &mut self,
        question: &Question,
        answer: Result<Message, FetchError>,
        budget: &mut Budget,
    ) {
        if let Some(slot @ None) = self.by_question.get_mut(question) {
            *slot = Some(match answer {
                Ok(message) => usable(message, budget),
                Err(error) => Err(Reason::Unanswered(error)),
            });
        }
    }

    /// The answer to the question itself, or to that for an alias target: its errors are the verdict's.
    pub(crate) fn asked(&self, question: &Question) -> Result<&Message, Stop> {
        match self.by_question.get(question) {
            Some(Some(Ok(message))) => Ok(message),
            Some(Some(Err(reason))) => Err(Failure::new(question.clone(), None, reason.clone()).into()),
            Some(None) | None => Err(Stop::Ask(vec![question.clone()])),
        }
    }

    /// The answer to a question on the chain of trust. That it could not be had says nothing about the records
    /// asked for (RFC 4035 §4.3, indeterminate).
    pub(crate) fn needed(&self, question: &Question, zone: &Name) -> Result<&Message, Stop> {
        self.asked(question).map_err(|stop| match stop {
            Stop::Ask(questions) => Stop::Ask(questions),
            Stop::Fail(mut failure) => {
                if let Reason::Unanswered(error) = failure.reason {
                    failure.reason = Reason::Unfetched(error);
                    failure.zone = Some(Box::new(zone.clone()));
                }
                Stop::Fail(failure)
            }
        })
    }

    /// Asks for those of `wanted` whose answers are not there yet, each once.
    pub(crate) fn ask(&self, wanted: Vec<Question>) -> Stop {
        let mut missing: Vec<Question> = Vec::new();
        for question in wanted {
            if !matches!(self.by_question.get(&question), Some(Some(_))) && !missing.contains(&question) {
                missing.push(question);
            }
        }
        Stop::Ask(missing)
    }
}

/// Why judging cannot go on for now, or ever.
#[derive(Debug)]
pub(crate) enum Stop {
    /// These answers are missing.
    Ask(Vec<Question>),
    /// The end.
    Fail(Failure),
}

impl Stop {
    /// Adds to a missing answer the questions that will follow anyway.
    pub(crate) fn widen(self, ahead: impl FnOnce(Question) -> Self) -> Self {
        match self {
            Self::Ask(mut questions) => match questions.pop() {
                Some(needed) => ahead(needed),
                None => Self::Ask(questions),
            },
            Self::Fail(failure) => Self::Fail(failure),
        }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Fail(failure)
    }
}

fn usable(message: Message, budget: &mut Budget) -> Result<Message, Reason> {
    let rcode = message.metadata.response_code;
    if !matches!(rcode, ResponseCode::NoError | ResponseCode::NXDomain) {
        return Err(Reason::Unanswered(FetchError::Rcode(rcode)));
    }
    if message.metadata.truncation {
        return Err(Reason::Unanswered(FetchError::Truncated));
    }
    match budget.records(message.answers.len().saturating_add(message.authorities.len())) {
        Ok(()) => Ok(message),
        Err(limit) => Err(Reason::OverLimit(limit)),
    }
}
