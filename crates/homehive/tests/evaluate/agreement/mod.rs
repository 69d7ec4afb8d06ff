//! Does a configuration say what the fleet says? What is wanted is worked out from the fleet alone, and for disks from
//! the script that makes them; the renderer is not asked.

mod disks;

use crate::said::{Said, Window};
use fleet::{Cpu, Fleet, HostName, Interface, Loader, Machine, Role};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

/// Everything in which they differ; nothing if they agree.
pub fn differences(fleet: &Fleet, name: &HostName, machine: &Machine, said: &Said) -> Vec<String> {
    let mut it = Comparison { fleet, name, machine, said, differences: Vec::new() };
    it.health();
    it.identity();
    it.access();
    it.open_ports();
    it.between_nodes();
    it.disks();
    it.boot();
    it.hardware();
    it.cluster();
    it.upgrades();
    it.differences
}

struct Comparison<'a> {
    fleet: &'a Fleet,
    name: &'a HostName,
    machine: &'a Machine,
    said: &'a Said,
    differences: Vec<String>,
}

/// A set of words.
fn words<T: ToString>(words: impl IntoIterator<Item = T>) -> BTreeSet<String> {
    words.into_iter().map(|word| word.to_string()).collect()
}

impl Comparison<'_> {
    #[expect(clippy::needless_pass_by_value, reason = "what is compared is made on the spot")]
    fn same<T: PartialEq + Debug>(&mut self, what: &str, said: T, wanted: T) {
        if said != wanted {
            self.differences.push(format!("{what}:\n  says  {said:?}\n  wants {wanted:?}"));
        }
    }

    fn holds<T: Ord + Debug>(&mut self, what: &str, said: &BTreeSet<T>, wanted: &BTreeSet<T>) {
        if !said.is_superset(wanted) {
            let missing: Vec<_> = wanted.difference(said).collect();
            self.differences.push(format!("{what}: lacks {missing:?} in {said:?}"));
        }
    }

    fn health(&mut self) {
        self.same("assertions that fail", &self.said.failed_assertions, &Vec::new());
        self.same("warnings", &self.said.warnings, &Vec::new());
    }

    fn identity(&mut self) {
        let (fleet, said) = (self.fleet, self.said);
        self.same("networking.hostName", said.host_name.as_str(), self.name.as_ref());
        self.same("networking.domain", said.domain.clone(), Some(fleet.about.domain.to_string()));
        let zone = self.machine.timezone.as_ref().unwrap_or(&fleet.about.timezone);
        self.same("time.timeZone", said.time_zone.clone(), Some(zone.to_string()));
        let nixpkgs = fleet.about.nixpkgs.to_string();
        if nixpkgs.contains("/nixos-") {
            self.same("system.stateVersion", Some(said.state_version.as_str()), nixpkgs.rsplit("/nixos-").next());
        }
        let address = format!("{}/{}", self.machine.address, fleet.network.subnet.prefix());
        self.same("address", &said.lan.address, &vec![address]);
        let gateway: Vec<String> = fleet.network.gateway.iter().map(ToString::to_string).collect();
        self.same("gateway", &said.lan.gateway, &gateway);
        let servers: Vec<String> = fleet.network.name_servers().iter().map(ToString::to_string).collect();
        self.same("networking.nameservers", &said.nameservers, &servers);
        self.same("networking.useDHCP", said.dhcp, false);
        let packages = words(fleet.about.packages.iter().chain(&self.machine.packages));
        self.holds("packages", &said.packages, &packages);
        self.same("services.smartd.enable", said.smartd, true);
        self.same("services.avahi.enable", said.avahi, true);
        self.hosts();
    }

    /// Every static host by its short and its full name, and nothing else in the subnet.
    fn hosts(&mut self) {
        let fleet = self.fleet;
        let machines = fleet.machines.iter().map(|(name, machine)| (name, machine.address));
        let others = fleet.network.hosts.iter().map(|(name, address)| (name, *address));
        let mut wanted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, address) in machines.chain(others) {
            let names = words([name.to_string(), format!("{name}.{}", fleet.about.domain)]);
            wanted.entry(address.to_string()).or_default().extend(names);
        }
        let ours = |text: &String| text.parse().is_ok_and(|address| fleet.network.subnet.contains(address));
        let said = self.said.hosts.iter().filter(|(address, _)| ours(address));
        let said: BTreeMap<_, _> = said.map(|(address, names)| (address.clone(), names.clone())).collect();
        self.same("networking.hosts", said, wanted);
        let name = self.name.to_string();
        let loops =
            self.said.hosts.iter().filter(|(address, names)| address.starts_with("127.") && names.contains(&name));
        let loops = words(loops.map(|(address, _)| address));
        self.same("loopback addresses that the machine's own name means", loops, BTreeSet::new());
    }

    fn access(&mut self) {
        let (fleet, said) = (self.fleet, self.said);
        let admin = fleet.admin.user.to_string();
        let people: Vec<&str> = said.users.keys().map(String::as_str).collect();
        self.same("people", words(people), words([admin.as_str(), "root"]));
        self.same("users.mutableUsers", said.mutable_users, false);
        self.same("security.sudo.wheelNeedsPassword", said.wheel_needs_password, false);
        for (name, user) in &said.users {
            let keys: Vec<String> =
                if *name == admin { fleet.admin.keys.iter().map(ToString::to_string).collect() } else { Vec::new() };
            self.same(&format!("keys of {name}"), &user.keys, &keys);
            self.same(&format!("key files of {name}"), &user.key_files, &Vec::new());
            self.same(&format!("{name} has a password"), user.password, false);
        }
        if let Some(user) = said.users.get(&admin) {
            self.holds("groups of the admin", &user.extra_groups, &words(["wheel"]));
        }
        let wanted: BTreeMap<String, serde_json::Value> = [
            ("PasswordAuthentication".to_owned(), false.into()),
            ("KbdInteractiveAuthentication".to_owned(), false.into()),
            ("PermitRootLogin".to_owned(), "no".into()),
        ]
        .into();
        self.same("services.openssh.settings", &said.sshd.settings, &wanted);
        self.same("services.openssh.enable", said.sshd.enable, true);
        self.same("services.openssh.ports", &said.sshd.ports, &vec![22]);
        self.same("keys in home directories count", said.sshd.authorized_keys_in_homedir, false);
        let keys = vec!["/etc/ssh/ssh_host_ed25519_key".to_owned()];
        self.same("services.openssh.hostKeys", &said.sshd.host_keys, &keys);
    }

    /// To everybody: SSH, mDNS, and a server's API.
    fn open_ports(&mut self) {
        let firewall = &self.said.firewall;
        let server = self.machine.role == Role::K3sServer;
        let tcp: BTreeSet<u16> = [22].into_iter().chain(server.then_some(6443)).collect();
        self.same("networking.firewall.enable", firewall.enable, true);
        self.same("allowedTCPPorts", &firewall.tcp, &tcp);
        self.same("allowedUDPPorts", &firewall.udp, &[5353].into());
        self.same("allowedTCPPortRanges", firewall.tcp_ranges.len(), 0);
        self.same("allowedUDPPortRanges", firewall.udp_ranges.len(), 0);
        let open = firewall.interfaces.values().all(Vec::is_empty);
        self.same("no interface is open further", open, true);
        let cni = if self.machine.role.is_none() { words::<&str>([]) } else { words(["cni0", "flannel.1"]) };
        // The loopback is trusted by NixOS itself.
        let trusted = firewall.trusted_interfaces.iter().filter(|name| *name != "lo").cloned().collect();
        self.same("trustedInterfaces", trusted, cni);
    }

    /// Between nodes: kubelet, flannel, `MetalLB`, node exporter, the embedded registry; between servers etcd as well
    /// (k3s documentation, "Inbound Rules for K3s Nodes").
    fn between_nodes(&mut self) {
        let firewall = &self.said.firewall;
        let nodes = |role: Option<Role>| {
            let all = self
                .fleet
                .machines
                .iter()
                .filter(move |(_, machine)| role.map_or(!machine.role.is_none(), |role| machine.role == role));
            all.filter(|(name, _)| *name != self.name).map(|(_, machine)| machine.address.to_string())
        };
        let mut wanted = BTreeSet::new();
        if !self.machine.role.is_none() {
            for node in nodes(None) {
                let tcp = [5001, 7946, 9100, 10250].map(|port| (node.clone(), "tcp".to_owned(), port));
                let udp = [7946, 8472].map(|port| (node.clone(), "udp".to_owned(), port));
                wanted.extend(tcp.into_iter().chain(udp));
            }
        }
        if self.machine.role == Role::K3sServer {
            for node in nodes(Some(Role::K3sServer)) {
                wanted.extend([2379, 2380].map(|port| (node.clone(), "tcp".to_owned(), port)));
            }
        }
        let mut said = BTreeSet::new();
        let mut odd = Vec::new();
        for line in firewall.extra_commands.lines().map(str::trim).filter(|line| line.contains("nixos-fw")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [
                    "iptables",
                    "-A",
                    "nixos-fw",
                    "-s",
                    from,
                    "-p",
                    protocol,
                    "-m",
                    "multiport",
                    "--dports",
                    ports,
                    "-j",
                    "nixos-fw-accept",
                ] => {
                    let ports = ports.split(',').map(|port| port.parse::<u16>().unwrap());
                    said.extend(ports.map(|port| ((*from).to_owned(), (*protocol).to_owned(), port)));
                }
                _ => odd.push(line.to_owned()),
            }
        }
        // That a machine lets itself in is no difference.
        let own = self.machine.address.to_string();
        said.retain(|(from, ..)| *from != own);
        self.same("rules between nodes", said, wanted);
        self.same("rules that say something else", odd, Vec::new());
        self.same("networking.nftables.enable, which ignores rules of iptables", firewall.nftables, false);
    }

    fn boot(&mut self) {
        let Some(wish) = self.fleet.wish(self.name) else { return };
        let (grub, systemd_boot) = (&self.said.grub, self.said.systemd_boot);
        match self.machine.loader(&wish) {
            Some(Loader::Bios(disks)) => {
                let declared = &self.machine.storage.disk;
                let devices = disks.iter().filter_map(|disk| {
                    let found = declared.iter().find(|(name, _)| format!("disk.{name}") == disk.to_string());
                    found.and_then(|(_, disk)| disk.device.as_ref()).map(ToString::to_string)
                });
                self.same("boot loaders", (grub.enable, systemd_boot), (true, false));
                self.same("boot.loader.grub.devices", &grub.devices, &devices.collect());
            }
            Some(Loader::Efi(node)) => {
                let mount = wish.mounts.iter().find(|mount| mount.node == node).map(|mount| mount.path.as_str());
                let mirrored = matches!(wish.node(&node).map(|node| &node.kind), Some(storage::wish::Kind::Array(_)));
                self.same("boot loaders", (grub.enable, systemd_boot), (mirrored, !mirrored));
                self.same("efiSysMountPoint", Some(self.said.efi_sys_mount_point.as_str()), mount);
            }
            None => {}
        }
    }

    fn hardware(&mut self) {
        let (said, declared) = (self.said, &self.machine.hardware);
        let (found, wanted) = (said.available_modules.names(), words(&declared.modules));
        self.holds("boot.initrd.availableKernelModules", &found, &wanted);
        self.holds("boot.kernelModules", &said.kernel_modules.names(), &words(&declared.sensors));
        let cpus = [(Cpu::Intel, "intel"), (Cpu::Amd, "amd")];
        for (_, name) in cpus.into_iter().filter(|(cpu, _)| declared.cpu == Some(*cpu)) {
            let on = said.microcode.get(name).copied();
            self.same(&format!("hardware.cpu.{name}.updateMicrocode"), on, Some(true));
        }
        let (key, wanted) = match &self.machine.interface {
            Some(Interface::Name(name)) => ("Name", Some(name.as_str())),
            Some(Interface::Mac(mac)) => ("PermanentMACAddress", Some(mac.as_str())),
            None => ("Type", Some("ether")),
        };
        self.same("the LAN's port", said.lan.match_config.get(key).and_then(|it| it.as_str()), wanted);
    }

    fn cluster(&mut self) {
        let k3s = &self.said.k3s;
        self.same("services.k3s.enable", k3s.enable, !self.machine.role.is_none());
        if self.machine.role.is_none() {
            return;
        }
        let server = self.machine.role == Role::K3sServer;
        let machines = &self.fleet.machines;
        let servers: Vec<_> = machines.iter().filter(|(_, machine)| machine.role == Role::K3sServer).collect();
        let first = servers.first().is_some_and(|(name, _)| *name == self.name);
        self.same("services.k3s.role", k3s.role.as_str(), if server { "server" } else { "agent" });
        self.same("services.k3s.clusterInit", k3s.cluster_init, first && servers.len() > 1);
        let joins = match servers.first() {
            Some((_, machine)) if !first => format!("https://{}:6443", machine.address),
            _ => String::new(),
        };
        self.same("services.k3s.serverAddr", &k3s.server_addr, &joins);
        self.same("services.k3s.nodeIP", k3s.node_ip.clone(), Some(self.machine.address.to_string()));
        self.same("the token is in no store path", k3s.token.as_str(), "");
        self.same("services.k3s.tokenFile", k3s.token_file.as_ref(), self.said.secrets.get("k3s-token"));
        let private = k3s.token_file.as_deref().is_some_and(|file| file.starts_with("/run/"));
        self.same("the token is decrypted on the machine", private, true);
        if let Some(version) = &self.fleet.k3s.version {
            let prefix = format!("{version}.");
            self.same(&format!("k3s {} is {version}", k3s.version), k3s.version.starts_with(&prefix), true);
        }
        let disabled = if server { words(["servicelb", "traefik"]) } else { words::<&str>([]) };
        self.same("services.k3s.disable", &k3s.disable, &disabled);
        let mut flags = BTreeSet::new();
        if server {
            for (name, machine) in &servers {
                let names =
                    [name.to_string(), format!("{name}.{}", self.fleet.about.domain), machine.address.to_string()];
                flags.extend(names.map(|name| format!("--tls-san={name}")));
            }
            let data = |name: &HostName| {
                self.fleet.wish(name).is_some_and(|wish| wish.mounts.iter().any(|mount| mount.path == "/data"))
            };
            if machines.iter().any(|(name, machine)| !machine.role.is_none() && data(name)) {
                flags.insert("--default-local-storage-path=/data/kubernetes".to_owned());
            }
        }
        self.holds("services.k3s.extraFlags", &words(&k3s.extra_flags), &flags);
    }

    fn upgrades(&mut self) {
        let said = &self.said.auto_upgrade;
        let Some(wanted) = &self.fleet.upgrades else {
            return self.same("system.autoUpgrade.enable", said.enable, false);
        };
        self.same("system.autoUpgrade.enable", said.enable, true);
        self.same("system.autoUpgrade.dates", said.dates.clone(), wanted.schedule.to_string());
        if let Some(jitter) = wanted.jitter {
            self.same("system.autoUpgrade.randomizedDelaySec", said.randomized_delay_sec.clone(), jitter.to_string());
        }
        let time = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let window = wanted.reboot_window.map(|it| Window { lower: time(it.from()), upper: time(it.to()) });
        self.same("system.autoUpgrade.allowReboot", said.allow_reboot, window.is_some());
        self.same("system.autoUpgrade.rebootWindow", said.reboot_window.as_ref(), window.as_ref());
        let flake = wanted.flake.as_ref().map(ToString::to_string).or_else(|| said.flake.clone());
        self.same("system.autoUpgrade.flake", &said.flake, &flake);
    }
}
