//! What probes of real machines propose for the fleet file.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests read fixtures and stop where they fail; the crate itself is pure"
)]

use fleet::{Fleet, Format, Proposal};
use std::net::Ipv4Addr;
use storage::facts::{Bus, Driver, Facts};

fn facts(state: &str) -> Facts {
    let path = format!("{}/../storage/tests/fixtures/{state}.txt", env!("CARGO_MANIFEST_DIR"));
    storage::probe::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}

const HEAD: &str = r#"
[fleet]
name = "home"
domain = "home.arpa"
nixpkgs = "github:NixOS/nixpkgs/nixos-26.05"
[admin]
user = "ben"
keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGTS0H1TYLZFMKTKOmzeE4ACSMMVTQs4axckyyz0p3hI ben@laptop"]
[network]
subnet = "192.168.1.0/24"
gateway = "192.168.1.1"
"#;

/// Codes of what is wrong with a fleet of this machine.
fn checked(lines: &str) -> Vec<String> {
    match Fleet::parse(&format!("{HEAD}{lines}"), "fleet.toml", Format::Toml) {
        Ok(_) => Vec::new(),
        Err(report) => report.findings().into_iter().map(|finding| finding.code).collect(),
    }
}

/// A NAS of real hardware, whose disks are the lab's.
fn equipped() -> Facts {
    let mut facts = facts("complete");
    let rows = [
        (Bus::Pci, "0000:00:14.0", "0c0330", "xhci_hcd", Some("xhci_pci")),
        (Bus::Pci, "0000:00:17.0", "010601", "ahci", Some("ahci")),
        (Bus::Pci, "0000:01:00.0", "010802", "nvme", Some("nvme")),
        (Bus::Usb, "1-4:1.0", "080650", "usb-storage", Some("usb_storage")),
        (Bus::Block, "sda", "", "sd", Some("sd_mod")),
        (Bus::Hwmon, "hwmon0", "", "coretemp", Some("coretemp")),
        (Bus::Net, &facts.machine.nics[0].name.clone(), "", "e1000e", Some("e1000e")),
    ];
    let driver = |(bus, device, class, driver, module): (Bus, &str, &str, &str, Option<&str>)| Driver {
        bus,
        device: device.to_owned(),
        class: (!class.is_empty()).then(|| class.to_owned()),
        driver: driver.to_owned(),
        module: module.map(str::to_owned),
    };
    facts.machine.drivers = rows.map(driver).to_vec();
    "GenuineIntel".clone_into(&mut facts.machine.vendor);
    facts.machine.nics[0].speed = Some(2500);
    facts
}

#[test]
fn a_machine_of_the_lab() {
    let facts = facts("hardware");
    insta::assert_snapshot!(Proposal::of(&facts, "nas", None).to_toml(&facts));
}

#[test]
fn a_nas() {
    let facts = equipped();
    let proposal = Proposal::of(&facts, "nas", Some(Ipv4Addr::new(192, 168, 1, 10)));
    insta::assert_snapshot!(proposal.to_toml(&facts));
}

/// All that is missing from what is proposed is what the disks are to hold.
#[test]
fn every_proposal_is_a_machine_without_a_root() {
    for state in ["hardware", "blank", "complete", "foreign", "tables", "volumes", "inactive"] {
        let facts = facts(state);
        let proposal = Proposal::of(&facts, "nas", Some(Ipv4Addr::new(192, 168, 1, 10)));
        let codes = checked(&proposal.to_toml(&facts));
        assert_eq!(codes, ["fleet::no_root"], "{state}");
        assert_eq!(proposal.disks.len(), facts.devices.iter().filter(|it| it.transport.is_some()).count(), "{state}");
    }
}

#[test]
fn a_card_with_the_address_is_chosen() {
    let mut facts = facts("blank");
    let mut other = facts.machine.nics[0].clone();
    "eth9".clone_into(&mut other.name);
    "52:54:00:00:00:09".clone_into(&mut other.mac);
    other.up = true;
    other.addresses = vec!["192.168.1.10/24".to_owned()];
    facts.machine.nics[0].up = true;
    facts.machine.nics.push(other);
    let chosen = |facts: &Facts, address: &str| {
        let proposal = Proposal::of(facts, "nas", address.parse().ok());
        (proposal.interface.map(|it| it.to_string()), proposal.address.map(|it| it.to_string()))
    };
    let (nine, ten) = (Some("52:54:00:00:00:09".to_owned()), Some("192.168.1.10".to_owned()));
    assert_eq!(chosen(&facts, "192.168.1.10"), (nine.clone(), ten.clone()));
    // Reached by a name: the address that it has.
    assert_eq!(chosen(&facts, "nas.local"), (nine.clone(), ten.clone()));
    assert_eq!(chosen(&facts, "127.0.0.1"), (nine.clone(), ten));
    // Two with a cable in, and none with the address: the user is asked.
    assert_eq!(chosen(&facts, "192.168.1.20").0, None);
    facts.machine.nics[0].up = false;
    assert_eq!(chosen(&facts, "192.168.1.20").0, nine);
}

/// What the kernel makes up by itself is no card, once drivers are known.
#[test]
fn made_up_interfaces_are_no_cards() {
    let mut facts = facts("blank");
    let own = facts.machine.nics[0].clone();
    let mut bridge = own.clone();
    "br0".clone_into(&mut bridge.name);
    "52:54:00:00:00:0b".clone_into(&mut bridge.mac);
    bridge.up = true;
    facts.machine.nics.push(bridge);
    let driver = |bus, device: &str| Driver {
        bus,
        device: device.to_owned(),
        class: None,
        driver: "e1000".to_owned(),
        module: Some("e1000".to_owned()),
    };
    facts.machine.drivers = vec![driver(Bus::Net, &own.name)];
    let proposal = Proposal::of(&facts, "nas", None);
    assert_eq!(proposal.interface.as_ref().unwrap().to_string(), own.mac);
    assert!(!proposal.to_toml(&facts).contains("br0"));
}
