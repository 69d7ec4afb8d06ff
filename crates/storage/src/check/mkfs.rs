//! Further arguments of mkfs: only such as are known to say nothing of what homehive says itself.

use crate::NodeId;
use crate::tree::Format;
use document::{Path, Problems};

/// The options that may be given, each with a value, by mke2fs(8), mkfs.xfs(8), mkfs.f2fs(8), mkfs.fat(8).
fn known(format: Format) -> &'static [&'static str] {
    match format {
        Format::Ext4 | Format::Ext3 | Format::Ext2 => &["-O", "-I", "-i", "-N", "-m", "-T", "-J", "-g", "-G", "-C"],
        Format::Xfs => &["-d", "-i", "-l", "-m", "-n"],
        Format::F2fs => &["-O", "-o", "-s", "-z", "-e", "-E", "-w"],
        Format::Vfat => &["-s", "-r", "-R"],
        // It has no such arguments: see `btrfs` and `pool`.
        Format::Btrfs | Format::Zfs => &[],
    }
}

/// What a value of such an option may not speak of: identities, other devices, and how large the filesystem is.
const OTHERS: [&str; 9] = ["uuid", "label", "file", "name", "size=", "logdev", "device", "rtdev", "external"];

/// May mkfs of this format be given this option with this value?
pub(crate) fn may(format: Format, option: &str, value: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "=,.:_^+-".contains(c);
    known(format).contains(&option)
        && !value.is_empty()
        && !value.starts_with('-')
        && value.chars().all(plain)
        && OTHERS.iter().all(|other| !value.contains(other))
}

pub(super) fn check(id: &NodeId, at: &Path, format: Format, args: &[String], problems: &mut Problems) {
    let mut rest = args.iter().enumerate();
    while let Some((index, option)) = rest.next() {
        let value = rest.next().map(|(_, value)| value.as_str());
        if value.is_some_and(|value| may(format, option, value)) {
            continue;
        }
        let said = value.map_or_else(|| option.clone(), |value| format!("{option} {value}"));
        problems.add(
            &at.join("extra_args").join(index),
            "storage::bad_mkfs_argument",
            format!("`{id}` cannot be made with `{}`", said.escape_debug()),
            "not this argument",
            format!(
                "options that may be given, each followed by its value: {}. Identity, label, size and device are homehive's: \
                 write `uuid` and `label`",
                known(format).join(", ")
            ),
        );
    }
}
