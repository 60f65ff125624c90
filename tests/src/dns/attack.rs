//! Attacks: what somebody on the path can put together from genuine records of this and other zones, records of their own,
//! and signatures by keys that they really own.
//!
//! Each is aimed at a question that has a secure answer and wants the client to believe something else: that there is no
//! such record, that the zone is not signed, or that the record is the attacker's. Against a validator none may succeed.

use hickory_proto::{
    dnssec::{
        Algorithm, DigestType, Nsec3HashAlgorithm, PublicKey, PublicKeyBuf,
        rdata::{DNSKEY, DNSSECRData, DS, NSEC, NSEC3, RRSIG},
    },
    op::{Edns, Message, Query, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{
            A, AAAA, CNAME, MX, TLSA,
            tlsa::{CertUsage, Matching, Selector},
        },
    },
};

use super::{
    TamperError, World,
    authority::renamed,
    signing::ZoneKey,
    tamper::{Scene, strip_signatures, with_rcode},
    zone::{Zone, dname, label_count},
};

/// One composition.
pub struct Attack {
    /// Its name in a scenario.
    pub name: &'static str,
    /// What a client would have to get wrong to believe it.
    pub hope: &'static str,
    /// What the question itself gets.
    answer: Part,
    /// What the DS or DNSKEY question for the zone of the name gets, if that too is disturbed.
    chain: Option<(RecordType, Part)>,
}

/// A message made from the scene, or the ingredient that is missing.
type Part = fn(&Scene<'_>) -> Result<Message, &'static str>;

/// All attacks.
pub fn attacks() -> &'static [Attack] {
    ATTACKS
}

impl std::fmt::Debug for Attack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Attack {
    pub(super) fn apply(&self, scene: &Scene<'_>) -> Result<Option<Message>, TamperError> {
        let part = match self.chain {
            _ if scene.asks_target() => self.answer,
            Some((rtype, part)) if scene.asked() == (scene.origin().clone(), rtype) => part,
            _ => return Ok(None),
        };
        match part(scene) {
            Ok(message) => Ok(Some(message)),
            Err(needs) => Err(TamperError::Impossible {
                attack: self.name,
                question: format!("{} {}", scene.target.0, scene.target.1),
                needs,
            }),
        }
    }
}

const fn answer(name: &'static str, hope: &'static str, answer: Part) -> Attack {
    Attack { name, hope, answer, chain: None }
}

const fn chain(name: &'static str, hope: &'static str, rtype: RecordType, part: Part) -> Attack {
    Attack { name, hope, answer: deny_unsigned, chain: Some((rtype, part)) }
}

const ATTACKS: &[Attack] = &[
    answer("deny-empty", "an empty answer is a denial", |s| Ok(s.empty())),
    answer("deny-empty-nxdomain", "an rcode is a denial", |s| Ok(with_rcode(s.empty(), NX))),
    answer("deny-unsigned", "an SOA record is a denial", deny_unsigned),
    answer("deny-unsigned-nxdomain", "an SOA record is a denial of the name", |s| {
        Ok(with_rcode(deny_unsigned(s)?, NX))
    }),
    answer("deny-signed-soa", "a signed SOA record is a denial", |s| Ok(denial(s, zone(s).soa()))),
    answer("deny-signed-soa-nxdomain", "a signed SOA record is a denial of the name", |s| {
        Ok(with_rcode(denial(s, zone(s).soa()), NX))
    }),
    answer("deny-with-stripped-proof", "a genuine NSEC without its signature is a proof", |s| {
        Ok(strip_signatures(denial(s, other_type(s))))
    }),
    answer("deny-with-unsigned-nsec", "an NSEC needs no signature", |s| {
        Ok(denial(s, vec![made_up_nsec(&s.target.0)]))
    }),
    answer("deny-with-unsigned-nsec3", "an NSEC3 needs no signature", |s| {
        Ok(denial(s, vec![made_up_nsec3(s)]))
    }),
    answer("deny-with-borrowed-signature", "any signature of the zone will do", |s| {
        let nsec = made_up_nsec(&s.target.0);
        let rrsig = borrowed(s, &nsec)?;
        Ok(denial(s, vec![nsec, rrsig]))
    }),
    answer("deny-with-attacker-key", "the signer's name is believed without its key", |s| {
        let nsec = made_up_nsec(&s.target.0);
        let rrsig = attackers_key(s).sign_in_the_name_of(s.origin(), std::slice::from_ref(&nsec));
        Ok(denial(s, vec![nsec, rrsig]))
    }),
    answer("deny-with-attacker-signer", "any signer with a chain of trust will do", |s| {
        let nsec = made_up_nsec(&s.target.0);
        let rrsig = attackers_key(s).sign(std::slice::from_ref(&nsec));
        Ok(denial(s, vec![nsec, rrsig]))
    }),
    answer("deny-with-expired-nsec", "a signature holds for ever", |s| {
        let nsec = made_up_nsec(&s.target.0);
        let rrsig = key(s)?.sign_in_the_past(std::slice::from_ref(&nsec));
        Ok(denial(s, vec![nsec, rrsig]))
    }),
    answer("deny-with-foreign-nsec", "the NSEC of another zone is a proof", |s| {
        Ok(denial(s, ask(s.world, "mx.attacker.", RecordType::HINFO).authorities))
    }),
    answer("deny-with-foreign-nsec-nxdomain", "the NSEC of another zone denies the name", |s| {
        Ok(with_rcode(denial(s, ask(s.world, "none.attacker.", RecordType::A).authorities), NX))
    }),
    answer("deny-with-foreign-nsec3", "the NSEC3 of another zone is a proof", |s| {
        Ok(denial(s, ask(s.world, "mx.nsec3.attacker.", RecordType::HINFO).authorities))
    }),
    answer("deny-with-foreign-opt-out", "another zone's opt-out span makes this one insecure", |s| {
        Ok(denial(s, ask(s.world, "insecure.optout.attacker.", RecordType::DS).authorities))
    }),
    answer("deny-with-unsigned-zone", "what an unsigned zone says makes the answer insecure", |s| {
        Ok(denial(s, ask(s.world, "none.unsigned.attacker.", RecordType::A).authorities))
    }),
    answer("deny-with-other-type", "an NSEC that lists the type denies it", |s| Ok(denial(s, other_type(s)))),
    answer("deny-with-other-type-nxdomain", "an NSEC at the name denies the name", |s| {
        Ok(with_rcode(denial(s, other_type(s)), NX))
    }),
    answer("deny-with-apex-nsec", "an NSEC of another name is a proof", |s| {
        if s.target.0 == *s.origin() {
            return Err("a name below the apex of its zone");
        }
        Ok(denial(s, ask_name(s.world, s.origin(), RecordType::HINFO).authorities))
    }),
    answer("deny-with-replayed-nxdomain", "the denial of another name is a proof", |s| {
        Ok(with_rcode(denial(s, absent_sibling(s)), NX))
    }),
    answer("deny-with-replayed-nodata", "the denial of another name is a proof, for the type", |s| {
        Ok(denial(s, absent_sibling(s)))
    }),
    answer("deny-with-renamed-nsec", "a signature is not bound to its owner", |s| {
        if zone(s).nsec3().is_some() {
            return Err("a zone with an NSEC chain");
        }
        Ok(denial(s, renamed(apex_nsec(s), &s.target.0)))
    }),
    answer("deny-with-expanded-nsec", "the NSEC of a wildcard, expanded, is a proof", |s| {
        let nsec = wildcard_set(s, RecordType::NSEC)?;
        Ok(denial(s, renamed(nsec, &s.target.0)))
    }),
    answer("deny-with-parent-nsec", "the parent's side of a cut denies what is below it", |s| {
        let parent = parent(s)?;
        let mut proof = parent.soa();
        proof.extend(parent.deny_type(s.origin()));
        Ok(with_rcode(denial(s, proof), NX))
    }),
    answer("deny-with-root-nsec", "a denial by the root's NSEC covers every name", |s| {
        if s.origin().is_root() {
            return Err("a zone below the root");
        }
        Ok(with_rcode(denial(s, ask(s.world, "does-not-exist.", RecordType::A).authorities), NX))
    }),
    answer("forge-unsigned", "AD is believed", |s| {
        let mut message = with_answers(s, vec![attackers_record(s)]);
        message.metadata.authentic_data = true;
        Ok(message)
    }),
    answer("forge-with-borrowed-signature", "any signature of the zone will do", |s| {
        let record = attackers_record(s);
        let rrsig = borrowed(s, &record)?;
        Ok(with_answers(s, vec![record, rrsig]))
    }),
    answer("forge-with-attacker-key", "the signer's name is believed without its key", |s| {
        let record = attackers_record(s);
        let rrsig = attackers_key(s).sign_in_the_name_of(s.origin(), std::slice::from_ref(&record));
        Ok(with_answers(s, vec![record, rrsig]))
    }),
    answer("forge-with-attacker-signer", "any signer with a chain of trust will do", |s| {
        let record = attackers_record(s);
        let rrsig = attackers_key(s).sign(std::slice::from_ref(&record));
        Ok(with_answers(s, vec![record, rrsig]))
    }),
    answer("forge-with-expired-signature", "a signature holds for ever", |s| {
        let record = attackers_record(s);
        let rrsig = key(s)?.sign_in_the_past(std::slice::from_ref(&record));
        Ok(with_answers(s, vec![record, rrsig]))
    }),
    answer("paste-unsigned-answer", "an insecure answer to another question makes this one insecure", |s| {
        let elsewhere = attackers_name(s, "unsigned.attacker.");
        Ok(with_answers(s, ask_name(s.world, &elsewhere, s.target.1).answers))
    }),
    answer("add-unsigned-record", "a signature need not cover the whole RRset", |s| {
        let mut message = s.honest();
        message.answers.push(attackers_record(s));
        Ok(message)
    }),
    answer("alias-to-attacker", "a secure target makes the alias secure", |s| alias(s, "attacker.", false)),
    answer("alias-to-unsigned-attacker", "an insecure target makes the alias insecure", |s| {
        alias(s, "unsigned.attacker.", false)
    }),
    answer("alias-with-attacker-signer", "an alias may be signed by its target's zone", |s| {
        alias(s, "attacker.", true)
    }),
    answer("dname-to-attacker", "a DNAME needs no signature", |s| {
        let (owner, target) = (s.target.0.base_name(), attackers_name(s, "attacker.").base_name());
        let cname = Name::from_labels(s.target.0.iter().take(1).chain(target.iter())).unwrap();
        let mut message = s.empty();
        message.answers.push(Record::from_rdata(owner, 300, dname(&target)));
        message.answers.push(Record::from_rdata(s.target.0.clone(), 300, RData::CNAME(CNAME(cname.clone()))));
        message.answers.extend(ask_name(s.world, &cname, s.target.1).answers);
        Ok(message)
    }),
    answer("expand-wildcard-over-existing", "a wildcard answers for names that exist", |s| {
        let records = wildcard_set(s, s.target.1)?;
        Ok(with_answers(s, renamed(records, &s.target.0)))
    }),
    answer("flood-nsec3", "hashes are computed before anything is checked", |s| {
        let records = (0..150u8).flat_map(|number| {
            let owner = s.origin().prepend_label(format!("{number:0>32}").as_str()).unwrap();
            let nsec3 = Record::from_rdata(owner, 60, nsec3_rdata(u16::MAX, vec![number; 8]));
            let rrsig = borrowed(s, &nsec3);
            std::iter::once(nsec3).chain(rrsig)
        });
        Ok(with_rcode(denial(s, records.collect()), NX))
    }),
    chain("deny-ds-empty", "an empty answer denies the DS", RecordType::DS, |s| Ok(s.empty())),
    chain("deny-ds-unsigned", "an SOA record denies the DS", RecordType::DS, |s| {
        Ok(denial(s, unsigned(parent(s)?.soa())))
    }),
    chain("deny-ds-nxdomain", "an rcode denies the DS", RecordType::DS, |s| {
        Ok(with_rcode(denial(s, unsigned(parent(s)?.soa())), NX))
    }),
    chain("deny-ds-with-unsigned-nsec", "an NSEC at the cut needs no signature", RecordType::DS, |s| {
        Ok(denial(s, vec![insecure_cut(s.origin())]))
    }),
    chain("deny-ds-with-foreign-nsec", "the NSEC of another zone denies the DS", RecordType::DS, |s| {
        Ok(denial(s, ask(s.world, "unsigned.attacker.", RecordType::DS).authorities))
    }),
    chain(
        "deny-ds-with-foreign-opt-out",
        "another zone's opt-out span makes this insecure",
        RecordType::DS,
        |s| Ok(denial(s, ask(s.world, "insecure.optout.attacker.", RecordType::DS).authorities)),
    ),
    chain("deny-ds-with-attacker-signer", "any signer may deny the DS", RecordType::DS, |s| {
        let nsec = insecure_cut(s.origin());
        let rrsig = attackers_key(s).sign(std::slice::from_ref(&nsec));
        Ok(denial(s, vec![nsec, rrsig]))
    }),
    chain("deny-ds-with-child-nsec", "the child denies its own DS", RecordType::DS, |s| {
        let mut proof = zone(s).soa();
        proof.extend(zone(s).deny_type(s.origin()));
        Ok(denial(s, proof))
    }),
    chain(
        "deny-ds-with-sibling-nsec",
        "an insecure delegation beside the zone makes it insecure",
        RecordType::DS,
        |s| {
            let parent = parent(s)?;
            let insecure = parent.insecure_delegation().ok_or("an insecure delegation beside the zone")?;
            Ok(denial(s, ask_name(s.world, insecure, RecordType::DS).authorities))
        },
    ),
    chain("deny-ds-with-replayed-nxdomain", "the denial of another DS is a proof", RecordType::DS, |s| {
        let sibling = parent(s)?.origin().prepend_label("does-not-exist").unwrap();
        Ok(denial(s, ask_name(s.world, &sibling, RecordType::DS).authorities))
    }),
    chain(
        "deny-ds-with-unsupported-algorithm",
        "a DS needs no signature to be unsupported",
        RecordType::DS,
        |s| {
            let ds = DS::new(1, Algorithm::Unknown(122), DigestType::SHA256, vec![0x66; 32]);
            let record = Record::from_rdata(s.origin().clone(), 300, RData::DNSSEC(DNSSECRData::DS(ds)));
            Ok(with_answers(s, vec![record]))
        },
    ),
    chain("deny-dnskey", "a zone without keys is unsigned", RecordType::DNSKEY, |s| {
        Ok(denial(s, unsigned(zone(s).soa())))
    }),
    Attack {
        name: "replace-keys",
        hope: "a key is believed because it signs itself",
        answer: |s| {
            let record = attackers_record(s);
            let rrsig = attackers_key(s).sign_in_the_name_of(s.origin(), std::slice::from_ref(&record));
            Ok(with_answers(s, vec![record, rrsig]))
        },
        chain: Some((RecordType::DNSKEY, |s| {
            let dnskey = RData::DNSSEC(DNSSECRData::DNSKEY(attackers_key(s).dnskey().clone()));
            let record = Record::from_rdata(s.origin().clone(), 300, dnskey);
            let rrsig = attackers_key(s).sign_in_the_name_of(s.origin(), std::slice::from_ref(&record));
            Ok(with_answers(s, vec![record, rrsig]))
        })),
    },
    Attack {
        name: "collide-key-tags",
        hope: "every key with the right tag is tried, for every signature",
        answer: |s| Ok(s.honest()),
        chain: Some((RecordType::DNSKEY, |s| {
            let mut message = s.honest();
            let genuine = key(s)?.dnskey().public_key();
            for turn in 1..genuine.public_bytes().len() / 2 {
                // A tag is a sum of 16-bit words (RFC 4034 appendix B): their order does not matter.
                let mut octets = genuine.public_bytes().to_vec();
                octets.rotate_left(2 * turn);
                let key = DNSKEY::new(true, true, false, PublicKeyBuf::new(octets, genuine.algorithm()));
                let record =
                    Record::from_rdata(s.origin().clone(), 3600, RData::DNSSEC(DNSSECRData::DNSKEY(key)));
                message.answers.insert(0, record);
            }
            Ok(message)
        })),
    },
];

const NX: ResponseCode = ResponseCode::NXDomain;

fn deny_unsigned(scene: &Scene<'_>) -> Result<Message, &'static str> {
    Ok(denial(scene, unsigned(zone(scene).soa())))
}

fn denial(scene: &Scene<'_>, authorities: Vec<Record>) -> Message {
    let mut message = scene.empty();
    message.authorities = authorities;
    message
}

fn with_answers(scene: &Scene<'_>, answers: Vec<Record>) -> Message {
    let mut message = scene.empty();
    message.answers = answers;
    message
}

fn alias(scene: &Scene<'_>, to: &str, signed: bool) -> Result<Message, &'static str> {
    let target = attackers_name(scene, to);
    let cname = Record::from_rdata(scene.target.0.clone(), 300, RData::CNAME(CNAME(target.clone())));
    let rrsig = signed.then(|| attackers_key(scene).sign(std::slice::from_ref(&cname)));
    let there = ask_name(scene.world, &target, scene.target.1);
    let answers = std::iter::once(cname).chain(rrsig).chain(there.answers).collect();
    Ok(with_answers(scene, answers))
}

fn zone<'a>(scene: &Scene<'a>) -> &'a Zone {
    super::front::zone_for(scene.world, &scene.target.0, scene.target.1)
}

fn parent<'a>(scene: &Scene<'a>) -> Result<&'a Zone, &'static str> {
    scene.world.parent_of(zone(scene).origin()).ok_or("a zone below the root")
}

/// The zone's own key, for what it has signed or may have signed once.
fn key<'a>(scene: &Scene<'a>) -> Result<&'a ZoneKey, &'static str> {
    zone(scene).key().ok_or("a signed zone")
}

/// The key of `attacker.`, which has an honest chain of trust.
fn attackers_key<'a>(scene: &Scene<'a>) -> &'a ZoneKey {
    let zone = scene.world.zone_holding(&Name::from_ascii("attacker.").unwrap());
    zone.key().expect("the attacker's zone is signed")
}

fn unsigned(records: Vec<Record>) -> Vec<Record> {
    records.into_iter().filter(|record| record.record_type() != RecordType::RRSIG).collect()
}

/// Asks the world as a validating client would.
fn ask(world: &World, name: &str, rtype: RecordType) -> Message {
    ask_name(world, &Name::from_ascii(name).unwrap(), rtype)
}

pub(super) fn ask_name(world: &World, name: &Name, rtype: RecordType) -> Message {
    let mut query = Message::query();
    query.add_query(Query::query(name.clone(), rtype));
    let mut edns = Edns::new();
    edns.set_dnssec_ok(true);
    query.edns = Some(edns);
    world.answer(&query)
}

/// The genuine denial of a type that the name really lacks.
fn other_type(scene: &Scene<'_>) -> Vec<Record> {
    ask_name(scene.world, &scene.target.0, RecordType::HINFO).authorities
}

/// The genuine denial of a name in the same zone.
fn absent_sibling(scene: &Scene<'_>) -> Vec<Record> {
    let sibling = scene.origin().prepend_label("does-not-exist").unwrap();
    ask_name(scene.world, &sibling, RecordType::A).authorities
}

fn apex_nsec(scene: &Scene<'_>) -> Vec<Record> {
    zone(scene).deny_type(zone(scene).origin())
}

/// The RRset of a wildcard that lies above the name, signed.
fn wildcard_set(scene: &Scene<'_>, rtype: RecordType) -> Result<Vec<Record>, &'static str> {
    let (zone, name) = (zone(scene), &scene.target.0);
    (label_count(zone.origin())..label_count(name))
        .rev()
        .map(|labels| name.trim_to(labels).prepend_label("*").unwrap())
        .find_map(|wildcard| zone.set(&wildcard, rtype))
        .map(|set| zone.signed(set))
        .ok_or("a wildcard with that type above the name, in a zone with an NSEC chain if NSEC is meant")
}

/// An RRSIG that the zone really made, for its SOA, put over `record`.
fn borrowed(scene: &Scene<'_>, record: &Record) -> Result<Record, &'static str> {
    let soa = zone(scene).soa();
    let Some(RData::DNSSEC(DNSSECRData::RRSIG(rrsig))) = soa.last().map(|record| &record.data) else {
        return Err("a signed zone");
    };
    let mut input = rrsig.input().clone();
    input.type_covered = record.record_type();
    input.num_labels = record.name.num_labels();
    input.original_ttl = record.ttl;
    let rrsig = RData::DNSSEC(DNSSECRData::RRSIG(RRSIG::from_sig(input, rrsig.sig().to_vec())));
    Ok(Record::from_rdata(record.name.clone(), record.ttl, rrsig))
}

/// An NSEC at `name` that lists nothing but a NAPTR record, which nobody asks for.
fn made_up_nsec(name: &Name) -> Record {
    nsec(name, [RecordType::NAPTR])
}

/// An NSEC as it stands at an insecure delegation.
fn insecure_cut(name: &Name) -> Record {
    nsec(name, [RecordType::NS])
}

fn nsec(name: &Name, types: [RecordType; 1]) -> Record {
    let next = name.prepend_label(&b"\0"[..]).unwrap();
    let nsec = NSEC::new_cover_self(next, types);
    Record::from_rdata(name.clone(), 60, RData::DNSSEC(DNSSECRData::NSEC(nsec)))
}

/// An opt-out NSEC3 that spans all hashes but one.
fn made_up_nsec3(scene: &Scene<'_>) -> Record {
    let owner = scene.origin().prepend_label("0".repeat(32).as_str()).unwrap();
    Record::from_rdata(owner, 60, nsec3_rdata(0, Vec::new()))
}

fn nsec3_rdata(iterations: u16, salt: Vec<u8>) -> RData {
    let next = vec![0xff; 20];
    let types = [RecordType::NAPTR];
    RData::DNSSEC(DNSSECRData::NSEC3(NSEC3::new(
        Nsec3HashAlgorithm::SHA1,
        true,
        iterations,
        salt,
        next,
        types,
    )))
}

/// What the attacker wants to be believed in the place of the genuine record.
fn attackers_record(scene: &Scene<'_>) -> Record {
    let (name, rtype) = scene.target;
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "an address will do for every type that has no row here"
    )]
    let data = match *rtype {
        RecordType::AAAA => RData::AAAA(AAAA::new(0, 0, 0, 0, 0, 0, 0, 1)),
        RecordType::MX => RData::MX(MX::new(1, attackers_name(scene, "attacker."))),
        RecordType::CNAME => RData::CNAME(CNAME(attackers_name(scene, "attacker."))),
        RecordType::TLSA => {
            let all_the_same = vec![0x66; 32];
            RData::TLSA(TLSA::new(CertUsage::DaneEe, Selector::Spki, Matching::Sha256, all_the_same))
        }
        _ => RData::A(A::new(127, 0, 0, 66)),
    };
    Record::from_rdata(name.clone(), 300, data)
}

/// A name in the attacker's zone `below` that has a record of the type.
fn attackers_name(scene: &Scene<'_>, below: &str) -> Name {
    let prefix = if scene.target.1 == RecordType::TLSA { "_25._tcp.mx" } else { "mx" };
    Name::from_ascii(format!("{prefix}.{below}")).unwrap()
}
