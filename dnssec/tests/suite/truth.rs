//! What a world really has at a name, worked out from its zones alone, and which verdicts agree with it.

use std::collections::HashSet;

use dnssec::{HopKind, Outcome, Question, Status, Verdict};
use hickory_proto::{
    dnssec::{Algorithm, rdata::DS},
    rr::{Name, RData, Record, RecordData, RecordType, rdata::CNAME},
    serialize::binary::{BinEncodable, BinEncoder},
};

use crate::{
    battlefield::OWN,
    world::{Denial, FromWire, World, Zone, name, nsec3_owner},
};

/// What stands at one name, aliases not followed.
#[derive(Debug)]
struct Truth {
    has: Has,
    /// It comes out of a wildcard.
    expanded: bool,
    /// It lies in a zone that a chain of trust reaches.
    signed: bool,
    /// Its zone cannot tell whether the name lies in an unsigned delegation (RFC 5155 §6, RFC 9276 §3.2).
    open_here: bool,
    /// A zone above cannot tell whether its zone is signed.
    open_above: bool,
}

#[derive(Debug)]
enum Has {
    Data(HashSet<Vec<u8>>),
    Alias(HopKind, Name),
    NoData,
    NxDomain,
}

/// What is false in a verdict; `None` where all of it is true, or is what the protocol leaves to an attacker.
pub(crate) fn falsehood(world: &World, asked: &Question, verdict: &Verdict) -> Option<String> {
    let mut name = asked.name.clone();
    let mut secure = true;
    for hop in &verdict.chain {
        if hop.owner != name {
            return Some(format!("the hop at {} does not follow from {name}", hop.owner));
        }
        if !is_own(&name, asked.record_type) {
            let truth = at(world, &name, asked.record_type);
            let agrees = matches!(&truth.has, Has::Alias(kind, to) if *kind == hop.kind && *to == hop.target);
            if !truth.allows(hop.status, agrees) {
                return Some(format!("{hop:?}, but {truth:?}"));
            }
        }
        secure &= hop.status == Status::Secure;
        name = hop.target.clone();
    }
    if name != verdict.name {
        return Some(format!("the chain ends at {name}, the verdict at {}", verdict.name));
    }
    if !secure && verdict.status == Status::Secure {
        return Some("secure, behind an insecure hop".into());
    }
    if is_own(&name, asked.record_type) {
        return None;
    }
    let truth = at(world, &name, asked.record_type);
    let agrees = match (&truth.has, &verdict.outcome) {
        (Has::Data(there), Outcome::Records(records)) => {
            let shown: HashSet<Vec<u8>> = records.iter().map(data).collect();
            records.iter().all(|r| r.name == name && r.record_type() == asked.record_type)
                && shown == *there
                && shown.len() == records.len()
        }
        (Has::NoData, Outcome::NoData) | (Has::NxDomain, Outcome::NxDomain) => true,
        (Has::Data(_) | Has::Alias(..) | Has::NoData | Has::NxDomain, _) => false,
    };
    // Behind an insecure hop the end's own status is not told: it is whatever allows most.
    let allowed = match secure {
        true => truth.allows(verdict.status, agrees),
        false => truth.allows(Status::Secure, agrees) || truth.allows(Status::Insecure, agrees),
    };
    (!allowed).then(|| format!("{} {:?}, but {truth:?}", verdict.status, verdict.outcome))
}

impl Truth {
    fn allows(&self, status: Status, agrees: bool) -> bool {
        let negative = matches!(self.has, Has::NoData | Has::NxDomain);
        match status {
            Status::Secure => self.signed && agrees && !(self.open_here && (negative || self.expanded)),
            Status::Insecure => !self.signed || self.open_here || self.open_above,
        }
    }
}

/// Whether the attacker may sign what they like there.
fn is_own(at: &Name, record_type: RecordType) -> bool {
    let own = name(OWN);
    own.zone_of(at) && !(record_type == RecordType::DS && *at == own)
}

fn at(world: &World, name: &Name, record_type: RecordType) -> Truth {
    let zone = world.holder(&Question::new(name.clone(), record_type));
    let (has, expanded, below_dname) = has(zone, name, record_type);
    let mut open_above = false;
    let mut child = zone;
    while let Some(parent) = parent(world, child) {
        open_above |= open(parent, &child.apex);
        child = parent;
    }
    // Nothing is delegated below a DNAME (RFC 6672 §2.4); where denials are not computed, not even that helps.
    let computed = !matches!(zone.denial, Denial::Nsec3 { iterations: 151.., .. });
    let open_here = open(zone, name) && !(below_dname && computed);
    Truth { has, expanded, signed: signed(world, zone), open_here, open_above }
}

/// What a zone has at a name, whether out of a wildcard, and whether by a DNAME above.
fn has(zone: &Zone, name: &Name, record_type: RecordType) -> (Has, bool, bool) {
    let mut above = name.clone();
    while above != zone.apex {
        above = above.base_name();
        if let Some(set) = zone.get(&above, RecordType::DNAME) {
            let RData::Unknown { rdata, .. } = &set[0].data else { panic!("undecoded") };
            let prefix = name.iter().take(name.iter().count() - above.iter().count());
            let target = Name::from_labels(prefix).unwrap();
            let target = target.append_domain(&Name::from_bytes_at_start(&rdata.anything)).unwrap();
            return match record_type == RecordType::CNAME {
                true => (Has::Data([canonical(&RData::CNAME(CNAME(target)))].into()), false, true),
                false => (Has::Alias(HopKind::Dname, target), false, true),
            };
        }
    }
    let expanded = !zone.exists(name);
    let source = match expanded {
        true => zone.encloser(name).prepend_label("*").unwrap(),
        false => name.clone(),
    };
    let has = match (zone.get(&source, record_type), zone.get(&source, RecordType::CNAME)) {
        (Some(set), _) => {
            Has::Data(set.iter().filter(|r| r.record_type() == record_type).map(data).collect())
        }
        (None, Some(set)) => Has::Alias(HopKind::Cname, CNAME::try_borrow(&set[0].data).unwrap().0.clone()),
        (None, None) if expanded && !zone.exists(&source) => Has::NxDomain,
        (None, None) => Has::NoData,
    };
    (has, expanded, false)
}

fn data(record: &Record) -> Vec<u8> {
    canonical(&record.data)
}

/// Data as it is signed: the case of the names in it is anybody's (RFC 4034 §6.2).
fn canonical(data: &RData) -> Vec<u8> {
    if let RData::Unknown { code: RecordType::DNAME, rdata } = data {
        // A name and nothing else; the length of a label is no letter.
        return rdata.anything.to_ascii_lowercase();
    }
    let mut octets = Vec::new();
    let mut encoder = BinEncoder::new(&mut octets);
    encoder.set_canonical_form(true);
    data.emit(&mut encoder).unwrap();
    octets
}

fn parent<'w>(world: &'w World, zone: &Zone) -> Option<&'w Zone> {
    (!zone.apex.is_root() && !is_anchor(world, zone))
        .then(|| world.holder(&Question::new(zone.apex.clone(), RecordType::DS)))
}

fn is_anchor(world: &World, zone: &Zone) -> bool {
    world.anchors.zones().contains(&&zone.apex)
}

/// Whether the chain of trust reaches a zone.
fn signed(world: &World, zone: &Zone) -> bool {
    let delegated = |parent: &Zone| {
        let set = parent.get(&zone.apex, RecordType::DS);
        let known =
            |r: &Record| DS::try_borrow(&r.data).is_some_and(|ds| ds.algorithm() == Algorithm::ED25519);
        signed(world, parent) && set.is_some_and(|set| set.iter().any(known))
    };
    zone.key.is_some() && parent(world, zone).map_or(is_anchor(world, zone), delegated)
}

/// Whether a zone's denials leave room for an unsigned delegation at a name or above it.
fn open(zone: &Zone, name: &Name) -> bool {
    match zone.denial {
        Denial::Nsec => false,
        Denial::Nsec3 { iterations: 151.., .. } => true,
        Denial::Nsec3 { opt_out: false, .. } => false,
        Denial::Nsec3 { iterations, opt_out: true } => {
            let labels = zone.apex.iter().count() + 1..=name.iter().count();
            labels
                .map(|count| name.trim_to(count))
                .any(|name| !zone.sets.contains_key(&nsec3_owner(&zone.apex, &name, iterations)))
        }
    }
}
