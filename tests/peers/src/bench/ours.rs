//! `dnssec`, over answers from memory.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail, ensure};
use dnssec::{
    Failure, FetchError, KeyCache, LocalPolicy, Outcome, Question, Status, Step, TrustAnchors, Validation,
    Verdict,
};
use hickory_proto::op::Message;

use crate::{
    clock,
    pairs::Subject,
    scene::{Kind, Scene, Zone},
    supply::Supply,
};

/// What judges questions, and knows the keys of the zones that it met before.
#[derive(Clone)]
pub(crate) struct Judge {
    pub(crate) cache: Arc<KeyCache>,
    now: u32,
}

/// How a question ended.
pub(crate) struct End {
    pub(crate) verdict: Result<Verdict, Failure>,
    /// Signatures verified for it.
    pub(crate) signatures: u16,
}

impl Judge {
    /// One that knows nothing but trust anchors, in zone-file text.
    pub(crate) fn new(anchors: &str) -> Result<Self> {
        let policy = LocalPolicy::new(TrustAnchors::parse(anchors)?);
        Ok(Self { cache: Arc::new(KeyCache::new(policy, CAPACITY)), now: clock::date()? })
    }

    /// Judges a question with answers from `fetch`.
    pub(crate) fn judge(
        &self,
        question: Question,
        mut fetch: impl FnMut(&Question) -> Result<Message>,
    ) -> Result<End> {
        let mut validation = Validation::new(question, Arc::clone(&self.cache), self.now);
        loop {
            match validation.step() {
                // What is asked ahead of need saves round trips, of which there are none here.
                Step::Ask(questions) => {
                    let needed = questions.first().context("something is asked")?;
                    validation.answer(needed, Ok::<_, FetchError>(fetch(needed)?));
                }
                Step::Done(end) => return Ok(End { verdict: *end, signatures: validation.signatures() }),
            }
        }
    }
}

/// Names that a cache holds: more than any measurement here brings in.
const CAPACITY: usize = 10_000;

/// Questions to `dnssec`.
pub(crate) struct Ours {
    scene: Arc<Scene>,
    zone: Zone,
    kind: Kind,
    /// Knows the zone's keys; `None` where each question meets one that knows nothing.
    warm: Option<Judge>,
    /// What it asks for when it is asked a question, with `None` for that question itself.
    asks: Vec<Option<Question>>,
    next: usize,
    queued: Vec<(Judge, Question, Supply<Message>)>,
    /// Signatures verified for the latest question.
    pub(crate) signatures: u16,
}

impl Ours {
    /// Each question to a new judge, which knows the root's DS alone.
    pub(crate) fn cold(scene: &Arc<Scene>, zone: Zone, kind: Kind) -> Result<Self> {
        let scene = Arc::clone(scene);
        let mut this = Self {
            scene,
            zone,
            kind,
            warm: None,
            asks: Vec::new(),
            next: 0,
            queued: Vec::new(),
            signatures: 0,
        };
        this.rehearse()?;
        Ok(this)
    }

    /// All questions to one judge, which has come to know the zone's keys.
    pub(crate) fn warm(scene: &Arc<Scene>, zone: Zone, kind: Kind) -> Result<Self> {
        let mut this = Self::cold(scene, zone, kind)?;
        this.warm = Some(this.judge()?);
        // The first one brings the keys in, the second one shows what is asked for from then on.
        this.rehearse()?;
        this.rehearse()?;
        Ok(this)
    }

    fn judge(&self) -> Result<Judge> {
        match &self.warm {
            Some(judge) => Ok(judge.clone()),
            None => Judge::new(&self.scene.anchor()),
        }
    }

    fn question(&mut self) -> Result<Question> {
        let question = self.scene.question(self.zone, self.kind, self.next)?;
        self.next += 1;
        Ok(question)
    }

    fn rehearse(&mut self) -> Result<()> {
        let (judge, question) = (self.judge()?, self.question()?);
        let mut asks = Vec::new();
        let end = judge.judge(question.clone(), |asked| {
            asks.push((*asked != question).then(|| asked.clone()));
            self.scene.ask(asked)
        })?;
        check(end.verdict, self.kind)?;
        (self.asks, self.signatures) = (asks, end.signatures);
        Ok(())
    }
}

impl Subject for Ours {
    fn ready(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let (judge, question) = (self.judge()?, self.question()?);
            let mut supply = Supply::default();
            for asked in &self.asks {
                let asked = asked.as_ref().unwrap_or(&question);
                supply.put(asked.clone(), self.scene.ask(asked)?);
            }
            self.queued.push((judge, question, supply));
        }
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        let (judge, question, mut supply) = self.queued.pop().context("a question was made ready")?;
        check(judge.judge(question, |asked| supply.take(asked))?.verdict, self.kind)
    }
}

fn check(verdict: Result<Verdict, Failure>, kind: Kind) -> Result<()> {
    let verdict = verdict.map_err(|failure| anyhow!("{failure}"))?;
    ensure!(verdict.status == Status::Secure, "{} is {}", verdict.name, verdict.status);
    match (kind, verdict.outcome) {
        (Kind::Records, Outcome::Records(_))
        | (Kind::NoData, Outcome::NoData)
        | (Kind::NxDomain, Outcome::NxDomain) => Ok(()),
        (_, outcome) => bail!("{} has {outcome:?}", verdict.name),
    }
}
