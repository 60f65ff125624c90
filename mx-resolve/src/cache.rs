//! A bounded map whose entries end by themselves.

use std::{collections::HashMap, hash::Hash, time::Duration};

use tokio::time::Instant;

/// Values by key, each until its own end. Holds at most `capacity` entries.
pub(crate) struct ExpiringMap<K, V> {
    entries: HashMap<K, (V, Instant)>,
    capacity: usize,
}

impl<K: Eq + Hash + Clone, V: Clone> ExpiringMap<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { entries: HashMap::new(), capacity }
    }

    /// Entries held, ended ones included.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The value, unless it has ended by `now`.
    pub(crate) fn get(&self, key: &K, now: Instant) -> Option<V> {
        self.entries.get(key).filter(|(_, end)| *end > now).map(|(value, _)| value.clone())
    }

    pub(crate) fn insert(&mut self, key: K, value: V, lifetime: Duration, now: Instant) {
        let Some(end) = now.checked_add(lifetime).filter(|end| *end > now) else { return };
        if !self.entries.contains_key(&key) {
            self.make_room(now);
        }
        self.entries.insert(key, (value, end));
    }

    pub(crate) fn remove(&mut self, key: &K) {
        self.entries.remove(key);
    }

    fn make_room(&mut self, now: Instant) {
        if self.entries.len() >= self.capacity {
            self.entries.retain(|_, (_, end)| *end > now);
        }
        if self.entries.len() >= self.capacity {
            // Full of live entries: the one that ends first goes.
            let first = self.entries.iter().min_by_key(|(_, (_, end))| *end).map(|(key, _)| key.clone());
            if let Some(first) = first {
                self.entries.remove(&first);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_end_and_the_map_stays_bounded() {
        let now = Instant::now();
        let mut map = ExpiringMap::new(2);
        map.insert("a", 1, Duration::from_secs(10), now);
        map.insert("b", 2, Duration::from_secs(20), now);
        map.insert("zero", 0, Duration::ZERO, now);
        assert_eq!(map.get(&"zero", now), None, "a lifetime of zero is not kept");
        map.insert("b", 2, Duration::from_secs(20), now);
        assert_eq!(map.get(&"a", now), Some(1), "what is there already takes no room");
        map.insert("c", 3, Duration::from_secs(30), now);
        assert_eq!((map.get(&"a", now), map.get(&"b", now), map.get(&"c", now)), (None, Some(2), Some(3)));
        assert_eq!(map.get(&"b", now + Duration::from_secs(20)), None, "the end itself is too late");
        map.remove(&"b");
        assert_eq!(map.get(&"b", now), None, "taken out");
    }
}
