//! What has to be known before anything else, and is found out when it is needed.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use mxtls_policy::LookupError;
use tokio::time::Instant;

use crate::{cache::ExpiringMap, in_flight::InFlight, lock::lock};

/// A failure may be the network's, which comes back: it is believed for so long.
const FAILURE: Duration = Duration::from_secs(10);

type Finding<T> = Result<T, Arc<LookupError>>;

/// A finding that holds for a while, and is made by one at a time.
pub(crate) struct Probe<T> {
    holds: Duration,
    last: Mutex<ExpiringMap<(), Finding<T>>>,
    in_flight: InFlight<(), Finding<T>>,
}

impl<T: Clone + Send + Sync + 'static> Probe<T> {
    pub(crate) fn new(holds: Duration) -> Self {
        Self { holds, last: Mutex::new(ExpiringMap::new(1)), in_flight: InFlight::new() }
    }

    /// The finding, if one has been made that holds.
    pub(crate) fn last(&self) -> Option<Finding<T>> {
        lock(&self.last).get(&(), Instant::now())
    }

    /// The finding; `begin` makes it.
    pub(crate) async fn finding<F>(&self, begin: impl FnOnce() -> F) -> Finding<T>
    where
        F: Future<Output = Finding<T>> + Send + 'static,
    {
        if let Some(last) = self.last() {
            return last;
        }
        let finding = self.in_flight.join((), begin).await;
        let holds = if finding.is_ok() { self.holds } else { FAILURE };
        lock(&self.last).insert((), finding.clone(), holds, Instant::now());
        finding
    }
}
