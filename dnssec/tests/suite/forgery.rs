//! What an attacker makes of one answer: anything that was ever signed, expanded, renamed, thinned out, aged, mixed with
//! what they wrote and signed themselves.

use std::collections::HashMap;

use dnssec::Question;
use hickory_proto::{
    dnssec::{
        DigestType, Nsec3HashAlgorithm,
        rdata::{DNSSECRData, NSEC, NSEC3},
    },
    op::{Message, MessageType, OpCode, ResponseCode},
    rr::{Name, RData, Record, RecordType},
};

use crate::{
    battlefield::{OWN, own_key},
    random::Random,
    world::{
        Denial, Key, NEGATIVE_TTL, NOW, SALT, Signature, World, Zone, a, base32hex, cname, dname, name, ns,
        nsec3_hash, nsec3_owner, tlsa, txt,
    },
};

/// All that an attacker can draw on, worked out once for all their attempts.
pub(crate) struct Arsenal<'w> {
    pub(crate) world: &'w World,
    /// Every genuine RRset with its signature, and the zone it is from.
    sets: Vec<(usize, Vec<Record>)>,
    /// Those of `sets` that wildcards own.
    wildcards: Vec<usize>,
    by_owner: HashMap<Name, Vec<usize>>,
    by_type: HashMap<RecordType, Vec<usize>>,
    zones_above: HashMap<Name, Vec<usize>>,
    /// What zones once signed, by the index of the zone: their signatures are over, or not yet valid.
    aged: HashMap<usize, Vec<Vec<Record>>>,
    /// The key of the attacker's own zone.
    own: Key,
    /// A key that no zone has, but that each once had.
    stolen: Key,
    honest: HashMap<Question, Message>,
    denials: HashMap<(usize, Name), Vec<Record>>,
}

impl<'w> Arsenal<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        let mut sets = Vec::new();
        for (index, zone) in world.zones.iter().enumerate() {
            sets.extend(zone.sets.values().flat_map(|types| types.values()).map(|set| (index, set.clone())));
        }
        let wildcards = (0..sets.len()).filter(|at| sets[*at].1[0].name.is_wildcard()).collect();
        let mut by_owner: HashMap<Name, Vec<usize>> = HashMap::new();
        let mut by_type: HashMap<RecordType, Vec<usize>> = HashMap::new();
        for (at, (_, set)) in sets.iter().enumerate() {
            by_owner.entry(set[0].name.clone()).or_default().push(at);
            by_type.entry(set[0].record_type()).or_default().push(at);
        }
        let stolen = Key::new(222);
        let signed = world.zones.iter().enumerate().filter(|(_, zone)| zone.key.is_some());
        let aged = signed.map(|(index, zone)| (index, aged(zone, &stolen))).collect();
        let (honest, denials, zones_above) = (HashMap::new(), HashMap::new(), HashMap::new());
        let own = own_key();
        Self { world, sets, wildcards, by_owner, by_type, zones_above, aged, own, stolen, honest, denials }
    }

    pub(crate) fn honest(&mut self, question: &Question) -> Message {
        self.honest.entry(question.clone()).or_insert_with(|| self.world.ask(question)).clone()
    }

    /// The genuine sets at a name.
    fn at(&self, owner: &Name) -> impl Iterator<Item = &Vec<Record>> {
        self.by_owner.get(owner).into_iter().flatten().map(|at| &self.sets[*at].1)
    }

    /// The types that a name has, or that the wildcards above it would lend it.
    pub(crate) fn types_at(&self, name: &Name) -> Vec<RecordType> {
        let mut types: Vec<RecordType> = self.at(name).map(|set| set[0].record_type()).collect();
        let mut above = name.clone();
        while !above.is_root() {
            above = above.base_name();
            types.extend(self.at(&above.prepend_label("*").unwrap()).map(|set| set[0].record_type()));
        }
        types.retain(|t| !matches!(t, RecordType::NSEC | RecordType::NSEC3));
        types
    }

    fn denial_of(&mut self, zone: usize, about: &Name) -> Vec<Record> {
        let known = self.denials.entry((zone, about.clone()));
        known.or_insert_with(|| self.world.zones[zone].denial_of(about)).clone()
    }

    /// The signed zones at or above a name, the nearest first.
    fn zones_above(&mut self, name: &Name) -> &[usize] {
        let zones = &self.world.zones;
        self.zones_above.entry(name.clone()).or_insert_with(|| {
            let signed = |index: &usize| zones[*index].key.is_some() && zones[*index].apex.zone_of(name);
            let mut above: Vec<usize> = (0..zones.len()).filter(signed).collect();
            above.sort_by_key(|index| std::cmp::Reverse(zones[*index].apex.iter().count()));
            above
        })
    }

    /// As a rule the zone nearest to a name or the one above it, at times any.
    fn zone_for(&mut self, random: &mut Random, name: &Name) -> usize {
        let above = self.zones_above(name);
        match random.below(8) {
            0..=3 => above[0],
            4..=5 => above[1.min(above.len() - 1)],
            6 => *random.pick(above),
            _ => loop {
                let any = random.below(self.world.zones.len());
                if self.world.zones[any].key.is_some() {
                    return any;
                }
            },
        }
    }

    /// A false answer to one question.
    pub(crate) fn bend(&mut self, random: &mut Random, question: &Question) -> Message {
        let mut message = match random.below(13) {
            0 => self.thinned(random, question),
            1 => self.widened(random, question),
            2..=5 => self.denied(random, question),
            6..=8 => self.expanded(random, question),
            9 => self.forged(random, question),
            10 => self.moved(random, question),
            11 => self.replayed(random, question),
            _ => {
                let mut message = self.expanded(random, question);
                let more = match random.once_in(2) {
                    true => self.denied(random, question),
                    false => self.forged(random, question),
                };
                message.answers.extend(more.answers);
                message.authorities.extend(more.authorities);
                message
            }
        };
        if random.once_in(16) {
            let at = random.below(self.sets.len());
            message.authorities.extend(self.sets[at].1.clone());
        }
        if random.once_in(16) {
            // Sections are only where a record stands.
            std::mem::swap(&mut message.answers, &mut message.authorities);
        }
        header(random, &mut message);
        message
    }

    /// The honest answer, without some of it.
    fn thinned(&mut self, random: &mut Random, question: &Question) -> Message {
        let mut message = self.honest(question);
        match random.below(4) {
            0 => message.answers.clear(),
            1 => message.answers.retain(|record| record.record_type() != RecordType::RRSIG),
            2 => thin(random, &mut message.answers, 4),
            _ => {}
        }
        match random.below(4) {
            0 => message.authorities.clear(),
            1 => thin(random, &mut message.authorities, 3),
            _ => {}
        }
        message
    }

    /// The honest answer, with something forged among it, or in the place of some of it.
    fn widened(&mut self, random: &mut Random, question: &Question) -> Message {
        let mut message = self.honest(question);
        let forged = unsigned(random, question, &question.name);
        if random.once_in(2) {
            let replaced = |r: &Record| r.name == forged.name && r.record_type() == forged.record_type();
            message.answers.retain(|record| !replaced(record));
        }
        let at = random.below(message.answers.len() + 1);
        message.answers.insert(at, forged);
        message
    }

    /// No answer, and all that one zone can say against the name.
    fn denied(&mut self, random: &mut Random, question: &Question) -> Message {
        let mut message = empty();
        let zone = self.zone_for(random, &question.name);
        message.authorities = self.denials_against(random, zone, &question.name);
        if random.once_in(3) {
            let more = self.false_denial(random, zone, question);
            let at = random.below(message.authorities.len() + 1);
            message.authorities.splice(at..at, more);
        }
        if random.once_in(8) {
            let zone = self.zone_for(random, &question.name);
            message.authorities.extend(self.denials_against(random, zone, &question.name));
        }
        message
    }

    /// Genuine denials of one zone: about the name, all above it, and the wildcards beside them, in any order and some of
    /// them left out.
    fn denials_against(&mut self, random: &mut Random, zone: usize, against: &Name) -> Vec<Record> {
        let apex = self.world.zones[zone].apex.clone();
        let mut about = Vec::new();
        let mut ancestor = if apex.zone_of(against) { against.clone() } else { apex.clone() };
        loop {
            about.extend([ancestor.prepend_label("*").unwrap(), ancestor.clone()]);
            if ancestor == apex {
                break;
            }
            ancestor = ancestor.base_name();
        }
        let left_out = *random.pick(&[0, 0, 8, 2]);
        random.shuffle(&mut about);
        let mut records: Vec<Record> = Vec::new();
        for name in about {
            if left_out > 0 && random.once_in(left_out) {
                continue;
            }
            let set = self.denial_of(zone, &name);
            if !records.contains(&set[0]) {
                records.extend(set);
            }
        }
        if random.once_in(2) {
            records.extend(self.world.zones[zone].get(&apex, RecordType::SOA).unwrap());
        }
        records
    }

    /// A denial that is not what a zone signed.
    fn false_denial(&mut self, random: &mut Random, zone: usize, question: &Question) -> Vec<Record> {
        let world = self.world;
        let own_zone = world.zones.iter().position(|zone| zone.apex == name(OWN)).unwrap();
        let above = question.name.trim_to(random.below(question.name.iter().count() + 1));
        let owner = match random.below(4) {
            0 => question.name.clone(),
            1 => above,
            // Directly before the name in canonical order, so that it lies in the gap.
            2 => question.name.base_name().prepend_label("0").unwrap(),
            _ => world.zones[zone].apex.clone(),
        };
        match random.below(5) {
            // The NSEC of a wildcard, expanded like data.
            0 | 1 => {
                let star = |at: &&usize| {
                    let set = &self.sets[**at].1[0];
                    set.record_type() == RecordType::NSEC && set.name.base_name().zone_of(&owner)
                };
                let stars: Vec<usize> = self.wildcards.iter().filter(star).copied().collect();
                match stars.is_empty() {
                    true => vec![],
                    false => renamed(&self.sets[*random.pick(&stars)].1, &owner),
                }
            }
            // A genuine one under another owner, or changed, with the signature it had.
            2 => {
                let mut set = self.denial_of(zone, &owner_in(&world.zones[zone], &owner));
                if random.once_in(2) {
                    return renamed(&set, &owner);
                }
                if let RData::DNSSEC(DNSSECRData::NSEC3(nsec3)) = &set[0].data {
                    set[0].data = RData::DNSSEC(DNSSECRData::NSEC3(NSEC3::new(
                        Nsec3HashAlgorithm::SHA1,
                        true,
                        *random.pick(&[nsec3.iterations(), 151, 65535]),
                        SALT.to_vec(),
                        nsec3.next_hashed_owner_name().to_vec(),
                        [],
                    )));
                } else {
                    set[0].data = self.written(random, question, &owner).data;
                }
                set
            }
            // Written by the attacker: under their own key, in their own name or another's, or with no signature.
            _ => {
                let record = match random.once_in(2) {
                    true => self.written(random, question, &owner),
                    false => {
                        let zone = &world.zones[*random.pick(&[zone, own_zone])];
                        written_nsec3(random, zone, &owner)
                    }
                };
                let apex = world.zones[zone].apex.to_ascii();
                let signature = match random.below(4) {
                    0 => Signature::by(&self.own, OWN),
                    1 => Signature::by(&self.own, &apex),
                    2 => Signature::by(&self.stolen, &apex),
                    _ => return vec![record],
                };
                let set = vec![record];
                let signature = signature.over(&set);
                [set, vec![signature]].concat()
            }
        }
    }

    /// An NSEC record that says whatever serves.
    fn written(&mut self, random: &mut Random, question: &Question, owner: &Name) -> Record {
        let next = match random.below(3) {
            0 => question.name.prepend_label("zz").unwrap(),
            1 => owner.prepend_label("zz").unwrap(),
            _ => self.world.zones[self.zone_for(random, &question.name)].apex.clone(),
        };
        let types = random.pick(&[vec![RecordType::TXT], vec![RecordType::NS], vec![]]).clone();
        let data = RData::DNSSEC(DNSSECRData::NSEC(NSEC::new(next, types)));
        Record::from_rdata(owner.clone(), NEGATIVE_TTL, data)
    }

    /// A wildcard's records under a name that may or may not be its to stand for, with denials of whatever zone.
    fn expanded(&mut self, random: &mut Random, question: &Question) -> Message {
        let wanted = |at: &&usize| {
            let first = &self.sets[**at].1[0];
            let fits = [question.record_type, RecordType::CNAME].contains(&first.record_type());
            fits && first.name.base_name().zone_of(&question.name)
        };
        let mut wildcards: Vec<usize> = self.wildcards.iter().filter(wanted).copied().collect();
        if wildcards.is_empty() || random.once_in(8) {
            wildcards.clone_from(&self.wildcards);
        }
        let (mut zone, set) = self.sets[*random.pick(&wildcards)].clone();
        let mut message = empty();
        message.answers = renamed(&set, &question.name);
        if self.world.zones[zone].key.is_none() || random.once_in(4) {
            zone = self.zone_for(random, &question.name);
        }
        message.authorities = self.denials_against(random, zone, &question.name);
        if random.once_in(4) {
            let more = self.false_denial(random, zone, question);
            message.authorities.extend(more);
        }
        message
    }

    /// Data of the attacker's making, with one kind of signature or another.
    fn forged(&mut self, random: &mut Random, question: &Question) -> Message {
        let mut message = empty();
        let owner = match random.below(4) {
            0 => question.name.trim_to(random.below(question.name.iter().count() + 1)),
            _ => question.name.clone(),
        };
        let apex = owner.to_ascii();
        let key = if random.once_in(2) { &self.stolen } else { &self.own };
        let (asks_ds, asks_key) = of_chain(question);
        let set = match random.below(4) {
            1.. if asks_ds => vec![key.ds(&apex, DigestType::SHA256)],
            1.. if asks_key => vec![key.dnskey_record(&apex)],
            _ => vec![unsigned(random, question, &owner)],
        };
        let signature = match random.below(7) {
            0 => None,
            1 | 2 => Some(Signature::by(&self.own, OWN).over(&set)),
            3 => {
                let signer = owner.trim_to(random.below(owner.iter().count() + 1)).to_ascii();
                Some(Signature::by(&self.stolen, &signer).over(&set))
            }
            // One that was made over something else.
            _ => {
                let mut known =
                    self.at(&owner).filter(|known| known[0].record_type() == set[0].record_type());
                known.next().and_then(|known| known.last().cloned())
            }
        };
        message.answers = set;
        message.answers.extend(signature);
        if random.once_in(2) {
            let zone = self.zone_for(random, &question.name);
            message.authorities = self.denials_against(random, zone, &question.name);
        }
        message
    }

    /// A genuine set of the type from elsewhere, under this name.
    fn moved(&mut self, random: &mut Random, question: &Question) -> Message {
        let mut message = empty();
        let record_type = match random.below(4) {
            0 => RecordType::CNAME,
            1 => RecordType::DNAME,
            _ => question.record_type,
        };
        let Some(fits) = self.by_type.get(&record_type) else { return message };
        let set = &self.sets[*random.pick(fits)].1;
        let owner = match set[0].record_type() == RecordType::DNAME {
            true => question.name.base_name(),
            false => question.name.clone(),
        };
        message.answers = match random.once_in(3) {
            true => set.clone(),
            false => renamed(set, &owner),
        };
        if random.once_in(2) {
            let zone = self.zone_for(random, &question.name);
            message.authorities = self.denials_against(random, zone, &question.name);
        }
        message
    }

    /// What a zone signed at another time.
    fn replayed(&mut self, random: &mut Random, question: &Question) -> Message {
        let mut message = empty();
        let zone = self.zone_for(random, &question.name);
        for set in &self.aged[&zone] {
            let first = &set[0];
            if matches!(first.record_type(), RecordType::NSEC | RecordType::NSEC3) {
                message.authorities.extend(set.iter().cloned());
            } else if first.name == question.name {
                message.answers.extend(set.iter().cloned());
            }
        }
        message
    }

    /// A false answer to any question, out of one plan: `signer` is a zone whose keys are the attacker's.
    pub(crate) fn as_zone(&mut self, random: &mut Random, question: &Question, signer: &Name) -> Message {
        let mut message = self.honest(question);
        let by = |own: &Self, set: &[Record]| Signature::by(&own.stolen, &signer.to_ascii()).over(set);
        let (asks_ds, asks_key) = of_chain(question);
        if asks_key && question.name == *signer {
            let key = self.stolen.dnskey_record(&signer.to_ascii());
            match random.below(3) {
                // Beside the zone's own keys, with the signature over those.
                0 => message.answers.insert(0, key),
                // As it was in the zone's keys when they were signed at another time.
                1 => {
                    message = self.replayed(random, question);
                    if message.answers.is_empty() {
                        message.answers = vec![key];
                    }
                }
                _ => {
                    let set = vec![key];
                    message.answers = [set.clone(), vec![by(self, &set)]].concat();
                }
            }
        } else if asks_ds && question.name == *signer && random.once_in(2) {
            message = self.forged(random, question);
        } else if !asks_ds && !asks_key {
            message = empty();
            let denies = random.once_in(4);
            let set = match denies {
                true => vec![self.written(random, question, &question.name)],
                false => vec![unsigned(random, question, &question.name)],
            };
            let signed = [set.clone(), vec![by(self, &set)]].concat();
            match denies {
                true => message.authorities = signed,
                false => message.answers = signed,
            }
        }
        message
    }

    /// What is said for a name whose zone has just been made to look unsigned: nothing signed.
    pub(crate) fn bare(&mut self, random: &mut Random, question: &Question) -> Message {
        let mut message = empty();
        match random.below(3) {
            0 => message.answers.push(unsigned(random, question, &question.name)),
            1 => {}
            _ => {
                message = self.honest(question);
                message.answers.retain(|record| record.record_type() != RecordType::RRSIG);
                message.authorities.clear();
            }
        }
        header(random, &mut message);
        message
    }
}

/// Whether a question is for DS, and whether it is for DNSKEY.
fn of_chain(question: &Question) -> (bool, bool) {
    (question.record_type == RecordType::DS, question.record_type == RecordType::DNSKEY)
}

fn empty() -> Message {
    Message::new(0, MessageType::Response, OpCode::Query)
}

fn header(random: &mut Random, message: &mut Message) {
    message.metadata.response_code = *random.pick(&[ResponseCode::NoError, ResponseCode::NXDomain]);
    message.metadata.authoritative = random.once_in(2);
    message.metadata.authentic_data = random.once_in(2);
}

/// Takes each record away once in `n` times.
fn thin(random: &mut Random, records: &mut Vec<Record>, n: usize) {
    records.retain(|_| !random.once_in(n));
}

/// A record of the attacker's making: of the type asked for, or an alias, or a delegation.
fn unsigned(random: &mut Random, question: &Question, owner: &Name) -> Record {
    let wanted = |record_type| question.record_type == record_type;
    let mut record = match random.below(8) {
        0 => cname(".", "host.plain.lab."),
        1 => cname(".", "host.n.lab."),
        2 => dname(".", "plain.lab."),
        3 => ns("."),
        _ if wanted(RecordType::TXT) => txt(".", "forged"),
        _ if wanted(RecordType::TLSA) => tlsa(".", 99),
        _ if wanted(RecordType::CNAME) => cname(".", "host.plain.lab."),
        _ => a(".", 99),
    };
    // As it is: not every name can be read back from text.
    record.name = owner.clone();
    record
}

/// An NSEC3 record that matches a name, or spans nearly everything.
fn written_nsec3(random: &mut Random, zone: &Zone, about: &Name) -> Record {
    let iterations = match zone.denial {
        Denial::Nsec3 { iterations, .. } => *random.pick(&[iterations, 151]),
        Denial::Nsec => 0,
    };
    let (owner, next) = match random.once_in(2) {
        true => (nsec3_owner(&zone.apex, about, iterations), nsec3_hash(about, iterations)),
        false => (zone.apex.prepend_label(base32hex(&[0; 20]).as_str()).unwrap(), vec![0xff; 20]),
    };
    let opt_out = random.once_in(2);
    let data = NSEC3::new(Nsec3HashAlgorithm::SHA1, opt_out, iterations, SALT.to_vec(), next, []);
    Record::from_rdata(owner, NEGATIVE_TTL, RData::DNSSEC(DNSSECRData::NSEC3(data)))
}

fn owner_in(zone: &Zone, owner: &Name) -> Name {
    if zone.apex.zone_of(owner) { owner.clone() } else { zone.apex.clone() }
}

pub(crate) fn renamed(set: &[Record], owner: &Name) -> Vec<Record> {
    set.iter().map(|r| Record::from_rdata(owner.clone(), r.ttl, r.data.clone())).collect()
}

/// What a zone signed when it had nothing but its apex, unsigned delegations and another key: all signatures of that time
/// are over, or of a time to come.
fn aged(zone: &Zone, stolen: &Key) -> Vec<Vec<Record>> {
    let key = zone.key.as_ref().unwrap();
    let apex = zone.apex.to_ascii();
    let mut sets = vec![vec![key.dnskey_record(&apex), stolen.dnskey_record(&apex)]];
    let hosts = zone.sets.iter().filter(|(_, types)| types.contains_key(&u16::from(RecordType::A)));
    sets.extend(hosts.map(|(owner, _)| vec![a(&owner.to_ascii(), 66)]));
    let cuts = zone
        .sets
        .iter()
        .filter(|(o, types)| **o != zone.apex && types.contains_key(&u16::from(RecordType::NS)));
    let mut denials = vec![(zone.apex.clone(), vec![RecordType::NS, RecordType::SOA, RecordType::DNSKEY])];
    denials.extend(cuts.map(|(owner, _)| (owner.clone(), vec![RecordType::NS])));
    for (owner, types) in denials {
        let (owner, data) = match zone.denial {
            Denial::Nsec => (owner, DNSSECRData::NSEC(NSEC::new(zone.apex.clone(), types))),
            Denial::Nsec3 { iterations, opt_out } => {
                let next = nsec3_hash(&owner, iterations);
                let data =
                    NSEC3::new(Nsec3HashAlgorithm::SHA1, opt_out, iterations, SALT.to_vec(), next, types);
                (nsec3_owner(&zone.apex, &owner, iterations), DNSSECRData::NSEC3(data))
            }
        };
        sets.push(vec![Record::from_rdata(owner, NEGATIVE_TTL, RData::DNSSEC(data))]);
    }
    for (n, set) in sets.iter_mut().enumerate() {
        let (inception, expiration) = if n % 2 == 0 { (NOW - 90, NOW - 1) } else { (NOW + 1, NOW + 90) };
        let signature = Signature { inception, expiration, ..Signature::by(key, &apex) };
        let signature = signature.over(set);
        set.push(signature);
    }
    sets
}
