//! Wrong fleets whose fault would only show in NixOS, long after the file was written: when it is evaluated, when the
//! boot loader is installed, or when the machine boots. `check` tells before Nix is asked. What can be evaluated is
//! proven: NixOS refuses it, and takes the same with the right word.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test, which reads its fixtures and asks Nix")]
#![expect(clippy::disallowed_types, reason = "a test, which runs Nix")]

mod common;

use fleet::{Fleet, Format};
use std::process::Command;

enum Fault {
    /// An expression with `@`, the word that is wrong and the one that is right, and what Nix says of the first.
    Evaluation(&'static str, &'static str, &'static str, &'static str),
    /// Evaluation takes it; when and how it shows.
    Later(&'static str),
}

use Fault::{Evaluation, Later};

/// Broken fleet, code of the problem, and how NixOS would have said it.
const CASES: [(&str, &str, Fault); 32] = [
    (
        "loader-two",
        "fleet::two_boot_loaders",
        Evaluation(
            "builtins.isAttrs (nixos { boot.loader.systemd-boot.enable = true; boot.loader.grub.enable = @; }).system.build.installBootLoader",
            "true",
            "false",
            "installBootLoader",
        ),
    ),
    (
        "boot-disk-without-id",
        "fleet::boot_disk_without_id",
        Evaluation(
            "held { boot.loader.grub.device = @; }",
            "\"\"",
            "\"/dev/disk/by-id/ata-S1\"",
            "boot.loader.grub.devices",
        ),
    ),
    (
        "root-missing",
        "fleet::no_root",
        Evaluation(
            "held ({ lib, ... }: { fileSystems = lib.mkForce { \"@\" = { device = \"/dev/disk/by-label/x\"; fsType = \"xfs\"; }; }; })",
            "/data",
            "/",
            "root file system",
        ),
    ),
    (
        "mountpoint-twice",
        "storage::mountpoint_twice",
        Evaluation("said { fileSystems.\"/\" = 1; fileSystems.\"@\" = 2; }", "/", "/data", "already defined"),
    ),
    (
        "mount-option-empty",
        "storage::bad_option",
        Evaluation(
            "said (nixos { fileSystems.\"/\" = { device = \"/dev/disk/by-label/x\"; fsType = \"xfs\"; options = [ @ ]; }; }).fileSystems.\"/\".options",
            "\"\"",
            "\"noatime\"",
            "is not of type",
        ),
    ),
    (
        "user-of-nixos",
        "fleet::bad_user_name",
        Evaluation("held { users.users.@.isNormalUser = true; }", "messagebus", "ben", "isNormalUser"),
    ),
    (
        "user-root",
        "fleet::bad_user_name",
        Evaluation("held { users.users.@.isNormalUser = true; }", "root", "ben", "users.users.root"),
    ),
    (
        "machine-name-dash",
        "fleet::bad_host_name",
        Evaluation(
            "said (nixos { networking.hostName = \"@\"; }).networking.hostName",
            "nas-",
            "nas",
            "string matching the pattern",
        ),
    ),
    (
        "machine-reserved",
        "fleet::reserved_machine",
        Evaluation("said { installer = 1; @ = 2; }", "installer", "nas", "already defined"),
    ),
    (
        "module-of-another-kind",
        "fleet::bad_module",
        Evaluation(
            "said (nixos { imports = [ (tree + \"@\") ]; }).networking.hostName",
            "/README.md",
            "/nixos/modules/profiles/headless.nix",
            "syntax error",
        ),
    ),
    ("modules-and-packages", "fleet::bad_package", Evaluation("said pkgs.\"@\".name", "git htop", "htop", "missing")),
    (
        "k3s-not-in-nixpkgs",
        "fleet::k3s_not_in_nixpkgs",
        Evaluation("said pkgs.@.version", "k3s_1_30", "k3s_1_35", "end of life"),
    ),
    (
        "flake-and-timezone",
        "fleet::bad_flake",
        Evaluation(
            "said (builtins.parseFlakeRef \"@\")",
            "nixos-26.05",
            "github:NixOS/nixpkgs/nixos-26.05",
            "flake reference",
        ),
    ),
    (
        "role-unknown",
        "fleet::unknown_role",
        Evaluation("said (nixos { services.k3s.role = \"@\"; }).services.k3s.role", "master", "server", "one of"),
    ),
    (
        "upgrade-window-seconds",
        "fleet::bad_window",
        Evaluation(
            "said (nixos { system.autoUpgrade.rebootWindow = { lower = \"@\"; upper = \"06:00\"; }; }).system.autoUpgrade.rebootWindow",
            "02:00:00",
            "02:00",
            "string matching the pattern",
        ),
    ),
    ("timezone-unknown", "fleet::bad_timezone", Later("/etc/localtime leads nowhere, and the machine is on UTC")),
    ("hardware-words", "fleet::bad_kernel_module", Later("modprobe finds no such module while the initrd is built")),
    (
        "boot-mirrors",
        "fleet::mirror_needed",
        Later("a machine whose disk has died waits for the partition when it starts, and ends in the emergency shell"),
    ),
    (
        "boot-esp-without-type",
        "fleet::esp_without_type",
        Later("bootctl refuses the partition while the system is installed"),
    ),
    ("boot-esp-in-mbr", "fleet::esp_in_mbr", Later("bootctl refuses the partition while the system is installed")),
    ("boot-on-cached-volume", "fleet::boot_unreadable", Later("GRUB finds no kernel when the machine boots")),
    ("boot-on-luks", "fleet::boot_unreadable", Later("GRUB finds no kernel when the machine boots")),
    ("luks-opened-late", "fleet::opened_late", Later("stage 1 waits for a root filesystem that nothing opens")),
    ("boot-options", "fleet::bad_boot_option", Later("the machine boots without its store, or keeps an old kernel")),
    ("boot-too-small", "fleet::boot_too_small", Later("a later switch finds no space for its kernel")),
    ("root-on-fat", "fleet::system_on_fat", Later("nixos-install fails at the first link of the store")),
    ("root-in-memory", "fleet::lost_at_boot", Later("the machine boots without programs, or as a stranger")),
    ("release-unknown", "fleet::no_such_release", Later("the flake's input cannot be fetched")),
    ("not-applied", "fleet::not_applied", Later("nothing fails: the packages are never there")),
    ("upgrade-flake-relative", "fleet::relative_flake", Later("the upgrade fails on the machine, at night")),
    ("subnet-of-cluster", "fleet::subnet_of_cluster", Later("pods answer in the place of the LAN")),
    ("domain-multicast", "fleet::multicast_domain", Later("names are asked by multicast, and take seconds or fail")),
];

#[test]
fn check_tells_what_only_nixos_would_have_told() {
    for (name, code, _) in &CASES {
        let file = format!("{}/tests/broken/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = common::completed(&std::fs::read_to_string(file).unwrap(), Format::Toml);
        let report = Fleet::parse(&text, "fleet.toml", Format::Toml).unwrap_err();
        let findings = report.findings();
        let found = findings.iter().find(|finding| finding.code == *code);
        let found = found.unwrap_or_else(|| panic!("{name}: no {code} in {findings:?}"));
        assert!(!found.path.is_empty() && !found.message.is_empty() && !found.help.is_empty(), "{name}: {found:?}");
    }
}

/// Is there a Nix that can evaluate today's nixpkgs, and a tree of it?
fn missing() -> Option<&'static str> {
    if std::env::var_os("HOMEHIVE_NIXPKGS").is_none() {
        return Some("HOMEHIVE_NIXPKGS, which names a nixpkgs tree");
    }
    let version = Command::new("nix-instantiate").arg("--version").output().ok();
    let text = version.map(|it| String::from_utf8_lossy(&it.stdout).into_owned()).unwrap_or_default();
    let mut numbers =
        text.trim().rsplit(' ').next().unwrap_or_default().split('.').map(|it| it.parse().unwrap_or(0_u32));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    (version < (2, 18)).then_some("Nix 2.18 or later")
}

/// Evaluates an expression to `true`; else what Nix says.
fn evaluates(expression: &str) -> Result<(), String> {
    let whole = format!("{}{expression}", include_str!("only_nixos.nix"));
    let output = Command::new("nix-instantiate")
        .args([
            "--eval",
            "--strict",
            "--read-write-mode",
            "--extra-experimental-features",
            "nix-command flakes",
            "--expr",
        ])
        .arg(whole)
        .output()
        .unwrap();
    if output.status.success() && output.stdout.trim_ascii() == b"true" {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn nixos_refuses_what_check_refuses() {
    if let Some(missing) = missing() {
        println!("skipped: {missing}");
        return;
    }
    let mut proven = 0;
    for (name, _, fault) in &CASES {
        match fault {
            Later(how) => println!("{name}: not for Nix to say: {how}"),
            Evaluation(expression, wrong, right, says) => {
                evaluates(&expression.replace('@', right)).unwrap_or_else(|error| panic!("{name}: `{right}`: {error}"));
                let error = evaluates(&expression.replace('@', wrong)).expect_err(name);
                assert!(error.contains(says), "{name}: Nix says something else: {error}");
                let said = error.lines().rev().find(|line| line.contains("error:")).unwrap_or_default();
                println!("{name}: {}", said.trim());
                proven += 1;
            }
        }
    }
    assert!(proven >= 12, "only {proven} proven");
}
