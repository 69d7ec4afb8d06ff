//! A machine's side of a copy: the session that keeps its garbage collector out, and the words that receive.

use super::{ASK, CopyError, Target};
use crate::lock::{SILENCE, beat};
use crate::{Output, RunError, Story};
use cmd::Cmd;
use std::process::Stdio;
use std::sync::mpsc::Sender;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const SCRIPT: &str = include_str!("hold.sh");
/// How long a garbage collector that runs already is waited for; `hold.sh` says the same.
const COLLECTING: Duration = Duration::from_mins(30);

/// While this lives, nothing is collected on the machine.
#[derive(Debug)]
pub(super) struct Hold {
    child: Child,
    packer: &'static str,
    /// Its end ends the session's input.
    alive: Option<Sender<()>>,
}

/// The words of one verb of the script. For root `/` it is the machine's own store, whether a daemon owns it or not: root
/// registers in its database as the daemon does.
fn words(target: &Target<'_>, verb: &str, word: &str) -> Cmd {
    let store = if target.root == "/" { "local".to_owned() } else { format!("local?root={}", target.root) };
    Cmd::new("sh").args(["-c", SCRIPT, "sh", verb, target.root]).arg(store).arg(word)
}

/// Words that unpack an archive there.
pub(super) fn unpack(target: Target<'_>, packer: &str) -> Cmd {
    target.machine.shell_words(&words(&target, "unpack", packer))
}

/// Words that bring all to stable storage, register it and keep it.
pub(super) fn finish(target: Target<'_>, registration: &str) -> Cmd {
    words(&target, "finish", &target.closure.system).input(registration)
}

impl Hold {
    /// Keeps the machine's garbage collector out, and the paths of the closure that it lacks.
    pub async fn take(target: &Target<'_>, story: &Story) -> Result<(Self, Vec<String>), CopyError> {
        target.machine.connect().await.map_err(CopyError::Ask)?;
        let paths = &target.closure.paths;
        let asked = words(target, "hold", &paths.len().to_string()).arg(SILENCE.as_secs().to_string());
        let argv = target.machine.shell_words(&asked).argv();
        let start = |source| CopyError::Ask(RunError::Start { words: "ssh".into(), source });
        let mut child = Command::new(&argv[0])
            .args(&argv[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(start)?;
        let mut text = paths.join("\n");
        text.push('\n');
        if let Some(pipe) = child.stdin.as_mut() {
            // Should it have ended already, its exit status tells why.
            let _ = pipe.write_all(text.as_bytes()).await;
            let _ = pipe.flush().await;
        }
        let Some(out) = child.stdout.take() else { return Err(start(std::io::ErrorKind::BrokenPipe.into())) };
        let mut lines = BufReader::new(out).lines();
        let mut this = Self { child, packer: "none", alive: None };
        let mut missing = Vec::new();
        let mut deadline = ASK;
        loop {
            let Ok(line) = tokio::time::timeout(deadline, next(&mut lines)).await else {
                return Err(CopyError::Ask(RunError::Late { words: "nix-store --check-validity".into(), deadline }));
            };
            match line.as_deref().map(|line| line.split_once(' ').unwrap_or((line, ""))) {
                Some(("held", _)) => {
                    this.alive = this.child.stdin.take().map(beat).transpose().map_err(start)?;
                    return Ok((this, missing));
                }
                Some(("packer", "zstd")) => this.packer = "zstd",
                Some(("packer", "gzip")) => this.packer = "gzip",
                Some(("missing", path)) => missing.push(path.to_owned()),
                Some(("collecting", _)) => {
                    story.note(target.machine.name(), "waits until its garbage collector has ended");
                    deadline = COLLECTING + ASK;
                }
                Some(_) => {}
                None => return Err(this.ended().await),
            }
        }
    }

    /// The tool that unpacks there.
    pub fn packer(&self) -> &'static str {
        self.packer
    }

    /// Has it been held until now? Else what was copied may have been collected.
    pub fn is_held(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The garbage collector may go on.
    pub async fn release(mut self) {
        drop(self.alive.take());
        let _ = tokio::time::timeout(ASK, self.child.wait()).await;
    }

    /// Why it ended before it held.
    async fn ended(mut self) -> CopyError {
        let mut stderr = String::new();
        if let Some(mut pipe) = self.child.stderr.take() {
            let _ = tokio::time::timeout(ASK, pipe.read_to_string(&mut stderr)).await;
        }
        let status = self.child.wait().await.ok().and_then(|status| status.code()).unwrap_or(255);
        match status {
            75 => CopyError::Busy,
            76 => CopyError::Collecting(COLLECTING),
            status => {
                let output = Output { status, stdout: String::new(), stderr };
                let words = "nix-store --check-validity".to_owned();
                CopyError::Ask(RunError::Failed { words, status: output.status, stderr: output.stderr })
            }
        }
    }
}

async fn next(lines: &mut Lines<BufReader<ChildStdout>>) -> Option<String> {
    lines.next_line().await.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::SCRIPT;
    use std::io::{BufRead as _, BufReader};
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    /// A session that hears nothing more ends, although its input does not, and lets the collector and the next copy go on.
    #[test]
    fn a_silent_connection_is_taken_for_a_cut_one() {
        let dir = tempfile::tempdir().unwrap();
        let (root, store) = (dir.path().join("root"), dir.path().join("nix-store"));
        std::fs::write(&store, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&store, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
        let mut child = Command::new("sh")
            .args(["-c", SCRIPT, "sh", "hold", root.to_str().unwrap(), "local", "0", "1"])
            .env("PATH", path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(said.map_while(Result::ok).any(|line| line == "held"));
        let begun = Instant::now();
        let input = child.stdin.take().unwrap();
        while child.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(50));
        }
        let ended = child.try_wait().unwrap();
        drop(input);
        assert!(ended.is_some_and(|status| status.success()), "{ended:?} after {:?}", begun.elapsed());
        let free = Command::new("flock").arg("--nonblock").arg(root.join("nix/var/nix/gc.lock")).arg("true").status();
        assert!(free.unwrap().success());
    }
}
