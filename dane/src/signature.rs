use rustls_pki_types::SubjectPublicKeyInfoDer;
use webpki::{ALL_VERIFICATION_ALGS, RawPublicKeyEntity};

use crate::certificate::Certificate;
use crate::der::{DerError, Reader, single, tag, whole_octets};
use crate::error::PathFault;
use crate::oid::dotted;

/// Whether the holder of the key `issuer`, a SubjectPublicKeyInfo, signed the certificate (RFC 5280 §6.1.3 (a)(1)).
///
/// SHA-1, MD5 and whatever *ring* does not know are [`PathFault::Algorithm`].
pub(crate) fn check_signature(certificate: &Certificate<'_>, issuer: &[u8]) -> Result<(), PathFault> {
    // RFC 5280 §4.1.1.2: the algorithm is stated twice, once where the issuer has signed it.
    if certificate.inner_algorithm.content != certificate.algorithm {
        return Err(PathFault::AlgorithmNotSigned);
    }
    if let Some(bits) = too_few_bits(issuer)? {
        return Err(PathFault::WeakIssuerKey { bits, minimum: MINIMUM_RSA_BITS });
    }
    let Ok(signature) = whole_octets(certificate.signature) else { return Err(PathFault::Signature) };
    let issuer = SubjectPublicKeyInfoDer::from(issuer);
    let Ok(issuer) = RawPublicKeyEntity::try_from(&issuer) else { return Err(PathFault::MalformedKey) };
    let algorithms = ALL_VERIFICATION_ALGS
        .iter()
        .filter(|known| known.signature_alg_id().as_ref() == certificate.algorithm);
    let mut is_known = false;
    for algorithm in algorithms {
        match issuer.verify_signature(*algorithm, certificate.signed, signature) {
            Ok(()) => return Ok(()),
            Err(webpki::Error::InvalidSignatureForPublicKey) => is_known = true,
            // The same signature algorithm may stand for several curves: this one is not the key's.
            Err(_) => {}
        }
    }
    Err(if is_known { PathFault::Signature } else { PathFault::Algorithm { found: algorithm(certificate) } })
}

/// The object identifier of the signature algorithm.
fn algorithm(certificate: &Certificate<'_>) -> String {
    match Reader::new(certificate.algorithm).expect(tag::OID) {
        Ok(oid) => dotted(oid.content),
        Err(DerError) => "none".to_owned(),
    }
}

/// The least size of an RSA key in a path.
pub(crate) const MINIMUM_RSA_BITS: usize = 2048;

/// Refuses RSA keys that are too short, and what cannot be read as a key.
pub(crate) fn check_key(spki: &[u8]) -> Result<(), PathFault> {
    match too_few_bits(spki)? {
        Some(bits) => Err(PathFault::WeakKey { bits, minimum: MINIMUM_RSA_BITS }),
        None => Ok(()),
    }
}

fn too_few_bits(spki: &[u8]) -> Result<Option<usize>, PathFault> {
    match rsa_key_bits(spki) {
        Ok(bits) => Ok(bits.filter(|bits| *bits < MINIMUM_RSA_BITS)),
        Err(DerError) => Err(PathFault::MalformedKey),
    }
}

/// The size of the key where it is RSA, rounded up to whole octets as *ring* does.
pub(crate) fn rsa_key_bits(spki: &[u8]) -> Result<Option<usize>, DerError> {
    Ok(rsa_modulus(spki)?.map(|modulus| modulus.len() * 8))
}

/// The modulus without leading zeros, where the key is RSA (RFC 8017 §A.1.1). Zeros make no key longer, and some libraries
/// skip any number of them.
fn rsa_modulus(spki: &[u8]) -> Result<Option<&[u8]>, DerError> {
    const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
    /// RFC 4055 §1.2: a key for RSASSA-PSS alone.
    const RSASSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
    /// X.509 of 1988, id-ea-rsa.
    const RSA: &[u8] = &[0x55, 8, 1, 1];
    let mut fields = Reader::new(single(spki, tag::SEQUENCE)?.content);
    let mut algorithm = Reader::new(fields.expect(tag::SEQUENCE)?.content);
    if ![RSA_ENCRYPTION, RSASSA_PSS, RSA].contains(&algorithm.expect(tag::OID)?.content) {
        return Ok(None);
    }
    let key = whole_octets(fields.expect(tag::BIT_STRING)?)?;
    let modulus = Reader::new(single(key, tag::SEQUENCE)?.content).expect(tag::INTEGER)?.content;
    let zeros = modulus.iter().take_while(|octet| **octet == 0).count();
    Ok(modulus.get(zeros..))
}
