//! A living machine of the lab, by the real command line: what was overwritten is put back, and only while nothing else has
//! been written there.

mod bench;

use bench::{Bench, told};

const MACHINES: &str = r#"
[machines.nas]
address = "192.168.1.10"

[machines.nas.storage.disk.boot]
device = "/dev/disk/by-id/ata-BOOT1"
serial = "BOOT1"
content = { type = "mbr", bootable = true, partitions.root = { content = { type = "filesystem", format = "ext4", mountpoint = "/" } } }

[machines.nas.storage.disk.data]
serial = "DATA1"
content = { type = "gpt", partitions.a = { size = "100MiB" } }
"#;

/// Runs a line on the machine, where `$d` is the data disk.
fn sh(bench: &Bench, line: &str) -> String {
    let line = format!("set -e; d=$(readlink -f /dev/disk/by-id/ata-*DATA1); {line}");
    bench.run(&["lab", "ssh", "nas", "--", "sh", "-c", &line])
}

#[test]
fn in_the_lab_a_wiped_disk_with_a_file_is_put_back() {
    let Some(bench) = Bench::of("living", MACHINES) else { return };
    bench.run(&["lab", "up"]);
    sh(
        &bench,
        "printf 'label: gpt\\nstart=4MiB,size=200MiB\\nsize=50MiB\\n' | sfdisk -q $d; udevadm settle; mkfs.ext4 -q ${d}1",
    );
    let look = "mkdir -p /tmp/m; mount ${d}1 /tmp/m; sha256sum /tmp/m/file; umount /tmp/m; sfdisk --dump $d";
    sh(&bench, "mkdir -p /tmp/m; mount ${d}1 /tmp/m; head -c 30000000 /dev/urandom >/tmp/m/file; umount /tmp/m");
    let before = sh(&bench, look);
    assert!(before.contains("start=        8192, size=      409600"), "{before}");

    let wipe = ["--lab", "disks", "apply", "nas", "--wipe", "disk.data"];
    let (_, story) = bench.tell(&wipe);
    assert_eq!(story.matches("saved what is overwritten on").count(), 2, "{story}");
    assert!(!sh(&bench, "sfdisk --dump $d").contains("409600"));
    let saves = bench.run(&["--lab", "disks", "undo-tables", "nas"]);
    let save = saves.lines().find(|line| line.contains("-DATA1")).unwrap().split_whitespace().next().unwrap();

    // In use, and then written to: refused.
    sh(&bench, "mkswap -q -U clear ${d}1; swapon ${d}1");
    let undo = ["--lab", "disks", "undo-tables", "nas", save];
    for (case, said) in [("in use", "in use as swap"), ("written", "something was written over them since")] {
        let refused = bench.ask(&undo);
        assert_eq!(refused.status.code(), Some(3), "{case}: {}", told(&refused));
        assert!(told(&refused).contains(said), "{case}: {}", told(&refused));
        sh(&bench, "swapoff ${d}1 2>/dev/null || true");
    }
    // As the step has left it: a first MiB of zeroes.
    sh(&bench, "dd if=/dev/zero of=${d}1 bs=1M count=1 conv=fsync status=none");
    bench.run(&undo);
    assert_eq!(sh(&bench, look), before);
    sh(&bench, "e2fsck -fn ${d}1");
    let again = bench.ask(&undo);
    assert_eq!(again.status.code(), Some(3), "{}", told(&again));
    let kept = bench.run(&["--lab", "--json", "disks", "undo-tables", "nas"]);
    assert_eq!(kept.matches("\"back\":true").count() + kept.matches("\"back\": true").count(), 2, "{kept}");

    // Somebody has it whom no table of mounts tells of: named, and nothing is lost.
    sh(
        &bench,
        "mkdir -p /tmp/own; unshare -m sh -c \"mount ${d}1 /tmp/own; exec sleep 1000\" >/dev/null 2>&1 & sleep 1",
    );
    let busy = bench.ask(&wipe);
    assert_eq!(busy.status.code(), Some(4), "{}", told(&busy));
    for said in ["in use: process ", "(sleep) has sd", "mounted on /tmp/own, where only it sees it"] {
        assert!(told(&busy).contains(said), "{said}: {}", told(&busy));
    }
    sh(&bench, "pkill sleep; sleep 1");
    assert_eq!(sh(&bench, look), before);

    // A group whose volumes carry an array: all of it goes, the topmost first.
    sh(
        &bench,
        "sfdisk -q --delete $d; wipefs -aq $d; vgcreate -qq -y stack $d; for v in a b; do lvcreate -qq -y -n $v -L 64M stack; done; mdadm -q --create /dev/md/top --run --level=1 --raid-devices=2 --metadata=1.2 /dev/stack/a /dev/stack/b; udevadm settle; mkfs.ext4 -q /dev/md/top",
    );
    let foreign = bench.ask(&["--lab", "disks", "apply", "nas"]);
    assert_eq!(foreign.status.code(), Some(3), "{}", told(&foreign));
    bench.run(&wipe);
    assert_eq!(sh(&bench, "ls -d /sys/block/md* /dev/stack 2>/dev/null || true"), "");
    let plan = bench.run(&["--lab", "disks", "plan", "nas"]);
    assert!(plan.contains("nothing to do"), "{plan}");
}
