//! `disks adopt`: by facts from a file, and a machine of the lab whose disks were set up by hand.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod bench;

use bench::{Bench, told};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const FLEET: &str = r#"
[fleet]
name = "tank"
domain = "home.arpa"
nixpkgs = "github:NixOS/nixpkgs/nixos-26.05"

[admin]
user = "ben"
keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPfQdrPTVd/t8TM7J10sGD0BNC3Czos+Uo+PpyAXDzaO ben@laptop"]

[network]
subnet = "192.168.1.0/24"
gateway = "192.168.1.1"

[machines.one]
address = "192.168.1.10"

[machines.one.storage.disk.system]
device = "/dev/disk/by-id/ata-SYSTEM"
serial = "SYSTEM"

# As the machine was set up in 2019.
[machines.one.storage.disk.system.content]
type = "mbr"
bootable = true
partitions.boot = { size = "2GiB", content = { type = "filesystem", format = "ext4", mountpoint = "/boot" } }
partitions.root = { content = { type = "filesystem", format = "ext4", mountpoint = "/" } }

[machines.one.storage.disk]
a = { serial = "A", size = "1TiB", content = { type = "mdraid", name = "tank" } }
b = { serial = "B", size = "1TiB", content = { type = "mdraid", name = "tank" } }
c = { serial = "C", size = "1TiB", content = { type = "mdraid", name = "tank" } }

[machines.one.storage.mdadm.tank]
level = 5
persistent = true
content = { type = "lvm_pv", vg = "tank" }

[machines.one.storage.lvm_vg.tank.lvs.data]
size = "end"
content = { type = "filesystem", format = "xfs", mountpoint = "/data" }
"#;

/// What people type, with whatever identities come of it. `$1`: sectors of the boot partition.
const BY_HAND: &str = r#"set -e
id=/dev/disk/by-id/ata-QEMU_HARDDISK_
printf 'label: dos\nsize=%s, type=83, bootable\ntype=83\n' "$1" | sfdisk --quiet ${id}SYSTEM
udevadm settle
mkfs.ext4 -q ${id}SYSTEM-part1
mkfs.ext4 -q ${id}SYSTEM-part2
mdadm --quiet --create /dev/md/tank --run --level=5 --raid-devices=3 ${id}A ${id}B ${id}C
udevadm settle
pvcreate -q /dev/md/tank
vgcreate -q tank /dev/md/tank
lvcreate -q -y -n data -l 100%FREE tank
mkfs.xfs -q /dev/tank/data
mkdir -p /tmp/tank
mount /dev/tank/data /tmp/tank
head -c 3000000 /dev/urandom > /tmp/tank/file
(cd /tmp/tank && sha256sum file > sum)
umount /tmp/tank
"#;

#[test]
fn in_the_lab_a_machine_set_up_by_hand_is_adopted() {
    let Some(bench) = Bench::new(FLEET) else { return };
    bench.run(&["lab", "up"]);
    let file = bench.lab_fleet();
    let fleet: serde_json::Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let size = fleet.pointer("/machines/one/storage/disk/system/content/partitions/boot/size").unwrap();
    let sectors = size.as_str().unwrap().parse::<storage::Size>().unwrap().0 / 512;
    bench.run(&["lab", "ssh", "one", "sudo", "sh", "-c", BY_HAND, "by-hand", &sectors.to_string()]);

    // To homehive they are somebody else's.
    let refused = bench.ask(&["--lab", "disks", "plan", "one"]);
    assert!(!refused.status.success() && told(&refused).contains("--wipe"), "{}", told(&refused));

    let adopted = bench.run(&["--lab", "disks", "adopt", "one"]);
    assert!(adopted.contains("8 identities are in"), "{adopted}");
    let plan = bench.run(&["--lab", "disks", "plan", "one"]);
    assert!(!plan.contains("make") && !plan.contains("create") && plan.contains("mount"), "{plan}");
    bench.run(&["--lab", "disks", "apply", "one"]);
    bench.run(&["lab", "ssh", "one", "sudo", "sh", "-c", "cd /mnt/data && sha256sum --check sum"]);
    assert!(bench.run(&["--lab", "disks", "plan", "one"]).contains("nothing to do"));
    let again = bench.run(&["--lab", "disks", "adopt", "one"]);
    assert!(again.contains("every identity is the fleet's already"), "{again}");
}

fn at(dir: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_homehive"));
    command.current_dir(dir).env("XDG_STATE_HOME", dir).env_remove("HOMEHIVE_FLEET").arg("--plain").args(words);
    command.output().unwrap()
}

/// A fleet, and the facts of the lab's complete NAS.
fn home(fleet: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("fleet.toml"), fleet).unwrap();
    let raw = concat!(env!("CARGO_MANIFEST_DIR"), "/../storage/tests/fixtures/complete.txt");
    let facts = storage::probe::parse(&fs::read_to_string(raw).unwrap()).unwrap();
    fs::write(dir.path().join("facts.json"), serde_json::to_string(&facts).unwrap()).unwrap();
    dir
}

#[test]
fn what_is_there_is_adopted() {
    let tree = include_str!("../../storage/tests/common/nas.toml");
    let tree = tree.lines().map(|line| match line.strip_prefix('[') {
        Some(rest) => format!("[machines.nas.storage.{rest}\n"),
        None => format!("{line}\n"),
    });
    let (head, _) = FLEET.split_once("[machines.one]").unwrap();
    let machine = "[machines.nas]  # since 2019\naddress = \"192.168.1.10\"\n";
    let fleet = format!("{head}{machine}{}", tree.collect::<String>());
    let dir = home(&fleet);
    let words = ["disks", "adopt", "nas", "--facts", "facts.json"];
    let dry = at(dir.path(), &[&words[..], &["--dry-run"]].concat());
    assert!(told(&dry).contains("13 identities would go into fleet.toml"), "{}", told(&dry));
    assert_eq!(fs::read_to_string(dir.path().join("fleet.toml")).unwrap(), fleet);
    insta::assert_snapshot!(told(&at(dir.path(), &words)));
    let written = fs::read_to_string(dir.path().join("fleet.toml")).unwrap();
    assert!(written.contains("# since 2019") && written.contains("a702a6fd-0e7f-5b29-8ca1-8d4771489716"), "{written}");
    assert!(told(&at(dir.path(), &words)).contains("every identity is the fleet's already"));
}

#[test]
fn what_is_not_as_declared_is_not_adopted() {
    let dir = home(FLEET);
    let output = at(dir.path(), &["disks", "adopt", "one", "--facts", "facts.json"]);
    let text = told(&output);
    assert!(!output.status.success() && text.contains("disk.system: no such disk is found"), "{text}");
    assert!(text.contains("nothing was written"), "{text}");
    assert_eq!(fs::read_to_string(dir.path().join("fleet.toml")).unwrap(), FLEET);
}
