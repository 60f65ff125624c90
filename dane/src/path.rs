use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use rustls_pki_types::UnixTime;

use crate::budget::Budget;
use crate::chain::{ChainCertificate, Issuers, is_full_anchor};
use crate::error::{PathFault, VerifyError, Work};
use crate::record::Selector;
use crate::selection::UsableRecords;
use crate::signature::check_signature;
use crate::soundness::check_path;
use crate::verify::Match;

/// DANE-TA(2): a sound path from the leaf to a certificate or key that a record names (RFC 7671 §5.2).
///
/// All paths are tried (RFC 4158): CAs may share a name, be signed by several others, and have key identifiers that
/// are wrong. Whether the leaf has the right name is for the caller to see.
pub(crate) fn match_trust_anchor(
    leaf: &ChainCertificate<'_>,
    issuers: &Issuers<'_>,
    records: &UsableRecords,
    now: UnixTime,
    budget: Budget,
) -> Result<Match, VerifyError> {
    let mut builder = PathBuilder {
        issuers: &issuers.certificates,
        now,
        budget,
        signatures: HashMap::new(),
        walked: Vec::new(),
        reached: HashSet::new(),
        nearest: issuers.malformed.clone(),
        bad_signature: None,
    };
    if let Some(found) = builder.extend(&mut vec![leaf])? {
        return Ok(found);
    }
    if let Some(found) = builder.try_bare_keys(records)? {
        return Ok(found);
    }
    Err(builder.explain(records, issuers.presented))
}

struct PathBuilder<'c, 'a> {
    issuers: &'c [ChainCertificate<'a>],
    now: UnixTime,
    budget: Budget,
    /// What is known of signatures, by the number of the certificate and the issuer's key.
    signatures: HashMap<(usize, &'c [u8]), Result<(), PathFault>>,
    /// The paths on which no trust anchor was met yet.
    walked: Vec<Path<'c, 'a>>,
    /// The numbers of the trust anchors to which signatures lead.
    reached: HashSet<usize>,
    /// Of the failures of paths that reach a trust anchor, the one nearest to success.
    nearest: Option<VerifyError>,
    /// The first signature that is not of the issuer that it names.
    bad_signature: Option<VerifyError>,
}

/// Leaf first; never empty.
type Path<'c, 'a> = Vec<&'c ChainCertificate<'a>>;

impl<'c, 'a> PathBuilder<'c, 'a> {
    /// Tries every issuer of the certificate at the end of `path`, depth first.
    fn extend(&mut self, path: &mut Path<'c, 'a>) -> Result<Option<Match>, VerifyError> {
        self.walked.push(path.clone());
        let Some(&subject) = path.last() else { return Ok(None) };
        for issuer in candidates(self.issuers, subject, path) {
            self.budget.spend(Work::Steps)?;
            if let Err(fault) = self.check_issued(subject, issuer.fields.spki)? {
                let error = VerifyError::Untrusted { depth: path.len() - 1, fault };
                self.bad_signature.get_or_insert(error);
                continue;
            }
            let Some(record) = issuer.anchor else {
                path.push(issuer);
                if let Some(found) = self.extend(path)? {
                    return Ok(Some(found));
                }
                path.pop();
                continue;
            };
            // No use in going on above it: of what stands below a trust anchor more is asked than of the anchor.
            self.reached.insert(issuer.number);
            if self.is_sound(path, Some(issuer))? {
                return Ok(Some(Match::new(record, path.len())));
            }
        }
        Ok(None)
    }

    /// RFC 7671 §5.2.3: a key that DNS has in full may have signed the certificate at the top, without standing in a
    /// certificate that was sent.
    fn try_bare_keys(&mut self, records: &'c UsableRecords) -> Result<Option<Match>, VerifyError> {
        let mut walked = std::mem::take(&mut self.walked);
        walked.sort_by_key(Vec::len);
        for record in records.iter().filter(|record| is_full_anchor(record, Selector::Spki)) {
            let issuers = self.issuers;
            let mut of_this_key = issuers.iter().filter(|issuer| issuer.fields.spki == record.data());
            if of_this_key.any(|issuer| self.reached.contains(&issuer.number)) {
                continue;
            }
            for path in &walked {
                let Some(top) = path.last() else { continue };
                if self.check_issued(top, record.data())?.is_ok() && self.is_sound(path, None)? {
                    return Ok(Some(Match::new(record, path.len() - 1)));
                }
            }
        }
        Ok(None)
    }

    /// Whether the holder of the key `issuer` signed `subject`; checked once, however many certificates the key has.
    fn check_issued(
        &mut self,
        subject: &ChainCertificate<'_>,
        issuer: &'c [u8],
    ) -> Result<Result<(), PathFault>, VerifyError> {
        match self.signatures.entry((subject.number, issuer)) {
            Entry::Occupied(known) => Ok(*known.get()),
            Entry::Vacant(unknown) => {
                self.budget.spend(Work::Signatures)?;
                Ok(*unknown.insert(check_signature(&subject.fields, issuer)))
            }
        }
    }

    /// Whether nothing but signatures speaks against a path; what does is noted.
    fn is_sound(
        &mut self,
        path: &[&ChainCertificate<'_>],
        anchor: Option<&ChainCertificate<'_>>,
    ) -> Result<bool, VerifyError> {
        match check_path(path, anchor, self.now, &mut self.budget) {
            Ok(()) => Ok(true),
            Err(error @ VerifyError::TooMuchWork { .. }) => Err(error),
            Err(error) => {
                if self.nearest.as_ref().is_none_or(|nearest| distance(&error) < distance(nearest)) {
                    self.nearest = Some(error);
                }
                Ok(false)
            }
        }
    }

    /// What helps the operator most, where no path is sound.
    fn explain(self, records: &UsableRecords, presented: usize) -> VerifyError {
        let anchors = || self.issuers.iter().filter(|issuer| issuer.anchor.is_some());
        let not_below = VerifyError::Untrusted { depth: 0, fault: PathFault::NotIssuedBelowAnchor };
        if let Some(nearest) = self.nearest {
            nearest
        } else if let Some(bad_signature) = self.bad_signature.filter(|_| anchors().next().is_some()) {
            bad_signature
        } else if anchors().any(|anchor| anchor.number < presented) {
            not_below
        } else {
            VerifyError::NoMatch { records: records.len(), certificates: presented }
        }
    }
}

/// The certificates that may have issued `subject`, the most promising first.
fn candidates<'c, 'a>(
    issuers: &'c [ChainCertificate<'a>],
    subject: &ChainCertificate<'_>,
    path: &[&ChainCertificate<'_>],
) -> Vec<&'c ChainCertificate<'a>> {
    let mut candidates: Vec<_> = issuers
        .iter()
        .filter(|issuer| issuer.fields.subject == subject.fields.issuer)
        // RFC 4158 §5.2: no path goes through one entity twice. A trust anchor ends it and may have any name.
        .filter(|issuer| issuer.anchor.is_some() || !path.iter().any(|below| below.is_same_entity(issuer)))
        .collect();
    candidates.sort_by_key(|issuer| (issuer.anchor.is_none(), !subject.points_to(issuer)));
    candidates
}

/// How far a failure is from success: dates pass, the structure of a path must be mended.
fn distance(error: &VerifyError) -> u8 {
    match error {
        VerifyError::Expired { .. } => 0,
        VerifyError::NotYetValid { .. } => 1,
        VerifyError::Untrusted { .. } => 2,
        VerifyError::Malformed { .. }
        | VerifyError::NoMatch { .. }
        | VerifyError::NameMismatch { .. }
        | VerifyError::TooMuchWork { .. }
        | VerifyError::EmptyChain => 3,
    }
}
