//! The device tree as it is declared: disko's words and meanings, one file a kind.
//!
//! A kind's file holds its declaration and how it is read. What a kind is to become on real disks is said by the file
//! of the same name under `plan/`.

mod array;
mod btrfs;
mod content;
mod dataset;
mod disk;
mod filesystem;
mod group;
mod hybrid;
mod luks;
mod lvm_id;
mod nodev;
mod pool;
mod spread;
mod swap;
mod table;
mod unlock;
mod volume_type;

pub use array::{Level, Mdadm, Mdraid, Metadata};
pub use btrfs::{Btrfs, BtrfsMember, Profile, Subvolume, SubvolumePath, SwapFile};
pub use content::Content;
pub use dataset::{Dataset, DatasetPath, Encryption};
pub use disk::Disk;
pub use filesystem::{Filesystem, Format};
pub use group::{CacheMode, LvmPv, Volume, VolumeGroup};
pub use hybrid::{Hybrid, MbrType, MbrTypeError};
pub use luks::Luks;
pub use lvm_id::LvmId;
pub use nodev::{MountPoint, MountPointError, Nodev};
pub use pool::{Vdev, VdevMode, ZfsMember, Zpool};
pub use spread::Spread;
pub use swap::{Discard, Swap};
pub(crate) use table::{ATTRIBUTES, is_attribute};
pub use table::{Partition, PartitionKind, Table, TableKind};
pub use unlock::{Tpm2, Unlock};
pub use volume_type::{Thin, VolumeType};

use crate::Name;
use document::{Decode, Path, Problems, Value};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// The disks of one machine and what is built on them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Storage {
    /// Disks by a name of your choice.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub disk: BTreeMap<Name, Disk>,
    /// md arrays; their members are devices whose content is `mdraid` with the array's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mdadm: BTreeMap<Name, Mdadm>,
    /// LVM volume groups; their physical volumes are devices whose content is `lvm_pv` with the group's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lvm_vg: BTreeMap<Name, VolumeGroup>,
    /// ZFS pools; their devices are those whose content is `zfs` with the pool's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub zpool: BTreeMap<Name, Zpool>,
    /// Filesystems without a device, such as tmpfs, by where they are mounted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub nodev: BTreeMap<MountPoint, Nodev>,
}

impl Decode for Storage {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = document::Table::open(value, at, problems)?;
        let storage = Self {
            disk: table.or_default("disk", problems),
            mdadm: table.or_default("mdadm", problems),
            lvm_vg: table.or_default("lvm_vg", problems),
            zpool: table.or_default("zpool", problems),
            nodev: table.or_default("nodev", problems),
        };
        table.close(problems);
        Some(storage)
    }
}
