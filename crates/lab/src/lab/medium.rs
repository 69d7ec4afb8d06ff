//! The installation medium of one machine: the cached image, and the lab's own part of it, which is never cached.

use super::dir::Lab;
use super::error::{LabError, files};
use super::state::MachineState;
use crate::image::{Archive, Image, SCRIPTS};
use crate::qemu::{Health, Segment};
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

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
        let mut archive = Archive::new();
        archive.directory("stage2", 0o755);
        for (path, mode, content) in SCRIPTS {
            archive.file(path, mode, content.as_bytes());
        }
        archive.directory("lab", 0o700);
        for (name, content) in pieces(machine, &self.state.segment, keys) {
            archive.file(&format!("lab/{name}"), 0o600, content.as_bytes());
        }
        let write = || {
            let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
            file.write_all(&base)?;
            file.write_all(&archive.finish())
        };
        write().map_err(files(&path))?;
        Ok(path)
    }
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
