//! One question being judged, from the first fetch to the verdict.

use std::{collections::HashSet, sync::Arc};

use hickory_proto::{
    dnssec::rdata::RRSIG,
    op::{Message, ResponseCode},
    rr::{Name, Record, RecordData, RecordType},
};

use crate::{
    Failure, FailureKind, FetchError, Hop, HopKind, KeyCache, Limit, Outcome, Question, Reason, Status,
    Verdict, ZoneStep, alias,
    answers::{Answers, Stop},
    denial::{Closer, Denials, MAX_NEGATIVE_TTL, Negative, negative_ttl},
    rrset::Rrset,
    work::Work,
    zone::{Memory, Place, Zone, Zones},
};

/// One question being judged: it says what to ask, is told the answers, and ends with a verdict.
///
/// It does no I/O and knows no clock. The driver calls [`step`](Self::step), puts the questions it gets to a
/// resolver (with the DO and CD bits set, RFC 4035 §4.1 and §4.9.1), hands what comes back to
/// [`answer`](Self::answer), and steps again.
#[derive(Debug)]
pub struct Validation {
    /// What it was asked.
    question: Question,
    /// What is being asked now: the question, then the target of each alias.
    current: Question,
    /// Zones that turned out not to account for the current answer, and what is wrong with it, `None` where nothing in it
    /// is: they are not tried again when further answers come.
    refuted: Vec<(Name, Option<Failure>)>,
    chain: Vec<Hop>,
    answers: Answers,
    zones: Zones,
    work: Work,
    done: Option<Box<Result<Verdict, Failure>>>,
}

/// What is to be done next.
#[derive(Debug)]
pub enum Step {
    /// Fetch these, in any order or all at once, and hand the answers in. A question whose answer is still
    /// outstanding may be named again.
    ///
    /// The first is the one that is needed; the others are asked ahead of need, to save round trips. Whoever hands in each
    /// answer as it comes, and steps after each, waits for no answer that turns out not to be needed.
    Ask(Vec<Question>),
    /// The end.
    Done(Box<Result<Verdict, Failure>>),
}

impl Validation {
    /// Begins to judge `question` at the time `now`: seconds since the epoch modulo 2^32, compared in serial
    /// arithmetic (RFC 4034 §3.1.5).
    ///
    /// It goes by the policy of `cache`, uses what is known there about zones, and leaves there what it proves.
    pub fn new(question: Question, cache: Arc<KeyCache>, now: u32) -> Self {
        Self::begin(question, cache, now, Memory::Unused)
    }

    /// Begins once more, at the same time and out of the same budget: believes nothing that is in the cache, and what it proves replaces what
    /// is there.
    ///
    /// For a second try after one that [used the cache](Self::used_cache) and failed: the zone may have changed its
    /// keys before the old ones expired.
    pub fn afresh(self) -> Self {
        let mut again = Self::begin(self.question, self.zones.into_cache(), self.work.now, Memory::Refreshed);
        again.work.budget = self.work.budget;
        again
    }

    /// Whether anything out of the cache has been used so far.
    pub fn used_cache(&self) -> bool {
        self.zones.memory() == Memory::Used
    }

    /// Signatures verified so far, good and bad: nearly all of the work.
    pub fn signatures(&self) -> u16 {
        self.work.budget.verified()
    }

    fn begin(question: Question, cache: Arc<KeyCache>, now: u32, memory: Memory) -> Self {
        let current = Question::new(question.name, question.record_type);
        let done = (!current.gets_verdict())
            .then(|| Failure::new(current.clone(), None, Reason::NoVerdictFor(current.record_type)))
            .map(|failure| Box::new(Err(failure)));
        Self {
            question: current.clone(),
            current,
            refuted: Vec::new(),
            chain: Vec::new(),
            answers: Answers::default(),
            work: Work::new(now, cache.policy()),
            zones: Zones::new(cache, memory),
            done,
        }
    }

    /// What is to be done next. Stays the same until an answer comes.
    ///
    /// The first question asked is the validation's own, beside DS and DNSKEY of what is probably a zone above it; then come
    /// those of the zones that the answer names, all at once, and the targets of aliases. What is asked ahead of need brings
    /// no validation over its [`Limits`](crate::Limits); near them it may save one.
    pub fn step(&mut self) -> Step {
        loop {
            if let Some(done) = &self.done {
                return Step::Done(done.clone());
            }
            match self.advance() {
                Ok(Progress::Alias(hop)) => self.follow(hop),
                Ok(Progress::End(outcome, status)) => {
                    self.done = Some(Box::new(Ok(self.verdict(outcome, status))))
                }
                Err(Stop::Fail(failure)) => self.fail(failure),
                Err(Stop::Ask(questions)) => match self.answers.note(questions, &mut self.work.budget) {
                    Ok(questions) => return Step::Ask(questions),
                    Err(limit) => self.fail(limit.at(self.current.clone())),
                },
            }
        }
    }

    /// Takes the answer to a question of [`Step::Ask`]; the first one counts, others are ignored.
    ///
    /// The message must be the one that answers this question (id, question section); its header is believed
    /// only where nothing is signed. A message with another response code than NOERROR and NXDOMAIN, or a
    /// truncated one, counts as the [`FetchError`] of that name.
    pub fn answer(&mut self, question: &Question, answer: Result<Message, FetchError>) {
        self.answers.take(question, answer, &mut self.work.budget);
    }

    fn follow(&mut self, hop: Hop) {
        self.current.name = hop.target.clone();
        self.refuted.clear();
        self.chain.push(hop);
        if self.chain.len() > usize::from(self.work.budget.limits.aliases) {
            self.fail(Limit::Aliases.at(self.current.clone()));
        }
    }

    fn fail(&mut self, mut failure: Failure) {
        failure.proof = Box::new(std::mem::take(&mut self.work.evidence.proof));
        self.done = Some(Box::new(Err(failure)));
    }

    fn verdict(&mut self, outcome: Outcome, status: Status) -> Verdict {
        // RFC 4035 §4.3, RFC 7672 §2.1.3: an insecure alias makes all that follows insecure.
        let status = self.chain.iter().map(|hop| hop.status).fold(status, Status::min);
        Verdict {
            name: self.current.name.clone(),
            status,
            outcome,
            chain: std::mem::take(&mut self.chain),
            ttl: self.work.evidence.ttl,
            proof: std::mem::take(&mut self.work.evidence.proof),
        }
    }

    /// Judges the answer to the current question.
    ///
    /// Only what the message says about this very name is used: an alias's target is asked by itself, so that
    /// no record, response code or denial of one name ever counts for another.
    fn advance(&mut self) -> Result<Progress, Stop> {
        self.zones.resume(&self.answers, &mut self.work)?;
        let question = self.current.clone();
        let mut judge = Judge {
            question: &question,
            refuted: &mut self.refuted,
            answers: &self.answers,
            zones: &mut self.zones,
            work: &mut self.work,
        };
        let message = match self.answers.asked(&question) {
            Ok(message) => message,
            Err(stop) => {
                let likely = || judge.zones.likely(&judge.deepest(), judge.work.now);
                return Err(stop.widen(|needed| judge.answers.ask([vec![needed], likely()].concat())));
            }
        };
        let dname = alias::dname_above(&message.answers, &question.name);
        let cname = Rrset::find(&message.answers, &question.name, RecordType::CNAME);
        // Below a DNAME a CNAME is the server's making, not the zone's (RFC 6672 §5.3.1).
        let wants_alias = question.record_type == RecordType::CNAME;
        let data = match wants_alias && dname.is_some() {
            true => None,
            false => Rrset::find(&message.answers, &question.name, question.record_type),
        };
        if let Some(set) = data {
            let status = judge.positive(&set, message)?;
            return Ok(Progress::End(Outcome::Records(distinct(&set)), status));
        }
        if let Some(set) = dname {
            let fail = |reason| Stop::from(Failure::new(set.question(), None, reason));
            let target = alias::substitute(&set, &question.name).map_err(fail)?;
            if let Some(cname) = &cname
                && alias::cname(cname).map_err(fail)? != target
            {
                return Err(fail(Reason::AliasMismatch));
            }
            let status = judge.positive(&set, message)?;
            if wants_alias {
                let record = alias::synthesized(&question, set.ttl(), target);
                return Ok(Progress::End(Outcome::Records(vec![record]), status));
            }
            let owner = question.name;
            return Ok(Progress::Alias(Hop { owner, kind: HopKind::Dname, target, status }));
        }
        if let Some(set) = cname {
            let target = match alias::cname(&set) {
                Ok(target) => target,
                Err(reason) => return Err(Failure::new(set.question(), None, reason).into()),
            };
            let status = judge.positive(&set, message)?;
            return Ok(Progress::Alias(Hop { owner: question.name, kind: HopKind::Cname, target, status }));
        }
        let (outcome, status) = judge.negative(message)?;
        Ok(Progress::End(outcome, status))
    }
}

enum Progress {
    Alias(Hop),
    End(Outcome, Status),
}

/// The current question with what is needed to judge its answer.
struct Judge<'v> {
    question: &'v Question,
    refuted: &'v mut Vec<(Name, Option<Failure>)>,
    answers: &'v Answers,
    zones: &'v mut Zones,
    work: &'v mut Work,
}

impl Judge<'_> {
    /// The status of an RRset that answers the question or makes its name an alias.
    ///
    /// A signature's signer is only a hint at where the walk from the anchor may end. Once that walk has found
    /// it to be a zone, a valid signature of that zone shows that it holds the RRset: a zone signs nothing
    /// that it has delegated away, except DS (RFC 4035 §2.2).
    fn positive(&mut self, set: &Rrset<'_>, message: &Message) -> Result<Status, Stop> {
        let question = self.question;
        let judged = self.by_signers(set.signers(), |judge, zone| {
            let Some(encloser) = set.verify(zone, judge.work)?.encloser else {
                return Ok(Some(Status::Secure));
            };
            // RFC 4035 §5.3.4. A wildcard makes no delegation (RFC 4592 §4.2); one of DNAMEs has no meaning
            // that could be checked (§4.4).
            if matches!(set.record_type, RecordType::DS | RecordType::DNAME) {
                return Err(Failure::new(set.question(), Some(&zone.name), Reason::WildcardNotProven));
            }
            let mut denials = Denials::collect(&message.authorities, zone, judge.work)?;
            match denials
                .no_closer(&question.name, &encloser, judge.work)
                .map_err(|l| l.at(question.clone()))?
            {
                Closer::None => Ok(Some(Status::Secure)),
                Closer::Insecure(reason) => {
                    let name = question.name.clone();
                    judge.work.evidence.proof.add_zone(ZoneStep::Insecure { name, reason });
                    Ok(Some(Status::Insecure))
                }
                Closer::Unproven => Err(denials.unproven(&set.question(), Reason::WildcardNotProven)),
            }
        })?;
        let status = match judged {
            Judged::By(status) => status,
            Judged::Insecure => Status::Insecure,
            Judged::Refuted(failure) => return Err(Stop::Fail(failure)),
            Judged::Silent(zone) => {
                return Err(Failure::new(set.question(), Some(&zone), Reason::Unsigned).into());
            }
        };
        self.work.evidence.limit(set.ttl());
        Ok(status)
    }

    /// The status of an answer without records for the name. Where the zone is signed, its denial records
    /// decide, and the response code counts for nothing.
    fn negative(&mut self, message: &Message) -> Result<(Outcome, Status), Stop> {
        let question = self.question;
        let judged = self.by_signers(denial_signers(&message.authorities), |judge, zone| {
            let mut denials = Denials::collect(&message.authorities, zone, judge.work)?;
            match denials.prove(question, judge.work)? {
                Some(negative) => Ok(Some(negative)),
                None => match denials.fault {
                    Some(fault) => Err(fault),
                    None => Ok(None),
                },
            }
        })?;
        let by_rcode = match message.metadata.response_code == ResponseCode::NXDomain {
            true => Outcome::NxDomain,
            false => Outcome::NoData,
        };
        let (outcome, status) = match judged {
            Judged::By(Negative::NoData) => (Outcome::NoData, Status::Secure),
            Judged::By(Negative::NxDomain) => (Outcome::NxDomain, Status::Secure),
            // RFC 5155 §9.2 and RFC 9276 §3.2: never secure.
            Judged::By(Negative::Insecure(reason)) => {
                let name = question.name.clone();
                self.work.evidence.proof.add_zone(ZoneStep::Insecure { name, reason });
                (by_rcode, Status::Insecure)
            }
            Judged::Insecure => (by_rcode, Status::Insecure),
            Judged::Refuted(failure) => return Err(Stop::Fail(failure)),
            Judged::Silent(zone) => {
                return Err(Failure::new(question.clone(), Some(&zone), Reason::NotDenied).into());
            }
        };
        // Nothing proves an insecure denial, so that nothing else says for how long it holds.
        let without_soa = if status == Status::Secure { MAX_NEGATIVE_TTL } else { 0 };
        self.work.evidence.limit(negative_ttl(&message.authorities, without_soa));
        Ok((outcome, status))
    }

    /// Walks to each zone that claims to have signed the answer, lets `account` judge it, and where none
    /// accounts for it, walks to the name itself to see whether it has to be signed at all.
    fn by_signers<'m, T>(
        &mut self,
        signers: impl Iterator<Item = &'m Name>,
        account: impl Fn(&mut Self, &Zone) -> Result<Option<T>, Failure>,
    ) -> Result<Judged<T>, Stop> {
        let deepest = self.deepest();
        // The child first: a zone nearer to the name knows it better (RFC 6840 §4.1).
        let signers = self.zones.on_path(signers, &deepest);
        if signers.len() > usize::from(self.work.budget.limits.signers) {
            return Err(Limit::Signers.at(self.question.clone()).into());
        }
        for signer in signers {
            if self.refuted.iter().any(|(zone, _)| *zone == signer) {
                continue;
            }
            let zone = match self.zones.place(&signer, true, self.answers, self.work)? {
                Place::Secure(zone) if zone.name == signer => zone,
                // The walk ended above the signer: there is no such zone.
                Place::Secure(_) => continue,
                Place::Insecure => return Ok(Judged::Insecure),
            };
            match account(self, &zone) {
                Ok(Some(judged)) => return Ok(Judged::By(judged)),
                Ok(None) => self.refuted.push((signer, None)),
                Err(failure) if matches!(failure.reason, Reason::OverLimit(_)) => return Err(failure.into()),
                Err(failure) => self.refuted.push((signer, Some(failure))),
            }
        }
        let refuted = self.refuted.iter().find_map(|(_, failure)| failure.clone());
        match (self.zones.place(&deepest, false, self.answers, self.work), refuted) {
            (Ok(Place::Insecure), _) => Ok(Judged::Insecure),
            (Ok(Place::Secure(_)), Some(failure)) => Ok(Judged::Refuted(failure)),
            (Ok(Place::Secure(zone)), None) => Ok(Judged::Silent(zone.name.clone())),
            // What was wrong with the answer itself tells more than what is wrong with the path to it.
            (Err(Stop::Fail(path)), Some(failure)) if path.kind() == FailureKind::Bogus => {
                Ok(Judged::Refuted(failure))
            }
            (Err(stop), _) => Err(stop),
        }
    }

    /// The deepest name whose zone may hold the records asked for: DS belongs to the parent (RFC 4035 §2.4).
    fn deepest(&self) -> Name {
        match self.question.record_type == RecordType::DS {
            true => self.question.name.base_name(),
            false => self.question.name.clone(),
        }
    }
}

/// What came of looking for the zone that accounts for an answer.
enum Judged<T> {
    /// A signed zone accounts for it.
    By(T),
    /// The name is proven to lie outside the chain of trust.
    Insecure,
    /// A signed zone holds the name, and this is why its signatures do not do.
    Refuted(Failure),
    /// This signed zone holds the name, and nothing in the answer is signed by it.
    Silent(Name),
}

/// The records of a set, each once.
fn distinct(set: &Rrset<'_>) -> Vec<Record> {
    let mut seen = HashSet::new();
    set.records.iter().filter(|record| seen.insert(&record.data)).map(|record| (*record).clone()).collect()
}

/// The zones that claim to have signed a negative answer.
fn denial_signers(section: &[Record]) -> impl Iterator<Item = &Name> {
    let signatures = section.iter().filter_map(|record| RRSIG::try_borrow(&record.data));
    signatures
        .map(|signature| signature.input())
        .filter(|input| matches!(input.type_covered, RecordType::NSEC | RecordType::NSEC3 | RecordType::SOA))
        .map(|input| &input.signer_name)
}
