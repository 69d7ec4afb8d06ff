//! The life of a cache on a real machine of the lab: put in front of a volume that is in use, grown together with it, made one
//! of another kind, and taken away. Files are the same after each edit, and then there is nothing to do.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod bench;

use bench::{Bench, told};
use serde_json::json;

const MACHINES: &str = r#"
[machines.nas]
address = "192.168.1.10"

[machines.nas.storage.disk.boot]
device = "/dev/disk/by-id/ata-BOOT1"
serial = "BOOT1"
content = { type = "mbr", bootable = true, partitions.root = { content = { type = "filesystem", format = "ext4", mountpoint = "/" } } }

[machines.nas.storage.disk]
nvme-slow = { serial = "SLOW", content = { type = "lvm_pv", vg = "nas" } }
nvme-fast = { serial = "FAST", content = { type = "lvm_pv", vg = "nas" } }

[machines.nas.storage.lvm_vg.nas.lvs]
data = { size = "100GiB", pvs = ["disk.nvme-slow"], content = { type = "filesystem", format = "xfs", mountpoint = "/data" } }
"#;

fn sh(bench: &Bench, script: &str) -> String {
    bench.run(&["lab", "ssh", "nas", "--", "sh", "-c", script])
}

/// Declares these volumes, in MiB, and applies until nothing is to be done; the story of it.
fn declare(bench: &Bench, data: u64, cache: u64, kind: Option<&str>) -> String {
    bench.edit(|fleet| {
        let lvs = fleet.pointer_mut("/machines/nas/storage/lvm_vg/nas/lvs").unwrap();
        lvs["data"]["size"] = json!(format!("{data}MiB"));
        for name in ["writecache", "cache"] {
            lvs["data"].as_object_mut().unwrap().remove(name);
            if kind == Some(name) {
                lvs["data"][name] = json!("fast");
            }
        }
        lvs["fast"] = json!({ "size": format!("{cache}MiB"), "pvs": ["disk.nvme-fast"] });
    });
    let (_, story) = bench.tell(&["--lab", "disks", "apply", "nas"]);
    let plan = bench.run(&["--lab", "disks", "plan", "nas"]);
    assert!(plan.contains("nothing to do"), "{plan}");
    let status = bench.ask(&["--lab", "disks", "status", "nas"]);
    assert_eq!(status.status.code(), Some(0), "{}", told(&status));
    let seen = sh(bench, "lvs --noheadings --units m --nosuffix --options lv_name,segtype,lv_size nas/data");
    let seen: Vec<&str> = seen.split_whitespace().collect();
    assert_eq!(seen, ["data", kind.unwrap_or("linear"), &format!("{data}.00")]);
    sh(bench, "sha256sum --check --quiet /mnt/data/sums");
    story
}

#[test]
fn in_the_lab_a_cache_comes_grows_changes_and_goes() {
    let Some(bench) = Bench::of("caching", MACHINES) else { return };
    bench.run(&["lab", "up"]);
    bench.run(&["--lab", "disks", "apply", "nas"]);
    sh(
        &bench,
        "cd /mnt/data; for at in 1 2 3; do head -c 5000000 /dev/urandom >file$at; done; sha256sum file* | sed 's, , /mnt/data/,2' >sums; sync",
    );
    let size = || sh(&bench, "findmnt --noheadings --bytes --output SIZE /mnt/data").trim().parse::<u64>().unwrap();
    let before = size();

    let story = declare(&bench, 640, 128, Some("writecache"));
    assert!(story.contains("attach writecache fast to nas/data"), "{story}");
    // Written behind the cache, and there when it is gone.
    sh(
        &bench,
        "cd /mnt/data; head -c 20000000 /dev/urandom >late; sha256sum late | sed 's, , /mnt/data/,2' >>sums; sync",
    );
    let story = declare(&bench, 960, 256, Some("writecache"));
    for step in [
        "write out and detach writecache fast of nas/data",
        "nas: writes writecache fast of nas/data out: 100.0%",
        "grow volume nas/data",
        "grow volume nas/fast",
        "attach writecache",
    ] {
        assert!(story.contains(step), "{step}: {story}");
    }
    assert!(size() > before + (200 << 20), "{before} -> {}", size());
    let story = declare(&bench, 960, 256, Some("cache"));
    assert!(story.contains("detach writecache fast") && story.contains("attach cache fast"), "{story}");
    let story = declare(&bench, 960, 256, None);
    assert!(story.contains("detach cache fast") && !story.contains("attach cache"), "{story}");

    bench.run(&["lab", "fault", "power-cut", "nas"]);
    bench.run(&["lab", "boot", "nas", "--medium"]);
    // LVM's notes are whole on both disks.
    assert_eq!(sh(&bench, "vgs --noheadings --options vg_name 2>&1").trim(), "nas");
    bench.run(&["--lab", "disks", "apply", "nas"]);
    sh(&bench, "sha256sum --check --quiet /mnt/data/sums");

    declare(&bench, 960, 256, Some("writecache"));
    sh(&bench, BEGUN);
    bench.run(&["--lab", "disks", "apply", "nas"]);
    let plan = bench.run(&["--lab", "disks", "plan", "nas"]);
    assert!(plan.contains("nothing to do"), "{plan}");
    sh(&bench, "sha256sum --check --quiet /mnt/data/sums");
}

/// What a power cut leaves of a writecache that the kernel was formatting: a version (1), and no magic number yet. What was in
/// this one is written out before. The kernel refuses it.
const BEGUN: &str = "set -e; umount /mnt/data; dmsetup message nas-data 0 flush; vgchange --quiet --activate n nas
    device=$(lvs --all --noheadings --options devices nas/fast_cvol | tr -d ' ')
    test \"${device#*(}\" = '0)'; device=${device%(*}
    sector=$(pvs --noheadings --units s --nosuffix --options pe_start $device | tr -d ' ')
    printf '\\0\\0\\0\\0\\1\\0\\0\\0' | dd of=$device bs=512 seek=$sector conv=notrunc,sync,fsync status=none
    ! vgchange --quiet --activate y nas";
