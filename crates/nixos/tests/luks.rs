//! LUKS in `hardware-configuration.nix`: what stage 1 opens, and what is opened later.

#![expect(clippy::unwrap_used, reason = "a test may stop where something is missing")]

use fleet::{Fleet, Format};
use nixos::Records;

/// The machine's disks as they are rendered.
fn rendered(layout: &str) -> String {
    let fleet = Fleet::parse(layout, "fleet.toml", Format::Toml).map_err(|report| report.findings()).unwrap();
    let files = nixos::render(&fleet, &Records::default()).unwrap();
    let file = files.into_iter().find(|file| file.path == "hosts/one/hardware-configuration.nix").unwrap();
    assert!(rnix::Root::parse(&file.text).errors().is_empty(), "{}", file.text);
    file.text
}

const CRYPT: &str = include_str!("../../../examples/layouts/luks-btrfs.toml");

#[test]
fn stage_1_opens_what_the_system_lies_in() {
    let text = rendered(CRYPT);
    assert!(
        text.contains("# luks.crypt, opened in stage 1 with the passphrase that is typed at the console."),
        "{text}"
    );
    assert!(text.contains("boot.initrd.luks.devices"), "{text}");
    for line in ["device = \"/dev/disk/by-uuid/8aaf7310-e9d4-5635-b118-cc7ce9707369\";", "allowDiscards = true;"] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(!text.contains("keyFile") && !text.contains("crypttab"), "{text}");
    let stick = CRYPT.replace(
        "allow_discards = true",
        "boot_key_file = \"/dev/disk/by-id/usb-STICK\"\nboot_key_size = 4096\nboot_key_offset = 512",
    );
    let text = rendered(&stick);
    for line in ["keyFile = \"/dev/disk/by-id/usb-STICK\";", "keyFileSize = 4096;", "keyFileOffset = 512;"] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(!text.contains("allowDiscards"), "{text}");
}

#[test]
fn the_rest_is_opened_later() {
    let vault = include_str!("../../../examples/layouts/luks-lvm-on-md.toml");
    let text = rendered(vault);
    assert!(!text.contains("boot.initrd.luks"), "{text}");
    assert!(text.contains("environment.etc.crypttab.text"), "{text}");
    assert!(text.contains("vault UUID=0ef73388-d865-5b3a-9cae-6b6f56e2c2b1 - luks,nofail\n"), "{text}");
    let keyed = vault.replace("initrd = false", "initrd = false\nallow_discards = true\nboot_key_file = \"/root/key\"");
    let line = "vault UUID=0ef73388-d865-5b3a-9cae-6b6f56e2c2b1 /root/key luks,nofail,discard";
    assert!(rendered(&keyed).contains(line), "{}", rendered(&keyed));
}

/// By what else it opens, in stage 1 and later: systemd's options, and the system that has them.
#[test]
fn what_opens_it_besides() {
    const VAULT: &str = include_str!("../../../examples/layouts/luks-lvm-on-md.toml");
    for (unlock, note, options) in [
        ("{}", "with the passphrase that is typed at the console.", &[][..]),
        ("{ tpm2 = {} }", "by the TPM, or with the passphrase that is typed at the console.", &["tpm2-device=auto"]),
        (
            "{ tpm2 = { pcrs = [] }, fido2 = true }",
            "by the TPM, by a FIDO2 key that somebody touches, or with the passphrase that is typed at the console.",
            &["tpm2-device=auto", "fido2-device=auto"],
        ),
    ] {
        let text = rendered(&CRYPT.replace("allow_discards = true", &format!("unlock = {unlock}")));
        assert!(text.contains(&format!("# luks.crypt, opened in stage 1 {note}")), "{text}");
        let list = options.iter().fold(String::new(), |list, option| list + " \"" + option + "\"");
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = words.contains(&format!("crypttabExtraOpts = [{list} ];"));
        assert_eq!((said, text.contains("crypttabExtraOpts")), (!options.is_empty(), !options.is_empty()), "{text}");
        let late = rendered(&VAULT.replace("initrd = false", &format!("initrd = false\nunlock = {unlock}")));
        let list = options.iter().fold(String::new(), |list, option| list + "," + option);
        let line = format!("vault UUID=0ef73388-d865-5b3a-9cae-6b6f56e2c2b1 - luks,nofail{list}\n");
        assert!(late.contains(&line), "{late}");
    }
}

/// The key of a disk is opened by nobody who has the disk.
#[test]
fn a_sealed_key_is_the_admins_alone() {
    let declared = |file: &str| {
        let layout = CRYPT.replace("allow_discards = true", &format!("key_file = \"{file}\""));
        let fleet = Fleet::parse(&layout, "fleet.toml", Format::Toml).unwrap();
        let found = nixos::sealed(&fleet).into_iter().filter(|secret| secret.uses == ["luks.crypt of one"]);
        found.map(|secret| (secret.file, secret.machines.len())).collect::<Vec<_>>()
    };
    assert_eq!(declared("secrets/crypt.age"), [("crypt.age".to_owned(), 0)]);
    assert_eq!(declared("keys/crypt"), []);
}

/// Every key that homehive unseals can be sealed, each with its own use; and none of them is rendered.
#[test]
fn all_sealed_keys_are_known() {
    let uses = |layout: &str| -> Vec<(String, Vec<String>)> {
        let fleet = Fleet::parse(layout, "fleet.toml", Format::Toml).map_err(|report| report.findings()).unwrap();
        nixos::sealed(&fleet).into_iter().map(|secret| (secret.file, secret.uses)).collect()
    };
    let further = CRYPT.replace("allow_discards = true", "unlock = { keys = { recovery = \"secrets/recovery.age\" } }");
    let of = |file: &str, node: &str| (file.to_owned(), vec![format!("{node} of one")]);
    assert!(uses(&further).contains(&of("recovery.age", "luks.crypt.recovery")), "{:?}", uses(&further));
    assert!(!rendered(&further).contains("recovery"), "{}", rendered(&further));
    let zfs = include_str!("../../../examples/layouts/zfs.toml");
    assert!(uses(zfs).iter().any(|(file, uses)| file == "papers.age" && uses[0].contains("papers")), "{:?}", uses(zfs));
}
