//! Filesystems.

use super::table::Id;
use document::{Decode, Path, Problems, Table, Value};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;
use uuid::Uuid;

/// A filesystem.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Filesystem {
    /// Which one.
    pub format: Format,
    /// Where it is mounted on the running machine; nowhere if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mountpoint: Option<String>,
    /// Mount options, as in fstab(5).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// The filesystem's label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Further arguments of mkfs, one word an entry, such as `["-O", "compression"]`: only such as say nothing of its identity,
    /// its label, its size or its device.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_args: Vec<String>,
    /// Adopt a filesystem with this identity instead of the derived one; for vfat its first 8 hexadecimal digits count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
}

/// The filesystems that homehive makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// ext4(5)
    Ext4,
    /// ext3, as ext4(5) tells of it: for programs that know nothing newer.
    Ext3,
    /// ext2, as ext4(5) tells of it: without a journal.
    Ext2,
    /// f2fs, made for flash memory without a controller of its own.
    F2fs,
    /// xfs(5)
    Xfs,
    /// FAT, as an EFI system partition wants it.
    Vfat,
    /// btrfs(5); declared as a content of its own.
    #[schemars(skip)]
    Btrfs,
    /// A dataset of a ZFS pool; declared under `zpool`.
    #[schemars(skip)]
    Zfs,
}

impl Format {
    /// Every filesystem that is declared by its format.
    pub const ALL: [Self; 6] = [Self::Ext4, Self::Ext3, Self::Ext2, Self::F2fs, Self::Xfs, Self::Vfat];

    /// The name that mount(8) and blkid(8) use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Ext3 => "ext3",
            Self::Ext2 => "ext2",
            Self::F2fs => "f2fs",
            Self::Xfs => "xfs",
            Self::Vfat => "vfat",
            Self::Btrfs => "btrfs",
            Self::Zfs => "zfs",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl Decode for Format {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let word = String::decode(value, at, problems)?;
        let found = Self::ALL.into_iter().find(|format| format.word() == word);
        if found.is_none() {
            let message = format!("unknown filesystem `{word}`");
            let help = match word.as_str() {
                "btrfs" => "write `type = \"btrfs\"` instead of \"filesystem\", and no `format`",
                "zfs" => "declare a pool under `zpool`, and give its devices `type = \"zfs\"`",
                _ => "write \"ext4\", \"xfs\", \"vfat\", \"f2fs\", \"ext3\" or \"ext2\"",
            };
            problems.add(at, "storage::unknown_format", message, "no such format", help);
        }
        found
    }
}

impl Decode for Filesystem {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        table.raw("type");
        let format = table.required("format", "write `format = \"xfs\"`, for example", problems);
        let mountpoint = table.optional("mountpoint", problems);
        let options = table.or_default("options", problems);
        let label = table.optional("label", problems);
        let extra_args = table.or_default("extra_args", problems);
        let uuid = table.optional("uuid", problems).map(|Id(uuid)| uuid);
        table.close(problems);
        Some(Self { format: format?, mountpoint, options, label, extra_args, uuid })
    }
}
