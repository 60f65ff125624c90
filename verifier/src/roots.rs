//! Trusted roots of the Web PKI.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use rustls_native_certs::CertificateResult;
use rustls_pki_types::{CertificateDer, TrustAnchor, pem::PemObject};
use webpki::anchor_from_trusted_cert;

/// The certification authorities that are trusted where the Web PKI counts.
#[derive(Clone)]
pub struct Roots(Source);

#[derive(Clone)]
enum Source {
    Platform,
    Given(Arc<Trusted>),
}

/// The same authorities for the two that ask.
#[derive(Default)]
pub(crate) struct Trusted {
    /// For the Web PKI.
    pub(crate) anchors: Vec<TrustAnchor<'static>>,
    /// For PKIX-TA(0) and PKIX-EE(1), whose records may name a root as a whole.
    pub(crate) certificates: dane::Roots,
}

/// Loaded when a certificate is first held against it, once in the life of a process.
static PLATFORM: LazyLock<Result<Trusted, RootsError>> =
    LazyLock::new(|| usable(rustls_native_certs::load_native_certs()));

impl Roots {
    /// Those of the platform, or of the files that the environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
    ///
    /// They are loaded when they are first needed. Where that fails, a policy that does not enforce the Web PKI is not
    /// affected.
    pub fn platform() -> Self {
        Self(Source::Platform)
    }

    /// All certificates of a text in PEM. Other sections, and whatever stands between them, are skipped.
    ///
    /// # Errors
    /// A certificate is broken, or there is none.
    pub fn from_pem(pem: &[u8]) -> Result<Self, RootsError> {
        let mut trusted = Trusted::default();
        for (line, certificate) in certificates(pem) {
            let added = certificate.and_then(|certificate| trusted.add(certificate));
            added.map_err(|fault| RootsError::Pem { file: None, line, fault })?;
        }
        if trusted.anchors.is_empty() {
            Err(RootsError::Empty { file: None })
        } else {
            Ok(Self(Source::Given(Arc::new(trusted))))
        }
    }

    /// The same for a file.
    ///
    /// # Errors
    /// Those of [`from_pem`](Self::from_pem) with the file's path, or it cannot be read.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, RootsError> {
        let file = path.as_ref();
        let pem = fs::read(file).map_err(|error| RootsError::Unreadable { file: file.to_owned(), error })?;
        Self::from_pem(&pem).map_err(|error| error.in_file(file))
    }

    pub(crate) fn trusted(&self) -> Result<&Trusted, &RootsError> {
        match &self.0 {
            Source::Given(trusted) => Ok(trusted),
            Source::Platform => PLATFORM.as_ref(),
        }
    }
}

impl Trusted {
    fn add(&mut self, certificate: CertificateDer<'static>) -> Result<(), PemFault> {
        let not_a_root = |detail| PemFault::NotACertificate { detail };
        let anchor =
            anchor_from_trusted_cert(&certificate).map_err(|error| not_a_root(error.to_string()))?.to_owned();
        self.certificates.add(certificate).map_err(|error| not_a_root(error.to_string()))?;
        self.anchors.push(anchor);
        Ok(())
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Platform => f.write_str("Roots(platform)"),
            Source::Given(trusted) => write!(f, "Roots({} given)", trusted.anchors.len()),
        }
    }
}

/// Why there are no trusted roots.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootsError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {error}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A section of the PEM text is not what it should be.
    #[error("{}line {line}: {fault}", Prefix(.file))]
    Pem {
        /// The file, where there is one.
        file: Option<PathBuf>,
        /// The line on which the section begins, from 1.
        line: usize,
        /// What is wrong.
        fault: PemFault,
    },
    /// There is no certificate.
    #[error("{}expected certificates in PEM, found none", Prefix(.file))]
    Empty {
        /// The file, where there is one.
        file: Option<PathBuf>,
    },
    /// The platform has no usable roots.
    #[error("the platform has no trusted roots: {detail}")]
    Platform {
        /// What was met when looking for them.
        detail: String,
    },
}

/// What is wrong with a certificate in PEM.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PemFault {
    /// The section does not end.
    #[error("expected -----END CERTIFICATE----- below, found none")]
    NoEnd,
    /// The section is not base64.
    #[error("expected a certificate in base64")]
    NotBase64,
    /// The section is base64, but of no certificate that can be a root.
    #[error("expected a certificate in DER that can be a root ({detail})")]
    NotACertificate {
        /// What is wrong with it.
        detail: String,
    },
}

impl RootsError {
    fn in_file(self, path: &Path) -> Self {
        let file = Some(path.to_owned());
        match self {
            Self::Pem { line, fault, .. } => Self::Pem { file, line, fault },
            Self::Empty { .. } => Self::Empty { file },
            other @ (Self::Unreadable { .. } | Self::Platform { .. }) => other,
        }
    }
}

struct Prefix<'a>(&'a Option<PathBuf>);

impl fmt::Display for Prefix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(file) => write!(f, "{}: ", file.display()),
            None => Ok(()),
        }
    }
}

/// Old and odd certificates are common among the platform's, so those that cannot be read are skipped.
fn usable(loaded: CertificateResult) -> Result<Trusted, RootsError> {
    let count = loaded.certs.len();
    let mut trusted = Trusted::default();
    for certificate in loaded.certs {
        let _skipped: Result<(), PemFault> = trusted.add(certificate);
    }
    if !trusted.anchors.is_empty() {
        return Ok(trusted);
    }
    let detail = match loaded.errors.first() {
        Some(error) => error.to_string(),
        None => format!("{count} certificates found, none of them usable"),
    };
    Err(RootsError::Platform { detail })
}

/// The sections that hold a certificate, each with the line on which it begins, from 1.
fn certificates(pem: &[u8]) -> impl Iterator<Item = (usize, Result<CertificateDer<'static>, PemFault>)> {
    let lines: Vec<_> = pem.split(|&octet| octet == b'\n').map(<[u8]>::trim_ascii).collect();
    let begins: Vec<_> =
        lines.iter().enumerate().filter(|(_, line)| **line == BEGIN).map(|(index, _)| index).collect();
    begins.into_iter().map(move |begin| {
        let section = lines.iter().skip(begin + 1).take_while(|line| **line != BEGIN);
        let body: Vec<_> = section.clone().take_while(|line| **line != END).copied().collect();
        let ended = section.count() > body.len();
        (begin + 1, if ended { decode(&body) } else { Err(PemFault::NoEnd) })
    })
}

fn decode(body: &[&[u8]]) -> Result<CertificateDer<'static>, PemFault> {
    let section = [&[BEGIN], body, &[END]].concat().join(&b'\n');
    CertificateDer::from_pem_slice(&section).map_err(|_| PemFault::NotBase64)
}

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        rcgen::CertificateParams::new([]).unwrap().self_signed(&key).unwrap().pem()
    }

    #[test]
    fn pem() {
        let good = root();
        let unended = good.replace("-----END CERTIFICATE-----", "");
        let twice =
            format!("# Two authorities\n{good}\n-----BEGIN X509 CRL-----\n!\n-----END X509 CRL-----\n{good}");
        for (text, expected, why) in [
            (good.clone(), Ok(1), "one"),
            (good.replace('\n', "\r\n"), Ok(1), "lines that end in CRLF"),
            (twice, Ok(2), "two, with a comment and another section"),
            (good.trim_end().to_owned(), Ok(1), "no line end at the end"),
            (String::new(), Err("expected certificates in PEM, found none"), "nothing"),
            ("not PEM\n".into(), Err("expected certificates in PEM, found none"), "no section"),
            (
                unended.clone(),
                Err("line 1: expected -----END CERTIFICATE----- below, found none"),
                "a section that does not end",
            ),
            (
                format!("\n{unended}{good}"),
                Err("line 2: expected -----END CERTIFICATE----- below, found none"),
                "nor does the next one's end count",
            ),
            (
                "#\n-----BEGIN CERTIFICATE-----\nMII*\n-----END CERTIFICATE-----\n".into(),
                Err("line 2: expected a certificate in base64"),
                "not base64",
            ),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".into(),
                Err("line 1: expected a certificate in DER that can be a root (TrailingData(SignedData))"),
                "base64 of something else",
            ),
            (
                format!("{good}-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"),
                Err("expected a certificate in DER that can be a root (TrailingData(SignedData))"),
                "one broken certificate is one too many",
            ),
        ] {
            match (Roots::from_pem(text.as_bytes()), expected) {
                (Ok(roots), Ok(count)) => assert_eq!(roots.trusted().unwrap().anchors.len(), count, "{why}"),
                (Err(error), Err(expected)) => {
                    assert!(error.to_string().ends_with(expected), "{why}: {error}");
                }
                (found, _) => panic!("{why}: {found:?}"),
            }
        }
    }

    #[test]
    fn files_are_named() {
        let missing = Roots::from_file("/nonexistent/ca.pem").unwrap_err();
        assert!(missing.to_string().starts_with("/nonexistent/ca.pem: cannot be read: "), "{missing}");
        let broken = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
        let error = Roots::from_file(&broken).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{}: expected certificates in PEM, found none", broken.display())
        );
        let pem =
            RootsError::Pem { file: None, line: 3, fault: PemFault::NotBase64 }.in_file(Path::new("ca.pem"));
        assert_eq!(pem.to_string(), "ca.pem: line 3: expected a certificate in base64");
    }

    #[test]
    fn the_platform_skips_what_it_cannot_read_and_has_at_least_one() {
        let mut loaded = CertificateResult::default();
        assert!(usable(CertificateResult::default()).is_err(), "an empty store is an error");
        loaded.certs.push(b"not a certificate".to_vec().into());
        let Err(error) = usable(loaded) else { panic!("there is no root") };
        let expected = "the platform has no trusted roots: 1 certificates found, none of them usable";
        assert_eq!(error.to_string(), expected);

        let mut loaded = CertificateResult::default();
        loaded.certs.push(b"not a certificate".to_vec().into());
        loaded.certs.push(CertificateDer::from_pem_slice(root().as_bytes()).unwrap());
        assert_eq!(usable(loaded).unwrap().anchors.len(), 1);
    }
}
