//! `hosts/NAME/default.nix`: what makes a machine itself; and the modules that the owner of another flake imports.

use super::{Host, Place, RenderError, boot_mirrors, network, storage};
use crate::File;
use crate::syntax::{Expr, Set};

/// Generations in the boot menu: kernels and initrds of all of them lie on `/boot`.
const MENU: u16 = 10;

/// The machine's entry, which imports all else.
pub(super) fn file(host: &Host<'_>) -> Result<File, RenderError> {
    let fleet = host.home.fleet;
    let local = ["./hardware-configuration.nix", "./services.nix", "../../modules"];
    let mut imports: Vec<Expr> = local.iter().map(|path| Expr::Path((*path).to_owned())).collect();
    imports.extend(boot_mirrors::import(host));
    let own = fleet.about.modules.iter().chain(&host.machine.modules);
    imports.extend(own.map(|path| {
        let path = path.to_string();
        Expr::Path(format!("../../{}", path.strip_prefix("./").unwrap_or(&path)))
    }));
    let mut set = Set::new().put("imports", imports).put("networking.hostName", Expr::text(host.name));
    set = set.with(loader(host));
    let note = "The release whose defaults for stateful data this machine was first installed with. It never moves:\n\
                https://nixos.org/manual/nixos/stable/options#opt-system.stateVersion";
    let known = host.home.records.state_versions.get(host.name).cloned().or_else(|| host.home.release());
    set = match known {
        Some(release) => set.note(note).put("system.stateVersion", release),
        None => set
            .note(format!("{note}\nUntil then it is that of nixpkgs."))
            .put("system.stateVersion", Expr::Code("lib.trivial.release")),
    };
    let head = format!("{}: boot loader and identity. Its disks and services stand beside this file.", host.name);
    Ok(File::nix(host.path("default.nix"), &head, &Expr::module("{ lib, ... }", set))?)
}

/// The boot loader's options.
fn loader(host: &Host<'_>) -> Set {
    let set = Set::new();
    match &host.loader {
        None => set,
        Some(Place::Grub(devices)) => {
            let grub =
                Set::new().put("enable", true).put("devices", Expr::texts(devices)).put("configurationLimit", MENU);
            set.note("The BIOS starts GRUB from the boot sector of this disk, whatever the kernel calls it today.")
                .put("boot.loader.grub", grub)
        }
        Some(Place::EfiMirror(mountpoint)) => {
            let grub = Set::new().put("enable", true).put("device", "nodev").put("efiSupport", true);
            let grub = grub.put("efiInstallAsRemovable", true).put("configurationLimit", MENU);
            set.note(
                "Each member of the array is an EFI system partition. bootctl installs to none, and the firmware's list\n\
                 cannot name an array: GRUB lies where the firmware of any machine looks (EFI/BOOT).",
            )
            .put("boot.loader.grub", grub)
            .put("boot.loader.efi.efiSysMountPoint", mountpoint.as_str())
        }
        Some(Place::Efi(mountpoint)) => {
            let boot = Set::new().put("enable", true).put("configurationLimit", MENU);
            let efi = Set::new().put("canTouchEfiVariables", true).put("efiSysMountPoint", mountpoint.as_str());
            set.note("The firmware starts systemd-boot from the EFI system partition.")
                .put("boot.loader.systemd-boot", boot)
                .put("boot.loader.efi", efi)
        }
    }
}

/// For a machine whose configuration is its owner's: modules that may be imported there.
pub(super) fn importable(host: &Host<'_>) -> Result<Vec<File>, RenderError> {
    let name = host.name;
    let mut files = Vec::new();
    if !host.wish.nodes.is_empty() {
        let head = format!(
            "{name}: filesystems, arrays and volumes as homehive makes them. Import it from the machine's own\n\
             configuration: it is the flake's nixosModules.{name}-storage."
        );
        let events = "MAILADDR root\n";
        files.push(File::nix(host.path("storage.nix"), &head, &storage::module(host, events))?);
    }
    if host.loader.is_some() {
        let head =
            format!("{name}: the boot loader where homehive's layout has room for it; nixosModules.{name}-boot.");
        let imports = boot_mirrors::import(host).map(|path| Set::new().put("imports", vec![path]));
        let set = imports.unwrap_or_default().with(loader(host));
        files.push(File::nix(host.path("boot.nix"), &head, &Expr::Set(set))?);
    }
    let head = format!("{name}: its static address in the fleet's network; nixosModules.{name}-network.");
    files.push(File::nix(host.path("network.nix"), &head, &network::whole(host).into())?);
    Ok(files)
}
