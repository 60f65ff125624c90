//! Two upstreams of the same world. What the first one says is no verdict, whatever it says: then the second one is asked, and
//! never is anything insecure because of it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code outside test functions may panic too: that is how it fails"
)]

use std::time::Duration;

use mx_resolve::{Dnssec, MxResolver};
use mxtls_lab::dns::{DnsServer, PathRule, Signing, TamperError, World, ZoneSpec, attacks};

/// What every fault strikes.
const QUESTION: &str = "_25._tcp.mx.zone.lab. TLSA";
const RECORD: &str = "3 1 1 0101010101010101010101010101010101010101010101010101010101010101";

struct Site {
    first: DnsServer,
    second: DnsServer,
    anchor: tempfile::NamedTempFile,
}

impl Site {
    async fn start() -> Self {
        let text = format!(
            "mx A 192.0.2.1\n_25._tcp.mx TLSA {RECORD}\n*._tcp.mx TLSA {RECORD}\nother A 192.0.2.2\nabsent.below A 192.0.2.3"
        );
        let world = World::new([
            ZoneSpec::new("lab", Signing::Nsec, ""),
            ZoneSpec::new("zone.lab", Signing::Nsec, &text),
            ZoneSpec::new("unsigned.lab", Signing::Unsigned, ""),
        ]);
        let first = DnsServer::start(world.unwrap()).await.unwrap();
        let second = first.beside().await.unwrap();
        let anchor = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(anchor.path(), first.trust_anchor() + "\n").unwrap();
        Self { first, second, anchor }
    }

    /// Asks these in order. Who is silent by design is waited for as long as a loaded machine needs for the other answers.
    fn resolver(&self, servers: &[&DnsServer], way: &str) -> MxResolver {
        let patience = if way == "timeout" { Duration::from_secs(1) } else { Duration::from_secs(20) };
        let builder = MxResolver::builder()
            .dnssec(Dnssec::Validate)
            .trust_anchor_file(self.anchor.path())
            .timeout(patience);
        servers.iter().fold(builder, |builder, server| builder.upstream(server.address())).build().unwrap()
    }
}

fn disturb(server: &DnsServer, way: &str) -> Result<(), TamperError> {
    server.tamper(PathRule::new(QUESTION, way.parse()?)?)
}

/// `status: records`, or the code of the failure.
async fn ask(resolver: &MxResolver, question: &str) -> Result<String, String> {
    let (name, record_type) = question.split_once(' ').unwrap();
    match resolver.dns(name, record_type).await.unwrap().result {
        Ok(answer) => Ok(format!("{}: {:?}", answer.status, answer.outcome)),
        Err(failure) => Err(failure.code.to_string()),
    }
}

fn genuine() -> Result<String, String> {
    Ok(format!("secure: Records([{RECORD:?}])"))
}

/// How often the very question was asked of a server, a repetition over TCP left out.
fn asked(server: &DnsServer) -> usize {
    server.queries(|query| format!("{} {}", query.name, query.rtype) == QUESTION && !query.tcp).len()
}

#[tokio::test]
async fn the_next_upstream_is_tried_before_an_error_is_the_outcome() {
    for (way, code, why) in [
        ("bogus", "dns-bogus", "signatures that do not hold"),
        ("strip-signatures", "dns-bogus", "none"),
        ("forge:_25._tcp.mx.zone.lab. TLSA 3 1 1 66", "dns-bogus", "another record with AD set"),
        ("indeterminate", "dns-indeterminate", "no keys"),
        ("over-budget", "dns-budget", "more signatures than are worth a try"),
        ("malformed", "dns-malformed", "no message"),
        ("truncated", "dns-malformed", "TC for ever, over UDP and TCP"),
        ("servfail", "dns-servfail", "SERVFAIL"),
        ("refused", "dns-servfail", "REFUSED"),
        ("formerr", "dns-servfail", "FORMERR"),
        ("timeout", "dns-timeout", "silence"),
    ] {
        let site = Site::start().await;
        let failure = Err(code.to_owned());
        disturb(&site.first, way).unwrap();
        let alone = site.resolver(&[&site.first], way);
        assert_eq!(ask(&alone, QUESTION).await, failure, "{why}: with a single upstream");
        assert_eq!(asked(&site.second), 0, "{why}");

        site.first.clear_log();
        let both = site.resolver(&[&site.first, &site.second], way);
        assert_eq!(ask(&both, QUESTION).await, genuine(), "{why}: the second one is honest");
        assert_ne!(asked(&site.first), 0, "{why}: the first one was asked first");
        assert_eq!(asked(&site.second), if way == "indeterminate" { 0 } else { 1 }, "{why}");
        site.second.clear_log();
        assert_eq!(ask(&both, "other.zone.lab. A").await.unwrap(), "secure: Records([\"192.0.2.2\"])");
        assert_eq!(site.second.queries(|_| true), [], "{why}: the next question goes to the first one again");

        disturb(&site.second, way).unwrap();
        let both = site.resolver(&[&site.first, &site.second], way);
        assert_eq!(ask(&both, QUESTION).await, failure, "{why}: nobody is left");
    }
}

/// Whatever the first one composes, and however the second one fails then.
#[tokio::test]
async fn no_lie_of_the_first_upstream_counts() {
    let site = Site::start().await;
    let mut tried = 0;
    for attack in attacks() {
        site.first.clear_tampering();
        site.second.clear_tampering();
        match disturb(&site.first, attack.name) {
            Ok(()) => tried += 1,
            // This world has no NSEC3 chain, for example.
            Err(TamperError::Impossible { .. }) => continue,
            Err(other) => panic!("{other}"),
        }
        let both = site.resolver(&[&site.first, &site.second], attack.name);
        assert_eq!(ask(&both, QUESTION).await, genuine(), "{}: {}", attack.name, attack.hope);
        // The lie is what is reported, not that nobody could contradict it: the mail must wait as with one upstream.
        let alone = ask(&site.resolver(&[&site.first], attack.name), QUESTION).await;
        assert!(alone.is_err(), "{}: {alone:?}", attack.name);
        disturb(&site.second, "servfail").unwrap();
        let both = site.resolver(&[&site.first, &site.second], attack.name);
        assert_eq!(ask(&both, QUESTION).await, alone, "{}", attack.name);
    }
    assert!(tried >= 45, "{tried} of {} attacks", attacks().len());
}

/// One budget for all of them: 64 questions and half as many ahead of need, the repeated ones for keys included.
#[tokio::test]
async fn work_is_bounded_over_all_upstreams() {
    let site = Site::start().await;
    for (upstreams, all) in [(8, true), (40, false)] {
        let mut servers = vec![];
        for _ in 0..upstreams {
            let server = site.first.beside().await.unwrap();
            disturb(&server, "bogus").unwrap();
            servers.push(server);
        }
        let resolver = site.resolver(&servers.iter().collect::<Vec<_>>(), "bogus");
        assert_eq!(ask(&resolver, QUESTION).await, Err("dns-bogus".to_owned()));
        let questions: Vec<usize> = servers.iter().map(|server| server.queries(|_| true).len()).collect();
        assert!(questions.iter().sum::<usize>() <= 96, "{questions:?}");
        assert!(servers.iter().all(|server| asked(server) <= 1), "each is asked once: {questions:?}");
        assert_eq!(servers.iter().all(|server| asked(server) == 1), all, "{questions:?}");
    }
}
