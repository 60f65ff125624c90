//! The lab's DNS side, held against the RFCs that it plays by.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code outside test functions may panic too: that is how it fails"
)]

use std::collections::{BTreeMap, BTreeSet};

use hickory_proto::{
    dnssec::{
        Nsec3HashAlgorithm, Verifier,
        rdata::{DNSKEY, DNSSECRData, RRSIG},
    },
    op::{Edns, Query, ResponseCode},
    rr::{DNSClass, RData, Record},
};
use mxtls_lab::dns::{
    DnsServer, Face, Message, Name, PathRule, RecordType, Signing, Tamper, TamperError, World, WorldError,
    ZoneSpec, attacks,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
};

const RECORDS: &str = "
@ MX 10 mx
mx A 127.0.0.11
_25._tcp.mx TLSA 3 1 1 0101010101010101010101010101010101010101010101010101010101010101
*._tcp.mx TLSA 3 1 1 0202020202020202020202020202020202020202020202020202020202020202
_mta-sts TXT \"v=STSv1; id=1;\"
alias CNAME mx
dangle CNAME nothing
abroad CNAME mx.nsec3.lab.
astray CNAME mx.unsigned.lab.
round CNAME and.round
and.round CNAME round
*.wild A 127.0.0.12
*.away CNAME mx
a.b.ent A 127.0.0.13
tree DNAME mx
lame NS nowhere.invalid.
";

fn zone(origin: &str, signing: Signing) -> ZoneSpec {
    ZoneSpec::new(origin, signing, RECORDS)
}

fn nsec3(opt_out: bool) -> Signing {
    Signing::Nsec3 { iterations: 3, salt: vec![0xab, 0xcd], opt_out }
}

fn world() -> World {
    let many: String = (0..150).map(|number| format!("_25._tcp TLSA 3 1 1 {number:064x}\n")).collect();
    World::new([
        ZoneSpec::new("lab", Signing::Nsec, ""),
        zone("nsec.lab", Signing::Nsec),
        zone("insecure.nsec.lab", Signing::Unsigned),
        zone("nsec3.lab", nsec3(false)),
        zone("insecure.nsec3.lab", Signing::Unsigned),
        zone("optout.lab", nsec3(true)),
        zone("insecure.optout.lab", Signing::Unsigned),
        zone("secure.optout.lab", Signing::Nsec),
        zone("unsigned.lab", Signing::Unsigned),
        zone("expired.lab", Signing::Expired),
        zone("early.lab", Signing::NotYetValid),
        zone("wrong-ds.lab", Signing::WrongDs),
        zone("unsupported.lab", Signing::UnsupportedAlgorithm),
        ZoneSpec::new("many.lab", Signing::Nsec, &many),
    ])
    .unwrap()
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

/// A question with DO and CD set, `NAME TYPE`.
fn query(question: &str) -> Message {
    let (owner, rtype) = question.split_once(' ').unwrap();
    let mut query = Message::query();
    query.add_query(Query::query(name(owner), rtype.parse().unwrap()));
    query.metadata.recursion_desired = true;
    query.metadata.checking_disabled = true;
    let mut edns = Edns::new();
    edns.set_max_payload(1232).set_dnssec_ok(true);
    query.edns = Some(edns);
    query
}

fn ask(world: &World, question: &str) -> Message {
    world.answer(&query(question))
}

/// `owner TYPE` of every record, without signatures.
fn owners(records: &[Record]) -> Vec<String> {
    let all = records.iter().filter(|record| record.record_type() != RecordType::RRSIG);
    all.map(|record| format!("{} {}", record.name, record.record_type())).collect()
}

fn signature(record: &Record) -> Option<&RRSIG> {
    if let RData::DNSSEC(DNSSECRData::RRSIG(rrsig)) = &record.data { Some(rrsig) } else { None }
}

fn signatures(records: &[Record]) -> usize {
    records.iter().filter_map(signature).count()
}

fn keys(world: &World, zone: &Name) -> Vec<DNSKEY> {
    let mut keys = Vec::new();
    for record in ask(world, &format!("{zone} DNSKEY")).answers {
        if let RData::DNSSEC(DNSSECRData::DNSKEY(key)) = record.data {
            keys.push(key);
        }
    }
    keys
}

#[test]
fn every_signature_is_its_zones_and_verifies() {
    let world = world();
    let mut seen = 0;
    for (owner, rtype) in world.questions() {
        let message = ask(&world, &format!("{owner} {rtype}"));
        for section in [&message.answers, &message.authorities] {
            for record in section.iter() {
                let Some(rrsig) = signature(record) else { continue };
                let input = rrsig.input();
                if input.signer_name == name("unsupported.lab.") {
                    continue;
                }
                let covered = section
                    .iter()
                    .filter(|other| other.name == record.name && other.record_type() == input.type_covered);
                let verified = keys(&world, &input.signer_name)
                    .iter()
                    .any(|key| key.verify_rrsig(&record.name, DNSClass::IN, rrsig, covered.clone()).is_ok());
                assert!(verified, "{owner} {rtype}: {} {}", record.name, input.type_covered);
                seen += 1;
            }
        }
    }
    assert!(seen > 250, "only {seen} signatures in all answers");
}

#[test]
fn every_rrset_of_a_signed_zone_is_signed() {
    let world = world();
    for (owner, rtype) in world.questions() {
        let message = ask(&world, &format!("{owner} {rtype}"));
        for section in [&message.answers, &message.authorities] {
            for record in section.iter().filter(|record| signature(record).is_none()) {
                let unsigned = ["insecure.", "unsigned."].iter().any(|zone| {
                    format!(".{}", record.name).contains(&format!(".{zone}"))
                        && record.record_type() != RecordType::DS
                });
                let synthesized = record.record_type() == RecordType::CNAME
                    && section.iter().any(|other| other.record_type() == RecordType::DNAME);
                // The denial of an insecure delegation's DS stands at the delegation's name, and is signed.
                let expected = record.record_type() == RecordType::NSEC || !(unsigned || synthesized);
                let signed = section.iter().any(|other| {
                    other.name == record.name
                        && signature(other)
                            .is_some_and(|rrsig| rrsig.input().type_covered == record.record_type())
                });
                assert_eq!(signed, expected, "{owner} {rtype}: {} {}", record.name, record.record_type());
            }
        }
    }
}

#[test]
fn rfc4035_3_1_3_denials_by_nsec() {
    use ResponseCode::{NXDomain, NoError};
    let world = world();
    for (question, rcode, nsec, why) in [
        ("mx.nsec.lab. AAAA", NoError, &["mx.nsec.lab."][..], "§3.1.3.1: the name's own NSEC"),
        ("nsec.lab. TXT", NoError, &["nsec.lab."], "§3.1.3.1 at the apex"),
        (
            "b.ent.nsec.lab. A",
            NoError,
            &["dangle.nsec.lab."],
            "an empty non-terminal lies inside the span before it",
        ),
        (
            "nothing.nsec.lab. A",
            NXDomain,
            &["_25._tcp.mx.nsec.lab.", "nsec.lab."],
            "§3.1.3.2: the name, and the wildcard",
        ),
        (
            "x.y.mx.nsec.lab. A",
            NXDomain,
            &["_25._tcp.mx.nsec.lab.", "mx.nsec.lab."],
            "§3.1.3.2: two labels below the closest encloser",
        ),
        ("*.mx.nsec.lab. A", NXDomain, &["mx.nsec.lab."], "one NSEC that proves both is there once"),
        ("x.wild.nsec.lab. TXT", NoError, &["*.wild.nsec.lab."], "§3.1.3.4: its NSEC covers and matches"),
        ("insecure.nsec.lab. DS", NoError, &["insecure.nsec.lab."], "§3.1.4: the parent has no DS"),
        ("nsec.lab. DS", NoError, &[], "§3.1.4.1: the parent answers, and has a DS"),
        ("mx.insecure.nsec.lab. AAAA", NoError, &[], "an unsigned zone proves nothing"),
        ("lab. DS", NoError, &[], "the root has a DS for lab."),
        (". DS", NoError, &["."], "nobody is above the root"),
        ("nothing. A", NXDomain, &["lab.", "."], "the root denies by NSEC too"),
    ] {
        let message = ask(&world, question);
        assert_eq!(message.metadata.response_code, rcode, "{why}: {question}");
        let found = message.authorities.iter().filter(|record| record.record_type() == RecordType::NSEC);
        let found: Vec<String> = found.map(|record| record.name.to_ascii()).collect();
        assert_eq!(found, nsec, "{why}: {question}");
        if !question.ends_with(" DS") || !nsec.is_empty() {
            assert!(message.answers.is_empty(), "{why}: {question}");
            assert_eq!(message.authorities[0].record_type(), RecordType::SOA, "RFC 2308 §3: {question}");
        }
    }
}

/// What the NSEC3 records of a message say about a name.
#[derive(Debug, Eq, PartialEq)]
enum Says {
    Matches,
    Covers,
    Nothing,
}

fn nsec3_says(message: &Message, about: &str) -> Says {
    let hash = Nsec3HashAlgorithm::SHA1.hash(&[0xab, 0xcd], &name(about), 3).unwrap();
    let hash = hash.as_ref();
    for record in &message.authorities {
        let RData::DNSSEC(DNSSECRData::NSEC3(nsec3)) = &record.data else { continue };
        let label = String::from_utf8(record.name.iter().next().unwrap().to_vec()).unwrap();
        let (owner, next) = (base32hex(&label), nsec3.next_hashed_owner_name().to_vec());
        if owner == hash {
            return Says::Matches;
        }
        let last = next <= owner;
        if (owner.as_slice() < hash && (hash < next.as_slice() || last)) || (last && hash < next.as_slice()) {
            return Says::Covers;
        }
    }
    Says::Nothing
}

fn base32hex(label: &str) -> Vec<u8> {
    let bits: String = label.chars().map(|letter| format!("{:05b}", letter.to_digit(32).unwrap())).collect();
    bits.as_bytes()
        .chunks(8)
        .map(|octet| u8::from_str_radix(std::str::from_utf8(octet).unwrap(), 2).unwrap())
        .collect()
}

#[test]
fn rfc5155_7_2_denials_by_nsec3() {
    use ResponseCode::{NXDomain, NoError};
    use Says::{Covers, Matches, Nothing};
    let world = world();
    for (question, rcode, records, says, why) in [
        (
            "mx.nsec3.lab. A",
            NoError,
            0,
            &[("mx.nsec3.lab.", Nothing)][..],
            "a positive answer carries no NSEC3",
        ),
        ("mx.nsec3.lab. AAAA", NoError, 1, &[("mx.nsec3.lab.", Matches)], "§7.2.3"),
        (
            "b.ent.nsec3.lab. A",
            NoError,
            1,
            &[("b.ent.nsec3.lab.", Matches)],
            "§7.1: an empty non-terminal has one",
        ),
        (
            "x.y.mx.nsec3.lab. A",
            NXDomain,
            3,
            &[("mx.nsec3.lab.", Matches), ("y.mx.nsec3.lab.", Covers), ("*.mx.nsec3.lab.", Covers)],
            "§7.2.2: closest encloser, next closer, wildcard",
        ),
        (
            "x.wild.nsec3.lab. A",
            NoError,
            1,
            &[("x.wild.nsec3.lab.", Covers)],
            "§7.2.6: the next closer alone",
        ),
        ("y.x.wild.nsec3.lab. A", NoError, 1, &[("x.wild.nsec3.lab.", Covers)], "§7.2.6: not the name"),
        (
            "x.wild.nsec3.lab. TXT",
            NoError,
            3,
            &[("wild.nsec3.lab.", Matches), ("x.wild.nsec3.lab.", Covers), ("*.wild.nsec3.lab.", Matches)],
            "§7.2.5",
        ),
        (
            "insecure.nsec3.lab. DS",
            NoError,
            1,
            &[("insecure.nsec3.lab.", Matches)],
            "§7.2.3 at an insecure delegation",
        ),
        (
            "insecure.optout.lab. DS",
            NoError,
            2,
            &[("optout.lab.", Matches), ("insecure.optout.lab.", Covers)],
            "§7.2.4: closest provable encloser",
        ),
        ("secure.optout.lab. DS", NoError, 0, &[], "a secure delegation is in the chain and has its DS"),
    ] {
        let message = ask(&world, question);
        assert_eq!(message.metadata.response_code, rcode, "{why}: {question}");
        let nsec3 = message.authorities.iter().filter(|record| record.record_type() == RecordType::NSEC3);
        // Two proofs may be one record: count at most the expected.
        let count = nsec3.count();
        assert!(count <= records && (count > 0) == (records > 0), "{why}: {question}: {count} NSEC3");
        for (about, expected) in says {
            assert_eq!(nsec3_says(&message, about), *expected, "{why}: {question}: {about}");
        }
    }
}

#[test]
fn rfc4592_wildcards_answer_with_the_proof_that_nothing_is_closer() {
    let world = world();
    let message = ask(&world, "x.y.wild.nsec.lab. A");
    assert_eq!(owners(&message.answers), ["x.y.wild.nsec.lab. A"]);
    assert_eq!(owners(&message.authorities), ["*.wild.nsec.lab. NSEC"]);
    // RFC 4035 §5.3.4: fewer labels than the owner tell the validator of the expansion.
    assert_eq!(signature(&message.answers[1]).unwrap().input().num_labels, 3);

    let message = ask(&world, "_26._tcp.mx.nsec.lab. TLSA");
    assert_eq!(owners(&message.answers), ["_26._tcp.mx.nsec.lab. TLSA"]);
    let message = ask(&world, "_25._tcp.mx.nsec.lab. TLSA");
    assert!(message.authorities.is_empty(), "a name that exists is not the wildcard's");
}

#[test]
fn aliases_are_chased_through_all_zones() {
    let world = world();
    for (question, rcode, answers, why) in [
        (
            "alias.nsec.lab. A",
            ResponseCode::NoError,
            &["alias.nsec.lab. CNAME", "mx.nsec.lab. A"][..],
            "in the zone",
        ),
        ("alias.nsec.lab. CNAME", ResponseCode::NoError, &["alias.nsec.lab. CNAME"], "itself asked for"),
        ("alias.nsec.lab. MX", ResponseCode::NoError, &["alias.nsec.lab. CNAME"], "to NODATA"),
        (
            "dangle.nsec.lab. A",
            ResponseCode::NXDomain,
            &["dangle.nsec.lab. CNAME"],
            "to NXDOMAIN (RFC 6604 §3)",
        ),
        (
            "abroad.nsec.lab. A",
            ResponseCode::NoError,
            &["abroad.nsec.lab. CNAME", "mx.nsec3.lab. A"],
            "to another zone",
        ),
        (
            "astray.nsec.lab. A",
            ResponseCode::NoError,
            &["astray.nsec.lab. CNAME", "mx.unsigned.lab. A"],
            "to an unsigned one",
        ),
        (
            "x.away.nsec.lab. A",
            ResponseCode::NoError,
            &["x.away.nsec.lab. CNAME", "mx.nsec.lab. A"],
            "by a wildcard",
        ),
        (
            "_25._tcp.tree.nsec.lab. TLSA",
            ResponseCode::NoError,
            &["tree.nsec.lab. DNAME", "_25._tcp.tree.nsec.lab. CNAME", "_25._tcp.mx.nsec.lab. TLSA"],
            "by a DNAME (RFC 6672 §3.2)",
        ),
        ("tree.nsec.lab. A", ResponseCode::NoError, &[], "a DNAME does not touch its owner (RFC 6672 §2.3)"),
        ("round.nsec.lab. A", ResponseCode::ServFail, &[], "a loop"),
        ("x.lame.nsec.lab. A", ResponseCode::ServFail, &[], "a delegation to nowhere"),
    ] {
        let message = ask(&world, question);
        assert_eq!(message.metadata.response_code, rcode, "{why}: {question}");
        assert_eq!(owners(&message.answers), answers, "{why}: {question}");
    }
}

#[test]
fn headers_are_those_of_a_recursive_server() {
    let world = world();
    let message = ask(&world, "mX.nSec.lab. A");
    assert!(message.metadata.recursion_available && message.metadata.recursion_desired);
    assert!(message.metadata.checking_disabled, "RFC 4035 §3.2.2: copied");
    assert!(!message.metadata.authoritative && !message.metadata.authentic_data);
    assert_eq!(message.queries[0].name().to_ascii(), "mX.nSec.lab.", "the question is copied as it was");

    let mut plain = query("nothing.nsec.lab. A");
    plain.edns = None;
    let message = world.answer(&plain);
    assert_eq!(owners(&message.authorities), ["nsec.lab. SOA"]);
    assert_eq!(signatures(&message.authorities), 0, "RFC 4035 §3.2.1: DO was not set");
    assert!(message.edns.is_none());
}

#[test]
fn the_anchor_is_the_ds_of_the_root() {
    let world = world();
    let anchor = world.trust_anchor();
    assert!(anchor.starts_with(". 3600 IN DS "), "{anchor}");
    let [key] = keys(&world, &Name::root()).try_into().unwrap();
    let digest = key.to_digest(&Name::root(), hickory_proto::dnssec::DigestType::SHA256).unwrap();
    let digest: String = digest.as_ref().iter().map(|octet| format!("{octet:02X}")).collect();
    assert!(anchor.ends_with(&format!("13 2 {digest}")), "{anchor}");
}

#[test]
fn zone_text_makes_the_same_zone_again() {
    let world = world();
    let text = world.zone_text("nsec.lab").unwrap();
    assert!(text.starts_with("$ORIGIN nsec.lab.\n$TTL 300\n@ 3600 IN SOA "), "{text}");
    assert!(text.contains("insecure.nsec.lab. NS ns.insecure.nsec.lab."), "{text}");
    for dnssec in ["RRSIG", "DNSKEY", "NSEC ", " DS "] {
        assert!(!text.contains(dnssec), "{dnssec} in {text}");
    }
    assert!(matches!(world.zone_text("nowhere"), Err(WorldError::NoZone(_))));
}

#[test]
fn mistakes_in_a_world_are_named() {
    for (specs, expected) in [
        (vec![ZoneSpec::new("a", Signing::Nsec, "@ MX")], "zone a.: "),
        (vec![ZoneSpec::new("a", Signing::Nsec, "b.c. A 127.0.0.1")], "zone a.: b.c. lies outside the zone"),
        (
            vec![ZoneSpec::new("a", Signing::Nsec, ""), ZoneSpec::new("A.", Signing::Nsec, "")],
            "zone A. is there twice",
        ),
        (vec![ZoneSpec::new("a..b", Signing::Nsec, "")], "\"a..b\" is not a domain name"),
    ] {
        let error = World::new(specs).err().unwrap().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    assert!("nsec4".parse::<Signing>().is_err());
}

#[test]
fn records_change_while_keys_stay() {
    let mut world = world();
    let before = keys(&world, &name("nsec.lab."));
    world.replace_txt("_mta-sts.nsec.lab", "v=STSv1; id=2;").unwrap();
    let message = ask(&world, "_mta-sts.nsec.lab. TXT");
    assert_eq!(owners(&message.answers), ["_mta-sts.nsec.lab. TXT"]);
    assert!(message.answers[0].data.to_string().contains("id=2;"), "{}", message.answers[0].data);
    assert_eq!(
        owners(&ask(&world, "mx.nsec.lab. A").answers),
        ["mx.nsec.lab. A"],
        "the others are still there"
    );

    world.replace_zone("nsec.lab", "mx2 A 127.0.0.1").unwrap();
    assert_eq!(ask(&world, "mx.nsec.lab. A").metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(owners(&ask(&world, "mx2.nsec.lab. A").answers), ["mx2.nsec.lab. A"]);
    assert_eq!(keys(&world, &name("nsec.lab.")), before);
}

/// A client without cleverness: one message out, one message in.
struct Client {
    udp: UdpSocket,
    tcp: TcpStream,
}

impl Client {
    async fn of(server: &DnsServer) -> Self {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        udp.connect(server.address()).await.unwrap();
        Self { udp, tcp: TcpStream::connect(server.address()).await.unwrap() }
    }

    async fn send(&self, question: &str) -> u16 {
        let query = query(question);
        self.udp.send(&query.to_vec().unwrap()).await.unwrap();
        query.metadata.id
    }

    async fn receive(&self) -> Vec<u8> {
        let mut buffer = vec![0; 65_535];
        let length = self.udp.recv(&mut buffer).await.unwrap();
        buffer.truncate(length);
        buffer
    }

    async fn udp(&self, question: &str) -> Message {
        let id = self.send(question).await;
        let message = Message::from_vec(&self.receive().await).unwrap();
        assert_eq!(message.metadata.id, id);
        message
    }

    async fn tcp(&mut self, question: &str) -> Message {
        let octets = query(question).to_vec().unwrap();
        // In one write: a second one would wait for the delayed acknowledgement of the first.
        let framed = [&(octets.len() as u16).to_be_bytes(), octets.as_slice()].concat();
        self.tcp.write_all(&framed).await.unwrap();
        let mut octets = vec![0; usize::from(self.tcp.read_u16().await.unwrap())];
        self.tcp.read_exact(&mut octets).await.unwrap();
        Message::from_vec(&octets).unwrap()
    }
}

const TLSA: &str = "_25._tcp.mx.nsec.lab. TLSA";

fn rule(question: &str, tamper: &str) -> PathRule {
    PathRule::new(question, tamper.parse().unwrap()).unwrap()
}

#[tokio::test]
async fn d71_22_150_records_come_over_tcp() {
    let server = DnsServer::start(world()).await.unwrap();
    let mut client = Client::of(&server).await;
    let message = client.udp("_25._tcp.many.lab. TLSA").await;
    assert!(message.metadata.truncation && message.answers.is_empty());
    let message = client.tcp("_25._tcp.many.lab. TLSA").await;
    assert_eq!((message.metadata.truncation, message.answers.len()), (false, 151));
    let log = server.queries(|query| query.name == "_25._tcp.many.lab.");
    assert_eq!(Vec::from_iter(log.iter().map(|query| query.tcp)), [false, true]);
}

#[tokio::test]
async fn faults_strike_their_question_alone() {
    let server = DnsServer::start(world()).await.unwrap();
    let mut client = Client::of(&server).await;
    for (word, rcode) in [("servfail", 2), ("refused", 5), ("formerr", 1), ("notimp", 4), ("rcode:9", 9)] {
        server.tamper(rule(TLSA, word)).unwrap();
        let message = client.udp(TLSA).await;
        assert_eq!(u16::from(message.metadata.response_code), rcode, "{word}");
        assert!(message.answers.is_empty(), "{word}");
        assert_eq!(client.udp("mx.nsec.lab. A").await.answers.len(), 2, "{word}");
        server.clear_tampering();
    }

    server.tamper(rule(TLSA, "timeout")).unwrap();
    client.send(TLSA).await;
    // The server answers datagrams in order: if the next answer is to the next question, the first has none.
    assert_eq!(client.udp("mx.nsec.lab. A").await.answers.len(), 2);
    server.clear_tampering();

    server.tamper(rule(TLSA, "malformed")).unwrap();
    client.send(TLSA).await;
    assert!(Message::from_vec(&client.receive().await).is_err());
    server.clear_tampering();

    server.tamper(rule(TLSA, "truncated")).unwrap();
    assert!(client.udp(TLSA).await.metadata.truncation);
    assert!(client.tcp(TLSA).await.metadata.truncation);
    server.clear_tampering();

    server.tamper(rule(TLSA, "wrong-question")).unwrap();
    assert_ne!(client.udp(TLSA).await.queries[0].name(), &name("_25._tcp.mx.nsec.lab."));
    server.clear_tampering();

    server.tamper(rule(TLSA, "forge:_25._tcp.mx.nsec.lab. TLSA 3 1 1 66 | x. A 127.0.0.1")).unwrap();
    let message = client.udp(TLSA).await;
    assert!(message.metadata.authentic_data);
    assert_eq!(owners(&message.answers).len(), 2);
    server.clear_tampering();

    server.tamper(rule(TLSA, "beside:mx.nsec.lab. A")).unwrap();
    let message = client.tcp(TLSA).await;
    assert_eq!(owners(&message.answers), ["_25._tcp.mx.nsec.lab. TLSA", "mx.nsec.lab. A"]);
    for section in [&message.authorities, &message.additionals] {
        assert_eq!((owners(section), signatures(section)), (vec!["mx.nsec.lab. A".to_owned()], 1));
    }
    server.clear_tampering();

    server.tamper(rule("alias.nsec.lab. A", "split")).unwrap();
    let message = client.udp("alias.nsec.lab. A").await;
    assert_eq!(owners(&message.answers), ["alias.nsec.lab. CNAME"]);
    server.clear_tampering();

    for (word, rcode, answers) in [("extended:7:a:b", 0, 2), ("servfail:7:a:b", 2, 0)] {
        server.tamper(rule(TLSA, word)).unwrap();
        let message = client.udp(TLSA).await;
        assert_eq!(u16::from(message.metadata.response_code), rcode, "{word}");
        assert_eq!(message.answers.len(), answers, "{word}");
        let options = message.edns.unwrap().options().options.clone();
        assert_eq!(format!("{options:?}"), "[(Unknown(15), Unknown(15, [0, 7, 97, 58, 98]))]", "{word}");
        server.clear_tampering();
    }
}

#[tokio::test]
async fn signatures_are_broken_stripped_and_drowned() {
    let server = DnsServer::start(world()).await.unwrap();
    let mut client = Client::of(&server).await;
    let genuine = client.udp(TLSA).await.answers;

    server.tamper(rule(TLSA, "bogus")).unwrap();
    let bogus = client.udp(TLSA).await.answers;
    assert_eq!(bogus[0], genuine[0]);
    assert_ne!(signature(&bogus[1]).unwrap().sig(), signature(&genuine[1]).unwrap().sig());
    server.clear_tampering();

    server.tamper(rule(TLSA, "strip-signatures")).unwrap();
    assert_eq!(client.udp(TLSA).await.answers, genuine[..1]);
    server.clear_tampering();

    server.tamper(rule(TLSA, "over-budget")).unwrap();
    let drowned = client.tcp(TLSA).await.answers;
    assert_eq!(signatures(&drowned), 251);
    assert_eq!(drowned.last(), genuine.last(), "the genuine one is there, and comes last");
}

#[tokio::test]
async fn d72_06_indeterminate_spares_the_answer_and_fails_the_keys() {
    let server = DnsServer::start(world()).await.unwrap();
    let client = Client::of(&server).await;
    server.tamper(rule(TLSA, "indeterminate")).unwrap();
    for (question, rcode) in [
        (TLSA, ResponseCode::NoError),
        ("nsec.lab. DNSKEY", ResponseCode::ServFail),
        ("nsec.lab. DS", ResponseCode::ServFail),
        ("lab. DS", ResponseCode::NoError),
        ("nsec3.lab. DNSKEY", ResponseCode::NoError),
    ] {
        assert_eq!(client.udp(question).await.metadata.response_code, rcode, "{question}");
    }
}

#[tokio::test]
async fn a_rule_may_wait_for_its_turn() {
    let server = DnsServer::start(world()).await.unwrap();
    let client = Client::of(&server).await;
    server.tamper(rule(TLSA, "servfail").from_query(3)).unwrap();
    let mut rcodes = Vec::new();
    for _ in 0..4 {
        rcodes.push(u16::from(client.udp(TLSA).await.metadata.response_code));
    }
    assert_eq!(rcodes, [0, 0, 2, 2]);
    assert_eq!(server.queries(|query| query.rtype == RecordType::TLSA).len(), 4);
}

#[tokio::test]
async fn the_world_changes_while_it_is_served() {
    let server = DnsServer::start(world()).await.unwrap();
    let client = Client::of(&server).await;
    server.replace_txt("_mta-sts.nsec3.lab", "v=STSv1; id=3;").unwrap();
    let message = client.udp("_mta-sts.nsec3.lab. TXT").await;
    assert!(message.answers[0].data.to_string().contains("id=3;"));
}

/// The answer and the chain of the zone under each attack.
async fn under_attack(server: &DnsServer, client: &mut Client, question: &str, attack: &str) -> Vec<Message> {
    server.tamper(rule(question, attack)).unwrap();
    let mut messages = Vec::new();
    for question in [question, "nsec.lab. DS", "nsec.lab. DNSKEY"] {
        let mut message = client.tcp(question).await;
        message.metadata.id = 0;
        messages.push(message);
    }
    server.clear_tampering();
    messages
}

#[tokio::test]
async fn every_attack_is_another_one_and_none_is_the_truth() {
    assert!(attacks().len() >= 50, "{}", attacks().len());
    let server = DnsServer::start(world()).await.unwrap();
    let mut client = Client::of(&server).await;
    let mut honest = Vec::new();
    for question in [TLSA, "nsec.lab. DS", "nsec.lab. DNSKEY"] {
        let mut message = client.tcp(question).await;
        message.metadata.id = 0;
        honest.push(message);
    }
    let mut by_messages: BTreeMap<String, &str> = BTreeMap::from([(format!("{honest:?}"), "the truth")]);
    for attack in attacks() {
        let messages = under_attack(&server, &mut client, TLSA, attack.name).await;
        if let Some(other) = by_messages.insert(format!("{messages:?}"), attack.name) {
            panic!("{} is the same as {other}", attack.name);
        }
        let lies = |(message, truth): (&Message, &Message)| message.answers != truth.answers;
        assert!(messages.iter().zip(&honest).any(lies), "{} denies and forges nothing", attack.name);
    }
    let names: BTreeSet<&str> = attacks().iter().map(|attack| attack.name).collect();
    assert_eq!(names.len(), attacks().len());
}

#[tokio::test]
async fn every_attack_works_on_every_type_or_says_what_it_needs() {
    let server = DnsServer::start(world()).await.unwrap();
    for question in [
        "nsec.lab. MX",
        "mx.nsec.lab. A",
        "mx.nsec.lab. AAAA",
        "alias.nsec.lab. CNAME",
        "_25._tcp.mx.nsec3.lab. TLSA",
        "_25._tcp.mx.optout.lab. TLSA",
    ] {
        for attack in attacks() {
            match server.tamper(rule(question, attack.name)) {
                Ok(()) => {}
                Err(TamperError::Impossible { attack, needs, .. }) => {
                    assert!(
                        needs.contains("wildcard") || needs.contains("NSEC chain") || needs.contains("apex"),
                        "{attack}: {needs}"
                    );
                }
                Err(error) => panic!("{}: {error}", attack.name),
            }
        }
    }
}

#[test]
fn words_for_tampering() {
    for (word, expected) in [
        ("servfail", Some("Rcode(2)")),
        ("rcode:15", Some("Rcode(15)")),
        ("rcode:16", None),
        ("timeout", Some("Timeout")),
        ("deny-with-foreign-nsec", Some("Attack(deny-with-foreign-nsec)")),
        ("forge:no record", None),
        ("beside:mx.lab.", None),
        ("beside:mx.lab. NONSENSE", None),
        ("extended:7", None),
        ("servfail:x:text", None),
        ("nothing-of-the-kind", None),
    ] {
        let parsed = word.parse::<Tamper>();
        match expected {
            Some(expected) => assert_eq!(format!("{:?}", parsed.unwrap()), expected),
            None => assert!(parsed.is_err(), "{word}"),
        }
    }
    for question in ["mx.lab.", "mx.lab. NONSENSE", "a..b A"] {
        assert!(PathRule::new(question, Tamper::Timeout).is_err(), "{question}");
    }
}

/// What the servers of the other addresses say of the same world.
#[tokio::test]
async fn each_face_answers_in_its_own_way() {
    let server = DnsServer::start(world()).await.unwrap();
    let root = Face::Authority(0);
    let (lab, zones) = (Face::Authority(1), Face::Authority(2));
    for (face, question, expected, why) in [
        (root, "mx.nsec.lab. A", "NoError refers to lab.", "downwards, one zone at a time"),
        (lab, "mx.nsec.lab. A", "NoError refers to nsec.lab.", "and the next"),
        (zones, "mx.nsec.lab. A", "NoError AA 1", "and there it is"),
        (zones, "alias.nsec.lab. A", "NoError AA 1", "no alias is followed"),
        (zones, "absent.nsec.lab. A", "NXDomain AA 0", "a denial"),
        (lab, "nsec.lab. DS", "NoError AA 1", "RFC 4035 2.4: DS is the parent's"),
        (lab, "unsigned.lab. DS", "NoError AA 0", "and so is that there is none"),
        (zones, "insecure.nsec.lab. DS", "NoError AA 0", "the same one further down"),
        (Face::Authority(3), "mx.nsec.lab. A", "Refused", "no server answers for what is not its own"),
        (Face::Validating, "mx.nsec.lab. A", "NoError RA AD 1", "typed as signed"),
        (Face::Validating, "alias.nsec.lab. A", "NoError RA AD 2", "with its alias"),
        (Face::Validating, "absent.nsec.lab. A", "NXDomain RA AD 0", "a denial"),
        (Face::Validating, "mx.unsigned.lab. A", "NoError RA 1", "typed as unsigned"),
        (Face::Validating, "astray.nsec.lab. A", "NoError RA 2", "an alias to there"),
        (Face::Validating, "mx.unsupported.lab. A", "NoError RA 1", "signed with what nobody knows"),
        (Face::Validating, "mx.secure.optout.lab. A", "NoError RA AD 1", "below a zone with opt-out"),
        (Face::Validating, "absent.optout.lab. A", "NXDomain RA 0", "RFC 5155 9.2: denied by opt-out"),
        (Face::Validating, "mx.expired.lab. A", "ServFail RA 0", "typed as expired"),
        (Face::Validating, "mx.early.lab. A", "ServFail RA 0", "as not yet valid"),
        (Face::Validating, "mx.wrong-ds.lab. A", "ServFail RA 0", "as under a wrong DS"),
        (Face::Validating, "absent.expired.lab. A", "ServFail RA 0", "denials there too"),
        (Face::WithoutAd, "mx.nsec.lab. A", "NoError RA 1", "the bit is lost"),
        (Face::WithoutAd, "mx.expired.lab. A", "ServFail RA 0", "the verdict is not"),
        (Face::Oblivious, "mx.nsec.lab. A", "NoError RA 1", "the signatures are lost"),
        (Face::Oblivious, "absent.nsec.lab. A", "NXDomain RA 0", "and the proofs"),
        (Face::Oblivious, "mx.expired.lab. A", "NoError RA 1", "and nobody looks"),
        (Face::WithoutDo, "mx.nsec.lab. A", "NoError RA 1", "asked without DO"),
    ] {
        let mut asked = query(question);
        if face == Face::WithoutDo {
            asked.edns = None;
        }
        asked.metadata.checking_disabled = false;
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(&asked.to_vec().unwrap(), server.face(face)).await.unwrap();
        let mut buffer = [0; 4096];
        let length = socket.recv(&mut buffer).await.unwrap();
        let message = Message::from_vec(&buffer[..length]).unwrap();
        assert_eq!(in_words(&message), expected, "{face:?}: {question}: {why}");
        if face == Face::Oblivious {
            assert_eq!(signatures(&message.answers) + signatures(&message.authorities), 0, "{why}");
        }
        let log = server.queries(|logged| logged.face == face);
        assert_eq!(log.last().unwrap().name, asked.queries[0].name().to_ascii(), "{why}");
    }
}

/// Its code, its bits, and how many records answer, or where it refers to.
fn in_words(message: &Message) -> String {
    let header = message.metadata;
    let mut words = vec![format!("{:?}", header.response_code)];
    let bits =
        [(header.authoritative, "AA"), (header.recursion_available, "RA"), (header.authentic_data, "AD")];
    words.extend(bits.iter().filter(|(set, _)| *set).map(|(_, word)| (*word).to_owned()));
    match message.authorities.iter().find(|record| record.record_type() == RecordType::NS) {
        Some(referral) => {
            assert_eq!(message.additionals.len(), 1, "with glue");
            words.push(format!("refers to {}", referral.name));
        }
        None if header.response_code == ResponseCode::Refused => {}
        None => words.push(owners(&message.answers).len().to_string()),
    }
    words.join(" ")
}
