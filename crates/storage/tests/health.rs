//! How the NAS is doing in the states that the lab showed.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests read fixtures and may fall")]

use document::{Decode as _, Format, Path, Problems, read};
use storage::facts::{Facts, Fill, MemberState};
use storage::health::State;
use storage::tree::Storage;
use storage::wish::Kind;
use storage::{Wish, health, identity, probe};

const NAS: &str = r#"
[disk.usb]
serial = "LABUSB0001"
content = { type = "mbr", bootable = true, partitions.boot = { content = { type = "filesystem", format = "ext4", mountpoint = "/boot" } } }
[disk.nvme]
serial = "LABNVME0001"
[disk.nvme.content]
type = "gpt"
partitions.root  = { size = "2GiB", content = { type = "filesystem", format = "xfs", mountpoint = "/" } }
partitions.cache = { size = "100%", content = { type = "lvm_pv", vg = "nas" } }
[disk]
sata1 = { serial = "LABSATA0001", content = { type = "mdraid", name = "nas" } }
sata2 = { serial = "LABSATA0002", content = { type = "mdraid", name = "nas" } }
sata3 = { serial = "LABSATA0003", content = { type = "mdraid", name = "nas" } }
sata4 = { serial = "LABSATA0004", content = { type = "mdraid", name = "nas" } }
sata5 = { serial = "LABSATA0005", content = { type = "mdraid", name = "nas" } }
sata6 = { serial = "LABSATA0006", content = { type = "mdraid", name = "nas" } }
[mdadm.nas]
level   = 6
content = { type = "lvm_pv", vg = "nas" }
[lvm_vg.nas]
persistent = true
lvs.data  = { size = "100%", pvs = ["mdadm.nas"], writecache = "cache", content = { type = "filesystem", format = "xfs", mountpoint = "/data" } }
lvs.cache = { size = "100%", pvs = ["disk.nvme.cache"] }
"#;

fn wish() -> Wish {
    let mut problems = Problems::default();
    let value = read(NAS, Format::Toml, &mut problems);
    let storage = Storage::decode(&value, &Path::root(), &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    Wish::new(&storage.unwrap(), identity::namespace("home", "nas"))
}

fn facts(state: &str) -> Facts {
    let path = format!("{}/tests/fixtures/{state}.txt", env!("CARGO_MANIFEST_DIR"));
    probe::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn drawn(facts: &Facts) -> String {
    let lines = health(&wish(), facts).into_iter().map(|finding| {
        let done = finding.done.map(|done| format!(" [{done}]")).unwrap_or_default();
        format!("{:<16} {:<12} {}{done}\n", finding.node, finding.state, finding.text)
    });
    lines.collect()
}

#[test]
fn states() {
    for state in [
        "blank",
        "foreign",
        "tables",
        "mkfs-cut",
        "volumes",
        "complete",
        "failed",
        "replaced",
        "rebuilding",
        "no-cache",
        "inactive",
        "missing",
        "rebooted",
        "begun",
    ] {
        insta::assert_snapshot!(state, drawn(&facts(state)));
    }
}

#[test]
fn all_is_well_on_the_finished_machine_whatever_its_disks_are_called() {
    for state in ["complete", "swapped"] {
        for finding in health(&wish(), &facts(state)) {
            assert_eq!(finding.state, State::Good, "{state}: {finding:?}");
        }
    }
}

/// A pool that is nearly full is told of before what is written to it fails.
#[test]
fn how_full_a_pool_is() {
    let mut problems = Problems::default();
    let text = "[disk.a]\nserial = \"A\"\ncontent = { type = \"lvm_pv\", vg = \"g\" }\n\
        [lvm_vg.g.lvs.p]\nsize = \"1GiB\"\nlvm_type = \"thin-pool\"";
    let storage = Storage::decode(&read(text, Format::Toml, &mut problems), &Path::root(), &mut problems).unwrap();
    let wish = Wish::new(&storage, identity::namespace("home", "nas"));
    for (data, metadata, state, told) in [
        (899, 899, State::Good, "89% of its room and 89% of its notes are in use"),
        (901, 20, State::Degraded, "declare it larger"),
        (20, 900, State::Degraded, "lvextend --poolmetadatasize"),
    ] {
        let mut facts = facts("complete");
        let group = &mut facts.groups[0];
        group.name = "g".into();
        group.volumes.truncate(1);
        for node in &wish.nodes {
            match &node.kind {
                Kind::Group(wished) => group.uuid.clone_from(&wished.uuid),
                Kind::Volume(wished) => {
                    let volume = &mut group.volumes[0];
                    (volume.name, volume.uuid, volume.hidden) = ("p".into(), wished.uuid.clone(), false);
                    (volume.segment, volume.active) = ("thin-pool".into(), false);
                    volume.fill = Some(Fill { data, metadata });
                }
                _ => {}
            }
        }
        let found = health(&wish, &facts);
        let finding = found.iter().find(|finding| finding.node.as_str() == "lvm_vg.g.p").unwrap();
        assert!(finding.state == state && finding.text.contains(told), "{data} {metadata}: {finding:?}");
    }
}

#[test]
fn what_no_capture_shows() {
    type Spoil = fn(&mut Facts);
    let rows: [(&str, State, &str, Spoil); 6] = [
        ("mdadm.nas", State::Broken, "3 of 6 members, failed disk.sata1 (serial LABSATA0001)", |facts| {
            for member in facts.arrays[0].members.iter_mut().filter(|member| member.slot.is_some_and(|slot| slot < 3)) {
                member.state = MemberState::Faulty;
            }
        }),
        ("mdadm.nas", State::Good, "check, 25.0% done", |facts| {
            facts.arrays[0].action = Some("check".into());
            facts.arrays[0].done = 250;
        }),
        ("lvm_vg.nas.data", State::Broken, "xfs on /mnt/data can only be read", |facts| {
            facts.mounts.iter_mut().for_each(|mount| mount.read_only = true);
        }),
        ("lvm_vg.nas", State::Foreign, "is another one", |facts| facts.groups[0].uuid = "x".into()),
        ("disk.sata2", State::Missing, "no disk with serial LABSATA0002", |facts| {
            facts.devices.iter_mut().for_each(|device| {
                device.serial = device.serial.take().filter(|serial| serial != "LABSATA0002");
            });
        }),
        ("disk.sata2", State::Missing, "several disks fit", |facts| {
            facts.devices.iter_mut().filter(|device| device.name.starts_with("sd")).for_each(|device| {
                device.serial = device.serial.take().map(|_| "LABSATA0002".into());
            });
        }),
    ];
    for (node, state, text, spoil) in rows {
        let mut facts = facts("complete");
        spoil(&mut facts);
        let found = health(&wish(), &facts);
        let finding = found.iter().find(|finding| finding.node.as_str() == node).unwrap();
        assert!(finding.state == state && finding.text.contains(text), "{node} {text}: {finding:?}");
    }
}
