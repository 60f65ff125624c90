//! One zone's data: RRsets by name, cuts, and what exists where.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{Arc, OnceLock},
};

use hickory_proto::{
    dnssec::rdata::{DNSSECRData, DS},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, NS, NULL},
    },
    serialize::{binary::BinEncodable, txt::Parser},
};

use super::{
    Face, Signing, ZoneSpec,
    denial::{self, Nsec3Chain},
    signing::ZoneKey,
    world::WorldError,
};

/// A zone cut: the child's name and, where it is signed, its DS.
#[derive(Clone)]
pub(super) struct Delegation {
    pub(super) child: Name,
    pub(super) ds: Option<DS>,
}

/// One RRset, and its signature once somebody has asked for it.
pub(super) struct RrSet {
    records: Vec<Record>,
    signature: OnceLock<Record>,
}

impl RrSet {
    pub(super) fn new(records: Vec<Record>) -> Self {
        Self { records, signature: OnceLock::new() }
    }

    pub(super) fn records(&self) -> &[Record] {
        &self.records
    }
}

/// A zone, ready to be asked.
pub(super) struct Zone {
    origin: Name,
    spec: ZoneSpec,
    key: Option<Arc<ZoneKey>>,
    delegations: Vec<Delegation>,
    sets: BTreeMap<Name, BTreeMap<RecordType, RrSet>>,
    nsec3: Option<Nsec3Chain>,
}

impl Zone {
    pub(super) fn build(
        origin: Name,
        spec: ZoneSpec,
        key: Option<Arc<ZoneKey>>,
        delegations: Vec<Delegation>,
    ) -> Result<Self, WorldError> {
        let mut sets = parse(&origin, &spec.text)?;
        for delegation in &delegations {
            delegate(&mut sets, delegation, key.is_some());
        }
        if let Some(key) = &key {
            let dnskey = RData::DNSSEC(DNSSECRData::DNSKEY(key.dnskey().clone()));
            insert(&mut sets, Record::from_rdata(origin.clone(), 3600, dnskey));
        }
        let sets = sets
            .into_iter()
            .map(|(name, types)| {
                (name, types.into_iter().map(|(rtype, records)| (rtype, RrSet::new(records))).collect())
            })
            .collect();
        let mut zone = Self { origin, spec, key, delegations, sets, nsec3: None };
        match (&zone.key, &zone.spec.signing) {
            (None, _) => {}
            (Some(_), Signing::Nsec3 { iterations, salt, opt_out }) => {
                let chain = Nsec3Chain::build(&mut zone.sets, &zone.origin, *iterations, salt, *opt_out);
                zone.nsec3 = Some(chain);
            }
            (Some(_), _) => denial::add_nsec_chain(&mut zone.sets, &zone.origin),
        }
        Ok(zone)
    }

    /// The same zone with other records.
    pub(super) fn with_text(&self, text: &str) -> Result<Self, WorldError> {
        let spec = ZoneSpec { text: text.to_owned(), ..self.spec.clone() };
        Self::build(self.origin.clone(), spec, self.key.clone(), self.delegations.clone())
    }

    /// The same zone signed with another key.
    pub(super) fn with_fresh_key(&self) -> Result<Self, WorldError> {
        let key = ZoneKey::generate(&self.origin, &self.spec.signing).map(Arc::new);
        Self::build(self.origin.clone(), self.spec.clone(), key, self.delegations.clone())
    }

    /// The same zone with another DS for the zone `child` that it delegates.
    pub(super) fn with_ds(&self, child: &Name, ds: &DS) -> Result<Self, WorldError> {
        let mut delegations = self.delegations.clone();
        for delegation in delegations.iter_mut().filter(|delegation| delegation.child == *child) {
            delegation.ds = Some(ds.clone());
        }
        Self::build(self.origin.clone(), self.spec.clone(), self.key.clone(), delegations)
    }

    /// The same zone with one other TXT record at `owner`.
    pub(super) fn with_txt(&self, owner: &Name, value: &str) -> Result<Self, WorldError> {
        let mut text: String = Vec::from_iter(self.spec.text.lines().filter(|line| {
            let owns = line
                .split_whitespace()
                .next()
                .is_some_and(|first| self.absolute(first).as_ref() == Some(owner));
            !(owns && line_type(line) == Some("TXT"))
        }))
        .join("\n");
        text.push_str(&format!("\n{owner} 300 IN TXT \"{value}\"\n"));
        self.with_text(&text)
    }

    pub(super) fn origin(&self) -> &Name {
        &self.origin
    }

    pub(super) fn key(&self) -> Option<&ZoneKey> {
        self.key.as_deref()
    }

    pub(super) fn nsec3(&self) -> Option<&Nsec3Chain> {
        self.nsec3.as_ref()
    }

    pub(super) fn sets(&self) -> &BTreeMap<Name, BTreeMap<RecordType, RrSet>> {
        &self.sets
    }

    pub(super) fn set(&self, name: &Name, rtype: RecordType) -> Option<&RrSet> {
        self.sets.get(name).and_then(|types| types.get(&rtype))
    }

    /// Whether `name` owns records or lies above a name that does: an empty non-terminal exists too (RFC 4592 §2.2.2).
    pub(super) fn exists(&self, name: &Name) -> bool {
        // In canonical order a name's descendants follow it at once (RFC 4034 §6.1).
        self.sets.range(name..).next().is_some_and(|(next, _)| name.zone_of(next))
    }

    /// The longest existing ancestor of a name that does not exist (RFC 4592 §3.3.1).
    pub(super) fn closest_encloser(&self, name: &Name) -> Name {
        let mut encloser = name.base_name();
        while !self.exists(&encloser) {
            encloser = encloser.base_name();
        }
        encloser
    }

    /// The delegation at or above `name`, if one is there.
    pub(super) fn cut_above(&self, name: &Name) -> Option<Name> {
        self.ancestors(name).find(|ancestor| self.set(ancestor, RecordType::NS).is_some())
    }

    /// The DNAME strictly above `name`, if one is there (RFC 6672 §2.2: it does not affect its own owner).
    pub(super) fn dname_above(&self, name: &Name) -> Option<&RrSet> {
        if *name == self.origin {
            return None;
        }
        std::iter::once(self.origin.clone())
            .chain(self.ancestors(&name.base_name()))
            .find_map(|ancestor| self.set(&ancestor, RecordType::DNAME))
    }

    /// The first delegation without a DS.
    pub(super) fn insecure_delegation(&self) -> Option<&Name> {
        self.delegations.iter().find(|delegation| delegation.ds.is_none()).map(|delegation| &delegation.child)
    }

    /// The set's records and, in a signed zone, its signature.
    pub(super) fn signed(&self, set: &RrSet) -> Vec<Record> {
        let mut records = set.records.clone();
        let delegation = set.records[0].record_type() == RecordType::NS && set.records[0].name != self.origin;
        if let (Some(key), false) = (&self.key, delegation) {
            records.push(set.signature.get_or_init(|| key.sign(&set.records)).clone());
        }
        records
    }

    /// How it is signed, in the words of whoever wrote it.
    pub(super) fn signing(&self) -> &Signing {
        &self.spec.signing
    }

    /// What it says of the delegation `cut`: the servers below it, their addresses, and DS or the proof that there is none.
    pub(super) fn referral(&self, cut: &Name) -> (Vec<Record>, Record) {
        let mut authorities = self.signed(&self.sets[cut][&RecordType::NS]);
        match (self.set(cut, RecordType::DS), &self.key) {
            (Some(ds), _) => authorities.extend(self.signed(ds)),
            (None, Some(_)) => authorities.extend(self.deny_type(cut)),
            (None, None) => {}
        }
        (authorities, glue(cut, server_of(cut)))
    }

    /// The SOA with its signature.
    pub(super) fn soa(&self) -> Vec<Record> {
        self.signed(&self.sets[&self.origin][&RecordType::SOA])
    }

    /// The master file without DNSSEC records.
    pub(super) fn text(&self) -> String {
        let boilerplate = boilerplate(&self.origin);
        let mut text = format!("$ORIGIN {}\n$TTL 300\n{boilerplate}{}\n", self.origin, self.spec.text);
        for Delegation { child, .. } in &self.delegations {
            text.push_str(&format!("{child} NS {0}\n{0} A {1}\n", server_of(child), address_of(child)));
        }
        text
    }

    /// See [`super::World::questions`].
    pub(super) fn questions(&self) -> Vec<(String, RecordType)> {
        let absent = format!("does-not-exist.{}", self.origin.to_ascii().trim_start_matches('.'));
        let existing =
            self.sets.iter().filter(|(name, _)| self.cut_above(name).is_none()).flat_map(|(name, types)| {
                types
                    .keys()
                    .filter(|rtype| **rtype != RecordType::NSEC)
                    .map(|rtype| (name.to_ascii(), *rtype))
            });
        existing
            .chain(self.delegations.iter().map(|delegation| (delegation.child.to_ascii(), RecordType::DS)))
            .chain([
                (self.origin.to_ascii(), RecordType::HINFO),
                (absent.clone(), RecordType::A),
                (absent, RecordType::DS),
            ])
            .collect()
    }

    /// `name`'s ancestors and itself, below the origin, highest first.
    fn ancestors(&self, name: &Name) -> impl Iterator<Item = Name> {
        let (depth, name) = (label_count(&self.origin), name.clone());
        (depth + 1..=label_count(&name)).map(move |labels| name.trim_to(labels))
    }

    fn absolute(&self, owner: &str) -> Option<Name> {
        match owner {
            "@" => Some(self.origin.clone()),
            _ => absolute(owner, &self.origin),
        }
    }
}

/// Labels including a leading `*`, which [`Name::num_labels`] leaves out.
pub(super) fn label_count(name: &Name) -> usize {
    name.iter().count()
}

/// Every zone has one name server, within it.
fn server_of(origin: &Name) -> Name {
    origin.prepend_label("ns").unwrap()
}

fn address_of(origin: &Name) -> Ipv4Addr {
    Face::of_zone(origin).address()
}

/// The address of the name server of `origin`.
fn glue(origin: &Name, server: Name) -> Record {
    Record::from_rdata(server, 3600, RData::A(A(address_of(origin))))
}

fn boilerplate(origin: &Name) -> String {
    let (server, address) = (server_of(origin), address_of(origin));
    format!(
        "@ 3600 IN SOA {server} hostmaster.{server} 1 3600 600 86400 60\n@ 3600 IN NS {server}\n{server} 3600 IN A {address}\n"
    )
}

type Sets = BTreeMap<Name, BTreeMap<RecordType, Vec<Record>>>;

fn insert(sets: &mut Sets, mut record: Record) {
    let set = sets.entry(record.name.clone()).or_default().entry(record.record_type()).or_default();
    // All records of an RRset have one TTL (RFC 2181 §5.2).
    if let Some(first) = set.first() {
        record.ttl = first.ttl;
    }
    if !set.iter().any(|other| other.data == record.data) {
        set.push(record);
    }
}

fn delegate(sets: &mut Sets, delegation: &Delegation, signed: bool) {
    let Delegation { child, ds } = delegation;
    let server = server_of(child);
    insert(sets, Record::from_rdata(child.clone(), 3600, RData::NS(NS(server.clone()))));
    insert(sets, glue(child, server));
    if let (Some(ds), true) = (ds, signed) {
        insert(sets, Record::from_rdata(child.clone(), 3600, RData::DNSSEC(DNSSECRData::DS(ds.clone()))));
    }
}

fn parse(origin: &Name, text: &str) -> Result<Sets, WorldError> {
    let error = |reason: String| WorldError::Text { origin: origin.to_ascii(), reason };
    let (dnames, others): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line_type(line) == Some("DNAME"));
    let file = format!("$TTL 300\n{}{}\n", boilerplate(origin), others.join("\n"));
    let (_, rrsets) =
        Parser::new(file, None, Some(origin.clone())).parse().map_err(|reason| error(reason.to_string()))?;
    let mut sets = Sets::new();
    for mut record in
        rrsets.into_values().flat_map(|set| set.records_without_rrsigs().cloned().collect::<Vec<_>>())
    {
        if !origin.zone_of(&record.name) {
            return Err(error(format!("{} lies outside the zone", record.name)));
        }
        record.name = record.name.to_lowercase();
        insert(&mut sets, record);
    }
    for line in dnames {
        let owner = line.split_whitespace().next().and_then(|first| match first {
            "@" => Some(origin.clone()),
            _ => absolute(first, origin),
        });
        let target = line.split_whitespace().last().and_then(|last| absolute(last, origin));
        let (Some(owner), Some(target)) = (owner, target) else {
            return Err(error(format!("{line:?} is no DNAME record")));
        };
        insert(&mut sets, Record::from_rdata(owner, 300, dname(&target)));
    }
    Ok(sets)
}

/// DNAME RDATA, for which hickory-proto has no type of its own (RFC 6672 §2.1).
pub(super) fn dname(target: &Name) -> RData {
    RData::Unknown { code: RecordType::DNAME, rdata: NULL::with(target.to_bytes().unwrap()) }
}

fn absolute(text: &str, origin: &Name) -> Option<Name> {
    if let Ok(name) = Name::parse(text, Some(origin)) { Some(name.to_lowercase()) } else { None }
}

/// The record type that a line of zone text states, where it begins with its owner.
fn line_type(line: &str) -> Option<&str> {
    line.split_whitespace()
        .skip(1)
        .take(3)
        .find(|word| *word != "IN" && word.bytes().any(|byte| byte.is_ascii_alphabetic()))
}
