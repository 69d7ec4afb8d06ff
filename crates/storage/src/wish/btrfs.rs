//! A resolved btrfs: its devices, how it keeps what is on them, its subvolumes, its swap files.

use super::resolve::Resolver;
use super::{Holds, Node};
use crate::identity::{self, Role};
use crate::tree::{self, Profile, SubvolumePath};
use crate::{Name, NodeId, Size};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A btrfs. It stands at the first of its devices.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Btrfs {
    /// Its UUID.
    pub uuid: Uuid,
    /// Label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The nodes that are its further devices.
    pub members: Vec<NodeId>,
    /// How data is kept.
    pub data: Profile,
    /// How metadata is kept.
    pub metadata: Profile,
    /// Where its top is mounted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mountpoint: Option<String>,
    /// Mount options of the top.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Its subvolumes, each behind those that it lies in.
    pub subvolumes: Vec<Subvolume>,
    /// Swap files, by where they are on the running machine.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub swap: Vec<SwapFile>,
}

/// A subvolume.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Subvolume {
    /// Where it lies in the filesystem.
    pub path: SubvolumePath,
    /// Where it is mounted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mountpoint: Option<String>,
    /// Mount options, without `subvol`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// A swap file.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SwapFile {
    /// Where it is on the running machine.
    pub path: String,
    /// How large.
    pub size: Size,
}

impl Btrfs {
    /// As declared at `id`; members are not known yet.
    pub(super) fn new(declared: &tree::Btrfs, namespace: Uuid, id: &NodeId) -> Self {
        let uuid = declared.uuid.unwrap_or_else(|| identity::identity(namespace, id, Role::Filesystem));
        let subvolumes = declared.subvolumes.iter().map(|(path, subvolume)| Subvolume {
            path: path.clone(),
            mountpoint: subvolume.mountpoint.clone(),
            options: subvolume.options.clone(),
        });
        let mut swap = swap_files(declared.mountpoint.as_deref(), &declared.swap);
        for subvolume in declared.subvolumes.values() {
            swap.extend(swap_files(subvolume.mountpoint.as_deref(), &subvolume.swap));
        }
        Self {
            uuid,
            label: declared.label.clone(),
            members: Vec::new(),
            data: declared.data.unwrap_or(Profile::Single),
            metadata: declared.metadata.unwrap_or(Profile::Dup),
            mountpoint: declared.mountpoint.clone(),
            options: declared.options.clone(),
            subvolumes: subvolumes.collect(),
            swap,
        }
    }

    /// With these further devices; what was not said of profiles goes by how many devices there are.
    pub(super) fn over(&mut self, declared: &tree::Btrfs, member: NodeId) {
        self.members.push(member);
        self.data = declared.data.unwrap_or(Profile::Raid1);
        self.metadata = declared.metadata.unwrap_or(Profile::Raid1);
    }

    /// All of its devices; it stands at the first.
    pub fn devices(&self, id: &NodeId) -> Vec<NodeId> {
        std::iter::once(id).chain(&self.members).cloned().collect()
    }

    /// May a device be missing for certain while all data is still there?
    pub fn redundant(&self) -> bool {
        self.data.redundant() && self.metadata.redundant()
    }

    /// What of it is mounted: the subvolume (none for the top), where, with which options.
    pub fn mounts(&self) -> impl Iterator<Item = (Option<&SubvolumePath>, &str, Vec<String>)> {
        let top = self.mountpoint.as_deref().map(|path| (None, path, self.options.clone()));
        let subvolumes = self.subvolumes.iter().filter_map(|it| {
            let mut options = vec![format!("subvol=/{}", it.path)];
            options.extend(it.options.iter().cloned());
            Some((Some(&it.path), it.mountpoint.as_deref()?, options))
        });
        top.into_iter().chain(subvolumes)
    }
}

impl Resolver<'_> {
    /// A btrfs learns its further devices, and they its identity.
    pub fn settle_btrfs(&mut self) {
        let members: Vec<(NodeId, NodeId)> = self
            .found
            .iter()
            .filter_map(|(id, (node, _))| match &node.holds {
                Some(Holds::BtrfsMember { of, .. }) => Some((id.clone(), of.clone())),
                _ => None,
            })
            .collect();
        for (member, of) in members {
            let Some(declared) = self.btrfs.get(&of) else { continue };
            let Some((Node { holds: Some(Holds::Btrfs(btrfs)), .. }, _)) = self.found.get_mut(&of) else { continue };
            btrfs.over(declared, member.clone());
            let carried = btrfs.uuid;
            if let Some((Node { holds: Some(Holds::BtrfsMember { uuid, .. }), .. }, _)) = self.found.get_mut(&member) {
                *uuid = carried;
            }
        }
    }
}

impl Holds {
    /// The btrfs that stands here.
    pub fn btrfs(&self) -> Option<&Btrfs> {
        if let Self::Btrfs(it) = self { Some(it) } else { None }
    }
}

fn swap_files(mountpoint: Option<&str>, files: &BTreeMap<Name, tree::SwapFile>) -> Vec<SwapFile> {
    let Some(below) = mountpoint else { return Vec::new() };
    let file = |(name, file): (&Name, &tree::SwapFile)| SwapFile {
        path: format!("{}/{name}", below.trim_end_matches('/')),
        size: file.size,
    };
    files.iter().map(file).collect()
}
