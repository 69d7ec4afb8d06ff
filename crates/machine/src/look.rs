//! Looking at a machine: one round trip, read by `storage`'s parsers.

use crate::process::{Output, feed, piped};
use crate::{Lock, LockError, Machine, RunError};
use cmd::Cmd;
use std::process::Stdio;
use std::time::Duration;
use storage::facts::{Facts, FactsError};
use storage::probe;

/// Why there are no facts.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The machine could not be asked.
    #[error(transparent)]
    Run(#[from] RunError),
    /// What it answered makes no sense.
    #[error("what the machine says of itself makes no sense: {0}")]
    Facts(#[from] FactsError),
}

/// A probe of a machine with a few dozen disks takes seconds; one with a dying disk may take long.
const DEADLINE: Duration = Duration::from_mins(3);

impl Machine {
    /// Looks at the machine's hardware and disks, as root; nothing there is changed.
    pub async fn look(&self) -> Result<Facts, LookError> {
        read(self.ask_script(probe::SCRIPT, DEADLINE).await?)
    }

    /// Takes the lock, and looks as soon as it is ours: the shell for that starts beside it, for on a slow machine that takes
    /// as long as the lock.
    pub async fn look_under<E: From<LockError> + From<LookError>>(
        &self,
        lock: impl Future<Output = Result<Lock, LockError>>,
    ) -> Result<(Lock, Facts), E> {
        let failed = |error: RunError| E::from(LookError::from(error));
        self.connect().await.map_err(failed)?;
        let words = Cmd::new("sh").arg("-s");
        self.tell_words(&words);
        let shell = piped(&self.shell_words(&words), Stdio::piped(), Stdio::piped()).map_err(failed)?;
        let lock = lock.await?;
        let output = feed(shell, Some(probe::SCRIPT), &words.to_string(), DEADLINE).await.map_err(failed)?;
        Ok((lock, read(self.answered(output).await.map_err(failed)?)?))
    }
}

/// What the probe printed.
fn read(output: Output) -> Result<Facts, LookError> {
    if output.status != 0 {
        let words = "the probe".to_owned();
        return Err(RunError::Failed { words, status: output.status, stderr: output.stderr }.into());
    }
    Ok(probe::parse(&output.stdout)?)
}
