//! btrfs: its further devices, how many its profiles need, its subvolumes and swap files.

use super::filesystem::{label, options};
use super::holder::{Holder, Tree, list};
use crate::NodeId;
use crate::Size;
use crate::tree::{Btrfs, Content, Format, SwapFile};
use crate::wish::{PLAIN, plain};
use document::{Path, Problems};
use std::collections::BTreeMap;

/// mkfs.btrfs makes no smaller one: 109 MiB, in whole partitions of whole MiB.
const MIN: u64 = 128 << 20;

pub(super) fn check(tree: &Tree<'_>, problems: &mut Problems) {
    let mut standing: BTreeMap<&NodeId, (&Holder<'_>, &Btrfs)> = BTreeMap::new();
    for holder in &tree.holders {
        if let Some(Content::Btrfs(btrfs)) = holder.content {
            standing.insert(&holder.id, (holder, btrfs));
        }
    }
    let mut members: BTreeMap<&NodeId, Vec<&Holder<'_>>> = BTreeMap::new();
    for holder in &tree.holders {
        let Some(Content::BtrfsMember(member)) = holder.content else { continue };
        large_enough(holder, problems);
        if standing.contains_key(&member.of) {
            members.entry(&member.of).or_default().push(holder);
        } else {
            problems.add(
                &holder.content_at().join("of"),
                "storage::unknown_btrfs",
                format!("`{}` is a device of the btrfs of `{}`, which holds none", holder.id, member.of),
                "no btrfs there",
                format!("nodes that hold one: {}", list(standing.keys())),
            );
        }
    }
    for (id, (holder, btrfs)) in &standing {
        large_enough(holder, problems);
        whole(holder, btrfs, members.get(id).map(Vec::as_slice).unwrap_or_default(), problems);
    }
}

fn large_enough(holder: &Holder<'_>, problems: &mut Problems) {
    if let Some(size) = holder.size.filter(|size| *size < MIN) {
        problems.add(
            &holder.at.join("size"),
            "storage::too_small",
            format!("`{}` has {}, and btrfs needs {}", holder.id, Size(size), Size(MIN)),
            "too small",
            "make it larger, or write `type = \"filesystem\", format = \"ext4\"`",
        );
    }
}

fn whole(holder: &Holder<'_>, btrfs: &Btrfs, members: &[&Holder<'_>], problems: &mut Problems) {
    let (id, at, count) = (&holder.id, holder.content_at(), members.len() + 1);
    for (key, profile) in [("data", btrfs.data), ("metadata", btrfs.metadata)] {
        let Some(profile) = profile.filter(|profile| count < profile.min_devices()) else { continue };
        problems.add(
            &at.join(key),
            "storage::too_few_members",
            format!("the btrfs of `{id}` has {count} of the {} devices that {profile} needs", profile.min_devices()),
            "too few devices",
            format!("give another device `content = {{ type = \"btrfs_member\", of = \"{id}\" }}`"),
        );
    }
    let redundant = btrfs.data.is_none_or(super::super::tree::Profile::redundant);
    let mut disks: BTreeMap<String, &NodeId> = BTreeMap::new();
    for part in std::iter::once(holder).chain(members.iter().copied()).filter(|part| part.root().starts_with("disk.")) {
        if let Some(other) = disks.insert(part.root(), &part.id).filter(|_| redundant) {
            problems.add(
                &part.content_at(),
                "storage::members_share_disk",
                format!("`{other}` and `{}` of the btrfs of `{id}` lie on one disk, and die together", part.id),
                format!("on the same disk as `{other}`"),
                "take a partition of another disk",
            );
        }
    }
    label(id, &at, Format::Btrfs, btrfs.label.as_deref(), problems);
    options(id, &at, &btrfs.options, problems);
    subvol(id, &at, &btrfs.options, problems);
    swap(id, &at, btrfs.mountpoint.as_deref(), count, &btrfs.swap, problems);
    for (path, subvolume) in &btrfs.subvolumes {
        let at = at.join("subvolumes").join(path);
        options(id, &at, &subvolume.options, problems);
        subvol(id, &at, &subvolume.options, problems);
        swap(id, &at, subvolume.mountpoint.as_deref(), count, &subvolume.swap, problems);
    }
    let subvolumes = btrfs.subvolumes.iter().map(|(name, it)| (at.join("subvolumes").join(name), &it.mountpoint));
    let mounts = std::iter::once((at.clone(), &btrfs.mountpoint)).chain(subvolumes);
    let mut mounts = mounts.filter_map(|(at, path)| Some((at.join("mountpoint"), path.as_deref()?))).peekable();
    // One device can be named in the place of a path.
    if count > 1
        && let Some((at, _)) = mounts.peek().cloned()
        && !mounts.any(|(_, path)| plain(path))
    {
        problems.add(
            &at,
            "storage::odd_mountpoint",
            format!("the btrfs of `{id}` has no mount point that its monthly scrub could be told"),
            "NixOS does not quote this one",
            format!("mount it, or one of its subvolumes, also at a path of {PLAIN}"),
        );
    }
}

/// Which subvolume is mounted follows from where the mount point stands.
fn subvol(id: &NodeId, at: &Path, options: &[String], problems: &mut Problems) {
    for (index, option) in options.iter().enumerate() {
        if ["subvol=", "subvolid=", "device=", "degraded"].iter().any(|word| option.starts_with(word)) {
            problems.add(
                &at.join("options").join(index),
                "storage::bad_option",
                format!("`{option}` is not for `{id}` to say"),
                "follows from the tree",
                "remove it: a mount point stands at its subvolume, and devices are found by the filesystem's UUID",
            );
        }
    }
}

fn swap(
    id: &NodeId,
    at: &Path,
    mounted: Option<&str>,
    devices: usize,
    files: &BTreeMap<crate::Name, SwapFile>,
    problems: &mut Problems,
) {
    for (name, file) in files {
        let at = at.join("swap").join(name);
        let problem = if mounted.is_none() {
            Some(("it is mounted nowhere", "give its subvolume a `mountpoint`"))
        } else if mounted.is_some_and(|path| !plain(path)) {
            Some((
                "NixOS does not quote its path",
                "mount its subvolume at a path of plain letters, digits and `._-+:@`",
            ))
        } else if devices > 1 {
            // btrfs(5), "Swapfile support".
            Some(("it lies on several devices", "btrfs swaps to one device only: make a partition of type `swap`"))
        } else if file.size.0 == 0 || !file.size.0.is_multiple_of(1 << 20) {
            Some(("its size is not in whole MiB", "write `size = \"4GiB\"`, for example"))
        } else {
            None
        };
        if let Some((why, help)) = problem {
            let message = format!("the swap file `{name}` of `{id}` cannot be used: {why}");
            problems.add(&at, "storage::swap_file", message, "no swap file here", help);
        }
    }
}
