//! RFC 4035: the signed zone of appendix A under its own keys, at its own time, and the responses of appendix B.

use std::sync::{Arc, LazyLock};

use dnssec::{
    Failure, FailureKind, Insecurity, Limits, Outcome, Question, Reason, SignatureFault, Status,
    TrustAnchors, Verdict, ZoneStep,
};
use hickory_proto::{
    dnssec::{
        DigestType, PublicKey,
        rdata::{DNSKEY, RRSIG},
    },
    op::{Message, ResponseCode},
    rr::{Record, RecordData, RecordType},
};

use crate::{
    listing::{Listing, covered, message, renamed},
    world::{Key, Signature, a, drive, name, question},
};

static ZONE: LazyLock<Listing> = LazyLock::new(|| Listing::new(include_str!("rfc_4035.zone")));

/// 2004-04-09 18:36:19 and a month later: the same for every signature of the zone.
const INCEPTION: u32 = 1_081_535_779;
const EXPIRATION: u32 = INCEPTION + 30 * 86_400;
const WITHIN: u32 = INCEPTION + 15 * 86_400;
const KSK: u16 = 9465;
const ZSK: u16 = 38519;

fn keys() -> Vec<DNSKEY> {
    let set = ZONE.set("example.", RecordType::DNSKEY);
    set.iter().filter_map(|record| DNSKEY::try_borrow(&record.data).cloned()).collect()
}

/// One of the zone's two keys as trust anchor.
fn anchor(tag: u16) -> Arc<TrustAnchors> {
    let key = keys().into_iter().find(|key| key.calculate_key_tag().unwrap() == tag).unwrap();
    Arc::new(TrustAnchors::parse(&format!("example. DNSKEY {key}")).unwrap())
}

/// Judges under the key-signing key with [`judge_under`].
fn judge(asked: &Question, answer: &Message, now: u32) -> Result<Verdict, Failure> {
    judge_under(KSK, asked, answer, now)
}

/// Judges with `answer` for the question itself, and the zone's own records for what else is needed.
fn judge_under(anchor_tag: u16, asked: &Question, answer: &Message, now: u32) -> Result<Verdict, Failure> {
    let fetch = |q: &Question| match q {
        q if q == asked => Ok(answer.clone()),
        q if *q == question("example.", RecordType::DNSKEY) => {
            Ok(message(ZONE.set("example.", RecordType::DNSKEY), vec![]))
        }
        // What the referrals of B.4 and B.5 say about the delegation.
        q if *q == question("a.example.", RecordType::DS) => {
            Ok(message(ZONE.set("a.example.", RecordType::DS), vec![]))
        }
        q if *q == question("b.example.", RecordType::DS) => {
            Ok(message(vec![], ZONE.set("b.example.", RecordType::NSEC)))
        }
        _ => Ok(message(vec![], vec![])),
    };
    drive(asked.clone(), &anchor(anchor_tag), now, Limits::default(), fetch).0
}

/// A response of appendix B.
struct Example {
    section: &'static str,
    asked: (&'static str, RecordType),
    rcode: ResponseCode,
    answer: Vec<Record>,
    authority: Vec<Record>,
    /// What stands beside, and proves nothing.
    beside: Vec<Record>,
    outcome: Outcome,
}

fn examples() -> Vec<Example> {
    use RecordType::{A, AAAA, DS, MX, NS, NSEC, SOA};
    use ResponseCode::{NXDomain, NoError};
    let set = |owner, record_type| ZONE.set(owner, record_type);
    let soa = || set("example.", SOA);
    let ns = || set("example.", NS);
    let records = |set: &[Record]| {
        let data = set.iter().filter(|record| covered(record).is_none());
        Outcome::Records(data.cloned().collect())
    };
    let (mx, ds) = (set("x.w.example.", MX), set("a.example.", DS));
    let expanded = renamed(set("*.w.example.", MX), "a.z.w.example.");
    vec![
        Example {
            section: "B.1, an answer",
            asked: ("x.w.example.", MX),
            rcode: NoError,
            outcome: records(&mx),
            answer: mx,
            authority: vec![],
            beside: ns(),
        },
        Example {
            section: "B.2, name error: neither the name nor a wildcard",
            asked: ("ml.example.", A),
            rcode: NXDomain,
            outcome: Outcome::NxDomain,
            answer: vec![],
            authority: ZONE.sets(&[("b.example.", NSEC), ("example.", NSEC)]),
            beside: soa(),
        },
        Example {
            section: "B.3, no data",
            asked: ("ns1.example.", MX),
            rcode: NoError,
            outcome: Outcome::NoData,
            answer: vec![],
            authority: set("ns1.example.", NSEC),
            beside: soa(),
        },
        Example {
            section: "B.4, the DS of the referral to a signed zone",
            asked: ("a.example.", DS),
            rcode: NoError,
            outcome: records(&ds),
            answer: ds,
            authority: vec![],
            beside: set("a.example.", NS),
        },
        Example {
            section: "B.5, the missing DS of the referral to an unsigned zone",
            asked: ("b.example.", DS),
            rcode: NoError,
            outcome: Outcome::NoData,
            answer: vec![],
            authority: set("b.example.", NSEC),
            beside: set("b.example.", NS),
        },
        Example {
            section: "B.6, wildcard expansion",
            asked: ("a.z.w.example.", MX),
            rcode: NoError,
            outcome: records(&expanded),
            answer: expanded,
            authority: set("x.y.w.example.", NSEC),
            beside: ns(),
        },
        Example {
            section: "B.7, no data at the wildcard",
            asked: ("a.z.w.example.", AAAA),
            rcode: NoError,
            outcome: Outcome::NoData,
            answer: vec![],
            authority: ZONE.sets(&[("x.y.w.example.", NSEC), ("*.w.example.", NSEC)]),
            beside: soa(),
        },
    ]
}

#[test]
fn the_key_tags_are_those_of_the_rfc() {
    let tags: Vec<u16> = keys().iter().map(|key| key.calculate_key_tag().unwrap()).collect();
    assert_eq!(tags, [ZSK, KSK]);
    assert!(keys().iter().all(|key| u8::from(key.public_key().algorithm()) == 5), "RSA with SHA-1");
}

#[test]
fn the_responses_of_appendix_b_are_secure() {
    for Example { section, asked, rcode, answer, authority, beside, outcome } in examples() {
        let asked = question(asked.0, asked.1);
        let mut whole = message(answer, [beside, authority].concat());
        whole.metadata.response_code = rcode;
        let verdict = judge(&asked, &whole, WITHIN).unwrap_or_else(|failure| panic!("{section}: {failure}"));
        assert_eq!((verdict.status, &verdict.outcome), (Status::Secure, &outcome), "{section}");
        assert_eq!(verdict.ttl, 3600, "{section}: every TTL of the zone");
        let step = &verdict.proof.zones[0];
        assert!(matches!(step, ZoneStep::Secure { key_tag: KSK, .. }), "{section}: {step}");

        // The records decide, and the header counts for nothing.
        let denied = rcode == ResponseCode::NXDomain;
        whole.metadata.response_code = if denied { ResponseCode::NoError } else { ResponseCode::NXDomain };
        assert_eq!(judge(&asked, &whole, WITHIN).unwrap().outcome, outcome, "{section}, by another header");
    }
}

#[test]
fn no_record_of_a_response_is_dispensable_but_those_beside() {
    for Example { section, asked, answer, authority, .. } in examples() {
        let asked = question(asked.0, asked.1);
        let needed = answer.len() + authority.len();
        assert!(judge(&asked, &message(answer.clone(), authority.clone()), WITHIN).is_ok(), "{section}");
        for left_out in 0..needed {
            let (mut answer, mut authority) = (answer.clone(), authority.clone());
            let record = match left_out.checked_sub(answer.len()) {
                None => answer.remove(left_out),
                Some(index) => authority.remove(index),
            };
            let failure = judge(&asked, &message(answer, authority), WITHIN)
                .map(|verdict| panic!("{section} without {record}: {verdict:?}"))
                .unwrap_err();
            assert_eq!(failure.kind(), FailureKind::Bogus, "{section} without {record}: {failure}");
        }
    }
}

#[test]
fn every_signature_of_the_zone_holds() {
    let mut verified = 0;
    for signature in &ZONE.records {
        let Some(record_type) = covered(signature) else { continue };
        let owner = signature.name.to_ascii();
        let mut set = ZONE.set(&owner, record_type);
        set.retain(|record| covered(record).is_none() || record == signature);
        // An NSEC is no data of its name: it says that there is no TXT, and at a delegation what DS there is.
        let delegated = ["a.example.", "b.example."].contains(&owner.as_str());
        let (asked, answer) = match record_type == RecordType::NSEC {
            true if delegated => (question(&owner, RecordType::DS), message(vec![], set)),
            true => (question(&owner, RecordType::TXT), message(vec![], set)),
            false => (question(&owner, record_type), message(set, vec![])),
        };
        // The DNSKEY set is signed by both keys, and either may be the anchor.
        let anchor_tag = match record_type == RecordType::DNSKEY {
            true => RRSIG::try_borrow(&signature.data).unwrap().input().key_tag,
            false => KSK,
        };
        let result = judge_under(anchor_tag, &asked, &answer, WITHIN);
        match (owner.as_str(), record_type) {
            ("a.example.", RecordType::NSEC) => {
                let reason = result.unwrap_err().reason;
                assert_eq!(reason, Reason::Contradicted(RecordType::DS), "its bit map has DS");
            }
            _ => assert_eq!(result.unwrap().status, Status::Secure, "{owner} {record_type}"),
        }
        verified += 1;
    }
    assert_eq!(verified, 27, "as many as the zone has");
}

#[test]
fn one_octet_more_or_less_is_bogus() {
    let asked = question("ai.example.", RecordType::A);
    for (last, holds) in [(9, true), (8, false), (10, false)] {
        let mut set = ZONE.set("ai.example.", RecordType::A);
        set[0].data = a("ai.example.", last).data;
        let result = judge(&asked, &message(set, vec![]), WITHIN);
        let expected = Reason::BadSignature(SignatureFault::Invalid { key_tag: ZSK });
        match holds {
            true => assert_eq!(result.unwrap().status, Status::Secure),
            false => assert_eq!(result.unwrap_err().reason, expected, "192.0.2.{last}"),
        }
    }
}

#[test]
fn the_zone_is_judged_by_the_clock_of_2004() {
    let asked = question("x.w.example.", RecordType::MX);
    let answer = message(ZONE.set("x.w.example.", RecordType::MX), vec![]);
    use SignatureFault::{Expired, NotYetValid};
    for (now, expected, why) in [
        (INCEPTION - 1, Err(NotYetValid { inception: INCEPTION }), "a second too early"),
        (INCEPTION, Ok(3600), "the first second"),
        (EXPIRATION - 3600, Ok(3600), "an hour before the end"),
        (EXPIRATION - 3599, Ok(3599), "the signatures end before the TTL"),
        (EXPIRATION, Ok(0), "the last second"),
        (EXPIRATION + 1, Err(Expired { expiration: EXPIRATION }), "a second too late"),
        (1_800_000_000, Err(Expired { expiration: EXPIRATION }), "today"),
    ] {
        match (judge(&asked, &answer, now), expected) {
            (Ok(verdict), Ok(ttl)) => {
                assert_eq!((verdict.status, verdict.ttl), (Status::Secure, ttl), "{why}")
            }
            (Err(failure), Err(fault)) => {
                assert_eq!(failure.reason, Reason::BadSignature(fault), "{why}");
            }
            (found, expected) => panic!("{why}: {found:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn what_lies_below_the_referrals() {
    // B.4: the zone below has a DS, so that its keys are wanted, which the RFC does not list.
    let unsigned = message(vec![a("mc.a.example.", 1)], vec![]);
    let failure = judge(&question("mc.a.example.", RecordType::A), &unsigned, WITHIN).unwrap_err();
    assert_eq!((failure.kind(), &failure.reason), (FailureKind::Bogus, &Reason::NoDnskey), "{failure}");
    assert_eq!(failure.record, question("a.example.", RecordType::DNSKEY));

    // B.5: the zone below is unsigned, and its data are insecure.
    let unsigned = message(vec![a("mc.b.example.", 1)], vec![]);
    let verdict = judge(&question("mc.b.example.", RecordType::A), &unsigned, WITHIN).unwrap();
    assert_eq!(verdict.status, Status::Insecure);
    let expected = ZoneStep::Insecure { name: name("b.example."), reason: Insecurity::NoDs };
    assert_eq!(verdict.proof.zones.last(), Some(&expected));
}

/// B.8 is what a server says that was asked for a DS, and has only the child's side of the cut.
#[test]
fn the_child_does_not_know_about_its_ds() {
    let asked = question("example.", RecordType::DS);
    let child = message(vec![], ZONE.sets(&[("example.", RecordType::SOA), ("example.", RecordType::NSEC)]));

    // Under the zone's own anchor nothing above it is covered.
    let verdict = judge(&asked, &child, WITHIN).unwrap();
    assert_eq!((verdict.status, verdict.outcome), (Status::Insecure, Outcome::NoData));
    let step = &verdict.proof.zones[0];
    assert!(matches!(step, ZoneStep::Insecure { reason: Insecurity::NoAnchor, .. }), "{step}");

    // Under a root that is signed the child's record denies nothing, and the parent's DS is the answer.
    let key = Key::new(1);
    let sign = |set: Vec<Record>| {
        let times = Signature { inception: INCEPTION, expiration: EXPIRATION, ..Signature::by(&key, ".") };
        let signature = times.over(&set);
        [set, vec![signature]].concat()
    };
    let anchors = Arc::new(TrustAnchors::parse(&format!(". DNSKEY {}", key.dnskey)).unwrap());
    let ksk = keys().into_iter().find(DNSKEY::secure_entry_point).unwrap();
    let digest = ksk.to_digest(&name("example."), DigestType::SHA256).unwrap();
    let hex: String = digest.as_ref().iter().map(|octet| format!("{octet:02x}")).collect();
    let ds = sign(vec![crate::listing::listed(&format!("example. DS {KSK} 5 2 {hex}"))]);
    let fetch = |by: Message| {
        let root = message(sign(vec![key.dnskey_record(".")]), vec![]);
        drive(asked.clone(), &anchors, WITHIN, Limits::default(), |q| match q {
            q if *q == asked => Ok(by.clone()),
            _ => Ok(root.clone()),
        })
        .0
    };
    let failure = fetch(child).unwrap_err();
    assert_eq!(failure.reason, Reason::NotDenied, "{failure}");
    let verdict = fetch(message(ds, vec![])).unwrap();
    assert!(matches!(verdict.outcome, Outcome::Records(_)), "{:?}", verdict.outcome);
    assert_eq!(verdict.status, Status::Secure);
}
