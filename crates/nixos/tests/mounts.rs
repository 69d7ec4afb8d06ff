//! Mount points with blanks in them, as NixOS is told of them.

use fleet::{Fleet, Format};
use nixos::Records;

#[test]
fn unusual_mount_points_are_quoted() {
    let layout = include_str!("../../../examples/layouts/btrfs-raid1-subvolumes.toml");
    let one = "[machines.one.storage.disk.more]\ndevice = \"/dev/disk/by-id/more\"\ncontent = { type = \"btrfs\", \
               mountpoint = '/my \"${data}\"' }\n";
    let fleet =
        Fleet::parse(&format!("{layout}\n{one}"), "fleet.toml", Format::Toml).map_err(|it| it.findings()).unwrap();
    let files = nixos::render(&fleet, &Records::default()).unwrap();
    let text = &files.iter().find(|file| file.path == "hosts/one/hardware-configuration.nix").unwrap().text;
    assert!(rnix::Root::parse(text).errors().is_empty(), "{text}");
    assert!(text.contains(r#"fileSystems."/my \"\${data}\"" ="#), "{text}");
    // NixOS' own scrub quotes no path: the device is named.
    let (_, scrubbed) = text.split_once("services.btrfs.autoScrub").unwrap();
    assert!(scrubbed.contains("\"/dev/disk/by-uuid/") && !scrubbed.contains("data}"), "{text}");
}
