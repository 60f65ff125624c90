//! The scene's answers over UDP on loopback, for a library that does its own asking.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::{Context, Result};
use dnssec::Question;
use hickory_proto::op::Message;

use crate::scene::Scene;

/// A server that runs until the program ends.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    answers: Arc<Answers>,
}

/// In wire form, with any id. What was not made ready is made when it is asked for.
struct Answers {
    scene: Arc<Scene>,
    ready: Mutex<HashMap<Question, Vec<u8>>>,
}

impl Server {
    pub(crate) fn start(scene: &Arc<Scene>) -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = socket.local_addr()?;
        let answers = Arc::new(Answers { scene: Arc::clone(scene), ready: Mutex::default() });
        let shared = Arc::clone(&answers);
        thread::spawn(move || {
            if let Err(error) = serve(&socket, &shared) {
                eprintln!("the server on {address} ended: {error:#}");
            }
        });
        Ok(Self { address, answers })
    }

    /// Makes an answer ready, so that it costs next to nothing when it is asked for.
    pub(crate) fn ready(&self, question: &Question) -> Result<()> {
        self.answers.wire(question).map(|_| ())
    }
}

impl Answers {
    fn wire(&self, question: &Question) -> Result<Vec<u8>> {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wire) = ready.get(question) {
            return Ok(wire.clone());
        }
        let wire = self.scene.ask(question)?.to_vec()?;
        ready.insert(question.clone(), wire.clone());
        Ok(wire)
    }
}

fn serve(socket: &UdpSocket, answers: &Answers) -> Result<()> {
    let mut buffer = [0; 1232];
    loop {
        let (length, client) = socket.recv_from(&mut buffer)?;
        let query = Message::from_vec(buffer.get(..length).context("no longer than the buffer")?)?;
        let asked = query.queries.first().context("a query has a question")?;
        let mut wire = answers.wire(&Question::new(asked.name().clone(), asked.query_type()))?;
        // RFC 1035 §4.1.1: a message begins with its id.
        for (octet, id) in wire.iter_mut().zip(query.metadata.id.to_be_bytes()) {
            *octet = id;
        }
        socket.send_to(&wire, client)?;
    }
}
