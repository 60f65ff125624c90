//! Rule 11: one budget for a whole question; what costs more is an error, never "insecure".

use std::time::Instant;

use dnssec::{FailureKind, FetchError, Limit, Limits, Outcome, Reason, Step, Validation};
use hickory_proto::{
    dnssec::rdata::{DNSSECRData, RRSIG},
    op::Message,
    rr::{Name, RData, Record, RecordType},
};

use crate::world::{
    Denial, Key, NOW, Signature, WORLD, World, Zone, a, cache, cname, drive, judge, name, question, record,
};

/// A signature that names a key of the zone, and does not verify.
fn garbage(genuine: &Record, n: usize) -> Record {
    let RData::DNSSEC(DNSSECRData::RRSIG(signature)) = &genuine.data else { panic!("no signature") };
    let mut bytes = signature.sig().to_vec();
    bytes[n % 64] ^= 1 + (n / 64) as u8;
    let data = RData::DNSSEC(DNSSECRData::RRSIG(RRSIG::from_sig(signature.input().clone(), bytes)));
    Record::from_rdata(genuine.name.clone(), genuine.ttl, data)
}

/// Puts `count` false signatures before the genuine one.
fn with_garbage(mut message: Message, count: usize) -> Message {
    let at = message.answers.iter().position(|record| record.record_type() == RecordType::RRSIG);
    if let Some(at) = at {
        let genuine = message.answers[at].clone();
        message.answers.splice(at..at, (0..count).map(|n| garbage(&genuine, n)));
    }
    message
}

fn over(result: Result<dnssec::Verdict, dnssec::Failure>, limit: Limit, why: &str) {
    let failure = result.map(|verdict| panic!("{why}: {verdict:?}")).unwrap_err();
    assert_eq!(failure.reason, Reason::OverLimit(limit), "{why}: {failure}");
    assert_eq!(failure.kind(), FailureKind::Budget, "{why}");
}

#[test]
fn rule_11_false_signatures_are_counted_over_all_answers() {
    let asked = question("host.nsec.lab.", RecordType::A);
    let flood = |at: RecordType, count| {
        judge(&WORLD, asked.clone(), move |q, m| if q.record_type == at { with_garbage(m, count) } else { m })
    };
    assert!(flood(RecordType::A, 4).is_ok(), "a few are no harm");
    over(flood(RecordType::A, 5), Limit::FailedSignatures, "too many at one RRset");
    let begin = Instant::now();
    over(flood(RecordType::DNSKEY, 550), Limit::FailedSignatures, "a flood on the keys");
    assert!(begin.elapsed().as_millis() < 500, "a flood costs next to nothing: {:?}", begin.elapsed());

    // One false signature in each of eight answers.
    let each = judge(&WORLD, asked, |_, message| with_garbage(message, 1));
    over(each, Limit::FailedSignatures, "spread over the answers");
}

/// Whoever claims to have signed a denial is looked for from the anchor on, and its signatures in the whole message.
#[test]
fn rule_11_zones_named_as_signers_are_few() {
    let missing = question(&format!("{}missing.nsec.lab.", "a.".repeat(20)), RecordType::A);
    let named = |count: usize| {
        judge(&WORLD, missing.clone(), |q, mut message| {
            if *q == missing {
                let is_signature = |record: &&Record| record.record_type() == RecordType::RRSIG;
                let genuine = message.authorities.iter().find(is_signature).unwrap().clone();
                let RData::DNSSEC(DNSSECRData::RRSIG(signature)) = &genuine.data else {
                    panic!("no signature")
                };
                message.authorities.extend((1..=count).map(|labels| {
                    let mut input = signature.input().clone();
                    input.signer_name = missing.name.trim_to(labels + 2);
                    let data =
                        RData::DNSSEC(DNSSECRData::RRSIG(RRSIG::from_sig(input, signature.sig().to_vec())));
                    Record::from_rdata(genuine.name.clone(), genuine.ttl, data)
                }));
            }
            message
        })
    };
    assert!(named(7).is_ok(), "the zone and seven below it");
    over(named(8), Limit::Signers, "and one more");
    over(named(18), Limit::Signers, "all the way down");
}

#[test]
fn rule_11_keys_with_one_tag_are_tried_a_few_times_only() {
    // Keys that share a tag: the tag is a checksum, and swapping aligned pairs of octets keeps it.
    let root = WORLD.zone(".");
    let genuine = root.get(&name("."), RecordType::DNSKEY).unwrap();
    let own = &root.key.as_ref().unwrap().dnskey;
    let twins = (0..15).map(|n| {
        use hickory_proto::dnssec::{PublicKey, PublicKeyBuf, rdata::DNSKEY};
        let mut bytes = own.public_key().public_bytes().to_vec();
        let (left, right) = (2 * n, 2 * n + 2);
        bytes.swap(left, right);
        bytes.swap(left + 1, right + 1);
        let key = DNSKEY::with_flags(own.flags(), PublicKeyBuf::new(bytes, own.public_key().algorithm()));
        assert_eq!(key.calculate_key_tag().unwrap(), root.key.as_ref().unwrap().tag);
        record(".", RData::DNSSEC(DNSSECRData::DNSKEY(key)))
    });
    // Seven octets more than the seed differ: nothing here is equal to the genuine key.
    let mut set: Vec<Record> = twins.filter(|twin| twin.data != genuine[0].data).collect();
    set.push(genuine[0].clone());
    let signed = Signature::by(root.key.as_ref().unwrap(), ".").over(&set);
    set.push(signed);
    let result = judge(&WORLD, question("lab.", RecordType::DS), |q, mut message| {
        if q.record_type == RecordType::DNSKEY {
            message.answers.clone_from(&set);
        }
        message
    });
    over(result, Limit::FailedSignatures, "colliding key tags (CVE-2023-50387)");
}

#[test]
fn rule_11_sets_of_keys_and_denials_are_bounded() {
    let root = WORLD.zone(".");
    let asked = question("host.nsec.lab.", RecordType::A);
    let keys: Vec<Record> = (1..=17).map(|seed| Key::new(seed).dnskey_record(".")).collect();
    let signed = [keys.clone(), vec![Signature::by(root.key.as_ref().unwrap(), ".").over(&keys)]].concat();
    let result = judge(&WORLD, asked.clone(), |q, mut message| {
        if *q == question(".", RecordType::DNSKEY) {
            message.answers.clone_from(&signed);
        }
        message
    });
    over(result, Limit::Keys, "seventeen keys");

    let result = judge(&WORLD, asked.clone(), |q, mut message| {
        if *q == question("lab.", RecordType::DS) {
            message.answers = (1..=17)
                .map(|seed| Key::new(seed).ds("lab.", hickory_proto::dnssec::DigestType::SHA256))
                .collect();
        }
        message
    });
    over(result, Limit::Keys, "seventeen DS");

    let all: Vec<Record> = WORLD
        .zone("nsec.lab.")
        .sets
        .keys()
        .flat_map(|owner| WORLD.zone("nsec.lab.").denial_of(owner))
        .collect();
    let missing = question("missing.nsec.lab.", RecordType::A);
    let result = judge(&WORLD, missing.clone(), |q, mut message| {
        if *q == missing {
            message.authorities = [all.clone(), all.clone()].concat();
        }
        message
    });
    over(result, Limit::DenialsPerMessage, "every NSEC of the zone, twice");

    // Unsigned ones count as well: what each costs is the search for its signature.
    let forged: Vec<Record> = (0..900)
        .map(|n| Record::from_rdata(name(&format!("n{n}.nsec.lab.")), 1, all[0].data.clone()))
        .collect();
    let begin = Instant::now();
    let result = judge(&WORLD, missing.clone(), |q, mut message| {
        if *q == missing {
            message.authorities.extend(forged.iter().cloned());
        }
        message
    });
    over(result, Limit::DenialsPerMessage, "hundreds of forged NSEC");
    assert!(begin.elapsed().as_millis() < 1000, "{:?}", begin.elapsed());

    let limits = Limits::default();
    let result = judge(&WORLD, asked.clone(), |q, mut message| {
        if *q == asked {
            message.additionals.clear();
            message.answers = (0..=limits.records).map(|n| a("x.", n as u8)).collect();
        }
        message
    });
    over(result, Limit::Records, "a message full of records");
}

#[test]
fn rule_11_good_signatures_and_those_of_one_rrset_are_counted_too() {
    let asked = question("host.nsec.lab.", RecordType::A);
    let mut limits = Limits::default();
    limits.signatures = 3;
    let (end, _) = drive(asked.clone(), &WORLD.anchors, NOW, limits, |q| Ok(WORLD.ask(q)));
    over(end, Limit::Signatures, "a chain of three zones needs six");
    limits = Limits::default();
    limits.failed_signatures = 100;
    let (end, _) = drive(asked, &WORLD.anchors, NOW, limits, |q| Ok(with_garbage(WORLD.ask(q), 6)));
    over(end, Limit::SignaturesPerRrset, "the genuine one is the seventh");
}

#[test]
fn rule_11_records_are_counted_over_all_answers() {
    let asked = question("host.nsec.lab.", RecordType::A);
    let padded = |count: usize| {
        let mut limits = Limits::default();
        limits.records = 60;
        drive(asked.clone(), &WORLD.anchors, NOW, limits, |q| {
            let mut message = WORLD.ask(q);
            message.authorities.extend((0..count).map(|n| a("x.", n as u8)));
            Ok(message)
        })
        .0
    };
    assert!(padded(4).is_ok(), "six answers of two to four records, and four more in each");
    over(padded(20), Limit::Records, "fewer in each than the limit, more in all");
}

#[test]
fn rule_11_a_failed_walk_is_not_paid_for_twice() {
    // The answer is not signed, so that the zones are walked through; a DS on the way has a false signature and no other.
    let asked = question("host.nsec.lab.", RecordType::A);
    let ds = question("nsec.lab.", RecordType::DS);
    let mut limits = Limits::default();
    limits.failed_signatures = 1;
    let (end, _) = drive(asked.clone(), &WORLD.anchors, NOW, limits, |q| {
        let mut message = WORLD.ask(q);
        if *q == asked {
            message.answers.truncate(1);
        } else if *q == ds {
            let genuine = message.answers.pop().unwrap();
            message.answers.push(garbage(&genuine, 0));
        }
        Ok(message)
    });
    let failure = end.unwrap_err();
    assert!(matches!(failure.reason, Reason::BadSignature(_)), "{failure}");
}

#[test]
fn rule_11_nsec3_hashes_are_counted() {
    // Seventy labels that do not exist: each would be hashed to find the closest encloser (CVE-2023-50868).
    let deep = format!("{}nsec3.lab.", "x.".repeat(70));
    let result = judge(&WORLD, question(&deep, RecordType::A), |_, message| message);
    over(result, Limit::Nsec3Hashes, "a deep name");
    let mut limits = Limits::default();
    limits.nsec3_hashes = 200;
    let (end, _) = drive(question(&deep, RecordType::A), &WORLD.anchors, NOW, limits, |q| Ok(WORLD.ask(q)));
    assert_eq!(end.unwrap().outcome, Outcome::NxDomain, "with more hashes it is an answer");
}

#[test]
fn rule_11_questions_are_counted() {
    // Names of empty non-terminals all the way down, each with a DS question of its own.
    let deep = name(&format!("{}lab.", "a.".repeat(60)));
    let lab =
        Zone::signed("lab.", 2, Denial::Nsec, vec![Record::from_rdata(deep.clone(), 60, a("x.", 1).data)]);
    let root = vec![lab.key.as_ref().unwrap().ds("lab.", hickory_proto::dnssec::DigestType::SHA256)];
    let world = World::new(vec![Zone::signed(".", 1, Denial::Nsec, root), lab]);
    let mut limits = Limits::default();
    // Without its signature nothing says where the walk may end.
    let fetch = |q: &dnssec::Question| {
        let mut message = world.ask(q);
        if q.name == deep && q.record_type == RecordType::A {
            message.answers.truncate(1);
        }
        Ok::<_, FetchError>(message)
    };
    let asked = dnssec::Question::new(deep.clone(), RecordType::A);
    let (end, questions) = drive(asked.clone(), &world.anchors, NOW, limits, fetch);
    assert_eq!(end.unwrap_err().reason, Reason::Unsigned);
    assert!(questions.len() > 60, "one DS question a label");
    limits.questions = 20;
    let (end, questions) = drive(asked, &world.anchors, NOW, limits, fetch);
    over(end, Limit::Questions, "fewer than labels");
    assert!(questions.len() <= 30, "those that are needed, and half as many ahead: {}", questions.len());
}

#[test]
fn d72_14_15_aliases_are_followed_to_a_limit() {
    let chain = |length: usize| {
        let mut records: Vec<Record> =
            (0..length).map(|n| cname(&format!("n{n}.lab."), &format!("n{}.lab.", n + 1))).collect();
        records.push(a(&format!("n{length}.lab."), 1));
        let root = vec![crate::world::ns("lab.")];
        World::new(vec![Zone::signed(".", 1, Denial::Nsec, root), Zone::unsigned("lab.", records)])
    };
    let at_limit = chain(11);
    let verdict = judge(&at_limit, question("n0.lab.", RecordType::A), |_, message| message).unwrap();
    assert_eq!((verdict.chain.len(), verdict.name), (11, name("n11.lab.")));
    let beyond = judge(&chain(12), question("n0.lab.", RecordType::A), |_, message| message);
    over(beyond, Limit::Aliases, "twelve aliases");
    let endless = judge(&WORLD, question("loop.nsec.lab.", RecordType::A), |_, message| message);
    over(endless, Limit::Aliases, "an alias to itself");
}

#[test]
fn d72_14_a_target_that_is_not_in_the_message_is_asked() {
    let (end, questions) =
        drive(question("alias.nsec.lab.", RecordType::A), &WORLD.anchors, NOW, Limits::default(), |q| {
            let mut message = WORLD.ask(q);
            message.answers.retain(|record| record.name == q.name);
            Ok(message)
        });
    assert!(matches!(end.unwrap().outcome, Outcome::Records(_)));
    assert!(questions.contains(&question("host.nsec.lab.", RecordType::A)));
    assert_eq!(questions[0].name, Name::from_ascii("alias.nsec.lab.").unwrap(), "the question comes first");
}

/// The denials of an answer that they do not account for: the name itself has still to be walked to, and then they are not
/// looked through again.
#[test]
fn denials_that_prove_nothing_are_verified_once() {
    let lab = WORLD.zone("lab.");
    let asked = question("host.lab.", RecordType::TLSA);
    let others = lab.sets.keys().filter(|owner| **owner != asked.name);
    let sets: Vec<Vec<Record>> =
        others.filter_map(|owner| lab.get(owner, RecordType::NSEC)).take(10).collect();
    assert_eq!(sets.len(), 10);
    let mut validation = Validation::new(asked.clone(), cache(&WORLD), NOW);
    let end = loop {
        match validation.step() {
            Step::Ask(questions) => questions.iter().for_each(|q| {
                let mut answer = WORLD.ask(q);
                if *q == asked {
                    answer.authorities = sets.concat();
                }
                validation.answer(q, Ok(answer));
            }),
            Step::Done(end) => break end,
        }
    };
    assert_eq!(end.unwrap_err().reason, Reason::NotDenied);
    // Two DNSKEY RRsets and a DS RRset on the way to the zone, the denials, and that of a DS at the name.
    assert_eq!(validation.signatures(), 3 + 10 + 1);
}
