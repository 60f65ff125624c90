use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer};

use crate::der::{DerError, Reader, Value, single, skip, split, tag};
use crate::error::MalformedCertificate;
use crate::name::Name;
use crate::parameter::Usage;

/// The SubjectPublicKeyInfo of a certificate, byte for byte as it stands there (RFC 6698 §2.1.2).
///
/// It reads certificates that PKIX libraries refuse: of version 1, with unknown critical extensions, with dates that
/// make no sense. Under DANE-EE(3) all of them can be right (RFC 7671 §5.1), and their keys must still be able to check
/// the signature of the handshake. What stands before the key is passed over, and what stands behind it not looked at.
///
/// # Errors
/// [`MalformedCertificate`] where there is nothing in the place of the key, or something behind the certificate.
pub fn leaf_spki<'a>(
    certificate: &'a CertificateDer<'_>,
) -> Result<SubjectPublicKeyInfoDer<'a>, MalformedCertificate> {
    match spki(certificate) {
        Ok(spki) => Ok(spki.into()),
        Err(DerError) => Err(MalformedCertificate),
    }
}

/// The same for octets. Lengths may be longer than they need be: nobody is the safer for it that a key is not found.
pub(crate) fn spki(certificate: &[u8]) -> Result<&[u8], DerError> {
    const VERSION: u8 = tag::context_constructed(0);
    const SERIAL_NUMBER: u8 = tag::INTEGER;
    const ALGORITHM_ISSUER_VALIDITY_SUBJECT: [u8; 4] = [tag::SEQUENCE; 4];
    let (certificate, []) = split(certificate, tag::SEQUENCE)? else { return Err(DerError) };
    let (signed, _signature) = split(certificate.content, tag::SEQUENCE)?;
    let mut fields = signed.content;
    if fields.first() == Some(&VERSION) {
        fields = skip(fields, VERSION)?;
    }
    fields = skip(fields, SERIAL_NUMBER)?;
    for tag in ALGORITHM_ISSUER_VALIDITY_SUBJECT {
        fields = skip(fields, tag)?;
    }
    let (spki, _extensions) = split(fields, tag::SEQUENCE)?;
    Ok(spki.raw)
}

/// The key of a certificate that a record of this usage is about: of a leaf that DANE-EE(3) names it only has to be found, of
/// what stands in a path all has to be read.
pub(crate) fn spki_under(usage: Usage, certificate: &[u8]) -> Result<&[u8], DerError> {
    match usage {
        Usage::DaneEe => spki(certificate),
        Usage::PkixTa | Usage::PkixEe | Usage::DaneTa => {
            Certificate::parse(certificate).map(|fields| fields.spki)
        }
    }
}

/// The fields of a certificate (RFC 5280 §4.1), borrowed and not yet interpreted.
#[derive(Clone, Debug)]
pub(crate) struct Certificate<'a> {
    /// The whole certificate.
    pub(crate) der: &'a [u8],
    /// Whether it can have extensions (RFC 5280 §4.1.2.1).
    pub(crate) is_version_3: bool,
    /// What the issuer signed: the TBSCertificate with tag and length.
    pub(crate) signed: &'a [u8],
    /// The signature algorithm inside what was signed.
    pub(crate) inner_algorithm: Value<'a>,
    pub(crate) issuer: Name<'a>,
    pub(crate) validity: Value<'a>,
    pub(crate) subject: Name<'a>,
    pub(crate) spki: &'a [u8],
    /// The sequence of extensions.
    pub(crate) extensions: Option<&'a [u8]>,
    /// Content of the AlgorithmIdentifier beside the signature.
    pub(crate) algorithm: &'a [u8],
    pub(crate) signature: Value<'a>,
}

impl<'a> Certificate<'a> {
    /// Takes a certificate apart. The parts are only held against their tags.
    pub(crate) fn parse(der: &'a [u8]) -> Result<Self, DerError> {
        let mut outer = Reader::new(single(der, tag::SEQUENCE)?.content);
        let signed = outer.expect(tag::SEQUENCE)?;
        let algorithm = outer.expect(tag::SEQUENCE)?.content;
        let signature = outer.expect(tag::BIT_STRING)?;
        outer.end()?;

        let mut fields = Reader::new(signed.content);
        let version = fields.optional(tag::context_constructed(0))?;
        let _serial_number = fields.expect(tag::INTEGER)?;
        let inner_algorithm = fields.expect(tag::SEQUENCE)?;
        let issuer = Name::new(fields.expect(tag::SEQUENCE)?.raw);
        let validity = fields.expect(tag::SEQUENCE)?;
        let subject = Name::new(fields.expect(tag::SEQUENCE)?.raw);
        let spki = fields.expect(tag::SEQUENCE)?.raw;
        let _issuer_unique_id = fields.optional(tag::context(1))?;
        let _subject_unique_id = fields.optional(tag::context(2))?;
        let extensions = fields.optional(tag::context_constructed(3))?.map(|value| value.content);
        fields.end()?;
        let is_version_3 = version.is_some_and(|version| version.content == [tag::INTEGER, 1, 2]);
        Ok(Self {
            der,
            is_version_3,
            signed: signed.raw,
            inner_algorithm,
            issuer,
            validity,
            subject,
            spki,
            extensions,
            algorithm,
            signature,
        })
    }
    /// Whether it names itself as its issuer (RFC 5280 §6.1, "self-issued"); its key may be another.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }
}

/// Whether `der` is exactly one SubjectPublicKeyInfo, of whatever algorithm.
pub(crate) fn is_public_key(der: &[u8]) -> bool {
    let parse = || {
        let mut fields = Reader::new(single(der, tag::SEQUENCE)?.content);
        let mut algorithm = Reader::new(fields.expect(tag::SEQUENCE)?.content);
        algorithm.expect(tag::OID)?;
        if !algorithm.is_at_end() {
            let _parameters = algorithm.any()?;
            algorithm.end()?;
        }
        let [0..=7, _, ..] = fields.expect(tag::BIT_STRING)?.content else { return Err(DerError) };
        fields.end()
    };
    parse().is_ok()
}
