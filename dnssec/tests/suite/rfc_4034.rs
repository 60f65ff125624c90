//! RFC 4034 §6: the canonical order of names, and RRsets as sets.

use dnssec::{Outcome, Question, Reason, SignatureFault, Status};
use hickory_proto::{
    dnssec::rdata::{DNSSECRData, NSEC},
    rr::{Name, RData, Record, RecordType},
};

use crate::{
    listing::message,
    world::{Denial, NEGATIVE_TTL, Signature, WORLD, World, Zone, judge, question, txt},
};

/// §6.1: each of the RFC's names lies between its neighbours.
#[test]
fn names_in_the_order_of_the_rfc() {
    let labels: [&[&[u8]]; 9] = [
        &[b"example"],
        &[b"a", b"example"],
        &[b"yljkjljk", b"a", b"example"],
        &[b"Z", b"a", b"example"],
        &[b"zABC", b"a", b"EXAMPLE"],
        &[b"z", b"example"],
        &[b"\x01", b"z", b"example"],
        &[b"*", b"z", b"example"],
        &[b"\xc8", b"z", b"example"],
    ];
    // A backslash is followed by three decimal digits: the last name's first label is the octet 200.
    let names: Vec<Name> = labels
        .iter()
        .map(|labels| {
            let mut name = Name::from_labels(labels.iter().copied()).unwrap();
            name.set_fqdn(true);
            name
        })
        .collect();
    let zone = Zone::signed("example.", 2, Denial::Nsec, vec![]);
    let ds = zone.key.as_ref().unwrap().ds("example.", hickory_proto::dnssec::DigestType::SHA256);
    let root = vec![crate::world::ns("example."), ds];
    let world = World::new(vec![Zone::signed(".", 1, Denial::Nsec, root), zone]);
    let key = world.zone("example.").key.as_ref().unwrap();
    for missing in 1..names.len() {
        let chain: Vec<&Name> = names.iter().filter(|name| **name != names[missing]).collect();
        let nsec = |at: usize| {
            let next = chain.get(at + 1).unwrap_or(&chain[0]);
            let types = if at == 0 { vec![RecordType::NS, RecordType::SOA] } else { vec![RecordType::TXT] };
            let data = RData::DNSSEC(DNSSECRData::NSEC(NSEC::new((*next).clone(), types)));
            let record = Record::from_rdata(chain[at].clone(), NEGATIVE_TTL, data);
            let signature = Signature { original_ttl: NEGATIVE_TTL, ..Signature::by(key, "example.") };
            [record.clone(), signature.over(&[record])]
        };
        let sets: Vec<[Record; 2]> = (0..chain.len()).map(nsec).collect();
        let asked = Question::new(names[missing].clone(), RecordType::A);
        // Without the record of the name before it nothing is said about it.
        for (left_out, holds) in [(None, true), (Some(missing - 1), false)] {
            let authority = sets.iter().enumerate().filter(|(at, _)| Some(*at) != left_out);
            let answer = message(vec![], authority.flat_map(|(_, set)| set.clone()).collect());
            let result =
                judge(&world, asked.clone(), |q, honest| if *q == asked { answer.clone() } else { honest });
            assert_eq!(
                result.as_ref().is_ok_and(|v| v.status == Status::Secure),
                holds,
                "{asked}: {result:?}"
            );
        }
    }
}

/// RFC 4034 §6.3: records are sorted as octets, and duplicates count once, whatever order they come in.
#[test]
fn an_rrset_is_a_set() {
    let zone = WORLD.zone("nsec.lab.");
    let by = |set: &[Record]| Signature::by(zone.key.as_ref().unwrap(), "nsec.lab.").over(set);
    let with = |asked: &Question, set: Vec<Record>| {
        let answer = message(set, vec![]);
        judge(&WORLD, asked.clone(), |q, honest| if q == asked { answer.clone() } else { honest })
    };
    let records: Vec<Record> =
        ["b", "", "a", "aa", "B"].iter().map(|text| txt("set.nsec.lab.", text)).collect();
    let signature = by(&records);
    let asked = question("set.nsec.lab.", RecordType::TXT);
    for rotation in 0..records.len() {
        let mut set = records.clone();
        set.rotate_left(rotation);
        set.push(set[0].clone());
        set.insert(rotation, signature.clone());
        let verdict = with(&asked, set).unwrap();
        let Outcome::Records(found) = verdict.outcome else { panic!("no records") };
        assert_eq!((verdict.status, found.len()), (Status::Secure, records.len()), "rotated by {rotation}");
    }
    // One record less is another set.
    let mut set = records;
    set.pop();
    set.push(signature);
    let failure = with(&asked, set).unwrap_err();
    assert!(matches!(failure.reason, Reason::BadSignature(SignatureFault::Invalid { .. })), "{failure}");
}
