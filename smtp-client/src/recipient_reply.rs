//! What a reply means for a recipient, or that there was none.

use mxtls_policy::{Failure, FailureCode, Verdict};

use crate::{
    attempt::RecipientOutcome,
    reply::{Class, Reply},
    state::State,
};

/// The server has the message for this recipient.
pub(crate) fn accepted(rcpt: &str, reply: &Reply) -> RecipientOutcome {
    outcome(rcpt, Verdict::Deliver, reply, None)
}

/// The server refused this recipient, or the message for it, in the given state.
pub(crate) fn refused(host: &str, state: State, rcpt: &str, reply: &Reply) -> RecipientOutcome {
    let failure = rejection(host, state, reply);
    outcome(rcpt, failure.verdict(), reply, Some(failure))
}

/// No reply decided about this recipient.
pub(crate) fn without_reply(rcpt: &str, failure: &Failure) -> RecipientOutcome {
    RecipientOutcome {
        rcpt: rcpt.to_owned(),
        verdict: failure.verdict(),
        code: None,
        enhanced_status: None,
        text: None,
        failure: Some(failure.clone()),
    }
}

/// The failure that a refusal is.
pub(crate) fn rejection(host: &str, state: State, reply: &Reply) -> Failure {
    // RFC 5321 §4.5.3.1.10: 552 to RCPT says that there are too many of them, not that they are refused for good.
    let too_many = matches!(state, State::Rcpt(_)) && reply.code() == 552;
    let for_good = reply.class() == Class::Never && !too_many;
    let code = if for_good { FailureCode::RejectedForGood } else { FailureCode::RejectedForNow };
    let mut failure = Failure::new(code, format!("{host} answered {} with {}.", state.name(), reply.code()));
    if too_many {
        failure = failure.status("4.5.3").rfc("RFC 5321 4.5.3.1.10");
    } else if let Some(status) = reply.enhanced_status() {
        failure = failure.status(status);
    }
    let text = reply.text();
    if text.is_empty() { failure } else { failure.detail(text) }
}

fn outcome(rcpt: &str, verdict: Verdict, reply: &Reply, failure: Option<Failure>) -> RecipientOutcome {
    RecipientOutcome {
        rcpt: rcpt.to_owned(),
        verdict,
        code: Some(reply.code()),
        enhanced_status: reply.enhanced_status().map(str::to_owned),
        text: Some(reply.text()),
        failure,
    }
}
