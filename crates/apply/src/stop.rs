//! Why bringing a cluster to its objects stopped.

use crate::client::AskError;
use crate::name::Name;
use crate::plan::Change;
use crate::unknown::Unknown;
use cluster::Key;
use std::fmt::Write as _;
use std::time::Duration;

/// Why it stopped.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// The cluster does not answer.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// Names that were given fit nothing; nothing was done.
    #[error("{}", unknown.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Unknown {
        /// Which.
        unknown: Vec<Unknown>,
    },
    /// Others have set fields of these to something else; of their wave nothing was applied.
    #[error("others have set what the fleet says otherwise\n{}", changes.iter().map(Change::text).collect::<String>().trim_end())]
    Conflicts {
        /// The objects.
        changes: Vec<Change>,
    },
    /// An object fails, and its wave with it.
    #[error("wave {wave} stops at {object} ({file}): {why}")]
    Object {
        /// The object.
        object: Name,
        /// The file that says it.
        file: String,
        /// Its wave.
        wave: u8,
        /// Why.
        why: String,
    },
    /// A wave takes too long.
    #[error("wave {wave} is not ready after {} s\n{waiting}", span.as_secs())]
    Late {
        /// The wave.
        wave: u8,
        /// How long it was given.
        span: Duration,
        /// What it waits for, a line for each.
        waiting: String,
    },
    /// An object that is to go does not.
    #[error("{object} cannot be removed: {why}")]
    Removal {
        /// The object.
        object: Name,
        /// Why.
        why: String,
    },
    /// What was made cannot be written down.
    #[error("the inventory cannot be written: {why}")]
    Inventory {
        /// Why.
        why: String,
    },
}

/// What is waited for, a line for each.
pub(crate) fn late<T: AsRef<str>>(waiting: &[(&Key, T)]) -> String {
    let mut text = String::new();
    for (key, why) in waiting {
        let _ = writeln!(text, "    {}: {}", Name::from(*key), why.as_ref());
    }
    text.trim_end().to_owned()
}
