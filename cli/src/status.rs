//! The exit status: the same rule for every command.

use std::process::ExitCode;

use mxtls_policy::Verdict;

/// How a command ends. With several subjects the greatest counts.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Status {
    /// What was asked holds.
    Holds,
    /// It does not, and asking again will not change that.
    DoesNotHold,
    /// A temporary failure: mail would be delayed, a look-up failed.
    Temporary,
    /// The command line or a file is wrong.
    Usage,
}

impl Status {
    /// The status of several subjects together.
    pub(crate) fn of_all(statuses: impl IntoIterator<Item = Self>) -> Self {
        statuses.into_iter().max().unwrap_or(Self::Holds)
    }
}

impl From<Verdict> for Status {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Deliver => Self::Holds,
            Verdict::Defer => Self::Temporary,
            Verdict::Bounce => Self::DoesNotHold,
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(match status {
            Status::Holds => 0,
            Status::DoesNotHold => 1,
            Status::Usage => 2,
            // EX_TEMPFAIL of sysexits.h, as mail programs use it.
            Status::Temporary => 75,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Status::{self, DoesNotHold, Holds, Temporary, Usage};

    #[test]
    fn several_subjects() {
        for (statuses, expected, why) in [
            (&[][..], Holds, "nothing was asked"),
            (&[Holds, DoesNotHold], DoesNotHold, "1 before 0"),
            (&[DoesNotHold, Temporary, Holds], Temporary, "75 before 1"),
            (&[Temporary, Usage], Usage, "2 before 75"),
        ] {
            assert_eq!(Status::of_all(statuses.iter().copied()), expected, "{why}");
        }
    }
}
