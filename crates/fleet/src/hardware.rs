//! What of a machine's hardware its system must be told: the initrd's kernel modules, sensors, the processor's maker,
//! and which network interface bears its address. `probe` proposes these lines; nothing is asked of a machine here.

use crate::text::{self, as_text};
use document::{Decode, Path, Problems, Table, Value};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// What the system must be told of the hardware; `homehive probe` proposes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Hardware {
    /// Kernel modules with which the initrd finds the disks, such as `ahci` and `nvme`; those of common hardware if
    /// absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<KernelModule>,
    /// Kernel modules that read temperatures and fans, such as `coretemp` and `nct6775`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensors: Vec<KernelModule>,
    /// Who made the processor, whose microcode is then kept up to date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
}

impl Hardware {
    /// Is nothing said?
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Decode for Hardware {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let it = Self {
            modules: table.or_default("modules", problems),
            sensors: table.or_default("sensors", problems),
            cpu: table.optional("cpu", problems),
        };
        table.close(problems);
        Some(it)
    }
}

/// Who made a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cpu {
    /// Intel.
    Intel,
    /// AMD.
    Amd,
}

impl Decode for Cpu {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        text::choose(value, at, "fleet::unknown_cpu", &[("intel", Self::Intel), ("amd", Self::Amd)], problems)
    }
}

/// Why a text is no kernel module or network interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HardwareError {
    /// Not a module's name.
    #[error("a kernel module is named by letters, digits, `_` and `-`, without path and `.ko`")]
    Module,
    /// Neither a name nor a MAC address.
    #[error("this is neither the name of a network interface nor a MAC address")]
    Interface,
    /// The loopback interface, a bridge of the cluster's.
    #[error("this interface is no network card")]
    NoCard,
    /// A MAC address that stands for several cards, or for none.
    #[error("this MAC address is not one card's: it is zero, or a group's")]
    Group,
}

/// The name of a kernel module, as modprobe(8) takes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KernelModule(String);

impl FromStr for KernelModule {
    type Err = HardwareError;

    fn from_str(text: &str) -> Result<Self, HardwareError> {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        // The kernel's MODULE_NAME_LEN is 64 less a pointer.
        let good = (1..=55).contains(&text.len())
            && text.chars().all(inner)
            && text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if good { Ok(Self(text.to_owned())) } else { Err(HardwareError::Module) }
    }
}

impl fmt::Display for KernelModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for KernelModule {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

as_text!(
    KernelModule,
    "fleet::bad_kernel_module",
    "^[A-Za-z0-9][A-Za-z0-9_-]{0,54}$",
    "a module's name as `lsmod` or `homehive probe` prints it: \"ahci\""
);

/// A wired network interface: by its name, `enp3s0`, or by its MAC address, `d8:3a:dd:12:34:56`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interface {
    /// By the name that the kernel and udev give it.
    Name(String),
    /// By its MAC address, in small letters.
    Mac(String),
}

/// Six pairs of hexadecimal digits.
fn mac(text: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut pairs = text.split([':', '-']);
    for byte in &mut bytes {
        let pair = pairs.next().filter(|pair| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    pairs.next().is_none().then_some(bytes)
}

impl FromStr for Interface {
    type Err = HardwareError;

    fn from_str(text: &str) -> Result<Self, HardwareError> {
        if let Some(bytes) = mac(text) {
            // The lowest bit of the first byte marks a group (IEEE 802, section 8.2).
            let one = bytes[0] & 1 == 0 && bytes != [0; 6];
            let shown = bytes.map(|byte| format!("{byte:02x}")).join(":");
            return if one { Ok(Self::Mac(shown)) } else { Err(HardwareError::Group) };
        }
        // IFNAMSIZ is 16 with the zero at its end.
        let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let name = (1..=15).contains(&text.len())
            && text.chars().all(inner)
            && text.starts_with(|c: char| c.is_ascii_alphabetic());
        if !name {
            return Err(HardwareError::Interface);
        }
        let ours = text == "lo" || ["cni", "flannel", "veth"].iter().any(|start| text.starts_with(start));
        if ours { Err(HardwareError::NoCard) } else { Ok(Self::Name(text.to_owned())) }
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(text) | Self::Mac(text) => f.pad(text),
        }
    }
}

as_text!(
    Interface,
    "fleet::bad_interface",
    "^[A-Za-z0-9][A-Za-z0-9_.:-]{0,16}$",
    "its name or its MAC address, as `homehive probe HOST` or `ip link` prints them: \"enp3s0\""
);

#[cfg(test)]
mod tests {
    use super::{HardwareError, Interface, KernelModule};

    #[test]
    fn interfaces() {
        let name = |text: &str| Ok(Interface::Name(text.to_owned()));
        let mac = |text: &str| Ok(Interface::Mac(text.to_owned()));
        for (text, wanted) in [
            ("enp3s0", name("enp3s0")),
            ("eth0", name("eth0")),
            ("enp3s0f0np0", name("enp3s0f0np0")),
            ("D8:3A:DD:12:34:56", mac("d8:3a:dd:12:34:56")),
            ("d8-3a-dd-12-34-56", mac("d8:3a:dd:12:34:56")),
            ("01:00:5e:00:00:01", Err(HardwareError::Group)),
            ("00:00:00:00:00:00", Err(HardwareError::Group)),
            ("d8:3a:dd:12:34", Err(HardwareError::Interface)),
            ("sixteen-letters-", Err(HardwareError::Interface)),
            ("en p3", Err(HardwareError::Interface)),
            ("", Err(HardwareError::Interface)),
            ("lo", Err(HardwareError::NoCard)),
            ("flannel.1", Err(HardwareError::NoCard)),
        ] {
            assert_eq!(text.parse::<Interface>(), wanted, "{text}");
        }
    }

    #[test]
    fn modules() {
        for (text, good) in [
            ("ahci", true),
            ("dm_writecache", true),
            ("kvm-intel", true),
            ("ahci.ko", false),
            ("drivers/ata/ahci", false),
            ("ahci nvme", false),
            ("", false),
            ("-r", false),
        ] {
            assert_eq!(text.parse::<KernelModule>().is_ok(), good, "{text}");
        }
    }
}
