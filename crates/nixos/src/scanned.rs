//! `hardware-configuration.nix` of a machine as a probe found it: for a configuration of one's own, in the place of what
//! `nixos-generate-config` writes. What homehive renders for a fleet follows from the fleet instead.

use crate::syntax::{Expr, Set};
use crate::{File, FormatError};
use storage::facts::{Content, Device, DeviceKind, Facts, Mount};

/// The name of the file.
pub const NAME: &str = "hardware-configuration.nix";

/// The module, by what is mounted and what drives the machine's devices. With an installation medium, the system below
/// `/mnt` is meant.
pub fn scanned(facts: &Facts) -> Result<File, FormatError> {
    let seen = &facts.machine;
    let import = match seen.hypervisor.as_deref() {
        Some("qemu" | "kvm" | "bochs") => Some("(modulesPath + \"/profiles/qemu-guest.nix\")"),
        Some(_) => None,
        None => Some("(modulesPath + \"/installer/scan/not-detected.nix\")"),
    };
    let imports: Vec<Expr> = import.into_iter().map(Expr::Code).collect();
    let mut set = Set::new()
        .put("imports", imports)
        .put("nixpkgs.hostPlatform", Expr::Apply("lib.mkDefault", vec![format!("{}-linux", seen.arch).into()]))
        .with(guest(facts))
        .with(microcode(facts))
        .note("What the disks hang on, so that stage 1 finds them.")
        .put("boot.initrd.availableKernelModules", Expr::texts(seen.initrd_modules()));
    if !facts.groups.is_empty() {
        set = set
            .note("LVM does not start a group that has a snapshot without it.")
            .put("boot.initrd.kernelModules", Expr::texts(["dm-snapshot"]));
    }
    let modules = seen.kvm.iter().map(String::as_str).chain(seen.sensor_modules());
    set = set.put("boot.kernelModules", Expr::texts(modules));
    set = set.with(arrays(facts)).with(filesystems(facts));
    set = set.put("networking.useDHCP", Expr::Apply("lib.mkDefault", vec![true.into()]));
    let head =
        format!("What `homehive probe` found on {}. Written anew by it: changes belong elsewhere.", seen.hostname);
    File::nix(NAME, &head, &Expr::module("{ config, lib, modulesPath, ... }", set))
}

/// What a guest needs of its hypervisor's tools.
fn guest(facts: &Facts) -> Set {
    match facts.machine.hypervisor.as_deref() {
        Some("oracle") => Set::new().put("virtualisation.virtualbox.guest.enable", true),
        Some("microsoft") => Set::new().put("virtualisation.hypervGuest.enable", true),
        Some("vmware") => Set::new().put("virtualisation.vmware.guest.enable", true),
        _ => Set::new(),
    }
}

/// A guest's microcode is its host's business.
fn microcode(facts: &Facts) -> Set {
    let firmware = Expr::Code("lib.mkDefault config.hardware.enableRedistributableFirmware");
    match (facts.machine.hypervisor.is_some(), facts.machine.vendor.as_str()) {
        (false, "GenuineIntel") => Set::new().put("hardware.cpu.intel.updateMicrocode", firmware),
        (false, "AuthenticAMD") => Set::new().put("hardware.cpu.amd.updateMicrocode", firmware),
        _ => Set::new(),
    }
}

/// Arrays by what mdadm calls their identity, however their disks are called.
fn arrays(facts: &Facts) -> Set {
    let line = |array: &storage::facts::Array| {
        let digits = array.uuid.simple().to_string();
        let groups: Vec<&str> = (0..4).filter_map(|at| digits.get(at * 8..at * 8 + 8)).collect();
        format!("ARRAY /dev/md/{} UUID={}\n", array.name, groups.join(":"))
    };
    let lines: String = facts.arrays.iter().map(line).collect();
    if lines.is_empty() {
        return Set::new();
    }
    let raid = Set::new().put("enable", true).put("mdadmConf", Expr::Lines(format!("{lines}MAILADDR root\n")));
    Set::new().note("Say who is told of a failed disk: MAILADDR, or PROGRAM.").put("boot.swraid", raid)
}

fn filesystems(facts: &Facts) -> Set {
    // On a medium the new system's root is mounted at /mnt, and what else is mounted is the medium's own.
    let below = if facts.mounts.iter().any(|mount| mount.target == "/mnt") { "/mnt" } else { "" };
    let own = |mount: &Mount| -> Option<String> {
        let path = mount.target.strip_prefix(below)?;
        match path {
            "" => Some("/".to_owned()),
            path if path.starts_with('/') => Some(path.to_owned()),
            _ => None,
        }
    };
    let mut set = Set::new();
    let mut mounts: Vec<(String, &Mount, &Device)> = facts
        .mounts
        .iter()
        .filter(|mount| !matches!(mount.format.as_str(), "squashfs" | "iso9660"))
        .filter_map(|mount| Some((own(mount)?, mount, facts.device(&mount.device)?)))
        .collect();
    mounts.sort_by(|a, b| a.0.cmp(&b.0));
    mounts.dedup_by(|a, b| a.0 == b.0);
    if mounts.is_empty() {
        let note = "No filesystem of this machine is mounted, so none stands here: mount the new system at /mnt,\n\
                    and probe again.";
        set = set.note(note).put("fileSystems", Set::new());
    }
    for (path, mount, device) in mounts {
        let mut one = Set::new().put("device", named(device)).put("fsType", mount.format.as_str());
        let mut remarks: Vec<&str> = Vec::new();
        match mount.format.as_str() {
            "vfat" => one = one.put("options", Expr::texts(["fmask=0077", "dmask=0077"])),
            "btrfs" => remarks.push("Which subvolume it is, a probe does not tell: options = [ \"subvol=…\" ]."),
            _ => {}
        }
        if encrypted(facts, device, 0) {
            remarks.push("It lies on an encrypted device: boot.initrd.luks.devices is yours to write.");
        }
        if !remarks.is_empty() {
            set = set.note(remarks.join("\n"));
        }
        set = set.put_named("fileSystems", path, one);
    }
    let swaps = facts.swaps.iter().filter_map(|name| facts.device(name));
    let swaps: Vec<Expr> = swaps.map(|device| Set::new().put("device", named(device)).into()).collect();
    set.put("swapDevices", swaps)
}

/// Where a device is found whatever the kernel calls it: by its identity, else by a link, else by its own path.
fn named(device: &Device) -> String {
    let uuid = match &device.content {
        Content::Filesystem { uuid, .. } => uuid.clone(),
        Content::Swap { uuid } => uuid.map(|uuid| uuid.to_string()),
        _ => None,
    };
    let uuid = uuid.map(|uuid| format!("/dev/disk/by-uuid/{uuid}"));
    uuid.or_else(|| device.links.first().cloned()).unwrap_or_else(|| device.path.clone())
}

/// Does it lie on something that is opened by a key?
fn encrypted(facts: &Facts, device: &Device, depth: usize) -> bool {
    let key = |below: &Device| matches!(&below.content, Content::Luks { .. });
    let parents = device.parents.iter().filter_map(|name| facts.device(name));
    depth < 8
        && device.kind != DeviceKind::Disk
        && parents.into_iter().any(|below| key(below) || encrypted(facts, below, depth + 1))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests read fixtures; the crate itself is pure")]
mod tests {
    use super::scanned;
    use storage::facts::Facts;

    fn facts(state: &str) -> Facts {
        let path = format!("{}/../storage/tests/fixtures/{state}.txt", env!("CARGO_MANIFEST_DIR"));
        storage::probe::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn a_finished_nas() {
        let mut finished = facts("complete");
        finished.machine = facts("hardware").machine;
        insta::assert_snapshot!(scanned(&finished).unwrap().text);
    }

    #[test]
    fn real_hardware_gets_microcode_and_a_host_of_guests_its_module() {
        let mut facts = facts("blank");
        facts.machine.vendor = "GenuineIntel".into();
        facts.machine.kvm = Some("kvm-intel".into());
        let text = scanned(&facts).unwrap().text;
        for expected in ["installer/scan/not-detected.nix", "hardware.cpu.intel.updateMicrocode", "\"kvm-intel\""] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
        facts.machine.hypervisor = Some("qemu".into());
        let text = scanned(&facts).unwrap().text;
        assert!(text.contains("profiles/qemu-guest.nix") && !text.contains("updateMicrocode"), "{text}");
    }

    /// On a medium, the system is what is mounted below /mnt.
    #[test]
    fn every_state_is_nix() {
        for state in ["blank", "complete", "foreign", "rebooted", "tables", "volumes", "pvs", "hardware"] {
            let facts = facts(state);
            let text = scanned(&facts).unwrap().text;
            let errors = rnix::Root::parse(&text).errors().to_vec();
            assert!(errors.is_empty(), "{state}: {errors:?}\n{text}");
            let mounted = facts.mounts.iter().any(|mount| mount.target == "/mnt");
            assert!(!mounted || text.contains("\"/\" = {") && !text.contains("/mnt"), "{state}\n{text}");
        }
    }
}
