//! The clock at every edge of a signature, and how long a verdict holds (RFC 4034 §3.1.5, RFC 4035 §5.3.1 and §5.3.3,
//! RFC 9077).

use std::sync::Arc;

use dnssec::{Failure, Limits, Outcome, Question, Reason, SignatureFault, Status, Validation, Verdict};
use hickory_proto::{
    dnssec::DigestType,
    op::Message,
    rr::{Name, Record, RecordData, RecordType, rdata::SOA},
};

use crate::{
    listing::covered,
    world::{
        Denial, NEGATIVE_TTL, NOW, Signature, TTL, World, Zone, a, cache, cname, dname, drive, judge, name,
        ns, question, run, txt,
    },
};

fn zones() -> World {
    let content = |apex: &str| {
        vec![
            a(&format!("host.{apex}"), 1),
            txt(&format!("*.wild.{apex}"), "from the wildcard"),
            cname(&format!("alias.{apex}"), &format!("host.{apex}")),
            dname(&format!("d.{apex}"), apex),
        ]
    };
    let nsec = Zone::signed("nsec.", 2, Denial::Nsec, content("nsec."));
    let denial = Denial::Nsec3 { iterations: 1, opt_out: false };
    let nsec3 = Zone::signed("nsec3.", 3, denial, content("nsec3."));
    let plain = Zone::unsigned("plain.", vec![a("host.plain.", 1)]);
    let root = vec![
        ns("nsec."),
        nsec.key.as_ref().unwrap().ds("nsec.", DigestType::SHA256),
        ns("nsec3."),
        nsec3.key.as_ref().unwrap().ds("nsec3.", DigestType::SHA256),
        ns("plain."),
    ];
    World::new(vec![Zone::signed(".", 1, Denial::Nsec, root), nsec, nsec3, plain])
}

/// The world, signed around `now`.
fn signed_around(now: u32) -> World {
    let mut world = zones();
    let mut edges = Vec::new();
    for (owner, types) in world.zones.iter().flat_map(|zone| &zone.sets) {
        let codes = types.iter().filter(|(_, set)| signed(set)).map(|(code, _)| RecordType::from(*code));
        edges.extend(codes.map(|record_type| (owner.clone(), record_type)));
    }
    edges.iter().for_each(|edge| sign_around(&mut world, edge, now));
    world
}

fn sign_around(world: &mut World, edge: &Edge, now: u32) {
    sign(world, edge, now.wrapping_sub(100_000), now.wrapping_add(100_000));
}

/// Signs one RRset again; where two zones have it, both.
fn sign(world: &mut World, (owner, record_type): &Edge, inception: u32, expiration: u32) {
    for zone in &mut world.zones {
        let (apex, Some(key)) = (zone.apex.to_ascii(), &zone.key) else { continue };
        let types = zone.sets.get_mut(owner);
        let Some(set) = types.and_then(|types| types.get_mut(&u16::from(*record_type))) else { continue };
        // The NS RRset of a delegation stays unsigned.
        if !signed(set) {
            continue;
        }
        set.retain(|record| covered(record).is_none());
        let original_ttl = set[0].ttl;
        let signature = Signature { inception, expiration, original_ttl, ..Signature::by(key, &apex) };
        set.push(signature.over(set));
    }
}

fn signed(set: &[Record]) -> bool {
    set.iter().any(|record| covered(record).is_some())
}

/// An RRset.
type Edge = (Name, RecordType);

/// Each RRset on which a verdict may rest, with a question that needs it.
fn edges() -> Vec<(Edge, Question, &'static str)> {
    use RecordType::{A, CNAME, DNAME, DNSKEY, DS, NSEC, NSEC3, TLSA, TXT};
    let world = zones();
    let host = || question("host.nsec.", A);
    let nsec = |about: &str| (world.zone("nsec.").denial_of(&name(about))[0].name.clone(), NSEC);
    let nsec3 = |about: &str| (world.zone("nsec3.").denial_of(&name(about))[0].name.clone(), NSEC3);
    vec![
        ((name("host.nsec."), A), host(), "the answer"),
        ((name("*.wild.nsec."), TXT), question("x.wild.nsec.", TXT), "the wildcard that it comes from"),
        (nsec("x.wild.nsec."), question("x.wild.nsec.", TXT), "NSEC: nothing is closer than the wildcard"),
        (nsec3("x.wild.nsec3."), question("x.wild.nsec3.", TXT), "NSEC3: nothing is closer"),
        ((name("alias.nsec."), CNAME), question("alias.nsec.", A), "an alias"),
        ((name("host.nsec."), A), question("alias.nsec.", A), "an alias's target"),
        ((name("d.nsec."), DNAME), question("host.d.nsec.", A), "a DNAME"),
        (nsec("host.nsec."), question("host.nsec.", TLSA), "NSEC: the name lacks the type"),
        (nsec("missing.nsec."), question("missing.nsec.", A), "NSEC: no such name"),
        (nsec("*.nsec."), question("missing.nsec.", A), "NSEC: no wildcard"),
        (nsec3("host.nsec3."), question("host.nsec3.", TLSA), "NSEC3: the name lacks the type"),
        (nsec3("nsec3."), question("missing.nsec3.", A), "NSEC3: the closest encloser"),
        (nsec3("missing.nsec3."), question("missing.nsec3.", A), "NSEC3: no such name"),
        (nsec3("*.nsec3."), question("missing.nsec3.", A), "NSEC3: no wildcard"),
        ((name("nsec."), DS), host(), "the DS of the zone"),
        ((name("nsec."), DNSKEY), host(), "the keys of the zone"),
        ((name("."), DNSKEY), host(), "the keys of the anchor's zone"),
        ((name("plain."), NSEC), question("host.plain.", A), "the proof that there is no DS"),
        ((name("plain."), NSEC), question("plain.", DS), "the same, asked for"),
    ]
}

/// A time in the middle, and both sides of 2038-01-19 and of 2106-02-07, where the 32 bits wrap.
const TIMES: [u32; 6] = [NOW, 0x7fff_ffff, 0x8000_0000, u32::MAX, 0, 1];

fn judge_at(now: u32, world: &World, asked: &Question) -> Result<Verdict, Failure> {
    drive(asked.clone(), &world.anchors, now, Limits::default(), |q| Ok(world.ask(q))).0
}

#[test]
fn each_signature_counts_from_its_first_second_to_its_last() {
    for now in TIMES {
        let mut world = signed_around(now);
        for (edge, asked, what) in edges() {
            let base = judge_at(now, &world, &asked);
            let base = base.unwrap_or_else(|failure| panic!("{now}, {what}: {failure}"));
            for (inception, expiration, expected, why) in [
                (1, 1000, Err("NotYetValid"), "a second before its time"),
                (0, 1000, Ok(1000), "its first second"),
                (-1, 1000, Ok(1000), "its second second"),
                (-1000, 1, Ok(1), "its last second but one"),
                (-1000, 0, Ok(0), "its last second"),
                (-1000, -1, Err("Expired"), "a second after its time"),
            ] {
                let at = |offset: i32| now.wrapping_add_signed(offset);
                sign(&mut world, &edge, at(inception), at(expiration));
                let case = format!("{now}, {what}: {why}");
                match (judge_at(now, &world, &asked), expected) {
                    (Ok(verdict), Ok(left)) => {
                        assert_eq!(verdict.status, base.status, "{case}");
                        assert_eq!(verdict.outcome, base.outcome, "{case}");
                        assert_eq!(verdict.ttl, base.ttl.min(left), "{case}");
                    }
                    (Err(failure), Err(kind)) => {
                        let fault = match kind {
                            "Expired" => SignatureFault::Expired { expiration: at(expiration) },
                            _ => SignatureFault::NotYetValid { inception: at(inception) },
                        };
                        assert_eq!(failure.reason, Reason::BadSignature(fault), "{case}");
                    }
                    (found, expected) => panic!("{case}: {found:?}, expected {expected:?}"),
                }
            }
            sign_around(&mut world, &edge, now);
        }
    }
}

/// RFC 1982 §3.2: times are compared modulo 2^32, up to a distance of less than 2^31 (68 years).
#[test]
fn signatures_reach_as_far_as_serial_arithmetic_does() {
    const HALF: u32 = 0x8000_0000;
    let edge = (name("host.nsec."), RecordType::A);
    let asked = question("host.nsec.", RecordType::A);
    for now in TIMES {
        let mut world = signed_around(now);
        for (since, until, holds, why) in [
            (0, HALF - 1, true, "as far into the future as there is one"),
            (HALF - 1, 0, true, "as far into the past"),
            (1, HALF - 2, true, "the longest signature, in its second second"),
            (HALF - 2, 1, true, "in its last but one"),
            (0, HALF, false, "half way round: neither before nor after"),
            (HALF, 0, false, "likewise"),
            (0, HALF + 1, false, "more than half way into the future is the past"),
            (HALF + 1, 0, false, "more than half way into the past is the future"),
            (HALF / 2, HALF / 2, false, "an end that is no longer after the beginning"),
            (HALF - 1, HALF - 1, false, "an end long before the beginning, though now is between both"),
        ] {
            let (inception, expiration) = (now.wrapping_sub(since), now.wrapping_add(until));
            sign(&mut world, &edge, inception, expiration);
            let result = judge_at(now, &world, &asked);
            assert_eq!(result.is_ok(), holds, "{now}: {why}: {result:?}");
            if let Err(failure) = result {
                assert!(matches!(failure.reason, Reason::BadSignature(_)), "{now}: {why}: {failure}");
            }
        }
    }
}

/// What a cache has learned holds to the last second but the very last of each signature, and never under a clock that
/// went back.
#[test]
fn what_is_remembered_ends_with_the_signature_it_rests_on() {
    use RecordType::{A, DNSKEY, DS, NSEC};
    for now in TIMES {
        let mut world = signed_around(now);
        for (edge, asked, needs, what) in [
            ((name("."), DNSKEY), question("host.nsec.", A), question(".", DNSKEY), "the root's keys"),
            ((name("nsec."), DS), question("host.nsec.", A), question("nsec.", DS), "the DS of the zone"),
            ((name("nsec."), DNSKEY), question("host.nsec.", A), question("nsec.", DNSKEY), "its keys"),
            (
                (name("plain."), NSEC),
                question("host.plain.", A),
                question("plain.", DS),
                "that there is no DS",
            ),
        ] {
            sign(&mut world, &edge, now.wrapping_sub(10), now.wrapping_add(10));
            for (later, remembered, holds, why) in [
                (0, true, true, "the same second"),
                (9, true, true, "a second before the last"),
                (10, false, true, "the last second: it holds for none any more"),
                (11, false, false, "after the last"),
                (-1, false, true, "the clock went back"),
                (-11, false, false, "to before it began"),
            ] {
                let cache = cache(&world);
                let at = |now: u32| {
                    run(Validation::new(asked.clone(), Arc::clone(&cache), now), |q| Ok(world.ask(q)))
                };
                at(now).0.unwrap_or_else(|failure| panic!("{now}, {what}: {failure}"));
                let (end, questions) = at(now.wrapping_add_signed(later));
                let case = format!("{now}, {what}: {why}");
                assert_eq!(!questions.contains(&needs), remembered, "{case}: {questions:?}");
                match end {
                    Ok(verdict) => {
                        assert!(holds, "{case}: {verdict:?}");
                        assert!(verdict.ttl <= 10u32.wrapping_add_signed(-later), "{case}: {}", verdict.ttl);
                    }
                    Err(failure) => {
                        assert!(
                            !holds && matches!(failure.reason, Reason::BadSignature(_)),
                            "{case}: {failure}"
                        );
                    }
                }
            }
            sign_around(&mut world, &edge, now);
        }
    }
}

/// Changes the TTL of all records of a type in one answer, and where that lengthens it, that of their signatures;
/// `None` takes the records out.
fn with_ttl(at: &Question, record_type: RecordType, ttl: Option<u32>, message: &mut Message, q: &Question) {
    if q != at {
        return;
    }
    let chosen = |record: &Record| {
        record.record_type() == record_type || (ttl > Some(TTL) && covered(record) == Some(record_type))
    };
    for section in [&mut message.answers, &mut message.authorities] {
        match ttl {
            Some(ttl) => section.iter_mut().filter(|r| chosen(r)).for_each(|record| record.ttl = ttl),
            None => section.retain(|record| !chosen(record)),
        }
    }
}

#[test]
fn a_verdict_holds_no_longer_than_anything_it_rests_on() {
    use RecordType::{A, CNAME, DNAME, DNSKEY, DS, NSEC, NSEC3, RRSIG, SOA, TLSA, TXT};
    let world = zones();
    let q = question;
    let long = Some(99_999);
    let minimum = NEGATIVE_TTL;
    for (asked, at, record_type, ttl, expected, why) in [
        (q("host.nsec.", A), q("host.nsec.", A), A, Some(7), 7, "RFC 4035 §5.3.3: the TTL as received"),
        (q("host.nsec.", A), q("host.nsec.", A), RRSIG, Some(7), 7, "§5.3.3: the signature's TTL"),
        (q("host.nsec.", A), q("host.nsec.", A), A, long, TTL, "§5.3.3: the original TTL"),
        (q("host.nsec.", A), q("host.nsec.", A), A, Some(0), 0, "a TTL of nothing"),
        (q("host.nsec.", A), q("nsec.", DS), DS, Some(7), 7, "the DS of the zone"),
        (q("host.nsec.", A), q("nsec.", DNSKEY), DNSKEY, Some(7), 7, "the zone's keys"),
        (q("host.nsec.", A), q(".", DNSKEY), DNSKEY, Some(7), 7, "the root's keys"),
        (q("alias.nsec.", A), q("alias.nsec.", A), CNAME, Some(7), 7, "an alias"),
        (q("alias.nsec.", A), q("host.nsec.", A), A, Some(7), 7, "its target, by its own answer"),
        (q("alias.nsec.", A), q("alias.nsec.", A), A, Some(7), TTL, "and by no other"),
        (q("host.d.nsec.", A), q("host.d.nsec.", A), DNAME, Some(7), 7, "a DNAME"),
        (
            q("host.d.nsec.", A),
            q("host.d.nsec.", A),
            CNAME,
            Some(0),
            TTL,
            "RFC 6672 §3.1: its CNAME may say 0",
        ),
        (
            q("x.wild.nsec.", TXT),
            q("x.wild.nsec.", TXT),
            NSEC,
            Some(7),
            7,
            "RFC 9077 §4.1: a wildcard's NSEC",
        ),
        (q("x.wild.nsec.", TXT), q("x.wild.nsec.", TXT), NSEC, long, minimum, "its original TTL"),
        (q("x.wild.nsec3.", TXT), q("x.wild.nsec3.", TXT), NSEC3, Some(7), 7, "§4.1: a wildcard's NSEC3"),
        (q("host.nsec.", TLSA), q("host.nsec.", TLSA), NSEC, Some(7), 7, "no data: the NSEC"),
        (q("host.nsec.", TLSA), q("host.nsec.", TLSA), SOA, Some(7), 7, "RFC 2308 §5: the SOA's TTL"),
        (q("host.nsec.", TLSA), q("host.nsec.", TLSA), SOA, long, minimum, "RFC 9077 §3: and its MINIMUM"),
        (q("host.nsec.", TLSA), q("host.nsec.", TLSA), SOA, None, minimum, "the NSEC alone"),
        (q("host.nsec.", TLSA), q("host.nsec.", TLSA), NSEC, long, minimum, "whatever TTL came with it"),
        (q("missing.nsec.", A), q("missing.nsec.", A), NSEC, Some(7), 7, "no such name: the NSEC"),
        (q("missing.nsec3.", A), q("missing.nsec3.", A), NSEC3, Some(7), 7, "no such name: the NSEC3"),
        (q("missing.nsec3.", A), q("missing.nsec3.", A), SOA, Some(7), 7, "no such name: the SOA"),
        (q("host.plain.", A), q("host.plain.", A), A, Some(7), 7, "insecure: the TTL"),
        (
            q("host.plain.", A),
            q("host.plain.", A),
            A,
            Some(0x8000_0000),
            0,
            "RFC 2181 §8: the highest bit makes it zero",
        ),
        (q("host.plain.", A), q("plain.", DS), NSEC, Some(7), 7, "and that of the proof that it is"),
        (q("host.plain.", TXT), q("host.plain.", TXT), SOA, Some(7), 7, "insecure and absent: the SOA's TTL"),
        (q("host.plain.", TXT), q("host.plain.", TXT), SOA, None, 0, "RFC 2308 §5: not kept without SOA"),
    ] {
        let result = judge(&world, asked.clone(), |q, mut message| {
            with_ttl(&at, record_type, ttl, &mut message, q);
            message
        });
        let verdict = result.unwrap_or_else(|failure| panic!("{why}: {asked}: {failure}"));
        assert_eq!(verdict.ttl, expected, "{why}: {asked}");
    }
}

/// The least of three: what the NSEC says, the SOA's TTL, and its MINIMUM (RFC 9077 §3).
#[test]
fn a_large_minimum_does_not_lengthen_a_denial() {
    let world = zones();
    let asked = question("host.nsec.", RecordType::TLSA);
    for (soa_ttl, minimum, expected) in [(50, 99, 50), (99, 50, 50), (9999, 9999, NEGATIVE_TTL)] {
        let verdict = judge(&world, asked.clone(), |_, mut message| {
            for record in &mut message.authorities {
                if let Some(soa) = SOA::try_borrow(&record.data) {
                    let mut soa = soa.clone();
                    soa.minimum = minimum;
                    (record.ttl, record.data) = (soa_ttl, hickory_proto::rr::RData::SOA(soa));
                }
            }
            message
        })
        .unwrap();
        let found = (verdict.status, verdict.outcome, verdict.ttl);
        assert_eq!(
            found,
            (Status::Secure, Outcome::NoData, expected),
            "SOA TTL {soa_ttl}, MINIMUM {minimum}"
        );
    }
}
