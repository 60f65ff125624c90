//! The servers: the world's answers over UDP and TCP on one port of loopback addresses, and over TLS on another, with the
//! attacker's rules in between and a log.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, RwLock},
};

use hickory_proto::{
    op::Message,
    rr::{Name, RecordType},
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use super::{
    Face, Tamper, TamperError, World, WorldError,
    front::UDP_PAYLOAD,
    tamper::{Outgoing, Scene},
};

/// One question that arrived.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LoggedQuery {
    /// The name in lower case, absolute.
    pub name: String,
    /// The type.
    pub rtype: RecordType,
    /// Who was asked.
    pub face: Face,
    /// Whether it came over TCP, with TLS or without.
    pub tcp: bool,
    /// Whether it came over TLS.
    pub tls: bool,
}

/// What a question comes over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Channel {
    Udp,
    Tcp,
    Tls,
}

/// A question on the path to the server, and what is done to it.
#[derive(Clone, Debug)]
pub struct PathRule {
    question: (Name, RecordType),
    tamper: Tamper,
    from: usize,
}

impl PathRule {
    /// Disturbs `question`, written `NAME TYPE`, whenever it is asked.
    pub fn new(question: &str, tamper: Tamper) -> Result<Self, TamperError> {
        let error = || TamperError::Question(question.to_owned());
        let (name, rtype) = question.trim().split_once(char::is_whitespace).ok_or_else(error)?;
        let Ok(rtype) = rtype.trim().parse() else { return Err(error()) };
        match super::world::name(name) {
            Ok(name) => Ok(Self { question: (name, rtype), tamper, from: 1 }),
            Err(_) => Err(error()),
        }
    }

    /// Leaves the first questions alone and begins with number `from`, counted from 1.
    pub fn from_query(self, from: usize) -> Self {
        Self { from, ..self }
    }
}

/// A running server; it ends when it is dropped.
pub struct DnsServer {
    address: SocketAddr,
    tls_address: Option<SocketAddr>,
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

struct Shared {
    world: Arc<RwLock<World>>,
    path: Mutex<Path>,
}

/// What lies between the client and the world.
#[derive(Default)]
struct Path {
    rules: Vec<(PathRule, usize)>,
    log: Vec<LoggedQuery>,
}

impl DnsServer {
    /// Serves `world` on a free port, the same for UDP and TCP and at the address of every [`Face`].
    pub async fn start(world: World) -> io::Result<Self> {
        Self::serve(Arc::new(RwLock::new(world))).await
    }

    /// Another server of the same world: nobody is on the path to it yet, and its log is its own.
    pub async fn beside(&self) -> io::Result<Self> {
        Self::serve(Arc::clone(&self.shared.world)).await
    }

    async fn serve(world: Arc<RwLock<World>>) -> io::Result<Self> {
        let sockets = bind_all().await?;
        let mut address = (Face::Recursive.address(), 0).into();
        let shared = Arc::new(Shared { world, path: Mutex::default() });
        let mut tasks = Vec::new();
        for (face, udp, tcp) in sockets {
            if face == Face::Recursive {
                address = udp.local_addr()?;
            }
            tasks.push(tokio::spawn(serve_udp(udp, face, Arc::clone(&shared))));
            tasks.push(tokio::spawn(serve_tcp(tcp, face, Arc::clone(&shared))));
        }
        Ok(Self { address, tls_address: None, shared, tasks })
    }

    /// Serves the same over TLS too (RFC 7858), on another free port.
    pub async fn with_tls(mut self, config: Arc<ServerConfig>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        self.tls_address = Some(listener.local_addr()?);
        self.tasks.push(tokio::spawn(serve_tls(listener, config.into(), Arc::clone(&self.shared))));
        Ok(self)
    }

    /// Where the recursive server listens, for UDP and TCP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where another one listens.
    pub fn face(&self, face: Face) -> SocketAddr {
        (face.address(), self.address.port()).into()
    }

    /// The root's server as a file of root hints; the port is not in it.
    pub fn root_hints(&self) -> String {
        format!(". 3600 IN NS ns.\nns. 3600 IN A {}\n", Face::Authority(0).address())
    }

    /// Where it listens for TLS.
    ///
    /// # Panics
    /// If it does not.
    pub fn tls_address(&self) -> SocketAddr {
        self.tls_address.expect("a server with TLS")
    }

    /// See [`World::trust_anchor`].
    pub fn trust_anchor(&self) -> String {
        self.read(World::trust_anchor)
    }

    /// See [`World::anchor`].
    pub fn anchor(&self, origin: &str) -> Result<String, WorldError> {
        self.read(|world| world.anchor(origin))
    }

    /// See [`World::name_server`].
    pub fn name_server(&self, origin: &str) -> Result<Ipv4Addr, WorldError> {
        self.read(|world| world.name_server(origin))
    }

    /// See [`World::zone_text`].
    pub fn zone_text(&self, origin: &str) -> Result<String, WorldError> {
        self.read(|world| world.zone_text(origin))
    }

    /// See [`World::origins`].
    pub fn origins(&self) -> Vec<String> {
        self.read(World::origins)
    }

    /// See [`World::questions`].
    pub fn questions(&self) -> Vec<(String, RecordType)> {
        self.read(World::questions)
    }

    /// See [`World::replace_txt`].
    pub fn replace_txt(&self, owner: &str, value: &str) -> Result<(), WorldError> {
        self.shared.world.write().unwrap().replace_txt(owner, value)
    }

    /// See [`World::replace_zone`].
    pub fn replace_zone(&self, origin: &str, text: &str) -> Result<(), WorldError> {
        self.shared.world.write().unwrap().replace_zone(origin, text)
    }

    /// See [`World::replace_key`].
    pub fn replace_key(&self, origin: &str) -> Result<(), WorldError> {
        self.shared.world.write().unwrap().replace_key(origin)
    }

    /// Puts the attacker between the client and the server.
    ///
    /// Where rules compete for a question, the one that was added first and applies wins. An attack that this world has not
    /// the records for is an error; if a later change of the world takes them away, the question is answered honestly.
    pub fn tamper(&self, rule: PathRule) -> Result<(), TamperError> {
        self.read(|world| rehearse(world, &rule))?;
        self.shared.path.lock().unwrap().rules.push((rule, 0));
        Ok(())
    }

    /// Takes all rules away.
    pub fn clear_tampering(&self) {
        self.shared.path.lock().unwrap().rules.clear();
    }

    /// The questions that arrived so far and satisfy `wanted`, in order.
    pub fn queries(&self, wanted: impl Fn(&LoggedQuery) -> bool) -> Vec<LoggedQuery> {
        self.shared.path.lock().unwrap().log.iter().filter(|query| wanted(query)).cloned().collect()
    }

    /// Forgets the questions so far.
    pub fn clear_log(&self) {
        self.shared.path.lock().unwrap().log.clear();
    }

    fn read<T>(&self, question: impl FnOnce(&World) -> T) -> T {
        question(&self.shared.world.read().unwrap())
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Shared {
    /// The octets to send back, if any.
    fn respond(&self, octets: &[u8], face: Face, channel: Channel) -> Option<Vec<u8>> {
        // What cannot be read gets no answer: there is no id to answer to.
        let Ok(query) = Message::from_vec(octets) else { return None };
        if !face.hears(&query) {
            return None;
        }
        let world = self.world.read().unwrap();
        let outgoing = match query.queries.as_slice() {
            [question] => {
                let asked = (question.name().to_lowercase(), question.query_type());
                // Who only refers to others does not decide, and is left alone.
                let decides = face.decides(&world, &asked.0, asked.1);
                let tampers = self.path.lock().unwrap().arrive(asked, face, decides, channel);
                tampers.iter().find_map(|(target, tamper)| {
                    let scene = Scene { world: &world, query: &query, target, face };
                    match tamper.apply(&scene) {
                        Ok(outgoing) => outgoing,
                        // The world has changed since the rehearsal. The truth comes out, and whatever counted on the
                        // attack sees that it did not happen.
                        Err(error) => {
                            eprintln!("{error}: answered honestly");
                            None
                        }
                    }
                })
            }
            _ => None,
        };
        let outgoing = match outgoing {
            Some(Outgoing::Message(mut message)) => {
                face.sign_off(&mut message);
                Outgoing::Message(message)
            }
            Some(other) => other,
            None => Outgoing::Message(face.answer(&world, &query)),
        };
        match outgoing {
            Outgoing::Message(message) => Some(encode(&message, &query, channel)),
            Outgoing::Octets(octets) => Some(octets),
            Outgoing::Nothing => None,
        }
    }
}

impl Path {
    /// Logs and counts a question, and returns the rules in force, with the questions that they are about.
    fn arrive(
        &mut self,
        asked: (Name, RecordType),
        face: Face,
        decides: bool,
        channel: Channel,
    ) -> Vec<((Name, RecordType), Tamper)> {
        self.log.push(LoggedQuery {
            name: asked.0.to_ascii(),
            rtype: asked.1,
            face,
            tcp: channel != Channel::Udp,
            tls: channel == Channel::Tls,
        });
        if !decides {
            return Vec::new();
        }
        for (rule, seen) in &mut self.rules {
            if rule.question == asked {
                *seen += 1;
            }
        }
        self.rules
            .iter()
            .filter(|(rule, seen)| (*seen).max(1) >= rule.from)
            .filter(|(rule, _)| face.is_attacked() || rule.tamper.is_fault())
            .map(|(rule, _)| (rule.question.clone(), rule.tamper.clone()))
            .collect()
    }
}

/// Tries the rule on its own question and on those for the keys of the zone.
fn rehearse(world: &World, rule: &PathRule) -> Result<(), TamperError> {
    let origin = super::front::zone_for(world, &rule.question.0, rule.question.1).origin();
    let keys = [RecordType::DS, RecordType::DNSKEY].map(|rtype| (origin.clone(), rtype));
    for (name, rtype) in std::iter::once(rule.question.clone()).chain(keys) {
        let mut query = Message::query();
        query.add_query(hickory_proto::op::Query::query(name, rtype));
        rule.tamper.apply(&Scene { world, query: &query, target: &rule.question, face: Face::Recursive })?;
    }
    Ok(())
}

/// The message, or over UDP an empty truncated one where it does not fit (RFC 6891 §6.2.5).
fn encode(message: &Message, query: &Message, channel: Channel) -> Vec<u8> {
    let octets = message.to_vec().unwrap();
    let limit = query.edns.as_ref().map_or(512, |edns| edns.max_payload().clamp(512, UDP_PAYLOAD));
    if channel != Channel::Udp || octets.len() <= usize::from(limit) {
        octets
    } else {
        message.truncate().to_vec().unwrap()
    }
}

/// A UDP port that is free at every address, for TCP too; where one is taken another port is tried.
async fn bind_all() -> io::Result<Vec<(Face, UdpSocket, TcpListener)>> {
    const ATTEMPTS: usize = 64;
    let mut last = None;
    for _ in 0..ATTEMPTS {
        match bind_once().await {
            Ok(sockets) => return Ok(sockets),
            Err(error) => last = Some(error),
        }
    }
    Err(last.expect("there was at least one attempt"))
}

async fn bind_once() -> io::Result<Vec<(Face, UdpSocket, TcpListener)>> {
    let (mut port, mut sockets) = (0, Vec::new());
    for face in Face::all() {
        let udp = UdpSocket::bind((face.address(), port)).await?;
        port = udp.local_addr()?.port();
        sockets.push((face, udp, TcpListener::bind((face.address(), port)).await?));
    }
    Ok(sockets)
}

async fn serve_udp(socket: UdpSocket, face: Face, shared: Arc<Shared>) {
    let mut buffer = vec![0; 65_535];
    loop {
        // An error here is an ICMP message about an earlier datagram: its client has gone.
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else { continue };
        if let Some(response) = shared.respond(&buffer[..length], face, Channel::Udp) {
            let _gone = socket.send_to(&response, client).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, face: Face, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let shared = Arc::clone(&shared);
            connections.spawn(async move {
                let _closed = serve_connection(stream, face, Channel::Tcp, &shared).await;
            });
        }
    }
}

async fn serve_tls(listener: TcpListener, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
            connections.spawn(async move {
                // A client that will not have this server has gone.
                if let Ok(stream) = acceptor.accept(stream).await {
                    let _closed = serve_connection(stream, Face::Recursive, Channel::Tls, &shared).await;
                }
            });
        }
    }
}

/// Messages with two octets of length before each (RFC 1035 §4.2.2), until the client closes.
async fn serve_connection(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    face: Face,
    channel: Channel,
    shared: &Shared,
) -> io::Result<()> {
    loop {
        let mut octets = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut octets).await?;
        if let Some(response) = shared.respond(&octets, face, channel) {
            // Encoded messages are at most 65,535 octets long.
            let mut framed = (response.len() as u16).to_be_bytes().to_vec();
            framed.extend(response);
            stream.write_all(&framed).await?;
            stream.flush().await?;
        }
    }
}
