//! Orders to a switch: one JSON line each on its control socket, and one line in answer.

use crate::link::Link;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Order {
    /// How the way from one machine to another is from now on.
    Link(Toll),
    /// Which ways are not good.
    Links,
    /// The switch ends.
    Leave,
}

/// A way and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Toll {
    /// From which machine.
    pub from: String,
    /// To which.
    pub to: String,
    /// How it is.
    pub link: Link,
}

/// The switch's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It is done.
    Done,
    /// The ways that are not good.
    Links(Vec<Toll>),
    /// It is not done.
    Refused(String),
}

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody is there, or it did not answer in time.
    #[error("the switch between the machines does not answer: {0}")]
    Socket(#[from] io::Error),
    /// Its answer is no answer.
    #[error("the switch between the machines answers nonsense: {0}")]
    Garbled(#[from] serde_json::Error),
    /// It refuses.
    #[error("{0}")]
    Refused(String),
}

/// The longest order and answer.
pub(crate) const LONGEST: u64 = 1 << 20;

/// Gives one order to the switch at `socket`, which has `deadline` for each part of the conversation.
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
