//! Where a machine's boot loader goes, which follows from its disks; installing one is left to others.

use crate::{Boot, HostName};
use document::{Path, Problems};
use schemars::JsonSchema;
use serde::Serialize;
use storage::tree::{Format, Level, Metadata, PartitionKind, TableKind};
use storage::wish::{Holds, Kind, Node, Wish};
use storage::{Name, NodeId};

/// Where a machine's boot loader goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Loader {
    /// GRUB in the boot sectors of these disks (nodes `disk.…`): several if `/boot` lies on an array.
    Bios(Vec<NodeId>),
    /// The partition that is the EFI system partition, or the mirror (`mdadm.…`) whose members are.
    Efi(NodeId),
}

/// Why there is no one place for a boot loader.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LoaderError {
    #[error("has no place for a boot loader")]
    NoPlace,
    #[error("could boot both by BIOS and by EFI")]
    Both,
    #[error("has no disk `{0}` to boot from")]
    UnknownDisk(Name),
    #[error("cannot boot from disk `{0}`: it has neither an MBR nor a `bios-boot` partition")]
    NotBootable(Name),
    #[error("boots by EFI, which takes no `boot_disk`")]
    DiskWithEfi,
}

/// The one place for the loader, from what is declared and what the disks hold.
///
/// GRUB needs a disk with room before its first partition (an MBR) or a `bios-boot` partition, and of those it takes
/// the ones that `/boot` lies on (`/` if there is no `/boot`). EFI needs a mounted FAT partition, or a mirror of them, of
/// which firmware sees each as a plain one; where both would do, a mirror starts by BIOS unless EFI is said.
pub(crate) fn find(wish: &Wish, boot: Option<Boot>, disk: Option<&Name>) -> Result<Loader, LoaderError> {
    let sectors: Vec<&NodeId> = wish.nodes.iter().filter(|node| has_room(wish, node)).map(|node| &node.id).collect();
    if let Some(name) = disk {
        let id = NodeId::disk(name);
        return match boot {
            Some(Boot::Efi) => Err(LoaderError::DiskWithEfi),
            _ if wish.node(&id).is_none() => Err(LoaderError::UnknownDisk(name.clone())),
            _ if !sectors.contains(&&id) => Err(LoaderError::NotBootable(name.clone())),
            _ => Ok(Loader::Bios(vec![id])),
        };
    }
    let at = |path: &str| wish.mounts.iter().find(|mount| mount.path == path);
    let efi = ["/boot", "/boot/efi", "/efi"].into_iter().filter_map(at).find(|mount| {
        let of_its_own = matches!(wish.node(&mount.node).map(|node| &node.kind), Some(Kind::Partition(_)));
        mount.format == Format::Vfat && (of_its_own || is_mirror(wish, &mount.node))
    });
    let below = at("/boot").or_else(|| at("/")).map(|mount| wish.disks_of(&mount.node)).unwrap_or_default();
    let grub = below.into_iter().map(|disk| &disk.id).filter(|id| sectors.contains(id)).cloned().collect::<Vec<_>>();
    let mirrored = efi.is_some_and(|mount| is_mirror(wish, &mount.node));
    match (boot, grub.is_empty(), efi) {
        (Some(Boot::Bios), false, _) | (None, false, None) => Ok(Loader::Bios(grub)),
        (None, false, Some(_)) if mirrored => Ok(Loader::Bios(grub)),
        (Some(Boot::Efi), _, Some(mount)) | (None, true, Some(mount)) => Ok(Loader::Efi(mount.node.clone())),
        (None, false, Some(_)) => Err(LoaderError::Both),
        (Some(Boot::Bios), true, _) | (Some(Boot::Efi), _, None) | (None, true, None) => Err(LoaderError::NoPlace),
    }
}

/// Is it an array whose members firmware takes for EFI system partitions? Its notes lie behind what they hold.
pub(crate) fn is_mirror(wish: &Wish, id: &NodeId) -> bool {
    let Some(Node { kind: Kind::Array(array), .. }) = wish.node(id) else { return false };
    let efi = |id: &NodeId| matches!(wish.node(id).map(|node| &node.kind), Some(Kind::Partition(part)) if part.kind == PartitionKind::Efi);
    array.level == Level::Raid1 && array.metadata == Some(Metadata::End) && array.members.iter().all(efi)
}

/// Is there room for GRUB's second stage on this disk?
fn has_room(wish: &Wish, node: &Node) -> bool {
    let Some(Holds::Table { table, partitions, .. }) = &node.holds else { return false };
    let bios_boot = |id: &NodeId| {
        let kind = wish.node(id).map(|node| &node.kind);
        matches!(kind, Some(Kind::Partition(part)) if part.kind == PartitionKind::BiosBoot)
    };
    matches!(node.kind, Kind::Disk(_)) && (*table == TableKind::Mbr || partitions.iter().any(bios_boot))
}

/// What a machine says of its boot loader.
pub(crate) struct Said<'a> {
    /// How it boots.
    pub boot: Option<Boot>,
    /// The disk that the BIOS boots from.
    pub disk: Option<&'a Name>,
    /// Does homehive write its configuration?
    pub rendered: bool,
}

/// Where links stay, whichever port a disk is plugged into.
const BY_ID: &str = "/dev/disk/by-id/";

/// Checks that every disk that GRUB goes to has a link which the machine's configuration can name.
fn by_id(wish: &Wish, disks: &[NodeId], machine: &HostName, at: &Path, problems: &mut Problems) {
    for id in disks {
        let Some(Kind::Disk(disk)) = wish.node(id).map(|node| &node.kind) else { continue };
        let name = id.as_str().trim_start_matches("disk.");
        let place = at.join("storage").join("disk").join(name);
        let (place, label) = match &disk.device {
            Some(path) if path.starts_with(BY_ID) => continue,
            Some(_) => (place.join("device"), "not under /dev/disk/by-id"),
            None => (place, "no `device`"),
        };
        problems.add(
            &place,
            "fleet::boot_disk_without_id",
            format!("GRUB goes to disk `{name}` of machine `{machine}`, and nothing tells NixOS its link"),
            label,
            "add `device = \"/dev/disk/by-id/…\"`, as `homehive probe HOST` or `ls /dev/disk/by-id` prints it; other words \
             about the disk may stay",
        );
    }
}

/// Checks that the machine has a root and exactly one place for a boot loader, which NixOS can name.
pub(crate) fn check(wish: &Wish, said: &Said<'_>, machine: &HostName, at: &Path, problems: &mut Problems) {
    if wish.root_in_memory().is_none() && !wish.mounts.iter().any(|mount| mount.path == "/") {
        // Where a system that has no root would boot from is no question yet.
        return no_root(machine, &at.join("storage"), problems);
    }
    let error = match find(wish, said.boot, said.disk) {
        Ok(Loader::Bios(disks)) if said.rendered => return by_id(wish, &disks, machine, at, problems),
        Ok(_) => return,
        Err(error) => error,
    };
    let declared = |key: &str, said: bool| if said { at.join(key) } else { at.join("storage") };
    let (place, code, help) = match &error {
        LoaderError::NoPlace => (
            declared("boot", said.boot.is_some()),
            "fleet::no_boot_loader",
            "BIOS: give the disk that `/boot` lies on an MBR, or a GPT with a partition `type = \"bios-boot\"`; \
             EFI: a partition `type = \"efi\"` with a vfat filesystem on /boot, or a mirror of such partitions (`level = 1`, \
             `metadata = \"1.0\"`)",
        ),
        LoaderError::Both => (
            at.join("storage"),
            "fleet::two_boot_loaders",
            "say which: `boot = \"bios\"` or `boot = \"efi\"` on the machine",
        ),
        LoaderError::UnknownDisk(_) => (
            at.join("boot_disk"),
            "fleet::unknown_boot_disk",
            "name a disk of this machine: a key under `storage.disk`",
        ),
        LoaderError::NotBootable(_) => (
            at.join("boot_disk"),
            "fleet::not_bootable",
            "give that disk an MBR or a `bios-boot` partition, or name another disk",
        ),
        LoaderError::DiskWithEfi => {
            (at.join("boot_disk"), "fleet::boot_disk_with_efi", "leave `boot_disk` out, or say `boot = \"bios\"`")
        }
    };
    problems.add(&place, code, format!("machine `{machine}` {error}"), "here", help);
}

/// Adds the problem that a machine has no root filesystem.
pub(crate) fn no_root(machine: &HostName, at: &Path, problems: &mut Problems) {
    let help = "give one filesystem `mountpoint = \"/\"`; a machine whose disks are not homehive's names a \
                `configuration` of its own";
    let message = format!("machine `{machine}` has no root filesystem");
    problems.add(at, "fleet::no_root", message, "nothing is mounted on `/`", help);
}
