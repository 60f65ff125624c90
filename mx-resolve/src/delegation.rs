//! What a server says of a zone below its own (RFC 1034 §4.2.1): who serves it, and where they are.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use dnssec::Question;
use hickory_proto::{
    op::Message,
    rr::{Name, RData, RecordType},
};

use crate::message::is_referral;

/// Servers of one zone that are remembered, and addresses of them: the root's thirteen have two each.
const MAX_SERVERS: usize = 16;
pub(crate) const MAX_GLUE: usize = 32;

/// A zone and its servers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Delegation {
    pub(crate) zone: Name,
    /// Addresses that came along.
    pub(crate) glue: Vec<IpAddr>,
    /// Servers without any.
    pub(crate) unglued: Vec<Name>,
}

/// Which addresses name servers may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reach {
    /// Those that the internet at large can reach: whoever owns a zone must not have us ask our own network's servers.
    Public,
    /// All: whoever brings a root of their own knows their network.
    Any,
}

impl Reach {
    pub(crate) fn allows(self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::Any, _) => true,
            (Self::Public, IpAddr::V4(address)) => is_public_v4(address),
            (Self::Public, IpAddr::V6(address)) => is_public_v6(address),
        }
    }
}

/// The name whose zone holds the records: DS belongs to the parent (RFC 4035 §2.4).
pub(crate) fn holder(question: &Question) -> Name {
    if question.record_type == RecordType::DS { question.name.base_name() } else { question.name.clone() }
}

/// The delegation that a server of `zone` answers with, and how long it holds; `None` where it does not refer to another.
///
/// It must lead towards the question and downwards, or resolution might never end. Glue counts for the servers that it
/// names, and within the zone of the server that sends it: of any other name it knows nothing.
pub(crate) fn referral(
    message: &Message,
    zone: &Name,
    question: &Question,
    reach: Reach,
) -> Option<(Delegation, Duration)> {
    if !is_referral(message) {
        return None;
    }
    let holder = holder(question);
    let leads_on = |cut: &Name| zone.zone_of(cut) && cut != zone && cut.zone_of(&holder);
    let servers = message.authorities.iter().filter(|record| leads_on(&record.name));
    let mut cut: Option<&Name> = None;
    let mut ttl = u32::MAX;
    let mut names: Vec<&Name> = vec![];
    for record in servers {
        let RData::NS(server) = &record.data else { continue };
        if **cut.get_or_insert(&record.name) == record.name
            && names.len() < MAX_SERVERS
            && !names.contains(&&server.0)
        {
            ttl = ttl.min(record.ttl);
            names.push(&server.0);
        }
    }
    let mut glue = vec![];
    let mut glued: Vec<&Name> = vec![];
    for record in &message.additionals {
        let (RData::A(_) | RData::AAAA(_)) = &record.data else { continue };
        if !zone.zone_of(&record.name) || !names.contains(&&record.name) || glue.len() >= MAX_GLUE {
            continue;
        }
        ttl = ttl.min(record.ttl);
        glued.push(&record.name);
        glue.extend(record.data.ip_addr().filter(|address| reach.allows(*address)));
    }
    let cut = cut?;
    // Below the cut itself nobody but the missing server could tell its address.
    let findable = |name: &&&Name| !glued.contains(*name) && !cut.zone_of(name);
    let unglued = names.iter().filter(findable).map(|name| (*name).clone()).collect();
    Some((Delegation { zone: cut.clone(), glue, unglued }, Duration::from_secs(ttl.into())))
}

/// IANA's registry of special-purpose addresses (RFC 6890), without what is not forwarded globally.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let shared = first == 100 && second & 0xc0 == 64;
    let protocol = (first, second, third) == (192, 0, 0);
    let benchmarks = first == 198 && second & 0xfe == 18;
    !(first == 0
        || first >= 224
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        || shared
        || protocol
        || benchmarks)
}

/// Global unicast (RFC 4291 §2.4, 2000::/3), without documentation, and without what is tunnelled to an address of IPv4.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let documentation = (first, second) == (0x2001, 0xdb8) || (first == 0x3fff && second < 0x1000);
    let teredo = (first, second) == (0x2001, 0);
    first & 0xe000 == 0x2000 && !documentation && !teredo && first != 0x2002
}

#[cfg(test)]
mod tests {
    use hickory_proto::{
        op::ResponseCode,
        rr::{
            Record,
            rdata::{A, AAAA, NS, SOA},
        },
    };

    use super::*;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn ns(owner: &str, server: &str) -> Record {
        Record::from_rdata(name(owner), 600, RData::NS(NS(name(server))))
    }

    fn a(owner: &str, last_octet: u8) -> Record {
        Record::from_rdata(name(owner), 300, RData::A(A::new(192, 0, 2, last_octet)))
    }

    fn soa(owner: &str) -> Record {
        Record::from_rdata(name(owner), 60, RData::SOA(SOA::new(name("a."), name("b."), 1, 1, 1, 1, 1)))
    }

    #[test]
    fn referrals_lead_downwards_and_towards_the_question() {
        for (zone, question, record_type, authorities, expected, why) in [
            (
                "example.",
                "a.b.example.",
                RecordType::A,
                vec![ns("b.example.", "ns.b.example.")],
                true,
                "downwards",
            ),
            (
                ".",
                "a.b.example.",
                RecordType::A,
                vec![ns("b.example.", "ns.b.example.")],
                true,
                "past a label",
            ),
            (
                "example.",
                "b.example.",
                RecordType::A,
                vec![ns("b.example.", "ns.b.example.")],
                true,
                "to its apex",
            ),
            (
                "example.",
                "b.example.",
                RecordType::DS,
                vec![ns("b.example.", "ns.b.example.")],
                false,
                "DS is the parent's",
            ),
            (
                "example.",
                "a.b.example.",
                RecordType::DS,
                vec![ns("b.example.", "ns.b.example.")],
                true,
                "DS further down",
            ),
            (
                "example.",
                "a.b.example.",
                RecordType::A,
                vec![ns("example.", "ns.example.")],
                false,
                "to the same zone",
            ),
            ("example.", "a.b.example.", RecordType::A, vec![ns(".", "ns.example.")], false, "upwards"),
            (
                "example.",
                "a.b.example.",
                RecordType::A,
                vec![ns("c.example.", "ns.example.")],
                false,
                "sideways",
            ),
            ("example.", "a.b.example.", RecordType::A, vec![ns("test.", "ns.test.")], false, "elsewhere"),
            (
                "example.",
                "a.b.example.",
                RecordType::A,
                vec![ns("b.example.", "ns.b.example."), soa("example.")],
                false,
                "RFC 2308 2.2: a denial",
            ),
            ("example.", "a.b.example.", RecordType::A, vec![], false, "nothing"),
        ] {
            let mut message = Message::query();
            message.authorities = authorities;
            message.additionals = vec![a("ns.b.example.", 1)];
            let question = Question::new(name(question), record_type);
            let found = referral(&message, &name(zone), &question, Reach::Any);
            assert_eq!(found.is_some(), expected, "{why}");
            message.answers = vec![a("a.b.example.", 2)];
            assert_eq!(referral(&message, &name(zone), &question, Reach::Any), None, "{why}: an answer came");
            message.answers.clear();
            message.metadata.response_code = ResponseCode::NXDomain;
            assert_eq!(referral(&message, &name(zone), &question, Reach::Any), None, "{why}: a denial");
        }
    }

    #[test]
    fn glue_counts_in_bailiwick() {
        let question = Question::new(name("mx.b.example."), RecordType::A);
        let mut message = Message::query();
        message.authorities = vec![
            ns("b.example.", "ns.B.example."),
            ns("b.example.", "ns.c.example."),
            ns("b.example.", "ns.test."),
            ns("b.example.", "bare.b.example."),
            ns("other.example.", "ns.other.example."),
        ];
        let ipv6 = RData::AAAA(AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
        message.additionals = vec![
            a("ns.b.example.", 1),
            Record::from_rdata(name("ns.b.example."), 200, ipv6),
            a("ns.c.example.", 2),
            a("ns.test.", 3),
            a("ns.other.example.", 4),
            a("www.example.", 5),
        ];
        let (delegation, lifetime) = referral(&message, &name("example."), &question, Reach::Any).unwrap();
        let glue: Vec<String> = delegation.glue.iter().map(ToString::to_string).collect();
        assert_eq!(glue, ["192.0.2.1", "2001:db8::1", "192.0.2.2"], "within the zone, of servers named");
        assert_eq!(delegation.unglued, [name("ns.test.")], "not the one that only itself could tell of");
        assert_eq!(lifetime, Duration::from_secs(200), "the least TTL of what counts");
        assert_eq!(
            referral(&message, &name("example."), &question, Reach::Public).unwrap().0.glue,
            Vec::<IpAddr>::new(),
            "these are for documentation"
        );
    }

    #[test]
    fn a_referral_is_bounded() {
        let question = Question::new(name("mx.b.example."), RecordType::A);
        let mut message = Message::query();
        for number in 0..200 {
            message.authorities.push(ns("b.example.", &format!("ns{number}.c.example.")));
            for octet in 0..3 {
                message.additionals.push(a(&format!("ns{number}.c.example."), octet));
            }
        }
        let (delegation, _) = referral(&message, &name("example."), &question, Reach::Any).unwrap();
        assert_eq!(delegation.glue.len(), MAX_GLUE);
        assert!(delegation.unglued.len() <= MAX_SERVERS, "{delegation:?}");
    }

    #[test]
    fn whom_questions_go_to() {
        for (address, public, why) in [
            ("127.0.0.1", false, "loopback"),
            ("::1", false, "loopback"),
            ("0.0.0.0", false, "this machine, to many systems"),
            ("10.0.0.1", false, "private"),
            ("172.31.0.1", false, "private"),
            ("192.168.1.1", false, "private"),
            ("100.64.0.1", false, "shared"),
            ("169.254.169.254", false, "link-local, where clouds keep secrets"),
            ("192.0.0.8", false, "IETF protocol assignments"),
            ("198.19.0.1", false, "benchmarks"),
            ("192.0.2.1", false, "documentation"),
            ("224.0.0.251", false, "multicast"),
            ("255.255.255.255", false, "broadcast"),
            ("fe80::1", false, "link-local"),
            ("fd00::1", false, "unique local"),
            ("ff02::fb", false, "multicast"),
            ("::ffff:127.0.0.1", false, "IPv4-mapped"),
            ("64:ff9b::7f00:1", false, "NAT64"),
            ("2002:7f00:1::", false, "6to4"),
            ("2001::1", false, "Teredo"),
            ("2001:db8::1", false, "documentation"),
            ("198.41.0.4", true, "a root server"),
            ("192.5.5.241", true, "another"),
            ("100.128.0.1", true, "beside the shared ones"),
            ("2001:503:ba3e::2:30", true, "a root server over IPv6"),
            ("2801:1b8:10::b", true, "another"),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(Reach::Public.allows(address), public, "{why}: {address}");
            assert!(Reach::Any.allows(address));
        }
    }
}
