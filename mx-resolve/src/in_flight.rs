//! Identical questions in flight are asked once.
//!
//! It saves the round trips, and it keeps an off-path attacker from multiplying their chances: with many questions for the
//! same records open, a forged answer has to fit any one of them (RFC 5452 §5).

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex},
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};

use crate::lock::lock;

type Flight<V> = Shared<BoxFuture<'static, V>>;

/// What is being found out, by key.
///
/// Whoever joins a flight drives it: it lands as long as one of those who wait for it goes on, whoever began it. When none
/// does, it ends. Nothing is remembered after the landing.
pub(crate) struct InFlight<K, V>(Arc<Mutex<Flights<K, V>>>);

struct Flights<K, V> {
    by_key: HashMap<K, (u64, WeakShared<BoxFuture<'static, V>>)>,
    begun: u64,
}

impl<K, V> InFlight<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Flights { by_key: HashMap::new(), begun: 0 })))
    }

    /// What comes of the flight under `key`: the one under way, else `begin`.
    pub(crate) async fn join<F>(&self, key: K, begin: impl FnOnce() -> F) -> V
    where
        F: Future<Output = V> + Send + 'static,
    {
        self.board(key, begin).await
    }

    fn board<F>(&self, key: K, begin: impl FnOnce() -> F) -> Flight<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut flights = lock(&self.0);
        if let Some(flight) = flights.by_key.get(&key).and_then(|(_, flight)| flight.upgrade()) {
            return flight;
        }
        flights.begun += 1;
        let number = flights.begun;
        let landing = Landing { flights: Arc::clone(&self.0), key: key.clone(), number };
        let work = begin();
        let flight = async move {
            let _landing = landing;
            work.await
        }
        .boxed()
        .shared();
        if let Some(weak) = flight.downgrade() {
            flights.by_key.insert(key, (number, weak));
        }
        flight
    }
}

/// Takes the flight out of the map, when it has landed and when the last who waited has gone.
struct Landing<K: Eq + Hash, V> {
    flights: Arc<Mutex<Flights<K, V>>>,
    key: K,
    number: u64,
}

impl<K: Eq + Hash, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        let mut flights = lock(&self.flights);
        // Once the last has gone, the next may have begun before this runs: that flight is not ours to take out.
        if flights.by_key.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            flights.by_key.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::{future::join3, poll};
    use tokio::sync::Semaphore;

    use super::*;

    /// Work that counts how often it began, and ends when it is told to.
    #[derive(Clone)]
    struct Work {
        begun: Arc<AtomicU32>,
        end: Arc<Semaphore>,
    }

    impl Work {
        fn new() -> Self {
            Self { begun: Arc::default(), end: Arc::new(Semaphore::new(0)) }
        }

        fn begin(&self) -> impl Future<Output = u32> + Send + use<> {
            let work = self.clone();
            async move {
                let number = work.begun.fetch_add(1, Ordering::Relaxed) + 1;
                work.end.acquire().await.unwrap().forget();
                number
            }
        }

        fn begun(&self) -> u32 {
            self.begun.load(Ordering::Relaxed)
        }
    }

    fn entries(flights: &InFlight<&'static str, u32>) -> usize {
        lock(&flights.0).by_key.len()
    }

    #[tokio::test]
    async fn the_same_is_found_out_once() {
        let (flights, work) = (InFlight::new(), Work::new());
        let ask = |key| flights.join(key, || work.begin());
        let mut all = Box::pin(join3(ask("a"), ask("a"), ask("b")));
        assert!(poll!(&mut all).is_pending());
        work.end.add_permits(2);
        assert_eq!(all.await, (1, 1, 2), "one flight for a, and its own for b");
        assert_eq!(entries(&flights), 0, "nothing stays behind");
        work.end.add_permits(1);
        assert_eq!(ask("a").await, 3, "and nothing is remembered");
    }

    #[tokio::test]
    async fn whoever_began_may_leave() {
        let (flights, work) = (InFlight::new(), Work::new());
        let mut first = Box::pin(flights.join("a", || work.begin()));
        let mut second = Box::pin(flights.join("a", || work.begin()));
        assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
        drop(first);
        work.end.add_permits(1);
        assert_eq!(second.await, 1, "the same flight, not a new one");
        assert_eq!(work.begun(), 1);
    }

    #[tokio::test]
    async fn whoever_began_may_rest() {
        let (flights, work) = (InFlight::new(), Work::new());
        let mut first = Box::pin(flights.join("a", || work.begin()));
        assert!(poll!(&mut first).is_pending());
        work.end.add_permits(1);
        // The first is still there and is not polled, as in a loop over a stream of futures.
        assert_eq!(flights.join("a", || work.begin()).await, 1);
        assert_eq!(first.await, 1);
    }

    #[tokio::test]
    async fn a_flight_that_everybody_left_is_none() {
        let (flights, work) = (InFlight::new(), Work::new());
        let mut left = Box::pin(flights.join("a", || work.begin()));
        assert!(poll!(&mut left).is_pending());
        drop(left);
        assert_eq!(entries(&flights), 0);
        work.end.add_permits(1);
        assert_eq!(flights.join("a", || work.begin()).await, 2, "it begins anew");
    }
}
