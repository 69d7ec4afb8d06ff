//! Filesystems: where they are mounted, how they are called; and identities that are adopted.

use super::holder::{Holder, Tree};
use crate::tree::{Content, Filesystem, Format};
use crate::{NodeId, Size};
use document::{Path, Problems};
use std::collections::BTreeMap;

/// mkfs.xfs makes no smaller one.
const XFS_MIN: u64 = 300 << 20;
/// mkfs.f2fs wants some 40 MiB for its own, and as much again for what is to be kept.
const F2FS_MIN: u64 = 64 << 20;

pub(super) fn check(tree: &Tree<'_>, problems: &mut Problems) {
    let mut mounted: BTreeMap<String, NodeId> = BTreeMap::new();
    for holder in &tree.holders {
        if let Some(Content::Filesystem(filesystem)) = holder.content {
            own(holder, filesystem, problems);
        }
        for (at, path) in mountpoints(holder) {
            place(&holder.id, &at, path, &mut mounted, problems);
        }
    }
    for (name, pool) in &tree.storage.zpool {
        let (id, at) = (NodeId::pool(name), tree.at.join("zpool").join(name));
        if let Some(path) = &pool.mountpoint {
            place(&id, &at.join("mountpoint"), path, &mut mounted, problems);
        }
        for (name, dataset) in &pool.datasets {
            if let Some(path) = &dataset.mountpoint {
                let at = at.join("datasets").join(name).join("mountpoint");
                place(&id.dataset(name.as_ref()), &at, path, &mut mounted, problems);
            }
        }
    }
    for path in tree.storage.nodev.keys() {
        let at = tree.at.join("nodev").join(path);
        place(&NodeId::nodev(path.as_ref()), &at, path.as_ref(), &mut mounted, problems);
    }
    let mut adopted = BTreeMap::new();
    for (at, uuid) in tree.adopted() {
        if let Some(other) = adopted.insert(uuid.clone(), at.clone()) {
            problems.add(
                &at,
                "storage::identity_twice",
                format!("`{uuid}` is also the identity at `{other}`"),
                "used before",
                "each thing has its own identity: remove the line to have one derived",
            );
        }
    }
}

/// Can it be mounted there, and nothing else?
fn place(id: &NodeId, at: &Path, path: &str, mounted: &mut BTreeMap<String, NodeId>, problems: &mut Problems) {
    if let Err((why, help)) = mountpoint(path) {
        let message = format!("`{id}` cannot be mounted at `{}`", path.escape_debug());
        problems.add(at, "storage::bad_mountpoint", message, why, help);
    } else if let Some(other) = mounted.insert(path.to_owned(), id.clone()) {
        problems.add(
            at,
            "storage::mountpoint_twice",
            format!("`{other}` and `{id}` are both mounted at `{path}`"),
            format!("taken by `{other}`"),
            "give one of them another mount point",
        );
    }
}

/// Where anything of this device is to be mounted, and where that is said.
fn mountpoints<'a>(holder: &Holder<'a>) -> Vec<(Path, &'a str)> {
    let at = holder.content_at();
    match holder.content {
        Some(Content::Filesystem(filesystem)) => {
            filesystem.mountpoint.iter().map(|path| (at.join("mountpoint"), path.as_str())).collect()
        }
        Some(Content::Btrfs(btrfs)) => {
            let top = btrfs.mountpoint.iter().map(|path| (at.join("mountpoint"), path.as_str()));
            let below = btrfs.subvolumes.iter().filter_map(|(name, subvolume)| {
                let at = at.join("subvolumes").join(name).join("mountpoint");
                subvolume.mountpoint.as_deref().map(|path| (at, path))
            });
            top.chain(below).collect()
        }
        _ => Vec::new(),
    }
}

fn own(holder: &Holder<'_>, filesystem: &Filesystem, problems: &mut Problems) {
    let (id, at, format) = (&holder.id, holder.content_at(), filesystem.format);
    if let Some(size) = holder.size.filter(|size| format == Format::Xfs && *size < XFS_MIN) {
        problems.add(
            &holder.at.join("size"),
            "storage::too_small",
            format!("`{id}` has {}, and XFS needs {}", Size(size), Size(XFS_MIN)),
            "too small",
            "make it larger, or write `format = \"ext4\"`",
        );
    }
    if let Some(size) = holder.size.filter(|size| format == Format::F2fs && *size < F2FS_MIN) {
        problems.add(
            &holder.at.join("size"),
            "storage::too_small",
            format!("`{id}` has {}, and f2fs needs {}", Size(size), Size(F2FS_MIN)),
            "too small",
            "make it larger, or write `format = \"ext4\"`",
        );
    }
    super::mkfs::check(id, &at, format, &filesystem.extra_args, problems);
    label(id, &at, format, filesystem.label.as_deref(), problems);
    options(id, &at, &filesystem.options, problems);
}

/// Can a filesystem of this format be called this?
pub(super) fn label(id: &NodeId, at: &Path, format: Format, label: Option<&str>, problems: &mut Problems) {
    if let Some(label) = label {
        let max = match format {
            Format::Ext4 | Format::Ext3 | Format::Ext2 => 16,
            Format::Xfs => 12,
            Format::Vfat => 11,
            Format::F2fs | Format::Btrfs | Format::Zfs => 255,
        };
        let fat = |c: char| format != Format::Vfat || c.is_ascii() && !"*?.,;:/\\|+=<>[]\"".contains(c);
        let plain = |c: char| {
            !c.is_control()
                && (format != Format::Btrfs || c != '/')
                && (format != Format::Xfs || !c.is_whitespace())
                && fat(c)
        };
        if label.len() > max || label.is_empty() || label == crate::plan::BEGUN || !label.chars().all(plain) {
            problems.add(
                &at.join("label"),
                "storage::bad_label",
                format!("`{id}` cannot have the label `{}`", label.escape_debug()),
                format!("no label of {format}"),
                format!("write 1 to {max} bytes of plain letters, digits, `-` and `_`"),
            );
        }
    }
}

/// Is each of these one mount option?
pub(super) fn options(id: &NodeId, at: &Path, options: &[String], problems: &mut Problems) {
    for (index, option) in options.iter().enumerate() {
        if option.is_empty() || option.contains(|c: char| c == ',' || c.is_whitespace() || c.is_control()) {
            problems.add(
                &at.join("options").join(index),
                "storage::bad_option",
                format!("`{id}` cannot have the mount option `{}`", option.escape_debug()),
                "not one option",
                "write each option as an entry of its own: [\"noatime\", \"nofail\"]",
            );
        }
    }
}

/// Can a filesystem of the machine be mounted here? Else why not, and what to do.
fn mountpoint(path: &str) -> Result<(), (&'static str, &'static str)> {
    let Some(rest) = path.strip_prefix('/') else { return Err(("not absolute", "begin it with `/`")) };
    if path.contains(char::is_control) {
        return Err(("a line break or another control character in it", "take it out; blanks may stay"));
    }
    // NixOS writes a backslash into /etc/fstab as it is, and a blank as `\040`: getmntent(3) and libmount may take it for a
    // part of what follows.
    if path.split('\\').skip(1).any(|after| !after.starts_with(|c: char| c != ' ' && !c.is_digit(8))) {
        return Err(("read as something else in /etc/fstab", "put a letter behind each `\\`"));
    }
    if !rest.is_empty() && rest.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(("not in its simplest form", "write it without `..`, `.`, `//` and a `/` at its end"));
    }
    let first = rest.split('/').next().unwrap_or_default();
    if ["dev", "proc", "run", "sys"].contains(&first) {
        return Err(("the kernel's or the boot's own", "take another path: this one is filled anew at each boot"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::mountpoint;
    use proptest::prelude::*;

    /// What NixOS writes into /etc/fstab (`escape` in its `nixos/modules/tasks/filesystems.nix`).
    fn written(path: &str) -> String {
        path.replace(' ', "\\040").replace('\t', "\\011")
    }

    /// What getmntent(3) makes of it, and what libmount does.
    fn read(field: &str, glibc: bool) -> String {
        let (mut text, mut rest) = (String::new(), field);
        while let Some(at) = rest.find('\\') {
            text.push_str(&rest[..at]);
            let behind = &rest[at + 1..];
            let octal = behind.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
            let (c, length) = match octal {
                Some(byte) if !glibc || [0o40, 0o11, 0o12, 0o134].contains(&byte) => (char::from(byte), 4),
                _ if glibc && behind.starts_with('\\') => ('\\', 2),
                _ => ('\\', 1),
            };
            text.push(c);
            rest = &rest[at + length..];
        }
        text + rest
    }

    proptest! {
        /// Whatever is let through is one field of /etc/fstab, and reads back as itself.
        #[test]
        fn a_mount_point_stands_in_fstab(path in r#"/[a-z0-9 \t\n\\"'$%#,;ü\u{a0}]{1,8}"#) {
            if mountpoint(&path).is_ok() {
                let field = written(&path);
                prop_assert!(!field.contains([' ', '\t', '\n']));
                prop_assert_eq!(read(&field, true), path.clone());
                prop_assert_eq!(read(&field, false), path);
            }
        }
    }
}
