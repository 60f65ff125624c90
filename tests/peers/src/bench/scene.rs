//! The zones that are asked about, and their answers.

use anyhow::{Context, Result};
use dnssec::Question;
use hickory_proto::{
    op::{Edns, Message, Query},
    rr::{Name, RecordType},
};
use mxtls_lab::dns::{Signing, World, ZoneSpec};

/// Three signed zones above each other, root, `tld.` and one with an NSEC chain or one with NSEC3, all with keys on P-256,
/// as the lab signs them and its recursive server answers for them.
pub(crate) struct Scene {
    world: World,
    /// So many hosts has each of the lowest zones.
    hosts: usize,
}

/// The lowest zones.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Zone {
    Nsec,
    Nsec3,
}

impl Zone {
    pub(crate) fn apex(self) -> &'static str {
        match self {
            Self::Nsec => "nsec.tld.",
            Self::Nsec3 => "nsec3.tld.",
        }
    }
}

/// What a question finds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// The TLSA records of a mail server.
    Records,
    /// A host has an IPv4 address, and is asked for one of IPv6.
    NoData,
    /// A host without TLSA records is asked for them.
    NxDomain,
}

impl Scene {
    /// Zones with so many hosts of each kind that the first `questions` questions about each are about different names.
    pub(crate) fn new(questions: usize) -> Result<Self> {
        let mut text = String::new();
        for host in 0..questions {
            text += &format!("plain{host} A 192.0.2.1\n_25._tcp.dane{host} TLSA 3 1 1 {host:064x}\n");
        }
        // RFC 9276 §3.1: no salt and no further iterations.
        let nsec3 = Signing::Nsec3 { iterations: 0, salt: Vec::new(), opt_out: false };
        let world = World::new([
            ZoneSpec::new("tld", Signing::Nsec, ""),
            ZoneSpec::new(Zone::Nsec.apex(), Signing::Nsec, &text),
            ZoneSpec::new(Zone::Nsec3.apex(), nsec3, &text),
        ])?;
        Ok(Self { world, hosts: questions })
    }

    /// Any zones.
    pub(crate) fn of(zones: impl IntoIterator<Item = ZoneSpec>) -> Result<Self> {
        Ok(Self { world: World::new(zones)?, hosts: 0 })
    }

    /// The root's DS record in zone-file text.
    pub(crate) fn anchor(&self) -> String {
        self.world.trust_anchor()
    }

    /// A question of this kind; each number below the number of hosts makes another one.
    pub(crate) fn question(&self, zone: Zone, kind: Kind, number: usize) -> Result<Question> {
        anyhow::ensure!(number < self.hosts, "question {number} is one more than there are hosts");
        let (prefix, record_type) = match kind {
            Kind::Records => ("_25._tcp.dane", RecordType::TLSA),
            Kind::NoData => ("plain", RecordType::AAAA),
            Kind::NxDomain => ("_25._tcp.plain", RecordType::TLSA),
        };
        question(&format!("{prefix}{number}.{}", zone.apex()), record_type)
    }

    /// The answer, as it comes off the wire.
    pub(crate) fn ask(&self, question: &Question) -> Result<Message> {
        let wire = self.world.answer(&query(question)).to_vec().context("an answer of the lab")?;
        Message::from_vec(&wire).context("an answer of the lab")
    }
}

/// A question as a validator sends it.
pub(crate) fn query(question: &Question) -> Message {
    let mut query = Message::query();
    query.add_query(Query::query(question.name.clone(), question.record_type));
    query.metadata.recursion_desired = true;
    query.metadata.checking_disabled = true;
    let mut edns = Edns::new();
    edns.set_dnssec_ok(true).set_max_payload(1232);
    query.edns = Some(edns);
    query
}

/// A question, from text.
pub(crate) fn question(name: &str, record_type: RecordType) -> Result<Question> {
    Ok(Question::new(Name::from_ascii(name)?, record_type))
}
