//! Standard output: one JSON document, or a page for people.

use std::{
    env,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use clap::error::ErrorKind;
use serde::Serialize;

use crate::{
    document,
    page::{Page, Paint},
    problem::Problem,
    status::Status,
};

/// How results are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Output {
    /// One JSON document.
    Json,
    /// Text for people.
    Page(Paint),
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        if json {
            return Self::Json;
        }
        // See no-color.org: any text that is not empty switches colours off.
        let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self::Page(if io::stdout().is_terminal() && !no_color { Paint::Colours } else { Paint::Plain })
    }

    /// Prints the result of a command.
    pub(crate) fn show<T: Serialize + Page>(&self, result: &T) -> Result<(), Problem> {
        let text = match self {
            Self::Json => document::text(result)?,
            Self::Page(paint) => result.page(*paint),
        };
        print(&text)
    }

    /// Tells what is wrong, and ends with status 2.
    pub(crate) fn problem(&self, problem: &Problem) -> ExitCode {
        let printed = match self {
            Self::Json => {
                document::text(&document::ErrorDocument::from(problem)).and_then(|text| print(&text))
            }
            Self::Page(_) => Err(problem.clone()),
        };
        if let Err(problem) = printed {
            eprintln!("mxtls: {problem}");
        }
        Status::Usage.into()
    }
}

/// What clap has to say: help and version on standard output, errors in the form that was asked for.
pub(crate) fn usage_error(error: &clap::Error) -> ExitCode {
    let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let mut words = env::args_os().skip(1).take_while(|word| word != "--");
    if !asked_for && words.any(|word| word == "--json") {
        return Output::Json.problem(&Problem::new(first_sentence(&error.render().to_string())));
    }
    match error.print() {
        Ok(()) if asked_for => Status::Holds.into(),
        Ok(()) | Err(_) => Status::Usage.into(),
    }
}

/// The error itself, without the hints and the usage below it, on one line.
fn first_sentence(text: &str) -> String {
    let paragraph = text.trim_start().split("\n\n").next().unwrap_or(text);
    let words: Vec<&str> = paragraph.split_whitespace().collect();
    let line = words.join(" ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

fn print(text: &str) -> Result<(), Problem> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        // A reader that has seen enough, such as `head`, is no failure of ours.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Problem::new(format!("standard output cannot be written: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_without_its_hints() {
        for (text, expected, why) in [
            (
                "error: unexpected argument '--x' found\n\nUsage: mxtls\n",
                "unexpected argument '--x' found",
                "one line",
            ),
            (
                "error: these are required:\n  <A>\n  <B>\n\nUsage: mxtls <A> <B>\n",
                "these are required: <A> <B>",
                "several lines",
            ),
        ] {
            assert_eq!(first_sentence(text), expected, "{why}");
        }
    }
}
