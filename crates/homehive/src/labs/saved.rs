//! A whole lab kept under a name, beyond its own life: disks, the memory of machines that run, and the keys that open them.

use super::bench::{failed, private};
use super::derive::KEY_FILE;
use crate::failure::Failure;
use lab::Lab;
use lab::snapshot::{Booted, Snapshots};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use ssh_key::PrivateKey;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
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

    /// Saves every machine's disks, the memory of those that run, and the lab's keys; once that is whole, it takes the place
    /// of an older one of the same name. All machines that run stand still meanwhile, so that they fit together; they go on
    /// whatever becomes of it, also when a person breaks it off.
    pub async fn save(&self, lab: &Lab) -> Result<(), Failure> {
        // No snapshot is called so: a name has no dot.
        let name = self.dir.file_name().unwrap_or_default().to_string_lossy();
        let fresh = Self { dir: self.dir.with_file_name(format!(".{name}.new")) };
        fresh.remove()?;
        let names: Vec<String> =
            lab.state().map_err(failed)?.machines.into_iter().map(|machine| machine.machine.name).collect();
        let running: Vec<&String> = names.iter().filter(|name| lab.guest(name).is_some()).collect();
        let mut saved = tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => Err(Failure::Failed("interrupted: nothing is saved".into())),
            saved = fresh.fill(lab, &names, &running) => saved,
        };
        for name in &running {
            saved = saved.and(lab.go_on(name).await.map_err(Failure::from));
        }
        match saved {
            Ok(()) => fresh.take_the_place_of(self),
            Err(error) => {
                // What is not whole is nothing.
                fresh.remove()?;
                Err(error)
            }
        }
    }

    async fn fill(&self, lab: &Lab, names: &[String], running: &[&String]) -> Result<(), Failure> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir).map_err(failed)?;
        for name in running {
            lab.pause(name).await?;
        }
        let snapshots = self.snapshots();
        for name in names {
            if running.contains(&name) {
                lab.save_running(name, &snapshots, name).await?;
            } else {
                lab.save(name, &snapshots, name).await?;
            }
        }
        copy(&lab.root().join("secrets/host-keys"), &self.dir.join("secrets/host-keys"))?;
        for file in FILES {
            private(&self.dir.join(file), &fs::read(lab.root().join(file)).map_err(failed)?)?;
        }
        Ok(())
    }

    /// From now on this one has the other's name; what had it is gone.
    fn take_the_place_of(&self, other: &Self) -> Result<(), Failure> {
        match renameat_with(CWD, &self.dir, CWD, &other.dir, RenameFlags::EXCHANGE) {
            Ok(()) => self.remove(),
            Err(Errno::NOENT) => fs::rename(&self.dir, &other.dir).map_err(failed),
            // Not every filesystem can exchange two names.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                other.remove()?;
                fs::rename(&self.dir, &other.dir).map_err(failed)
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn remove(&self) -> Result<(), Failure> {
        fs::remove_dir_all(&self.dir).or_else(missing).map_err(failed)
    }

    /// The machines of a lab are just those that are kept, and their disks can be read; looked at before anything of the
    /// lab is touched.
    pub fn fits(&self, machines: &[String]) -> Result<(), Failure> {
        let snapshots = self.snapshots();
        let (kept, mut there) = (snapshots.list(), machines.to_vec());
        there.sort();
        if kept != there {
            let name = self.dir.file_name().unwrap_or_default().to_string_lossy();
            let message = format!("snapshot `{name}` holds {}, and this lab has {}", kept.join(", "), there.join(", "));
            let help = format!("make a lab of it: homehive lab down; homehive lab up {} --from {name}", kept.join(" "));
            return Err(Failure::usage(message, help));
        }
        kept.iter().try_for_each(|machine| snapshots.disks(machine).map(drop).map_err(failed))
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

#[cfg(test)]
mod tests {
    use super::{FILES, Saved, private};
    use cmd::Cmd;
    use lab::kvm::{Accel, Verdict};
    use lab::qemu::{DiskKind, DiskSpec, Machine, Segment};
    use lab::{Blueprint, Lab};
    use std::fs;
    use std::net::Ipv4Addr;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    async fn lab(at: &Path, machines: &[&str]) -> Lab {
        let address = |last| Ipv4Addr::new(192, 168, 1, last);
        let segment = Segment { subnet: address(0), prefix: 24, gateway: address(1) };
        let machines = machines.iter().zip(10..).map(|(name, last)| {
            let (kind, wwn) = (DiskKind::Virtio, None);
            let disk = DiskSpec { name: "vda".into(), kind, serial: "A".into(), wwn, bytes: 1 << 20, boot: true };
            Machine { name: (*name).into(), address: address(last), memory: 512, cpus: 1, disks: vec![disk] }
        });
        let blueprint = Blueprint { segment, machines: machines.collect() };
        let verdict = Verdict { accel: Accel::Emulated, reason: "a test".into() };
        let lab = Lab::create(at, &blueprint, &verdict, Cmd::new("true")).await.unwrap();
        for file in FILES.iter().chain(&["secrets/host-keys/one"]) {
            private(&lab.root().join(file), b"first").unwrap();
        }
        lab
    }

    #[tokio::test]
    async fn an_older_snapshot_goes_once_the_new_one_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("labs/pair");
        let lab = lab(&place, &["one", "two"]).await;
        let saved = Saved::named(&place, "kept").unwrap();
        saved.save(&lab).await.unwrap();
        assert_eq!(fs::metadata(&saved.dir).unwrap().permissions().mode() & 0o777, 0o700);
        let holds = || fs::read_to_string(saved.dir.join("fleet.json")).unwrap();

        // Broken off in the middle: the older one is as it was, and what was begun is gone.
        fs::write(lab.root().join("fleet.json"), "second").unwrap();
        let identity = lab.root().join("secrets/identity");
        fs::remove_file(&identity).unwrap();
        saved.save(&lab).await.unwrap_err();
        assert!(saved.exists() && holds() == "first");
        fs::write(&identity, "second").unwrap();
        saved.save(&lab).await.unwrap();
        assert_eq!(holds(), "second");
        assert_eq!(fs::read_dir(saved.dir.parent().unwrap()).unwrap().count(), 1);
        assert_eq!(Saved::list(&place).unwrap(), ["kept"]);
    }

    #[tokio::test]
    async fn a_snapshot_fits_the_lab_that_has_its_machines() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("labs/pair");
        let saved = Saved::named(&place, "kept").unwrap();
        saved.save(&lab(&place, &["one", "two"]).await).await.unwrap();
        let fits = |machines: &[&str]| {
            let machines: Vec<String> = machines.iter().map(|name| (*name).to_owned()).collect();
            saved.fits(&machines).map_err(|error| error.to_string())
        };
        assert_eq!(fits(&["two", "one"]), Ok(()));
        for (machines, has) in [(&["one"][..], "one"), (&["one", "three"], "one, three"), (&[], "")] {
            let error = fits(machines).unwrap_err();
            assert!(error.starts_with(&format!("snapshot `kept` holds one, two, and this lab has {has}\n")), "{error}");
        }
        fs::remove_file(saved.dir.join("machines/two/disks.json")).unwrap();
        assert!(fits(&["one", "two"]).unwrap_err().contains("machines/two/disks.json"));
    }
}
