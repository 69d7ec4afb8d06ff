//! What would lie on itself.

use super::holder::{Kind, Tree};
use crate::NodeId;
use crate::tree::Content;
use document::Problems;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(tree: &Tree<'_>, problems: &mut Problems) {
    // From each node to those that lie directly on it.
    let mut above: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for holder in &tree.holders {
        let next = match holder.content {
            Some(Content::Mdraid(member)) => vec![NodeId::array(&member.name)],
            Some(Content::LvmPv(pv)) => vec![NodeId::group(&pv.vg)],
            Some(Content::Gpt(table) | Content::Mbr(table)) => {
                table.partitions.keys().map(|name| holder.id.child(name)).collect()
            }
            Some(Content::BtrfsMember(member)) => vec![member.of.clone()],
            Some(Content::Luks(luks)) => vec![NodeId::crypt(&luks.name)],
            Some(Content::Zfs(member)) => vec![NodeId::pool(&member.pool)],
            Some(Content::Filesystem(_) | Content::Swap(_) | Content::Btrfs(_)) | None => Vec::new(),
        };
        above.entry(holder.id.clone()).or_default().extend(next);
        if let Kind::Volume(_) | Kind::Zvol = holder.kind {
            above.entry(NodeId::from(holder.root().as_str())).or_default().push(holder.id.clone());
        }
    }
    let mut told: BTreeSet<NodeId> = BTreeSet::new();
    for holder in &tree.holders {
        let mut seen = BTreeSet::new();
        let mut open: Vec<NodeId> = above.get(&holder.id).cloned().unwrap_or_default();
        while let Some(node) = open.pop() {
            if seen.insert(node.clone()) {
                open.extend(above.get(&node).into_iter().flatten().cloned());
            }
        }
        // Told once a circle, at its first node.
        if seen.contains(&holder.id) && !told.contains(&holder.id) {
            problems.add(
                &holder.at,
                "storage::circle",
                format!("`{}` lies on itself, by way of what it holds", holder.id),
                "a circle",
                "let its content be of an array or group that does not lie on it",
            );
            told.extend(seen);
        }
    }
}
