//! RFC 6672: what a DNAME makes of a name, and how it is proven.

use dnssec::{Failure, FailureKind, HopKind, Limit, Limits, Outcome, Question, Reason, Status, Verdict};
use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{RData, Record, RecordType, rdata::NULL},
    serialize::binary::BinEncodable,
};

use crate::{
    listing::{message, renamed},
    world::{
        Denial, NOW, Signature, World, Zone, a, cname, dname, drive, honest, judge, name, question, txt,
    },
};

/// A signed root that holds everything itself.
fn world(records: Vec<Record>) -> World {
    World::new(vec![Zone::signed(".", 1, Denial::Nsec, records)])
}

/// Judges with one answer made by hand.
fn with(world: &World, asked: &Question, by: &Message) -> Result<Verdict, Failure> {
    let fetch = |q: &Question| Ok(if q == asked { by.clone() } else { world.ask(q) });
    drive(asked.clone(), &world.anchors, NOW, Limits::default(), fetch).0
}

fn set(world: &World, owner: &str, record_type: RecordType) -> Vec<Record> {
    world.zone(".").get(&name(owner), record_type).unwrap()
}

/// An RRset with the root's signature.
fn signed(world: &World, set: Vec<Record>) -> Vec<Record> {
    let signature = Signature::by(world.zone(".").key.as_ref().unwrap(), ".").over(&set);
    [set, vec![signature]].concat()
}

#[test]
fn s2_2_substitution_is_that_of_table_1() {
    for (asked, owner, target, result, loops, why) in [
        ("com.", "example.com.", "example.net.", None, false, "above the owner"),
        ("example.com.", "example.com.", "example.net.", None, false, "the owner itself"),
        ("a.example.com.", "example.com.", "example.net.", Some("a.example.net."), false, "below it"),
        (
            "a.b.example.com.",
            "example.com.",
            "example.net.",
            Some("a.b.example.net."),
            false,
            "two labels below",
        ),
        ("ab.example.com.", "b.example.com.", "example.net.", None, false, "whole labels only"),
        ("foo.example.com.", "example.com.", "example.net.", Some("foo.example.net."), false, "below it"),
        (
            "a.x.example.com.",
            "x.example.com.",
            "example.net.",
            Some("a.example.net."),
            false,
            "a shorter target",
        ),
        (
            "a.example.com.",
            "example.com.",
            "y.example.net.",
            Some("a.y.example.net."),
            false,
            "a longer target",
        ),
        ("cyc.example.com.", "example.com.", "example.com.", Some("cyc.example.com."), true, "a loop"),
        (
            "cyc.example.com.",
            "example.com.",
            "c.example.com.",
            Some("cyc.c.example.com."),
            true,
            "a growing loop",
        ),
        ("shortloop.x.x.", "x.", ".", Some("shortloop.x."), false, "the root as target"),
        ("shortloop.x.", "x.", ".", Some("shortloop."), false, "and the second time round"),
    ] {
        let world = world(vec![dname(owner, target)]);
        let data = honest(&world, question(asked, RecordType::TXT));
        let alias = honest(&world, question(asked, RecordType::CNAME));
        let case = format!("{asked} under {owner} DNAME {target}, {why}");
        let Some(result) = result else {
            for verdict in [data.unwrap(), alias.unwrap()] {
                assert_eq!((verdict.status, verdict.chain.len()), (Status::Secure, 0), "{case}");
                assert!(matches!(verdict.outcome, Outcome::NoData | Outcome::NxDomain), "{case}");
            }
            continue;
        };
        let alias = alias.unwrap_or_else(|failure| panic!("{case}: {failure}"));
        assert_eq!(alias.status, Status::Secure, "{case}");
        assert_eq!(alias.outcome, Outcome::Records(vec![cname(asked, result)]), "{case}");
        match data {
            Ok(verdict) => {
                let hop = &verdict.chain[0];
                assert_eq!((&hop.owner, &hop.target), (&name(asked), &name(result)), "{case}");
                assert_eq!((hop.kind, hop.status), (HopKind::Dname, Status::Secure), "{case}");
                assert!(!loops, "{case}: {verdict:?}");
            }
            Err(failure) => {
                assert_eq!(failure.reason, Reason::OverLimit(Limit::Aliases), "{case}");
                assert!(loops, "{case}");
            }
        }
    }
}

#[test]
fn s2_2_a_name_that_gets_too_long_is_no_name() {
    let label = "a".repeat(49);
    let target = format!("{label}.{label}.{label}.{label}.{}.", "b".repeat(48));
    assert_eq!(name(&target).to_bytes().unwrap().len(), 250, "the RFC's example: a target of 250 octets");
    let world = world(vec![dname("d.", &target)]);
    for (first, fits, why) in [
        ("cccc", true, "255 octets in all"),
        ("ccccc", false, "256 octets"),
        ("cccccc", false, "a first label of over 5 octets"),
    ] {
        let asked = question(&format!("{first}.d."), RecordType::CNAME);
        let answer = message(set(&world, "d.", RecordType::DNAME), vec![]);
        match with(&world, &asked, &answer) {
            Ok(verdict) => assert!(fits && verdict.status == Status::Secure, "{why}: {verdict:?}"),
            Err(failure) => {
                assert!(!fits, "{why}: {failure}");
                assert_eq!(failure.reason, Reason::MalformedAlias, "{why}");
            }
        }
        // The response code that goes with it is an error of its own.
        let mut refused = answer;
        refused.metadata.response_code = ResponseCode::YXDomain;
        let failure = with(&world, &asked, &refused).unwrap_err();
        assert!(matches!(failure.kind(), FailureKind::Unanswered(_)), "{why}: {failure}");
    }
}

#[test]
fn s2_3_the_owner_keeps_its_own_types() {
    let world = world(vec![dname("d.", "elsewhere."), txt("d.", "its own")]);
    for (record_type, records, why) in [
        (RecordType::TXT, true, "a type beside the DNAME"),
        (RecordType::DNAME, true, "the DNAME itself"),
        (RecordType::A, false, "a type that is not there"),
        (RecordType::CNAME, false, "nor is an alias of the owner"),
    ] {
        let verdict = honest(&world, question("d.", record_type)).unwrap();
        assert_eq!((verdict.status, verdict.chain.len()), (Status::Secure, 0), "{why}");
        assert_eq!(matches!(verdict.outcome, Outcome::Records(_)), records, "{why}: {:?}", verdict.outcome);
    }
    // Nor is it redirected by a DNAME that came along unasked.
    let asked = question("d.", RecordType::A);
    let beside = message(set(&world, "d.", RecordType::DNAME), world.zone(".").denial_of(&name("d.")));
    let verdict = with(&world, &asked, &beside).unwrap();
    assert_eq!((verdict.status, verdict.outcome, verdict.chain.len()), (Status::Secure, Outcome::NoData, 0));
}

#[test]
fn s2_3_an_apex_may_have_one() {
    let mirror = Zone::signed("mirror.", 2, Denial::Nsec, vec![dname("mirror.", "real.")]);
    let ds = mirror.key.as_ref().unwrap().ds("mirror.", hickory_proto::dnssec::DigestType::SHA256);
    let root = vec![crate::world::ns("mirror."), ds, a("host.real.", 1)];
    let world = World::new(vec![Zone::signed(".", 1, Denial::Nsec, root), mirror]);
    let verdict = honest(&world, question("host.mirror.", RecordType::A)).unwrap();
    assert_eq!((verdict.status, &verdict.name), (Status::Secure, &name("host.real.")));
    assert_eq!(verdict.outcome, Outcome::Records(vec![a("host.real.", 1)]));
    for (record_type, why) in
        [(RecordType::SOA, "the apex is not redirected"), (RecordType::DNSKEY, "at all")]
    {
        let verdict = honest(&world, question("mirror.", record_type)).unwrap();
        assert_eq!((verdict.status, verdict.chain.len()), (Status::Secure, 0), "{why}");
        assert!(matches!(verdict.outcome, Outcome::Records(_)), "{why}");
    }
}

#[test]
fn s2_4_there_is_one_dname_at_a_name() {
    let world = world(vec![dname("d.", "one."), dname("d.", "two.")]);
    let asked = question("host.d.", RecordType::A);
    let answer = message(set(&world, "d.", RecordType::DNAME), vec![]);
    assert_eq!(with(&world, &asked, &answer).unwrap_err().reason, Reason::ManyAliases);
}

#[test]
fn s2_5_targets_are_signed_in_lower_case() {
    let world = world(vec![a("host.real.", 1)]);
    let asked = question("host.d.", RecordType::A);
    let lower = signed(&world, vec![dname("d.", "real.")]);
    let upper = signed(&world, vec![dname("d.", "ReAL.")]);
    for (data, signature, holds, why) in [
        (&lower, &lower, true, "as it was signed"),
        (&upper, &lower, true, "in another case than it was signed"),
        (&upper, &upper, false, "signed in another form than the canonical one"),
        (&lower, &upper, false, "likewise, shown in lower case"),
    ] {
        let answer = message(vec![data[0].clone(), signature[1].clone()], vec![]);
        let result = with(&world, &asked, &answer);
        assert_eq!(result.is_ok(), holds, "{why}: {result:?}");
    }
    // Owner and name may differ in case, too.
    let answer = message(renamed(lower, "D."), vec![]);
    assert_eq!(with(&world, &asked, &answer).unwrap().status, Status::Secure, "an owner in upper case");
}

#[test]
fn s3_3_a_wildcard_of_dnames_is_not_believed() {
    let world = world(vec![dname("*.wild.", "real."), a("x.real.", 1)]);
    let expanded = renamed(set(&world, "*.wild.", RecordType::DNAME), "b.wild.");
    let denial = world.zone(".").denial_of(&name("b.wild."));
    let failure =
        with(&world, &question("x.b.wild.", RecordType::A), &message(expanded, denial)).unwrap_err();
    assert_eq!(failure.reason, Reason::WildcardNotProven);
}

#[test]
fn s5_3_1_a_synthesised_cname_says_what_its_dname_says() {
    let world = world(vec![dname("bar.example.com.", "bar.example.net."), a("foo.bar.example.net.", 1)]);
    let asked = question("foo.bar.example.com.", RecordType::A);
    let dname = set(&world, "bar.example.com.", RecordType::DNAME);
    let owner = "foo.bar.example.com.";
    let cnames = |targets: &[&str]| targets.iter().map(|target| cname(owner, target)).collect::<Vec<_>>();
    for (beside, expected, why) in [
        (cnames(&["foo.bar.example.net."]), None, "§5.3.4.3, as the server makes it"),
        (cnames(&[]), None, "without"),
        (cnames(&["FOO.bar.EXAMPLE.net."]), None, "in another case"),
        (signed(&world, cnames(&["foo.bar.example.net."])), None, "signed all the same"),
        (cnames(&["bla.bla.example."]), Some(Reason::AliasMismatch), "§5.3.4.3, altered"),
        (
            cnames(&["foo.bar.example.net.", "bla.bla.example."]),
            Some(Reason::ManyAliases),
            "beside the right one",
        ),
    ] {
        let answer = message([dname.clone(), beside].concat(), vec![]);
        let result = with(&world, &asked, &answer);
        match expected {
            None => {
                let verdict = result.unwrap_or_else(|failure| panic!("{why}: {failure}"));
                assert_eq!(verdict.outcome, Outcome::Records(vec![a("foo.bar.example.net.", 1)]), "{why}");
                assert_eq!(verdict.chain[0].kind, HopKind::Dname, "{why}");
            }
            Some(reason) => assert_eq!(result.unwrap_err().reason, reason, "{why}"),
        }
    }
    for (answer, why) in [
        (cnames(&["foo.bar.example.net."]), "a CNAME whose DNAME is missing"),
        ([vec![dname[0].clone()], cnames(&["foo.bar.example.net."])].concat(), "one that is not signed"),
    ] {
        assert_eq!(
            with(&world, &asked, &message(answer, vec![])).unwrap_err().reason,
            Reason::Unsigned,
            "{why}"
        );
    }
}

#[test]
fn s5_3_3_a_chain_is_as_strong_as_its_weakest_link() {
    let root = vec![
        dname("a.", "b."),
        dname("b.", "c."),
        a("x.c.", 1),
        dname("u.", "plain."),
        crate::world::ns("plain."),
    ];
    let plain = Zone::unsigned("plain.", vec![a("x.plain.", 1)]);
    let world = World::new(vec![Zone::signed(".", 1, Denial::Nsec, root), plain]);
    let verdict = honest(&world, question("x.a.", RecordType::A)).unwrap();
    assert_eq!((verdict.status, verdict.chain.len()), (Status::Secure, 2), "two links, both secure");
    let verdict = honest(&world, question("x.u.", RecordType::A)).unwrap();
    assert_eq!((verdict.status, verdict.chain[0].status), (Status::Insecure, Status::Secure), "to insecure");
    let broken = question("x.b.", RecordType::A);
    let result = judge(&world, question("x.a.", RecordType::A), |q, mut message| {
        if *q == broken {
            message.answers.retain(|record| record.record_type() != RecordType::RRSIG);
        }
        message
    });
    let failure = result.unwrap_err();
    assert_eq!((failure.kind(), &failure.reason), (FailureKind::Bogus, &Reason::Unsigned), "the second link");
    assert_eq!(failure.record, question("b.", RecordType::DNAME));
}

/// §5.3.4.1 and §5.3.4.2: one and the same NSEC record, asked about two names.
#[test]
fn s5_3_4_the_dname_bit_says_what_is_below() {
    let content = |alias: bool| {
        let mut content = vec![a("bar.example.com.", 1), a("dub.example.com.", 2)];
        content.extend(alias.then(|| dname("bar.example.com.", "bar.example.net.")));
        content
    };
    for denial in [Denial::Nsec, Denial::Nsec3 { iterations: 1, opt_out: false }] {
        for (alias, asked, holds, why) in [
            (true, "foo.bar.example.com.", false, "§5.3.4.1: it had to be redirected"),
            (false, "foo.bar.example.com.", true, "§5.3.4.1: without the bit it is a name error"),
            (true, "cee.example.com.", true, "§5.3.4.2: it is not below bar"),
            (true, "bar.example.com.", true, "the owner itself is not redirected: no TXT there"),
        ] {
            let zone = Zone::signed("example.com.", 2, denial, content(alias));
            let ds = zone.key.as_ref().unwrap().ds("example.com.", hickory_proto::dnssec::DigestType::SHA256);
            let root = Zone::signed(".", 1, Denial::Nsec, vec![crate::world::ns("example.com."), ds]);
            let asked = question(asked, RecordType::TXT);
            let mut authority: Vec<Record> = Vec::new();
            let around = [asked.name.clone(), name("bar.example.com."), name("example.com.")];
            let wildcards = [name("*.example.com."), name("*.bar.example.com.")];
            for about in around.iter().chain(&wildcards) {
                let denial: Vec<Record> = zone.denial_of(about);
                authority.extend(
                    denial.into_iter().filter(|record| !authority.contains(record)).collect::<Vec<_>>(),
                );
            }
            let world = World::new(vec![root, zone]);
            let mut answer = message(vec![], authority);
            answer.metadata.response_code = ResponseCode::NXDomain;
            let result = with(&world, &asked, &answer);
            match result {
                Ok(verdict) => {
                    assert!(holds, "{why}: {verdict:?}");
                    let expected = match asked.name == name("bar.example.com.") {
                        true => Outcome::NoData,
                        false => Outcome::NxDomain,
                    };
                    assert_eq!((verdict.status, verdict.outcome), (Status::Secure, expected), "{why}");
                }
                Err(failure) => {
                    assert!(!holds, "{why}: {failure}");
                    assert_eq!(failure.kind(), FailureKind::Bogus, "{why}: {failure}");
                }
            }
        }
    }
}

#[test]
fn a_dname_without_a_name_is_malformed() {
    let world = world(vec![]);
    let bytes = |data: &[u8]| RData::Unknown { code: RecordType::DNAME, rdata: NULL::with(data.to_vec()) };
    for (data, why) in [
        (RData::Update0(RecordType::DNAME), "no data"),
        (bytes(&[3, b'a']), "a label that is cut off"),
        (bytes(&[0, 0]), "octets after the name"),
        (bytes(&[0xc0, 0x0c]), "a pointer, of which there is none outside a message (§2.5)"),
    ] {
        let record = crate::world::record("d.", data);
        let answer = message(signed(&world, vec![record]), vec![]);
        let failure = with(&world, &question("host.d.", RecordType::A), &answer).unwrap_err();
        assert_eq!(failure.reason, Reason::MalformedAlias, "{why}");
    }
}
