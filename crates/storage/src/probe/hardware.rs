//! What a machine's hardware is moved by: drivers and their kernel modules, what the processor can, what it runs in.

use super::kernel::Files;
use super::links;
use crate::facts::{Bus, Driver};
use std::collections::BTreeMap;

const BUSES: [(&str, Bus); 5] = [
    ("/sys/bus/pci/devices/", Bus::Pci),
    ("/sys/bus/usb/devices/", Bus::Usb),
    ("/sys/class/block/", Bus::Block),
    ("/sys/class/hwmon/", Bus::Hwmon),
    ("/sys/class/net/", Bus::Net),
];

/// Section `links`: among others those from devices to drivers and from those to modules, and the devices' classes.
pub(super) fn drivers(text: &str) -> Vec<Driver> {
    let links: BTreeMap<&str, &str> = links::pairs(text).collect();
    let last = |path: &&str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let mut found: Vec<Driver> = Vec::new();
    for (link, target) in &links {
        let Some(place) = link.strip_suffix("/driver") else { continue };
        let Some((rest, bus)) = BUSES.iter().find_map(|(start, bus)| Some((place.strip_prefix(start)?, *bus))) else {
            continue;
        };
        let device = rest.strip_suffix("/device").unwrap_or(rest).replace('!', "/");
        let module = links.get(format!("{link}/module").as_str()).map(last);
        found.push(Driver { bus, device, class: class(place, bus, &links), driver: last(target), module });
    }
    found.sort_by(|a, b| (a.bus, &a.device).cmp(&(b.bus, &b.device)));
    found
}

fn class(place: &str, bus: Bus, links: &BTreeMap<&str, &str>) -> Option<String> {
    let file = |name: &str| links.get(format!("{place}/{name}").as_str()).copied();
    match bus {
        Bus::Pci => file("class")?.strip_prefix("0x").map(str::to_owned),
        // A whole device has no interface; its interfaces are devices of their own.
        Bus::Usb => Some([file("bInterfaceClass")?, file("bInterfaceSubClass")?, file("bInterfaceProtocol")?].concat()),
        Bus::Block | Bus::Hwmon | Bus::Net => None,
    }
}

/// The module that runs virtual machines, by the processor's flags.
pub(super) fn kvm(flags: &[&str]) -> Option<&'static str> {
    [("vmx", "kvm-intel"), ("svm", "kvm-amd")].iter().find(|(flag, _)| flags.contains(flag)).map(|(_, module)| *module)
}

/// What the firmware says of its maker tells most hypervisors; the words are those of systemd-detect-virt(1).
pub(super) fn hypervisor(files: &Files<'_>, flags: &[&str]) -> Option<&'static str> {
    let dmi = |file: &str| files.one(&format!("/sys/class/dmi/id/{file}")).unwrap_or_default();
    let (vendor, product) = (dmi("sys_vendor"), dmi("product_name"));
    let known = [
        ("QEMU", "qemu"),
        ("KVM", "kvm"),
        ("Amazon EC2", "amazon"),
        ("VMware", "vmware"),
        ("innotek GmbH", "oracle"),
        ("VirtualBox", "oracle"),
        ("Xen", "xen"),
        ("Bochs", "bochs"),
        ("Parallels", "parallels"),
        ("BHYVE", "bhyve"),
        ("Hyper-V", "microsoft"),
        ("Apple Virtualization", "apple"),
        ("Google Compute Engine", "google"),
    ];
    let named = known.iter().find(|(start, _)| vendor.starts_with(start) || product.starts_with(start));
    let microsoft = (vendor == "Microsoft Corporation" && product == "Virtual Machine").then_some("microsoft");
    let any = flags.contains(&"hypervisor").then_some("unknown");
    named.map(|(_, word)| *word).or(microsoft).or(any)
}

/// IPv4 addresses of an interface, from `ip -o -4 address show`.
pub(super) fn addresses(text: &str, nic: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words.as_slice() {
            [_, name, "inet", address, ..] if *name == nic => Some((*address).to_owned()),
            _ => None,
        }
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::super::kernel::Files;
    use super::{addresses, drivers, hypervisor, kvm};
    use crate::facts::Bus;

    const BASE: &str = "/proc/sys/kernel/hostname:nas\n/proc/self/mountinfo:1 2 0:1 / / rw - overlay overlay rw\n";

    #[test]
    fn devices_and_their_modules() {
        let links = "'/sys/bus/pci/devices/0000:00:1f.2/driver' -> '../../../bus/pci/drivers/ahci'\n\
            '/sys/bus/pci/devices/0000:00:1f.2/driver/module' -> '../../../../module/ahci'\n\
            '/sys/bus/usb/devices/1-1:1.0/driver' -> '../../../bus/usb/drivers/usb-storage'\n\
            '/sys/class/block/cciss!c0d0/device/driver' -> '../../../bus/scsi/drivers/sd'\n\
            '/sys/bus/pci/devices/0000:00:1f.2/class' -> '0x010601'\n'/sys/bus/usb/devices/1-1:1.0/bInterfaceClass' -> '08'\n\
            '/sys/bus/usb/devices/1-1:1.0/bInterfaceSubClass' -> '06'\n\
            '/sys/bus/usb/devices/1-1:1.0/bInterfaceProtocol' -> '50'\n'/elsewhere/driver' -> 'x'\nodd\n";
        let found = drivers(links);
        let rows: Vec<_> = found
            .iter()
            .map(|it| (it.bus, it.device.as_str(), it.class.as_deref(), it.driver.as_str(), it.module.as_deref()))
            .collect();
        assert_eq!(
            rows,
            [
                (Bus::Pci, "0000:00:1f.2", Some("010601"), "ahci", Some("ahci")),
                (Bus::Usb, "1-1:1.0", Some("080650"), "usb-storage", None),
                (Bus::Block, "cciss/c0d0", None, "sd", None),
            ]
        );
    }

    #[test]
    fn what_the_processor_can_and_what_it_runs_in() {
        for (flags, module) in [("fpu vmx", Some("kvm-intel")), ("svm", Some("kvm-amd")), ("fpu svme", None)] {
            assert_eq!(kvm(&flags.split(' ').collect::<Vec<_>>()), module, "{flags}");
        }
        for (vendor, product, flags, word) in [
            ("QEMU", "Standard PC (Q35 + ICH9, 2009)", "hypervisor", Some("qemu")),
            ("innotek GmbH", "VirtualBox", "hypervisor", Some("oracle")),
            ("Microsoft Corporation", "Virtual Machine", "hypervisor", Some("microsoft")),
            ("Microsoft Corporation", "Surface", "", None),
            ("Supermicro", "Super Server", "", None),
            ("", "", "hypervisor", Some("unknown")),
            ("", "", "", None),
        ] {
            let text =
                format!("{BASE}/sys/class/dmi/id/sys_vendor:{vendor}\n/sys/class/dmi/id/product_name:{product}\n");
            let flags: Vec<&str> = flags.split(' ').collect();
            assert_eq!(hypervisor(&Files::parse(&text).unwrap(), &flags), word, "{vendor} {product}");
        }
    }

    #[test]
    fn addresses_of_an_interface() {
        let text = "1: lo    inet 127.0.0.1/8 scope host lo\n2: eth0    inet 10.0.2.15/24 brd 10.0.2.255 scope global\\ x\n\
                    2: eth0    inet 10.0.2.16/24 scope global secondary eth0\nnonsense\n";
        assert_eq!(addresses(text, "eth0"), ["10.0.2.15/24", "10.0.2.16/24"]);
        assert!(addresses(text, "eth1").is_empty());
    }
}
