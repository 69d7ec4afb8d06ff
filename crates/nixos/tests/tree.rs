//! The tree of the example, as people read it; and what holds for every rendered file.

#![expect(clippy::unwrap_used, reason = "a test may stop where something is missing")]

use fleet::{Fleet, Format, HostName};
use nixos::{File, Records};
use std::collections::BTreeSet;
use std::path::Path;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPfQdrPTVd/t8TM7J10sGD0BNC3Czos+Uo+PpyAXDzaO";

fn example(name: &str) -> Option<Fleet> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name).join("fleet.toml");
    #[expect(clippy::disallowed_methods, reason = "a test reads the example")]
    let mut text = std::fs::read_to_string(path).ok()?;
    if !text.contains("device = \"/dev/disk") {
        let serial = "serial = \"4C530001230415117295\"\n";
        let device = "device = \"/dev/disk/by-id/usb-SanDisk_Ultra_4C530001230415117295-0:0\"\n";
        text = text.replace(serial, &format!("{serial}{device}"));
    }
    Some(Fleet::parse(&text, "fleet.toml", Format::Toml).unwrap())
}

fn records(fleet: &Fleet) -> Records {
    Records {
        state_versions: std::iter::once(("nas".parse().unwrap(), "25.11".to_owned())).collect(),
        host_keys: fleet.machines.keys().map(|name| (name.clone(), KEY.to_owned())).collect(),
        installer_key: Some(KEY.to_owned()),
        secrets: ["k3s-token.age".to_owned()].into(),
    }
}

fn rendered(name: &str) -> Vec<File> {
    let fleet = example(name).unwrap();
    nixos::render(&fleet, &records(&fleet)).unwrap()
}

#[test]
fn the_tree_of_the_nas() {
    for file in rendered("nas") {
        let name = format!("nas-{}", file.path.replace('/', "-"));
        insta::assert_snapshot!(name, file.text);
    }
}

#[test]
fn every_file_parses_and_is_formatted() {
    for file in rendered("nas") {
        let errors = rnix::Root::parse(&file.text).errors().to_vec();
        assert!(errors.is_empty(), "{}: {errors:?}", file.path);
        assert_eq!(nixfmt_rs::format(&file.text).unwrap(), file.text, "{} is not stable", file.path);
    }
}

#[test]
fn the_same_fleet_gives_the_same_bytes() {
    assert_eq!(rendered("nas"), rendered("nas"));
    let paths: Vec<String> = rendered("nas").into_iter().map(|file| file.path).collect();
    let unique: BTreeSet<&String> = paths.iter().collect();
    assert_eq!(unique.len(), paths.len(), "no path twice: {paths:?}");
}

#[test]
fn a_name_of_the_medium_is_refused() {
    let mut fleet = example("nas").unwrap();
    let machine = fleet.machines.values().next().unwrap().clone();
    let name: HostName = "installer-nas".parse().unwrap();
    fleet.machines.insert(name, machine);
    let error = nixos::render(&fleet, &Records::default()).unwrap_err().to_string();
    assert!(error.contains("machine `installer-nas`"), "{error}");
}

#[test]
fn a_boot_disk_without_a_path_is_refused() {
    let mut fleet = example("nas").unwrap();
    let nas = fleet.machines.values_mut().next().unwrap();
    nas.storage.disk.values_mut().for_each(|disk| disk.device = None);
    let error = nixos::render(&fleet, &Records::default()).unwrap_err().to_string();
    assert!(error.contains("machine `nas` boots from `disk.usb`"), "{error}");
}
