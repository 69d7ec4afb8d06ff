//! Filesystems without a device, in the order in which they are to be mounted.

use super::Wish;
use crate::NodeId;
use crate::tree::Storage;
use schemars::JsonSchema;
use serde::Serialize;

/// A filesystem without a device.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Nodev {
    /// Its name: `nodev.` and the mount point.
    pub node: NodeId,
    /// Where it is mounted, such as `/tmp`.
    pub path: String,
    /// Its type, as mount(8) knows it.
    pub fstype: String,
    /// What it is mounted from; `none` where the type asks for nothing.
    pub device: String,
    /// Options, as in fstab(5).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

impl Nodev {
    /// Is it mounted where the disks are set up, too? Only what is in memory: anything else, a share of the network say,
    /// is the running machine's business.
    pub fn in_memory(&self) -> bool {
        matches!(self.fstype.as_str(), "tmpfs" | "ramfs")
    }
}

impl Wish {
    /// The root, if it is a filesystem without a device.
    pub fn root_in_memory(&self) -> Option<&Nodev> {
        self.nodev.iter().find(|nodev| nodev.path == "/")
    }
}

pub(super) fn nodev(storage: &Storage) -> Vec<Nodev> {
    let all = storage.nodev.iter().map(|(path, declared)| Nodev {
        node: NodeId::nodev(path.as_ref()),
        path: path.to_string(),
        fstype: declared.fstype.clone(),
        device: declared.device.clone().unwrap_or_else(|| "none".to_owned()),
        options: declared.options.clone(),
    });
    let mut all: Vec<Nodev> = all.collect();
    all.sort_by_key(|nodev| super::mount::rank(&nodev.path));
    all
}
