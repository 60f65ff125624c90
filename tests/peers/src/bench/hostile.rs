//! Zones whose owner wants the validator to work: each question must end as over budget, and soon.

use std::{collections::HashMap, net::Ipv4Addr};

use anyhow::{Context, Result, bail, ensure};
use dnssec::{Failure, Limit, Question, Reason, Verdict};
use hickory_proto::{
    dnssec::{
        Algorithm, PublicKeyBuf,
        rdata::{DNSKEY, DNSSECRData, NSEC, RRSIG, sig::SigInput},
    },
    op::Message,
    rr::{
        Name, RData, Record, RecordData, RecordType,
        rdata::{A, CNAME},
    },
};
use mxtls_lab::dns::{Signing, ZoneSpec};

use crate::{
    ours::Judge,
    owner::{APEX, Owner, message, rrsig},
    pairs::Subject,
    scene::{Scene, question},
    supply::Supply,
};

/// A question that passes a limit.
pub(crate) struct Hostile {
    anchor: String,
    /// `None` where each question meets one that knows nothing of the zone.
    warm: Option<Judge>,
    question: Question,
    answer: Box<Answering>,
    limit: Limit,
    /// What is asked for on the way there.
    asks: Vec<Question>,
    queued: Vec<(Judge, Supply<Message>)>,
    /// Signatures verified on the way there.
    pub(crate) signatures: u16,
}

/// Who answers what is asked for.
type Answering = dyn Fn(&Question) -> Result<Message>;

impl Hostile {
    /// Put to one who knows nothing of the zone.
    fn cold(
        anchor: String,
        question: Question,
        limit: Limit,
        answer: impl Fn(&Question) -> Result<Message> + 'static,
    ) -> Result<Self> {
        let answer = Box::new(answer);
        let (asks, queued) = (Vec::new(), Vec::new());
        let mut this = Self { anchor, warm: None, question, answer, limit, asks, queued, signatures: 0 };
        this.rehearse()?;
        Ok(this)
    }

    /// Put to one who knows the zone's keys.
    fn warm(mut self) -> Result<Self> {
        self.warm = Some(self.judge()?);
        // The first one brings the keys in, the second one shows what is asked for from then on.
        self.rehearse()?;
        self.rehearse()?;
        Ok(self)
    }

    fn judge(&self) -> Result<Judge> {
        match &self.warm {
            Some(judge) => Ok(judge.clone()),
            None => Judge::new(&self.anchor),
        }
    }

    fn rehearse(&mut self) -> Result<()> {
        let mut asks = Vec::new();
        let end = self.judge()?.judge(self.question.clone(), |asked| {
            asks.push(asked.clone());
            (self.answer)(asked)
        })?;
        (self.asks, self.signatures) = (asks, end.signatures);
        self.check(end.verdict)
    }

    fn check(&self, verdict: Result<Verdict, Failure>) -> Result<()> {
        match verdict {
            Err(failure) if failure.reason == Reason::OverLimit(self.limit) => Ok(()),
            Err(failure) => bail!("expected too many {}, found: {failure}", self.limit),
            Ok(verdict) => bail!("expected too many {}, found: {}", self.limit, verdict.status),
        }
    }

    /// As many keys of one tag as a zone may have, and false signatures that may be of any (CVE-2023-50387).
    pub(crate) fn colliding_keys(algorithm: Algorithm) -> Result<Self> {
        let owner = Owner::new(algorithm)?;
        let keys = (1..KEYS).map(|_| owner.colliding()).collect::<Result<Vec<_>>>()?;
        let signed = owner.signed(vec![address()?])?;
        let [address, genuine] = signed.as_slice() else { bail!("a record and a signature") };
        Self::below(&owner, keys, [(HOST.to_owned(), flood(address, genuine)?)], Limit::FailedSignatures)
    }

    /// The longest RSA key with the longest exponent that is checked at all, and false signatures.
    pub(crate) fn long_rsa_key() -> Result<Self> {
        let owner = Owner::new(Algorithm::ECDSAP256SHA256)?;
        // RFC 3110 §2: the length of the exponent, the exponent of 33 bits, the modulus of 8192.
        let key = [&[5, 1, 0xff, 0xff, 0xff, 0xff][..], &[0xa5; 1024][..]].concat();
        let key = DNSKEY::with_flags(256, PublicKeyBuf::new(key, Algorithm::RSASHA256));
        let address = address()?;
        let mut input = owner.input(std::slice::from_ref(&address))?;
        (input.algorithm, input.key_tag) = (Algorithm::RSASHA256, key.calculate_key_tag()?);
        let signature = rrsig(&address, input, vec![0x5a; 1024]);
        let answer = (HOST.to_owned(), flood(&address, &signature)?);
        Self::below(&owner, vec![key], [answer], Limit::FailedSignatures)
    }

    /// Aliases out of wildcards, each with as many denials as a message may have, and all of it genuine.
    pub(crate) fn good_signatures(algorithm: Algorithm) -> Result<Self> {
        let owner = Owner::new(algorithm)?;
        let name = |label: &str, n: usize| Name::from_ascii(format!("{label}.w{n}.{APEX}"));
        let mut answers = Vec::new();
        for n in 0..ALIASES {
            let alias = RData::CNAME(CNAME(name("a", n + 1)?));
            let mut expanded = owner.signed(vec![Record::from_rdata(name("*", n)?, 300, alias)])?;
            for record in &mut expanded {
                record.name = name("a", n)?;
            }
            // The first one shows that there is no `a`, the others are there to be verified.
            let mut spans = vec![(name("*", n)?, name("b", n)?)];
            for k in 1..DENIALS {
                spans.push((name(&format!("x{k}"), n)?, name(&format!("y{k}"), n)?));
            }
            let mut denials = Vec::new();
            for (from, to) in spans {
                let nsec = DNSSECRData::NSEC(NSEC::new_cover_self(to, [RecordType::CNAME]));
                denials.extend(owner.signed(vec![Record::from_rdata(from, 300, RData::DNSSEC(nsec))])?);
            }
            answers.push((name("a", n)?.to_ascii(), message(expanded, denials)));
        }
        Self::below(&owner, Vec::new(), answers, Limit::Signatures)
    }

    /// As large a set as fits into a message beside false signatures.
    pub(crate) fn large_set() -> Result<Self> {
        let owner = Owner::new(Algorithm::ECDSAP256SHA256)?;
        let signed = owner.signed(vec![address()?])?;
        let [address, genuine] = signed.as_slice() else { bail!("a record and a signature") };
        let mut answer = flood(address, genuine)?;
        for n in 1..ADDRESSES {
            answer.answers.push(address_of(n, HOST)?);
        }
        Self::below(&owner, Vec::new(), [(HOST.to_owned(), answer)], Limit::FailedSignatures)
    }

    /// Aliases to a name of many labels with a large and unsigned set, so that the zone is asked at each label whether it goes on
    /// there.
    pub(crate) fn long_walk() -> Result<Self> {
        let owner = Owner::new(Algorithm::ECDSAP256SHA256)?;
        let deep = format!("{}{APEX}", "x.".repeat(120));
        let addresses = (0..ADDRESSES).map(|n| address_of(n, &deep)).collect::<Result<Vec<_>>>()?;
        let large = message(addresses, Vec::new());
        // It shows all the names between to be empty non-terminals.
        let nsec = NSEC::new_cover_self(Name::from_ascii(&deep)?, [RecordType::NS, RecordType::SOA]);
        let nsec = RData::DNSSEC(DNSSECRData::NSEC(nsec));
        let nsec = owner.signed(vec![Record::from_rdata(Name::from_ascii(APEX)?, 300, nsec)])?;
        let (denied, keys) = (message(Vec::new(), nsec), owner.keys(Vec::new())?.1);

        let name = |n: usize| match n < ALIASES {
            true => format!("alias{n}.{APEX}"),
            false => deep.clone(),
        };
        let mut aliases = HashMap::new();
        for n in 0..ALIASES {
            let target = RData::CNAME(CNAME(Name::from_ascii(name(n + 1))?));
            let alias = owner.signed(vec![Record::from_rdata(Name::from_ascii(name(n))?, 300, target)])?;
            aliases.insert(question(&name(n), RecordType::A)?, message(alias, Vec::new()));
        }
        let answer = move |asked: &Question| {
            Ok(match (asked.record_type, aliases.get(asked)) {
                (_, Some(alias)) => alias.clone(),
                (RecordType::DNSKEY, None) => keys.clone(),
                (RecordType::DS, None) => denied.clone(),
                (_, None) => large.clone(),
            })
        };
        Self::cold(owner.anchor(), question(&name(0), RecordType::A)?, Limit::Questions, answer)
    }

    /// Denials at a name of many labels, with as many signatures as fit beside them, each of a key that the zone has not.
    pub(crate) fn unknown_keys() -> Result<Self> {
        Self::signatures_over_denials(Limit::DenialsPerMessage, |input, _n, _denied| input.key_tag ^= 1)
    }

    /// The same, and each name above that one named as the signer.
    pub(crate) fn signers() -> Result<Self> {
        Self::signatures_over_denials(Limit::Signers, |input, n, denied| {
            input.signer_name = denied.trim_to(1 + n % denied.iter().count());
        })
    }

    fn signatures_over_denials(limit: Limit, bend: impl Fn(&mut SigInput, usize, &Name)) -> Result<Self> {
        let owner = Owner::new(Algorithm::ECDSAP256SHA256)?;
        let denied = Name::from_ascii(format!("{}{APEX}", "x.".repeat(120)))?;
        let nsec = RData::DNSSEC(DNSSECRData::NSEC(NSEC::new_cover_self(denied.clone(), [RecordType::A])));
        let nsec = Record::from_rdata(denied.clone(), 300, nsec);
        let genuine = owner.input(std::slice::from_ref(&nsec))?;
        let mut authorities = vec![nsec.clone(); DENIALS + 1];
        for n in 0..SIGNATURES {
            let mut input = genuine.clone();
            bend(&mut input, n, &denied);
            authorities.push(rrsig(&nsec, input, vec![0xa5; 64]));
        }
        let answer = (denied.to_ascii(), message(Vec::new(), authorities));
        Self::below(&owner, Vec::new(), [answer], limit)
    }

    /// A name of many labels in a zone with as much hashing as is done at all, and the longest salt (CVE-2023-50868).
    pub(crate) fn hashing() -> Result<Self> {
        let signing = Signing::Nsec3 { iterations: 150, salt: vec![0xa5; 255], opt_out: false };
        let scene = Scene::of([ZoneSpec::new(APEX, signing, "host A 192.0.2.1\n")])?;
        let deep = question(&format!("{}{APEX}", "x.".repeat(100)), RecordType::A)?;
        Self::cold(scene.anchor(), deep, Limit::Nsec3Hashes, move |asked| scene.ask(asked))?.warm()
    }

    /// A question about the first of `answers`, for its address, in the zone of `owner`.
    fn below(
        owner: &Owner,
        keys: Vec<DNSKEY>,
        answers: impl IntoIterator<Item = (String, Message)>,
        limit: Limit,
    ) -> Result<Self> {
        let mut known = HashMap::from([owner.keys(keys)?]);
        let mut first = None;
        for (name, message) in answers {
            let asked = question(&name, RecordType::A)?;
            first.get_or_insert_with(|| asked.clone());
            known.insert(asked, message);
        }
        let first = first.context("there is an answer")?;
        let answer = move |asked: &Question| {
            known.get(asked).cloned().with_context(|| format!("{asked} has no answer here"))
        };
        Self::cold(owner.anchor(), first, limit, answer)?.warm()
    }
}

impl Subject for Hostile {
    fn ready(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let mut supply = Supply::default();
            for asked in &self.asks {
                supply.put(asked.clone(), (self.answer)(asked)?);
            }
            self.queued.push((self.judge()?, supply));
        }
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        let (judge, mut supply) = self.queued.pop().context("a question was made ready")?;
        let end = judge.judge(self.question.clone(), |asked| supply.take(asked))?;
        self.check(end.verdict)
    }
}

/// `Limits::keys`.
const KEYS: usize = 16;
/// `Limits::denials_per_message`.
const DENIALS: usize = 24;
/// With all that comes beside them fewer than `Limits::records`.
const ADDRESSES: usize = 800;
/// The same, beside denials.
const SIGNATURES: usize = 900;
/// More than `Limits::signatures` lets pass.
const ALIASES: usize = 8;
/// False signatures: many more than `Limits::failed_signatures`.
const FALSE: u8 = 100;

const HOST: &str = "host.hostile.";

fn address() -> Result<Record> {
    address_of(0, HOST)
}

fn address_of(n: usize, owner: &str) -> Result<Record> {
    let address = Ipv4Addr::from(u32::try_from(n)?);
    Ok(Record::from_rdata(Name::from_ascii(owner)?, 300, RData::A(A(address))))
}

/// A record with many signatures, each like `signature` but for one octet.
fn flood(record: &Record, signature: &Record) -> Result<Message> {
    let genuine = RRSIG::try_borrow(&signature.data).context("a signature")?;
    let mut answers = vec![record.clone()];
    for n in 1..=FALSE {
        let mut octets = genuine.sig().to_vec();
        let last = octets.last_mut().context("a signature has octets")?;
        *last ^= n;
        answers.push(rrsig(record, genuine.input().clone(), octets));
    }
    ensure!(answers.len() > usize::from(FALSE), "there are signatures");
    Ok(message(answers, Vec::new()))
}
