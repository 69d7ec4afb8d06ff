//! Which kernel modules a machine's hardware calls for: those that stage 1 finds the disks and a keyboard with, and
//! those that read sensors.

use super::{Bus, Driver, Machine};

/// Modules of drivers that some kernels have built in and others do not, under the names that NixOS has them by.
const BUILT_IN: [(&str, &str); 19] = [
    ("ahci", "ahci"),
    ("nvme", "nvme"),
    ("xhci_hcd", "xhci_pci"),
    ("xhci-pci", "xhci_pci"),
    ("ehci-pci", "ehci_pci"),
    ("ohci-pci", "ohci_pci"),
    ("uhci_hcd", "uhci_hcd"),
    ("usb-storage", "usb_storage"),
    ("uas", "uas"),
    ("usbhid", "usbhid"),
    ("sd", "sd_mod"),
    ("sr", "sr_mod"),
    ("virtio-pci", "virtio_pci"),
    ("virtio_blk", "virtio_blk"),
    ("virtio_scsi", "virtio_scsi"),
    ("sdhci-pci", "sdhci_pci"),
    ("mmcblk", "mmc_block"),
    ("megaraid_sas", "megaraid_sas"),
    ("mpt3sas", "mpt3sas"),
];

impl Machine {
    /// Modules for stage 1: of mass storage, `FireWire` and USB controllers, of USB sticks and keyboards, and of disks
    /// (classes as in <https://pciids.sourceforge.net/pci.ids> and <https://www.usb.org/defined-class-codes>).
    pub fn initrd_modules(&self) -> Vec<&str> {
        let needed = |driver: &&Driver| {
            let class = driver.class.as_deref().unwrap_or_default();
            match driver.bus {
                Bus::Pci => ["01", "0c00", "0c03"].iter().any(|start| class.starts_with(start)),
                Bus::Usb => class.starts_with("08") || class == "030101",
                Bus::Block => true,
                Bus::Hwmon | Bus::Net => false,
            }
        };
        unique(self.drivers.iter().filter(needed).filter_map(module))
    }

    /// Modules that read temperatures, fans and voltages; disks and cards that have a sensor, too, are moved by their own
    /// drivers anyway.
    pub fn sensor_modules(&self) -> Vec<&str> {
        let card = |module: &str| {
            let is = |driver: &&Driver| driver.bus != Bus::Hwmon && driver.module.as_deref() == Some(module);
            let class = |driver: &Driver| driver.class.clone().unwrap_or_default();
            self.drivers.iter().filter(is).any(|driver| {
                driver.bus != Bus::Pci || ["01", "02", "03"].iter().any(|start| class(driver).starts_with(start))
            })
        };
        let sensors = self.drivers.iter().filter(|driver| driver.bus == Bus::Hwmon);
        unique(sensors.filter_map(|driver| driver.module.as_deref()).filter(|module| !card(module)))
    }
}

/// The module of a driver, also where the kernel that was asked has it built in.
fn module(driver: &Driver) -> Option<&str> {
    let known = || BUILT_IN.iter().find(|(name, _)| *name == driver.driver).map(|(_, module)| *module);
    driver.module.as_deref().or_else(known)
}

fn unique<'a>(modules: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found = Vec::new();
    for module in modules {
        if !found.contains(&module) {
            found.push(module);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Bus, Driver, Machine};

    fn machine(rows: &[(Bus, &str, &str, Option<&str>)]) -> Machine {
        let driver = |(at, row): (usize, &(Bus, &str, &str, Option<&str>))| Driver {
            bus: row.0,
            device: at.to_string(),
            class: (!row.1.is_empty()).then(|| row.1.to_owned()),
            driver: row.2.to_owned(),
            module: row.3.map(str::to_owned),
        };
        Machine { drivers: rows.iter().enumerate().map(driver).collect(), ..Machine::default() }
    }

    #[test]
    fn disks_and_a_keyboard() {
        for (case, rows, modules) in [
            (
                "a NAS",
                &[
                    (Bus::Pci, "010601", "ahci", Some("ahci")),
                    (Bus::Pci, "010601", "ahci", Some("ahci")),
                    (Bus::Pci, "010802", "nvme", Some("nvme")),
                    (Bus::Pci, "0c0330", "xhci_hcd", Some("xhci_pci")),
                    (Bus::Pci, "020000", "r8169", Some("r8169")),
                    (Bus::Pci, "060100", "lpc_ich", Some("lpc_ich")),
                    (Bus::Usb, "080650", "usb-storage", Some("usb_storage")),
                    (Bus::Usb, "030101", "usbhid", Some("usbhid")),
                    (Bus::Usb, "030102", "mouse", Some("mouse")),
                    (Bus::Block, "", "sd", Some("sd_mod")),
                ][..],
                "ahci nvme xhci_pci usb_storage usbhid sd_mod",
            ),
            (
                "built in",
                &[
                    (Bus::Pci, "0c0330", "xhci_hcd", None),
                    (Bus::Pci, "010000", "odd", None),
                    (Bus::Block, "", "sd", None),
                ],
                "xhci_pci sd_mod",
            ),
            ("nothing", &[], ""),
        ] {
            assert_eq!(machine(rows).initrd_modules().join(" "), modules, "{case}");
        }
    }

    #[test]
    fn sensors_but_no_cards() {
        let machine = machine(&[
            (Bus::Pci, "010802", "nvme", Some("nvme")),
            (Bus::Pci, "060000", "k10temp", Some("k10temp")),
            (Bus::Pci, "020000", "igb", Some("igb")),
            (Bus::Hwmon, "", "nvme", Some("nvme")),
            (Bus::Hwmon, "", "k10temp", Some("k10temp")),
            (Bus::Hwmon, "", "igb", Some("igb")),
            (Bus::Hwmon, "", "nct6775", Some("nct6775")),
            (Bus::Hwmon, "", "thermal", None),
        ]);
        assert_eq!(machine.sensor_modules(), ["k10temp", "nct6775"]);
    }
}
