use rustls_pki_types::UnixTime;

use crate::budget::Budget;
use crate::chain::{ChainCertificate, Issuers, is_full};
use crate::error::{PathFault, VerifyError, Work};
use crate::key_id::KeyIds;
use crate::parameter::{Selector, Usage};
use crate::path::{Path, Walk, has_entity};
use crate::selection::{UsableRecords, UsableTlsa};
use crate::verify::Match;

/// DANE-TA(2): a sound path from the leaf to a certificate or key that a record names (RFC 7671 §5.2).
///
/// `None` where no record names a certificate or key of any path. Whether the leaf has the right name is for the caller to
/// see.
pub(crate) fn match_trust_anchor(
    leaf: &ChainCertificate<'_>,
    issuers: &Issuers<'_>,
    records: &UsableRecords,
    now: UnixTime,
    budget: &mut Budget,
) -> Result<Option<Match>, VerifyError> {
    let mut search = Search {
        issuers: &issuers.certificates,
        presented: issuers.presented,
        walk: Walk::new(&issuers.certificates, issuers.malformed.clone(), now, budget),
        tops: Vec::new(),
    };
    if search.has_goal(records) {
        if let Some(found) = search.extend(&mut vec![leaf])? {
            return Ok(Some(found));
        }
        if let Some(found) = search.try_bare_keys(records)? {
            return Ok(Some(found));
        }
    }
    search.explain(issuers.unreadable.clone()).map_or(Ok(None), Err)
}

struct Search<'c, 'a, 'b> {
    issuers: &'c [ChainCertificate<'a>],
    /// How many certificates were presented, the leaf included.
    presented: usize,
    walk: Walk<'c, 'a, 'b>,
    /// The paths that end at a certificate of which no issuer was presented.
    tops: Vec<Path<'c, 'a>>,
}

impl<'c, 'a> Search<'c, 'a, '_> {
    /// Whether a path can end anywhere: at a certificate that a record names, or at a key that one has in full. If not, no
    /// signature is worth checking.
    fn has_goal(&self, records: &UsableRecords) -> bool {
        self.issuers.iter().any(|issuer| issuer.named_by.is_some())
            || records.iter().any(|record| is_full(record, Usage::DaneTa, Selector::Spki))
    }

    /// Tries every issuer of the certificate at the end of `path`, depth first.
    fn extend(&mut self, path: &mut Path<'c, 'a>) -> Result<Option<Match>, VerifyError> {
        let mut is_top = true;
        let is_anchor = |issuer: &ChainCertificate<'_>| issuer.named_by.is_some();
        // A trust anchor ends the path and may have any name.
        let may_follow = |issuer: &ChainCertificate<'_>| is_anchor(issuer) || !has_entity(path, issuer);
        for issuer in self.walk.issuers_of(path, is_anchor, may_follow) {
            if !self.walk.step(path, issuer.fields.spki)? {
                continue;
            }
            // An issuer that only DNS has does not take the place of a bare key beside it (RFC 7671 §8).
            is_top &= issuer.number >= self.presented;
            let Some(record) = issuer.named_by else {
                path.push(issuer);
                if let Some(found) = self.extend(path)? {
                    return Ok(Some(found));
                }
                path.pop();
                continue;
            };
            // No use in going on above it: of what stands below a trust anchor more is asked than of the anchor.
            if self.walk.is_sound(path, Some(issuer))? {
                let anchor_expired = self.walk.expired(issuer);
                return Ok(Some(Match { anchor_expired, ..Match::new(record, path.len()) }));
            }
        }
        if is_top {
            self.tops.push(path.clone());
        }
        Ok(None)
    }

    /// RFC 7671 §5.2.3: a key that DNS has in full may have signed the certificate at the top, without standing in a
    /// certificate that was sent. Those that a key identifier points to are tried first.
    fn try_bare_keys(&mut self, records: &'c UsableRecords) -> Result<Option<Match>, VerifyError> {
        let tops = std::mem::take(&mut self.tops);
        let is_key = |record: &&UsableTlsa| is_full(record, Usage::DaneTa, Selector::Spki);
        let mut keys: Vec<_> = records.iter().filter(is_key).collect();
        // Their order in DNS must not say which of them are tried before it is too much.
        keys.sort_by_key(|record| record.data());
        keys.dedup_by_key(|record| record.data());
        self.walk.budget.spend_many(Work::Comparisons, keys.len().saturating_mul(tops.len()))?;
        let keys: Vec<_> = keys.into_iter().map(|record| (record, KeyIds::of(record.data()))).collect();
        for is_likely in [true, false] {
            for (record, ids) in &keys {
                for path in &tops {
                    let Some(top) = path.last() else { continue };
                    let points_here = |id| ids.as_ref().is_ok_and(|ids| ids.include(id));
                    if top.extensions.authority_key_id.is_some_and(points_here) == is_likely
                        && self.walk.check_issued(top, record.data())?.is_ok()
                        && self.walk.is_sound(path, None)?
                    {
                        return Ok(Some(Match::new(record, path.len() - 1)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// What helps the operator most, where no path is sound; `None` where no record matches anything. `unreadable` is what
    /// to say of a certificate that may be missing in a path.
    fn explain(self, unreadable: Option<VerifyError>) -> Option<VerifyError> {
        let mut anchors = self.issuers.iter().filter(|issuer| issuer.named_by.is_some()).peekable();
        let not_below = VerifyError::Untrusted { depth: 0, fault: PathFault::NotIssuedBelowAnchor };
        let bad_signature = self.walk.bad_signature().filter(|_| anchors.peek().is_some());
        let is_sent = |anchor: &ChainCertificate<'_>| anchor.number < self.presented;
        let unreadable = unreadable.filter(|_| anchors.peek().is_some());
        let no_path = || unreadable.or_else(|| anchors.any(is_sent).then_some(not_below));
        self.walk.nearest.error().or(bad_signature).or_else(no_path)
    }
}
