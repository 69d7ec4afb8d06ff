//! Only one homehive writes to a machine's disks at a time: a lock on the machine, which ends with the session that holds it,
//! and which every step asks for once more.

use crate::deploy::who;
use crate::{Machine, Output, RunError, Story};
use cmd::{Cmd, quote};
use std::fs::File;
use std::io::{self, Write as _};
use std::process::Stdio;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

const SCRIPT: &str = include_str!("lock.sh");
const STEP: &str = include_str!("step.sh");
/// Gone with a reboot, as everybody is who could hold it.
const PLACE: &str = "/run/homehive-disks.lock";
/// How long another one is waited for: a step or two; whole plans take longer, and are worth a word.
const PATIENCE: Duration = Duration::from_secs(30);
/// A round trip to a slow machine.
const ASK: Duration = Duration::from_mins(1);

/// How often the session hears that we are there, and after how long a silence it takes us for gone: ssh itself gives a
/// silent machine 20 s.
const BEAT: Duration = Duration::from_secs(10);
pub(crate) const SILENCE: Duration = Duration::from_mins(1);

/// While this lives, nobody else's homehive writes to the machine's disks. Should its session end before it, no step that
/// begins after another has taken the lock does anything.
#[derive(Debug)]
pub struct Lock {
    child: Child,
    place: String,
    /// What stands in the file while we hold it.
    holder: String,
    /// Its end ends the session's input.
    alive: Sender<()>,
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
        let own = format!("{}, {what}", who());
        let asked = Cmd::new("sh").args(words).args([seconds.to_string(), SILENCE.as_secs().to_string(), own.clone()]);
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
        let (Some(out), Some(input)) = (child.stdout.take(), child.stdin.take()) else {
            return Err(start(io::ErrorKind::BrokenPipe.into()).into());
        };
        let (mut lines, mut owner) = (BufReader::new(out).lines(), String::new());
        let deadline = patience + ASK;
        loop {
            let line = tokio::time::timeout(deadline, lines.next_line()).await;
            let line = line.map_err(|_| RunError::Late { words: "flock".into(), deadline })?;
            match line.ok().flatten() {
                Some(line) => {
                    if let Some(session) = line.strip_prefix("held ") {
                        let (holder, place) = (format!("{own}\n{session}"), place.to_owned());
                        return Ok(Self { child, place, holder, alive: beat(input).map_err(start)? });
                    }
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

    /// The program as a shell script that does nothing unless we hold the lock, and that others wait for until it ends.
    pub(crate) fn around(&self, program: &str) -> String {
        format!("set -- {} {}\n{STEP}(\n{program}) 9>&-\n", quote(&self.place), quote(&self.holder))
    }

    /// Others may write.
    pub async fn release(mut self) {
        drop(self.alive);
        let _ = tokio::time::timeout(ASK, self.child.wait()).await;
    }
}

/// Writes a character now and then until the other end is dropped. A thread, for whoever holds the lock may be busy asking
/// for a passphrase.
pub(crate) fn beat(input: ChildStdin) -> io::Result<Sender<()>> {
    let mut input = File::from(input.into_owned_fd()?);
    let (alive, ended) = mpsc::channel();
    let beat = move || {
        while ended.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) && input.write_all(b".").is_ok() {}
    };
    thread::Builder::new().name("lock".into()).spawn(beat)?;
    Ok(alive)
}

/// Why it ended before it held.
async fn ended(mut child: Child, machine: &str, owner: String, seconds: u64) -> LockError {
    let mut stderr = String::new();
    if let Some(mut pipe) = child.stderr.take() {
        let _ = tokio::time::timeout(ASK, pipe.read_to_string(&mut stderr)).await;
    }
    let status = tokio::time::timeout(ASK, child.wait()).await.ok().and_then(Result::ok);
    let status = status.and_then(|status| status.code()).unwrap_or(255);
    if status == 75 {
        let owner = if owner.trim().is_empty() { "somebody else".to_owned() } else { owner };
        return LockError::Busy { machine: machine.to_owned(), owner, seconds };
    }
    let output = Output { status, stdout: String::new(), stderr };
    RunError::Failed { words: "flock".to_owned(), status: output.status, stderr: output.stderr }.into()
}

#[cfg(test)]
mod tests {
    use super::{Lock, LockError, SCRIPT};
    use crate::{Machine, ProgramError, RunError, Story};
    use cmd::{Cmd, Line, Program};
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    const SOON: Duration = Duration::from_secs(20);
    const NOW: Duration = Duration::from_secs(1);

    fn here() -> (tempfile::TempDir, String, Machine) {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("lock").display().to_string();
        (dir, place, Machine::local("here", false))
    }

    fn touch(file: &std::path::Path) -> Program {
        Program { lines: vec![Line::Run(Cmd::new("touch").arg(file.display().to_string()))] }
    }

    /// A session that ended unseen leaves the lock to others, and then no step of ours does anything.
    #[tokio::test]
    async fn no_step_is_done_without_the_lock() {
        let (dir, place, machine) = here();
        let silent = Story::silent();
        let mut first = Lock::take_at(&machine, &place, "disks apply nas", NOW, &silent).await.unwrap();
        let [one, two, three] = ["one", "two", "three"].map(|name| dir.path().join(name));
        machine.run_program_under(&first, &touch(&one), SOON).await.unwrap();
        assert!(one.exists());
        first.child.kill().await.unwrap();
        let second = Lock::take_at(&machine, &place, "install nas", NOW, &silent).await.unwrap();
        let refused = machine.run_program_under(&first, &touch(&two), SOON).await.unwrap_err();
        let ProgramError::Run(RunError::Failed { status: 75, stderr, .. }) = &refused else { panic!("{refused}") };
        assert!(stderr.contains("nothing of it was done") && stderr.contains("install nas"), "{stderr}");
        assert!(!two.exists());
        machine.run_program_under(&second, &touch(&three), SOON).await.unwrap();
        assert!(three.exists());
    }

    /// What a step says goes on to be read, the file that it holds apart.
    #[tokio::test]
    async fn a_failed_step_is_named() {
        let (_dir, place, machine) = here();
        let lock = Lock::take_at(&machine, &place, "disks apply nas", NOW, &Story::silent()).await.unwrap();
        let words = Cmd::new("sh").args(["-c", "ls /proc/self/fd/9 && exit 3; exit 7"]);
        let program = Program { lines: vec![Line::Run(Cmd::new("true")), Line::Run(words.clone())] };
        let failed = machine.run_program_under(&lock, &program, SOON).await.unwrap_err();
        let ProgramError::Run(RunError::Failed { words: told, status: 7, .. }) = &failed else { panic!("{failed}") };
        assert_eq!(*told, words.to_string());
    }

    /// A step whose connection is gone holds off whoever comes, until it has ended.
    #[tokio::test]
    async fn a_step_that_was_left_behind_is_waited_for() {
        let (dir, place, machine) = here();
        let silent = Story::silent();
        let first = Lock::take_at(&machine, &place, "disks apply nas", NOW, &silent).await.unwrap();
        let slow = Program { lines: vec![Line::Run(Cmd::new("sleep").arg("4"))] };
        let file = dir.path().join("step.sh");
        std::fs::write(&file, first.around(&slow.to_sh(cmd::quote))).unwrap();
        let begun = Instant::now();
        let mut step = Command::new("sh").arg(&file).spawn().unwrap();
        while !std::path::Path::new(&format!("{place}.steps")).exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(first);
        let refused = Lock::take_at(&machine, &place, "install nas", NOW, &silent).await.unwrap_err();
        let LockError::Busy { owner, .. } = &refused else { panic!("{refused}") };
        assert!(owner.starts_with("a step that ") && owner.ends_with("disks apply nas has left behind"), "{owner}");
        Lock::take_at(&machine, &place, "install nas", SOON, &silent).await.unwrap();
        // Its shell may end a moment after what it ran.
        assert!(begun.elapsed() >= Duration::from_secs(4), "it was not waited for");
        assert_eq!(step.wait().unwrap().code(), Some(0));
    }

    /// Given up, it is not broken off, and nobody else begins beside it.
    #[tokio::test]
    async fn a_step_that_takes_too_long_goes_on_and_is_waited_for() {
        let (dir, place, machine) = here();
        let silent = Story::silent();
        let first = Lock::take_at(&machine, &place, "disks apply nas", NOW, &silent).await.unwrap();
        let mut slow = touch(&dir.path().join("end"));
        slow.lines.insert(0, Line::Run(Cmd::new("sleep").arg("3")));
        let late = machine.run_program_under(&first, &slow, NOW).await.unwrap_err();
        assert!(matches!(late, ProgramError::Run(RunError::Late { .. })), "{late}");
        drop(first);
        assert!(!dir.path().join("end").exists());
        Lock::take_at(&machine, &place, "install nas", SOON, &silent).await.unwrap();
        assert!(dir.path().join("end").exists(), "it was not waited for");
    }

    /// A session that hears nothing more ends, although its input does not.
    #[test]
    fn a_silent_connection_is_taken_for_a_cut_one() {
        let (_dir, place, _) = here();
        let mut child = Command::new("sh")
            .args(["-c", SCRIPT, "sh", &place, "1", "1", "ben@there"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, format!("held {}\n", child.id()));
        let begun = Instant::now();
        let input = child.stdin.take().unwrap();
        while child.try_wait().unwrap().is_none() && begun.elapsed() < SOON {
            std::thread::sleep(Duration::from_millis(50));
        }
        let ended = child.try_wait().unwrap();
        drop(input);
        assert!(ended.is_some_and(|status| status.success()), "{ended:?} after {:?}", begun.elapsed());
    }
}
