//! LVM: physical volumes, volume groups, logical volumes and their caches.

use super::{Content, LvmId, Spread, Thin, VolumeType};
use crate::{Extent, Name, NodeId};
use document::{Decode, Path, Problems, Table, Value};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// A physical volume.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct LvmPv {
    /// The volume group's name under `lvm_vg`.
    pub vg: Name,
    /// Adopt a physical volume with this identity instead of the derived one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<LvmId>,
}

/// A volume group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct VolumeGroup {
    /// Adopt a group with this identity instead of the derived one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<LvmId>,
    /// Does a reinstall keep the group's volumes?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent: Option<bool>,
    /// Logical volumes by name.
    #[serde(default)]
    pub lvs: BTreeMap<Name, Volume>,
}

/// A logical volume: linear, spread over several physical volumes, or thin.
///
/// Volumes take their space by `priority`, then fixed sizes, then shares, `end` last, then by name.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Volume {
    /// How large.
    pub size: Extent,
    /// What it is: spread over its physical volumes, a thin pool, or a thin volume; linear if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lvm_type: Option<VolumeType>,
    /// The thin pool, a volume of the same group, that a thin volume lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Name>,
    /// The nodes whose physical volumes it lies on, such as `mdadm.nas` or `disk.nvme.cache`; all of the group's if
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pvs: Option<Vec<NodeId>>,
    /// A volume of the same group that keeps writes until they are on this one (dm-writecache).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writecache: Option<Name>,
    /// A volume of the same group that keeps what is read and written often (dm-cache).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Name>,
    /// How `cache` treats writes; `writethrough` if absent, so that a dead cache disk loses nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_mode: Option<CacheMode>,
    /// Smaller takes its space first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Adopt a volume with this identity instead of the derived one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<LvmId>,
    /// Does a reinstall keep what lies on this volume?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent: Option<bool>,
    /// What the volume holds; a cache volume holds nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
}

impl Volume {
    /// How it is spread over its physical volumes, if it is.
    pub fn spread(&self) -> Option<Spread> {
        self.lvm_type.and_then(VolumeType::spread)
    }

    /// Is it a thin pool, or in one?
    pub fn thin(&self) -> Option<Thin> {
        self.lvm_type.and_then(VolumeType::thin)
    }
}

/// How dm-cache treats writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CacheMode {
    /// To both at once.
    Writethrough,
    /// To the cache first.
    Writeback,
}

impl CacheMode {
    /// The word that lvmcache(7) uses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Writethrough => "writethrough",
            Self::Writeback => "writeback",
        }
    }
}

impl Decode for CacheMode {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        match String::decode(value, at, problems)?.as_str() {
            "writethrough" => Some(Self::Writethrough),
            "writeback" => Some(Self::Writeback),
            other => {
                let message = format!("unknown cache mode `{other}`");
                let help = "write \"writethrough\" (a dead cache disk loses nothing) or \"writeback\"";
                problems.add(at, "storage::unknown_cache_mode", message, "no such mode", help);
                None
            }
        }
    }
}

impl Decode for LvmPv {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        table.raw("type");
        let vg = table.required("vg", "name the volume group: a key under `lvm_vg`", problems);
        let uuid = table.optional("uuid", problems);
        table.close(problems);
        Some(Self { vg: vg?, uuid })
    }
}

impl Decode for VolumeGroup {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let it = Self {
            uuid: table.optional("uuid", problems),
            persistent: table.optional("persistent", problems),
            lvs: table.or_default("lvs", problems),
        };
        table.close(problems);
        Some(it)
    }
}

impl Decode for Volume {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let size = table.required("size", "write `size = \"100GiB\"`, or \"end\" for all that is left", problems);
        let lvm_type = table.optional("lvm_type", problems);
        let pool = table.optional("pool", problems);
        let pvs = table.optional("pvs", problems);
        let writecache = table.optional("writecache", problems);
        let cache = table.optional("cache", problems);
        let cache_mode = table.optional("cache_mode", problems);
        let priority = table.optional("priority", problems);
        let uuid = table.optional("uuid", problems);
        let persistent = table.optional("persistent", problems);
        let content = table.optional("content", problems);
        table.close(problems);
        let size = size?;
        Some(Self { size, lvm_type, pool, pvs, writecache, cache, cache_mode, priority, uuid, persistent, content })
    }
}
