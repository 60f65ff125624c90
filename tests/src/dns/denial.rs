//! Denial of existence: the NSEC and NSEC3 chains of a zone, and the proofs drawn from them.

use std::collections::BTreeMap;

use hickory_proto::{
    dnssec::{
        Nsec3HashAlgorithm,
        rdata::{DNSSECRData, NSEC, NSEC3, NSEC3PARAM},
    },
    rr::{Name, RData, Record, RecordType},
};

use super::zone::{RrSet, Zone, label_count};

/// TTL of the records of a chain: the SOA's minimum (RFC 9077).
const DENIAL_TTL: u32 = 60;

impl Zone {
    /// `name` exists, without the type (RFC 4035 §3.1.3.1; RFC 5155 §7.2.3, §7.2.4).
    pub(super) fn deny_type(&self, name: &Name) -> Vec<Record> {
        match self.nsec3() {
            Some(chain) if chain.matching(name).is_some() => self.proof([chain.matching(name)]),
            // §7.2.4: below an opt-out span the name has no NSEC3 of its own.
            Some(chain) => self.closest_provable_encloser(chain, name),
            // An empty non-terminal has no NSEC: the one before it says so by its next name.
            None => self.proof([self.nsec_at_or_before(name)]),
        }
    }

    /// Neither `name` nor a wildcard for it exists (RFC 4035 §3.1.3.2, RFC 5155 §7.2.2).
    pub(super) fn deny_name(&self, name: &Name) -> Vec<Record> {
        let encloser = self.closest_encloser(name);
        let wildcard = encloser.prepend_label("*").unwrap();
        match self.nsec3() {
            Some(chain) => self.proof([
                chain.matching(&encloser),
                chain.covering(&next_closer(name, &encloser)),
                chain.covering(&wildcard),
            ]),
            None => self.proof([self.nsec_at_or_before(name), self.nsec_at_or_before(&wildcard)]),
        }
    }

    /// Nothing is closer to `name` than the wildcard that answered (RFC 4035 §3.1.3.3, RFC 5155 §7.2.6).
    pub(super) fn deny_closer(&self, name: &Name) -> Vec<Record> {
        match self.nsec3() {
            Some(chain) => self.proof([chain.covering(&next_closer(name, &self.closest_encloser(name)))]),
            None => self.proof([self.nsec_at_or_before(name)]),
        }
    }

    /// The wildcard for `name` exists, without the type (RFC 4035 §3.1.3.4, RFC 5155 §7.2.5).
    pub(super) fn deny_wildcard_type(&self, name: &Name) -> Vec<Record> {
        let encloser = self.closest_encloser(name);
        let wildcard = encloser.prepend_label("*").unwrap();
        match self.nsec3() {
            Some(chain) => self.proof([
                chain.matching(&encloser),
                chain.covering(&next_closer(name, &encloser)),
                chain.matching(&wildcard),
            ]),
            None => self.proof([self.nsec_at_or_before(name), self.nsec_at_or_before(&wildcard)]),
        }
    }

    /// The closest encloser that has an NSEC3, and the opt-out span over the next closer name (RFC 5155 §7.2.1, §7.2.4).
    fn closest_provable_encloser(&self, chain: &Nsec3Chain, name: &Name) -> Vec<Record> {
        let mut encloser = name.base_name();
        while chain.matching(&encloser).is_none() {
            encloser = encloser.base_name();
        }
        self.proof([chain.matching(&encloser), chain.covering(&next_closer(name, &encloser))])
    }

    /// The NSEC whose owner is `name` or else the last before it; the apex has one, so there always is.
    fn nsec_at_or_before(&self, name: &Name) -> Option<&RrSet> {
        self.sets().range(..=name).rev().find_map(|(_, types)| types.get(&RecordType::NSEC))
    }

    /// The sets with their signatures, each once.
    fn proof<'a>(&self, sets: impl IntoIterator<Item = Option<&'a RrSet>>) -> Vec<Record> {
        let mut once: Vec<&RrSet> = Vec::new();
        for set in sets.into_iter().flatten() {
            if !once.iter().any(|other| std::ptr::eq(*other, set)) {
                once.push(set);
            }
        }
        once.into_iter().flat_map(|set| self.signed(set)).collect()
    }
}

/// Gives every authoritative name of the zone its NSEC (RFC 4035 §2.3).
pub(super) fn add_nsec_chain(sets: &mut BTreeMap<Name, BTreeMap<RecordType, RrSet>>, origin: &Name) {
    let names = authoritative_names(sets, origin);
    for (at, name) in names.iter().enumerate() {
        let next = names.get(at + 1).unwrap_or(origin);
        let types = visible_types(&sets[name], name == origin);
        let nsec = NSEC::new_cover_self(next.clone(), types);
        let record = Record::from_rdata(name.clone(), DENIAL_TTL, RData::DNSSEC(DNSSECRData::NSEC(nsec)));
        sets.get_mut(name).unwrap().insert(RecordType::NSEC, RrSet::new(vec![record]));
    }
}

/// The NSEC3 records of a zone in the order of their hashes (RFC 5155 §7.1).
pub(super) struct Nsec3Chain {
    iterations: u16,
    salt: Vec<u8>,
    by_hash: BTreeMap<Vec<u8>, RrSet>,
}

impl Nsec3Chain {
    /// Builds the chain and puts NSEC3PARAM at the apex.
    pub(super) fn build(
        sets: &mut BTreeMap<Name, BTreeMap<RecordType, RrSet>>,
        origin: &Name,
        iterations: u16,
        salt: &[u8],
        opt_out: bool,
    ) -> Self {
        // §4.1.2: the Opt-Out flag of NSEC3PARAM is zero.
        let param = NSEC3PARAM::new(Nsec3HashAlgorithm::SHA1, false, iterations, salt.to_vec());
        let param = Record::from_rdata(origin.clone(), 0, RData::DNSSEC(DNSSECRData::NSEC3PARAM(param)));
        sets.get_mut(origin).unwrap().insert(RecordType::NSEC3PARAM, RrSet::new(vec![param]));

        let mut types_by_hash = BTreeMap::new();
        for name in authoritative_names(sets, origin) {
            let types = &sets[&name];
            let insecure_cut = name != *origin
                && types.contains_key(&RecordType::NS)
                && !types.contains_key(&RecordType::DS);
            if insecure_cut && opt_out {
                continue;
            }
            for depth in label_count(origin) + 1..label_count(&name) {
                // An empty non-terminal has an NSEC3 without types; one that owns records overwrites this below.
                types_by_hash.entry(hash(&name.trim_to(depth), salt, iterations)).or_insert_with(Vec::new);
            }
            let mut visible = visible_types(types, name == *origin);
            if !insecure_cut {
                visible.push(RecordType::RRSIG);
            }
            types_by_hash.insert(hash(&name, salt, iterations), visible);
        }

        let hashes: Vec<Vec<u8>> = types_by_hash.keys().cloned().collect();
        let mut chain = Self { iterations, salt: salt.to_vec(), by_hash: BTreeMap::new() };
        for (at, (hash, types)) in types_by_hash.into_iter().enumerate() {
            let next = hashes[(at + 1) % hashes.len()].clone();
            let nsec3 = NSEC3::new(Nsec3HashAlgorithm::SHA1, opt_out, iterations, salt.to_vec(), next, types);
            let record = Record::from_rdata(
                origin.prepend_label(base32hex(&hash).as_str()).unwrap(),
                DENIAL_TTL,
                RData::DNSSEC(DNSSECRData::NSEC3(nsec3)),
            );
            chain.by_hash.insert(hash, RrSet::new(vec![record]));
        }
        chain
    }

    /// The NSEC3 of `name` itself.
    pub(super) fn matching(&self, name: &Name) -> Option<&RrSet> {
        self.by_hash.get(&hash(name, &self.salt, self.iterations))
    }

    /// The NSEC3 whose span holds `name`'s hash, the last one's span going round to the first.
    pub(super) fn covering(&self, name: &Name) -> Option<&RrSet> {
        let hash = hash(name, &self.salt, self.iterations);
        let before = self.by_hash.range(..hash).next_back();
        before.or_else(|| self.by_hash.last_key_value()).map(|(_, set)| set)
    }
}

/// Owners of authoritative data and delegations, in canonical order; glue is neither.
fn authoritative_names(sets: &BTreeMap<Name, BTreeMap<RecordType, RrSet>>, origin: &Name) -> Vec<Name> {
    let mut names: Vec<Name> = Vec::new();
    let mut cut: Option<&Name> = None;
    for (name, types) in sets {
        if cut.is_some_and(|cut| cut.zone_of(name)) {
            continue;
        }
        if name != origin && types.contains_key(&RecordType::NS) {
            cut = Some(name);
        }
        names.push(name.clone());
    }
    names
}

/// The types for the bit map, without those of the chain itself: at a cut only what the parent owns (RFC 4035 §2.3).
fn visible_types(types: &BTreeMap<RecordType, RrSet>, apex: bool) -> Vec<RecordType> {
    let cut = !apex && types.contains_key(&RecordType::NS);
    types.keys().copied().filter(|rtype| !cut || matches!(rtype, RecordType::NS | RecordType::DS)).collect()
}

/// The name one label longer than the closest encloser (RFC 5155 §1.3).
fn next_closer(name: &Name, encloser: &Name) -> Name {
    name.trim_to(label_count(encloser) + 1)
}

fn hash(name: &Name, salt: &[u8], iterations: u16) -> Vec<u8> {
    Nsec3HashAlgorithm::SHA1.hash(salt, name, iterations).unwrap().as_ref().to_vec()
}

/// Base 32 with the extended hex alphabet, in lower case and without padding (RFC 5155 §3.3); 20 octets need none.
fn base32hex(hash: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let bits: Vec<u8> = hash.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    bits.chunks(5)
        .map(|quintet| {
            char::from(ALPHABET[quintet.iter().fold(0usize, |value, bit| value << 1 | usize::from(*bit))])
        })
        .collect()
}
