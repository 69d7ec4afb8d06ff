//! Filesystems in memory that are mounted.

use super::Facts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A mount of a filesystem in memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nodev {
    /// Its type: `tmpfs` or `ramfs`.
    pub fstype: String,
    /// Where.
    pub target: String,
}

impl Facts {
    /// The type of the filesystem in memory that is mounted there.
    pub fn nodev_at(&self, target: &str) -> Option<&str> {
        self.nodev.iter().rfind(|nodev| nodev.target == target).map(|nodev| nodev.fstype.as_str())
    }
}
