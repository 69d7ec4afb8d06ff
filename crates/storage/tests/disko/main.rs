//! disko's device trees in, fleet lines out: a picture of a whole tree, a table of what is named, and laws for any tree.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

#[path = "../common/mod.rs"]
mod common;
mod contents;
mod laws;
mod luks;
mod pools;
mod tables;

use document::{Decode, Format, Path, Problems, read};
use serde_json::{Value, json};
use storage::disko::{Import, devices, import};
use storage::tree::Storage;

fn imported(tree: &Value) -> Import {
    let mut problems = Problems::default();
    let value = read(&tree.to_string(), Format::Json, &mut problems);
    assert!(problems.is_empty());
    import(devices(&value).unwrap_or(&value))
}

/// The lines, read as a fleet's `[machines.nas.storage]`.
fn read_back(lines: &str) -> Storage {
    let mut problems = Problems::default();
    let value = read(lines, Format::Toml, &mut problems);
    let empty = read("", Format::Toml, &mut problems);
    let inner = value.get("machines").and_then(|all| all.get("nas")).and_then(|nas| nas.get("storage"));
    let storage = Storage::decode(inner.unwrap_or(&empty), &Path::root(), &mut problems);
    let messages: Vec<_> = problems.iter().map(|problem| format!("{problem:?}")).collect();
    assert!(messages.is_empty(), "{messages:?} in\n{lines}");
    storage.unwrap()
}

fn nas() -> Value {
    let member =
        json!({ "type": "disk", "device": "/dev/disk/by-id/ata-X", "content": { "type": "mdraid", "name": "nas" } });
    let mut disks = json!({
        "nvme": { "type": "disk", "device": "/dev/disk/by-id/nvme-A", "content": { "type": "gpt", "partitions": {
            "ESP": { "size": "512M", "type": "EF00", "content": {
                "type": "filesystem", "format": "vfat", "mountpoint": "/boot", "mountOptions": ["umask=0077"] } },
            "root": { "size": "96G", "content": { "type": "filesystem", "format": "xfs", "mountpoint": "/" } },
            "swap": { "size": "8G", "content": { "type": "swap", "priority": 5 } },
            "cache": { "size": "100%", "content": { "type": "lvm_pv", "vg": "nas" } },
        } } },
    });
    for at in 1..=4 {
        let mut disk = member.clone();
        disk["device"] = json!(format!("/dev/disk/by-id/ata-X{at}"));
        disks[format!("sata{at}")] = disk;
    }
    json!({ "disko": { "devices": {
        "disk": disks,
        "mdadm": { "nas": { "type": "mdadm", "level": 6, "content": { "type": "lvm_pv", "vg": "nas" } } },
        "lvm_vg": { "nas": { "type": "lvm_vg", "lvs": {
            "data": { "size": "100%FREE", "extraArgs": ["--type=raid1"], "content": {
                "type": "filesystem", "format": "xfs", "mountpoint": "/data", "extraArgs": ["-L", "data"],
                "postMountHook": "chown ben /data" } },
            "home": { "size": "100G", "content": { "type": "filesystem", "format": "ext4", "mountpoint": "/home" } },
            "thin": { "size": "10G", "lvm_type": "thin-pool" },
        } } },
        "nodev": { "/tmp": { "fsType": "tmpfs" } },
    } } })
}

#[test]
fn a_whole_tree_becomes_lines_with_remarks_at_their_places() {
    let imported = imported(&nas());
    let lines = imported.to_toml("nas");
    assert_eq!(read_back(&lines), imported.storage);
    insta::assert_snapshot!(lines);
}
