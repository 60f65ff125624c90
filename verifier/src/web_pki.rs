//! The public certification authorities (RFC 8461 §4.2, RFC 5280 §6, RFC 6125 §6).

use mxtls_policy::{Failure, FailureCode};
use rustls_pki_types::{CertificateDer, DnsName, ServerName, SignatureVerificationAlgorithm, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage};

use crate::{failure, roots::Roots};

/// Whether `chain`, the leaf first, leads to one of `roots`, is valid at `now`, and is for `host`.
///
/// Work is bounded by webpki: its signature checks, its steps of path building and its depth.
pub(crate) fn verify(
    host: &str,
    chain: &[CertificateDer<'_>],
    roots: &Roots,
    algorithms: &[&dyn SignatureVerificationAlgorithm],
    now: UnixTime,
) -> Result<(), Failure> {
    let anchors = &roots.trusted().map_err(|error| failure::no_roots(host, error))?.anchors;
    let refused = |error: Error| failure::of_web_pki(host, code(&error), &error);
    let Some((leaf, intermediates)) = chain.split_first() else {
        return Err(failure::no_certificate(host));
    };
    let leaf = EndEntityCert::try_from(leaf).map_err(refused)?;
    leaf.verify_for_usage(algorithms, anchors, intermediates, now, KeyUsage::server_auth(), None, None)
        .map_err(refused)?;
    let name = match DnsName::try_from(host.strip_suffix('.').unwrap_or(host)) {
        Ok(name) => ServerName::DnsName(name),
        // DNS-IDs alone are reference identifiers (RFC 8461 §4.2): an address has none.
        Err(_) => return Err(failure::not_a_host_name(host)),
    };
    leaf.verify_is_valid_for_subject_name(&name).map_err(refused)
}

fn code(error: &Error) -> FailureCode {
    if matches!(error, Error::CertExpired { .. }) {
        FailureCode::CertificateExpired
    } else if matches!(error, Error::CertNotValidYet { .. }) {
        FailureCode::CertificateNotYetValid
    } else if matches!(error, Error::CertNotValidForName(_)) {
        FailureCode::CertificateHostMismatch
    } else if matches!(
        error,
        Error::BadDer
            | Error::BadDerTime
            | Error::TrailingData(_)
            | Error::ExtensionValueInvalid
            | Error::InvalidCertValidity
            | Error::InvalidNetworkMaskConstraint
            | Error::InvalidSerialNumber
            | Error::MalformedDnsIdentifier
            | Error::MalformedExtensions
            | Error::MalformedNameConstraint
            | Error::EmptyEkuExtension
            | Error::SignatureAlgorithmMismatch
            | Error::UnsupportedCertVersion
    ) {
        FailureCode::CertificateMalformed
    } else {
        FailureCode::CertificateUntrusted
    }
}
