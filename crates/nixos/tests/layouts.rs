//! Every layout of `examples/layouts`: nothing is wrong with it, it can be made on blank disks, and NixOS is told of it.

#![expect(clippy::disallowed_methods, reason = "a test, which reads the examples")]

use fleet::{Fleet, Format};
use std::fmt::Write as _;
use std::path::Path;
use storage::ScriptError;

#[test]
fn every_layout_is_planned_and_rendered() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/layouts");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    names.sort();
    assert!(names.len() > 2, "{names:?}");
    for name in names {
        let text = std::fs::read_to_string(folder.join(format!("{name}.toml"))).unwrap();
        let fleet = Fleet::parse(&text, &format!("{name}.toml"), Format::Toml).unwrap_or_else(|wrong| {
            panic!("{name}: {wrong:?}");
        });
        let files = nixos::render(&fleet, &nixos::Records::default()).unwrap();
        let mut seen = String::new();
        for machine in fleet.machines.keys() {
            let wish = fleet.wish(machine).unwrap();
            match storage::script(&wish, &[]) {
                Ok(script) => {
                    for step in script.lines().filter_map(|line| line.strip_prefix("say '[")) {
                        let _ = writeln!(seen, "{}", step.split_once("] ").unwrap().1.trim_end_matches('\''));
                    }
                }
                // What takes what a group has left is known when the group is there; the lab makes it.
                Err(unseen @ ScriptError::Unseen { .. }) => drop(writeln!(seen, "{unseen}")),
                Err(other) => panic!("{name}: {other}"),
            }
            let path = format!("hosts/{machine}/hardware-configuration.nix");
            let file = files.iter().find(|file| file.path == path).unwrap();
            let _ = writeln!(seen, "\n{}", file.text.split_once("boot.initrd.availableKernelModules").unwrap().1);
        }
        insta::assert_snapshot!(name, seen);
    }
}

/// The firmware reads each member of the array, and bootctl installs to none.
#[test]
fn a_mirror_of_efi_partitions_starts_by_grub() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/layouts/esp-mirror.toml");
    let text = std::fs::read_to_string(example).unwrap();
    let boot = |text: &str| {
        let fleet = Fleet::parse(text, "fleet.toml", Format::Toml).unwrap();
        let files = nixos::render(&fleet, &nixos::Records::default()).unwrap();
        let file = files.into_iter().find(|file| file.path == "hosts/one/default.nix").unwrap();
        file.text
    };
    // It could start by BIOS too, and does unless EFI is said, or is all there is.
    assert!(boot(&text).contains("/dev/disk/by-id/ata-SECOND"));
    let bios = "partitions.bios = { size = \"1MiB\", type = \"bios-boot\" }";
    for efi in [text.replace("[machines.one]", "[machines.one]\nboot = \"efi\""), text.replace(bios, "")] {
        let written = boot(&efi);
        for line in
            ["device = \"nodev\"", "efiSupport = true", "efiInstallAsRemovable = true", "efiSysMountPoint = \"/boot\""]
        {
            assert!(written.contains(line), "{line}: {written}");
        }
        assert!(!written.contains("systemd-boot") && !written.contains("canTouchEfiVariables"), "{written}");
    }
}
