//! The rules that keep an attacker from bending a verdict, one by one: each test fails once its rule is taken out.

use dnssec::{Failure, FailureKind, FetchError, Limits, Outcome, Question, Reason, SignatureFault, Status};
use hickory_proto::{
    dnssec::rdata::RRSIG,
    op::{Message, MessageType, OpCode, ResponseCode},
    rr::{Name, Record, RecordData, RecordType},
};

use crate::world::{
    Key, NOW, Signature, TTL, WORLD, a, cname, dname, drive, honest, judge, name, question, txt,
};

/// A message made by hand.
fn message(answers: Vec<Record>, authorities: Vec<Record>) -> Message {
    let mut message = Message::new(0, MessageType::Response, OpCode::Query);
    message.answers = answers;
    message.authorities = authorities;
    message
}

fn is_signature_of_soa(record: &Record) -> bool {
    RRSIG::try_borrow(&record.data).is_some_and(|signature| signature.input().type_covered == RecordType::SOA)
}

fn nxdomain(mut message: Message) -> Message {
    message.metadata.response_code = ResponseCode::NXDomain;
    message
}

/// Judges with one answer replaced.
fn with(asked: &Question, replaced: &Question, by: &Message) -> Result<dnssec::Verdict, Failure> {
    judge(&WORLD, asked.clone(), |q, honest| if q == replaced { by.clone() } else { honest })
}

/// Asserts that a replaced answer to the question itself is bogus.
fn bogus(asked: &Question, by: &Message, why: &str) -> Failure {
    match with(asked, asked, by) {
        Err(failure) => {
            assert_eq!(failure.kind(), FailureKind::Bogus, "{why}: {asked}: {failure}");
            failure
        }
        Ok(verdict) => panic!("{why}: {asked}: {verdict:?}"),
    }
}

fn set(zone: &str, owner: &str, record_type: RecordType) -> Vec<Record> {
    WORLD.zone(zone).get(&name(owner), record_type).unwrap()
}

/// A signed set as it looks once a server has expanded it to another name.
fn renamed(set: Vec<Record>, owner: &str) -> Vec<Record> {
    set.into_iter().map(|record| Record::from_rdata(name(owner), record.ttl, record.data)).collect()
}

fn denials(zone: &str, names: &[&str]) -> Vec<Record> {
    let sets = names.iter().flat_map(|about| WORLD.zone(zone).denial_of(&name(about)));
    let mut records = set(zone, zone, RecordType::SOA);
    for record in sets {
        if !records.contains(&record) {
            records.push(record);
        }
    }
    records
}

#[test]
fn rule_01_a_status_belongs_to_one_rrset_at_one_name() {
    // Unsigned data stays unsigned beside any number of signed records of its zone.
    let asked = question("host.nsec.lab.", RecordType::A);
    let mut answers = vec![a("host.nsec.lab.", 99)];
    answers.extend(set("nsec.lab.", "mx.nsec.lab.", RecordType::A));
    answers.extend(set("nsec.lab.", "host.nsec.lab.", RecordType::TXT));
    let failure = bogus(&asked, &message(answers, vec![]), "unsigned beside signed");
    assert_eq!(failure.reason, Reason::Unsigned);

    // A forged record beside the genuine ones spoils the RRset.
    let mut answers = set("nsec.lab.", "host.nsec.lab.", RecordType::A);
    answers.push(a("host.nsec.lab.", 99));
    bogus(&asked, &message(answers, vec![]), "one record more than was signed");

    // An insecure alias in front of a secure address does not become secure by it.
    let verdict = honest(&WORLD, question("into.plain.lab.", RecordType::A)).unwrap();
    assert_eq!(verdict.status, Status::Insecure);
    assert_eq!(verdict.chain[0].status, Status::Insecure);
    // Nor is the alias's own status lost where the target is the insecure part.
    let verdict = honest(&WORLD, question("leave.nsec.lab.", RecordType::A)).unwrap();
    assert_eq!((verdict.status, verdict.chain[0].status), (Status::Insecure, Status::Secure));
}

#[test]
fn rule_02_the_zone_is_found_from_the_anchor_never_from_the_signer() {
    let asked = question("host.nsec.lab.", RecordType::A);
    let forged = vec![a("host.nsec.lab.", 99)];
    let signed = |signature: Signature<'_>| {
        let mut answers = forged.clone();
        answers.push(signature.over(&forged));
        message(answers, vec![])
    };

    // A zone beside it, whose key is trusted for its own names.
    let sibling = WORLD.zone("nsec3.lab.").key.as_ref().unwrap();
    bogus(&asked, &signed(Signature::by(sibling, "nsec3.lab.")), "signed by a sibling");
    bogus(&asked, &signed(Signature::by(sibling, "nsec.lab.")), "signed by a sibling in the zone's name");

    // A name that is no zone, with keys to match its signature.
    let own = Key::new(200);
    for signer in ["host.nsec.lab.", "nsec.lab.", "lab.", "."] {
        let by = signed(Signature::by(&own, signer));
        let mut keys = vec![own.dnskey_record(signer)];
        keys.push(Signature::by(&own, signer).over(&keys));
        let keys = message(keys, vec![]);
        let result = judge(&WORLD, asked.clone(), |q, honest| match q {
            q if *q == question(signer, RecordType::DNSKEY) => keys.clone(),
            q if *q == asked => by.clone(),
            _ => honest,
        });
        let failure = result.map(|verdict| panic!("signed by {signer}: {verdict:?}")).unwrap_err();
        assert_eq!(failure.kind(), FailureKind::Bogus, "signed by {signer}: {failure}");
    }

    // The zone's own key, under a signer name that is no zone.
    let key = WORLD.zone("nsec.lab.").key.as_ref().unwrap();
    bogus(&asked, &signed(Signature::by(key, "host.nsec.lab.")), "a signer that is no zone");
}

#[test]
fn rule_03_insecure_is_proven_from_above() {
    let asked = question("host.nsec.lab.", RecordType::A);
    // Unsigned records and an unsigned delegation in the message prove nothing.
    let forged = message(vec![a("host.nsec.lab.", 99)], vec![crate::world::ns("nsec.lab.")]);
    assert_eq!(bogus(&asked, &forged, "stripped").reason, Reason::Unsigned);
    let nothing = message(vec![], vec![]);
    assert_eq!(bogus(&asked, &nothing, "an empty answer").reason, Reason::NotDenied);

    // Nor does an unproven absence of DS, whatever else stands there instead.
    let ds = question("nsec.lab.", RecordType::DS);
    let foreign = denials("optout.lab.", &["missing.optout.lab.", "optout.lab."]);
    for (denial, why) in [
        (message(vec![], vec![]), "nothing at all"),
        (message(vec![], denials("lab.", &["host.lab."])), "another name's denial"),
        (message(vec![], denials("lab.", &["plain.lab."])), "another delegation's denial"),
        (message(vec![], denials("nsec.lab.", &["nsec.lab."])), "the child's own denial"),
        (message(vec![], foreign), "another zone's opt-out span"),
        (message(vec![], denials("lab.", &["nsec.lab."])), "the denial that says there is a DS"),
    ] {
        let result = judge(&WORLD, asked.clone(), |q, honest| match q {
            q if *q == asked => message(vec![a("host.nsec.lab.", 99)], vec![]),
            q if *q == ds => denial.clone(),
            _ => honest,
        });
        let failure = result.map(|verdict| panic!("{why}: {verdict:?}")).unwrap_err();
        assert_eq!(failure.kind(), FailureKind::Bogus, "{why}: {failure}");
    }
}

#[test]
fn rule_04_denials_count_under_their_signed_name_and_zone_only() {
    let asked = question("exact.wild.nsec.lab.", RecordType::A);
    let soa = set("nsec.lab.", "nsec.lab.", RecordType::SOA);
    // The wildcard's own NSEC, expanded onto a name that has more types than the wildcard.
    let star = set("nsec.lab.", "*.wild.nsec.lab.", RecordType::NSEC);
    let expanded = [soa.clone(), renamed(star, "exact.wild.nsec.lab.")].concat();
    bogus(&asked, &message(vec![], expanded), "an expanded NSEC");

    // The same records without signatures, and with that of another record.
    let missing = question("host.nsec.lab.", RecordType::TLSA);
    let genuine = denials("nsec.lab.", &["host.nsec.lab."]);
    assert_eq!(with(&missing, &missing, &message(vec![], genuine.clone())).unwrap().outcome, Outcome::NoData);
    let mut stripped = genuine.clone();
    stripped.retain(|record| record.record_type() == RecordType::SOA || is_signature_of_soa(record));
    stripped.extend(genuine.iter().filter(|record| record.record_type() == RecordType::NSEC).cloned());
    bogus(&missing, &message(vec![], stripped), "only the SOA is signed");
    let mut moved = renamed(set("nsec.lab.", "mx.nsec.lab.", RecordType::NSEC), "host.nsec.lab.");
    moved.extend(soa);
    bogus(&missing, &message(vec![], moved), "another name's NSEC under this name");

    // NSEC3 records of another zone.
    let asked = question("host.child.nsec3.lab.", RecordType::A);
    let foreign = denials("nsec3.lab.", &["missing.nsec3.lab.", "nsec3.lab.", "*.nsec3.lab."]);
    bogus(&asked, &nxdomain(message(vec![], foreign)), "another zone's NSEC3");
}

#[test]
fn rule_05_an_expansion_needs_the_proof_that_nothing_is_closer() {
    for (zone, why) in [("nsec.lab.", "NSEC"), ("nsec3.lab.", "NSEC3")] {
        let star = set(zone, &format!("*.wild.{zone}"), RecordType::TXT);
        let asked = question(&format!("x.wild.{zone}"), RecordType::TXT);
        let expanded = renamed(star.clone(), &format!("x.wild.{zone}"));
        let failure = bogus(&asked, &message(expanded, vec![]), why);
        assert_eq!(failure.reason, Reason::WildcardNotProven, "{why}");

        // Onto a name that exists, and below one, with every denial around.
        for onto in ["exact.wild", "below.exact.wild", "host"] {
            let owner = format!("{onto}.{zone}");
            let asked = question(&owner, RecordType::TXT);
            let around = [owner.as_str(), &format!("exact.wild.{zone}"), &format!("*.wild.{zone}"), zone];
            let by = message(renamed(star.clone(), &owner), denials(zone, &around));
            bogus(&asked, &by, why);
        }
    }
}

#[test]
fn rule_06_the_parents_side_of_a_cut_denies_nothing_but_ds() {
    // NSEC: the delegation's own record says NS without SOA.
    let cut = denials("lab.", &["nsec.lab.", "*.lab.", "*.nsec.lab."]);
    for (owner, record_type) in [
        ("nsec.lab.", RecordType::A),
        ("host.nsec.lab.", RecordType::A),
        ("_25._tcp.host.nsec.lab.", RecordType::TLSA),
    ] {
        let asked = question(owner, record_type);
        bogus(&asked, &message(vec![], cut.clone()), "the parent's NSEC as NODATA");
        bogus(&asked, &nxdomain(message(vec![], cut.clone())), "the parent's NSEC as NXDOMAIN");
    }
    // NSEC3: the delegation as closest encloser, the next closer name covered.
    let cut = ["child.nsec3.lab.", "host.child.nsec3.lab.", "*.child.nsec3.lab."];
    let by = nxdomain(message(vec![], denials("nsec3.lab.", &cut)));
    bogus(&question("host.child.nsec3.lab.", RecordType::A), &by, "the parent's NSEC3 as NXDOMAIN");
    bogus(&question("child.nsec3.lab.", RecordType::A), &by, "the parent's NSEC3 as NODATA");
    // And the child says nothing about its DS.
    let by = message(vec![], denials("nsec.lab.", &["nsec.lab."]));
    bogus(&question("nsec.lab.", RecordType::DS), &by, "the child's NSEC about DS");
}

#[test]
fn rule_07_an_alias_is_never_denied() {
    // The record of the alias's own name has the CNAME bit.
    for zone in ["nsec.lab.", "nsec3.lab."] {
        let owner = format!("alias.{zone}");
        let asked = question(&owner, RecordType::A);
        let failure = bogus(&asked, &message(vec![], denials(zone, &[&owner])), zone);
        assert_eq!(failure.reason, Reason::Contradicted(RecordType::CNAME), "{zone}");

        // So has that of the wildcard that stands for a name.
        let owner = format!("x.walias.{zone}");
        let around = [owner.as_str(), &format!("walias.{zone}"), &format!("*.walias.{zone}")];
        let asked = question(&owner, RecordType::A);
        bogus(&asked, &message(vec![], denials(zone, &around)), zone);

        // What is below a DNAME does not exist in the zone, and yet is an alias.
        let owner = format!("exact.d.{zone}");
        let star = format!("*.d.{zone}");
        let around = [owner.as_str(), &format!("d.{zone}"), &star, &format!("*.{zone}")];
        let asked = question(&owner, RecordType::A);
        bogus(&asked, &nxdomain(message(vec![], denials(zone, &around))), zone);

        // A synthesised CNAME that does not say what its DNAME says.
        let mut answers = set(zone, &format!("d.{zone}"), RecordType::DNAME);
        answers.push(cname(&owner, "host.plain.lab."));
        let failure = bogus(&asked, &message(answers, vec![]), zone);
        assert_eq!(failure.reason, Reason::AliasMismatch, "{zone}");
        // One whose DNAME is missing, or not signed.
        bogus(&asked, &message(vec![cname(&owner, &format!("exact.wild.{zone}"))], vec![]), zone);
        let unsigned = vec![dname(&format!("d.{zone}"), "plain.lab.")];
        bogus(&asked, &message(unsigned, vec![]), zone);
    }
}

#[test]
fn rule_08_a_target_is_asked_and_proven_by_itself() {
    // The message says NXDOMAIN for the end of a chain that has no such end.
    for (alias, zone, status) in
        [("alias.nsec.lab.", "nsec.lab.", Status::Secure), ("leave.nsec.lab.", "nsec.lab.", Status::Insecure)]
    {
        let asked = question(alias, RecordType::A);
        let by = nxdomain(message(set(zone, alias, RecordType::CNAME), vec![]));
        let verdict = with(&asked, &asked, &by).unwrap();
        assert!(matches!(verdict.outcome, Outcome::Records(_)), "{alias}: {:?}", verdict.outcome);
        assert_eq!(verdict.status, status, "{alias}");
    }
    // Whatever the message holds for an insecure target is not taken from it.
    let asked = question("leave.nsec.lab.", RecordType::A);
    let mut answers = set("nsec.lab.", "leave.nsec.lab.", RecordType::CNAME);
    answers.push(a("host.plain.lab.", 99));
    let verdict = with(&asked, &asked, &message(answers, vec![])).unwrap();
    assert_eq!(verdict.outcome, Outcome::Records(vec![a("host.plain.lab.", 2)]));

    // An error at the target is an error of the whole (RFC 7672 §2.1.3).
    let limits = Limits::default();
    let target = question("host.plain.lab.", RecordType::A);
    let (end, _) = drive(asked, &WORLD.anchors, NOW, limits, |q| match *q == target {
        true => Err(FetchError::Timeout),
        false => Ok(WORLD.ask(q)),
    });
    assert_eq!(end.unwrap_err().kind(), FailureKind::Unanswered(FetchError::Timeout));
}

#[test]
fn rule_09_opt_out_makes_insecure_never_secure() {
    for (label, record_type) in
        [("missing", RecordType::A), ("x.wild", RecordType::TXT), ("unsigned", RecordType::DS)]
    {
        let asked = question(&format!("{label}.optout.lab."), record_type);
        let verdict = honest(&WORLD, asked.clone()).unwrap();
        assert_eq!(verdict.status, Status::Insecure, "{asked}");
    }
    // What has a record of its own is not in a span.
    let asked = question("host.optout.lab.", RecordType::TLSA);
    assert_eq!(honest(&WORLD, asked).unwrap().status, Status::Secure);
}

#[test]
fn rule_10_expiry_bounds_everything_and_time_comes_from_outside() {
    let zone = WORLD.zone("nsec.lab.");
    let key = zone.key.as_ref().unwrap();
    let asked = question("host.nsec.lab.", RecordType::A);
    let rrset = vec![a("host.nsec.lab.", 2)];
    let at = |inception: u32, expiration: u32, ttl: u32| {
        let signature = Signature { inception, expiration, ..Signature::by(key, "nsec.lab.") };
        let mut answers = rrset.clone();
        answers.push(signature.over(&rrset));
        answers.iter_mut().for_each(|record| record.ttl = ttl);
        with(&asked, &asked, &message(answers, vec![]))
    };
    for (inception, expiration, ttl, expected, why) in [
        (NOW - 1, NOW + 10, TTL, Ok(10), "no longer than the signature lives"),
        (NOW - 1, NOW + 100_000, 99_999, Ok(TTL), "no longer than the original TTL"),
        (NOW - 1, NOW + 100_000, 7, Ok(7), "no longer than the message says"),
        (NOW, NOW + 5, TTL, Ok(5), "the first second"),
        (NOW - 5, NOW, TTL, Ok(0), "the last second"),
        (NOW + 1, NOW + 5, TTL, Err(SignatureFault::NotYetValid { inception: NOW + 1 }), "too early"),
        (NOW - 5, NOW - 1, TTL, Err(SignatureFault::Expired { expiration: NOW - 1 }), "too late"),
    ] {
        match (at(inception, expiration, ttl), expected) {
            (Ok(verdict), Ok(expected)) => assert_eq!(verdict.ttl, expected, "{why}"),
            (Err(failure), Err(fault)) => assert_eq!(failure.reason, Reason::BadSignature(fault), "{why}"),
            (found, expected) => panic!("{why}: {found:?}, expected {expected:?}"),
        }
    }
    // The original TTL, where nothing else is as short.
    let signature = Signature { original_ttl: 60, ..Signature::by(key, "nsec.lab.") }.over(&rrset);
    let verdict = with(&asked, &asked, &message([rrset.clone(), vec![signature]].concat(), vec![])).unwrap();
    assert_eq!(verdict.ttl, 60, "the original TTL of this RRset");
    // The chain's own signatures bound it, too: half an hour before the world's signatures end.
    let now = NOW + 100_000 - 1800;
    let (end, _) = drive(asked, &WORLD.anchors, now, Limits::default(), |q| Ok(WORLD.ask(q)));
    assert_eq!(end.unwrap().ttl, 1800);
}

#[test]
fn rule_13_what_could_not_be_fetched_is_indeterminate_but_for_the_question_itself() {
    let asked = question("host.nsec.lab.", RecordType::A);
    for (error, failing, kind) in [
        (FetchError::Timeout, asked.clone(), FailureKind::Unanswered(FetchError::Timeout)),
        (FetchError::Timeout, question("nsec.lab.", RecordType::DS), FailureKind::Indeterminate),
        (FetchError::Malformed, question("nsec.lab.", RecordType::DNSKEY), FailureKind::Indeterminate),
        (FetchError::Timeout, question(".", RecordType::DNSKEY), FailureKind::Indeterminate),
    ] {
        let (end, _) =
            drive(asked.clone(), &WORLD.anchors, NOW, Limits::default(), |q| match *q == failing {
                true => Err(error),
                false => Ok(WORLD.ask(q)),
            });
        let failure = end.unwrap_err();
        assert_eq!(failure.kind(), kind, "{failing}");
        assert_eq!(failure.record, failing, "the failure names what could not be had");
    }
    // Other response codes that come as messages are the same.
    let mut refused = message(vec![], vec![]);
    refused.metadata.response_code = ResponseCode::ServFail;
    let failure = with(&asked, &asked, &refused).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Unanswered(FetchError::Rcode(ResponseCode::ServFail)));
    let mut truncated = WORLD.ask(&asked);
    truncated.metadata.truncation = true;
    let failure = with(&asked, &asked, &truncated).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Unanswered(FetchError::Truncated));
}

#[test]
fn signatures_cover_their_label_count_only() {
    let key = WORLD.zone("nsec.lab.").key.as_ref().unwrap();
    let asked = question("host.nsec.lab.", RecordType::TXT);
    let rrset = vec![txt("host.nsec.lab.", "x")];
    for (labels, why) in [(4, "more labels than the owner"), (1, "a wildcard above the zone")] {
        let wildcard: Vec<Record> = match labels {
            1 => vec![txt("*.lab.", "x")],
            _ => vec![txt("more.host.nsec.lab.", "x")],
        };
        let mut answers = rrset.clone();
        let signature = Signature { labels: Some(labels), ..Signature::by(key, "nsec.lab.") }.over(&wildcard);
        answers.push(Record::from_rdata(Name::from_ascii("host.nsec.lab.").unwrap(), TTL, signature.data));
        let failure = bogus(&asked, &message(answers, vec![]), why);
        assert_eq!(failure.reason, Reason::BadSignature(SignatureFault::Labels), "{why}");
    }
}
