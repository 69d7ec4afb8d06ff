//! The example is the scaffold with every fact filled in, and nothing is wrong with it.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test, which reads and writes its fixtures")]

use fleet::scaffold::{Nas, nas};
use fleet::{Fleet, Format};

const EXAMPLE: &str = include_str!("../../../examples/nas/fleet.toml");

const NOTE: &str = "This is an example: the key opens nothing, since nobody has its private half, and the disks are made up. \
                    `homehive\ninit nas` writes the same file for disks and a key of yours.";

fn known() -> Nas {
    let serial = |text: &str| Some(text.to_owned());
    Nas {
        fleet: Some("home".parse().unwrap()),
        user: Some("ben".parse().unwrap()),
        keys: vec![
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPfQdrPTVd/t8TM7J10sGD0BNC3Czos+Uo+PpyAXDzaO ben@laptop"
                .parse()
                .unwrap(),
        ],
        timezone: Some("Europe/London".parse().unwrap()),
        usb: serial("4C530001230415117295"),
        device: serial("/dev/disk/by-id/usb-SanDisk_Ultra_4C530001230415117295-0:0"),
        nvme: serial("S4EWNX0R512347K"),
        sata: [
            "WD-WX11D34A7K2P",
            "WD-WX11D34A7N8C",
            "WD-WX11D34A7R0F",
            "WD-WX21D85H4T6L",
            "WD-WX21D85H4V1M",
            "WD-WX21D85H4Y9E",
        ]
        .map(serial),
        mail: Some(fleet::Mail {
            to: "ben@home.arpa".parse().unwrap(),
            from: "nas@home.arpa".parse().unwrap(),
            smarthost: "mail.home.arpa:587".parse().unwrap(),
            user: Some("nas".to_owned()),
        }),
        note: Some(NOTE.to_owned()),
    }
}

#[test]
fn the_example_is_the_scaffold_filled_in() {
    let text = nas(&known());
    if std::env::var_os("UPDATE_EXAMPLES").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/nas/fleet.toml"), &text).unwrap();
    } else {
        assert!(text == EXAMPLE, "out of step: UPDATE_EXAMPLES=1 cargo nextest run -p fleet example");
    }
}

#[test]
fn nothing_is_wrong_with_the_example() {
    let fleet = Fleet::parse(EXAMPLE, "fleet.toml", Format::Toml).map_err(|report| report.findings()).unwrap();
    let nas = "nas".parse().unwrap();
    let wish = fleet.wish(&nas).unwrap();
    assert_eq!(fleet.machines[&nas].loader(&wish), Some(fleet::Loader::Bios(vec!["disk.usb".into()])));
}

#[test]
fn a_scaffold_lacks_exactly_what_only_the_user_knows() {
    let text = nas(&Nas::default());
    let report = Fleet::parse(&text, "fleet.toml", Format::Toml).unwrap_err();
    let findings = report.findings();
    let marked: Vec<_> = findings.iter().map(|finding| (finding.code.as_str(), finding.path.as_str())).collect();
    let mut wanted = vec!["admin.keys.0".to_owned()];
    for disk in ["usb", "nvme", "sata1", "sata2", "sata3", "sata4", "sata5", "sata6"] {
        if disk == "usb" {
            wanted.push("machines.nas.storage.disk.usb.device".to_owned());
        }
        wanted.push(format!("machines.nas.storage.disk.{disk}.serial"));
    }
    assert_eq!(marked, wanted.iter().map(|path| ("fleet::placeholder", path.as_str())).collect::<Vec<_>>());
    for finding in &findings {
        let line = text.lines().nth(finding.line - 1).unwrap();
        assert!(line.contains("REPLACE-WITH-"), "line {} is marked: {line}", finding.line);
    }
}

#[test]
fn what_is_put_into_a_scaffold_stays_what_it_is() {
    let key = r#"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPfQdrPTVd/t8TM7J10sGD0BNC3Czos+Uo+PpyAXDzaO "a" \ @usb@ # é"#;
    let given = Nas { keys: vec![key.parse().unwrap()], ..known() };
    let fleet = Fleet::parse(&nas(&given), "fleet.toml", Format::Toml).map_err(|report| report.findings()).unwrap();
    assert_eq!(fleet.admin.keys, given.keys);
}
