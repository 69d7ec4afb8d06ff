//! Faults on purpose: a dying disk, a pulled one, a new one in its place. The power cut is where the power is.

use crate::lab::{ANSWER, Lab, LabError, blank};
use crate::qemu::{DYING, DiskSpec, Health, disk_node, fault_node, file_node, pull_id};
use crate::qmp::{Qmp, QmpError};
use serde_json::{Value, json};
use std::fs;
use std::io;
use std::time::Duration;

/// The guest may have to agree to a removal; it does so in about a second, emulated.
const LEAVING: Duration = Duration::from_mins(1);

impl Lab {
    /// From now on every read, write and discard of the disk fails with an I/O error, also after the machine was off.
    pub async fn fail_disk(&mut self, machine: &str, disk: &str) -> Result<(), LabError> {
        let (at, _) = self.disk(machine, disk)?;
        if self.health(machine, at)? == Health::Good && self.guest(machine).is_some() {
            let fail = |source| LabError::Monitor { machine: machine.to_owned(), source };
            let mut qmp = self.monitor(machine).await?;
            qmp.execute("blockdev-add", dying(at), ANSWER).await.map_err(fail)?;
            qmp.execute("blockdev-reopen", lower(at, &fault_node(at)), ANSWER).await.map_err(fail)?;
        }
        self.set_health(machine, at, Health::Dying)
    }

    /// The disk works again.
    pub async fn revive_disk(&mut self, machine: &str, disk: &str) -> Result<(), LabError> {
        let (at, _) = self.disk(machine, disk)?;
        if self.health(machine, at)? == Health::Dying && self.guest(machine).is_some() {
            let fail = |source| LabError::Monitor { machine: machine.to_owned(), source };
            let mut qmp = self.monitor(machine).await?;
            qmp.execute("blockdev-reopen", lower(at, &file_node(at)), ANSWER).await.map_err(fail)?;
            qmp.execute("blockdev-del", json!({ "node-name": fault_node(at) }), ANSWER).await.map_err(fail)?;
        }
        self.set_health(machine, at, Health::Good)
    }

    /// Pulls the disk out of the machine, running or not; it comes back only by [`Lab::replace_disk`] or
    /// [`Lab::return_disk`].
    pub async fn pull_disk(&mut self, machine: &str, disk: &str) -> Result<(), LabError> {
        let (at, spec) = self.disk(machine, disk)?;
        let id = pull_id(at, spec.kind);
        if self.guest(machine).is_some() {
            let fail = |source| LabError::Monitor { machine: machine.to_owned(), source };
            let mut qmp = self.monitor(machine).await?;
            take_away(&mut qmp, &id).await.map_err(fail)?;
        }
        self.set_health(machine, at, Health::Pulled)
    }

    /// Puts a pulled disk back, with what is on it; the machine must be off.
    pub fn return_disk(&mut self, machine: &str, disk: &str) -> Result<(), LabError> {
        self.off(machine)?;
        let at = self.place_of(machine, disk)?;
        self.set_health(machine, at, Health::Good)
    }

    /// Puts a new, blank disk in the place of this one, with its own serial number (and World Wide Name, on SATA); the
    /// machine must be off.
    pub fn replace_disk(&mut self, machine: &str, disk: &str, serial: &str, wwn: Option<u64>) -> Result<(), LabError> {
        self.off(machine)?;
        let at = self.place_of(machine, disk)?;
        let mut state = self.machine(machine)?.clone();
        let fresh = &mut state.machine.disks[at];
        serial.clone_into(&mut fresh.serial);
        fresh.wwn = wwn;
        let bytes = fresh.bytes;
        state.health[at] = Health::Good;
        state.machine.check()?;
        let image = self.files(machine).image(disk);
        match fs::remove_file(&image) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(LabError::Files { path: image, source });
            }
            _ => blank(&image, bytes)?,
        }
        *self.machine_mut(machine)? = state;
        self.save_state()
    }

    /// A disk that is in the machine.
    fn disk(&self, machine: &str, disk: &str) -> Result<(usize, DiskSpec), LabError> {
        let at = self.place_of(machine, disk)?;
        if self.health(machine, at)? == Health::Pulled {
            return Err(LabError::Pulled { machine: machine.to_owned(), disk: disk.to_owned() });
        }
        Ok((at, self.machine(machine)?.machine.disks[at].clone()))
    }

    fn place_of(&self, machine: &str, disk: &str) -> Result<usize, LabError> {
        let disks = &self.machine(machine)?.machine.disks;
        disks.iter().position(|known| known.name == disk).ok_or_else(|| {
            let known: Vec<_> = disks.iter().map(|disk| disk.name.as_str()).collect();
            LabError::NoDisk { machine: machine.to_owned(), disk: disk.to_owned(), known: known.join(", ") }
        })
    }

    fn health(&self, machine: &str, at: usize) -> Result<Health, LabError> {
        Ok(self.machine(machine)?.health.get(at).copied().unwrap_or_default())
    }

    fn set_health(&mut self, machine: &str, at: usize, health: Health) -> Result<(), LabError> {
        let known = &mut self.machine_mut(machine)?.health;
        known.resize(known.len().max(at + 1), Health::Good);
        known[at] = health;
        self.save_state()
    }
}

/// The layer that refuses what a dying disk refuses.
fn dying(at: usize) -> Value {
    let rules =
        DYING.map(|kind| json!({ "event": "none", "iotype": kind, "errno": 5, "immediately": true, "once": false }));
    json!({ "driver": "blkdebug", "node-name": fault_node(at), "image": file_node(at), "inject-error": rules })
}

/// The disk's node laid over another one.
fn lower(at: usize, over: &str) -> Value {
    json!({ "options": [{ "driver": "raw", "node-name": disk_node(at), "file": over, "discard": "unmap" }] })
}

async fn take_away(qmp: &mut Qmp, id: &str) -> Result<(), QmpError> {
    qmp.execute("device_del", json!({ "id": id }), ANSWER).await?;
    qmp.event("DEVICE_DELETED", |data| data["device"] == id, LEAVING).await.map(drop)
}
