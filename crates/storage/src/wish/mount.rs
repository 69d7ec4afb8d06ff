//! What is mounted where, and in which order.

use super::{Holds, Node};
use crate::NodeId;
use crate::tree::{Format, SubvolumePath};
use schemars::JsonSchema;
use serde::Serialize;

/// A mount of the running machine.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Mount {
    /// The node that holds the filesystem.
    pub node: NodeId,
    /// Where, such as `/data`.
    pub path: String,
    /// The filesystem's UUID as blkid(8) prints it.
    pub uuid: String,
    /// Which filesystem.
    pub format: Format,
    /// Options, as in fstab(5).
    pub options: Vec<String>,
    /// The subvolume of a btrfs that is mounted; none for the whole filesystem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subvolume: Option<SubvolumePath>,
}

/// The mounts of these nodes: what holds a mount point comes before what is mounted on it.
pub(super) fn mounts(nodes: &[Node]) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = nodes.iter().flat_map(mount).collect();
    mounts.sort_by_key(|mount| rank(&mount.path));
    mounts
}

/// What holds a mount point comes before what is mounted on it.
pub(crate) fn rank(path: &str) -> (usize, String) {
    (path.split('/').filter(|part| !part.is_empty()).count(), path.to_owned())
}

fn mount(node: &Node) -> Vec<Mount> {
    match &node.holds {
        Some(Holds::Filesystem { format, shown, mountpoint: Some(path), options, .. }) => {
            let (node, path, uuid) = (node.id.clone(), path.clone(), shown.clone());
            vec![Mount { node, path, uuid, format: *format, options: options.clone(), subvolume: None }]
        }
        Some(Holds::Btrfs(btrfs)) => {
            let mounts = btrfs.mounts().map(|(subvolume, path, options)| Mount {
                node: node.id.clone(),
                path: path.to_owned(),
                uuid: btrfs.uuid.to_string(),
                format: Format::Btrfs,
                options,
                subvolume: subvolume.cloned(),
            });
            mounts.collect()
        }
        Some(
            Holds::Filesystem { mountpoint: None, .. }
            | Holds::Table { .. }
            | Holds::Member { .. }
            | Holds::PhysicalVolume { .. }
            | Holds::Swap(_)
            | Holds::BtrfsMember { .. }
            | Holds::Luks { .. },
        )
        | None => Vec::new(),
    }
}
