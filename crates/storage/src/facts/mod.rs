//! What a machine's disks hold, as one probe saw it: plain data, also what `homehive probe --json` prints.
//!
//! Kernel names (`sda`, `nvme0n1p2`, `md127`, `dm-3`) tie the parts together and mean nothing beyond this one probe.

mod btrfs;
mod error;
mod group;
mod luks;
mod machine;
mod mbr;
mod modules;
mod nodev;
mod pool;
mod standing;
mod usage;
mod validate;

pub use btrfs::{Btrfs, BtrfsDevice};
pub use error::FactsError;
pub use group::{Fill, Group, Volume};
pub use luks::{Enrol, Token};
pub use machine::{Bus, Driver, Machine, Nic};
pub use mbr::MbrEntry;
pub use nodev::Nodev;
pub use pool::{Dataset, Pool, PoolMember, Vdev};
pub(crate) use standing::{Standing, Start};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One look at one machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// Version of this schema: 1.
    pub version: u32,
    /// The machine itself.
    pub machine: Machine,
    /// Every block device except loop devices, optical and floppy drives, in the kernel's order.
    pub devices: Vec<Device>,
    /// Every md array that is active or has been begun (also inactive ones that hold members).
    #[serde(default)]
    pub arrays: Vec<Array>,
    /// Every LVM volume group.
    #[serde(default)]
    pub groups: Vec<Group>,
    /// Every btrfs that `btrfs filesystem show` knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub btrfs: Vec<Btrfs>,
    /// Every ZFS pool that is imported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<Pool>,
    /// What is mounted from block devices. A bind mount of a part stands here only if the whole is not mounted.
    #[serde(default)]
    pub mounts: Vec<Mount>,
    /// Filesystems in memory that are mounted, but for the kernel's and the boot's own below `/dev`, `/proc`, `/run` and
    /// `/sys`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodev: Vec<Nodev>,
    /// Kernel names of devices in use as swap space.
    #[serde(default)]
    pub swaps: Vec<String>,
}

/// A block device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Kernel name, such as `sda`, `nvme0n1p2`, `md127`, `dm-3`.
    pub name: String,
    /// Path, such as `/dev/sda` or `/dev/mapper/nas-data`.
    pub path: String,
    /// What sort of device.
    pub kind: DeviceKind,
    /// Bytes.
    pub size: u64,
    /// Logical sector size in bytes.
    pub sector: u32,
    /// Serial number (disks).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// World Wide Name (disks).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wwn: Option<String>,
    /// Model (disks).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Transport, such as `usb`, `sata`, `nvme` (disks).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// Can the medium be taken out?
    #[serde(default)]
    pub removable: bool,
    /// Does it spin?
    #[serde(default)]
    pub rotational: bool,
    /// Is it read-only?
    #[serde(default)]
    pub read_only: bool,
    /// Links under `/dev/disk/by-id`, `/dev/disk/by-path`, `/dev/md` and `/dev/zvol` that lead here, sorted.
    #[serde(default)]
    pub links: Vec<String>,
    /// Kernel names of the devices this one lies on: a partition's disk, an array's members, a volume's devices, of a ZFS
    /// volume those of its pool.
    #[serde(default)]
    pub parents: Vec<String>,
    /// The partition this device is, by the table of its disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<Partition>,
    /// What it holds.
    pub content: Content,
}

/// The sort of a block device, by lsblk's TYPE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A whole disk.
    Disk,
    /// A partition.
    Partition,
    /// An md array.
    Array,
    /// An LVM volume, also LVM's inner ones (`nas-data_wcorig`).
    Volume,
    /// An opened LUKS container, or another device that dm-crypt shows.
    Crypt,
    /// A volume of a ZFS pool.
    Zvol,
    /// Anything else on device mapper (multipath, …).
    Other,
}

/// Where a partition lies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// Number in the table, from 1.
    pub number: u32,
    /// First byte on the disk.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    /// Type: a GUID in upper case (GPT) or two hexadecimal digits (MBR), as sfdisk prints it.
    pub kind: String,
    /// The partition's GUID (GPT only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// The partition's label (GPT only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Marked active (MBR only)?
    #[serde(default)]
    pub bootable: bool,
    /// The bits that are set for it, in order (GPT only).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<u8>,
}

/// What a device holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Content {
    /// Nothing that any tool knows, and the first MiB reads as zeroes.
    Blank,
    /// Nothing that any tool knows, but not zeroes.
    Unknown,
    /// Reading it gives nothing but errors.
    Unreadable,
    /// A partition table.
    Table {
        /// `gpt`, `dos`, or another name of sfdisk's.
        label: String,
        /// The disk's GUID (GPT).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uuid: Option<Uuid>,
        /// The 32-bit disk identifier (MBR).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u32>,
        /// First byte that partitions may use.
        first: u64,
        /// First byte behind what partitions may use.
        end: u64,
        /// GPT: the entries of the MBR in front of it, if it is a hybrid one: if it names more than the GPT.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        mbr: Vec<MbrEntry>,
    },
    /// A filesystem.
    Filesystem {
        /// blkid's TYPE, such as `ext4`.
        format: String,
        /// blkid's UUID, whatever its form (`4A1B-22C3` for vfat).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uuid: Option<String>,
        /// Label.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
        /// Bytes that the filesystem itself spans, where its superblock tells (ext4, XFS).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
        /// Block (ext4) or sector (XFS) size in bytes that the device must offer: blkid's `BLOCK_SIZE`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        block: Option<u32>,
        /// Was its making cut short? Read from what mkfs writes last (XFS: `sb_inprogress`; ext4: never marked valid).
        #[serde(default)]
        unfinished: bool,
    },
    /// Swap space.
    Swap {
        /// Its UUID.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uuid: Option<Uuid>,
    },
    /// A member of an md array.
    Member {
        /// The array's UUID.
        array: Uuid,
        /// The array's name without host, such as `nas`.
        name: String,
        /// RAID level as mdadm prints it (`raid6`).
        level: String,
        /// How many active members the array wants.
        devices: u32,
        /// md's event counter: 0 means the array never ran.
        events: u64,
        /// Slot in the array; none for a spare or a member put out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slot: Option<u32>,
        /// Was something being written when it was last heard of? Then its parity may not be right.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        dirty: bool,
        /// Was it still being brought into step with the others?
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        recovering: bool,
    },
    /// An LVM physical volume.
    PhysicalVolume {
        /// The PV's UUID in LVM's form (`6-4-4-4-4-4-6` characters).
        uuid: String,
        /// Its group; none if it belongs to no group yet.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<String>,
        /// Bytes that the PV's metadata says the device has (`dev_size` may be more).
        #[serde(default)]
        size: u64,
        /// Bytes of it that volumes use.
        #[serde(default)]
        used: u64,
    },
    /// A LUKS header, and behind it what only its key shows.
    Luks {
        /// 1 or 2.
        version: u32,
        /// Its UUID.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uuid: Option<Uuid>,
        /// Label (LUKS2).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
        /// Bytes before what is encrypted, if the header tells (LUKS2).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        offset: Option<u64>,
        /// How many keys open it, if the header tells (LUKS2).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keys: Option<u32>,
        /// What else opens its keys, if the header tells (LUKS2).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tokens: Option<Vec<Token>>,
    },
    /// A device of a ZFS pool, by its label. Those of caches and spares do not say of which pool.
    PoolMember {
        /// The pool's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pool: Option<String>,
        /// The pool's GUID, a decimal number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        guid: Option<String>,
        /// The comment that the pool bears.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mark: Option<String>,
        /// As whose the pool was last used: the machine's host id, 8 hexadecimal digits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host_id: Option<String>,
        /// Was the pool destroyed, or its making cut short? Then nothing is in it any more, or yet.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        gone: bool,
    },
    /// Something that a tool knows but homehive does not make (`ntfs`), or several things at once.
    Other {
        /// blkid's TYPE, or `ambiguous`.
        name: String,
    },
}

/// An md array.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Array {
    /// Kernel name.
    pub device: String,
    /// UUID.
    pub uuid: Uuid,
    /// Name without host.
    pub name: String,
    /// Level as mdadm prints it, such as `raid6`.
    pub level: String,
    /// Where md keeps its notes on the members, if the kernel tells: `1.2`, or `1.0` for their end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// Has it been started?
    pub active: bool,
    /// How many active members it wants.
    pub devices: u32,
    /// Its members by kernel name, and their state.
    pub members: Vec<Member>,
    /// What md is doing, if it is busy: `resync`, `recovery`, `reshape`, `check`, `repair`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Thousandths of that done.
    #[serde(default)]
    pub done: u32,
    /// Seconds that it takes on, at the speed of the moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<u64>,
}

/// A member of an array that the kernel knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Kernel name of the device.
    pub device: String,
    /// What it does in the array.
    pub state: MemberState,
    /// Slot, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<u32>,
}

/// What a member does in its array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// In step with the others.
    InSync,
    /// Being brought into step.
    Rebuilding,
    /// Being filled to take the place of the one in its slot, which serves until then.
    Replacing,
    /// Stands by.
    Spare,
    /// Put out because it failed.
    Faulty,
}

/// A mount.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// Kernel name of the device.
    pub device: String,
    /// Where.
    pub target: String,
    /// Filesystem type.
    pub format: String,
    /// Is it mounted read-only?
    #[serde(default)]
    pub read_only: bool,
    /// The subvolume that is mounted (btrfs), as a path in its filesystem; none for the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subvolume: Option<String>,
}

impl Facts {
    /// The device of this kernel name.
    pub fn device(&self, name: &str) -> Option<&Device> {
        self.devices.iter().find(|device| device.name == name)
    }

    /// The devices that lie directly on this one.
    pub fn children<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Device> {
        self.devices.iter().filter(move |device| device.parents.iter().any(|parent| parent == name))
    }
}
