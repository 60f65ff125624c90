//! hickory's validating handle, over answers from memory.

use std::{
    future::{Ready, ready},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context, Result, bail, ensure};
use dnssec::Question;
use futures_util::{
    FutureExt as _,
    stream::{Once, once},
};
use hickory_net::{
    DnsHandle, NetError, dnssec::DnssecDnsHandle, runtime::TokioRuntimeProvider, xfer::FirstAnswer as _,
};
use hickory_proto::{
    dnssec::{Proof, TrustAnchors, rdata::DNSKEY},
    op::{DnsRequest, DnsRequestOptions, DnsResponse, Query},
    rr::{Name, RecordData, RecordType},
};

use crate::{
    pairs::Subject,
    scene::{Kind, Scene, Zone},
    supply::Supply,
};

/// Questions to the handle.
pub(crate) struct Hickory {
    scene: Arc<Scene>,
    zone: Zone,
    kind: Kind,
    anchors: Arc<TrustAnchors>,
    memory: Memory,
    /// The handle that has validated the zone's keys before; `None` where each question meets a new one.
    warm: Option<Handle>,
    /// What the handle asks for when it is asked a question, with `None` for that question itself.
    asks: Vec<Option<Question>>,
    next: usize,
    queued: Vec<(Handle, Question)>,
}

type Handle = DnssecDnsHandle<Memory>;

impl Hickory {
    /// Each question to a new handle, which knows the root's key alone.
    pub(crate) fn cold(scene: &Arc<Scene>, zone: Zone, kind: Kind) -> Result<Self> {
        let mut anchors = TrustAnchors::empty();
        let keys = scene.ask(&Question::new(Name::root(), RecordType::DNSKEY))?;
        let key = keys.answers.iter().find_map(|record| DNSKEY::try_borrow(&record.data));
        anchors.insert(key.context("the root has a key")?.public_key());
        let mut this = Self {
            scene: Arc::clone(scene),
            zone,
            kind,
            anchors: Arc::new(anchors),
            memory: Memory::new(scene),
            warm: None,
            asks: Vec::new(),
            next: 0,
            queued: Vec::new(),
        };
        this.rehearse()?;
        Ok(this)
    }

    /// All questions to one handle, which has come to know the zone's keys.
    pub(crate) fn warm(scene: &Arc<Scene>, zone: Zone, kind: Kind) -> Result<Self> {
        let mut this = Self::cold(scene, zone, kind)?;
        this.warm = Some(this.handle());
        // The first one brings the keys in, the second one shows what is asked for from then on.
        this.rehearse()?;
        this.rehearse()?;
        Ok(this)
    }

    fn handle(&self) -> Handle {
        match &self.warm {
            Some(handle) => handle.clone(),
            None => DnssecDnsHandle::with_trust_anchor(self.memory.clone(), Arc::clone(&self.anchors)),
        }
    }

    fn question(&mut self) -> Result<Question> {
        let question = self.scene.question(self.zone, self.kind, self.next)?;
        self.next += 1;
        Ok(question)
    }

    fn rehearse(&mut self) -> Result<()> {
        let question = self.question()?;
        self.memory.state().rehearsal = Some(Vec::new());
        self.queued.push((self.handle(), question.clone()));
        self.run()?;
        let asked = self.memory.state().rehearsal.take().context("a rehearsal")?;
        self.asks = asked.into_iter().map(|asked| (asked != question).then_some(asked)).collect();
        Ok(())
    }
}

impl Subject for Hickory {
    fn ready(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let question = self.question()?;
            for asked in &self.asks {
                let asked = asked.as_ref().unwrap_or(&question);
                let response = response(&self.scene, asked)?;
                self.memory.state().supply.put(asked.clone(), response);
            }
            self.queued.push((self.handle(), question));
        }
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        let (handle, question) = self.queued.pop().context("a question was made ready")?;
        let query = Query::query(question.name, question.record_type);
        let answer = handle.lookup(query, DnsRequestOptions::default()).first_answer().now_or_never();
        let message = answer.context("answers from memory need no waiting")??;
        let decisive = match self.kind {
            Kind::Records => &message.answers,
            Kind::NoData | Kind::NxDomain => &message.authorities,
        };
        ensure!(
            decisive.iter().any(|record| record.proof == Proof::Secure),
            "hickory says nothing secure about {}",
            message.queries.first().context("an answer has a question")?
        );
        Ok(())
    }
}

fn response(scene: &Scene, question: &Question) -> Result<DnsResponse> {
    Ok(DnsResponse::from_message(scene.ask(question)?)?)
}

/// A handle that has its answers in memory.
#[derive(Clone)]
struct Memory {
    state: Arc<Mutex<State>>,
}

struct State {
    scene: Arc<Scene>,
    supply: Supply<DnsResponse>,
    /// In a rehearsal, what was asked for so far: it is answered by the scene.
    rehearsal: Option<Vec<Question>>,
}

impl Memory {
    fn new(scene: &Arc<Scene>) -> Self {
        let state = State { scene: Arc::clone(scene), supply: Supply::default(), rehearsal: None };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &DnsRequest) -> Result<DnsResponse> {
        let Some(query) = request.queries.first() else { bail!("a request without question") };
        let question = Question::new(query.name().clone(), query.query_type());
        let mut state = self.state();
        if state.rehearsal.is_none() {
            return state.supply.take(&question);
        }
        let response = response(&state.scene, &question)?;
        state.rehearsal.iter_mut().for_each(|asked| asked.push(question.clone()));
        Ok(response)
    }
}

impl DnsHandle for Memory {
    type Response = Once<Ready<Result<DnsResponse, NetError>>>;
    type Runtime = TokioRuntimeProvider;

    fn send(&self, request: DnsRequest) -> Self::Response {
        once(ready(self.answer(&request).map_err(|error| NetError::from(format!("{error:#}")))))
    }
}
