//! Only one homehive writes to a machine's disks at a time: a lock on the machine, which ends with the session that holds it.

use crate::deploy::who;
use crate::{Machine, Output, RunError, Story};
use cmd::Cmd;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

const SCRIPT: &str = include_str!("lock.sh");
/// Gone with a reboot, as everybody is who could hold it.
const PLACE: &str = "/run/homehive-disks.lock";
/// How long another one is waited for: a step or two; whole plans take longer, and are worth a word.
const PATIENCE: Duration = Duration::from_secs(30);
/// A round trip to a slow machine.
const ASK: Duration = Duration::from_mins(1);

/// While this lives, nobody else's homehive writes to the machine's disks.
#[derive(Debug)]
pub struct Lock {
    child: Child,
}

/// Why a machine's disks are not ours to write to.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else writes to them.
    #[error("{machine}: {owner} is writing to its disks, and has not ended within {seconds} s")]
    Busy {
        /// The machine.
        machine: String,
        /// Who, with what.
        owner: String,
        /// How long that was waited for.
        seconds: u64,
    },
    /// The machine could not be asked.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl Lock {
    /// Keeps others out for `what`, such as `disks apply`; waits for one who is there, which is told, and not for long.
    pub async fn take(machine: &Machine, what: &str, story: &Story) -> Result<Self, LockError> {
        Self::take_at(machine, PLACE, what, PATIENCE, story).await
    }

    /// The same with a lock at `place`.
    pub async fn take_at(
        machine: &Machine,
        place: &str,
        what: &str,
        patience: Duration,
        story: &Story,
    ) -> Result<Self, LockError> {
        machine.connect().await?;
        let seconds = patience.as_secs();
        let words = ["-c", SCRIPT, "sh", place].map(str::to_owned);
        let asked = Cmd::new("sh").args(words).args([seconds.to_string(), format!("{}, {what}", who())]);
        let argv = machine.shell_words(&asked).argv();
        let start = |source| RunError::Start { words: "flock".into(), source };
        let mut child = Command::new(&argv[0])
            .args(&argv[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(start)?;
        let Some(out) = child.stdout.take() else { return Err(start(std::io::ErrorKind::BrokenPipe.into()).into()) };
        let (mut lines, mut owner) = (BufReader::new(out).lines(), String::new());
        let deadline = patience + ASK;
        loop {
            let line = tokio::time::timeout(deadline, lines.next_line()).await;
            let line = line.map_err(|_| RunError::Late { words: "flock".into(), deadline })?;
            match line.ok().flatten() {
                Some(line) if line == "held" => return Ok(Self { child }),
                Some(line) => {
                    let Some(busy) = line.strip_prefix("busy ") else { continue };
                    if owner != busy {
                        story.note(
                            machine.name(),
                            format!("{busy} is writing to its disks: waits for up to {seconds} s"),
                        );
                    }
                    busy.clone_into(&mut owner);
                }
                None => return Err(ended(child, machine.name(), owner, seconds).await),
            }
        }
    }

    /// Others may write.
    pub async fn release(mut self) {
        drop(self.child.stdin.take());
        let _ = tokio::time::timeout(ASK, self.child.wait()).await;
    }
}

/// Why it ended before it held.
async fn ended(mut child: Child, machine: &str, owner: String, seconds: u64) -> LockError {
    let mut stderr = String::new();
    if let Some(mut pipe) = child.stderr.take() {
        let _ = tokio::time::timeout(ASK, pipe.read_to_string(&mut stderr)).await;
    }
    let status = child.wait().await.ok().and_then(|status| status.code()).unwrap_or(255);
    if status == 75 {
        let owner = if owner.trim().is_empty() { "somebody else".to_owned() } else { owner };
        return LockError::Busy { machine: machine.to_owned(), owner, seconds };
    }
    let output = Output { status, stdout: String::new(), stderr };
    RunError::Failed { words: "flock".to_owned(), status: output.status, stderr: output.stderr }.into()
}
