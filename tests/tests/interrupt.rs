//! Ctrl-C during `mxtls send` leaves no doubt which recipients were accepted: the document names every one of them, and what it says
//! is what the servers saw.
//!
//! Each test stops the delivery at a stage where a server keeps it waiting, and sends the signal when the server is seen to be there.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code outside test functions may panic too: that is how it fails"
)]

mod mxtls;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Instant;

use mxtls::{LIMIT, Running, at_lab, command};
use mxtls_lab::dns::PathRule;
use mxtls_lab::{Lab, Scenario};
use serde_json::{Value, json};

/// Domains whose servers go as far as their names say, and then keep the client waiting.
const ROWS: &str = r#"
[[scenario]]
name = "good"
matrix = "opportunistic"
why = "the server takes everything"
zone = """
@    MX  10 mx1
mx1  A   {ip mx1}
"""
servers.mx1 = { certificate.issuer = "itself" }
expected = { verdict = "deliver", channel = "encrypted", policy = "opportunistic", connections = 1, mail = 1, data = 1 }

[[scenario]]
name = "later"
like = "good"
why = "the server takes everything, but it is not its turn yet"
expected = { verdict = "deliver", channel = "encrypted", policy = "opportunistic", connections = 1, mail = 1, data = 1 }

[[scenario]]
name = "until-greeting"
like = "good"
why = "no greeting"
servers.mx1.greeting = "hang"
expected = { verdict = "deliver", channel = "encrypted", policy = "opportunistic", connections = 1, mail = 1, data = 1 }

[[scenario]]
name = "until-handshake"
like = "good"
why = "no handshake"
servers.mx1.starttls = "hang"
expected = { verdict = "deliver", channel = "encrypted", policy = "opportunistic", connections = 1, mail = 1, data = 1 }

[[scenario]]
name = "until-mail"
like = "good"
why = "no reply to MAIL"
servers.mx1.mail = "hang"
expected = { verdict = "deliver", channel = "encrypted", policy = "opportunistic", connections = 1, mail = 1, data = 1 }

[[scenario]]
name = "until-rcpt"
like = "good"
why = "one recipient is refused, one accepted, the third gets no reply"
servers.mx1.rcpt = { "refused@until-rcpt.lab" = "550 5.1.1 no such user", "third@until-rcpt.lab" = "hang" }
expected = { verdict = "deliver", channel = "encrypted", policy = "opportunistic", connections = 1, mail = 1, data = 1 }

[[scenario]]
name = "until-data"
like = "good"
why = "no reply to DATA"
servers.mx1.data = "hang"
expected = { verdict = "deliver", channel = "encrypted", policy = "opportunistic", connections = 1, mail = 1, data = 1 }

[[scenario]]
name = "until-dot"
like = "good"
why = "no reply to the final dot"
servers.mx1.dot = "hang"
expected = { verdict = "deliver", channel = "encrypted", policy = "opportunistic", connections = 1, mail = 1, data = 1 }
"#;

fn lab() -> Lab {
    Lab::start_with(Scenario::parse(ROWS).unwrap()).unwrap()
}

/// A case file with an envelope for each list of recipients.
fn case(lab: &Lab, envelopes: &[&[&str]]) -> PathBuf {
    let envelope = |rcpt: &&[&str]| json!({"mail": "sender@elsewhere.example", "rcpt": rcpt, "subject": "s", "message": "m"});
    let path = lab.directory().join("case.json5");
    let case = json!({"envelopes": envelopes.iter().map(envelope).collect::<Vec<_>>()});
    std::fs::write(&path, case.to_string()).unwrap();
    path
}

fn start(lab: &Lab, envelopes: &[&[&str]]) -> Running {
    let file = case(lab, envelopes).display().to_string();
    Running::start(&mut command(at_lab(lab, "send", &["--case".to_owned(), file])))
}

/// Waits until what the servers of a domain saw satisfies `enough`.
fn wait(lab: &Lab, domain: &str, enough: impl Fn(&mxtls_lab::Saw) -> bool) {
    let seen = lab.wait_until(domain, LIMIT, enough);
    assert!(seen.is_some(), "{domain} was not reached: {:?}", lab.saw(domain));
}

/// What the document says of each recipient: address, verdict, and code of the failure.
fn said(document: &Value) -> Vec<(String, String, Option<String>)> {
    let recipients = document["envelopes"].as_array().unwrap().iter().flat_map(|envelope| {
        let recipients = envelope["recipients"].as_array().unwrap();
        recipients.iter().map(|recipient| {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            (
                text(&recipient["rcpt"]).unwrap(),
                text(&recipient["verdict"]).unwrap(),
                text(&recipient["failure"]["code"]),
            )
        })
    });
    recipients.collect()
}

/// Ends the process by Ctrl-C and holds what it says against `expected`, and that against what the servers saw.
fn interrupted(lab: &Lab, running: Running, expected: &[(&str, &str, Option<&str>)]) {
    running.interrupt();
    let ended = running.end();
    let document = ended.document();
    let said = said(&document);
    let expected: Vec<_> = expected
        .iter()
        .map(|(rcpt, verdict, code)| (rcpt.to_string(), verdict.to_string(), code.map(str::to_owned)))
        .collect();
    assert_eq!(said, expected, "{document:#}");
    assert_eq!(ended.status, Some(75), "a recipient is undecided");
    for (rcpt, verdict, code) in &said {
        let domain = rcpt.rsplit('@').next().unwrap().strip_suffix(".lab").unwrap();
        let messages = lab.saw(domain).messages().count();
        match (verdict.as_str(), code.as_deref()) {
            ("deliver", None) | ("defer", Some("unknown-outcome")) => assert_eq!(messages, 1, "{rcpt}"),
            ("defer", Some("interrupted")) | ("bounce", _) => {
                assert_eq!(messages, 0, "{rcpt}: no final dot was sent");
            }
            other => panic!("{rcpt}: {other:?}"),
        }
    }
}

const INTERRUPTED: Option<&str> = Some("interrupted");

#[test]
fn before_the_greeting() {
    let lab = lab();
    let running = start(&lab, &[&["b@until-greeting.lab"]]);
    wait(&lab, "until-greeting", |saw| saw.connections() == 1);
    interrupted(&lab, running, &[("b@until-greeting.lab", "defer", INTERRUPTED)]);
}

/// Nothing is offered in clear text instead: the interruption ends the attempt.
#[test]
fn before_the_handshake() {
    let lab = lab();
    let running = start(&lab, &[&["b@until-handshake.lab"]]);
    wait(&lab, "until-handshake", |saw| saw.servers.values().any(|server| server.count("STARTTLS") == 1));
    interrupted(&lab, running, &[("b@until-handshake.lab", "defer", INTERRUPTED)]);
    assert_eq!(lab.saw("until-handshake").connections(), 1);
}

#[test]
fn before_the_reply_to_mail() {
    let lab = lab();
    let running = start(&lab, &[&["b@until-mail.lab"]]);
    wait(&lab, "until-mail", |saw| saw.mail() == 1);
    interrupted(&lab, running, &[("b@until-mail.lab", "defer", INTERRUPTED)]);
    assert_eq!(lab.saw("until-mail").rcpt(), 0);
}

/// Before DATA: who was refused is refused, who was accepted by RCPT has nothing yet.
#[test]
fn between_recipients_of_one_message() {
    let lab = lab();
    let running =
        start(&lab, &[&["refused@until-rcpt.lab", "second@until-rcpt.lab", "third@until-rcpt.lab"]]);
    wait(&lab, "until-rcpt", |saw| saw.rcpt() == 3);
    interrupted(
        &lab,
        running,
        &[
            ("refused@until-rcpt.lab", "bounce", Some("rejected-by-server")),
            ("second@until-rcpt.lab", "defer", INTERRUPTED),
            ("third@until-rcpt.lab", "defer", INTERRUPTED),
        ],
    );
    assert_eq!(lab.saw("until-rcpt").data(), 0);
}

#[test]
fn before_the_reply_to_data() {
    let lab = lab();
    let running = start(&lab, &[&["b@until-data.lab"]]);
    wait(&lab, "until-data", |saw| saw.data() == 1);
    interrupted(&lab, running, &[("b@until-data.lab", "defer", INTERRUPTED)]);
}

/// The final dot is out and no reply comes in a short time of grace: nobody knows.
#[test]
fn after_the_final_dot() {
    let lab = lab();
    let running = start(&lab, &[&["b@until-dot.lab", "c@until-dot.lab"], &["d@later.lab"]]);
    wait(&lab, "until-dot", |saw| saw.messages().count() == 1);
    interrupted(
        &lab,
        running,
        &[
            ("b@until-dot.lab", "defer", Some("unknown-outcome")),
            ("c@until-dot.lab", "defer", Some("unknown-outcome")),
            ("d@later.lab", "defer", INTERRUPTED),
        ],
    );
    assert_eq!(lab.saw("later").connections(), 0);
}

/// The reply to the final dot that comes in the time of grace counts.
#[test]
fn after_the_final_dot_the_reply_is_awaited() {
    let lab = lab();
    let running = start(&lab, &[&["b@until-dot.lab"]]);
    wait(&lab, "until-dot", |saw| saw.messages().count() == 1);
    running.interrupt();
    lab.release("until-dot");
    let ended = running.end();
    let delivered = [("b@until-dot.lab".to_owned(), "deliver".to_owned(), None)];
    assert_eq!(said(&ended.document()), delivered, "{ended:?}");
    assert_eq!(ended.status, Some(0), "nobody is undecided");
}

/// Between the recipients of several domains: what was delivered before stays delivered, what was not begun is not begun.
#[test]
fn between_domains() {
    let lab = lab();
    let running = start(&lab, &[&["a@good.lab", "b@until-data.lab", "c@later.lab", "d@good.lab"]]);
    wait(&lab, "until-data", |saw| saw.data() == 1);
    wait(&lab, "good", |saw| saw.messages().count() == 1);
    interrupted(
        &lab,
        running,
        &[
            ("a@good.lab", "deliver", None),
            ("b@until-data.lab", "defer", INTERRUPTED),
            ("c@later.lab", "defer", INTERRUPTED),
            ("d@good.lab", "deliver", None),
        ],
    );
    assert_eq!(lab.saw("later").connections(), 0);
}

#[test]
fn between_envelopes() {
    let lab = lab();
    let running = start(&lab, &[&["a@good.lab"], &["b@until-mail.lab"], &["c@later.lab"]]);
    wait(&lab, "until-mail", |saw| saw.mail() == 1);
    interrupted(
        &lab,
        running,
        &[
            ("a@good.lab", "deliver", None),
            ("b@until-mail.lab", "defer", INTERRUPTED),
            ("c@later.lab", "defer", INTERRUPTED),
        ],
    );
    assert_eq!(lab.saw("later").connections(), 0);
}

#[test]
fn during_name_resolution() {
    let lab = lab();
    lab.dns().tamper(PathRule::new("later.lab MX", "timeout".parse().unwrap()).unwrap()).unwrap();
    let file = case(&lab, &[&["a@good.lab", "b@later.lab"]]).display().to_string();
    // Far beyond the limit of the test: only the signal ends it.
    let own = ["--case".to_owned(), file, "--timeout".to_owned(), "3600".to_owned()];
    let running = Running::start(&mut command(at_lab(&lab, "send", &own)));
    let begun = Instant::now();
    let asked = || lab.dns().queries(|query| query.name == "later.lab." && query.rtype.to_string() == "MX");
    while asked().is_empty() {
        assert!(begun.elapsed() < LIMIT, "the question does not come");
        std::thread::yield_now();
    }
    interrupted(&lab, running, &[("a@good.lab", "deliver", None), ("b@later.lab", "defer", INTERRUPTED)]);
    assert_eq!(lab.saw("later").connections(), 0);
}

/// Without `--json` the page names every recipient too.
#[test]
fn the_page_for_people_names_every_recipient() {
    let lab = lab();
    let file = case(&lab, &[&["a@good.lab", "b@until-data.lab", "c@later.lab"]]).display().to_string();
    let mut arguments = at_lab(&lab, "send", &["--case".to_owned(), file]);
    arguments.retain(|argument| argument != "--json");
    let running = Running::start(&mut command(arguments));
    wait(&lab, "until-data", |saw| saw.data() == 1);
    running.interrupt();
    let ended = running.end();
    assert_eq!(ended.status, Some(75), "{ended:?}");
    // Each with the line below it.
    let lines: Vec<&str> = ended.stdout.lines().collect();
    for (rcpt, word) in
        [("a@good.lab", "queued"), ("b@until-data.lab", "interrupted"), ("c@later.lab", "interrupted")]
    {
        let at = lines.iter().position(|line| line.contains(rcpt));
        let at = at.unwrap_or_else(|| panic!("{rcpt} is not named: {}", ended.stdout));
        assert!(lines[at + 1].contains(word), "{rcpt}: {}", ended.stdout);
    }
}

/// The second Ctrl-C ends the process while the first still waits for the reply to the final dot.
#[test]
fn a_second_one_ends_at_once() {
    let lab = lab();
    let mut running = start(&lab, &[&["b@until-dot.lab"]]);
    wait(&lab, "until-dot", |saw| saw.messages().count() == 1);
    // Signals that come too fast are one, so they come until the process is gone.
    while running.child.try_wait().unwrap().is_none() {
        running.interrupt();
    }
    let ended = running.end();
    assert_eq!(ended.status, Some(130), "{ended:?}");
    assert_eq!(ended.stdout, "");
}

/// How far a [`slow server`](slow_server) goes before it stops to read and to answer.
#[derive(Clone, Copy)]
enum Stop {
    /// DATA has come, its 354 has not gone out.
    BeforeContent,
    /// So much of the message has been read.
    Inside(usize),
}

/// Delivers a long message to a server that stops, interrupts, and gives back what the server finds then, which goes on to the end of
/// the connection: everything that followed DATA. The signal comes when the server has stopped.
fn what_follows_data(stop: Stop, lines: usize) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let line = format!("{}\r\n", "x".repeat(76));
    std::fs::write(directory.path().join("long.eml"), format!("Subject: long\r\n\r\n{}", line.repeat(lines)))
        .unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let (stopped, reached) = mpsc::channel();
    let (go_on, gone) = mpsc::channel::<()>();
    let server = std::thread::spawn(move || slow_server(&listener, stop, &stopped, &gone));

    let case = directory.path().join("case.json5");
    let envelope =
        json!({"mail": "a@elsewhere.example", "rcpt": ["b@recipient.example"], "file": "long.eml"});
    std::fs::write(&case, json!({"mx": ["[127.0.0.1]"], "envelopes": [envelope]}).to_string()).unwrap();
    let case = case.display().to_string();
    // No name is asked for on the way to an address, so nobody needs to be at this resolver.
    let running = Running::start(&mut command([
        "send",
        "--json",
        "--resolver",
        "127.0.0.1:9",
        "--port",
        &port,
        "--case",
        &case,
    ]));
    reached.recv_timeout(LIMIT).unwrap();
    running.interrupt();
    let ended = running.end();
    go_on.send(()).unwrap();
    let content = server.join().unwrap();

    let interrupted =
        [("b@recipient.example".to_owned(), "defer".to_owned(), INTERRUPTED.map(str::to_owned))];
    assert_eq!(said(&ended.document()), interrupted);
    assert_eq!(ended.status, Some(75));
    content
}

/// One session without STARTTLS.
fn slow_server(
    listener: &TcpListener,
    stop: Stop,
    stopped: &mpsc::Sender<()>,
    gone: &mpsc::Receiver<()>,
) -> Vec<u8> {
    let (stream, _) = listener.accept().unwrap();
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    writer.write_all(b"220 slow ESMTP\r\n").unwrap();
    loop {
        let mut command = String::new();
        reader.read_line(&mut command).unwrap();
        if command.starts_with("DATA") {
            break;
        }
        writer.write_all(b"250 ok\r\n").unwrap();
    }
    let mut content = vec![];
    if let Stop::Inside(part) = stop {
        writer.write_all(b"354 go on\r\n").unwrap();
        content.resize(part, 0);
        reader.read_exact(&mut content).unwrap();
    }
    stopped.send(()).unwrap();
    gone.recv().unwrap();
    // The client may have gone by a reset: what came before that is what counts.
    let _nobody_listens = writer.write_all(b"354 go on\r\n");
    let _reset = reader.read_to_end(&mut content);
    content
}

fn has_final_dot(content: &[u8]) -> bool {
    content.starts_with(b".\r\n") || content.windows(5).any(|bytes| bytes == b"\r\n.\r\n")
}

#[test]
fn no_message_follows_an_interrupted_data() {
    let content = what_follows_data(Stop::BeforeContent, 1);
    let text = String::from_utf8(content).unwrap();
    assert!(!text.contains("Subject") && !has_final_dot(text.as_bytes()), "{text:?}");
}

/// Inside the message: the server has read a part of it and reads no more, while the client still has some to send.
#[test]
fn inside_the_message() {
    const PART: usize = 1 << 20;
    // More than all the buffers on the way hold.
    const LINES: usize = 500_000;
    let content = what_follows_data(Stop::Inside(PART), LINES);
    assert!(content.len() >= PART && content.len() < 78 * LINES, "a part of it: {}", content.len());
    assert!(!has_final_dot(&content));
}
