//! DNS over TLS to the lab's server: the same verdicts as over UDP, and none from a server that does not prove its name
//! (RFC 7858, RFC 8310 §5).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code outside test functions may panic too: that is how it fails"
)]

mod mxtls;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use mx_resolve::{DnsAnswer, Dnssec, MxResolver, Upstream};
use mxtls::{Ended, lab_of, run};
use mxtls_lab::{
    Lab,
    dns::{DnsServer, PathRule, Signing, World, ZoneSpec},
    pki::{Certificate, Dates, IssuedBy, Pki},
};
use mxtls_policy::{Failure, FailureCode, Outcome, Status};
use rustls_pki_types::CertificateDer;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

const NAME: &str = "resolver.lab";
/// For questions that are to be answered.
const PATIENCE: Duration = Duration::from_secs(10);
/// For questions that are not.
const IMPATIENCE: Duration = Duration::from_secs(1);

fn world() -> World {
    let many: String = (0..150).map(|number| format!("_25._tcp TLSA 3 1 1 {number:064x}\n")).collect();
    World::new([
        ZoneSpec::new("lab", Signing::Nsec, "mx A 192.0.2.1\nmx A 192.0.2.2\nalias CNAME mx"),
        ZoneSpec::new("unsigned.lab", Signing::Unsigned, "mx A 192.0.2.3"),
        ZoneSpec::new("expired.lab", "expired".parse().unwrap(), "mx A 192.0.2.4"),
        ZoneSpec::new("many.lab", Signing::Nsec, &many),
    ])
    .unwrap()
}

/// A DNS server with a certificate, and the files that a resolver for it reads.
struct Site {
    server: DnsServer,
    pki: Pki,
    anchor: tempfile::NamedTempFile,
}

impl Site {
    async fn start(certificate: Certificate) -> Self {
        let pki = Pki::new();
        let config = pki.issue(&certificate, NAME, NAME).server_config();
        let server = DnsServer::start(world()).await.unwrap().with_tls(config).await.unwrap();
        let anchor = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(anchor.path(), server.trust_anchor() + "\n").unwrap();
        Self { server, pki, anchor }
    }

    fn tls(&self) -> Upstream {
        tls(self.server.tls_address(), NAME)
    }

    fn resolver(&self, upstream: Upstream, timeout: Duration) -> MxResolver {
        self.resolver_trusting(self.pki.root(), upstream, timeout)
    }

    fn resolver_trusting(
        &self,
        root: CertificateDer<'static>,
        upstream: Upstream,
        timeout: Duration,
    ) -> MxResolver {
        MxResolver::builder()
            .dnssec(Dnssec::Validate)
            .upstream(upstream)
            .roots([root])
            .trust_anchor_file(self.anchor.path())
            .timeout(timeout)
            .build()
            .unwrap()
    }

    /// The question gets no answer, and none reaches the server on any channel.
    async fn gets_nothing(&self, resolver: &MxResolver, code: FailureCode, why: &str) -> Failure {
        let answer = resolver.dns("mx.lab", "A").await.unwrap();
        let failure = answer.result.unwrap_err();
        assert_eq!(failure.code, code, "{why}");
        let asked = self.server.queries(|_| true);
        assert!(asked.is_empty(), "{why}: {asked:?}");
        failure
    }
}

fn tls(address: SocketAddr, name: &str) -> Upstream {
    format!("tls://{address}#{name}").parse().unwrap()
}

/// What a verdict says, without what depends on the moment.
fn summary(answer: DnsAnswer) -> Result<(Status, Outcome<Vec<String>>), FailureCode> {
    match answer.result {
        Ok(answer) => {
            let outcome = match answer.outcome {
                Outcome::Records(mut records) => {
                    records.sort();
                    Outcome::Records(records)
                }
                Outcome::NoData => Outcome::NoData,
                Outcome::NoSuchName => Outcome::NoSuchName,
            };
            Ok((answer.status, outcome))
        }
        Err(failure) => Err(failure.code),
    }
}

#[tokio::test]
async fn the_verdicts_are_those_over_udp() {
    let site = Site::start(Certificate::default()).await;
    // Apart, because nobody waits for the answers to questions that turn out not to be needed: they may arrive late.
    let twin = Site::start(Certificate::default()).await;
    let over_udp = twin.resolver(twin.server.address().into(), PATIENCE);
    let over_tls = site.resolver(site.tls(), PATIENCE);
    for (name, record_type, expected, records, why) in [
        ("mx.lab", "A", Ok(Status::Secure), 2, "a signed answer"),
        ("alias.lab", "A", Ok(Status::Secure), 2, "through an alias"),
        ("mx.lab", "AAAA", Ok(Status::Secure), 0, "D72-05: a denial of the type"),
        ("absent.lab", "A", Ok(Status::Secure), 0, "D72-05: a denial of the name"),
        ("mx.unsigned.lab", "A", Ok(Status::Insecure), 1, "RFC 4035 5.2: an unsigned delegation"),
        ("mx.expired.lab", "A", Err(FailureCode::DnsBogus), 0, "RFC 4035 5.3.1: signatures that have ended"),
        ("_25._tcp.many.lab", "TLSA", Ok(Status::Secure), 150, "more records than a datagram holds"),
    ] {
        let plain = summary(over_udp.dns(name, record_type).await.unwrap());
        assert!(twin.server.queries(|query| query.tls).is_empty(), "{why}");
        let private = summary(over_tls.dns(name, record_type).await.unwrap());
        assert_eq!(private, plain, "{why}");
        assert_eq!(private.as_ref().map(|(status, _)| *status).map_err(|code| *code), expected, "{why}");
        let found = match private {
            Ok((_, Outcome::Records(records))) => records.len(),
            Ok((_, Outcome::NoData | Outcome::NoSuchName)) | Err(_) => 0,
        };
        assert_eq!(found, records, "{why}");
        let asked = site.server.queries(|_| true);
        assert!(!asked.is_empty() && asked.iter().all(|query| query.tls), "{why}: {asked:?}");
    }
}

/// RFC 8310 §5: the name is proven, or there is no answer. Each row is refused for one reason; the twin, with everything in
/// order, is every row of the test above.
#[tokio::test]
async fn who_does_not_prove_the_name_is_not_asked() {
    let in_order = Certificate::default;
    for (certificate, name, trusted, why) in [
        (in_order(), "other.lab", true, "a certificate for another name"),
        (in_order(), "sub.resolver.lab", true, "a name below it"),
        (in_order(), NAME, false, "an authority that is not trusted"),
        (Certificate { dates: Some(Dates::Past), ..in_order() }, NAME, true, "a certificate that has ended"),
        (Certificate { dates: Some(Dates::Future), ..in_order() }, NAME, true, "one that has not begun"),
        (Certificate { issuer: Some(IssuedBy::Itself), ..in_order() }, NAME, true, "one that signs itself"),
        (Certificate { issuer: Some(IssuedBy::Private), ..in_order() }, NAME, true, "an unknown authority"),
    ] {
        let site = Site::start(certificate).await;
        let root = if trusted { site.pki.root() } else { Pki::new().root() };
        let upstream = tls(site.server.tls_address(), name);
        let resolver = site.resolver_trusting(root, upstream, PATIENCE);
        let failure = site.gets_nothing(&resolver, FailureCode::DnsTimeout, why).await;
        // Whoever has to find out why mail waits is told, and by which server.
        let detail = failure.detail.unwrap();
        let said = format!("the certificate of {} was refused", tls(site.server.tls_address(), name));
        assert!(detail.contains(&said), "{why}: {detail}");
    }
}

#[tokio::test]
async fn a_server_of_plain_text_is_not_asked() {
    let site = Site::start(Certificate::default()).await;
    // The port of plain DNS takes the ClientHello for a message that has not come to its end.
    let resolver = site.resolver(tls(site.server.address(), NAME), IMPATIENCE);
    site.gets_nothing(&resolver, FailureCode::DnsTimeout, "plain DNS on the port for TLS").await;

    // One that speaks up at once, and one that hangs up.
    for (says, why) in
        [(&b"\0\x0c\0\0\x84\0\0\0\0\0\0\0\0\0"[..], "a DNS message"), (b"", "the end of the connection")]
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut hello = [0; 512];
                let _read = stream.read(&mut hello).await;
                let _sent = stream.write_all(says).await;
            }
        });
        let resolver = site.resolver(tls(address, NAME), PATIENCE);
        site.gets_nothing(&resolver, FailureCode::DnsTimeout, why).await;
    }
}

/// There is always the next server, if the user named one: whether a plain one counts is the user's choice.
#[tokio::test]
async fn the_next_server_is_asked() {
    let site = Site::start(Certificate::default()).await;
    let resolver = MxResolver::builder()
        .dnssec(Dnssec::Validate)
        .upstream(tls(site.server.tls_address(), "other.lab"))
        .upstream(site.tls())
        .roots([site.pki.root()])
        .trust_anchor_file(site.anchor.path())
        .build()
        .unwrap();
    assert!(resolver.dns("mx.lab", "A").await.unwrap().result.is_ok());
    assert!(site.server.queries(|query| !query.tls).is_empty());
}

/// The messages on the connection are the attacker's if the resolver is: TLS gives no status.
#[tokio::test]
async fn the_channel_makes_no_answer_secure() {
    for (way, code) in [
        ("strip-signatures", FailureCode::DnsBogus),
        ("forge-unsigned", FailureCode::DnsBogus),
        ("servfail", FailureCode::DnsServfail),
        ("truncated", FailureCode::DnsMalformed),
        ("malformed", FailureCode::DnsMalformed),
        ("wrong-question", FailureCode::DnsMalformed),
    ] {
        let site = Site::start(Certificate::default()).await;
        site.server.tamper(PathRule::new("mx.lab. A", way.parse().unwrap()).unwrap()).unwrap();
        let answer = site.resolver(site.tls(), PATIENCE).dns("mx.lab", "A").await.unwrap();
        assert_eq!(answer.result.unwrap_err().code, code, "{way}");
    }
}

/// Passes connections on to a server, and counts them.
struct Relay {
    address: SocketAddr,
    connections: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Relay {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(Mutex::new(Vec::new()));
        let accepted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut server = TcpStream::connect(server).await.unwrap();
                accepted.lock().unwrap().push(tokio::spawn(async move {
                    let _ended = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                }));
            }
        });
        Self { address, connections }
    }

    fn accepted(&self) -> usize {
        self.connections.lock().unwrap().len()
    }

    /// Ends the connection that was made last.
    async fn cut(&self) {
        let last = self.connections.lock().unwrap().pop().unwrap();
        last.abort();
        assert!(last.await.unwrap_err().is_cancelled());
    }
}

#[tokio::test]
async fn questions_share_a_connection_while_it_lasts() {
    let site = Site::start(Certificate::default()).await;
    let relay = Relay::to(site.server.tls_address()).await;
    let resolver = site.resolver(tls(relay.address, NAME), PATIENCE);
    let (one, two) = tokio::join!(resolver.dns("mx.lab", "A"), resolver.dns("mx.unsigned.lab", "A"));
    assert!(one.unwrap().result.is_ok() && two.unwrap().result.is_ok());
    assert_eq!(relay.accepted(), 1);
    assert!(site.server.queries(|query| query.tls).len() > 2);

    // RFC 7858 3.4: the server may end it at any time; that is no failure of the next question.
    relay.cut().await;
    assert!(resolver.dns("alias.lab", "A").await.unwrap().result.is_ok());
    assert_eq!(relay.accepted(), 1, "one after the one that was cut");
}

#[tokio::test]
async fn a_connection_on_which_a_question_stayed_unanswered_is_left() {
    let site = Site::start(Certificate::default()).await;
    site.server.tamper(PathRule::new("mx.lab. A", "timeout".parse().unwrap()).unwrap()).unwrap();
    let relay = Relay::to(site.server.tls_address()).await;
    let resolver = site.resolver(tls(relay.address, NAME), IMPATIENCE);
    let answer = resolver.dns("mx.lab", "A").await.unwrap();
    assert_eq!(answer.result.unwrap_err().code, FailureCode::DnsTimeout);
    assert_eq!(relay.accepted(), 1);
    assert!(resolver.dns("mx.lab", "AAAA").await.unwrap().result.is_ok());
    assert_eq!(relay.accepted(), 2);
}

/// `mxtls check` of one row of the scenario file, with this resolver in the place of the lab's plain one.
fn check(lab: &Lab, row: &str, resolver: &str) -> Ended {
    let mut options = lab.options();
    let at = options.iter().position(|option| option == "--resolver").unwrap();
    options[at + 1] = resolver.to_owned();
    let mut arguments =
        vec!["check".to_owned(), "--json".to_owned(), "--timeout".to_owned(), "10".to_owned()];
    arguments.extend(options);
    arguments.extend(lab.check_arguments(lab.scenario(row)));
    run(arguments)
}

#[test]
fn the_command_line_names_a_server_of_dns_over_tls() {
    const ROW: &str = "dane-ee-match";
    let lab = lab_of(&[ROW]);
    let address = lab.dns().tls_address();

    let refused = check(&lab, ROW, &format!("tls://{address}#other.lab"));
    assert_eq!(refused.status, Some(75), "{refused:?}");
    let failure = refused.document()["results"][0]["failure"].clone();
    assert_eq!(failure["code"], json!("dns-timeout"));
    let detail = failure["detail"].as_str().unwrap();
    assert!(
        detail.contains(&format!("the certificate of tls://{address}#other.lab was refused")),
        "{detail}"
    );
    assert!(refused.stderr.contains("other.lab"), "the log names the server: {}", refused.stderr);
    assert!(lab.dns().queries(|_| true).is_empty());
    assert_eq!(lab.saw(ROW).connections(), 0);

    let checked = check(&lab, ROW, &format!("tls://{address}#{NAME}"));
    assert_eq!(checked.status, Some(0), "{checked:?}");
    let result = &checked.document()["results"][0];
    assert_eq!((&result["verdict"], &result["channel"]), (&json!("deliver"), &json!("verified")));
    let asked = lab.dns().queries(|_| true);
    assert!(!asked.is_empty() && asked.iter().all(|query| query.tls), "{asked:?}");
}
