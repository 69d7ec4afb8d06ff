//! What a device holds: exactly one of these.

use super::{Btrfs, BtrfsMember, Filesystem, Luks, LvmPv, Mdraid, Swap, Table, TableKind, ZfsMember};
use document::{Decode, Path, Problems, Value};
use schemars::JsonSchema;
use serde::Serialize;

/// What a disk, a partition, an array or a volume holds. `type` says which.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    /// A GUID partition table.
    Gpt(Table),
    /// A DOS (master boot record) partition table: at most 4 partitions, 2 TiB.
    Mbr(Table),
    /// A member of an md array.
    Mdraid(Mdraid),
    /// An LVM physical volume.
    LvmPv(LvmPv),
    /// A filesystem.
    Filesystem(Filesystem),
    /// Swap space.
    Swap(Swap),
    /// A btrfs, with its subvolumes.
    Btrfs(Btrfs),
    /// A further device of a btrfs that stands elsewhere.
    BtrfsMember(BtrfsMember),
    /// An encrypted device with what lies in it.
    Luks(Luks),
    /// A device of a ZFS pool.
    Zfs(ZfsMember),
}

impl Content {
    /// The word of `type`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Gpt(_) => "gpt",
            Self::Mbr(_) => "mbr",
            Self::Mdraid(_) => "mdraid",
            Self::LvmPv(_) => "lvm_pv",
            Self::Filesystem(_) => "filesystem",
            Self::Swap(_) => "swap",
            Self::Btrfs(_) => "btrfs",
            Self::BtrfsMember(_) => "btrfs_member",
            Self::Luks(_) => "luks",
            Self::Zfs(_) => "zfs",
        }
    }

    /// The partition table, if it is one.
    pub fn table(&self) -> Option<(TableKind, &Table)> {
        match self {
            Self::Gpt(table) => Some((TableKind::Gpt, table)),
            Self::Mbr(table) => Some((TableKind::Mbr, table)),
            Self::Mdraid(_)
            | Self::LvmPv(_)
            | Self::Filesystem(_)
            | Self::Swap(_)
            | Self::Btrfs(_)
            | Self::BtrfsMember(_)
            | Self::Luks(_)
            | Self::Zfs(_) => None,
        }
    }
}

const KINDS: [&str; 10] =
    ["gpt", "mbr", "mdraid", "lvm_pv", "filesystem", "swap", "btrfs", "btrfs_member", "luks", "zfs"];

impl Decode for Content {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let known = KINDS.map(|kind| format!("\"{kind}\"")).join(", ");
        let help = format!("write `type` = one of {known}");
        let kind: String = document::Table::open(value, at, problems)?.required("type", &help, problems)?;
        match kind.as_str() {
            "gpt" => Table::decode(value, at, problems).map(Self::Gpt),
            "mbr" => Table::decode(value, at, problems).map(Self::Mbr),
            "mdraid" => Mdraid::decode(value, at, problems).map(Self::Mdraid),
            "lvm_pv" => LvmPv::decode(value, at, problems).map(Self::LvmPv),
            "filesystem" => Filesystem::decode(value, at, problems).map(Self::Filesystem),
            "swap" => Swap::decode(value, at, problems).map(Self::Swap),
            "btrfs" => Btrfs::decode(value, at, problems).map(Self::Btrfs),
            "btrfs_member" => BtrfsMember::decode(value, at, problems).map(Self::BtrfsMember),
            "luks" => Luks::decode(value, at, problems).map(Self::Luks),
            "zfs" => ZfsMember::decode(value, at, problems).map(Self::Zfs),
            other => {
                let message = format!("unknown content type `{other}`");
                problems.add(&at.join("type"), "storage::unknown_content", message, "no such type", help);
                None
            }
        }
    }
}
