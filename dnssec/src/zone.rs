//! The walk from a trust anchor to the zone that holds a name, DS by DS (RFC 4035 §5, §5.2).

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use hickory_proto::{
    dnssec::rdata::{DNSKEY, DS},
    rr::{Name, RecordData, RecordType},
};

use crate::{
    Failure, Insecurity, KeyCache, Limit, Question, Reason, SignatureFault, ZoneStep, alias,
    answers::{Answers, Stop},
    canonical::is_same_name,
    denial::{Closer, Denials, DeniedCut, MAX_NEGATIVE_TTL, negative_ttl},
    key::{ZoneKey, matching_digests, usable_ds_set},
    key_cache::Entry,
    proof::Trust,
    rrset::Rrset,
    work::{Evidence, Work},
};

/// A zone whose keys are trusted.
#[derive(Debug)]
pub(crate) struct Zone {
    pub(crate) name: Name,
    pub(crate) keys: Vec<ZoneKey>,
}

impl Zone {
    pub(crate) fn new(name: &Name, keys: Vec<ZoneKey>) -> Self {
        Self { name: name.clone(), keys }
    }
}

/// Where a name lies.
#[derive(Debug)]
pub(crate) enum Place {
    /// In this signed zone.
    Secure(Arc<Zone>),
    /// Outside every chain of trust; why has gone into the proof.
    Insecure,
}

/// What is known about the zone cuts: in this validation, and from earlier ones.
#[derive(Debug)]
pub(crate) struct Zones {
    memory: Memory,
    cache: Arc<KeyCache>,
    /// By name: what this validation has found. The nearest anchor above a name is the same whichever path led to
    /// it, so that one entry serves every path.
    cuts: HashMap<Name, Cut>,
    /// Signed delegations to zones whose keys have not come yet, with what they rest on.
    delegations: HashMap<Name, (Vec<DS>, Evidence)>,
    /// The latest walk, unless it has arrived.
    walk: Option<Walk>,
}

/// A walk that has not arrived.
#[derive(Debug)]
struct Walk {
    /// Where to.
    name: Name,
    expected: bool,
    /// The names between the anchor and `name`, that one included, in order.
    path: Vec<Name>,
    /// How many of them have been passed.
    passed: usize,
    /// The zone that holds the last of these; `None` until the anchor's keys have come.
    zone: Option<Arc<Zone>>,
    /// Why it never will arrive; `None` where it waits for answers.
    failed: Option<Failure>,
}

impl Walk {
    fn new(anchor: &Name, name: &Name) -> Self {
        let path =
            (anchor.iter().count() + 1..=name.iter().count()).map(|labels| name.trim_to(labels)).collect();
        Self { name: name.clone(), expected: false, path, passed: 0, zone: None, failed: None }
    }

    /// The questions that are likely to follow `needed`, which is about the next name or the one before it.
    fn ahead(&self, needed: Question, answers: &Answers) -> Stop {
        let mut wanted = vec![needed];
        let names = self.path.iter().skip(self.passed);
        match self.expected {
            true => wanted.extend(names.flat_map(delegation_questions)),
            // It may end at the next name.
            false => wanted.extend(names.take(2).map(|name| Question::new(name.clone(), RecordType::DS))),
        }
        answers.ask(wanted)
    }
}

/// What becomes of the cache.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Memory {
    /// Not read; what is proven replaces what is there.
    Refreshed,
    /// Open to be used.
    Unused,
    /// Something out of it has been used.
    Used,
}

/// What is at one name.
#[derive(Clone, Debug)]
pub(crate) enum Cut {
    /// A signed zone begins here.
    Zone(Arc<Zone>),
    /// The name belongs to the zone above; there may be cuts below it.
    Within,
    /// The name does not exist, or is an alias with all that is below it: no cut here nor below.
    Leaf,
    /// From here on nothing is signed.
    Insecure,
}

impl Zones {
    pub(crate) fn new(cache: Arc<KeyCache>, memory: Memory) -> Self {
        Self { memory, cache, cuts: HashMap::new(), delegations: HashMap::new(), walk: None }
    }

    pub(crate) fn into_cache(self) -> Arc<KeyCache> {
        self.cache
    }

    pub(crate) fn memory(&self) -> Memory {
        self.memory
    }

    /// Those of `zones` that lie on the path from the anchor of `name` to `name`, so that they may have signed it; each once,
    /// the deepest first.
    pub(crate) fn on_path<'z>(&self, zones: impl Iterator<Item = &'z Name>, name: &Name) -> Vec<Name> {
        let Ok(anchor) = self.cache.policy().anchors.nearest(name) else { return vec![] };
        let (top, bottom) = (anchor.iter().count(), name.iter().count());
        // There is one name of each length: hundreds may claim to be it.
        let mut on_path = BTreeMap::<usize, Name>::new();
        for zone in zones {
            let labels = zone.iter().count();
            if (top..=bottom).contains(&labels) && !on_path.contains_key(&labels) {
                let at = name.trim_to(labels);
                if is_same_name(&at, zone) {
                    on_path.insert(labels, at);
                }
            }
        }
        on_path.into_values().rev().collect()
    }

    /// What will probably have to be asked before an answer about `name` can be judged, as long as nothing in the answer
    /// tells: DS and DNSKEY of what is not known yet of the anchor, the top-level domain and the name below that, where
    /// zones begin as a rule. Further below they are few.
    pub(crate) fn likely(&self, name: &Name, now: u32) -> Vec<Question> {
        const LABELS: usize = 2;
        let Ok(anchor) = self.cache.policy().anchors.nearest(name) else { return vec![] };
        let begin = anchor.iter().count();
        let mut wanted = Vec::new();
        for labels in begin..=name.iter().count().min(LABELS).max(begin) {
            let at = name.trim_to(labels);
            let cut = self.cuts.get(&at).cloned();
            match cut.or_else(|| self.remembered(&at, now).map(|(entry, _)| entry.cut.clone())) {
                Some(Cut::Zone(_) | Cut::Within) => {}
                Some(Cut::Leaf | Cut::Insecure) => break,
                None if labels == begin => wanted.push(Question::new(at, RecordType::DNSKEY)),
                None => wanted.extend(delegation_questions(&at)),
            }
        }
        wanted
    }

    /// Goes on with a walk that waited for answers. The only error is that it has to wait again: as long as it does,
    /// there is nothing new to be seen in the message that it is for, and looking through that is most of the work.
    pub(crate) fn resume(&mut self, answers: &Answers, work: &mut Work) -> Result<(), Stop> {
        let Some(Walk { name, expected, failed: None, .. }) = &self.walk else { return Ok(()) };
        let (name, expected) = (name.clone(), *expected);
        match self.place(&name, expected, answers, work) {
            Err(Stop::Ask(questions)) => Err(Stop::Ask(questions)),
            Ok(_) | Err(Stop::Fail(_)) => Ok(()),
        }
    }

    /// Finds the zone that holds `name`.
    ///
    /// `expected` says that a signature names `name` as a zone: all the questions on the way may then go out
    /// at once. It decides nothing else.
    pub(crate) fn place(
        &mut self,
        name: &Name,
        expected: bool,
        answers: &Answers,
        work: &mut Work,
    ) -> Result<Place, Stop> {
        let cache = Arc::clone(&self.cache);
        let anchors = &cache.policy().anchors;
        let anchor = match anchors.nearest(name) {
            Ok(anchor) => anchor,
            Err(reason) => {
                work.evidence.proof.add_zone(ZoneStep::Insecure { name: name.clone(), reason });
                return Ok(Place::Insecure);
            }
        };
        let mut walk = match self.walk.take_if(|walk| walk.name == *name) {
            Some(walk) => walk,
            None => Walk::new(anchor, name),
        };
        walk.expected = expected;
        let place = match walk.failed.take() {
            Some(failure) => Err(Stop::Fail(failure)),
            None => self.go(&mut walk, anchor, answers, work),
        };
        if let Err(stop) = &place {
            if let Stop::Fail(failure) = stop {
                walk.failed = Some(failure.clone());
            }
            self.walk = Some(walk);
        }
        place
    }

    fn go(
        &mut self,
        walk: &mut Walk,
        anchor: &Name,
        answers: &Answers,
        work: &mut Work,
    ) -> Result<Place, Stop> {
        let mut zone = match walk.zone.take().map(Cut::Zone).or_else(|| self.known(anchor, work)) {
            Some(Cut::Zone(zone)) => zone,
            _ => {
                let cache = Arc::clone(&self.cache);
                let anchors = &cache.policy().anchors;
                let trust = |key: &DNSKEY, tag| anchors.trusting(anchor, key, tag);
                let keys = work.gather(|work| zone_keys(anchor, trust, answers, work));
                let (zone, evidence) =
                    keys.map_err(|stop| stop.widen(|needed| walk.ahead(needed, answers)))?;
                self.keep(anchor, Cut::Zone(Arc::clone(&zone)), evidence, work);
                zone
            }
        };
        while let Some(name) = walk.path.get(walk.passed) {
            let cut = match self.known(name, work) {
                Some(cut) => Ok(cut),
                None => self.prove(name, &zone, answers, work),
            };
            match cut {
                Ok(Cut::Zone(child)) => zone = child,
                Ok(Cut::Within) => {}
                Ok(Cut::Leaf) => break,
                Ok(Cut::Insecure) => return Ok(Place::Insecure),
                Err(stop) => {
                    walk.zone = Some(zone);
                    return Err(stop.widen(|needed| walk.ahead(needed, answers)));
                }
            }
            walk.passed += 1;
        }
        Ok(Place::Secure(zone))
    }

    /// What was proven about `name` before, here or in an earlier validation.
    fn known(&mut self, name: &Name, work: &mut Work) -> Option<Cut> {
        if let Some(cut) = self.cuts.get(name) {
            return Some(cut.clone());
        }
        let (entry, left) = self.remembered(name, work.now)?;
        self.memory = Memory::Used;
        work.evidence.proof.merge(&entry.evidence.proof);
        work.evidence.limit(left);
        self.cuts.insert(name.clone(), entry.cut.clone());
        Some(entry.cut.clone())
    }

    /// What was proven about `name` in an earlier validation, and for how many seconds it still holds.
    fn remembered(&self, name: &Name, now: u32) -> Option<(Arc<Entry>, u32)> {
        match self.memory {
            Memory::Refreshed => None,
            Memory::Unused | Memory::Used => self.cache.get(name, now),
        }
    }

    /// Proves what is at `name`, which is the next one below `parent` or within it.
    fn prove(&mut self, name: &Name, parent: &Zone, answers: &Answers, work: &mut Work) -> Result<Cut, Stop> {
        let (ds, delegated) = match self.delegations.get(name) {
            Some(known) => known.clone(),
            None => match work.gather(|work| delegation(name, parent, answers, work))? {
                (Delegation::Signed(ds), evidence) => {
                    self.delegations.insert(name.clone(), (ds.clone(), evidence.clone()));
                    (ds, evidence)
                }
                (Delegation::None(cut), evidence) => return Ok(self.keep(name, cut, evidence, work)),
            },
        };
        let trust = |key: &DNSKEY, key_tag| {
            let digests = matching_digests(name, &ds, key, key_tag).into_iter();
            digests.map(|digest| Trust::Ds { key_tag, digest }).collect()
        };
        let (zone, keys) = work.gather(|work| zone_keys(name, trust, answers, work))?;
        let mut evidence = delegated;
        evidence.merge(&keys);
        Ok(self.keep(name, Cut::Zone(zone), evidence, work))
    }

    fn keep(&mut self, name: &Name, cut: Cut, evidence: Evidence, work: &Work) -> Cut {
        self.cuts.insert(name.clone(), cut.clone());
        self.cache.insert(name, Entry::new(cut.clone(), evidence, work.now));
        cut
    }
}

/// What tells whether a signed zone begins at `name`, and its keys if so.
fn delegation_questions(name: &Name) -> [Question; 2] {
    [RecordType::DS, RecordType::DNSKEY].map(|record_type| Question::new(name.clone(), record_type))
}

/// What a parent says about a name directly below it.
enum Delegation {
    /// There is a zone with these DS records.
    Signed(Vec<DS>),
    /// There is no signed zone.
    None(Cut),
}

/// What the parent `zone` says about a delegation at `name` (RFC 4035 §5.2).
fn delegation(name: &Name, zone: &Zone, answers: &Answers, work: &mut Work) -> Result<Delegation, Stop> {
    let question = Question::new(name.clone(), RecordType::DS);
    let fail = |reason| Failure::new(question.clone(), Some(&zone.name), reason);
    let message = answers.needed(&question, &zone.name)?;

    if let Some(set) = Rrset::find(&message.answers, name, RecordType::DS) {
        if set.records.len() > usize::from(work.budget.limits.keys) {
            return Err(fail(Reason::OverLimit(Limit::Keys)).into());
        }
        if set.verify(zone, work)?.encloser.is_some() {
            // A wildcard makes no delegation (RFC 4592 §4.2).
            return Err(fail(Reason::BadSignature(SignatureFault::Labels)).into());
        }
        let all = set.records.iter().filter_map(|record| DS::try_borrow(&record.data).cloned());
        let usable = usable_ds_set(all.collect(), work.rsa_sha1);
        return Ok(match usable.is_empty() {
            // RFC 4035 §5.2: treated as if there were no DS.
            true => insecure(name, Insecurity::Unsupported, work),
            false => Delegation::Signed(usable),
        });
    }
    // An alias is no zone cut: RFC 1034 §3.6.2 for CNAME, RFC 6672 §2.4 for what is below a DNAME.
    if let Some(set) = alias::dname_above(&message.answers, name) {
        return match set.verify(zone, work)?.encloser {
            Some(_) => Err(fail(Reason::WildcardNotProven).into()),
            None => Ok(Delegation::None(Cut::Leaf)),
        };
    }
    if let Some(set) = Rrset::find(&message.answers, name, RecordType::CNAME) {
        let Some(encloser) = set.verify(zone, work)?.encloser else {
            return Ok(Delegation::None(Cut::Within));
        };
        let mut denials = Denials::collect(&message.authorities, zone, work)?;
        return match denials.no_closer(name, &encloser, work).map_err(|limit| limit.at(question.clone()))? {
            Closer::None => Ok(Delegation::None(Cut::Leaf)),
            Closer::Insecure(reason) => Ok(insecure(name, reason, work)),
            Closer::Unproven => Err(denials.unproven(&question, Reason::WildcardNotProven).into()),
        };
    }

    let mut denials = Denials::collect(&message.authorities, zone, work)?;
    work.evidence.limit(negative_ttl(&message.authorities, MAX_NEGATIVE_TTL));
    match denials.cut(name, work).map_err(|limit| limit.at(question.clone()))? {
        DeniedCut::NotHere => Ok(Delegation::None(Cut::Within)),
        DeniedCut::NoName => Ok(Delegation::None(Cut::Leaf)),
        DeniedCut::Insecure(reason) => Ok(insecure(name, reason, work)),
        DeniedCut::Signed => Err(fail(Reason::Contradicted(RecordType::DS)).into()),
        DeniedCut::Unproven => Err(denials.unproven(&question, Reason::DsNotDenied).into()),
    }
}

fn insecure(name: &Name, reason: Insecurity, work: &mut Work) -> Delegation {
    work.evidence.proof.add_zone(ZoneStep::Insecure { name: name.clone(), reason });
    Delegation::None(Cut::Insecure)
}

/// The keys of a zone, once a key that `trust` vouches for has signed them (RFC 4035 §5.2).
fn zone_keys(
    name: &Name,
    trust: impl Fn(&DNSKEY, u16) -> Vec<Trust>,
    answers: &Answers,
    work: &mut Work,
) -> Result<Arc<Zone>, Stop> {
    let question = Question::new(name.clone(), RecordType::DNSKEY);
    let message = answers.needed(&question, name)?;
    let fail = |reason| Stop::from(Failure::new(question.clone(), Some(name), reason));
    let Some(set) = Rrset::find(&message.answers, name, RecordType::DNSKEY) else {
        return Err(fail(Reason::NoDnskey));
    };
    if set.records.len() > usize::from(work.budget.limits.keys) {
        return Err(fail(Reason::OverLimit(Limit::Keys)));
    }
    let keys = set.records.iter().filter_map(|record| DNSKEY::try_borrow(&record.data));
    let keys: Vec<ZoneKey> = keys.filter_map(|key| ZoneKey::new(key, work.rsa_sha1)).collect();
    let trusted: Vec<ZoneKey> =
        keys.iter().filter(|key| !trust(&key.key, key.tag).is_empty()).cloned().collect();
    if trusted.is_empty() {
        return Err(fail(Reason::UntrustedDnskey));
    }
    let signed = set.verify(&Zone::new(name, trusted), work)?;
    work.evidence.proof.add_zone(ZoneStep::Secure {
        zone: name.clone(),
        trusted_by: trust(&signed.key.key, signed.key.tag),
        key_tag: signed.key.tag,
        algorithm: signed.key.algorithm(),
    });
    Ok(Arc::new(Zone::new(name, keys)))
}
