//! LVM's layouts of `examples/layouts` on real machines of the lab: made from blank disks, written to, grown, and whole
//! after the power went.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod bench;

use bench::Bench;

const RAID: &str = include_str!("../../../examples/layouts/lvm-raid5.toml");

fn sh(bench: &Bench, script: &str) -> String {
    bench.run(&["lab", "ssh", "one", "sudo", "sh", "-c", script])
}

/// Declares the volume half as large again, in the fleet that the lab has made of this one for its small disks.
fn grow(bench: &Bench) {
    bench.edit(|fleet| {
        let size = fleet.pointer_mut("/machines/one/storage/lvm_vg/trio/lvs/data/size").unwrap();
        let bytes = size.as_str().unwrap().parse::<storage::Size>().unwrap().0;
        *size = storage::Size(bytes + bytes / 2).exact().into();
    });
}

#[test]
fn in_the_lab_raid_volumes_of_lvm_are_made_and_grow() {
    let Some(bench) = Bench::new(RAID) else { return };
    bench.run(&["lab", "up"]);
    bench.run(&["--lab", "disks", "apply", "one"]);
    assert!(bench.run(&["--lab", "disks", "plan", "one"]).contains("nothing to do"));
    let kinds = sh(&bench, "lvs --noheadings --options lv_name,segtype trio");
    let kinds: Vec<Vec<&str>> = kinds.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(kinds, [["data", "raid5"], ["scratch", "striped"]]);
    sh(&bench, "head -c 3000000 /dev/urandom > /mnt/data/file; sha256sum /mnt/data/file > /mnt/data/sum; sync");
    let size = || sh(&bench, "findmnt --noheadings --bytes --output SIZE /mnt/data").trim().parse::<u64>().unwrap();
    let before = size();

    grow(&bench);
    let (_, story) = bench.tell(&["--lab", "disks", "apply", "one"]);
    assert!(story.contains("grow volume trio/data") && story.contains("grow ext4"), "{story}");
    assert!(size() > before + before / 4, "{before} -> {}", size());
    assert!(bench.run(&["--lab", "disks", "plan", "one"]).contains("nothing to do"));
    sh(&bench, "sha256sum --check /mnt/data/sum");

    bench.run(&["lab", "fault", "power-cut", "one"]);
    bench.run(&["lab", "boot", "one", "--medium"]);
    bench.run(&["--lab", "disks", "apply", "one"]);
    sh(&bench, "sha256sum --check /mnt/data/sum");
    let status = bench.run(&["--lab", "disks", "status", "one"]);
    assert!(!status.contains("degraded") && !status.contains("broken"), "{status}");
}
