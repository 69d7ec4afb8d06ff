//! A resolved node: what it is, what it lies on, what it holds.

use super::{Btrfs, Crypt, HybridMbr, Pool, Swap, Zvol};
use crate::tree::{self, CacheMode, Format, Level, Metadata, PartitionKind, Spread, TableKind};
use crate::{Extent, Name, NodeId, Size};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// One node of the device tree.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Node {
    /// Its name.
    pub id: NodeId,
    /// What it is.
    pub kind: Kind,
    /// What it lies on: a partition's disk, an array's members and spares, a group's physical volumes, a volume's
    /// group and a thin one's pool, the device that a container is on, a pool's devices, a volume's pool.
    pub on: Vec<NodeId>,
    /// Does a reinstall keep it? Said of the node itself, or of anything it lies on.
    pub persistent: bool,
    /// Does it, or what it holds, bear an identity that the fleet declares in place of the derived one? Of a group and its
    /// volumes also: does anything that they lie on? Then what no tool knows in it may be somebody's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
    /// Where it is found on the machine, whatever the kernel calls it; none for a group, and for a disk that is
    /// recognised by other things than a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What it holds; none if homehive leaves that alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds: Option<Holds>,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A whole disk.
    Disk(Disk),
    /// A partition.
    Partition(Partition),
    /// An md array.
    Array(Array),
    /// An LVM volume group.
    Group(Group),
    /// An LVM logical volume.
    Volume(Volume),
    /// An opened LUKS container.
    Crypt(Crypt),
    /// A ZFS pool.
    Pool(Pool),
    /// A volume of a ZFS pool.
    Zvol(Zvol),
}

impl Kind {
    /// The volume that it is, if it is one.
    pub fn volume(&self) -> Option<&Volume> {
        match self {
            Self::Volume(volume) => Some(volume),
            Self::Disk(_)
            | Self::Partition(_)
            | Self::Array(_)
            | Self::Group(_)
            | Self::Crypt(_)
            | Self::Pool(_)
            | Self::Zvol(_) => None,
        }
    }

    /// The pool that it is, if it is one.
    pub fn pool(&self) -> Option<&Pool> {
        if let Self::Pool(pool) = self { Some(pool) } else { None }
    }
}

/// How a disk is recognised: all that is said must fit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Disk {
    /// A stable path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Serial number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// World Wide Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wwn: Option<String>,
    /// Model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
}

/// A partition in its table.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Partition {
    /// Its name, and its label in a GPT.
    pub name: Name,
    /// Which table it stands in.
    pub table: TableKind,
    /// Its number, from 1, in the order on the disk.
    pub number: u32,
    /// How large.
    pub size: Extent,
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: PartitionKind,
    /// Its GUID (GPT only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// The bits that are set for it in a GPT, in order; left alone if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Vec<u8>>,
    /// As blkid(8) and `/dev/disk/by-partuuid` show it: the GUID, or the table's identifier and the number.
    pub partuuid: String,
}

/// An md array.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Array {
    /// Its name.
    pub name: Name,
    /// RAID level.
    pub level: Level,
    /// Where md keeps its notes; anywhere if absent, and of a new array where mdadm does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Its UUID.
    pub uuid: Uuid,
    /// The nodes that are its active members, in order of their slots.
    pub members: Vec<NodeId>,
    /// The nodes that stand by.
    pub spares: Vec<NodeId>,
}

/// An LVM volume group.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Group {
    /// Its name.
    pub name: Name,
    /// Its UUID in LVM's form.
    pub uuid: String,
    /// The nodes that hold its physical volumes.
    pub pvs: Vec<NodeId>,
    /// Its volumes, in the order in which they take their space.
    pub volumes: Vec<NodeId>,
}

/// An LVM logical volume.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Volume {
    /// Its name.
    pub name: Name,
    /// The group's name.
    pub group: Name,
    /// Its UUID in LVM's form.
    pub uuid: String,
    /// How large.
    pub size: Extent,
    /// How it is spread over them; linear if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread: Option<Spread>,
    /// Set if it is a thin pool, or in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thin: Option<Thin>,
    /// The nodes whose physical volumes it lies on; a thin volume lies where its pool does.
    pub pvs: Vec<NodeId>,
    /// What caches it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cache>,
    /// The volume that it caches, if it is a cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caches: Option<NodeId>,
}

/// What a volume has to do with thin provisioning.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Thin {
    /// It is a pool.
    Pool,
    /// It lies in the pool that this node is.
    In(NodeId),
}

impl Thin {
    /// LVM's segment type.
    pub fn segment(&self) -> &'static str {
        match self {
            Self::Pool => tree::Thin::Pool.segment(),
            Self::In(_) => tree::Thin::Volume.segment(),
        }
    }
}

/// A volume's cache.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Cache {
    /// The node of the volume that serves as cache.
    pub node: NodeId,
    /// Which kind of cache.
    pub kind: CacheKind,
}

/// The two caches of lvmcache(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum CacheKind {
    /// dm-writecache
    Writecache,
    /// dm-cache
    Cache {
        /// How it treats writes.
        mode: CacheMode,
    },
}

impl CacheKind {
    /// LVM's segment type.
    pub fn segment(self) -> &'static str {
        match self {
            Self::Writecache => "writecache",
            Self::Cache { .. } => "cache",
        }
    }
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Holds {
    /// A partition table.
    Table {
        /// GPT or MBR.
        table: TableKind,
        /// Its identity; of an MBR the first 32 bits count, see [`crate::identity::short`].
        uuid: Uuid,
        /// MBR: mark the first partition active.
        bootable: bool,
        /// GPT: what the MBR in front of it names; nothing of the table but the GPT itself if absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        hybrid: Option<HybridMbr>,
        /// The partitions in the order on the disk.
        partitions: Vec<NodeId>,
    },
    /// A member of an array.
    Member {
        /// Of which array.
        array: NodeId,
        /// Does it stand by?
        spare: bool,
    },
    /// A physical volume.
    PhysicalVolume {
        /// Of which group.
        group: NodeId,
        /// Its UUID in LVM's form.
        uuid: String,
    },
    /// A filesystem.
    Filesystem {
        /// Which one.
        format: Format,
        /// Its identity; of vfat the first 32 bits count.
        uuid: Uuid,
        /// Its UUID as blkid(8) prints it.
        shown: String,
        /// Where it is mounted.
        #[serde(skip_serializing_if = "Option::is_none")]
        mountpoint: Option<String>,
        /// Mount options.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        options: Vec<String>,
        /// Label.
        #[serde(skip_serializing_if = "Option::is_none")]
        label: Option<String>,
        /// Further arguments of mkfs.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        extra: Vec<String>,
    },
    /// Swap space.
    Swap(Swap),
    /// A btrfs, with its first device.
    Btrfs(Btrfs),
    /// A further device of a btrfs.
    BtrfsMember {
        /// The node at which the btrfs stands.
        of: NodeId,
        /// The filesystem's UUID, which all of its devices carry.
        uuid: Uuid,
    },
    /// A LUKS container.
    Luks {
        /// The node that it is when it is opened.
        crypt: NodeId,
        /// The header's UUID.
        uuid: Uuid,
    },
    /// A device of a ZFS pool.
    Zfs {
        /// Of which pool.
        pool: NodeId,
    },
}
