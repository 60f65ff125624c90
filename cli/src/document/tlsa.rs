//! `mxtls tlsa show`, `make` and `verify`.

use dane::{Match, Matching, Selection, Selector, TlsaRecord, Usage, VerifyError};
use rustls_pki_types::CertificateDer;
use serde::Serialize;

use super::{attempt::rfc3339, host::HostDocument};

/// The same as `mxtls resolve --dane-only`; the page is another one.
#[derive(Debug, Serialize)]
pub(crate) struct TlsaShowDocument {
    pub(crate) results: [HostDocument; 1],
}

#[derive(Debug, Serialize)]
pub(crate) struct TlsaMakeDocument {
    /// `None` where no host is given.
    pub(crate) owner: Option<String>,
    record: String,
    #[serde(skip)]
    pub(crate) tlsa: TlsaRecord,
}

impl TlsaMakeDocument {
    pub(crate) fn new(owner: Option<String>, tlsa: TlsaRecord) -> Self {
        Self { owner, record: tlsa.to_string(), tlsa }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct TlsaVerifyDocument {
    pub(crate) result: ChainResult,
    pub(crate) depth: Option<usize>,
    pub(crate) matched: Option<MatchedRecord>,
    pub(crate) records: Vec<RecordUse>,
    pub(crate) error: Option<String>,
    /// For people: when the trust anchor expired, which does not count.
    #[serde(skip)]
    pub(crate) anchor_expired: Option<String>,
    /// For people: the records that would name each of the certificates, `None` for one that cannot be read.
    #[serde(skip)]
    pub(crate) presented: Vec<Option<TlsaRecord>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ChainResult {
    Match,
    NoMatch,
    Unusable,
    HostMismatch,
    Expired,
    NotYetValid,
    Untrusted,
    Malformed,
}

#[derive(Debug, Serialize)]
pub(crate) struct MatchedRecord {
    pub(crate) usage: u8,
    selector: u8,
    matching: u8,
    pub(crate) index: usize,
}

#[derive(Debug, Serialize)]
pub(crate) struct RecordUse {
    pub(crate) usable: bool,
    pub(crate) reason: Option<String>,
    #[serde(skip)]
    pub(crate) record: TlsaRecord,
}

impl TlsaVerifyDocument {
    /// `verdict` is `None` where no record can be used.
    pub(crate) fn new(
        records: &[TlsaRecord],
        selection: &Selection,
        verdict: Option<Result<Match, VerifyError>>,
        chain: &[CertificateDer<'_>],
    ) -> Self {
        let (result, found, error) = match verdict {
            Some(Ok(found)) => (ChainResult::Match, Some(found), None),
            Some(Err(error)) => (ChainResult::from(&error), None, Some(error.to_string())),
            None => {
                let message = format!("none of {} TLSA records can be used", records.len());
                (ChainResult::Unusable, None, Some(message))
            }
        };
        let uses = records.iter().zip(selection.reasons()).map(|(record, reason)| RecordUse {
            usable: reason.is_none(),
            reason: reason.map(|reason| reason.to_string()),
            record: record.clone(),
        });
        Self {
            result,
            depth: found.map(|found| found.depth),
            matched: found.map(MatchedRecord::from),
            records: uses.collect(),
            error,
            anchor_expired: found.and_then(|found| found.anchor_expired).and_then(rfc3339),
            presented: presented(chain),
        }
    }

    pub(crate) fn is_match(&self) -> bool {
        self.result == ChainResult::Match
    }
}

impl From<&VerifyError> for ChainResult {
    fn from(error: &VerifyError) -> Self {
        match error {
            VerifyError::NameMismatch { .. } => Self::HostMismatch,
            VerifyError::Expired { .. } => Self::Expired,
            VerifyError::NotYetValid { .. } => Self::NotYetValid,
            // What costs too much to find out is not trusted either.
            VerifyError::Untrusted { .. } | VerifyError::TooMuchWork { .. } => Self::Untrusted,
            VerifyError::Malformed { .. } => Self::Malformed,
            VerifyError::NoMatch { .. } | VerifyError::RawKeyMismatch { .. } | VerifyError::EmptyChain => {
                Self::NoMatch
            }
            _ => Self::NoMatch,
        }
    }
}

impl From<Match> for MatchedRecord {
    fn from(found: Match) -> Self {
        Self {
            usage: found.usage.octet(),
            selector: found.selector.octet(),
            matching: found.matching.octet(),
            index: found.index,
        }
    }
}

fn presented(chain: &[CertificateDer<'_>]) -> Vec<Option<TlsaRecord>> {
    let usages = [Usage::DaneEe].into_iter().chain(std::iter::repeat(Usage::DaneTa));
    let record = |(certificate, usage): (&CertificateDer<'_>, Usage)| match TlsaRecord::from_certificate(
        usage,
        Selector::Spki,
        Matching::Sha256,
        certificate,
    ) {
        Ok(record) => Some(record),
        Err(_) => None,
    };
    chain.iter().zip(usages).map(record).collect()
}
