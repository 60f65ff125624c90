//! How many round trips it takes to find the servers of a domain.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code outside test functions may panic too: that is how it fails"
)]

use std::{
    collections::{BTreeSet, VecDeque},
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use mx_resolve::{
    Dnssec, Domain, MxResolver, PolicySource, SecureMxRecord,
    policy::{FailureCode, Status},
};
use mxtls_lab::{
    Lab, Scenario,
    dns::{DnsServer, Message, PathRule, Signing, World, ZoneSpec},
};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use tokio::{net::UdpSocket, task::JoinHandle};

/// A question in text: `d.lab MX`, without final dots.
type Asked = String;

/// A server that answers a question only when all of its round have arrived. Nothing of a round can thus rest on an answer
/// to anything else of it; where something would have to, there is no answer at all.
struct Rounds {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    /// What is still to come; the first is the round under way.
    expected: VecDeque<BTreeSet<Asked>>,
    /// Whether the last round is complete, and not answered yet: nothing more belongs to any.
    complete: bool,
    /// What has arrived of the round under way, with what it takes to answer.
    waiting: Vec<(Asked, Vec<u8>, SocketAddr)>,
    /// What has arrived in all.
    log: BTreeSet<Asked>,
    /// What has arrived before its round, or without having any.
    strays: Vec<Asked>,
}

impl Rounds {
    async fn start(answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let state = Arc::<Mutex<State>>::default();
        let task = tokio::spawn(serve(socket, answer, Arc::clone(&state)));
        Self { address, state, task }
    }

    /// Begins to hold answers back, and forgets what arrived before.
    fn expect(&self, rounds: &[Vec<String>]) {
        let expected = rounds.iter().map(|round| round.iter().cloned().collect()).collect();
        *self.state.lock().unwrap() = State { expected, ..State::default() };
    }

    fn assert_met(&self, why: &str) {
        let state = self.state.lock().unwrap();
        assert!(state.expected.is_empty(), "{why}: {:?} was not complete: {:?}", state.expected, state.log);
        assert!(state.strays.is_empty(), "{why}: {:?}", state.strays);
    }

    fn log(&self) -> BTreeSet<Asked> {
        self.state.lock().unwrap().log.clone()
    }
}

impl Drop for Rounds {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How often everybody else may go on before a round is answered.
const TURNS: usize = 20;

async fn serve(socket: UdpSocket, answer: impl Fn(&[u8]) -> Vec<u8>, state: Arc<Mutex<State>>) {
    let mut buffer = [0; 4096];
    loop {
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else { continue };
        let mut ready = state.lock().unwrap().arrive(&buffer[..length], client);
        // Whatever is asked without an answer to these arrives before they are given.
        let mut turns = 0;
        while turns < TURNS {
            tokio::task::yield_now().await;
            turns += 1;
            while let Ok((length, client)) = socket.try_recv_from(&mut buffer) {
                ready.extend(state.lock().unwrap().arrive(&buffer[..length], client));
                turns = 0;
            }
        }
        state.lock().unwrap().complete = false;
        for (_, query, client) in ready {
            let _gone = socket.send_to(&answer(&query), client).await;
        }
    }
}

impl State {
    /// What can be answered now.
    fn arrive(&mut self, query: &[u8], client: SocketAddr) -> Vec<(Asked, Vec<u8>, SocketAddr)> {
        let asked = asked(&Message::from_vec(query).unwrap());
        // One that was answered may come again, over UDP.
        let again = !self.log.insert(asked.clone());
        self.waiting.push((asked.clone(), query.to_vec(), client));
        let arrived: BTreeSet<Asked> = self.waiting.iter().map(|(asked, ..)| asked.clone()).collect();
        match self.expected.front() {
            Some(round) if *round == arrived && !self.complete => {
                self.expected.pop_front();
                self.complete = true;
                std::mem::take(&mut self.waiting)
            }
            Some(round) if round.contains(&asked) && !self.complete => vec![],
            Some(_) | None => {
                if !again {
                    self.strays.push(asked);
                }
                self.waiting.pop().into_iter().collect()
            }
        }
    }
}

/// The question of a message.
fn asked(query: &Message) -> Asked {
    let question = &query.queries[0];
    format!("{} {}", question.name().to_lowercase(), question.query_type()).replace(". ", " ")
}

struct Site {
    rounds: Rounds,
    resolver: MxResolver,
}

impl Site {
    async fn start() -> Self {
        let world = world();
        let anchor = format!("{}\n{}", world.trust_anchor(), world.anchor("_tcp.mx.isle.lab").unwrap());
        Self::over(&anchor, move |query| world.answer(query)).await
    }

    async fn over(anchors: &str, answer: impl Fn(&Message) -> Message + Send + 'static) -> Self {
        let in_octets = move |query: &[u8]| answer(&Message::from_vec(query).unwrap()).to_vec().unwrap();
        let rounds = Rounds::start(in_octets).await;
        let resolver = resolver(rounds.address, anchors);
        Self { rounds, resolver }
    }

    /// Makes the zones of these names known, and that the names lie in them.
    async fn warm(&self, names: &[&str]) {
        for name in names {
            warm(&self.resolver, name).await;
        }
    }

    async fn resolve(&self, domain: &str) -> Vec<SecureMxRecord> {
        self.resolver.resolve_secure_mx(domain).await.unwrap()
    }
}

fn resolver(upstream: SocketAddr, trust_anchor: &str) -> MxResolver {
    let anchor = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(anchor.path(), trust_anchor).unwrap();
    let builder = MxResolver::builder().dnssec(Dnssec::Validate).upstream(upstream).timeout(PATIENCE);
    builder.trust_anchor_file(anchor.path()).build().unwrap()
}

async fn warm(resolver: &MxResolver, name: &str) {
    resolver.dns(name, "TLSA").await.unwrap().result.unwrap();
}

/// No test waits for so long.
const PATIENCE: Duration = Duration::from_secs(20);

const TLSA: &str = "TLSA 3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn world() -> World {
    let ten: String = (0..10)
        .map(|n| {
            format!("@ MX 10 mx{n}\nmx{n} A 192.0.2.{n}\nmx{n} AAAA 2001:db8::{n}\n_25._tcp.mx{n} {TLSA}\n")
        })
        .collect();
    let host = format!("mx A 192.0.2.1\nmx AAAA 2001:db8::1\n_25._tcp.mx {TLSA}\n");
    let domain = format!("@ MX 10 mx\n{host}");
    World::new([
        ZoneSpec::new("lab", Signing::Nsec, ""),
        ZoneSpec::new("dane.lab", Signing::Nsec, &domain),
        ZoneSpec::new("hosted.lab", Signing::Nsec, "@ MX 10 mx.hoster.lab."),
        ZoneSpec::new("hoster.lab", Signing::Nsec, &host),
        ZoneSpec::new("plain.lab", Signing::Unsigned, &domain),
        ZoneSpec::new("hostedplain.lab", Signing::Unsigned, "@ MX 10 mx.plain.lab."),
        ZoneSpec::new("ten.lab", Signing::Nsec, &ten),
        ZoneSpec::new(
            "out.lab",
            Signing::Nsec,
            "@ MX 10 alias\nalias CNAME mx.plain.lab.\ndeep MX 10 mx.below\napex MX 10 below\nunderscore MX 10 _mx\nisland MX 10 mx.isle.lab.",
        ),
        ZoneSpec::new("below.out.lab", Signing::Unsigned, &format!("@ A 192.0.2.9\n_25._tcp {TLSA}\n{host}")),
        ZoneSpec::new("_mx.out.lab", Signing::Unsigned, &format!("@ A 192.0.2.9\n_25._tcp {TLSA}")),
        ZoneSpec::new("isle.lab", Signing::Unsigned, "mx A 192.0.2.1"),
        ZoneSpec::new("_tcp.mx.isle.lab", Signing::Nsec, "_25 CNAME _25._tcp.mx.hoster.lab."),
        ZoneSpec::new("below.lab", Signing::Nsec, "@ 0 MX 10 mx\nmx 0 A 192.0.2.1\nmx 0 AAAA 2001:db8::1"),
        ZoneSpec::new("_tcp.mx.below.lab", Signing::Unsigned, &format!("_25 0 {TLSA}")),
        ZoneSpec::new("someone.lab", Signing::Unsigned, "mx CNAME mx.hoster.lab."),
        ZoneSpec::new("wild.lab", Signing::Nsec, "@ MX 10 some\n* CNAME mx.plain.lab."),
        ZoneSpec::new("gone.lab", Signing::Nsec, "@ MX 10 some\n* CNAME missing.plain.lab."),
        ZoneSpec::new("dname.lab", Signing::Nsec, "@ MX 10 mx\n@ DNAME plain.lab."),
        ZoneSpec::new("tlsaalias.lab", Signing::Nsec, "@ MX 10 mx\nmx A 192.0.2.1\nmx AAAA 2001:db8::1\n_25._tcp.mx CNAME _25._tcp.mx.hoster.lab."),
        ZoneSpec::new("com.lab", Signing::Nsec, "@ MX 10 mx.dane.lab."),
        ZoneSpec::new("example.com.lab", Signing::Nsec, &domain),
    ])
    .unwrap()
}

fn list(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn is_dane(hosts: &[SecureMxRecord]) -> bool {
    hosts.iter().all(|host| !host.policy.as_ref().unwrap().tlsa_records().is_empty())
}

/// With a warm validator: the keys of the root and of the top-level domain are known.
#[tokio::test]
async fn domains() {
    let addresses_at = |host: &str| list(&[&format!("{host} A"), &format!("{host} AAAA")]);
    let keys_of = |zone: &str| list(&[&format!("{zone} DS"), &format!("{zone} DNSKEY")]);
    let ten: Vec<_> = (0..10).map(|n| format!("mx{n}.ten.lab")).collect();
    for (known, domain, dane, rounds, why) in [
        (
            vec!["mx.dane.lab"],
            "dane.lab",
            true,
            vec![
                list(&["dane.lab MX"]),
                [addresses_at("mx.dane.lab"), list(&["_25._tcp.mx.dane.lab TLSA", "_mta-sts.dane.lab TXT"])]
                    .concat(),
            ],
            "the zone of domain and host is known to be signed",
        ),
        (
            vec!["dane.lab"],
            "dane.lab",
            true,
            vec![
                list(&["dane.lab MX"]),
                [addresses_at("mx.dane.lab"), list(&["_mta-sts.dane.lab TXT"])].concat(),
                list(&["_25._tcp.mx.dane.lab TLSA"]),
            ],
            "that of the domain is, but the host may be a zone of its own",
        ),
        (
            vec!["hosted.lab", "mx.hoster.lab"],
            "hosted.lab",
            true,
            vec![
                list(&["hosted.lab MX"]),
                [
                    addresses_at("mx.hoster.lab"),
                    list(&["_25._tcp.mx.hoster.lab TLSA", "_mta-sts.hosted.lab TXT"]),
                ]
                .concat(),
            ],
            "so are two",
        ),
        (
            vec!["lab"],
            "hosted.lab",
            true,
            vec![
                [list(&["hosted.lab MX"]), keys_of("hosted.lab")].concat(),
                [addresses_at("mx.hoster.lab"), keys_of("hoster.lab"), list(&["_mta-sts.hosted.lab TXT"])]
                    .concat(),
                list(&["_25._tcp.mx.hoster.lab TLSA"]),
            ],
            "neither zone is known",
        ),
        (
            vec!["lab"],
            "dane.lab",
            true,
            vec![
                [list(&["dane.lab MX"]), keys_of("dane.lab")].concat(),
                [addresses_at("mx.dane.lab"), list(&["_mta-sts.dane.lab TXT"])].concat(),
                list(&["_25._tcp.mx.dane.lab TLSA"]),
            ],
            "the domain and the host are in one zone, which is not known",
        ),
        (
            vec!["lab"],
            "example.com.lab",
            true,
            vec![
                list(&["example.com.lab MX", "com.lab DS", "com.lab DNSKEY"]),
                keys_of("example.com.lab"),
                [addresses_at("mx.example.com.lab"), list(&["_mta-sts.example.com.lab TXT"])].concat(),
                list(&["_25._tcp.mx.example.com.lab TLSA"]),
            ],
            "two zones above the domain are not known",
        ),
        (
            vec!["lab"],
            "plain.lab",
            false,
            vec![
                [list(&["plain.lab MX"]), keys_of("plain.lab")].concat(),
                [addresses_at("mx.plain.lab"), list(&["_mta-sts.plain.lab TXT"])].concat(),
            ],
            "an unsigned zone that is not known",
        ),
        (
            vec!["lab"],
            "hostedplain.lab",
            false,
            vec![
                [list(&["hostedplain.lab MX"]), keys_of("hostedplain.lab")].concat(),
                [addresses_at("mx.plain.lab"), keys_of("plain.lab"), list(&["_mta-sts.hostedplain.lab TXT"])]
                    .concat(),
            ],
            "and two of them",
        ),
        (
            vec!["plain.lab"],
            "plain.lab",
            false,
            vec![
                list(&["plain.lab MX"]),
                [addresses_at("mx.plain.lab"), list(&["_mta-sts.plain.lab TXT"])].concat(),
            ],
            "one that is",
        ),
        (
            vec!["mx.tlsaalias.lab", "hoster.lab"],
            "tlsaalias.lab",
            true,
            vec![
                list(&["tlsaalias.lab MX"]),
                [
                    addresses_at("mx.tlsaalias.lab"),
                    list(&["_25._tcp.mx.tlsaalias.lab TLSA", "_mta-sts.tlsaalias.lab TXT"]),
                ]
                .concat(),
                list(&["_25._tcp.mx.hoster.lab TLSA"]),
            ],
            "an alias to a name of which nothing is known waits for the addresses, and what it was found by is not asked again",
        ),
        (
            ten.iter().map(String::as_str).collect(),
            "ten.lab",
            true,
            vec![
                list(&["ten.lab MX"]),
                (0..10)
                    .flat_map(|n| {
                        let tlsa = format!("_25._tcp.mx{n}.ten.lab TLSA");
                        [addresses_at(&format!("mx{n}.ten.lab")), list(&[&tlsa])].concat()
                    })
                    .chain(list(&["_mta-sts.ten.lab TXT"]))
                    .collect(),
            ],
            "ten hosts take as many rounds as one",
        ),
    ] {
        let site = Site::start().await;
        site.warm(&["lab"]).await;
        site.warm(&known).await;
        site.rounds.expect(&rounds);
        let hosts = site.resolve(domain).await;
        site.rounds.assert_met(why);
        assert_eq!(is_dane(&hosts), dane, "{domain}: {why}");
    }
}

/// RFC 7672 §2.2.2: whatever is known, no TLSA question goes to an unsigned zone.
#[tokio::test]
async fn d72_41_nothing_is_asked_early_of_unsigned_zones() {
    for (domain, known, status, why) in [
        ("plain.lab", vec![], Status::Insecure, "cold"),
        ("plain.lab", vec!["lab"], Status::Insecure, "the zone above is known to be signed"),
        ("plain.lab", vec!["plain.lab"], Status::Insecure, "the zone is known to be unsigned"),
        ("hostedplain.lab", vec!["lab"], Status::Insecure, "the host is another zone's"),
        ("hostedplain.lab", vec!["plain.lab"], Status::Insecure, "which is known"),
        (
            "deep.out.lab",
            vec!["out.lab"],
            Status::Insecure,
            "a host below an unsigned delegation of a known zone",
        ),
        ("deep.out.lab", vec!["below.out.lab"], Status::Insecure, "which is known, too"),
        ("apex.out.lab", vec![], Status::Insecure, "a host that is such a zone itself"),
        (
            "apex.out.lab",
            vec!["out.lab", "alias.out.lab"],
            Status::Insecure,
            "and nobody has come by it, while its neighbours are known",
        ),
        ("apex.out.lab", vec!["below.out.lab"], Status::Insecure, "and it is known"),
        (
            "underscore.out.lab",
            vec!["out.lab"],
            Status::Insecure,
            "one with a name like that of a service, below a host that is known",
        ),
        (
            "island.out.lab",
            vec!["_25._tcp.mx.isle.lab"],
            Status::Insecure,
            "an island of trust at its TLSA name, which is an alias into a signed zone",
        ),
        ("apex.out.lab", vec!["x.below.out.lab"], Status::Insecure, "known by another name in it"),
    ] {
        let site = Site::start().await;
        site.warm(&known).await;
        site.rounds.expect(&[]);
        for warmth in ["the first time", "again"] {
            let hosts = site.resolve(domain).await;
            assert_eq!(hosts[0].address_status, Some(status), "{domain}: {why}, {warmth}");
            let log = site.rounds.log();
            assert!(!log.is_empty());
            assert!(!log.iter().any(|asked| asked.contains("_tcp")), "{domain}: {why}, {warmth}: {log:?}");
        }
    }
}

/// What was proven may not hold any more: the host, or a zone above it, is an unsigned delegation now. Once that has been
/// found, it is known.
#[tokio::test]
async fn d72_41_what_was_found_insecure_since_is_asked_nothing_early() {
    let zone = format!("@ 0 MX 10 mx\nmx 0 A 192.0.2.1\nmx 0 AAAA 2001:db8::1\n_25._tcp.mx 0 {TLSA}");
    let host = format!("@ 0 A 192.0.2.9\n@ 0 AAAA 2001:db8::9\n_25._tcp 0 {TLSA}");
    for (cut, before, after, delegation, why) in [
        (
            "mx.z.lab",
            ZoneSpec::new("z.lab", Signing::Nsec, &zone),
            ZoneSpec::new("mx.z.lab", Signing::Unsigned, &host),
            ("z.lab", "@ 0 MX 10 mx\nmx 0 NS ns.mx"),
            "the host itself",
        ),
        (
            "a.lab",
            ZoneSpec::new("z.a.lab", Signing::Nsec, &zone),
            ZoneSpec::new("z.a.lab", Signing::Unsigned, &zone),
            ("lab", "a 0 NS ns.a"),
            "a zone above the host's, of which the keys are still held",
        ),
    ] {
        let domain = before.origin.clone();
        let lab = || ZoneSpec::new("lab", Signing::Nsec, "");
        let first = World::new([lab(), before]).unwrap();
        let below = World::new([lab(), after]).unwrap();
        let anchor = first.trust_anchor();
        let changed = Arc::new(Mutex::new((first, false)));
        let site = Site::over(&anchor, {
            let changed = Arc::clone(&changed);
            move |query| {
                let (above, is_changed) = &*changed.lock().unwrap();
                let asked = asked(query);
                // The DS is the parent's.
                let is_below =
                    format!(".{asked}").contains(&format!(".{cut} ")) && asked != format!("{cut} DS");
                if *is_changed && is_below { below.answer(query) } else { above.answer(query) }
            }
        })
        .await;
        assert_eq!(site.resolve(&domain).await[0].address_status, Some(Status::Secure), "{why}");
        {
            let (world, is_changed) = &mut *changed.lock().unwrap();
            world.replace_zone(delegation.0, delegation.1).unwrap();
            *is_changed = true;
        }
        // The first time it is not known yet.
        assert_eq!(site.resolve(&domain).await[0].address_status, Some(Status::Insecure), "{why}");
        site.rounds.expect(&[]);
        assert_eq!(site.resolve(&domain).await[0].address_status, Some(Status::Insecure), "{why}");
        let log = site.rounds.log();
        assert!(!log.is_empty() && !log.iter().any(|asked| asked.contains("_tcp")), "{why}: {log:?}");
    }
}

/// A host in a signed zone, whose TLSA names are an unsigned zone of their own. Strict order asks them, after the addresses.
#[tokio::test]
async fn d72_41_tlsa_names_that_are_known_to_be_unsigned_are_not_asked_early() {
    let site = Site::start().await;
    site.warm(&["lab"]).await;
    assert_eq!(site.resolve("below.lab").await[0].address_status, Some(Status::Secure));
    site.rounds.expect(&[
        list(&["below.lab MX"]),
        list(&["mx.below.lab A", "mx.below.lab AAAA"]),
        list(&["_25._tcp.mx.below.lab TLSA"]),
    ]);
    site.resolve("below.lab").await;
    site.rounds.assert_met("they are known to be unsigned");
}

/// What anybody's unsigned alias leads to is no less signed for it.
#[tokio::test]
async fn an_unsigned_alias_to_a_host_takes_nothing_from_what_is_known_of_the_host() {
    let site = Site::start().await;
    site.warm(&["lab", "hosted.lab", "mx.hoster.lab"]).await;
    let alias = site.resolver.dns("mx.someone.lab", "A").await.unwrap().result.unwrap();
    assert_eq!(alias.status, Status::Insecure);
    let host = list(&["mx.hoster.lab A", "mx.hoster.lab AAAA", "_25._tcp.mx.hoster.lab TLSA"]);
    site.rounds.expect(&[list(&["hosted.lab MX"]), [host, list(&["_mta-sts.hosted.lab TXT"])].concat()]);
    assert!(is_dane(&site.resolve("hosted.lab").await));
    site.rounds.assert_met("the host's zone is known to be signed");
}

/// An alias out of a signed zone. The early question is about the alias, in the signed zone. Strict order asks that, too, but
/// it follows what it finds there only after the addresses.
#[tokio::test]
async fn d72_41_early_questions_do_not_follow_an_alias_into_an_unsigned_zone() {
    let target = list(&["mx.plain.lab A", "mx.plain.lab AAAA"]);
    let early = |domain: &str, host: &str| {
        let tlsa = format!("_25._tcp.{host} TLSA");
        list(&[&format!("{host} A"), &format!("{host} AAAA"), &tlsa, &format!("_mta-sts.{domain} TXT")])
    };
    for (domain, host, further, why) in [
        (
            "out.lab",
            "alias.out.lab",
            vec![target.clone(), list(&["alias.out.lab CNAME"])],
            "an alias, and nothing at its TLSA name: that answer is there already",
        ),
        (
            "wild.lab",
            "some.wild.lab",
            vec![
                [target.clone(), list(&["mx.plain.lab TXT"])].concat(),
                list(&["some.wild.lab CNAME"]),
                list(&["mx.plain.lab TLSA"]),
            ],
            "an alias from a wildcard, which makes one of the TLSA name as well",
        ),
        (
            "dname.lab",
            "mx.dname.lab",
            vec![
                [target.clone(), list(&["_mta-sts.plain.lab TXT"])].concat(),
                list(&["mx.dname.lab CNAME"]),
                list(&["_25._tcp.mx.plain.lab TLSA"]),
            ],
            "a DNAME, which does the same",
        ),
        (
            "gone.lab",
            "some.gone.lab",
            vec![list(&["missing.plain.lab A", "missing.plain.lab AAAA", "missing.plain.lab TXT"])],
            "a target without addresses: strict order asks for no TLSA records",
        ),
    ] {
        let site = Site::start().await;
        site.warm(&[domain, host, "plain.lab"]).await;
        let rounds = [vec![list(&[&format!("{domain} MX")]), early(domain, host)], further].concat();
        site.rounds.expect(&rounds);
        site.resolve(domain).await;
        site.rounds.assert_met(why);
    }
}

/// Decision 30: an early answer counts where strict order asks for it, and else nothing does of it, neither its error nor the
/// time it takes.
#[tokio::test]
async fn d72_39_an_early_answer_that_is_not_due_is_dropped() {
    for (domain, fault, dane, why) in [
        ("both", "bogus", Ok(true), "the expanded name has records, and comes first"),
        ("both", "timeout", Ok(true), "so it does, and nobody waits"),
        (
            "unreachable",
            "bogus",
            Err(FailureCode::DnsServfail),
            "the address look-ups failed: their error counts",
        ),
        ("unreachable", "timeout", Err(FailureCode::DnsServfail), "and nobody waits for more"),
        ("dane", "bogus", Err(FailureCode::DnsBogus), "it is due: its error counts"),
        ("dane", "servfail", Err(FailureCode::DnsServfail), "so does this one"),
    ] {
        let world = World::new([
            ZoneSpec::new("lab", Signing::Nsec, ""),
            ZoneSpec::new("dane.lab", Signing::Nsec, &format!("mx A 192.0.2.1\n_25._tcp.mx {TLSA}")),
            ZoneSpec::new("both.lab", Signing::Nsec, "mx CNAME mx.dane.lab."),
            ZoneSpec::new("unreachable.lab", Signing::Nsec, "mx A 192.0.2.2"),
        ]);
        let server = DnsServer::start(world.unwrap()).await.unwrap();
        for question in ["mx.unreachable.lab A", "mx.unreachable.lab AAAA"] {
            server.tamper(PathRule::new(question, "servfail".parse().unwrap()).unwrap()).unwrap();
        }
        let host = format!("mx.{domain}.lab");
        let early = format!("_25._tcp.{host} TLSA");
        server.tamper(PathRule::new(&early, fault.parse().unwrap()).unwrap()).unwrap();
        let resolver = resolver(server.address(), &server.trust_anchor());
        warm(&resolver, &host).await;
        let begun = Instant::now();
        let report = resolver.check_dane(&Domain::parse(&host).unwrap(), 25).await;
        assert!(begun.elapsed() < PATIENCE, "{domain}, {fault}: {why}");
        let asked = server.queries(|query| query.name == format!("_25._tcp.{host}."));
        assert!(!asked.is_empty(), "{domain}: it was asked");
        let found =
            report.policy.map(|policy| !policy.tlsa_records().is_empty()).map_err(|failure| failure.code);
        assert_eq!(found, dane, "{domain}, {fault}: {why}");
    }
}

/// The policy is fetched once; from then on the record's id tells that it still holds. Everything has a TTL of 0, so that it is asked
/// for again.
#[tokio::test]
async fn no_dane_and_mta_sts_cached() {
    const ROW: &str = "sts-enforce-unsigned";
    let rows =
        Scenario::all().unwrap().into_iter().filter(|row| row.name == ROW || row.name == "sts-enforce");
    let lab = Lab::start_with(rows.collect()).unwrap();
    let (host, policy_host) = (lab.address(ROW, "mx1"), lab.address(ROW, "mta-sts"));
    let records = format!(
        "@ 0 MX 10 mx1\nmx1 0 A {host}\n_mta-sts 0 TXT \"v=STSv1; id=1;\"\nmta-sts 0 A {policy_host}\n"
    );
    let domain = format!("{ROW}.lab");
    lab.dns().replace_zone(&domain, &records).unwrap();
    let upstream = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    upstream.connect(lab.dns().address()).unwrap();
    // The lab has a thread of its own.
    let rounds = Rounds::start(move |query| {
        let mut answer = vec![0; 4096];
        upstream.send(query).unwrap();
        let length = upstream.recv(&mut answer).unwrap();
        answer.truncate(length);
        answer
    })
    .await;
    let roots = CertificateDer::pem_file_iter(lab.ca_file()).unwrap().map(Result::unwrap);
    let resolver = MxResolver::builder()
        .dnssec(Dnssec::Validate)
        .upstream(rounds.address)
        .trust_anchor_file(lab.trust_anchor_file())
        .roots(roots)
        .policy_port(lab.policy_port())
        .families(mx_resolve::Families::Ipv4)
        .timeout(PATIENCE)
        .build()
        .unwrap();
    let destination = domain.parse().unwrap();
    let source = async || resolver.resolve(&destination).await.mta_sts.unwrap().source;
    assert_eq!(source().await, PolicySource::Fetched);
    rounds.expect(&[
        list(&[&format!("{domain} MX")]),
        list(&[&format!("mx1.{domain} A"), &format!("_mta-sts.{domain} TXT")]),
    ]);
    assert_eq!(source().await, PolicySource::Cache);
    rounds.assert_met("the record beside the addresses");
}
