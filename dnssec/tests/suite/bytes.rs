//! Bytes that nobody meant: every entry takes them without panic, without much work, and without a false verdict.

use dnssec::{FetchError, TrustAnchors, Validation};
use hickory_proto::{
    op::Message,
    rr::{DNSClass, Record, RecordType},
    serialize::binary::{BinDecodable, BinDecoder, BinEncodable},
};

use crate::{
    attacker::Attacker,
    battlefield::BATTLEFIELD,
    random::Random,
    world::{NOW, cache},
};

/// What has come of some rounds with mutated bytes.
#[derive(Default)]
pub(crate) struct Garbled {
    /// Messages that were still messages.
    pub(crate) decoded: u64,
    /// Messages that were not.
    pub(crate) malformed: u64,
    /// Texts that were still trust anchors.
    pub(crate) anchors: u64,
}

impl Garbled {
    /// One question whose answers are garbled on the way; an error tells how that brought a false verdict about.
    pub(crate) fn answers(&mut self, attacker: &mut Attacker, seed: u64, round: u64) -> Result<(), String> {
        let mut random = Random::of_round(seed, round);
        let asked = attacker.question(&mut random);
        // Of the answers, one in so many.
        let share = *random.pick(&[1, 3, 6]);
        let validation = Validation::new(asked.clone(), cache(&BATTLEFIELD), NOW);
        let garbled = attacker.judge(&asked, validation, |arsenal, q| {
            let mut message = match random.once_in(3) {
                true => arsenal.bend(&mut random, q),
                false => arsenal.honest(q),
            };
            if !random.once_in(share) {
                return Ok(message);
            }
            if random.once_in(2) {
                garble_records(&mut random, &mut message);
                self.decoded += 1;
                return Ok(message);
            }
            let mut bytes = message.to_vec().unwrap();
            garble(&mut random, &mut bytes);
            match Message::from_vec(&bytes) {
                Ok(message) => {
                    self.decoded += 1;
                    Ok(message)
                }
                Err(_) => {
                    self.malformed += 1;
                    Err(FetchError::Malformed)
                }
            }
        });
        garbled.map_err(|falsehood| format!("seed {seed}, round {round}, bytes: {falsehood}"))
    }

    /// One text of trust anchors, garbled.
    pub(crate) fn text(&mut self, seed: u64, round: u64) {
        let mut random = Random::of_round(seed, round);
        let root = BATTLEFIELD.zone(".").key.as_ref().unwrap();
        let genuine = [
            format!("; the root\n. 3600 IN DNSKEY {}\n", root.dnskey),
            ". IN DS 20326 8 2 (E06D44B80B8F1D39A95C0B0D7C65D084 58E880409BBC683457104237C7F8EC8D)".into(),
            "\\105\\115le.plain.lab. DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16".into(),
        ];
        let mut text = format!("{}\n{}\n", random.pick(&genuine), random.pick(&genuine)).into_bytes();
        if random.once_in(2) {
            garble(&mut random, &mut text);
        } else {
            // What the syntax turns on.
            let at = random.below(text.len());
            text.insert(at, *random.pick(b"()\\;\"\n\r\t .0@$"));
        }
        let text = String::from_utf8_lossy(&text);
        if let Ok(anchors) = TrustAnchors::parse(&text) {
            self.anchors += 1;
            assert!(!anchors.zones().is_empty(), "no anchors out of {text:?}");
        }
    }
}

/// Changes a few octets, takes some away, or repeats some.
fn garble(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(6) {
            0 => bytes[at] = random.byte(),
            1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = *random.pick(&[0, 1, 0x3f, 0x7f, 0x80, 0xc0, 0xff]),
            3 => drop(bytes.remove(at)),
            4 => bytes.insert(at, random.byte()),
            _ => {
                let end = (at + 1 + random.below(32)).min(bytes.len());
                let again = bytes[at..end].to_vec();
                match random.once_in(2) {
                    true => bytes.truncate(at.max(1)),
                    false => drop(bytes.splice(at..at, again)),
                }
            }
        }
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
}

/// Changes the data of some records so that they are still records, and now and then the rest of them.
fn garble_records(random: &mut Random, message: &mut Message) {
    let count = message.answers.len() + message.authorities.len();
    if count == 0 {
        return;
    }
    for _ in 0..=random.below(3) {
        let at = random.below(count);
        let answers = message.answers.len();
        let record = match at < answers {
            true => &mut message.answers[at],
            false => &mut message.authorities[at - answers],
        };
        match random.below(12) {
            0 => record.ttl = *random.pick(&[0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX]),
            1 => record.dns_class = DNSClass::CH,
            2 => record.name = record.name.base_name(),
            _ => {
                let record_type = match random.once_in(8) {
                    true => RecordType::from(random.below(300) as u16),
                    false => record.record_type(),
                };
                let mut data = record.data.to_bytes().unwrap();
                data.extend(data.is_empty().then_some(0));
                garble(random, &mut data);
                data.truncate(60_000);
                if let Some(garbled) = with_data(record, record_type, &data) {
                    *record = garbled;
                }
            }
        }
    }
}

/// The record with other data; `None` where these are none of its type.
fn with_data(record: &Record, record_type: RecordType, data: &[u8]) -> Option<Record> {
    let mut wire = record.name.to_bytes().unwrap();
    wire.extend(u16::from(record_type).to_be_bytes());
    wire.extend(u16::from(record.dns_class).to_be_bytes());
    wire.extend(record.ttl.to_be_bytes());
    wire.extend((data.len() as u16).to_be_bytes());
    wire.extend(data);
    match Record::read(&mut BinDecoder::new(&wire)) {
        Ok(record) => Some(record),
        Err(_) => None,
    }
}

#[test]
fn garbled_answers_bring_no_false_verdict_about() {
    let (mut attacker, mut garbled) = (Attacker::new(), Garbled::default());
    for round in 0..2000 {
        garbled.answers(&mut attacker, 1035, round).unwrap_or_else(|falsehood| panic!("{falsehood}"));
    }
    let Garbled { decoded, malformed, .. } = garbled;
    assert!(decoded > 1000, "{decoded} garbled messages must have reached the validator");
    assert!(malformed > 500, "{malformed} must have been too garbled for that");
}

#[test]
fn garbled_texts_of_anchors_are_taken_or_refused() {
    let mut garbled = Garbled::default();
    (0..5000).for_each(|round| garbled.text(1035, round));
    assert!((200..4500).contains(&garbled.anchors), "{} of 5000 were taken", garbled.anchors);
}
