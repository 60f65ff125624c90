//! `mxtls matrix`.

use crate::{document::MatrixDocument, output::Output, problem::Problem, status::Status};

pub(crate) fn run(output: &Output) -> Result<Status, Problem> {
    let rows = mxtls_policy::matrix()
        .map_err(|row| Problem::new(format!("the row {row:?} of the matrix came out as another one")))?;
    output.show(&MatrixDocument { rows })?;
    Ok(Status::Holds)
}
