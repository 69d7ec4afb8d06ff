//! The machine itself: processor, memory, network cards, and what drives its devices.

use super::Enrol;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The machine itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// `uname -n`
    pub hostname: String,
    /// `uname -m`, such as `x86_64`
    pub arch: String,
    /// `uname -r`
    pub kernel: String,
    /// Was it booted by UEFI (else BIOS)?
    pub efi: bool,
    /// Number of processors.
    pub cpus: u32,
    /// Model of the first processor, if the kernel tells.
    #[serde(default)]
    pub cpu: String,
    /// Who made the processor, such as `GenuineIntel`, if the kernel tells.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub vendor: String,
    /// The kernel module that runs virtual machines on this processor: `kvm-intel` or `kvm-amd`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kvm: Option<String>,
    /// What it runs in, if it is a virtual machine itself, by the word of systemd-detect-virt(1); `unknown` if it is one
    /// of another sort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hypervisor: Option<String>,
    /// Bytes of memory.
    pub memory: u64,
    /// Network interfaces but loopback.
    #[serde(default)]
    pub nics: Vec<Nic>,
    /// What a container could be enrolled with; none if systemd-cryptenroll(1) is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrol: Option<Enrol>,
    /// Devices on PCI and USB, disks, sensors and network cards, with what drives them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drivers: Vec<Driver>,
}

/// A device and its driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Driver {
    /// Where the kernel lists the device.
    pub bus: Bus,
    /// The device's name there, such as `0000:00:1f.2` or `sda`.
    pub device: String,
    /// PCI: the six digits of its class; USB: class, subclass and protocol of the interface, two digits each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The driver's name.
    pub driver: String,
    /// The kernel module that the driver is of; none if it is built into the kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
}

/// Where the kernel lists a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bus {
    /// `/sys/bus/pci/devices`
    Pci,
    /// `/sys/bus/usb/devices`
    Usb,
    /// `/sys/class/block`
    Block,
    /// `/sys/class/hwmon`: sensors
    Hwmon,
    /// `/sys/class/net`
    Net,
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nic {
    /// Name, such as `eth0`.
    pub name: String,
    /// Hardware address.
    pub mac: String,
    /// Is a cable in, as far as the kernel tells (`operstate` up)?
    pub up: bool,
    /// Megabits a second, if the kernel tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<u32>,
    /// IPv4 addresses with their prefix, such as `192.168.1.10/24`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
}
