//! What can go wrong with a lab, said so that a person knows what to do next.

use super::state::StateError;
use crate::qemu::SpecError;
use crate::qmp::QmpError;
use crate::snapshot::SnapshotError;
use crate::wait::{Tail, WaitError};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a lab did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// No lab there.
    #[error("there is no lab at {}", .0.display())]
    NoLab(PathBuf),
    /// A lab, or something else, is there already.
    #[error("{} exists already: take that lab down first, or choose another name", .0.display())]
    Exists(PathBuf),
    /// The directory is not a lab's: nothing in it is touched.
    #[error("{} is not a lab: it has no file `{}` in it, so nothing there is removed", path.display(), super::dir::LOCK)]
    Foreign {
        /// The directory.
        path: PathBuf,
    },
    /// Another process works on it.
    #[error("another homehive is at work in the lab at {}: wait for it, or end it", .0.display())]
    Busy(PathBuf),
    /// A socket's path would be too long.
    #[error(
        "{} is {} bytes long, and the path of a Unix socket may have no more than {limit}: \
         choose a shorter directory or name for the lab", path.display(), path.as_os_str().len()
    )]
    LongPath {
        /// The socket's path.
        path: PathBuf,
        /// What fits.
        limit: usize,
    },
    /// No such machine.
    #[error("the lab has no machine `{name}`; it has: {known}")]
    NoMachine {
        /// The name asked for.
        name: String,
        /// Those there are.
        known: String,
    },
    /// No such disk.
    #[error("`{machine}` has no disk `{disk}`; it has: {known}")]
    NoDisk {
        /// The machine.
        machine: String,
        /// The name asked for.
        disk: String,
        /// Those there are.
        known: String,
    },
    /// It must be off for that.
    #[error("`{machine}` is running (process {pid}): it must be off for that")]
    Running {
        /// The machine.
        machine: String,
        /// Its QEMU.
        pid: i32,
    },
    /// It must be running for that.
    #[error("`{0}` is off: start it first")]
    Off(String),
    /// QEMU ended at once.
    #[error("QEMU did not start `{machine}`:{}", Tail(said))]
    DidNotStart {
        /// The machine.
        machine: String,
        /// What QEMU said.
        said: String,
    },
    /// It did not go off.
    #[error("`{machine}` did not go off within {} s", deadline.as_secs())]
    StaysOn {
        /// The machine.
        machine: String,
        /// How long it was given.
        deadline: Duration,
    },
    /// Its drives cannot be served.
    #[error("the machine's drives: {}", said.trim_end())]
    Drives {
        /// What their server said.
        said: String,
    },
    /// Its memory cannot be kept, or not brought back.
    #[error("the memory of `{machine}`: {why}")]
    Memory {
        /// The machine.
        machine: String,
        /// Why.
        why: String,
    },
    /// QEMU cannot keep what the machine has.
    #[error(
        "the memory of `{machine}` cannot be kept: {why}\n  next: homehive lab off {machine}, then save its disks alone"
    )]
    Unkept {
        /// The machine.
        machine: String,
        /// What QEMU says.
        why: String,
    },
    /// The wire cannot be served.
    #[error("the wire between the machines: {}", said.trim_end())]
    Wire {
        /// What went wrong.
        said: String,
    },
    /// A machine alone has no wire.
    #[error("the lab has one machine, so there is no wire: `homehive lab up` with several makes one")]
    NoWire,
    /// The disk is not in the machine, so nothing can be done to it there.
    #[error("disk `{disk}` is not in `{machine}`: it was pulled")]
    Pulled {
        /// The machine.
        machine: String,
        /// The disk.
        disk: String,
    },
    /// The machine's description does not do.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The lab's own notes do not do.
    #[error(transparent)]
    State(#[from] StateError),
    /// QEMU's monitor.
    #[error("`{machine}`: {source}")]
    Monitor {
        /// The machine.
        machine: String,
        /// What went wrong.
        source: QmpError,
    },
    /// A snapshot.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The guest did not come.
    #[error(transparent)]
    Wait(#[from] WaitError),
    /// A program failed.
    #[error(transparent)]
    Run(#[from] machine::RunError),
    /// Files could not be read or written.
    #[error("{}: {source}", path.display())]
    Files {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// An error about `path`.
pub(crate) fn files(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> LabError {
    let path = path.into();
    |source| LabError::Files { path, source }
}
