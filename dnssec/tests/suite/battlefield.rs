//! The zones over which an attacker is let loose: every kind of zone beside, above and below every other, with the names
//! at which a wrong step would show.

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

use dnssec::TrustAnchors;
use hickory_proto::{
    dnssec::{
        Algorithm, DigestType,
        rdata::{DNSSECRData, DS},
    },
    rr::{Name, RData, Record, RecordType},
};

use crate::world::{Denial, Key, World, Zone, a, cname, dname, ns, record, tlsa, txt};

/// The attacker's own zone, properly signed and delegated. What lies in it is theirs, and nothing else is.
pub(crate) const OWN: &str = "evil.lab.";
/// The seed of its key.
const OWN_KEY: u8 = 66;

/// What every zone has, some of it for each way of being there.
fn content(apex: &str) -> Vec<Record> {
    let at = |label: &str| format!("{label}.{apex}");
    vec![
        a(apex, 1),
        a(&at("host"), 2),
        a(&at("host"), 3),
        txt(&at("host"), "text of the host"),
        tlsa(&at("_25._tcp.host"), 3),
        tlsa(&at("_25._tcp.host"), 4),
        a(&at("mx"), 4),
        tlsa(&at("*._tcp.mx"), 5),
        // A wildcard beside an exact name, an empty non-terminal, and (in some zones) delegations.
        txt(&at("*.w"), "from the wildcard"),
        a(&at("*.w"), 6),
        a(&at("exact.w"), 7),
        a(&at("deep.ent.w"), 8),
        // A wildcard above another.
        a(&at("*.ent.w"), 9),
        // A wildcard at a name that has records itself, which nothing denies but its own record.
        txt(&at("host2"), "above a wildcard"),
        a(&at("*.host2"), 10),
        // Aliases: plain, from a wildcard, to nothing, in a circle, over two hops.
        cname(&at("alias"), &at("host")),
        cname(&at("*.walias"), &at("host")),
        a(&at("exact.walias"), 11),
        cname(&at("nowhere"), &at("missing")),
        cname(&at("twice"), &at("alias")),
        cname(&at("loop"), &at("loop")),
        // Out of the zone: to where nothing is signed, from there back, to another signed zone.
        cname(&at("leave"), "host.plain.lab."),
        cname(&at("return"), "into.plain.lab."),
        cname(&at("across"), "host.t.lab."),
        dname(&at("d"), &at("w")),
        dname(&at("out"), "plain.lab."),
        dname(&at("over"), "n.lab."),
    ]
}

/// Zones below `w` of a zone, beside its wildcard there.
fn children(apex: &str, seed: u8) -> (Vec<Zone>, Vec<Record>) {
    let at = |label: &str| format!("{label}.w.{apex}");
    let (c, t, u) = (at("c"), at("t"), at("u"));
    let mut below = content(&c);
    below.push(txt(&format!("*.{c}"), "from the wildcard at the apex"));
    let c = Zone::signed(&c, seed, Denial::Nsec, below);
    let t = Zone::signed(&t, seed + 1, Denial::Nsec3 { iterations: 1, opt_out: false }, content(&t));
    let cuts =
        vec![ns(&at("c")), ds(&c, DigestType::SHA256), ns(&at("t")), ds(&t, DigestType::SHA384), ns(&u)];
    (vec![c, t, Zone::unsigned(&u, content(&u))], cuts)
}

fn ds(zone: &Zone, digest: DigestType) -> Record {
    zone.key.as_ref().unwrap().ds(&zone.apex.to_ascii(), digest)
}

pub(crate) static BATTLEFIELD: LazyLock<World> = LazyLock::new(|| {
    let nsec3 = |iterations, opt_out| Denial::Nsec3 { iterations, opt_out };
    let mut zones = Vec::new();
    let mut lab = content("lab.");
    for (seed, apex, denial) in [
        (10, "n.lab.", Denial::Nsec),
        (20, "t.lab.", nsec3(1, false)),
        (30, "o.lab.", nsec3(0, true)),
        (40, "i.lab.", nsec3(151, false)),
    ] {
        let (below, cuts) = children(apex, seed + 1);
        let zone = Zone::signed(apex, seed, denial, [content(apex), cuts].concat());
        lab.extend([ns(apex), ds(&zone, DigestType::SHA256)]);
        zones.push(zone);
        zones.extend(below);
    }
    // Nothing but a DNAME at the apex.
    let renamed =
        Zone::signed("dz.lab.", 50, Denial::Nsec, vec![a("dz.lab.", 1), dname("dz.lab.", "n.lab.")]);
    let own = Zone::signed(OWN, OWN_KEY, Denial::Nsec, content(OWN));
    for zone in [renamed, own] {
        lab.extend([ns(&zone.apex.to_ascii()), ds(&zone, DigestType::SHA256)]);
        zones.push(zone);
    }
    // Signed, but with an algorithm that nobody here can check.
    let odd = DS::new(1, Algorithm::from_u8(16), DigestType::SHA256, vec![7; 32]);
    lab.extend([ns("odd.lab."), record("odd.lab.", RData::DNSSEC(DNSSECRData::DS(odd)))]);
    zones.push(Zone::signed("odd.lab.", 51, Denial::Nsec, content("odd.lab.")));
    // Unsigned; in it an island with an anchor of its own, and one without.
    lab.push(ns("plain.lab."));
    let mut plain = content("plain.lab.");
    plain.push(cname("into.plain.lab.", "host.n.lab."));
    plain.extend(["isle", "lone"].map(|label| ns(&format!("{label}.plain.lab."))));
    zones.push(Zone::unsigned("plain.lab.", plain));
    let isle = Zone::signed("isle.plain.lab.", 52, nsec3(1, false), content("isle.plain.lab."));
    zones.push(Zone::signed("lone.plain.lab.", 53, Denial::Nsec, content("lone.plain.lab.")));

    let (below, cuts) = children("lab.", 3);
    zones.extend(below);
    lab.extend(cuts);
    let lab = Zone::signed("lab.", 2, Denial::Nsec, lab);
    let root = Zone::signed(".", 1, Denial::Nsec, vec![ns("lab."), ds(&lab, DigestType::SHA256)]);
    let key = |zone: &Zone| zone.key.as_ref().unwrap().dnskey.clone();
    let text = format!(". DNSKEY {}\nisle.plain.lab. DNSKEY {}\n", key(&root), key(&isle));
    zones.extend([lab, root, isle]);
    World { zones, anchors: Arc::new(TrustAnchors::parse(&text).unwrap()) }
});

/// The key of the attacker's own zone.
pub(crate) fn own_key() -> Key {
    Key::new(OWN_KEY)
}

/// Names of one zone worth asking for.
pub(crate) struct Names {
    pub(crate) apex: Name,
    /// Those that exist, the empty ones included.
    pub(crate) existing: Vec<Name>,
    /// Names beside and below each of them that do not exist.
    pub(crate) invented: Vec<Name>,
}

impl Names {
    pub(crate) fn of(zone: &Zone) -> Self {
        let mut existing = BTreeSet::new();
        for (owner, types) in &zone.sets {
            if types.contains_key(&u16::from(RecordType::NSEC3)) {
                continue;
            }
            let mut ancestor = owner.clone();
            while ancestor != zone.apex {
                existing.insert(ancestor.clone());
                ancestor = ancestor.base_name();
            }
        }
        existing.insert(zone.apex.clone());
        let mut invented = Vec::new();
        for name in &existing {
            let below = |label: &str| name.prepend_label(label).unwrap();
            invented.extend([below("0"), below("x"), below("zz"), below("y").prepend_label("x").unwrap()]);
        }
        Self { apex: zone.apex.clone(), existing: existing.into_iter().collect(), invented }
    }
}
