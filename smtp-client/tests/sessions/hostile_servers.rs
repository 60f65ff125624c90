//! The hostile servers dev1 to dev18, each under a policy that makes TLS mandatory and under none.

use mxtls_policy::{Channel, FailureCode, SecurityPolicy, Verdict};
use mxtls_smtp_client::{Attempt, AttemptVerdict, StartTls};

use crate::{
    scripted_server::{Answer, Heard, Script, Then},
    setting::{HOST, Setting, mta_sts},
};

/// What an attempt comes to: the channel, or the failure and whether clear text may be tried.
#[derive(Debug, Eq, PartialEq)]
enum Outcome {
    Delivered(Channel),
    Failed(FailureCode),
    MayRetry(FailureCode),
}

use FailureCode::{
    GreetingRefused, Injection, ResponseTooLong, StarttlsNotOffered, StarttlsRefused, TlsHandshake,
    TlsVersion,
};
use Outcome::{Delivered, Failed, MayRetry};

/// RFC 8446 §6.2: alert(21), fatal(2), protocol_version(70).
const PROTOCOL_VERSION: &[u8] = &[21, 3, 1, 0, 2, 2, 70];

fn then(say: &str, then: Then) -> Answer {
    Answer::new(say).then(then)
}

async fn row(
    script: impl Fn(Script) -> Script,
    mandatory: Outcome,
    opportunistic: Outcome,
) -> Vec<(Attempt, Heard)> {
    let setting = Setting::new();
    let mut runs = vec![];
    for (policy, expected) in [
        (setting.dane(), &mandatory),
        (mta_sts("enforce", HOST), &mandatory),
        (SecurityPolicy::opportunistic(), &opportunistic),
    ] {
        let (attempt, heard) = setting.deliver(script(setting.script()), &policy, &["b@example"]).await;
        let kind = policy.kind();
        let code = attempt.failure.as_ref().map(|failure| failure.code);
        match expected {
            Delivered(channel) => {
                assert_eq!((code, attempt.channel), (None, Some(*channel)), "{kind}");
                assert_eq!(attempt.verdict, AttemptVerdict::Accept, "{kind}");
                assert_eq!(attempt.recipients[0].verdict, Verdict::Deliver, "{kind}");
                assert_eq!(heard.message, b"Subject: x\r\n\r\nx\r\n.\r\n", "{kind}");
            }
            Failed(expected) | MayRetry(expected) => {
                assert_eq!((code, attempt.channel), (Some(*expected), None), "{kind}");
                assert_eq!(attempt.verdict, AttemptVerdict::Reject, "{kind}");
                assert_eq!(attempt.recipients[0].verdict, Verdict::Defer, "{kind}");
                for verb in ["MAIL", "RCPT", "DATA"] {
                    assert!(!heard.has(verb), "{kind}: the server heard {verb}");
                }
            }
        }
        assert_eq!(attempt.retry_clear_text, matches!(expected, MayRetry(_)), "{kind}");
        runs.push((attempt, heard));
    }
    runs
}

#[tokio::test]
async fn dev0_nothing_wrong() {
    for (attempt, heard) in
        row(|script| script, Delivered(Channel::Verified), Delivered(Channel::Encrypted)).await
    {
        assert_eq!(attempt.starttls, Some(StartTls::Accepted));
        // STLS-01, STLS-02, STLS-09: bare, once, and EHLO again.
        let before_mail = ["EHLO client.example", "STARTTLS", "TLS EHLO client.example"];
        assert_eq!(heard.commands[..3], before_mail);
        assert_eq!(heard.commands.last().unwrap(), "TLS QUIT", "SMTP-07");
    }
}

#[tokio::test]
async fn dev1_bytes_behind_the_220() {
    let script = |script: Script| script.answer("STARTTLS", "220 go\r\n250 injected\r\n");
    for (_, heard) in row(script, Failed(Injection), Failed(Injection)).await {
        assert!(heard.sni.is_empty(), "STLS-08: no handshake");
    }
}

#[tokio::test]
async fn dev2_454() {
    let script = |script: Script| script.answer("STARTTLS", "454 not now\r\n");
    let runs = row(script, Failed(StarttlsRefused), Delivered(Channel::Cleartext)).await;
    for (attempt, heard) in runs {
        assert_eq!(attempt.starttls, Some(StartTls::Refused));
        assert_eq!(heard.commands.last().unwrap(), "QUIT", "D72-60");
    }
}

#[tokio::test]
async fn dev3_502() {
    let script = |script: Script| script.answer("STARTTLS", "502 what\r\n");
    row(script, Failed(StarttlsRefused), Delivered(Channel::Cleartext)).await;
}

#[tokio::test]
async fn a_421_to_starttls_is_no_reason_to_come_back() {
    let script = |script: Script| script.answer("STARTTLS", "421 4.3.2 closing\r\n");
    row(script, Failed(StarttlsRefused), Failed(StarttlsRefused)).await;
}

#[tokio::test]
async fn dev4_220_then_close() {
    let script = |script: Script| script.answer("STARTTLS", then("220 go\r\n", Then::Close));
    row(script, Failed(TlsHandshake), MayRetry(TlsHandshake)).await;
}

#[tokio::test]
async fn dev5_220_then_garbage() {
    let script =
        |script: Script| script.answer("STARTTLS", then("220 go\r\n", Then::Interject(b"\0\xff garbage")));
    row(script, Failed(Injection), Failed(Injection)).await;
}

#[tokio::test]
async fn dev6_starttls_stripped() {
    let script = |script: Script| script.answer("EHLO", "250-mx.example\r\n250 8BITMIME\r\n");
    for (attempt, heard) in row(script, Failed(StarttlsNotOffered), Delivered(Channel::Cleartext)).await {
        assert_eq!(attempt.starttls, Some(StartTls::NotOffered));
        assert!(!heard.has("STARTTLS"), "STLS-01");
    }
}

#[tokio::test]
async fn dev7_keyword_overwritten() {
    let script = |script: Script| script.answer("EHLO", "250-mx.example\r\n250 XXXXXXXA\r\n");
    row(script, Failed(StarttlsNotOffered), Delivered(Channel::Cleartext)).await;
}

#[tokio::test]
async fn dev8_ehlo_502() {
    let script = |script: Script| script.answer("EHLO", "502 what\r\n");
    let runs = row(script, Failed(StarttlsNotOffered), Delivered(Channel::Cleartext)).await;
    assert_eq!(runs.iter().map(|(_, heard)| heard.count("HELO")).collect::<Vec<_>>(), [0, 0, 1], "SMTP-03");
}

#[tokio::test]
async fn dev9_354() {
    let script = |script: Script| script.answer("STARTTLS", "354 go ahead\r\n");
    row(script, Failed(StarttlsRefused), MayRetry(StarttlsRefused)).await;
}

#[tokio::test]
async fn dev10_starttls_offered_inside_tls() {
    let script = |script: Script| script.answer("TLS EHLO", "250-mx.example\r\n250 STARTTLS\r\n");
    for (_, heard) in row(script, Delivered(Channel::Verified), Delivered(Channel::Encrypted)).await {
        assert_eq!(heard.count("STARTTLS"), 1, "STLS-10");
    }
}

#[tokio::test]
async fn dev11_ehlo_refused_inside_tls() {
    let script = |script: Script| script.answer("TLS EHLO", "503 again?\r\n");
    row(script, Failed(GreetingRefused), Delivered(Channel::Encrypted)).await;
}

#[tokio::test]
async fn dev12_greeting_421() {
    let script = |script: Script| script.answer("greeting", then("421 busy\r\n", Then::Close));
    row(script, Failed(GreetingRefused), Failed(GreetingRefused)).await;
}

#[tokio::test]
async fn dev13_20000_lines() {
    let lines = "250-X\r\n".repeat(20_000);
    row(|script| script.answer("EHLO", lines.as_str()), Failed(ResponseTooLong), Failed(ResponseTooLong))
        .await;
}

#[tokio::test]
async fn dev14_a_line_of_3_mb() {
    let line = format!("250 {}\r\n", "x".repeat(3_000_000));
    row(|script| script.answer("EHLO", line.as_str()), Failed(ResponseTooLong), Failed(ResponseTooLong))
        .await;
}

#[tokio::test]
async fn dev15_clear_text_in_the_place_of_the_first_record() {
    let plain = b"250 ok\r\n";
    let script = |script: Script| script.answer("STARTTLS", then("220 go\r\n", Then::Interject(plain)));
    row(script, Failed(Injection), Failed(Injection)).await;
}

#[tokio::test]
async fn dev16_lines_behind_a_220_of_several_lines() {
    let script = |script: Script| script.answer("STARTTLS", "220-go\r\n220 ahead\r\n220 really\r\n");
    row(script, Failed(Injection), Failed(Injection)).await;
    // The twin: several lines alone are a reply like another.
    let script = |script: Script| script.answer("STARTTLS", "220-go\r\n220 ahead\r\n");
    row(script, Delivered(Channel::Verified), Delivered(Channel::Encrypted)).await;
}

#[tokio::test]
async fn dev17_old_tls_only() {
    let alert =
        |script: Script| script.answer("STARTTLS", then("220 go\r\n", Then::Interject(PROTOCOL_VERSION)));
    row(alert, Failed(TlsVersion), MayRetry(TlsVersion)).await;
}

#[tokio::test]
async fn dev18_other_capabilities_inside_tls() {
    let clear = "250-mx.example\r\n250-STARTTLS\r\n250-PIPELINING\r\n250 SIZE 1\r\n";
    let tls = "250-mx.example\r\n250 SIZE 1000\r\n";
    let script = |script: Script| script.answer("EHLO", clear).answer("TLS EHLO", tls);
    for (_, heard) in row(script, Delivered(Channel::Verified), Delivered(Channel::Encrypted)).await {
        assert!(heard.commands.contains(&"TLS MAIL FROM:<a@client.example> SIZE=17".to_owned()), "STLS-07");
    }
    // The twin: what was offered in the clear alone is not used.
    let script = |script: Script| script.answer("EHLO", clear);
    for (_, heard) in row(script, Delivered(Channel::Verified), Delivered(Channel::Encrypted)).await {
        assert!(heard.commands.contains(&"TLS MAIL FROM:<a@client.example>".to_owned()), "STLS-07");
    }
}

#[tokio::test]
async fn smtp_05_06_replies_that_are_none() {
    for (text, why) in [
        ("199 x\r\n", "first digit out of range"),
        ("600 x\r\n", "first digit out of range"),
        ("250-a\r\n251 b\r\n", "different codes"),
        ("hello\r\n", "no code"),
        ("354 x\r\n", "an answer to another question"),
    ] {
        let setting = Setting::new();
        let script = setting.script().answer("TLS MAIL", text);
        let (attempt, heard) = setting.deliver(script, &setting.dane(), &["b@example"]).await;
        assert_eq!(attempt.failure.unwrap().code, FailureCode::ProtocolError, "{why}");
        assert!(!heard.has("DATA"), "{why}");
    }
}

/// Anybody on the path can send these as well, but nothing of them could be taken for a reply: decision 16 applies.
#[tokio::test]
async fn d11_a_genuine_record_is_no_injection() {
    for (record, why) in [
        (&[21, 3, 3, 0, 2, 2, 80][..], "the alert internal_error"),
        (&[22, 3, 3, 0, 4, 255, 0, 0, 0], "a handshake message of no known type"),
        (&[22, 3, 3, 255, 255], "a record longer than any may be"),
    ] {
        let script = |script: Script| script.answer("STARTTLS", then("220 go\r\n", Then::Interject(record)));
        for (attempt, _) in row(script, Failed(TlsHandshake), MayRetry(TlsHandshake)).await {
            assert_eq!(attempt.starttls, Some(StartTls::Accepted), "{why}");
        }
    }
}
