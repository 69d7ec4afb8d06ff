//! The layouts of `examples/layouts` on real machines of the lab: made from blank disks, written to, booted again.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod bench;

use bench::Bench;
use std::path::Path;

fn bench(layout: &str) -> Option<Bench> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../examples/layouts/{layout}.toml"));
    Bench::new(&std::fs::read_to_string(file).unwrap())
}

fn as_wished(bench: &Bench) {
    assert!(bench.run(&["--lab", "disks", "plan", "one"]).contains("nothing to do"));
    let status = bench.run(&["--lab", "disks", "status", "one"]);
    assert!(status.lines().all(|line| line.contains(" good ")), "{status}");
}

fn sh(bench: &Bench, script: &str) -> String {
    bench.run(&["lab", "ssh", "one", "sudo", "sh", "-c", script])
}

#[test]
fn in_the_lab_btrfs_over_two_disks_comes_back_with_its_subvolumes() {
    let Some(bench) = bench("btrfs-raid1-subvolumes") else { return };
    bench.run(&["lab", "up"]);
    bench.run(&["--lab", "disks", "apply", "one"]);
    as_wished(&bench);
    sh(&bench, "echo kept > /mnt/data/anna/file; sync");
    let list = sh(&bench, "btrfs subvolume list /mnt");
    for path in ["@", "@data", "@data/anna", "@nix"] {
        assert!(list.lines().any(|line| line.ends_with(&format!(" path {path}"))), "{path}: {list}");
    }
    assert!(sh(&bench, "btrfs filesystem df /mnt").contains("Data, RAID1"));
    bench.run(&["lab", "fault", "power-cut", "one"]);
    bench.run(&["lab", "boot", "one", "--medium"]);
    let plan = bench.run(&["--lab", "disks", "plan", "one"]);
    assert!(!plan.lines().any(|line| line.starts_with(['+', '!', '>'])), "only mounts: {plan}");
    bench.run(&["--lab", "disks", "apply", "one"]);
    as_wished(&bench);
    assert_eq!(sh(&bench, "cat /mnt/data/anna/file"), "kept\n");
}
