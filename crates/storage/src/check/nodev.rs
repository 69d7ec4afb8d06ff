//! Filesystems without a device: of a type that has none, with options that are options.

use super::filesystem::options;
use super::holder::Tree;
use crate::NodeId;
use crate::tree::Nodev;
use document::{Path, Problems};

/// Types that NixOS and the kernel mount by themselves, or that hold what is on a device.
const OTHERS: [&str; 14] = [
    "proc", "sysfs", "devtmpfs", "devpts", "cgroup2", "ext2", "ext3", "ext4", "xfs", "vfat", "btrfs", "f2fs", "swap",
    "none",
];

pub(super) fn check(tree: &Tree<'_>, problems: &mut Problems) {
    for (path, nodev) in &tree.storage.nodev {
        let at = tree.at.join("nodev").join(path);
        own(&NodeId::nodev(path.as_ref()), &at, nodev, problems);
    }
}

fn own(id: &NodeId, at: &Path, nodev: &Nodev, problems: &mut Problems) {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let word = nodev.fstype.starts_with(|c: char| c.is_ascii_alphanumeric()) && nodev.fstype.chars().all(plain);
    if !word || OTHERS.contains(&nodev.fstype.as_str()) {
        problems.add(
            &at.join("fstype"),
            "storage::nodev_type",
            format!("`{id}` cannot be a `{}` without a device", nodev.fstype.escape_debug()),
            "no such type here",
            "write \"tmpfs\", for example; what lies on a disk is the `content` of that disk, or of a part of it",
        );
    }
    let device = nodev.device.as_deref().unwrap_or("none");
    if device.is_empty() || device.starts_with('-') || device.contains(|c: char| c.is_whitespace() || c.is_control()) {
        problems.add(
            &at.join("device"),
            "storage::nodev_device",
            format!("`{id}` cannot be mounted from `{}`", device.escape_debug()),
            "no source of a mount",
            "leave it out, or write what mount(8) takes, such as \"server:/share\"",
        );
    }
    options(id, at, &nodev.options, problems);
}
