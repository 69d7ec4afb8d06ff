//! Every declared device that can hold something, in one list with its place in the document.

use crate::tree::{Content, Luks, LvmId, Partition, Storage, Volume};
use crate::{Extent, NodeId};
use document::Path;
use uuid::Uuid;

/// A disk, partition, array, volume, opened container, or volume of a ZFS pool.
pub(super) struct Holder<'a> {
    pub id: NodeId,
    /// Where it is declared.
    pub at: Path,
    pub kind: Kind<'a>,
    pub content: Option<&'a Content>,
    pub persistent: Option<bool>,
    /// Bytes, as far as the declaration tells.
    pub size: Option<u64>,
    /// The disk, array, group or pool in whose declaration it stands.
    root: String,
}

#[derive(Clone, Copy)]
pub(super) enum Kind<'a> {
    Disk,
    Partition(&'a Partition),
    Array,
    Volume(&'a Volume),
    Crypt(&'a Luks),
    Zvol,
}

impl Holder<'_> {
    /// Where its content is declared.
    pub fn content_at(&self) -> Path {
        self.at.join("content")
    }

    /// The name of the disk, array or group in whose declaration it stands.
    pub fn root(&self) -> String {
        self.root.clone()
    }
}

/// The declared tree, flattened.
pub(super) struct Tree<'a> {
    pub storage: &'a Storage,
    pub at: Path,
    pub holders: Vec<Holder<'a>>,
}

impl<'a> Tree<'a> {
    pub fn of(storage: &'a Storage, at: &Path) -> Self {
        let mut tree = Self { storage, at: at.clone(), holders: Vec::new() };
        for (name, disk) in &storage.disk {
            tree.push(Holder {
                id: NodeId::disk(name),
                at: at.join("disk").join(name),
                kind: Kind::Disk,
                content: disk.content.as_ref(),
                persistent: disk.persistent,
                size: disk.size.map(|size| size.0),
                root: NodeId::disk(name).to_string(),
            });
        }
        for (name, array) in &storage.mdadm {
            tree.push(Holder {
                id: NodeId::array(name),
                at: at.join("mdadm").join(name),
                kind: Kind::Array,
                content: array.content.as_ref(),
                persistent: array.persistent,
                size: None,
                root: NodeId::array(name).to_string(),
            });
        }
        for (name, group) in &storage.lvm_vg {
            let id = NodeId::group(name);
            let at = at.join("lvm_vg").join(name).join("lvs");
            for (name, volume) in &group.lvs {
                tree.push(Holder {
                    id: id.child(name),
                    at: at.join(name),
                    kind: Kind::Volume(volume),
                    content: volume.content.as_ref(),
                    persistent: volume.persistent,
                    size: fixed(volume.size),
                    root: id.to_string(),
                });
            }
        }
        for (name, pool) in &storage.zpool {
            let (id, at) = (NodeId::pool(name), at.join("zpool").join(name).join("datasets"));
            for (path, dataset) in pool.datasets.iter().filter(|(_, dataset)| dataset.size.is_some()) {
                tree.push(Holder {
                    id: id.dataset(path.as_ref()),
                    at: at.join(path),
                    kind: Kind::Zvol,
                    content: dataset.content.as_ref(),
                    persistent: None,
                    size: dataset.size.map(|size| size.0),
                    root: id.to_string(),
                });
            }
        }
        tree
    }

    /// The device and, below it, the partitions of its table, or what its encryption shows.
    fn push(&mut self, holder: Holder<'a>) {
        let (id, at, content, size, root) =
            (holder.id.clone(), holder.content_at(), holder.content, holder.size, holder.root());
        self.holders.push(holder);
        if let Some(Content::Luks(luks)) = content {
            self.push(Holder {
                id: NodeId::crypt(&luks.name),
                at: at.clone(),
                kind: Kind::Crypt(luks),
                content: luks.content.as_deref(),
                persistent: None,
                size: size.map(|size| size.saturating_sub(super::luks::HEADER)),
                root: root.clone(),
            });
        }
        for (name, partition) in content.and_then(Content::table).into_iter().flat_map(|(_, table)| &table.partitions) {
            self.push(Holder {
                id: id.child(name),
                at: at.join("partitions").join(name),
                kind: Kind::Partition(partition),
                content: partition.content.as_ref(),
                persistent: partition.persistent,
                size: fixed(partition.size),
                root: root.clone(),
            });
        }
    }

    /// Every identity that is adopted instead of derived, and where that is said.
    pub fn adopted(&self) -> Vec<(Path, String)> {
        let mut found = Vec::new();
        let mut note = |at: Path, id: Option<String>| found.extend(id.map(|id| (at.join("uuid"), id)));
        let text = |uuid: Option<Uuid>| uuid.map(|uuid| uuid.to_string());
        let lvm = |id: &Option<LvmId>| id.as_ref().map(|id| id.as_str().to_owned());
        for (name, array) in &self.storage.mdadm {
            note(self.at.join("mdadm").join(name), text(array.uuid));
        }
        for (name, group) in &self.storage.lvm_vg {
            note(self.at.join("lvm_vg").join(name), lvm(&group.uuid));
        }
        for holder in &self.holders {
            match holder.kind {
                Kind::Partition(partition) => note(holder.at.clone(), text(partition.uuid)),
                Kind::Volume(volume) => note(holder.at.clone(), lvm(&volume.uuid)),
                Kind::Disk | Kind::Array | Kind::Crypt(_) | Kind::Zvol => {}
            }
            let own = holder.content.and_then(|content| match content {
                Content::Gpt(table) | Content::Mbr(table) => text(table.uuid),
                Content::LvmPv(pv) => lvm(&pv.uuid),
                Content::Filesystem(filesystem) => text(filesystem.uuid),
                Content::Swap(swap) => text(swap.uuid),
                Content::Btrfs(btrfs) => text(btrfs.uuid),
                Content::Luks(luks) => text(luks.uuid),
                Content::Mdraid(_) | Content::BtrfsMember(_) | Content::Zfs(_) => None,
            });
            note(holder.content_at(), own);
        }
        for (name, pool) in &self.storage.zpool {
            found.extend(pool.guid.clone().map(|guid| (self.at.join("zpool").join(name).join("guid"), guid)));
        }
        found
    }
}

/// A size that does not depend on anything else.
pub(super) fn fixed(extent: Extent) -> Option<u64> {
    match extent {
        Extent::Size(size) => Some(size.0),
        Extent::Percent(_) | Extent::End => None,
    }
}

/// Names as a sentence lists them: `a`, `b`; or `none`.
pub(super) fn list<T: std::fmt::Display>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
