//! The JSON documents, a file for each: their fields, in their order, are relied upon by scripts.

mod attempt;
mod check;
mod dns;
mod error;
mod host;
mod matrix;
mod mta_sts;
mod resolve;
mod send;
mod tlsa;

pub(crate) use attempt::AttemptDocument;
pub(crate) use check::{CheckDocument, CheckedDestination, CheckedHost};
pub(crate) use dns::{DnsDocument, DnsResult};
pub(crate) use error::ErrorDocument;
pub(crate) use host::{HostDocument, TlsaDocument};
pub(crate) use matrix::MatrixDocument;
pub(crate) use mta_sts::{MtaStsDocument, PolicyDocument, RecordDocument};
pub(crate) use resolve::{DaneDocument, ResolveDocument, ResolvedDestination};
pub(crate) use send::{SendDocument, SentEnvelope, SentRecipient};
pub(crate) use tlsa::{ChainResult, RecordUse, TlsaMakeDocument, TlsaShowDocument, TlsaVerifyDocument};

use serde::Serialize;

use crate::problem::Problem;

/// The document as text, its schema at the top.
pub(crate) fn text<T: Serialize>(document: &T) -> Result<String, Problem> {
    #[derive(Serialize)]
    struct Versioned<'a, T> {
        schema: u8,
        #[serde(flatten)]
        document: &'a T,
    }

    match serde_json::to_string_pretty(&Versioned { schema: 1, document }) {
        Ok(text) => Ok(text + "\n"),
        Err(error) => Err(Problem::new(format!("the result cannot be written as JSON: {error}"))),
    }
}
