//! What the operator of a validator decides (RFC 4035 §4.3 and §5.2: local policy).

use crate::{Limits, TrustAnchors};

/// Whom a validator believes, and how far it goes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LocalPolicy {
    /// Where chains of trust begin.
    pub anchors: TrustAnchors,
    /// Whether the algorithms RSASHA1 (5) and RSASHA1-NSEC3-SHA1 (7) are checked. Default `true`, since zones still use
    /// them and would else be insecure; RFC 9905 §2 keeps them in implementations, and tells operators to turn
    /// them off. Without them a zone whose DS records name no other algorithm is insecure (RFC 4035 §5.2), and a
    /// trust anchor of theirs matches nothing.
    pub rsa_sha1: bool,
    /// How much work one question may cause.
    pub limits: Limits,
}

impl LocalPolicy {
    /// These anchors, and defaults for the rest.
    pub fn new(anchors: TrustAnchors) -> Self {
        Self { anchors, rsa_sha1: true, limits: Limits::default() }
    }
}
