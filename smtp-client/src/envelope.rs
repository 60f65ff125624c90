//! A message with its sender and recipients.

use crate::{mailbox::Mailbox, message::Message};

/// What a delivery hands over. Never without a recipient.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Envelope {
    mail: Option<Mailbox>,
    recipients: Vec<Mailbox>,
    message: Message,
}

/// There is nobody to deliver to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an envelope needs at least one recipient")]
pub struct NoRecipients;

impl Envelope {
    /// An envelope from `mail` (`None` is the null reverse-path `<>`) to `recipients`.
    ///
    /// # Errors
    /// Without a recipient there is no delivery.
    pub fn new(
        mail: Option<Mailbox>,
        recipients: Vec<Mailbox>,
        message: Message,
    ) -> Result<Self, NoRecipients> {
        if recipients.is_empty() {
            return Err(NoRecipients);
        }
        Ok(Self { mail, recipients, message })
    }

    /// The sender; `None` is the null reverse-path.
    pub fn mail(&self) -> Option<&Mailbox> {
        self.mail.as_ref()
    }

    /// The recipients, never empty.
    pub fn recipients(&self) -> &[Mailbox] {
        &self.recipients
    }

    /// The message.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// Whether it needs SMTPUTF8 for every recipient: by the sender or the header (RFC 6531 §3.1).
    pub(crate) fn is_internationalized(&self) -> bool {
        self.mail.as_ref().is_some_and(Mailbox::is_internationalized)
            || self.message.has_internationalized_header()
    }
}
