//! The same look-ups, each begun when the one before has ended, and each question of theirs sent when the answer to the one
//! before has come; nothing is asked that is not needed.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::Arc,
};

use anyhow::{Context, Result, anyhow};
use dnssec::{
    FetchError, KeyCache, LocalPolicy, Outcome, Question, Status, Step, TrustAnchors, Validation, Verdict,
};
use hickory_proto::{
    op::Message,
    rr::{Name, RData, RecordType},
};

use crate::{
    clock,
    scene::{query, question},
};

pub(super) struct Sequential {
    socket: UdpSocket,
    keys: Arc<KeyCache>,
}

impl Sequential {
    pub(super) fn new(upstream: SocketAddr, anchor: &str) -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(upstream)?;
        let keys = KeyCache::new(LocalPolicy::new(TrustAnchors::parse(anchor)?), 1000);
        Ok(Self { socket, keys: Arc::new(keys) })
    }

    pub(super) fn ask(&self, name: &str, record_type: &str) -> Result<Verdict> {
        self.verdict(question(name, record_type.parse()?)?)
    }

    /// MX, the record of MTA-STS, then for each host A, AAAA and, where those are secure, TLSA.
    pub(super) fn resolve(&self, domain: &str) -> Result<()> {
        let mx = self.ask(domain, "MX")?;
        self.ask(&format!("_mta-sts.{domain}"), "TXT")?;
        let Outcome::Records(records) = mx.outcome else { return Err(anyhow!("{domain} has no MX records")) };
        for record in records {
            let RData::MX(mx) = record.data else { continue };
            let a = self.verdict(Question::new(mx.exchange.clone(), RecordType::A))?;
            self.verdict(Question::new(mx.exchange.clone(), RecordType::AAAA))?;
            if a.status == Status::Secure {
                let owner = Name::from_ascii("_25._tcp")?.append_domain(&mx.exchange)?;
                self.verdict(Question::new(owner, RecordType::TLSA))?;
            }
        }
        Ok(())
    }

    fn verdict(&self, asked: Question) -> Result<Verdict> {
        let mut validation = Validation::new(asked, Arc::clone(&self.keys), clock::date()?);
        loop {
            match validation.step() {
                Step::Ask(questions) => {
                    // The first is the one that is needed.
                    let needed = questions.first().context("something is needed")?;
                    validation.answer(needed, Ok::<_, FetchError>(self.fetch(needed)?));
                }
                Step::Done(end) => return (*end).map_err(|failure| anyhow!("{failure}")),
            }
        }
    }

    fn fetch(&self, question: &Question) -> Result<Message> {
        self.socket.send(&query(question).to_vec()?)?;
        let mut answer = vec![0; 65_535];
        let length = self.socket.recv(&mut answer)?;
        Ok(Message::from_vec(answer.get(..length).context("no longer than the buffer")?)?)
    }
}
