//! A lab's disks kept under a name, with the keys that open what is on them, beyond the lab's own life.

use super::bench::{failed, private};
use super::derive::KEY_FILE;
use crate::failure::Failure;
use lab::Lab;
use lab::snapshot::Snapshots;
use ssh_key::PrivateKey;
use std::fs;
use std::path::{Path, PathBuf};

/// What belongs to the disks; the private key comes last, for without it nothing counts as saved.
const FILES: [&str; 3] = ["fleet.json", KEY_FILE, "secrets/identity"];

/// A saved lab.
#[derive(Clone, Debug)]
pub struct Saved {
    dir: PathBuf,
}

impl Saved {
    /// The one called `name` of the lab that lies at `lab`.
    pub fn named(lab: &Path, name: &str) -> Result<Self, Failure> {
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if !plain {
            return Err(Failure::usage(
                format!("`{name}` is no name for a snapshot"),
                "use letters, digits, `-` and `_`",
            ));
        }
        let (Some(labs), Some(lab)) = (lab.parent().and_then(Path::parent), lab.file_name()) else {
            return Err(Failure::Bug(format!("{} is no place for a lab", lab.display())));
        };
        Ok(Self { dir: labs.join("snapshots").join(lab).join(name) })
    }

    /// Is it there?
    pub fn exists(&self) -> bool {
        self.dir.join("secrets/identity").exists()
    }

    /// Saves every machine's disks and the lab's keys; an older one of the same name goes.
    pub async fn save(&self, lab: &Lab) -> Result<(), Failure> {
        if self.dir.exists() {
            fs::remove_dir_all(&self.dir).map_err(failed)?;
        }
        let snapshots = Snapshots::at(self.dir.join("machines"));
        for machine in lab.state().map_err(failed)?.machines {
            lab.save(&machine.machine.name, &snapshots, &machine.machine.name).await?;
        }
        copy(&lab.root().join("secrets/host-keys"), &self.dir.join("secrets/host-keys"))?;
        for file in FILES {
            private(&self.dir.join(file), &fs::read(lab.root().join(file)).map_err(failed)?)?;
        }
        Ok(())
    }

    /// Puts disks and keys into a fresh lab whose machines are off.
    pub async fn restore(&self, lab: &mut Lab) -> Result<(), Failure> {
        let snapshots = Snapshots::at(self.dir.join("machines"));
        for machine in lab.state().map_err(failed)?.machines {
            lab.restore(&machine.machine.name, &snapshots, &machine.machine.name).await?;
        }
        copy(&self.dir.join("secrets/host-keys"), &lab.root().join("secrets/host-keys"))?;
        // Older snapshots have no encrypted devices.
        for file in FILES.iter().filter(|file| **file != KEY_FILE || self.dir.join(file).exists()) {
            private(&lab.root().join(file), &fs::read(self.dir.join(file)).map_err(failed)?)?;
        }
        Ok(())
    }

    /// The public half of the saved lab's admin key.
    pub fn public(&self) -> Result<String, Failure> {
        let path = self.dir.join("secrets/identity");
        let text = fs::read_to_string(&path).map_err(|error| {
            Failure::usage(
                format!("no such snapshot: {}: {error}", path.display()),
                "save one: homehive lab snapshot NAME",
            )
        })?;
        let key = PrivateKey::from_openssh(&text).map_err(failed)?;
        key.public_key().to_openssh().map_err(failed)
    }
}

/// Copies the files of one directory, readable by their owner alone.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let bytes = fs::read(entry.path()).map_err(failed)?;
        private(&to.join(entry.file_name()), &bytes)?;
    }
    Ok(())
}
