//! Whoever sits on the path may compose any message out of all that was ever signed, any expansion of it, and
//! anything unsigned. They must not get a false verdict for it.

use std::{collections::HashMap, sync::Arc};

use dnssec::{FetchError, KeyCache, Limits, Question, Validation};
use hickory_proto::{op::Message, rr::RecordType};

use crate::{
    battlefield::{BATTLEFIELD, Names},
    forgery::Arsenal,
    random::Random,
    truth::falsehood,
    world::{NOW, cache, run},
};

/// How many attacks are tried in the test, the same in every run.
const ROUNDS: u64 = 8_000;

/// Where the choices of the test begin.
const SEED: u64 = 4035;

/// An attacker with everything they need, for any number of attacks.
pub(crate) struct Attacker {
    arsenal: Arsenal<'static>,
    /// By zone.
    names: Vec<Names>,
    pub(crate) refused: u64,
    pub(crate) accepted: u64,
}

/// Which of the answers of one validation are bent.
#[derive(Clone, Copy, Debug)]
enum Plan {
    /// That to the question itself.
    Question,
    /// That to one of the questions on the chain of trust, so that the zone below looks unsigned.
    Chain,
    /// Those about one zone that is really, or claims to be, there: the attacker has "its" key.
    Zone,
    /// That to the last question about data: an alias's target.
    Target,
    /// Every second one.
    Any,
    /// None: what is honest must be true, too.
    None,
}

impl Attacker {
    pub(crate) fn new() -> Self {
        let names = BATTLEFIELD.zones.iter().map(Names::of).collect();
        Self { arsenal: Arsenal::new(&BATTLEFIELD), names, refused: 0, accepted: 0 }
    }

    /// One attack: a few questions one after the other, with one cache. An error tells how it succeeded.
    pub(crate) fn attack(&mut self, seed: u64, round: u64) -> Result<(), String> {
        let mut random = Random::of_round(seed, round);
        let cache = cache(&BATTLEFIELD);
        let mut asked = self.question(&mut random);
        let mut history = String::new();
        for _ in 0..=random.below(4) {
            let afresh = random.once_in(8);
            let plan = self.one(&mut random, &asked, &cache, afresh).map_err(|(plan, falsehood)| {
                format!("seed {seed}, round {round}, {plan:?}: {falsehood}\nbefore it{history}")
            })?;
            history += &format!("\n{asked}, {plan:?}");
            // Again, at what the first try may have left behind.
            if !random.once_in(3) {
                asked = self.question_beside(&mut random, &asked);
            }
        }
        Ok(())
    }

    /// One question of an attack.
    fn one(
        &mut self,
        random: &mut Random,
        asked: &Question,
        cache: &Arc<KeyCache>,
        afresh: bool,
    ) -> Result<Plan, (Plan, String)> {
        let plan = match random.below(20) {
            0..=8 => Plan::Question,
            9..=12 => Plan::Chain,
            13..=15 => Plan::Zone,
            16..=17 => Plan::Target,
            18 => Plan::Any,
            _ => Plan::None,
        };
        let labels = asked.name.iter().count();
        let victim = asked.name.trim_to(labels - random.below(labels.min(4) + 1));
        let victim_type = *random.pick(&[RecordType::DS, RecordType::DS, RecordType::DS, RecordType::DNSKEY]);
        let validation = match afresh {
            true => Validation::new(asked.clone(), Arc::clone(cache), NOW).afresh(),
            false => Validation::new(asked.clone(), Arc::clone(cache), NOW),
        };
        let attacked = self.judge(asked, validation, |arsenal, q| {
            let data = !matches!(q.record_type, RecordType::DS | RecordType::DNSKEY);
            let victim_asked = q.name == victim && q.record_type == victim_type;
            Ok(match plan {
                Plan::Zone => arsenal.as_zone(random, q, &victim),
                Plan::Chain if victim_asked => arsenal.bend(random, q),
                Plan::Chain if *q == *asked => arsenal.bare(random, q),
                Plan::Question if *q == *asked => arsenal.bend(random, q),
                Plan::Target if data && *q != *asked => arsenal.bend(random, q),
                Plan::Any if random.once_in(2) => arsenal.bend(random, q),
                Plan::Question | Plan::Chain | Plan::Target | Plan::Any | Plan::None => arsenal.honest(q),
            })
        });
        attacked.map_err(|falsehood| (plan, falsehood)).map(|()| plan)
    }

    /// Judges a question by whatever answers; an error tells what is false in the verdict.
    pub(crate) fn judge(
        &mut self,
        asked: &Question,
        validation: Validation,
        mut answer: impl FnMut(&mut Arsenal<'static>, &Question) -> Result<Message, FetchError>,
    ) -> Result<(), String> {
        let mut memory: HashMap<Question, Result<Message, FetchError>> = HashMap::new();
        let (end, questions) = run(validation, |q| {
            let answer = || answer(&mut self.arsenal, q);
            memory.entry(q.clone()).or_insert_with(answer).clone()
        });
        if questions.len() > usize::from(Limits::default().questions) {
            return Err(format!("{asked}: {} questions were asked for it", questions.len()));
        }
        let Ok(verdict) = end else {
            self.refused += 1;
            return Ok(());
        };
        self.accepted += 1;
        match falsehood(&BATTLEFIELD, asked, &verdict) {
            None => Ok(()),
            Some(falsehood) => {
                Err(format!("{asked}: {falsehood}\n{}\nafter\n{}", verdict.proof, told(&memory)))
            }
        }
    }

    /// A question about any name of any zone.
    pub(crate) fn question(&self, random: &mut Random) -> Question {
        let zone = random.below(self.names.len());
        self.question_in(random, zone)
    }

    /// A question about a name of the same zone, or one above or below.
    fn question_beside(&self, random: &mut Random, asked: &Question) -> Question {
        let near = |zone: &usize| {
            let apex = &self.names[*zone].apex;
            apex.zone_of(&asked.name) || asked.name.zone_of(apex)
        };
        let zones: Vec<usize> = (0..self.names.len()).filter(near).collect();
        let zone = *random.pick(&zones);
        self.question_in(random, zone)
    }

    fn question_in(&self, random: &mut Random, zone: usize) -> Question {
        use RecordType::{A, CNAME, DNAME, DNSKEY, DS, MX, NS, TLSA, TXT};
        let Names { existing, invented, .. } = &self.names[zone];
        let names = if random.once_in(2) { existing } else { invented };
        let name = random.pick(names).clone();
        let present: Vec<RecordType> = self.arsenal.types_at(&name);
        let record_type = match random.once_in(2) || present.is_empty() {
            true => *random.pick(&[A, A, TXT, TLSA, MX, DS, CNAME, DNAME, NS, DNSKEY]),
            false => *random.pick(&present),
        };
        Question::new(name, record_type)
    }
}

/// The answers that were given, a line for each record.
fn told(memory: &HashMap<Question, Result<Message, FetchError>>) -> String {
    let mut text = String::new();
    for (question, answer) in memory {
        let message = match answer {
            Ok(message) => message,
            Err(error) => {
                text += &format!("{question}? {error}\n");
                continue;
            }
        };
        text += &format!("{question}? {}\n", message.metadata.response_code);
        for (section, records) in [("answer", &message.answers), ("authority", &message.authorities)] {
            for record in records {
                text += &format!("  {section} {record}\n");
            }
        }
    }
    text
}

#[test]
fn no_composition_of_genuine_and_forged_records_bends_a_verdict() {
    let mut attacker = Attacker::new();
    for round in 0..ROUNDS {
        attacker.attack(SEED, round).unwrap_or_else(|falsehood| panic!("{falsehood}"));
    }
    let Attacker { accepted, refused, .. } = attacker;
    assert!(refused > ROUNDS / 4, "the attacker must do harm in many ways, {refused} were refused");
    assert!(accepted > ROUNDS / 4, "and the validator must not refuse everything, {accepted} were accepted");
}
