//! Which nodes bear an identity that the fleet declares in place of the derived one: somebody else made them, or may have.

use super::{Holds, Kind, Node};
use crate::NodeId;
use crate::identity::{self, Role};
use crate::tree::TableKind;
use uuid::Uuid;

/// Does the node itself, or what it holds, bear another identity than the derived one?
pub(super) fn is_adopted(node: &Node, namespace: Uuid) -> bool {
    let of = |id: &NodeId, role| identity::identity(namespace, id, role);
    let derived = |role| of(&node.id, role);
    let made = match &node.kind {
        // A volume lies in its pool, whose word counts.
        Kind::Disk(_) | Kind::Zvol(_) => false,
        Kind::Partition(partition) => match (partition.uuid, node.on.first()) {
            (Some(uuid), _) => uuid != derived(Role::Partition),
            (None, Some(disk)) => {
                let table = identity::short(of(disk, Role::Table));
                partition.partuuid != identity::mbr_partition(table, partition.number)
            }
            (None, None) => false,
        },
        Kind::Array(array) => array.uuid != derived(Role::Array),
        Kind::Group(group) => group.uuid != identity::lvm(derived(Role::Group)),
        Kind::Volume(volume) => volume.uuid != identity::lvm(derived(Role::Volume)),
        Kind::Crypt(crypt) => crypt.uuid != derived(Role::Luks),
        Kind::Pool(pool) => pool.guid.is_some(),
    };
    let held = match &node.holds {
        Some(Holds::Table { table: TableKind::Gpt, uuid, .. }) => *uuid != derived(Role::Table),
        Some(Holds::Table { table: TableKind::Mbr, uuid, .. }) => {
            identity::short(*uuid) != identity::short(derived(Role::Table))
        }
        Some(Holds::PhysicalVolume { uuid, .. }) => *uuid != identity::lvm(derived(Role::PhysicalVolume)),
        Some(Holds::Filesystem { uuid, .. }) => *uuid != derived(Role::Filesystem),
        Some(Holds::Swap(swap)) => swap.uuid != derived(Role::Swap),
        Some(Holds::Btrfs(btrfs)) => btrfs.uuid != derived(Role::Filesystem),
        Some(Holds::BtrfsMember { of: standing, uuid }) => *uuid != of(standing, Role::Filesystem),
        Some(Holds::Luks { crypt, uuid }) => *uuid != of(crypt, Role::Luks),
        Some(Holds::Member { .. } | Holds::Zfs { .. }) | None => false,
    };
    made || held
}
