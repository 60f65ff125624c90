//! How much work one question may cause.

use crate::{Failure, Question, failure::Reason};

/// Bounds on the work for one question, over all the answers fetched for it.
///
/// Each that is passed ends the validation with an error, never with "insecure": work is what an attacker
/// can make a validator do (CVE-2023-50387, CVE-2023-50868), and giving up must not be worth anything to them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Questions that the verdict waits for, the first included. Default 64: one DS for each label of the longest names
    /// in use (34 labels under `ip6.arpa`), several aliases long. Beside them, half as many are asked ahead of need, to
    /// save round trips; where those are used up, nothing fails, it only takes longer.
    pub questions: u16,
    /// Aliases followed. Default 11, as long as other resolvers follow them.
    pub aliases: u16,
    /// Records in the answer and authority sections of all messages together. Default 1024: 16 for each question. Those asked
    /// ahead of need have half as many of their own.
    pub records: u16,
    /// DS records at one delegation, and DNSKEY records in one zone. Default 16.
    pub keys: u16,
    /// Signatures tried for one RRset. Default 6.
    pub signatures_per_rrset: u16,
    /// Zones on the way to a name that may be named as signers of the answer about it. Default 8: an honest answer has
    /// signatures of the zone, and of the one above it at the most.
    pub signers: u16,
    /// NSEC and NSEC3 records of a zone and those below it, in one message. Default 24: a denial
    /// needs at most three, and a recursive resolver gathers those of several aliases.
    pub denials_per_message: u16,
    /// Signatures verified, good and bad, as many as verifications with P-256 of the same cost: one with P-384 counts for
    /// 13, one with RSA for 1 to 3 with the usual keys and for 18 at the most. Default 100: a
    /// denial by NSEC3 below two zones on P-384 takes 80 when nothing is known but the root's anchor.
    pub signatures: u16,
    /// Signatures that may turn out not to verify. Default 4.
    pub failed_signatures: u16,
    /// Names hashed for NSEC3, each with up to [`nsec3_iterations`](Self::nsec3_iterations). With a salt of 36 octets and
    /// more each counts for as many as a round of it takes blocks of SHA-1: 5 at the most. Default 64.
    pub nsec3_hashes: u16,
    /// NSEC3 iterations above which a zone's denials are not computed: what they would prove is insecure
    /// (RFC 9276 §3.2 leaves the number to the validator). Default 150.
    pub nsec3_iterations: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            questions: 64,
            aliases: 11,
            records: 1024,
            keys: 16,
            signatures_per_rrset: 6,
            signers: 8,
            denials_per_message: 24,
            signatures: 100,
            failed_signatures: 4,
            nsec3_hashes: 64,
            nsec3_iterations: 150,
        }
    }
}

/// Which bound was passed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::questions`].
    #[error("questions asked")]
    Questions,
    /// [`Limits::aliases`].
    #[error("aliases followed")]
    Aliases,
    /// [`Limits::records`].
    #[error("records in all answers")]
    Records,
    /// [`Limits::keys`].
    #[error("DS or DNSKEY records in one set")]
    Keys,
    /// [`Limits::signatures_per_rrset`].
    #[error("signatures tried for one RRset")]
    SignaturesPerRrset,
    /// [`Limits::signers`].
    #[error("zones named as signers of one answer")]
    Signers,
    /// [`Limits::denials_per_message`].
    #[error("denial records in one message")]
    DenialsPerMessage,
    /// [`Limits::signatures`].
    #[error("signatures verified")]
    Signatures,
    /// [`Limits::failed_signatures`].
    #[error("signatures that do not verify")]
    FailedSignatures,
    /// [`Limits::nsec3_hashes`].
    #[error("NSEC3 hashes")]
    Nsec3Hashes,
}

/// What is left of the [`Limits`].
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) limits: Limits,
    questions: u16,
    records: u16,
    /// Questions and records ahead of need have a budget of their own, so that they bring nothing over its limits.
    ahead: u16,
    records_ahead: u16,
    signatures: u16,
    failed_signatures: u16,
    nsec3_hashes: u16,
    /// Whatever each cost.
    verified: u16,
}

impl Budget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            questions: limits.questions,
            records: limits.records,
            ahead: limits.questions / 2,
            records_ahead: limits.records / 2,
            signatures: limits.signatures,
            failed_signatures: limits.failed_signatures,
            nsec3_hashes: limits.nsec3_hashes,
            verified: 0,
        }
    }

    pub(crate) fn question(&mut self) -> Result<(), Limit> {
        spend(&mut self.questions, 1, Limit::Questions)
    }

    pub(crate) fn records(&mut self, number: usize) -> Result<(), Limit> {
        spend(&mut self.records, number, Limit::Records)
    }

    /// Whether one more question may go ahead of need.
    pub(crate) fn ahead(&mut self) -> bool {
        spend(&mut self.ahead, 1, Limit::Questions).is_ok()
    }

    pub(crate) fn records_ahead(&mut self, number: usize) -> Result<(), Limit> {
        spend(&mut self.records_ahead, number, Limit::Records)
    }

    pub(crate) fn signature(&mut self, cost: u16) -> Result<(), Limit> {
        spend(&mut self.signatures, cost.into(), Limit::Signatures)?;
        self.verified = self.verified.saturating_add(1);
        Ok(())
    }

    /// The number of signatures verified.
    pub(crate) fn verified(&self) -> u16 {
        self.verified
    }

    pub(crate) fn failed_signature(&mut self) -> Result<(), Limit> {
        spend(&mut self.failed_signatures, 1, Limit::FailedSignatures)
    }

    pub(crate) fn nsec3_hash(&mut self, salt: &[u8]) -> Result<(), Limit> {
        // RFC 5155 §5: a round hashes the digest before it, of 20 octets, and the salt; SHA-1 adds 9 octets and works on
        // blocks of 64.
        let blocks = (20 + salt.len() + 9).div_ceil(64);
        spend(&mut self.nsec3_hashes, blocks, Limit::Nsec3Hashes)
    }
}

impl Limit {
    /// The failure of a question that passed this bound at `record`.
    pub(crate) fn at(self, record: Question) -> Failure {
        Failure::new(record, None, Reason::OverLimit(self))
    }
}

fn spend(left: &mut u16, cost: usize, limit: Limit) -> Result<(), Limit> {
    match u16::try_from(cost).map(|cost| left.checked_sub(cost)) {
        Ok(Some(rest)) => {
            *left = rest;
            Ok(())
        }
        Ok(None) | Err(_) => Err(limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_more_is_bounded_earlier() {
        for (cost, expected, why) in [(1, 100, "P-256"), (13, 7, "P-384"), (18, 5, "the longest RSA keys")] {
            let mut budget = Budget::new(Limits::default());
            let verified = (0..200).take_while(|_| budget.signature(cost).is_ok()).count();
            assert_eq!((verified, budget.verified()), (expected, expected as u16), "{why}");
        }
        for (salt, expected, why) in [
            (0, 64, "no salt, one block"),
            (35, 64, "the last octet that fits"),
            (36, 32, "two blocks"),
            (255, 12, "the longest salt: five"),
        ] {
            let mut budget = Budget::new(Limits::default());
            let hashed = (0..200).take_while(|_| budget.nsec3_hash(&vec![0; salt]).is_ok()).count();
            assert_eq!(hashed, expected, "{why}");
        }
    }
}
