//! How a verb can end badly, and the exit status of each way.

use std::fmt;
use std::process::ExitCode;

/// A verb's bad end. The exit statuses are promised in the documentation and never change.
#[derive(Debug)]
pub enum Failure {
    /// Looked at and found wanting; what was found has been told already.
    Wanting,
    /// The words on the command line, or what they name, are wrong: why, and what to write instead.
    Usage(String, String),
    /// Refused until named: nothing was done.
    Refused(String),
    /// The machine or a tool failed.
    Failed(String),
    /// A homehive that was run on the way ended so, and has told why.
    Ended(u8),
    /// Only we can mend it.
    Bug(String),
}

impl Failure {
    /// The exit status.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Wanting => 1,
            Self::Usage(..) => 2,
            Self::Refused(_) => 3,
            Self::Failed(_) => 4,
            Self::Ended(status) => *status,
            Self::Bug(_) => 70,
        })
    }

    /// The machine or a tool failed at `doing`; `next` is what to type once the reason is mended.
    pub fn failed(doing: impl fmt::Display, error: impl fmt::Display, next: impl fmt::Display) -> Self {
        Self::Failed(format!("{doing}: {error}\n  next: {next}"))
    }

    /// The words on the command line name something that is not there.
    pub fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage(message.into(), help.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wanting | Self::Ended(_) => Ok(()),
            Self::Usage(message, help) => write!(f, "{message}\n  {help}"),
            Self::Refused(text) => write!(f, "refused: {text}"),
            Self::Failed(text) => write!(f, "failed: {text}"),
            Self::Bug(text) => write!(f, "bug in homehive: {text}\n  please report it with the command you typed"),
        }
    }
}
