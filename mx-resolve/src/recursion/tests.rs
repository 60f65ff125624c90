use std::net::Ipv4Addr;

use futures_util::future::join;
use hickory_proto::{
    op::Edns,
    rr::{
        Record, RecordType,
        rdata::{A, CNAME, NS, opt::EdnsOption},
    },
};

use super::*;
use crate::scripted::{Asked, Reply, Scripted};

/// For servers that answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// For those that do not.
const IMPATIENCE: Duration = Duration::from_millis(600);

const ROOT: u8 = 1;

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

/// Resolution from the first of the servers.
fn recursion(servers: &[Scripted], timeout: Duration) -> Arc<Recursion> {
    recursion_over(Families::Both, servers, timeout)
}

fn recursion_over(families: Families, servers: &[Scripted], timeout: Duration) -> Arc<Recursion> {
    let root = servers[0].address;
    let hints = RootHints(vec![root.ip()]);
    Arc::new(Recursion::new(hints, Reach::Any, families, root.port(), timeout, false))
}

async fn ask(recursion: &Arc<Recursion>, host: &str, record_type: RecordType) -> Result<Message, Unanswered> {
    recursion.ask(&Question::new(name(host), record_type), 0).await
}

/// A referral to servers by name and, where it is given, the number of the server at their address.
fn refer(asked: &Asked, zone: &str, servers: &[(&str, Option<u8>)]) -> Vec<Reply> {
    let mut message = asked.response();
    for (server, number) in servers {
        message.authorities.push(Record::from_rdata(name(zone), 600, RData::NS(NS(name(server)))));
        if let Some(number) = number {
            let address = RData::A(A(Ipv4Addr::new(127, 0, 0, *number)));
            message.additionals.push(Record::from_rdata(name(server), 600, address));
        }
    }
    vec![message.into()]
}

fn authoritative(mut message: Message) -> Vec<Reply> {
    message.metadata.authoritative = true;
    vec![message.into()]
}

/// An A record for who asks for one, and an authoritative nothing for others.
fn answer(asked: &Asked, last_octet: u8) -> Vec<Reply> {
    let is_a = asked.record_type() == RecordType::A;
    authoritative(if is_a { asked.address(last_octet, 300) } else { asked.response() })
}

fn below(asked: &Asked, zone: &str) -> bool {
    name(zone).zone_of(asked.name())
}

#[tokio::test]
async fn from_the_root_to_the_zone_and_later_at_once() {
    let servers = Scripted::start_many(3, |server, asked| match server {
        ROOT => refer(asked, "example.", &[("ns.example.", Some(2))]),
        2 if below(asked, "sub.example.") => refer(asked, "sub.example.", &[("ns.sub.example.", Some(3))]),
        _ => answer(asked, server),
    })
    .await;
    let recursion = recursion(&servers, PATIENCE);
    let got = ask(&recursion, "mx.sub.example.", RecordType::A).await.unwrap();
    assert_eq!(got.answers.len(), 1);
    assert_eq!(servers.iter().map(|server| server.asked().len()).collect::<Vec<_>>(), [1, 1, 1]);
    let header = servers[2].asked()[0].message.metadata;
    assert!(!header.recursion_desired, "RFC 1034 5.3.3: nobody is asked to recurse");
    let edns = servers[2].asked()[0].message.edns.clone().unwrap();
    assert!(edns.flags().dnssec_ok, "RFC 4035 4.1: signatures are to come along");

    ask(&recursion, "mx2.sub.example.", RecordType::A).await.unwrap();
    ask(&recursion, "sub.example.", RecordType::DNSKEY).await.unwrap();
    assert_eq!(servers.iter().map(|server| server.asked().len()).collect::<Vec<_>>(), [1, 1, 3]);
    ask(&recursion, "sub.example.", RecordType::DS).await.unwrap_err();
    assert_eq!(servers[2].asked().len(), 3, "RFC 4035 2.4: DS is asked for above the cut");
    assert_eq!(servers[1].asked().len(), 2);
    ask(&recursion, "other.example.", RecordType::A).await.unwrap();
    assert_eq!(servers[1].asked().len(), 3, "beside the cut the zone above it answers");
}

#[tokio::test]
async fn what_comes_is_what_was_sent() {
    let servers = Scripted::start_many(1, |_, asked| {
        let mut message = asked.rcode(ResponseCode::NXDomain);
        let target = RData::CNAME(CNAME(name("target.test.")));
        message.answers.push(Record::from_rdata(asked.name().clone(), 7, target));
        message.authorities = asked.address(1, 60).answers;
        authoritative(message)
    })
    .await;
    let got = ask(&recursion(&servers, PATIENCE), "mx.example.", RecordType::A).await.unwrap();
    assert_eq!(got.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!((got.answers.len(), got.answers[0].ttl, got.authorities.len()), (1, 7, 1));
    assert_eq!(servers[0].asked().len(), 1, "the target of an alias is asked for by whoever wants it");
}

#[tokio::test]
async fn servers_without_glue_are_looked_up_once() {
    let servers = Scripted::start_many(3, |server, asked| match server {
        ROOT if below(asked, "test.") => refer(asked, "test.", &[("ns.test.", Some(2))]),
        ROOT => refer(asked, "example.", &[("ns1.test.", None)]),
        2 if asked.record_type() == RecordType::A => {
            let mut message = asked.response();
            let address = RData::A(A(Ipv4Addr::new(127, 0, 0, 3)));
            message.answers.push(Record::from_rdata(asked.name().clone(), 300, address));
            authoritative(message)
        }
        _ => answer(asked, server),
    })
    .await;
    let recursion = recursion(&servers, PATIENCE);
    for host in ["mx.example.", "mx2.example."] {
        let got = ask(&recursion, host, RecordType::A).await.unwrap();
        assert_eq!(got.answers[0].data, RData::A(A(Ipv4Addr::new(192, 0, 2, 3))), "by the third server");
    }
    assert_eq!(servers[1].count("ns1.test.", RecordType::A), 1, "its address is known");
    assert_eq!(servers[1].count("ns1.test.", RecordType::AAAA), 1);
}

/// The parent has glue for the first of them alone, and that one does not serve the zone.
#[tokio::test]
async fn servers_without_glue_are_asked_where_those_with_it_give_no_answer() {
    let servers = Scripted::start_many(4, |server, asked| match server {
        ROOT if below(asked, "test.") => refer(asked, "test.", &[("ns.test.", Some(3))]),
        ROOT => refer(asked, "example.", &[("ns1.example.", Some(2)), ("ns2.test.", None)]),
        2 => vec![asked.rcode(ResponseCode::Refused).into()],
        3 if asked.record_type() == RecordType::A => {
            let mut message = asked.response();
            let address = RData::A(A(Ipv4Addr::new(127, 0, 0, 4)));
            message.answers.push(Record::from_rdata(asked.name().clone(), 300, address));
            authoritative(message)
        }
        _ => answer(asked, server),
    })
    .await;
    let got = ask(&recursion(&servers, PATIENCE), "mx.example.", RecordType::A).await.unwrap();
    assert_eq!(got.answers[0].data, RData::A(A(Ipv4Addr::new(192, 0, 2, 4))), "by the fourth server");
    assert_eq!(servers[1].asked().len(), 1, "the one with glue is asked first");
}

/// On a network that loses IPv6, say, whoever asks for IPv4 alone waits for nothing.
#[tokio::test]
async fn name_servers_of_another_family_are_not_asked() {
    let servers = Scripted::start_many(2, |server, asked| match server {
        ROOT if below(asked, "test.") => {
            let mut message = asked.response();
            let address = RData::A(A(Ipv4Addr::new(127, 0, 0, 2)));
            message.answers.push(Record::from_rdata(asked.name().clone(), 300, address));
            authoritative(message)
        }
        ROOT => refer(asked, "example.", &[("ns.test.", None)]),
        _ => answer(asked, server),
    })
    .await;
    let none = ask(&recursion_over(Families::Ipv6, &servers, PATIENCE), "mx.example.", RecordType::A).await;
    assert_eq!(none.unwrap_err().error, FetchError::Unreachable, "the root has an IPv4 address alone");
    assert_eq!(servers[0].asked().len(), 0);

    let recursion = recursion_over(Families::Ipv4, &servers, PATIENCE);
    assert_eq!(ask(&recursion, "mx.example.", RecordType::A).await.unwrap().answers.len(), 1);
    let of_the_server = |record_type| servers[0].count("ns.test.", record_type);
    assert_eq!((of_the_server(RecordType::A), of_the_server(RecordType::AAAA)), (1, 0));
}

#[tokio::test]
async fn the_next_server_is_asked() {
    for (what, why) in [
        ("silent", "a server that is dead"),
        ("refused", "one that does not serve the zone"),
        ("upwards", "one that refers to the root"),
        ("sideways", "one that refers to its own zone"),
        ("lame", "one that answers out of its cache"),
    ] {
        let servers = Scripted::start_many(3, move |server, asked| match (server, what) {
            (ROOT, _) => refer(asked, "example.", &[("ns1.example.", Some(2)), ("ns2.example.", Some(3))]),
            (2, "silent") => vec![],
            (2, "refused") => vec![asked.rcode(ResponseCode::Refused).into()],
            (2, "upwards") => refer(asked, ".", &[("ns.", Some(1))]),
            (2, "sideways") => refer(asked, "example.", &[("ns.example.", Some(2))]),
            (2, _) => vec![asked.address(66, 300).into()],
            _ => answer(asked, server),
        })
        .await;
        let recursion = recursion(&servers, IMPATIENCE);
        // The order is by chance: among so many questions some begin with each of the two.
        for number in 0..64 {
            let got = ask(&recursion, &format!("mx{number}.example."), RecordType::A).await.unwrap();
            assert_eq!(got.answers[0].data, RData::A(A(Ipv4Addr::new(192, 0, 2, 3))), "{why}");
        }
        let bad: std::collections::HashSet<Name> =
            servers[1].asked().iter().map(|asked| asked.name().clone()).collect();
        assert!(!bad.is_empty() && bad.len() < 64, "{why}: {bad:?}");
        if what == "silent" {
            assert_eq!(bad.len(), 1, "whoever was silent is asked last for a while");
        }
    }
}

#[tokio::test]
async fn a_large_answer_comes_over_tcp() {
    let servers = Scripted::start_many(1, |_, asked| {
        let mut message = asked.address(1, 300);
        message.metadata.truncation = !asked.tcp;
        authoritative(message)
    })
    .await;
    let got = ask(&recursion(&servers, PATIENCE), "mx.example.", RecordType::A).await.unwrap();
    assert_eq!(got.answers.len(), 1);
    assert_eq!(servers[0].asked().iter().map(|asked| asked.tcp).collect::<Vec<_>>(), [false, true]);
}

/// What a hostile zone can make us do is little, and ends in an error.
#[tokio::test]
async fn the_work_is_bounded() {
    type Script = fn(&Asked) -> Vec<Reply>;
    let deeper: Script = |asked| {
        // One label more each time, as far as names go.
        let number = asked.name().iter().count();
        let parts: Vec<&[u8]> = asked.name().iter().collect();
        let cut =
            Name::from_labels(parts.get(number.saturating_sub(asked.number)..).unwrap_or(&parts).to_vec());
        let cut = cut.unwrap().to_ascii();
        refer(asked, &cut, &[(&format!("ns.{cut}"), Some(ROOT))])
    };
    let circle: Script = |asked| match below(asked, "a.") {
        true => refer(asked, "a.", &[("ns.b.", None)]),
        false => refer(asked, "b.", &[("ns.a.", None)]),
    };
    let tree: Script = |asked| {
        // Sixteen servers without glue, each in a zone of its own that is served in the same way.
        let last =
            asked.name().iter().next_back().map(|label| String::from_utf8_lossy(label).into_owned()).unwrap();
        let servers: Vec<String> = (0..16).map(|number| format!("ns.{last}{number}.")).collect();
        let servers: Vec<(&str, Option<u8>)> = servers.iter().map(|server| (server.as_str(), None)).collect();
        refer(asked, &format!("{last}."), &servers)
    };
    let crowd: Script = |asked| {
        let servers: Vec<String> = (0..16).map(|number| format!("ns{number}.a.")).collect();
        let servers: Vec<(&str, Option<u8>)> = servers
            .iter()
            .enumerate()
            .map(|(index, server)| (server.as_str(), Some(100 + index as u8)))
            .collect();
        refer(asked, "a.", &servers)
    };
    let long = ["x"; 100].join(".");
    for (script, host, at_least, why) in [
        (deeper, format!("{long}.a."), 60, "referrals that go on for ever"),
        (circle, "mx.a.".to_owned(), 2, "two zones whose servers lie in each other"),
        (tree, "mx.a.".to_owned(), 60, "servers behind servers"),
        (crowd, "mx.a.".to_owned(), 1, "servers that nobody listens at"),
    ] {
        let servers = Scripted::start_many(1, move |_, asked| script(asked)).await;
        let error = ask(&recursion(&servers, PATIENCE), &host, RecordType::A).await.unwrap_err();
        let messages = servers[0].asked().len();
        assert!(messages >= at_least, "{why}: {messages} messages, {error}");
        assert!(messages <= usize::from(MAX_MESSAGES), "{why}: {messages} messages");
        assert_eq!(error.error, FetchError::Unreachable, "{why}: {error}");
    }
}

#[tokio::test]
async fn what_a_name_server_says_of_its_error_is_kept() {
    let servers = Scripted::start_many(1, |_, asked| {
        let mut message = asked.rcode(ResponseCode::Refused);
        let prohibited = EdnsOption::Unknown(15, vec![0, 18]);
        message.edns.get_or_insert_with(Edns::new).options_mut().insert(prohibited);
        vec![message.into()]
    })
    .await;
    let error = ask(&recursion(&servers, PATIENCE), "mx.example.", RecordType::A).await.unwrap_err();
    assert_eq!(error.error, FetchError::Rcode(ResponseCode::Refused));
    assert!(
        error.detail.as_ref().is_some_and(|detail| detail.contains("Prohibited (18)")),
        "RFC 8914: {error}"
    );
}

/// Whoever serves a name server's name chooses how many addresses it has, and for how long they are remembered.
#[tokio::test]
async fn the_addresses_of_a_name_server_are_bounded() {
    let servers = Scripted::start_many(1, |_, asked| match below(asked, "test.") {
        false => refer(asked, "example.", &[("ns.test.", None)]),
        true => {
            // Nobody listens there.
            let address = |number| RData::A(A(Ipv4Addr::new(127, 0, 1, number)));
            let record = |number| Record::from_rdata(asked.name().clone(), 300, address(number));
            let mut message = asked.response();
            message.answers = (0..20).map(record).collect();
            authoritative(message)
        }
    })
    .await;
    let recursion = recursion(&servers, PATIENCE);
    ask(&recursion, "mx.example.", RecordType::A).await.unwrap_err();
    let known = lock(&recursion.hosts).get(&name("ns.test."), Instant::now()).unwrap();
    assert_eq!(known.len(), MAX_GLUE, "of the twenty that came to each of two questions");
}

#[tokio::test]
async fn the_same_question_is_asked_once() {
    let servers = Scripted::start_many(1, answer_as_root).await;
    let recursion = recursion(&servers, PATIENCE);
    let (first, second) =
        join(ask(&recursion, "mx.example.", RecordType::A), ask(&recursion, "MX.example.", RecordType::A))
            .await;
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(servers[0].asked().len(), 1);
}

fn answer_as_root(server: u8, asked: &Asked) -> Vec<Reply> {
    answer(asked, server)
}
