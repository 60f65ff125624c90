//! The lab's mail servers and policy hosts, held against clients that know nothing of the rest of the workspace.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code outside test functions may panic too: that is how it fails"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use mxtls_lab::{Lab, Scenario};
use ring::digest::{SHA256, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned,
};
use x509_parser::prelude::{FromDer, X509Certificate};

const LIMIT: Duration = Duration::from_secs(20);

fn lab(names: &[&str]) -> Lab {
    let wanted = |scenario: &Scenario| names.contains(&scenario.name.as_str());
    let scenarios: Vec<Scenario> = Scenario::all().unwrap().into_iter().filter(wanted).collect();
    assert_eq!(scenarios.len(), names.len(), "{names:?}");
    Lab::start_with(scenarios).unwrap()
}

/// A scenario of this test's own: one server, and what it does.
fn one_server(personality: &str) -> Lab {
    let text = format!(
        "[[scenario]]\nname = 'own'\nmatrix = 'opportunistic'\nwhy = 'a test'\nzone = '@ MX 10 mx1'\n\
         servers.mx1 = {{ {personality} }}\n\
         expected = {{ verdict = 'deliver', channel = 'encrypted', policy = 'opportunistic', connections = 1, mail = 1, data = 1 }}"
    );
    Lab::start_with(Scenario::parse(&text).unwrap()).unwrap()
}

/// A client that trusts the lab's root and nothing else.
fn trusting(lab: &Lab) -> Arc<ClientConfig> {
    let options = lab.global_options();
    let file = &options[options.iter().position(|option| option == "--ca-file").unwrap() + 1];
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

fn connect(lab: &Lab, scenario: &str, key: &str, port: u16) -> TcpStream {
    let stream = TcpStream::connect(SocketAddr::new(lab.address(scenario, key), port)).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

fn smtp(lab: &Lab, scenario: &str) -> Client<TcpStream> {
    Client(BufReader::new(connect(lab, scenario, "mx1", lab.port())))
}

/// The simplest of SMTP clients.
struct Client<S>(BufReader<S>);

impl<S: Read + Write> Client<S> {
    /// A whole reply; empty at the end of the stream.
    fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let start = reply.len();
            self.0.read_line(&mut reply).unwrap();
            if reply.as_bytes().get(start + 3) != Some(&b'-') {
                return reply;
            }
        }
    }

    fn send(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
    }

    fn ask(&mut self, line: &str) -> String {
        self.send(line);
        self.reply()
    }
}

impl Client<TcpStream> {
    fn into_tls(self, lab: &Lab, name: &str) -> Client<StreamOwned<ClientConnection, TcpStream>> {
        assert_eq!(self.0.buffer(), b"", "nothing comes before the handshake");
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connection = ClientConnection::new(trusting(lab), name).unwrap();
        Client(BufReader::new(StreamOwned::new(connection, self.0.into_inner())))
    }
}

#[test]
fn a_session_with_starttls_is_written_down() {
    let lab = lab(&["sts-enforce"]);
    let mut client = smtp(&lab, "sts-enforce");
    assert!(client.reply().starts_with("220 mx1.sts-enforce.lab "));
    assert!(client.ask("EHLO a.example").contains("STARTTLS"));
    assert!(client.ask("STARTTLS").starts_with("220 "));
    let mut client = client.into_tls(&lab, "mx1.sts-enforce.lab");
    assert!(!client.ask("EHLO a.example").contains("STARTTLS"), "not offered again inside TLS");
    assert!(client.ask("MAIL FROM:<a@a.example>").starts_with("250 "));
    assert!(client.ask("RCPT TO:<b@sts-enforce.lab>").starts_with("250 "));
    assert!(client.ask("DATA").starts_with("354 "));
    assert!(client.ask("Subject: x\r\n\r\n..\r\n.").starts_with("250 "));
    assert!(client.ask("QUIT").starts_with("221 "));

    let saw = lab.saw("sts-enforce");
    assert_eq!((saw.connections(), saw.mail(), saw.rcpt(), saw.data()), (1, 1, 1, 1));
    let server = &saw.servers["mx1.sts-enforce.lab"];
    assert_eq!(server.sni, [Some("mx1.sts-enforce.lab".to_owned())]);
    assert_eq!(server.handshakes, 1);
    let commands: Vec<(&str, bool)> =
        server.commands.iter().map(|command| (command.line.as_str(), command.tls)).collect();
    assert_eq!(commands[..3], [("EHLO a.example", false), ("STARTTLS", false), ("EHLO a.example", true)]);
    assert_eq!(saw.messages().collect::<Vec<_>>(), [b"Subject: x\r\n\r\n..\r\n"]);

    lab.reset("sts-enforce").unwrap();
    assert_eq!(lab.saw("sts-enforce").connections(), 0);
}

#[test]
fn starttls_goes_wrong_in_the_way_that_is_asked_for() {
    for (personality, offered, answer) in [
        ("starttls = 'absent'", false, "502 5.5.1 command not known here\r\n"),
        ("starttls = '454 4.7.0 later'", true, "454 4.7.0 later\r\n"),
        ("starttls = 'inject'", true, "220 2.0.0 ready\r\n"),
        ("starttls = 'close'", true, "220 2.0.0 ready\r\n"),
        ("starttls = 'garbage'", true, "220 2.0.0 ready\r\n"),
    ] {
        let lab = one_server(personality);
        let mut client = smtp(&lab, "own");
        client.reply();
        assert_eq!(client.ask("EHLO a.example").contains("STARTTLS"), offered, "{personality}");
        assert_eq!(client.ask("STARTTLS"), answer, "{personality}");
        match personality {
            "starttls = 'inject'" => {
                assert_eq!(client.0.buffer(), b"250 injected\r\n", "in the same segment")
            }
            "starttls = 'close'" => assert_eq!(client.reply(), "", "the end of the stream"),
            "starttls = 'garbage'" => {
                client.send("\x16\x03\x01");
                let mut first = [0; 3];
                client.0.read_exact(&mut first).unwrap();
                assert!(!(20..24).contains(&first[0]), "no type of a TLS record");
            }
            _ => assert!(client.ask("NOOP").starts_with("250 "), "{personality}: the session goes on"),
        }
    }
}

#[test]
fn each_stage_can_be_refused() {
    let lab = one_server(
        "greeting = '220 hello', capabilities = ['SIZE 10'], mail = '250 2.1.0 sender', data = '451 4.3.0 no', \
         rcpt = { 'good@own.lab' = '250 2.1.5 known', '*' = '550 5.1.1 unknown' }",
    );
    let mut client = smtp(&lab, "own");
    assert_eq!(client.reply(), "220 hello\r\n");
    assert!(client.ask("EHLO a.example").contains("SIZE 10"));
    assert_eq!(client.ask("MAIL FROM:<>"), "250 2.1.0 sender\r\n");
    assert_eq!(client.ask("RCPT TO:<good@own.lab>"), "250 2.1.5 known\r\n");
    assert_eq!(client.ask("RCPT TO:<bad@own.lab>"), "550 5.1.1 unknown\r\n");
    assert_eq!(client.ask("DATA"), "451 4.3.0 no\r\n");
    assert_eq!(client.ask("QUIT"), "221 2.0.0 bye\r\n");
    assert_eq!(lab.saw("own").rcpt(), 2);

    let lab = one_server("greeting = '554 5.3.2 no'");
    assert_eq!(smtp(&lab, "own").reply(), "554 5.3.2 no\r\n");
    let lab = one_server("greeting = 'close'");
    assert_eq!(smtp(&lab, "own").reply(), "");
    let lab = one_server("ehlo = '500 5.5.1 what'");
    let mut client = smtp(&lab, "own");
    client.reply();
    assert_eq!(client.ask("EHLO a.example"), "500 5.5.1 what\r\n");
}

#[test]
fn a_message_is_taken_before_the_connection_is_lost() {
    let lab = one_server("dot = 'close'");
    let mut client = smtp(&lab, "own");
    client.reply();
    assert!(client.ask("DATA").starts_with("354 "));
    assert_eq!(client.ask("x\r\n."), "");
    assert_eq!(lab.saw("own").messages().count(), 1);
}

#[test]
fn a_server_hangs_until_it_is_released() {
    let lab = one_server("dot = 'hang'");
    let mut client = smtp(&lab, "own");
    client.reply();
    client.ask("DATA");
    client.send("x\r\n.");
    let saw = lab.wait_until("own", LIMIT, |saw| saw.messages().count() == 1).expect("the message arrives");
    assert_eq!(saw.data(), 1);
    client.0.get_ref().set_nonblocking(true).unwrap();
    assert_eq!(client.0.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "no reply yet");
    client.0.get_ref().set_nonblocking(false).unwrap();
    lab.release("own");
    assert!(client.reply().starts_with("250 "));
}

#[test]
fn certificates_are_wrong_in_the_way_that_is_asked_for() {
    for (certificate, expected) in [
        ("issuer = 'root'", None),
        ("issuer = 'intermediate'", None),
        ("issuer = 'itself'", Some("UnknownIssuer")),
        ("issuer = 'private'", Some("UnknownIssuer")),
        ("dates = 'past'", Some("Expired")),
        ("dates = 'future'", Some("NotValidYet")),
        ("names = ['{domain}']", Some("NotValidForName")),
    ] {
        let lab = one_server(&format!("certificate = {{ {certificate} }}"));
        let mut client = smtp(&lab, "own");
        client.reply();
        client.ask("STARTTLS");
        let mut client = client.into_tls(&lab, "mx1.own.lab");
        let written = client.0.get_mut().write_all(b"EHLO a.example\r\n");
        match (written, expected) {
            (Ok(()), None) => assert!(client.reply().starts_with("250")),
            (Err(error), Some(expected)) => {
                assert!(format!("{error:?}").contains(expected), "{certificate}: {error:?}");
            }
            (written, expected) => panic!("{certificate}: {written:?} where {expected:?} was expected"),
        }
    }
}

/// Takes every chain: what was presented is then read from the connection.
#[derive(Debug)]
struct TakeAny(Arc<CryptoProvider>);

impl ServerCertVerifier for TakeAny {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, leaf, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, leaf, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// The chain that the server of `scenario` presents.
fn presented(lab: &Lab, scenario: &str) -> Vec<CertificateDer<'static>> {
    let mut client = smtp(lab, scenario);
    client.reply();
    client.ask("STARTTLS");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(TakeAny(provider)))
        .with_no_client_auth();
    let name = ServerName::try_from("mx1.example").unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
    connection.complete_io(&mut client.0.into_inner()).unwrap();
    connection.peer_certificates().unwrap().to_vec()
}

#[test]
fn tlsa_records_are_those_of_the_servers() {
    let lab = lab(&["dane-ee-match", "dane-ee-mismatch", "dane-ta-next-hop", "dane-ta-mismatch"]);
    for (scenario, at, of_key, matches) in [
        ("dane-ee-match", 0, true, true),
        ("dane-ee-mismatch", 0, true, false),
        ("dane-ta-next-hop", 1, false, true),
        ("dane-ta-mismatch", 1, false, false),
    ] {
        let chain = presented(&lab, scenario);
        let (_, certificate) = X509Certificate::from_der(&chain[at]).unwrap();
        let selected = if of_key { certificate.public_key().raw } else { chain[at].as_ref() };
        let digest: String =
            digest(&SHA256, selected).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let zone = lab.dns().zone_text(&lab.scenario(scenario).domain).unwrap();
        assert_eq!(zone.to_lowercase().contains(&digest), matches, "{scenario}: {digest} in\n{zone}");
    }
}

/// The head and the body of what the policy host of `scenario` answers, or the error of the connection.
fn fetch(lab: &Lab, scenario: &str, path: &str) -> std::io::Result<(String, String)> {
    let host = format!("mta-sts.{scenario}.lab");
    let address = SocketAddr::new(lab.address(scenario, "mta-sts"), lab.policy_port());
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(LIMIT))?;
    let name = ServerName::try_from(host.clone()).unwrap();
    let mut stream = StreamOwned::new(ClientConnection::new(trusting(lab), name).unwrap(), stream);
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    match stream.take(100_000).read_to_end(&mut answer) {
        Ok(_) => {}
        // The lab's hosts close without close_notify: the length says that all is there.
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {}
        Err(error) => return Err(error),
    }
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Ok((head.to_owned(), body.to_owned()))
}

const WELL_KNOWN: &str = "/.well-known/mta-sts.txt";

#[test]
fn policy_hosts_answer_as_they_are_told() {
    let lab = lab(&[
        "sts-enforce",
        "sts-enforce-self-signed",
        "policy-host-404",
        "policy-host-301",
        "policy-host-html",
        "policy-host-no-content-type",
        "policy-host-endless",
    ]);
    let (head, body) = fetch(&lab, "sts-enforce", WELL_KNOWN).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("Content-Type: text/plain"), "{head}");
    assert_eq!(body, "version: STSv1\r\nmode: enforce\r\nmx: *.sts-enforce.lab\r\nmax_age: 86400\r\n");
    let saw = lab.saw("sts-enforce").policy_host;
    assert_eq!(saw.gets, 1);
    assert_eq!(saw.hosts, ["mta-sts.sts-enforce.lab"]);
    assert_eq!(saw.sni, [Some("mta-sts.sts-enforce.lab".to_owned())]);
    assert_eq!(saw.paths, [WELL_KNOWN]);

    let head = |scenario| fetch(&lab, scenario, WELL_KNOWN).unwrap().0;
    assert!(head("policy-host-404").starts_with("HTTP/1.1 404 "));
    assert!(head("policy-host-html").contains("Content-Type: text/html"));
    assert!(!head("policy-host-no-content-type").contains("Content-Type"));
    let redirect = head("policy-host-301");
    assert!(redirect.starts_with("HTTP/1.1 301 "));
    assert!(redirect.contains("Location: https://mta-sts.policy-host-301.lab/policy.txt"), "{redirect}");
    let (followed, policy) = fetch(&lab, "policy-host-301", "/policy.txt").unwrap();
    assert!(
        followed.starts_with("HTTP/1.1 200 ") && policy.contains("mode: enforce"),
        "a good policy is there"
    );
    assert!(fetch(&lab, "policy-host-endless", WELL_KNOWN).unwrap().1.len() > 90_000);
}

#[test]
fn policy_hosts_fail_as_they_are_told() {
    let lab = lab(&[
        "sts-enforce",
        "sts-enforce-self-signed",
        "policy-host-wrong-name",
        "policy-host-self-signed",
        "policy-host-expired",
        "policy-host-refuses",
    ]);
    for (scenario, expected) in [
        ("policy-host-wrong-name", "NotValidForName"),
        ("policy-host-self-signed", "UnknownIssuer"),
        ("policy-host-expired", "Expired"),
        ("policy-host-refuses", "ConnectionRefused"),
    ] {
        let error = format!("{:?}", fetch(&lab, scenario, WELL_KNOWN).unwrap_err());
        assert!(error.contains(expected), "{scenario}: {error}");
        assert_eq!(lab.saw(scenario).policy_host.gets, 0, "{scenario}");
    }
}

#[test]
fn a_policy_host_that_never_answers_reads_the_request() {
    let lab = lab(&["sts-enforce", "sts-enforce-self-signed", "policy-host-timeout"]);
    let scenario = "policy-host-timeout";
    let stream = connect(&lab, scenario, "mta-sts", lab.policy_port());
    let name = ServerName::try_from("mta-sts.policy-host-timeout.lab").unwrap();
    let mut stream = StreamOwned::new(ClientConnection::new(trusting(&lab), name).unwrap(), stream);
    stream.write_all(format!("GET {WELL_KNOWN} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
    let saw =
        lab.wait_until(scenario, LIMIT, |saw| saw.policy_host.paths.len() == 1).expect("the request arrives");
    assert_eq!(saw.policy_host.gets, 0);
}

#[test]
fn a_policy_host_goes_after_the_first_fetch_and_comes_back() {
    let lab = lab(&["sts-enforce", "policy-cached"]);
    let record = || lab.dns().zone_text("policy-cached.lab").unwrap();
    for _ in 0..2 {
        assert!(record().contains("id=1"));
        assert!(fetch(&lab, "policy-cached", WELL_KNOWN).unwrap().1.contains("mode: enforce"));
        assert!(record().contains("id=2") && !record().contains("id=1"));
        let error = fetch(&lab, "policy-cached", WELL_KNOWN).unwrap_err();
        let gone = [std::io::ErrorKind::UnexpectedEof, std::io::ErrorKind::ConnectionReset];
        assert!(gone.contains(&error.kind()), "{error:?}");
        assert_eq!(lab.saw("policy-cached").policy_host.gets, 1);
        lab.reset("policy-cached").unwrap();
    }
}

#[test]
fn what_mxtls_reads_is_there() {
    let lab = lab(&["sts-enforce", "policy-cached"]);
    let options = lab.options();
    let value = |option: &str| options[options.iter().position(|given| given == option).unwrap() + 1].clone();
    assert_eq!(value("--resolver"), lab.dns().address().to_string());
    assert!(std::fs::read_to_string(value("--trust-anchor")).unwrap().contains("IN DS"));
    assert_eq!(value("--port"), lab.port().to_string());
    assert_eq!(value("--policy-port"), lab.policy_port().to_string());

    let [plain, cached] = lab.scenarios() else { panic!("two scenarios") };
    assert_eq!(lab.check_arguments(plain), ["sts-enforce.lab"]);
    assert_eq!(lab.check_arguments(cached), ["policy-cached.lab", "policy-cached.lab", "--concurrency", "1"]);
    let send = lab.send_arguments(plain);
    assert_eq!(
        send[..5],
        ["--from", "sender@elsewhere.example", "--to", "postmaster@sts-enforce.lab", "--message"]
    );
    assert!(std::fs::read_to_string(&send[5]).unwrap().ends_with("\r\n"));
    let send = lab.send_arguments(cached);
    assert_eq!(send[0], "--case");
    let case: serde_json::Value = json5::from_str(&std::fs::read_to_string(&send[1]).unwrap()).unwrap();
    assert_eq!(case["envelopes"].as_array().unwrap().len(), 2);
    assert_eq!(case["envelopes"][1]["rcpt"][0], "postmaster@policy-cached.lab");
}

#[test]
fn a_mistake_in_a_scenario_is_named() {
    for (zone, expected) in [
        ("@ MX 10 {ip mx9}", "scenario own: {ip mx9}: there is no server mx9"),
        ("@ TLSA {tlsa mx1 3 1}", "scenario own: {tlsa mx1 3 1}: expected a server"),
        ("@ TLSA {tlsa mx1 3 1 300}", "scenario own: {tlsa mx1 3 1 300}: \"300\": number too large"),
        ("@ MX", "own.lab"),
    ] {
        let text = format!(
            "[[scenario]]\nname = 'own'\nmatrix = 'opportunistic'\nwhy = ''\nzone = '{zone}'\nservers.mx1 = {{}}\n\
             expected = {{ verdict = 'defer', failure = 'x', connections = 0, mail = 0, data = 0 }}"
        );
        let Err(error) = Lab::start_with(Scenario::parse(&text).unwrap()) else { panic!("{zone} is taken") };
        assert!(error.to_string().contains(expected), "{error}");
    }
}
