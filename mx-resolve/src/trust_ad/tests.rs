use hickory_proto::{
    op::Edns,
    rr::rdata::{CNAME, NS, SOA, opt::EdnsOption},
};
use mxtls_policy::LookupErrorKind::{AliasLoop, Bogus, Indeterminate, Malformed, ServerFailure};

use super::*;
use crate::{
    scripted::{Asked, Reply, Scripted},
    upstream::Upstream,
};

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn trust_ad(server: &Scripted) -> TrustAd {
    trust_ad_of([server])
}

fn trust_ad_of<const N: usize>(servers: [&Scripted; N]) -> TrustAd {
    let transport = |server: &Scripted| {
        let patience = Duration::from_secs(20);
        Transport::new(vec![Upstream::Plain(server.address)], patience, false, None).unwrap()
    };
    TrustAd::new(servers.map(|server| [transport(server), transport(server)]), Name::root())
}

/// A resolver that answers with the records in each row whose question is asked: name, type, AD, what.
async fn resolver(script: impl Fn(&str, RecordType, &mut Message) + Send + Sync + 'static) -> Scripted {
    Scripted::start(move |asked: &Asked| {
        let mut message = asked.response();
        if asked.name().is_root() {
            message.metadata.authentic_data = true;
            message.answers.push(soa("."));
        } else {
            script(&asked.name().to_ascii().to_ascii_lowercase(), asked.record_type(), &mut message);
        }
        vec![Reply::from(message)]
    })
    .await
}

fn soa(owner: &str) -> Record {
    Record::from_rdata(name(owner), 900, RData::SOA(SOA::new(name("a."), name("b."), 1, 1, 1, 1, 60)))
}

fn cname(owner: &str, target: &str) -> Record {
    Record::from_rdata(name(owner), 120, RData::CNAME(CNAME(name(target))))
}

fn a(owner: &str) -> Record {
    Record::from_rdata(name(owner), 300, RData::A(hickory_proto::rr::rdata::A::new(192, 0, 2, 1)))
}

/// The same with the least TTL that has the highest bit set.
fn endless(mut record: Record) -> Record {
    record.ttl = 1 << 31;
    record
}

async fn ask(server: &Scripted, host: &str, record_type: RecordType) -> Judged {
    trust_ad(server).judge(Question::new(name(host), record_type)).await
}

/// Status, outcome in a word, target and status of each alias, lifetime.
fn shown(judged: &Judged) -> Result<String, LookupErrorKind> {
    let verdict = judged.as_ref().map_err(|none| none.kind)?;
    let outcome = match &verdict.outcome {
        Outcome::Records(records) => format!("{} records", records.len()),
        Outcome::NoData => "no data".to_owned(),
        Outcome::NxDomain => "no name".to_owned(),
    };
    let chain: Vec<String> =
        verdict.chain.iter().map(|hop| format!(" {} {} {}", hop.kind, hop.target, hop.status)).collect();
    Ok(format!("{} {outcome} {}{}", verdict.status, verdict.ttl, chain.concat()))
}

#[tokio::test]
async fn answers_and_what_they_are_worth() {
    const MX: &str = "mx.example.";
    type Script = fn(&str, RecordType, &mut Message);
    let rows: [(Script, Result<&str, LookupErrorKind>, &str); 20] = [
        (
            |_, _, m| m.metadata.response_code = ResponseCode::ServFail,
            Err(ServerFailure),
            "a fault of a server",
        ),
        (|_, _, _| {}, Err(Malformed), "RFC 2308 2.2: nothing at all"),
        (
            |_, _, m| m.authorities.push(Record::from_rdata(name("example."), 1, RData::NS(NS(name("a."))))),
            Err(Malformed),
            "a referral denies nothing",
        ),
        (
            |_, _, m| m.metadata.response_code = ResponseCode::NXDomain,
            Err(Malformed),
            "nor does a code alone",
        ),
        (|_, _, m| m.authorities.push(soa("test.")), Err(Malformed), "nor the SOA of another zone"),
        (|_, _, m| m.answers.push(a("other.example.")), Err(Malformed), "records of another name"),
        (
            |_, _, m| m.answers.extend([cname(MX, "a.test."), cname(MX, "b.test.")]),
            Err(Malformed),
            "two aliases",
        ),
        (
            |_, _, m| m.answers.extend([a(MX), a(MX)]),
            Ok("insecure 1 records 300"),
            "no AD; the same record twice",
        ),
        (
            |_, _, m| {
                m.metadata.authentic_data = true;
                m.answers.push(a(MX));
            },
            Ok("secure 1 records 300"),
            "AD",
        ),
        (
            |_, _, m| {
                m.metadata.authentic_data = true;
                m.authorities.push(soa("example."));
            },
            Ok("secure no data 60"),
            "RFC 2308 5: kept for the lesser of TTL and minimum",
        ),
        (
            |_, _, m| {
                m.metadata.response_code = ResponseCode::NXDomain;
                m.authorities.push(soa("example."));
            },
            Ok("insecure no name 60"),
            "a denial without AD",
        ),
        (
            |_, _, m| m.answers.push(endless(a(MX))),
            Ok("insecure 1 records 0"),
            "RFC 2181 8: a TTL with the highest bit is zero",
        ),
        (
            |_, _, m| m.answers.extend([endless(cname(MX, "a.test.")), a("a.test.")]),
            Ok("insecure 1 records 0 CNAME a.test. insecure"),
            "an alias' too",
        ),
        (|_, _, m| m.authorities.push(endless(soa("example."))), Ok("insecure no data 0"), "and a denial's"),
        (
            |_, _, m| {
                m.metadata.authentic_data = true;
                m.answers.extend([cname(MX, "a.test."), a("a.test.")]);
            },
            Ok("secure 1 records 120 CNAME a.test. secure"),
            "the bit covers the whole answer",
        ),
        (
            |asked, rtype, m| {
                m.metadata.authentic_data = rtype == RecordType::CNAME && asked == MX;
                m.answers.push(cname(MX, "a.test."));
                if rtype == RecordType::A {
                    m.answers.push(a("a.test."));
                }
            },
            Ok("insecure 1 records 120 CNAME a.test. secure"),
            "RFC 7672 2.1.3: a secure alias of an insecure name",
        ),
        (
            |asked, _, m| match asked {
                MX => m.answers.push(cname(MX, "a.test.")),
                _ => {
                    m.metadata.authentic_data = true;
                    m.answers.push(a("a.test."));
                }
            },
            Ok("insecure 1 records 120 CNAME a.test. insecure"),
            "a split answer: what is behind an insecure alias is insecure",
        ),
        (
            |asked, rtype, m| match (asked, rtype) {
                (MX, RecordType::A) => m.answers.push(cname(MX, "a.test.")),
                (MX, _) => m.answers.push(cname(MX, "b.test.")),
                _ => m.answers.push(a("a.test.")),
            },
            Err(Malformed),
            "an alias that changes between two questions",
        ),
        (
            |asked, _, m| match asked {
                MX => m.answers.push(cname(MX, "a.test.")),
                _ => m.answers.push(cname("a.test.", MX)),
            },
            Err(AliasLoop),
            "a loop over several answers",
        ),
        (
            |asked, rtype, m| {
                m.metadata.authentic_data = true;
                if rtype != RecordType::CNAME {
                    m.answers.push(cname(asked, &format!("x.{asked}")));
                }
            },
            Err(AliasLoop),
            "a chain without an end",
        ),
    ];
    for (script, expected, why) in rows {
        let server = resolver(script).await;
        let judged = ask(&server, MX, RecordType::A).await;
        assert_eq!(shown(&judged), expected.map(str::to_owned), "{why}: {judged:?}");
        assert!(server.asked().len() < 20, "{why}");
    }
}

/// RFC 6672 §3.1: the CNAME that a DNAME makes comes along. Its status is the DNAME's.
#[tokio::test]
async fn a_dname_is_followed_by_its_cname() {
    for (secure, expected, why) in [
        (true, "secure 1 records 120 DNAME mx.test. secure", "all of it"),
        (false, "insecure 1 records 120 DNAME mx.test. secure", "a secure DNAME to an insecure name"),
    ] {
        let server = resolver(move |asked, rtype, m| {
            let target = hickory_proto::rr::rdata::NULL::with(b"\x04test\0".to_vec());
            let dname = RData::Unknown { code: RecordType::DNAME, rdata: target };
            m.answers.push(Record::from_rdata(name("example."), 90, dname));
            m.metadata.authentic_data = secure || rtype == RecordType::DNAME;
            match rtype == RecordType::A {
                true => m.answers.extend([cname(asked, "mx.test."), a("mx.test.")]),
                // As unbound 1.17 does.
                false if rtype == RecordType::CNAME => m.metadata.response_code = ResponseCode::ServFail,
                false => {}
            }
        })
        .await;
        let judged = ask(&server, "mx.example.", RecordType::A).await;
        assert_eq!(shown(&judged).as_deref(), Ok(expected), "{why}: {judged:?}");
        assert_eq!(server.count("example.", RecordType::DNAME), usize::from(!secure), "{why}");
    }
}

/// An alias by itself is data.
#[tokio::test]
async fn a_question_for_the_alias_gets_it() {
    let server = resolver(|_, _, m| m.answers.push(cname("mx.example.", "a.test."))).await;
    let judged = ask(&server, "mx.example.", RecordType::CNAME).await;
    assert_eq!(shown(&judged).unwrap(), "insecure 1 records 120");
}

#[tokio::test]
async fn a_resolver_that_never_sets_ad_is_found_out_once() {
    let server = Scripted::start(|asked| {
        let mut message = asked.address(1, 300);
        if asked.name().is_root() {
            message.answers = vec![soa(".")];
        }
        vec![message.into()]
    })
    .await;
    let way = trust_ad(&server);
    for host in ["mx.example.", "mx2.example."] {
        let error = way.judge(Question::new(name(host), RecordType::A)).await.unwrap_err();
        assert_eq!(error.kind, Indeterminate, "not insecure: {error:?}");
        assert!(error.detail.contains("does not set the AD bit"), "{error:?}");
    }
    assert_eq!(server.count(".", RecordType::SOA), 1);
    let asked = server.asked();
    assert!(asked.iter().all(|asked| asked.message.metadata.authentic_data), "RFC 6840 5.7: AD is asked for");
    assert!(asked.iter().all(|asked| !asked.message.metadata.checking_disabled), "CD would turn it off");
}

#[tokio::test]
async fn a_resolver_that_no_longer_validates_is_found_out() {
    let validates = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let told = Arc::clone(&validates);
    let server = Scripted::start(move |asked| {
        let mut message = asked.address(1, 300);
        if asked.name().is_root() {
            message.answers = vec![soa(".")];
        }
        message.metadata.authentic_data = told.load(std::sync::atomic::Ordering::Relaxed);
        vec![message.into()]
    })
    .await;
    let way = trust_ad(&server);
    let ask = || way.judge(Question::new(name("mx.example."), RecordType::A));
    assert_eq!(ask().await.unwrap().status, Status::Secure);
    validates.store(false, std::sync::atomic::Ordering::Relaxed);
    tokio::time::pause();
    tokio::time::advance(PROBE_HOLDS).await;
    tokio::time::resume();
    assert_eq!(ask().await.unwrap_err().kind, Indeterminate, "not insecure");
}

/// RFC 4035 §5.5: what does not pass the check comes unchecked. None of it is believed, but it tells bogus from broken.
#[tokio::test]
async fn bogus_is_what_comes_unchecked() {
    let server = Scripted::start(|asked| {
        let mut message = asked.address(66, 300);
        if asked.name().is_root() {
            message.answers = vec![soa(".")];
            message.metadata.authentic_data = true;
        } else if !asked.message.metadata.checking_disabled {
            message = asked.rcode(ResponseCode::ServFail);
            let expired = EdnsOption::Unknown(15, vec![0, 7]);
            message.edns.get_or_insert_with(Edns::new).options_mut().insert(expired);
        }
        vec![message.into()]
    })
    .await;
    let judged = ask(&server, "mx.example.", RecordType::A).await;
    assert_eq!(shown(&judged), Err(Bogus));
    let error = judged.unwrap_err();
    assert!(
        error.detail.ends_with("the resolver says: Signature Expired (7)"),
        "RFC 8914: why it is bogus: {error:?}"
    );
    assert!(error.explanation.concat().starts_with("to mend it: "), "{error:?}");
    assert_eq!(server.count("mx.example.", RecordType::A), 2);

    let broken = resolver(|_, _, m| m.metadata.response_code = ResponseCode::ServFail).await;
    for servers in [[&server, &broken], [&broken, &server]] {
        let judged = trust_ad_of(servers).judge(Question::new(name("mx.example."), RecordType::A)).await;
        assert_eq!(shown(&judged), Err(Bogus), "whatever else goes wrong");
    }
}

/// What one resolver has found bogus, another that does not validate would give without the bit.
#[tokio::test]
async fn no_resolver_answers_that_never_sets_ad() {
    let bogus = resolver(|_, _, m| m.metadata.response_code = ResponseCode::ServFail).await;
    let blind = Scripted::start(|asked| vec![asked.address(66, 300).into()]).await;
    let good = resolver(|_, _, m| m.answers.push(a("mx.example."))).await;
    for (servers, expected, why) in [
        ([&bogus, &blind], Err(Indeterminate), "the one that gives it does not validate"),
        ([&blind, &bogus], Err(ServerFailure), "in either order"),
        ([&blind, &good], Ok("insecure 1 records 300".to_owned()), "the next one is asked"),
    ] {
        let way = trust_ad_of(servers);
        let judged = way.judge(Question::new(name("mx.example."), RecordType::A)).await;
        assert_eq!(shown(&judged), expected, "{why}: {judged:?}");
    }
}
