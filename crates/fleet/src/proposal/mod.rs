//! What a probe of a machine proposes for the fleet file: how it boots, its network card, what its system must be told of
//! its hardware, and its disks by what tells them apart. What they should hold, only the user can say.

mod text;

use crate::{Boot, Cpu, Hardware, Interface, KernelModule};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use storage::Name;
use storage::facts::{Content, Device, DeviceKind, Facts, Nic};
use storage::tree::Disk;

/// Lines for a machine.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Proposal {
    /// The machine's name.
    pub machine: String,
    /// Where it answers now, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Ipv4Addr>,
    /// How it was booted.
    pub boot: Boot,
    /// The card that bears its address, or the only one with a cable in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<Interface>,
    /// What its system must be told of its hardware.
    pub hardware: Hardware,
    /// Its disks, as they are recognised.
    pub disks: BTreeMap<Name, Disk>,
}

impl Proposal {
    /// The proposal for a machine of this name that answers at `address`.
    pub fn of(facts: &Facts, machine: &str, address: Option<Ipv4Addr>) -> Self {
        let seen = &facts.machine;
        let address = address.filter(|address| !address.is_loopback()).or_else(|| {
            let mut own = cards(facts).flat_map(|nic| nic.addresses.iter().filter_map(|own| parsed(own)));
            own.find(|own| !own.is_loopback() && !own.is_link_local())
        });
        let modules = |names: Vec<&str>| -> Vec<KernelModule> {
            names.into_iter().filter_map(|name| name.parse().ok()).collect()
        };
        let cpu = match seen.vendor.as_str() {
            "GenuineIntel" => Some(Cpu::Intel),
            "AuthenticAMD" => Some(Cpu::Amd),
            _ => None,
        };
        let hardware = Hardware {
            modules: modules(seen.initrd_modules()),
            sensors: modules(seen.sensor_modules()),
            // A guest's microcode is its host's business.
            cpu: cpu.filter(|_| seen.hypervisor.is_none()),
        };
        Self {
            machine: machine.to_owned(),
            address,
            boot: if seen.efi { Boot::Efi } else { Boot::Bios },
            interface: interface(facts, address),
            hardware,
            disks: named(facts).into_iter().map(|(name, device)| (name, disk(device, seen.efi))).collect(),
        }
    }

    /// The lines, with what is worth knowing about each thing as comments.
    pub fn to_toml(&self, facts: &Facts) -> String {
        text::write(self, facts)
    }
}

fn parsed(address: &str) -> Option<Ipv4Addr> {
    address.split_once('/').map_or(address, |(address, _)| address).parse().ok()
}

/// Network cards: not what the kernel makes up by itself (bridges, `ifb`, tunnels), where drivers are known.
fn cards(facts: &Facts) -> impl Iterator<Item = &Nic> {
    let known = |name: &str| driver(facts, name).is_some();
    let any = facts.machine.nics.iter().any(|nic| known(&nic.name));
    facts.machine.nics.iter().filter(move |nic| !any || known(&nic.name))
}

fn driver<'a>(facts: &'a Facts, nic: &str) -> Option<&'a str> {
    let mut drivers = facts.machine.drivers.iter();
    let found = drivers.find(|driver| driver.bus == storage::facts::Bus::Net && driver.device == nic)?;
    Some(&found.driver)
}

/// The card with the address, else the only one with a cable in, else the only one.
fn interface(facts: &Facts, address: Option<Ipv4Addr>) -> Option<Interface> {
    let bears = |nic: &&Nic| address.is_some() && nic.addresses.iter().any(|own| parsed(own) == address);
    let only = |up: bool| {
        let mut cards = cards(facts).filter(|nic| nic.up || !up);
        cards.next().filter(|_| cards.next().is_none())
    };
    let nic = cards(facts).find(bears).or_else(|| only(true)).or_else(|| only(false))?;
    nic.mac.parse().ok()
}

/// Every disk with a name by its kind: `nvme`, or `sata1`, `sata2`, … by serial number, where there are several.
fn named(facts: &Facts) -> Vec<(Name, &Device)> {
    let own = |device: &&Device| {
        device.kind == DeviceKind::Disk && !device.name.starts_with("zram") && !is_medium(facts, device)
    };
    let mut all: Vec<&Device> = facts.devices.iter().filter(own).collect();
    all.sort_by_key(|device| (kind(device), &device.serial, &device.name));
    let mut found = Vec::new();
    for (at, device) in all.iter().enumerate() {
        let alike = |others: &[&Device]| others.iter().filter(|other| kind(other) == kind(device)).count();
        let name = match alike(&all) {
            1 => kind(device).to_owned(),
            _ => format!("{}{}", kind(device), alike(&all[..at]) + 1),
        };
        found.extend(name.parse().ok().map(|name| (name, *device)));
    }
    found
}

/// Is it what an installation medium was booted from?
fn is_medium(facts: &Facts, device: &Device) -> bool {
    let image = |format: &str| matches!(format, "squashfs" | "iso9660");
    let holds = |device: &Device| match &device.content {
        Content::Filesystem { format, .. } => image(format),
        Content::Other { name } => image(name),
        _ => false,
    };
    let mounted =
        |device: &Device| facts.mounts.iter().any(|mount| mount.device == device.name && image(&mount.format));
    let parts = facts.children(&device.name).filter(|child| child.partition.is_some());
    std::iter::once(device).chain(parts).any(|device| holds(device) || mounted(device))
}

/// What people call a disk of this sort.
fn kind(device: &Device) -> &'static str {
    match device.transport.as_deref() {
        Some("usb") => "usb",
        Some("nvme") => "nvme",
        Some("sata" | "ata") => "sata",
        Some("sas") => "sas",
        _ if device.name.starts_with("mmcblk") => "mmc",
        _ if device.name.starts_with("nvme") => "nvme",
        _ => "disk",
    }
}

/// What tells a disk from all others. GRUB is put on a disk by its link, so a machine that boots by BIOS gets that too.
fn disk(device: &Device, efi: bool) -> Disk {
    let link = device.links.iter().find(|link| link.starts_with("/dev/disk/by-id/")).cloned();
    let serial = device.serial.clone().filter(|serial| !serial.trim().is_empty());
    let wwn = device.wwn.clone().filter(|_| serial.is_none());
    let link = link.or_else(|| device.links.iter().find(|link| link.starts_with("/dev/disk/by-path/")).cloned());
    let nameless = serial.is_none() && wwn.is_none();
    Disk { device: link.filter(|_| nameless || !efi), serial, wwn, ..Disk::default() }
}
