//! Tables that are there, and change.

mod common;

use storage::facts::{Content, Device};
use storage::plan::{Action, Consent, TableAction};
use storage::wish::{Holds, Kind};

const MIB: u64 = 1 << 20;

/// One grows into what is free behind it, and the new one comes behind that.
#[test]
fn nothing_is_added_where_another_grows_to() {
    let wish = common::wish(
        "[disk.d]\nserial = \"S\"\n[disk.d.content]\ntype = \"gpt\"\n\
         partitions.a = { size = \"24MiB\", priority = 1 }\npartitions.b = { size = \"4MiB\", priority = 2 }\n",
    );
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
    let plan = storage::plan(&wish, &facts, &Consent::default());
    let added = plan.steps.iter().find_map(|step| match &step.what {
        Action::Table(TableAction::Add { start, .. }) => Some(*start),
        _ => None,
    });
    assert_eq!(added, Some(25 * MIB), "{}", plan.to_text());
}
