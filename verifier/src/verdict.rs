//! What the certificates of a server are worth under a policy.

use dane::{Match, ReferenceIds, Selection, VerifyError};
use mxtls_policy::{CertificateCheck, DanePolicy, Failure, SecurityPolicy};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};

use crate::{failure, presented::CertificateSummary, roots::Roots, web_pki};

/// What was found about the certificates that a server presented.
///
/// It says nothing about whether the server holds their key: [`Handshake::finish`](crate::Handshake::finish) does.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What the usable TLSA records say; `None` where there are none.
    pub tlsa: Option<Result<Match, VerifyError>>,
    /// What the Web PKI says: a path to a trusted root, valid now, and the host's name (RFC 8461 §4.2).
    pub web_pki: Result<(), Failure>,
    /// Whether everything holds that the policy enforces; where it enforces nothing, it does.
    pub enforced: Result<(), Failure>,
    /// The certificates in the order in which they were presented, the leaf first; at most 10.
    pub certificates: Vec<CertificateSummary>,
}

/// What certificates are held against.
#[derive(Debug)]
pub(crate) struct Judge {
    pub(crate) policy: SecurityPolicy,
    pub(crate) host: String,
    pub(crate) roots: Roots,
    pub(crate) algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
}

impl Judge {
    /// `chain` is as the server sent it, the leaf first.
    pub(crate) fn verdict(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Verdict {
        let tlsa = self.policy.dane_policy().and_then(|dane| tlsa(dane, chain, now));
        let web_pki = web_pki::verify(&self.host, chain, &self.roots, self.algorithms, now);
        let enforced = self.policy.certificate_checks().iter().try_for_each(|check| match (check, &tlsa) {
            (CertificateCheck::Tlsa, Some(Ok(_))) => Ok(()),
            (CertificateCheck::Tlsa, Some(Err(error))) => Err(failure::of_tlsa(&self.host, error)),
            (CertificateCheck::Tlsa, None) => Err(failure::no_usable_tlsa(&self.host)),
            (CertificateCheck::WebPki, _) => web_pki.clone(),
        });
        Verdict { tlsa, web_pki, enforced, certificates: CertificateSummary::of_chain(chain) }
    }
}

fn tlsa(
    dane: &DanePolicy,
    chain: &[CertificateDer<'_>],
    now: UnixTime,
) -> Option<Result<Match, VerifyError>> {
    match dane.selection() {
        Selection::Usable(records) => {
            let names = dane
                .reference_ids()
                .iter()
                .fold(ReferenceIds::new(dane.base()), |names, name| names.and(name));
            Some(dane::verify(chain, records, &names, now))
        }
        Selection::AllUnusable(_) | Selection::Empty => None,
    }
}
