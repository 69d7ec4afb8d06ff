//! Layouts of disko that a machine is installed on, and starts from.

use super::bench::Bench;
use super::layout::{chosen, import, name, starts_both_ways};
use serde_json::{Value, json};
use std::fs;
use std::time::Instant;

/// Those with a place for GRUB, whose root the stand-in opens; the lab's machines have a BIOS.
const STARTED: [&str; 6] = ["boot-raid1", "gpt-bios-compat", "hybrid", "mdadm", "mdadm-raid0", "with-lib"];

/// Two disks, of which either may be started from.
const MACHINES: &str = r#"
[machines.one]
address = "192.168.1.10"

[machines.one.storage.disk.first]
device = "/dev/disk/by-id/virtio-G1"
serial = "G1"
content = { type = "mbr", bootable = true, partitions.root = { content = { type = "mdraid", name = "root" } } }

[machines.one.storage.disk.second]
device = "/dev/disk/by-id/virtio-G2"
serial = "G2"
content = { type = "mbr", bootable = true, partitions.root = { content = { type = "mdraid", name = "root" } } }

[machines.one.storage.mdadm.root]
level = 1
content = { type = "filesystem", format = "ext4", mountpoint = "/" }
"#;

#[test]
fn in_the_lab_a_machine_starts_from_layouts_of_disko() {
    let Some(files) = chosen() else { return };
    let files: Vec<_> = files.into_iter().filter(|file| STARTED.contains(&name(file).as_str())).collect();
    if files.is_empty() {
        return println!("skipped: none of these layouts is for a BIOS");
    }
    let Some(bench) = Bench::of("started", MACHINES) else { return };
    bench.run(&["lab", "up"]);
    let file = bench.lab_fleet();
    let fleet: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for layout in files {
        let begun = Instant::now();
        let storage = import(&bench, &layout, "virtio-").storage;
        let mut fleet = fleet.clone();
        if starts_both_ways(&storage) {
            fleet["machines"]["one"]["boot"] = json!("bios");
        }
        let disks: Vec<String> =
            storage["disk"].as_object().unwrap().keys().map(|disk| format!("disk.{disk}")).collect();
        fleet["machines"]["one"]["storage"] = storage;
        fs::write(&file, fleet.to_string()).unwrap();
        let wipe = disks.iter().flat_map(|disk| ["--wipe", disk]);
        let words: Vec<&str> = ["--lab", "install", "one", "--payload", "stand-in"].into_iter().chain(wipe).collect();
        let answer = bench.run(&words);
        assert!(answer.contains("showed its own host key"), "{answer}");
        let plan = bench.run(&["--lab", "disks", "plan", "one"]);
        assert!(plan.contains("nothing to do"), "{plan}");
        let root = bench.run(&["lab", "ssh", "one", "--", "findmnt", "--noheadings", "--output", "SOURCE,FSTYPE", "/"]);
        println!("{:30} started {:4} s  from {}", name(&layout), begun.elapsed().as_secs(), root.trim());
        bench.run(&["lab", "fault", "power-cut", "one", "--lose", "none"]);
        bench.run(&["lab", "boot", "one", "--medium"]);
    }
}
