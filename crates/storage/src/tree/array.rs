//! md arrays and their members.

use super::{Content, table::Id};
use crate::Name;
use document::{Decode, Kind, Path, Problems, Table, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// An md array.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Mdadm {
    /// RAID level.
    pub level: Level,
    /// Where md keeps its notes on each member; `1.2` for a new array if absent. With `1.0` they stand at the member's end, so
    /// that firmware reads a member of a mirror as if it were no member: that is what an EFI system partition needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// Adopt an array with this identity instead of the derived one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// Does a reinstall keep what lies on this array?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent: Option<bool>,
    /// What the array holds; left alone if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
}

/// Where md keeps its notes, see md(4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub enum Metadata {
    /// At the member's end.
    #[serde(rename = "1.0")]
    End,
    /// 4 KiB behind its beginning.
    #[serde(rename = "1.2")]
    Beginning,
}

impl Metadata {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::End, Self::Beginning];

    /// The word of mdadm(8) and the kernel.
    pub fn word(self) -> &'static str {
        match self {
            Self::End => "1.0",
            Self::Beginning => "1.2",
        }
    }
}

impl Decode for Metadata {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let word = String::decode(value, at, problems)?;
        let found = Self::ALL.into_iter().find(|metadata| metadata.word() == word);
        if found.is_none() {
            let message = format!("unknown metadata `{word}`");
            problems.add(at, "storage::unknown_metadata", message, "no such metadata", "write \"1.0\" or \"1.2\"");
        }
        found
    }
}

/// A member of an md array.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Mdraid {
    /// The array's name under `mdadm`.
    pub name: Name,
    /// Stands by, and takes the place of a member that fails.
    #[serde(default)]
    pub spare: bool,
}

/// The RAID levels of md(4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u8", into = "u8")]
#[schemars(extend("type" = "integer", "enum" = [0, 1, 4, 5, 6, 10]), inline)]
pub enum Level {
    /// Striped: any dead member is the end of it.
    Raid0,
    /// Mirrored.
    Raid1,
    /// One member of parity.
    Raid4,
    /// Parity spread over all members: one may die.
    Raid5,
    /// Two parities: two may die.
    Raid6,
    /// Striped mirrors.
    Raid10,
}

impl Level {
    /// Every level.
    pub const ALL: [Self; 6] = [Self::Raid0, Self::Raid1, Self::Raid4, Self::Raid5, Self::Raid6, Self::Raid10];

    /// The number, as `mdadm --level` takes it.
    pub fn number(self) -> u8 {
        match self {
            Self::Raid0 => 0,
            Self::Raid1 => 1,
            Self::Raid4 => 4,
            Self::Raid5 => 5,
            Self::Raid6 => 6,
            Self::Raid10 => 10,
        }
    }

    /// The fewest members that mdadm(8) makes such an array of without `--force`.
    pub fn min_members(self) -> usize {
        match self {
            Self::Raid0 | Self::Raid1 | Self::Raid10 => 2,
            Self::Raid4 | Self::Raid5 => 3,
            Self::Raid6 => 4,
        }
    }

    /// How many members may be missing for certain while all data is still there, of `members`.
    pub fn may_lose(self, members: usize) -> usize {
        match self {
            Self::Raid0 => 0,
            Self::Raid1 => members.saturating_sub(1),
            Self::Raid4 | Self::Raid5 | Self::Raid10 => 1,
            Self::Raid6 => 2,
        }
    }

    /// Does the array keep parity, which a cut in the midst of a write leaves wrong?
    pub fn has_parity(self) -> bool {
        match self {
            Self::Raid0 | Self::Raid1 | Self::Raid10 => false,
            Self::Raid4 | Self::Raid5 | Self::Raid6 => true,
        }
    }

    /// Does the array hold anything twice, so that a member can be replaced?
    pub fn redundant(self) -> bool {
        self != Self::Raid0
    }

    /// Bytes that `members` of `member` bytes each hold together, before metadata.
    pub fn capacity(self, members: usize, member: u64) -> u64 {
        let members = members as u64;
        match self {
            Self::Raid0 => members.saturating_mul(member),
            Self::Raid1 => member,
            Self::Raid4 | Self::Raid5 => members.saturating_sub(1).saturating_mul(member),
            Self::Raid6 => members.saturating_sub(2).saturating_mul(member),
            Self::Raid10 => members.saturating_mul(member) / 2,
        }
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        level.number()
    }
}

impl TryFrom<u8> for Level {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        Self::ALL.into_iter().find(|level| level.number() == number).ok_or_else(|| format!("no RAID level {number}"))
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RAID{}", self.number())
    }
}

impl Decode for Level {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let level = match value.kind {
            Kind::Integer(number) => u8::try_from(number).ok().and_then(|number| Self::try_from(number).ok()),
            _ => None,
        };
        if level.is_none() {
            let message = "no such RAID level";
            problems.add(
                at,
                "storage::unknown_level",
                message,
                "this level",
                "write 0, 1, 4, 5, 6 or 10, without quotes",
            );
        }
        level
    }
}

impl Decode for Mdadm {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let level = table.required("level", "write `level = 6`, for example", problems);
        let metadata = table.optional("metadata", problems);
        let uuid = table.optional("uuid", problems).map(|Id(uuid)| uuid);
        let persistent = table.optional("persistent", problems);
        let content = table.optional("content", problems);
        table.close(problems);
        Some(Self { level: level?, metadata, uuid, persistent, content })
    }
}

impl Decode for Mdraid {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        table.raw("type");
        let name = table.required("name", "name the array: a key under `mdadm`", problems);
        let spare = table.or_default("spare", problems);
        table.close(problems);
        Some(Self { name: name?, spare })
    }
}
