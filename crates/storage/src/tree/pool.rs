//! ZFS: the pool and the devices that it is made of. Its datasets are `dataset`'s.

use super::{Dataset, DatasetPath, Encryption};
use crate::{Name, NodeId};
use document::{Decode, Path, Problems, Table, Value};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// A device of a ZFS pool: a partition, a logical volume, or an opened container.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ZfsMember {
    /// The pool's name under `zpool`.
    pub pool: Name,
}

/// A ZFS pool; its devices are those whose content is `zfs` with the pool's name.
///
/// Devices that none of `vdev`, `log`, `special`, `dedup`, `cache` and `spare` names make one vdev of `mode`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Zpool {
    /// How the devices that no list names keep data; each on its own, nothing twice, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<VdevMode>,
    /// The vdevs that keep the data, which is spread over them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vdev: Vec<Vdev>,
    /// Vdevs for what must be on disk at once (the intent log).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<Vdev>,
    /// Vdevs for metadata and small blocks: lost with them is the whole pool.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub special: Vec<Vdev>,
    /// Vdevs for the tables of deduplication: lost with them is the whole pool.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dedup: Vec<Vdev>,
    /// Devices that keep copies of what is read often.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cache: Vec<NodeId>,
    /// Devices that stand by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spare: Vec<NodeId>,
    /// Properties of the pool, see zpoolprops(7), such as `ashift = "12"` and `autotrim = "on"`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pool_properties: BTreeMap<String, String>,
    /// Properties of the root dataset, see zfsprops(7), which all others inherit: `compression = "zstd"`, say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// Where the root dataset is mounted; nowhere if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mountpoint: Option<String>,
    /// Mount options of the root dataset.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Encrypts the root dataset, and with it all that is below and does not say otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// Takes a snapshot of this name of the root dataset when the pool is made, while nothing is in it: what a machine that forgets goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_snapshot: Option<Name>,
    /// Adopt a pool with this identity, as `zpool get guid` shows it, instead of one that homehive made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guid: Option<String>,
    /// Under which host id the machine uses its pools (`networking.hostId`), 8 hexadecimal digits, as `hostid` prints it; derived if
    /// absent. ZFS takes a pool that was last used under another one for another machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_id: Option<String>,
    /// Does a reinstall keep the pool?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent: Option<bool>,
    /// Datasets by their path in the pool, such as `home` or `root/nix`; those with a `size` are volumes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub datasets: BTreeMap<DatasetPath, Dataset>,
}

/// Devices that keep data together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Vdev {
    /// How; each on its own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<VdevMode>,
    /// The nodes that are its devices, such as `disk.first.data`.
    pub members: Vec<NodeId>,
}

/// How the devices of a vdev keep data, see zpoolconcepts(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VdevMode {
    /// All of it on each.
    Mirror,
    /// One may be lost.
    Raidz1,
    /// Two may be lost.
    Raidz2,
    /// Three may be lost.
    Raidz3,
}

impl VdevMode {
    /// Every mode.
    pub const ALL: [Self; 4] = [Self::Mirror, Self::Raidz1, Self::Raidz2, Self::Raidz3];

    /// The word of zpool(8).
    pub fn word(self) -> &'static str {
        match self {
            Self::Mirror => "mirror",
            Self::Raidz1 => "raidz1",
            Self::Raidz2 => "raidz2",
            Self::Raidz3 => "raidz3",
        }
    }

    /// The fewest devices of such a vdev.
    pub fn min_members(self) -> usize {
        match self {
            Self::Mirror | Self::Raidz1 => 2,
            Self::Raidz2 => 3,
            Self::Raidz3 => 4,
        }
    }

    /// How many of its devices may be lost.
    pub fn may_lose(self, members: usize) -> usize {
        match self {
            Self::Mirror => members.saturating_sub(1),
            Self::Raidz1 => 1,
            Self::Raidz2 => 2,
            Self::Raidz3 => 3,
        }
    }

    /// The mode that goes by this word.
    pub fn named(word: &str) -> Option<Self> {
        let word = if word == "raidz" { "raidz1" } else { word };
        Self::ALL.into_iter().find(|mode| mode.word() == word)
    }
}

impl fmt::Display for VdevMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl Decode for VdevMode {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let word = String::decode(value, at, problems)?;
        let found = Self::named(&word);
        if found.is_none() {
            let known = Self::ALL.map(|mode| format!("\"{mode}\"")).join(", ");
            let help = if word.starts_with("draid") {
                format!("homehive does not make draid: write one of {known}")
            } else {
                format!("write one of {known}, or remove it: then each device stands on its own")
            };
            let message = format!("unknown mode of a vdev: `{}`", word.escape_debug());
            problems.add(at, "storage::unknown_vdev_mode", message, "no such mode", help);
        }
        found
    }
}

impl Decode for Vdev {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let mode = table.optional("mode", problems);
        let members = table.required("members", "name nodes: `members = [\"disk.first.data\"]`", problems);
        table.close(problems);
        Some(Self { mode, members: members? })
    }
}

impl Decode for ZfsMember {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        table.raw("type");
        let pool = table.required("pool", "name the pool: a key under `zpool`", problems);
        table.close(problems);
        Some(Self { pool: pool? })
    }
}

impl Decode for Zpool {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let it = Self {
            mode: table.optional("mode", problems),
            vdev: table.or_default("vdev", problems),
            log: table.or_default("log", problems),
            special: table.or_default("special", problems),
            dedup: table.or_default("dedup", problems),
            cache: table.or_default("cache", problems),
            spare: table.or_default("spare", problems),
            pool_properties: table.or_default("pool_properties", problems),
            properties: table.or_default("properties", problems),
            mountpoint: table.optional("mountpoint", problems),
            options: table.or_default("options", problems),
            empty_snapshot: table.optional("empty_snapshot", problems),
            encryption: table.optional("encryption", problems),
            guid: table.optional("guid", problems),
            host_id: table.optional("host_id", problems),
            persistent: table.optional("persistent", problems),
            datasets: table.or_default("datasets", problems),
        };
        table.close(problems);
        Some(it)
    }
}
