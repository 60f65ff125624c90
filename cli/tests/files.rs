//! Files that cannot be used: one sentence with the file, the line, and what was expected; nothing is sent.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code outside test functions may panic too"
)]

mod process;

use std::{
    fs,
    path::{Path, PathBuf},
};

use process::run;
use tempfile::TempDir;

fn file(folder: &TempDir, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

/// Runs the command on the file, and holds what it says against the file, the line and the sentence.
fn refused(arguments: &[&str], path: &Path, line: Option<u64>, expected: &str, why: &str) {
    let name = path.display().to_string();
    let arguments: Vec<&str> =
        arguments.iter().map(|word| if *word == "FILE" { &name } else { *word }).collect();
    let people = run(["--resolver", "127.0.0.1:9"].iter().chain(&arguments));
    assert_eq!((people.status, people.stdout.as_str()), (Some(2), ""), "{why}: {people:?}");
    for part in [name.as_str(), expected] {
        assert!(people.stderr.contains(part), "{why}: {part}: {people:?}");
    }
    assert_eq!(people.stderr.lines().count(), 1, "{why}: one sentence: {people:?}");

    let error = run(["--json", "--resolver", "127.0.0.1:9"].iter().chain(&arguments)).error();
    assert_eq!(error["file"].as_str(), Some(name.as_str()), "{why}: {error}");
    assert_eq!(error["line"].as_u64(), line, "{why}: {error}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(expected), "{why}: {message}");
    if let Some(line) = line {
        assert!(message.contains(&format!("line {line}")), "{why}: {message}");
    }
}

#[test]
fn missing_files() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("missing");
    for (arguments, why) in [
        (&["resolve", "example.com", "--trust-anchor", "FILE"][..], "a trust anchor"),
        (&["resolve", "example.com", "--ca-file", "FILE"], "roots"),
        (&["dns", "example.com", "MX", "--ca-file", "FILE"], "roots, where they may not be needed"),
        (&["send", "--case", "FILE"], "a case"),
        (&["tlsa", "make", "--cert", "FILE"], "a certificate"),
        (&["tlsa", "verify", "--chain", "FILE", "--tlsa", "3 1 1 00", "--name", "a.example"], "a chain"),
        (&["send", "--from", "", "--to", "a@b.example", "--message", "FILE"], "a message"),
    ] {
        refused(arguments, &path, None, "cannot be read", why);
    }
}

#[test]
fn trust_anchors() {
    let folder = TempDir::new().unwrap();
    for (text, line, expected, why) in [
        ("", 1, "no", "no anchor at all"),
        (". IN A 192.0.2.1\n", 1, "expected a DS or DNSKEY record", "no anchor"),
        ("; a comment\n\nroot IN DS 1 13 2 00\n", 3, "expected an absolute domain name", "a relative name"),
    ] {
        let path = file(&folder, "anchor", text);
        refused(&["dns", "example.com", "MX", "--trust-anchor", "FILE"], &path, Some(line), expected, why);
    }
}

#[test]
fn root_certificates() {
    let folder = TempDir::new().unwrap();
    for (text, line, expected, why) in [
        ("", None, "expected certificates in PEM, found none", "nothing"),
        (
            "\n-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n",
            Some(2),
            "expected a certificate in base64",
            "no base64",
        ),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n", Some(1), "expected -----END CERTIFICATE-----", "no end"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            Some(1),
            "expected a certificate in DER that can be a root",
            "no certificate inside",
        ),
    ] {
        let path = file(&folder, "ca.pem", text);
        for command in [
            &["check", "example.com", "--ca-file", "FILE"][..],
            &["mta-sts", "example.com", "--ca-file", "FILE"],
        ] {
            refused(command, &path, line, expected, why);
        }
        let ended = run(["check", "example.com", "--ca-file", &path.display().to_string()]);
        assert!(!ended.stderr.contains('('), "{why}: no values of the program's own: {ended:?}");
    }
}

/// Where each section of a file stands is known, and so is what is wrong with it.
#[test]
fn chains() {
    let folder = TempDir::new().unwrap();
    let section =
        |label: &str, body: &str| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
    let good = section("CERTIFICATE", "MAA=");
    let private = "expected certificates, found a private key";
    for (text, line, expected, why) in [
        (String::new(), None, "expected certificates in PEM, found none", "an empty chain"),
        ("certificate\n".to_owned(), None, "expected certificates in PEM, found none", "no PEM"),
        ("\u{30}\u{3}\u{2}\u{1}\u{0}".to_owned(), None, "expected certificates in PEM, found none", "DER"),
        (section("PUBLIC KEY", "MAA="), None, "expected certificates in PEM, found none", "a key alone"),
        (format!("{good}{}", section("PRIVATE KEY", "MAA=")), Some(4), private, "a key behind a certificate"),
        (format!("{}{good}", section("RSA PRIVATE KEY", "MAA=")), Some(1), private, "the old form, in front"),
        (format!("{good}\n{}", section("EC PRIVATE KEY", "MAA=")), Some(5), private, "another old form"),
        (
            format!("{good}{}", section("ENCRYPTED PRIVATE KEY", "MAA=")),
            Some(4),
            private,
            "encrypted, and yet private",
        ),
        (format!("{good}-----BEGIN PRIVATE KEY-----\nMA"), Some(4), private, "a part of one"),
        (
            format!("{good}-----BEGIN CERTIFICATE-----\nMAA=\n"),
            Some(4),
            "expected -----END CERTIFICATE----- below, found none",
            "the file is cut",
        ),
        (
            format!("MAA=\n-----END CERTIFICATE-----\n{good}"),
            Some(2),
            "expected -----BEGIN CERTIFICATE----- above, found none",
            "its head is missing",
        ),
        (
            format!("{good}{}", section("CERTIFICATE", "MAA=\nMA!=")),
            Some(6),
            "column 3: expected base64, found '!'",
            "no base64",
        ),
        (
            format!("{good}{}", section("CERTIFICATE", "MAAA=")),
            Some(4),
            "expected base64, whole, inside the CERTIFICATE",
            "a digit too many",
        ),
        (
            format!("{good}{}", section("CERTIFICATE", "")),
            Some(4),
            "the CERTIFICATE is empty",
            "nothing inside",
        ),
        (
            section("X509 CERTIFICATE", "MAA="),
            Some(1),
            "expected a section called CERTIFICATE, found one called X509 CERTIFICATE",
            "RFC 7468 5.1: an old name, which must not be passed over",
        ),
        (
            section("CERTIFICATE REQUEST", "MAA="),
            Some(1),
            "found one called CERTIFICATE REQUEST",
            "what is sent to a CA",
        ),
    ] {
        let path = file(&folder, "chain.pem", &text);
        let record = ["--tlsa", "3 1 1 00", "--name", "a.example"];
        refused(&[&["tlsa", "verify", "--chain", "FILE"], &record[..]].concat(), &path, line, expected, why);
        let good = file(&folder, "good.pem", &good).display().to_string();
        let roots = ["tlsa", "verify", "--chain", &good, "--profile", "full", "--roots", "FILE"];
        refused(&[&roots, &record[..]].concat(), &path, line, expected, why);
    }
    let no_root = file(&folder, "roots.pem", format!("# A root\n{good}"));
    let chain = file(&folder, "good.pem", &good).display().to_string();
    let arguments =
        ["tlsa", "verify", "--chain", &chain, "--roots", "FILE", "--tlsa", "3 1 1 00", "--name", "a.b"];
    refused(&arguments, &no_root, Some(2), "expected a certificate in DER", "a root must be readable");
}

#[test]
fn certificates_that_records_are_made_for() {
    let folder = TempDir::new().unwrap();
    let section = |label: &str| format!("-----BEGIN {label}-----\nMAA=\n-----END {label}-----\n");
    let (certificate, key) = (section("CERTIFICATE"), section("PUBLIC KEY"));
    for (text, options, line, expected, why) in [
        (Vec::new(), &[][..], None, "found an empty file", "nothing"),
        (b"3 1 1".to_vec(), &[], None, "in PEM or DER, found something else", "a record"),
        (b"\x30\x03\x02\x01\x00".to_vec(), &[], None, "in PEM or DER, found something else", "other DER"),
        (
            format!("\n{certificate}").into(),
            &[],
            Some(2),
            "expected a certificate in DER",
            "base64 of nothing much",
        ),
        (key.clone().into(), &[], Some(1), "expected a public key in DER", "the same for a key"),
        (section("PRIVATE KEY").into(), &[], Some(1), "found a private key", "it is not for others"),
        (section("DH PARAMETERS").into(), &[], None, "found neither", "neither certificate nor key"),
        (format!("{certificate}{key}").into(), &[], Some(4), "found both", "which of them?"),
        (format!("{key}{key}").into(), &[], Some(4), "found a second one", "which of them?"),
        (
            format!("{certificate}{certificate}").into(),
            &["--usage", "2"],
            Some(1),
            "expected one certificate, that of the CA that DANE-TA(2) names, found several",
            "the first one is the server's own",
        ),
    ] {
        let path = file(&folder, "certificate", text);
        refused(&[&["tlsa", "make", "--cert", "FILE"], options].concat(), &path, line, expected, why);
    }
    // A P-256 key, whole: what is wrong is what is asked for.
    let key = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEx2Dx2vtPYOEIcrWNenpNfsX0/6zx\nxKaoS0cCVF+IMGQaswN2hMeiYEQeSEx1uPLcZAOW1SfkHCXEiruYbemdow==\n-----END PUBLIC KEY-----\n";
    let path = file(&folder, "key.pem", key);
    let ended = run(["tlsa", "make", "--cert", &path.display().to_string()]);
    assert_eq!(ended.status, Some(0), "the twin: {ended:?}");
    let expected = "expected a certificate, which the selector Cert(0) compares, found a public key";
    refused(
        &["tlsa", "make", "--cert", "FILE", "--selector", "0"],
        &path,
        Some(1),
        expected,
        "RFC 7250: no certificate",
    );
}

#[test]
fn case_files() {
    let folder = TempDir::new().unwrap();
    let envelope = r#"{ mail: "a@b.example", rcpt: ["c@d.example"], message: "" }"#;
    for (text, line, expected, why) in [
        (String::new(), Some(1), "EOF", "nothing"),
        (format!("{{\n  envelopes: [{envelope}],\n  prot: 2 }}"), Some(3), "unknown field `prot`", "it is named"),
        (format!("{{ requireTls: true, envelopes: [{envelope}] }}"), Some(1), "unknown field `requireTls`", "not built"),
        ("{\n envelopes: [\n]}".to_owned(), Some(2), "at least one", "nothing to send"),
        ("{ port: 25 }".to_owned(), Some(1), "missing field `envelopes`", "no envelopes"),
        (format!("{{\nenvelopes: [{envelope}], protocols: [\"TLSv1.1\"] }}"), Some(2), "no TLS version is left", "all too old"),
        (
            "{ envelopes: [{ mail: \"a@b.example\", rcpt: [\"c@d.example\"], message: \"\", subject: \"a\\r\\nb\" }] }".to_owned(),
            Some(1),
            "control character",
            "a line end in the subject",
        ),
    ] {
        let path = file(&folder, "case.json5", text);
        refused(&["send", "--case", "FILE"], &path, line, expected, why);
    }
}

#[test]
fn other_encodings() {
    let folder = TempDir::new().unwrap();
    for (bytes, line, column, why) in [
        (&b"; caf\xe9\n"[..], 1, 6, "Latin-1"),
        (b"; a\n; \xc3\xa4\xe4\n", 2, 4, "characters are counted, not octets"),
        (b"\xff\xfe;\0", 1, 1, "UTF-16"),
        (b"; a\n\xc3", 2, 1, "a character that does not end"),
    ] {
        let path = file(&folder, "file", bytes);
        for arguments in
            [&["dns", "example.com", "MX", "--trust-anchor", "FILE"][..], &["send", "--case", "FILE"]]
        {
            refused(arguments, &path, Some(line), "expected text in UTF-8", why);
            refused(arguments, &path, Some(line), &format!("column {column}:"), why);
        }
    }
}

#[test]
fn messages() {
    let folder = TempDir::new().unwrap();
    for (text, expected, why) in [
        ("Subject: a\n\nb\rc\n", "Line 3 of the message holds a CR without an LF", "a bare CR"),
        ("Subject: a\n\nb\0\n", "Line 3 of the message holds a NUL", "a NUL"),
    ] {
        // No error of usage: the message bounces, with the document for it.
        let path = file(&folder, "message.eml", text).display().to_string();
        let options = ["--json", "--resolver", "127.0.0.1:9", "send", "--from", "a@b.example"];
        let ended = run(options.into_iter().chain(["--to", "c@d.example", "--message", &path]));
        assert_eq!(ended.status, Some(1), "{why}: {ended:?}");
        let document = ended.document();
        let recipient = &document["envelopes"][0]["recipients"][0];
        assert_eq!(recipient["verdict"], "bounce", "{why}: {document}");
        let message = recipient["failure"]["message"].as_str().unwrap();
        assert!(message.contains(expected), "{why}: {message}");
    }
    // Beside the case file, and named as it was found there.
    let path = folder.path().join("absent.eml");
    let case = r#"{ envelopes: [{ mail: "", rcpt: ["c@d.example"], file: "absent.eml" }] }"#;
    let case = file(&folder, "case.json5", case).display().to_string();
    refused(&["send", "--case", &case], &path, None, "cannot be read", "a message that a case names");
}

#[test]
fn addresses() {
    let folder = TempDir::new().unwrap();
    let message = file(&folder, "message.eml", "Subject: a\n\nb\n").display().to_string();
    for (from, to, expected, why) in [
        ("a", "b@c.example", "\"a\" is no e-mail address", "a sender without a domain"),
        ("a@b.example", "c@d..example", "\"c@d..example\" is no e-mail address", "an empty label"),
        ("a@b.example", "c@d.example>\r\nRCPT TO:<x@y.example", "is no e-mail address", "a second command"),
    ] {
        let ended =
            run(["--resolver", "127.0.0.1:9", "send", "--from", from, "--to", to, "--message", &message]);
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(2), ""), "{why}: {ended:?}");
        assert!(ended.stderr.contains(expected), "{why}: {ended:?}");
    }
}
