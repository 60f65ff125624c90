use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rustls_pki_types::UnixTime;

use crate::budget::Budget;
use crate::chain::ChainCertificate;
use crate::der::DerError;
use crate::error::{Nearest, PathFault, VerifyError, Work};
use crate::signature::check_signature;
use crate::soundness::check_path;
use crate::validity::Validity;

/// Leaf first; never empty.
pub(crate) type Path<'c, 'a> = Vec<&'c ChainCertificate<'a>>;

/// What a search for a path (RFC 4158) knows of signatures, and has met on its way.
///
/// CAs may share a name, be signed by several others, and have key identifiers that are wrong: a search asks for all
/// issuers that a certificate may have had, in an order that depends on the certificates and not on the server.
pub(crate) struct Walk<'c, 'a, 'b> {
    issuers: &'c [ChainCertificate<'a>],
    now: UnixTime,
    pub(crate) budget: &'b mut Budget,
    /// What is known of signatures, by the number of the certificate and the issuer's key.
    signatures: HashMap<(usize, &'c [u8]), Result<(), PathFault>>,
    /// Of what speaks against paths that a record matches, the one nearest to success.
    pub(crate) nearest: Nearest,
    /// The certificates whose signature is not that of an issuer that they name.
    bad_signatures: Vec<(&'c ChainCertificate<'a>, VerifyError)>,
}

impl<'c, 'a, 'b> Walk<'c, 'a, 'b> {
    pub(crate) fn new(
        issuers: &'c [ChainCertificate<'a>],
        malformed: Option<VerifyError>,
        now: UnixTime,
        budget: &'b mut Budget,
    ) -> Self {
        Self {
            issuers,
            now,
            budget,
            signatures: HashMap::new(),
            nearest: Nearest::from(malformed),
            bad_signatures: Vec::new(),
        }
    }

    /// The certificates that signed the one at the end of `path`, the most promising first: those that `is_goal`, then
    /// those that the key identifiers point to.
    pub(crate) fn issuers_of(
        &mut self,
        path: &Path<'c, 'a>,
        is_goal: impl Fn(&ChainCertificate<'_>) -> bool,
        may_follow: impl Fn(&ChainCertificate<'_>) -> bool,
    ) -> Vec<&'c ChainCertificate<'a>> {
        let Some(&subject) = path.last() else { return Vec::new() };
        let mut candidates: Vec<_> = self
            .issuers
            .iter()
            .filter(|issuer| issuer.fields.subject == subject.fields.issuer && may_follow(issuer))
            .collect();
        candidates.sort_by_key(|issuer| (!is_goal(issuer), !subject.points_to(issuer), issuer.fields.der));
        candidates
    }

    /// Takes a step: whether `issuer` signed the certificate at the end of `path`. If not, that is noted.
    pub(crate) fn step(&mut self, path: &Path<'c, 'a>, issuer: &'c [u8]) -> Result<bool, VerifyError> {
        self.budget.spend(Work::Steps)?;
        let Some(&subject) = path.last() else { return Ok(false) };
        match self.check_issued(subject, issuer)? {
            Ok(()) => Ok(true),
            Err(fault) => {
                let is_new = self.bad_signatures.iter().all(|(known, _)| known.number != subject.number);
                if is_new && !subject.fields.is_self_issued() {
                    let error = VerifyError::Untrusted { depth: path.len() - 1, fault };
                    self.bad_signatures.push((subject, error));
                }
                Ok(false)
            }
        }
    }

    /// When the certificate expired, if it did and can be read.
    pub(crate) fn expired(&self, certificate: &ChainCertificate<'_>) -> Option<UnixTime> {
        match Validity::parse(certificate.fields.validity) {
            Ok(Validity { not_after, .. }) => Some(not_after).filter(|not_after| self.now > *not_after),
            Err(DerError) => None,
        }
    }

    /// The first certificate that none of those signed which it may name as its issuer: CAs may share a name. Where one of
    /// them was not tried, as none is that stands in the path already, there is nothing to say; nor of what names itself.
    pub(crate) fn bad_signature(&self) -> Option<VerifyError> {
        let is_signed = |subject: &ChainCertificate<'_>| {
            self.signatures.iter().any(|((number, _), result)| *number == subject.number && result.is_ok())
        };
        let is_tried = |subject: &ChainCertificate<'_>| {
            let mut named =
                self.issuers.iter().filter(|issuer| issuer.fields.subject == subject.fields.issuer);
            named.all(|issuer| self.signatures.contains_key(&(subject.number, issuer.fields.spki)))
        };
        let mut bad = self.bad_signatures.iter().filter(|(bad, _)| !is_signed(bad) && is_tried(bad));
        bad.next().map(|(_, error)| error.clone())
    }

    /// Whether the holder of the key `issuer` signed `subject`; checked once, however many certificates the key has.
    pub(crate) fn check_issued(
        &mut self,
        subject: &ChainCertificate<'_>,
        issuer: &'c [u8],
    ) -> Result<Result<(), PathFault>, VerifyError> {
        match self.signatures.entry((subject.number, issuer)) {
            Entry::Occupied(known) => Ok(known.get().clone()),
            Entry::Vacant(unknown) => {
                self.budget.spend(Work::Signatures)?;
                Ok(unknown.insert(check_signature(&subject.fields, issuer)).clone())
            }
        }
    }

    /// Whether nothing but signatures speaks against a path that a record matches; what does is noted.
    pub(crate) fn is_sound(
        &mut self,
        path: &[&ChainCertificate<'_>],
        anchor: Option<&ChainCertificate<'_>>,
    ) -> Result<bool, VerifyError> {
        match check_path(path, anchor, self.now, self.budget) {
            Ok(()) => Ok(true),
            Err(error @ VerifyError::TooMuchWork { .. }) => Err(error),
            Err(error) => {
                self.nearest.note(error);
                Ok(false)
            }
        }
    }
}

/// RFC 4158 §5.2: no path goes through one entity twice.
pub(crate) fn has_entity(path: &[&ChainCertificate<'_>], certificate: &ChainCertificate<'_>) -> bool {
    path.iter().any(|below| below.is_same_entity(certificate))
}
