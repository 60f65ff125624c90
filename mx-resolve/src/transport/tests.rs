use std::{collections::HashSet, net::Ipv4Addr};

use hickory_proto::{
    op::{MessageType, Query},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, MX, NS, NULL},
    },
};
use tokio::net::UdpSocket;

use super::*;
use crate::scripted::{Asked, Reply, Scripted};

/// For questions that are to be answered.
const PATIENCE: Duration = Duration::from_secs(20);
/// For questions that are not, or late.
const IMPATIENCE: Duration = Duration::from_millis(1500);

fn question() -> Question {
    Question::new(name("mx.example."), RecordType::A)
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn transport(servers: &[SocketAddr], timeout: Duration, mixed_case: bool) -> Arc<Transport> {
    let upstreams = servers.iter().copied().map(Upstream::Plain).collect();
    Arc::new(Transport::new(upstreams, timeout, mixed_case, None).unwrap())
}

/// What one server is asked and answers.
async fn ask(server: &Scripted, timeout: Duration) -> Result<Message, FetchError> {
    transport(&[server.address], timeout, false)
        .ask(&question(), 0)
        .await
        .map_err(|unanswered| unanswered.error)
}

/// The last octet of the address that is the answer.
fn address(answer: &Message) -> u8 {
    match answer.answers.as_slice() {
        [Record { data: RData::A(A(address)), .. }] => address.octets()[3],
        other => panic!("{other:?}"),
    }
}

/// What a server does with DNSSEC is told from silence and faults by a plain question at the same time.
#[tokio::test]
async fn lacking_dnssec_is_neither_silence_nor_a_fault() {
    use ResponseCode::{FormErr, NXDomain, NoError, ServFail};
    for (plain, with_do, signed, expected, why) in [
        (Some(NXDomain), None, false, true, "what has DO is dropped on the way"),
        (Some(NoError), Some(FormErr), false, true, "EDNS is not understood"),
        (Some(NXDomain), Some(NXDomain), false, true, "signatures are lost"),
        (Some(NXDomain), Some(NXDomain), true, false, "it carries DNSSEC"),
        (Some(ServFail), Some(ServFail), false, false, "it is cut off from what it asks"),
        (None, None, false, false, "silence"),
        (None, Some(NXDomain), false, false, "what nobody should do"),
    ] {
        let server = Scripted::start(move |asked| {
            let is_plain = asked.message.edns.is_none();
            let Some(code) = (if is_plain { plain } else { with_do }) else { return vec![] };
            let mut message = asked.rcode(code);
            if !is_plain && signed {
                // Of type SOA, algorithm 13; the signature is no good, and nobody looks.
                let rdata = [[0, 6, 13, 0].as_slice(), &[0; 15], &[1; 64]].concat();
                let data = RData::Unknown { code: RecordType::RRSIG, rdata: NULL::with(rdata) };
                message.authorities.push(Record::from_rdata(Name::root(), 60, data));
            }
            vec![message.into()]
        })
        .await;
        let transport = transport(&[server.address], IMPATIENCE, false);
        assert_eq!(transport.lacks_dnssec(&question()).await, expected, "{why}");
        assert!(server.asked().iter().any(|asked| asked.message.edns.is_none()), "{why}");
    }
}

#[tokio::test]
async fn a_lost_datagram_does_not_cost_the_server() {
    for lost in 0..=3 {
        let server = Scripted::start(move |asked| match asked.number > lost {
            true => vec![asked.address(1, 60).into()],
            false => vec![],
        })
        .await;
        let answer = ask(&server, IMPATIENCE).await.unwrap();
        assert_eq!(address(&answer), 1, "{lost} lost");
        let asked = server.asked();
        assert!(asked.len() > lost, "{lost} lost: {asked:?}");
        // RFC 5452 9.2: whoever guesses one has not guessed the next.
        let ports: HashSet<u16> = asked.iter().map(|asked| asked.from.port()).collect();
        let ids: HashSet<u16> = asked.iter().map(|asked| asked.message.metadata.id).collect();
        assert_eq!(ports.len(), asked.len(), "{lost} lost: each has a port of its own");
        assert!(
            lost < 2 || ids.len() > 1,
            "{lost} lost: each has an id of its own, though two may be the same by chance"
        );
    }
}

#[tokio::test]
async fn a_silent_server_is_asked_four_times() {
    let server = Scripted::start(|_| vec![]).await;
    assert_eq!(ask(&server, IMPATIENCE).await, Err(FetchError::Timeout));
    assert_eq!(server.asked().len(), 4);
}

/// An upstream that looks far answers the first question when others have been sent.
#[tokio::test]
async fn a_late_answer_counts() {
    let first = std::sync::Mutex::new(None);
    let server = Scripted::start(move |asked| {
        let mut first = first.lock().unwrap();
        let Some(late) = &*first else {
            *first = Some(asked.clone());
            return vec![];
        };
        // Sent to the port of the first question: the server's own reply would go to that of the second.
        let octets = late.address(1, 60).to_vec().unwrap();
        vec![Reply::Late { to: late.from, octets }]
    })
    .await;
    assert_eq!(address(&ask(&server, IMPATIENCE).await.unwrap()), 1);
}

fn changed(asked: &Asked, change: impl FnOnce(&mut Message)) -> Vec<u8> {
    // What a forger would want to be believed.
    let mut message = asked.address(66, 60);
    change(&mut message);
    message.to_vec().unwrap()
}

type Forgery = fn(&Asked) -> Reply;

/// RFC 5452 §9.1: what does not match is not the answer.
const FORGERIES: [(Forgery, &str); 9] = [
    (|asked| Reply::Genuine(changed(asked, |message| message.metadata.id ^= 1)), "another id"),
    (|asked| Reply::Stranger(changed(asked, |_| {})), "another port"),
    (
        |asked| {
            Reply::Genuine(changed(asked, |message| {
                message.queries = vec![Query::query(name("other.example."), RecordType::A)];
            }))
        },
        "another name",
    ),
    (
        |asked| {
            Reply::Genuine(changed(asked, |message| {
                message.queries = vec![Query::query(name("mx.example."), RecordType::AAAA)];
            }))
        },
        "another type",
    ),
    (|asked| Reply::Genuine(changed(asked, |message| message.queries.clear())), "no question"),
    (
        |asked| Reply::Genuine(changed(asked, |message| message.metadata.message_type = MessageType::Query)),
        "no response",
    ),
    (
        |asked| {
            let mut octets = changed(asked, |message| message.metadata.id ^= 1);
            octets.truncate(20);
            Reply::Genuine(octets)
        },
        "no message",
    ),
    (|asked| Reply::Genuine(asked.message.metadata.id.to_be_bytes().to_vec()), "an id alone"),
    (|_| Reply::Genuine(vec![]), "nothing"),
];

#[tokio::test]
async fn a_forged_datagram_is_ignored() {
    for (forged, why) in FORGERIES {
        // Only the first question is answered: later ones would hide that the forgery had ended it.
        let server = Scripted::start(move |asked| match asked.number {
            1 => vec![forged(asked), asked.address(1, 60).into()],
            _ => vec![],
        })
        .await;
        let answer = ask(&server, PATIENCE).await;
        assert_eq!(answer.as_ref().map(address), Ok(1), "{why}");

        let server = Scripted::start(move |asked| vec![forged(asked)]).await;
        assert_eq!(
            ask(&server, Duration::from_millis(150)).await,
            Err(FetchError::Timeout),
            "{why}: it is as if nothing had come"
        );
    }
}

/// Nobody waits for a resolver that has said no. That it repeats no question is as good as its word: unbound's refusals do not.
#[tokio::test]
async fn an_error_needs_no_question() {
    for code in [ResponseCode::Refused, ResponseCode::FormErr, ResponseCode::ServFail] {
        let server = Scripted::start(move |asked| {
            let mut message = asked.rcode(code);
            message.queries.clear();
            vec![message.into()]
        })
        .await;
        assert_eq!(ask(&server, PATIENCE).await, Err(FetchError::Rcode(code)));
        assert_eq!(server.asked().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_malformed() {
    let server = Scripted::start(|asked| {
        let mut octets = asked.address(1, 60).to_vec().unwrap();
        octets.pop();
        vec![Reply::Genuine(octets)]
    })
    .await;
    assert_eq!(ask(&server, PATIENCE).await, Err(FetchError::Malformed));
}

/// RFC 7766 §5. Nobody but the server can write to the connection, so what does not fit is its fault.
#[tokio::test]
async fn d71_22_a_truncated_answer_is_asked_for_over_tcp() {
    let whole: Forgery = |asked| asked.address(1, 60).into();
    let truncated: Forgery = |asked| {
        Reply::Genuine(changed(asked, |message| {
            message.answers.clear();
            message.metadata.truncation = true;
        }))
    };
    let of_a_query: Forgery = |asked| Reply::Genuine(asked.message.to_vec().unwrap());
    let garbage: Forgery = |_| Reply::Genuine(vec![0xff; 40]);
    for (over_tcp, expected, why) in [
        (Some(whole), Ok(1), "the whole answer"),
        (Some(truncated), Err(FetchError::Truncated), "truncated again"),
        (Some(FORGERIES[0].0), Err(FetchError::Malformed), FORGERIES[0].1),
        (Some(FORGERIES[2].0), Err(FetchError::Malformed), FORGERIES[2].1),
        (Some(FORGERIES[3].0), Err(FetchError::Malformed), FORGERIES[3].1),
        (Some(FORGERIES[4].0), Err(FetchError::Malformed), FORGERIES[4].1),
        (Some(of_a_query), Err(FetchError::Malformed), "the question back"),
        (Some(garbage), Err(FetchError::Malformed), "no message"),
        (None, Err(FetchError::Malformed), "the end of the connection"),
    ] {
        let server = Scripted::start(move |asked| match asked.tcp {
            true => over_tcp.map(|reply| reply(asked)).into_iter().collect(),
            false => vec![truncated(asked)],
        })
        .await;
        let answer = ask(&server, PATIENCE).await;
        assert_eq!(answer.as_ref().map(address).map_err(|error| *error), expected, "{why}");
        assert_eq!(server.asked().iter().filter(|asked| asked.tcp).count(), 1, "{why}");
    }
}

#[tokio::test]
async fn the_next_server_is_asked() {
    let rcode = |code| move |asked: &Asked| vec![asked.rcode(code).into()];
    let garbage = |asked: &Asked| {
        let mut octets = asked.address(66, 60).to_vec().unwrap();
        octets.pop();
        vec![Reply::Genuine(octets)]
    };
    let referral = |asked: &Asked| {
        let mut message = asked.response();
        let server = RData::NS(NS(name("ns.test.")));
        message.authorities.push(Record::from_rdata(name("."), 60, server));
        vec![message.into()]
    };
    for (first, next, why) in [
        (Scripted::start(rcode(ResponseCode::ServFail)).await, true, "SERVFAIL"),
        (Scripted::start(referral).await, true, "RFC 2308 2.2: a referral, which denies nothing"),
        (Scripted::start(rcode(ResponseCode::Refused)).await, true, "REFUSED"),
        (Scripted::start(rcode(ResponseCode::FormErr)).await, true, "FORMERR"),
        (Scripted::start(garbage).await, true, "an answer that cannot be read"),
        (Scripted::start(|_| vec![]).await, true, "silence"),
        (Scripted::start(rcode(ResponseCode::NXDomain)).await, false, "NXDOMAIN is an answer"),
        (Scripted::start(rcode(ResponseCode::NoError)).await, false, "and so is NOERROR"),
    ] {
        let second = Scripted::start(|asked| vec![asked.address(2, 60).into()]).await;
        let both = transport(&[first.address, second.address], IMPATIENCE, false);
        let answer = both.ask(&question(), 0).await.unwrap();
        assert!(!first.asked().is_empty(), "{why}");
        assert_eq!(!second.asked().is_empty(), next, "{why}");
        assert_eq!(answer.answers.len(), usize::from(next), "{why}");
    }
}

#[tokio::test]
async fn with_no_answer_the_last_servers_error_counts() {
    let refused = Scripted::start(|asked| vec![asked.rcode(ResponseCode::Refused).into()]).await;
    let silent = Scripted::start(|_| vec![]).await;
    let (refused, silent) = (refused.address, silent.address);
    for (servers, expected) in [
        ([refused, silent], FetchError::Timeout),
        ([silent, refused], FetchError::Rcode(ResponseCode::Refused)),
    ] {
        let unanswered = transport(&servers, Duration::from_millis(150), false).ask(&question(), 0).await;
        assert_eq!(unanswered.unwrap_err().error, expected);
    }
}

/// The system says so; nothing is waited for.
#[tokio::test]
async fn a_server_that_is_not_there_is_noticed() {
    let nobody = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
    let unanswered =
        transport(&[nobody], Duration::from_secs(3600), false).ask(&question(), 0).await.unwrap_err();
    assert_eq!(unanswered.error, FetchError::Unreachable);
    let shown = unanswered.to_string();
    assert!(shown.contains(&nobody.to_string()) && shown.contains("refused"), "{shown}");
}

#[tokio::test]
async fn the_same_question_is_asked_once() {
    let server = Scripted::start(|asked| vec![asked.address(1, 60).into()]).await;
    let transport = transport(&[server.address], PATIENCE, false);
    let capitals = Question::new(name("MX.example."), RecordType::A);
    let other = Question::new(name("mx.example."), RecordType::AAAA);
    let asked = (question(), capitals, other);
    let (one, two, three) =
        tokio::join!(transport.ask(&asked.0, 0), transport.ask(&asked.1, 0), transport.ask(&asked.2, 0));
    assert_eq!((address(&one.unwrap()), address(&two.unwrap())), (1, 1));
    three.unwrap();
    assert_eq!(server.count("mx.example.", RecordType::A), 1, "RFC 4343: names have no case");
    assert_eq!(server.count("mx.example.", RecordType::AAAA), 1, "another question");
}

/// draft-vixie-dnsext-dns0x20.
mod mixed_case {
    use super::*;

    async fn ask(server: &Scripted, timeout: Duration, mixed_case: bool) -> Result<Message, FetchError> {
        let transport = transport(&[server.address], timeout, mixed_case);
        transport.ask(&question(), 0).await.map_err(|unanswered| unanswered.error)
    }

    fn in_small_letters(asked: &Asked) -> Reply {
        Reply::Genuine(changed(asked, |message| {
            message.queries = vec![Query::query(name("mx.example."), RecordType::A)];
        }))
    }

    #[tokio::test]
    async fn it_is_asked_for_by_option() {
        for (option, why) in [(false, "as it stands"), (true, "by chance, so that it varies")] {
            let server = Scripted::start(|_| vec![]).await;
            for _ in 0..8 {
                let silence = ask(&server, Duration::from_millis(30), option).await;
                assert_eq!(silence, Err(FetchError::Timeout));
            }
            let names: HashSet<String> = server.asked().iter().map(|asked| asked.name().to_ascii()).collect();
            assert!(names.iter().all(|name| name.eq_ignore_ascii_case("mx.example.")), "{names:?}");
            assert_eq!(names.len() > 1, option, "{why}: {names:?}");
        }
    }

    #[tokio::test]
    async fn an_answer_in_other_letters_is_ignored() {
        let forger_first = |asked: &Asked| match asked.number {
            // 2^-9 of all questions happen to be in small letters: those the forger gets right.
            1 if asked.name().to_ascii() == "mx.example." => vec![asked.address(1, 60).into()],
            1 => vec![in_small_letters(asked), asked.address(1, 60).into()],
            _ => vec![],
        };
        let server = Scripted::start(forger_first).await;
        assert_eq!(address(&ask(&server, PATIENCE, true).await.unwrap()), 1);

        let server = Scripted::start(|asked| vec![in_small_letters(asked)]).await;
        let answer = ask(&server, PATIENCE, false).await.unwrap();
        assert_eq!(address(&answer), 66, "without the option case does not count (RFC 4343)");
    }

    #[tokio::test]
    async fn the_answers_names_are_in_the_letters_of_the_question() {
        let server = Scripted::start(|asked| {
            let mut message = asked.response();
            let exchange = name("mail").append_domain(asked.name()).unwrap();
            message.add_answer(Record::from_rdata(
                asked.name().clone(),
                60,
                RData::MX(MX::new(10, exchange)),
            ));
            vec![message.into()]
        })
        .await;
        for _ in 0..8 {
            let answer = ask(&server, PATIENCE, true).await.unwrap();
            let shown = (answer.queries[0].name().to_ascii(), answer.answers[0].to_string());
            assert_eq!(shown.0, "mx.example.");
            assert!(
                shown.1.starts_with("mx.example. ") && shown.1.ends_with("10 mail.mx.example."),
                "{shown:?}"
            );
        }
    }

    #[tokio::test]
    async fn over_tcp_there_is_nobody_to_guess() {
        let server = Scripted::start(|asked| match asked.tcp {
            true => vec![in_small_letters(asked)],
            false => {
                let mut message = asked.response();
                message.metadata.truncation = true;
                vec![message.into()]
            }
        })
        .await;
        assert_eq!(address(&ask(&server, PATIENCE, true).await.unwrap()), 66);
    }
}
