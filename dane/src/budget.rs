use crate::error::{VerifyError, Work};

/// What one verification may still cost. Every honest chain is far below these limits. The signatures cost most: with P-256 all
/// of them take some 15 milliseconds, with P-384 or RSA of 8192 bits some 200.
#[derive(Debug)]
pub(crate) struct Budget {
    certificates: usize,
    octets: usize,
    comparisons: usize,
    signatures: usize,
    steps: usize,
    name_comparisons: usize,
}

const MAX_CERTIFICATES: usize = 64;
const MAX_OCTETS: usize = 1 << 20;
const MAX_COMPARISONS: usize = 200_000;
const MAX_SIGNATURES: usize = 256;
const MAX_STEPS: usize = 1_000;
const MAX_NAME_COMPARISONS: usize = 50_000;

/// A limit was reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TooMuch {
    what: Work,
    limit: usize,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self {
            certificates: MAX_CERTIFICATES,
            octets: MAX_OCTETS,
            comparisons: MAX_COMPARISONS,
            signatures: MAX_SIGNATURES,
            steps: MAX_STEPS,
            name_comparisons: MAX_NAME_COMPARISONS,
        }
    }

    /// Takes one unit of this work from what is left.
    pub(crate) fn spend(&mut self, what: Work) -> Result<(), TooMuch> {
        self.spend_many(what, 1)
    }

    /// Takes so many units of this work from what is left.
    pub(crate) fn spend_many(&mut self, what: Work, units: usize) -> Result<(), TooMuch> {
        let (left, limit) = match what {
            Work::Certificates => (&mut self.certificates, MAX_CERTIFICATES),
            Work::Octets => (&mut self.octets, MAX_OCTETS),
            Work::Comparisons => (&mut self.comparisons, MAX_COMPARISONS),
            Work::Signatures => (&mut self.signatures, MAX_SIGNATURES),
            Work::Steps => (&mut self.steps, MAX_STEPS),
            Work::NameComparisons => (&mut self.name_comparisons, MAX_NAME_COMPARISONS),
        };
        *left = left.checked_sub(units).ok_or(TooMuch { what, limit })?;
        Ok(())
    }
}

impl From<TooMuch> for VerifyError {
    fn from(TooMuch { what, limit }: TooMuch) -> Self {
        Self::TooMuchWork { what, limit }
    }
}
