//! What has been asked, and what came back.

use std::collections::HashMap;

use hickory_proto::{
    op::{Message, ResponseCode},
    rr::Name,
};

use crate::{Failure, FetchError, Limit, Question, Reason, limits::Budget};

/// The questions asked so far with their answers.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    by_question: HashMap<Question, Slot>,
}

#[derive(Debug)]
enum Slot {
    /// Outstanding, and nothing goes on without it.
    Needed,
    /// Outstanding; it may turn out not to be needed.
    Ahead,
    /// It came ahead of need, and was too large to be kept.
    TooLarge,
    Answered(Result<Message, Reason>),
}

impl Answers {
    /// Notes that these questions are asked, the first because it is needed, the others ahead of need as far as there is
    /// room for those. Returns what is to be asked.
    pub(crate) fn note(&mut self, asked: Vec<Question>, budget: &mut Budget) -> Result<Vec<Question>, Limit> {
        let mut noted = Vec::with_capacity(asked.len());
        for question in asked {
            let needed = noted.is_empty();
            match self.by_question.get(&question) {
                None | Some(Slot::Ahead | Slot::TooLarge) if needed => {
                    budget.question()?;
                    self.by_question.insert(question.clone(), Slot::Needed);
                }
                None if budget.ahead() => {
                    self.by_question.insert(question.clone(), Slot::Ahead);
                }
                None | Some(Slot::TooLarge) => continue,
                Some(Slot::Needed | Slot::Ahead | Slot::Answered(_)) => {}
            }
            noted.push(question);
        }
        Ok(noted)
    }

    /// Takes an answer to a question that is outstanding. One that came ahead of need and is too large is forgotten, and
    /// asked for again where it is needed, not before: it must not take away from what the needed answers may have.
    pub(crate) fn take(
        &mut self,
        question: &Question,
        answer: Result<Message, FetchError>,
        budget: &mut Budget,
    ) {
        let Some(slot) = self.by_question.get_mut(question) else { return };
        let spend = match slot {
            Slot::Needed => Budget::records,
            Slot::Ahead => Budget::records_ahead,
            Slot::TooLarge | Slot::Answered(_) => return,
        };
        let records = |message: &Message| message.answers.len().saturating_add(message.authorities.len());
        let ahead = matches!(slot, Slot::Ahead);
        match answer.map_err(Reason::Unanswered).and_then(usable) {
            Ok(message) => match spend(budget, records(&message)) {
                Ok(()) => *slot = Slot::Answered(Ok(message)),
                Err(_) if ahead => *slot = Slot::TooLarge,
                Err(limit) => *slot = Slot::Answered(Err(Reason::OverLimit(limit))),
            },
            Err(reason) => *slot = Slot::Answered(Err(reason)),
        }
    }

    /// The answer to the question itself, or to that for an alias target: its errors are the verdict's.
    pub(crate) fn asked(&self, question: &Question) -> Result<&Message, Stop> {
        match self.by_question.get(question) {
            Some(Slot::Answered(Ok(message))) => Ok(message),
            Some(Slot::Answered(Err(reason))) => {
                Err(Failure::new(question.clone(), None, reason.clone()).into())
            }
            Some(Slot::Needed | Slot::Ahead | Slot::TooLarge) | None => {
                Err(Stop::Ask(vec![question.clone()]))
            }
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
            let answered = matches!(self.by_question.get(&question), Some(Slot::Answered(_)));
            if !answered && !missing.contains(&question) {
                missing.push(question);
            }
        }
        Stop::Ask(missing)
    }
}

/// Why judging cannot go on for now, or ever.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The first of these answers is missing; the others may be needed next.
    Ask(Vec<Question>),
    /// The end.
    Fail(Failure),
}

impl Stop {
    /// Adds to a missing answer the questions that are likely to follow.
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

fn usable(message: Message) -> Result<Message, Reason> {
    let rcode = message.metadata.response_code;
    if !matches!(rcode, ResponseCode::NoError | ResponseCode::NXDomain) {
        return Err(Reason::Unanswered(FetchError::Rcode(rcode)));
    }
    if message.metadata.truncation {
        return Err(Reason::Unanswered(FetchError::Truncated));
    }
    Ok(message)
}
