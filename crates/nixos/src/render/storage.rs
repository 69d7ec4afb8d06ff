//! `hosts/NAME/hardware-configuration.nix`: filesystems, swap, arrays and volumes with the identities that the fleet
//! derives, and the kernel modules that they need.

use super::{Host, RenderError};
use crate::File;
use crate::syntax::{Expr, Set};
use ::storage::identity;
use ::storage::tree::Level;
use ::storage::wish::{CacheKind, Holds, Kind, Mount, Node, Swap, plain};
use fleet::Cpu;

/// What the disks of home machines hang on, and a keyboard for the rescue.
const BUSES: [&str; 9] =
    ["ahci", "nvme", "xhci_pci", "ehci_pci", "usb_storage", "uas", "sd_mod", "virtio_pci", "usbhid"];

/// The file of a machine that homehive renders.
pub(super) fn file(host: &Host<'_>) -> Result<File, RenderError> {
    let head = format!(
        "{}: its disks. The UUIDs are derived from the fleet file, so they are known before the disks are made.",
        host.name
    );
    Ok(File::nix(host.path("hardware-configuration.nix"), &head, &module(host, ""))?)
}

/// The module; `events` are lines of mdadm.conf(5) that say whom to tell.
pub(super) fn module(host: &Host<'_>, events: &str) -> Expr {
    let detected = Expr::Code("(modulesPath + \"/installer/scan/not-detected.nix\")");
    let hardware = &host.machine.hardware;
    let mut set = Set::new()
        .put("imports", vec![detected])
        .put("nixpkgs.hostPlatform", Expr::Apply("lib.mkDefault", vec!["x86_64-linux".into()]));
    let firmware = Expr::Code("lib.mkDefault config.hardware.enableRedistributableFirmware");
    for (cpu, path) in
        [(Cpu::Intel, "hardware.cpu.intel.updateMicrocode"), (Cpu::Amd, "hardware.cpu.amd.updateMicrocode")]
    {
        if hardware.cpu.is_none_or(|known| known == cpu) {
            set = set.put(path, firmware.clone());
        }
    }
    let buses = match &hardware.modules[..] {
        [] => Expr::texts(BUSES),
        found => Expr::texts(found),
    };
    if !hardware.sensors.is_empty() {
        set = set.note("The board's sensors.").put("boot.kernelModules", Expr::texts(&hardware.sensors));
    }
    let set = set
        .note("What the disks hang on, so that stage 1 finds them.")
        .put("boot.initrd.availableKernelModules", buses)
        .with(kernel_modules(host))
        .with(arrays(host, events))
        .with(super::luks::containers(host))
        .with(super::zfs::pools(host))
        .with(filesystems(host));
    Expr::module("{ config, lib, modulesPath, ... }", set)
}

/// Modules that stage 1 loads at once.
fn kernel_modules(host: &Host<'_>) -> Set {
    let mut modules: Vec<&str> = Vec::new();
    let mut add = |module| {
        if !modules.contains(&module) {
            modules.push(module);
        }
    };
    let (mut volumes, mut caches, mut pools, mut thin) = (false, false, false, false);
    for node in &host.wish.nodes {
        match &node.kind {
            Kind::Array(array) => add(match array.level {
                Level::Raid0 => "raid0",
                Level::Raid1 => "raid1",
                Level::Raid4 | Level::Raid5 | Level::Raid6 => "raid456",
                Level::Raid10 => "raid10",
            }),
            Kind::Volume(volume) => {
                volumes = true;
                add("dm_mod");
                volume.spread.iter().flat_map(|spread| spread.modules()).for_each(|module| add(module));
                thin |= volume.thin.is_some();
                match volume.cache.as_ref().map(|cache| cache.kind) {
                    Some(CacheKind::Writecache) => {
                        caches = true;
                        add("dm_writecache");
                    }
                    Some(CacheKind::Cache { .. }) => {
                        pools = true;
                        add("dm_cache");
                        add("dm_cache_smq");
                    }
                    None => {}
                }
            }
            // What opens a container or a pool stage 1 gets from NixOS, see `luks` and `zfs`.
            Kind::Disk(_) | Kind::Partition(_) | Kind::Group(_) | Kind::Crypt(_) | Kind::Pool(_) | Kind::Zvol(_) => {}
        }
    }
    let mut set = Set::new();
    if !modules.is_empty() {
        let first = if volumes {
            "LVM starts its volumes as soon as their disks are there, which is in stage 1"
        } else {
            "Stage 1 starts the array"
        };
        let rest = if caches { "; nothing in NixOS knows that a\nwritecache needs this module." } else { "." };
        let note = [first, rest].concat();
        set = set.note(note).put("boot.initrd.kernelModules", Expr::texts(modules));
    }
    if pools || thin {
        set = set
            .note(if thin {
                "Thin volumes: LVM checks their pool with these tools before it starts them, also in stage 1."
            } else {
                "LVM checks a cache with these tools before it starts the volume."
            })
            .put("services.lvm.boot.thin.enable", true);
    }
    set
}

fn arrays(host: &Host<'_>, events: &str) -> Set {
    let arrays = host.wish.nodes.iter().filter_map(|node| match &node.kind {
        Kind::Array(array) => Some(format!("ARRAY /dev/md/{} UUID={}\n", array.name, identity::md(array.uuid))),
        _ => None,
    });
    let lines: String = arrays.collect();
    if lines.is_empty() {
        return Set::new();
    }
    let raid = Set::new().put("enable", true).put("mdadmConf", Expr::Lines(format!("{lines}{events}")));
    let told = if events.is_empty() { " Who is told of its events stands in modules/alerts.nix." } else { "" };
    Set::new().note(format!("Arrays by UUID, however their disks are called.{told}")).put("boot.swraid", raid)
}

fn filesystems(host: &Host<'_>) -> Set {
    let mut set = Set::new();
    for declared in &host.wish.mounts {
        let Mount { node, path, uuid, format, options, subvolume: _, dataset } = declared;
        let device = dataset.clone().unwrap_or_else(|| format!("/dev/disk/by-uuid/{uuid}"));
        let mut mount = Set::new().put("device", device).put("fsType", format.word());
        if !options.is_empty() {
            mount = mount.put("options", Expr::texts(options));
        }
        if host.wish.kept_for_boot(declared) {
            mount = mount.put("neededForBoot", true);
        }
        set = set.note(node.to_string()).put_named("fileSystems", path.as_str(), mount);
    }
    for nodev in &host.wish.nodev {
        let mut mount = Set::new().put("device", nodev.device.as_str()).put("fsType", nodev.fstype.as_str());
        if !nodev.options.is_empty() {
            mount = mount.put("options", Expr::texts(&nodev.options));
        }
        set = set.put_named("fileSystems", nodev.path.as_str(), mount);
    }
    let swaps: Vec<Expr> = host.wish.nodes.iter().flat_map(swaps).collect();
    let set = if swaps.is_empty() { set } else { set.put("swapDevices", swaps) };
    let set = set.with(resume(host));
    set.with(scrubs(host))
}

/// Swap partitions by UUID, and swap files, which NixOS makes when they are first used.
fn swaps(node: &Node) -> Vec<Expr> {
    match &node.holds {
        Some(Holds::Swap(swap)) => own_swap(node, swap).into_iter().collect(),
        Some(Holds::Btrfs(btrfs)) => {
            let files = btrfs.swap.iter().map(|file| {
                let mib = u32::try_from(file.size.0 >> 20).unwrap_or(u32::MAX);
                Set::new().put("device", file.path.as_str()).put("size", mib).into()
            });
            files.collect()
        }
        Some(
            Holds::Table { .. }
            | Holds::Member { .. }
            | Holds::PhysicalVolume { .. }
            | Holds::Filesystem { .. }
            | Holds::BtrfsMember { .. }
            | Holds::Luks { .. }
            | Holds::Zfs { .. },
        )
        | None => Vec::new(),
    }
}

/// Swap space as it is declared. With a random key NixOS makes it anew at each boot, on this partition and no other.
fn own_swap(node: &Node, swap: &Swap) -> Option<Expr> {
    let mut set = Set::new().put("device", swap.device(node)?);
    if let Some(priority) = swap.priority {
        set = set.put("priority", Expr::Int(i64::from(priority)));
    }
    if let Some(discard) = swap.discard {
        set = set.put("discardPolicy", discard.word());
    }
    if swap.random {
        set = set.put("randomEncryption.enable", true);
        // Else dm-crypt keeps from the disk what swapon tells it.
        if swap.discard.is_some() {
            set = set.put("randomEncryption.allowDiscards", true);
        }
    }
    if !swap.options.is_empty() {
        let options = std::iter::once("defaults").chain(swap.options.iter().map(String::as_str));
        set = set.put("options", Expr::texts(options));
    }
    Some(set.into())
}

fn resume(host: &Host<'_>) -> Set {
    let device = host.wish.nodes.iter().find_map(|node| match &node.holds {
        Some(Holds::Swap(swap)) if swap.resume => swap.device(node),
        _ => None,
    });
    device.map_or_else(Set::new, |device| Set::new().put("boot.resumeDevice", device))
}

/// Every btrfs is read through once a month, which finds what has gone bad, and mends it from a second copy.
fn scrubs(host: &Host<'_>) -> Set {
    let mounted = host.wish.nodes.iter().filter_map(|node| {
        let btrfs = node.holds.as_ref()?.btrfs()?;
        let mut paths = btrfs.mounts().map(|(_, path, _)| path).peekable();
        paths.peek()?;
        // NixOS does not quote the path; a btrfs that is mounted at odd ones only has one device, and is found by that.
        let path = paths.find(|path| plain(path)).map(str::to_owned);
        Some(path.unwrap_or_else(|| format!("/dev/disk/by-uuid/{}", btrfs.uuid)))
    });
    let mounted: Vec<String> = mounted.collect();
    if mounted.is_empty() {
        return Set::new();
    }
    let scrub = Set::new().put("enable", true).put("fileSystems", Expr::texts(&mounted));
    Set::new()
        .note("Read through once a month: what has gone bad is found, and mended where there is a second copy.")
        .put("services.btrfs.autoScrub", scrub)
}
