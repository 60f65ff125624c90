//! Which keys and DS records make a zone secure, insecure or bogus (RFC 4035 §5.2, RFC 6840 §5, RFC 4509 §3).

use std::sync::Arc;

use dnssec::{
    FailureKind, Insecurity, Limits, Outcome, Reason, Status, Step, TrustAnchors, Validation, Verdict,
    ZoneStep,
};
use hickory_proto::{
    dnssec::{
        Algorithm, DigestType,
        rdata::{DNSSECRData, DS},
    },
    rr::{RData, Record, RecordType},
};

use crate::world::{
    Denial, Key, NOW, Signature, WORLD, World, Zone, a, cache, drive, judge, name, question, record,
};

fn ds(tag: u16, algorithm: u8, digest: u8, bytes: Vec<u8>) -> Record {
    let ds = DS::new(tag, Algorithm::from_u8(algorithm), DigestType::from(digest), bytes);
    record("lab.", RData::DNSSEC(DNSSECRData::DS(ds)))
}

/// `lab.` with these DS records, its keys replaced where `keys` is given.
fn lab(ds: Vec<Record>, keys: Option<Vec<Record>>) -> Result<Verdict, dnssec::Failure> {
    let zone = Zone::signed("lab.", 2, Denial::Nsec, vec![a("host.lab.", 1)]);
    let world = World::new(vec![Zone::signed(".", 1, Denial::Nsec, ds), zone]);
    judge(&world, question("host.lab.", RecordType::A), |q, mut message| {
        if let Some(keys) = &keys
            && *q == question("lab.", RecordType::DNSKEY)
        {
            message.answers.clone_from(keys);
        }
        message
    })
}

#[test]
fn ds_records_decide() {
    let key = Key::new(2);
    let good = |digest| key.ds("lab.", digest);
    let wrong = |digest: u8, length| ds(key.tag, 15, digest, vec![7; length]);
    use DigestType::{SHA1, SHA256, SHA384};
    for (set, expected, why) in [
        (vec![good(SHA256)], Ok(Status::Secure), "SHA-256"),
        (vec![good(SHA384)], Ok(Status::Secure), "SHA-384"),
        (vec![good(SHA1)], Ok(Status::Secure), "SHA-1 alone (RFC 8624 §3.3 lets validators take it)"),
        (vec![good(SHA1), wrong(2, 32)], Err(()), "RFC 4509 §3: SHA-1 beside a stronger one is ignored"),
        (
            vec![good(SHA1), ds(1, 13, 2, vec![7; 32])],
            Err(()),
            "RFC 4509 §3 speaks of the whole set: also where the stronger one is for another algorithm",
        ),
        (
            vec![good(SHA1), ds(1, 16, 2, vec![7; 32])],
            Ok(Status::Secure),
            "but not where it is for an algorithm that cannot be checked: the zone would be insecure",
        ),
        (
            vec![good(SHA1), ds(key.tag, 15, 99, vec![1])],
            Ok(Status::Secure),
            "an unknown digest is not stronger",
        ),
        (vec![wrong(2, 32), good(SHA384)], Ok(Status::Secure), "one that matches is enough"),
        (vec![wrong(2, 32)], Err(()), "the wrong digest"),
        (vec![ds(key.tag.wrapping_add(1), 15, 2, vec![7; 32])], Err(()), "another key"),
        (vec![ds(1, 16, 2, vec![7; 32])], Ok(Status::Insecure), "RFC 4035 §5.2: Ed448 is not supported"),
        (vec![ds(1, 12, 3, vec![7; 32])], Ok(Status::Insecure), "nor is GOST"),
        (vec![ds(key.tag, 15, 99, vec![7; 32])], Ok(Status::Insecure), "nor is the digest type"),
        (vec![ds(1, 16, 2, vec![7; 32]), good(SHA256)], Ok(Status::Secure), "RFC 6840 §5.2: mixed"),
        (vec![ds(1, 16, 2, vec![7; 32]), wrong(2, 32)], Err(()), "a supported one that does not match"),
    ] {
        match (lab(set, None), expected) {
            (Ok(verdict), Ok(status)) => assert_eq!(verdict.status, status, "{why}"),
            (Err(failure), Err(())) => assert_eq!(failure.reason, Reason::UntrustedDnskey, "{why}"),
            (found, expected) => panic!("{why}: {found:?}, expected {expected:?}"),
        }
    }
    let verdict = lab(vec![ds(1, 16, 2, vec![7; 32])], None).unwrap();
    let step = verdict.proof.zones.last().unwrap();
    assert!(
        matches!(step, ZoneStep::Insecure { reason: Insecurity::Unsupported, .. }),
        "the proof says why: {step}"
    );
}

#[test]
fn keys_that_are_no_keys() {
    for (flags, trusted, why) in [
        (0x0101, true, "a zone key with the entry-point flag"),
        (0x0100, true, "RFC 4034 §2.1.1: the entry-point flag changes nothing"),
        (0x0001, false, "RFC 4034 §2.1.1: no zone key"),
        (0x0181, false, "RFC 5011 §2.1: revoked"),
    ] {
        let key = Key::with_flags(2, flags);
        let set = vec![key.dnskey_record("lab.")];
        let signed = [set.clone(), vec![Signature::by(&key, "lab.").over(&set)]].concat();
        let result = lab(vec![key.ds("lab.", DigestType::SHA256)], Some(signed));
        // Other flags make another tag, so that the zone's data, signed under the first, no longer verify: the
        // chain of trust has come as far as the data all the same.
        let data = question("host.lab.", RecordType::A);
        let reached = result.as_ref().map_or_else(|failure| failure.record == data, |_| true);
        assert_eq!(reached, trusted, "{why}: {result:?}");
        if !trusted {
            assert_eq!(result.unwrap_err().reason, Reason::UntrustedDnskey, "{why}");
        }
    }
}

#[test]
fn a_key_without_the_zone_flag_signs_no_data() {
    let (zone, other) = (Key::new(2), Key::with_flags(9, 0x0001));
    let set = vec![zone.dnskey_record("lab."), other.dnskey_record("lab.")];
    let signed = [set.clone(), vec![Signature::by(&zone, "lab.").over(&set)]].concat();
    let data = vec![a("host.lab.", 1)];
    let lab = Zone::signed("lab.", 2, Denial::Nsec, data.clone());
    let ds = vec![zone.ds("lab.", DigestType::SHA256)];
    let world = World::new(vec![Zone::signed(".", 1, Denial::Nsec, ds), lab]);
    for (key, holds) in [(&zone, true), (&other, false)] {
        let answers = [data.clone(), vec![Signature::by(key, "lab.").over(&data)]].concat();
        let result = judge(&world, question("host.lab.", RecordType::A), |q, mut message| {
            if *q == question("lab.", RecordType::DNSKEY) {
                message.answers.clone_from(&signed);
            } else if q.record_type == RecordType::A {
                message.answers.clone_from(&answers);
            }
            message
        });
        assert_eq!(result.is_ok(), holds, "{result:?}");
    }
}

#[test]
fn a_key_set_needs_the_signature_of_a_trusted_key() {
    let (trusted, other) = (Key::new(2), Key::new(9));
    let set = vec![trusted.dnskey_record("lab."), other.dnskey_record("lab.")];
    let by = |key: &Key| Some([set.clone(), vec![Signature::by(key, "lab.").over(&set)]].concat());
    let ds = || vec![trusted.ds("lab.", DigestType::SHA256)];
    assert_eq!(lab(ds(), by(&trusted)).unwrap().status, Status::Secure);
    assert_eq!(lab(ds(), by(&other)).unwrap_err().kind(), FailureKind::Bogus, "signed by itself only");
    assert_eq!(lab(ds(), Some(set.clone())).unwrap_err().kind(), FailureKind::Bogus, "not signed");
    assert_eq!(lab(ds(), Some(vec![])).unwrap_err().reason, Reason::NoDnskey);
}

#[test]
fn rule_12_what_no_anchor_covers_is_insecure_by_configuration() {
    let anchors = Arc::new(TrustAnchors::default());
    let asked = question("host.nsec.lab.", RecordType::A);
    let (end, questions) = drive(asked, &anchors, NOW, Limits::default(), |q| Ok(WORLD.ask(q)));
    let verdict = end.unwrap();
    assert_eq!(verdict.status, Status::Insecure);
    assert_eq!(questions.len(), 1, "nothing else need be asked");
    let step = &verdict.proof.zones[0];
    assert!(matches!(step, ZoneStep::Insecure { reason: Insecurity::NoAnchor, .. }), "{step}");
}

#[test]
fn the_nearest_anchor_begins_the_chain() {
    let key = WORLD.zone("nsec.lab.").key.as_ref().unwrap();
    let wrong = Key::new(77);
    let island = |key: &Key| {
        let root = WORLD.zone(".").key.as_ref().unwrap();
        let text = format!(". DNSKEY {}\nnsec.lab. DNSKEY {}\n", root.dnskey, key.dnskey);
        Arc::new(TrustAnchors::parse(&text).unwrap())
    };
    let asked = question("host.nsec.lab.", RecordType::A);
    let ask = |anchors: &Arc<TrustAnchors>| {
        drive(asked.clone(), anchors, NOW, Limits::default(), |q| Ok(WORLD.ask(q)))
    };
    let (end, questions) = ask(&island(key));
    assert!(matches!(end.unwrap().outcome, Outcome::Records(_)));
    assert!(!questions.iter().any(|q| q.name == name("lab.")), "nothing above the island is asked");
    let (end, _) = ask(&island(&wrong));
    assert_eq!(end.unwrap_err().reason, Reason::UntrustedDnskey, "the root does not rescue it");
}

#[test]
fn no_verdict_is_given_for_types_that_are_no_data() {
    for record_type in [RecordType::ANY, RecordType::RRSIG, RecordType::NSEC, RecordType::AXFR] {
        let (end, asked) = drive(
            question("lab.", record_type),
            &WORLD.anchors,
            NOW,
            Limits::default(),
            |q| Ok(WORLD.ask(q)),
        );
        assert_eq!(end.unwrap_err().reason, Reason::NoVerdictFor(record_type));
        assert!(asked.is_empty());
    }
}

/// What a question says of itself beforehand is what its validation does.
#[test]
fn a_question_knows_whether_it_gets_a_verdict() {
    for (code, expected, why) in [
        (0, false, "no type (RFC 6895 §3.1)"),
        (1, true, "A"),
        (5, true, "CNAME: an alias can be asked for by itself"),
        (24, false, "SIG, the predecessor of RRSIG"),
        (41, false, "OPT (RFC 6891 §6.1.1)"),
        (43, true, "DS"),
        (46, false, "RRSIG: signatures are not signed (RFC 4035 §2.2)"),
        (47, false, "NSEC"),
        (48, true, "DNSKEY"),
        (50, false, "NSEC3"),
        (51, true, "NSEC3PARAM"),
        (52, true, "TLSA"),
        (127, true, "the last data type before the meta-types"),
        (128, false, "the first of the meta-types (RFC 6895 §3.1)"),
        (252, false, "AXFR"),
        (255, false, "ANY"),
        (256, true, "URI: data again"),
        (65280, true, "private use"),
    ] {
        let asked = question("lab.", RecordType::from(code));
        assert_eq!(asked.gets_verdict(), expected, "{code}: {why}");
        let refused = matches!(
            Validation::new(asked, cache(&WORLD), NOW).step(),
            Step::Done(end) if end.as_ref().as_ref().is_err_and(|failure| matches!(failure.reason, Reason::NoVerdictFor(_)))
        );
        assert_eq!(refused, !expected, "{code}: {why}");
    }
}

#[test]
fn the_proof_names_zones_keys_and_denials() {
    let verdict = judge(&WORLD, question("missing.nsec3.lab.", RecordType::A), |_, message| message).unwrap();
    let text = verdict.proof.to_string();
    for (zone, shown) in [(".", "."), ("lab.", "lab"), ("nsec3.lab.", "nsec3.lab")] {
        let tag = WORLD.zone(zone).key.as_ref().unwrap().tag;
        assert!(text.contains(&format!("zone {shown} secure, key {tag} ED25519")), "{zone} in\n{text}");
    }
    assert!(text.contains("NSEC3 says that missing.nsec3.lab does not exist"), "{text}");
}

#[cfg(feature = "serde")]
#[test]
fn a_proof_as_json() {
    let asked = question("any.wild.nsec.lab.", RecordType::TXT);
    let verdict = judge(&WORLD, asked, |_, message| message).unwrap();
    let json = serde_json::to_value(&verdict.proof).unwrap();
    let tag = |zone: &str| WORLD.zone(zone).key.as_ref().unwrap().tag;
    let (root, lab, nsec) = (tag("."), tag("lab."), tag("nsec.lab."));
    let zone = |name: &str, trust, key| serde_json::json!({"status": "secure", "zone": name, "trusted_by": [trust], "key_tag": key, "algorithm": 15});
    let ds = |key| serde_json::json!({"by": "ds", "key_tag": key, "digest": 2});
    assert_eq!(json["zones"][0], zone(".", serde_json::json!({"by": "anchor-key", "key_tag": root}), root));
    assert_eq!(json["zones"][1], zone("lab", ds(lab), lab));
    let of_answer = serde_json::json!({
        "rrset": {"name": "any.wild.nsec.lab", "type": "TXT"}, "zone": "nsec.lab", "key_tag": nsec, "algorithm": 15,
        "expiration": NOW + 100_000, "wildcard": "*.wild.nsec.lab",
    });
    assert!(json["signatures"].as_array().unwrap().contains(&of_answer), "{json:#}");
    let denial = serde_json::json!({
        "owner": "*.wild.nsec.lab", "type": "NSEC", "about": "any.wild.nsec.lab", "says": "name",
    });
    assert_eq!(json["denials"], serde_json::json!([denial]));

    let insecure = judge(&WORLD, question("host.plain.lab.", RecordType::A), |_, message| message).unwrap();
    let json = serde_json::to_value(&insecure.proof).unwrap();
    let end = serde_json::json!({"status": "insecure", "name": "plain.lab", "reason": "no-ds"});
    assert!(json["zones"].as_array().unwrap().contains(&end), "{json:#}");
}

/// Every kind of line that people read, from real verdicts.
#[test]
fn names_are_shown_without_their_final_dot() {
    let tag = |zone: &str| WORLD.zone(zone).key.as_ref().unwrap().tag;
    let proof = |owner: &str, record_type| {
        let verdict = judge(&WORLD, question(owner, record_type), |_, message| message).unwrap();
        verdict.proof.to_string()
    };
    let wildcard = proof("any.wild.nsec.lab.", RecordType::TXT);
    let insecure = proof("host.plain.lab.", RecordType::A);
    let (root, lab, nsec) = (tag("."), tag("lab."), tag("nsec.lab."));
    for (text, line) in [
        (&wildcard, format!("zone . secure, key {root} ED25519, trusted by anchor key {root}")),
        (&wildcard, format!("zone lab secure, key {lab} ED25519, trusted by DS {lab} SHA256")),
        (&wildcard, format!(". DNSKEY signed by . key {root} ED25519")),
        (&wildcard, format!("lab DS signed by . key {root} ED25519")),
        (
            &wildcard,
            format!(
                "any.wild.nsec.lab TXT signed by nsec.lab key {nsec} ED25519, expanded from *.wild.nsec.lab"
            ),
        ),
        (&wildcard, "*.wild.nsec.lab NSEC says that any.wild.nsec.lab does not exist".into()),
        (&insecure, "plain.lab insecure: delegated without DS".into()),
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}\nin\n{text}");
    }

    assert_eq!(question(".", RecordType::NS).to_string(), ". NS");
    assert_eq!(question("Host.LAB.", RecordType::A).to_string(), "Host.LAB A", "case is kept");
    let ends_in_a_dot = question("lab\\..", RecordType::A).to_string();
    assert_eq!(ends_in_a_dot, "lab\\. A", "a dot of the label itself stays");

    let unsigned = |at: &'static str| {
        judge(&WORLD, question("host.lab.", RecordType::A), move |q, mut message| {
            if *q == question(at, q.record_type) {
                message.answers.retain(|record| record.record_type() != RecordType::RRSIG);
            }
            message
        })
    };
    for (at, shown) in [
        ("host.lab.", "host.lab A: not signed, though its zone is (signed zone lab)"),
        (".", ". DNSKEY: not signed, though its zone is (signed zone .)"),
    ] {
        assert_eq!(unsigned(at).unwrap_err().to_string(), shown);
    }
}
