//! Orders to a server of drives: one JSON line each on its control socket, and one line in answer.

use crate::cache::{Loss, Lost};
use crate::drive::Counts;
use crate::rules::Rule;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Order {
    /// The power of all drives goes at once; each loses by a seed of its own, which follows from the given one.
    Cut(Loss),
    /// The power is back.
    Light,
    /// One more thing goes wrong with a drive from now on, beside what did until now.
    Add {
        /// Which drive.
        drive: String,
        /// What.
        rule: Rule,
    },
    /// Nothing goes wrong with a drive any more; what rotted stays.
    Well {
        /// Which drive.
        drive: String,
    },
    /// One bit is another in each of so many sectors.
    Rot {
        /// Which drive.
        drive: String,
        /// From which byte, a whole sector.
        at: u64,
        /// How many sectors.
        sectors: u64,
    },
    /// What the drives were asked for.
    Counts,
    /// All that is cached goes to the media, whatever goes wrong with the drives.
    Settle,
    /// All that is cached goes to the media, and the server ends.
    Leave,
}

/// Its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It is done.
    Done,
    /// What was lost, by drive.
    Lost(BTreeMap<String, Lost>),
    /// What the drives were asked for.
    Counts(BTreeMap<String, Counts>),
    /// It is not done.
    Refused(String),
}

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody is there, or it did not answer in time.
    #[error("the server of the drives does not answer: {0}")]
    Socket(#[from] io::Error),
    /// Its answer is no answer.
    #[error("the server of the drives answers nonsense: {0}")]
    Garbled(#[from] serde_json::Error),
    /// It refuses.
    #[error("{0}")]
    Refused(String),
}

/// The longest order: some thousand rules.
pub(crate) const LONGEST: u64 = 1 << 20;

/// Gives one order to the server at `socket`, which has `deadline` for each part of the conversation.
///
/// # Errors
/// See [`ControlError`].
pub fn ask(socket: &Path, order: &Order, deadline: Duration) -> Result<Answer, ControlError> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(deadline))?;
    stream.set_write_timeout(Some(deadline))?;
    let mut line = serde_json::to_vec(order)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream.take(LONGEST)).read_line(&mut answer)?;
    if answer.is_empty() {
        return Err(ControlError::Socket(io::ErrorKind::UnexpectedEof.into()));
    }
    match serde_json::from_str(&answer)? {
        Answer::Refused(why) => Err(ControlError::Refused(why)),
        answer => Ok(answer),
    }
}
