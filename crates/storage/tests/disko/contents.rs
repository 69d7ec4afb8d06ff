//! What a device holds, one row each: the line that it becomes, and what is named.

use super::tables::content;
use serde_json::json;

#[test]
fn filesystems_one_by_one() {
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
            "format = \"ext4\", extra_args = [\"-O\", \"casefold\"]".to_owned(),
            vec![],
        ),
        (
            "arguments that homehive has itself",
            json!({ "format": "ext4", "extraArgs": ["-d", "/etc", "-m", "1"] }),
            "format = \"ext4\", extra_args = [\"-m\", \"1\"]".to_owned(),
            vec!["left out disk.d.content.extraArgs"],
        ),
        (
            "f2fs",
            json!({ "format": "f2fs", "extraArgs": ["-O", "extra_attr,compression", "-l", "flash"] }),
            "format = \"f2fs\", label = \"flash\", extra_args = [\"-O\", \"extra_attr,compression\"]".to_owned(),
            vec![],
        ),
        (
            "a hook",
            json!({ "format": "ext4", "preMountHook": "true" }),
            "format = \"ext4\"".to_owned(),
            vec!["left out disk.d.content.preMountHook"],
        ),
        (
            "a mount point with blanks",
            json!({ "format": "ext4", "mountpoint": "/my data" }),
            "format = \"ext4\", mountpoint = \"/my data\"".to_owned(),
            vec![],
        ),
        (
            "a bad mount point",
            json!({ "format": "ext4", "mountpoint": "/my\tdata" }),
            "format = \"ext4\", mountpoint = \"/my\\tdata\"".to_owned(),
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
}

#[test]
fn btrfs_and_what_nothing_becomes_of() {
    let at = "disk.d.content";
    let btrfs = json!({
        "type": "btrfs", "extraArgs": ["-f", "-d raid1", "/dev/sdz"], "mountpoint": "/top",
        "subvolumes": {
            "/home": { "mountpoint": "/home", "mountOptions": ["compress=zstd"] },
            "@swap": { "mountpoint": "/.swap", "swap": { "file": { "size": "20M" } } },
        },
    });
    let (lines, found) = content(&btrfs);
    let subvolumes = "subvolumes = { \"@swap\" = { mountpoint = \"/.swap\", swap = { file = { size = \"20MiB\" } } }, \
                      home = { mountpoint = \"/home\", options = [\"compress=zstd\"] } }";
    assert_eq!(
        lines,
        format!("content = {{ type = \"btrfs\", data = \"raid1\", mountpoint = \"/top\", {subvolumes} }}")
    );
    assert_eq!(found[0], format!("left out {at}.extraArgs"), "{found:?}");
    for (case, given) in [
        ("bcachefs", json!({ "type": "bcachefs", "filesystem": "f" })),
        ("a nameless luks", json!({ "type": "luks" })),
        ("exfat", json!({ "type": "filesystem", "format": "exfat" })),
        ("made up", json!({ "type": "tape" })),
        ("nothing", json!({})),
    ] {
        assert_eq!(content(&given), (String::new(), vec![format!("left out {at}")]), "{case}");
    }
}
