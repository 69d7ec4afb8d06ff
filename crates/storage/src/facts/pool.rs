//! What is known of the ZFS pools that are imported, and of a device that bears a pool's label.

use super::Facts;
use crate::wish::VdevClass;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A pool that is imported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Its GUID, a decimal number.
    pub guid: String,
    /// `ONLINE`, `DEGRADED`, or what else zpool(8) says.
    pub health: String,
    /// Bytes that it has, all copies and parity counted.
    #[serde(default)]
    pub size: u64,
    /// Bytes of them that are in use.
    #[serde(default)]
    pub used: u64,
    /// Its properties that last.
    pub properties: BTreeMap<String, String>,
    /// Its vdevs.
    pub vdevs: Vec<Vdev>,
    /// Its filesystems and volumes, by ZFS's own order; the first is the root.
    pub datasets: Vec<Dataset>,
    /// What it is busy with, if it is: `resilver`, `scrub`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Thousandths of that done.
    #[serde(default)]
    pub done: u32,
    /// How many files are known to be damaged beyond repair, as far as it is said.
    #[serde(default)]
    pub damaged: u32,
}

/// Devices of a pool that serve together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vdev {
    /// For what.
    pub class: VdevClass,
    /// How they keep data: `mirror`, `raidz2`; none for a device on its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// `ONLINE`, `DEGRADED`, …
    pub state: String,
    /// Its devices.
    pub members: Vec<PoolMember>,
}

/// A device of a pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolMember {
    /// Kernel name, if it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Its own GUID, a decimal number, by which zpool(8) takes it wherever it is.
    pub name: String,
    /// `ONLINE`, `FAULTED`, `UNAVAIL`, `AVAIL` (of a spare), …
    pub state: String,
    /// Is another being filled to take its place, or is it that other?
    #[serde(default)]
    pub replacing: bool,
    /// Errors of reading, writing, and of checksums since the last `zpool clear`.
    #[serde(default)]
    pub errors: u64,
}

/// A filesystem or a volume of a pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// Where it lies in the pool; empty for the root.
    pub path: String,
    /// Bytes, if it is a volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<u64>,
    /// The properties that are set on it itself, and those that say what it is (`encryption`, `encryptionroot`, `keystatus`,
    /// `keyformat`, `volblocksize`, …).
    pub properties: BTreeMap<String, String>,
    /// Where it is mounted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<String>,
}

impl Pool {
    /// The comment that it bears.
    pub fn mark(&self) -> Option<&str> {
        self.properties.get("comment").map(String::as_str).filter(|comment| !matches!(*comment, "" | "-"))
    }

    /// The dataset at this path.
    pub fn dataset(&self, path: &str) -> Option<&Dataset> {
        self.datasets.iter().find(|dataset| dataset.path == path)
    }

    /// All of its devices.
    pub fn members(&self) -> impl Iterator<Item = &PoolMember> {
        self.vdevs.iter().flat_map(|vdev| &vdev.members)
    }

    /// Is this kernel name one of its devices?
    pub fn has(&self, device: &str) -> bool {
        self.members().any(|member| member.device.as_deref() == Some(device))
    }
}

impl Facts {
    /// The imported pool that a device belongs to.
    pub fn pool_of(&self, device: &str) -> Option<&Pool> {
        self.pools.iter().find(|pool| pool.has(device))
    }

    /// Where a dataset, by ZFS's name, is mounted.
    pub fn dataset_mounts(&self, full: &str) -> &[String] {
        let (pool, path) = full.split_once('/').unwrap_or((full, ""));
        let found = self.pools.iter().find(|known| known.name == pool).and_then(|known| known.dataset(path));
        found.map_or(&[], |dataset| &dataset.mounts)
    }
}
