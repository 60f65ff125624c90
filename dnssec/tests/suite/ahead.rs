//! What is asked ahead of need saves round trips, and changes no verdict.

use std::sync::Arc;

use dnssec::{
    Failure, FetchError, KeyCache, Limits, LocalPolicy, Question, Status, Step, TrustAnchors, Validation,
    Verdict,
};
use hickory_proto::{
    op::Message,
    rr::{Name, RecordType},
};

use crate::{
    battlefield::BATTLEFIELD,
    world::{NOW, WORLD, World, a, cache, name, one_by_one, question, run},
};

/// The questions of each round, the answers of which all come before the next.
fn rounds(mut validation: Validation, world: &World) -> (Vec<Vec<Question>>, Result<Verdict, Failure>) {
    let mut rounds = Vec::new();
    loop {
        match validation.step() {
            Step::Done(end) => return (rounds, *end),
            Step::Ask(questions) => {
                questions.iter().for_each(|question| validation.answer(question, Ok(world.ask(question))));
                rounds.push(questions);
            }
        }
    }
}

#[test]
fn few_rounds() {
    use RecordType::{A, CNAME, DNSKEY, DS, MX, TLSA};
    for (known, asked, expected, why) in [
        (vec![], ("host.nsec.lab.", A), 1, "two labels above it are zones as a rule"),
        (vec![], ("nsec.lab.", MX), 1, "a denial at an apex"),
        (vec![], ("host.plain.lab.", A), 1, "an unsigned zone"),
        (vec![], ("host.child.nsec3.lab.", A), 2, "a zone further below, by the name of who signed"),
        (vec![], ("unsigned.optout.lab.", MX), 2, "nothing tells of an unsigned zone further below"),
        (vec![], ("alias.nsec.lab.", A), 2, "an alias, then its target"),
        (vec![], ("leave.nsec.lab.", A), 2, "an alias into an unsigned zone that is not known"),
        (vec![], ("nsec.lab.", DNSKEY), 1, "the keys themselves"),
        (vec![], ("nsec.lab.", DS), 1, "the parent's records"),
        (vec![], ("host.nsec.lab.", CNAME), 1, "a denial"),
        (vec![("host.lab.", A)], ("host.nsec.lab.", A), 1, "only the zone is not known"),
        (vec![("host.lab.", A)], ("host.plain.lab.", A), 1, "only the unsigned zone is not known"),
        (vec![("host.nsec.lab.", A)], ("_25._tcp.host.nsec.lab.", TLSA), 1, "everything is known"),
    ] {
        let cache = cache(&WORLD);
        for (owner, record_type) in known {
            run(Validation::new(question(owner, record_type), Arc::clone(&cache), NOW), |q| Ok(WORLD.ask(q)))
                .0
                .unwrap();
        }
        let asked = question(asked.0, asked.1);
        let (rounds, end) = rounds(Validation::new(asked.clone(), cache, NOW), &WORLD);
        assert!(end.is_ok(), "{asked}: {why}");
        assert_eq!(rounds.len(), expected, "{asked}: {why}: {rounds:?}");
        assert_eq!(rounds[0][0], asked, "the question comes first");
    }
}

#[test]
fn where_the_zone_is_known_nothing_is_asked_ahead() {
    let cache = cache(&WORLD);
    let begin = |asked: &Question| Validation::new(asked.clone(), Arc::clone(&cache), NOW);
    for owner in ["host.nsec.lab.", "host.plain.lab.", "host.child.nsec3.lab."] {
        let asked = question(owner, RecordType::A);
        rounds(begin(&asked), &WORLD).1.unwrap();
        assert_eq!(rounds(begin(&asked), &WORLD).0, [[asked]]);
    }
}

/// Below an unsigned delegation nothing is asked: neither ahead, where it is known, nor after it has turned up.
#[test]
fn no_flood_of_questions_for_unsigned_zones() {
    let asked = question("a.b.c.missing.plain.lab.", RecordType::A);
    let (rounds, end) = rounds(Validation::new(asked, cache(&WORLD), NOW), &WORLD);
    assert_eq!(end.unwrap().status, Status::Insecure);
    let below = |name: &Name| name.iter().count() > 2;
    let further: Vec<_> = rounds.concat().into_iter().skip(1).filter(|q| below(&q.name)).collect();
    assert!(further.is_empty(), "{further:?}");
}

fn same(one: &Result<Verdict, Failure>, other: &Result<Verdict, Failure>, why: &str) {
    assert_eq!(format!("{one:?}"), format!("{other:?}"), "{why}");
}

/// All kinds of what there is in two worlds, one question after the other and all at once, with nothing known and with what
/// the questions before have left.
#[test]
fn no_verdict_depends_on_what_is_asked_ahead() {
    for world in [&*WORLD, &*BATTLEFIELD] {
        let kept = [cache(world), cache(world)];
        let mut fewer = 0;
        // The step shares no factor with the number of questions about one name.
        for asked in questions(world).into_iter().step_by(13) {
            for [slow, fast] in [kept.clone(), [cache(world), cache(world)]] {
                let (slow, needed) =
                    one_by_one(Validation::new(asked.clone(), slow, NOW), |q| Ok(world.ask(q)));
                let (rounds, fast) = rounds(Validation::new(asked.clone(), fast, NOW), world);
                same(&slow, &fast, &asked.to_string());
                assert!(rounds.len() <= needed.len(), "{asked}");
                fewer += needed.len() - rounds.len();
            }
        }
        assert!(fewer > 100, "only {fewer} rounds are saved");
    }
}

fn questions(world: &World) -> Vec<Question> {
    let mut questions = Vec::new();
    for zone in &world.zones {
        for owner in zone.sets.keys() {
            for below in [".", "x", "_25._tcp"] {
                let owner = name(below).append_domain(owner).unwrap();
                let types = [RecordType::A, RecordType::TLSA, RecordType::DS, RecordType::CNAME];
                questions.extend(types.map(|record_type| Question::new(owner.clone(), record_type)));
            }
        }
    }
    questions
}

/// What is wrong with an answer that was asked for ahead of need counts only where it is needed.
#[test]
fn errors_ahead_of_need_do_not_count() {
    let asked = question("host.plain.lab.", RecordType::A);
    let not_needed = question("plain.lab.", RecordType::DNSKEY);
    let honest = |q: &Question| Ok(WORLD.ask(q));
    let (expected, needed) = one_by_one(Validation::new(asked.clone(), cache(&WORLD), NOW), honest);
    assert!(!needed.contains(&not_needed));
    let allowed = usize::from(Limits::default().records);
    let padded = |count: usize| {
        let mut message = WORLD.ask(&not_needed);
        message.answers.extend((0..count).map(|n| a("x.", n as u8)));
        message
    };
    for (broken, why) in [
        (Err(FetchError::Timeout), "no answer"),
        (Err(FetchError::Malformed), "nonsense"),
        (Ok(padded(allowed - 2)), "as much as is allowed for all"),
        (Ok(padded(allowed + 1)), "more than is allowed for all"),
    ] {
        let mut seen = false;
        let (end, _) = run(Validation::new(asked.clone(), cache(&WORLD), NOW), |q| {
            let this = *q == not_needed;
            seen |= this;
            if this { broken.clone() } else { honest(q) }
        });
        assert!(seen, "it was asked ahead");
        same(&end, &expected, why);
    }
    // One that never comes is not waited for.
    let mut validation = Validation::new(asked, cache(&WORLD), NOW);
    let end = loop {
        match validation.step() {
            Step::Done(end) => break *end,
            Step::Ask(questions) => {
                assert_ne!(questions[0], not_needed, "what is needed comes first");
                questions.iter().filter(|q| **q != not_needed).for_each(|q| validation.answer(q, honest(q)));
            }
        }
    };
    same(&end, &expected, "silence");
}

/// An answer that was too large to be kept ahead of need is had when it is needed.
#[test]
fn a_large_answer_ahead_of_need_is_asked_for_again() {
    let asked = question("host.nsec.lab.", RecordType::A);
    let large = question("nsec.lab.", RecordType::DNSKEY);
    let mut policy = LocalPolicy::new(TrustAnchors::clone(&WORLD.anchors));
    policy.limits.records = 100;
    let mut times = 0;
    let (end, _) = run(Validation::new(asked, Arc::new(KeyCache::new(policy, 0)), NOW), |q| {
        let mut message: Message = WORLD.ask(q);
        if *q == large {
            times += 1;
            message.authorities.extend((0..60).map(|n| a("x.", n)));
        }
        Ok(message)
    });
    assert_eq!(end.unwrap().status, Status::Secure);
    assert_eq!(times, 2);
}

/// Nor is it asked for again before: an answer that was too large a moment ago is no smaller now.
#[test]
fn a_large_answer_ahead_of_need_is_not_asked_for_ahead_again() {
    let asked = question("host.nsec.lab.", RecordType::A);
    let large = question("nsec.lab.", RecordType::DNSKEY);
    let mut policy = LocalPolicy::new(TrustAnchors::clone(&WORLD.anchors));
    policy.limits.records = 100;
    let mut validation = Validation::new(asked.clone(), Arc::new(KeyCache::new(policy, 0)), NOW);
    let mut times = 0;
    // The answer to the question itself is late.
    loop {
        let Step::Ask(questions) = validation.step() else { panic!("nothing has come yet") };
        assert_eq!(questions[0], asked);
        if !questions.contains(&large) || times > 9 {
            break;
        }
        times += 1;
        let mut message: Message = WORLD.ask(&large);
        message.authorities.extend((0..60).map(|n| a("x.", n)));
        validation.answer(&large, Ok(message));
    }
    assert_eq!(times, 1);
}

/// The budget for questions ahead of need is its own: without it everything goes on, one question at a time.
#[test]
fn without_room_ahead_it_takes_longer() {
    for limit in [5, 7, 10, Limits::default().questions] {
        let mut policy = LocalPolicy::new(TrustAnchors::clone(&WORLD.anchors));
        policy.limits.questions = limit;
        let cache = Arc::new(KeyCache::new(policy, 0));
        let asked = question("alias.nsec.lab.", RecordType::A);
        let (rounds, end) = rounds(Validation::new(asked, cache, NOW), &WORLD);
        assert_eq!(end.unwrap().status, Status::Secure, "{limit}");
        let ahead: usize = rounds.iter().map(|round| round.len() - 1).sum();
        assert!(ahead <= usize::from(limit / 2), "{limit}: {ahead}");
    }
}

#[test]
fn what_signed_zone_a_name_lies_in_is_known_as_far_as_validations_came() {
    use RecordType::{A, DS, TLSA};
    for (known, asked, expected, why) in [
        (vec![], "host.nsec.lab.", None, "nothing is known"),
        (vec![("host.nsec.lab.", A)], "HOST.nsec.lab.", Some("nsec.lab."), "its zone is signed"),
        (vec![("host.nsec.lab.", A)], "nsec.lab.", Some("nsec.lab."), "so it is at the apex"),
        (vec![("host.nsec.lab.", A)], "x.mx.nsec.lab.", Some("nsec.lab."), "a cut between them is not known"),
        (vec![("host.nsec.lab.", A)], "host.nsec3.lab.", Some("lab."), "a zone that nobody came by"),
        (vec![("host.child.nsec3.lab.", A)], "mx.child.nsec3.lab.", Some("child.nsec3.lab."), "the deepest"),
        (vec![("host.plain.lab.", A)], "host.plain.lab.", None, "an unsigned zone"),
        (vec![("host.plain.lab.", A)], "plain.lab.", None, "and its apex"),
        (vec![("mx.unsigned.optout.lab.", A)], "mx.unsigned.optout.lab.", None, "opted out"),
        (vec![("mx.unsigned.optout.lab.", A)], "mx.optout.lab.", Some("optout.lab."), "beside that"),
        (vec![("nsec.lab.", DS)], "host.nsec.lab.", Some("lab."), "a delegation alone is no zone with keys"),
        (
            vec![("_25._tcp.alias.nsec.lab.", TLSA)],
            "host.nsec.lab.",
            Some("nsec.lab."),
            "a denial has a zone, too",
        ),
    ] {
        let cache = cache(&WORLD);
        for (owner, record_type) in known {
            run(Validation::new(question(owner, record_type), Arc::clone(&cache), NOW), |q| Ok(WORLD.ask(q)))
                .0
                .unwrap();
        }
        assert_eq!(cache.signed_zone_of(&name(asked), NOW), expected.map(name), "{asked}: {why}");
        assert_eq!(cache.signed_zone_of(&name(asked), NOW - 1), None, "{asked}: before it was proven");
        let later = NOW + crate::world::TTL;
        assert_eq!(cache.signed_zone_of(&name(asked), later), None, "{asked}: when it has expired");
    }
    let mut anchors = TrustAnchors::clone(&WORLD.anchors);
    anchors.add_negative(name("nsec.lab."));
    let cache = Arc::new(KeyCache::new(LocalPolicy::new(anchors), 100));
    let verdict =
        |owner| run(Validation::new(question(owner, A), Arc::clone(&cache), NOW), |q| Ok(WORLD.ask(q))).0;
    assert_eq!(verdict("host.nsec3.lab.").unwrap().status, Status::Secure);
    assert_eq!(verdict("host.nsec.lab.").unwrap().status, Status::Insecure);
    assert_eq!(cache.signed_zone_of(&name("host.nsec3.lab."), NOW), Some(name("nsec3.lab.")));
    assert_eq!(cache.signed_zone_of(&name("host.nsec.lab."), NOW), None, "under a negative trust anchor");
}
