//! Filesystems without which a machine does not boot, or boots into something else: what the boot loader can read, what
//! firmware recognises, and what may not be missing.

use super::path;
use crate::declared::Draft;
use crate::{HostName, Loader, Machine};
use document::{Path, Problems};
use storage::tree::{CacheMode, Format, Level, PartitionKind, TableKind};
use storage::wish::{CacheKind, Kind, Mount, Node, Wish};
use storage::{Extent, NodeId, Size};

pub(super) fn check(draft: &Draft, problems: &mut Problems) {
    for (name, machine) in &draft.machines {
        let at = path(["machines", name.as_ref()]);
        let said = ["storage", "boot", "boot_disk"].iter().any(|key| problems.within(&at.join(key)));
        if machine.configuration.is_some() || said {
            continue;
        }
        let wish = Wish::new(&machine.storage, uuid::Uuid::nil());
        for mount in &wish.mounts {
            if needed(&wish, mount) {
                let content = mount_at(&wish, &at, mount);
                options((name, !machine.boot_mirrors.is_empty()), mount, &content, problems);
                if !storage::wish::plain(&mount.path) {
                    let message = format!("machine `{name}` cannot have `{}` mounted in stage 1", mount.path);
                    let help = format!("take a path of {}", storage::wish::PLAIN);
                    problems.add(
                        &content,
                        "fleet::odd_mountpoint",
                        message,
                        "NixOS does not quote its path there",
                        help,
                    );
                }
            }
        }
        opened(name, &wish, &at, problems);
        booted(name, machine, &wish, &at, problems);
    }
}

/// Where a mount is declared: at what a node holds, or at a dataset of a pool.
fn mount_at(wish: &Wish, machine: &Path, mount: &Mount) -> Path {
    let Some(dataset) = &mount.dataset else { return content(wish, machine, &mount.node) };
    let pool = declared(wish, machine, &mount.node);
    dataset.split_once('/').map_or(pool.clone(), |(_, path)| pool.join("datasets").join(path))
}

/// Where a node's content is declared.
pub(super) fn content(wish: &Wish, machine: &Path, node: &NodeId) -> Path {
    declared(wish, machine, node).join("content")
}

/// Where a node is declared; what encryption shows is declared as what its device holds.
pub(super) fn declared(wish: &Wish, machine: &Path, node: &NodeId) -> Path {
    if let Some(Node { kind: Kind::Crypt(_), on, .. }) = wish.node(node)
        && let Some(below) = on.first()
    {
        return content(wish, machine, below);
    }
    let storage = machine.join("storage");
    let mut words = node.as_str().splitn(3, '.');
    let (kind, owner, part) = (words.next().unwrap_or_default(), words.next().unwrap_or_default(), words.next());
    let owner = storage.join(kind).join(owner);
    match part {
        None => owner,
        Some(volume) if kind == "lvm_vg" => owner.join("lvs").join(volume),
        Some(partition) => owner.join("content").join("partitions").join(partition),
    }
}

/// Is it mounted before anything else runs, or `/boot`, to which kernels are written?
fn needed(wish: &Wish, mount: &Mount) -> bool {
    wish.mounted_first(mount) || mount.path == "/boot"
}

/// Programs are run from here.
const PROGRAMS: [&str; 3] = ["/", "/nix", "/nix/store"];

/// `mirrored`: is there another partition to start from, so that `/boot` may be missing? NixOS writes nothing beside it then.
fn options((machine, mirrored): (&HostName, bool), mount: &Mount, at: &Path, problems: &mut Problems) {
    let place = mount.path.as_str();
    for (index, option) in mount.options.iter().enumerate() {
        let why = match option.as_str() {
            "nofail" if place == "/boot" && mirrored => continue,
            "nofail" if place == "/boot" => "new kernels would be written beside it when it is missing",
            "noauto" if place == "/boot" => "new kernels would be written beside it",
            "nofail" | "noauto" => "the system would start without it",
            "ro" if place != "/nix/store" => "the system writes there",
            "noexec" if PROGRAMS.contains(&place) => "programs are run from there",
            _ => continue,
        };
        let message = format!("machine `{machine}` cannot have `{option}` on `{place}`: {why}");
        let help = "remove the option; other mount points may have it";
        problems.add(&at.join("options").join(index), "fleet::bad_boot_option", message, "not here", help);
    }
    if mount.format == Format::Vfat && place != "/boot" {
        let message = format!("machine `{machine}` cannot have `{place}` on FAT, which knows neither owners nor links");
        let help = "write `format = \"ext4\"` or \"xfs\"";
        problems.add(&at.join("format"), "fleet::system_on_fat", message, "FAT", help);
    }
}

/// Two generations of kernel and initrd, with some room.
const BOOT_MIN: u64 = 200 << 20;

fn booted(name: &HostName, machine: &Machine, wish: &Wish, at: &Path, problems: &mut Problems) {
    let mount = |node: &NodeId| wish.mounts.iter().find(|mount| mount.node == *node);
    let boot = match machine.loader(wish) {
        Some(Loader::Efi(node)) => {
            system_partition(name, &node, wish, at, problems);
            mount(&node)
        }
        Some(Loader::Bios(_)) => {
            let find = |path: &str| wish.mounts.iter().find(|mount| mount.path == path);
            let boot = find("/boot").or_else(|| find("/"));
            if let Some(boot) = boot {
                readable(name, boot, wish, at, problems);
            }
            boot
        }
        None => None,
    };
    let node = boot.and_then(|boot| wish.node(&boot.node));
    // A mirror has what its smallest member has.
    let holders = node.map_or_else(Vec::new, |node| match &node.kind {
        Kind::Array(array) if array.level == Level::Raid1 => {
            array.members.iter().filter_map(|id| wish.node(id)).collect()
        }
        _ => vec![node],
    });
    let size = |node: &Node| match &node.kind {
        Kind::Partition(partition) => Some(partition.size),
        Kind::Volume(volume) => Some(volume.size),
        Kind::Zvol(volume) => Some(Extent::Size(volume.size)),
        Kind::Disk(_) | Kind::Array(_) | Kind::Group(_) | Kind::Crypt(_) | Kind::Pool(_) => None,
    };
    for node in holders {
        if let (Some(Extent::Size(size)), Some(boot)) = (size(node), boot)
            && size.0 < BOOT_MIN
        {
            let message = format!("`{}` of machine `{name}` has {size}, and kernels do not fit", boot.path);
            let help = format!("write at least {}, better 1GiB: every generation brings a kernel", Size(BOOT_MIN));
            let at = declared(wish, at, &node.id).join("size");
            problems.add(&at, "fleet::boot_too_small", message, "too small", help);
        }
    }
}

/// What holds a part of the system is opened before the system runs; what is opened later may be missing.
fn opened(machine: &HostName, wish: &Wish, at: &Path, problems: &mut Problems) {
    let late = wish.nodes.iter().filter(|node| matches!(&node.kind, Kind::Crypt(crypt) if !crypt.initrd));
    for Node { id, .. } in late {
        let inside =
            wish.mounts.iter().filter(|mount| wish.crypts_of(&mount.node).iter().any(|(crypt, _)| *crypt == id));
        let (first, later): (Vec<_>, Vec<_>) = inside.partition(|mount| needed(wish, mount));
        let later: Vec<_> = later.into_iter().filter(|mount| !mount.may_be_missing()).collect();
        let place = declared(wish, at, id).join("initrd");
        if !first.is_empty() {
            let message = format!("machine `{machine}` cannot open `{id}` late: {} in it", lie(&first));
            problems.add(&place, "fleet::opened_late", message, "too late", "remove `initrd`");
        }
        if !later.is_empty() {
            let message = format!("machine `{machine}` would wait for `{id}` when it starts: {} in it", lie(&later));
            let help = "mount it with `options = [\"nofail\"]`, or remove `initrd`: then stage 1 opens the container";
            problems.add(&place, "fleet::opened_late", message, "opened late, or not at all", help);
        }
    }
}

/// "`/data` lies", "`/data`, `/papers` lie"
fn lie(mounts: &[&Mount]) -> String {
    let paths: Vec<String> = mounts.iter().map(|mount| format!("`{}`", mount.path)).collect();
    format!("{} {}", paths.join(", "), if mounts.len() == 1 { "lies" } else { "lie" })
}

/// bootctl(1) installs only to a partition of the EFI type in a GPT. Of an array, that goes for its members.
pub(super) fn system_partition(name: &HostName, id: &NodeId, wish: &Wish, at: &Path, problems: &mut Problems) {
    let partition = match wish.node(id).map(|node| &node.kind) {
        Some(Kind::Partition(partition)) => partition,
        Some(Kind::Array(array)) => {
            return array.members.iter().for_each(|member| system_partition(name, member, wish, at, problems));
        }
        _ => return,
    };
    if partition.table == TableKind::Mbr {
        let message = format!("machine `{name}` boots by EFI from `{id}`, which stands in an MBR");
        let help = "write `type = \"gpt\"` for the disk's content: systemd-boot wants a GPT";
        problems.add(&declared(wish, at, id), "fleet::esp_in_mbr", message, "in an MBR", help);
    } else if partition.kind != PartitionKind::Efi {
        let message = format!("machine `{name}` boots by EFI from `{id}`, which firmware does not recognise");
        let help = "add `type = \"efi\"` to the partition";
        problems.add(&declared(wish, at, id), "fleet::esp_without_type", message, "no EFI system partition", help);
    }
}

/// GRUB reads partitions, md arrays and logical volumes. It knows no thin volumes and no dm-writecache, and looks past a
/// dm-cache at the slow volume, which is right as long as that has every write (its `disk/lvm.c`).
fn readable(name: &HostName, boot: &Mount, wish: &Wish, at: &Path, problems: &mut Problems) {
    let Some(node) = wish.node(&boot.node) else { return };
    if boot.format == Format::Zfs {
        let message = format!("`{}` of machine `{name}` is not for GRUB to read: it lies in a ZFS pool", boot.path);
        let help = "put `/boot` on a partition of its own, with ext4";
        problems.add(&mount_at(wish, at, boot), "fleet::boot_unreadable", message, "not for GRUB", help);
        return;
    }
    if let Some((crypt, _)) = wish.crypts_of(&boot.node).first() {
        let message = format!("GRUB cannot read `{}` of machine `{name}`: it lies in `{crypt}`", boot.path);
        let help = "put `/boot` on a partition of its own that is not encrypted";
        problems.add(&declared(wish, at, crypt), "fleet::boot_unreadable", message, "unknown to GRUB", help);
        return;
    }
    if node.kind.volume().is_some_and(|volume| volume.thin.is_some()) {
        let message = format!("GRUB cannot read `{}` of machine `{name}`: its volume is thin", boot.path);
        let help = "put `/boot` on a partition of its own, or on a volume that is not thin";
        let at = declared(wish, at, &node.id).join("lvm_type");
        problems.add(&at, "fleet::boot_unreadable", message, "unknown to GRUB", help);
        return;
    }
    if let Kind::Volume(volume) = &node.kind
        && let Some(cache) = &volume.cache
    {
        let key = match cache.kind {
            CacheKind::Writecache => "writecache",
            CacheKind::Cache { mode: CacheMode::Writeback } => "cache_mode",
            CacheKind::Cache { mode: CacheMode::Writethrough } => return,
        };
        let message = format!("GRUB cannot read `{}` of machine `{name}`: its cache keeps writes to itself", boot.path);
        let help = "put `/boot` on a partition of its own, or leave the cache out";
        problems.add(
            &declared(wish, at, &node.id).join(key),
            "fleet::boot_unreadable",
            message,
            "unknown to GRUB",
            help,
        );
    }
}
