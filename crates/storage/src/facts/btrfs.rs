//! What is known of a btrfs as a whole: its devices, whether all are there, and, while it is mounted, what is in it.

use super::{Content, Device, Facts, Mount};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A btrfs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Btrfs {
    /// Its UUID.
    pub uuid: Uuid,
    /// Those of its devices that are there.
    pub devices: Vec<BtrfsDevice>,
    /// How many of its devices are missing.
    #[serde(default)]
    pub missing: u32,
    /// The paths of its subvolumes; known only while it is mounted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subvolumes: Option<Vec<String>>,
    /// The profiles in which data is kept (`raid1`); known only while it is mounted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<String>,
    /// The profiles in which metadata is kept; known only while it is mounted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<String>,
}

/// A device of a btrfs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BtrfsDevice {
    /// Its number in the filesystem.
    pub id: u64,
    /// Kernel name.
    pub device: String,
    /// Bytes of the device that the filesystem uses, at most.
    pub size: u64,
}

impl Device {
    /// The UUID of the btrfs that this device belongs to.
    pub fn btrfs(&self) -> Option<Uuid> {
        match &self.content {
            Content::Filesystem { format, uuid: Some(uuid), .. } if format == "btrfs" => Uuid::try_parse(uuid).ok(),
            _ => None,
        }
    }
}

impl Facts {
    /// The mounts of what a device holds; a btrfs is mounted from all of its devices, and the kernel names one.
    pub fn mounts_of<'a>(&'a self, device: &'a Device) -> impl Iterator<Item = &'a Mount> {
        let btrfs = device.btrfs();
        self.mounts.iter().filter(move |mount| {
            let shared = || btrfs.is_some() && self.device(&mount.device).and_then(Device::btrfs) == btrfs;
            mount.device == device.name || shared()
        })
    }
}
