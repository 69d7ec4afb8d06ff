//! Every identity that the disks will bear, in the form in which the tools show it.

use super::{Holds, Kind, Wish};
use crate::NodeId;
use crate::identity::{Role, md, short};
use crate::tree::TableKind;
use schemars::JsonSchema;
use serde::Serialize;

/// One identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Announced {
    /// Whose.
    pub node: NodeId,
    /// In which role.
    pub role: Role,
    /// As blkid(8), mdadm(8) or lvs(8) print it; of a ZFS pool the comment that it bears.
    pub identity: String,
}

impl Wish {
    /// Every identity, in the tree's order.
    pub fn announce(&self) -> Vec<Announced> {
        let mut all = Vec::new();
        for node in &self.nodes {
            let is = match &node.kind {
                Kind::Disk(_) | Kind::Crypt(_) | Kind::Zvol(_) => None,
                Kind::Pool(pool) => Some((Role::Pool, pool.guid.clone().unwrap_or_else(|| pool.mark.clone()))),
                Kind::Partition(partition) => Some((Role::Partition, partition.partuuid.clone())),
                Kind::Array(array) => Some((Role::Array, md(array.uuid))),
                Kind::Group(group) => Some((Role::Group, group.uuid.clone())),
                Kind::Volume(volume) => Some((Role::Volume, volume.uuid.clone())),
            };
            let holds = node.holds.as_ref().and_then(|holds| match holds {
                Holds::Table { table: TableKind::Gpt, uuid, .. } => Some((Role::Table, uuid.to_string())),
                Holds::Table { table: TableKind::Mbr, uuid, .. } => {
                    Some((Role::Table, format!("{:08x}", short(*uuid))))
                }
                Holds::Member { .. } | Holds::BtrfsMember { .. } | Holds::Zfs { .. } => None,
                Holds::Swap(swap) if swap.random => None,
                Holds::Btrfs(btrfs) => Some((Role::Filesystem, btrfs.uuid.to_string())),
                Holds::PhysicalVolume { uuid, .. } => Some((Role::PhysicalVolume, uuid.clone())),
                Holds::Filesystem { shown, .. } => Some((Role::Filesystem, shown.clone())),
                Holds::Swap(swap) => Some((Role::Swap, swap.uuid.to_string())),
                Holds::Luks { uuid, .. } => Some((Role::Luks, uuid.to_string())),
            });
            let announced = is.into_iter().chain(holds);
            all.extend(announced.map(|(role, identity)| Announced { node: node.id.clone(), role, identity }));
        }
        all
    }
}
