//! Why it was decided so, as a tree.

use serde::Serialize;

use crate::lookup::Status;

/// One step on the way to a decision.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Explanation {
    /// The kind of step, such as `mx-lookup`.
    pub step: String,
    /// What it was about, such as `example.com MX`.
    pub subject: String,
    /// What it came to, in words.
    pub result: String,
    /// The DNSSEC status, where the step was a look-up that got an answer.
    pub status: Option<Status>,
    /// The section that asks for the step.
    pub rfc: Option<String>,
    /// The steps below it.
    pub children: Vec<Explanation>,
}

impl Explanation {
    /// A step without status or section.
    pub fn new(step: &str, subject: impl Into<String>, result: impl Into<String>) -> Self {
        Self {
            step: step.to_owned(),
            subject: subject.into(),
            result: result.into(),
            status: None,
            rfc: None,
            children: vec![],
        }
    }

    /// Adds the status of the answer.
    #[must_use]
    pub fn status(mut self, status: Status) -> Self {
        self.status = Some(status);
        self
    }

    /// Adds the steps below it.
    #[must_use]
    pub fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// Adds the section that asks for the step.
    #[must_use]
    pub fn rfc(mut self, section: &str) -> Self {
        self.rfc = Some(section.to_owned());
        self
    }
}
