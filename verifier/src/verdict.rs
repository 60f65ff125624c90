//! What the certificates of a server are worth under a policy.

use dane::{
    EeNames, Match, PathFault, ReferenceIds, Selection, Settings, UsableRecords, UsableTlsa, Usage,
    VerifyError,
};
use mxtls_policy::{CertificateCheck, DanePolicy, Failure, SecurityPolicy};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer, UnixTime};

use crate::{failure, presented::CertificateSummary, roots::Roots, web_pki};

/// What was found about the certificates that a server presented, or about its raw public key.
///
/// It says nothing about whether the server holds their key: [`Handshake::finish`](crate::Handshake::finish) does.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What the usable TLSA records say; `None` where there are none.
    pub tlsa: Option<Result<Match, VerifyError>>,
    /// What the Web PKI says: a path to a trusted root, valid now, and the host's name (RFC 8461 §4.2). A raw public key
    /// has none of these.
    pub web_pki: Result<(), Failure>,
    /// Whether everything holds that the policy enforces; where it enforces nothing, it does.
    pub enforced: Result<(), Failure>,
    /// The certificates in the order in which they were presented, the leaf first; at most 10. Empty where a raw public key
    /// was presented.
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
        let dane = self.policy.dane_policy();
        let tlsa = dane.and_then(|dane| Some(self.tlsa(dane, usable(dane)?, chain, now)));
        let web_pki = web_pki::verify(&self.host, chain, &self.roots, self.algorithms, now);
        let enforced = self.enforced(tlsa.as_ref(), &web_pki);
        Verdict { tlsa, web_pki, enforced, certificates: CertificateSummary::of_chain(chain) }
    }

    /// `key` came in the place of certificates (RFC 7250).
    pub(crate) fn raw_key_verdict(&self, key: &SubjectPublicKeyInfoDer<'_>) -> Verdict {
        let dane = self.policy.dane_policy();
        let tlsa = dane.and_then(usable).map(|records| dane::verify_raw_key(key, records));
        let web_pki = Err(failure::raw_key_for_certificate(&self.host));
        let enforced = self.enforced(tlsa.as_ref(), &web_pki);
        Verdict { tlsa, web_pki, enforced, certificates: vec![] }
    }

    fn enforced(
        &self,
        tlsa: Option<&Result<Match, VerifyError>>,
        web_pki: &Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.policy.certificate_checks().iter().try_for_each(|check| match (check, tlsa) {
            (CertificateCheck::Tlsa, Some(Ok(_))) => Ok(()),
            (CertificateCheck::Tlsa, Some(Err(error))) => Err(self.refused_by_tlsa(error)),
            (CertificateCheck::Tlsa, None) => Err(failure::no_usable_tlsa(&self.host)),
            (CertificateCheck::WebPki, _) => web_pki.clone(),
        })
    }

    fn tlsa(
        &self,
        dane: &DanePolicy,
        records: &UsableRecords,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Match, VerifyError> {
        let names =
            dane.reference_ids().iter().fold(ReferenceIds::new(dane.base()), |names, name| names.and(name));
        // PKIX-TA(0) and PKIX-EE(1) ask for the same roots as the Web PKI. They are not loaded for other records.
        match records.iter().any(asks_for_root).then(|| self.roots.trusted()) {
            Some(Ok(trusted)) => {
                let settings = Settings { roots: &trusted.certificates, ee_names: EeNames::Ignore };
                dane::verify_with(chain, records, &names, now, &settings)
            }
            // Without roots those records match nothing; others still may.
            Some(Err(_)) | None => dane::verify(chain, records, &names, now),
        }
    }

    fn refused_by_tlsa(&self, error: &VerifyError) -> Failure {
        match (error, self.roots.trusted()) {
            (VerifyError::Untrusted { fault: PathFault::NoTrustedRoot, .. }, Err(no_roots)) => {
                failure::no_roots(&self.host, no_roots)
            }
            (_, Ok(_) | Err(_)) => failure::of_tlsa(&self.host, error),
        }
    }
}

fn asks_for_root(record: &UsableTlsa) -> bool {
    match record.usage() {
        Usage::PkixTa | Usage::PkixEe => true,
        Usage::DaneTa | Usage::DaneEe => false,
    }
}

fn usable(dane: &DanePolicy) -> Option<&UsableRecords> {
    match dane.selection() {
        Selection::Usable(records) => Some(records),
        Selection::AllUnusable(_) | Selection::Empty => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dane::TlsaRecord;
    use rustls::crypto::ring;

    use super::*;

    const ODD: [&[u8]; 3] = [
        include_bytes!("../tests/data/v1.der"),
        include_bytes!("../tests/data/unknown-critical.der"),
        include_bytes!("../tests/data/rsa2048.der"),
    ];

    fn judge(leaf: &[u8]) -> Judge {
        let key = rcgen::KeyPair::generate().unwrap();
        let root = rcgen::CertificateParams::new([]).unwrap().self_signed(&key).unwrap();
        let record = TlsaRecord { usage: 3, selector: 0, matching: 0, data: leaf.to_vec() };
        Judge {
            policy: SecurityPolicy::dane("mx.example.com", vec![record]).unwrap(),
            host: "mx.example.com".to_owned(),
            roots: Roots::from_pem(root.pem().as_bytes()).unwrap(),
            algorithms: ring::default_provider().signature_verification_algorithms.all,
        }
    }

    #[test]
    fn broken_certificates_are_refused_without_a_panic() {
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_798_761_600));
        for leaf in ODD {
            let judge = judge(leaf);
            assert_eq!(judge.verdict(&[leaf.into()], now).enforced, Ok(()), "as it stands");
            let refused = |broken: &[u8]| {
                let verdict = judge.verdict(&[broken.into(), leaf.into()], now);
                assert!(verdict.enforced.is_err() && verdict.web_pki.is_err(), "{broken:02x?}");
            };
            for index in 0..leaf.len() {
                refused(&leaf[..index]);
                for bits in [0x01, 0x80, 0xff] {
                    let mut broken = leaf.to_vec();
                    broken[index] ^= bits;
                    refused(&broken);
                }
            }
            refused(&[leaf, &[0]].concat());
        }
    }

    #[test]
    fn no_certificate_is_never_enough() {
        let verdict = judge(ODD[0]).verdict(&[], UnixTime::now());
        assert!(verdict.enforced.is_err() && verdict.web_pki.is_err() && verdict.certificates.is_empty());
    }
}
