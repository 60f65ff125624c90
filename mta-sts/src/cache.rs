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

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const DAY: Duration = Duration::from_secs(86_400);

    fn policy(mode: &str, max_age: u32) -> Policy {
        let file = format!("version: STSv1\nmode: {mode}\nmx: mx.example\nmax_age: {max_age}\n");
        Policy::parse(file.as_bytes()).unwrap().policy
    }

    fn record(id: &str) -> StsRecord {
        StsRecord::parse(format!("v=STSv1; id={id}").as_bytes()).unwrap()
    }

    fn start() -> SystemTime {
        SystemTime::UNIX_EPOCH + 20_000 * DAY
    }

    /// A cache with one policy of a day, kept since [`start`].
    fn cache() -> PolicyCache {
        let mut cache = PolicyCache::new(10);
        cache.insert("example.com", "1", policy("enforce", 86_400), start());
        cache
    }

    #[test]
    fn sts_41_a_policy_lives_for_its_max_age() {
        let cache = cache();
        let second = Duration::from_secs(1);
        for (now, live, why) in [
            (start(), true, "at once"),
            (start() + DAY - second, true, "to the last second"),
            (start() + DAY, false, "no longer than max_age"),
            (start() - DAY, true, "a clock that was set back does not end protection"),
        ] {
            assert_eq!(cache.get("Example.COM.", now).is_some(), live, "{why}");
        }
        assert!(cache.get("sub.example.com", start()).is_none(), "a subdomain has a policy of its own");
        let cached = cache.get("example.com", start()).unwrap();
        assert_eq!((cached.id(), cached.fetched_at(), cached.expires_at()), ("1", start(), start() + DAY));
    }

    #[test]
    fn a_max_age_of_zero_is_never_kept() {
        let mut cache = PolicyCache::default();
        cache.insert("example.com", "1", policy("enforce", 0), start());
        assert!(cache.get("example.com", start()).is_none());
    }

    #[test]
    fn sts_08_sts_28_sts_48_next_steps() {
        let cache = cache();
        let live = cache.get("example.com", start());
        let (one, two) = (record("1"), record("2"));
        for (domain, record, now, expected, why) in [
            ("example.com", None, start(), Step::UseCached(live.unwrap()), "nothing in DNS does not evict"),
            ("example.com", None, start() + DAY, Step::NoPolicy, "nothing in DNS, and expired"),
            ("example.org", None, start(), Step::NoPolicy, "nothing at all"),
            ("example.com", Some(&one), start(), Step::UseCached(live.unwrap()), "equal id: no GET"),
            ("example.com", Some(&two), start(), Step::Fetch { fallback: live }, "the id has changed"),
            ("example.com", Some(&one), start() + DAY, Step::Fetch { fallback: None }, "expired"),
            ("example.org", Some(&one), start(), Step::Fetch { fallback: None }, "never seen"),
        ] {
            assert_eq!(cache.next_step(domain, record, now), expected, "{why}");
        }
    }

    #[test]
    fn sts_25_five_minutes_after_a_failure_for_each_id() {
        let mut cache = cache();
        cache.note_failure("Example.com", "2", start());
        let live = cache.get("example.com", start());
        let second = Duration::from_secs(1);
        for (domain, id, now, expected, why) in [
            ("example.com", "2", start(), Step::Wait { fallback: live }, "at once"),
            ("example.com", "2", start() + 5 * MINUTE - second, Step::Wait { fallback: live }, "before"),
            ("example.com", "2", start() + 5 * MINUTE, Step::Fetch { fallback: live }, "after five minutes"),
            ("example.com", "3", start(), Step::Fetch { fallback: live }, "another id"),
            ("example.org", "2", start(), Step::Fetch { fallback: None }, "another domain"),
            ("example.com", "2", start() - MINUTE, Step::Fetch { fallback: live }, "the clock was set back"),
        ] {
            assert_eq!(cache.next_step(domain, Some(&record(id)), now), expected, "{why}");
        }
        cache.note_failure("example.org", "1", start());
        let step = cache.next_step("example.org", Some(&record("1")), start() + MINUTE);
        assert_eq!(step, Step::Wait { fallback: None }, "nothing kept");
        cache.note_failure("example.com", "3", start() + MINUTE);
        assert!(!cache.may_fetch("example.com", "2", start() + MINUTE), "each id has its own five minutes");
    }

    #[test]
    fn a_fetched_policy_ends_the_wait() {
        let mut cache = PolicyCache::default();
        cache.note_failure("example.com", "1", start());
        cache.insert("example.com", "1", policy("enforce", 0), start());
        assert!(cache.may_fetch("example.com", "1", start()));
    }

    #[test]
    fn sts_46_sts_47_a_new_policy_replaces_the_old_one_at_once() {
        let mut cache = cache();
        cache.insert("example.com", "0", policy("enforce", 31_557_600), start());
        cache.insert("EXAMPLE.com", "2", policy("none", 60), start() + MINUTE);
        let cached = cache.get("example.com", start() + MINUTE).unwrap();
        assert_eq!((cached.id(), cached.policy().mode()), ("2", Mode::None));
        assert!(cache.get("example.com", start() + 2 * MINUTE).is_none(), "the old one does not come back");
    }

    #[test]
    fn a_full_cache_gives_up_what_protects_least() {
        let mut cache = PolicyCache::new(3);
        let kept = |cache: &PolicyCache, now| {
            let mut kept: Vec<&str> = cache.policies.keys().map(String::as_str).collect();
            kept.retain(|domain| cache.get(domain, now).is_some());
            kept.sort_unstable();
            kept.join(" ")
        };
        cache.insert("expired", "1", policy("enforce", 60), start());
        cache.insert("none", "1", policy("none", 31_557_600), start());
        cache.insert("testing", "1", policy("testing", 31_557_600), start());
        let now = start() + MINUTE;
        for (domain, max_age, expected, why) in [
            ("a", 5000, "a none testing", "what has expired goes first"),
            ("b", 4000, "a b testing", "then mode none"),
            ("c", 3000, "a b c", "then mode testing"),
            ("d", 6000, "a b d", "then what expires first"),
            ("d", 7000, "a b d", "a known domain needs no room"),
        ] {
            cache.insert(domain, "1", policy("enforce", max_age), now);
            assert_eq!(kept(&cache, now), expected, "{why}");
        }
    }

    #[test]
    fn failures_are_bounded() {
        let mut cache = PolicyCache::new(2);
        cache.note_failure("a", "1", start());
        cache.note_failure("b", "1", start() + MINUTE);
        cache.note_failure("c", "1", start() + 2 * MINUTE);
        let now = start() + 2 * MINUTE;
        let waiting = |domain| !cache.may_fetch(domain, "1", now);
        assert_eq!((waiting("a"), waiting("b"), waiting("c")), (false, true, true), "the oldest gives way");
        cache.note_failure("d", "1", start() + 7 * MINUTE);
        assert_eq!(cache.failures.len(), 1, "those that no longer count are forgotten first");
    }
}
