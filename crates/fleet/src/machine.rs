//! `[machines.NAME]`: one machine, and what can be checked about it alone.

use crate::net::Address;
use crate::{
    FlakeAttribute, Hardware, Host, HostName, Interface, Loader, Login, ModulePath, Package, Tag, TimeZone, loader,
    text,
};
use document::{Decode, Kind, Path, Problems, Table, Value};
use schemars::JsonSchema;
use serde::Serialize;
use std::net::Ipv4Addr;
use storage::tree::Storage;
use storage::{Name, Wish};

/// One machine.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Machine {
    /// Its static address.
    pub address: Ipv4Addr,
    /// The wired interface that bears its address, by name or MAC address; its one Ethernet interface if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<Interface>,
    /// What it does in the cluster; nothing if absent.
    #[serde(default, skip_serializing_if = "Role::is_none")]
    pub role: Role,
    /// Words by which machines are chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// How it is reached, where that is not plain SSH at its address.
    #[serde(default, skip_serializing_if = "Ssh::is_default")]
    pub ssh: Ssh,
    /// How it boots; follows from its disks if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<Boot>,
    /// The disk that the BIOS boots from; follows from where `/boot` lies if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_disk: Option<Name>,
    /// Where further EFI system partitions are mounted, on other disks, which NixOS keeps in step with the first: the firmware starts
    /// the machine from any of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boot_mirrors: Vec<String>,
    /// Its time zone, if not the fleet's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<TimeZone>,
    /// Packages of nixpkgs on this machine, beside the fleet's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<Package>,
    /// NixOS modules of your own for this machine, as paths relative to the fleet file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<ModulePath>,
    /// A configuration of your own flake, instead of the one that homehive would write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<FlakeAttribute>,
    /// What its system must be told of its hardware, as `homehive probe` proposes it.
    #[serde(default, skip_serializing_if = "Hardware::is_default")]
    pub hardware: Hardware,
    /// Its disks and what lies on them.
    #[serde(default)]
    pub storage: Storage,
}

impl Machine {
    /// Where the boot loader goes, as declared or as the disks have it (`wish` is this machine's, see
    /// [`Fleet::wish`](crate::Fleet::wish)); none if homehive has no disk of this machine.
    pub fn loader(&self, wish: &Wish) -> Option<Loader> {
        loader::find(wish, self.boot, self.boot_disk.as_ref()).ok()
    }

    /// Where SSH finds it: `ssh.address`, else its address.
    pub fn reached_at(&self) -> String {
        self.ssh.address.as_ref().map_or_else(|| self.address.to_string(), Host::to_string)
    }
}

/// What a machine does in the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Nothing.
    #[default]
    None,
    /// Runs the cluster's API and its workloads.
    K3sServer,
    /// Runs workloads.
    K3sAgent,
}

impl Role {
    const WORDS: [(&str, Self); 3] =
        [("none", Self::None), ("k3s-server", Self::K3sServer), ("k3s-agent", Self::K3sAgent)];

    /// The word of the fleet file.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, role)| *role == self).map_or("none", |(word, _)| word)
    }

    /// Is it no part of the cluster?
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }
}

impl Decode for Role {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        text::choose(value, at, "fleet::unknown_role", &Self::WORDS, problems)
    }
}

/// How a machine's firmware starts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Boot {
    /// From a boot sector.
    Bios,
    /// From an EFI system partition.
    Efi,
}

impl Decode for Boot {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        text::choose(value, at, "fleet::unknown_boot", &[("bios", Self::Bios), ("efi", Self::Efi)], problems)
    }
}

/// How a machine is reached, where that is not plain SSH at its address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Ssh {
    /// A name or address; the machine's address if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Host>,
    /// The port; 22 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    /// Who logs in once the machine is installed; the admin if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Login>,
    /// Who logs in to the installation medium; `root` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installer_user: Option<Login>,
}

impl Ssh {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Decode for Ssh {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let ssh = Self {
            address: table.optional("address", problems),
            port: table.optional("port", problems),
            user: table.optional("user", problems),
            installer_user: table.optional("installer_user", problems),
        };
        table.close(problems);
        Some(ssh)
    }
}

/// A TCP port, 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[schemars(transparent)]
pub struct Port(#[schemars(range(min = 1))] u16);

impl Port {
    /// The number.
    pub fn number(self) -> u16 {
        self.0
    }
}

impl Decode for Port {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let good = match value.kind {
            Kind::Integer(number) => u16::try_from(number).ok().filter(|number| *number != 0),
            _ => None,
        };
        if good.is_none() {
            let message = "a port is a whole number from 1 to 65535, without quotes";
            problems.add(at, "fleet::bad_port", message, "this value", "for example `port = 22`");
        }
        good.map(Self)
    }
}

impl Machine {
    /// Reads one machine; what can be checked about it alone is checked here, as far as it was read whole.
    pub(crate) fn decode(value: &Value, at: &Path, name: &HostName, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let address = table.required("address", "give it a static address: `address = \"192.168.1.10\"`", problems);
        let interface = table.optional("interface", problems);
        let role = table.or_default("role", problems);
        let tags = table.or_default("tags", problems);
        let ssh = table.or_default("ssh", problems);
        let hardware = table.or_default("hardware", problems);
        let before = problems.len();
        let boot = table.optional("boot", problems);
        let boot_disk = table.optional("boot_disk", problems);
        let boot_mirrors = table.or_default("boot_mirrors", problems);
        let timezone = table.optional("timezone", problems);
        let packages = table.or_default("packages", problems);
        let modules = table.or_default("modules", problems);
        let configuration: Option<FlakeAttribute> = table.optional("configuration", problems);
        let storage: Option<Storage> = table.optional("storage", problems);
        if problems.len() == before {
            match &storage {
                Some(storage) => {
                    storage::check(storage, &at.join("storage"), problems);
                    if problems.len() == before {
                        // Identities do not matter for where things lie.
                        let wish = Wish::new(storage, uuid::Uuid::nil());
                        let said = loader::Said { boot, disk: boot_disk.as_ref(), rendered: configuration.is_none() };
                        loader::check(&wish, &said, name, at, problems);
                    }
                }
                None if configuration.is_none() => loader::no_root(name, at, problems),
                None => {}
            }
        }
        table.close(problems);
        let Address(address) = address?;
        let storage = storage.unwrap_or_default();
        Some(Self {
            address,
            interface,
            role,
            tags,
            ssh,
            boot,
            boot_disk,
            boot_mirrors,
            timezone,
            packages,
            modules,
            configuration,
            hardware,
            storage,
        })
    }
}
