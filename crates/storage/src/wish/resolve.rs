//! From the declared tree to the resolved one: order, references, inheritance, identities.

use super::adopted::is_adopted;
use super::mount::mounts;
use super::nodev::nodev;
use super::{
    Array, Btrfs, Cache, CacheKind, Crypt, Disk, Group, Holds, HybridEntry, HybridMbr, Kind, Node, Partition, Swap,
    Thin, Volume, Wish,
};
use crate::identity::{self, Role};
use crate::tree::{self, CacheMode, Content, Format, LvmId, PartitionKind, Storage, TableKind};
use crate::{Extent, Name, NodeId};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

impl Wish {
    /// Resolves a checked tree. `namespace` is the machine's, see [`identity::namespace`].
    pub fn new(storage: &Storage, namespace: Uuid) -> Self {
        let mut resolver = Resolver { storage, namespace, found: BTreeMap::new(), btrfs: BTreeMap::new() };
        resolver.disks();
        resolver.arrays();
        resolver.groups();
        resolver.pools();
        resolver.settle_references();
        resolver.settle_btrfs();
        resolver.settle_pools();
        let nodes = resolver.in_order();
        Self { mounts: mounts(&nodes), nodev: nodev(storage), nodes }
    }
}

pub(super) struct Resolver<'a> {
    pub storage: &'a Storage,
    pub namespace: Uuid,
    /// With what is said about persistence, before inheritance.
    pub found: BTreeMap<NodeId, (Node, Option<bool>)>,
    /// The btrfs as declared, by the node at which each stands.
    pub btrfs: BTreeMap<NodeId, tree::Btrfs>,
}

impl Resolver<'_> {
    fn identity(&self, node: &NodeId, role: Role, adopted: Option<Uuid>) -> Uuid {
        adopted.unwrap_or_else(|| identity::identity(self.namespace, node, role))
    }

    fn lvm_identity(&self, node: &NodeId, role: Role, adopted: Option<&LvmId>) -> String {
        adopted.map_or_else(|| identity::lvm(self.identity(node, role, None)), |id| id.as_str().to_owned())
    }

    pub fn add(
        &mut self,
        id: NodeId,
        kind: Kind,
        on: Vec<NodeId>,
        persistent: Option<bool>,
        content: Option<&Content>,
    ) {
        let path = match &kind {
            Kind::Disk(disk) => disk.device.clone(),
            Kind::Partition(partition) => Some(format!("/dev/disk/by-partuuid/{}", partition.partuuid)),
            Kind::Array(array) => Some(format!("/dev/md/{}", array.name)),
            Kind::Group(_) | Kind::Pool(_) => None,
            Kind::Zvol(volume) => Some(format!("/dev/zvol/{}", volume.full())),
            Kind::Volume(volume) => Some(format!("/dev/{}/{}", volume.group, volume.name)),
            Kind::Crypt(crypt) => Some(format!("/dev/mapper/{}", crypt.name)),
        };
        let holds = content.map(|content| self.holds(&id, content));
        let node = Node { id: id.clone(), kind, on, persistent: false, adopted: false, path, holds };
        self.found.insert(id, (node, persistent));
    }

    fn holds(&mut self, id: &NodeId, content: &Content) -> Holds {
        match content {
            Content::Gpt(table) => self.table(id, TableKind::Gpt, table),
            Content::Mbr(table) => self.table(id, TableKind::Mbr, table),
            Content::Mdraid(member) => Holds::Member { array: NodeId::array(&member.name), spare: member.spare },
            Content::LvmPv(pv) => {
                let uuid = self.lvm_identity(id, Role::PhysicalVolume, pv.uuid.as_ref());
                Holds::PhysicalVolume { group: NodeId::group(&pv.vg), uuid }
            }
            Content::Filesystem(filesystem) => {
                let uuid = self.identity(id, Role::Filesystem, filesystem.uuid);
                let shown = match filesystem.format {
                    Format::Vfat => identity::vfat(uuid),
                    Format::Ext4
                    | Format::Ext3
                    | Format::Ext2
                    | Format::F2fs
                    | Format::Xfs
                    | Format::Btrfs
                    | Format::Zfs => uuid.to_string(),
                };
                Holds::Filesystem {
                    format: filesystem.format,
                    uuid,
                    shown,
                    mountpoint: filesystem.mountpoint.clone(),
                    options: filesystem.options.clone(),
                    label: filesystem.label.clone(),
                    extra: filesystem.extra_args.clone(),
                }
            }
            Content::Swap(swap) => Holds::Swap(Swap::new(swap, self.identity(id, Role::Swap, swap.uuid))),
            Content::Btrfs(declared) => {
                self.btrfs.insert(id.clone(), declared.clone());
                Holds::Btrfs(Btrfs::new(declared, self.namespace, id))
            }
            Content::BtrfsMember(member) => Holds::BtrfsMember { of: member.of.clone(), uuid: Uuid::nil() },
            Content::Zfs(member) => Holds::Zfs { pool: NodeId::pool(&member.pool) },
            Content::Luks(luks) => {
                let crypt = Crypt::new(luks, self.namespace);
                let (child, uuid) = (NodeId::crypt(&luks.name), crypt.uuid);
                self.add(child.clone(), Kind::Crypt(crypt), vec![id.clone()], None, luks.content.as_deref());
                Holds::Luks { crypt: child, uuid }
            }
        }
    }

    fn table(&mut self, id: &NodeId, kind: TableKind, table: &tree::Table) -> Holds {
        let uuid = self.identity(id, Role::Table, table.uuid);
        let mut order: Vec<(&Name, &tree::Partition)> = table.partitions.iter().collect();
        order.sort_by_key(|(name, partition)| (rank(partition), *name));
        let (mut partitions, mut entries) = (Vec::new(), Vec::new());
        for (number, (name, declared)) in (1..).zip(order) {
            let child = id.child(name);
            let guid = (kind == TableKind::Gpt).then(|| self.identity(&child, Role::Partition, declared.uuid));
            let partition = Partition {
                name: name.clone(),
                table: kind,
                number,
                size: declared.size,
                kind: declared.kind.unwrap_or_else(|| implied(declared.content.as_ref())),
                uuid: guid,
                attributes: declared.attributes.clone().map(|mut bits| {
                    bits.sort_unstable();
                    bits
                }),
                partuuid: guid
                    .map_or_else(|| identity::mbr_partition(identity::short(uuid), number), |guid| guid.to_string()),
            };
            entries.extend(declared.hybrid.as_ref().map(|hybrid| HybridEntry::new(&child, hybrid, &partition)));
            let kind = Kind::Partition(partition);
            self.add(child.clone(), kind, vec![id.clone()], declared.persistent, declared.content.as_ref());
            partitions.push(child);
        }
        let gpt_first = table.efi_gpt_partition_first;
        let hybrid = (!entries.is_empty()).then_some(HybridMbr { gpt_first, entries });
        Holds::Table { table: kind, uuid, bootable: table.bootable, hybrid, partitions }
    }

    fn disks(&mut self) {
        for (name, disk) in &self.storage.disk {
            let tree::Disk { device, serial, wwn, model, size, persistent, content } = disk;
            let (device, serial, wwn, model) = (device.clone(), serial.clone(), wwn.clone(), model.clone());
            let kind = Kind::Disk(Disk { device, serial, wwn, model, size: *size });
            self.add(NodeId::disk(name), kind, Vec::new(), *persistent, content.as_ref());
        }
    }

    fn arrays(&mut self) {
        for (name, array) in &self.storage.mdadm {
            let id = NodeId::array(name);
            let uuid = self.identity(&id, Role::Array, array.uuid);
            let (members, spares) = (Vec::new(), Vec::new());
            let kind = Kind::Array(Array {
                name: name.clone(),
                level: array.level,
                metadata: array.metadata,
                uuid,
                members,
                spares,
            });
            self.add(id, kind, Vec::new(), array.persistent, array.content.as_ref());
        }
    }

    fn groups(&mut self) {
        for (name, group) in &self.storage.lvm_vg {
            let id = NodeId::group(name);
            let uuid = self.lvm_identity(&id, Role::Group, group.uuid.as_ref());
            let mut order: Vec<(&Name, &tree::Volume)> = group.lvs.iter().collect();
            order.sort_by_key(|(name, volume)| (volume_rank(volume), *name));
            let volumes = order.iter().map(|(name, _)| id.child(name)).collect();
            let kind = Kind::Group(Group { name: name.clone(), uuid, pvs: Vec::new(), volumes });
            self.add(id.clone(), kind, Vec::new(), group.persistent, None);
            for (volume, declared) in order {
                let child = id.child(volume);
                let uuid = self.lvm_identity(&child, Role::Volume, declared.uuid.as_ref());
                let caches = group.lvs.iter().find(|(_, other)| {
                    other.writecache.as_ref() == Some(volume) || other.cache.as_ref() == Some(volume)
                });
                let kind = Kind::Volume(Volume {
                    name: volume.clone(),
                    group: name.clone(),
                    uuid,
                    size: declared.size,
                    spread: declared.spread(),
                    thin: thin(&id, declared),
                    pvs: declared.pvs.clone().unwrap_or_default(),
                    cache: cache(&id, declared),
                    caches: caches.map(|(origin, _)| id.child(origin)),
                });
                let pool = declared.pool.as_ref().map(|pool| id.child(pool));
                let on = std::iter::once(id.clone()).chain(pool).collect();
                self.add(child, kind, on, declared.persistent, declared.content.as_ref());
            }
        }
    }

    /// Members, spares and physical volumes are named by what holds them; now each array and group learns its own.
    fn settle_references(&mut self) {
        let mut named: Vec<(NodeId, NodeId, bool)> = Vec::new();
        for (id, (node, _)) in &self.found {
            match &node.holds {
                Some(Holds::Member { array, spare }) => named.push((array.clone(), id.clone(), *spare)),
                Some(Holds::PhysicalVolume { group, .. }) => named.push((group.clone(), id.clone(), false)),
                Some(Holds::Zfs { pool }) => named.push((pool.clone(), id.clone(), false)),
                Some(
                    Holds::Table { .. }
                    | Holds::Filesystem { .. }
                    | Holds::Swap(_)
                    | Holds::Btrfs(_)
                    | Holds::BtrfsMember { .. }
                    | Holds::Luks { .. },
                )
                | None => {}
            }
        }
        for (owner, part, spare) in named {
            let Some((node, _)) = self.found.get_mut(&owner) else { continue };
            node.on.push(part.clone());
            match &mut node.kind {
                Kind::Array(array) if spare => array.spares.push(part),
                Kind::Array(array) => array.members.push(part),
                Kind::Group(group) => group.pvs.push(part),
                // `settle_pools` tells a pool which device is in which vdev.
                Kind::Pool(_)
                | Kind::Disk(_)
                | Kind::Partition(_)
                | Kind::Volume(_)
                | Kind::Crypt(_)
                | Kind::Zvol(_) => {}
            }
        }
        let pvs: BTreeMap<Name, Vec<NodeId>> = self
            .found
            .values()
            .filter_map(|(node, _)| match &node.kind {
                Kind::Group(group) => Some((group.name.clone(), group.pvs.clone())),
                _ => None,
            })
            .collect();
        for (node, _) in self.found.values_mut() {
            if let Kind::Volume(volume) = &mut node.kind
                && volume.pvs.is_empty()
            {
                volume.pvs = pvs.get(&volume.group).cloned().unwrap_or_default();
            }
        }
        let pools: BTreeMap<NodeId, Vec<NodeId>> = self
            .found
            .iter()
            .filter_map(|(id, (node, _))| match &node.kind {
                Kind::Volume(volume) if volume.thin == Some(Thin::Pool) => Some((id.clone(), volume.pvs.clone())),
                _ => None,
            })
            .collect();
        for (node, _) in self.found.values_mut() {
            if let Kind::Volume(volume) = &mut node.kind
                && let Some(Thin::In(pool)) = &volume.thin
            {
                volume.pvs = pools.get(pool).cloned().unwrap_or_default();
            }
        }
    }

    /// Every node behind all that it lies on; persistence handed down on the way.
    fn in_order(mut self) -> Vec<Node> {
        let ids: Vec<NodeId> = self.found.keys().cloned().collect();
        let (mut order, mut seen) = (Vec::new(), BTreeSet::new());
        for id in &ids {
            self.visit(id, &mut seen, &mut order);
        }
        let (mut kept, mut adopted) = (BTreeSet::new(), BTreeSet::new());
        let mut nodes = Vec::with_capacity(order.len());
        for id in order {
            let Some((mut node, said)) = self.found.remove(&id) else { continue };
            node.persistent = said.unwrap_or_else(|| node.on.iter().any(|below| kept.contains(below)));
            node.adopted = is_adopted(&node, self.namespace)
                || matches!(node.kind, Kind::Group(_) | Kind::Volume(_) | Kind::Pool(_) | Kind::Zvol(_))
                    && node.on.iter().any(|below| adopted.contains(below));
            if node.adopted {
                adopted.insert(id.clone());
            }
            if node.persistent {
                kept.insert(id);
            }
            nodes.push(node);
        }
        nodes
    }

    fn visit(&self, id: &NodeId, seen: &mut BTreeSet<NodeId>, order: &mut Vec<NodeId>) {
        let Some((node, _)) = self.found.get(id) else { return };
        if !seen.insert(id.clone()) {
            return;
        }
        for below in &node.on {
            self.visit(below, seen, order);
        }
        // Volumes of a group follow in the order in which they take their space, whatever their names.
        order.push(id.clone());
        if let Kind::Group(group) = &node.kind {
            for volume in &group.volumes {
                self.visit(volume, seen, order);
            }
        }
        if let Some(crypt) = node.holds.as_ref().and_then(Holds::crypt) {
            self.visit(crypt, seen, order);
        }
        if let Some(Holds::Table { partitions, .. }) = &node.holds {
            for partition in partitions {
                self.visit(partition, seen, order);
            }
        }
    }
}

/// What a partition is for, if its declaration does not say.
fn implied(content: Option<&Content>) -> PartitionKind {
    match content {
        Some(Content::Mdraid(_)) => PartitionKind::LinuxRaid,
        Some(Content::LvmPv(_)) => PartitionKind::LinuxLvm,
        Some(Content::Swap(_)) => PartitionKind::LinuxSwap,
        Some(
            Content::Filesystem(_)
            | Content::Gpt(_)
            | Content::Mbr(_)
            | Content::Btrfs(_)
            | Content::BtrfsMember(_)
            | Content::Luks(_)
            | Content::Zfs(_),
        )
        | None => PartitionKind::Linux,
    }
}

/// What takes the end of the disk comes last in any case. The numbers are disko's: BIOS boot 100, any other 1000.
pub(crate) fn rank(partition: &tree::Partition) -> (bool, i32) {
    let usual = match (partition.kind, partition.size) {
        (Some(PartitionKind::BiosBoot), _) => 100,
        (Some(PartitionKind::Efi), _) => 500,
        (_, Extent::Size(_) | Extent::End) => 1000,
        (_, Extent::Percent(_)) => 5000,
    };
    (partition.size == Extent::End, partition.priority.unwrap_or(usual))
}

/// What takes the rest of the group comes last in any case; but for thin volumes, which take nothing of it and come behind
/// their pools.
pub(crate) fn volume_rank(volume: &tree::Volume) -> (bool, bool, i32) {
    let usual = match (volume.thin(), volume.size) {
        (_, Extent::Percent(_)) => 5000,
        // disko's number.
        (Some(tree::Thin::Pool), _) => 501,
        (Some(tree::Thin::Volume) | None, _) => 1000,
    };
    let thin = volume.thin() == Some(tree::Thin::Volume);
    (thin, volume.size == Extent::End, volume.priority.unwrap_or(usual))
}

fn thin(group: &NodeId, volume: &tree::Volume) -> Option<Thin> {
    match volume.thin()? {
        tree::Thin::Pool => Some(Thin::Pool),
        tree::Thin::Volume => Some(Thin::In(group.child(volume.pool.as_ref()?))),
    }
}

fn cache(group: &NodeId, volume: &tree::Volume) -> Option<Cache> {
    let mode = volume.cache_mode.unwrap_or(CacheMode::Writethrough);
    match (&volume.writecache, &volume.cache) {
        (Some(name), _) => Some(Cache { node: group.child(name), kind: CacheKind::Writecache }),
        (None, Some(name)) => Some(Cache { node: group.child(name), kind: CacheKind::Cache { mode } }),
        (None, None) => None,
    }
}
