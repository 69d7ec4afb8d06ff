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
    /// The session, as the machine knows it.
    session: String,
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

/// The exit status of [`Hold::finish`] where the session has not kept the garbage collector out to the end.
pub(super) const LET_GO: i32 = 75;

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
        let mut this = Self { child, packer: "none", session: String::new(), alive: None };
        let mut missing = Vec::new();
        let mut deadline = ASK;
        loop {
            let Ok(line) = tokio::time::timeout(deadline, next(&mut lines)).await else {
                return Err(CopyError::Ask(RunError::Late { words: "nix-store --check-validity".into(), deadline }));
            };
            match line.as_deref().map(|line| line.split_once(' ').unwrap_or((line, ""))) {
                Some(("held", session)) => {
                    session.clone_into(&mut this.session);
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

    /// Words that bring all to stable storage, register it and keep it, if this has kept the garbage collector out until now.
    pub fn finish(&self, target: Target<'_>, registration: &str) -> Cmd {
        words(&target, "finish", &target.closure.system).arg(self.session.as_str()).input(registration)
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
    use super::{LET_GO, SCRIPT};
    use std::io::{BufRead as _, BufReader};
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    /// A store whose Nix has every path, and writes down what it was told to do.
    struct Store {
        dir: tempfile::TempDir,
    }

    impl Store {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let nix = dir.path().join("nix-store");
            std::fs::write(&nix, "#!/bin/sh\necho \"$*\" >>\"${0%/*}/told\"\n").unwrap();
            std::fs::set_permissions(&nix, std::fs::Permissions::from_mode(0o755)).unwrap();
            Self { dir }
        }

        fn root(&self) -> PathBuf {
            self.dir.path().join("root")
        }

        fn command(&self, shell: &[&str], verb: &str, words: &[&str]) -> Command {
            let path = format!("{}:{}", self.dir.path().display(), std::env::var("PATH").unwrap());
            let mut command = Command::new(shell[0]);
            command.args(&shell[1..]).args(["-c", SCRIPT, "sh", verb]).arg(self.root()).arg("local").args(words);
            command.env("PATH", path).stdin(Stdio::piped()).stdout(Stdio::piped());
            command
        }

        /// A session that holds, and what it says of itself.
        fn held(&self, shell: &[&str], silence: &str) -> (Child, String) {
            let mut child = self.command(shell, "hold", &["0", silence]).spawn().unwrap();
            let said = BufReader::new(child.stdout.take().unwrap()).lines();
            let held = said.map_while(Result::ok).find_map(|line| line.strip_prefix("held ").map(str::to_owned));
            (child, held.unwrap())
        }

        /// Does nobody hold the lock of that name?
        fn is_free(&self, lock: &str) -> bool {
            self.is_free_within(lock, "0")
        }

        fn is_free_within(&self, lock: &str, seconds: &str) -> bool {
            let lock = self.root().join("nix/var/nix").join(lock);
            Command::new("flock").args(["--timeout", seconds]).arg(lock).arg("true").status().unwrap().success()
        }

        /// How `finish` of that session ends, and whether anything was registered.
        fn finished(&self, session: &str) -> (Option<i32>, bool) {
            let mut child = self.command(&["sh"], "finish", &["/nix/store/x-system", session]).spawn().unwrap();
            drop(child.stdin.take());
            let status = child.wait().unwrap().code();
            let told = std::fs::read_to_string(self.dir.path().join("told")).unwrap();
            (status, told.contains("--load-db") || self.root().join("nix/var/nix/gcroots/homehive-next").is_symlink())
        }
    }

    /// A session that hears nothing more ends, although its input does not, and lets the collector and the next copy go on.
    #[test]
    fn a_silent_connection_is_taken_for_a_cut_one() {
        let store = Store::new();
        let (mut child, _) = store.held(&["sh"], "1");
        let begun = Instant::now();
        let input = child.stdin.take().unwrap();
        while child.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(50));
        }
        let ended = child.try_wait().unwrap();
        drop(input);
        assert!(ended.is_some_and(|status| status.success()), "{ended:?} after {:?}", begun.elapsed());
        assert!(store.is_free("gc.lock") && store.is_free("homehive-copy.lock"));
    }

    /// What a session waits with does not hold on to its locks.
    #[test]
    fn a_session_that_was_killed_holds_nothing() {
        for shell in [&["dash"][..], &["bash"], &["busybox", "sh"]] {
            if !std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|dir| dir.join(shell[0]).exists()) {
                eprintln!("skipped: {} is missing", shell[0]);
                continue;
            }
            let store = Store::new();
            let (mut child, _) = store.held(shell, "60");
            // What it waits with takes a moment to start.
            std::thread::sleep(Duration::from_millis(500));
            assert!(!store.is_free("gc.lock") && !store.is_free("homehive-copy.lock"), "{shell:?}");
            let input = child.stdin.take();
            child.kill().unwrap();
            child.wait().unwrap();
            // Far less than what it would wait for.
            let is_free = |lock| store.is_free_within(lock, "20");
            assert!(is_free("gc.lock") && is_free("homehive-copy.lock"), "{shell:?}");
            drop(input);
        }
    }

    /// Where a collector may have been since, nothing is registered.
    #[test]
    fn only_what_was_kept_to_the_end_is_registered() {
        let store = Store::new();
        let (mut child, session) = store.held(&["sh"], "60");
        let input = child.stdin.take();
        assert_eq!(store.finished(&session), (Some(0), true));
        drop(input);
        let store = Store::new();
        let (mut gone, session) = store.held(&["sh"], "60");
        drop(gone.stdin.take());
        // Not waited for: what has ended is not always gone.
        while !store.is_free("gc.lock") {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(store.finished(&session), (Some(LET_GO), false));
        let lock = store.root().join("nix/var/nix/gc.lock");
        let mut collector = Command::new("flock").arg(lock).arg("cat").stdin(Stdio::piped()).spawn().unwrap();
        while store.is_free("gc.lock") {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(store.finished(&session), (Some(LET_GO), false));
        drop(collector.stdin.take());
        for mut child in [child, gone, collector] {
            child.wait().unwrap();
        }
    }
}
