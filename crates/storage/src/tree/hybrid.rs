//! Entries for a GPT's partitions in the MBR in front of it: a hybrid table, for firmware that reads no GPT.

use super::PartitionKind;
use document::{Decode, Path, Problems, Value, parse_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A partition of a GPT that the MBR names, too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Hybrid {
    /// Its type in the MBR, such as `0x0c` for FAT; follows from the partition's own type if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mbr_partition_type: Option<MbrType>,
    /// Mark it active in the MBR, as some BIOSes want one to be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mbr_bootable_flag: bool,
}

/// A partition's type in an MBR: one byte, in hexadecimal digits (`0x0c`, `83`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^(0[xX])?[0-9A-Fa-f]{1,2}$"))]
pub struct MbrType(#[schemars(with = "String")] pub u8);

/// Why a text is no [`MbrType`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not one byte")]
pub struct MbrTypeError(String);

impl MbrType {
    /// The GPT itself, in the MBR in front of it.
    pub const GPT: Self = Self(0xee);

    /// What goes with the type of a GPT's partition.
    pub fn of(kind: PartitionKind) -> Self {
        Self(match kind {
            PartitionKind::Linux => 0x83,
            PartitionKind::Efi | PartitionKind::BiosBoot => 0xef,
            PartitionKind::LinuxSwap => 0x82,
            PartitionKind::LinuxRaid => 0xfd,
            PartitionKind::LinuxLvm => 0x8e,
        })
    }

    /// Can an entry of this type be a partition of its own? No empty one, no extended one, and not the GPT's.
    pub fn is_plain(self) -> bool {
        !matches!(self.0, 0 | 0x05 | 0x0f | 0x85 | 0xee)
    }
}

impl FromStr for MbrType {
    type Err = MbrTypeError;

    fn from_str(text: &str) -> Result<Self, MbrTypeError> {
        let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
        let hex = (1..=2).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let byte = u8::from_str_radix(digits, 16).ok().filter(|_| hex);
        byte.map(Self).ok_or_else(|| MbrTypeError(text.to_owned()))
    }
}

impl TryFrom<String> for MbrType {
    type Error = MbrTypeError;

    fn try_from(text: String) -> Result<Self, MbrTypeError> {
        text.parse()
    }
}

impl From<MbrType> for String {
    fn from(kind: MbrType) -> Self {
        kind.to_string()
    }
}

impl fmt::Display for MbrType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:02x}", self.0)
    }
}

impl Decode for MbrType {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        parse_text(
            value,
            at,
            "storage::bad_mbr_type",
            "two hexadecimal digits: \"0x0c\" is FAT, \"0x83\" Linux",
            problems,
        )
    }
}

impl Decode for Hybrid {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = document::Table::open(value, at, problems)?;
        let it = Self {
            mbr_partition_type: table.optional("mbr_partition_type", problems),
            mbr_bootable_flag: table.or_default("mbr_bootable_flag", problems),
        };
        table.close(problems);
        Some(it)
    }
}

#[cfg(test)]
mod tests {
    use super::MbrType;

    #[test]
    fn types() {
        for (text, byte) in [
            ("0x0c", Some(0x0c)),
            ("c", Some(0x0c)),
            ("0XEF", Some(0xef)),
            ("0x", None),
            ("+c", None),
            ("100", None),
            ("ü", None),
        ] {
            assert_eq!(text.parse().ok(), byte.map(MbrType), "{text}");
        }
        assert_eq!(MbrType(0x0c).to_string(), "0x0c");
    }
}
