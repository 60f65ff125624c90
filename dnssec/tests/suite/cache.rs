//! What is known about zones is used again, no longer than it holds, and never against the truth.

use std::{sync::Arc, thread};

use dnssec::{
    Insecurity, KeyCache, Limit, LocalPolicy, Outcome, Question, Reason, Status, Step, TrustAnchors,
    Validation, ZoneStep,
};
use hickory_proto::{
    dnssec::{Algorithm, DigestType, rdata::DNSSECRData, rdata::DS},
    rr::{RData, Record, RecordType},
};

use crate::world::{
    Denial, Key, NOW, TTL, WORLD, World, Zone, a, cache, name, ns, one_by_one, question, run,
};

const HOST: (&str, RecordType) = ("host.nsec3.lab.", RecordType::A);

/// The names and types asked, and the signatures verified.
fn cost(validation: Validation, world: &World) -> (Vec<Question>, u16, Status) {
    let mut validation = validation;
    let mut asked = Vec::new();
    loop {
        match validation.step() {
            Step::Ask(questions) => {
                for question in questions {
                    let answer = world.ask(&question);
                    validation.answer(&question, Ok(answer));
                    asked.push(question);
                }
            }
            Step::Done(end) => return (asked, validation.signatures(), end.unwrap().status),
        }
    }
}

#[test]
fn what_is_known_is_neither_asked_nor_verified_again() {
    let cache = cache(&WORLD);
    let begin =
        |owner: &str, record_type| Validation::new(question(owner, record_type), Arc::clone(&cache), NOW);
    let (asked, signatures, _) = cost(begin(HOST.0, HOST.1), &WORLD);
    assert_eq!((asked.len(), signatures), (6, 6), "cold: itself, three DNSKEY and two DS RRsets");
    for (owner, record_type, expected, why) in [
        ("host.nsec3.lab.", RecordType::A, 1, "a positive answer: its own signature"),
        ("mx.nsec3.lab.", RecordType::A, 1, "of another name"),
        ("host.nsec3.lab.", RecordType::TLSA, 1, "NODATA: one NSEC3 record"),
        ("missing.nsec3.lab.", RecordType::A, 3, "a name that is not there: three NSEC3 records"),
        ("_25._tcp.mx.nsec3.lab.", RecordType::TLSA, 2, "from a wildcard: that there is no closer name"),
    ] {
        let (asked, signatures, status) = cost(begin(owner, record_type), &WORLD);
        assert_eq!((asked, status), (vec![question(owner, record_type)], Status::Secure), "{why}");
        assert_eq!(signatures, expected, "{why}");
    }
    let again = begin(HOST.0, HOST.1);
    let (end, _) = run(again, |q| Ok(WORLD.ask(q)));
    let (fresh, _) =
        run(
            Validation::new(question(HOST.0, HOST.1), crate::world::cache(&WORLD), NOW),
            |q| Ok(WORLD.ask(q)),
        );
    let (warm, cold) = (end.unwrap(), fresh.unwrap());
    assert_eq!(warm.ttl, cold.ttl);
    assert_eq!(warm.proof.zones, cold.proof.zones, "the proof is whole, remembered or not");
    assert_eq!(warm.proof.signatures.len(), cold.proof.signatures.len());
}

#[test]
fn an_insecure_delegation_is_remembered_with_its_reason() {
    let cache = cache(&WORLD);
    for (owner, asks) in [("host.plain.lab.", 6), ("host.plain.lab.", 1), ("mx.plain.lab.", 1)] {
        let validation = Validation::new(question(owner, RecordType::A), Arc::clone(&cache), NOW);
        let (end, asked) = run(validation, |q| Ok(WORLD.ask(q)));
        let verdict = end.unwrap();
        assert_eq!((verdict.status, asked.len()), (Status::Insecure, asks), "{asked:?}");
        let no_ds = ZoneStep::Insecure { name: name("plain.lab."), reason: Insecurity::NoDs };
        assert!(verdict.proof.zones.contains(&no_ds), "{}", verdict.proof);
    }
}

/// A message may hold more than the proof needs, all of it genuine: what is kept of each name is bounded all the same.
#[test]
fn what_was_proven_by_too_much_is_not_kept() {
    let ds = question("plain.lab.", RecordType::DS);
    let lab = WORLD.zone("lab.");
    let denials: Vec<Record> =
        lab.sets.keys().filter_map(|owner| lab.get(owner, RecordType::NSEC)).flatten().collect();
    for (padding, kept, why) in [
        (0, true, "the denial that counts"),
        (6, true, "and three more, with their signatures"),
        (30, false, "and fifteen"),
    ] {
        assert!(denials.len() >= padding, "the zone has so many");
        let cache = cache(&WORLD);
        let begin = || Validation::new(question("host.plain.lab.", RecordType::A), Arc::clone(&cache), NOW);
        let answer = |q: &Question| {
            let mut answer = WORLD.ask(q);
            if *q == ds {
                answer.authorities.extend(denials.iter().take(padding).cloned());
            }
            Ok(answer)
        };
        let (end, _) = run(begin(), answer);
        assert_eq!(end.unwrap().status, Status::Insecure, "{why}");
        let (end, asked) = run(begin(), answer);
        assert_eq!(end.unwrap().status, Status::Insecure, "{why}");
        assert_eq!(asked.contains(&ds), !kept, "{why}");
    }
}

#[test]
fn nothing_is_used_longer_than_it_holds() {
    let cache = cache(&WORLD);
    let begin = |now| Validation::new(question(HOST.0, HOST.1), Arc::clone(&cache), now);
    cost(begin(NOW), &WORLD);
    let (asked, ..) = cost(begin(NOW + TTL - 1), &WORLD);
    assert_eq!(asked.len(), 1, "the last second");
    let (end, _) = run(begin(NOW + TTL - 1), |q| Ok(WORLD.ask(q)));
    assert_eq!(end.unwrap().ttl, 1, "and the verdict holds no longer than the keys it rests on");
    let (asked, ..) = cost(begin(NOW + TTL), &WORLD);
    assert_eq!(asked.len(), 6, "over");
    let (asked, ..) = cost(begin(NOW - 1), &WORLD);
    assert_eq!(asked.len(), 6, "a clock that was set back");
}

/// `child.` below a root, signed by a key of its own.
fn rolled(key: u8) -> World {
    let child = Zone::signed("child.", key, Denial::Nsec, vec![a("child.", 1), a("host.child.", 2)]);
    let root = vec![ns("child."), Key::new(key).ds("child.", DigestType::SHA256)];
    World::new(vec![Zone::signed(".", 1, Denial::Nsec, root), child])
}

#[test]
fn a_roll_over_faster_than_the_ttl_needs_a_second_try() {
    let (before, after) = (rolled(20), rolled(21));
    let cache = cache(&before);
    let asked = || question("host.child.", RecordType::A);
    let first = Validation::new(asked(), Arc::clone(&cache), NOW);
    assert!(run(first, |q| Ok(before.ask(q))).0.is_ok());

    let mut stale = Validation::new(asked(), Arc::clone(&cache), NOW);
    let end = loop {
        match stale.step() {
            Step::Ask(questions) => questions.iter().for_each(|q| stale.answer(q, Ok(after.ask(q)))),
            Step::Done(end) => break end,
        }
    };
    let failure = end.unwrap_err();
    assert!(matches!(failure.reason, Reason::BadSignature(_)), "{failure}");
    assert!(stale.used_cache(), "so that a second try is worth while");
    assert!(failure.proof.to_string().contains("zone child secure"), "{}", failure.proof);

    let second = stale.afresh();
    let (end, questions) = run(second, |q| Ok(after.ask(q)));
    assert_eq!(end.unwrap().status, Status::Secure);
    for (owner, record_type) in
        [(".", RecordType::DNSKEY), ("child.", RecordType::DS), ("child.", RecordType::DNSKEY)]
    {
        assert!(questions.contains(&question(owner, record_type)), "nothing remembered was believed");
    }
    let third = Validation::new(asked(), Arc::clone(&cache), NOW);
    let (end, questions) = run(third, |q| Ok(after.ask(q)));
    assert!(end.is_ok());
    let keys = question("child.", RecordType::DNSKEY);
    assert!(!questions.contains(&keys), "what it proved has taken the place of the old");
}

/// With nothing ahead of need they ask for the A record twice, for the host's DS, the child's DS, and two DNSKEY RRsets.
#[test]
fn both_tries_come_out_of_one_budget() {
    let (before, after) = (rolled(20), rolled(21));
    for (questions, enough) in [(5, false), (6, true)] {
        let mut policy = LocalPolicy::new(TrustAnchors::clone(&before.anchors));
        policy.limits.questions = questions;
        let cache = Arc::new(KeyCache::new(policy, 100));
        let begin = || Validation::new(question("host.child.", RecordType::A), Arc::clone(&cache), NOW);
        assert!(run(begin(), |q| Ok(before.ask(q))).0.is_ok());
        let mut stale = begin();
        while let Step::Ask(asked) = stale.step() {
            stale.answer(&asked[0], Ok(after.ask(&asked[0])));
        }
        let (end, _) = one_by_one(stale.afresh(), |q| Ok(after.ask(q)));
        match enough {
            true => assert_eq!(end.unwrap().status, Status::Secure),
            false => assert_eq!(end.unwrap_err().reason, Reason::OverLimit(Limit::Questions)),
        }
    }
}

#[test]
fn a_failed_validation_leaves_nothing_unproven_behind() {
    let cache = cache(&WORLD);
    let forged = Validation::new(question(HOST.0, HOST.1), Arc::clone(&cache), NOW);
    let (end, _) = run(forged, |q| {
        let mut message = WORLD.ask(q);
        if q.record_type == RecordType::DNSKEY && q.name == name("nsec3.lab.") {
            message.answers = vec![Key::new(99).dnskey_record("nsec3.lab.")];
        }
        Ok(message)
    });
    assert!(end.is_err());
    let (asked, _, status) = cost(Validation::new(question(HOST.0, HOST.1), cache, NOW), &WORLD);
    assert_eq!(status, Status::Secure);
    let expected = [question(HOST.0, HOST.1), question("nsec3.lab.", RecordType::DS)];
    assert!(asked.starts_with(&expected) && asked.len() == 3, "the root and lab are known: {asked:?}");
}

#[test]
fn one_cache_serves_many_threads() {
    let cache = cache(&WORLD);
    thread::scope(|scope| {
        for owner in ["host.nsec.lab.", "host.nsec3.lab.", "host.lab.", "host.child.nsec3.lab."] {
            let cache = &cache;
            scope.spawn(move || {
                for _ in 0..20 {
                    let validation = Validation::new(question(owner, RecordType::A), Arc::clone(cache), NOW);
                    let (end, _) = run(validation, |q| Ok(WORLD.ask(q)));
                    assert_eq!(end.unwrap().status, Status::Secure);
                }
            });
        }
    });
    assert_eq!(cache.len(), 5, "., lab, nsec.lab, nsec3.lab and child.nsec3.lab");
}

#[test]
fn negative_trust_anchors() {
    let key = |apex: &str| WORLD.zone(apex).key.as_ref().unwrap().dnskey.to_string();
    for (negative, also, asked, expected, why) in [
        ("nsec3.lab.", "", "host.nsec3.lab.", Err(Insecurity::NegativeAnchor), "RFC 7646 §2: the zone"),
        ("nsec3.lab.", "", "host.child.nsec3.lab.", Err(Insecurity::NegativeAnchor), "and what is below it"),
        ("nsec3.lab.", "", "host.nsec.lab.", Ok(()), "not beside it"),
        ("nsec3.lab.", "", "host.lab.", Ok(()), "nor above"),
        (".", "", "host.lab.", Err(Insecurity::NegativeAnchor), "beside an anchor of the same zone"),
        ("lab.", "child.nsec3.lab.", "host.child.nsec3.lab.", Ok(()), "a nearer anchor counts"),
        ("lab.", "child.nsec3.lab.", "host.nsec3.lab.", Err(Insecurity::NegativeAnchor), "only below it"),
    ] {
        let mut anchors = TrustAnchors::clone(&WORLD.anchors);
        if !also.is_empty() {
            anchors.add(TrustAnchors::parse(&format!("{also} DNSKEY {}", key(also))).unwrap());
        }
        anchors.add_negative(name(negative));
        let cache = Arc::new(KeyCache::new(LocalPolicy::new(anchors), 100));
        let validation = Validation::new(question(asked, RecordType::A), cache, NOW);
        let (end, _) = run(validation, |q| Ok(WORLD.ask(q)));
        let verdict = end.unwrap();
        assert!(matches!(verdict.outcome, Outcome::Records(_)), "{why}");
        match expected {
            Ok(()) => assert_eq!(verdict.status, Status::Secure, "{why}"),
            Err(reason) => {
                assert_eq!(verdict.status, Status::Insecure, "{why}");
                let step = ZoneStep::Insecure { name: name(asked), reason };
                assert!(verdict.proof.zones.contains(&step), "{why}: {}", verdict.proof);
            }
        }
    }
    // DS belongs to the parent, which no negative anchor covers.
    let mut anchors = TrustAnchors::clone(&WORLD.anchors);
    anchors.add_negative(name("nsec3.lab."));
    let cache = Arc::new(KeyCache::new(LocalPolicy::new(anchors), 100));
    let validation = Validation::new(question("nsec3.lab.", RecordType::DS), cache, NOW);
    assert_eq!(run(validation, |q| Ok(WORLD.ask(q))).0.unwrap().status, Status::Secure);
}

/// RFC 9905 §2: implementations keep RSASHA1, operators turn it off; a zone that has nothing else is then insecure.
#[test]
fn rsa_sha1_can_be_turned_off() {
    let sha1 = |algorithm| {
        let ds = DS::new(1, algorithm, DigestType::SHA256, vec![0; 32]);
        Record::from_rdata(name("old."), TTL, RData::DNSSEC(DNSSECRData::DS(ds)))
    };
    for algorithm in [5, 7].map(Algorithm::from_u8) {
        let root = Zone::signed(".", 1, Denial::Nsec, vec![ns("old."), sha1(algorithm)]);
        let world = World::new(vec![root, Zone::unsigned("old.", vec![a("host.old.", 1)])]);
        for (rsa_sha1, expected) in [(true, None), (false, Some(Status::Insecure))] {
            let mut policy = LocalPolicy::new(TrustAnchors::clone(&world.anchors));
            policy.rsa_sha1 = rsa_sha1;
            let cache = Arc::new(KeyCache::new(policy, 100));
            let validation = Validation::new(question("host.old.", RecordType::A), cache, NOW);
            let (end, _) = run(validation, |q| Ok(world.ask(q)));
            match expected {
                None => assert_eq!(end.unwrap_err().reason, Reason::NoDnskey, "it must be signed"),
                Some(status) => assert_eq!(end.unwrap().status, status),
            }
        }
    }
}
