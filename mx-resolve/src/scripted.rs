//! A DNS server for tests: it does what it is told and writes down what it was asked.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use dnssec::Question;
use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{Name, RData, Record, RecordType, rdata::A},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    task::JoinHandle,
};

/// A question as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) message: Message,
    pub(crate) from: SocketAddr,
    pub(crate) tcp: bool,
    /// Which one it is, counted from 1.
    pub(crate) number: usize,
}

impl Asked {
    pub(crate) fn name(&self) -> &Name {
        self.message.queries[0].name()
    }

    pub(crate) fn record_type(&self) -> RecordType {
        self.message.queries[0].query_type()
    }

    /// An empty response.
    pub(crate) fn response(&self) -> Message {
        let mut message = Message::response(self.message.metadata.id, self.message.metadata.op_code);
        message.add_queries(self.message.queries.iter().cloned());
        message
    }

    pub(crate) fn rcode(&self, code: ResponseCode) -> Message {
        let mut message = self.response();
        message.metadata.response_code = code;
        message
    }

    /// An answer of one A record.
    pub(crate) fn address(&self, last_octet: u8, ttl: u32) -> Message {
        let mut message = self.response();
        let data = RData::A(A(Ipv4Addr::new(192, 0, 2, last_octet)));
        message.add_answer(Record::from_rdata(self.name().clone(), ttl, data));
        message
    }
}

/// Whose doing a datagram is.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// The server's.
    Genuine(Vec<u8>),
    /// Somebody's who sends from another port.
    Stranger(Vec<u8>),
    /// The server's, to an earlier question.
    Late { to: SocketAddr, octets: Vec<u8> },
    /// The server's, but for the last octet, which never comes: over TCP the connection stays open.
    Unfinished(Vec<u8>),
}

impl From<Message> for Reply {
    fn from(message: Message) -> Self {
        Self::Genuine(message.to_vec().unwrap())
    }
}

pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<Vec<Asked>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Scripted {
    /// A server over UDP and TCP on one port of loopback; `script` says what is sent in answer to each question.
    pub(crate) async fn start(script: impl Fn(&Asked) -> Vec<Reply> + Send + Sync + 'static) -> Self {
        let sockets = bind_both((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
        Self::serve(sockets, script)
    }

    /// Servers on one port of 127.0.0.1, 127.0.0.2 and so on; the script is told which one is asked, counted from 1.
    pub(crate) async fn start_many(
        count: u8,
        script: impl Fn(u8, &Asked) -> Vec<Reply> + Clone + Send + Sync + 'static,
    ) -> Vec<Self> {
        'port: loop {
            let (mut port, mut all) = (0, vec![]);
            for number in 1..=count {
                let Some(sockets) = bind_both((Ipv4Addr::new(127, 0, 0, number), port).into()).await else {
                    continue 'port;
                };
                port = sockets.0.local_addr().unwrap().port();
                all.push((number, sockets));
            }
            let serve = |(number, sockets)| {
                let script = script.clone();
                Self::serve(sockets, move |asked| script(number, asked))
            };
            return all.into_iter().map(serve).collect();
        }
    }

    fn serve(
        (udp, tcp): (UdpSocket, TcpListener),
        script: impl Fn(&Asked) -> Vec<Reply> + Send + Sync + 'static,
    ) -> Self {
        let address = udp.local_addr().unwrap();
        let log = Arc::new(Mutex::new(vec![]));
        let shared = Arc::new(Shared { script: Box::new(script), log: Arc::clone(&log) });
        let tasks =
            vec![tokio::spawn(serve_udp(udp, Arc::clone(&shared))), tokio::spawn(serve_tcp(tcp, shared))];
        Self { address, log, tasks }
    }

    /// The questions so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.log.lock().unwrap().clone()
    }

    /// How often this was asked.
    pub(crate) fn count(&self, name: &str, record_type: RecordType) -> usize {
        let wanted = Question::new(Name::from_ascii(name).unwrap(), record_type);
        let is_wanted = |asked: &&Asked| Question::new(asked.name().clone(), asked.record_type()) == wanted;
        self.asked().iter().filter(is_wanted).count()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

type Script = Box<dyn Fn(&Asked) -> Vec<Reply> + Send + Sync>;

struct Shared {
    script: Script,
    log: Arc<Mutex<Vec<Asked>>>,
}

impl Shared {
    fn replies(&self, octets: &[u8], from: SocketAddr, tcp: bool) -> Vec<Reply> {
        let asked = {
            let mut log = self.log.lock().unwrap();
            let message = Message::from_vec(octets).unwrap();
            let asked = Asked { message, from, tcp, number: log.len() + 1 };
            log.push(asked.clone());
            asked
        };
        (self.script)(&asked)
    }
}

/// `None` where a port that was asked for is taken.
async fn bind_both(address: SocketAddr) -> Option<(UdpSocket, TcpListener)> {
    loop {
        let Ok(udp) = UdpSocket::bind(address).await else { return None };
        // Somebody may have the same port for TCP.
        match TcpListener::bind(udp.local_addr().unwrap()).await {
            Ok(tcp) => return Some((udp, tcp)),
            Err(_) if address.port() == 0 => {}
            Err(_) => return None,
        }
    }
}

async fn serve_udp(socket: UdpSocket, shared: Arc<Shared>) {
    let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut buffer = [0; 4096];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        for reply in shared.replies(&buffer[..length], from, false) {
            // Who asked may have gone.
            let _sent = match reply {
                Reply::Genuine(octets) => socket.send_to(&octets, from).await,
                Reply::Stranger(octets) => stranger.send_to(&octets, from).await,
                Reply::Late { to, octets } => socket.send_to(&octets, to).await,
                Reply::Unfinished(octets) => socket.send_to(&octets[..octets.len() - 1], from).await,
            };
        }
    }
}

async fn serve_tcp(listener: TcpListener, shared: Arc<Shared>) {
    let mut open = vec![];
    while let Ok((mut connection, from)) = listener.accept().await {
        let Some(octets) = read(&mut connection).await else { continue };
        // Where the script says nothing, the connection ends here.
        for reply in shared.replies(&octets, from, true) {
            let (stays, octets) = match reply {
                Reply::Genuine(octets) | Reply::Stranger(octets) | Reply::Late { octets, .. } => (0, octets),
                Reply::Unfinished(octets) => (1, octets),
            };
            let length = u16::try_from(octets.len()).unwrap();
            let framed = [&length.to_be_bytes()[..], &octets].concat();
            let _sent = connection.write_all(&framed[..framed.len() - stays]).await;
            if stays > 0 {
                open.push(connection);
                break;
            }
        }
    }
}

async fn read(connection: &mut TcpStream) -> Option<Vec<u8>> {
    let Ok(length) = connection.read_u16().await else { return None };
    let mut octets = vec![0; usize::from(length)];
    match connection.read_exact(&mut octets).await {
        Ok(_) => Some(octets),
        Err(_) => None,
    }
}
