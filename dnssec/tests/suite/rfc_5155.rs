//! RFC 5155: the zone of appendix A and the responses of appendix B.
//!
//! The RFC's own keys are of 512 bits, and verify nothing here. So its records are signed anew: owner names, salt,
//! iterations, next hashes and bit maps stay the RFC's.

use std::sync::{Arc, LazyLock};

use dnssec::{
    AnchorFault, Failure, FailureKind, Insecurity, Limits, Outcome, Question, Reason, Status, TrustAnchors,
    Verdict, ZoneStep,
};
use hickory_proto::{
    dnssec::{DigestType, rdata::DNSKEY},
    op::{Message, ResponseCode},
    rr::{RData, Record, RecordData, RecordType},
};

use crate::{
    listing::{Listing, covered, listed, message, renamed, time},
    world::{Key, NOW, Signature, drive, question},
};

const ZONE: &str = include_str!("rfc_5155.zone");

static KEY: LazyLock<Key> = LazyLock::new(|| Key::new(55));
/// The zone as it stands in the RFC: opt-out throughout.
static OPT_OUT: LazyLock<Listing> = LazyLock::new(|| signed_anew(ZONE));
/// The same without opt-out.
static PLAIN: LazyLock<Listing> = LazyLock::new(|| {
    let text = ZONE.replace(" NSEC3 1 1 12 ", " NSEC3 1 0 12 ");
    assert_ne!(text, ZONE);
    signed_anew(&text)
});

/// Signs with [`KEY`] what the RFC has signed.
fn signed_anew(text: &str) -> Listing {
    let old = Listing::new(text);
    let mut new = Listing { records: Vec::new() };
    for record in &old.records {
        let Some(record_type) = covered(record) else {
            if record.record_type() != RecordType::DNSKEY {
                new.records.push(record.clone());
            }
            continue;
        };
        let mut set = old.set(&record.name.to_ascii(), record_type);
        set.retain(|record| covered(record).is_none());
        if record_type == RecordType::DNSKEY {
            set = vec![KEY.dnskey_record("example.")];
            new.records.extend(set.clone());
        }
        new.records.push(Signature::by(&KEY, "example.").over(&set));
    }
    new
}

fn anchor() -> Arc<TrustAnchors> {
    Arc::new(TrustAnchors::parse(&format!("example. DNSKEY {}", KEY.dnskey)).unwrap())
}

fn judge(asked: &Question, answer: &Message) -> Result<Verdict, Failure> {
    let keys = message(PLAIN.set("example.", RecordType::DNSKEY), vec![]);
    let fetch = |q: &Question| match q {
        q if q == asked => Ok(answer.clone()),
        q if *q == question("example.", RecordType::DNSKEY) => Ok(keys.clone()),
        _ => Ok(message(vec![], vec![])),
    };
    drive(asked.clone(), &anchor(), NOW, Limits::default(), fetch).0
}

fn nsec3(zone: &Listing, hashes: &[&str]) -> Vec<Record> {
    hashes.iter().flat_map(|hash| zone.set(&format!("{hash}.example."), RecordType::NSEC3)).collect()
}

const APEX: &str = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom";
const A: &str = "35mthgpgcu1qg68fab165klnsnk3dpvl";
const NS1: &str = "2t7b4g4vsa5smi47k61mv5bv1a22bojr";
const NS2: &str = "q04jkcevqvmu85r014c7dkba38o0ji5r";
const W: &str = "k8udemvp1j2f7eg6jebps17vp3n8i58h";
const STAR_W: &str = "r53bq7cc2uvmubfu5ocmm6pers9tk9en";
const X_W: &str = "b4um86eghhds6nea196smvmlo4ors995";
const Y_W: &str = "ji6neoaepv8b5o6k4ev33abha8ht9fgc";

#[test]
fn names_hash_to_what_the_rfc_says() {
    for (owner, hash, why) in [
        ("example.", APEX, "appendix A, the apex"),
        ("a.example.", A, "appendix A"),
        ("ai.example.", "gjeqe526plbf1g8mklp59enfd789njgi", "appendix A"),
        ("ns1.example.", NS1, "appendix A"),
        ("ns2.example.", NS2, "appendix A"),
        ("w.example.", W, "appendix A, an empty non-terminal"),
        ("*.w.example.", STAR_W, "appendix A, a wildcard by its own name"),
        ("x.w.example.", X_W, "appendix A"),
        ("y.w.example.", Y_W, "appendix A, an empty non-terminal"),
        ("x.y.w.example.", "2vptu5timamqttgl4luu9kg21e0aor3s", "appendix A"),
        ("xx.example.", "t644ebqk9bibcna874givr6joj62mlhv", "appendix A"),
        (
            "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example.",
            "kohar7mbb8dc2ce8a9qvl8hon4k53uhi",
            "appendix A, a name that looks like a hash",
        ),
        ("c.x.w.example.", "0va5bpr2ou0vk0lbqeeljri88laipsfh", "B.1, a name that does not exist"),
        ("*.x.w.example.", "92pqneegtaue7pjatc3l3qnk738c6v5m", "B.1, nor does its wildcard"),
        ("c.example.", "4g6p9u5gvfshp30pqecj98b3maqbn1ck", "B.3, an unsigned delegation"),
        ("z.w.example.", "qlu7gtfaeh0ek0c05ksfhdpbcgglbe03", "B.4"),
        ("X.W.eXample.", X_W, "§5: upper case is hashed as lower case"),
        ("x.w.example.", "B4UM86EGHHDS6NEA196SMVMLO4ORS995", "§3.3: the digits of an owner in upper case"),
    ] {
        // A record under that hash says that the name is there, with an address only: only a name of this very
        // hash is thereby without text.
        let says = |hash: &str| {
            let record = listed(&format!("{hash}.example. NSEC3 1 0 12 aabbccdd {NS1} A RRSIG"));
            let signature = Signature::by(&KEY, "example.").over(std::slice::from_ref(&record));
            judge(&question(owner, RecordType::TXT), &message(vec![], vec![record, signature]))
        };
        let verdict = says(hash).unwrap_or_else(|failure| panic!("{why}: {owner}: {failure}"));
        assert_eq!((verdict.status, verdict.outcome), (Status::Secure, Outcome::NoData), "{why}: {owner}");
        let denial = &verdict.proof.denials[0];
        let shown = (denial.owner.to_ascii().to_ascii_lowercase(), denial.about.to_ascii());
        assert_eq!(shown, (format!("{}.example.", hash.to_ascii_lowercase()), owner.to_owned()), "{why}");

        let next = if hash.ends_with('0') { "1" } else { "0" };
        let failure = says(&format!("{}{next}", &hash[..31])).unwrap_err();
        // Nothing is said about the name then, nor about whether it is delegated.
        let expected = if owner == "example." { Reason::NotDenied } else { Reason::DsNotDenied };
        assert_eq!(failure.reason, expected, "{why}: {owner}, another digit");
    }
}

/// A response of appendix B, and what becomes of it.
struct Example {
    section: &'static str,
    asked: (&'static str, RecordType),
    rcode: ResponseCode,
    answer: Vec<Record>,
    authority: Vec<Record>,
    outcome: Outcome,
    /// With the RFC's opt-out flags.
    opt_out: Status,
    /// Without them; `None` where the records would not belong to such a zone.
    plain: Option<Status>,
}

fn examples(zone: &Listing) -> Vec<Example> {
    use RecordType::{A as ADDRESS, AAAA, DS, MX};
    use ResponseCode::{NXDomain, NoError};
    use Status::{Insecure, Secure};
    let expanded = renamed(zone.set("*.w.example.", MX), "a.z.w.example.");
    vec![
        Example {
            section: "B.1, name error",
            asked: ("a.c.x.w.example.", ADDRESS),
            rcode: NXDomain,
            answer: vec![],
            authority: nsec3(zone, &[APEX, X_W, A]),
            outcome: Outcome::NxDomain,
            // §9.2, §12.2: c.x.w may be delegated.
            opt_out: Insecure,
            plain: Some(Secure),
        },
        Example {
            section: "B.2, no data",
            asked: ("ns1.example.", MX),
            rcode: NoError,
            answer: vec![],
            authority: nsec3(zone, &[NS1]),
            outcome: Outcome::NoData,
            // A record of the name itself is no span.
            opt_out: Secure,
            plain: Some(Secure),
        },
        Example {
            section: "B.2.1, no data at an empty non-terminal",
            asked: ("y.w.example.", ADDRESS),
            rcode: NoError,
            answer: vec![],
            authority: nsec3(zone, &[Y_W]),
            outcome: Outcome::NoData,
            opt_out: Secure,
            plain: Some(Secure),
        },
        Example {
            section: "B.3, the missing DS of the referral to an unsigned zone in an opt-out span",
            asked: ("c.example.", DS),
            rcode: NoError,
            answer: vec![],
            authority: nsec3(zone, &[A, APEX]),
            outcome: Outcome::NoData,
            opt_out: Insecure,
            // Without the flag the delegation would have a record of its own.
            plain: None,
        },
        Example {
            section: "B.4, wildcard expansion",
            asked: ("a.z.w.example.", MX),
            rcode: NoError,
            outcome: Outcome::Records(vec![expanded[0].clone()]),
            answer: expanded,
            authority: nsec3(zone, &[NS2]),
            // z.w may be delegated.
            opt_out: Insecure,
            plain: Some(Secure),
        },
        Example {
            section: "B.5, no data at the wildcard",
            asked: ("a.z.w.example.", AAAA),
            rcode: NoError,
            answer: vec![],
            authority: nsec3(zone, &[W, NS2, STAR_W]),
            outcome: Outcome::NoData,
            opt_out: Insecure,
            plain: Some(Secure),
        },
    ]
}

#[test]
fn the_responses_of_appendix_b_in_an_opt_out_zone() {
    for example in examples(&OPT_OUT) {
        let Example { section, rcode, answer, authority, .. } = example;
        let beside = OPT_OUT.set("example.", RecordType::SOA);
        let mut answer = message(answer, [beside, authority].concat());
        answer.metadata.response_code = rcode;
        let asked = question(example.asked.0, example.asked.1);
        let verdict = judge(&asked, &answer).unwrap_or_else(|failure| panic!("{section}: {failure}"));
        assert_eq!((verdict.status, verdict.outcome), (example.opt_out, example.outcome), "{section}");
        if example.opt_out == Status::Insecure {
            let expected = ZoneStep::Insecure { name: asked.name, reason: Insecurity::OptOut };
            assert_eq!(verdict.proof.zones.last(), Some(&expected), "{section}");
        }
    }
}

#[test]
fn the_responses_of_appendix_b_without_opt_out() {
    for Example { section, asked, answer, authority, outcome, plain, .. } in examples(&PLAIN) {
        let asked = question(asked.0, asked.1);
        let result = judge(&asked, &message(answer.clone(), authority.clone()));
        let Some(status) = plain else {
            assert_eq!(result.unwrap_err().reason, Reason::NotDenied, "{section}");
            continue;
        };
        let verdict = result.unwrap_or_else(|failure| panic!("{section}: {failure}"));
        assert_eq!((verdict.status, verdict.outcome), (status, outcome), "{section}");

        for left_out in 0..answer.len() + authority.len() {
            let (mut answer, mut authority) = (answer.clone(), authority.clone());
            let record = match left_out.checked_sub(answer.len()) {
                None => answer.remove(left_out),
                Some(index) => authority.remove(index),
            };
            let failure = judge(&asked, &message(answer, authority))
                .map(|verdict| panic!("{section} without {record}: {verdict:?}"))
                .unwrap_err();
            assert_eq!(failure.kind(), FailureKind::Bogus, "{section} without {record}: {failure}");
        }
    }
}

#[test]
fn the_zone_below_the_referral_is_insecure() {
    // B.3, as the walk to mc.c.example. sees it.
    for (zone, expected) in [(&OPT_OUT, Ok(Status::Insecure)), (&PLAIN, Err(Reason::Unsigned))] {
        let asked = question("mc.c.example.", RecordType::A);
        let referral = message(vec![], nsec3(zone, &[A, APEX]));
        let keys = message(zone.set("example.", RecordType::DNSKEY), vec![]);
        let data = message(vec![listed("mc.c.example. A 192.0.2.1")], vec![]);
        let (end, _) = drive(asked.clone(), &anchor(), NOW, Limits::default(), |q| match q {
            q if *q == asked => Ok(data.clone()),
            q if q.record_type == RecordType::DS => Ok(referral.clone()),
            _ => Ok(keys.clone()),
        });
        // Without opt-out c.example. is proven not to be there at all, nor anything below it.
        assert_eq!(end.map(|verdict| verdict.status).map_err(|failure| failure.reason), expected);
    }
}

/// B.6: under the zone's own anchor no DS of it is covered; under its parent's the child's record denies nothing.
#[test]
fn the_child_does_not_know_about_its_ds() {
    let asked = question("example.", RecordType::DS);
    let child = message(vec![], nsec3(&OPT_OUT, &[APEX]));
    let verdict = judge(&asked, &child).unwrap();
    let step = verdict.proof.zones.last().unwrap();
    assert!(matches!(step, ZoneStep::Insecure { reason: Insecurity::NoAnchor, .. }), "{step}");

    let root = Key::new(1);
    let sign = |set: Vec<Record>| {
        let signature = Signature::by(&root, ".").over(&set);
        message([set, vec![signature]].concat(), vec![])
    };
    let anchors = Arc::new(TrustAnchors::parse(&format!(". DNSKEY {}", root.dnskey)).unwrap());
    let keys = sign(vec![root.dnskey_record(".")]);
    let ds = sign(vec![KEY.ds("example.", DigestType::SHA256)]);
    for (answer, expected) in [(child, Err(Reason::NotDenied)), (ds, Ok(Status::Secure))] {
        let (end, _) = drive(asked.clone(), &anchors, NOW, Limits::default(), |q| match q {
            q if *q == asked => Ok(answer.clone()),
            _ => Ok(keys.clone()),
        });
        assert_eq!(end.map(|verdict| verdict.status).map_err(|failure| failure.reason), expected);
    }
}

#[test]
fn the_rfcs_own_keys_are_too_short_to_be_any() {
    let zone = Listing::new(ZONE);
    let set = zone.set("example.", RecordType::DNSKEY);
    let keys: Vec<&DNSKEY> = set.iter().filter_map(|record| DNSKEY::try_borrow(&record.data)).collect();
    let tags: Vec<u16> = keys.iter().map(|key| key.calculate_key_tag().unwrap()).collect();
    assert_eq!(tags, [40430, 12708], "the tags that the RFC's signatures name");

    // As keys they are refused as anchors.
    for key in &keys {
        let error = TrustAnchors::parse(&format!("example. DNSKEY {key}")).unwrap_err();
        let expected = "an RSA modulus of at least 1024 bits";
        assert_eq!(error.fault, AnchorFault::Field { expected, found: "512 bits".into() });
    }
    // By digest, which does not show how long they are, nothing that they have signed holds.
    let hex = |bytes: &[u8]| bytes.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let digest = keys[1].to_digest(&crate::world::name("example."), DigestType::SHA256).unwrap();
    let text = format!("example. DS 12708 7 2 {}", hex(digest.as_ref()));
    let anchors = Arc::new(TrustAnchors::parse(&text).unwrap());
    let asked = question("ns1.example.", RecordType::A);
    let answer = message(zone.set("ns1.example.", RecordType::A), vec![]);
    let dnskey = message(set.clone(), vec![]);
    let (end, _) = drive(asked.clone(), &anchors, time("20120420235959"), Limits::default(), |q| match q {
        q if *q == asked => Ok(answer.clone()),
        _ => Ok(dnskey.clone()),
    });
    let failure = end.unwrap_err();
    assert_eq!(failure.reason, Reason::UntrustedDnskey, "{failure}");
    assert!(matches!(answer.answers[0].data, RData::A(_)), "the answer itself came");
}
