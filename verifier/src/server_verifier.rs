//! The part that rustls asks.

use std::sync::{Arc, OnceLock};

use mxtls_policy::SecurityPolicy;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key},
};
use rustls_pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use webpki::RawPublicKeyEntity;

use crate::{
    settings::TlsSettings,
    verdict::{Judge, Verdict},
};

/// Judges the certificates of one connection and leaves the verdict behind.
#[derive(Debug)]
pub(crate) struct ServerVerifier {
    judge: Judge,
    presented: Presented,
    algorithms: WebPkiSupportedAlgorithms,
    at: Option<UnixTime>,
    seen: Arc<OnceLock<Seen>>,
}

/// What was found about the server's certificate, and which one that was.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) verdict: Verdict,
    /// Or the raw key in its place.
    pub(crate) end_entity: CertificateDer<'static>,
}

/// What the server is asked for, and so all that rustls lets it present.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Presented {
    Certificates,
    /// A public key, which stands where the certificate of the server would (RFC 7250 §3).
    RawKey,
}

impl ServerVerifier {
    pub(crate) fn new(
        policy: &SecurityPolicy,
        host: &str,
        settings: &TlsSettings,
        presented: Presented,
        seen: Arc<OnceLock<Seen>>,
    ) -> Self {
        let algorithms = settings.algorithms();
        let judge = Judge {
            policy: policy.clone(),
            host: host.to_owned(),
            roots: settings.roots().clone(),
            algorithms: algorithms.all,
        };
        Self { judge, presented, algorithms, at: settings.fixed_time(), seen }
    }

    /// The server's key as it stands in the certificate. PKIX libraries refuse to read some certificates that DANE-EE(3)
    /// and opportunistic TLS allow, and their handshake signatures must be checked all the same (RFC 7671 §5.1).
    fn public_key<'a>(
        &self,
        presented: &'a CertificateDer<'_>,
    ) -> Result<SubjectPublicKeyInfoDer<'a>, Error> {
        match self.presented {
            Presented::Certificates => {
                dane::leaf_spki(presented).map_err(|_| CertificateError::BadEncoding.into())
            }
            Presented::RawKey => Ok(SubjectPublicKeyInfoDer::from(presented.as_ref())),
        }
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = match (self.presented, intermediates) {
            (Presented::Certificates, _) => {
                let chain: Vec<_> = std::iter::once(end_entity)
                    .chain(intermediates)
                    .map(|certificate| CertificateDer::from(certificate.as_ref()))
                    .collect();
                self.judge.verdict(&chain, self.at.unwrap_or(now))
            }
            (Presented::RawKey, []) => self.judge.raw_key_verdict(&end_entity.as_ref().into()),
            // RFC 8446 §4.4.2: of raw keys there is exactly one.
            (Presented::RawKey, [..]) => return Err(CertificateError::BadEncoding.into()),
        };
        let enforced = verdict.enforced.clone();
        let end_entity = end_entity.clone().into_owned();
        if self.seen.set(Seen { verdict, end_entity }).is_err() {
            // Or the verdict on one connection would be taken for that on another.
            return Err(Error::General("a handshake is good for one connection".to_owned()));
        }
        match enforced {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(refused) => Err(CertificateError::Other(OtherError(Arc::new(refused))).into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let spki = self.public_key(certificate)?;
        let Ok(key) = RawPublicKeyEntity::try_from(&spki) else {
            return Err(CertificateError::BadEncoding.into());
        };
        // In TLS 1.2 a scheme does not name the curve, so that several algorithms can be meant (RFC 8446 §4.2.3).
        let valid = self
            .algorithms
            .mapping
            .iter()
            .filter(|(scheme, _)| *scheme == signed.scheme)
            .flat_map(|(_, algorithms)| *algorithms)
            .any(|algorithm| key.verify_signature(*algorithm, message, signed.signature()).is_ok());
        if valid {
            Ok(HandshakeSignatureValid::assertion())
        } else {
            Err(CertificateError::BadSignature.into())
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature_with_raw_key(message, &self.public_key(certificate)?, signed, &self.algorithms)
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.presented == Presented::RawKey
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
