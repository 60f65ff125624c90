//! What a validation has spent and learned so far.

use crate::{LocalPolicy, Proof, limits::Budget};

#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) now: u32,
    /// [`LocalPolicy::rsa_sha1`].
    pub(crate) rsa_sha1: bool,
    pub(crate) budget: Budget,
    pub(crate) evidence: Evidence,
}

impl Work {
    pub(crate) fn new(now: u32, policy: &LocalPolicy) -> Self {
        let budget = Budget::new(policy.limits);
        Self { now, rsa_sha1: policy.rsa_sha1, budget, evidence: Evidence::default() }
    }

    /// Runs one step, and returns beside its result what that step alone rests on.
    pub(crate) fn gather<T, E>(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<(T, Evidence), E> {
        let before = std::mem::take(&mut self.evidence);
        let result = step(self);
        let own = std::mem::replace(&mut self.evidence, before);
        self.evidence.merge(&own);
        result.map(|value| (value, own))
    }
}

/// What something proven rests on, and for how long it holds.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    pub(crate) proof: Proof,
    /// In seconds: the least lifetime of all that was used.
    pub(crate) ttl: u32,
}

impl Evidence {
    pub(crate) fn limit(&mut self, ttl: u32) {
        self.ttl = self.ttl.min(ttl);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.proof.merge(&other.proof);
        self.limit(other.ttl);
    }
}

impl Default for Evidence {
    fn default() -> Self {
        Self { proof: Proof::default(), ttl: u32::MAX }
    }
}
