//! The zones of the lab and how they hang together.

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc};

use hickory_proto::{
    op::Message,
    rr::{Name, RecordType},
};

use super::{
    Face, Signing, front,
    signing::ZoneKey,
    zone::{Delegation, Zone},
};

/// One zone, as a scenario writes it.
#[derive(Clone, Debug)]
pub struct ZoneSpec {
    /// Its apex, absolute or not: `d1.lab`.
    pub origin: String,
    /// Its records as zone-file text relative to the origin. Left out are SOA, the apex NS and every delegation, which the
    /// world adds, and the TTL, which is 300 seconds unless a line says otherwise. DNAME is understood where the line begins
    /// with its owner.
    pub text: String,
    /// How it is signed.
    pub signing: Signing,
}

impl ZoneSpec {
    /// A zone at `origin` with the records of `text`.
    pub fn new(origin: &str, signing: Signing, text: &str) -> Self {
        Self { origin: origin.to_owned(), text: text.to_owned(), signing }
    }
}

/// Why a world cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// A name that is none.
    #[error("{0:?} is not a domain name")]
    Name(String),
    /// Zone text that does not parse.
    #[error("zone {origin}: {reason}")]
    Text {
        /// The zone.
        origin: String,
        /// What the parser says.
        reason: String,
    },
    /// Two zones with one origin.
    #[error("zone {0} is there twice")]
    Twice(String),
    /// A zone that the world does not have.
    #[error("there is no zone {0}")]
    NoZone(String),
    /// A word that names no way of signing.
    #[error(
        "{0:?} is no way of signing: expected unsigned, nsec, nsec3, nsec3-opt-out, expired, not-yet-valid, wrong-ds or \
         unsupported-algorithm"
    )]
    Signing(String),
}

/// All zones, with the keys made for them.
pub struct World {
    zones: BTreeMap<Name, Zone>,
}

impl World {
    /// Builds the zones below a signed root, each delegated by the nearest zone above it, and the attacker's own zones.
    ///
    /// A spec with the origin `.` replaces the empty root. Keys are fresh; records are signed when they are first asked for.
    pub fn new(zones: impl IntoIterator<Item = ZoneSpec>) -> Result<Self, WorldError> {
        let mut specs = BTreeMap::new();
        for spec in zones.into_iter().chain(attackers_zones()) {
            let origin = name(&spec.origin)?;
            if specs.insert(origin, spec.clone()).is_some() {
                return Err(WorldError::Twice(spec.origin));
            }
        }
        specs.entry(Name::root()).or_insert_with(|| ZoneSpec::new(".", Signing::Nsec, ""));
        let keys: BTreeMap<Name, Option<Arc<ZoneKey>>> = specs
            .iter()
            .map(|(origin, spec)| (origin.clone(), ZoneKey::generate(origin, &spec.signing).map(Arc::new)))
            .collect();

        let mut delegations: BTreeMap<&Name, Vec<Delegation>> = BTreeMap::new();
        for (child, key) in &keys {
            if let Some(parent) = ancestor_in(&keys, child) {
                let ds = key.as_ref().map(|key| key.ds().clone());
                delegations.entry(parent).or_default().push(Delegation { child: child.clone(), ds });
            }
        }

        let mut world = Self { zones: BTreeMap::new() };
        for (origin, spec) in specs {
            let children = delegations.remove(&origin).into_iter().flatten().collect();
            let zone = Zone::build(origin.clone(), spec, keys[&origin].clone(), children)?;
            world.zones.insert(origin, zone);
        }
        Ok(world)
    }

    /// What the recursive server answers to `query`, before anybody on the path has touched it.
    pub fn answer(&self, query: &Message) -> Message {
        front::answer(self, query)
    }

    /// The root's DS record in one line of zone-file text. Panics where a spec has left the root unsigned.
    pub fn trust_anchor(&self) -> String {
        self.anchor(".").expect("the root is signed")
    }

    /// The DS record of the signed zone `origin` in one line of zone-file text.
    pub fn anchor(&self, origin: &str) -> Result<String, WorldError> {
        let zone = self.zone(origin)?;
        let Some(key) = zone.key() else {
            return Err(WorldError::NoZone(format!("{origin} that is signed")));
        };
        Ok(format!("{} 3600 IN DS {}", zone.origin(), key.ds()))
    }

    /// The zone `origin` as a master file without any DNSSEC record, complete with SOA, NS and delegations.
    pub fn zone_text(&self, origin: &str) -> Result<String, WorldError> {
        Ok(self.zone(origin)?.text())
    }

    /// The address of the name server that the zone `origin` and its parent name.
    pub fn name_server(&self, origin: &str) -> Result<Ipv4Addr, WorldError> {
        Ok(Face::of_zone(self.zone(origin)?.origin()).address())
    }

    /// The origins of all zones, parents first.
    pub fn origins(&self) -> Vec<String> {
        self.zones.keys().map(Name::to_ascii).collect()
    }

    /// Every name and type that exists in the world, and beside them, for each zone, a few that do not: another type at the
    /// apex, a name below the apex, and the DS of that name.
    pub fn questions(&self) -> Vec<(String, RecordType)> {
        self.zones.values().flat_map(Zone::questions).collect()
    }

    /// Puts `text` in the place of the records of `origin`. Its keys and its signing stay.
    pub fn replace_zone(&mut self, origin: &str, text: &str) -> Result<(), WorldError> {
        let zone = self.zone(origin)?.with_text(text)?;
        self.zones.insert(zone.origin().clone(), zone);
        Ok(())
    }

    /// Gives the signed zone `origin` a fresh key and its parent the DS of that, without any time in which the old key holds
    /// too. The root's trust anchor changes with its key.
    pub fn replace_key(&mut self, origin: &str) -> Result<(), WorldError> {
        let zone = self.zone(origin)?.with_fresh_key()?;
        let Some(key) = zone.key() else {
            return Err(WorldError::NoZone(format!("{origin} that is signed")));
        };
        if let Some(parent) = self.parent_of(zone.origin()) {
            let parent = parent.with_ds(zone.origin(), key.ds())?;
            self.zones.insert(parent.origin().clone(), parent);
        }
        self.zones.insert(zone.origin().clone(), zone);
        Ok(())
    }

    /// Puts one TXT record with the character-string `value` in the place of those at `owner`, for example to change the id
    /// of an MTA-STS record. In the zone's text each of those must stand on a line that begins with its owner.
    pub fn replace_txt(&mut self, owner: &str, value: &str) -> Result<(), WorldError> {
        let owner = name(owner)?;
        let zone = self.zone_holding(&owner).with_txt(&owner, value)?;
        self.zones.insert(zone.origin().clone(), zone);
        Ok(())
    }

    /// The deepest zone that holds `name`.
    pub(super) fn zone_holding(&self, name: &Name) -> &Zone {
        let mut at = name.clone();
        loop {
            if let Some(zone) = self.zones.get(&at) {
                return zone;
            }
            at = at.base_name();
        }
    }

    /// The zone of the servers `face` that answers or refers on: for DS at a cut the one above, if they have that too.
    pub(super) fn zone_at(&self, face: Face, name: &Name, rtype: RecordType) -> Option<&Zone> {
        let deepest = |mut at: Name| loop {
            match self.zones.get(&at) {
                Some(zone) if Face::of_zone(zone.origin()) == face => return Some(zone),
                _ if at.is_root() => return None,
                _ => at = at.base_name(),
            }
        };
        let above = (rtype == RecordType::DS && !name.is_root()).then(|| deepest(name.base_name())).flatten();
        above.or_else(|| deepest(name.clone()))
    }

    /// The zones from the root to `zone`, that one included.
    pub(super) fn path_to<'a>(&'a self, zone: &'a Zone) -> Vec<&'a Zone> {
        let mut path: Vec<&Zone> =
            std::iter::successors(Some(zone), |zone| self.parent_of(zone.origin())).collect();
        path.reverse();
        path
    }

    /// The zone that delegates the zone `origin`, or `None` for the root.
    pub(super) fn parent_of(&self, origin: &Name) -> Option<&Zone> {
        ancestor_in(&self.zones, origin).map(|parent| &self.zones[parent])
    }

    fn zone(&self, origin: &str) -> Result<&Zone, WorldError> {
        match self.zones.get(&name(origin)?) {
            Some(zone) => Ok(zone),
            None => Err(WorldError::NoZone(origin.to_owned())),
        }
    }
}

/// A name in lower case and absolute.
pub(super) fn name(text: &str) -> Result<Name, WorldError> {
    match Name::from_ascii(text) {
        Ok(mut name) => {
            name.set_fqdn(true);
            Ok(name.to_lowercase())
        }
        Err(_) => Err(WorldError::Name(text.to_owned())),
    }
}

/// The nearest name above `name` that is a key of the map.
fn ancestor_in<'a, T>(zones: &'a BTreeMap<Name, T>, name: &Name) -> Option<&'a Name> {
    let mut at = name.clone();
    while !at.is_root() {
        at = at.base_name();
        if let Some((ancestor, _)) = zones.get_key_value(&at) {
            return Some(ancestor);
        }
    }
    None
}

/// What an attacker may own: honestly delegated zones of each kind, to paste records from and to point aliases at.
fn attackers_zones() -> [ZoneSpec; 5] {
    let hosts = "mx A 127.0.0.66\n_25._tcp.mx TLSA 3 1 1 \
        6666666666666666666666666666666666666666666666666666666666666666\n*.wild A 127.0.0.66\n";

    [
        ZoneSpec::new("attacker.", Signing::Nsec, hosts),
        ZoneSpec::new(
            "nsec3.attacker.",
            Signing::Nsec3 { iterations: 0, salt: vec![], opt_out: false },
            hosts,
        ),
        ZoneSpec::new(
            "optout.attacker.",
            Signing::Nsec3 { iterations: 0, salt: vec![], opt_out: true },
            hosts,
        ),
        ZoneSpec::new("insecure.optout.attacker.", Signing::Unsigned, hosts),
        ZoneSpec::new("unsigned.attacker.", Signing::Unsigned, hosts),
    ]
}
