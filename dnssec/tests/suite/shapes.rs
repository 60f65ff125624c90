//! Zones of odd shapes: of one name, of a wildcard and no more, with all sorts of denial, at the root and below.

use dnssec::{Outcome, Question, Status};
use hickory_proto::{
    dnssec::DigestType,
    rr::{Name, Record, RecordType},
};

use crate::world::{Denial, World, Zone, honest, name, ns, question, txt};

const DENIALS: [(Denial, &str); 3] = [
    (Denial::Nsec, "NSEC"),
    (Denial::Nsec3 { iterations: 0, opt_out: false }, "NSEC3"),
    (Denial::Nsec3 { iterations: 12, opt_out: false }, "NSEC3 with iterations"),
];

/// The zone, as the root itself or with a signed delegation from it.
fn world(apex: &str, denial: Denial, records: Vec<Record>) -> World {
    let zone = Zone::signed(apex, 2, denial, records);
    if zone.apex.is_root() {
        return World::new(vec![zone]);
    }
    let ds = zone.key.as_ref().unwrap().ds(apex, DigestType::SHA256);
    World::new(vec![Zone::signed(".", 1, Denial::Nsec, vec![ns(apex), ds]), zone])
}

/// Labels below an apex.
fn below(label: &str, apex: &str) -> String {
    match apex {
        "." => format!("{label}."),
        _ => format!("{label}.{apex}"),
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Records,
    NoData,
    NxDomain,
}

fn what(outcome: &Outcome) -> What {
    match outcome {
        Outcome::Records(_) => What::Records,
        Outcome::NoData => What::NoData,
        Outcome::NxDomain => What::NxDomain,
    }
}

#[test]
fn a_zone_of_one_name() {
    for apex in [".", "one.", "deep.below.one."] {
        for (denial, kind) in DENIALS {
            let world = world(apex, denial, vec![]);
            let zone = world.zone(apex);
            let records: Vec<Record> =
                zone.sets.values().flat_map(|types| types.values().flatten()).cloned().collect();
            let denials: Vec<&Record> =
                records.iter().filter(|r| matches!(u16::from(r.record_type()), 47 | 50)).collect();
            assert_eq!(denials.len(), 1, "{kind} at {apex}: one record that leads back to itself");
            for (owner, record_type, expected, why) in [
                (apex.to_owned(), RecordType::SOA, What::Records, "the name"),
                (apex.to_owned(), RecordType::DNSKEY, What::Records, "its keys"),
                (apex.to_owned(), RecordType::TXT, What::NoData, "the name lacks the type"),
                (below("x", apex), RecordType::TXT, What::NxDomain, "no other name"),
                (below("a.b.c", apex), RecordType::TXT, What::NxDomain, "nor any further below"),
                (below("*", apex), RecordType::TXT, What::NxDomain, "nor the wildcard itself"),
                (below("x", apex), RecordType::DS, What::NxDomain, "nor a delegation"),
            ] {
                let case = format!("{kind} at {apex}: {owner} {record_type}, {why}");
                let verdict = honest(&world, question(&owner, record_type));
                let verdict = verdict.unwrap_or_else(|failure| panic!("{case}: {failure}"));
                assert_eq!((verdict.status, what(&verdict.outcome)), (Status::Secure, expected), "{case}");
            }
            // The first name below the apex in canonical order, and the last that has one label more.
            for octet in [0, 0xff] {
                let edge =
                    Name::from_labels([[octet].as_slice()]).unwrap().append_domain(&name(apex)).unwrap();
                let verdict = honest(&world, Question::new(edge, RecordType::A)).unwrap();
                assert_eq!(verdict.outcome, Outcome::NxDomain, "{kind} at {apex}: octet {octet}");
            }
        }
    }
}

#[test]
fn a_zone_of_a_wildcard() {
    for apex in [".", "star."] {
        for (denial, kind) in DENIALS {
            let star = below("*", apex);
            let world = world(apex, denial, vec![txt(&star, "from the wildcard")]);
            for (owner, record_type, expected, why) in [
                (below("x", apex), RecordType::TXT, What::Records, "expanded"),
                (below("a.b", apex), RecordType::TXT, What::Records, "over two labels"),
                (below("x", apex), RecordType::A, What::NoData, "the wildcard lacks the type"),
                (star.clone(), RecordType::TXT, What::Records, "RFC 4592 §2.3: asked for by its own name"),
                (star.clone(), RecordType::A, What::NoData, "its own name, by its own record"),
                (below("*.x", apex), RecordType::TXT, What::Records, "an asterisk that is expanded"),
                (below("x.*", apex), RecordType::TXT, What::NxDomain, "RFC 4592 §2.2.2: below the wildcard"),
                (apex.to_owned(), RecordType::TXT, What::NoData, "the apex is not expanded"),
            ] {
                let case = format!("{kind} at {apex}: {owner} {record_type}, {why}");
                let verdict = honest(&world, question(&owner, record_type));
                let verdict = verdict.unwrap_or_else(|failure| panic!("{case}: {failure}"));
                assert_eq!((verdict.status, what(&verdict.outcome)), (Status::Secure, expected), "{case}");
                let expanded = verdict.proof.signatures.iter().any(|signature| signature.wildcard.is_some());
                let from_wildcard = expected == What::Records && owner != star;
                assert_eq!(expanded, from_wildcard, "{case}: the proof names the wildcard");
            }
        }
    }
}

/// The wildcard is hashed by its own name, asterisk and all (RFC 5155 §7.2.1).
#[test]
fn nsec3_at_the_apex_and_at_the_wildcard() {
    let denial = Denial::Nsec3 { iterations: 12, opt_out: false };
    let world = world("star.", denial, vec![txt("*.star.", "from the wildcard")]);
    let verdict = honest(&world, question("x.star.", RecordType::A)).unwrap();
    for says in ["star is the closest encloser", "*.star lacks the type", "x.star does not exist"] {
        let says = format!(" NSEC3 says that {says}");
        assert!(verdict.proof.to_string().lines().any(|line| line.ends_with(&says)), "{}", verdict.proof);
    }
    let owners: Vec<_> = verdict.proof.denials.iter().map(|denial| denial.owner.clone()).collect();
    let zone = world.zone("star.");
    for about in ["star.", "*.star."] {
        assert!(owners.contains(&zone.denial_of(&name(about))[0].name), "{about} by its own record");
    }
}
