//! Running one process with a deadline, and saying well what went wrong.

use cmd::Cmd;
use std::fmt;
use std::io;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

/// What a process left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Exit status; 128 + the signal's number if a signal ended it.
    pub status: i32,
    /// Standard output, invalid UTF-8 replaced.
    pub stdout: String,
    /// Standard error, invalid UTF-8 replaced.
    pub stderr: String,
}

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The program could not be started at all.
    #[error("cannot start `{words}`: {source}")]
    Start {
        /// The command.
        words: String,
        /// What the system says.
        source: io::Error,
    },
    /// It was still running at the deadline. It was killed, if it was a process of this machine that may be.
    #[error("`{words}` did not end within {} s, and is not waited for any longer", deadline.as_secs())]
    Late {
        /// The command.
        words: String,
        /// How long it was given.
        deadline: Duration,
    },
    /// It moved no byte for so long that its link must be broken; it was killed.
    #[error("`{words}` took no byte for {seconds} s; the link is broken, or the disk stands still")]
    Stalled {
        /// The command.
        words: String,
        /// For how many seconds.
        seconds: u64,
    },
    /// Nothing of long work was done for so long; nobody waits for it any more.
    #[error("{what}: nothing has moved for {} min; it was left going, if it still goes: is a disk behind it stuck?", seconds / 60)]
    Still {
        /// The work.
        what: String,
        /// For how many seconds.
        seconds: u64,
    },
    /// The machine could not be reached.
    #[error("cannot reach {place}: {}{}", reason.advice(), Tail(stderr))]
    Unreachable {
        /// `user@host:port`
        place: String,
        /// Why, as far as ssh tells.
        reason: crate::Refusal,
        /// What ssh said.
        stderr: String,
    },
    /// It ended with another exit status than 0.
    #[error("`{words}` ended with exit status {status}{}", Tail(stderr))]
    Failed {
        /// The command.
        words: String,
        /// Its exit status; 128 + the signal's number if a signal ended it.
        status: i32,
        /// The end of its standard error.
        stderr: String,
    },
}

/// The last lines of a standard error, indented under what precedes them.
pub(crate) struct Tail<'a>(pub &'a str);

impl fmt::Display for Tail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.lines().filter(|line| !line.trim().is_empty()).collect();
        for line in &lines[lines.len().saturating_sub(8)..] {
            write!(f, "\n    {}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Runs `cmd` on this machine; any exit status is an answer, only starting and the deadline can fail.
pub async fn ask_local(cmd: &Cmd, deadline: Duration) -> Result<Output, RunError> {
    let argv = cmd.argv();
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]);
    finish(command, cmd.input.as_deref(), &cmd.to_string(), deadline).await
}

/// The same for what must not be broken off: given up, it goes on.
pub(crate) async fn ask_local_unbroken(cmd: &Cmd, deadline: Duration) -> Result<Output, RunError> {
    let (argv, words) = (cmd.argv(), cmd.to_string());
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().map_err(unstarted(&words))?;
    feed(child, cmd.input.as_deref(), &words, deadline).await
}

/// Runs `cmd` on this machine; an exit status other than 0 is an error.
pub async fn run_local(cmd: &Cmd, deadline: Duration) -> Result<Output, RunError> {
    check(ask_local(cmd, deadline).await?, &cmd.to_string())
}

/// An exit status other than 0 is an error from here on.
pub(crate) fn check(output: Output, words: &str) -> Result<Output, RunError> {
    if output.status == 0 {
        return Ok(output);
    }
    Err(RunError::Failed { words: words.to_owned(), status: output.status, stderr: output.stderr })
}

/// Starts `command`, feeds it `input`, and waits for it no longer than `deadline`; then it is killed.
pub(crate) async fn finish(
    mut command: Command,
    input: Option<&str>,
    words: &str,
    deadline: Duration,
) -> Result<Output, RunError> {
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let child = command.spawn().map_err(unstarted(words))?;
    feed(child, input, words, deadline).await
}

/// Feeds `child` its input, and waits for it no longer than `deadline`; then it is killed, if it is to be killed when dropped.
pub(crate) async fn feed(
    mut child: Child,
    input: Option<&str>,
    words: &str,
    deadline: Duration,
) -> Result<Output, RunError> {
    let pipe = child.stdin.take();
    let feed = async {
        if let (Some(mut pipe), Some(input)) = (pipe, input) {
            // A command may end before it has read everything; its exit status tells whether that was right.
            let _ = pipe.write_all(input.as_bytes()).await;
        }
    };
    let work = async { tokio::join!(feed, child.wait_with_output()).1 };
    let late = || RunError::Late { words: words.to_owned(), deadline };
    let output = tokio::time::timeout(deadline, work).await.map_err(|_| late())?.map_err(unstarted(words))?;
    Ok(read(&output))
}

fn unstarted(words: &str) -> impl FnOnce(io::Error) -> RunError {
    |source| RunError::Start { words: words.to_owned(), source }
}

/// Runs `from` and `to`, both on this machine, the one's output being the other's input, no longer than `deadline`;
/// `told` hears at most ten times a second, and at the end, how many bytes have gone.
pub(crate) async fn stream(
    from: &Cmd,
    to: &Cmd,
    told: impl Fn(u64) + Send,
    deadline: Duration,
) -> Result<(), RunError> {
    let mut source = piped(from, Stdio::null(), Stdio::piped())?;
    let mut sink = piped(to, Stdio::piped(), Stdio::null())?;
    let ends = (source.stdout.take(), sink.stdin.take());
    let pump = async {
        let (Some(mut out), Some(mut into)) = ends else { return };
        let (mut buffer, mut gone, mut last) = (vec![0; 1 << 17], 0_u64, Instant::now());
        // A broken end shows in its own exit status.
        while let Ok(count @ 1..) = out.read(&mut buffer).await {
            if into.write_all(&buffer[..count]).await.is_err() {
                break;
            }
            gone += count as u64;
            if last.elapsed() > Duration::from_millis(100) {
                told(gone);
                last = Instant::now();
            }
        }
        told(gone);
    };
    let all = async { tokio::join!(pump, source.wait_with_output(), sink.wait_with_output()) };
    let late = |_| RunError::Late { words: format!("{from} | {to}"), deadline };
    let ((), source, sink) = tokio::time::timeout(deadline, all).await.map_err(late)?;
    // If the receiver failed, the sender only complains of its broken pipe: the receiver's words are the reason.
    check(read(&sink.map_err(unstarted(&to.to_string()))?), &to.to_string())?;
    check(read(&source.map_err(unstarted(&from.to_string()))?), &from.to_string())?;
    Ok(())
}

pub(crate) fn piped(cmd: &Cmd, stdin: Stdio, stdout: Stdio) -> Result<Child, RunError> {
    let argv = cmd.argv();
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).stdin(stdin).stdout(stdout).stderr(Stdio::piped()).kill_on_drop(true);
    command.spawn().map_err(unstarted(&cmd.to_string()))
}

pub(crate) fn read(output: &std::process::Output) -> Output {
    use std::os::unix::process::ExitStatusExt as _;
    Output {
        status: output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0)),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{RunError, run_local};
    use cmd::Cmd;
    use std::time::Duration;

    const SOON: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn feeds_and_reads() {
        let out = run_local(&Cmd::new("cat").input("hello"), SOON).await.unwrap();
        assert_eq!(out.stdout, "hello");
    }

    #[tokio::test]
    async fn a_failure_keeps_its_words() {
        let error = run_local(&Cmd::new("ls").arg("/no such place"), SOON).await.unwrap_err().to_string();
        assert!(error.starts_with("`ls '/no such place'` ended with exit status 2\n    ls: "), "{error}");
    }

    #[tokio::test]
    async fn a_deadline_ends_it() {
        let error = run_local(&Cmd::new("sleep").arg("60"), Duration::from_millis(50)).await.unwrap_err();
        assert!(matches!(error, RunError::Late { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let error = run_local(&Cmd::new("no-such-program"), SOON).await.unwrap_err().to_string();
        assert!(error.starts_with("cannot start `no-such-program`"), "{error}");
    }
}
