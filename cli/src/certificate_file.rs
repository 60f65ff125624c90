//! Files of certificates: what a server presents, what is trusted, and what a record is made for.

use std::{fs::File, io::Read, path::Path};

use dane::{MalformedCertificate, Roots};
use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer};

use crate::{
    pem::{self, Section},
    problem::Problem,
};

/// What a TLSA record can be made for.
#[derive(Debug)]
pub(crate) enum Subject {
    /// A certificate, the first one where there are more, and the number of all.
    Certificate { certificate: CertificateDer<'static>, line: Option<usize>, of: usize },
    /// A public key alone.
    Key { key: SubjectPublicKeyInfoDer<'static>, line: Option<usize> },
}

/// The certificates that a server presents, in their order; whether each is one in DER is left to who looks at them.
///
/// # Errors
/// There is none, or the file is not one for certificates alone.
pub(crate) fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    Ok(certificates(file)?.into_iter().map(|(certificate, _)| certificate).collect())
}

/// The CA certificates that are trusted.
///
/// # Errors
/// As for a chain, or one is no certificate.
pub(crate) fn roots(file: &Path) -> Result<Roots, Problem> {
    let mut roots = Roots::new();
    for (certificate, line) in certificates(file)? {
        roots
            .add(certificate)
            .map_err(|MalformedCertificate| no_certificate().in_file(file).at(line, None))?;
    }
    Ok(roots)
}

/// The certificate or public key that a record is to name, in PEM or DER.
///
/// # Errors
/// There is none, or the file has something in it that does not belong there.
pub(crate) fn subject(file: &Path) -> Result<Subject, Problem> {
    let octets = read(file)?;
    if octets.is_empty() {
        return Err(Problem::new("expected a certificate or a public key, found an empty file").in_file(file));
    }
    of_octets(&octets).map_err(|problem| problem.in_file(file))
}

fn of_octets(octets: &[u8]) -> Result<Subject, Problem> {
    if !pem::is_pem(octets) {
        // What begins like a sequence in DER may be either of the two; which it is, shows where the record is made.
        return match dane::leaf_spki(&octets.into()) {
            Ok(_) => Ok(Subject::Certificate { certificate: octets.to_vec().into(), line: None, of: 1 }),
            Err(MalformedCertificate) => Ok(Subject::Key { key: octets.to_vec().into(), line: None }),
        };
    }
    let sections = sections(octets)?;
    let mut certificates = sections.iter().filter(|section| section.label == CERTIFICATE);
    let mut keys = sections.iter().filter(|section| section.label == PUBLIC_KEY);
    match (certificates.next(), keys.next()) {
        (Some(first), None) => Ok(Subject::Certificate {
            certificate: first.der()?.into(),
            line: Some(first.line),
            of: certificates.count().saturating_add(1),
        }),
        (None, Some(first)) => match keys.next() {
            None => Ok(Subject::Key { key: first.der()?.into(), line: Some(first.line) }),
            Some(second) => {
                Err(Problem::new("expected one public key, found a second one").at(second.line, None))
            }
        },
        (Some(certificate), Some(key)) => {
            let line = certificate.line.max(key.line);
            Err(Problem::new("expected a certificate or a public key, found both").at(line, None))
        }
        (None, None) => Err(Problem::new("expected a certificate or a public key, found neither")),
    }
}

fn certificates(file: &Path) -> Result<Vec<(CertificateDer<'static>, usize)>, Problem> {
    let octets = read(file)?;
    let read = || -> Result<Vec<_>, Problem> {
        let sections = sections(&octets)?;
        let certificates = sections.iter().filter(|section| section.label == CERTIFICATE);
        certificates.map(|section| Ok((section.der()?.into(), section.line))).collect()
    };
    match read() {
        Ok(certificates) if certificates.is_empty() => {
            Err(Problem::new("expected certificates in PEM, found none").in_file(file))
        }
        other => other.map_err(|problem| problem.in_file(file)),
    }
}

/// Refuses what is easily taken for a certificate and would be passed over.
fn sections(octets: &[u8]) -> Result<Vec<Section<'_>>, Problem> {
    let sections = pem::sections(octets)?;
    let is_other = |label: &str| label != CERTIFICATE && label.contains(CERTIFICATE);
    if let Some(Section { label, line, .. }) = sections.iter().find(|section| is_other(&section.label)) {
        let message = format!("expected a section called CERTIFICATE, found one called {label}");
        return Err(Problem::new(message).at(*line, None));
    }
    Ok(sections)
}

/// What is said of a section, or a file, that is no certificate.
pub(crate) fn no_certificate() -> Problem {
    Problem::new("expected a certificate in DER, found something else")
}

/// Refuses what must not be given away.
fn read(file: &Path) -> Result<Vec<u8>, Problem> {
    const LONGEST: u64 = 16 << 20;
    let mut octets = Vec::new();
    let read = File::open(file).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut octets));
    match read {
        Ok(_) if octets.len() as u64 > LONGEST => Err(Problem::new("expected at most 16 MiB").in_file(file)),
        Ok(_) => match pem::private_key(&octets) {
            Some(line) => {
                let message = "found a private key, which belongs in no file that is shown to others";
                Err(Problem::new(format!("expected certificates, {message}")).at(line, None).in_file(file))
            }
            None => Ok(octets),
        },
        Err(error) => Err(Problem::new(format!("cannot be read: {error}")).in_file(file)),
    }
}

const CERTIFICATE: &str = "CERTIFICATE";
const PUBLIC_KEY: &str = "PUBLIC KEY";
