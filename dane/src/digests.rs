use std::str::FromStr;

use crate::parameter::Matching;

/// The digests that a client takes, strongest first (RFC 7671 §9).
///
/// The order decides which records count where an RRset has several digests for the same purpose; records with a digest
/// that is not among these are unusable. [`Default`] is SHA2-512(2) before SHA2-256(1). As text it is `sha512,sha256`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Digests(Vec<Matching>);

impl Digests {
    /// Takes a list of digests, strongest first.
    ///
    /// # Errors
    /// The list is empty, has a digest twice, or has Full(0), which is none and cannot be left out or displaced.
    pub fn new(strongest_first: &[Matching]) -> Result<Self, DigestsError> {
        if strongest_first.is_empty() {
            return Err(DigestsError::Empty);
        }
        let mut digests = Vec::with_capacity(strongest_first.len());
        for digest in strongest_first {
            match digest {
                Matching::Full => return Err(DigestsError::NotADigest(digest.to_string())),
                digest if digests.contains(digest) => return Err(DigestsError::Twice(*digest)),
                Matching::Sha256 | Matching::Sha512 => digests.push(*digest),
            }
        }
        Ok(Self(digests))
    }

    /// The digests, strongest first.
    pub fn iter(&self) -> impl Iterator<Item = Matching> {
        self.0.iter().copied()
    }

    /// Its place in the list, from 0, the strongest; `None` where it is disabled, and for Full(0).
    pub(crate) fn rank(&self, matching: Matching) -> Option<usize> {
        self.iter().position(|digest| digest == matching)
    }
}

impl Default for Digests {
    fn default() -> Self {
        Self(vec![Matching::Sha512, Matching::Sha256])
    }
}

impl FromStr for Digests {
    type Err = DigestsError;

    /// Reads names like `sha512` and `SHA2-256`, in any case, with commas between them.
    fn from_str(text: &str) -> Result<Self, DigestsError> {
        let digest = |name: &str| match name.trim().to_ascii_lowercase().as_str() {
            "sha256" | "sha-256" | "sha2-256" => Ok(Matching::Sha256),
            "sha512" | "sha-512" | "sha2-512" => Ok(Matching::Sha512),
            _ => Err(DigestsError::NotADigest(name.trim().to_owned())),
        };
        if text.trim().is_empty() {
            return Err(DigestsError::Empty);
        }
        Self::new(&text.split(',').map(digest).collect::<Result<Vec<_>, _>>()?)
    }
}

/// Why a list of digests cannot be one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestsError {
    /// There is none: every client must take one (RFC 7671 §2).
    #[error("expected a digest, sha512 or sha256, found none")]
    Empty,
    /// One is there twice.
    #[error("the digest {0} is there twice")]
    Twice(Matching),
    /// It is not the name of a digest.
    #[error("expected the digests sha512 or sha256, found {0:?}")]
    NotADigest(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d71_18_the_order_is_configurable() {
        use Matching::{Full, Sha256, Sha512};
        assert_eq!(Digests::default().iter().collect::<Vec<_>>(), [Sha512, Sha256]);
        for (text, expected, why) in [
            ("", Err(DigestsError::Empty), "none"),
            ("sha256,", Err(DigestsError::NotADigest(String::new())), "a comma and nothing behind it"),
            ("sha1", Err(DigestsError::NotADigest("sha1".into())), "no matching type"),
            ("full", Err(DigestsError::NotADigest("full".into())), "no digest"),
            ("sha256,SHA2-256", Err(DigestsError::Twice(Sha256)), "the same twice"),
            ("sha512,sha256", Ok(vec![Sha512, Sha256]), "the default"),
            ("SHA2-256, sha-512", Ok(vec![Sha256, Sha512]), "the other order, other spellings"),
            ("sha256", Ok(vec![Sha256]), "one alone"),
        ] {
            assert_eq!(text.parse().map(|digests: Digests| digests.0), expected, "{why}: {text}");
        }
        assert_eq!(Digests::new(&[]), Err(DigestsError::Empty));
        assert_eq!(Digests::new(&[Sha256, Full]), Err(DigestsError::NotADigest("Full(0)".into())));
    }
}
