//! RFC 6840's clarifications and RFC 9276's advice, section by section, as far as `rules.rs` and `keys.rs` do not have
//! them.

use dnssec::{
    Failure, FailureKind, HopKind, Insecurity, Limits, Outcome, Question, Reason, Status, Verdict, ZoneStep,
};
use hickory_proto::{
    dnssec::{
        Algorithm, DigestType,
        rdata::{DNSSECRData, DS, RRSIG},
    },
    op::{Edns, Message, ResponseCode},
    rr::{RData, Record, RecordData, RecordType},
};

use crate::{
    listing::{covered, listed, message, renamed},
    world::{
        Denial, Key, NOW, Signature, WORLD, World, Zone, a, cname, dname, drive, judge, name, ns, question,
        record, txt,
    },
};

/// Judges with some of the answers replaced.
fn with(world: &World, asked: &Question, replaced: &[(Question, Message)]) -> Result<Verdict, Failure> {
    judge(world, asked.clone(), |q, honest| {
        let own = replaced.iter().find(|(question, _)| question == q);
        own.map_or(honest, |(_, message)| message.clone())
    })
}

fn kind(result: Result<Verdict, Failure>) -> Result<Status, FailureKind> {
    result.map(|verdict| verdict.status).map_err(|failure| failure.kind())
}

fn set(zone: &Zone, owner: &str, record_type: RecordType) -> Vec<Record> {
    zone.get(&name(owner), record_type).unwrap()
}

/// The denial records about these names, each once.
fn denials(zone: &Zone, about: &[&str]) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    for record in about.iter().flat_map(|about| zone.denial_of(&name(about))) {
        if !records.contains(&record) {
            records.push(record);
        }
    }
    records
}

/// An RRset with a zone's signature.
fn signed(zone: &Zone, set: Vec<Record>) -> Vec<Record> {
    let signature = Signature::by(zone.key.as_ref().unwrap(), &zone.apex.to_ascii()).over(&set);
    [set, vec![signature]].concat()
}

#[test]
fn s4_1_nothing_below_a_cut_or_a_dname_is_denied_to_make_room_for_a_wildcard() {
    for denial in [Denial::Nsec, Denial::Nsec3 { iterations: 1, opt_out: false }] {
        let child = Zone::signed("cut.zone.", 3, Denial::Nsec, vec![txt("x.cut.zone.", "the child's")]);
        let content = vec![
            txt("*.zone.", "from the wildcard"),
            ns("cut.zone."),
            child.key.as_ref().unwrap().ds("cut.zone.", DigestType::SHA256),
            dname("d.zone.", "elsewhere."),
        ];
        let zone = Zone::signed("zone.", 2, denial, content);
        let ds = zone.key.as_ref().unwrap().ds("zone.", DigestType::SHA256);
        let world = World::new(vec![Zone::signed(".", 1, Denial::Nsec, vec![ns("zone."), ds]), zone, child]);
        let zone = world.zone("zone.");
        let star = || set(zone, "*.zone.", RecordType::TXT);
        for (owner, around, expected, why) in [
            ("free.zone.", vec!["free.zone."], Ok(Status::Secure), "a name that is not there"),
            ("x.free.zone.", vec!["free.zone.", "x.free.zone."], Ok(Status::Secure), "nor one below it"),
            ("x.cut.zone.", vec!["cut.zone.", "x.cut.zone."], Err(FailureKind::Bogus), "below the cut"),
            ("new.cut.zone.", vec!["cut.zone.", "new.cut.zone."], Err(FailureKind::Bogus), "likewise"),
            ("cut.zone.", vec!["cut.zone."], Err(FailureKind::Bogus), "at the cut"),
            ("x.d.zone.", vec!["d.zone.", "x.d.zone."], Err(FailureKind::Bogus), "below the DNAME"),
        ] {
            let asked = question(owner, RecordType::TXT);
            let answer = message(renamed(star(), owner), denials(zone, &around));
            let found = kind(with(&world, &asked, &[(asked.clone(), answer)]));
            assert_eq!(found, expected, "{owner}, {why}");
        }
    }
}

#[test]
fn s4_1_a_childs_apex_is_no_ancestor() {
    // NS with SOA: the apex's own record denies at the apex and below.
    for zone in ["nsec.lab.", "nsec3.lab."] {
        for (owner, expected) in
            [(zone.to_owned(), Outcome::NoData), (format!("0.{zone}"), Outcome::NxDomain)]
        {
            let verdict = with(&WORLD, &question(&owner, RecordType::HINFO), &[]).unwrap();
            assert_eq!((verdict.status, verdict.outcome), (Status::Secure, expected), "{owner}");
        }
    }
}

#[test]
fn s4_2_any_is_not_judged() {
    let failure = with(&WORLD, &question("host.nsec.lab.", RecordType::ANY), &[]).unwrap_err();
    assert_eq!(failure.reason, Reason::NoVerdictFor(RecordType::ANY));
}

#[test]
fn s4_3_an_alias_has_no_ds_that_could_be_denied() {
    for zone in ["nsec.lab.", "nsec3.lab."] {
        let asked = question(&format!("alias.{zone}"), RecordType::DS);
        let stripped = message(vec![], denials(WORLD.zone(zone), &[&format!("alias.{zone}")]));
        let failure = with(&WORLD, &asked, &[(asked.clone(), stripped)]).unwrap_err();
        assert_eq!(failure.reason, Reason::Contradicted(RecordType::CNAME), "{zone}");
        // With its alias it is that of the target.
        let verdict = with(&WORLD, &asked, &[]).unwrap();
        assert_eq!((verdict.status, verdict.chain[0].kind), (Status::Secure, HopKind::Cname), "{zone}");
    }
}

#[test]
fn s4_4_an_insecure_delegation_shows_its_ns_bit() {
    for (zone, owner, why) in [
        ("nsec.lab.", "host", "an NSEC of a name that is no delegation"),
        ("nsec.lab.", "ent", "of an empty non-terminal"),
        ("nsec.lab.", "missing", "of a name that is not there"),
        ("nsec3.lab.", "host", "an NSEC3 of a name that is no delegation"),
        ("nsec3.lab.", "ent", "of an empty non-terminal"),
        ("nsec3.lab.", "missing", "of a name that is not there"),
        ("optout.lab.", "host", "with opt-out, but of the name itself"),
    ] {
        let cut = format!("{owner}.{zone}");
        // Below a name, an opt-out span may hold delegations without any record.
        let at_or_below = if zone == "optout.lab." { vec![""] } else { vec!["", "below."] };
        for labels in at_or_below {
            let asked = question(&format!("{labels}{cut}"), RecordType::A);
            let forged = message(vec![a(&asked.name.to_ascii(), 99)], vec![]);
            let around = [cut.as_str(), zone, &format!("*.{zone}")];
            let denial = message(vec![], denials(WORLD.zone(zone), &around));
            let replaced = [(asked.clone(), forged), (question(&cut, RecordType::DS), denial)];
            assert_eq!(kind(with(&WORLD, &asked, &replaced)), Err(FailureKind::Bogus), "{asked}: {why}");
        }
    }
    // A record with the SOA bit is the child's, and knows nothing about its DS, whoever has signed it.
    let zone = WORLD.zone("lab.");
    for (types, expected, why) in [
        ("NS SOA", Err(FailureKind::Bogus), "the child's"),
        ("NS", Ok(Status::Insecure), "the parent's"),
        ("NS DS", Err(FailureKind::Bogus), "the parent's, that says there is a DS"),
        ("TXT", Err(FailureKind::Bogus), "of no delegation"),
    ] {
        let denial =
            message(vec![], signed(zone, vec![listed(&format!("new.lab. NSEC newer.lab. {types}"))]));
        let asked = question("host.new.lab.", RecordType::A);
        let forged = message(vec![a("host.new.lab.", 99)], vec![]);
        let ds = question("new.lab.", RecordType::DS);
        let replaced = [(asked.clone(), forged), (ds.clone(), denial.clone())];
        assert_eq!(kind(with(&WORLD, &asked, &replaced)), expected, "below a name whose NSEC is {why}");
        let verdict = with(&WORLD, &ds, &replaced[1..]).map(|verdict| verdict.outcome);
        let denied = !types.contains("SOA") && !types.contains("DS");
        assert_eq!(verdict.is_ok_and(|outcome| outcome == Outcome::NoData), denied, "DS, {why}");
    }
    // What is covered by an opt-out span may be delegated, and is insecure.
    let asked = question("below.missing.optout.lab.", RecordType::A);
    let forged = message(vec![a("below.missing.optout.lab.", 99)], vec![]);
    assert_eq!(kind(with(&WORLD, &asked, &[(asked.clone(), forged)])), Ok(Status::Insecure), "opt-out");
}

/// Names in NSEC data keep their case under the signature, those of RRSIG data and of the types of RFC 4034 §6.2 do
/// not; character strings do.
#[test]
fn s5_1_canonical_forms() {
    let root = WORLD.zone(".");
    for (lower, mixed, folded) in [
        ("x. NS ns.elsewhere.", "x. NS Ns.ElseWhere.", true),
        ("x. CNAME target.", "x. CNAME Target.", true),
        ("x. PTR target.", "x. PTR Target.", true),
        ("x. MX 1 mail.", "x. MX 1 Mail.", true),
        ("x. SRV 1 2 3 target.", "x. SRV 1 2 3 Target.", true),
        ("x. SOA m. r. 1 2 3 4 5", "x. SOA M. R. 1 2 3 4 5", true),
        ("x. NAPTR 1 2 \"u\" \"e\" \"r\" target.", "x. NAPTR 1 2 \"u\" \"e\" \"r\" Target.", true),
        ("x. NAPTR 1 2 \"u\" \"e\" \"r\" target.", "x. NAPTR 1 2 \"U\" \"e\" \"r\" target.", false),
        ("x. HINFO \"cpu\" \"os\"", "x. HINFO \"Cpu\" \"os\"", false),
        ("x. NSEC y. TXT", "x. NSEC Y. TXT", false),
    ] {
        let (lower, mixed) = (listed(lower), listed(mixed));
        let record_type = lower.record_type();
        let judged = |data: &Record, signed_data: &Record| {
            let mut set = signed(root, vec![signed_data.clone()]);
            set[0] = data.clone();
            match record_type == RecordType::NSEC {
                true => (question("x.", RecordType::A), message(vec![], set)),
                false => (question("x.", record_type), message(set, vec![])),
            }
        };
        for (data, signed_data, holds) in
            [(&lower, &lower, true), (&mixed, &lower, folded), (&mixed, &mixed, true)]
        {
            let (asked, answer) = judged(data, signed_data);
            let result = with(&WORLD, &asked, &[(asked.clone(), answer)]);
            assert_eq!(result.is_ok(), holds, "{data}, signed as {signed_data}: {result:?}");
        }
    }

    // The signer's name.
    let mut set = signed(WORLD.zone("nsec.lab."), vec![a("x.nsec.lab.", 1)]);
    let signature = RRSIG::try_borrow(&set[1].data).unwrap();
    let mut input = signature.input().clone();
    input.signer_name = name("NSEC.Lab.");
    let mixed = RRSIG::from_sig(input, signature.sig().to_vec());
    set[1].data = RData::DNSSEC(DNSSECRData::RRSIG(mixed));
    let asked = question("x.nsec.lab.", RecordType::A);
    assert_eq!(kind(with(&WORLD, &asked, &[(asked.clone(), message(set, vec![]))])), Ok(Status::Secure));
}

/// `lab.` with these DS records and these keys, all signed by `Key::new(2)`.
fn lab(ds: Vec<Record>, keys: &[Key]) -> Result<Verdict, Failure> {
    let zone = Zone::signed("lab.", 2, Denial::Nsec, vec![a("host.lab.", 1)]);
    let mut set = vec![zone.key.as_ref().unwrap().dnskey_record("lab.")];
    set.extend(keys.iter().map(|key| key.dnskey_record("lab.")));
    let keys = message(signed(&zone, set), vec![]);
    let root = [vec![ns("lab.")], ds].concat();
    let world = World::new(vec![Zone::signed(".", 1, Denial::Nsec, root), zone]);
    with(&world, &question("host.lab.", RecordType::A), &[(question("lab.", RecordType::DNSKEY), keys)])
}

fn ds(key_tag: u16, algorithm: u8, digest: u8, length: usize) -> Record {
    let (algorithm, digest) = (Algorithm::from_u8(algorithm), DigestType::from(digest));
    record("lab.", RData::DNSSEC(DNSSECRData::DS(DS::new(key_tag, algorithm, digest, vec![7; length]))))
}

#[test]
fn s5_2_3_and_11_which_ds_records_must_match() {
    let key = Key::new(2);
    let good = || key.ds("lab.", DigestType::SHA256);
    use FailureKind::Bogus;
    use Status::{Insecure, Secure};
    for (set, expected, why) in [
        (vec![ds(1, 253, 2, 32)], Ok(Insecure), "§5.3: a private algorithm, of which none is supported"),
        (vec![ds(1, 254, 2, 32)], Ok(Insecure), "§5.3: the other one"),
        (vec![ds(1, 253, 2, 32), good()], Ok(Secure), "§5.3: beside one that is supported"),
        (vec![ds(1, 8, 99, 32)], Ok(Insecure), "§5.2: a known algorithm with an unknown digest"),
        (vec![ds(1, 8, 99, 32), ds(1, 253, 2, 32)], Ok(Insecure), "§5.2, §5.3: neither can be checked"),
        (vec![ds(1, 8, 99, 32), ds(1, 8, 2, 32)], Err(Bogus), "§5.2: one that can, and does not match"),
        (vec![ds(1, 13, 2, 32), good()], Ok(Secure), "§5.11: not every algorithm of the DS set has to work"),
        (vec![ds(1, 8, 2, 32), ds(2, 10, 4, 48), good()], Ok(Secure), "§5.11: any single path is enough"),
        (vec![ds(key.tag, 15, 2, 32), good()], Ok(Secure), "§5.11: a second DS for the same tag"),
    ] {
        assert_eq!(kind(lab(set, &[])), expected, "{why}");
    }
    // §5.11: a key of which nothing is signed.
    assert_eq!(kind(lab(vec![good()], &[Key::new(9), Key::new(10)])), Ok(Secure), "keys that sign nothing");
}

#[test]
fn s5_4_and_12_one_valid_signature_is_enough() {
    let zone = WORLD.zone("nsec.lab.");
    let key = zone.key.as_ref().unwrap();
    let asked = question("host.nsec.lab.", RecordType::A);
    let data = vec![a("host.nsec.lab.", 2)];
    let good = Signature::by(key, "nsec.lab.").over(&data);
    let altered = |change: &dyn Fn(&mut hickory_proto::dnssec::rdata::sig::SigInput)| {
        let signature = RRSIG::try_borrow(&good.data).unwrap();
        let mut input = signature.input().clone();
        change(&mut input);
        let rrsig = RRSIG::from_sig(input, signature.sig().to_vec());
        Record::from_rdata(good.name.clone(), good.ttl, RData::DNSSEC(DNSSECRData::RRSIG(rrsig)))
    };
    let stranger = Key::new(99);
    let (past, future) = (NOW - 500, NOW + 500);
    for (bad, why) in [
        (altered(&|input| input.original_ttl += 1), "§5.4: one that does not verify"),
        (Signature { expiration: past, ..Signature::by(key, "nsec.lab.") }.over(&data), "§5.4: expired"),
        (
            Signature { inception: future, ..Signature::by(key, "nsec.lab.") }.over(&data),
            "§5.4: not yet valid",
        ),
        (altered(&|input| input.num_labels += 1), "§5.4: with too many labels"),
        (Signature::by(&stranger, "nsec.lab.").over(&data), "§5.12: a key that the zone has not"),
        (altered(&|input| input.algorithm = Algorithm::RSASHA256), "§5.12: an algorithm that no key has"),
        (altered(&|input| input.algorithm = Algorithm::Unknown(253)), "§5.12: one that nobody knows"),
        (Signature::by(&stranger, "elsewhere.").over(&data), "RFC 4035 §5.3.1: another zone's"),
    ] {
        for (signatures, expected, order) in [
            (vec![bad.clone(), good.clone()], Ok(Status::Secure), "before the good one"),
            (vec![good.clone(), bad.clone()], Ok(Status::Secure), "after it"),
            (vec![bad.clone()], Err(FailureKind::Bogus), "alone"),
        ] {
            let answer = message([data.clone(), signatures].concat(), vec![]);
            let found = kind(with(&WORLD, &asked, &[(asked.clone(), answer)]));
            assert_eq!(found, expected, "{why}, {order}");
        }
    }
    // §5.12: what is disregarded costs nothing, however much of it there is.
    let mut ignored: Vec<Record> =
        (0..200u16).map(|n| altered(&|input| input.key_tag = key.tag ^ (n + 1))).collect();
    for algorithm in (0..=255).filter(|algorithm| *algorithm != 15) {
        ignored.push(altered(&|input| input.algorithm = Algorithm::from_u8(algorithm)));
    }
    let answer = message([data.clone(), ignored, vec![good.clone()]].concat(), vec![]);
    assert_eq!(kind(with(&WORLD, &asked, &[(asked.clone(), answer)])), Ok(Status::Secure));
}

#[test]
fn s5_6_and_8_bits_of_the_header_prove_nothing() {
    let asked = question("host.nsec.lab.", RecordType::A);
    let genuine = WORLD.ask(&asked);
    let mut forged = genuine.clone();
    forged.answers = vec![a("host.nsec.lab.", 99)];
    for (answer, expected) in [(genuine, Ok(Status::Secure)), (forged, Err(FailureKind::Bogus))] {
        for bits in 0..32 {
            let bit = |n: u32| bits >> n & 1 == 1;
            let mut answer = answer.clone();
            answer.metadata.authentic_data = bit(0);
            answer.metadata.checking_disabled = bit(1);
            answer.metadata.authoritative = bit(2);
            answer.metadata.recursion_available = bit(3);
            // §5.6: a reply that does not copy the DO bit, or has no EDNS at all.
            let mut edns = Edns::new();
            edns.set_dnssec_ok(bit(4));
            answer.edns = Some(edns).filter(|_| !bit(0));
            let found = kind(with(&WORLD, &asked, &[(asked.clone(), answer)]));
            assert_eq!(found, expected, "AD, CD, AA, RA, DO: {bits:05b}");
        }
    }
}

#[test]
fn s6_4_an_empty_bit_map_is_an_empty_non_terminal() {
    for zone in ["nsec3.lab.", "child.nsec3.lab."] {
        let ent = format!("ent.{zone}");
        let record = &denials(WORLD.zone(zone), &[&ent])[0];
        let RData::DNSSEC(DNSSECRData::NSEC3(nsec3)) = &record.data else { panic!("no NSEC3: {record}") };
        assert!(nsec3.type_set().iter().next().is_none(), "{record}");
        let verdict = with(&WORLD, &question(&ent, RecordType::A), &[]).unwrap();
        assert_eq!((verdict.status, verdict.outcome), (Status::Secure, Outcome::NoData), "{ent}");
    }
}

/// `zone.` with so many iterations, signed.
fn iterated(iterations: u16) -> World {
    let denial = Denial::Nsec3 { iterations, opt_out: false };
    let content = vec![a("host.zone.", 1), txt("*.wild.zone.", "from the wildcard"), ns("cut.zone.")];
    let zone = Zone::signed("zone.", 2, denial, content);
    let ds = zone.key.as_ref().unwrap().ds("zone.", DigestType::SHA256);
    World::new(vec![Zone::signed(".", 1, Denial::Nsec, vec![ns("zone."), ds]), zone])
}

#[test]
fn rfc_9276_s3_2_many_iterations_prove_nothing_but_insecure() {
    let answers = [
        (question("host.zone.", RecordType::A), Status::Secure, "data need no denial"),
        (question("host.zone.", RecordType::TXT), Status::Insecure, "no data"),
        (question("missing.zone.", RecordType::A), Status::Insecure, "name error"),
        (question("x.wild.zone.", RecordType::TXT), Status::Insecure, "a wildcard's answer"),
        (question("x.wild.zone.", RecordType::A), Status::Insecure, "a wildcard without the type"),
        (question("cut.zone.", RecordType::DS), Status::Insecure, "a missing DS"),
    ];
    for iterations in [0, 150, 151, 2500] {
        let world = iterated(iterations);
        for (asked, beyond, why) in &answers {
            let verdict = with(&world, asked, &[]).unwrap();
            let expected = if iterations > 150 { *beyond } else { Status::Secure };
            assert_eq!(verdict.status, expected, "{iterations} iterations: {why}");
            if expected == Status::Insecure {
                let step = verdict.proof.zones.last().unwrap();
                let reason = Insecurity::Iterations(iterations);
                let insecure = matches!(step, ZoneStep::Insecure { reason: found, .. } if *found == reason);
                assert!(insecure, "{iterations} iterations: {why}: {step}");
            }
        }
    }
    // The number is the caller's.
    let mut limits = Limits::default();
    for (limit, expected) in [(12, Status::Secure), (11, Status::Insecure), (0, Status::Insecure)] {
        limits.nsec3_iterations = limit;
        let world = iterated(12);
        let asked = question("missing.zone.", RecordType::A);
        let (end, _) = drive(asked, &world.anchors, NOW, limits, |q| Ok(world.ask(q)));
        assert_eq!(end.unwrap().status, expected, "a limit of {limit}");
    }
}

#[test]
fn rfc_9276_s3_2_the_signature_comes_before_the_iterations() {
    let (few, many) = (iterated(1), iterated(500));
    let asked = question("host.zone.", RecordType::TXT);
    let genuine = denials(many.zone("zone."), &["host.zone."]);
    let unsigned: Vec<Record> = genuine.iter().filter(|record| covered(record).is_none()).cloned().collect();
    let altered: Vec<Record> = denials(few.zone("zone."), &["host.zone."])
        .into_iter()
        .map(|mut record| {
            if covered(&record).is_none() {
                record.data = unsigned[0].data.clone();
            }
            record
        })
        .collect();
    let ds = question("host.zone.", RecordType::DS);
    for (authority, expected, why) in [
        (genuine.clone(), Ok(Status::Insecure), "signed by the zone"),
        (unsigned.clone(), Err(FailureKind::Bogus), "not signed"),
        (altered, Err(FailureKind::Bogus), "signed with another number"),
        (
            renamed(genuine.clone(), "0123456789abcdefghijklmnopqrstuv.zone."),
            Err(FailureKind::Bogus),
            "signed under another owner",
        ),
    ] {
        let mut answer = message(vec![], authority);
        answer.metadata.response_code = ResponseCode::NXDomain;
        // The same for the question whether the name is delegated.
        let replaced = [(asked.clone(), answer.clone()), (ds.clone(), answer)];
        assert_eq!(kind(with(&few, &asked, &replaced)), expected, "{why}");
    }

    // RFC 5155 §8.2: records with different numbers prove nothing together, neither absence nor insecurity.
    let both = [denials(few.zone("zone."), &["missing.zone.", "zone."]), genuine].concat();
    let asked = question("missing.zone.", RecordType::A);
    let replaced = [(asked.clone(), message(vec![], both))];
    assert_eq!(kind(with(&few, &asked, &replaced)), Err(FailureKind::Bogus), "two chains in one message");
}

/// An alias needs nothing else at its name (RFC 1034 §3.6.2); which of two records is asked for decides.
#[test]
fn names_are_judged_by_the_type_asked_for() {
    let zone = WORLD.zone("nsec.lab.");
    let owner = "both.nsec.lab.";
    let answers =
        [signed(zone, vec![a(owner, 1)]), signed(zone, vec![cname(owner, "host.nsec.lab.")])].concat();
    for (record_type, aliases) in [(RecordType::A, 0), (RecordType::CNAME, 0), (RecordType::TXT, 1)] {
        let asked = question(owner, record_type);
        let verdict = with(&WORLD, &asked, &[(asked.clone(), message(answers.clone(), vec![]))]).unwrap();
        assert_eq!((verdict.status, verdict.chain.len()), (Status::Secure, aliases), "{record_type}");
    }
}
