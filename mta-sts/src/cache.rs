//! Which policy applies, and when it is fetched again (RFC 8461 §3.3, §5.1).

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use crate::{
    policy::{Mode, Policy},
    record::StsRecord,
};

/// Policies in memory, at most a given number: a value without clock, locks or I/O.
///
/// Domains are A-labels in any case. A domain has one policy; [`PolicyCache::insert`] always replaces it, so that a
/// domain gets rid of a policy that somebody else published in its name (§10.3).
///
/// A policy takes some hundred bytes, and at worst (65,536 bytes of `mx` lines) some hundred kilobytes. Where the
/// cache is full, a new policy takes the place of one that has expired, else that protects least (mode `none`, then
/// `testing`), else that expires first.
#[derive(Clone, Debug)]
pub struct PolicyCache {
    capacity: usize,
    policies: HashMap<String, Cached>,
    /// When fetching the policy of a domain failed last, by domain and id.
    failures: HashMap<(String, String), SystemTime>,
}

impl PolicyCache {
    /// How many domains [`PolicyCache::default`] has room for.
    pub const DEFAULT_CAPACITY: usize = 10_000;
    /// How long no second attempt is made after a failed one for the same id (§3.3).
    pub const RETRY_AFTER: Duration = Duration::from_secs(5 * 60);

    /// A cache for `capacity` domains, at least one. As many failed fetches are remembered.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), policies: HashMap::new(), failures: HashMap::new() }
    }

    /// The policy of `domain`, unless it has expired.
    #[must_use]
    pub fn get(&self, domain: &str, now: SystemTime) -> Option<&Cached> {
        self.policies.get(&key(domain)).filter(|cached| cached.is_live(now))
    }

    /// What a sender does next about `domain`, given the record found in DNS (§3.3, §5.1).
    ///
    /// `record` is `None` where there is none, where the records are invalid, and where the lookup failed: a kept
    /// policy applies whatever the reason.
    #[must_use]
    pub fn next_step(&self, domain: &str, record: Option<&StsRecord>, now: SystemTime) -> Step<'_> {
        let live = self.get(domain, now);
        match (record, live) {
            (None, None) => Step::NoPolicy,
            (None, Some(cached)) => Step::UseCached(cached),
            // §3: "the id ... determines when the policy has been updated": an equal one saves the request.
            (Some(record), Some(cached)) if cached.id == record.id() => Step::UseCached(cached),
            (Some(record), fallback) if self.may_fetch(domain, record.id(), now) => Step::Fetch { fallback },
            (Some(_), fallback) => Step::Wait { fallback },
        }
    }

    /// Keeps `policy`, fetched at `now` after a record with this `id`, in the place of any older one.
    pub fn insert(&mut self, domain: &str, id: &str, policy: Policy, now: SystemTime) {
        let domain = key(domain);
        if !self.policies.contains_key(&domain) && self.policies.len() >= self.capacity {
            self.make_room(now);
        }
        self.failures.remove(&(domain.clone(), id.to_owned()));
        self.policies.insert(domain, Cached::new(id, policy, now));
    }

    /// Remembers that fetching the policy of this `id` failed at `now`.
    pub fn note_failure(&mut self, domain: &str, id: &str, now: SystemTime) {
        let failure = (key(domain), id.to_owned());
        if !self.failures.contains_key(&failure) && self.failures.len() >= self.capacity {
            self.failures.retain(|_, failed_at| is_recent(*failed_at, now));
            if self.failures.len() >= self.capacity
                && let Some(oldest) =
                    self.failures.iter().min_by_key(|(_, at)| **at).map(|(key, _)| key.clone())
            {
                self.failures.remove(&oldest);
            }
        }
        self.failures.insert(failure, now);
    }

    /// Whether the policy of this `id` may be asked for: not within [`PolicyCache::RETRY_AFTER`] of a failure.
    #[must_use]
    pub fn may_fetch(&self, domain: &str, id: &str, now: SystemTime) -> bool {
        self.failures.get(&(key(domain), id.to_owned())).is_none_or(|failed_at| !is_recent(*failed_at, now))
    }

    fn make_room(&mut self, now: SystemTime) {
        let least = self.policies.iter().min_by_key(|(_, cached)| {
            let protection = match cached.policy.mode() {
                Mode::None => 0,
                Mode::Testing => 1,
                Mode::Enforce => 2,
            };
            (cached.is_live(now), protection, cached.expires_at)
        });
        if let Some(domain) = least.map(|(domain, _)| domain.clone()) {
            self.policies.remove(&domain);
        }
    }
}

impl Default for PolicyCache {
    fn default() -> Self {
        Self::new(Self::DEFAULT_CAPACITY)
    }
}

/// What a sender does next about the policy of a domain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step<'a> {
    /// There is no policy: mail is sent as without MTA-STS.
    NoPolicy,
    /// This policy applies; no request is needed.
    UseCached(&'a Cached),
    /// The policy is fetched. If that fails, `fallback` applies, or none.
    Fetch {
        /// A policy that has not expired.
        fallback: Option<&'a Cached>,
    },
    /// Fetching failed a short time ago and is not tried again yet: `fallback` applies, or none.
    Wait {
        /// A policy that has not expired.
        fallback: Option<&'a Cached>,
    },
}

/// A policy that is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cached {
    id: String,
    policy: Policy,
    fetched_at: SystemTime,
    expires_at: SystemTime,
}

impl Cached {
    /// A policy fetched at `fetched_at` after a record with this `id`. It expires after its `max_age`.
    #[must_use]
    pub fn new(id: &str, policy: Policy, fetched_at: SystemTime) -> Self {
        // At the end of all time a policy expires at once.
        let expires_at = fetched_at.checked_add(policy.max_age().duration()).unwrap_or(fetched_at);
        Self { id: id.to_owned(), policy, fetched_at, expires_at }
    }

    /// The id of the record that the policy was fetched after.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// When the policy was fetched.
    #[must_use]
    pub fn fetched_at(&self) -> SystemTime {
        self.fetched_at
    }

    /// When the policy ceases to apply: `max_age` after it was fetched.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }

    /// Whether the policy applies at `now`.
    #[must_use]
    pub fn is_live(&self, now: SystemTime) -> bool {
        now < self.expires_at
    }
}

fn key(domain: &str) -> String {
    domain.strip_suffix('.').unwrap_or(domain).to_ascii_lowercase()
}

/// A failure that lies in the future, because the clock was set back, does not count: it might never end.
fn is_recent(failed_at: SystemTime, now: SystemTime) -> bool {
    now.duration_since(failed_at).is_ok_and(|elapsed| elapsed < PolicyCache::RETRY_AFTER)
}
