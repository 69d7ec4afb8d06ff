//! ZFS pools in a machine's `hardware-configuration.nix`: how the machine finds them, and how it is known to them.

use super::Host;
use crate::syntax::{Expr, Set};
use ::storage::wish::Kind;

/// Every pool; nothing if there is none.
pub(super) fn pools(host: &Host<'_>) -> Set {
    let pools: Vec<_> = host.wish.nodes.iter().filter_map(|node| Some((node, node.kind.pool()?))).collect();
    let Some((_, first)) = pools.first() else { return Set::new() };
    let names: Vec<&str> = pools.iter().map(|(_, pool)| pool.name.as_ref()).collect();
    // Partitions have such links on every machine; of volumes and opened containers those by id tell more.
    let partition = |id| host.wish.node(id).is_some_and(|node| matches!(node.kind, Kind::Partition(_)));
    let parted = pools.iter().flat_map(|(node, _)| &node.on).all(partition);
    let set = Set::new()
        .note("ZFS takes a pool for another machine's unless it was last used under this number.")
        .put("networking.hostId", first.host_id.as_str())
        .put("boot.supportedFilesystems.zfs", true)
        .put("boot.zfs.extraPools", Expr::texts(names))
        .put("boot.zfs.forceImportRoot", false);
    let set = if parted { set.put("boot.zfs.devNodes", "/dev/disk/by-partuuid") } else { set };
    set.note("Read through once a month: what has gone bad is found, and mended where there is a second copy.")
        .put("services.zfs.autoScrub.enable", true)
}
