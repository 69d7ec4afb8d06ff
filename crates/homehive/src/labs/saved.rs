//! A whole lab kept under a name, beyond its own life: disks, the memory of machines that run, and the keys that open them.

use super::bench::{failed, private};
use super::derive::KEY_FILE;
use crate::failure::Failure;
use lab::Lab;
use lab::snapshot::{Booted, Snapshots};
use ssh_key::PrivateKey;
use std::fs;
use std::io;
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

    /// The names of all that are kept of the lab that lies at `lab`, sorted.
    pub fn list(lab: &Path) -> Result<Vec<String>, Failure> {
        // Any name does to find where they lie.
        let dir = Self::named(lab, "any")?.dir;
        let entries = fs::read_dir(dir.parent().unwrap_or(&dir)).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> =
            names.filter(|name| Self::named(lab, name).is_ok_and(|saved| saved.exists())).collect();
        names.sort();
        Ok(names)
    }

    /// The machines whose memory is kept, too.
    pub fn running(&self) -> Vec<String> {
        let snapshots = self.snapshots();
        snapshots.list().into_iter().filter(|machine| snapshots.memory(machine).is_some()).collect()
    }

    /// The memory of a machine that ran, and what it had booted from.
    pub fn memory(&self, machine: &str) -> Option<(PathBuf, Booted)> {
        self.snapshots().memory(machine)
    }

    fn snapshots(&self) -> Snapshots {
        Snapshots::at(self.dir.join("machines"))
    }

    /// Saves every machine's disks, the memory of those that run, and the lab's keys; an older one of the same name goes.
    /// All machines that run stand still meanwhile, so that they fit together.
    pub async fn save(&self, lab: &Lab) -> Result<(), Failure> {
        if self.dir.exists() {
            fs::remove_dir_all(&self.dir).map_err(failed)?;
        }
        let names: Vec<String> =
            lab.state().map_err(failed)?.machines.into_iter().map(|machine| machine.machine.name).collect();
        let running: Vec<&String> = names.iter().filter(|name| lab.guest(name).is_some()).collect();
        let mut saved = Ok(());
        for name in &running {
            saved = saved.and(lab.pause(name).await);
        }
        for name in &names {
            if saved.is_ok() {
                let runs = running.contains(&name);
                let snapshots = self.snapshots();
                saved = if runs {
                    lab.save_running(name, &snapshots, name).await
                } else {
                    lab.save(name, &snapshots, name).await
                };
            }
        }
        for name in &running {
            saved = saved.and(lab.go_on(name).await);
        }
        if let Err(error) = saved {
            // What is not whole is nothing.
            fs::remove_dir_all(&self.dir).or_else(missing).map_err(failed)?;
            return Err(error.into());
        }
        copy(&lab.root().join("secrets/host-keys"), &self.dir.join("secrets/host-keys"))?;
        for file in FILES {
            private(&self.dir.join(file), &fs::read(lab.root().join(file)).map_err(failed)?)?;
        }
        Ok(())
    }

    /// Puts disks and keys into a lab whose machines are off.
    pub async fn restore(&self, lab: &mut Lab) -> Result<(), Failure> {
        let snapshots = self.snapshots();
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
                "save one: homehive lab snapshot save NAME",
            )
        })?;
        let key = PrivateKey::from_openssh(&text).map_err(failed)?;
        key.public_key().to_openssh().map_err(failed)
    }
}

fn missing(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
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
