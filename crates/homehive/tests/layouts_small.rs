//! Small kinds of layouts on one real machine of the lab: a root in memory, swap space with a random key, boot partitions
//! that are mirrored so that firmware can read them,
//! f2fs, ext2 and ext3. Made from blank disks, written to, whole after the power went.

mod bench;

use bench::Bench;

const MACHINES: &str = r#"
[machines.one]
address = "192.168.1.10"

[machines.one.storage.disk.a]
device = "/dev/disk/by-id/ata-A"
serial = "A"

[machines.one.storage.disk.a.content]
type = "gpt"
partitions.bios = { size = "1MiB", type = "bios-boot" }
partitions.esp = { size = "256MiB", type = "efi", content = { type = "mdraid", name = "boot" } }
partitions.key = { size = "32MiB", content = { type = "filesystem", format = "ext4", mountpoint = "/etc/ssh" } }
partitions.sleep = { size = "16MiB", content = { type = "swap", resume = true, priority = 1, discard = "once" } }
partitions.secret = { size = "16MiB", content = { type = "swap", random_encryption = true, priority = 100 } }
partitions.nix = { content = { type = "filesystem", format = "ext4", mountpoint = "/nix" } }

[machines.one.storage.disk.b]
device = "/dev/disk/by-id/ata-B"
serial = "B"

[machines.one.storage.disk.b.content]
type = "gpt"
partitions.bios = { size = "1MiB", type = "bios-boot" }
partitions.esp = { size = "256MiB", type = "efi", content = { type = "mdraid", name = "boot" } }

[machines.one.storage.disk]
flash = { serial = "FLASH", content = { type = "filesystem", format = "f2fs", label = "flash", extra_args = ["-O", "extra_attr,inode_checksum,sb_checksum"], mountpoint = "/flash" } }
bare = { serial = "BARE", content = { type = "filesystem", format = "f2fs" } }
old = { serial = "OLD", content = { type = "filesystem", format = "ext2", mountpoint = "/old" } }
older = { serial = "OLDER", content = { type = "filesystem", format = "ext3", extra_args = ["-m", "1"], mountpoint = "/older" } }

[machines.one.storage.mdadm.boot]
level = 1
metadata = "1.0"
content = { type = "filesystem", format = "vfat", mountpoint = "/boot", options = ["umask=0077"] }

[machines.one.storage.nodev]
"/" = { fstype = "tmpfs", options = ["size=64M", "mode=755"] }
"/tmp" = { fstype = "tmpfs", options = ["size=16M", "mode=1777"] }
"#;

fn sh(bench: &Bench, script: &str) -> String {
    bench.run(&["lab", "ssh", "one", "sudo", "sh", "-c", script])
}

fn as_wished(bench: &Bench) {
    let plan = bench.run(&["--lab", "disks", "plan", "one"]);
    assert!(plan.contains("nothing to do"), "{plan}");
    let status = bench.run(&["--lab", "disks", "status", "one"]);
    assert!(status.lines().all(|line| line.contains(" good ") || line.contains(" rebuilding ")), "{status}");
}

/// The types of what is mounted on these, one a line.
fn mounted(bench: &Bench, places: &str) -> String {
    sh(bench, &format!("for at in {places}; do findmnt --noheadings --output FSTYPE $at; done"))
}

#[test]
fn in_the_lab_small_kinds_are_made_and_come_back() {
    let Some(bench) = Bench::of("small", MACHINES) else { return };
    bench.run(&["lab", "up"]);
    bench.run(&["--lab", "disks", "apply", "one"]);
    as_wished(&bench);
    let all = "/mnt /mnt/tmp /mnt/nix /mnt/boot /mnt/etc/ssh /mnt/flash /mnt/old /mnt/older";
    assert_eq!(mounted(&bench, all), "tmpfs\ntmpfs\next4\nvfat\next4\nf2fs\next2\next3\n");
    sh(
        &bench,
        "head -c 3000000 /dev/urandom > /mnt/nix/file; for at in boot flash old older; do cp /mnt/nix/file /mnt/$at; done; echo lost > /mnt/file",
    );
    sh(&bench, "cd /mnt && sha256sum */file > nix/sums && sync");

    // What firmware sees: a FAT with the boot files in it on each disk alone, found by no more than its beginning.
    let member = "for disk in A B; do part=$(readlink -f /dev/disk/by-id/ata-QEMU_HARDDISK_$disk-part2); \
                  wipefs --noheadings --output TYPE $part | sort -u | tr '\\n' ' '; echo; done";
    assert_eq!(sh(&bench, member), "linux_raid_member vfat \nlinux_raid_member vfat \n");

    // Swap space with a random key holds what nobody knows.
    let plain = "swaplabel /dev/disk/by-id/ata-QEMU_HARDDISK_A-part";
    let count = format!(
        "count=0; for part in 1 2 3 4 5 6; do {plain}$part >/dev/null 2>&1 && count=$((count + 1)); done; echo $count"
    );
    assert_eq!(sh(&bench, &count), "1\n", "only the plain swap space has a label");

    bench.run(&["lab", "fault", "power-cut", "one"]);
    bench.run(&["lab", "boot", "one", "--medium"]);
    let plan = bench.run(&["--lab", "disks", "plan", "one"]);
    assert!(!plan.lines().any(|line| line.starts_with(['+', '!', '>'])), "only mounts: {plan}");
    bench.run(&["--lab", "disks", "apply", "one"]);
    as_wished(&bench);
    assert_eq!(mounted(&bench, all), "tmpfs\ntmpfs\next4\nvfat\next4\nf2fs\next2\next3\n");
    sh(&bench, "cd /mnt && sha256sum --check nix/sums && test ! -e file");
}
