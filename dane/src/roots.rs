use std::collections::BTreeMap;

use rustls_pki_types::CertificateDer;

use crate::certificate::Certificate;
use crate::der::DerError;
use crate::error::MalformedCertificate;
use crate::extensions::Extensions;

/// The CA certificates that a client trusts, for the usages PKIX-TA(0) and PKIX-EE(1).
///
/// They are whole certificates, not just names and keys: a record may name the root, which servers seldom send.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    by_subject: BTreeMap<Vec<u8>, Vec<CertificateDer<'static>>>,
}

impl Roots {
    /// No roots.
    pub const fn new() -> Self {
        Self { by_subject: BTreeMap::new() }
    }

    /// Trusts one more certificate. It need not be self-signed; its dates do not count, its constraints do.
    ///
    /// # Errors
    /// The bytes are not one certificate in DER, or its subject or extensions cannot be read.
    pub fn add(&mut self, root: CertificateDer<'static>) -> Result<(), MalformedCertificate> {
        let subject = match prepared_subject(&root) {
            Ok(subject) => subject,
            Err(DerError) => return Err(MalformedCertificate),
        };
        let of_this_name = self.by_subject.entry(subject).or_default();
        if !of_this_name.contains(&root) {
            of_this_name.push(root);
        }
        Ok(())
    }

    /// How many certificates are trusted.
    pub fn len(&self) -> usize {
        self.by_subject.values().map(Vec::len).sum()
    }

    /// Whether none is trusted.
    pub fn is_empty(&self) -> bool {
        self.by_subject.is_empty()
    }

    /// Those of this subject, a prepared [`Name`](crate::name::Name).
    pub(crate) fn of_name(&self, subject: &[u8]) -> &[CertificateDer<'static>] {
        self.by_subject.get(subject).map_or(&[], Vec::as_slice)
    }
}

/// Of a certificate that can be read in all its parts.
fn prepared_subject(root: &[u8]) -> Result<Vec<u8>, DerError> {
    let fields = Certificate::parse(root)?;
    Extensions::parse(fields.extensions)?;
    Ok(fields.subject.prepared()?.to_vec())
}
