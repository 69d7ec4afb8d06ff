//! Tables that are there, and change.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use storage::Wish;
use storage::facts::{Content, Device, Facts};
use storage::plan::{Action, Consent, Plan, StepId, TableAction};
use storage::wish::{Holds, Kind};

const MIB: u64 = 1 << 20;

/// A disk of 64 MiB, whose table has the partition `a` of 16 MiB, blank, and nothing else of `partitions`.
fn machine(partitions: &str) -> (Wish, Facts) {
    let wish = common::wish(&format!("[disk.d]\nserial = \"S\"\n[disk.d.content]\ntype = \"gpt\"\n{partitions}"));
    let mut facts = common::facts("blank");
    let mut disk = facts.devices[0].clone();
    let Some(Holds::Table { uuid, .. }) = wish.node(&"disk.d".into()).unwrap().holds.clone() else { panic!() };
    let Kind::Partition(partition) = wish.node(&"disk.d.a".into()).unwrap().kind.clone() else { panic!() };
    (disk.name, disk.serial, disk.size) = ("sda".into(), Some("S".into()), 64 * MIB);
    disk.content =
        Content::Table { label: "gpt".into(), uuid: Some(uuid), id: None, first: MIB, end: 63 * MIB, mbr: Vec::new() };
    let part: Device = serde_json::from_value(serde_json::json!({
        "name": "sda1", "path": "/dev/sda1", "kind": "partition", "size": 16 * MIB, "sector": 512, "removable": false,
        "rotational": false, "read_only": false, "links": [], "parents": ["sda"], "content": { "type": "blank" },
        "partition": { "number": 1, "start": MIB, "size": 16 * MIB, "kind": "x", "uuid": partition.uuid },
    }))
    .unwrap();
    facts.devices = vec![disk, part];
    (wish, facts)
}

fn planned(partitions: &str) -> Plan {
    let (wish, facts) = machine(partitions);
    storage::plan(&wish, &facts, &Consent::default())
}

/// One grows into what is free behind it, and the new one comes behind that.
#[test]
fn nothing_is_added_where_another_grows_to() {
    let plan = planned(
        "partitions.a = { size = \"24MiB\", priority = 1 }\npartitions.b = { size = \"4MiB\", priority = 2 }\n",
    );
    let added = plan.steps.iter().find_map(|step| match &step.what {
        Action::Table(TableAction::Add { start, .. }) => Some(*start),
        _ => None,
    });
    assert_eq!(added, Some(25 * MIB), "{}", plan.to_text());
}

/// While a table is written, the kernel may take all of its partitions away for a moment.
#[test]
fn what_uses_a_partition_waits_for_what_writes_its_table() {
    let ext4 = "content = { type = \"filesystem\", format = \"ext4\", mountpoint = \"/a\" }";
    for other in ["", "partitions.b = { size = \"4MiB\", priority = 2 }\n"] {
        let plan = planned(&format!("partitions.a = {{ size = \"16MiB\", priority = 1, {ext4} }}\n{other}"));
        let after = |id: &str| -> Vec<&str> {
            let step = plan.steps.iter().find(|step| step.id.0 == id).unwrap();
            step.after.iter().map(|id| id.0.as_str()).collect()
        };
        let named = plan.steps.iter().any(|step| step.id.0 == "disk.d.b/partition");
        assert_eq!(named, !other.is_empty(), "{}", plan.to_text());
        if named {
            assert_eq!(after("partitions/settle"), ["disk.d.b/partition"]);
        }
        let waits = if named { &["partitions/settle"][..] } else { &[] };
        assert_eq!(after("disk.d.a/format"), waits, "{}", plan.to_text());
    }
}

/// So does the mount of a btrfs that is there, to which nothing else is to be done.
#[test]
fn a_btrfs_is_mounted_behind_what_writes_the_table_below_it() {
    let (wish, mut facts) = machine(
        "partitions.a = { size = \"16MiB\", priority = 1, content = { type = \"btrfs\", mountpoint = \"/a\" } }\n\
         partitions.b = { size = \"4MiB\", priority = 2 }\n",
    );
    let holds = wish.node(&"disk.d.a".into()).unwrap().holds.as_ref();
    let uuid = holds.and_then(Holds::btrfs).unwrap().uuid;
    let content = serde_json::json!({ "type": "filesystem", "format": "btrfs", "uuid": uuid });
    facts.devices[1].content = serde_json::from_value(content).unwrap();
    let devices = serde_json::json!([{ "id": 1, "device": "sda1", "size": 16 * MIB }]);
    facts.btrfs = serde_json::from_value(serde_json::json!([{ "uuid": uuid, "devices": devices }])).unwrap();
    let plan = storage::plan(&wish, &facts, &Consent::default());
    let mount = plan.steps.iter().find(|step| step.id.0 == "disk.d.a/mount").unwrap();
    assert_eq!(mount.after, [StepId("partitions/settle".into())], "{}", plan.to_text());
}
