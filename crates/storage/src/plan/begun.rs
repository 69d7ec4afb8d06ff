//! What a step writes anew, and what is left where one was cut: a step that was begun and did not come to its end may leave
//! pieces that no tool knows. They are cleared away only where it is known, by the journal, that such a step was begun on these
//! very disks, where nothing of anybody was before, and where nothing complete is found now.

use super::sight::Sight;
use super::{Action, ArrayAction, FilesystemAction, GroupAction, Step, TableAction};
use crate::NodeId;
use crate::facts::{Content, Device, Facts};
use crate::tree::TableKind;
use crate::wish::{Holds, Kind, Node, Wish};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A node that a step writes anew, and the disks that it lies on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Begun {
    /// The node.
    pub node: NodeId,
    /// What each disk is known by, sorted: serial number, WWN, size; never its kernel name.
    pub disks: Vec<String>,
}

impl Begun {
    /// Does it lie on this device, or on a disk that this device lies on?
    pub fn is_on(&self, facts: &Facts, device: &Device) -> bool {
        let below = device.parents.iter().filter_map(|parent| facts.device(parent));
        self.disks.contains(&mark(device)) || below.into_iter().any(|below| self.is_on(facts, below))
    }

    /// Was it begun on the very disks that are here now?
    pub(super) fn is_here(&self, wish: &Wish, sight: &Sight<'_>) -> bool {
        // A disk without a serial number or WWN is known by nothing but its size, which is not enough.
        let known = self.disks.iter().all(|mark| mark.contains(", "));
        known && disks(wish, sight, &self.node) == self.disks
    }
}

impl Step {
    /// What it writes anew, as `wish` and `facts` have it: those that the step's plan was made from.
    pub fn begins(&self, wish: &Wish, facts: &Facts) -> Vec<Begun> {
        let sight = Sight::new(wish, facts);
        let nodes: Vec<NodeId> = match &self.what {
            // What holds what no tool knows may be untouched afterwards, and nobody could tell. What a cut step has left, which
            // nobody loses, was begun before.
            Action::Wipe(wipe) => {
                let lost = wipe.nodes();
                let is_sure = |id: &&NodeId| {
                    let device = sight.device(id);
                    !lost.contains(id) || device.is_some_and(|device| !is_piece(wish, wish.node(id), &device.content))
                };
                wipe.devices.iter().filter(is_sure).cloned().collect()
            }
            Action::Table(TableAction::Create { .. }) => vec![self.node.clone()],
            Action::Table(TableAction::Add { partition, .. }) => vec![partition.node.clone()],
            Action::Array(ArrayAction::Create { members, spares, .. }) => [members.as_slice(), spares].concat(),
            Action::Array(ArrayAction::Add { members, .. }) => members.clone(),
            Action::Array(ArrayAction::Replace { new, add, .. }) => add.then(|| new.clone()).into_iter().collect(),
            Action::Group(GroupAction::Create { pvs, .. } | GroupAction::Extend { pvs, .. }) => {
                pvs.iter().map(|pv| pv.node.clone()).collect()
            }
            Action::Filesystem(FilesystemAction::Make { .. } | FilesystemAction::Swap { .. }) => {
                vec![self.node.clone()]
            }
            Action::Btrfs(it) => it.begins(&self.node),
            Action::Luks(it) => it.begins(),
            Action::Pool(it) => it.begins(),
            Action::Settle
            | Action::Table(TableAction::Grow { .. } | TableAction::Attributes { .. } | TableAction::Hybrid { .. })
            | Action::Array(
                ArrayAction::Assemble { .. }
                | ArrayAction::Force { .. }
                | ArrayAction::Release { .. }
                | ArrayAction::Reshape { .. },
            )
            | Action::Group(GroupAction::Resize { .. } | GroupAction::Activate { .. } | GroupAction::Identify { .. })
            | Action::Volume(_)
            | Action::Filesystem(FilesystemAction::Grow { .. })
            | Action::Mount(_)
            | Action::Nodev(_) => Vec::new(),
        };
        let begun = nodes.into_iter().map(|node| Begun { disks: disks(wish, &sight, &node), node });
        begun.filter(|begun| !begun.disks.is_empty()).collect()
    }
}

fn disks(wish: &Wish, sight: &Sight<'_>, node: &NodeId) -> Vec<String> {
    let mut marks: Vec<String> =
        wish.disks_of(node).iter().filter_map(|disk| sight.device(&disk.id)).map(mark).collect();
    marks.sort();
    marks
}

/// What a disk is known by.
pub(super) fn mark(device: &Device) -> String {
    let word = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name} {value}"));
    let words = [word("serial", &device.serial), word("wwn", &device.wwn), Some(format!("{} bytes", device.size))];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The nodes that hold what a cut step has left: begun on these very disks, not in use, and nothing complete.
pub(super) fn remains(wish: &Wish, facts: &Facts, begun: &[Begun], sight: &Sight<'_>) -> BTreeSet<NodeId> {
    let is_left = |begun: &&Begun| {
        let (Some(node), Some(device)) = (wish.node(&begun.node), sight.device(&begun.node)) else { return false };
        let is_sure = !is_lost_pv(&device.content) || is_seen_with_its_group(wish, sight, node);
        let is_piece = is_piece(wish, Some(node), &device.content);
        begun.is_here(wish, sight) && !is_used(facts, device) && is_piece && is_sure
    };
    begun.iter().filter(is_left).map(|begun| begun.node.clone()).collect()
}

fn is_used(facts: &Facts, device: &Device) -> bool {
    facts.used(device).is_some() || facts.children(&device.name).next().is_some()
}

/// The metadata of a volume's group may stand on another physical volume, which is not seen yet.
fn is_seen_with_its_group(wish: &Wish, sight: &Sight<'_>, node: &Node) -> bool {
    let Some(Holds::PhysicalVolume { group, .. }) = &node.holds else { return true };
    let Some(Kind::Group(group)) = wish.node(group).map(|node| &node.kind) else { return true };
    group.pvs.iter().all(|pv| sight.device(pv).is_some())
}

/// A physical volume that LVM knows nothing of, or not the group that it says it is of.
pub(super) fn is_lost_pv(content: &Content) -> bool {
    matches!(content, Content::Other { name } if name.starts_with("LVM2_member"))
}

/// Is this a piece of what the node is to hold, and no whole of anything?
fn is_piece(wish: &Wish, node: Option<&Node>, content: &Content) -> bool {
    match (node.and_then(|node| node.holds.as_ref()), content) {
        (_, Content::Unknown) => true,
        // Of a GPT the protective MBR, or a label without identity: its header is written in one piece, and has a checksum.
        (Some(Holds::Table { table: TableKind::Gpt, .. }), Content::Table { label, uuid: None, .. }) => {
            matches!(label.as_str(), "gpt" | "dos" | "PMBR")
        }
        (Some(Holds::Table { table: TableKind::Mbr, .. }), Content::Table { label, id: None | Some(0), .. }) => {
            label == "dos"
        }
        (Some(Holds::Table { .. }), Content::Other { name }) => name == "PMBR",
        (Some(Holds::Filesystem { format, .. }), Content::Filesystem { format: found, uuid: None, .. }) => {
            format.word() == found
        }
        (Some(Holds::PhysicalVolume { .. }), content) => is_lost_pv(content),
        // Its labels stand, and nothing that they announce; or it bears no mark yet.
        (Some(Holds::Zfs { pool }), Content::PoolMember { gone, mark, pool: found, .. }) => {
            let own = wish.node(pool).and_then(|node| node.kind.pool()).map(|pool| pool.name.as_ref());
            *gone || mark.is_none() && found.as_deref() == own
        }
        // The first of its two headers torn.
        (Some(Holds::Luks { .. }), Content::Other { name }) => name.starts_with("crypto_LUKS"),
        _ => false,
    }
}
