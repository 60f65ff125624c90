//! What a hostile upstream can say: always an error, of a kind that fits, after a bounded number of questions.

use std::sync::Mutex;

use hickory_proto::{
    op::Message,
    rr::rdata::{CNAME, MX, TXT},
};

use super::{
    tests::{SECOND, addresses, ask, dns, dns_with, name, pass},
    *,
};
use crate::scripted::{Asked, Reply, Scripted};

type Script = fn(&Asked) -> Vec<Reply>;

/// A response over TCP with these octets after the question, and as many answers as the header claims; over UDP it is
/// truncated.
fn raw(asked: &Asked, answers: u16, octets: &[u8]) -> Vec<Reply> {
    let mut message = asked.response();
    message.metadata.truncation = !asked.tcp;
    let mut response = message.to_vec().unwrap();
    if asked.tcp {
        response[6..8].copy_from_slice(&answers.to_be_bytes());
        response.extend_from_slice(octets);
    }
    vec![Reply::Genuine(response)]
}

fn alias(asked: &Asked, target: Name) -> Message {
    let mut message = asked.response();
    let cname = RData::CNAME(CNAME(target));
    message.add_answer(Record::from_rdata(asked.name().clone(), 60, cname));
    message
}

/// The name with one more label before it.
fn longer(name: &Name) -> Name {
    name.prepend_label("a").unwrap()
}

/// The name is no signed zone's, so that nothing but the error itself stands between these answers and "insecure".
#[tokio::test]
async fn an_error_after_few_questions() {
    use LookupErrorKind::{AliasLoop, Budget, Malformed, ServerFailure, Timeout};
    let cases: [(Script, LookupErrorKind, usize, &str); 16] = [
        (
            |asked| raw(asked, 1, b"\xc0\x1c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01"),
            Malformed,
            2,
            "a name that points to itself",
        ),
        (
            |asked| raw(asked, 1, b"\xc0\x1e\xc0\x1c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01"),
            Malformed,
            2,
            "names that point to each other",
        ),
        (
            |asked| raw(asked, 1, b"\xff\xff\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01"),
            Malformed,
            2,
            "a name that points beyond the end",
        ),
        (
            |asked| raw(asked, 1, b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x05\xc0\0\x02\x01\0"),
            Malformed,
            2,
            "an address of five octets",
        ),
        (
            |asked| raw(asked, 1, b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\xff\xff\xc0\0\x02\x01"),
            Malformed,
            2,
            "data that ends before its length",
        ),
        (|asked| raw(asked, u16::MAX, b""), Malformed, 2, "a header that promises more than comes"),
        (|asked| raw(asked, 1, &[0xff; 65_000]), Malformed, 2, "64 kilobytes of nothing"),
        (|asked| vec![addresses(asked, 4000)], Budget, 2, "64 kilobytes of addresses"),
        (
            // Of a type without a form of its own: thirteen octets each, as small as they come.
            |asked| raw(asked, 5000, &b"\xc0\x0c\xff\0\0\x01\0\0\0\x3c\0\x01x".repeat(5000)),
            Budget,
            2,
            "as many records as a message has room for",
        ),
        (
            // Ten thousand records in a dozen messages, none of which has too many.
            |asked| {
                let mut octets = b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x04\x01a\xc0\x0c".to_vec();
                octets.extend(b"\xc0\x0c\xff\0\0\x01\0\0\0\x3c\0\x01x".repeat(900));
                raw(asked, 901, &octets)
            },
            Budget,
            4,
            "more records in all messages together",
        ),
        (|asked| raw(asked, 0, b"").into_iter().map(truncated).collect(), Malformed, 2, "TC for ever"),
        (|asked| vec![alias(asked, asked.name().clone()).into()], AliasLoop, 12, "an alias of itself"),
        (
            |asked| {
                let other =
                    if asked.name().iter().next() == Some(b"mx") { "xm.example." } else { "mx.example." };
                vec![alias(asked, name(other)).into()]
            },
            AliasLoop,
            12,
            "two aliases of each other",
        ),
        (|asked| vec![alias(asked, longer(asked.name())).into()], AliasLoop, 12, "another alias each time"),
        (
            |asked| vec![asked.rcode(hickory_proto::op::ResponseCode::YXDomain).into()],
            ServerFailure,
            1,
            "an odd response code",
        ),
        (
            |asked| vec![Reply::Genuine(Message::query().to_vec().unwrap()); if asked.tcp { 0 } else { 500 }],
            Timeout,
            6,
            "five hundred datagrams that answer nothing",
        ),
    ];
    for (script, kind, most, why) in cases {
        let server = Scripted::start(script).await;
        let patience = if kind == Timeout { SECOND / 10 } else { 20 * SECOND };
        let dns = dns_with(&server, patience);
        let error = ask(&dns, "mx.example.").await.unwrap_err();
        assert_eq!(error.kind, kind, "{why}: {error}");
        let asked = server.asked().len();
        assert!((1..=most).contains(&asked), "{why}: {asked} questions");
        assert_eq!(lock(&dns.known).len(), 1, "{why}: what is kept is the error");
        assert!(error_weight(&error) < 4096, "{why}: {} octets", error_weight(&error));
    }
}

fn truncated(reply: Reply) -> Reply {
    let Reply::Genuine(mut octets) = reply else { return reply };
    octets[2] |= 2;
    Reply::Genuine(octets)
}

/// Over TCP a server can take its time: no longer than the timeout.
#[tokio::test]
async fn an_answer_that_never_ends_is_none() {
    let server = Scripted::start(|asked| match asked.tcp {
        true => vec![Reply::Unfinished(asked.address(1, 60).to_vec().unwrap())],
        false => raw(asked, 0, b""),
    })
    .await;
    let error = ask(&dns_with(&server, SECOND), "mx.example.").await.unwrap_err();
    assert_eq!(error.kind, LookupErrorKind::Timeout);
    assert!(server.asked().iter().any(|asked| asked.tcp));
}

/// Datagrams cross and come twice: each answer finds its question.
#[tokio::test]
async fn answers_that_come_in_another_order_or_twice() {
    let first = Mutex::new(None);
    let server = Scripted::start(move |asked| {
        let octet = if asked.name().iter().next() == Some(b"one") { 1 } else { 2 };
        let reply = Reply::Late { to: asked.from, octets: asked.address(octet, 60).to_vec().unwrap() };
        let mut first = first.lock().unwrap();
        match first.take() {
            // The first question waits for another.
            None => {
                *first = Some((octet, reply));
                vec![]
            }
            Some((same, earlier)) if same == octet => {
                *first = Some((octet, reply));
                drop(earlier);
                vec![]
            }
            Some((_, earlier)) => vec![reply.clone(), reply, earlier.clone(), earlier],
        }
    })
    .await;
    let dns = dns(&server);
    let (one, two) = tokio::join!(ask(&dns, "one.example."), ask(&dns, "two.example."));
    for (judged, octet) in [(one, 1), (two, 2)] {
        let dnssec::Outcome::Records(records) = &judged.unwrap().outcome else { panic!("no records") };
        assert_eq!(records[0].data, RData::A(std::net::Ipv4Addr::new(192, 0, 2, octet).into()));
    }
}

/// An upstream that says something else each time is believed once for as long as that holds.
#[tokio::test]
async fn answers_that_change() {
    let server = Scripted::start(|asked| match asked.number {
        1 => vec![asked.address(1, 10).into()],
        2 => vec![asked.rcode(hickory_proto::op::ResponseCode::NXDomain).into()],
        _ => vec![asked.rcode(hickory_proto::op::ResponseCode::ServFail).into()],
    })
    .await;
    let dns = dns(&server);
    let first = ask(&dns, "mx.example.").await.unwrap();
    assert!(Arc::ptr_eq(&first, &ask(&dns, "mx.example.").await.unwrap()));
    pass(10 * SECOND).await;
    let second = ask(&dns, "mx.example.").await.unwrap();
    assert_eq!(second.outcome, dnssec::Outcome::NxDomain);
    // RFC 2308 §5: a denial without SOA is not kept.
    assert_eq!(ask(&dns, "mx.example.").await.unwrap_err().kind, LookupErrorKind::ServerFailure);
    assert_eq!(server.asked().len(), 3);

    // What comes over TCP is the answer, whatever the truncated one held.
    let server = Scripted::start(|asked| match asked.tcp {
        true => vec![asked.address(2, 60).into()],
        false => {
            let mut message = asked.address(1, 60);
            message.metadata.truncation = true;
            vec![message.into()]
        }
    })
    .await;
    let verdict = ask(&self::dns(&server), "mx.example.").await.unwrap();
    let dnssec::Outcome::Records(records) = &verdict.outcome else { panic!("{verdict:?}") };
    assert_eq!(records[0].data, RData::A(std::net::Ipv4Addr::new(192, 0, 2, 2).into()));
}

/// RFC 2308 §5: as long as the SOA beside it says, three hours at the most, and not at all without one.
#[tokio::test]
async fn a_denial_is_kept_by_its_soa() {
    use hickory_proto::{op::ResponseCode, rr::rdata::SOA};

    const HOUR: u32 = 3600;
    for (soa, kept, why) in [
        (Some((300, 60)), 60, "the MINIMUM"),
        (Some((60, 300)), 60, "the TTL of the SOA"),
        (Some((24 * HOUR, 24 * HOUR)), 3 * HOUR, "three hours at the most"),
        (Some((300, 0)), 0, "a MINIMUM of zero"),
        (Some((300, 1 << 31)), 0, "RFC 2181 8: the highest bit makes it zero"),
        (None, 0, "no SOA"),
    ] {
        for rcode in [ResponseCode::NXDomain, ResponseCode::NoError] {
            let server = Scripted::start(move |asked| {
                let mut message = asked.rcode(rcode);
                message.authorities.extend(soa.map(|(ttl, minimum)| {
                    let data = RData::SOA(SOA::new(name("example."), name("example."), 1, 1, 1, 1, minimum));
                    Record::from_rdata(name("example."), ttl, data)
                }));
                vec![message.into()]
            })
            .await;
            let dns = dns(&server);
            let verdict = ask(&dns, "mx.example.").await.unwrap();
            assert_eq!((verdict.status, verdict.ttl), (dnssec::Status::Insecure, kept), "{why}");
            if let Some(before_the_end) = kept.checked_sub(10) {
                pass(SECOND * before_the_end).await;
                ask(&dns, "mx.example.").await.unwrap();
                assert_eq!(server.asked().len(), 1, "{why}: it is still known");
                pass(10 * SECOND).await;
            }
            ask(&dns, "mx.example.").await.unwrap();
            assert_eq!(server.asked().len(), 2, "{why}: it has ended");
        }
    }
}

/// Whatever stands beside an answer is no answer to another question: it is asked for, and what is said then counts.
#[tokio::test]
async fn what_stands_beside_an_answer_answers_nothing_else() {
    let beside = |owner: &str, data: RData| Record::from_rdata(name(owner), 3600, data);
    let forged = std::net::Ipv4Addr::new(192, 0, 2, 66);
    let others = [
        ("other.example.", RData::A(forged.into())),
        ("mx.example.", RData::TXT(TXT::from_bytes(vec![b"forged"]))),
        ("example.", RData::MX(MX::new(1, name("attacker.example.")))),
        ("_25._tcp.mx.example.", tlsa()),
    ];
    for section in 0..3 {
        let records: Vec<Record> = others.iter().map(|(owner, data)| beside(owner, data.clone())).collect();
        let server = Scripted::start(move |asked| {
            if asked.number > 1 {
                return vec![asked.response().into()];
            }
            let mut message = asked.address(1, 3600);
            match section {
                0 => message.answers.extend(records.clone()),
                1 => message.authorities.extend(records.clone()),
                _ => message.additionals.extend(records.clone()),
            }
            vec![message.into()]
        })
        .await;
        let dns = dns(&server);
        let verdict = ask(&dns, "mx.example.").await.unwrap();
        let dnssec::Outcome::Records(found) = &verdict.outcome else { panic!("{verdict:?}") };
        assert_eq!(found.len(), 1, "nothing of another name or type is in the answer");
        for (owner, data) in &others {
            let record_type = data.record_type();
            let verdict = dns.ask(&name(owner), record_type).await.unwrap();
            assert_eq!(
                verdict.outcome,
                dnssec::Outcome::NoData,
                "{owner} {record_type} in section {section}"
            );
            assert_eq!(server.count(owner, record_type), 1, "{owner} {record_type}: it was asked for");
        }
    }
}

fn tlsa() -> RData {
    use hickory_proto::rr::rdata::{
        TLSA,
        tlsa::{CertUsage, Matching, Selector},
    };
    RData::TLSA(TLSA::new(CertUsage::DaneEe, Selector::Spki, Matching::Sha256, vec![0x66; 32]))
}
