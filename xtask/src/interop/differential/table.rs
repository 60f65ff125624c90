//! The table of zones.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::fault::Fault;

/// A row of `zones.toml`, which says what each field is for. It stands for one zone for each of its signers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Row {
    pub(super) name: String,
    /// For who reads the table.
    #[serde(rename = "why")]
    _why: String,
    #[serde(default = "Signer::both")]
    pub(super) signers: Vec<Signer>,
    #[serde(default)]
    pub(super) denial: DenialKind,
    #[serde(default)]
    pub(super) iterations: u16,
    pub(super) salt: Option<String>,
    #[serde(default = "one_key")]
    pub(super) keys: Vec<KeyRow>,
    #[serde(default)]
    pub(super) ds: Vec<String>,
    #[serde(default)]
    pub(super) bare: bool,
    #[serde(default)]
    pub(super) dates: Dates,
    #[serde(default)]
    pub(super) text: String,
    #[serde(default)]
    pub(super) many: Vec<Many>,
    #[serde(default)]
    pub(super) faults: Vec<Fault>,
    #[serde(default)]
    pub(super) ask: String,
}

/// Whose tools make the keys and the signatures.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Signer {
    Bind,
    Ldns,
}

/// How a zone denies.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum DenialKind {
    #[default]
    Nsec,
    Nsec3,
    OptOut,
}

/// When signatures are valid.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Dates {
    #[default]
    Now,
    Past,
    Future,
}

/// A key, and what has become of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct KeyRow {
    pub(super) algorithm: u8,
    pub(super) bits: Option<u16>,
    #[serde(default)]
    pub(super) role: Role,
    #[serde(default)]
    pub(super) state: State,
    ds: Option<Vec<u8>>,
}

/// What a key signs.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Role {
    /// The keys, and the rest where the zone has no ZSK.
    #[default]
    Ksk,
    /// All but the keys.
    Zsk,
}

/// Whether a key signs, and whether it is in the zone.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    #[default]
    Active,
    /// In the zone, signing nothing.
    Published,
    /// In the zone with the revoke flag, signing (RFC 5011 §2.1).
    Revoked,
    /// Not in the zone: only its DS records may be known.
    Absent,
}

/// A long RRset.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Many {
    pub(super) name: String,
    pub(super) count: u16,
    /// Type and data, with the number in hexadecimal in the place of `XX` and in decimal in that of `NN`.
    pub(super) record: String,
}

/// Reads the table.
pub(super) fn rows() -> Result<Vec<Row>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Table {
        zone: Vec<Row>,
    }
    let table: Table = toml::from_str(include_str!("zones.toml")).context("zones.toml")?;
    for (index, row) in table.zone.iter().enumerate() {
        let before = table.zone.iter().take(index);
        ensure!(before.clone().all(|other| other.name != row.name), "zones.toml has two rows {}", row.name);
    }
    Ok(table.zone)
}

impl Row {
    /// The origin of the zone that a signer makes of this row: the root, the signer's own zone below it, or one below that.
    pub(super) fn origin(&self, signer: Signer) -> String {
        match self.name.as_str() {
            "." => ".".to_owned(),
            "@" => signer.zone().to_owned(),
            name => format!("{name}.{}", signer.zone()),
        }
    }

    pub(super) fn is_signed(&self) -> bool {
        !self.keys.is_empty()
    }
}

impl Signer {
    fn both() -> Vec<Self> {
        vec![Self::Bind, Self::Ldns]
    }

    /// The zone above all that this signer signs, the root apart.
    pub(super) fn zone(self) -> &'static str {
        match self {
            Self::Bind => "bind.",
            Self::Ldns => "ldns.",
        }
    }
}

impl KeyRow {
    /// The digest types of its DS records.
    pub(super) fn digests(&self) -> &[u8] {
        match (&self.ds, self.role, self.state) {
            (Some(digests), _, _) => digests,
            (None, Role::Ksk, State::Active) => &[2],
            (None, _, _) => &[],
        }
    }

    pub(super) fn is_in_zone(&self) -> bool {
        self.state != State::Absent
    }

    pub(super) fn signs(&self) -> bool {
        matches!(self.state, State::Active | State::Revoked)
    }
}

fn one_key() -> Vec<KeyRow> {
    vec![KeyRow { algorithm: 13, bits: None, role: Role::Ksk, state: State::Active, ds: None }]
}
