//! Bad input: one clear sentence that names the file, the line and what was expected, exit status 2, and nothing sent.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code outside test functions may panic too: that is how it fails"
)]

mod mxtls;

use std::path::{Path, PathBuf};

use mxtls::{at_lab, lab_of, run};
use mxtls_lab::Lab;
use serde_json::{Value, json};

/// A domain that mail is delivered to where nothing is wrong with the input.
const GOOD: &str = "dane-ee-match";

/// What is wrong, and what must be said about it.
struct Fault {
    /// The command's word and its own arguments.
    arguments: Vec<String>,
    /// The option among them that stands in the place of the lab's.
    replaces: Option<&'static str>,
    /// The file that is named, and the line in it.
    place: Option<(PathBuf, Option<u64>)>,
    /// Words of the sentence.
    words: &'static [&'static str],
    why: &'static str,
}

fn fault(arguments: &[&str], words: &'static [&'static str], why: &'static str) -> Fault {
    let arguments = arguments.iter().map(|&word| word.to_owned()).collect();
    Fault { arguments, replaces: None, place: None, words, why }
}

impl Fault {
    fn at(self, file: &Path, line: impl Into<Option<u64>>) -> Self {
        Self { place: Some((file.to_owned(), line.into())), ..self }
    }

    /// As people see it, and as the error document.
    fn is_refused(&self, lab: &Lab) {
        let why = self.why;
        let (word, own) = self.arguments.split_first().unwrap();
        let mut arguments = at_lab(lab, word, own);
        if let Some(option) = self.replaces {
            let first = arguments.iter().position(|argument| argument == option).unwrap();
            arguments.drain(first..first + 2);
        }
        let ended = run(&arguments);
        assert_eq!(ended.status, Some(2), "{why}: {ended:?}");
        let document = ended.document();
        let fields: Vec<&String> = document.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["schema", "error"], "{why}: {document}");
        let error = &document["error"];
        let message = error["message"].as_str().unwrap();
        assert!(!message.contains('\n'), "{why}: {message:?} is more than a sentence");
        for word in self.words {
            assert!(message.contains(word), "{why}: {word:?} is not in {message:?}");
        }
        let (file, line) = match &self.place {
            Some((file, line)) => (json!(file), json!(line)),
            None => (json!(null), json!(null)),
        };
        assert_eq!((&error["file"], &error["line"]), (&file, &line), "{why}: {error}");

        arguments.retain(|argument| argument != "--json");
        let ended = run(&arguments);
        assert_eq!(ended.status, Some(2), "{why}: {ended:?}");
        assert_eq!(ended.stdout, "", "{why}: an error is no result");
        // A list of possible values may stand on a line of its own.
        let sentence = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(sentence.contains(message), "{why}: {sentence}");
        if let Some((file, line)) = &self.place {
            assert!(sentence.contains(&file.display().to_string()), "{why}: {sentence}");
            if let Some(line) = line {
                assert!(sentence.contains(&format!("line {line}")), "{why}: {sentence}");
            }
        }
        nothing_was_asked_or_sent(lab, why);
    }
}

fn nothing_was_asked_or_sent(lab: &Lab, why: &str) {
    assert_eq!(lab.dns().queries(|_| true), [], "{why}: nothing is asked");
    for scenario in lab.scenarios() {
        let saw = lab.saw(&scenario.name);
        assert_eq!((saw.connections(), saw.policy_host.connections), (0, 0), "{why}: nobody is connected to");
    }
}

fn file(lab: &Lab, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = lab.directory().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// The twin of all that follows: without a fault the same command lines do their work.
#[test]
fn good_input_is_taken() {
    let lab = lab_of(&[GOOD]);
    let domain = format!("{GOOD}.lab");
    for word in ["resolve", "check"] {
        let ended = run(at_lab(&lab, word, std::slice::from_ref(&domain)));
        assert_eq!(ended.status, Some(0), "{ended:?}");
    }
    let case =
        file(&lab, "good.json5", case_with("", &format!("rcpt: ['b@{domain}'], subject: 's', message: 'm'")));
    let ended = run(at_lab(&lab, "send", &["--case".to_owned(), case.display().to_string()]));
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert_eq!(lab.saw(GOOD).data(), 1);
}

#[test]
fn domains() {
    let lab = lab_of(&[GOOD]);
    let long = format!("{}.lab", "a".repeat(64));
    for word in ["resolve", "check"] {
        for (domain, words, why) in [
            ("a..lab", ["a..lab", "empty"].as_slice(), "an empty label"),
            ("", &["empty"], "no name at all"),
            (".", &["empty"], "the root takes no mail"),
            ("a b.lab", &["a b.lab"], "a space"),
            ("192.0.2.1", &["192.0.2.1", "brackets"], "an address without brackets"),
            ("[mx1.lab", &["[mx1.lab", "bracket"], "no closing bracket"),
            ("[mx1.lab]:0", &["[mx1.lab]:0", "port"], "port 0"),
            ("[mx1.lab]:99999", &["port"], "a port beyond all"),
            ("[IPv6:::zz]", &["IPv6"], "no IPv6 address"),
            ("user@", &["user@"], "no domain behind the @"),
        ] {
            fault(&[word, domain], words, why).is_refused(&lab);
        }
        fault(&[word, &long], &["63"], "a label that is too long").is_refused(&lab);
        fault(&[word, &format!("{GOOD}.lab"), "a..lab"], &["a..lab"], "the second one").is_refused(&lab);
    }
    fault(&["mta-sts", "a..lab"], &["a..lab", "empty"], "of mta-sts").is_refused(&lab);
    fault(&["resolve", "--dane-only", "a..lab"], &["a..lab", "empty"], "of a host").is_refused(&lab);
    fault(&["dns", "a..lab", "MX"], &["a..lab"], "of a DNS question").is_refused(&lab);
    fault(&["dns", &long, "MX"], &["63"], "a label that is too long").is_refused(&lab);
    fault(&["dns", "a.lab", "NOTYPE"], &["NOTYPE", "type"], "an unknown record type").is_refused(&lab);
    fault(&["dns", "a.lab"], &["record type"], "no type").is_refused(&lab);
}

/// Questions from standard input: the line is named.
#[test]
fn lines_of_standard_input() {
    let lab = lab_of(&[GOOD]);
    for (input, line, words, why) in [
        ("a.lab MX\na..lab MX\n", 2, ["a..lab"].as_slice(), "a malformed name"),
        ("a.lab\n", 1, &["TYPE"], "no type"),
        ("a.lab MX\n\na.lab MX extra\n", 3, &["TYPE"], "a word too many"),
        ("a.lab NOTYPE\n", 1, &["NOTYPE"], "an unknown type"),
    ] {
        let ended = mxtls::run_with_input(at_lab(&lab, "dns", &["-".to_owned()]), input);
        assert_eq!(ended.status, Some(2), "{why}: {ended:?}");
        let error = &ended.document()["error"];
        let message = error["message"].as_str().unwrap();
        for word in words {
            assert!(message.contains(word), "{why}: {message}");
        }
        assert_eq!(error["line"], line, "{why}: {error}");
    }
}

#[test]
fn resolver_addresses() {
    for (address, why) in [
        ("dns.example", "a name"),
        ("192.0.2.1:0", "port 0"),
        ("192.0.2.1:dns", "no port"),
        ("192.0.2.256", "no address"),
        ("2001:db8::1::", "no address of the other family"),
        ("tls://192.0.2.1", "DNS over TLS without a name"),
        ("tls://192.0.2.1#", "an empty one"),
        ("tls://192.0.2.1#192.0.2.1", "an address for the name"),
        ("tls://192.0.2.1:0#dns.example", "port 0 for DNS over TLS"),
        ("tls://dns.example#dns.example", "a name for the address"),
        ("https://192.0.2.1#dns.example", "another protocol"),
        ("", "nothing"),
    ] {
        let ended = run(["resolve", "--json", "--resolver", address, "example.com"]);
        assert_eq!(ended.status, Some(2), "{why}: {ended:?}");
        let message = ended.document()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("--resolver") && message.contains("IP"), "{why}: {message}");
        assert!(message.contains(address) && !message.contains('\n'), "{why}: {message}");
    }
}

#[test]
fn trust_anchors() {
    let lab = lab_of(&[GOOD]);
    let good = std::fs::read_to_string(lab.trust_anchor_file()).unwrap();
    for (name, text, line, words, why) in [
        ("empty.zone", String::new(), Some(1), ["DS", "DNSKEY"].as_slice(), "no anchor at all"),
        ("comment.zone", "; nothing\n".to_owned(), Some(1), &["DS", "DNSKEY"], "a comment alone"),
        (
            "type.zone",
            format!("{good}. 3600 IN A 192.0.2.1\n"),
            Some(2),
            &["expected a DS or DNSKEY record", "A"],
            "another record type, in the second line",
        ),
        ("name.zone", "lab 3600 IN DS 1 13 2 00\n".to_owned(), Some(1), &["absolute"], "a relative name"),
        ("digest.zone", ". IN DS 1 13 2 xyz\n".to_owned(), Some(1), &["expected", "xyz"], "no digest"),
        ("short.zone", ". IN DS 1 13\n".to_owned(), Some(1), &["expected"], "fields are missing"),
        ("include.zone", "$INCLUDE x\n".to_owned(), Some(1), &["$INCLUDE"], "a control entry"),
        ("binary.zone", "\u{0}\u{1}\u{2}".to_owned(), Some(1), &[], "no text at all"),
    ] {
        let path = file(&lab, name, text);
        replacing("--trust-anchor", &path, words, why).at(&path, line).is_refused(&lab);
    }
    let missing = lab.directory().join("missing.zone");
    replacing("--trust-anchor", &missing, &["read"], "no such file").at(&missing, None).is_refused(&lab);
    let directory = lab.directory();
    replacing("--trust-anchor", directory, &["read"], "a directory").at(directory, None).is_refused(&lab);
    let latin1 = file(&lab, "latin1.zone", b"; caf\xe9\n");
    replacing("--trust-anchor", &latin1, &["UTF-8", "column 6"], "Latin-1").at(&latin1, 1).is_refused(&lab);
}

#[test]
fn root_hints() {
    let lab = lab_of(&[GOOD]);
    let good = ". 3600 IN NS ns.\nns. 3600 IN A 127.0.0.1\n";
    for (name, text, line, words, why) in [
        ("empty.hints", String::new(), Some(1), ["address of a root server"].as_slice(), "no server at all"),
        ("no-address.hints", ". NS ns.\n".to_owned(), Some(1), &["address of a root server"], "no address"),
        ("type.hints", format!("{good}ns. MX 10 mx.\n"), Some(3), &["expected", "MX 10 mx."], "another type"),
        ("zone.hints", "lab. NS ns.\n".to_owned(), Some(1), &["expected", "lab. NS ns."], "another zone"),
        (
            "address.hints",
            ". NS ns.\nns. A ::1\n".to_owned(),
            Some(2),
            &["::1", "address"],
            "no IPv4 address",
        ),
        ("stray.hints", format!("{good}a. A 127.0.0.1\n"), Some(3), &["NS", "a."], "an address of nobody"),
        ("name.hints", ". NS a..b\n".to_owned(), Some(1), &["a..b"], "no name"),
    ] {
        let path = file(&lab, name, text);
        replacing("--root-hints", &path, words, why).at(&path, line).is_refused(&lab);
    }
    let missing = lab.directory().join("missing.hints");
    replacing("--root-hints", &missing, &["read"], "no such file").at(&missing, None).is_refused(&lab);
}

/// RFC 7672 §2.1.1: anybody on the path to a resolver can set the AD bit.
#[test]
fn d72_04_ad_bits_of_strangers_count_for_nothing() {
    let lab = lab_of(&[GOOD]);
    let domain = format!("{GOOD}.lab");
    for (resolver, words, why) in [
        ("192.0.2.53", ["192.0.2.53:53", "--trust-resolver"].as_slice(), "not on this machine"),
        ("2001:db8::53", &["[2001:db8::53]:53", "--trust-resolver"], "over IPv6"),
        (
            "tls://192.0.2.53#dns.example",
            &["tls://192.0.2.53:853#dns.example", "--trust-resolver"],
            "over TLS",
        ),
    ] {
        let arguments = ["check", "--dnssec", "trust-ad", "--resolver", resolver, &domain];
        fault(&arguments, words, why).is_refused(&lab);
    }
}

#[test]
fn ca_files() {
    let lab = lab_of(&[GOOD]);
    let good = std::fs::read_to_string(lab.ca_file()).unwrap();
    let lines = good.lines().count() as u64;
    for (name, text, line, words, why) in [
        ("empty.pem", String::new(), None, ["certificates", "PEM"].as_slice(), "no certificate at all"),
        ("text.pem", "not PEM\n".to_owned(), None, &["certificates", "PEM"], "something else"),
        (
            "open.pem",
            format!("{good}-----BEGIN CERTIFICATE-----\nMIIB\n"),
            Some(lines + 1),
            &[],
            "a section behind a good one that does not end",
        ),
        (
            "base64.pem",
            format!("{good}-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n"),
            Some(lines + 1),
            &[],
            "no base64",
        ),
        (
            "der.pem",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n".to_owned(),
            Some(1),
            &[],
            "no certificate inside",
        ),
    ] {
        let path = file(&lab, name, text);
        replacing("--ca-file", &path, words, why).at(&path, line).is_refused(&lab);
    }
    let missing = lab.directory().join("missing.pem");
    replacing("--ca-file", &missing, &["read"], "no such file").at(&missing, None).is_refused(&lab);
}

/// `mxtls check` of the good domain with another file in the place of the lab's.
fn replacing(option: &'static str, file: &Path, words: &'static [&'static str], why: &'static str) -> Fault {
    let arguments = ["check", &format!("{GOOD}.lab"), option, &file.display().to_string()];
    Fault { replaces: Some(option), ..fault(&arguments, words, why) }
}

/// A case with a good envelope to the good domain, or with other fields for it, and more fields.
fn case_with(more: &str, envelope: &str) -> String {
    format!(
        "{{\n  {more}\n  envelopes: [\n    {{ mail: 'a@elsewhere.example',\n      {envelope} }},\n  ],\n}}\n"
    )
}

const ENVELOPE: &str = "rcpt: ['b@dane-ee-match.lab'], subject: 's', message: 'm'";

#[test]
fn case_files() {
    let lab = lab_of(&[GOOD]);
    for (name, text, line, words, why) in [
        ("syntax", "{\n  envelopes: [\n  }\n".to_owned(), 3, [].as_slice(), "a bracket that does not fit"),
        ("end", "{\n  envelopes: [".to_owned(), 2, &[], "the end comes too early"),
        ("unknown", case_with("prot: 25,", ENVELOPE), 2, &["unknown field", "prot"], "an unknown field"),
        (
            "require-tls",
            case_with("requireTls: true,", ENVELOPE),
            2,
            &["unknown field", "requireTls"],
            "not built yet",
        ),
        (
            "unknown-inside",
            case_with("", &format!("{ENVELOPE}, bcc: 'c@d.example'")),
            5,
            &["unknown field", "bcc"],
            "an unknown field of an envelope",
        ),
        ("tls-type", case_with("tls: 'maybe',", ENVELOPE), 2, &["bool"], "a word for a truth"),
        ("mx", case_with("mx: ['a..b'],", ENVELOPE), 2, &["a..b"], "a malformed host"),
        (
            "recipient",
            case_with("", "rcpt: ['b@a..b'], subject: 's', message: 'm'"),
            5,
            &["b@a..b"],
            "a malformed recipient",
        ),
        ("nothing", String::new(), 1, &["JSON5"], "an empty file"),
        ("port", case_with("port: 0,", ENVELOPE), 2, &["expected", "u16"], "port 0"),
        ("port-type", case_with("port: 'smtp',", ENVELOPE), 2, &["expected number"], "a word for a number"),
        ("no-host", case_with("mx: [],", ENVELOPE), 2, &["at least one"], "an empty list of hosts"),
        (
            "ciphers",
            case_with("ciphers: ['NULL'],", ENVELOPE),
            2,
            &["NULL", "expected"],
            "an unknown cipher suite",
        ),
        (
            "no-recipient",
            case_with("", "rcpt: [], subject: 's', message: 'm'"),
            5,
            &["at least one"],
            "nobody to send to",
        ),
        ("no-envelope", "{\n  envelopes: [],\n}\n".to_owned(), 2, &["at least one"], "no envelope"),
        (
            "no-message",
            case_with("", "rcpt: ['b@dane-ee-match.lab']"),
            4,
            &["message", "file"],
            "nothing to send",
        ),
    ] {
        let path = file(&lab, &format!("{name}.json5"), text);
        fault(&["send", "--case", &path.display().to_string()], words, why).at(&path, line).is_refused(&lab);
    }
    let missing = lab.directory().join("missing.json5");
    fault(&["send", "--case", &missing.display().to_string()], &["read"], "no such file")
        .at(&missing, None)
        .is_refused(&lab);
    let directory = lab.directory();
    fault(&["send", "--case", &directory.display().to_string()], &["read"], "a directory")
        .at(directory, None)
        .is_refused(&lab);
    let latin1 = file(&lab, "latin1.json5", b"{\n  ehlo: 'caf\xe9',\n}\n");
    fault(&["send", "--case", &latin1.display().to_string()], &["UTF-8", "column 13"], "Latin-1")
        .at(&latin1, 2)
        .is_refused(&lab);
}

/// Certificates, keys and records, which come from files and from the command line: nothing is asked to find out.
#[test]
fn certificates_and_records() {
    let lab = lab_of(&[GOOD]);
    let good = std::fs::read_to_string(lab.ca_file()).unwrap();
    let lines = good.lines().count() as u64;
    let secret = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";
    let unreadable = "-----BEGIN CERTIFICATE-----\nMI?B\n-----END CERTIFICATE-----\n";
    for (name, text, line, words, why) in [
        ("empty.pem", String::new(), None, ["expected", "found"].as_slice(), "an empty chain"),
        ("text.pem", "3 1 1 00\n".to_owned(), None, &["expected", "PEM"], "no PEM at all"),
        ("secret.pem", secret.to_owned(), Some(1), &["private key"], "a private key alone"),
        (
            "both.pem",
            format!("{good}{secret}"),
            Some(lines + 1),
            &["private key"],
            "a private key behind a chain",
        ),
        ("first.pem", format!("{secret}{good}"), Some(1), &["private key"], "a private key in front of it"),
        (
            "line.pem",
            format!("{} {good}", secret.replace('\n', " ")),
            Some(1),
            &["private key"],
            "a private key whose lines were joined",
        ),
        (
            "base64.pem",
            format!("{unreadable}{good}"),
            Some(2),
            &["column 3", "base64", "'?'"],
            "a character that base64 has not",
        ),
        (
            "open.pem",
            format!("\n{}", good.replace("-----END CERTIFICATE-----", "")),
            Some(2),
            &["-----END CERTIFICATE-----"],
            "a section that does not end",
        ),
    ] {
        let path = file(&lab, name, text);
        let named = path.display().to_string();
        fault(&["tlsa", "make", "--cert", &named], words, why).at(&path, line).is_refused(&lab);
        let record = ["--tlsa", "3 1 1 00", "--name", "mx.example.com"];
        let chain = [&["tlsa", "verify", "--chain", &named], &record[..]].concat();
        fault(&chain, words, why).at(&path, line).is_refused(&lab);
        let ca_file = lab.ca_file().display().to_string();
        let roots = ["tlsa", "verify", "--profile", "full", "--chain", &ca_file, "--roots", &named];
        fault(&[&roots, &record[..]].concat(), words, why).at(&path, line).is_refused(&lab);
    }
    for missing in [&lab.directory().join("missing.pem"), lab.directory()] {
        let named = missing.display().to_string();
        fault(&["tlsa", "make", "--cert", &named], &["read"], "no file").at(missing, None).is_refused(&lab);
        let chain = ["tlsa", "verify", "--chain", &named, "--tlsa", "3 1 1 00", "--name", "mx.example.com"];
        fault(&chain, &["read"], "no file").at(missing, None).is_refused(&lab);
    }
    let chain = lab.ca_file().display().to_string();
    let verify = ["tlsa", "verify", "--chain", &chain, "--name", "mx.example.com", "--tlsa"];
    for (record, words, why) in [
        ("3 1 1 00zz", ["'z'", "digit 3"].as_slice(), "bad hex"),
        ("3 1 1 0 0 0", &["even", "3"], "odd digits"),
        ("3 1", &["matching type"], "two fields"),
        ("", &["usage"], "none"),
        ("dane-ee 1 1 00", &["usage", "dane-ee"], "a word for a number"),
        ("3 1 256 00", &["matching type", "256"], "more than an octet"),
    ] {
        fault(&[&verify[..], &[record]].concat(), words, why).is_refused(&lab);
        fault(&[&verify[..], &["3 1 1 00", record]].concat(), words, "as the second one").is_refused(&lab);
    }
    fault(&["tlsa", "show", "a..lab"], &["a..lab", "empty"], "no host").is_refused(&lab);
    fault(&["tlsa", "make", "--cert", &chain, "--host", "mx_1.lab"], &["mx_1"], "no host name")
        .is_refused(&lab);
}

#[test]
fn messages() {
    let lab = lab_of(&[GOOD]);
    let to = format!("b@{GOOD}.lab");
    let send = |from: &str, to: &str, message: &Path, words, why| {
        let message = message.display().to_string();
        fault(&["send", "--from", from, "--to", to, "--message", &message], words, why)
    };
    let good = lab.message();
    let missing = lab.directory().join("missing.eml");
    send("a@b.example", &to, &missing, &["read"], "no such message").at(&missing, None).is_refused(&lab);
    let directory = lab.directory();
    send("a@b.example", &to, directory, &["read"], "a directory").at(directory, None).is_refused(&lab);
    send("nobody", &to, &good, &["nobody"], "a sender without a domain").is_refused(&lab);
    send("a@b.example", "b@a..b", &good, &["b@a..b"], "a malformed recipient").is_refused(&lab);
    send("a@b.example", "b@x.lab\r\nDATA", &good, &["DATA"], "a command inside a recipient").is_refused(&lab);

    // The message of a case file stands beside it.
    let case = file(&lab, "beside.json5", case_with("", &format!("rcpt: ['{to}'], file: 'absent.eml'")));
    let absent = lab.directory().join("absent.eml");
    fault(&["send", "--case", &case.display().to_string()], &["read"], "a message that is not there")
        .at(&absent, None)
        .is_refused(&lab);
    // With one good envelope before it: nothing is sent of a case that is not whole.
    let text = format!(
        "{{ envelopes: [\n{{ mail: '', rcpt: ['{to}'], message: 'm' }},\n{{ mail: '', rcpt: ['{to}'], file: 'absent.eml' }},\n] }}"
    );
    let case = file(&lab, "second.json5", text);
    fault(&["send", "--case", &case.display().to_string()], &["read"], "the second message is not there")
        .at(&absent, None)
        .is_refused(&lab);
}

/// What no server can be given bounces (RFC 5321 §2.3.8), without a question or a connection.
#[test]
fn refused_messages_bounce() {
    let lab = lab_of(&[GOOD]);
    let bounces = |arguments: &[String], recipients: usize, why: &str| {
        let ended = run(at_lab(&lab, "send", arguments));
        assert_eq!(ended.status, Some(1), "{why}: {ended:?}");
        let document = ended.document();
        let envelope = &document["envelopes"][0];
        assert_eq!(envelope["recipients"].as_array().unwrap().len(), recipients, "{why}: {document}");
        for recipient in envelope["recipients"].as_array().unwrap() {
            is_refused(recipient, why);
        }
        assert_eq!(envelope["attempts"], json!([]), "{why}");
        nothing_was_asked_or_sent(&lab, why);
    };
    let to = format!("b@{GOOD}.lab");
    for (name, text, why) in [
        ("nul", &b"Subject: s\r\n\r\na\0b\r\n"[..], "a NUL"),
        ("bare-cr", b"Subject: s\r\n\r\na\rb\r\n", "a bare CR"),
        ("smuggling", b"Subject: s\r\n\r\na\r.\rMAIL FROM:<>\r\n", "CR . CR"),
        ("header", b"Subject: s\rBcc: c@d.example\r\n\r\nb\r\n", "a bare CR in the header"),
    ] {
        let message = file(&lab, &format!("{name}.eml"), text).display().to_string();
        let words =
            ["--from", "a@elsewhere.example", "--to", &to, "--to", "c@absent.lab", "--message", &message];
        bounces(&words.map(str::to_owned), 2, why);
        let case = case_with("", &format!("rcpt: ['{to}', 'c@absent.lab'], file: '{name}.eml'"));
        let case = file(&lab, &format!("{name}.json5"), case).display().to_string();
        bounces(&["--case".to_owned(), case], 2, why);
    }
}

/// The envelopes of a case stand for themselves.
#[test]
fn a_refused_message_keeps_no_other_back() {
    let lab = lab_of(&[GOOD]);
    let good = format!("{{ mail: '', rcpt: ['b@{GOOD}.lab'], message: 'm' }}");
    file(&lab, "nul.eml", "Subject: s\r\n\r\n\0\r\n");
    let text = format!(
        "{{ envelopes: [\n{good},\n{},\n{good} ] }}",
        good.replace("message: 'm'", "file: 'nul.eml'")
    );
    let case = file(&lab, "three.json5", text).display().to_string();
    let ended = run(at_lab(&lab, "send", &["--case".to_owned(), case]));
    assert_eq!(ended.status, Some(1), "{ended:?}");
    let document = ended.document();
    let recipient = |envelope: usize| &document["envelopes"][envelope]["recipients"][0];
    assert_eq!((&recipient(0)["verdict"], &recipient(2)["verdict"]), (&json!("deliver"), &json!("deliver")));
    is_refused(recipient(1), "the second one");
    assert_eq!(lab.saw(GOOD).data(), 2, "the good ones alone");
}

fn is_refused(recipient: &Value, why: &str) {
    let failure = &recipient["failure"];
    assert_eq!(
        (&recipient["verdict"], &recipient["code"], &failure["code"], &failure["enhanced_status"]),
        (&json!("bounce"), &json!(null), &json!("message-refused"), &json!("5.6.0")),
        "{why}: {recipient}"
    );
}

#[test]
fn conflicting_and_unknown_options() {
    let lab = lab_of(&[GOOD]);
    let domain = format!("{GOOD}.lab");
    let case = file(&lab, "case.json5", case_with("", ENVELOPE)).display().to_string();
    let message = lab.message().display().to_string();
    for (arguments, words, why) in [
        (
            vec!["check", &domain, "--ipv4", "--ipv6"],
            ["--ipv4", "--ipv6"].as_slice(),
            "one family only, twice",
        ),
        (vec!["check", &domain, "--protocols", "TLSv1.1"], &["TLSv1.2"], "nothing at or above 1.2"),
        (vec!["check", &domain, "--protocols", "TLSv1.4"], &["TLSv1.4"], "an unknown version"),
        (
            vec!["resolve", &domain, "--protocols", "TLSv1.4"],
            &["TLSv1.4"],
            "an unknown version, where none is used",
        ),
        (
            vec!["resolve", "--dane-only", "mx.lab", "--ciphers", "TLS_NULL"],
            &["TLS_NULL"],
            "nor is a cipher suite",
        ),
        (vec!["check", &domain, "--ciphers", "TLS_NULL"], &["TLS_NULL"], "an unknown cipher suite"),
        (
            vec!["check", &domain, "--protocols", "TLSv1.2", "--ciphers", "TLS_AES_128_GCM_SHA256"],
            &["cipher suite"],
            "no suite is left for the version",
        ),
        (vec!["check", &domain, "--require", "everything"], &["everything"], "an unknown level"),
        (vec!["check", &domain, "--insecure-mx", "verify"], &["verify", "encrypt"], "no level"),
        (vec!["check", &domain, "--own-name", "a..lab"], &["--own-name", "a..lab", "empty"], "no name"),
        (vec!["check", &domain, "--own-name", "192.0.2.1"], &["--own-name", "brackets"], "an address"),
        (vec!["mta-sts", &domain, "--own-name", "mx1.lab"], &["--own-name"], "nothing is delivered there"),
        (vec!["check", &domain, "--timeout", "0"], &["--timeout"], "no time at all"),
        (vec!["check", &domain, "--at", "yesterday"], &["yesterday", "2026"], "no time of RFC 3339"),
        (
            vec!["check", &domain, "--ehlo", "a b"],
            &["a b"],
            "a name with a space, which would be a second argument of EHLO",
        ),
        (vec!["check", &domain, "--log", "a=b=c"], &["a=b=c"], "no filter"),
        (vec!["check", &domain, "--concurrency", "0"], &["--concurrency"], "nothing at a time"),
        (vec!["check", "--dnssec", "never", &domain], &["never", "recursive"], "no way to a status"),
        (vec!["check", "--dnssec", &domain], &["--dnssec"], "the domain in the place of the way"),
        (vec!["check", &domain, "--dns-port", "0"], &["--dns-port"], "port 0"),
        (vec!["check", &domain, "--dns-port", "65536"], &["--dns-port"], "no port"),
        (vec!["check", &domain, "--trust-resolver=yes"], &["--trust-resolver"], "a switch has no value"),
        (vec!["check", "--no-such-option", &domain], &["--no-such-option"], "an unknown option"),
        (vec!["check"], &["DESTINATION"], "no destination"),
        (vec!["resolve", "--dane-only", &domain, &domain], &["--dane-only"], "a host and a destination"),
        (vec!["send"], &["--case"], "nothing to send"),
        (vec!["send", "--from", "a@b.example"], &["--to"], "a sender alone"),
        (
            vec!["send", "--case", &case, "--message", &message],
            &["--case", "--message"],
            "a case and a message",
        ),
        (vec!["mta-sts"], &["DOMAIN"], "no domain"),
    ] {
        fault(&arguments, words, why).is_refused(&lab);
    }
    // Options of later steps are absent from the parser, never accepted and ignored.
    for (option, value) in
        [("--cache", Some("sqlite:x")), ("--cache", Some("redis://127.0.0.1")), ("--html", Some("x.html"))]
    {
        let mut arguments = vec!["check", &domain, option];
        arguments.extend(value);
        fault(&arguments, &[], "an option that is not built yet").is_refused(&lab);
    }
}

/// What is to be excluded is never guessed: too little of it would be connected to.
#[test]
fn networks() {
    let lab = lab_of(&[GOOD]);
    let domain = format!("{GOOD}.lab");
    for (network, words, why) in [
        ("", ["expected", "192.0.2.0/24"].as_slice(), "nothing"),
        ("lab", &["\"lab\"", "2001:db8::/32"], "a name"),
        ("192.0.2.0/33", &["192.0.2.0/33", "expected"], "a prefix that is too long"),
        ("2001:db8::/129", &["2001:db8::/129", "expected"], "the same in IPv6"),
        ("192.0.2.0/255.255.255.0", &["expected"], "a mask"),
        ("192.0.2.", &["expected"], "the beginning of an address"),
        (
            "192.0.2.1/24",
            &["192.0.2.1/24", "the network of this address is 192.0.2.0/24"],
            "an address inside",
        ),
        ("2001:db8::1/32", &["the network of this address is 2001:db8::/32"], "the same in IPv6"),
        ("192.0.2.0/24,198.51.100.0/24", &["expected"], "two of them"),
    ] {
        for word in ["resolve", "check", "mta-sts"] {
            fault(&[word, &domain, "--exclude-net", network], words, why).is_refused(&lab);
            let second = [word, &domain, "--exclude-net", "192.0.2.0/24", "--exclude-net", network];
            fault(&second, words, why).is_refused(&lab);
        }
    }
}

/// `tls: false` lowers nothing but opportunistic delivery.
#[test]
fn tls_false_sends_nothing_where_tls_is_mandatory() {
    let lab = lab_of(&[GOOD, "sts-enforce", "neither"]);
    let send = |domain: &str| -> (Option<i32>, Value) {
        let envelope = format!("rcpt: ['b@{domain}.lab'], subject: 's', message: 'm'");
        let case = file(&lab, "tls-false.json5", case_with("tls: false,", &envelope));
        let ended = run(at_lab(&lab, "send", &["--case".to_owned(), case.display().to_string()]));
        (ended.status, ended.document()["envelopes"][0]["recipients"][0].clone())
    };
    for domain in [GOOD, "sts-enforce"] {
        let (status, recipient) = send(domain);
        assert_eq!(status, Some(75), "{domain}: {recipient}");
        assert_eq!(recipient["verdict"], "defer", "{domain}");
        assert_eq!(recipient["failure"]["code"], "tls-required-by-policy", "{domain}");
        let saw = lab.saw(domain);
        assert_eq!((saw.mail(), saw.data(), saw.messages().count()), (0, 0, 0), "{domain}");
    }
    let (status, recipient) = send("neither");
    assert_eq!((status, &recipient["channel"]), (Some(0), &json!("cleartext")), "{recipient}");
    let saw = lab.saw("neither");
    assert_eq!((saw.messages().count(), saw.servers["mx1.neither.lab"].count("STARTTLS")), (1, 0));
}
