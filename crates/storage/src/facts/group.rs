//! Volume groups of LVM and what is in them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An LVM volume group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Name.
    pub name: String,
    /// UUID in LVM's form.
    pub uuid: String,
    /// Bytes of an extent.
    pub extent: u64,
    /// Free extents.
    pub free: u64,
    /// Number of physical volumes that are missing.
    #[serde(default)]
    pub missing: u32,
    /// Its volumes, hidden ones too.
    pub volumes: Vec<Volume>,
}

/// An LVM logical volume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// Name; hidden volumes without LVM's brackets.
    pub name: String,
    /// UUID in LVM's form.
    pub uuid: String,
    /// Bytes.
    pub size: u64,
    /// Segment type: `linear`, `writecache`, `cache`, …
    pub segment: String,
    /// Is it active?
    pub active: bool,
    /// Is it one of LVM's inner volumes (`data_wcorig`, `cache_cvol`)?
    #[serde(default)]
    pub hidden: bool,
    /// The volume that caches this one (lv `pool_lv`), without brackets and `_cvol`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<String>,
    /// The thin pool that this one lies in (lv `pool_lv`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// How full a thin pool is, while it is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill: Option<Fill>,
    /// What LVM says is wrong with a volume (lv `health_status`), such as `partial`, `refresh needed` or `out_of_data`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Thousandths of a RAID volume that are in step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced: Option<u32>,
    /// Kernel names of the devices (physical volumes) it lies on, its inner volumes' included.
    #[serde(default)]
    pub on: Vec<String>,
}

/// How full a thin pool is, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fill {
    /// Of its room for what is written to its volumes.
    pub data: u32,
    /// Of LVM's notes on where that is.
    pub metadata: u32,
}
