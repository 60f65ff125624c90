//! Aliases (RFC 7672 §2.1.3, §2.2.1 to §2.2.3): a chain is as secure as its weakest link, an error anywhere is an error of all of
//! it, and an alias decides where TLSA records are looked for and which names a certificate may have.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code outside test functions may panic too: that is how it fails"
)]

mod site;

use std::time::Duration;

use mx_resolve::Resolution;
use mxtls_lab::dns::{Signing, World, ZoneSpec};
use site::Site;

const TLSA: &str = "TLSA 3 1 1 0101010101010101010101010101010101010101010101010101010101010101";

/// A signed zone `lab`, a signed one `s.lab` and an unsigned one `u.lab`, with mail domains and hosts that are aliases.
fn world() -> World {
    let lab = format!(
        "
host A 192.0.2.1
_25._tcp.host {TLSA}
one CNAME host
two CNAME one
three CNAME two
out CNAME host.u
back CNAME hop.u
far CNAME host.s
nowhere CNAME absent
old DNAME new
host.new A 192.0.2.2
_25._tcp.host.new {TLSA}
abroad DNAME u
round CNAME and.round
and.round CNAME round
plain CNAME bare
bare A 192.0.2.3
_25._tcp.plain {TLSA}
middle CNAME plain
secret CNAME hidden
hidden A 192.0.2.4
_25._tcp.hidden CNAME tlsa.u
_25._tcp.secret {TLSA}
pointed A 192.0.2.5
_25._tcp.pointed CNAME records.s
starred A 192.0.2.6
*._tcp.starred {TLSA}
_25._tcp.out {TLSA}
_25._tcp.out2 {TLSA}
out2 CNAME out
secure MX 10 one
expanded MX 10 three
original MX 10 plain
intermediate MX 10 middle
insecure MX 10 into.u
mixed MX 10 out
later MX 10 out2
dname MX 10 host.old
tlsa-insecure MX 10 secret
tlsa-alias MX 10 pointed
tlsa-wildcard MX 10 starred
dangling MX 10 nowhere
looping MX 10 round
domain CNAME secure
domain-out CNAME domain.u
domain-back CNAME back.domain.u
"
    );
    let chain: String = (1..=12).map(|link| format!("link{link} CNAME link{}\n", link - 1)).collect();
    World::new([
        ZoneSpec::new("lab", Signing::Nsec, &format!("{lab}{chain}link0 A 192.0.2.7\n")),
        ZoneSpec::new("s.lab", Signing::Nsec, &format!("host A 192.0.2.8\n_25._tcp.host {TLSA}\nrecords {TLSA}\n")),
        ZoneSpec::new(
            "u.lab",
            Signing::Unsigned,
            &format!(
                "host A 192.0.2.9\n_25._tcp.host {TLSA}\nhop CNAME host.lab.\ninto CNAME host.lab.\n_25._tcp.into {TLSA}\n\
                 tlsa {TLSA}\ndomain MX 10 host.lab.\nback.domain CNAME secure.lab.\n"
            ),
        ),
    ])
    .unwrap()
}

/// The status of the addresses of a name, or the failure's code.
async fn status(site: &Site, name: &str) -> String {
    match site.builder(PATIENCE).build().unwrap().dns(name, "A").await.unwrap().result {
        Ok(answer) => format!("{} after {}", answer.status, answer.aliases.len()),
        Err(failure) => failure.code.to_string(),
    }
}

/// Names at which this type was asked for, in order, without repetitions over TCP.
fn asked(site: &Site, record_type: &str) -> Vec<String> {
    let queries = site.server.queries(|query| query.rtype.to_string() == record_type && !query.tcp);
    queries.into_iter().map(|query| query.name).collect()
}

const PATIENCE: Duration = Duration::from_secs(20);
/// Where no answer comes: as long as a loaded machine needs for the others.
const IMPATIENCE: Duration = Duration::from_secs(1);

#[tokio::test]
async fn d72_16_a_chain_is_as_secure_as_its_weakest_link() {
    let site = Site::start(world()).await;
    for (name, expected, why) in [
        ("host.lab", "secure after 0", "no alias"),
        ("one.lab", "secure after 1", "one"),
        ("three.lab", "secure after 3", "several"),
        ("far.lab", "secure after 1", "into another signed zone"),
        ("nowhere.lab", "secure after 1", "to a name that is not there"),
        ("out.lab", "insecure after 1", "into an unsigned zone"),
        ("out2.lab", "insecure after 2", "there at the second step"),
        (
            "hop.u.lab",
            "insecure after 1",
            "out of an unsigned zone: whoever wrote it chose the signed target",
        ),
        ("back.lab", "insecure after 2", "D72-16: secure, insecure, secure"),
        ("host.old.lab", "secure after 1", "D72-13: by a DNAME"),
        ("host.abroad.lab", "insecure after 1", "by a DNAME into an unsigned zone"),
        ("link11.lab", "secure after 11", "as many as are followed"),
        ("link12.lab", "cname-loop", "D72-14: one more"),
        ("round.lab", "dns-servfail", "a loop, at which the upstream gives up"),
    ] {
        assert_eq!(status(&site, name).await, expected, "{why}: {name}");
    }
}

/// RFC 1034 §4.3.2: a server may leave the rest of a chain to whoever asks.
#[tokio::test]
async fn d72_14_the_rest_of_a_split_answer_is_asked_for() {
    for (questions, name, expected, why) in [
        (&["one.lab. A"][..], "one.lab", "secure after 1", "an alias without its target's data"),
        (&["three.lab. A", "two.lab. A", "one.lab. A"], "three.lab", "secure after 3", "each of a chain"),
        (&["host.old.lab. A"], "host.old.lab", "secure after 1", "a DNAME and its CNAME"),
        (&["out.lab. A"], "out.lab", "insecure after 1", "what lies in an unsigned zone stays insecure"),
    ] {
        let site = Site::start(world()).await;
        questions.iter().for_each(|question| site.tamper(question, "split"));
        assert_eq!(status(&site, name).await, expected, "{why}");
        assert_eq!(asked(&site, "A").len(), questions.len() + 1, "{why}: {:?}", asked(&site, "A"));
    }
}

#[tokio::test]
async fn d72_15_an_error_anywhere_is_an_error_of_the_chain() {
    for question in ["three.lab. A", "two.lab. A", "one.lab. A", "host.lab. A"] {
        for (way, code) in [
            ("servfail", "dns-servfail"),
            ("refused", "dns-servfail"),
            ("timeout", "dns-timeout"),
            ("malformed", "dns-malformed"),
            ("truncated", "dns-malformed"),
            ("bogus", "dns-bogus"),
            ("strip-signatures", "dns-bogus"),
            ("over-budget", "dns-budget"),
        ] {
            let site = Site::start(world()).await;
            site.tamper(question, way);
            let patience = if way == "timeout" { IMPATIENCE } else { PATIENCE };
            let answer = site.builder(patience).build().unwrap().dns("three.lab", "A").await.unwrap();
            assert_eq!(answer.result.unwrap_err().code.to_string(), code, "{way} at {question}");
        }
    }
}

/// `MX status, next hop; host's status; policy; base of the records; names of the certificate`, or what failed.
fn in_words(resolution: &Resolution) -> String {
    let status = |status: Option<mxtls_policy::Status>| {
        status.map_or_else(|| "none".to_owned(), |status| status.to_string())
    };
    if let Some(failure) = &resolution.failure {
        return failure.code.to_string();
    }
    let [host] = resolution.hosts.as_slice() else { panic!("{:?}", resolution.hosts) };
    let policy = match &host.policy {
        Ok(policy) => policy.kind().to_string(),
        Err(failure) => failure.code.to_string(),
    };
    let base = host.tlsa.base.clone().unwrap_or_else(|| "-".to_owned());
    let next_hop = &resolution.next_hop;
    format!(
        "{} {next_hop}; {}; {policy}; {base}; {}",
        status(resolution.mx_status),
        status(host.address_status),
        host.tlsa.reference_ids.join(" ")
    )
}

/// What one mail domain comes to.
struct Row {
    domain: &'static str,
    /// See [`in_words`].
    comes_to: &'static str,
    /// The names below `_25._tcp` at which TLSA records are asked for, in order.
    tlsa: &'static [&'static str],
    /// The names that are asked by themselves whether they are aliases.
    cname: &'static [&'static str],
    why: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        domain: "secure.lab",
        comes_to: "secure secure.lab; secure; dane; host.lab; host.lab secure.lab",
        tlsa: &["host.lab."],
        cname: &[],
        why: "D72-45: a secure alias, the expanded name first",
    },
    Row {
        domain: "expanded.lab",
        comes_to: "secure expanded.lab; secure; dane; host.lab; host.lab expanded.lab",
        tlsa: &["host.lab."],
        cname: &[],
        why: "D72-45: fully expanded",
    },
    Row {
        domain: "original.lab",
        comes_to: "secure original.lab; secure; dane; plain.lab; plain.lab original.lab",
        tlsa: &["bare.lab.", "plain.lab."],
        cname: &[],
        why: "D72-45: then the original name",
    },
    Row {
        domain: "intermediate.lab",
        comes_to: "secure intermediate.lab; secure; opportunistic; -; ",
        tlsa: &["bare.lab.", "middle.lab."],
        cname: &[],
        why: "D72-46: records at a name in between count for nothing, and are not asked for",
    },
    Row {
        domain: "insecure.lab",
        comes_to: "secure insecure.lab; insecure; opportunistic; -; ",
        tlsa: &[],
        cname: &[],
        why: "D72-43: the first alias is insecure, though its target is signed and both have records",
    },
    Row {
        domain: "mixed.lab",
        comes_to: "secure mixed.lab; insecure; dane; out.lab; out.lab mixed.lab",
        tlsa: &["out.lab."],
        cname: &["out.lab."],
        why: "D72-17, D72-44: the first alias is secure, its target is not: the original name alone",
    },
    Row {
        domain: "later.lab",
        comes_to: "secure later.lab; insecure; dane; out2.lab; out2.lab later.lab",
        tlsa: &["out2.lab."],
        cname: &["out2.lab."],
        why: "D72-44: whichever alias leaves the signed zones, the first one counts",
    },
    Row {
        domain: "dname.lab",
        comes_to: "secure dname.lab; secure; dane; host.new.lab; host.new.lab dname.lab",
        tlsa: &["host.new.lab."],
        cname: &[],
        why: "D72-13: a DNAME is followed like any alias",
    },
    Row {
        domain: "tlsa-insecure.lab",
        comes_to: "secure tlsa-insecure.lab; secure; dane; secret.lab; secret.lab tlsa-insecure.lab",
        tlsa: &["hidden.lab.", "secret.lab."],
        cname: &[],
        why: "D72-48: records behind an alias into an unsigned zone leave the next candidate",
    },
    Row {
        domain: "tlsa-alias.lab",
        comes_to: "secure tlsa-alias.lab; secure; dane; pointed.lab; pointed.lab tlsa-alias.lab",
        tlsa: &["pointed.lab."],
        cname: &[],
        why: "D72-48, D72-49: the records' owner is an alias, which changes neither base nor names",
    },
    Row {
        domain: "tlsa-wildcard.lab",
        comes_to: "secure tlsa-wildcard.lab; secure; dane; starred.lab; starred.lab tlsa-wildcard.lab",
        tlsa: &["starred.lab."],
        cname: &[],
        why: "RFC 4592: a wildcard among the records",
    },
    Row {
        domain: "dangling.lab",
        comes_to: "secure dangling.lab; none; no-addresses; -; ",
        tlsa: &[],
        cname: &[],
        why: "SMTP-20: an alias of nothing",
    },
    Row {
        domain: "looping.lab",
        comes_to: "secure looping.lab; none; dns-servfail; -; ",
        tlsa: &[],
        cname: &[],
        why: "SMTP-20: an alias of itself",
    },
    Row {
        domain: "domain.lab",
        comes_to: "secure secure.lab; secure; dane; host.lab; host.lab domain.lab secure.lab",
        tlsa: &["host.lab."],
        cname: &[],
        why: "RFC 7672 2.2.1, 3.2.2: the domain is an alias, and both names may be in the certificate",
    },
    Row {
        domain: "domain-out.lab",
        comes_to: "insecure domain.u.lab; secure; dane; host.lab; host.lab",
        tlsa: &["host.lab."],
        cname: &[],
        why: "RFC 7672 2.2.1, 3.2.2: an alias into an unsigned zone makes the MX insecure, and its names none for a certificate",
    },
    Row {
        domain: "domain-back.lab",
        comes_to: "insecure secure.lab; secure; dane; host.lab; host.lab",
        tlsa: &["host.lab."],
        cname: &[],
        why: "D72-16: and so does one that leads back",
    },
    Row {
        domain: "round.lab",
        comes_to: "dns-servfail",
        tlsa: &[],
        cname: &[],
        why: "D72-15: a domain that is an alias of itself",
    },
];

#[tokio::test]
async fn where_aliases_lead() {
    for row in ROWS {
        let site = Site::start(world()).await;
        let resolution = site.builder(PATIENCE).build().unwrap().resolve(&row.domain.parse().unwrap()).await;
        assert_eq!(in_words(&resolution), row.comes_to, "{}", row.why);
        let tlsa: Vec<String> = row.tlsa.iter().map(|base| format!("_25._tcp.{base}")).collect();
        // The targets of aliases are asked by themselves.
        let candidates: Vec<String> =
            asked(&site, "TLSA").into_iter().filter(|name| name.starts_with("_25.")).collect();
        assert_eq!(candidates, tlsa, "{}", row.why);
        assert_eq!(asked(&site, "CNAME"), row.cname, "{}", row.why);
    }
}
