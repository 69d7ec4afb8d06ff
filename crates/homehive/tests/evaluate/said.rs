//! What an evaluated configuration says, in the form in which `said.nix` prints it.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// One machine's configuration.
#[expect(clippy::struct_excessive_bools, reason = "NixOS has that many switches")]
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Said {
    pub warnings: Vec<String>,
    pub failed_assertions: Vec<String>,
    pub host_name: String,
    pub domain: Option<String>,
    pub time_zone: Option<String>,
    pub state_version: String,
    pub firewall: Firewall,
    pub mutable_users: bool,
    pub wheel_needs_password: bool,
    pub users: BTreeMap<String, User>,
    pub sshd: Sshd,
    pub file_systems: BTreeMap<String, FileSystem>,
    /// Containers that stage 1 opens, and what they lie on.
    pub luks: BTreeMap<String, String>,
    pub swap_devices: BTreeSet<String>,
    pub initrd_modules: Modules,
    pub available_modules: Modules,
    pub kernel_modules: Modules,
    pub microcode: BTreeMap<String, bool>,
    pub swraid: Swraid,
    pub lvm: bool,
    pub grub: Grub,
    pub systemd_boot: bool,
    pub efi_sys_mount_point: String,
    pub k3s: K3s,
    pub cluster_secrets: Option<ClusterSecrets>,
    pub auto_upgrade: AutoUpgrade,
    pub hosts: BTreeMap<String, BTreeSet<String>>,
    pub nameservers: Vec<String>,
    pub lan: Lan,
    pub dhcp: bool,
    pub avahi: bool,
    pub smartd: bool,
    pub packages: BTreeSet<String>,
    pub secrets: BTreeMap<String, String>,
}

/// `networking.firewall`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Firewall {
    pub enable: bool,
    #[serde(rename = "allowedTCPPorts")]
    pub tcp: BTreeSet<u16>,
    #[serde(rename = "allowedUDPPorts")]
    pub udp: BTreeSet<u16>,
    pub tcp_ranges: Vec<serde_json::Value>,
    pub udp_ranges: Vec<serde_json::Value>,
    pub trusted_interfaces: BTreeSet<String>,
    pub extra_commands: String,
    pub nftables: bool,
    pub interfaces: BTreeMap<String, Vec<u16>>,
}

/// One of `users.users`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct User {
    pub extra_groups: BTreeSet<String>,
    pub keys: Vec<String>,
    pub key_files: Vec<String>,
    pub password: bool,
}

/// `services.openssh`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sshd {
    pub enable: bool,
    pub ports: Vec<u16>,
    pub authorized_keys_in_homedir: bool,
    pub host_keys: Vec<String>,
    pub settings: BTreeMap<String, serde_json::Value>,
}

/// One of `fileSystems`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileSystem {
    pub device: Option<String>,
    pub fs_type: String,
    pub options: Vec<String>,
}

/// `boot.swraid`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Swraid {
    pub enable: bool,
    pub mdadm_conf: String,
}

/// `boot.loader.grub`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grub {
    pub enable: bool,
    pub devices: Vec<String>,
}

/// `services.k3s`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct K3s {
    pub enable: bool,
    pub role: String,
    pub cluster_init: bool,
    pub server_addr: String,
    pub disable: BTreeSet<String>,
    pub extra_flags: Vec<String>,
    #[serde(rename = "nodeIP")]
    pub node_ip: Option<String>,
    pub token_file: Option<String>,
    pub token: String,
    pub version: String,
}

/// `systemd.services.homehive-secrets`
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterSecrets {
    #[serde(rename = "type")]
    pub kind: String,
    pub restart: String,
    pub wanted_by: BTreeSet<String>,
    /// Units that it begins, ends, or comes in order with.
    pub together: BTreeSet<String>,
    /// Is there an end to its tries?
    pub limited: bool,
}

impl ClusterSecrets {
    /// As it is to be on every server: nobody waits for it, k3s neither begins nor waits by it, and it tries again.
    pub fn of_a_server() -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            kind: "exec".into(),
            restart: "on-failure".into(),
            wanted_by: words(&["k3s.service", "multi-user.target"]),
            together: words(&["agenix-install-secrets.service"]),
            limited: true,
        }
    }
}

/// `system.autoUpgrade`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AutoUpgrade {
    pub enable: bool,
    pub flake: Option<String>,
    pub dates: String,
    pub randomized_delay_sec: String,
    pub allow_reboot: bool,
    pub reboot_window: Option<Window>,
}

/// `system.autoUpgrade.rebootWindow`
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    pub lower: String,
    pub upper: String,
}

/// Kernel modules: a list, or since NixOS 25.11 a set of switches by name.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Modules {
    List(BTreeSet<String>),
    Switches(BTreeMap<String, bool>),
}

impl Modules {
    /// Those that are on.
    pub fn names(&self) -> BTreeSet<String> {
        match self {
            Self::List(names) => names.clone(),
            Self::Switches(all) => all.iter().filter(|(_, on)| **on).map(|(name, _)| name.clone()).collect(),
        }
    }
}

/// The unit of the LAN's port.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lan {
    pub match_config: BTreeMap<String, serde_json::Value>,
    pub address: Vec<String>,
    pub gateway: Vec<String>,
}

/// Reads all machines.
pub fn read(printed: serde_json::Value) -> BTreeMap<String, Said> {
    serde_json::from_value(printed).unwrap()
}
