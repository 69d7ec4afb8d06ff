//! Partition tables: GPT and MBR.

use super::{Content, Hybrid};
use crate::{Extent, Name};
use document::{Decode, Path, Problems, Value};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Which of the two tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    /// GUID partition table.
    Gpt,
    /// DOS partition table.
    Mbr,
}

/// A partition table.
///
/// On disk, partitions follow one another by `priority`, then by name. Without a priority, a BIOS boot partition comes
/// first, then an EFI system partition, then those of fixed size, then shares, and `end` last.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Table {
    /// Adopt a table with this identity instead of the derived one; for MBR its first 8 hexadecimal digits count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// MBR: mark the first partition active, as some BIOSes want it.
    #[serde(default)]
    pub bootable: bool,
    /// GPT with `hybrid` partitions: does the MBR name the GPT first, as GRUB wants it? Some firmware looks at the first
    /// entry alone.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub efi_gpt_partition_first: bool,
    /// The partitions by name; a GPT carries the names as labels.
    #[serde(default)]
    pub partitions: BTreeMap<Name, Partition>,
}

/// One partition.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Partition {
    /// How large; `end` if absent.
    #[serde(default = "end")]
    pub size: Extent,
    /// What the partition is for; follows from its content if absent.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<PartitionKind>,
    /// Smaller comes first on the disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Adopt a partition with this GUID instead of the derived one (GPT only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// Name it in the MBR in front of the GPT too, for firmware that reads no GPT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hybrid: Option<Hybrid>,
    /// Bits that are set for it in a GPT, and no others: 0 (firmware needs it), 1 (EFI passes over it), 2 (a BIOS may boot
    /// it), 48 to 63 (what the partition's type makes of them; 60 read-only, 62 hidden, 63 not mounted by itself). Left alone if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(range(max = 63)))]
    pub attributes: Option<Vec<u8>>,
    /// Does a reinstall keep what lies on this partition?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent: Option<bool>,
    /// What the partition holds; left alone if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
}

impl Default for Partition {
    /// All that is left, for nothing in particular.
    fn default() -> Self {
        let (kind, priority, hybrid, uuid, persistent, content) = (None, None, None, None, None, None);
        Self { size: Extent::End, kind, priority, hybrid, attributes: None, uuid, persistent, content }
    }
}

fn yes() -> bool {
    true
}

impl Default for Table {
    fn default() -> Self {
        Self { uuid: None, bootable: false, efi_gpt_partition_first: true, partitions: BTreeMap::new() }
    }
}

fn end() -> Extent {
    Extent::End
}

/// What a partition is for: a word, or the four digits that sgdisk and disko use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PartitionKind {
    /// Linux data (`8300`).
    Linux,
    /// EFI system partition (`EF00`).
    Efi,
    /// Where GRUB's second stage lies on a GPT disk that a BIOS boots (`EF02`).
    BiosBoot,
    /// Swap space (`8200`).
    LinuxSwap,
    /// Member of an md array (`FD00`).
    LinuxRaid,
    /// LVM physical volume (`8E00`).
    LinuxLvm,
}

/// The bits of a partition in a GPT that have a name, and what sfdisk(8) calls them; those from 48 on are the type's.
pub(crate) const ATTRIBUTES: [(u8, &str); 3] =
    [(0, "RequiredPartition"), (1, "NoBlockIOProtocol"), (2, "LegacyBIOSBootable")];

/// Has this bit a meaning? From 48 on the partition's type gives it one.
pub(crate) fn is_attribute(bit: u8) -> bool {
    ATTRIBUTES.iter().any(|(known, _)| *known == bit) || (48..64).contains(&bit)
}

const KINDS: [(&str, &str, PartitionKind); 6] = [
    ("linux", "8300", PartitionKind::Linux),
    ("efi", "EF00", PartitionKind::Efi),
    ("bios-boot", "EF02", PartitionKind::BiosBoot),
    ("linux-swap", "8200", PartitionKind::LinuxSwap),
    ("linux-raid", "FD00", PartitionKind::LinuxRaid),
    ("linux-lvm", "8E00", PartitionKind::LinuxLvm),
];

impl Decode for Table {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = document::Table::open(value, at, problems)?;
        table.raw("type");
        let it = Self {
            uuid: table.optional("uuid", problems).map(|Id(uuid)| uuid),
            bootable: table.or_default("bootable", problems),
            efi_gpt_partition_first: table.optional("efi_gpt_partition_first", problems).unwrap_or(true),
            partitions: table.or_default("partitions", problems),
        };
        table.close(problems);
        Some(it)
    }
}

impl Decode for Partition {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = document::Table::open(value, at, problems)?;
        let it = Self {
            size: table.optional("size", problems).unwrap_or(Extent::End),
            kind: table.optional("type", problems),
            priority: table.optional("priority", problems),
            uuid: table.optional("uuid", problems).map(|Id(uuid)| uuid),
            hybrid: table.optional("hybrid", problems),
            attributes: table.optional("attributes", problems),
            persistent: table.optional("persistent", problems),
            content: table.optional("content", problems),
        };
        table.close(problems);
        Some(it)
    }
}

impl Decode for PartitionKind {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let word = String::decode(value, at, problems)?;
        let found = KINDS.iter().find(|(name, digits, _)| *name == word || digits.eq_ignore_ascii_case(&word));
        if found.is_none() {
            let known = KINDS.map(|(name, digits, _)| format!("\"{name}\" ({digits})")).join(", ");
            let message = format!("unknown partition type `{word}`");
            problems.add(
                at,
                "storage::unknown_partition_type",
                message,
                "no such type",
                format!("write one of {known}"),
            );
        }
        found.map(|(.., kind)| *kind)
    }
}

/// A UUID as text.
pub(super) struct Id(pub Uuid);

impl Decode for Id {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let help = "a UUID such as \"c2c1b1a0-6f0e-4b6e-9d5a-0f3c7f1f2a11\", as blkid or mdadm print it";
        let text = String::decode(value, at, problems)?;
        // mdadm and LVM group the same 128 bits in other ways.
        let digits: String = text.chars().filter(|c| *c != '-' && *c != ':').collect();
        let parsed = Uuid::try_parse(&digits).ok();
        if parsed.is_none() {
            problems.add(at, "storage::bad_uuid", format!("`{text}` is not a UUID"), "this value", help);
        }
        parsed.map(Self)
    }
}
