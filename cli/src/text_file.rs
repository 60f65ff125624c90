//! Files of text.

use std::{fs, path::Path};

use crate::problem::Problem;

/// The text of a file.
///
/// # Errors
/// It cannot be read, or is not UTF-8; then the place is known.
pub(crate) fn read(file: &Path) -> Result<String, Problem> {
    let octets =
        fs::read(file).map_err(|error| Problem::new(format!("cannot be read: {error}")).in_file(file))?;
    text(octets).map_err(|problem| problem.in_file(file))
}

fn text(octets: Vec<u8>) -> Result<String, Problem> {
    String::from_utf8(octets).map_err(|error| {
        let before = error.as_bytes().get(..error.utf8_error().valid_up_to());
        let before = String::from_utf8_lossy(before.unwrap_or(&[]));
        let line = before.matches('\n').count().saturating_add(1);
        let column =
            before.chars().rev().take_while(|character| *character != '\n').count().saturating_add(1);
        Problem::new("expected text in UTF-8").at(line, Some(column))
    })
}
