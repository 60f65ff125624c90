//! What must come of a scenario.

use serde::{Deserialize, Serialize};

/// What `mxtls` reports for a destination, and what the scenario's servers saw of it, in the words of its JSON.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// `deliver`, `defer` or `bounce`.
    pub verdict: String,
    /// `verified`, `trusted`, `encrypted` or `cleartext`; none unless delivered.
    pub channel: Option<String>,
    /// `dane`, `mta-sts` or `opportunistic`; none unless delivered.
    pub policy: Option<String>,
    /// The failure's code.
    pub failure: Option<String>,
    /// The code of the failure that a policy in testing mode would have enforced. Only `mxtls check` reports it for a destination.
    #[serde(skip_serializing)]
    pub would_fail: Option<String>,
    /// SMTP connections that the scenario's servers accepted.
    pub connections: u32,
    /// MAIL commands that they received.
    pub mail: u32,
    /// DATA commands that they received.
    pub data: u32,
}

impl Expected {
    /// Whether mail arrives.
    pub fn delivers(&self) -> bool {
        self.verdict == "deliver"
    }

    /// What `mxtls check` must report where `mxtls send` must report this: the same, without mail, and changed as `differs` says.
    pub(super) fn of_check(&self, differs: Option<&CheckDiffers>) -> Self {
        let mut check = Self { mail: 0, data: 0, ..self.clone() };
        let Some(differs) = differs else { return check };
        if let Some(connections) = differs.connections {
            check.connections = connections;
        }
        if let Some(verdict) = &differs.verdict {
            verdict.clone_into(&mut check.verdict);
            check.channel.clone_from(&differs.channel);
            check.policy.clone_from(&differs.policy);
            check.failure.clone_from(&differs.failure);
        }
        check
    }
}

/// Where `mxtls check` differs from `mxtls send`: it tries every host, and it does not get as far as the recipient.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckDiffers {
    connections: Option<u32>,
    /// With another verdict, the next three are `check`'s own too.
    verdict: Option<String>,
    channel: Option<String>,
    policy: Option<String>,
    failure: Option<String>,
}
