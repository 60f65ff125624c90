//! A session with one address: an element of `attempts`.

use std::net::IpAddr;

use mxtls_policy::{Channel, Failure};
use mxtls_smtp_client::{Attempt, AttemptVerdict, StartTls, TlsInfo};
use mxtls_verifier::CertificateSummary;
use rustls_pki_types::UnixTime;
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

#[derive(Debug, Serialize)]
pub(crate) struct AttemptDocument {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    pub(crate) verdict: &'static str,
    pub(crate) channel: Option<Channel>,
    pub(crate) failure: Option<Failure>,
    pub(crate) starttls: Option<&'static str>,
    pub(crate) tls: Option<TlsDocument>,
}

#[derive(Debug, Serialize)]
pub(crate) struct TlsDocument {
    pub(crate) version: Option<&'static str>,
    pub(crate) cipher_suite: Option<&'static str>,
    sni: Option<String>,
    pub(crate) matched: Option<MatchDocument>,
    web_pki: Option<&'static str>,
    certificates: Vec<CertificateDocument>,
}

#[derive(Debug, Serialize)]
pub(crate) struct MatchDocument {
    pub(crate) usage: u8,
    pub(crate) selector: u8,
    pub(crate) matching: u8,
    pub(crate) depth: usize,
    index: usize,
    /// For people.
    #[serde(skip)]
    pub(crate) anchor_expired: Option<String>,
}

#[derive(Debug, Serialize)]
struct CertificateDocument {
    subject: String,
    issuer: String,
    not_after: Option<String>,
    spki_sha256: Option<String>,
}

impl From<&Attempt> for AttemptDocument {
    fn from(attempt: &Attempt) -> Self {
        Self {
            address: attempt.address.ip(),
            port: attempt.address.port(),
            verdict: verdict(attempt.verdict),
            channel: attempt.channel,
            failure: attempt.failure.clone(),
            starttls: attempt.starttls.map(|starttls| match starttls {
                StartTls::Accepted => "accepted",
                StartTls::Refused => "refused",
                StartTls::NotOffered => "not-offered",
                StartTls::NotSent => "not-sent",
            }),
            tls: attempt.tls.as_ref().map(TlsDocument::from),
        }
    }
}

/// Whether a server can be used.
pub(super) fn verdict(verdict: AttemptVerdict) -> &'static str {
    match verdict {
        AttemptVerdict::Accept => "accept",
        AttemptVerdict::Reject => "reject",
        AttemptVerdict::Unreachable => "unreachable",
    }
}

impl From<&TlsInfo> for TlsDocument {
    fn from(tls: &TlsInfo) -> Self {
        Self {
            version: tls.version,
            cipher_suite: tls.cipher_suite,
            sni: tls.sni.clone(),
            matched: tls.matched.map(|matched| MatchDocument {
                usage: matched.usage,
                selector: matched.selector,
                matching: matched.matching,
                depth: matched.depth,
                index: matched.index,
                anchor_expired: matched.anchor_expired.and_then(rfc3339),
            }),
            web_pki: tls.web_pki.map(|web_pki| match web_pki {
                Ok(()) => "valid",
                Err(code) => code.as_str(),
            }),
            certificates: tls.certificates.iter().map(CertificateDocument::from).collect(),
        }
    }
}

impl From<&CertificateSummary> for CertificateDocument {
    fn from(certificate: &CertificateSummary) -> Self {
        Self {
            subject: certificate.subject.clone(),
            issuer: certificate.issuer.clone(),
            not_after: certificate.not_after.and_then(rfc3339),
            spki_sha256: certificate.spki_sha256.clone(),
        }
    }
}

/// A time since 1970 in UTC; `None` beyond the year 9999, which RFC 3339 cannot write.
pub(super) fn rfc3339(time: UnixTime) -> Option<String> {
    let Ok(seconds) = i64::try_from(time.as_secs()) else { return None };
    let text = OffsetDateTime::from_unix_timestamp(seconds).map(|time| time.format(&Rfc3339));
    if let Ok(Ok(text)) = text { Some(text) } else { None }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc() {
        for (seconds, expected, why) in [
            (0, Some("1970-01-01T00:00:00Z"), "the epoch"),
            (253_402_300_799, Some("9999-12-31T23:59:59Z"), "the last second that has a notation"),
            (253_402_300_800, None, "one more"),
            (u64::MAX, None, "no calendar goes that far"),
        ] {
            let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
            assert_eq!(rfc3339(time).as_deref(), expected, "{why}");
        }
    }
}
