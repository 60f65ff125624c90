use rustls_pki_types::UnixTime;

use crate::budget::Budget;
use crate::chain::{ChainCertificate, Issuers};
use crate::error::{PathFault, VerifyError};
use crate::path::{Path, Walk, has_entity};
use crate::selection::UsableTlsa;
use crate::verify::Match;

/// PKIX-TA(0) and PKIX-EE(1): a sound path from the leaf to a trusted root that a record constrains (RFC 6698 §2.1.1).
///
/// A PKIX-EE(1) record names the leaf, `leaf_record` if there is one. A PKIX-TA(0) record names a CA certificate of the
/// path, which goes on past the first trusted certificate: what the record names may stand above it (RFC 7671 §5.4).
/// Whether the leaf has the right name is for the caller to see.
pub(crate) fn match_pkix(
    leaf: &ChainCertificate<'_>,
    leaf_record: Option<&UsableTlsa>,
    issuers: &Issuers<'_>,
    now: UnixTime,
    budget: &mut Budget,
) -> Result<Option<Match>, VerifyError> {
    let names_issuer = issuers.certificates.iter().any(|issuer| issuer.named_by.is_some());
    if leaf_record.is_none() && !names_issuer {
        // No path can help.
        return issuers.malformed.clone().map_or(Ok(None), Err);
    }
    let mut roots: Vec<_> = issuers.certificates.iter().filter(|issuer| issuer.is_root).collect();
    roots.sort_unstable_by_key(|root| root.fields.der);
    let mut search = Search {
        leaf_record,
        roots,
        walk: Walk::new(&issuers.certificates, issuers.malformed.clone(), now, budget),
        trusted: Vec::new(),
        top: 0,
        reached_root: false,
    };
    match search.extend(&mut vec![leaf])? {
        Some(found) => Ok(Some(found)),
        None => search.explain(issuers).map_or(Ok(None), Err),
    }
}

struct Search<'c, 'a, 'b> {
    leaf_record: Option<&'c UsableTlsa>,
    roots: Vec<&'c ChainCertificate<'a>>,
    walk: Walk<'c, 'a, 'b>,
    /// The roots that the path at hand has met, and how many certificates of it stand below each.
    trusted: Vec<(usize, &'c ChainCertificate<'a>)>,
    /// How far above the leaf any path came.
    top: usize,
    /// Whether any path came to a root.
    reached_root: bool,
}

impl<'c, 'a> Search<'c, 'a, '_> {
    /// Tries every issuer of the certificate at the end of `path`, depth first.
    fn extend(&mut self, path: &mut Path<'c, 'a>) -> Result<Option<Match>, VerifyError> {
        let may_follow = |issuer: &ChainCertificate<'_>| match path.split_first() {
            // A root may be the leaf itself, if it is self-signed.
            Some((leaf, above)) => {
                !has_entity(above, issuer) && (issuer.is_root || !has_entity(&[*leaf], issuer))
            }
            None => false,
        };
        for issuer in self.walk.issuers_of(path, |issuer| issuer.is_root, may_follow) {
            if !self.walk.step(path, issuer.fields.spki)? {
                continue;
            }
            let roots_below = self.trusted.len();
            let met = self.roots.iter().filter(|root| root.is_same_entity(issuer));
            self.trusted.extend(met.map(|root| (path.len(), *root)));
            self.reached_root |= self.trusted.len() > roots_below;
            path.push(issuer);
            self.top = self.top.max(path.len() - 1);
            if let Some(found) = self.judge(path)? {
                return Ok(Some(found));
            }
            if let Some(found) = self.extend(path)? {
                return Ok(Some(found));
            }
            path.pop();
            self.trusted.truncate(roots_below);
        }
        Ok(None)
    }

    /// Whether a record matches, and the path is sound both up to a root and as a whole.
    fn judge(&mut self, path: &Path<'c, 'a>) -> Result<Option<Match>, VerifyError> {
        let above = || (1..).zip(path.iter().skip(1));
        let at_leaf = self.leaf_record.map(|record| Match::new(record, 0));
        let found = at_leaf
            .or_else(|| above().find_map(|(depth, ca)| ca.named_by.map(|record| Match::new(record, depth))));
        let (Some(found), Some((top, below_top))) = (found, path.split_last()) else { return Ok(None) };
        for (below, root) in self.trusted.clone() {
            let Some(below_root) = path.get(..below) else { continue };
            if !self.walk.is_sound(below_root, Some(root))? {
                continue;
            }
            let is_whole = root.number == top.number;
            if is_whole || self.walk.is_sound(below_top, Some(top))? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// What helps the operator most, where no path will do; `None` where what a record names is in none of them.
    fn explain(self, issuers: &Issuers<'_>) -> Option<VerifyError> {
        let mut named = issuers.certificates.iter().filter(|issuer| issuer.named_by.is_some());
        let no_path =
            |depth, fault| issuers.unreadable.clone().unwrap_or(VerifyError::Untrusted { depth, fault });
        let bad_signature = self.walk.bad_signature();
        if let Some(nearest) = self.walk.nearest.error() {
            Some(nearest)
        } else if self.reached_root {
            // To a root, but not through the certificate that a record names.
            let is_sent = named.any(|issuer| issuer.number < issuers.presented);
            is_sent.then(|| no_path(0, PathFault::NotIssuedBelowAnchor))
        } else {
            Some(bad_signature.unwrap_or_else(|| no_path(self.top, PathFault::NoTrustedRoot)))
        }
    }
}
