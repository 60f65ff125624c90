//! What a verdict rests on, for people who want to know why.

use std::fmt;

use hickory_proto::{
    dnssec::{Algorithm, DigestType},
    rr::{Name, RecordType},
};

use crate::{Question, shown::Shown};

/// The zones walked, the signatures that held and the denials that counted, in the order of use.
///
/// `Display` prints one line for each; like everywhere in this crate, names are shown without their final dot. With the
/// feature `serde` it can be serialized: names and types as text, algorithms and digest types as their numbers.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Proof {
    /// The zones from the trust anchor downwards; with aliases, those of every chain, each once.
    pub zones: Vec<ZoneStep>,
    /// The RRsets whose signature was verified.
    pub signatures: Vec<SignatureUse>,
    /// The NSEC and NSEC3 records that proved something absent.
    pub denials: Vec<Denial>,
}

impl Proof {
    pub(crate) fn lines(&self) -> usize {
        self.zones.len() + self.signatures.len() + self.denials.len()
    }

    pub(crate) fn add_zone(&mut self, step: ZoneStep) {
        if !self.zones.contains(&step) {
            self.zones.push(step);
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        other.zones.iter().for_each(|step| self.add_zone(step.clone()));
        other.signatures.iter().for_each(|signature| self.add_signature(signature.clone()));
        other.denials.iter().for_each(|denial| self.add_denial(denial.clone()));
    }

    pub(crate) fn add_denial(&mut self, denial: Denial) {
        if !self.denials.contains(&denial) {
            self.denials.push(denial);
        }
    }

    pub(crate) fn add_signature(&mut self, signature: SignatureUse) {
        if !self.signatures.contains(&signature) {
            self.signatures.push(signature);
        }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for zone in &self.zones {
            writeln!(f, "{zone}")?;
        }
        for signature in &self.signatures {
            writeln!(f, "{signature}")?;
        }
        for denial in &self.denials {
            writeln!(f, "{denial}")?;
        }
        Ok(())
    }
}

/// One step of the walk from a trust anchor: a zone whose keys are trusted, or the point where trust ends.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "status", rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum ZoneStep {
    /// A signed zone.
    Secure {
        /// Its apex.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::name"))]
        zone: Name,
        /// What vouches for its keys: the anchors' or the parent's DS that match a key of the zone.
        trusted_by: Vec<Trust>,
        /// Tag of the key whose signature over the DNSKEY RRset held.
        key_tag: u16,
        /// Algorithm of that key.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::algorithm"))]
        algorithm: Algorithm,
    },
    /// From this name downwards nothing is signed as far as the anchors can tell.
    Insecure {
        /// Where trust ends: an unsigned delegation, or the name itself where no anchor covers it.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::name"))]
        name: Name,
        /// Why.
        reason: Insecurity,
    },
}

impl fmt::Display for ZoneStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secure { zone, trusted_by, key_tag, algorithm } => {
                write!(f, "zone {} secure, key {key_tag} {}, trusted by ", Shown(zone), algorithm.as_str())?;
                for (i, trust) in trusted_by.iter().enumerate() {
                    write!(f, "{}{trust}", if i == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Self::Insecure { name, reason } => write!(f, "{} insecure: {reason}", Shown(name)),
        }
    }
}

/// What makes a DNSKEY trusted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "by", rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Trust {
    /// A trust anchor in the form of a key.
    AnchorKey {
        /// Tag of the key.
        key_tag: u16,
    },
    /// A trust anchor in the form of a DS record.
    AnchorDs {
        /// Tag of the key that it names.
        key_tag: u16,
        /// Its digest type.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::digest"))]
        digest: DigestType,
    },
    /// A DS record of the parent zone.
    Ds {
        /// Tag of the key that it names.
        key_tag: u16,
        /// Its digest type.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::digest"))]
        digest: DigestType,
    },
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnchorKey { key_tag } => write!(f, "anchor key {key_tag}"),
            Self::AnchorDs { key_tag, digest } => write!(f, "anchor DS {key_tag} {digest:?}"),
            Self::Ds { key_tag, digest } => write!(f, "DS {key_tag} {digest:?}"),
        }
    }
}

/// Why a name is insecure (RFC 4035 §4.3, §5.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Insecurity {
    /// No trust anchor is at or above the name: insecure by configuration.
    #[error("no trust anchor covers it")]
    NoAnchor,
    /// A negative trust anchor stands at or above the name: insecure by configuration (RFC 7646).
    #[error("covered by a negative trust anchor")]
    NegativeAnchor,
    /// The parent proves a delegation without DS.
    #[error("delegated without DS")]
    NoDs,
    /// An NSEC3 span with opt-out covers it: there may be unsigned delegations (RFC 5155 §6).
    #[error("inside an opt-out span")]
    OptOut,
    /// Every DS names an algorithm or digest type that cannot be checked here.
    #[error("its DS records name no supported algorithm and digest")]
    Unsupported,
    /// The zone's NSEC3 records ask for more iterations than are worth computing (RFC 9276 §3.2).
    #[error("{0} NSEC3 iterations are too many to check")]
    Iterations(u16),
}

/// An RRset that was verified, and the key that did it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SignatureUse {
    /// The RRset.
    pub rrset: Question,
    /// The zone that signed it.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::name"))]
    pub zone: Name,
    /// Tag of the key.
    pub key_tag: u16,
    /// Algorithm of the key.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::algorithm"))]
    pub algorithm: Algorithm,
    /// When the signature ends, in seconds since the epoch, modulo 2^32 (RFC 4034 §3.1.5).
    pub expiration: u32,
    /// The wildcard that the RRset was expanded from.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::optional_name"))]
    pub wildcard: Option<Name>,
}

impl fmt::Display for SignatureUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rrset, zone, key_tag, algorithm, .. } = self;
        write!(f, "{rrset} signed by {} key {key_tag} {}", Shown(zone), algorithm.as_str())?;
        if let Some(wildcard) = &self.wildcard {
            write!(f, ", expanded from {}", Shown(wildcard))?;
        }
        Ok(())
    }
}

/// A signed record that proves something absent.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Denial {
    /// Owner of the NSEC or NSEC3 record.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::name"))]
    pub owner: Name,
    /// NSEC or NSEC3.
    #[cfg_attr(feature = "serde", serde(rename = "type", serialize_with = "crate::serial::record_type"))]
    pub record_type: RecordType,
    /// The name that it says something about.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serial::name"))]
    pub about: Name,
    /// What it says.
    pub says: Denied,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, record_type, about, says } = self;
        write!(f, "{} {record_type} says that {} {says}", Shown(owner), Shown(about))
    }
}

/// What a denial record says about a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Denied {
    /// The name exists without the type asked for.
    #[error("lacks the type")]
    Type,
    /// The name does not exist.
    #[error("does not exist")]
    Name,
    /// The name exists only because names below it do.
    #[error("is an empty non-terminal")]
    EmptyNonTerminal,
    /// The name is the closest one that exists (RFC 5155 §7.2.1).
    #[error("is the closest encloser")]
    Encloser,
}
