//! Zones, their signer, and an honest recursive resolver over them.
//!
//! Signatures are made with hickory-proto's own to-be-signed form, so that the crate's is checked against it.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use dnssec::{
    Failure, FetchError, KeyCache, Limits, LocalPolicy, Question, Step, TrustAnchors, Validation, Verdict,
};
use hickory_proto::{
    dnssec::{
        Algorithm, DigestType, Nsec3HashAlgorithm, PublicKeyBuf, SigningKey, TBS,
        crypto::Ed25519SigningKey,
        rdata::{DNSKEY, DNSSECRData, DS, NSEC, NSEC3, RRSIG, sig::SigInput},
    },
    op::{Message, MessageType, OpCode, ResponseCode},
    rr::{
        DNSClass, Name, RData, Record, RecordData, RecordType, SerialNumber,
        rdata::{A, CNAME, NS, NULL, SOA, TLSA, TXT},
    },
    serialize::binary::BinEncodable,
};
use ring::signature::{Ed25519KeyPair, KeyPair};

/// The time of every test that does not say otherwise.
pub(crate) const NOW: u32 = 1_800_000_000;
/// TTL of every record; the negative TTL is [`NEGATIVE_TTL`].
pub(crate) const TTL: u32 = 3600;
pub(crate) const NEGATIVE_TTL: u32 = 300;

pub(crate) fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).unwrap();
    name.set_fqdn(true);
    name
}

pub(crate) fn question(text: &str, record_type: RecordType) -> Question {
    Question::new(name(text), record_type)
}

pub(crate) fn record(owner: &str, data: RData) -> Record {
    Record::from_rdata(name(owner), TTL, data)
}

pub(crate) fn a(owner: &str, last: u8) -> Record {
    record(owner, RData::A(A::new(192, 0, 2, last)))
}

pub(crate) fn txt(owner: &str, text: &str) -> Record {
    record(owner, RData::TXT(TXT::new(vec![text.to_owned()])))
}

pub(crate) fn tlsa(owner: &str, byte: u8) -> Record {
    record(owner, RData::TLSA(TLSA::new(3.into(), 1.into(), 1.into(), vec![byte; 32])))
}

pub(crate) fn cname(owner: &str, target: &str) -> Record {
    record(owner, RData::CNAME(CNAME(name(target))))
}

pub(crate) fn ns(owner: &str) -> Record {
    record(owner, RData::NS(NS(name("ns.elsewhere."))))
}

/// A DNAME as it comes off the wire: hickory-proto leaves it undecoded.
pub(crate) fn dname(owner: &str, target: &str) -> Record {
    let wire = name(target).to_bytes().unwrap();
    record(owner, RData::Unknown { code: RecordType::DNAME, rdata: NULL::with(wire) })
}

fn soa(owner: &str) -> Record {
    let data = SOA::new(name("ns.elsewhere."), name("root.elsewhere."), 1, 7200, 900, 86400, NEGATIVE_TTL);
    record(owner, RData::SOA(data))
}

/// A key that is the same in every run.
pub(crate) struct Key {
    signing: Ed25519SigningKey,
    pub(crate) dnskey: DNSKEY,
    pub(crate) tag: u16,
}

impl Key {
    pub(crate) fn new(seed: u8) -> Self {
        Self::with_flags(seed, 0x0101)
    }

    pub(crate) fn with_flags(seed: u8, flags: u16) -> Self {
        Self::from_seed(&[seed; 32], flags)
    }

    pub(crate) fn from_seed(seed: &[u8], flags: u16) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).unwrap();
        let public = PublicKeyBuf::new(pair.public_key().as_ref().to_vec(), Algorithm::ED25519);
        let dnskey = DNSKEY::with_flags(flags, public);
        let tag = dnskey.calculate_key_tag().unwrap();
        Self { signing: Ed25519SigningKey::from_ed25519(pair), dnskey, tag }
    }

    pub(crate) fn ds(&self, owner: &str, digest: DigestType) -> Record {
        let hash = self.dnskey.to_digest(&name(owner), digest).unwrap();
        let ds = DS::new(self.tag, Algorithm::ED25519, digest, hash.as_ref().to_vec());
        record(owner, RData::DNSSEC(DNSSECRData::DS(ds)))
    }

    pub(crate) fn dnskey_record(&self, owner: &str) -> Record {
        record(owner, RData::DNSSEC(DNSSECRData::DNSKEY(self.dnskey.clone())))
    }
}

/// How to sign: who, when, and over how many labels.
pub(crate) struct Signature<'k> {
    pub(crate) key: &'k Key,
    pub(crate) signer: Name,
    pub(crate) inception: u32,
    pub(crate) expiration: u32,
    pub(crate) labels: Option<u8>,
    pub(crate) original_ttl: u32,
}

impl<'k> Signature<'k> {
    pub(crate) fn by(key: &'k Key, signer: &str) -> Self {
        Self {
            key,
            signer: name(signer),
            inception: NOW - 1000,
            expiration: NOW + 100_000,
            labels: None,
            original_ttl: TTL,
        }
    }

    /// The RRSIG over an RRset.
    pub(crate) fn over(&self, rrset: &[Record]) -> Record {
        let owner = rrset[0].name.clone();
        let input = SigInput {
            type_covered: rrset[0].record_type(),
            algorithm: self.key.dnskey.public_key_algorithm(),
            num_labels: self.labels.unwrap_or(owner.num_labels()),
            original_ttl: self.original_ttl,
            sig_expiration: SerialNumber::new(self.expiration),
            sig_inception: SerialNumber::new(self.inception),
            key_tag: self.key.tag,
            signer_name: self.signer.clone(),
        };
        let tbs = TBS::from_input(&owner, DNSClass::IN, &input, rrset.iter()).unwrap();
        let bytes = self.key.signing.sign(&tbs).unwrap();
        let data = RData::DNSSEC(DNSSECRData::RRSIG(RRSIG::from_sig(input, bytes)));
        Record::from_rdata(owner, rrset[0].ttl, data)
    }
}

trait PublicKeyAlgorithm {
    fn public_key_algorithm(&self) -> Algorithm;
}

impl PublicKeyAlgorithm for DNSKEY {
    fn public_key_algorithm(&self) -> Algorithm {
        use hickory_proto::dnssec::PublicKey;
        self.public_key().algorithm()
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Denial {
    Nsec,
    Nsec3 { iterations: u16, opt_out: bool },
}

/// A zone's records by owner and type, each RRset with its signature where the zone is signed.
pub(crate) struct Zone {
    pub(crate) apex: Name,
    pub(crate) key: Option<Key>,
    pub(crate) denial: Denial,
    pub(crate) sets: BTreeMap<Name, BTreeMap<u16, Vec<Record>>>,
}

/// The salt of every NSEC3 chain.
pub(crate) const SALT: [u8; 2] = [0xab, 0xcd];

pub(crate) fn nsec3_hash(name: &Name, iterations: u16) -> Vec<u8> {
    Nsec3HashAlgorithm::SHA1.hash(&SALT, name, iterations).unwrap().as_ref().to_vec()
}

/// The owner of the NSEC3 record that matches a name.
pub(crate) fn nsec3_owner(apex: &Name, name: &Name, iterations: u16) -> Name {
    apex.prepend_label(base32hex(&nsec3_hash(name, iterations)).as_str()).unwrap()
}

pub(crate) fn base32hex(bytes: &[u8]) -> String {
    let digit = |five: u64| char::from_digit((five & 31) as u32, 32).unwrap();
    let group = |five: &[u8]| five.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
    bytes
        .chunks(5)
        .flat_map(|c| {
            let bits = group(c);
            (0..8).rev().map(move |i| digit(bits >> (5 * i)))
        })
        .collect()
}

impl Zone {
    /// An unsigned zone.
    pub(crate) fn unsigned(apex: &str, records: Vec<Record>) -> Self {
        let mut zone = Self { apex: name(apex), key: None, denial: Denial::Nsec, sets: BTreeMap::new() };
        zone.add(soa(apex));
        zone.add(ns(apex));
        records.into_iter().for_each(|record| zone.add(record));
        zone
    }

    /// A signed zone.
    pub(crate) fn signed(apex: &str, seed: u8, denial: Denial, records: Vec<Record>) -> Self {
        let mut zone = Self::unsigned(apex, records);
        let key = Key::new(seed);
        zone.add(key.dnskey_record(apex));
        zone.key = Some(key);
        zone.denial = denial;
        match denial {
            Denial::Nsec => zone.add_nsec(),
            Denial::Nsec3 { iterations, opt_out } => zone.add_nsec3(iterations, opt_out),
        }
        zone.sign();
        zone
    }

    fn add(&mut self, record: Record) {
        let types = self.sets.entry(record.name.clone()).or_default();
        types.entry(record.record_type().into()).or_default().push(record);
    }

    fn delegated(&self, owner: &Name) -> bool {
        *owner != self.apex && self.sets[owner].contains_key(&u16::from(RecordType::NS))
    }

    fn types(&self, owner: &Name) -> Vec<RecordType> {
        self.sets.get(owner).into_iter().flatten().map(|(code, _)| RecordType::from(*code)).collect()
    }

    fn add_nsec(&mut self) {
        let owners: Vec<Name> = self.sets.keys().cloned().collect();
        for (i, owner) in owners.iter().enumerate() {
            let next = owners.get(i + 1).unwrap_or(&self.apex).clone();
            let data = NSEC::new_cover_self(next, self.types(owner));
            let data = RData::DNSSEC(DNSSECRData::NSEC(data));
            self.add(Record::from_rdata(owner.clone(), NEGATIVE_TTL, data));
        }
    }

    fn add_nsec3(&mut self, iterations: u16, opt_out: bool) {
        let mut names: BTreeMap<Vec<u8>, Name> = BTreeMap::new();
        for owner in self.sets.keys() {
            if opt_out && self.delegated(owner) && !self.types(owner).contains(&RecordType::DS) {
                continue;
            }
            let mut ancestor = owner.clone();
            while self.apex.zone_of(&ancestor) {
                names.insert(nsec3_hash(&ancestor, iterations), ancestor.clone());
                if ancestor.is_root() {
                    break;
                }
                ancestor = ancestor.base_name();
            }
        }
        let hashes: Vec<Vec<u8>> = names.keys().cloned().collect();
        for (i, (hash, owner)) in names.iter().enumerate() {
            let next = hashes.get(i + 1).unwrap_or(&hashes[0]).clone();
            let mut types = self.types(owner);
            let unsigned = types.is_empty() || (self.delegated(owner) && types == [RecordType::NS]);
            if !unsigned {
                types.push(RecordType::RRSIG);
            }
            let data = NSEC3::new(Nsec3HashAlgorithm::SHA1, opt_out, iterations, SALT.to_vec(), next, types);
            let data = RData::DNSSEC(DNSSECRData::NSEC3(data));
            let owner = self.apex.prepend_label(base32hex(hash).as_str()).unwrap();
            self.add(Record::from_rdata(owner, NEGATIVE_TTL, data));
        }
    }

    fn sign(&mut self) {
        let (apex, key) = (self.apex.clone(), self.key.as_ref().unwrap());
        for (owner, types) in &mut self.sets {
            // RFC 4035 §2.2: the NS RRset of a delegation is not signed.
            let cut = *owner != apex && types.contains_key(&u16::from(RecordType::NS));
            for (code, set) in types {
                if !(cut && RecordType::from(*code) == RecordType::NS) {
                    let signature =
                        Signature { original_ttl: set[0].ttl, ..Signature::by(key, &apex.to_ascii()) };
                    set.push(signature.over(set));
                }
            }
        }
    }

    /// The RRset at a name with its signature.
    pub(crate) fn get(&self, owner: &Name, record_type: RecordType) -> Option<Vec<Record>> {
        self.sets.get(owner)?.get(&u16::from(record_type)).cloned()
    }

    pub(crate) fn exists(&self, name: &Name) -> bool {
        self.sets
            .iter()
            .any(|(owner, types)| name.zone_of(owner) && !types.contains_key(&u16::from(RecordType::NSEC3)))
    }

    pub(crate) fn encloser(&self, name: &Name) -> Name {
        let mut encloser = name.base_name();
        while !self.exists(&encloser) {
            encloser = encloser.base_name();
        }
        encloser
    }

    /// The NSEC or NSEC3 record that matches or covers a name, with its signature.
    pub(crate) fn denial_of(&self, name: &Name) -> Vec<Record> {
        match self.denial {
            Denial::Nsec => {
                let at = self.sets.range(..=name.clone()).next_back().map(|(owner, _)| owner.clone());
                self.get(&at.unwrap(), RecordType::NSEC).unwrap()
            }
            Denial::Nsec3 { iterations, .. } => {
                let owner = nsec3_owner(&self.apex, name, iterations);
                let chain: Vec<&Name> = self
                    .sets
                    .iter()
                    .filter(|(_, types)| types.contains_key(&u16::from(RecordType::NSEC3)))
                    .map(|(owner, _)| owner)
                    .collect();
                let at = chain.iter().rev().find(|o| ***o <= owner).or(chain.last()).unwrap();
                self.get(at, RecordType::NSEC3).unwrap()
            }
        }
    }

    /// The denial records for a name that is not there: the name itself and the wildcard beside it.
    fn absence(&self, name: &Name, wildcard: bool) -> Vec<Vec<Record>> {
        let encloser = self.encloser(name);
        let next_closer = name.trim_to(encloser.iter().count() + 1);
        let star = encloser.prepend_label("*").unwrap();
        let mut sets = match self.denial {
            Denial::Nsec => vec![self.denial_of(name)],
            Denial::Nsec3 { .. } => vec![self.denial_of(&encloser), self.denial_of(&next_closer)],
        };
        if wildcard {
            sets.push(self.denial_of(&star));
        }
        sets
    }

    /// Adds what an authoritative server of this zone says.
    fn answer(&self, question: &Question, message: &mut Message) -> Option<Name> {
        let Question { name, record_type } = question;
        let deny = |sets: Vec<Vec<Record>>, message: &mut Message| {
            message.authorities.extend(self.get(&self.apex, RecordType::SOA).unwrap());
            for record in sets.into_iter().flatten() {
                if self.key.is_some() && !message.authorities.contains(&record) {
                    message.authorities.push(record);
                }
            }
        };
        let mut above = name.clone();
        while above != self.apex {
            above = above.base_name();
            if let Some(set) = self.get(&above, RecordType::DNAME) {
                let RData::Unknown { rdata, .. } = &set[0].data else { unreachable!() };
                let target = Name::from_bytes_at_start(&rdata.anything);
                let labels = name.iter().count() - above.iter().count();
                let prefix = Name::from_labels(name.iter().take(labels)).unwrap();
                message.answers.extend(set);
                // RFC 6672 §2.2: the name would be too long.
                let Ok(new) = prefix.append_domain(&target) else {
                    message.metadata.response_code = ResponseCode::YXDomain;
                    return None;
                };
                message.answers.push(Record::from_rdata(name.clone(), TTL, RData::CNAME(CNAME(new.clone()))));
                return (*record_type != RecordType::CNAME).then_some(new);
            }
        }
        let (source, expanded) = match self.exists(name) {
            true => (name.clone(), false),
            false => (self.encloser(name).prepend_label("*").unwrap(), true),
        };
        let expand = |set: Vec<Record>| -> Vec<Record> {
            set.into_iter().map(|r| Record::from_rdata(name.clone(), r.ttl, r.data)).collect()
        };
        for wanted in [*record_type, RecordType::CNAME] {
            if let Some(set) = self.get(&source, wanted) {
                let target = CNAME::try_borrow(&set[0].data).map(|cname| cname.0.clone());
                let target = target.filter(|_| *record_type != RecordType::CNAME);
                message.answers.extend(expand(set));
                if expanded {
                    let sets = match self.denial {
                        _ if self.key.is_none() => vec![],
                        Denial::Nsec => vec![self.denial_of(name)],
                        Denial::Nsec3 { .. } => vec![self.absence(name, false).remove(1)],
                    };
                    message.authorities.extend(sets.into_iter().flatten());
                }
                return target;
            }
        }
        let signed = self.key.is_some();
        match (signed, expanded, self.sets.contains_key(&source)) {
            (false, true, false) => message.metadata.response_code = ResponseCode::NXDomain,
            (true, true, found) => {
                if !found {
                    message.metadata.response_code = ResponseCode::NXDomain;
                }
                return {
                    deny(self.absence(name, true), message);
                    None
                };
            }
            // An unsigned delegation in an opt-out span has no record of its own (RFC 5155 §7.2.4).
            (true, false, _) => {
                let own = self.denial_of(name);
                let opted_out = matches!(self.denial, Denial::Nsec3 { opt_out: true, .. })
                    && self.delegated_unsigned(name);
                let sets = match opted_out {
                    true => vec![self.denial_of(&name.base_name()), own],
                    false => vec![own],
                };
                return {
                    deny(sets, message);
                    None
                };
            }
            (false, ..) => {}
        }
        deny(vec![], message);
        None
    }

    fn delegated_unsigned(&self, name: &Name) -> bool {
        self.sets.contains_key(name) && self.delegated(name) && !self.types(name).contains(&RecordType::DS)
    }
}

pub(crate) trait FromWire {
    fn from_bytes_at_start(bytes: &[u8]) -> Name;
}

impl FromWire for Name {
    fn from_bytes_at_start(bytes: &[u8]) -> Name {
        use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};
        Name::read(&mut BinDecoder::new(bytes)).unwrap()
    }
}

/// All zones, and the anchor of their root.
pub(crate) struct World {
    pub(crate) zones: Vec<Zone>,
    pub(crate) anchors: Arc<TrustAnchors>,
}

impl World {
    pub(crate) fn new(zones: Vec<Zone>) -> Self {
        let root = zones.iter().find(|zone| zone.apex.is_root()).unwrap();
        let anchors = match &root.key {
            Some(key) => Arc::new(TrustAnchors::parse(&format!(". IN DNSKEY {}", key.dnskey)).unwrap()),
            None => Arc::new(TrustAnchors::default()),
        };
        Self { zones, anchors }
    }

    pub(crate) fn zone(&self, apex: &str) -> &Zone {
        self.zones.iter().find(|zone| zone.apex == name(apex)).unwrap()
    }

    /// The zone that answers for a name: the parent for DS.
    pub(crate) fn holder(&self, question: &Question) -> &Zone {
        let top = match question.record_type == RecordType::DS {
            true => question.name.base_name(),
            false => question.name.clone(),
        };
        let above = self.zones.iter().filter(|zone| zone.apex.zone_of(&top));
        above.max_by_key(|zone| zone.apex.iter().count()).unwrap()
    }

    /// What an honest recursive resolver says: the whole alias chain, the denials of every part gathered, the
    /// response code of its end.
    pub(crate) fn ask(&self, question: &Question) -> Message {
        let mut message = Message::new(0, MessageType::Response, OpCode::Query);
        let mut current = question.clone();
        for _ in 0..12 {
            match self.holder(&current).answer(&current, &mut message) {
                Some(target) => current.name = target,
                None => break,
            }
        }
        message
    }
}

/// An empty cache under the world's anchors.
pub(crate) fn cache(world: &World) -> Arc<KeyCache> {
    Arc::new(KeyCache::new(LocalPolicy::new(TrustAnchors::clone(&world.anchors)), 100))
}

/// Judges a question with nothing remembered and whatever `fetch` answers; also returns what was asked.
pub(crate) fn drive(
    question: Question,
    anchors: &Arc<TrustAnchors>,
    now: u32,
    limits: Limits,
    fetch: impl FnMut(&Question) -> Result<Message, FetchError>,
) -> (Result<Verdict, Failure>, Vec<Question>) {
    let mut policy = LocalPolicy::new(TrustAnchors::clone(anchors));
    policy.limits = limits;
    run(Validation::new(question, Arc::new(KeyCache::new(policy, 0)), now), fetch)
}

/// Runs a validation to its end. Returns beside the end what was asked.
pub(crate) fn run(
    validation: Validation,
    fetch: impl FnMut(&Question) -> Result<Message, FetchError>,
) -> (Result<Verdict, Failure>, Vec<Question>) {
    answering(validation, usize::MAX, fetch)
}

/// The same, and answers only what is needed, each question after the answer to the one before.
pub(crate) fn one_by_one(
    validation: Validation,
    fetch: impl FnMut(&Question) -> Result<Message, FetchError>,
) -> (Result<Verdict, Failure>, Vec<Question>) {
    answering(validation, 1, fetch)
}

/// Answers the first questions of each step.
fn answering(
    mut validation: Validation,
    at_once: usize,
    mut fetch: impl FnMut(&Question) -> Result<Message, FetchError>,
) -> (Result<Verdict, Failure>, Vec<Question>) {
    let mut asked = Vec::new();
    for _ in 0..1000 {
        match validation.step() {
            Step::Done(done) => return (*done, asked),
            Step::Ask(questions) => {
                assert!(!questions.is_empty(), "an empty question list would never end");
                for question in questions.into_iter().take(at_once) {
                    let answer = fetch(&question);
                    validation.answer(&question, answer);
                    asked.push(question);
                }
            }
        }
    }
    panic!("no end");
}

/// Judges a question in a world whose answers pass through `tamper`.
pub(crate) fn judge(
    world: &World,
    question: Question,
    mut tamper: impl FnMut(&Question, Message) -> Message,
) -> Result<Verdict, Failure> {
    let limits = Limits::default();
    drive(question, &world.anchors, NOW, limits, |q| Ok(tamper(q, world.ask(q)))).0
}

pub(crate) fn honest(world: &World, question: Question) -> Result<Verdict, Failure> {
    judge(world, question, |_, message| message)
}

/// The same content in zones of every kind.
pub(crate) fn content(apex: &str) -> Vec<Record> {
    let at = |label: &str| format!("{label}.{apex}");
    vec![
        a(apex, 1),
        a(&at("host"), 2),
        txt(&at("host"), "text of the host"),
        tlsa(&at("_25._tcp.host"), 3),
        a(&at("mx"), 4),
        tlsa(&at("*._tcp.mx"), 5),
        a(&at("deep.ent"), 6),
        txt(&at("*.wild"), "from the wildcard"),
        a(&at("exact.wild"), 7),
        cname(&at("*.walias"), &at("host")),
        cname(&at("alias"), &at("host")),
        cname(&at("nowhere"), &at("missing")),
        cname(&at("leave"), "host.plain.lab."),
        dname(&at("d"), &at("wild")),
        dname(&at("out"), "plain.lab."),
        cname(&at("loop"), &at("loop")),
    ]
}

/// `.` and `lab.` signed; below it zones with NSEC, NSEC3 (with a signed child of its own), opt-out, too many
/// iterations, and none.
pub(crate) static WORLD: LazyLock<World> = LazyLock::new(|| {
    let nsec3 = |iterations, opt_out| Denial::Nsec3 { iterations, opt_out };
    let child = Zone::signed("child.nsec3.lab.", 7, nsec3(1, false), content("child.nsec3.lab."));
    let mut parent = content("nsec3.lab.");
    parent.push(ns("child.nsec3.lab."));
    parent.push(child.key.as_ref().unwrap().ds("child.nsec3.lab.", DigestType::SHA384));
    let mut children = vec![
        Zone::signed("nsec.lab.", 3, Denial::Nsec, content("nsec.lab.")),
        Zone::signed("nsec3.lab.", 4, nsec3(1, false), parent),
        Zone::signed("iter.lab.", 6, nsec3(151, false), content("iter.lab.")),
    ];
    let mut optout = content("optout.lab.");
    optout.push(ns("unsigned.optout.lab."));
    children.push(Zone::signed("optout.lab.", 5, nsec3(0, true), optout));
    let mut lab: Vec<Record> = content("lab.");
    for child in &children {
        let apex = child.apex.to_ascii();
        lab.push(ns(&apex));
        lab.push(child.key.as_ref().unwrap().ds(&apex, DigestType::SHA256));
    }
    lab.push(ns("plain.lab."));
    let lab = Zone::signed("lab.", 2, Denial::Nsec, lab);
    let root = vec![ns("lab."), lab.key.as_ref().unwrap().ds("lab.", DigestType::SHA256)];
    let mut zones = vec![Zone::signed(".", 1, Denial::Nsec, root), lab];
    zones.extend(children);
    zones.push(child);
    let mut plain = content("plain.lab.");
    plain.push(cname("into.plain.lab.", "host.nsec.lab."));
    zones.push(Zone::unsigned("plain.lab.", plain));
    zones.push(Zone::unsigned("unsigned.optout.lab.", content("unsigned.optout.lab.")));
    World::new(zones)
});
