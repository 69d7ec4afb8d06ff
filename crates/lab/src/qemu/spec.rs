//! What a machine of the lab is, and what QEMU cannot give it. Starting it is another file's business.

use crate::kvm::Accel;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// The bus that a disk hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskKind {
    /// A stick on a USB 3 controller.
    Usb,
    /// An NVMe drive.
    Nvme,
    /// A SATA disk on an AHCI controller of its own.
    Sata,
    /// A paravirtual disk, for fleets that are virtual anyway.
    Virtio,
}

/// A disk as the lab gives it to a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskSpec {
    /// Its name in the lab; names its image file.
    pub name: String,
    /// Its bus.
    pub kind: DiskKind,
    /// Its serial number, as the guest reads it: at most 20 letters, digits, `-`, `_` and `.`.
    pub serial: String,
    /// Its World Wide Name, on SATA only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wwn: Option<u64>,
    /// Its size in bytes, a multiple of 512.
    pub bytes: u64,
    /// Whether the firmware boots from it.
    #[serde(default)]
    pub boot: bool,
}

impl DiskSpec {
    /// The link that udev makes for it on the machine (systemd's `60-persistent-storage.rules`, and QEMU's names of its
    /// disks).
    pub fn link(&self) -> String {
        let stem = match self.kind {
            DiskKind::Usb => return format!("/dev/disk/by-id/usb-QEMU_QEMU_HARDDISK_{}-0:0", self.serial),
            DiskKind::Nvme => "nvme-QEMU_NVMe_Ctrl_",
            DiskKind::Sata => "ata-QEMU_HARDDISK_",
            DiskKind::Virtio => "virtio-",
        };
        format!("/dev/disk/by-id/{stem}{}", self.serial)
    }
}

/// How a disk does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// It works.
    #[default]
    Good,
    /// Every read, write and discard fails with an I/O error.
    Dying,
    /// It is not in the machine.
    Pulled,
}

/// The network segment that machines are on; QEMU's user network plays the router on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The network's address.
    pub subnet: Ipv4Addr,
    /// Its prefix length.
    pub prefix: u8,
    /// The router's address.
    pub gateway: Ipv4Addr,
}

/// A machine of the lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Its host name.
    pub name: String,
    /// Its address, the one that the fleet declares.
    pub address: Ipv4Addr,
    /// Memory in MiB.
    pub memory: u32,
    /// Virtual processors.
    pub cpus: u32,
    /// Its disks.
    pub disks: Vec<DiskSpec>,
}

/// What a machine starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Boot<'a> {
    /// Kernel and initial RAM disk given to it directly, with the installation medium as one more, read-only disk.
    Medium {
        /// The kernel.
        kernel: &'a Path,
        /// The initial RAM disk.
        initrd: &'a Path,
        /// The medium.
        squashfs: &'a Path,
    },
    /// The firmware, which boots from the disks that are said to be for that, and from nothing else.
    Disks,
}

/// The files of a running machine, all in its own directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The directory.
    pub dir: PathBuf,
}

impl Files {
    /// A disk's image.
    pub fn image(&self, disk: &str) -> PathBuf {
        self.dir.join(format!("{disk}.raw"))
    }

    /// The socket of a disk's drive.
    pub fn drive(&self, disk: &str) -> PathBuf {
        self.dir.join(format!("{disk}.nbd"))
    }

    /// The list of the drives that are served; its path is how their server is recognised.
    pub fn drives(&self) -> PathBuf {
        self.dir.join("drives.json")
    }

    /// The socket where the drives take orders.
    pub fn orders(&self) -> PathBuf {
        self.dir.join("orders")
    }

    /// What the server of the drives had to say.
    pub fn drive_log(&self) -> PathBuf {
        self.dir.join("drives.log")
    }

    /// The socket where the switch takes the frames of its second card.
    pub fn wire_in(&self) -> PathBuf {
        self.dir.join("wire.in")
    }

    /// The socket where its second card takes frames.
    pub fn wire_out(&self) -> PathBuf {
        self.dir.join("wire.out")
    }

    /// What the machine printed on its first serial port since it was started.
    pub fn console(&self) -> PathBuf {
        self.dir.join("console.log")
    }

    /// What QEMU itself had to say.
    pub fn complaints(&self) -> PathBuf {
        self.dir.join("qemu.log")
    }

    /// The socket of the second serial port: a root shell.
    pub fn shell(&self) -> PathBuf {
        self.dir.join("shell")
    }

    /// The socket of QEMU's monitor.
    pub fn monitor(&self) -> PathBuf {
        self.dir.join("qmp")
    }

    /// The socket over which its memory is saved and brought back.
    pub fn memory(&self) -> PathBuf {
        self.dir.join("memory")
    }

    /// QEMU's pidfile; its path is how the process is recognised.
    pub fn pidfile(&self) -> PathBuf {
        self.dir.join("pid")
    }

    /// The initial RAM disk with the lab's own part; it holds a private host key.
    pub fn initrd(&self) -> PathBuf {
        self.dir.join("initrd")
    }
}

/// What cannot be built of a machine's description.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// A name that cannot stand in a path.
    #[error("`{0}` cannot name a machine or a disk of the lab: use letters, digits, `-`, `_` and `.`, at most 63")]
    Name(String),
    /// Two things bear one name or serial.
    #[error("`{machine}` has two disks called `{name}`: give each its own name and serial")]
    Twice {
        /// The machine.
        machine: String,
        /// The name or serial.
        name: String,
    },
    /// Two machines share a name or an address.
    #[error("two machines of the lab are called `{0}`, or have that address: give each its own")]
    Twins(String),
    /// A serial number that no virtual disk can bear.
    #[error("the serial `{serial}` of disk `{disk}` does not fit: 1 to 20 letters, digits, `-`, `_` and `.`")]
    Serial {
        /// The disk.
        disk: String,
        /// Its serial.
        serial: String,
    },
    /// A World Wide Name on a bus that has none here.
    #[error("disk `{disk}` cannot have a WWN: only SATA disks of the lab can")]
    Wwn {
        /// The disk.
        disk: String,
    },
    /// A size that is no whole number of sectors.
    #[error("disk `{disk}` cannot be {bytes} bytes large: it must be a multiple of 512, and at least 1 MiB")]
    Bytes {
        /// The disk.
        disk: String,
        /// Its size.
        bytes: u64,
    },
}

/// NVMe and ATA give a serial number 20 characters.
const SERIAL: usize = 20;

impl Machine {
    /// Checks what QEMU would refuse or cut short.
    pub fn check(&self) -> Result<(), SpecError> {
        check_name(&self.name)?;
        let mut seen = HashSet::new();
        for disk in &self.disks {
            check_name(&disk.name)?;
            if !is_plain(&disk.serial) || disk.serial.len() > SERIAL {
                return Err(SpecError::Serial { disk: disk.name.clone(), serial: disk.serial.clone() });
            }
            if disk.wwn.is_some() && disk.kind != DiskKind::Sata {
                return Err(SpecError::Wwn { disk: disk.name.clone() });
            }
            if disk.bytes % 512 != 0 || disk.bytes < 1 << 20 {
                return Err(SpecError::Bytes { disk: disk.name.clone(), bytes: disk.bytes });
            }
            for key in [("name", &disk.name), ("serial", &disk.serial)] {
                if !seen.insert(key) {
                    return Err(SpecError::Twice { machine: self.name.clone(), name: key.1.clone() });
                }
            }
        }
        Ok(())
    }

    /// The card's address: derived from the machine's IP address, so that no two machines of a segment share one.
    pub fn mac(&self) -> String {
        let [a, b, c, d] = self.address.octets();
        // x2: locally administered, unicast (IEEE 802, section 8.4).
        format!("52:54:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
    }

    /// The address of its second card, on the wire to the other machines.
    pub fn wire_mac(&self) -> String {
        let [a, b, c, d] = self.address.octets();
        format!("56:54:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
    }
}

/// A name that is safe in paths and in QEMU's options.
pub(crate) fn check_name(name: &str) -> Result<(), SpecError> {
    if is_plain(name) && name.len() <= 63 && !name.starts_with(['.', '-']) {
        return Ok(());
    }
    Err(SpecError::Name(name.to_owned()))
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// How a machine is started, beside what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start<'a> {
    /// From what.
    pub boot: Boot<'a>,
    /// How guests run on this host.
    pub accel: Accel,
    /// Where its sshd is reached on 127.0.0.1.
    pub ssh_port: u16,
    /// Is there a wire to other machines?
    pub wire: bool,
    /// Does it wait for the memory of a saved machine, instead of booting?
    pub incoming: bool,
}

#[cfg(test)]
mod tests {
    use super::{DiskKind, DiskSpec, Machine};
    use std::net::Ipv4Addr;

    fn disk(name: &str, serial: &str) -> DiskSpec {
        DiskSpec {
            name: name.into(),
            kind: DiskKind::Usb,
            serial: serial.into(),
            wwn: None,
            bytes: 1 << 29,
            boot: false,
        }
    }

    #[test]
    fn what_qemu_would_refuse_is_refused_first() {
        let with = |disks: Vec<DiskSpec>| {
            let address = Ipv4Addr::new(192, 168, 1, 10);
            Machine { name: "nas".into(), address, memory: 1024, cpus: 2, disks }.check().map_err(|e| e.to_string())
        };
        assert_eq!(with(vec![disk("usb", "A-1"), disk("usb2", "A-2")]), Ok(()));
        let rows = [
            (vec![disk("../usb", "A")], "`../usb` cannot name"),
            (vec![disk("usb", "A"), disk("usb", "B")], "`nas` has two disks called `usb`"),
            (vec![disk("usb", "A"), disk("sda", "A")], "`nas` has two disks called `A`"),
            (vec![disk("usb", "")], "the serial `` of disk `usb` does not fit"),
            (vec![disk("usb", "S,wwn=1")], "the serial `S,wwn=1` of disk"),
            (vec![disk("usb", "123456789012345678901")], "the serial `123456789012345678901`"),
            (vec![DiskSpec { wwn: Some(1), ..disk("usb", "A") }], "disk `usb` cannot have a WWN"),
            (vec![DiskSpec { bytes: 1_000_000_001, ..disk("usb", "A") }], "disk `usb` cannot be 1000000001 bytes"),
        ];
        for (disks, expected) in rows {
            let error = with(disks).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn each_address_has_its_card() {
        let machine =
            Machine { name: "nas".into(), address: Ipv4Addr::new(192, 168, 1, 10), memory: 1, cpus: 1, disks: vec![] };
        assert_eq!(machine.mac(), "52:54:c0:a8:01:0a");
    }
}
