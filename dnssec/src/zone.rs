//! The walk from a trust anchor to the zone that holds a name, DS by DS (RFC 4035 §5, §5.2).

use std::{collections::HashMap, sync::Arc};

use hickory_proto::{
    dnssec::rdata::{DNSKEY, DS},
    rr::{Name, RecordData, RecordType},
};

use crate::{
    Failure, Insecurity, Limit, Question, Reason, SignatureFault, TrustAnchors, ZoneStep, alias,
    answers::{Answers, Stop},
    denial::{Closer, Delegation, Denials},
    key::{ZoneKey, matching_digest, usable_ds_set},
    proof::Trust,
    rrset::{Rrset, Work},
};

/// A zone whose keys are trusted.
#[derive(Debug)]
pub(crate) struct Zone {
    pub(crate) name: Name,
    pub(crate) keys: Vec<ZoneKey>,
}

/// Where a name lies.
#[derive(Debug)]
pub(crate) enum Place {
    /// In this signed zone.
    Secure(Arc<Zone>),
    /// Outside every chain of trust; why has gone into the proof.
    Insecure,
}

/// What has been proven about the zone cuts so far.
#[derive(Debug)]
pub(crate) struct Zones {
    anchors: Arc<TrustAnchors>,
    /// By name: what is there. The nearest anchor above a name is the same whichever path led to it, so that
    /// one entry serves every path.
    cuts: HashMap<Name, Cut>,
}

#[derive(Clone, Debug)]
enum Cut {
    /// The parent has a usable DS; the zone's keys are not known yet.
    Delegated(Vec<DS>),
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
    pub(crate) fn new(anchors: Arc<TrustAnchors>) -> Self {
        Self { anchors, cuts: HashMap::new() }
    }

    /// Whether a zone lies on the path from the anchor of `name` to `name`, so that it may have signed it.
    pub(crate) fn on_path(&self, zone: &Name, name: &Name) -> bool {
        zone.zone_of(name) && self.anchors.nearest(name).is_some_and(|anchor| anchor.zone_of(zone))
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
        let Some(anchor) = self.anchors.nearest(name).cloned() else {
            let step = ZoneStep::Insecure { name: name.clone(), reason: Insecurity::NoAnchor };
            work.proof.add_zone(step);
            return Ok(Place::Insecure);
        };
        let path: Vec<Name> =
            (anchor.iter().count() + 1..=name.iter().count()).map(|labels| name.trim_to(labels)).collect();
        let ahead = |needed: Question, below: usize| {
            let mut wanted = vec![needed];
            if expected {
                wanted.extend(path.iter().map(|name| Question::new(name.clone(), RecordType::DS)));
                wanted.push(Question::new(name.clone(), RecordType::DNSKEY));
            } else {
                wanted.extend(path.get(below).map(|name| Question::new(name.clone(), RecordType::DS)));
            }
            answers.ask(wanted)
        };

        let mut zone = match self.cuts.get(&anchor) {
            Some(Cut::Zone(zone)) => Arc::clone(zone),
            _ => {
                let anchors = Arc::clone(&self.anchors);
                let trust = |key: &DNSKEY, tag| anchors.trusting(&anchor, key, tag);
                let zone = zone_keys(&anchor, trust, answers, work).map_err(|stop| stop.widen(&ahead, 0))?;
                self.keep(&anchor, Cut::Zone(Arc::clone(&zone)));
                zone
            }
        };
        for (index, name) in path.iter().enumerate() {
            let widen = |stop: Stop| stop.widen(&ahead, index + 1);
            let cut = match self.cuts.get(name) {
                Some(cut) => cut.clone(),
                None => self.keep(name, delegation(name, &zone, answers, work).map_err(widen)?),
            };
            match cut {
                Cut::Delegated(ds) => {
                    let trust = |key: &DNSKEY, key_tag| {
                        let digests = ds.iter().filter_map(|ds| matching_digest(name, ds, key, key_tag));
                        digests.map(|digest| Trust::Ds { key_tag, digest }).collect()
                    };
                    zone = zone_keys(name, trust, answers, work).map_err(widen)?;
                    self.keep(name, Cut::Zone(Arc::clone(&zone)));
                }
                Cut::Zone(child) => zone = child,
                Cut::Within => {}
                Cut::Leaf => break,
                Cut::Insecure => return Ok(Place::Insecure),
            }
        }
        Ok(Place::Secure(zone))
    }

    fn keep(&mut self, name: &Name, cut: Cut) -> Cut {
        self.cuts.insert(name.clone(), cut.clone());
        cut
    }
}

/// What the parent `zone` says about a delegation at `name` (RFC 4035 §5.2).
fn delegation(name: &Name, zone: &Zone, answers: &Answers, work: &mut Work) -> Result<Cut, Stop> {
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
        let usable = usable_ds_set(all.collect());
        return Ok(match usable.is_empty() {
            // RFC 4035 §5.2: treated as if there were no DS.
            true => insecure(name, Insecurity::Unsupported, work),
            false => Cut::Delegated(usable),
        });
    }
    // An alias is no zone cut: RFC 1034 §3.6.2 for CNAME, RFC 6672 §2.4 for what is below a DNAME.
    if let Some(set) = alias::dname_above(&message.answers, name) {
        return match set.verify(zone, work)?.encloser {
            Some(_) => Err(fail(Reason::WildcardNotProven).into()),
            None => Ok(Cut::Leaf),
        };
    }
    if let Some(set) = Rrset::find(&message.answers, name, RecordType::CNAME) {
        let Some(encloser) = set.verify(zone, work)?.encloser else { return Ok(Cut::Within) };
        let mut denials = Denials::collect(&message.authorities, zone, work)?;
        return match denials.no_closer(name, &encloser, work).map_err(|limit| limit.at(question.clone()))? {
            Closer::None => Ok(Cut::Leaf),
            Closer::Insecure(reason) => Ok(insecure(name, reason, work)),
            Closer::Unproven => Err(fail(Reason::WildcardNotProven).into()),
        };
    }

    let mut denials = Denials::collect(&message.authorities, zone, work)?;
    match denials.delegation(name, work).map_err(|limit| limit.at(question.clone()))? {
        Delegation::None => Ok(Cut::Within),
        Delegation::NoName => Ok(Cut::Leaf),
        Delegation::Insecure(reason) => Ok(insecure(name, reason, work)),
        Delegation::Signed => Err(fail(Reason::Contradicted(RecordType::DS)).into()),
        Delegation::Unproven => match denials.fault {
            Some(fault) => Err(fault.into()),
            None => Err(fail(Reason::DsNotDenied).into()),
        },
    }
}

fn insecure(name: &Name, reason: Insecurity, work: &mut Work) -> Cut {
    work.proof.add_zone(ZoneStep::Insecure { name: name.clone(), reason });
    Cut::Insecure
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
    let keys: Vec<ZoneKey> = keys.filter_map(ZoneKey::new).collect();
    let trusted: Vec<ZoneKey> =
        keys.iter().filter(|key| !trust(&key.key, key.tag).is_empty()).cloned().collect();
    if trusted.is_empty() {
        return Err(fail(Reason::UntrustedDnskey));
    }
    let signed = set.verify(&Zone { name: name.clone(), keys: trusted }, work)?;
    work.proof.add_zone(ZoneStep::Secure {
        zone: name.clone(),
        trusted_by: trust(&signed.key.key, signed.key.tag),
        key_tag: signed.key.tag,
        algorithm: signed.key.algorithm(),
    });
    Ok(Arc::new(Zone { name: name.clone(), keys }))
}
