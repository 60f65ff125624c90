//! What was proven about zones, kept from one question to the next.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hickory_proto::rr::Name;

use crate::{LocalPolicy, work::Evidence, zone::Cut};

/// Zones whose keys are validated, and names proven to be no signed zone, each until it expires; with the
/// [`LocalPolicy`] under which all of it was proven.
///
/// It belongs to the caller, who shares one between validations and threads. It holds no answers: those are the
/// caller's to keep, for [`Verdict::ttl`](crate::Verdict::ttl).
///
/// It is bounded by a number of names. When it is full, those that no validation came by for the longest time go
/// first, so that a flood of names costs what the flood itself brought in, and not the zones that all walks pass.
#[derive(Debug)]
pub struct KeyCache {
    policy: LocalPolicy,
    cuts: Mutex<Generations>,
}

impl KeyCache {
    /// An empty cache for up to `capacity` names, most with a little over two kilobytes: the records that it was proven by
    /// are summed up in its part of the [`Proof`](crate::Proof), and the keys are kept. Whoever signs a zone of their own
    /// can make theirs larger, by 16 keys of a kilobyte and a dozen of such summaries with the longest names; what has
    /// more is not kept.
    ///
    /// Every zone on the way to a name takes one entry, and so does each label that turned out to be no zone cut.
    /// With a capacity of less than 2 nothing is kept.
    pub fn new(policy: LocalPolicy, capacity: usize) -> Self {
        let cuts = Generations { half: capacity / 2, young: HashMap::new(), old: HashMap::new() };
        Self { policy, cuts: Mutex::new(cuts) }
    }

    /// What everything in it was proven under.
    pub fn policy(&self) -> &LocalPolicy {
        &self.policy
    }

    /// The number of names held, expired ones included.
    pub fn len(&self) -> usize {
        let cuts = self.lock();
        cuts.young.len() + cuts.old.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The signed zone that `name` lies in, as far as is known here: the deepest one at or above it of which the keys are held;
    /// none where trust is known to end above the name. It is no proof: there may be a zone cut in between that no validation
    /// has come by.
    pub fn signed_zone_of(&self, name: &Name, now: u32) -> Option<Name> {
        let Ok(anchor) = self.policy.anchors.nearest(name) else { return None };
        let mut found = None;
        for labels in anchor.iter().count()..=name.iter().count() {
            let at = name.trim_to(labels);
            match self.get(&at, now).as_ref().map(|(entry, _)| &entry.cut) {
                Some(Cut::Zone(_)) => found = Some(at),
                Some(Cut::Within) | None => {}
                Some(Cut::Leaf) => break,
                Some(Cut::Insecure) => return None,
            }
        }
        found
    }

    /// Forgets everything.
    pub fn clear(&self) {
        let mut cuts = self.lock();
        cuts.young.clear();
        cuts.old.clear();
    }

    /// What is at `name`, unless it has expired, and for how many seconds it still holds.
    pub(crate) fn get(&self, name: &Name, now: u32) -> Option<(Arc<Entry>, u32)> {
        let entry = self.lock().get(name)?;
        let left = entry.left(now)?;
        Some((entry, left))
    }

    pub(crate) fn insert(&self, name: &Name, entry: Entry) {
        if entry.evidence.proof.lines() > MAX_LINES {
            return;
        }
        self.lock().insert(name.clone(), Arc::new(entry));
    }

    /// A panic while the lock was held leaves maps that are whole.
    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.cuts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A day, in seconds: whoever once got hold of a zone's keys is not believed for as long as the TTL they chose.
const MAX_LIFETIME: u32 = 86_400;

/// Lines of proof that an entry may have. An honest one has eight at the most: three NSEC3 records with what each says, and
/// a delegation into the unsigned; but a message has room for [more](crate::Limits::denials_per_message).
const MAX_LINES: usize = 12;

/// Something proven about one name.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) cut: Cut,
    pub(crate) evidence: Evidence,
    /// When it was proven.
    pub(crate) since: u32,
}

impl Entry {
    pub(crate) fn new(cut: Cut, mut evidence: Evidence, since: u32) -> Self {
        evidence.limit(MAX_LIFETIME);
        Self { cut, evidence, since }
    }

    /// How many seconds of its lifetime are left. A clock that was set back has none left either: from then on
    /// signatures may be too young.
    fn left(&self, now: u32) -> Option<u32> {
        self.evidence.ttl.checked_sub(now.wrapping_sub(self.since)).filter(|left| *left > 0)
    }
}

/// Two halves: what was used since the last change, and what was used in the time before. When the young half is
/// full it becomes the old one, and what is then in the old one goes.
#[derive(Debug)]
struct Generations {
    half: usize,
    young: HashMap<Name, Arc<Entry>>,
    old: HashMap<Name, Arc<Entry>>,
}

impl Generations {
    fn get(&mut self, name: &Name) -> Option<Arc<Entry>> {
        if let Some(entry) = self.young.get(name) {
            return Some(Arc::clone(entry));
        }
        let (name, entry) = self.old.remove_entry(name)?;
        self.insert(name, Arc::clone(&entry));
        Some(entry)
    }

    fn insert(&mut self, name: Name, entry: Arc<Entry>) {
        if self.half == 0 {
            return;
        }
        if self.young.len() >= self.half && !self.young.contains_key(&name) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&name);
        self.young.insert(name, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TrustAnchors;

    fn cache(capacity: usize) -> KeyCache {
        KeyCache::new(LocalPolicy::new(TrustAnchors::default()), capacity)
    }

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn entry(since: u32, ttl: u32) -> Entry {
        Entry::new(Cut::Within, Evidence { ttl, ..Evidence::default() }, since)
    }

    #[test]
    fn entries_expire() {
        for (since, ttl, now, left, why) in [
            (1000, 60, 1000, Some(60), "fresh"),
            (1000, 60, 1059, Some(1), "the last second"),
            (1000, 60, 1060, None, "over"),
            (1000, 0, 1000, None, "never held"),
            (1000, 60, 999, None, "a clock that was set back"),
            (u32::MAX - 9, 60, 10, Some(40), "across the wrap of 2106"),
            (1000, 1_000_000, 1000, Some(86_400), "nothing is kept for more than a day"),
            (1000, 1_000_000, 87_400, None, "whatever its TTL"),
        ] {
            let cache = cache(8);
            cache.insert(&name("a."), entry(since, ttl));
            assert_eq!(cache.get(&name("A."), now).map(|(_, left)| left), left, "{why}");
        }
    }

    #[test]
    fn a_flood_of_names_is_bounded_and_costs_nothing_in_use() {
        let cache = cache(8);
        cache.insert(&name("in.use."), entry(0, 60));
        for number in 0..1000 {
            cache.insert(&name(&format!("flood-{number}.")), entry(0, 60));
            assert!(cache.len() <= 8);
            assert!(cache.get(&name("in.use."), 0).is_some(), "after {number}");
        }
        assert!(cache.get(&name("flood-0."), 0).is_none());
        cache.clear();
        assert!(cache.is_empty());
    }

    #[test]
    fn without_capacity_nothing_is_kept() {
        let cache = cache(0);
        cache.insert(&name("a."), entry(0, 60));
        assert!(cache.is_empty());
    }
}
