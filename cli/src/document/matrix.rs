//! `mxtls matrix`.

use mxtls_policy::MatrixRow;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct MatrixDocument {
    pub(crate) rows: Vec<MatrixRow>,
}
