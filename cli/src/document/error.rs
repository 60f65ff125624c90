//! An error of usage or configuration.

use serde::Serialize;

use crate::problem::Problem;

#[derive(Debug, Serialize)]
pub(crate) struct ErrorDocument {
    error: ErrorPlace,
}

#[derive(Debug, Serialize)]
struct ErrorPlace {
    message: String,
    file: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
}

impl From<&Problem> for ErrorDocument {
    fn from(problem: &Problem) -> Self {
        Self {
            error: ErrorPlace {
                message: problem.to_string(),
                file: problem.file.as_ref().map(|file| file.display().to_string()),
                line: problem.line,
                column: problem.column,
            },
        }
    }
}
