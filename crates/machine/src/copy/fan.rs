//! One archive into several receivers at once: each byte is read and packed one time, a receiver that breaks or stalls
//! drops out, and the others go on.

use crate::process::{Output, RunError, check, piped, read};
use cmd::Cmd;
use futures_util::future::join_all;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::mpsc;

/// Bytes that are read at once.
const CHUNK: usize = 1 << 18;
/// How many chunks a receiver may lag behind the fastest before that one waits: 16 MiB.
const LAG: usize = 64;
/// Between two words about the progress.
const OFTEN: Duration = Duration::from_millis(100);

/// Who receives.
#[derive(Debug)]
pub(super) struct Sink {
    /// Words, started on this machine, that read the archive on their standard input.
    pub words: Cmd,
}

/// An archive and all who receive it.
#[derive(Debug)]
pub(super) struct Fan {
    /// Writes the archive.
    pub from: Cmd,
    /// Packs it for the line.
    pub packer: Option<Cmd>,
    /// Says how many bytes the archive has, unpacked.
    pub counted: Cmd,
    /// The receivers.
    pub sinks: Vec<Sink>,
    /// A receiver that took no byte for so long has stalled.
    pub stall: Duration,
}

/// A chunk, shared by all receivers.
type Chunk = Arc<[u8]>;

impl Fan {
    /// Runs it to its end; the results are in the order of the receivers. `told` hears how many bytes of the archive have
    /// gone, and of how many as soon as that is known.
    pub async fn run(self, told: impl Fn(u64, Option<u64>)) -> Vec<Result<(), RunError>> {
        let fail = |error: &RunError, count: usize| (0..count).map(|_| Err(again(error))).collect();
        let count = self.sinks.len();
        let mut source = match Source::start(&self.from, self.packer.as_ref()) {
            Ok(source) => source,
            Err(error) => return fail(&error, count),
        };
        let (mut lines, mut receivers) = (Vec::new(), Vec::new());
        for sink in &self.sinks {
            let (send, receive) = mpsc::channel::<Chunk>(LAG);
            lines.push(Some(send));
            receivers.push(receive_all(&sink.words, receive, self.stall));
        }
        let total = AtomicU64::new(0);
        let count_up = async {
            if let Ok(said) = crate::process::ask_local(&self.counted, Duration::from_hours(1)).await {
                total.store(totals(&said.stderr).unwrap_or(0), Ordering::Relaxed);
            }
        };
        let known = || Some(total.load(Ordering::Relaxed)).filter(|total| *total > 0);
        let gone = source.gone.clone();
        let hear = || told(gone.load(Ordering::Relaxed), known());
        let pump = async {
            let mut last = Instant::now();
            // A source that breaks shows in its own exit status.
            while let Ok(Some(chunk)) = source.chunk().await {
                let sends = lines.iter_mut().map(async |line| {
                    let closed = match line {
                        Some(send) => send.send(chunk.clone()).await.is_err(),
                        None => false,
                    };
                    if closed {
                        *line = None;
                    }
                });
                join_all(sends).await;
                if lines.iter().all(Option::is_none) {
                    break;
                }
                if last.elapsed() > OFTEN {
                    hear();
                    last = Instant::now();
                }
            }
            // A receiver reads the end of the archive only where the source has ended well: half an archive is none.
            let ended = source.end().await;
            drop(lines);
            ended
        };
        let ((), ended, ends) = tokio::join!(count_up, pump, join_all(receivers));
        let all = gone.load(Ordering::Relaxed);
        if ends.iter().any(Result::is_ok) && ended.is_ok() {
            told(all, Some(all));
        }
        // If the receiver failed, the sender only complains of its broken pipe: the receiver's words are the reason.
        ends.into_iter().map(|end| end.and_then(|()| ended.as_ref().copied().map_err(again))).collect()
    }
}

/// The archive as it comes, packed.
struct Source {
    children: Vec<(Child, Cmd)>,
    out: Option<ChildStdout>,
    counting: Option<tokio::task::JoinHandle<()>>,
    gone: Arc<AtomicU64>,
}

impl Source {
    fn start(from: &Cmd, packer: Option<&Cmd>) -> Result<Self, RunError> {
        let gone = Arc::new(AtomicU64::new(0));
        let mut tar = piped(from, Stdio::null(), Stdio::piped())?;
        let out = tar.stdout.take();
        let mut this = Self { children: vec![(tar, from.clone())], out, counting: None, gone };
        if let Some(packer) = packer {
            let mut child = piped(packer, Stdio::piped(), Stdio::piped())?;
            let (raw, into) = (this.out.take(), child.stdin.take());
            this.out = child.stdout.take();
            this.children.push((child, packer.clone()));
            if let (Some(raw), Some(into)) = (raw, into) {
                this.counting = Some(tokio::spawn(count(raw, into, this.gone.clone())));
            }
        }
        Ok(this)
    }

    /// The next chunk; none at the end.
    async fn chunk(&mut self) -> std::io::Result<Option<Chunk>> {
        let Some(out) = self.out.as_mut() else { return Ok(None) };
        let mut buffer = vec![0; CHUNK];
        let mut filled = 0;
        // A pipe gives 64 KiB at a time; fewer, larger chunks cost less.
        while filled < CHUNK {
            match out.read(&mut buffer[filled..]).await? {
                0 => break,
                count => filled += count,
            }
        }
        if self.counting.is_none() {
            self.gone.fetch_add(filled as u64, Ordering::Relaxed);
        }
        buffer.truncate(filled);
        Ok((filled > 0).then(|| buffer.into()))
    }

    /// Did all go well?
    async fn end(&mut self) -> Result<(), RunError> {
        self.out.take();
        for (child, words) in self.children.drain(..) {
            let start = |source| RunError::Start { words: words.to_string(), source };
            check(read(&child.wait_with_output().await.map_err(start)?), &words.to_string())?;
        }
        Ok(())
    }
}

/// Carries the archive into its packer, and counts.
async fn count(mut raw: ChildStdout, mut into: ChildStdin, gone: Arc<AtomicU64>) {
    let mut buffer = vec![0; CHUNK];
    while let Ok(count @ 1..) = raw.read(&mut buffer).await {
        if into.write_all(&buffer[..count]).await.is_err() {
            break;
        }
        gone.fetch_add(count as u64, Ordering::Relaxed);
    }
}

/// Starts a receiver and gives it all that comes.
async fn receive_all(words: &Cmd, mut chunks: mpsc::Receiver<Chunk>, stall: Duration) -> Result<(), RunError> {
    let mut child = piped(words, Stdio::piped(), Stdio::null())?;
    let place = words.argv().first().cloned().unwrap_or_default();
    let stalled = || RunError::Stalled { words: "tar --extract".into(), seconds: stall.as_secs() };
    if let Some(mut pipe) = child.stdin.take() {
        while let Some(chunk) = chunks.recv().await {
            match tokio::time::timeout(stall, pipe.write_all(&chunk)).await {
                Err(_) => return Err(stalled()),
                Ok(Err(_)) => break,
                Ok(Ok(())) => {}
            }
        }
        let _ = tokio::time::timeout(stall, pipe.shutdown()).await;
    }
    // Nobody waits for a receiver that has ended.
    chunks.close();
    let start = |source| RunError::Start { words: place, source };
    let output = tokio::time::timeout(stall, child.wait_with_output()).await.map_err(|_| stalled())?.map_err(start)?;
    let Output { status, stdout, stderr } = read(&output);
    check(Output { status, stdout, stderr }, "tar --extract").map(drop)
}

/// `Total bytes written: 10240 (10KiB, 64MiB/s)`, as GNU tar says it where no other language is asked for.
fn totals(said: &str) -> Option<u64> {
    let line = said.lines().find_map(|line| line.strip_prefix("Total bytes written: "))?;
    line.split_whitespace().next()?.parse().ok()
}

/// One reason for several receivers.
fn again(error: &RunError) -> RunError {
    match error {
        RunError::Start { words, source } => {
            let source = std::io::Error::new(source.kind(), source.to_string());
            RunError::Start { words: words.clone(), source }
        }
        RunError::Late { words, deadline } => RunError::Late { words: words.clone(), deadline: *deadline },
        RunError::Stalled { words, seconds } => RunError::Stalled { words: words.clone(), seconds: *seconds },
        RunError::Still { what, seconds } => RunError::Still { what: what.clone(), seconds: *seconds },
        RunError::Unreachable { place, reason, stderr } => {
            RunError::Unreachable { place: place.clone(), reason: *reason, stderr: stderr.clone() }
        }
        RunError::Failed { words, status, stderr } => {
            RunError::Failed { words: words.clone(), status: *status, stderr: stderr.clone() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fan, Sink, totals};
    use crate::RunError;
    use cmd::Cmd;
    use std::time::Duration;

    fn fan(from: Cmd, sinks: Vec<Cmd>) -> Fan {
        let sinks = sinks.into_iter().map(|words| Sink { words }).collect();
        Fan { from, packer: None, counted: Cmd::new("true"), sinks, stall: Duration::from_secs(2) }
    }

    fn sh(text: &str) -> Cmd {
        Cmd::new("sh").args(["-c", text])
    }

    #[test]
    fn tars_own_words() {
        assert_eq!(totals("tar: x\nTotal bytes written: 10240 (10KiB, 64MiB/s)\n"), Some(10240));
        assert_eq!(totals("tar: error"), None);
    }

    #[tokio::test]
    async fn a_receiver_that_breaks_or_stalls_takes_no_other_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| dir.path().join(name).display().to_string();
        let write = |name: &str| Cmd::new("dd").arg(format!("of={}", file(name))).args(["status=none", "bs=64k"]);
        let sinks =
            vec![write("a"), sh("head -c 10 >/dev/null; echo full >&2; exit 7"), sh("exec sleep 60"), write("b")];
        let told = std::sync::Mutex::new((0, None));
        let source = Cmd::new("head").args(["-c", "40000000", "/dev/zero"]);
        let ends = fan(source, sinks).run(|done, total| *told.lock().unwrap() = (done, total)).await;
        assert!(ends[0].is_ok() && ends[3].is_ok(), "{ends:?}");
        let words = ends[1].as_ref().unwrap_err().to_string();
        assert!(words.contains("exit status 7") && words.contains("full"), "{words}");
        assert!(matches!(ends[2], Err(RunError::Stalled { .. })), "{:?}", ends[2]);
        assert_eq!(*told.lock().unwrap(), (40_000_000, Some(40_000_000)));
        for name in ["a", "b"] {
            assert_eq!(std::fs::metadata(file(name)).unwrap().len(), 40_000_000);
        }
    }

    #[tokio::test]
    async fn a_packer_changes_nothing_but_the_line() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("x").display().to_string();
        let mut fan =
            fan(Cmd::new("seq").arg("100000"), vec![Cmd::new("dd").arg(format!("of={to}")).arg("status=none")]);
        fan.packer = Some(Cmd::new("gzip").args(["-1", "--stdout"]));
        let gone = std::sync::atomic::AtomicU64::new(0);
        let ends = fan.run(|done, _| gone.store(done, std::sync::atomic::Ordering::Relaxed)).await;
        assert!(ends[0].is_ok());
        assert_eq!(gone.into_inner(), 588_895);
        let back = crate::run_local(&sh(&format!("gzip -dc {to} | tail -n 1")), Duration::from_secs(20)).await.unwrap();
        assert_eq!(back.stdout, "100000\n");
    }

    #[tokio::test]
    async fn a_source_that_fails_fails_for_all() {
        let ends = fan(sh("echo gone >&2; exit 3"), vec![Cmd::new("cat"), Cmd::new("cat")]).run(|_, _| ()).await;
        for end in ends {
            let words = end.unwrap_err().to_string();
            assert!(words.contains("gone"), "{words}");
        }
    }
}
