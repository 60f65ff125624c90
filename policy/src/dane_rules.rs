//! What RFC 7672 leaves to the caller.

use dane::Profile;

use crate::evidence::Found;

/// The caller's choices about DANE. The default is the strictest use of it in mail.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct DaneRules {
    /// Which TLSA records can be used.
    pub profile: Profile,
    /// What secure TLSA records are worth at a host that was found insecurely.
    pub insecure_mx: InsecureMx,
}

/// What secure TLSA records ask of a host that was found insecurely. RFC 7672 §2.2.1 leaves it open: who forges the MX
/// answer names a host of their own, but without forging it nobody can take the named host's place.
///
/// It changes nothing at hosts that were found securely, nor does it lower an enforced MTA-STS policy.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum InsecureMx {
    /// As at any host: TLS is mandatory, and the server must match. The channel is then
    /// [`Trusted`](crate::Channel::Trusted), never more.
    #[default]
    Dane,
    /// That there is TLS: it is mandatory, and nothing is authenticated.
    Encrypt,
    /// Nothing: they are not asked for.
    May,
}

impl DaneRules {
    /// Whether TLSA records are looked for at a host that was found so.
    pub fn apply_to(self, found: Found) -> bool {
        match (found, self.insecure_mx) {
            (Found::Securely, _) | (Found::Insecurely, InsecureMx::Dane | InsecureMx::Encrypt) => true,
            (Found::Insecurely, InsecureMx::May) => false,
        }
    }

    /// Whether a host that was found so is authenticated by the TLSA records that can be used.
    pub(crate) fn authenticate(self, found: Found) -> bool {
        match (found, self.insecure_mx) {
            (Found::Securely, _) | (Found::Insecurely, InsecureMx::Dane) => true,
            (Found::Insecurely, InsecureMx::Encrypt | InsecureMx::May) => false,
        }
    }
}

impl From<Profile> for DaneRules {
    fn from(profile: Profile) -> Self {
        Self { profile, insecure_mx: InsecureMx::default() }
    }
}
