//! Makes a lab: its directory, its blank disks, its notes.

use super::dir::{LOCK, Lab, LabDir, take};
use super::error::{LabError, files};
use super::state::{MachineState, State, VERSION};
use crate::kvm::Verdict;
use crate::qemu::{Files, Health, Machine, Segment, SpecError};
use cmd::Cmd;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// What a lab is to consist of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blueprint {
    /// The segment that its machines are on.
    pub segment: Segment,
    /// Its machines; names and addresses are their own.
    pub machines: Vec<Machine>,
}

/// What `sun_path` takes beside its final NUL (unix(7)).
const SOCKET_PATH: usize = 107;

impl Lab {
    /// Makes a lab at `path`, which must not exist: blank, sparse disks, nothing running; `verdict` says how its guests are
    /// to run, `server` how their drives are served (see [`LabDir::lock`]). On failure nothing is left.
    pub async fn create(path: &Path, blueprint: &Blueprint, verdict: &Verdict, server: Cmd) -> Result<Self, LabError> {
        check(blueprint)?;
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(LabError::Exists(path.to_owned()));
        };
        let private = |path: &Path| fs::DirBuilder::new().mode(0o700).create(path);
        fs::DirBuilder::new().mode(0o700).recursive(true).create(parent).map_err(files(parent))?;
        let root = parent.canonicalize().map_err(files(parent))?.join(name);
        let dir = LabDir { root };
        for machine in &blueprint.machines {
            check_sockets(&dir.files(&machine.name), machine)?;
        }
        match private(&dir.root) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(LabError::Exists(dir.root)),
            made => made.map_err(files(&dir.root))?,
        }
        File::create(dir.root.join(LOCK)).map_err(files(&dir.root))?;
        let lock = take(&dir.root)?;
        let root = dir.root.clone();
        match fill(dir, lock, blueprint, verdict, server) {
            Ok(lab) => Ok(lab),
            Err(error) => {
                // The first error is the one to tell; what cannot be removed is seen by the next `down`.
                let _ = Self::down(&root).await;
                Err(error)
            }
        }
    }
}

fn fill(dir: LabDir, lock: File, blueprint: &Blueprint, verdict: &Verdict, server: Cmd) -> Result<Lab, LabError> {
    for machine in &blueprint.machines {
        let place = dir.files(&machine.name);
        fs::DirBuilder::new().mode(0o700).create(&place.dir).map_err(files(&place.dir))?;
        for disk in &machine.disks {
            blank(&place.image(&disk.name), disk.bytes)?;
        }
    }
    let machines = blueprint.machines.iter().map(|machine| MachineState {
        machine: machine.clone(),
        health: vec![Health::Good; machine.disks.len()],
        ssh_port: 0,
    });
    let state = State {
        version: VERSION,
        accel: verdict.accel,
        accel_reason: verdict.reason.clone(),
        segment: blueprint.segment.clone(),
        wire: (blueprint.machines.len() > 1).then(seed),
        machines: machines.collect(),
    };
    let lab = Lab { dir, state, server, _lock: lock };
    lab.save_state()?;
    Ok(lab)
}

/// Another one for each lab.
fn seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(since.subsec_nanos()) ^ since.as_secs() & 0xffff_ffff
}

/// A blank disk: a sparse file that reads as zeroes.
pub(crate) fn blank(path: &Path, bytes: u64) -> Result<(), LabError> {
    let make = || File::options().write(true).create_new(true).open(path)?.set_len(bytes);
    make().map_err(files(path))
}

fn check(blueprint: &Blueprint) -> Result<(), SpecError> {
    let mut seen = HashSet::new();
    for machine in &blueprint.machines {
        machine.check()?;
        for key in [machine.name.clone(), machine.address.to_string()] {
            if !seen.insert(key.clone()) {
                return Err(SpecError::Twins(key));
            }
        }
    }
    Ok(())
}

fn check_sockets(files: &Files, machine: &Machine) -> Result<(), LabError> {
    let drives = machine.disks.iter().map(|disk| files.drive(&disk.name));
    let long = [files.monitor(), files.shell(), files.orders(), files.wire_out(), files.memory()]
        .into_iter()
        .chain(drives)
        .find(|path| path.as_os_str().len() > SOCKET_PATH);
    long.map_or(Ok(()), |path| Err(LabError::LongPath { path, limit: SOCKET_PATH }))
}

#[cfg(test)]
mod tests {
    use super::{Blueprint, Lab, LabError};
    use crate::kvm::{Accel, Verdict};
    use crate::qemu::{DiskKind, DiskSpec, Machine, Segment};
    use cmd::Cmd;
    use std::fs;
    use std::net::Ipv4Addr;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    fn verdict() -> Verdict {
        Verdict { accel: Accel::Emulated, reason: "a test".into() }
    }

    fn blueprint() -> Blueprint {
        let disk = DiskSpec {
            name: "usb".into(),
            kind: DiskKind::Usb,
            serial: "A".into(),
            wwn: None,
            bytes: 1 << 29,
            boot: true,
        };
        let [subnet, gateway, address] = [0, 1, 10].map(|last| Ipv4Addr::new(192, 168, 1, last));
        Blueprint {
            segment: Segment { subnet, prefix: 24, gateway },
            machines: vec![Machine { name: "nas".into(), address, memory: 512, cpus: 1, disks: vec![disk] }],
        }
    }

    #[tokio::test]
    async fn a_lab_is_private_sparse_and_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("labs/home");
        let lab = Lab::create(&path, &blueprint(), &verdict(), Cmd::new("true")).await.unwrap();
        assert_eq!(fs::metadata(lab.root()).unwrap().permissions().mode() & 0o777, 0o700);
        let image = fs::metadata(lab.files("nas").image("usb")).unwrap();
        assert_eq!((image.len(), image.blocks()), (1 << 29, 0));
        assert!(lab.guest("nas").is_none());
        let again = Lab::create(&path, &blueprint(), &verdict(), Cmd::new("true")).await;
        assert!(matches!(again, Err(LabError::Exists(_))));
        let held = Lab::down(&path).await.unwrap_err();
        assert!(matches!(held, LabError::Busy(_)), "{held}");
        drop(lab);
        Lab::down(&path).await.unwrap();
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_cannot_be_is_said_before_anything_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x".repeat(110));
        let error = Lab::create(&path, &blueprint(), &verdict(), Cmd::new("true")).await.unwrap_err().to_string();
        assert!(error.contains("choose a shorter directory or name"), "{error}");
        let mut twins = blueprint();
        twins.machines.push(twins.machines[0].clone());
        let error =
            Lab::create(&dir.path().join("lab"), &twins, &verdict(), Cmd::new("true")).await.unwrap_err().to_string();
        assert_eq!(error, "two machines of the lab are called `nas`, or have that address: give each its own");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
