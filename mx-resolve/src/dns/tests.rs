use std::sync::atomic::{AtomicBool, Ordering};

use dnssec::{LocalPolicy, TrustAnchors};
use futures_util::poll;
use hickory_proto::op::ResponseCode;

use super::*;
use crate::{
    scripted::{Asked, Reply, Scripted},
    transport::Transport,
    upstream::Upstream,
    validator::Validator,
};

/// Everything outside `signed.` is insecure, so that answers need no signatures.
const ANCHOR: &str = "signed. IN DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000";

const HOUR: Duration = Duration::from_secs(3600);
pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) fn dns(server: &Scripted) -> Arc<Dns> {
    dns_with(server, 20 * SECOND)
}

pub(super) fn dns_with(server: &Scripted, patience: Duration) -> Arc<Dns> {
    let transport = Transport::new(vec![Upstream::Plain(server.address)], patience, false, None).unwrap();
    let policy = LocalPolicy::new(TrustAnchors::parse(ANCHOR).unwrap());
    Arc::new(Dns::new(Validator::new(transport, policy)))
}

pub(super) fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

pub(super) async fn ask(dns: &Arc<Dns>, host: &str) -> Judged {
    dns.ask(&name(host), RecordType::A).await
}

/// So many addresses, which takes TCP. Written here because hickory-proto compresses names no further than it must.
pub(super) fn addresses(asked: &Asked, number: u16) -> Reply {
    let mut message = asked.response();
    message.metadata.truncation = !asked.tcp;
    let mut octets = message.to_vec().unwrap();
    if asked.tcp {
        octets[6..8].copy_from_slice(&number.to_be_bytes());
        for number in 0..number {
            // The owner is the name of the question, the type A, the class IN, the TTL a minute, the length 4.
            octets.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0");
            octets.extend(number.to_be_bytes());
        }
    }
    Reply::Genuine(octets)
}

/// Lets the time pass at once. In between the clock runs, or the waits of the network would end at once too.
pub(super) async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn d71_26_d66_17_a_verdict_is_kept_for_its_lifetime() {
    const MINUTE: u32 = 60;
    const DAY: u32 = 86_400;
    for (ttl, kept, why) in [
        (MINUTE, 60 * SECOND, "its TTL"),
        (DAY, 24 * HOUR, "a day"),
        (7 * DAY, 24 * HOUR, "no longer than a day"),
        (u32::MAX >> 1, 24 * HOUR, "the longest TTL (RFC 2181 8)"),
        (1 << 31, Duration::ZERO, "the highest bit makes it zero (RFC 2181 8)"),
        (u32::MAX, Duration::ZERO, "with all the others, too"),
        (0, Duration::ZERO, "not at all"),
    ] {
        let server = Scripted::start(move |asked| vec![asked.address(1, ttl).into()]).await;
        let dns = dns(&server);
        let verdict = ask(&dns, "mx.example.").await.unwrap();
        let lifetime = if ttl > u32::MAX >> 1 { 0 } else { ttl };
        assert_eq!((verdict.status, verdict.ttl), (dnssec::Status::Insecure, lifetime), "{why}");
        if let Some(before_the_end) = kept.checked_sub(10 * SECOND) {
            pass(before_the_end).await;
            ask(&dns, "MX.example.").await.unwrap();
            assert_eq!(server.asked().len(), 1, "{why}: it is still known");
            pass(10 * SECOND).await;
        }
        ask(&dns, "mx.example.").await.unwrap();
        assert_eq!(server.asked().len(), 2, "{why}: it has ended");
    }
}

/// RFC 4035 §5.3.3: what a verdict rests on ends when it ends, also where the answer was long in coming.
#[tokio::test]
async fn the_lifetime_of_a_verdict_begins_with_the_question() {
    let server = Scripted::start(|asked| vec![asked.address(1, 15).into()]).await;
    let dns = dns(&server);
    let mut waiting = Box::pin(ask(&dns, "mx.example."));
    assert!(poll!(&mut waiting).is_pending());
    pass(10 * SECOND).await;
    let verdict = waiting.await.unwrap();
    assert!(Arc::ptr_eq(&verdict, &ask(&dns, "mx.example.").await.unwrap()), "it is still known");
    pass(6 * SECOND).await;
    assert!(!Arc::ptr_eq(&verdict, &ask(&dns, "mx.example.").await.unwrap()), "it has ended");
}

/// Each answer may have as many records as fit into 64 kilobytes.
#[tokio::test]
async fn what_fills_the_memory_is_not_kept() {
    for (records, kept, why) in [(150, true, "a set of 150 records"), (900, false, "as many as one may send")]
    {
        let server = Scripted::start(move |asked| vec![addresses(asked, records)]).await;
        let dns = dns(&server);
        for _ in 0..2 {
            ask(&dns, "mx.example.").await.unwrap();
        }
        let over_tcp = server.asked().iter().filter(|asked| asked.tcp).count();
        assert_eq!(over_tcp, if kept { 1 } else { 2 }, "{why}");
    }
}

#[tokio::test]
async fn a_verdict_is_kept_by_name_and_type() {
    let server = Scripted::start(|asked| vec![asked.address(1, 3600).into()]).await;
    let dns = dns(&server);
    for (host, record_type, why) in [
        ("mx.example.", RecordType::A, "the first"),
        ("mx.example.", RecordType::AAAA, "another type"),
        ("mx2.example.", RecordType::A, "another name"),
    ] {
        dns.ask(&name(host), record_type).await.unwrap();
        assert_eq!(server.count(host, record_type), 1, "{why}");
    }
    ask(&dns, "mx.example.").await.unwrap();
    assert_eq!(server.asked().len(), 3);
}

/// RFC 9520 §3.2: for a second at least and five minutes at the most, without any question.
#[tokio::test]
async fn a_failure_is_remembered_for_seconds() {
    use LookupErrorKind::{Bogus, Budget, Malformed, ServerFailure, Timeout};
    type Script = fn(&Asked) -> Vec<Reply>;
    let cases: [(&str, LookupErrorKind, Script); 6] = [
        ("mx.example.", ServerFailure, |asked| vec![asked.rcode(ResponseCode::ServFail).into()]),
        ("mx.example.", ServerFailure, |asked| vec![asked.rcode(ResponseCode::Refused).into()]),
        ("mx.example.", Malformed, |asked| {
            let mut octets = asked.address(1, 60).to_vec().unwrap();
            octets.pop();
            vec![Reply::Genuine(octets)]
        }),
        ("mx.example.", Budget, |asked| vec![addresses(asked, 4001)]),
        ("mx.signed.", Bogus, |asked| vec![asked.address(1, 60).into()]),
        ("mx.example.", Timeout, |_| vec![]),
    ];
    for (host, kind, fault) in cases {
        let mended = Arc::new(AtomicBool::new(false));
        let server = Scripted::start({
            let mended = Arc::clone(&mended);
            move |asked| match mended.load(Ordering::Relaxed) {
                true => vec![asked.address(1, 60).into()],
                false => fault(asked),
            }
        })
        .await;
        let patience = if kind == Timeout { SECOND } else { 20 * SECOND };
        let dns = dns_with(&server, patience);
        let failed = ask(&dns, host).await.unwrap_err();
        assert_eq!(failed.kind, kind);
        let asked = server.asked().len();
        mended.store(true, Ordering::Relaxed);
        pass(4 * SECOND).await;
        let again = ask(&dns, &host.to_uppercase()).await.unwrap_err();
        assert!(Arc::ptr_eq(&failed, &again), "{kind:?}: it is still known");
        assert_eq!(server.asked().len(), asked, "{kind:?}: nobody is asked");
        pass(SECOND).await;
        let after = ask(&dns, host).await;
        assert!(server.asked().len() > asked, "{kind:?}: it is asked again");
        assert_eq!(after.is_ok(), kind != Bogus, "{kind:?}: what is mended counts");
    }
}

#[tokio::test]
async fn who_asks_the_same_shares_the_verdict() {
    let server = Scripted::start(|asked| vec![asked.address(1, 0).into()]).await;
    let dns = dns(&server);
    let (one, two) = tokio::join!(ask(&dns, "mx.example."), ask(&dns, "MX.EXAMPLE."));
    assert!(Arc::ptr_eq(&one.unwrap(), &two.unwrap()));
    assert_eq!(server.asked().len(), 1);
    ask(&dns, "mx.example.").await.unwrap();
    assert_eq!(server.asked().len(), 2, "a TTL of 0 holds for those who were waiting");
}

#[tokio::test]
async fn a_failure_is_shared_too() {
    let server = Scripted::start(|asked| vec![asked.rcode(ResponseCode::Refused).into()]).await;
    let dns = dns(&server);
    let (one, two) = tokio::join!(ask(&dns, "mx.example."), ask(&dns, "mx.example."));
    for failed in [one, two] {
        assert_eq!(failed.unwrap_err().kind, LookupErrorKind::ServerFailure);
    }
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn whoever_asked_first_may_leave() {
    let server = Scripted::start(|asked| vec![asked.address(1, 60).into()]).await;
    let dns = dns(&server);
    let mut first = Box::pin(ask(&dns, "mx.example."));
    let mut second = Box::pin(ask(&dns, "mx.example."));
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
    drop(first);
    assert!(second.await.is_ok());
    assert_eq!(server.asked().len(), 1, "the question that was under way is answered");
}

/// Different questions need the same records above them.
#[tokio::test]
async fn the_keys_of_a_zone_are_asked_for_once() {
    let server = Scripted::start(|asked| match asked.record_type() == RecordType::A {
        true => vec![asked.address(1, 60).into()],
        false => vec![asked.response().into()],
    })
    .await;
    let dns = dns(&server);
    let (a, b, c) = tokio::join!(ask(&dns, "a.signed."), ask(&dns, "b.signed."), ask(&dns, "c.sub.signed."));
    for verdict in [a, b, c] {
        assert_eq!(verdict.unwrap_err().kind, LookupErrorKind::Bogus, "nothing here is signed");
    }
    for host in ["a.signed.", "b.signed.", "c.sub.signed."] {
        assert_eq!(server.count(host, RecordType::A), 1, "{host}");
    }
    assert_eq!(server.count("signed.", RecordType::DNSKEY), 1);
}
