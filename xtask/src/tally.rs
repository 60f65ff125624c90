//! Counting what passed and what failed, and the exit status that follows.

use std::fmt;
use std::process::ExitCode;

use anyhow::Result;

/// What a task has tested so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    passed: u32,
    failed: u32,
    /// Whether standard output belongs to a document, and what is said goes to standard error.
    pub(crate) quiet: bool,
}

impl Tally {
    /// Counts one check, and says how it went.
    pub(crate) fn check(&mut self, what: impl fmt::Display, result: Result<()>) {
        match result {
            Ok(()) => {
                self.passed += 1;
                self.say(format_args!("ok      {what}"));
            }
            Err(error) => {
                self.failed += 1;
                self.say(format_args!("FAILED  {what}: {error:#}"));
            }
        }
    }

    /// Adds what was counted, and said, elsewhere.
    pub(crate) fn add(&mut self, passed: u32, failed: u32) {
        self.passed += passed;
        self.failed += failed;
    }

    /// Prints a line.
    pub(crate) fn say(&self, line: impl fmt::Display) {
        if self.quiet { eprintln!("{line}") } else { println!("{line}") }
    }

    /// Ends a task that tests: an error that ended it early is one more failure, and where nothing was tested, nothing holds.
    pub(crate) fn finish(mut self, done: Result<()>) -> ExitCode {
        let stopped = match done {
            Ok(()) => None,
            Err(error) => match error.downcast_ref::<Stop>() {
                Some(Stop::Unfit(_)) => return exit(Err(error)),
                Some(Stop::Interrupted) => Some(exit(Err(error))),
                None => {
                    self.failed += 1;
                    Some(exit(Err(error)))
                }
            },
        };
        self.say(format_args!("{} passed, {} failed", self.passed, self.failed));
        match stopped {
            Some(code) => code,
            None if self.passed > 0 && self.failed == 0 => ExitCode::SUCCESS,
            None => ExitCode::FAILURE,
        }
    }
}

/// Ends a task that counts nothing.
pub(crate) fn exit(done: Result<()>) -> ExitCode {
    let Err(error) = done else { return ExitCode::SUCCESS };
    eprintln!("error: {error:#}");
    match error.downcast_ref() {
        Some(Stop::Unfit(_)) => ExitCode::from(2),
        Some(Stop::Interrupted) => ExitCode::from(130),
        None => ExitCode::FAILURE,
    }
}

/// Why a task ends that has found nothing wrong.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It cannot be done here, or not as asked: one sentence.
    Unfit(String),
    /// Ctrl-C.
    Interrupted,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfit(sentence) => f.write_str(sentence),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Stop {}
