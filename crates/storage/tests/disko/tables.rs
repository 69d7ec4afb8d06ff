//! What each thing becomes, and what of it is named: tables.

use super::{imported, read_back};
use serde_json::{Value, json};
use storage::disko::Import;

/// One partition of a disk that is else in order, as it reads in the fleet, and where something was named.
fn partition(partition: &Value) -> (String, Vec<String>) {
    partitions(&json!({ "p": partition }))
}

fn partitions(partitions: &Value) -> (String, Vec<String>) {
    content(&json!({ "type": "gpt", "partitions": partitions }))
}

pub fn content(content: &Value) -> (String, Vec<String>) {
    let tree = json!({ "disk": { "d": { "device": "/dev/disk/by-id/x", "content": content } } });
    let imported = imported(&tree);
    let lines = imported.to_toml("nas");
    assert_eq!(read_back(&lines), imported.storage);
    let kept = lines.lines().filter(|line| line.starts_with("partitions.") || line.starts_with("content"));
    (kept.collect::<Vec<_>>().join("\n"), places(&imported))
}

/// Kind and place of every finding.
pub fn places(imported: &Import) -> Vec<String> {
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
        (
            "swap in secret",
            json!({ "size": "1G", "content": { "type": "swap", "randomEncryption": true, "priority": 100 } }),
            "{ size = \"1GiB\", content = { type = \"swap\", priority = 100, random_encryption = true } }",
            vec![],
        ),
        (
            "swap to resume from",
            json!({ "size": "1G", "content": { "type": "swap", "discardPolicy": "both", "resumeDevice": true } }),
            "{ size = \"1GiB\", content = { type = \"swap\", discard = \"both\", resume = true } }",
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
            json!({ "size": "1G", "attributes": [63, 2] }),
            "{ size = \"1GiB\", attributes = [2, 63] }",
            vec![],
        ),
        (
            "attributes without a meaning",
            json!({ "size": "1G", "attributes": [20] }),
            "{ size = \"1GiB\" }",
            vec![format!("left out {p}.attributes")],
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
            "{ size = \"1GiB\", content = { type = \"luks\", name = \"c\", content = { type = \"btrfs\" } } }",
            vec![],
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

/// Entries of a hybrid MBR, in the words of both.
#[test]
fn partitions_that_an_mbr_names_too() {
    let p = "disk.d.content.partitions.p";
    for (case, given, line, named) in [
        (
            "hybrid",
            json!({ "size": "1G", "hybrid": { "mbrPartitionType": "0x0c", "mbrBootableFlag": true } }),
            "{ size = \"1GiB\", hybrid = { mbr_partition_type = \"0x0c\", mbr_bootable_flag = true } }",
            vec![],
        ),
        (
            "hybrid of its own type",
            json!({ "size": "1G", "hybrid": { "mbrPartitionType": null, "mbrBootableFlag": false } }),
            "{ size = \"1GiB\", hybrid = {} }",
            vec![],
        ),
        (
            "hybrid of no type",
            json!({ "size": "1G", "hybrid": { "mbrPartitionType": "ee" } }),
            "{ size = \"1GiB\", hybrid = {} }",
            vec![format!("left out {p}.hybrid.mbrPartitionType")],
        ),
    ] {
        assert_eq!(partition(&given), (format!("partitions.p = {line}"), named), "{case}");
    }
}

/// As in disko's example `gpt-name-with-whitespace`: the partition is renamed, its mount point stays.
#[test]
fn blanks_in_names_and_mount_points() {
    let odd = r"name^with\some@special#chars";
    let part = |path: &str| json!({ "size": "100M", "content": { "type": "filesystem", "format": "vfat", "mountpoint": path } });
    let tree = json!({ "disk": { "d": { "type": "disk", "device": "/dev/disk/by-id/ata-D", "content": { "type": "gpt", "partitions": {
        "name with spaces": part("/name with spaces"), odd: part(&format!("/{odd}")) } } } } });
    let imported = imported(&tree);
    assert!(
        imported.findings.iter().all(|finding| finding.message.starts_with("the name `")),
        "{:?}",
        imported.findings
    );
    let lines = imported.to_toml("nas");
    for line in [
        r#"partitions.name_with_spaces = { size = "100MiB", priority = 10, content = { type = "filesystem", format = "vfat", mountpoint = "/name with spaces" } }"#,
        r#"partitions.name_with_some_special_chars = { size = "100MiB", priority = 20, content = { type = "filesystem", format = "vfat", mountpoint = "/name^with\\some@special#chars" } }"#,
    ] {
        assert!(lines.contains(line), "{lines}");
    }
    assert_eq!(read_back(&lines), imported.storage);
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
    // parted makes an EFI system partition of it, whatever it holds.
    let root = json!({ "name": "a", "start": "1M", "end": "100%", "bootable": true,
        "content": { "type": "filesystem", "format": "ext4", "mountpoint": "/" } });
    let (lines, named) = table("gpt", json!([root]));
    assert!(!lines.contains("efi"), "{lines}");
    assert_eq!(named, ["changed disk.d.content.partitions.0.flags"]);
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
            json!({ "a": { "size": "9G", "lvm_type": "thinlv", "pool": "p", "content": { "type": "swap" } },
                "b": { "size": "2G" }, "p": { "size": "1G", "lvm_type": "thin-pool" } }),
            "p = { size = \"1GiB\", lvm_type = \"thin-pool\" }\nb = { size = \"2GiB\" }\n\
             a = { size = \"9GiB\", lvm_type = \"thinlv\", pool = \"p\", content = { type = \"swap\" } }",
            vec![],
        ),
        (
            "thin, in the rest",
            json!({ "a": { "size": "9G", "lvm_type": "thinlv", "pool": "p" },
                "p": { "size": "100%FREE", "lvm_type": "thin-pool" } }),
            "p = { size = \"end\", lvm_type = \"thin-pool\" }\n\
             a = { size = \"9GiB\", lvm_type = \"thinlv\", pool = \"p\" }",
            vec![],
        ),
        (
            "thin, and no pool",
            json!({ "a": { "size": "1G", "lvm_type": "thinlv", "pool": "p" } }),
            "a = { size = \"1GiB\", lvm_type = \"thinlv\", pool = \"p\" }",
            vec![format!("wrong {a}.pool")],
        ),
        (
            "mirrored",
            json!({ "a": { "size": "1G", "lvm_type": "mirror", "content": { "type": "swap" } } }),
            "a = { size = \"1GiB\", lvm_type = \"raid1\", content = { type = \"swap\" } }",
            // The group of this test has one physical volume.
            vec![format!("changed {a}.lvm_type"), format!("wrong {a}.lvm_type")],
        ),
        (
            "spread",
            json!({ "a": { "size": "1G", "lvm_type": "raid5" } }),
            "a = { size = \"1GiB\", lvm_type = \"raid5\" }",
            vec![format!("wrong {a}.lvm_type")],
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
            json!({ "mdadm": { "m": { "level": 1, "metadata": "0.90" } } }),
            vec!["left out mdadm.m.metadata", "wrong mdadm.m"],
        ),
        (
            "arguments",
            json!({ "mdadm": { "m": { "extraArgs": ["--assume-clean"] } } }),
            vec!["changed mdadm.m.extraArgs", "wrong mdadm.m"],
        ),
        ("a pool of nothing", json!({ "zpool": { "a": {} } }), vec!["wrong zpool.a"]),
        ("a made up kind", json!({ "disk": {}, "tape": { "a": {} } }), vec!["left out tape"]),
        ("no tree", json!({ "disk": [1] }), vec!["left out disk"]),
    ] {
        assert_eq!(places(&imported(&tree)), named, "{case}");
    }
    let kept = json!({ "disk": { "a": { "device": "/dev/disk/by-id/a", "destroy": false } } });
    assert_eq!(imported(&kept).storage.disk.values().next().unwrap().persistent, Some(true));
}
