//! disko's ZFS pools become ours.

use super::imported;
use super::tables::places;
use serde_json::{Value, json};
use storage::disko::Kind;

fn disk(name: &str, content: &Value) -> Value {
    json!({ "device": format!("/dev/disk/by-id/{name}"), "content": content })
}

fn part(name: &str) -> Value {
    disk(
        name,
        &json!({ "type": "gpt", "partitions": { "zfs": { "size": "100%", "content": { "type": "zfs", "pool": "tank" } } } }),
    )
}

#[test]
fn a_pool_with_all_kinds_of_vdevs_and_datasets() {
    let tree = json!({
        "disk": { "a": part("a"), "b": part("b"), "c": part("c"), "d": part("d"), "e": part("e"), "f": part("f"), "g": part("g") },
        "zpool": { "tank": {
            "type": "zpool",
            "mode": { "topology": {
                "type": "topology",
                "vdev": [{ "members": ["a"] }, { "mode": "mirror", "members": ["b", "/dev/disk/by-partlabel/disk-c-zfs"] }],
                "special": { "mode": "", "members": ["d"] },
                "log": [{ "members": ["e"] }],
                "cache": ["f"],
                "spare": ["g"],
            } },
            "options": { "ashift": "12", "cachefile": "none" },
            "rootFsOptions": { "compression": "zstd", "com.sun:auto-snapshot": "false", "mountpoint": "none" },
            "mountpoint": "/tank",
            "datasets": {
                "secret": { "type": "zfs_fs", "options": { "mountpoint": "none", "encryption": "on", "keyformat": "passphrase", "keylocation": "prompt" } },
                "secret/papers": { "type": "zfs_fs", "mountpoint": "/papers", "mountOptions": ["defaults", "noatime"] },
                "legacy": { "type": "zfs_fs", "mountpoint": "/legacy", "options": { "mountpoint": "legacy" } },
                "off": { "type": "zfs_fs", "mountpoint": "/off", "options": { "canmount": "off" } },
                "swap": { "type": "zfs_volume", "size": "10M", "options": { "volblocksize": "4096" }, "content": { "type": "swap" } },
            },
        } },
    });
    let import = imported(&tree);
    assert_eq!(places(&import), Vec::<String>::new(), "{:?}", import.findings);
    let lines = import.to_toml("one");
    insta::assert_snapshot!(&lines[lines.find("zpool").unwrap()..]);
}

#[test]
fn what_pools_have_that_has_no_counterpart_is_named() {
    let pool = |pool: Value| json!({ "disk": { "a": part("a"), "b": part("b") }, "zpool": { "tank": pool } });
    for (case, tree, named) in [
        ("draid", pool(json!({ "mode": "draid" })), vec!["left out zpool.tank.mode"]),
        (
            "a hook",
            pool(json!({ "postCreateHook": "zfs snapshot tank@blank; reboot" })),
            vec!["left out zpool.tank.postCreateHook"],
        ),
        (
            "a snapshot of another one",
            pool(json!({ "postCreateHook": "zfs snapshot other@blank" })),
            vec!["left out zpool.tank.postCreateHook"],
        ),
        (
            "a question that does more",
            pool(json!({ "postCreateHook": "zfs list -t snapshot; reboot || zfs snapshot tank@blank" })),
            vec!["left out zpool.tank.postCreateHook"],
        ),
        (
            "a device that nobody declares",
            pool(json!({ "mode": { "topology": { "vdev": [{ "members": ["/dev/sdx", "a", "b"] }] } } })),
            vec!["left out zpool.tank.mode.topology.vdev.0.members"],
        ),
        (
            "a raw key",
            pool(json!({ "datasets": { "s": { "options": { "encryption": "on", "keyformat": "raw" } } } })),
            vec!["left out zpool.tank.datasets.s.options.keyformat"],
        ),
        (
            "a key in a file",
            pool(
                json!({ "datasets": { "s": { "options": { "encryption": "on", "keyformat": "passphrase", "keylocation": "file:///k" } } } }),
            ),
            vec!["to fill in zpool.tank.datasets.s.options.keylocation"],
        ),
        (
            "mounted by ZFS itself",
            pool(json!({ "datasets": { "s": { "options": { "mountpoint": "/s" } } } })),
            vec!["left out zpool.tank.datasets.s.options.mountpoint"],
        ),
        (
            "a volume without a size",
            pool(json!({ "datasets": { "v": { "type": "zfs_volume" } } })),
            vec!["left out zpool.tank.datasets.v.size"],
        ),
    ] {
        assert_eq!(places(&imported(&tree)), named, "{case}");
    }
}

/// As people write it who have a machine forget all that is in a filesystem.
#[test]
fn a_hook_that_takes_a_snapshot_is_understood() {
    let asked = "zfs list -t snapshot -H -o name | grep -E '^tank@blank$' || zfs snapshot tank@blank";
    let tree = json!({ "disk": { "a": part("a") }, "zpool": { "tank": {
        "postCreateHook": asked,
        "datasets": { "root": { "type": "zfs_fs", "postCreateHook": "zfs snapshot tank/root@empty\n" } },
    } } });
    let import = imported(&tree);
    assert_eq!(places(&import), Vec::<String>::new());
    let pool = &import.storage.zpool[&"tank".parse().unwrap()];
    assert_eq!(pool.empty_snapshot.as_ref().map(AsRef::as_ref), Some("blank"));
    assert_eq!(pool.datasets.values().next().unwrap().empty_snapshot.as_ref().map(AsRef::as_ref), Some("empty"));
}

#[test]
fn a_whole_disk_gets_a_table() {
    let tree = json!({
        "disk": { "a": disk("a", &json!({ "type": "zfs", "pool": "tank" })) },
        "zpool": { "tank": { "mode": { "topology": { "vdev": [{ "members": ["/dev/disk/by-id/a"] }] } } } },
    });
    let import = imported(&tree);
    assert!(import.findings.iter().all(|finding| finding.kind == Kind::Changed), "{:?}", import.findings);
    assert!(import.to_toml("one").contains("members = [\"disk.a.zfs\"]"), "{}", import.to_toml("one"));
}
