//! `boot_mirrors`: further EFI system partitions, so that a machine starts with any one disk missing.

use super::mounts::{content, declared, system_partition};
use super::path;
use crate::declared::Draft;
use crate::loader::is_mirror;
use crate::{HostName, Loader};
use document::{Path, Problems};
use storage::tree::Format;
use storage::wish::{Kind, Mount, Wish};
use storage::{Extent, NodeId};

pub(super) fn check(draft: &Draft, problems: &mut Problems) {
    for (name, machine) in &draft.machines {
        let at = path(["machines", name.as_ref()]);
        let said = ["storage", "boot", "boot_disk", "boot_mirrors"].iter().any(|key| problems.within(&at.join(key)));
        if machine.boot_mirrors.is_empty() || said {
            continue;
        }
        let wish = Wish::new(&machine.storage, uuid::Uuid::nil());
        let first = match machine.loader(&wish) {
            Some(Loader::Efi(first)) => first,
            Some(Loader::Bios(_)) => {
                let message = format!("machine `{name}` boots by BIOS, which has no EFI system partitions");
                let help =
                    "remove `boot_mirrors`: GRUB goes to every disk that `/boot` lies on, so put that on an array";
                problems.add(&at.join("boot_mirrors"), "fleet::mirrors_of_bios", message, "not with BIOS", help);
                continue;
            }
            None => continue,
        };
        if is_mirror(&wish, &first) {
            let message =
                format!("machine `{name}` has its EFI system partitions in `{first}`, which md keeps in step");
            let help = "remove `boot_mirrors`, or give each disk a partition of its own and remove the array";
            problems.add(&at.join("boot_mirrors"), "fleet::mirrors_of_array", message, "in step already", help);
            continue;
        }
        let mut taken = vec![first.clone()];
        for (index, place) in machine.boot_mirrors.iter().enumerate() {
            let said = at.join("boot_mirrors").join(index);
            let Some(mount) = wish.mounts.iter().find(|mount| mount.path == *place) else {
                let message = format!("nothing of machine `{name}` is mounted at `{place}`");
                let help = "name the mount point of a partition `type = \"efi\"` with a vfat filesystem, such as \"/boot-second\"";
                problems.add(&said, "fleet::unknown_boot_mirror", message, "no mount point", help);
                continue;
            };
            if taken.contains(&mount.node) {
                let message = format!("`{place}` of machine `{name}` cannot be a mirror of itself");
                let help =
                    "name each further EFI system partition once, and not the first one, which they are mirrors of";
                problems.add(&said, "fleet::unknown_boot_mirror", message, "named before", help);
                continue;
            }
            let mirror = Mirror { machine: name, wish: &wish, at: &at, mount };
            mirror.kind(&said, problems);
            mirror.disks(&taken, problems);
            mirror.size(&first, problems);
            taken.push(mount.node.clone());
        }
        for mount in taken.iter().filter_map(|node| wish.mounts.iter().find(|mount| mount.node == *node)) {
            optional(name, &wish, &at, mount, problems);
        }
    }
}

/// One further partition.
struct Mirror<'a> {
    machine: &'a HostName,
    wish: &'a Wish,
    at: &'a Path,
    mount: &'a Mount,
}

impl Mirror<'_> {
    /// Firmware reads FAT, on a partition of its type. What md mirrors is in step already, and is no second partition.
    fn kind(&self, said: &Path, problems: &mut Problems) {
        let (machine, place) = (self.machine, &self.mount.path);
        let partition = matches!(self.wish.node(&self.mount.node).map(|node| &node.kind), Some(Kind::Partition(_)));
        if partition && self.mount.format == Format::Vfat {
            return system_partition(machine, &self.mount.node, self.wish, self.at, problems);
        }
        let message = format!("`{place}` of machine `{machine}` is no EFI system partition of its own");
        let help = "a mirror is a partition `type = \"efi\"` with `format = \"vfat\"`, on no array: the members of an array are kept \
                    in step by md";
        problems.add(said, "fleet::bad_boot_mirror", message, "no partition with FAT", help);
    }

    fn disks(&self, taken: &[NodeId], problems: &mut Problems) {
        let disks = |node: &NodeId| self.wish.disks_of(node).into_iter().map(|disk| &disk.id).collect::<Vec<_>>();
        let own = disks(&self.mount.node);
        let shared = taken.iter().find_map(|other| disks(other).into_iter().find(|disk| own.contains(disk)));
        if let Some(disk) = shared {
            let (machine, place) = (self.machine, &self.mount.path);
            let message = format!("`{place}` of machine `{machine}` lies on `{disk}`, which has another one already");
            let help = "each lies on a disk of its own: what is on one disk goes with that";
            let at = declared(self.wish, self.at, &self.mount.node);
            problems.add(&at, "fleet::mirror_on_same_disk", message, "on the same disk", help);
        }
    }

    fn size(&self, first: &NodeId, problems: &mut Problems) {
        let size = |node: &NodeId| match self.wish.node(node).map(|node| &node.kind) {
            Some(Kind::Partition(partition)) => match partition.size {
                Extent::Size(size) => Some(size),
                Extent::Percent(_) | Extent::End => None,
            },
            _ => None,
        };
        let (wanted, own) = (size(first), size(&self.mount.node));
        if let (Some(wanted), Some(own)) = (wanted, own)
            && own < wanted
        {
            let (machine, place) = (self.machine, &self.mount.path);
            let message = format!("`{place}` of machine `{machine}` has {own}, and holds what fits into {wanted}");
            let help = format!("write `size = \"{wanted}\"` or more: every kernel goes to both");
            let at = declared(self.wish, self.at, &self.mount.node).join("size");
            problems.add(&at, "fleet::mirror_too_small", message, "smaller than the first", help);
        }
    }
}

/// A machine that waits for a partition of a dead disk does not start. Of the first one that is true as well.
fn optional(machine: &HostName, wish: &Wish, at: &Path, mount: &Mount, problems: &mut Problems) {
    if mount.options.iter().any(|option| option == "nofail") {
        return;
    }
    let message = format!("machine `{machine}` would not start without the disk of `{}`", mount.path);
    let help =
        "add `options = [\"nofail\", \"umask=0077\"]` to each EFI system partition of a machine with `boot_mirrors`";
    problems.add(&content(wish, at, &mount.node), "fleet::mirror_needed", message, "without `nofail`", help);
}
