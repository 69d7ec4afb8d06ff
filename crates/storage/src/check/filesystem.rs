//! Filesystems and swap space: where they are mounted, how they are called; and identities that are adopted.

use super::holder::{Holder, Tree};
use crate::Size;
use crate::tree::{Content, Filesystem, Format};
use document::Problems;
use std::collections::BTreeMap;

/// mkfs.xfs makes no smaller one.
const XFS_MIN: u64 = 300 << 20;

pub(super) fn check(tree: &Tree<'_>, problems: &mut Problems) {
    let mut mounted: BTreeMap<String, &Holder<'_>> = BTreeMap::new();
    for holder in &tree.holders {
        match holder.content {
            Some(Content::Filesystem(filesystem)) => {
                own(holder, filesystem, problems);
                let Some(path) = &filesystem.mountpoint else { continue };
                let at = holder.content_at().join("mountpoint");
                if let Err((why, help)) = mountpoint(path) {
                    let message = format!("`{}` cannot be mounted at `{path}`", holder.id);
                    problems.add(&at, "storage::bad_mountpoint", message, why, help);
                } else if let Some(other) = mounted.insert(path.clone(), holder) {
                    problems.add(
                        &at,
                        "storage::mountpoint_twice",
                        format!("`{}` and `{}` are both mounted at `{path}`", other.id, holder.id),
                        format!("taken by `{}`", other.id),
                        "give one of them another mount point",
                    );
                }
            }
            Some(Content::Swap(_)) if holder.persistent == Some(true) => problems.add(
                &holder.at.join("persistent"),
                "storage::persistent_swap",
                format!("swap space `{}` has nothing that a reinstall could keep", holder.id),
                "of no use",
                "remove `persistent`",
            ),
            _ => {}
        }
    }
    let mut adopted = BTreeMap::new();
    for (at, uuid) in tree.adopted() {
        if let Some(other) = adopted.insert(uuid, at.clone()) {
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
    if let Some(label) = &filesystem.label {
        let max = match format {
            Format::Ext4 => 16,
            Format::Xfs => 12,
            Format::Vfat => 11,
        };
        let fat = |c: char| format != Format::Vfat || c.is_ascii() && !"*?.,;:/\\|+=<>[]\"".contains(c);
        let plain = |c: char| !c.is_control() && (format != Format::Xfs || !c.is_whitespace()) && fat(c);
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
    for (index, option) in filesystem.options.iter().enumerate() {
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
    if path.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(("blanks in it", "take a path without blanks"));
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
