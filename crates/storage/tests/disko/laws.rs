//! Laws for any tree: what both have comes back as it was, and nothing is dropped in silence.

use super::{common, imported, nas, read_back};
use document::{Path, Problems};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fmt::Write as _;
use storage::disko::Kind;
use storage::tree::Storage;

/// Sizes and options as disko writes them.
fn walk(value: &mut Value) {
    if let Value::Object(entries) = value {
        if let Some(size) = entries.get("size").and_then(Value::as_str) {
            let size = size.strip_suffix("iB").map_or_else(|| "100%".to_owned(), str::to_owned);
            entries.insert("size".to_owned(), json!(size));
        }
        for (ours, theirs) in [
            ("options", "mountOptions"),
            ("discard", "discardPolicy"),
            ("random_encryption", "randomEncryption"),
            ("resume", "resumeDevice"),
            ("fstype", "fsType"),
        ] {
            if let Some(value) = entries.remove(ours) {
                entries.insert(theirs.to_owned(), value);
            }
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
        Just(r#"{ type = "swap", priority = 7, discard = "pages", options = ["nofail"] }"#),
        Just(r#"{ type = "swap", random_encryption = true }"#),
        Just(r#"{ type = "lvm_pv", vg = "g" }"#),
    ]
}

/// Trees of ours that disko can say as well.
fn shared() -> impl Strategy<Value = Storage> {
    let parts = prop::collection::vec((1_u64..5000, leaf()), 1..5);
    (prop::collection::vec((parts, any::<bool>()), 1..4), prop::collection::vec(1_u64..9000, 0..3)).prop_map(
        |(disks, volumes)| {
            let mut text = String::from("[nodev.\"/tmp\"]\nfstype = \"tmpfs\"\noptions = [\"size=1G\"]\n[lvm_vg.g]\n");
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
            "settings",
            "keyFile",
            "extraFormatArgs",
            "--iter-time",
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
