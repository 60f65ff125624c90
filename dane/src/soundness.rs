use rustls_pki_types::UnixTime;

use crate::budget::Budget;
use crate::chain::ChainCertificate;
use crate::error::{LISTED, PathFault, VerifyError};
use crate::extensions::Extensions;
use crate::oid::dotted;
use crate::signature::check_key;
use crate::validity::Validity;

/// Holds a path whose signatures are known to be right against RFC 5280 §6.1: what each certificate allows those below
/// it, and the dates.
///
/// `path` is leaf first, without the trust anchor. `anchor` is the certificate that matched; a bare key has none. An
/// anchor's constraints count like those of any CA, its dates do not.
pub(crate) fn check_path(
    path: &[&ChainCertificate<'_>],
    anchor: Option<&ChainCertificate<'_>>,
    now: UnixTime,
    budget: &mut Budget,
) -> Result<(), VerifyError> {
    let mut cas_below = 0;
    for (depth, certificate) in path.iter().copied().chain(anchor).enumerate() {
        let untrusted = |fault| VerifyError::Untrusted { depth, fault };
        check_extensions(&certificate.extensions).map_err(untrusted)?;
        if depth == 0 {
            check_leaf(certificate).map_err(untrusted)?;
            continue;
        }
        check_ca(certificate, depth == path.len(), cas_below).map_err(untrusted)?;
        if let Some(constraints) = &certificate.extensions.name_constraints {
            for (below_depth, below) in path.iter().enumerate().take(depth) {
                // RFC 5280 §4.2.1.10: self-issued certificates are exempt, unless they are the leaf.
                if below_depth > 0 && below.fields.is_self_issued() {
                    continue;
                }
                if let Some(name) = constraints.first_outside(below, budget)? {
                    let fault = PathFault::NameConstraints { name: name.to_string() };
                    return Err(VerifyError::Untrusted { depth: below_depth, fault });
                }
            }
        }
        if !certificate.fields.is_self_issued() {
            cas_below += 1;
        }
    }
    path.iter().enumerate().try_for_each(|(depth, certificate)| check_dates(certificate, depth, now))
}

fn check_extensions(extensions: &Extensions<'_>) -> Result<(), PathFault> {
    if let Some(id) = extensions.unknown_critical {
        return Err(PathFault::UnknownCriticalExtension { found: dotted(id) });
    }
    match &extensions.extended_key_usage {
        Some(usage) if !usage.includes_tls_servers() => {
            let found = usage.purposes.iter().take(LISTED).map(|purpose| dotted(purpose)).collect();
            Err(PathFault::ExtendedKeyUsage { found })
        }
        Some(_) | None => Ok(()),
    }
}

fn check_leaf(leaf: &ChainCertificate<'_>) -> Result<(), PathFault> {
    check_key(leaf.fields.spki)?;
    match leaf.extensions.key_usage {
        Some(usage) if !usage.allows_tls() => Err(PathFault::KeyUsage {
            expected: "digitalSignature, keyEncipherment or keyAgreement",
            found: usage.to_string(),
        }),
        Some(_) | None => Ok(()),
    }
}

/// RFC 5280 §6.1.4 (k) to (n).
fn check_ca(ca: &ChainCertificate<'_>, is_anchor: bool, cas_below: usize) -> Result<(), PathFault> {
    match ca.extensions.basic_constraints {
        Some(basic) if basic.is_ca => {
            if let Some(allowed) = basic.path_length.filter(|allowed| cas_below > *allowed) {
                return Err(PathFault::PathLength { allowed, found: cas_below });
            }
        }
        // (k): before version 3 a certificate cannot say that it is a CA, and other means must: here the TLSA record.
        None if is_anchor && !ca.fields.is_version_3 => {}
        Some(_) | None => return Err(PathFault::NotACa),
    }
    match ca.extensions.key_usage {
        Some(usage) if !usage.allows_certificates() => {
            Err(PathFault::KeyUsage { expected: "keyCertSign", found: usage.to_string() })
        }
        Some(_) | None => Ok(()),
    }
}

fn check_dates(certificate: &ChainCertificate<'_>, depth: usize, now: UnixTime) -> Result<(), VerifyError> {
    let Ok(Validity { not_before, not_after }) = Validity::parse(certificate.fields.validity) else {
        return Err(VerifyError::Malformed { certificate: certificate.number });
    };
    if now > not_after {
        return Err(VerifyError::Expired { depth, not_after, now });
    }
    if now < not_before {
        return Err(VerifyError::NotYetValid { depth, not_before, now });
    }
    Ok(())
}
