//! What is wrong with a command line or a file: told in one sentence, before anything is sent.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use mx_resolve::BuildError;
use mxtls_verifier::{PemFault, RootsError};

use crate::text_file;

/// An error of usage or configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Problem {
    /// What was found and what was expected, without the place.
    message: String,
    pub(crate) file: Option<PathBuf>,
    /// From 1.
    pub(crate) line: Option<usize>,
    /// The character in the line, from 1.
    pub(crate) column: Option<usize>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), file: None, line: None, column: None }
    }

    pub(crate) fn in_file(self, file: &Path) -> Self {
        Self { file: Some(file.to_owned()), ..self }
    }

    pub(crate) fn at(self, line: usize, column: Option<usize>) -> Self {
        Self { line: Some(line), column, ..self }
    }
}

/// One sentence with the place in front.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}", file.display())?;
            if let Some(line) = self.line {
                write!(f, ", line {line}")?;
            }
            if let Some(column) = self.column {
                write!(f, ", column {column}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.message)
    }
}

impl From<BuildError> for Problem {
    fn from(error: BuildError) -> Self {
        if let BuildError::File { path, error } = &error {
            // The error does not say where the file is not UTF-8; the file itself does, unless it was a pipe.
            if error.kind() == io::ErrorKind::InvalidData
                && path.is_file()
                && let Err(problem) = text_file::read(path)
            {
                problem
            } else {
                Self::new(format!("cannot be read: {error}")).in_file(path)
            }
        } else if let BuildError::TrustAnchor { path, error } = &error {
            Self::new(error.fault.to_string()).in_file(path).at(error.line, None)
        } else if let BuildError::RootHints { path, error } = &error {
            Self::new(error.fault.to_string()).in_file(path).at(error.line, None)
        } else {
            Self::new(error.to_string())
        }
    }
}

impl From<RootsError> for Problem {
    fn from(error: RootsError) -> Self {
        if let RootsError::Unreadable { file, error } = &error {
            Self::new(format!("cannot be read: {error}")).in_file(file)
        } else if let RootsError::Pem { file: Some(file), line, fault } = &error {
            let message = if let PemFault::NotACertificate { .. } = fault {
                // Its detail is in the words of the parser's source.
                "expected a certificate in DER that can be a root".to_owned()
            } else {
                fault.to_string()
            };
            Self::new(message).in_file(file).at(*line, None)
        } else if let RootsError::Empty { file: Some(file) } = &error {
            Self::new("expected certificates in PEM, found none").in_file(file)
        } else {
            Self::new(error.to_string())
        }
    }
}
