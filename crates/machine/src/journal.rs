//! The journal: a line on stable storage before and after every step, so that a power cut on either side leaves a
//! record of how far the work had come. Nothing is ever decided from it; observation is the truth.

use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

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
}

impl Journal {
    /// Opens the journal at `path`, making it and its directory if needed.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let broken = |source| JournalError { path: path.to_owned(), source };
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).map_err(broken)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(broken)?;
        Ok(Self { path: path.to_owned(), file: Mutex::new(file) })
    }

    /// Where it is kept.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes one line, and returns when it is on stable storage.
    pub fn write(&self, entry: &Entry<'_>) -> Result<(), JournalError> {
        #[derive(Serialize)]
        struct Line<'a> {
            /// Milliseconds since 1970 UTC.
            time: u128,
            #[serde(flatten)]
            entry: &'a Entry<'a>,
        }
        let broken = |source| JournalError { path: self.path.clone(), source };
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let mut line = serde_json::to_vec(&Line { time, entry }).map_err(|error| broken(error.into()))?;
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.write_all(&line).and_then(|()| file.sync_data()).map_err(broken)
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Journal, State};

    #[test]
    fn only_grows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/nas.jsonl");
        for state in [State::Begins, State::Failed("why")] {
            let entry = Entry { machine: "nas", plan: "d", step: 1, text: "t", state };
            Journal::open(&path).unwrap().write(&entry).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].ends_with(r#""step":1,"text":"t","state":"begins"}"#), "{text}");
        assert!(lines[1].ends_with(r#""state":{"failed":"why"}}"#), "{text}");
    }
}
