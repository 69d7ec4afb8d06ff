//! What a lab remembers between processes: its machines, their disks, and how these do. Whether a machine runs is asked of
//! the system, not remembered.

use crate::kvm::Accel;
use crate::qemu::{Health, Machine, Segment};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Everything that `state.json` holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The version of this schema.
    pub version: u32,
    /// How guests run on this host.
    pub accel: Accel,
    /// Why they run so.
    pub accel_reason: String,
    /// The segment that the machines are on.
    pub segment: Segment,
    /// The wire between its machines, if they are several: the seed by which its bad links lose frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wire: Option<u64>,
    /// The machines.
    pub machines: Vec<MachineState>,
}

/// A machine and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineState {
    /// What it is.
    #[serde(flatten)]
    pub machine: Machine,
    /// How each of its disks does, in their order.
    pub health: Vec<Health>,
    /// The port on 127.0.0.1 where its sshd is reached; it may change when the machine is started.
    pub ssh_port: u16,
}

/// Why a lab's notes cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Files could not be read or written.
    #[error("{}: {source}", path.display())]
    Files {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not what was written.
    #[error("{} cannot be understood: {source}; take the lab down and make it anew", path.display())]
    Garbled {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Another homehive made it.
    #[error("{} has version {found}, this homehive knows {VERSION}: take the lab down and make it anew", path.display())]
    Version {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
}

/// The schema's version that is written here.
pub(super) const VERSION: u32 = 2;

impl State {
    /// Reads it from `path`.
    pub(super) fn read(path: &Path) -> Result<Self, StateError> {
        let text = fs::read(path).map_err(|source| StateError::Files { path: path.to_owned(), source })?;
        let garbled = |source| StateError::Garbled { path: path.to_owned(), source };
        // The version first: another one's fields mean nothing here.
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(garbled)?;
        let found = value["version"].as_u64().unwrap_or(0);
        if found != u64::from(VERSION) {
            return Err(StateError::Version { path: path.to_owned(), found });
        }
        serde_json::from_value(value).map_err(garbled)
    }

    /// Writes it to `path`: whole, or not at all.
    pub(super) fn write(&self, path: &Path) -> Result<(), StateError> {
        let files = |source| StateError::Files { path: path.to_owned(), source };
        let text =
            serde_json::to_vec_pretty(self).map_err(|source| StateError::Garbled { path: path.to_owned(), source })?;
        let fresh = path.with_extension("json.new");
        let write = || {
            let mut file = File::create(&fresh)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&fresh, path)
        };
        write().map_err(files)
    }
}

#[cfg(test)]
mod tests {
    use super::{MachineState, State, VERSION};
    use crate::kvm::Accel;
    use crate::qemu::{DiskKind, DiskSpec, Health, Machine, Segment};
    use std::fs;
    use std::net::Ipv4Addr;

    fn state() -> State {
        let disk = DiskSpec {
            name: "sata1".into(),
            kind: DiskKind::Sata,
            serial: "LAB1".into(),
            wwn: Some(0x5000_c500_a000_0001),
            bytes: 1 << 30,
            boot: false,
        };
        let [subnet, gateway, address] = [0, 1, 10].map(|last| Ipv4Addr::new(192, 168, 1, last));
        State {
            version: VERSION,
            accel: Accel::Emulated,
            accel_reason: "no /dev/kvm".into(),
            segment: Segment { subnet, prefix: 24, gateway },
            wire: None,
            machines: vec![MachineState {
                machine: Machine { name: "nas".into(), address, memory: 1536, cpus: 2, disks: vec![disk] },
                health: vec![Health::Dying],
                ssh_port: 2222,
            }],
        }
    }

    #[test]
    fn comes_back_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.json");
        state().write(&path).unwrap();
        assert_eq!(State::read(&path).unwrap(), state());
        insta::assert_snapshot!(fs::read_to_string(&path).unwrap());
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.json");
        for (text, expected) in [
            ("{\"version\": 1, \"accel\": 7}", "has version 1, this homehive knows 2"),
            ("{\"version\": 2}", "cannot be understood: missing field"),
            ("{\"vers", "cannot be understood: EOF"),
        ] {
            fs::write(&path, text).unwrap();
            let error = State::read(&path).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
