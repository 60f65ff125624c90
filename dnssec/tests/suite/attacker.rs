//! Whoever sits on the path may compose any message out of all that was ever signed, any expansion of it, and
//! anything unsigned. They must not get a false verdict for it.

use dnssec::{Limits, Outcome, Question, Status};
use hickory_proto::{
    op::{Message, MessageType, OpCode, ResponseCode},
    rr::{Name, RData, Record, RecordType},
};

use crate::world::{
    Key, NOW, Signature, WORLD, World, a, cname, dname, drive, genuine, honest, name, ns, question, tlsa, txt,
};

/// How many attacks of each kind are tried on every question.
const ROUNDS: u64 = 30;

/// What a name really has, and what an attacker may at most get for it.
enum Truth {
    /// These records, securely.
    Data(Vec<RData>),
    /// Nothing, securely.
    Absent(Outcome),
    /// The zone proves less than absence (opt-out): nothing, or insecure.
    Open,
    /// Unsigned.
    Insecure,
}

fn questions() -> Vec<(Question, Truth)> {
    use RecordType::{A, CNAME, DS, MX, TLSA, TXT};
    let mut questions = Vec::new();
    for apex in ["lab.", "nsec.lab.", "nsec3.lab.", "child.nsec3.lab.", "optout.lab."] {
        let opt_out = apex == "optout.lab.";
        let at = |label: &str, record_type| question(&format!("{label}.{apex}"), record_type);
        for asked in [
            question(apex, A),
            at("host", A),
            at("host", TXT),
            at("_25._tcp.host", TLSA),
            at("deep.ent", A),
            at("exact.wild", A),
            at("alias", A),
            at("alias", CNAME),
            at("exact.d", A),
        ] {
            let Outcome::Records(records) = honest(&WORLD, asked.clone()).unwrap().outcome else {
                panic!("{asked} has data");
            };
            let data = records.into_iter().map(|record| record.data).collect();
            questions.push((asked, Truth::Data(data)));
        }
        for asked in [at("_25._tcp.mx", TLSA), at("x.wild", TXT), at("x.walias", A)] {
            // Under opt-out an unsigned delegation may stand before any wildcard.
            let Outcome::Records(records) = honest(&WORLD, asked.clone()).unwrap().outcome else {
                panic!("{asked} has data");
            };
            let data = records.into_iter().map(|record| record.data).collect();
            questions.push((asked, if opt_out { Truth::Open } else { Truth::Data(data) }));
        }
        for (asked, outcome) in [
            (at("host", TLSA), Outcome::NoData),
            (at("host", MX), Outcome::NoData),
            (at("exact.wild", TXT), Outcome::NoData),
            (at("ent", A), Outcome::NoData),
            (at("host", DS), Outcome::NoData),
        ] {
            questions.push((asked, Truth::Absent(outcome)));
        }
        for (asked, outcome) in [
            (at("missing", A), Outcome::NxDomain),
            (at("below.exact.wild", TXT), Outcome::NxDomain),
            (at("_25._tcp.missing", TLSA), Outcome::NxDomain),
            (at("x.wild", A), Outcome::NoData),
        ] {
            questions.push((asked, if opt_out { Truth::Open } else { Truth::Absent(outcome) }));
        }
    }
    for apex in ["nsec.lab.", "nsec3.lab.", "child.nsec3.lab.", "optout.lab."] {
        let asked = question(apex, DS);
        let Outcome::Records(records) = honest(&WORLD, asked.clone()).unwrap().outcome else {
            panic!("{asked} has data");
        };
        questions.push((asked, Truth::Data(records.into_iter().map(|record| record.data).collect())));
    }
    questions.push((question("host.plain.lab.", A), Truth::Insecure));
    questions.push((question("_25._tcp.host.plain.lab.", TLSA), Truth::Insecure));
    questions.push((question("leave.nsec.lab.", A), Truth::Insecure));
    questions.push((question("into.plain.lab.", A), Truth::Insecure));
    questions
}

/// `None` where the verdict is one that the attacker may get; otherwise what is wrong with it.
fn bent(asked: &Question, truth: &Truth) -> impl Fn(&World, &mut Attacker<'_>) -> Option<String> {
    move |world, attacker| {
        let mut memory: Vec<(Question, Message)> = Vec::new();
        let (end, _) = drive(asked.clone(), &world.anchors, NOW, Limits::default(), |q| {
            if let Some((_, message)) = memory.iter().find(|(known, _)| known == q) {
                return Ok(message.clone());
            }
            let message = attacker.answer(q, asked);
            memory.push((q.clone(), message.clone()));
            Ok(message)
        });
        let Ok(verdict) = end else {
            attacker.refused += 1;
            return None;
        };
        attacker.accepted += 1;
        let fine = match (truth, &verdict.outcome, verdict.status) {
            (Truth::Data(data), Outcome::Records(records), Status::Secure) => {
                records.len() == data.len() && records.iter().all(|record| data.contains(&record.data))
            }
            (Truth::Data(_), ..) => false,
            (Truth::Absent(outcome), found, Status::Secure) => found == outcome,
            (Truth::Absent(_), _, Status::Insecure) => false,
            (Truth::Open | Truth::Insecure, _, Status::Insecure) => true,
            (Truth::Open, Outcome::Records(_), Status::Secure) => false,
            (Truth::Open, ..) | (Truth::Insecure, ..) => false,
        };
        (!fine).then(|| format!("{asked}: {verdict:?}\nafter\n{memory:#?}"))
    }
}

/// A generator of attacks that is the same in every run (splitmix64).
struct Attacker<'w> {
    state: u64,
    /// Every genuine RRset with its signature.
    pool: Vec<Vec<Record>>,
    world: &'w World,
    /// Out of eight answers, how many are left alone.
    calm: u64,
    refused: u32,
    accepted: u32,
}

impl Attacker<'_> {
    fn next(&mut self, below: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    fn pick(&mut self, count: usize) -> usize {
        self.next(count as u64) as usize
    }

    fn answer(&mut self, question: &Question, target: &Question) -> Message {
        let honest = self.world.ask(question);
        if self.next(8) < self.calm {
            return honest;
        }
        let mut message = match self.next(5) {
            0 => honest,
            1 => self.denial(question, target),
            2 => self.own_zone(question),
            3 => {
                // Nothing but the denials: the answer is gone.
                let mut message = honest;
                message.answers.clear();
                message
            }
            _ => Message::new(0, MessageType::Response, OpCode::Query),
        };
        let calm = self.next(2) == 0;
        for _ in 0..if calm { 0 } else { self.next(7) } {
            let set = self.set(question, target);
            match self.next(3) {
                0 => message.answers.extend(set),
                _ => message.authorities.extend(set),
            }
        }
        if !calm && self.next(3) == 0 {
            // Signatures stripped.
            message.answers.retain(|record| record.record_type() != RecordType::RRSIG);
        }
        if !calm && self.next(3) == 0 && !message.answers.is_empty() {
            let at = self.pick(message.answers.len());
            message.answers.remove(at);
        }
        if !calm && self.next(4) == 0 && !message.authorities.is_empty() {
            let at = self.pick(message.authorities.len());
            message.authorities.remove(at);
        }
        let rcodes = [ResponseCode::NoError, ResponseCode::NXDomain];
        message.metadata.response_code = rcodes[self.pick(2)];
        message
    }

    /// All that one zone can say against a name: about the name, one above it, and what lies between.
    fn denial(&mut self, question: &Question, target: &Question) -> Message {
        let mut message = Message::new(0, MessageType::Response, OpCode::Query);
        let owner = if self.next(4) == 0 { &target.name } else { &question.name };
        let zones: Vec<_> =
            self.world.zones.iter().filter(|z| z.key.is_some() && z.apex.zone_of(owner)).collect();
        // As a rule the zone itself; at times its parents, who know less.
        let zone = match self.next(3) {
            0 => zones[self.pick(zones.len())],
            _ => zones.into_iter().max_by_key(|zone| zone.apex.iter().count()).unwrap(),
        };
        let lowest = zone.apex.iter().count();
        let encloser = owner.trim_to(lowest + self.pick(owner.iter().count() - lowest + 1));
        let next_closer = owner.trim_to(encloser.iter().count() + 1);
        for about in [&encloser, &next_closer, owner, &encloser.prepend_label("*").unwrap()] {
            for record in zone.denial_of(about) {
                if !message.authorities.contains(&record) {
                    message.authorities.push(record);
                }
            }
        }
        message
    }

    /// Data and keys under the attacker's own key, in the name of a zone at or above the name.
    fn own_zone(&mut self, question: &Question) -> Message {
        let mut message = Message::new(0, MessageType::Response, OpCode::Query);
        let signer = question.name.trim_to(self.pick(question.name.iter().count() + 1)).to_ascii();
        let key = Key::new(222);
        let owner = question.name.to_ascii();
        for set in [vec![a(&owner, 99)], vec![tlsa(&owner, 99)], vec![key.dnskey_record(&owner)]] {
            if set[0].record_type() == question.record_type {
                message.answers.push(Signature::by(&key, &signer).over(&set));
                message.answers.extend(set);
            }
        }
        message
    }

    /// One RRset to put in.
    fn set(&mut self, question: &Question, target: &Question) -> Vec<Record> {
        let owner = if self.next(2) == 0 { &question.name } else { &target.name };
        let ancestor = owner.trim_to(self.pick(owner.iter().count() + 1));
        match self.next(8) {
            // Anything at all.
            0 => {
                let at = self.pick(self.pool.len());
                self.pool[at].clone()
            }
            // What denies the name, or its wildcard or a name above it, in some zone above it.
            1..=3 => {
                let zones: Vec<_> =
                    self.world.zones.iter().filter(|z| z.key.is_some() && z.apex.zone_of(owner)).collect();
                let zone = zones[self.pick(zones.len())];
                let ancestor = match zone.apex.zone_of(&ancestor) {
                    true => ancestor,
                    false => zone.apex.clone(),
                };
                let about = match self.next(4) {
                    0 => owner.clone(),
                    1 => ancestor,
                    2 => ancestor.prepend_label("*").unwrap(),
                    _ => owner.base_name(),
                };
                if zone.apex.zone_of(&about) { zone.denial_of(&about) } else { vec![] }
            }
            // A signed set of the same zone under another name: what a wildcard expansion looks like.
            4 | 5 => {
                let wildcards: Vec<usize> = (0..self.pool.len())
                    .filter(|at| {
                        let from = &self.pool[*at][0].name;
                        from.is_wildcard() && from.base_name().zone_of(owner)
                    })
                    .collect();
                let Some(at) = (!wildcards.is_empty()).then(|| wildcards[self.pick(wildcards.len())]) else {
                    return vec![];
                };
                let onto = if self.next(4) == 0 { ancestor } else { owner.clone() };
                rename(&self.pool[at], &onto)
            }
            // Unsigned, at the name or above it.
            6 => {
                let owner = if self.next(2) == 0 { owner.to_ascii() } else { ancestor.to_ascii() };
                let forged = [
                    a(&owner, 99),
                    tlsa(&owner, 99),
                    txt(&owner, "forged"),
                    cname(&owner, "host.plain.lab."),
                    dname(&owner, "plain.lab."),
                    ns(&owner),
                ];
                vec![forged[self.pick(forged.len())].clone()]
            }
            // The genuine sets of the name or one above it.
            _ => {
                let own: Vec<usize> = (0..self.pool.len())
                    .filter(|at| self.pool[*at][0].name == *owner || self.pool[*at][0].name == ancestor)
                    .collect();
                if own.is_empty() {
                    return vec![];
                }
                let at = own[self.pick(own.len())];
                self.pool[at].clone()
            }
        }
    }
}

fn rename(set: &[Record], owner: &Name) -> Vec<Record> {
    set.iter().map(|r| Record::from_rdata(owner.clone(), r.ttl, r.data.clone())).collect()
}

#[test]
fn no_composition_of_genuine_and_forged_records_bends_a_verdict() {
    let mut pool: Vec<Vec<Record>> = genuine(&WORLD).into_values().flatten().collect();
    // The same order in every run.
    pool.sort_by_key(|set| (set[0].name.to_ascii(), u16::from(set[0].record_type()), set.len()));
    let (mut accepted, mut refused) = (0, 0);
    for (index, (asked, truth)) in questions().iter().enumerate() {
        // From an attacker who bends nearly everything to one who bends a single answer in eight.
        for calm in [1, 4, 6, 7] {
            let state = (index as u64) << 8 | calm;
            let mut attacker =
                Attacker { state, pool: pool.clone(), world: &WORLD, calm, refused: 0, accepted: 0 };
            let bent = bent(asked, truth);
            for _ in 0..ROUNDS {
                if let Some(how) = bent(&WORLD, &mut attacker) {
                    panic!("{how}");
                }
            }
            accepted += attacker.accepted;
            refused += attacker.refused;
        }
    }
    assert!(refused > 1500, "the attacker must do harm in many ways, {refused} were refused");
    assert!(accepted > 1500, "and the validator must not refuse everything, {accepted} were accepted");
}

#[test]
fn random_bytes_never_panic() {
    let mut attacker = Attacker { state: 1, pool: vec![], world: &WORLD, calm: 0, refused: 0, accepted: 0 };
    let asked = question("_25._tcp.mx.nsec3.lab.", RecordType::TLSA);
    let mut decoded = 0;
    for _ in 0..3000 {
        let (_, questions) = drive(asked.clone(), &WORLD.anchors, NOW, Limits::default(), |q| {
            let mut bytes = WORLD.ask(q).to_vec().unwrap();
            for _ in 0..=attacker.next(4) {
                let at = attacker.pick(bytes.len());
                match attacker.next(3) {
                    0 => bytes[at] = attacker.next(256) as u8,
                    1 => bytes[at] ^= 1 << attacker.next(8),
                    _ => bytes.truncate(at.max(12)),
                }
            }
            match Message::from_vec(&bytes) {
                Ok(message) => {
                    decoded += 1;
                    Ok(message)
                }
                Err(_) => Err(dnssec::FetchError::Malformed),
            }
        });
        assert_eq!(questions[0].name, name("_25._tcp.mx.nsec3.lab."));
    }
    assert!(decoded > 500, "{decoded} messages must have reached the validator");
}
