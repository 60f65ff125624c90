//! The certificates that are held against records: all their keys are on P-256.

use anyhow::{Context, Result, ensure};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, PublicKeyData,
    SigningKey, date_time_ymd,
};
use rustls_pki_types::CertificateDer;

/// The name in every leaf.
pub(crate) const HOST: &str = "mx.example.com";

/// A CA with its key.
pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) certificate: CertificateDer<'static>,
}

impl Ca {
    /// One that signed itself.
    pub(crate) fn root(name: &str) -> Result<Self> {
        let (params, key) = (ca(name)?, KeyPair::generate()?);
        let certificate = params.self_signed(&key)?.der().clone();
        Ok(Self { issuer: Issuer::new(params, key), certificate })
    }

    /// One below this.
    pub(crate) fn below(&self, name: &str) -> Result<Self> {
        let (params, key) = (ca(name)?, KeyPair::generate()?);
        let certificate = params.signed_by(&key, &self.issuer)?.der().clone();
        Ok(Self { issuer: Issuer::new(params, key), certificate })
    }

    /// A server's certificate.
    pub(crate) fn leaf(&self) -> Result<CertificateDer<'static>> {
        let params = dated(CertificateParams::new([HOST.to_owned()])?);
        Ok(params.signed_by(&KeyPair::generate()?, &self.issuer)?.der().clone())
    }

    /// What it signed of a certificate, and a signature of it that is as good as the one in the certificate.
    pub(crate) fn signed(&self, certificate: &CertificateDer<'_>) -> Result<(Vec<u8>, Vec<u8>)> {
        let octets = tbs(certificate)?.to_vec();
        let signature = self.issuer.key().sign(&octets)?;
        Ok((octets, signature))
    }

    /// Its key as an uncompressed point (SEC 1 §2.3.3).
    pub(crate) fn point(&self) -> &[u8] {
        self.issuer.key().der_bytes()
    }
}

/// A leaf, and above it as many CAs as make `certificates` in all, the root last.
pub(crate) fn chain(certificates: usize) -> Result<Vec<CertificateDer<'static>>> {
    let mut lowest = Ca::root("Root")?;
    let mut chain = vec![lowest.certificate.clone()];
    while chain.len() + 1 < certificates {
        lowest = lowest.below(&format!("CA {}", chain.len()))?;
        chain.push(lowest.certificate.clone());
    }
    chain.push(lowest.leaf()?);
    chain.reverse();
    Ok(chain)
}

fn ca(name: &str) -> Result<CertificateParams> {
    let mut params = dated(CertificateParams::new([])?);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

fn dated(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2045, 1, 1);
    params.use_authority_key_identifier_extension = true;
    params
}

/// The TBSCertificate (RFC 5280 §4.1) of a certificate, where both have a length of two octets.
fn tbs<'a>(certificate: &'a CertificateDer<'_>) -> Result<&'a [u8]> {
    let content = certificate.strip_prefix(&[0x30, 0x82]).and_then(|rest| rest.get(2..));
    let content = content.context("a certificate of less than 64 KiB and more than 255 octets")?;
    let [0x30, 0x82, high, low, ..] = content else { anyhow::bail!("the signed part is not of that size") };
    let length = 4 + usize::from(u16::from_be_bytes([*high, *low]));
    ensure!(length < content.len(), "a signature stands behind what is signed");
    content.get(..length).context("what is signed lies within the certificate")
}
