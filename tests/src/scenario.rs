//! Scenarios: what is set up for one mail domain, and what must come of mail to it.
//!
//! They are data, typed by hand in `tests/scenarios.toml`, whose head explains its form.

mod expected;
mod facts;
mod placeholder;
mod row;
mod table;

pub use expected::Expected;
pub use row::{TamperRule, Zone};
pub use table::ScenarioError;

pub(crate) use placeholder::expand;

use std::collections::{BTreeMap, BTreeSet};

use crate::https::PolicyHost;
use crate::smtp::Personality;

/// One scenario. Texts still have their placeholders, such as `{domain}`, which the lab fills in.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Unique, in kebab-case.
    pub name: String,
    /// The row of `mxtls matrix` that it shows.
    pub matrix: String,
    /// Why the outcome is as stated.
    pub why: String,
    /// The scenario that it is held against. One that does not deliver differs from it in a single fact, and it delivers.
    pub twin: Option<String>,
    /// The mail domain, with its own zone: the name below `lab`, without a trailing dot.
    pub domain: String,
    /// What `mxtls` is asked to deliver to, the domain as a rule.
    pub destination: String,
    /// The domain's own zone.
    pub zone: Zone,
    /// Other zones, by origin.
    pub zones: BTreeMap<String, Zone>,
    /// SMTP servers, by the key that placeholders use.
    pub servers: BTreeMap<String, Personality>,
    /// The host `mta-sts` below the domain.
    pub policy_host: Option<PolicyHost>,
    /// What happens to DNS answers on their way.
    pub tamper: Vec<TamperRule>,
    /// Further arguments of `mxtls check` and `mxtls send`.
    pub arguments: Vec<String>,
    /// Further arguments of `mxtls check` alone.
    pub check_arguments: Vec<String>,
    /// A case file for `mxtls send`, in place of one message to `postmaster` at the destination.
    pub case: Option<String>,
    /// What `mxtls send` must report, and the servers must have seen.
    pub send: Expected,
    /// The same for `mxtls check`.
    pub check: Expected,
}

impl Scenario {
    /// The scenarios of the lab, in the order of their file.
    ///
    /// # Errors
    /// What is wrong with the file, with the line.
    pub fn all() -> Result<Vec<Self>, ScenarioError> {
        Self::parse(include_str!("../scenarios.toml"))
    }

    /// Scenarios from a text of the same form.
    ///
    /// # Errors
    /// What is wrong with the text, with the line.
    pub fn parse(text: &str) -> Result<Vec<Self>, ScenarioError> {
        table::parse(text)
    }

    /// The name of the server `key`, without a trailing dot.
    pub fn host(&self, key: &str) -> String {
        match self.servers.get(key).and_then(|server| server.host.as_ref()) {
            Some(host) => host.replace("{domain}", &self.domain).replace("{name}", &self.name),
            None => format!("{key}.{}", self.domain),
        }
    }

    /// What is set up, one fact a line: a zone's record, a server's way at one stage, a tampered answer, an argument.
    pub fn facts(&self) -> BTreeSet<String> {
        facts::of(self)
    }

    /// In how many facts two scenarios differ, one in the place of another counting once.
    pub fn distance(&self, other: &Self) -> usize {
        let (ours, theirs) = (self.facts(), other.facts());
        ours.difference(&theirs).count().max(theirs.difference(&ours).count())
    }
}
