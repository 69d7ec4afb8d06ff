//! Running Nix: its words for this machine, what it tells while it builds, and its errors as they are.

use cmd::Cmd;
use machine::{Event, Story};
use machine::{RunError, ask_local};
use serde::Deserialize;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

/// Why Nix did not do it; what Nix said is whole.
#[derive(Debug, thiserror::Error)]
pub enum NixError {
    /// Nix is not on this machine.
    #[error("`{0}` is not on this machine; install Nix: https://nixos.org/download, or on Debian: apt install nix-bin")]
    Missing(String),
    /// It could not be run to its end.
    #[error(transparent)]
    Run(#[from] RunError),
    /// It said no.
    #[error("`{program}` says:\n{said}")]
    Said {
        /// The program.
        program: String,
        /// All that it said of it.
        said: String,
    },
    /// It printed something else than was asked for.
    #[error("`{program}` answered strangely: {answer}")]
    Strange {
        /// The program.
        program: String,
        /// What it printed.
        answer: String,
    },
}

/// Nix with its newer commands, which a plain installation has switched off.
pub fn nix(verb: &str) -> Cmd {
    local(Cmd::new("nix").arg(verb).args(["--extra-experimental-features", "nix-command flakes"]))
}

/// A command of Nix as it works on this machine: root without a daemon builds as itself, and in no sandbox.
pub fn local(command: Cmd) -> Cmd {
    if Path::new("/nix/var/nix/daemon-socket/socket").exists() {
        return command;
    }
    command.args(["--option", "build-users-group", "", "--option", "sandbox", "false"])
}

/// Runs a command of Nix that answers on standard output.
pub async fn ask(command: &Cmd, deadline: Duration, story: &Story) -> Result<String, NixError> {
    tell(command, story);
    let output = ask_local(command, deadline).await.map_err(|error| missing(command, error))?;
    if output.status == 0 {
        return Ok(output.stdout);
    }
    Err(NixError::Said { program: program(command), said: indent(&errors(&output.stderr)) })
}

/// Runs a command of Nix that builds; how far it is goes to the story.
pub async fn build(command: Cmd, deadline: Duration, subject: &str, story: &Story) -> Result<String, NixError> {
    let command = command.args(["--log-format", "internal-json"]);
    tell(&command, story);
    let argv = command.argv();
    let mut process = tokio::process::Command::new(&argv[0]);
    process.args(&argv[1..]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let start = |source| missing(&command, RunError::Start { words: command.to_string(), source });
    let mut child = process.spawn().map_err(start)?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let answer = async {
        let mut text = String::new();
        if let Some(mut out) = out {
            out.read_to_string(&mut text).await?;
        }
        Ok(text)
    };
    let log = async {
        let mut log = Log::default();
        if let Some(err) = err {
            let mut lines = BufReader::new(err).split(b'\n');
            while let Some(line) = lines.next_segment().await? {
                log.hear(&String::from_utf8_lossy(&line), subject, story);
            }
        }
        Ok(log)
    };
    let work = async { tokio::try_join!(answer, log, child.wait()) };
    let late = |_| RunError::Late { words: command.to_string(), deadline };
    let (answer, log, status) = tokio::time::timeout(deadline, work).await.map_err(late)?.map_err(start)?;
    if status.success() {
        return Ok(answer);
    }
    Err(NixError::Said { program: program(&command), said: indent(&log.complaint()) })
}

fn tell(command: &Cmd, story: &Story) {
    story.tell(Event::Command { machine: "local".to_owned(), words: command.to_string() });
}

fn program(command: &Cmd) -> String {
    command.argv().iter().take(2).filter(|word| !word.starts_with('-')).cloned().collect::<Vec<_>>().join(" ")
}

fn missing(command: &Cmd, error: RunError) -> NixError {
    match error {
        RunError::Start { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            NixError::Missing(command.argv().first().cloned().unwrap_or_default())
        }
        other => NixError::Run(other),
    }
}

fn indent(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

/// From the first error on; what was warned of before is of no interest then, unless there is nothing else.
fn errors(stderr: &str) -> String {
    let plain = without_colour(stderr);
    let begin = plain.lines().position(|line| line.trim_start().starts_with("error:")).unwrap_or_default();
    plain.lines().skip(begin).collect::<Vec<_>>().join("\n")
}

/// Text without the escape sequences of a terminal (ECMA-48: `ESC [`, parameters, one letter).
fn without_colour(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..at]);
        let tail = &rest[at + 2..];
        let end = tail.find(|c: char| ('\u{40}'..='\u{7e}').contains(&c));
        rest = end.map_or("", |end| &tail[end + 1..]);
    }
    plain.push_str(rest);
    plain
}

/// What Nix tells in its internal log format: one JSON object a line, behind a mark. The numbers are those of Nix's
/// `src/libutil/include/nix/util/logging.hh`.
#[derive(Default)]
struct Log {
    /// Activities that count something, with what they count.
    counters: BTreeMap<u64, &'static str>,
    /// Builds, each with its derivation and the end of what its builder printed.
    builds: BTreeMap<u64, (String, VecDeque<String>)>,
    errors: Vec<String>,
    told: Option<Instant>,
}

#[derive(Deserialize)]
struct Entry {
    action: String,
    #[serde(default)]
    id: u64,
    #[serde(default, rename = "type")]
    kind: u64,
    #[serde(default)]
    level: u64,
    #[serde(default)]
    msg: String,
    #[serde(default)]
    fields: Vec<serde_json::Value>,
}

const MARK: &str = "@nix ";
/// All copies between stores, and all builds, of one command.
const COPY_PATHS: u64 = 103;
const BUILDS: u64 = 104;
const PROGRESS: u64 = 105;
/// One build, and a line that its builder prints.
const BUILD: u64 = 105;
const BUILD_LINE: u64 = 101;
/// As many lines of a failed build are shown.
const SHOWN: usize = 40;

impl Log {
    fn hear(&mut self, line: &str, subject: &str, story: &Story) {
        let Some(entry) = line.strip_prefix(MARK).and_then(|json| serde_json::from_str::<Entry>(json).ok()) else {
            // Whatever is not in the format is said by something that Nix runs, or by Nix before it reads its options.
            if !line.trim().is_empty() {
                self.errors.push(without_colour(line));
            }
            return;
        };
        match (entry.action.as_str(), entry.kind) {
            ("start", COPY_PATHS) => drop(self.counters.insert(entry.id, "copies")),
            ("start", BUILDS) => drop(self.counters.insert(entry.id, "builds")),
            ("start", BUILD) => {
                let drv = entry.fields.first().and_then(serde_json::Value::as_str).unwrap_or_default();
                self.builds.insert(entry.id, (drv.to_owned(), VecDeque::new()));
            }
            ("result", BUILD_LINE) => {
                let line = entry.fields.first().and_then(serde_json::Value::as_str);
                if let (Some(line), Some((_, lines))) = (line, self.builds.get_mut(&entry.id)) {
                    lines.push_back(without_colour(line));
                    lines.drain(..lines.len().saturating_sub(SHOWN));
                }
            }
            ("result", PROGRESS) => {
                let numbers: Vec<u64> = entry.fields.iter().filter_map(serde_json::Value::as_u64).collect();
                let (Some(what), [done, total, ..]) = (self.counters.get(&entry.id), numbers.as_slice()) else {
                    return;
                };
                let ended = done == total;
                let recent = self.told.is_some_and(|then| then.elapsed() < Duration::from_millis(100));
                if *total > 0 && (ended || !recent) {
                    self.told = Some(Instant::now());
                    story.progress(
                        subject,
                        what,
                        *done,
                        Some(*total),
                        if *what == "builds" { "derivations" } else { "paths" },
                    );
                }
            }
            // 0 is an error; 1 a warning.
            ("msg", _) if entry.level == 0 => self.errors.push(without_colour(&entry.msg)),
            _ => {}
        }
    }

    /// What went wrong, with the end of what failed builders printed.
    fn complaint(&self) -> String {
        let mut text = self.errors.join("\n");
        let named = self.builds.values().filter(|(drv, lines)| !lines.is_empty() && text.contains(drv.as_str()));
        let logs: Vec<String> = named
            .map(|(drv, lines)| format!("\nthe end of what {drv} printed:\n{}", Vec::from(lines.clone()).join("\n")))
            .collect();
        text.extend(logs);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{Log, errors, without_colour};
    use machine::{Event, Story};
    use std::sync::{Arc, Mutex};

    #[test]
    fn what_nix_says_is_kept_from_the_error_on() {
        for (case, stderr, wanted) in [
            ("warned first", "warning: dirty\nerror: no\n  at x.nix:1:2\n", "error: no\n  at x.nix:1:2"),
            ("coloured", "\u{1b}[31;1merror:\u{1b}[0m no", "error: no"),
            ("no error", "strange", "strange"),
            ("nothing", "", ""),
        ] {
            assert_eq!(errors(stderr), wanted, "{case}");
        }
        assert_eq!(without_colour("a\u{1b}[1mb\u{1b}[0mc\u{1b}["), "abc");
    }

    #[test]
    fn the_log_becomes_progress_and_errors() {
        let told: Arc<Mutex<Vec<Event>>> = Arc::default();
        let heard = Arc::clone(&told);
        let story = Story::new(move |event| heard.lock().unwrap().push(event));
        let mut log = Log::default();
        for line in [
            r#"@nix {"action":"start","id":7,"level":5,"type":104,"text":"","fields":[],"parent":0}"#,
            r#"@nix {"action":"result","id":7,"type":105,"fields":[0,2,1,0]}"#,
            r#"@nix {"action":"result","id":9,"type":105,"fields":[1,1,0,0]}"#,
            r#"@nix {"action":"result","id":7,"type":105,"fields":[2,2,0,0]}"#,
            r#"@nix {"action":"msg","level":1,"msg":"warning: dirty"}"#,
            r#"@nix {"action":"msg","level":0,"msg":"\u001b[31;1merror:\u001b[0m builder failed"}"#,
        ] {
            log.hear(line, "nas", &story);
        }
        assert_eq!(log.complaint(), "error: builder failed");
        let told = told.lock().unwrap();
        let done: Vec<_> = told
            .iter()
            .filter_map(|event| match event {
                Event::Progress { done, total, unit, .. } => Some((*done, *total, unit.as_str())),
                _ => None,
            })
            .collect();
        assert_eq!(done, [(0, Some(2), "derivations"), (2, Some(2), "derivations")]);
    }
}
