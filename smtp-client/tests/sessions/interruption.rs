//! An interrupt at every point of a session: what was accepted is known, or said to be unknown.

use std::{sync::Arc, time::Duration};

use mxtls_policy::{FailureCode, Requirement, Verdict};
use mxtls_smtp_client::{Attempt, Interrupt, Server, StartTlsUse, Timeouts, deliver};

use crate::{
    scripted_server::{Answer, Heard, Then},
    setting::{HOST, Setting, envelope},
};

const RECIPIENTS: [&str; 3] = ["b@example", "c@example", "d@example"];

/// Delivers to three recipients, of which the server refuses the first, and interrupts at the answer to `key`.
async fn interrupted_at(key: &'static str, answer: Answer, message: &str) -> (Attempt, Heard) {
    let timeouts = Timeouts { grace: Duration::from_millis(200), ..Timeouts::default() };
    let setting = Setting::new().timeouts(timeouts);
    let (trigger, interrupt) = Interrupt::new();
    let mut script = setting.script().answer("RCPT TO:<b@example>", "550 5.1.1 who\r\n").answer(key, answer);
    script.trigger = Some(Arc::new(trigger));
    let envelope = envelope(&RECIPIENTS, message);
    setting.deliver_message(script, &setting.dane(), envelope, interrupt).await
}

fn codes(attempt: &Attempt) -> Vec<Option<FailureCode>> {
    attempt.recipients.iter().map(|one| one.failure.as_ref().map(|failure| failure.code)).collect()
}

#[tokio::test]
async fn before_data_nothing_is_accepted() {
    let (interrupted, refused) = (Some(FailureCode::Interrupted), Some(FailureCode::RejectedForGood));
    for (key, first, why) in [
        ("greeting", interrupted, "before the greeting"),
        ("EHLO", interrupted, "before EHLO is answered"),
        ("TLS EHLO", interrupted, "inside TLS"),
        ("MAIL", interrupted, "before MAIL is answered"),
        ("RCPT TO:<c@example>", refused, "between recipients: what is known stays known"),
        ("DATA", refused, "before DATA is answered"),
    ] {
        let (attempt, heard) = interrupted_at(key, Then::Interrupt.into(), "x").await;
        assert_eq!(codes(&attempt), [first, interrupted, interrupted], "{why}");
        assert_eq!(attempt.failure.unwrap().code, FailureCode::Interrupted, "{why}");
        assert!(!heard.message.ends_with(b".\r\n"), "{why}");
    }
}

#[tokio::test]
async fn in_the_handshake() {
    let answer = Answer::new("220 go\r\n").then(Then::Interrupt);
    let (attempt, heard) = interrupted_at("STARTTLS", answer, "x").await;
    assert_eq!(codes(&attempt), [Some(FailureCode::Interrupted); 3]);
    assert!(!heard.has("MAIL"));
    assert!(!attempt.retry_clear_text);
}

#[tokio::test]
async fn inside_the_message_there_is_no_final_dot() {
    // More than the buffers between client and server hold: the client is still writing when the server interrupts.
    let message = format!("x\r\n{}", "0123456789\r\n".repeat(1_500_000));
    let (attempt, heard) = interrupted_at("line", Then::Interrupt.into(), &message).await;
    let interrupted = Some(FailureCode::Interrupted);
    assert_eq!(codes(&attempt), [Some(FailureCode::RejectedForGood), interrupted, interrupted]);
    assert!(heard.message.starts_with(b"x\r\n0123456789"));
    assert!(heard.message.len() < message.len(), "the client stopped");
    assert!(!heard.message.windows(5).any(|window| window == b"\r\n.\r\n"), "no final dot");
    assert!(!heard.has("QUIT"));
}

#[tokio::test]
async fn after_the_final_dot_the_outcome_is_unknown() {
    let (attempt, heard) = interrupted_at(".", Then::Interrupt.into(), "x").await;
    let unknown = Some(FailureCode::UnknownOutcome);
    assert_eq!(codes(&attempt), [Some(FailureCode::RejectedForGood), unknown, unknown]);
    assert!(heard.message.ends_with(b"\r\n.\r\n"));
}

#[tokio::test]
async fn after_the_final_dot_a_reply_within_the_grace_counts() {
    let answer = Answer::new("250 2.0.0 queued\r\n").then(Then::InterruptAndGoOn);
    let (attempt, _) = interrupted_at(".", answer, "x").await;
    assert_eq!(codes(&attempt), [Some(FailureCode::RejectedForGood), None, None]);
    assert_eq!(attempt.recipients[1].verdict, Verdict::Deliver);
    assert_eq!(attempt.failure, None);
}

#[tokio::test]
async fn before_the_connection() {
    let setting = Setting::new();
    let (trigger, interrupt) = Interrupt::new();
    trigger.interrupt();
    let scripted = setting.script().serve().await;
    let policy = setting.dane();
    let server = Server {
        address: scripted.address,
        host: HOST,
        policy: &policy,
        requirement: Requirement::AsPolicy,
        starttls: StartTlsUse::AsOffered,
    };
    let envelope = envelope(&RECIPIENTS, "x");
    let attempt = deliver(&server, &setting.settings, &envelope, &mut interrupt.clone()).await;
    assert_eq!(codes(&attempt), [Some(FailureCode::Interrupted); 3]);
    assert!(scripted.heard_nobody());
}
