//! The journal: a line on stable storage before and after every step, so that a power cut on either side leaves a
//! record of how far the work had come. Observation is the truth; the journal says one thing that no disk can say, and only
//! that is decided from it: on which disks a step was begun that did not come to its end.

use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use storage::plan::Begun;

/// For how long a cut step is reckoned with. Another operator's homehive may have ended the work since, and what no tool
/// knows on that disk may be somebody's by then.
const KEPT: Duration = Duration::from_hours(24 * 30);

/// The journal of one machine, a file of JSON lines that only grows.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Mutex<File>,
}

/// Why the journal could not be kept; the work stops, for a step without its line must not happen.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the journal {}: {source}", path.display())]
pub struct JournalError {
    path: PathBuf,
    source: io::Error,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry<'a> {
    /// The machine.
    pub machine: &'a str,
    /// The digest of the plan.
    pub plan: &'a str,
    /// The step's number in the plan.
    pub step: usize,
    /// What the step does.
    pub text: &'a str,
    /// What it writes anew.
    #[serde(skip_serializing_if = "<[Begun]>::is_empty")]
    pub begins: &'a [Begun],
    /// Where it stands.
    pub state: State<'a>,
}

/// Where a step stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State<'a> {
    /// It is about to begin.
    Begins,
    /// It is done.
    Done,
    /// It failed; why.
    Failed(&'a str),
    /// It was not done, and nothing of it was; why.
    Undone(&'a str),
    /// All disks are as wished: whatever was begun is whole.
    Whole,
}

impl Journal {
    /// Opens the journal at `path`, making it and its directory if needed.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let broken = |source| JournalError { path: path.to_owned(), source };
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).map_err(broken)?;
        }
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path).map_err(broken)?;
        end_line(&mut file).map_err(broken)?;
        if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            File::open(dir).and_then(|dir| dir.sync_all()).map_err(broken)?;
        }
        Ok(Self { path: path.to_owned(), file: Mutex::new(file) })
    }

    /// Where it is kept.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was begun and is not known to be whole, for [`KEPT`] at most. A line that was torn counts for nothing, for what
    /// it says was not done yet.
    pub fn begun(&self) -> Result<Vec<Begun>, JournalError> {
        #[derive(Deserialize)]
        struct Line {
            #[serde(default)]
            time: u64,
            #[serde(default)]
            begins: Vec<Begun>,
            state: serde_json::Value,
        }
        let oldest = now().saturating_sub(u64::try_from(KEPT.as_millis()).unwrap_or(u64::MAX));
        let bytes = std::fs::read(&self.path).map_err(|source| JournalError { path: self.path.clone(), source })?;
        let mut open: Vec<(u64, Begun)> = Vec::new();
        for line in String::from_utf8_lossy(&bytes).lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
            let is_undone = line.state.get("undone").is_some();
            if line.state == "whole" {
                open.clear();
            }
            for begun in line.begins {
                match open.iter().rposition(|(_, known)| *known == begun) {
                    // Of that beginning alone nothing is left: of one before it there may be.
                    Some(last) if is_undone => drop(open.remove(last)),
                    _ if is_undone => {}
                    _ if line.state == "done" => open.retain(|(_, known)| known.node != begun.node),
                    _ => open.push((line.time, begun)),
                }
            }
        }
        let mut found: Vec<Begun> = Vec::new();
        for (_, begun) in open.into_iter().filter(|(time, _)| *time >= oldest) {
            found.retain(|known| known.node != begun.node);
            found.push(begun);
        }
        Ok(found)
    }

    /// Writes one line, and returns when it is on stable storage.
    pub fn write(&self, entry: &Entry<'_>) -> Result<(), JournalError> {
        #[derive(Serialize)]
        struct Line<'a> {
            /// Milliseconds since 1970 UTC.
            time: u64,
            #[serde(flatten)]
            entry: &'a Entry<'a>,
        }
        let broken = |source| JournalError { path: self.path.clone(), source };
        let mut line = serde_json::to_vec(&Line { time: now(), entry }).map_err(|error| broken(error.into()))?;
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let length = file.metadata().map_err(broken)?.len();
        file.write_all(&line).and_then(|()| file.sync_data()).map_err(|source| {
            // The next line must not begin in the midst of this one.
            let _ = file.set_len(length);
            broken(source)
        })
    }
}

/// Milliseconds since 1970 UTC.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A last line that was torn is ended, for the next one to be one.
fn end_line(file: &mut File) -> io::Result<()> {
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    if last == [b'\n'] {
        return Ok(());
    }
    file.write_all(b"\n").and_then(|()| file.sync_data())
}

#[cfg(test)]
mod tests {
    use super::{Begun, Entry, Journal, State};
    use std::io::Write as _;

    #[test]
    fn what_was_begun_stays_until_it_is_whole() {
        let begun = |node: &str| Begun { node: node.into(), disks: vec!["serial 1, 5 bytes".into()] };
        let (one, two) = ([begun("disk.a")], [begun("disk.b")]);
        let rows = [
            ("begun", vec![(&one[..], State::Begins)], vec!["disk.a"]),
            ("failed", vec![(&one, State::Begins), (&one, State::Failed("x"))], vec!["disk.a"]),
            ("done", vec![(&one, State::Begins), (&two, State::Begins), (&one, State::Done)], vec!["disk.b"]),
            ("done later", vec![(&one, State::Failed("x")), (&one, State::Begins), (&one, State::Done)], vec![]),
            ("found whole", vec![(&one, State::Begins), (&[], State::Whole)], vec![]),
            ("begun, and not done", vec![(&one, State::Begins), (&one, State::Undone("x"))], vec![]),
            (
                "failed, and not done later",
                vec![
                    (&one, State::Begins),
                    (&one, State::Failed("x")),
                    (&one, State::Begins),
                    (&one, State::Undone("x")),
                ],
                vec!["disk.a"],
            ),
            ("begun again", vec![(&[], State::Whole), (&one, State::Begins)], vec!["disk.a"]),
        ];
        for (case, lines, open) in rows {
            let dir = tempfile::tempdir().unwrap();
            let journal = Journal::open(&dir.path().join("nas.jsonl")).unwrap();
            for (begins, state) in lines {
                journal.write(&Entry { machine: "nas", plan: "d", step: 1, text: "t", begins, state }).unwrap();
            }
            let mut file = std::fs::OpenOptions::new().append(true).open(journal.path()).unwrap();
            file.write_all(b"{\"state\":\"who").unwrap();
            let found: Vec<String> = journal.begun().unwrap().iter().map(|it| it.node.to_string()).collect();
            assert_eq!(found, open, "{case}");
        }
    }

    /// Whatever byte it was torn at: what is written behind it counts.
    #[test]
    fn a_torn_line_takes_no_other_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nas.jsonl");
        let one = [Begun { node: "disk.a".into(), disks: vec!["serial 1, 5 bytes".into()] }];
        let entry = |begins, state| Entry { machine: "nas", plan: "d", step: 1, text: "t", begins, state };
        Journal::open(&path).unwrap().write(&entry(&one[..], State::Failed("‘sda’"))).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for end in 1..whole.len() - 1 {
            std::fs::write(&path, [&whole[..], &whole[..end]].concat()).unwrap();
            let journal = Journal::open(&path).unwrap();
            assert_eq!(journal.begun().unwrap(), one, "torn at {end}");
            journal.write(&entry(&[], State::Whole)).unwrap();
            assert_eq!(journal.begun().unwrap(), [], "torn at {end}");
        }
    }

    #[test]
    fn what_was_begun_long_ago_counts_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nas.jsonl");
        for (days, found) in [(29, 1), (31, 0)] {
            let time = super::now() - days * 24 * 3600 * 1000;
            let begins = "[{\"node\":\"disk.a\",\"disks\":[\"serial 1, 5 bytes\"]}]";
            std::fs::write(&path, format!("{{\"time\":{time},\"begins\":{begins},\"state\":\"begins\"}}\n")).unwrap();
            assert_eq!(Journal::open(&path).unwrap().begun().unwrap().len(), found, "{days}");
        }
    }

    #[test]
    fn only_grows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/nas.jsonl");
        for state in [State::Begins, State::Failed("why")] {
            let entry = Entry { machine: "nas", plan: "d", step: 1, text: "t", begins: &[], state };
            Journal::open(&path).unwrap().write(&entry).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].ends_with(r#""step":1,"text":"t","state":"begins"}"#), "{text}");
        assert!(lines[1].ends_with(r#""state":{"failed":"why"}}"#), "{text}");
    }
}
