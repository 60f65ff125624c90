//! How questions are asked: each once, in mixed case by option, and with what is known of a zone only as long as it holds.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code outside test functions may panic too: that is how it fails"
)]

mod site;

use std::time::Duration;

use hickory_proto::rr::RecordType;
use mx_resolve::{DnsAnswer, MxResolver};
use mxtls_lab::dns::{Signing, World, ZoneSpec};
use mxtls_policy::{FailureCode, Outcome, Status};
use site::Site;

const PATIENCE: Duration = Duration::from_secs(20);

fn resolver(site: &Site) -> MxResolver {
    site.builder(PATIENCE).build().unwrap()
}

fn times_asked(site: &Site, name: &str, rtype: RecordType) -> usize {
    site.server.queries(|query| query.name == name && query.rtype == rtype).len()
}

fn world() -> World {
    let many: String = (0..150).map(|number| format!("_25._tcp TLSA 3 1 1 {number:064x}\n")).collect();
    World::new([
        ZoneSpec::new(
            "lab",
            Signing::Nsec,
            "@ MX 10 mx\nmx A 192.0.2.1\nmx2 A 192.0.2.2\nalias CNAME mx\n_25._tcp.mx TLSA 3 1 1 0101\nold DNAME new\nmx.new A 192.0.2.3\n*.wild A 192.0.2.4",
        ),
        ZoneSpec::new("sub.lab", Signing::Nsec, "mx A 192.0.2.5\nmx2 A 192.0.2.6\nmx3 A 192.0.2.7"),
        ZoneSpec::new("nsec3.lab", "nsec3".parse().unwrap(), "mx A 192.0.2.8"),
        ZoneSpec::new("unsigned.lab", Signing::Unsigned, "mx A 192.0.2.9"),
        ZoneSpec::new("many.lab", Signing::Nsec, &many),
    ])
    .unwrap()
}

fn status(answer: DnsAnswer) -> Result<Status, FailureCode> {
    answer.result.map(|answer| answer.status).map_err(|failure| failure.code)
}

/// Many look-ups at once need the same keys, and some are for the same records.
#[tokio::test]
async fn each_question_is_asked_once() {
    let site = Site::start(world()).await;
    let resolver = resolver(&site);
    let answers = tokio::join!(
        resolver.dns("mx.sub.lab", "A"),
        resolver.dns("mx.sub.lab", "A"),
        resolver.dns("MX.sub.lab", "A"),
        resolver.dns("mx2.sub.lab", "A"),
        resolver.dns("mx.lab", "A"),
        resolver.dns("mx2.lab", "A"),
        resolver.dns("mx.lab", "AAAA"),
    );
    let (a, b, c, d, e, f, g) = answers;
    for answer in [a, b, c, d, e, f, g] {
        assert_eq!(status(answer.unwrap()), Ok(Status::Secure));
    }
    let asked = site.server.queries(|_| true);
    for query in &asked {
        assert_eq!(times_asked(&site, &query.name, query.rtype), 1, "{query:?} in {asked:?}");
    }
    assert_eq!(times_asked(&site, "sub.lab.", RecordType::DNSKEY), 1, "{asked:?}");
}

/// Who was first to ask gives up, as a caller with a time limit of its own does.
#[tokio::test]
async fn the_others_are_answered_when_the_first_gives_up() {
    let site = Site::start(world()).await;
    let resolver = resolver(&site);
    let mut first = Box::pin(resolver.dns("mx.sub.lab", "A"));
    let begun = tokio::select! {
        biased;
        _answer = &mut first => false,
        () = std::future::ready(()) => true,
    };
    assert!(begun, "no answer comes before the server has run");
    let mut second = Box::pin(resolver.dns("mx.sub.lab", "A"));
    tokio::select! {
        biased;
        _answer = &mut second => panic!("no answer comes before the server has run"),
        () = std::future::ready(()) => drop(first),
    }
    assert_eq!(status(second.await.unwrap()), Ok(Status::Secure));
    assert_eq!(times_asked(&site, "mx.sub.lab.", RecordType::A), 1);
}

/// RFC 6781 §4.1: whoever rolls a key over in one step, without any overlap, is to blame for others' caches, but a zone that
/// is in order now is not to be taken for an attack.
#[tokio::test]
async fn a_key_that_was_rolled_over_is_found() {
    let site = Site::start(world()).await;
    let resolver = resolver(&site);
    assert_eq!(status(resolver.dns("mx.sub.lab", "A").await.unwrap()), Ok(Status::Secure));

    site.server.clear_log();
    assert_eq!(status(resolver.dns("mx2.sub.lab", "A").await.unwrap()), Ok(Status::Secure));
    assert_eq!(times_asked(&site, "sub.lab.", RecordType::DNSKEY), 0, "the keys are known");

    site.server.replace_key("sub.lab").unwrap();
    site.server.clear_log();
    assert_eq!(status(resolver.dns("mx3.sub.lab", "A").await.unwrap()), Ok(Status::Secure));
    assert_eq!(times_asked(&site, "sub.lab.", RecordType::DNSKEY), 1, "they were looked for again");
    assert_eq!(times_asked(&site, "sub.lab.", RecordType::DS), 1, "and so was what vouches for them");

    site.server.clear_log();
    assert_eq!(status(resolver.dns("absent.sub.lab", "A").await.unwrap()), Ok(Status::Secure));
    assert_eq!(
        times_asked(&site, "sub.lab.", RecordType::DNSKEY),
        0,
        "and the new ones are known from then on"
    );
}

/// The names are the zone's in the end, whatever the letters on the way: status, records, aliases and proof do not differ.
#[tokio::test]
async fn mixed_case_changes_no_verdict() {
    let site = Site::start(world()).await;
    for (name, rtype, expected, why) in [
        ("mx.lab", "A", Status::Secure, "an answer"),
        ("lab", "MX", Status::Secure, "names in the data, which may point to the question"),
        ("lab", "SOA", Status::Secure, "and more of them"),
        ("alias.lab", "A", Status::Secure, "through an alias"),
        ("mx.old.lab", "A", Status::Secure, "below a DNAME"),
        ("some.wild.lab", "A", Status::Secure, "from a wildcard"),
        ("mx.lab", "AAAA", Status::Secure, "a denial of the type"),
        ("absent.lab", "A", Status::Secure, "a denial of the name"),
        ("absent.nsec3.lab", "A", Status::Secure, "by NSEC3, whose hashes are of names in small letters"),
        ("mx.unsigned.lab", "A", Status::Insecure, "an unsigned delegation"),
        ("_25._tcp.many.lab", "TLSA", Status::Secure, "over TCP"),
    ] {
        let shown = |answer: DnsAnswer| {
            let mut result = answer.result.unwrap();
            if let Outcome::Records(records) = &mut result.outcome {
                records.sort();
            }
            (answer.name, result, answer.proof)
        };
        let plain = shown(resolver(&site).dns(name, rtype).await.unwrap());
        let mixed = site.builder(PATIENCE).case_randomization(true).build().unwrap();
        let mixed = shown(mixed.dns(name, rtype).await.unwrap());
        assert_eq!(plain.1.status, expected, "{why}");
        assert_eq!(mixed, plain, "{why}");
    }
}

/// Genuine records of other names and types, signed by their zones, stand in all sections of an answer. They are no answers: who
/// asks for them is told what holds then.
#[tokio::test]
async fn signed_records_beside_an_answer_answer_nothing_else() {
    for (other, now, why) in [
        ("mx2.lab. A", "192.0.2.22", "an address"),
        ("lab. MX", "10 mx2.lab.", "where mail goes"),
        ("_25._tcp.mx.lab. TLSA", "3 1 1 0202", "what a certificate is held against"),
        ("alias.lab. CNAME", "mx2.lab.", "an alias"),
    ] {
        let site = Site::start(world()).await;
        site.tamper("mx.lab. A", &format!("beside:{other}"));
        let resolver = resolver(&site);
        let first = resolver.dns("mx.lab", "A").await.unwrap().result.unwrap();
        let own = Outcome::Records(vec!["192.0.2.1".to_owned()]);
        assert_eq!((first.status, first.outcome), (Status::Secure, own), "{why}");

        let text =
            "@ MX 10 mx2\nmx A 192.0.2.1\nmx2 A 192.0.2.22\nalias CNAME mx2\n_25._tcp.mx TLSA 3 1 1 0202";
        site.server.replace_zone("lab", text).unwrap();
        let (name, rtype) = other.split_once(' ').unwrap();
        let second = resolver.dns(name, rtype).await.unwrap().result.unwrap();
        let shown = Outcome::Records(vec![now.to_owned()]);
        assert_eq!((second.status, second.outcome), (Status::Secure, shown), "{why}");
        assert_eq!(times_asked(&site, name, rtype.parse().unwrap()), 1, "{why}: it was asked for");
    }
}
