//! Resolution from the root, without an upstream (RFC 1034 §5.3.3): the servers of each zone are asked until they answer, or
//! name those of a zone below.
//!
//! What comes of it is a whole message, as the last server sent it: it is judged by `dnssec`, which asks for the target of
//! an alias by itself, so that no alias is followed here. Referrals are believed as far as any resolver believes them. Who
//! forges one gets our questions, and gains nothing but that where the zone is signed.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use dnssec::{FetchError, Question};
use futures_util::{
    FutureExt,
    future::{BoxFuture, join_all},
};
use hickory_net::runtime::TokioRuntimeProvider;
use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{Name, RData},
};
use rand::seq::SliceRandom;
use tokio::time::Instant;

use crate::{
    cache::ExpiringMap,
    datagram::DatagramRuntime,
    delegation::{Delegation, MAX_GLUE, Reach, holder, referral},
    families::Families,
    in_flight::InFlight,
    lock::lock,
    message::Role,
    root_hints::RootHints,
    transport::{Unanswered, ask_in_clear},
    validator::Source,
};

/// Zones of which the servers are known, and name servers of which the addresses are.
const KNOWN: usize = 4096;
/// What a zone's parent says of it is asked for again after an hour, whatever its TTL: a zone that moves is found.
const MAX_LIFETIME: Duration = Duration::from_secs(3600);
/// A server that was silent is asked last for so long.
const SILENCE: Duration = Duration::from_secs(60);
/// Messages for one question, those for the addresses of name servers included. From the root to a zone three cuts down,
/// each served by names in other zones, takes some thirty.
const MAX_MESSAGES: u16 = 64;
/// Name servers whose addresses are needed to find the address of a name server, and so on.
const MAX_DEPTH: usize = 4;
/// Addresses of a zone's servers that are asked, and names of servers without glue that are looked up.
const MAX_ADDRESSES: usize = 8;
const MAX_UNGLUED: usize = 4;
/// One of several servers may take a third of the time for one upstream, but a second where there is one: farther away nobody
/// is. The whole way may take four times as long as an upstream.
const SERVER_PART: u32 = 3;
const SERVER_LEAST: Duration = Duration::from_secs(1);
const WHOLE_TIMES: u32 = 4;

/// The servers of all zones, from the root on.
pub(crate) struct Recursion {
    root: Arc<Delegation>,
    reach: Reach,
    families: Families,
    port: u16,
    timeout: Duration,
    runtime: DatagramRuntime,
    delegations: Mutex<ExpiringMap<Name, Arc<Delegation>>>,
    hosts: Mutex<ExpiringMap<Name, Arc<[IpAddr]>>>,
    silent: Mutex<ExpiringMap<IpAddr, ()>>,
    in_flight: InFlight<Question, Result<Message, Unanswered>>,
}

/// What a server says.
enum Reply {
    /// The answer, or the denial.
    Answer(Message),
    /// Others are to be asked.
    Referral(Arc<Delegation>),
}

/// What may still be spent on a question.
struct Budget(AtomicU16);

impl Recursion {
    pub(crate) fn new(
        hints: RootHints,
        reach: Reach,
        families: Families,
        port: u16,
        timeout: Duration,
        mixed_case: bool,
    ) -> Self {
        Self {
            root: Arc::new(Delegation { zone: Name::root(), glue: hints.0, unglued: vec![] }),
            reach,
            families,
            port,
            timeout,
            runtime: DatagramRuntime { tokio: TokioRuntimeProvider::new(), mixed_case },
            delegations: Mutex::new(ExpiringMap::new(KNOWN)),
            hosts: Mutex::new(ExpiringMap::new(KNOWN)),
            silent: Mutex::new(ExpiringMap::new(KNOWN)),
            in_flight: InFlight::new(),
        }
    }

    async fn ask_in_time(&self, question: &Question) -> Result<Message, Unanswered> {
        let budget = Budget(AtomicU16::new(MAX_MESSAGES));
        let answer = self.resolve(question, &budget, 0);
        match tokio::time::timeout(self.timeout.saturating_mul(WHOLE_TIMES), answer).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(FetchError::Timeout.into()),
        }
    }

    /// Each referral leads to a zone strictly below the one before, so that there are fewer than the name has labels.
    async fn resolve(
        &self,
        question: &Question,
        budget: &Budget,
        depth: usize,
    ) -> Result<Message, Unanswered> {
        let mut delegation = self.nearest(question);
        loop {
            match self.ask_zone(&delegation, question, budget, depth).await? {
                Reply::Answer(message) => return Ok(message),
                Reply::Referral(child) => delegation = child,
            }
        }
    }

    /// The deepest zone with known servers that may hold the records.
    fn nearest(&self, question: &Question) -> Arc<Delegation> {
        let (known, now) = (lock(&self.delegations), Instant::now());
        let mut name = holder(question);
        while !name.is_root() {
            if let Some(delegation) = known.get(&name, now) {
                return delegation;
            }
            name = name.base_name();
        }
        Arc::clone(&self.root)
    }

    /// What the first server of a zone says that says anything of use.
    async fn ask_zone(
        &self,
        delegation: &Delegation,
        question: &Question,
        budget: &Budget,
        depth: usize,
    ) -> Result<Reply, Unanswered> {
        let mut last = Unanswered {
            error: FetchError::Unreachable,
            detail: Some(format!("no server of {} has an address that can be asked", delegation.zone).into()),
        };
        for address in self.in_order(&delegation.glue) {
            match self.ask_server(address, delegation, question, budget).await {
                Ok(reply) => return Ok(reply),
                Err(error) => last = error,
            }
        }
        for host in delegation.unglued.iter().take(MAX_UNGLUED) {
            let addresses = self.addresses_of(host, budget, depth).await;
            for address in self.in_order(&addresses) {
                match self.ask_server(address, delegation, question, budget).await {
                    Ok(reply) => return Ok(reply),
                    Err(error) => last = error,
                }
            }
        }
        Err(last)
    }

    /// Those of the families in use, at random, and those that were silent lately last.
    fn in_order(&self, addresses: &[IpAddr]) -> Vec<IpAddr> {
        let mut addresses = addresses.to_vec();
        addresses.retain(|address| self.families.include(*address));
        addresses.shuffle(&mut rand::rng());
        let (silent, now) = (lock(&self.silent), Instant::now());
        addresses.sort_by_key(|address| silent.get(address, now).is_some());
        addresses.truncate(MAX_ADDRESSES);
        addresses
    }

    async fn ask_server(
        &self,
        address: IpAddr,
        delegation: &Delegation,
        question: &Question,
        budget: &Budget,
    ) -> Result<Reply, Unanswered> {
        budget.spend()?;
        let time = (self.timeout / SERVER_PART).max(SERVER_LEAST).min(self.timeout);
        let server = SocketAddr::new(address, self.port);
        let answer = ask_in_clear(server, question, Role::Authority, time, &self.runtime);
        let answer = match tokio::time::timeout(time, answer).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(FetchError::Timeout.into()),
        };
        if let Err(Unanswered { error: FetchError::Timeout | FetchError::Unreachable, .. }) = &answer {
            lock(&self.silent).insert(address, (), SILENCE, Instant::now());
        }
        let reply = answer.and_then(|message| self.read(message, delegation, question));
        if let Err(error) = &reply {
            tracing::debug!(%server, zone = %delegation.zone, %question, %error, "name server gave no answer");
        }
        reply
    }

    /// RFC 1034 §5.3.3, step 4: an answer, a better delegation, or nothing of use.
    fn read(
        &self,
        message: Message,
        delegation: &Delegation,
        question: &Question,
    ) -> Result<Reply, Unanswered> {
        let code = message.metadata.response_code;
        if !matches!(code, ResponseCode::NoError | ResponseCode::NXDomain) {
            return Err(Unanswered::rcode(&message));
        }
        if let Some((child, lifetime)) = referral(&message, &delegation.zone, question, self.reach) {
            let child = Arc::new(child);
            let lifetime = lifetime.min(MAX_LIFETIME);
            lock(&self.delegations).insert(child.zone.clone(), Arc::clone(&child), lifetime, Instant::now());
            return Ok(Reply::Referral(child));
        }
        if message.metadata.authoritative {
            return Ok(Reply::Answer(message));
        }
        Err(Unanswered {
            error: FetchError::Malformed,
            detail: Some(format!("a server of {} does not answer for it", delegation.zone).into()),
        })
    }

    /// The addresses of a name server without glue; none where they cannot be found, and then the next server is asked.
    ///
    /// Nobody else's flight is joined on the way: two zones whose servers lie in each other would wait for one another.
    fn addresses_of<'a>(
        &'a self,
        host: &'a Name,
        budget: &'a Budget,
        depth: usize,
    ) -> BoxFuture<'a, Arc<[IpAddr]>> {
        async move {
            if let Some(known) = lock(&self.hosts).get(host, Instant::now()) {
                return known;
            }
            if depth >= MAX_DEPTH {
                tracing::debug!(%host, "too many name servers behind each other");
                return [].into();
            }
            let look_up = |record_type| async move {
                let question = Question::new(host.clone(), record_type);
                self.resolve(&question, budget, depth + 1).await
            };
            let answers = join_all(self.families.record_types().iter().copied().map(look_up)).await;
            let (mut addresses, mut lifetime) = (vec![], MAX_LIFETIME);
            for answer in answers {
                match answer {
                    Ok(message) => {
                        // RFC 2181 §10.3: the name of a server is no alias.
                        for record in message.answers.iter().filter(|record| record.name == *host) {
                            let (RData::A(_) | RData::AAAA(_)) = &record.data else { continue };
                            addresses.extend(record.data.ip_addr().filter(|ip| self.reach.allows(*ip)));
                            lifetime = lifetime.min(Duration::from_secs(record.ttl.into()));
                        }
                    }
                    Err(error) => tracing::debug!(%host, %error, "no address of a name server"),
                }
            }
            addresses.truncate(MAX_GLUE);
            let addresses: Arc<[IpAddr]> = addresses.into();
            if !addresses.is_empty() {
                lock(&self.hosts).insert(host.clone(), Arc::clone(&addresses), lifetime, Instant::now());
            }
            addresses
        }
        .boxed()
    }
}

impl Source for Recursion {
    /// The zones' own servers are no choice of ours.
    fn upstreams(&self) -> usize {
        1
    }

    fn ask<'a>(
        self: &'a Arc<Self>,
        question: &'a Question,
        _first: usize,
    ) -> BoxFuture<'a, Result<Message, Unanswered>> {
        let begin = || {
            let (recursion, question) = (Arc::clone(self), question.clone());
            async move { recursion.ask_in_time(&question).await }
        };
        self.in_flight.join(question.clone(), begin).boxed()
    }
}

impl Budget {
    fn spend(&self) -> Result<(), Unanswered> {
        let spent = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        match spent {
            Ok(_) => Ok(()),
            Err(_) => Err(Unanswered {
                error: FetchError::Unreachable,
                detail: Some(format!("no answer within {MAX_MESSAGES} messages to name servers").into()),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
