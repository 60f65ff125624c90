//! What happens to a question on its way: faults of the network and of servers, and [`Attack`]s.

use std::str::FromStr;

use hickory_proto::{
    dnssec::rdata::{DNSSECRData, RRSIG},
    op::{Message, Query, ResponseCode},
    rr::{Name, RData, Record, RecordType, rdata::opt::EdnsOption},
    serialize::txt::Parser,
};

use super::{Attack, Face, World, attack, front};

/// One way to disturb a question or its answer.
///
/// Written as a word in a scenario: `servfail`, `refused`, `formerr`, `notimp`, `rcode:N`, `timeout`, `malformed`,
/// `truncated`, `split`, `wrong-question`, `extended:CODE:TEXT`, `servfail:CODE:TEXT`, `beside:NAME TYPE`, `bogus`, `strip-signatures`, `indeterminate`, `over-budget`, `forge:RECORDS` (zone-file
/// text, lines separated by `|`), or the name of an [`Attack`].
#[derive(Clone, Debug)]
pub enum Tamper {
    /// An empty response with this rcode, 0 to 15.
    Rcode(u8),
    /// An extended error (RFC 8914) beside the good answer, or in an empty SERVFAIL.
    Extended {
        /// INFO-CODE.
        code: u16,
        /// EXTRA-TEXT.
        text: String,
        /// Whether it is a SERVFAIL.
        servfail: bool,
    },
    /// Of a chain of aliases the first one alone.
    Split,
    /// The genuine answer to another question stands beside the good answer, in all sections.
    Beside(Name, RecordType),
    /// No response at all.
    Timeout,
    /// A response whose octets after the header make no message.
    Malformed,
    /// TC is set and nothing is in it, over UDP and over TCP.
    Truncated,
    /// A good answer to another question.
    WrongQuestion,
    /// One bit of every signature in the response is turned over.
    Bogus,
    /// The RRSIGs are gone, everything else is there.
    StripSignatures,
    /// The answer comes, but the DS and DNSKEY of its zone end in SERVFAIL.
    Indeterminate,
    /// Hundreds of signatures that do not fit stand before each genuine one.
    OverBudget,
    /// These unsigned records are the whole answer, with AD set.
    Forge(String),
    /// A composition of genuine and made-up records.
    Attack(&'static Attack),
}

/// Why a [`Tamper`] or a rule cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TamperError {
    /// A word that is none of those that [`Tamper`] lists.
    #[error("there is no tamper {0:?}")]
    Unknown(String),
    /// A question that is not `NAME TYPE`.
    #[error("{0:?} is no question: expected a name and a record type")]
    Question(String),
    /// Records that do not parse.
    #[error("forged records {records:?}: {reason}")]
    Records {
        /// The records as given.
        records: String,
        /// What the parser says.
        reason: String,
    },
    /// The world lacks what the attack is made of.
    #[error("attack {attack} on {question} needs {needs}, which this world does not have")]
    Impossible {
        /// The attack's name.
        attack: &'static str,
        /// The question.
        question: String,
        /// The missing ingredient.
        needs: &'static str,
    },
}

impl FromStr for Tamper {
    type Err = TamperError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once(':') {
            Some(("forge", records)) => {
                parse_records(records)?;
                Self::Forge(records.to_owned())
            }
            Some(("rcode", number)) => match number.parse() {
                Ok(rcode @ 0..16) => Self::Rcode(rcode),
                Ok(_) | Err(_) => return Err(TamperError::Unknown(text.to_owned())),
            },
            Some(("beside", question)) => match question.split_once(' ') {
                Some((owner, rtype)) => match (super::world::name(owner), rtype.parse()) {
                    (Ok(owner), Ok(rtype)) => Self::Beside(owner, rtype),
                    (Err(_), _) | (_, Err(_)) => return Err(TamperError::Question(question.to_owned())),
                },
                None => return Err(TamperError::Question(question.to_owned())),
            },
            Some((word @ ("extended" | "servfail"), error)) => match error.split_once(':') {
                Some((code, text)) => match code.parse() {
                    Ok(code) => Self::Extended { code, text: text.to_owned(), servfail: word == "servfail" },
                    Err(_) => return Err(TamperError::Unknown(format!("{word}:{error}"))),
                },
                None => return Err(TamperError::Unknown(text.to_owned())),
            },
            _ => match text {
                "formerr" => Self::Rcode(1),
                "servfail" => Self::Rcode(2),
                "notimp" => Self::Rcode(4),
                "refused" => Self::Rcode(5),
                "timeout" => Self::Timeout,
                "malformed" => Self::Malformed,
                "truncated" => Self::Truncated,
                "split" => Self::Split,
                "wrong-question" => Self::WrongQuestion,
                "bogus" => Self::Bogus,
                "strip-signatures" => Self::StripSignatures,
                "indeterminate" => Self::Indeterminate,
                "over-budget" => Self::OverBudget,
                name => match attack::attacks().iter().find(|attack| attack.name == name) {
                    Some(attack) => Self::Attack(attack),
                    None => return Err(TamperError::Unknown(text.to_owned())),
                },
            },
        })
    }
}

/// What leaves the server in the end.
pub(super) enum Outgoing {
    Message(Message),
    Octets(Vec<u8>),
    Nothing,
}

/// The question that a rule is about, and what it is asked of.
pub(super) struct Scene<'a> {
    pub(super) world: &'a World,
    pub(super) query: &'a Message,
    pub(super) target: &'a (Name, RecordType),
    pub(super) face: Face,
}

impl Scene<'_> {
    /// The name and type that were asked in this very query.
    pub(super) fn asked(&self) -> (Name, RecordType) {
        (self.query.queries[0].name().to_lowercase(), self.query.queries[0].query_type())
    }

    /// Whether this query is the rule's own question, and not one for the keys of its zone.
    pub(super) fn asks_target(&self) -> bool {
        self.asked() == *self.target
    }

    /// The zone of the rule's question.
    pub(super) fn origin(&self) -> &Name {
        front::zone_for(self.world, &self.target.0, self.target.1).origin()
    }

    /// What an undisturbed server says.
    pub(super) fn honest(&self) -> Message {
        self.face.answer(self.world, self.query)
    }

    /// An empty response to this query.
    pub(super) fn empty(&self) -> Message {
        front::response_to(self.query)
    }
}

impl Tamper {
    /// Whether it can happen without any malice, to a server's every client.
    pub fn is_fault(&self) -> bool {
        matches!(
            self,
            Self::Rcode(_) | Self::Timeout | Self::Malformed | Self::Truncated | Self::WrongQuestion
        )
    }

    /// What the client gets, or `None` where this query is not concerned.
    pub(super) fn apply(&self, scene: &Scene<'_>) -> Result<Option<Outgoing>, TamperError> {
        let message = match self {
            Self::Attack(attack) => return Ok(attack.apply(scene)?.map(Outgoing::Message)),
            Self::Indeterminate => {
                let keys = matches!(scene.asked().1, RecordType::DS | RecordType::DNSKEY);
                if scene.asks_target() || !keys || scene.asked().0 != *scene.origin() {
                    return Ok(None);
                }
                with_rcode(scene.empty(), ResponseCode::ServFail)
            }
            _ if !scene.asks_target() => return Ok(None),
            Self::Timeout => return Ok(Some(Outgoing::Nothing)),
            Self::Malformed => return Ok(Some(Outgoing::Octets(malformed(scene)))),
            Self::Rcode(rcode) => with_rcode(scene.empty(), ResponseCode::from(0, *rcode)),
            Self::Extended { code, text, servfail } => {
                let message = if *servfail {
                    with_rcode(scene.empty(), ResponseCode::ServFail)
                } else {
                    scene.honest()
                };
                with_extended_error(message, *code, text)
            }
            Self::Split => {
                let mut message = scene.honest();
                // A DNAME stands above the name that it makes an alias.
                message.answers.retain(|record| record.name.zone_of(&scene.target.0));
                message
            }
            Self::Beside(owner, rtype) => {
                let mut message = scene.honest();
                let other = attack::ask_name(scene.world, owner, *rtype).answers;
                message.answers.extend(other.clone());
                message.authorities.extend(other.clone());
                message.additionals.extend(other);
                message
            }
            Self::Truncated => {
                let mut message = scene.empty();
                message.metadata.truncation = true;
                message
            }
            Self::WrongQuestion => {
                let mut message = scene.honest();
                let other = Query::query(Name::from_ascii("mx.attacker.").unwrap(), scene.target.1);
                message.queries = vec![other];
                message
            }
            Self::Bogus => break_signatures(scene.honest()),
            Self::StripSignatures => strip_signatures(scene.honest()),
            Self::OverBudget => flood(scene.honest()),
            Self::Forge(records) => {
                let mut message = scene.empty();
                message.metadata.authentic_data = true;
                message.answers = parse_records(records)?;
                message
            }
        };
        Ok(Some(Outgoing::Message(message)))
    }
}

/// Reads absolute records, separated by `|`.
fn parse_records(records: &str) -> Result<Vec<Record>, TamperError> {
    let text = format!("$TTL 300\n{}\n", Vec::from_iter(records.split('|').map(str::trim)).join("\n"));
    match Parser::new(text, None, Some(Name::root())).parse() {
        Ok((_, sets)) => Ok(sets
            .into_values()
            .flat_map(|set| Vec::from_iter(set.records_without_rrsigs().cloned()))
            .collect()),
        Err(reason) => Err(TamperError::Records { records: records.to_owned(), reason: reason.to_string() }),
    }
}

pub(super) fn with_rcode(mut message: Message, rcode: ResponseCode) -> Message {
    message.metadata.response_code = rcode;
    message
}

fn with_extended_error(mut message: Message, code: u16, text: &str) -> Message {
    let option = EdnsOption::Unknown(15, [&code.to_be_bytes()[..], text.as_bytes()].concat());
    message.edns.get_or_insert_default().options_mut().insert(option);
    message
}

/// The response's header and question, then an answer whose owner is a compression pointer beyond the end.
fn malformed(scene: &Scene<'_>) -> Vec<u8> {
    let mut message = scene.empty();
    message.edns = None;
    let mut octets = message.to_vec().unwrap();
    octets[7] = 1;
    octets.extend_from_slice(&[0xff, 0xff, 0, 1]);
    octets
}

/// Turns over one bit of every signature.
fn break_signatures(mut message: Message) -> Message {
    for record in message.answers.iter_mut().chain(&mut message.authorities) {
        if let RData::DNSSEC(DNSSECRData::RRSIG(rrsig)) = &record.data {
            let mut signature = rrsig.sig().to_vec();
            signature[0] ^= 1;
            record.data = rrsig_of(rrsig, signature);
        }
    }
    message
}

pub(super) fn strip_signatures(mut message: Message) -> Message {
    let unsigned = |record: &Record| record.record_type() != RecordType::RRSIG;
    message.answers.retain(unsigned);
    message.authorities.retain(unsigned);
    message
}

/// Puts so many signatures before each genuine one that the message still fits into 65,535 octets.
fn flood(mut message: Message) -> Message {
    let genuine = message.answers.iter().chain(&message.authorities);
    let count = genuine.filter(|record| record.record_type() == RecordType::RRSIG).count();
    let flood = |records: Vec<Record>| -> Vec<Record> {
        records.into_iter().flat_map(|record| garbage_before(record, 250 / count.max(1))).collect()
    };
    message.answers = flood(message.answers);
    message.authorities = flood(message.authorities);
    message
}

fn garbage_before(record: Record, count: usize) -> Vec<Record> {
    let mut records = Vec::new();
    if let RData::DNSSEC(DNSSECRData::RRSIG(rrsig)) = &record.data {
        for number in 1..=count {
            let mut signature = rrsig.sig().to_vec();
            signature[..2].copy_from_slice(&(number as u16).to_be_bytes());
            let garbage = rrsig_of(rrsig, signature);
            records.push(Record::from_rdata(record.name.clone(), record.ttl, garbage));
        }
    }
    records.push(record);
    records
}

fn rrsig_of(rrsig: &RRSIG, signature: Vec<u8>) -> RData {
    RData::DNSSEC(DNSSECRData::RRSIG(RRSIG::from_sig(rrsig.input().clone(), signature)))
}
