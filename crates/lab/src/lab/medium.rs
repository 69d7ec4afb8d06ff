//! The installation medium of one machine: the cached image, and the lab's own part of it, which is never cached.

use super::dir::Lab;
use super::error::{LabError, files};
use super::state::MachineState;
use crate::image::{Image, SCRIPTS};
use crate::qemu::{COMMAND_LINE, Health, Segment};
use cmd::Cmd;
use machine::cpio::Archive;
use machine::kexec::Installer;
use machine::run_local;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a machine is started from.
#[derive(Clone, Copy, Debug)]
pub enum Medium<'a> {
    /// The installation medium.
    Installer {
        /// The cached image.
        image: &'a Image,
        /// Who may come in, and how it proves itself.
        keys: &'a Keys,
    },
    /// Its own boot disk and nothing else.
    Disks,
}

/// The keys of an installation medium.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// Public keys that may log in as root, one `authorized_keys` line each.
    pub authorized: Vec<String>,
    /// The private ed25519 host key, in OpenSSH's format.
    pub host: String,
}

/// Shows no private key.
impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("authorized", &self.authorized).finish_non_exhaustive()
    }
}

impl Lab {
    /// Writes the machine's initial RAM disk: the image's, and behind it the scripts and the lab's part. Readable by its owner only.
    pub(super) fn write_initrd(&self, machine: &MachineState, image: &Image, keys: &Keys) -> Result<PathBuf, LabError> {
        let path = self.files(&machine.machine.name).initrd();
        let base = fs::read(image.initrd()).map_err(files(image.initrd()))?;
        let own = own(machine, &self.state.segment, keys);
        let write = || {
            let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
            file.write_all(&base)?;
            file.write_all(&own)
        };
        write().map_err(files(&path))?;
        Ok(path)
    }

    /// The medium as an installer that a running machine starts by kexec: the same system, all of it in memory. What has
    /// to be made for that lies in `dir`.
    pub async fn kexec(&self, machine: &str, image: &Image, keys: &Keys, dir: &Path) -> Result<Installer, LabError> {
        let machine = self.machine(machine)?;
        // The image keeps its kernel unpacked, for QEMU; kexec wants it as the distribution packs it.
        let unpack = Cmd::new("tar").args(["--extract", "--wildcards", "--no-same-owner", "--file"]);
        let unpack = unpack.arg(image.packages().display().to_string()).arg(format!("--directory={}", dir.display()));
        run_local(&unpack.arg("./boot/vmlinuz-*"), UNPACKING).await?;
        let boot = dir.join("boot");
        let kernel = fs::read_dir(&boot).map_err(files(&boot))?.flatten().map(|entry| entry.path()).next();
        let kernel = kernel.ok_or_else(|| files(&boot)(io::ErrorKind::NotFound.into()))?;
        let squashfs = image.squashfs();
        let mut archive = Archive::new();
        archive.file("installer.squashfs", 0o600, &fs::read(&squashfs).map_err(files(&squashfs))?);
        let system = dir.join("system");
        fs::write(&system, archive.finish()).map_err(files(&system))?;
        Ok(Installer {
            kernel,
            initrd: vec![image.initrd(), system],
            behind: own(machine, &self.state.segment, keys),
            command_line: COMMAND_LINE.to_owned(),
        })
    }
}

/// Taking one file out of a large archive.
const UNPACKING: Duration = Duration::from_mins(5);

/// The scripts and the lab's part, as an archive that goes behind the image's.
fn own(machine: &MachineState, segment: &Segment, keys: &Keys) -> Vec<u8> {
    let mut archive = Archive::new();
    archive.directory("stage2", 0o755);
    for (path, mode, content) in SCRIPTS {
        archive.file(path, mode, content.as_bytes());
    }
    archive.directory("lab", 0o700);
    for (name, content) in pieces(machine, segment, keys) {
        archive.file(&format!("lab/{name}"), 0o600, content.as_bytes());
    }
    archive.finish()
}

fn pieces(machine: &MachineState, segment: &Segment, keys: &Keys) -> [(&'static str, String); 6] {
    let there = machine.health.iter().filter(|health| **health != Health::Pulled).count();
    let mut authorized = keys.authorized.join("\n");
    authorized.push('\n');
    [
        ("disks", format!("{there}\n")),
        ("hostname", format!("{}\n", machine.machine.name)),
        ("address", format!("{}/{}\n", machine.machine.address, segment.prefix)),
        ("gateway", format!("{}\n", segment.gateway)),
        ("authorized_keys", authorized),
        ("ssh_host_ed25519_key", format!("{}\n", keys.host.trim_end())),
    ]
}
