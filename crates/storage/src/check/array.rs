//! md arrays: their members, how many and whose.

use super::holder::{Holder, Tree, list};
use crate::Name;
use crate::tree::{Content, Mdraid};
use document::Problems;
use std::collections::BTreeMap;

pub(super) fn check(tree: &Tree<'_>, problems: &mut Problems) {
    let mut members: BTreeMap<&Name, Vec<(&Holder<'_>, &Mdraid)>> = BTreeMap::new();
    for holder in &tree.holders {
        let Some(Content::Mdraid(member)) = holder.content else { continue };
        if tree.storage.mdadm.contains_key(&member.name) {
            members.entry(&member.name).or_default().push((holder, member));
        } else {
            problems.add(
                &holder.content_at().join("name"),
                "storage::unknown_array",
                format!("`{}` is a member of array `{}`, which is not declared", holder.id, member.name),
                "no such array",
                format!("declared arrays: {}; declare it as `mdadm.{}`", list(tree.storage.mdadm.keys()), member.name),
            );
        }
    }
    for (name, array) in &tree.storage.mdadm {
        let at = tree.at.join("mdadm").join(name);
        let all = members.get(name).map(Vec::as_slice).unwrap_or_default();
        let active: Vec<_> = all.iter().filter(|(_, member)| !member.spare).map(|(holder, _)| *holder).collect();
        let min = array.level.min_members();
        if all.is_empty() {
            problems.add(
                &at,
                "storage::no_members",
                format!("array `{name}` has no members"),
                "nothing lies below it",
                format!(
                    "give {min} devices `content = {{ type = \"mdraid\", name = \"{name}\" }}`, or remove the array"
                ),
            );
        } else if active.len() < min {
            let spares = if all.len() > active.len() { ", spares not counted" } else { "" };
            problems.add(
                &at.join("level"),
                "storage::too_few_members",
                format!("array `{name}` has {} of the {min} members that {} needs{spares}", active.len(), array.level),
                "too few members",
                format!("its members: {}", list(active.iter().map(|holder| &holder.id))),
            );
        }
        for (holder, member) in all {
            if member.spare && !array.level.redundant() {
                problems.add(
                    &holder.content_at().join("spare"),
                    "storage::spare_without_redundancy",
                    format!("`{}` stands by in array `{name}`, where no member can be replaced", holder.id),
                    "of no use",
                    format!("{} holds nothing twice: choose another level, or remove the spare", array.level),
                );
            }
        }
        let mut disks: BTreeMap<String, &Holder<'_>> = BTreeMap::new();
        for (holder, _) in all.iter().filter(|(holder, _)| holder.root().starts_with("disk.")) {
            if let Some(other) = disks.insert(holder.root(), holder).filter(|_| array.level.redundant()) {
                problems.add(
                    &holder.content_at(),
                    "storage::members_share_disk",
                    format!("`{}` and `{}` of array `{name}` lie on one disk, and die together", other.id, holder.id),
                    format!("on the same disk as `{}`", other.id),
                    "take a partition of another disk",
                );
            }
        }
    }
}
