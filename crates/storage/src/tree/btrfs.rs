//! btrfs: one filesystem over one or several devices, its subvolumes and its swap files.

use super::table::Id;
use crate::{Name, NodeId, Size};
use document::{Decode, Path, Problems, Table, Value, parse_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// A btrfs. It stands at its first device; every further device holds a `btrfs_member` that names this one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Btrfs {
    /// How data is kept; if absent, `single` on one device and `raid1` on several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Profile>,
    /// How metadata is kept; if absent, `dup` on one device and `raid1` on several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Profile>,
    /// Where the top of the filesystem, which holds all subvolumes, is mounted; nowhere if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mountpoint: Option<String>,
    /// Mount options of the top, as in fstab(5) and btrfs(5).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// The filesystem's label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Adopt a filesystem with this identity instead of the derived one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// Subvolumes by their path in the filesystem, such as `@home` or `home/anna`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub subvolumes: BTreeMap<SubvolumePath, Subvolume>,
    /// Swap files at the top.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub swap: BTreeMap<Name, SwapFile>,
}

/// A further device of a btrfs.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BtrfsMember {
    /// The node that holds the `btrfs`, such as `disk.first.data`.
    pub of: NodeId,
}

/// A subvolume.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Subvolume {
    /// Where it is mounted; nowhere if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mountpoint: Option<String>,
    /// Mount options, without `subvol`, which follows from its path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Swap files in it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub swap: BTreeMap<Name, SwapFile>,
}

/// A swap file. The running machine makes it when it is first used.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SwapFile {
    /// How large, in whole MiB.
    pub size: Size,
}

/// How btrfs spreads what it keeps over its devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Once, on any device.
    Single,
    /// Twice, on one device.
    Dup,
    /// Striped over all devices.
    Raid0,
    /// Twice, on two devices.
    Raid1,
    /// Striped mirrors.
    Raid10,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 5] = [Self::Single, Self::Dup, Self::Raid0, Self::Raid1, Self::Raid10];

    /// The word that mkfs.btrfs(8) takes and `btrfs filesystem df` prints.
    pub fn word(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Dup => "dup",
            Self::Raid0 => "raid0",
            Self::Raid1 => "raid1",
            Self::Raid10 => "raid10",
        }
    }

    /// The fewest devices that it can be kept on.
    pub fn min_devices(self) -> usize {
        match self {
            Self::Single | Self::Dup => 1,
            Self::Raid0 | Self::Raid1 | Self::Raid10 => 2,
        }
    }

    /// Is everything still there when one device is lost?
    pub fn redundant(self) -> bool {
        match self {
            Self::Single | Self::Dup | Self::Raid0 => false,
            Self::Raid1 | Self::Raid10 => true,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Where a subvolume lies in its filesystem: names of letters, digits, `@`, `.`, `_`, `+` and `-`, with `/` between them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^/?[A-Za-z0-9@._+-]+(/[A-Za-z0-9@._+-]+)*$"))]
pub struct SubvolumePath(String);

/// Why a text is no [`SubvolumePath`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write names of letters, digits, `@`, `.`, `_`, `+` or `-`, with `/` between them, such as `@home` or `home/anna`"
)]
pub struct SubvolumePathError;

impl FromStr for SubvolumePath {
    type Err = SubvolumePathError;

    /// disko writes a `/` in front, which says nothing.
    fn from_str(text: &str) -> Result<Self, SubvolumePathError> {
        let path = text.strip_prefix('/').unwrap_or(text);
        let plain = |c: char| c.is_ascii_alphanumeric() || "@._+-".contains(c);
        let part = |part: &str| !matches!(part, "" | "." | "..") && part.len() <= 255 && part.chars().all(plain);
        let good = path.len() <= 1024 && !path.starts_with('-') && path.split('/').all(part);
        if good { Ok(Self(path.to_owned())) } else { Err(SubvolumePathError) }
    }
}

impl TryFrom<String> for SubvolumePath {
    type Error = SubvolumePathError;

    fn try_from(text: String) -> Result<Self, SubvolumePathError> {
        text.parse()
    }
}

impl From<SubvolumePath> for String {
    fn from(path: SubvolumePath) -> Self {
        path.0
    }
}

impl fmt::Display for SubvolumePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for SubvolumePath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Decode for SubvolumePath {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        parse_text(value, at, "storage::bad_subvolume", "for example `@home` or `home/anna`", problems)
    }
}

impl Decode for Profile {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let word = String::decode(value, at, problems)?;
        let found = Self::ALL.into_iter().find(|profile| profile.word() == word);
        if found.is_none() {
            let known = Self::ALL.map(|profile| format!("\"{profile}\"")).join(", ");
            let message = format!("unknown btrfs profile `{word}`");
            problems.add(at, "storage::unknown_profile", message, "no such profile", format!("write one of {known}"));
        }
        found
    }
}

impl Decode for Btrfs {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        table.raw("type");
        let it = Self {
            data: table.optional("data", problems),
            metadata: table.optional("metadata", problems),
            mountpoint: table.optional("mountpoint", problems),
            options: table.or_default("options", problems),
            label: table.optional("label", problems),
            uuid: table.optional("uuid", problems).map(|Id(uuid)| uuid),
            subvolumes: table.or_default("subvolumes", problems),
            swap: table.or_default("swap", problems),
        };
        table.close(problems);
        Some(it)
    }
}

impl Decode for BtrfsMember {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        table.raw("type");
        let of = table.required("of", "name the node that holds the btrfs, such as `disk.first.data`", problems);
        table.close(problems);
        Some(Self { of: of? })
    }
}

impl Decode for Subvolume {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let it = Self {
            mountpoint: table.optional("mountpoint", problems),
            options: table.or_default("options", problems),
            swap: table.or_default("swap", problems),
        };
        table.close(problems);
        Some(it)
    }
}

impl Decode for SwapFile {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let size = table.required("size", "write `size = \"4GiB\"`, for example", problems);
        table.close(problems);
        Some(Self { size: size? })
    }
}

#[cfg(test)]
mod tests {
    use super::SubvolumePath;

    #[test]
    fn paths() {
        for (text, expected) in [
            ("@home", Some("@home")),
            ("/home/anna", Some("home/anna")),
            ("a.b_c+d-e", Some("a.b_c+d-e")),
            ("", None),
            ("/", None),
            ("a//b", None),
            ("a/../b", None),
            ("a b", None),
            ("a,ro", None),
            ("-a", None),
        ] {
            assert_eq!(text.parse::<SubvolumePath>().ok().map(|path| path.to_string()).as_deref(), expected, "{text}");
        }
    }
}
