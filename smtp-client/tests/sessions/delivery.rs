//! Replies to MAIL, RCPT and DATA, and servers that break off or fall silent.

use std::time::Duration;

use mxtls_policy::{Channel, FailureCode, MessageFault, SecurityPolicy, Verdict};
use mxtls_smtp_client::{AttemptVerdict, Envelope, Interrupt, Message, Timeouts};

use crate::{
    scripted_server::{Answer, Then},
    setting::{Setting, envelope},
};

#[tokio::test]
async fn a_delivery_word_for_word() {
    let setting = Setting::new();
    let envelope = envelope(&["b@example", "\"c d\"@example"], "Subject: x\r\n\r\n.\r\n..dots\r\nend");
    let (attempt, heard) =
        setting.deliver_message(setting.script(), &setting.dane(), envelope, Interrupt::never()).await;
    assert_eq!(
        heard.commands[2..],
        [
            "TLS EHLO client.example",
            "TLS MAIL FROM:<a@client.example>",
            "TLS RCPT TO:<b@example>",
            "TLS RCPT TO:<\"c d\"@example>",
            "TLS DATA",
            "TLS QUIT"
        ]
    );
    assert_eq!(heard.message, b"Subject: x\r\n\r\n..\r\n...dots\r\nend\r\n.\r\n", "SMTP-02");
    let first = &attempt.recipients[0];
    assert_eq!((first.rcpt.as_str(), first.verdict, first.code), ("b@example", Verdict::Deliver, Some(250)));
    assert_eq!(first.enhanced_status.as_deref(), Some("2.0.0"));
    assert_eq!(first.text.as_deref(), Some("queued as 1"));
    assert_eq!(attempt.channel, Some(Channel::Verified));
}

#[tokio::test]
async fn the_null_sender() {
    let setting = Setting::new();
    let message = Message::new(&b"x"[..]).unwrap();
    let envelope = Envelope::new(None, vec!["b@example".parse().unwrap()], message).unwrap();
    let (_, heard) =
        setting.deliver_message(setting.script(), &setting.dane(), envelope, Interrupt::never()).await;
    assert!(heard.commands.contains(&"TLS MAIL FROM:<>".to_owned()));
}

#[tokio::test]
async fn smtp_11_12_24_refusals() {
    use FailureCode::{RejectedForGood, RejectedForNow};
    use Verdict::{Bounce, Defer, Deliver};
    let now = Some((Defer, RejectedForNow));
    let good = Some((Bounce, RejectedForGood));
    for (key, answer, expected, status, data, why) in [
        ("MAIL", "550 5.7.1 no\r\n", [good, good], "5.7.1", false, "MAIL for good"),
        ("MAIL", "451 later\r\n", [now, now], "4.0.0", false, "MAIL for now"),
        ("MAIL", "421 4.3.2 bye\r\n", [now, now], "4.3.2", false, "SMTP-24: MAIL, and the server closes"),
        ("RCPT TO:<b@example>", "550 5.1.1 who\r\n", [good, None], "5.1.1", true, "SMTP-11: one for good"),
        ("RCPT TO:<b@example>", "450 4.2.1 later\r\n", [now, None], "4.2.1", true, "SMTP-11: one for now"),
        ("RCPT TO:<b@example>", "552 5.5.3 too many\r\n", [now, None], "4.5.3", true, "SMTP-12"),
        ("RCPT TO:<b@example>", "599 x\r\n", [good, None], "5.0.0", true, "SMTP-05: by the first digit"),
        ("RCPT TO:<b@example>", "421 bye\r\n", [now, now], "4.0.0", false, "SMTP-24: all that is left"),
        ("RCPT", "550 5.1.1 who\r\n", [good, good], "5.1.1", false, "nobody is left"),
        ("DATA", "554 5.6.0 no\r\n", [good, good], "5.6.0", true, "DATA for good"),
        ("DATA", "421 bye\r\n", [now, now], "4.0.0", true, "SMTP-24: DATA"),
        (".", "552 5.3.4 too big\r\n", [good, good], "5.3.4", true, "552 is for good except after RCPT"),
        (".", "451 4.3.0 later\r\n", [now, now], "4.3.0", true, "the message for now"),
        (".", "421 bye\r\n", [now, now], "4.0.0", true, "SMTP-24: refused, and known to be"),
    ] {
        let setting = Setting::new();
        let script = setting.script().answer(key, answer);
        let (attempt, heard) = setting.deliver(script, &setting.dane(), &["b@example", "c@example"]).await;
        for (recipient, expected) in attempt.recipients.iter().zip(expected) {
            let failure = recipient.failure.as_ref().map(|failure| (recipient.verdict, failure.code));
            assert_eq!(failure, expected, "{why}");
            assert_eq!(recipient.verdict == Deliver, expected.is_none(), "{why}");
        }
        assert_eq!(attempt.recipients[0].failure.as_ref().unwrap().enhanced_status, status, "{why}");
        assert_eq!(heard.has("DATA"), data, "{why}");
        let all = expected.iter().all(Option::is_some);
        assert_eq!(attempt.verdict == AttemptVerdict::Reject, all, "{why}");
        assert_eq!(attempt.failure.is_some(), all, "{why}");
        assert_eq!(heard.has("QUIT"), !answer.starts_with("421"), "SMTP-07, {why}");
    }
}

#[tokio::test]
async fn smtp_23_what_the_server_cannot_take() {
    for (rcpt, message, fault) in [
        ("b@example", "\r\nä\r\n", MessageFault::EightBitMime),
        ("ä@example", "\r\nx\r\n", MessageFault::SmtpUtf8),
        ("b@example", "\r\nfar too large for this server\r\n", MessageFault::Size),
    ] {
        let setting = Setting::new();
        let script = setting.script().answer("TLS EHLO", "250-mx.example\r\n250 SIZE 10\r\n");
        let (attempt, heard) = setting
            .deliver_message(script, &setting.dane(), envelope(&[rcpt], message), Interrupt::never())
            .await;
        assert_eq!(attempt.failure.unwrap().code, FailureCode::MessageRefused(fault));
        assert_eq!(attempt.recipients[0].verdict, Verdict::Bounce);
        assert!(!heard.has("MAIL") && heard.has("QUIT"));
    }
}

#[tokio::test]
async fn smtp_11_23_one_internationalized_recipient() {
    let utf8 = FailureCode::MessageRefused(MessageFault::SmtpUtf8);
    let plain = "250-mx.example\r\n250 8BITMIME\r\n";
    let able = "250-mx.example\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n";
    let (mail, mail_utf8) = ("MAIL FROM:<a@client.example>", "MAIL FROM:<a@client.example> SMTPUTF8");
    let no = Some(FailureCode::RejectedForGood);
    for (ehlo, rcpt, refuses, message, expected, asked, why) in [
        (plain, ["b@d", "ü@d"], "", "x", [None, Some(utf8)], Some((mail, 1)), "the other is delivered to"),
        (plain, ["ü@d", "b@d"], "", "x", [Some(utf8), None], Some((mail, 1)), "in any order"),
        (plain, ["ü@d", "ö@d"], "", "x", [Some(utf8); 2], None, "nobody is left"),
        (plain, ["b@d", "ü@d"], "", "S: ü", [Some(utf8); 2], None, "the header is everybody's"),
        (plain, ["b@d", "c@ü"], "", "x", [None, None], Some((mail, 2)), "a domain has A-labels"),
        (able, ["b@d", "ü@d"], "", "x", [None, None], Some((mail_utf8, 2)), "offered and needed"),
        (able, ["b@d", "c@d"], "", "x", [None, None], Some((mail, 2)), "offered, not needed"),
        (plain, ["ü@d", "b@d"], "RCPT", "x", [Some(utf8), no], Some((mail, 1)), "each for its own reason"),
        (
            plain,
            ["ü@d", "b@d"],
            "MAIL",
            "x",
            [Some(utf8), no],
            Some((mail, 0)),
            "MAIL decides for who is left",
        ),
        (plain, ["b@d", "ü@d"], ".", "x", [no, Some(utf8)], Some((mail, 1)), "so does the final dot"),
    ] {
        let setting = Setting::new();
        let mut script = setting.script().answer("TLS EHLO", ehlo);
        if !refuses.is_empty() {
            script = script.answer(refuses, "550 no\r\n");
        }
        let (attempt, heard) = setting
            .deliver_message(script, &setting.dane(), envelope(&rcpt, message), Interrupt::never())
            .await;
        let codes = attempt.recipients.iter().map(|one| one.failure.as_ref().map(|failure| failure.code));
        assert_eq!(codes.collect::<Vec<_>>(), expected, "{why}");
        for (recipient, expected) in attempt.recipients.iter().zip(expected) {
            let verdict = if expected.is_none() { Verdict::Deliver } else { Verdict::Bounce };
            assert_eq!(recipient.verdict, verdict, "{why}");
        }
        let mail = heard
            .commands
            .iter()
            .find_map(|line| line.strip_prefix("TLS ").filter(|line| line.starts_with("MAIL")));
        assert_eq!(mail.map(|mail| (mail, heard.count("RCPT"))), asked, "{why}");
        let accepted = expected.iter().any(Option::is_none);
        assert_eq!(attempt.verdict == AttemptVerdict::Accept, accepted, "{why}");
        assert_eq!(attempt.failure.is_none(), accepted, "{why}");
        assert_eq!(heard.has("DATA"), accepted || refuses == ".", "{why}");
        assert!(heard.has("QUIT"), "{why}");
    }
}

#[tokio::test]
async fn an_internationalized_sender_decides_for_everybody() {
    let setting = Setting::new();
    let message = Message::new(&b"x"[..]).unwrap();
    let recipients = vec!["b@d".parse().unwrap(), "ü@d".parse().unwrap()];
    let envelope = Envelope::new(Some("ä@client.example".parse().unwrap()), recipients, message).unwrap();
    let (attempt, heard) =
        setting.deliver_message(setting.script(), &setting.dane(), envelope, Interrupt::never()).await;
    for recipient in attempt.recipients {
        assert_eq!(recipient.failure.unwrap().enhanced_status, "5.6.7");
    }
    assert!(!heard.has("MAIL"));
}

/// Each step at which a server may break off or fall silent, the failure of the former and of the latter.
const STEPS: [(&str, FailureCode, FailureCode); 10] = {
    use FailureCode::{ConnectionLost, Timeout, TlsHandshake, UnknownOutcome};
    [
        ("greeting", ConnectionLost, Timeout),
        ("EHLO", ConnectionLost, Timeout),
        ("STARTTLS", ConnectionLost, Timeout),
        ("handshake", TlsHandshake, TlsHandshake),
        ("TLS EHLO", ConnectionLost, Timeout),
        ("MAIL", ConnectionLost, Timeout),
        ("RCPT", ConnectionLost, Timeout),
        ("DATA", ConnectionLost, Timeout),
        ("line", ConnectionLost, Timeout),
        (".", UnknownOutcome, UnknownOutcome),
    ]
};

#[tokio::test]
async fn smtp_09_a_server_breaks_off() {
    for (step, expected, _) in STEPS {
        // Where only the message breaks, the client may have written all of it before it learns.
        if step == "line" {
            continue;
        }
        let setting = Setting::new();
        let script = match step {
            "handshake" => setting.script().answer("STARTTLS", Answer::new("220 go\r\n").then(Then::Close)),
            step => setting.script().answer(step, Then::Close),
        };
        let (attempt, _) = setting.deliver(script, &setting.dane(), &["b@example"]).await;
        let failure = attempt.failure.unwrap();
        assert_eq!(failure.code, expected, "{step}");
        assert_eq!(attempt.recipients[0].failure, Some(failure), "{step}");
        assert_eq!(attempt.recipients[0].verdict, Verdict::Defer, "{step}");
    }
}

#[tokio::test]
async fn smtp_08_a_server_falls_silent() {
    for (step, _, expected) in STEPS {
        let mut timeouts = Timeouts::default();
        let limit = match step {
            "greeting" => &mut timeouts.greeting,
            "EHLO" | "STARTTLS" | "TLS EHLO" => &mut timeouts.hello,
            "handshake" => &mut timeouts.handshake,
            "MAIL" => &mut timeouts.mail,
            "RCPT" => &mut timeouts.rcpt,
            "DATA" => &mut timeouts.data,
            // A server that does not read makes itself felt only when the buffers between are full: see below.
            "line" => continue,
            _ => &mut timeouts.end,
        };
        *limit = Duration::from_millis(200);
        let setting = Setting::new().timeouts(timeouts);
        let script = match step {
            "handshake" => {
                setting.script().answer("STARTTLS", Answer::new("220 go\r\n").then(Then::FallSilent))
            }
            step => setting.script().answer(step, Then::FallSilent),
        };
        let (attempt, heard) = setting.deliver(script, &setting.dane(), &["b@example"]).await;
        assert_eq!(attempt.failure.unwrap().code, expected, "{step}");
        assert_eq!(heard.has("DATA"), matches!(step, "DATA" | "."), "{step}");
    }
}

#[tokio::test]
async fn the_reply_to_quit_changes_nothing() {
    for then in [Then::Close, Then::FallSilent] {
        let timeouts = Timeouts { quit: Duration::from_millis(50), ..Timeouts::default() };
        let setting = Setting::new().timeouts(timeouts);
        let script = setting.script().answer("QUIT", then);
        let (attempt, _) = setting.deliver(script, &setting.dane(), &["b@example"]).await;
        assert_eq!(attempt.failure, None);
        assert_eq!(attempt.recipients[0].verdict, Verdict::Deliver);
    }
}

#[tokio::test]
async fn a_refusal_in_the_last_words_counts() {
    let setting = Setting::new();
    let script = setting.script().answer("MAIL", Answer::new("421 4.3.2 closing\r\n").then(Then::Close));
    let (attempt, _) = setting.deliver(script, &setting.dane(), &["b@example"]).await;
    assert_eq!(attempt.recipients[0].code, Some(421));
}

#[tokio::test]
async fn a_reply_that_never_ends_runs_into_its_limit() {
    let timeouts = Timeouts { hello: Duration::from_millis(200), ..Timeouts::default() };
    let setting = Setting::new().timeouts(timeouts);
    let script = setting.script().answer("EHLO", Answer::new("250-mx\r\n250-x\r\n").then(Then::FallSilent));
    let (attempt, _) = setting.deliver(script, &SecurityPolicy::opportunistic(), &["b@example"]).await;
    assert_eq!(attempt.failure.unwrap().code, FailureCode::Timeout);
}
