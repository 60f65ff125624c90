//! Genuine answers: every kind of zone and answer gets the verdict that its zone deserves.

use dnssec::{HopKind, Outcome, Status};
use hickory_proto::rr::RecordType;

use crate::world::{NEGATIVE_TTL, TTL, WORLD, honest, name, question};

#[test]
fn genuine_answers_get_the_status_of_their_zone() {
    use RecordType::{A, CNAME, DS, TLSA, TXT};
    use Status::{Insecure, Secure};
    #[derive(Debug, PartialEq)]
    enum What {
        Records,
        NoData,
        NxDomain,
    }
    use What::{NoData, NxDomain, Records};
    // label below the apex, type, what comes; the status is that of the zone except where one is named.
    let table = [
        ("host", A, Records, None, "plain data"),
        ("_25._tcp.host", TLSA, Records, None, "below an empty non-terminal"),
        ("_25._tcp.mx", TLSA, Records, None, "expanded from a wildcard"),
        ("_25._tcp.mx", A, NoData, None, "the wildcard lacks the type"),
        ("x.wild", TXT, Records, None, "expanded from a wildcard"),
        ("y.x.wild", TXT, Records, None, "expanded over two labels"),
        ("exact.wild", TXT, NoData, None, "an exact name beside a wildcard has its own types only"),
        ("below.exact.wild", TXT, NxDomain, None, "nor does the wildcard reach below it"),
        ("host", TLSA, NoData, None, "the name lacks the type"),
        ("ent", A, NoData, None, "an empty non-terminal"),
        ("missing", A, NxDomain, None, "no such name"),
        ("a.b.c.missing", A, NxDomain, None, "several labels below what exists"),
        ("alias", A, Records, None, "an alias within the zone"),
        ("alias", TLSA, NoData, None, "an alias to a name without the type"),
        ("alias", CNAME, Records, None, "the alias itself"),
        ("x.walias", A, Records, None, "an alias expanded from a wildcard"),
        ("nowhere", A, NxDomain, None, "an alias to nothing"),
        ("z.d", TXT, Records, None, "below a DNAME, then a wildcard"),
        ("exact.d", A, Records, None, "below a DNAME"),
        ("exact.d", CNAME, Records, None, "the synthesised alias itself"),
        ("d", TXT, NoData, None, "a DNAME says nothing about its own name"),
        ("leave", A, Records, Some(Insecure), "a secure alias into an unsigned zone"),
        ("host.out", A, Records, Some(Insecure), "a DNAME into an unsigned zone"),
        ("host", DS, NoData, None, "no delegation"),
    ];
    for (apex, zone_status, why_zone) in [
        ("lab.", Secure, "NSEC"),
        ("nsec.lab.", Secure, "NSEC, below a signed delegation"),
        ("nsec3.lab.", Secure, "NSEC3"),
        ("plain.lab.", Insecure, "below an unsigned delegation"),
        ("unsigned.optout.lab.", Insecure, "unsigned in an opt-out span"),
    ] {
        for (label, record_type, what, status, why) in &table {
            let asked = question(&format!("{label}.{apex}"), *record_type);
            let verdict = honest(&WORLD, asked.clone())
                .unwrap_or_else(|failure| panic!("{why_zone}, {why}: {asked}: {failure}"));
            let found = match &verdict.outcome {
                Outcome::Records(_) => Records,
                Outcome::NoData => NoData,
                Outcome::NxDomain => NxDomain,
            };
            assert_eq!(found, *what, "{why_zone}, {why}: {asked}");
            assert_eq!(verdict.status, status.unwrap_or(zone_status), "{why_zone}, {why}: {asked}");
        }
    }
}

#[test]
fn opt_out_and_iterations_leave_data_secure_and_absence_insecure() {
    use RecordType::{A, TLSA, TXT};
    for apex in ["optout.lab.", "iter.lab."] {
        for (label, record_type, status, why) in [
            ("host", A, Status::Secure, "data needs no denial"),
            ("_25._tcp.host", TLSA, Status::Secure, "nor does it below an empty non-terminal"),
            ("x.wild", TXT, Status::Insecure, "a closer name may be delegated"),
            ("missing", A, Status::Insecure, "may be delegated"),
        ] {
            let asked = question(&format!("{label}.{apex}"), record_type);
            let verdict = honest(&WORLD, asked.clone()).unwrap_or_else(|f| panic!("{asked}: {f}"));
            assert_eq!(verdict.status, status, "{asked}: {why}");
        }
    }
    let asked = question("host.optout.lab.", TLSA);
    assert_eq!(honest(&WORLD, asked).unwrap().status, Status::Secure, "a matching record is no span");
}

#[test]
fn a_delegation_is_its_parents_matter() {
    use RecordType::{DNSKEY, DS, NS, SOA};
    for (owner, record_type, status, records, why) in [
        ("nsec.lab.", DS, Status::Secure, true, "DS comes from the parent"),
        ("plain.lab.", DS, Status::Secure, false, "and so does its absence"),
        ("unsigned.optout.lab.", DS, Status::Insecure, false, "opt-out"),
        ("nsec.lab.", NS, Status::Secure, true, "the child's own NS"),
        ("nsec.lab.", SOA, Status::Secure, true, "an apex"),
        ("nsec.lab.", DNSKEY, Status::Secure, true, "the keys themselves"),
        (".", DNSKEY, Status::Secure, true, "those of the anchor's zone"),
        (".", DS, Status::Secure, false, "the root has no parent"),
        ("plain.lab.", NS, Status::Insecure, true, "an unsigned child's NS"),
    ] {
        let verdict = honest(&WORLD, question(owner, record_type)).unwrap_or_else(|f| panic!("{owner}: {f}"));
        assert_eq!(verdict.status, status, "{owner} {record_type}: {why}");
        assert_eq!(matches!(verdict.outcome, Outcome::Records(_)), records, "{owner} {record_type}: {why}");
    }
}

#[test]
fn the_chain_tells_every_hop() {
    let verdict = honest(&WORLD, question("leave.nsec.lab.", RecordType::A)).unwrap();
    let hop = &verdict.chain[0];
    assert_eq!((verdict.chain.len(), &hop.owner), (1, &name("leave.nsec.lab.")));
    assert_eq!((hop.kind, hop.status), (HopKind::Cname, Status::Secure), "the alias itself is secure");
    assert_eq!((&verdict.name, verdict.status), (&name("host.plain.lab."), Status::Insecure));

    let verdict = honest(&WORLD, question("exact.d.nsec.lab.", RecordType::A)).unwrap();
    assert_eq!(verdict.chain[0].kind, HopKind::Dname);
    assert_eq!(verdict.name, name("exact.wild.nsec.lab."));
}

#[test]
fn the_lifetime_is_the_least_of_all() {
    let ttl = |owner, record_type| honest(&WORLD, question(owner, record_type)).unwrap().ttl;
    assert_eq!(ttl("host.nsec.lab.", RecordType::A), TTL);
    assert_eq!(ttl("host.nsec.lab.", RecordType::TLSA), NEGATIVE_TTL, "RFC 2308 §5");
    assert_eq!(ttl("missing.plain.lab.", RecordType::A), NEGATIVE_TTL, "insecure, by the SOA");
}

#[test]
fn names_compare_without_case() {
    let verdict = honest(&WORLD, question("HOST.nSec.LAB.", RecordType::A)).unwrap();
    assert_eq!(verdict.status, Status::Secure);
}
