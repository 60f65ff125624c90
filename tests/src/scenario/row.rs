//! The rows of the scenario file as they are written.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::expected::{CheckDiffers, Expected};
use crate::https::PolicyHost;
use crate::smtp::Personality;

/// A zone of a scenario.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Zone {
    /// How it is signed, in the words of the lab's DNS.
    pub signing: Option<String>,
    /// Its records in zone-file text, without SOA and NS.
    pub text: String,
}

/// What happens to the answers to some questions on their way.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TamperRule {
    /// Each `NAME TYPE`; a name without a trailing dot is below the scenario's domain, `@` is the domain.
    pub questions: Vec<String>,
    /// The word for it in the lab's DNS.
    pub with: String,
    /// From which query on, counted from 1; always if left out.
    pub from: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) scenario: Vec<Row>,
    #[serde(default)]
    pub(super) tampered: Vec<Tampered>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Row {
    pub(super) name: Spanned<String>,
    /// The row that this one starts from.
    pub(super) like: Option<String>,
    pub(super) twin: Option<String>,
    pub(super) matrix: Option<String>,
    pub(super) why: String,
    pub(super) destination: Option<String>,
    pub(super) signing: Option<String>,
    pub(super) zone: Option<String>,
    /// A change in the text of a zone or of the policy.
    pub(super) edit: Option<Edit>,
    #[serde(default)]
    pub(super) zones: BTreeMap<String, Zone>,
    #[serde(default)]
    pub(super) servers: BTreeMap<String, Personality>,
    pub(super) policy_host: Option<PolicyHost>,
    pub(super) tamper: Option<Vec<TamperRule>>,
    pub(super) arguments: Option<Vec<String>>,
    pub(super) check_arguments: Option<Vec<String>>,
    pub(super) case: Option<String>,
    pub(super) expected: Expected,
    pub(super) check: Option<CheckDiffers>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    pub(super) from: String,
    pub(super) to: String,
}

/// One row for each of several ways to tamper with the answers to the same questions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Tampered {
    /// The way to tamper is appended to it.
    pub(super) name: Spanned<String>,
    pub(super) like: String,
    pub(super) matrix: Option<String>,
    pub(super) why: String,
    pub(super) questions: Vec<String>,
    /// The failure's code for each way.
    #[serde(default)]
    pub(super) failures: BTreeMap<String, String>,
    /// Ways whose outcome is `expected` as it stands.
    #[serde(default)]
    pub(super) ways: Vec<String>,
    pub(super) expected: Expected,
    pub(super) check: Option<CheckDiffers>,
}

impl Tampered {
    /// The rows that this one stands for.
    pub(super) fn rows(self) -> Vec<Row> {
        let stated = self.ways.iter().map(|way| (way, self.expected.failure.clone()));
        let failing = self.failures.iter().map(|(way, failure)| (way, Some(failure.clone())));
        stated
            .chain(failing)
            .map(|(way, failure)| {
                let rule = TamperRule { questions: self.questions.clone(), with: way.clone(), from: None };
                Row {
                    name: Spanned::new(self.name.span(), format!("{}-{way}", self.name.get_ref())),
                    like: Some(self.like.clone()),
                    twin: None,
                    matrix: self.matrix.clone(),
                    why: self.why.clone(),
                    destination: None,
                    signing: None,
                    zone: None,
                    edit: None,
                    zones: BTreeMap::new(),
                    servers: BTreeMap::new(),
                    policy_host: None,
                    tamper: Some(vec![rule]),
                    arguments: None,
                    check_arguments: None,
                    case: None,
                    expected: Expected { failure, ..self.expected.clone() },
                    check: self.check.clone(),
                }
            })
            .collect()
    }
}
