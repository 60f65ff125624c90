use std::error::Error;

use rcgen::{BasicConstraints, DnType, ExtendedKeyUsagePurpose, IsCa, date_time_ymd};
use rustls_pki_types::{CertificateDer, UnixTime};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpSocket},
};

use self::policy_host::{Answer, At, Authority, Identity, LOOPBACK, PolicyHost, params};
use super::*;
use crate::{Mode, PolicyFault};

mod policy_host;

const HOST: &str = "mta-sts.example.com";
const FILE: &str = "version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 86400\n";
/// The years 2025 and 2035, for certificates that are valid from 2020 to 2029.
const IN_2025: u64 = 1_750_000_000;
const IN_2035: u64 = 2_060_000_000;
const IN_2015: u64 = 1_430_000_000;

/// A whole answer with the length of `body`.
fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn ok(body: &str) -> Vec<u8> {
    answer("200 OK", "Content-Type: text/plain\r\n", body)
}

fn unix(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// The name of the error's variant; for a certificate that of the fault.
fn kind(error: &FetchError) -> String {
    let text = if let FetchError::Certificate { fault, .. } = error {
        format!("{fault:?}")
    } else {
        format!("{error:?}")
    };
    text.split([' ', '(']).next().unwrap_or_default().to_owned()
}

/// Fetches from a host with a good certificate that gives this answer.
async fn fetch(answer: Answer) -> Result<Parsed, FetchError> {
    let authority = Authority::new("Authority");
    let host = PolicyHost::start(authority.issue(&[HOST]), vec![answer]).await;
    let found = host.fetcher(&authority).at(unix(IN_2025)).build().unwrap().fetch("example.com").await;
    assert_eq!(host.seen().len(), 1, "one request, whatever the answer");
    found
}

/// Sums up what became of [`fetch`]: the mode, or the kind of the error.
async fn outcome(answer: Answer) -> String {
    match fetch(answer).await {
        Ok(parsed) => parsed.policy.mode().to_string(),
        Err(error) => kind(&error),
    }
}

#[tokio::test]
async fn sts_09_sts_44_one_get_for_the_url() {
    let authority = Authority::new("Authority");
    let host = PolicyHost::start(authority.issue(&[HOST]), vec![Answer::Send(ok(FILE))]).await;
    let fetcher = host.fetcher(&authority).at(unix(IN_2025)).user_agent("test/1").build().unwrap();
    let parsed = fetcher.fetch("Example.COM.").await.unwrap();
    assert_eq!(parsed, Policy::parse(FILE.as_bytes()).unwrap());

    let seen = host.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].sni.as_deref(), Some(HOST), "the TLS name is the policy host");
    assert_eq!(seen[0].head[0], "GET /.well-known/mta-sts.txt HTTP/1.1");
    let header = |name: &str| {
        seen[0].head.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix(name).map(str::to_owned))
    };
    assert_eq!(header("host: ").as_deref(), Some(HOST), "no port, even where another one is used");
    assert_eq!(header("user-agent: ").as_deref(), Some("test/1"));
    assert_eq!(header("accept-encoding: "), None, "no compression is asked for");
    assert_eq!(header("if-none-match: "), None);
}

#[tokio::test]
async fn sts_10_media_types() {
    for (headers, expected, why) in [
        ("Content-Type: text/plain\r\n", "enforce", "the type"),
        ("Content-Type: text/plain; charset=utf-8\r\n", "enforce", "with its charset"),
        ("content-type: TEXT/Plain;charset=US-ASCII\r\n", "enforce", "in any case"),
        ("Content-Type: text/plain; foo=bar\r\n", "enforce", "other parameters are ignored"),
        ("Content-Type: text/plain ; charset=iso-8859-1\r\n", "enforce", "other charsets too"),
        ("", "MediaType", "decision 3: none"),
        ("Content-Type:\r\n", "MediaType", "an empty one"),
        ("Content-Type: text/html\r\n", "MediaType", "another"),
        ("Content-Type: text/plainx\r\n", "MediaType", "a longer one"),
        ("Content-Type: text/html; x=text/plain\r\n", "MediaType", "only in a parameter"),
        ("Content-Type: application/octet-stream\r\n", "MediaType", "another"),
        ("Content-Type: text/plain\r\nContent-Type: text/html\r\n", "MediaType", "two that differ"),
        ("Content-Type: text/html\r\nContent-Type: text/plain\r\n", "MediaType", "in either order"),
    ] {
        assert_eq!(
            outcome(Answer::Send(answer("200 OK", headers, FILE))).await,
            expected,
            "{why}: {headers}"
        );
    }
}

#[tokio::test]
async fn sts_22_sts_23_only_status_200_counts() {
    for (status, expected) in [
        ("200 OK", "enforce"),
        ("200 Whatever", "enforce"),
        ("201 Created", "Status"),
        ("203 Non-Authoritative Information", "Status"),
        ("204 No Content", "Status"),
        ("206 Partial Content", "Status"),
        ("304 Not Modified", "Status"),
        ("400 Bad Request", "Status"),
        ("404 Not Found", "Status"),
        ("500 Internal Server Error", "Status"),
        ("503 Service Unavailable", "Status"),
        ("999 Strange", "Status"),
    ] {
        let answer = answer(status, "Content-Type: text/plain\r\n", FILE);
        assert_eq!(outcome(Answer::Send(answer)).await, expected, "{status}");
    }
}

#[tokio::test]
async fn sts_23_redirects_are_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let authority = Authority::new("Authority");
        let headers = format!("Content-Type: text/plain\r\nLocation: https://{HOST}/good\r\n");
        let redirect = Answer::Send(answer(&format!("{status} Elsewhere"), &headers, FILE));
        let host = PolicyHost::start(authority.issue(&[HOST]), vec![redirect, Answer::Send(ok(FILE))]).await;
        let fetcher = host.fetcher(&authority).at(unix(IN_2025)).build().unwrap();
        match fetcher.fetch("example.com").await {
            Err(FetchError::Redirect { status: found }) => assert_eq!(found, status),
            other => panic!("{status}: {other:?}"),
        }
        assert_eq!(host.seen().len(), 1, "{status}: the good policy was not asked for");
        assert!(fetcher.fetch("example.com").await.is_ok(), "{status}: without the redirect it is good");
    }
}

#[tokio::test]
async fn sts_24_http_caching_is_not_used() {
    let authority = Authority::new("Authority");
    let headers = "Content-Type: text/plain\r\nCache-Control: max-age=86400, immutable\r\nETag: \"1\"\r\n\
                   Expires: Fri, 31 Dec 2100 23:59:59 GMT\r\nAge: 1\r\n";
    let testing = FILE.replace("enforce", "testing");
    let answers = [FILE, &testing].map(|file| Answer::Send(answer("200 OK", headers, file)));
    let host = PolicyHost::start(authority.issue(&[HOST]), answers.to_vec()).await;
    let fetcher = host.fetcher(&authority).at(unix(IN_2025)).build().unwrap();
    for mode in [Mode::Enforce, Mode::Testing] {
        assert_eq!(fetcher.fetch("example.com").await.unwrap().policy.mode(), mode);
    }
    assert!(host.seen().iter().all(|request| !request.head.iter().any(|line| line.starts_with("if-"))));
}

#[tokio::test]
async fn sts_26_the_size_is_bounded() {
    let filled = |length: usize| {
        let mut file = FILE.to_owned();
        while file.len() + 4000 < length {
            file += &format!("x{}: {:y<2$}\n", file.len(), "", 3000);
        }
        let left = length - file.len() - 4;
        file + &format!("z: {:y<1$}\n", "", left)
    };
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
    let plain = |body: &str| format!("{head}\r\n{body}").into_bytes();
    let chunked = |body: &str| {
        let mut text = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
        for (number, half) in
            [body.split_at(body.len() / 2).0, body.split_at(body.len() / 2).1].iter().enumerate()
        {
            text += &format!("{:x};part={number}\r\n{half}\r\n", half.len());
        }
        (text + "0\r\n\r\n").into_bytes()
    };
    for (length, expected) in [(MAX_POLICY_FILE, "enforce"), (MAX_POLICY_FILE + 1, "TooLarge")] {
        let body = filled(length);
        assert_eq!(body.len(), length);
        assert_eq!(outcome(Answer::Send(ok(&body))).await, expected, "{length} by Content-Length");
        assert_eq!(outcome(Answer::Send(plain(&body))).await, expected, "{length} by the connection's end");
        assert_eq!(outcome(Answer::Send(chunked(&body))).await, expected, "{length} in chunks");
    }
    let endless = |head: String, again: &[u8]| Answer::Endless(head.into_bytes(), again.to_vec());
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
    assert_eq!(
        outcome(endless(format!("{head}\r\n{FILE}"), &b"x: y\n".repeat(1000))).await,
        "TooLarge",
        "endless body"
    );
    assert_eq!(
        outcome(endless(chunked, &b"5\r\nx: y\n\r\n".repeat(500))).await,
        "TooLarge",
        "endless chunks"
    );
    let announced = format!("{head}Content-Length: 99999999999\r\n\r\n{FILE}");
    assert_eq!(
        outcome(Answer::Stall(announced.into_bytes())).await,
        "TooLarge",
        "not a byte of it is awaited"
    );
    assert_eq!(outcome(endless(head.to_owned(), &b"x: y\r\n".repeat(1000))).await, "Http", "endless headers");
}

#[tokio::test]
async fn an_exchange_that_breaks_down_is_no_policy() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
    for (text, expected, why) in [
        (format!("{head}Content-Length: 500\r\n\r\n{FILE}"), "Http", "Content-Length promises more"),
        (format!("{head}Content-Length: 20\r\n\r\n{FILE}"), "Policy", "Content-Length cuts the policy off"),
        (format!("{head}Content-Length: x\r\n\r\n{FILE}"), "Http", "Content-Length is no number"),
        (format!("{head}Transfer-Encoding: chunked\r\n\r\n44\r\n{FILE}"), "Http", "chunks end early"),
        ("HTTP/1.1 200".to_owned(), "Http", "half a status line"),
        (String::new(), "Http", "nothing"),
        ("220 mx.example.com ESMTP\r\n".to_owned(), "Http", "another protocol"),
        (format!("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n{FILE}"), "enforce", "HTTP/1.0 is fine"),
    ] {
        assert_eq!(outcome(Answer::Send(text.into_bytes())).await, expected, "{why}");
    }
}

#[tokio::test]
async fn sts_26_compressed_policies_are_not_unpacked() {
    // What gzip makes of the policy does not matter: it is not even read.
    for (encoding, expected) in
        [("gzip", "ContentEncoding"), ("br", "ContentEncoding"), ("identity", "enforce")]
    {
        let headers = format!("Content-Type: text/plain\r\nContent-Encoding: {encoding}\r\n");
        assert_eq!(outcome(Answer::Send(answer("200 OK", &headers, FILE))).await, expected, "{encoding}");
    }
}

#[tokio::test]
async fn sts_26_the_time_is_bounded() {
    let limit = Duration::from_millis(200);
    let authority = Authority::new("Authority");
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 500\r\n";
    for (sent, why) in [
        (String::new(), "no answer"),
        (head.to_owned(), "half of the headers"),
        (format!("{head}\r\n{FILE}"), "half of the body"),
    ] {
        let host = PolicyHost::start(authority.issue(&[HOST]), vec![Answer::Stall(sent.into_bytes())]).await;
        let fetcher = host.fetcher(&authority).at(unix(IN_2025)).timeout(limit).build().unwrap();
        match fetcher.fetch("example.com").await {
            Err(FetchError::Timeout { limit: found }) => assert_eq!(found, limit, "{why}"),
            other => panic!("{why}: {other:?}"),
        }
    }
    // A host that accepts connections and says nothing at all, not even in TLS.
    let silent = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let fetcher = Fetcher::builder()
        .roots([authority.root()])
        .addresses(At(vec![LOOPBACK]))
        .port(port)
        .timeout(limit)
        .build()
        .unwrap();
    assert_eq!(kind(&fetcher.fetch("example.com").await.unwrap_err()), "Timeout", "no handshake");
    // An address lookup that never ends.
    let fetcher =
        Fetcher::builder().roots([authority.root()]).addresses(Never).timeout(limit).build().unwrap();
    assert_eq!(kind(&fetcher.fetch("example.com").await.unwrap_err()), "Timeout", "no address");
}

struct Never;

impl AddressLookup for Never {
    fn addresses(&self, _: &str) -> Addresses {
        Box::pin(std::future::pending())
    }
}

/// What became of a fetch from a host with this certificate: the mode, or the kind of the error.
async fn judge(authority: &Authority, identity: Identity, at: u64) -> String {
    let host = PolicyHost::start(identity, vec![Answer::Send(ok(FILE))]).await;
    let fetcher = host.fetcher(authority).at(unix(at)).build().unwrap();
    match fetcher.fetch("example.com").await {
        Ok(parsed) => parsed.policy.mode().to_string(),
        Err(error) => {
            assert!(host.seen().is_empty(), "nothing is asked of a host that is not authenticated");
            kind(&error)
        }
    }
}

#[tokio::test]
async fn sts_20_sts_21_the_certificate_names_the_policy_host() {
    let authority = Authority::new("Authority");
    for (names, expected, why) in [
        (&[HOST][..], "enforce", "the name"),
        (&["MTA-STS.Example.COM"], "enforce", "in any case"),
        (&["www.example.com", HOST], "enforce", "among others"),
        (&["*.example.com"], "enforce", "a wildcard for the left-most label"),
        (&["example.com"], "HostMismatch", "the domain only"),
        (&["mta-sts.example.org"], "HostMismatch", "another domain"),
        (&["a.mta-sts.example.com"], "HostMismatch", "a child"),
        (&["*.com"], "HostMismatch", "a wildcard further up"),
        (&["*.mta-sts.example.com"], "HostMismatch", "a wildcard further down"),
        (&["mta-*.example.com"], "HostMismatch", "a wildcard for part of a label"),
        (&["mta-sts.*.com"], "HostMismatch", "a wildcard for another label"),
        (&["*"], "HostMismatch", "a wildcard for everything"),
        (&["127.0.0.1"], "HostMismatch", "the address"),
        (&[], "HostMismatch", "no name"),
    ] {
        assert_eq!(judge(&authority, authority.issue(names), IN_2025).await, expected, "{why}: {names:?}");
    }
    let mut common_name = params(&[]);
    common_name.distinguished_name.push(DnType::CommonName, HOST);
    assert_eq!(
        judge(&authority, authority.issue_from(common_name), IN_2025).await,
        "HostMismatch",
        "decision 4: the common name does not count"
    );
}

#[tokio::test]
async fn sts_20_the_certificate_is_trusted_and_valid_now() {
    let authority = Authority::new("Authority");
    let issue = || authority.issue(&[HOST]);
    assert_eq!(judge(&authority, issue(), IN_2025).await, "enforce", "in its time");
    assert_eq!(judge(&authority, issue(), IN_2035).await, "Expired");
    assert_eq!(judge(&authority, issue(), IN_2015).await, "NotYetValid");

    let self_signed = Identity::self_signed(&params(&[HOST]));
    assert_eq!(judge(&authority, self_signed, IN_2025).await, "Untrusted", "self-signed");
    let twin = Authority::new("Authority");
    assert_eq!(judge(&authority, twin.issue(&[HOST]), IN_2025).await, "Signature", "one of the same name");
    let other = Authority::new("Other authority");
    assert_eq!(judge(&authority, other.issue(&[HOST]), IN_2025).await, "Untrusted", "another authority");
    let mut with_root = other.issue(&[HOST]);
    with_root.chain.push(other.root());
    assert_eq!(judge(&authority, with_root, IN_2025).await, "Untrusted", "which it sends along");

    let mut client = params(&[HOST]);
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    assert_eq!(judge(&authority, authority.issue_from(client), IN_2025).await, "Purpose", "for clients");
    let mut ca = params(&[HOST]);
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert_eq!(judge(&authority, Identity::self_signed(&ca), IN_2025).await, "Other", "an authority itself");
}

#[tokio::test]
async fn without_at_certificates_are_judged_as_of_now() {
    let authority = Authority::new("Authority");
    for (year, expected) in [(2021, "Expired"), (4000, "enforce")] {
        let mut params = params(&[HOST]);
        params.not_after = date_time_ymd(year, 1, 1);
        let identity = authority.issue_from(params);
        let host = PolicyHost::start(identity, vec![Answer::Send(ok(FILE))]).await;
        let found = host.fetcher(&authority).build().unwrap().fetch("example.com").await;
        let found = found.map_or_else(|error| kind(&error), |parsed| parsed.policy.mode().to_string());
        assert_eq!(found, expected, "until {year}");
    }
}

#[tokio::test]
async fn sts_45_tls_1_2_and_1_3() {
    let authority = Authority::new("Authority");
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let answers = vec![Answer::Send(ok(FILE))];
        let host = PolicyHost::with_versions(authority.issue(&[HOST]), answers, &[version]).await;
        let fetcher = host.fetcher(&authority).at(unix(IN_2025)).build().unwrap();
        assert!(fetcher.fetch("example.com").await.is_ok(), "{version:?}");
    }
}

#[tokio::test]
async fn an_invalid_policy_names_its_fault() {
    match fetch(Answer::Send(ok("version: STSv1\nmode: enforce\nmax_age: 1\n"))).await {
        Err(FetchError::Policy(error)) => {
            assert_eq!(error.fault, PolicyFault::Missing { field: "mx" });
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(outcome(Answer::Send(ok(""))).await, "Policy", "an empty file");
}

#[tokio::test]
async fn hosts_that_cannot_be_reached() {
    let authority = Authority::new("Authority");
    // Bound, so that no other test gets the port, but not listening.
    let closed = TcpSocket::new_v4().unwrap();
    closed.bind((LOOPBACK, 0).into()).unwrap();
    let port = closed.local_addr().unwrap().port();
    let fetcher = |addresses: At| {
        Fetcher::builder().roots([authority.root()]).addresses(addresses).port(port).build().unwrap()
    };
    let refused = fetcher(At(vec![LOOPBACK])).fetch("example.com").await.unwrap_err();
    assert_eq!(kind(&refused), "Connect");
    let nowhere = fetcher(At(vec![])).fetch("example.com").await.unwrap_err();
    assert_eq!(nowhere.to_string(), "the address lookup of the policy host failed: the host has no address");
    assert_eq!(kind(&nowhere), "Lookup");
    let literal = fetcher(At(vec![LOOPBACK])).fetch("[192.0.2.1]").await.unwrap_err();
    assert_eq!(kind(&literal), "Domain", "STS-32: an address literal has no policy");
}

#[tokio::test]
async fn a_dead_address_leaves_the_next_one() {
    let authority = Authority::new("Authority");
    let host = PolicyHost::start(authority.issue(&[HOST]), vec![Answer::Send(ok(FILE))]).await;
    let addresses = At(vec![[127, 0, 0, 9].into(), LOOPBACK]);
    let fetcher = host.fetcher(&authority).addresses(addresses).at(unix(IN_2025)).build().unwrap();
    assert!(fetcher.fetch("example.com").await.is_ok());
}

#[tokio::test]
async fn a_failed_lookup_keeps_its_error() {
    struct Fails;
    impl AddressLookup for Fails {
        fn addresses(&self, host: &str) -> Addresses {
            assert_eq!(host, HOST);
            Box::pin(async { Err(std::io::Error::other("bogus").into()) })
        }
    }
    let authority = Authority::new("Authority");
    let fetcher = Fetcher::builder().roots([authority.root()]).addresses(Fails).build().unwrap();
    match fetcher.fetch("example.com").await {
        Err(FetchError::Lookup { source }) => assert!(source.is::<std::io::Error>(), "{source:?}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_host_that_speaks_no_tls_is_told_from_a_bad_certificate() {
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(&ok(FILE)).await.unwrap();
        std::future::pending::<()>().await;
    });
    let authority = Authority::new("Authority");
    let builder = Fetcher::builder().roots([authority.root()]).addresses(At(vec![LOOPBACK])).port(port);
    let error = builder.build().unwrap().fetch("example.com").await.unwrap_err();
    assert_eq!(kind(&error), "Tls", "{error}");
}

#[test]
fn settings_that_cannot_work() {
    let kind = |builder: FetcherBuilder| format!("{:?}", builder.build().unwrap_err());
    assert!(kind(Fetcher::builder().roots([])).starts_with("NoRoots"));
    let broken = CertificateDer::from(vec![0x30, 0x03, 1, 2, 3]);
    let builder = Fetcher::builder().roots([Authority::new("Authority").root(), broken]);
    assert!(kind(builder).starts_with("Root { number: 2"));
    assert!(kind(Fetcher::builder().user_agent("a\r\nb")).starts_with("UserAgent"));
    let error = Fetcher::builder().roots([]).build().unwrap_err();
    assert!(error.source().is_none() && error.to_string().contains("none was given"), "{error}");
}
