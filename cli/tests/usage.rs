//! The command line: what it takes, what it refuses, and how it says so.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code outside test functions may panic too"
)]

mod process;

use process::run;

const COMMANDS: [&str; 7] = ["resolve", "check", "send", "mta-sts", "tlsa", "dns", "matrix"];

#[test]
fn mistakes_end_with_2_and_one_sentence() {
    for (arguments, expected, why) in [
        (&[][..], "", "a command is expected"),
        (&["deliver"], "deliver", "no such command"),
        (&["resolve"], "DESTINATION", "a destination is expected"),
        (&["resolve", "a..b"], "a label is empty", "an empty label"),
        (
            &["resolve", "192.0.2.1"],
            "as a destination it is written in brackets",
            "an address without brackets",
        ),
        (&["check", "[mx.example.com]:0"], "a port is a number from 1 to 65535", "port 0"),
        (&["resolve", "example.com", "--dane-only", "mx.example.com"], "--dane-only", "one or the other"),
        (&["resolve", "--dane-only", "a..b"], "a label is empty", "no host"),
        (&["resolve", "example.com", "--resolver", "dns.example"], "'dns.example'", "a name"),
        (&["resolve", "example.com", "--ipv4", "--ipv6"], "--ipv6", "one family or the other"),
        (&["resolve", "example.com", "--timeout", "0"], "--timeout", "no time at all"),
        (&["resolve", "example.com", "--at", "yesterday"], "expected a time", "no time"),
        (&["resolve", "example.com", "--port", "65536"], "--port", "no port"),
        (&["check", "example.com", "--require", "all"], "--require", "no level"),
        (&["check", "example.com", "--insecure-mx", "verify"], "--insecure-mx", "no level"),
        (&["check", "example.com", "--own-name", "a..b"], "a label is empty", "no name"),
        (&["mta-sts", "example.com", "--own-name", "a.example"], "--own-name", "nothing is delivered there"),
        (&["check", "example.com", "--exclude-net", "192.0.2"], "192.0.2.0/24", "no network"),
        (
            &["mta-sts", "example.com", "--exclude-net", "192.0.2.1/24"],
            "the network of this address is 192.0.2.0/24",
            "an address in a network",
        ),
        (&["check", "example.com", "--dane-profile", "mail"], "--dane-profile", "no profile"),
        (&["mta-sts", "example.com", "--dane-profile", "full"], "--dane-profile", "nothing of DANE there"),
        (&["check", "example.com", "--concurrency", "0"], "--concurrency", "none at a time"),
        (
            &["check", "example.com", "--protocols", "TLSv1.1"],
            "no TLS version is left",
            "nothing at or above 1.2",
        ),
        (
            &["check", "example.com", "--protocols", "TLSv1.4"],
            "unknown TLS version \"TLSv1.4\"",
            "no such version",
        ),
        (&["check", "example.com", "--ciphers", "NULL"], "unknown cipher suite \"NULL\"", "no such suite"),
        (
            &[
                "check",
                "example.com",
                "--protocols",
                "TLSv1.3",
                "--ciphers",
                "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            ],
            "no cipher suite is left",
            "a suite of another version",
        ),
        (&["check", "example.com", "--ehlo", "a b"], "the name for EHLO", "a space in a command"),
        (&["check", "example.com", "--log", "a=b=c"], "--log expects", "no filter"),
        (&["send", "--from", "a@b.example"], "--to", "recipients and a message are expected"),
        (&["send", "--case", "x", "--from", "a@b.example"], "--case", "one or the other"),
        (&["mta-sts"], "DOMAIN", "a domain is expected"),
        (&["mta-sts", "a.example", "--domain", "b.example"], "--domain", "one or the other"),
        (&["mta-sts", "a..b"], "a mail domain is expected", "an empty label"),
        (&["mta-sts", "user@"], "a mail domain is expected", "no domain behind the @"),
        (&["mta-sts", "[mx.example.com]"], "a mail domain is expected", "a host has no policy"),
        (&["mta-sts", "--domain", "[192.0.2.1]"], "a mail domain is expected", "nor has an address"),
        (&["tlsa"], "", "a command is expected"),
        (&["tlsa", "show"], "HOST", "a host is expected"),
        (&["tlsa", "show", "a..b"], "a label is empty", "no host"),
        (
            &["tlsa", "show", "192.0.2.1"],
            "a host name is expected: an address is no name",
            "no TLSA records there",
        ),
        (&["tlsa", "show", "[mx.example.com]"], "a host name is expected", "brackets are for destinations"),
        (&["tlsa", "show", "192.0.2.1"], "an address", "an address has no records"),
        (&["tlsa", "make"], "--cert", "a certificate is expected"),
        (&["tlsa", "make", "--cert", "x", "--usage", "4"], "DANE-EE(3)", "no usage"),
        (&["tlsa", "make", "--cert", "x", "--selector", "2"], "SPKI(1)", "no selector"),
        (&["tlsa", "make", "--cert", "x", "--matching", "sha256"], "SHA2-256(1)", "no acronym"),
        (&["tlsa", "make", "--cert", "x", "--host", "mx_1.example.com"], "found \"mx_1\"", "RFC 6698 3"),
        (&["tlsa", "make", "--cert", "x", "--port", "465"], "--host", "a port of what?"),
        (&["tlsa", "verify", "--tlsa", "3 1 1 00", "--name", "a.example"], "--chain", "no chain"),
        (&["tlsa", "verify", "--chain", "x", "--name", "a.example"], "--tlsa", "no record"),
        (&["tlsa", "verify", "--chain", "x", "--tlsa", "3 1 1 00"], "--name", "no name"),
        (
            &["tlsa", "verify", "--chain", "x", "--tlsa", "3 1 1 00", "--name", "a..b"],
            "a label is empty",
            "a name that nobody has",
        ),
        (
            &["tlsa", "verify", "--chain", "x", "--name", "a.example", "--tlsa", "3 1 1 0g"],
            "expected hexadecimal digits, found 'g' at digit 2",
            "bad hex",
        ),
        (
            &["tlsa", "verify", "--chain", "x", "--name", "a.example", "--tlsa", "3 1 1 00", "3 1 1 000"],
            "expected an even number of hexadecimal digits, found 3",
            "odd digits, in the second record",
        ),
        (
            &["tlsa", "verify", "--chain", "x", "--name", "a.example", "--tlsa", "3 1"],
            "expected the matching type as a decimal number from 0 to 255",
            "two numbers",
        ),
        (
            &["tlsa", "verify", "--chain", "x", "--name", "a.example", "--tlsa", "256 1 1 00"],
            "expected the usage as a decimal number from 0 to 255, found \"256\"",
            "more than an octet",
        ),
        (
            &["tlsa", "verify", "--chain", "x", "--name", "a.example", "--tlsa", ""],
            "expected the usage",
            "nothing",
        ),
        (
            &["tlsa", "verify", "--chain", "x", "--name", "a.example", "--tlsa", "\\# 4 03010100ff"],
            "expected 4 octets, as announced, found 5",
            "RFC 3597 5",
        ),
        (
            &[
                "tlsa",
                "verify",
                "--chain",
                "x",
                "--tlsa",
                "3 1 1",
                "--name",
                "a.example",
                "--digests",
                "sha1",
            ],
            "expected the digests sha512 or sha256, found \"sha1\"",
            "no matching type",
        ),
        (
            &["tlsa", "verify", "--chain", "x", "--tlsa", "3 1 1", "--name", "a.example", "--profile", "all"],
            "--profile",
            "no profile",
        ),
        (
            &[
                "tlsa",
                "verify",
                "--chain",
                "x",
                "--tlsa",
                "3 1 1",
                "--name",
                "a.example",
                "--ee-names",
                "check",
            ],
            "profile full",
            "RFC 7672 3.1.1: not in mail",
        ),
        (&["dns", "example.com"], "a record type is expected", "no type"),
        (&["dns", "example.com", "NONSENSE"], "\"NONSENSE\" is not a DNS record type", "no such type"),
        (&["dns", "a..b", "MX"], "\"a..b\" is not a domain name", "an empty label"),
        (&["dns", "-", "MX"], "standard input", "a type beside standard input"),
        (&["matrix", "extra"], "extra", "nothing is expected"),
    ] {
        let people = run(["--resolver", "127.0.0.1:9"].iter().chain(arguments));
        assert_eq!(people.status, Some(2), "{why}: {people:?}");
        assert_eq!(people.stdout, "", "{why}");
        assert!(people.stderr.contains(expected), "{why}: {people:?}");

        let error = run(["--resolver", "127.0.0.1:9", "--json"].iter().chain(arguments)).error();
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(expected), "{why}: {message}");
        assert!(!message.contains('\n') && !message.contains("Usage:"), "{why}: one sentence: {message}");
        assert!(
            error["file"].is_null() && error["line"].is_null() && error["column"].is_null(),
            "{why}: {error}"
        );
    }
}

/// What is not built is absent: accepted and ignored would be worse.
#[test]
fn what_is_not_built_is_refused() {
    for (arguments, why) in
        [(&["--html", "x"][..], "a page"), (&["--cache", "sqlite:x"], "a cache that stays")]
    {
        let ended = run(["check", "example.com", "--resolver", "127.0.0.1:9"].iter().chain(arguments));
        assert_eq!(ended.status, Some(2), "{why}: {ended:?}");
        assert!(ended.stderr.contains(arguments[0]), "{why}: {ended:?}");
    }
}

#[test]
fn help_and_version() {
    let version = run(["--version"]);
    assert_eq!(
        (version.status, version.stdout.trim()),
        (Some(0), concat!("mxtls ", env!("CARGO_PKG_VERSION")))
    );
    let help = run(["--help"]);
    assert_eq!(help.status, Some(0));
    for command in COMMANDS {
        assert!(help.stdout.contains(&format!("\n  {command} ")), "{command}: {}", help.stdout);
        let own = run([command, "--help"]);
        assert_eq!((own.status, own.stderr.as_str()), (Some(0), ""), "{command}");
        for option in [
            "--json",
            "--resolver",
            "--trust-anchor",
            "--ca-file",
            "--port ",
            "--timeout",
            "--at",
            "--exclude-net",
            "--log-format",
        ] {
            assert!(own.stdout.contains(option), "{command} takes {option}: {}", own.stdout);
        }
        let takes_policy = matches!(command, "resolve" | "check" | "send");
        for option in
            ["--require", "--insecure-mx", "--protocols", "--ciphers", "--ehlo", "--own-name", "--seed"]
        {
            assert_eq!(own.stdout.contains(option), takes_policy, "{command} and {option}: {}", own.stdout);
        }
        assert_eq!(run([command, "--json", "--help"]).stdout, own.stdout, "{command}: help is for people");
    }
}

#[test]
fn json_may_stand_before_and_behind_the_command() {
    assert_eq!(run(["--json", "matrix"]).document(), run(["matrix", "--json"]).document());
    run(["--json", "resolve"]).error();
    run(["resolve", "--json"]).error();
    // Behind `--` it is no option.
    let ended = run(["resolve", "--", "a..b", "--json"]);
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
}
