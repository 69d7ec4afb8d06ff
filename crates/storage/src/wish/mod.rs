//! What a machine's disks should hold, resolved: every node in order, with what it lies on, its identities and its
//! place. It knows nothing of what is there; `plan` compares.

mod adopted;
mod announce;
mod branch;
mod btrfs;
mod hybrid;
mod key;
mod luks;
mod mount;
mod node;
mod nodev;
mod pool;
mod resolve;
mod swap;

pub use announce::Announced;
pub use branch::{Branch, draw};
pub use btrfs::{Btrfs, Subvolume, SwapFile};
pub use hybrid::{HybridEntry, HybridMbr};
pub use key::Key;
pub use luks::{BootKey, Crypt};
pub(crate) use mount::rank as mount_rank;
pub use mount::{Mount, PLAIN, plain};
pub use node::{Array, Cache, CacheKind, Disk, Group, Holds, Kind, Node, Partition, Thin, Volume};
pub use nodev::Nodev;
pub use pool::{Dataset, Encryption, Pool, Vdev, VdevClass, Zvol};
pub(crate) use resolve::{rank, volume_rank};
pub use swap::Swap;

use crate::NodeId;
use schemars::JsonSchema;
use serde::Serialize;

/// The resolved device tree of one machine.
///
/// Made by [`Wish::new`] from a tree that `check` found nothing wrong with. Of any other tree, what refers to nothing
/// is left out, and nothing panics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Wish {
    /// Every node, behind all that it lies on.
    pub nodes: Vec<Node>,
    /// What is mounted, in the order in which it is to be mounted.
    pub mounts: Vec<Mount>,
    /// Filesystems without a device, in the order in which they are to be mounted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodev: Vec<Nodev>,
}

impl Wish {
    /// The node of this name.
    pub fn node(&self, id: &NodeId) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == *id)
    }

    /// The nodes that lie directly on this one.
    pub fn on<'a>(&'a self, id: &'a NodeId) -> impl Iterator<Item = &'a Node> {
        self.nodes.iter().filter(move |node| node.on.contains(id))
    }

    /// Everything that lies on a node, each once, in the tree's order.
    pub fn above(&self, id: &NodeId) -> Vec<NodeId> {
        let mut below = vec![id.clone()];
        // A node stands behind all that it lies on.
        for node in &self.nodes {
            if node.on.iter().any(|on| below.contains(on)) {
                below.push(node.id.clone());
            }
        }
        below.split_off(1)
    }

    /// The disks that a node lies on in the end (a disk lies on itself), in the tree's order.
    pub fn disks_of(&self, id: &NodeId) -> Vec<&Node> {
        let mut wanted = vec![id.clone()];
        let mut disks = Vec::new();
        for node in self.nodes.iter().rev() {
            if wanted.contains(&node.id) {
                wanted.extend(node.on.iter().cloned());
                if node.on.is_empty() && matches!(node.kind, Kind::Disk(_)) {
                    disks.push(node);
                }
            }
        }
        disks.reverse();
        disks
    }
}
