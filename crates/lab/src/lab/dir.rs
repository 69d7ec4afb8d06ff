//! A lab's directory: who may read it, who may change it, and how all of it goes away.

use super::error::{LabError, files};
use super::state::{MachineState, State};
use crate::process::Guest;
use crate::qemu::Files;
use cmd::Cmd;
use std::fs::{self, File, TryLockError};
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file that marks a directory as a lab's, and that is locked by whoever changes it.
pub(super) const LOCK: &str = "homehive-lab.lock";

/// How long the system may take to end a killed process.
pub(super) const DYING: Duration = Duration::from_secs(20);

/// A lab to look at: any number of processes may, also while another changes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabDir {
    pub(super) root: PathBuf,
}

/// A lab to work with: one process at a time. Its lock is released when it is dropped, or its process ends; its machines go
/// on.
#[derive(Debug)]
pub struct Lab {
    pub(super) dir: LabDir,
    pub(crate) state: State,
    /// The program that serves drives and the wire, without its words for that.
    pub(super) server: Cmd,
    pub(super) _lock: File,
}

impl Deref for Lab {
    type Target = LabDir;

    fn deref(&self) -> &LabDir {
        &self.dir
    }
}

impl LabDir {
    /// Where the lab called `name` belongs: `$XDG_STATE_HOME/homehive/labs/<name>`, or below `~/.local/state`; nothing if
    /// neither `XDG_STATE_HOME` nor `HOME` is set.
    pub fn place(name: &str) -> Option<PathBuf> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let base = set("XDG_STATE_HOME").filter(|path| path.is_absolute());
        let base = base.or_else(|| set("HOME").map(|home| home.join(".local/state")))?;
        Some(base.join("homehive/labs").join(name))
    }

    /// The lab at `path`.
    pub fn at(path: &Path) -> Result<Self, LabError> {
        if !path.join(LOCK).is_file() {
            return Err(LabError::NoLab(path.to_owned()));
        }
        // Machines are recognised by the paths in their command lines: one spelling for all processes.
        let root = path.canonicalize().map_err(files(path))?;
        Ok(Self { root })
    }

    /// Its directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What is known of its machines.
    pub fn state(&self) -> Result<State, LabError> {
        Ok(State::read(&self.state_file())?)
    }

    /// A machine's files: console, sockets, images.
    pub fn files(&self, machine: &str) -> Files {
        Files { dir: self.root.join(machine) }
    }

    /// A machine's QEMU, if it runs.
    pub fn guest(&self, machine: &str) -> Option<Guest> {
        Guest::with_pidfile(&self.files(machine).pidfile())
    }

    /// The lab to work with; refused while another process works with it. `server` is a program that serves
    /// drives when called with [`SERVE`](crate::SERVE) and a list, and the wire when called with
    /// [`SWITCH`](crate::SWITCH) and a list.
    pub fn lock(self, server: Cmd) -> Result<Lab, LabError> {
        let lock = take(&self.root)?;
        let state = self.state()?;
        Ok(Lab { dir: self, state, server, _lock: lock })
    }

    pub(super) fn state_file(&self) -> PathBuf {
        self.root.join("state.json")
    }
}

impl Lab {
    /// Ends every machine of the lab at `path` at once and removes its directory, whatever state a killed homehive left it
    /// in; nothing to do is no error. A directory that is not a lab's is not touched.
    pub async fn down(path: &Path) -> Result<(), LabError> {
        let Ok(root) = path.canonicalize() else { return Ok(()) };
        if !root.join(LOCK).is_file() {
            return match fs::remove_dir(&root) {
                // Cut between making the directory and marking it.
                Ok(()) => Ok(()),
                Err(_) => Err(LabError::Foreign { path: root }),
            };
        }
        let _lock = take(&root)?;
        for guest in Guest::below(&root) {
            if !guest.kill(DYING).await {
                return Err(LabError::StaysOn { machine: format!("process {}", guest.pid), deadline: DYING });
            }
        }
        clear(&root).map_err(files(&root))
    }

    pub(crate) fn machine(&self, name: &str) -> Result<&MachineState, LabError> {
        let found = self.state.machines.iter().find(|machine| machine.machine.name == name);
        found.ok_or_else(|| self.no_machine(name))
    }

    pub(crate) fn machine_mut(&mut self, name: &str) -> Result<&mut MachineState, LabError> {
        let error = self.no_machine(name);
        self.state.machines.iter_mut().find(|machine| machine.machine.name == name).ok_or(error)
    }

    fn no_machine(&self, name: &str) -> LabError {
        let known: Vec<_> = self.state.machines.iter().map(|machine| machine.machine.name.as_str()).collect();
        LabError::NoMachine { name: name.to_owned(), known: known.join(", ") }
    }

    /// The machine's QEMU must run.
    pub(crate) fn on(&self, machine: &str) -> Result<Guest, LabError> {
        self.machine(machine)?;
        self.guest(machine).ok_or_else(|| LabError::Off(machine.to_owned()))
    }

    /// The machine's QEMU must not run.
    pub(crate) fn off(&self, machine: &str) -> Result<(), LabError> {
        self.machine(machine)?;
        match self.guest(machine) {
            Some(guest) => Err(LabError::Running { machine: machine.to_owned(), pid: guest.pid }),
            None => Ok(()),
        }
    }

    pub(crate) fn save_state(&self) -> Result<(), LabError> {
        Ok(self.state.write(&self.state_file())?)
    }
}

pub(super) fn take(root: &Path) -> Result<File, LabError> {
    let path = root.join(LOCK);
    let file = File::options().write(true).create(true).truncate(false).open(&path).map_err(files(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LabError::Busy(root.to_owned())),
        Err(TryLockError::Error(source)) => Err(LabError::Files { path, source }),
    }
}

/// Removes a lab's directory, its mark last: cut in the middle, it is still known for what it is.
fn clear(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else if entry.file_name() != LOCK {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_file(root.join(LOCK))?;
    fs::remove_dir(root)
}

#[cfg(test)]
mod tests {
    use super::{LOCK, Lab, LabDir};
    use std::fs;

    #[tokio::test]
    async fn down_touches_labs_only() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        fs::create_dir(&home).unwrap();
        fs::write(home.join("letter"), "dear").unwrap();
        let error = Lab::down(&home).await.unwrap_err().to_string();
        assert!(error.contains("is not a lab"), "{error}");
        assert!(home.join("letter").exists());
        Lab::down(&dir.path().join("nowhere")).await.unwrap();
    }

    #[tokio::test]
    async fn down_finishes_what_was_cut() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("cut");
        fs::create_dir_all(root.join("nas")).unwrap();
        fs::write(root.join(LOCK), "").unwrap();
        fs::write(root.join("state.json.new"), "{\"ver").unwrap();
        Lab::down(&root).await.unwrap();
        assert!(!root.exists());
        fs::create_dir(&root).unwrap();
        Lab::down(&root).await.unwrap();
        assert!(!root.exists(), "a directory without its mark, but empty");
    }

    #[tokio::test]
    async fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(LOCK), "").unwrap();
        let held = super::take(dir.path()).unwrap();
        let error = Lab::down(dir.path()).await.unwrap_err().to_string();
        assert!(error.starts_with("another homehive is at work"), "{error}");
        drop(held);
        assert!(LabDir::at(dir.path()).is_ok(), "looking needs no lock");
    }
}
