//! Answers made ready before the clock runs.

use std::collections::HashMap;

use anyhow::{Context, Result};
use dnssec::Question;

/// Messages to be taken out one by one, so that none is made or copied while time is measured.
#[derive(Debug)]
pub(crate) struct Supply<M> {
    ready: HashMap<Question, Vec<M>>,
}

impl<M> Default for Supply<M> {
    fn default() -> Self {
        Self { ready: HashMap::new() }
    }
}

impl<M> Supply<M> {
    pub(crate) fn put(&mut self, question: Question, message: M) {
        self.ready.entry(question).or_default().push(message);
    }

    pub(crate) fn take(&mut self, question: &Question) -> Result<M> {
        let messages = self.ready.get_mut(question);
        messages.and_then(Vec::pop).with_context(|| format!("no answer to {question} was made ready"))
    }
}
