//! Looking at a machine: one round trip, read by `storage`'s parsers.

use crate::{Machine, RunError};
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
        let output = self.ask_script(probe::SCRIPT, DEADLINE).await?;
        if output.status != 0 {
            let words = "the probe".to_owned();
            return Err(RunError::Failed { words, status: output.status, stderr: output.stderr }.into());
        }
        Ok(probe::parse(&output.stdout)?)
    }
}
