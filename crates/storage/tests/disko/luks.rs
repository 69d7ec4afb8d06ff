//! disko's LUKS: keys, what opens it at boot, what lies in it, and what is named.

use super::{imported, read_back};
use serde_json::{Value, json};

fn disk(content: &Value) -> Value {
    json!({ "type": "disk", "device": "/dev/disk/by-id/x", "content": content })
}

/// What becomes of it, and what is named: kind and place.
fn one(luks: &Value) -> (String, Vec<String>) {
    let mut luks = luks.clone();
    luks["type"] = json!("luks");
    luks["name"] = json!("c");
    let imported = imported(&json!({ "disk": { "d": disk(&luks) } }));
    let lines = imported.to_toml("nas");
    assert_eq!(read_back(&lines), imported.storage);
    let content = lines.lines().find_map(|line| line.strip_prefix("content = { type = \"luks\", name = \"c\""));
    let named = imported.findings.iter().map(|it| format!("{} {}", it.kind.word(), it.at));
    (content.unwrap_or_default().trim_end_matches(" }").to_owned(), named.collect())
}

#[test]
fn words() {
    let at = "disk.d.content";
    for (case, given, line, named) in [
        ("asked for", json!({}), "", vec![]),
        ("as disko evaluates it", json!({ "askPassword": true, "settings": {}, "keyFile": null }), "", vec![]),
        (
            "typed at boot",
            json!({ "passwordFile": "/tmp/key", "settings": { "allowDiscards": true } }),
            ", key_file = \"/tmp/key\", allow_discards = true",
            vec![format!("to fill in {at}")],
        ),
        (
            "from a stick",
            json!({ "settings": { "keyFile": "/dev/sdz", "keyFileSize": 64, "keyFileOffset": 8 } }),
            ", key_file = \"/dev/sdz\", boot_key_file = \"/dev/sdz\", boot_key_size = 64, boot_key_offset = 8",
            vec![format!("to fill in {at}")],
        ),
        ("late", json!({ "initrdUnlock": false }), ", initrd = false", vec![]),
        ("early", json!({ "initrdUnlock": true }), "", vec![]),
        (
            "its cost",
            json!({ "extraFormatArgs": ["--iter-time 1", "--pbkdf-memory=65536", "--pbkdf", "argon2id"] }),
            ", pbkdf_memory = \"64MiB\", pbkdf_time = 1",
            vec![],
        ),
        (
            "other arguments",
            json!({ "extraFormatArgs": ["--cipher", "aes-cbc-essiv:sha256"], "extraOpenArgs": ["--timeout 10"] }),
            "",
            vec![format!("left out {at}.extraFormatArgs"), format!("left out {at}.extraOpenArgs")],
        ),
        (
            "more keys",
            json!({ "additionalKeyFiles": ["/tmp/more.key", "/run/more", "/tmp/.hidden"] }),
            ", unlock = { keys = { 2-more = \"/run/more\", key = \"/tmp/.hidden\", more = \"/tmp/more.key\"",
            vec![format!("to fill in {at}.additionalKeyFiles"); 3],
        ),
        (
            "more keys, with a key file",
            json!({ "additionalKeyFiles": ["/tmp/more"], "settings": { "keyFile": "/dev/sdz", "crypttabExtraOpts": ["fido2-device=auto"] } }),
            ", key_file = \"/dev/sdz\", boot_key_file = \"/dev/sdz\", unlock = { keys = { more = \"/tmp/more\"",
            vec![
                format!("left out {at}.settings.crypttabExtraOpts"),
                format!("to fill in {at}"),
                format!("to fill in {at}.additionalKeyFiles"),
            ],
        ),
        (
            "more keys, and a FIDO2 key",
            json!({ "additionalKeyFiles": ["/tmp/more"], "settings": { "crypttabExtraOpts": ["fido2-device=auto"] } }),
            ", unlock = { fido2 = true, keys = { more = \"/tmp/more\"",
            vec![format!("to fill in {at}.additionalKeyFiles")],
        ),
        (
            "opened by a TPM or a FIDO2 key",
            json!({ "settings": { "crypttabExtraOpts": ["tpm2-device=auto", "fido2-device=auto", "token-timeout=5"] } }),
            ", unlock = { tpm2 = { pcrs = [7] }, fido2 = true",
            vec![
                format!("to fill in {at}.settings.crypttabExtraOpts"),
                format!("left out {at}.settings.crypttabExtraOpts"),
            ],
        ),
        (
            "opened by a FIDO2 key alone",
            json!({ "settings": { "crypttabExtraOpts": ["fido2-device=auto"] } }),
            ", unlock = { fido2 = true",
            vec![],
        ),
        (
            "opened by a TPM, with a key file",
            json!({ "settings": { "keyFile": "/dev/sdz", "crypttabExtraOpts": ["tpm2-device=auto"] } }),
            ", key_file = \"/dev/sdz\", boot_key_file = \"/dev/sdz\"",
            vec![format!("left out {at}.settings.crypttabExtraOpts"), format!("to fill in {at}")],
        ),
        (
            "settings of NixOS",
            json!({ "settings": { "bypassWorkqueues": true, "preLVM": false } }),
            "",
            vec![format!("left out {at}.settings.bypassWorkqueues"), format!("left out {at}.settings.preLVM")],
        ),
    ] {
        assert_eq!(one(&given), (line.to_owned(), named), "{case}");
    }
}

#[test]
fn a_btrfs_over_two_containers() {
    let first = json!({ "type": "luks", "name": "p1" });
    let second = json!({ "type": "luks", "name": "p2", "content": {
        "type": "btrfs", "extraArgs": ["-d raid1", "/dev/mapper/p1"], "subvolumes": { "/root": { "mountpoint": "/" } } } });
    let tree = json!({ "disk": { "a": disk(&first), "b": { "device": "/dev/disk/by-id/y", "content": second } } });
    let whole = imported(&tree);
    assert_eq!(whole.findings, []);
    assert_eq!(read_back(&whole.to_toml("nas")), whole.storage);
    insta::assert_snapshot!(whole.to_toml("nas"));
    // What is not to be found, or holds something else, is named.
    for first in [
        json!({ "type": "luks", "name": "p3" }),
        json!({ "type": "luks", "name": "p1", "content": { "type": "swap" } }),
    ] {
        let mut tree = tree.clone();
        tree["disk"]["a"] = disk(&first);
        let imported = imported(&tree);
        let said = &imported.findings[0];
        assert!(said.help.contains("btrfs_member") && said.help.contains("luks.p2"), "{said:?}");
        assert!(imported.to_toml("nas").contains(&said.message), "where it stands");
    }
}
