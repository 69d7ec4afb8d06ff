//! disko's device trees in, fleet lines out: a picture of a whole tree, a table of what is named, and laws for any tree.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use document::{Decode, Format, Path, Problems, read};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fmt::Write as _;
use storage::disko::{Import, Kind, devices, import};
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

/// One partition of a disk that is else in order, as it reads in the fleet, and where something was named.
fn partition(partition: &Value) -> (String, Vec<String>) {
    partitions(&json!({ "p": partition }))
}

fn partitions(partitions: &Value) -> (String, Vec<String>) {
    content(&json!({ "type": "gpt", "partitions": partitions }))
}

fn content(content: &Value) -> (String, Vec<String>) {
    let tree = json!({ "disk": { "d": { "device": "/dev/disk/by-id/x", "content": content } } });
    let imported = imported(&tree);
    let lines = imported.to_toml("nas");
    assert_eq!(read_back(&lines), imported.storage);
    let kept = lines.lines().filter(|line| line.starts_with("partitions.") || line.starts_with("content"));
    (kept.collect::<Vec<_>>().join("\n"), places(&imported))
}

/// Kind and place of every finding.
fn places(imported: &Import) -> Vec<String> {
    imported.findings.iter().map(|it| format!("{} {}", it.kind.word(), it.at)).collect()
}

#[test]
fn partitions_one_by_one() {
    let p = "disk.d.content.partitions.p";
    for (case, given, line, named) in [
        ("a size", json!({ "size": "500M" }), "{ size = \"500MiB\" }", vec![]),
        ("the rest", json!({ "size": "100%" }), "{ size = \"end\" }", vec![]),
        ("nothing said", json!({}), "{ size = \"end\" }", vec![format!("changed {p}")]),
        ("nothing at all", json!({ "size": "0M" }), "{ size = \"end\" }", vec![format!("changed {p}")]),
        (
            "as evaluated, nothing said",
            json!({ "size": "0", "end": "+0" }),
            "{ size = \"end\" }",
            vec![format!("changed {p}")],
        ),
        ("sectors", json!({ "size": "4096" }), "{ size = \"2MiB\" }", vec![format!("changed {p}.size")]),
        ("from and to", json!({ "start": "1M", "end": "128M" }), "{ size = \"127MiB\" }", vec![]),
        ("to", json!({ "end": "500M" }), "{ size = \"499MiB\" }", vec![]),
        ("a length", json!({ "end": "+1G" }), "{ size = \"1GiB\" }", vec![]),
        ("the very end", json!({ "end": "-0" }), "{ size = \"end\" }", vec![]),
        ("before the end", json!({ "end": "-10G" }), "{ size = \"end\" }", vec![format!("changed {p}.end")]),
        ("a gap", json!({ "start": "1G", "size": "1G" }), "{ size = \"1GiB\" }", vec![format!("left out {p}.start")]),
        ("EFI", json!({ "size": "1G", "type": "EF00" }), "{ size = \"1GiB\", type = \"efi\" }", vec![]),
        (
            "EFI by GUID",
            json!({ "size": "1G", "type": "c12a7328-f81f-11d2-ba4b-00a0c93ec93b" }),
            "{ size = \"1GiB\", type = \"efi\" }",
            vec![],
        ),
        ("BIOS boot", json!({ "size": "1M", "type": "EF02" }), "{ size = \"1MiB\", type = \"bios-boot\" }", vec![]),
        ("the usual type", json!({ "size": "1G", "type": "8300" }), "{ size = \"1GiB\" }", vec![]),
        ("RAID, empty", json!({ "size": "1G", "type": "FD00" }), "{ size = \"1GiB\", type = \"linux-raid\" }", vec![]),
        ("LVM, empty", json!({ "size": "1G", "type": "8e00" }), "{ size = \"1GiB\", type = \"linux-lvm\" }", vec![]),
        (
            "another type",
            json!({ "size": "1G", "type": "BF01" }),
            "{ size = \"1GiB\" }",
            vec![format!("left out {p}.type")],
        ),
        (
            "EFI in RAID",
            json!({ "size": "1G", "type": "EF00", "content": { "type": "swap" } }),
            "{ size = \"1GiB\", content = { type = \"swap\" } }",
            vec![format!("left out {p}.type")],
        ),
        (
            "a GUID",
            json!({ "size": "1G", "uuid": "f0f0f0f0-f0f0-f0f0-f0f0-f0f0f0f0f0f0" }),
            "{ size = \"1GiB\", uuid = \"f0f0f0f0-f0f0-f0f0-f0f0-f0f0f0f0f0f0\" }",
            vec![],
        ),
        (
            "its own label",
            json!({ "size": "1G", "label": "mine" }),
            "{ size = \"1GiB\" }",
            vec![format!("left out {p}.label")],
        ),
        (
            "attributes",
            json!({ "size": "1G", "attributes": [2] }),
            "{ size = \"1GiB\" }",
            vec![format!("left out {p}.attributes")],
        ),
        (
            "hybrid",
            json!({ "size": "1G", "hybrid": { "mbrBootableFlag": true } }),
            "{ size = \"1GiB\" }",
            vec![format!("left out {p}.hybrid")],
        ),
        (
            "made up",
            json!({ "size": "1G", "colour": "red" }),
            "{ size = \"1GiB\" }",
            vec![format!("left out {p}.colour")],
        ),
        (
            "LUKS",
            json!({ "size": "1G", "content": { "type": "luks", "name": "c", "content": { "type": "btrfs" } } }),
            "{ size = \"1GiB\" }",
            vec![format!("left out {p}.content")],
        ),
        (
            "a wrong kind",
            json!({ "size": 5 }),
            "{ size = \"end\" }",
            vec![format!("left out {p}.size"), format!("changed {p}")],
        ),
        ("no size at all", json!({ "size": "large" }), "{ size = \"end\" }", vec![format!("left out {p}.size")]),
    ] {
        assert_eq!(partition(&given), (format!("partitions.p = {line}"), named), "{case}");
    }
}

/// disko's own defaults, which an evaluated tree is full of, say nothing.
#[test]
fn an_evaluated_partition_is_as_it_was_written() {
    let given = json!({
        "type": "8300", "attributes": [], "device": "/dev/disk/by-partlabel/disk-d-p", "priority": 1000, "name": "p",
        "uuid": null, "label": "disk-d-p", "size": "1G", "alignment": 0, "start": "0", "end": "+1G", "hybrid": null,
        "_index": 1, "content": {
            "type": "filesystem", "device": "/dev/disk/by-partlabel/disk-d-p", "extraArgs": [], "format": "ext4",
            "mountOptions": ["defaults"], "mountpoint": "/", "preCreateHook": "", "postMountHook": "", "_parent": {},
        },
    });
    let line = "partitions.p = { size = \"1GiB\", content = { type = \"filesystem\", format = \"ext4\", mountpoint = \"/\" } }";
    assert_eq!(partition(&given), (line.to_owned(), vec![]));
}

#[test]
fn filesystems_one_by_one() {
    let at = "disk.d.content";
    let id = "f0f0f0f0-f0f0-f0f0-f0f0-f0f0f0f0f0f0";
    for (case, mut given, line, named) in [
        (
            "plain",
            json!({ "format": "xfs", "mountpoint": "/" }),
            "format = \"xfs\", mountpoint = \"/\"".to_owned(),
            vec![],
        ),
        (
            "options",
            json!({ "format": "ext4", "mountOptions": ["defaults", "noatime,nofail"] }),
            "format = \"ext4\", options = [\"noatime\", \"nofail\"]".to_owned(),
            vec![],
        ),
        (
            "label",
            json!({ "format": "ext4", "extraArgs": ["-L root", "-F"] }),
            "format = \"ext4\", label = \"root\"".to_owned(),
            vec![],
        ),
        (
            "vfat",
            json!({ "format": "vfat", "extraArgs": ["-F", "32", "-n", "ESP"] }),
            "format = \"vfat\", label = \"ESP\"".to_owned(),
            vec![],
        ),
        (
            "identity",
            json!({ "format": "ext4", "extraArgs": ["-U", id] }),
            format!("format = \"ext4\", uuid = \"{id}\""),
            vec![],
        ),
        (
            "identity of XFS",
            json!({ "format": "xfs", "extraArgs": ["-f", "-m", format!("uuid={id}")] }),
            format!("format = \"xfs\", uuid = \"{id}\""),
            vec![],
        ),
        (
            "arguments",
            json!({ "format": "ext4", "extraArgs": ["-O", "casefold"] }),
            "format = \"ext4\"".to_owned(),
            vec!["left out disk.d.content.extraArgs"],
        ),
        (
            "a hook",
            json!({ "format": "ext4", "preMountHook": "true" }),
            "format = \"ext4\"".to_owned(),
            vec!["left out disk.d.content.preMountHook"],
        ),
        (
            "a bad mount point",
            json!({ "format": "ext4", "mountpoint": "/my data" }),
            "format = \"ext4\", mountpoint = \"/my data\"".to_owned(),
            vec!["wrong disk.d.content.mountpoint"],
        ),
        (
            "another device",
            json!({ "format": "ext4", "device": "/dev/sdz" }),
            "format = \"ext4\"".to_owned(),
            vec!["left out disk.d.content.device"],
        ),
    ] {
        given["type"] = json!("filesystem");
        let (lines, found) = content(&given);
        assert_eq!(lines, format!("content = {{ type = \"filesystem\", {line} }}"), "{case}");
        assert_eq!(found, named, "{case}");
    }
    for (case, given) in [
        ("btrfs", json!({ "type": "btrfs", "subvolumes": {} })),
        ("zfs", json!({ "type": "zfs", "pool": "zroot" })),
        ("bcachefs", json!({ "type": "bcachefs", "filesystem": "f" })),
        ("luks", json!({ "type": "luks", "name": "c" })),
        ("f2fs", json!({ "type": "filesystem", "format": "f2fs" })),
        ("swap in secret", json!({ "type": "swap", "randomEncryption": true })),
        ("made up", json!({ "type": "tape" })),
        ("nothing", json!({})),
    ] {
        assert_eq!(content(&given), (String::new(), vec![format!("left out {at}")]), "{case}");
    }
}

#[test]
fn the_order_on_the_disk_is_diskos() {
    let size = |size: &str| json!({ "size": size });
    let with = |mut value: Value, key: &str, what: Value| {
        value[key] = what;
        value
    };
    let lines = |given: Value| partitions(&given).0.replace("partitions.", "");
    // By name, the rest last: nothing need be said.
    assert_eq!(
        lines(json!({ "b": size("2G"), "a": size("1G"), "r": size("100%") })),
        "a = { size = \"1GiB\" }\nb = { size = \"2GiB\" }\nr = { size = \"end\" }"
    );
    // A priority that changes nothing is not written, one that does is, for all.
    assert_eq!(
        lines(json!({ "a": with(size("1G"), "priority", json!(5)), "b": size("2G") })),
        "a = { size = \"1GiB\" }\nb = { size = \"2GiB\" }"
    );
    assert_eq!(
        lines(json!({ "a": size("1G"), "b": with(size("2G"), "priority", json!(5)) })),
        "b = { size = \"2GiB\", priority = 10 }\na = { size = \"1GiB\", priority = 20 }"
    );
    // disko does not put an EFI system partition first by itself; homehive does.
    assert_eq!(
        lines(json!({ "a": size("1G"), "z": with(size("1G"), "type", json!("EF00")) })),
        "a = { size = \"1GiB\", priority = 10 }\nz = { size = \"1GiB\", type = \"efi\", priority = 20 }"
    );
    // One that ends early leaves room for the one behind it.
    let (lines, named) = partitions(&json!({ "root": { "end": "-4G" }, "swap": size("100%") }));
    assert_eq!(lines, "partitions.swap = { size = \"4GiB\" }\npartitions.root = { size = \"end\" }");
    assert_eq!(named, ["changed disk.d.content.partitions.root.end"]);
}

#[test]
fn legacy_tables() {
    let part = |name: &str, start: &str, end: &str| json!({ "name": name, "start": start, "end": end });
    let table =
        |format: &str, parts: Value| content(&json!({ "type": "table", "format": format, "partitions": parts }));
    assert_eq!(
        table("gpt", json!([part("a", "1M", "501M"), part("b", "501M", "100%")])),
        ("partitions.a = { size = \"500000000B\" }\npartitions.b = { size = \"end\" }".to_owned(), vec![])
    );
    assert_eq!(
        table("msdos", json!([part("a", "0%", "50%"), part("b", "50%", "100%")])),
        ("partitions.a = { size = \"50%\" }\npartitions.b = { size = \"end\" }".to_owned(), vec![])
    );
    let (_, named) = table("msdos", json!([part("a", "1MiB", "1GiB"), { "name": "b", "part-type": "extended" }]));
    assert_eq!(named, ["left out disk.d.content.partitions.1"]);
}

/// The volumes of one group on one disk.
fn volumes(lvs: &Value) -> (String, Vec<String>) {
    let tree = json!({
        "disk": { "d": { "device": "/dev/disk/by-id/x", "content": { "type": "lvm_pv", "vg": "g" } } },
        "lvm_vg": { "g": { "type": "lvm_vg", "lvs": lvs } },
    });
    let imported = imported(&tree);
    let lines = imported.to_toml("nas");
    assert_eq!(read_back(&lines), imported.storage);
    let kept = lines.lines().filter_map(|line| line.strip_prefix("lvs."));
    (kept.collect::<Vec<_>>().join("\n"), places(&imported))
}

#[test]
fn volumes_one_by_one() {
    let a = "lvm_vg.g.lvs.a";
    for (case, lvs, lines, named) in [
        (
            "sizes",
            json!({ "a": { "size": "10G" }, "b": { "size": "100%FREE" } }),
            "a = { size = \"10GiB\" }\nb = { size = \"end\" }",
            vec![],
        ),
        (
            "shares",
            json!({ "a": { "size": "50%FREE" }, "b": { "size": "50%FREE" } }),
            "a = { size = \"50%\" }\nb = { size = \"25%\" }",
            vec![],
        ),
        (
            "shares of the group",
            json!({ "a": { "size": "30%VG" }, "b": { "size": "70%VG" } }),
            "a = { size = \"30%\" }\nb = { size = \"end\" }",
            vec![],
        ),
        (
            "a size after a share",
            json!({ "a": { "size": "50%" }, "b": { "size": "1G" } }),
            "a = { size = \"50%\", priority = 10 }\nb = { size = \"1GiB\", priority = 20 }",
            vec![format!("changed {a}.size")],
        ),
        (
            "a share of a share",
            json!({ "a": { "size": "33%" }, "b": { "size": "33%" } }),
            "a = { size = \"33%\" }\nb = { size = \"22%\" }",
            vec!["changed lvm_vg.g.lvs.b.size".to_owned()],
        ),
        (
            "thin",
            json!({ "a": { "size": "1G", "lvm_type": "thinlv", "pool": "p" } }),
            "",
            vec![format!("left out {a}")],
        ),
        (
            "mirrored",
            json!({ "a": { "size": "1G", "lvm_type": "mirror", "content": { "type": "swap" } } }),
            "",
            vec![format!("left out {a}")],
        ),
        (
            "arguments",
            json!({ "a": { "size": "1G", "extraArgs": ["--cachevol", "b"] } }),
            "a = { size = \"1GiB\" }",
            vec![format!("left out {a}.extraArgs")],
        ),
        ("no size", json!({ "a": {} }), "", vec![format!("left out {a}")]),
        (
            "made up",
            json!({ "a": { "size": "1G", "colour": "red" } }),
            "a = { size = \"1GiB\" }",
            vec![format!("left out {a}.colour")],
        ),
    ] {
        assert_eq!(volumes(&lvs), (lines.to_owned(), named), "{case}");
    }
}

#[test]
fn devices_one_by_one() {
    for (case, tree, named) in [
        ("a kernel's name", json!({ "disk": { "a": { "device": "/dev/sda" } } }), vec!["to fill in disk.a.device"]),
        ("no device", json!({ "disk": { "a": {} } }), vec!["to fill in disk.a"]),
        (
            "a name that is none",
            json!({ "disk": { "/dev/a": { "device": "/dev/disk/by-id/a" } } }),
            vec!["changed disk./dev/a"],
        ),
        (
            "two of one name",
            json!({ "disk": { "a/": { "device": "/dev/disk/by-id/a" }, "a_": { "device": "/dev/disk/by-id/b" } } }),
            vec!["changed disk.a/", "left out disk.a_"],
        ),
        (
            "images",
            json!({ "disk": { "a": { "device": "/dev/disk/by-id/a", "imageSize": "9G" } } }),
            vec!["left out disk.a.imageSize"],
        ),
        ("a level that is none", json!({ "mdadm": { "m": { "level": 7 } } }), vec!["left out mdadm.m.level"]),
        (
            "old metadata",
            json!({ "mdadm": { "m": { "level": 1, "metadata": "1.0" } } }),
            vec!["left out mdadm.m.metadata", "wrong mdadm.m"],
        ),
        (
            "arguments",
            json!({ "mdadm": { "m": { "extraArgs": ["--assume-clean"] } } }),
            vec!["left out mdadm.m.extraArgs", "wrong mdadm.m"],
        ),
        ("pools", json!({ "zpool": { "a": {}, "b": {} } }), vec!["left out zpool.a", "left out zpool.b"]),
        ("a made up kind", json!({ "disk": {}, "tape": { "a": {} } }), vec!["left out tape"]),
        ("no tree", json!({ "disk": [1] }), vec!["left out disk"]),
    ] {
        assert_eq!(places(&imported(&tree)), named, "{case}");
    }
    let kept = json!({ "disk": { "a": { "device": "/dev/disk/by-id/a", "destroy": false } } });
    assert_eq!(imported(&kept).storage.disk.values().next().unwrap().persistent, Some(true));
}

// Laws.

/// Sizes and options as disko writes them.
fn walk(value: &mut Value) {
    if let Value::Object(entries) = value {
        if let Some(size) = entries.get("size").and_then(Value::as_str) {
            let size = size.strip_suffix("iB").map_or_else(|| "100%".to_owned(), str::to_owned);
            entries.insert("size".to_owned(), json!(size));
        }
        if let Some(options) = entries.remove("options") {
            entries.insert("mountOptions".to_owned(), options);
        }
        entries.remove("bootable");
        entries.remove("spare");
        entries.values_mut().for_each(walk);
    }
}

/// Our tree in disko's words, for what both have.
fn exported(storage: &Storage) -> Value {
    let mut tree = serde_json::to_value(storage).unwrap();
    walk(&mut tree);
    tree
}

fn leaf() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just(r#"{ type = "filesystem", format = "ext4" }"#),
        Just(r#"{ type = "filesystem", format = "xfs", options = ["noatime"] }"#),
        Just(r#"{ type = "swap" }"#),
        Just(r#"{ type = "lvm_pv", vg = "g" }"#),
    ]
}

/// Trees of ours that disko can say as well.
fn shared() -> impl Strategy<Value = Storage> {
    let parts = prop::collection::vec((1_u64..5000, leaf()), 1..5);
    (prop::collection::vec((parts, any::<bool>()), 1..4), prop::collection::vec(1_u64..9000, 0..3)).prop_map(
        |(disks, volumes)| {
            let mut text = String::from("[lvm_vg.g]\n");
            for (at, size) in volumes.iter().enumerate() {
                let _ = writeln!(text, "lvs.v{at} = {{ size = \"{size}MiB\" }}");
            }
            for (at, (parts, rest)) in disks.iter().enumerate() {
                let _ = writeln!(
                    text,
                    "[disk.d{at}]\ndevice = \"/dev/disk/by-id/d{at}\"\n[disk.d{at}.content]\ntype = \"gpt\""
                );
                for (part, (size, leaf)) in parts.iter().enumerate() {
                    let size = if *rest && part + 1 == parts.len() { "end".to_owned() } else { format!("{size}MiB") };
                    let _ = writeln!(text, "partitions.p{part} = {{ size = \"{size}\", content = {leaf} }}");
                }
            }
            common::storage(&text)
        },
    )
}

/// Any JSON, with disko's words strewn in.
fn any_tree() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        prop::sample::select(vec![
            "disk",
            "mdadm",
            "lvm_vg",
            "lvs",
            "content",
            "partitions",
            "type",
            "gpt",
            "table",
            "filesystem",
            "swap",
            "luks",
            "size",
            "100%",
            "1G",
            "start",
            "end",
            "-1G",
            "15000P",
            "0M",
            "+5M",
            "50%FREE",
            "format",
            "ext4",
            "mountpoint",
            "/",
            "level",
            "name",
            "device",
            "/dev/sda",
            "mountOptions",
            "extraArgs",
            "-L",
            "priority",
            "uuid",
            "vg",
            "EF00",
            "bootable",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,6}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(7, 80, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    /// What both languages can say survives the way there and back.
    #[test]
    fn import_undoes_export(storage in shared()) {
        let found = imported(&exported(&storage));
        let named: Vec<_> = found.findings.iter().filter(|it| it.kind != Kind::Wrong).collect();
        prop_assert!(named.is_empty(), "{named:?}");
        prop_assert_eq!(found.storage, storage);
    }

    /// Whatever is fed in: what is imported is right or the findings say why, and the lines say exactly it.
    #[test]
    fn any_tree_is_imported_or_named(tree in any_tree()) {
        let found = imported(&tree);
        let mut problems = Problems::default();
        storage::check(&found.storage, &Path::root(), &mut problems);
        let told = found.findings.iter().filter(|it| matches!(it.kind, Kind::Wrong | Kind::FillIn)).count();
        prop_assert_eq!(told, problems.len());
        prop_assert_eq!(read_back(&found.to_toml("nas")), found.storage);
    }

    /// An attribute that nobody knows is named where it stands.
    #[test]
    fn nothing_is_dropped_in_silence(at in prop::sample::select(vec![
        "/disk/nvme", "/disk/nvme/content", "/disk/nvme/content/partitions/ESP", "/disk/nvme/content/partitions/swap/content",
        "/disk/sata1/content", "/mdadm/nas", "/mdadm/nas/content", "/lvm_vg/nas", "/lvm_vg/nas/lvs/home",
        "/lvm_vg/nas/lvs/home/content",
    ]), key in "[a-z]{9}", value in prop_oneof![Just(json!("x")), Just(json!(1)), Just(json!(false)), Just(json!([0]))]) {
        let mut tree = nas()["disko"]["devices"].take();
        tree.pointer_mut(at).unwrap()[&key] = value;
        let place = format!("{}.{key}", at[1..].replace('/', "."));
        let found = imported(&tree);
        prop_assert!(found.findings.iter().any(|it| it.at == place && it.kind == Kind::LeftOut), "{:?}", found.findings);
    }
}
