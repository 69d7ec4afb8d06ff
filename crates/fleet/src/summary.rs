//! What a fleet file means, for people and as data: machines, addresses, storage with every identity it will bear,
//! services with names and ports. Drawing it in colour is left to others.

mod text;

use crate::{Fleet, HostName, Loader, Machine, Monitoring, Network, ShareKind, Upgrades};
use schemars::JsonSchema;
use serde::Serialize;
use storage::Size;
use storage::wish::{Announced, Branch, Mount};

/// What a fleet file means.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Summary {
    /// Version of this form: 1.
    pub version: u32,
    /// The fleet's name.
    pub fleet: String,
    /// The machines' domain.
    pub domain: String,
    /// Where NixOS comes from.
    pub nixpkgs: String,
    /// Who may log in.
    pub admin: String,
    /// The LAN.
    pub network: Network,
    /// The machines, by name.
    pub machines: Vec<MachineSummary>,
    /// What is offered on the LAN.
    pub services: Vec<Service>,
    /// The shares, by name.
    pub shares: Vec<ShareSummary>,
    /// Monitoring, if there is any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<Monitoring>,
    /// Upgrades, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrades: Option<Upgrades>,
    /// How new systems are rolled out.
    pub deploy: crate::Deploy,
    /// The minor release of Kubernetes, if pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<String>,
}

/// One machine.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct MachineSummary {
    /// Its name.
    pub name: HostName,
    /// As declared, with what the fleet adds.
    #[serde(flatten)]
    pub declared: Declared,
    /// Where its boot loader goes; none if homehive has none of its disks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loader: Option<Loader>,
    /// The storage stack as branches.
    pub storage: Vec<Branch>,
    /// What is mounted, in order.
    pub mounts: Vec<Mount>,
    /// Every identity that its disks bear, known before a disk exists.
    pub identities: Vec<Announced>,
}

/// A machine's own words, and the fleet's where it has none.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Declared {
    /// Its address.
    pub address: std::net::Ipv4Addr,
    /// The interface that bears it, if declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<crate::Interface>,
    /// Its role in the cluster.
    pub role: crate::Role,
    /// Its tags.
    pub tags: Vec<String>,
    /// Where SSH finds it.
    pub ssh: String,
    /// Its time zone.
    pub timezone: String,
    /// Packages, the fleet's and its own.
    pub packages: Vec<String>,
    /// Modules, the fleet's and its own.
    pub modules: Vec<String>,
    /// The configuration of the user's own flake, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
}

/// Something offered on the LAN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Service {
    /// What it is.
    pub name: String,
    /// The name or address it is found at; none if the balancer chooses one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Its TCP port.
    pub port: u16,
}

/// One share.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ShareSummary {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub kind: ShareKind,
    /// The machine that holds it.
    pub machine: HostName,
    /// The mount point of its volume.
    pub volume: String,
    /// The most it may hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Who may use it.
    pub users: Vec<String>,
}

impl Summary {
    /// The whole fleet.
    pub fn of(fleet: &Fleet) -> Self {
        let shares = fleet.shares.iter().map(|(name, share)| ShareSummary {
            name: name.to_string(),
            kind: share.kind,
            machine: share.machine.clone(),
            volume: share.volume.clone(),
            size: share.size,
            users: if share.users.is_empty() { vec![fleet.admin.user.to_string()] } else { words(&share.users) },
        });
        Self {
            version: 1,
            fleet: fleet.about.name.to_string(),
            domain: fleet.about.domain.to_string(),
            nixpkgs: fleet.about.nixpkgs.to_string(),
            admin: fleet.admin.user.to_string(),
            network: fleet.network.clone(),
            machines: fleet.machines.iter().map(|(name, machine)| summarize(fleet, name, machine)).collect(),
            services: services(fleet),
            shares: shares.collect(),
            monitoring: fleet.monitoring.clone(),
            upgrades: fleet.upgrades.clone(),
            deploy: fleet.deploy.clone(),
            kubernetes: fleet.k3s.version.as_ref().map(ToString::to_string),
        }
    }

    /// The same, of one machine and what is on it; none if there is no such machine.
    #[must_use]
    pub fn only(mut self, machine: &HostName) -> Option<Self> {
        self.machines.retain(|it| it.name == *machine);
        self.shares.retain(|share| share.machine == *machine);
        let shares = &self.shares;
        self.services.retain(|service| {
            let share = shares.iter().any(|share| share_service(&share.name) == service.name);
            share || service.name.ends_with(&format!(" on {machine}"))
        });
        (!self.machines.is_empty()).then_some(self)
    }
}

fn words<T: ToString>(words: &[T]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

fn summarize(fleet: &Fleet, name: &HostName, machine: &Machine) -> MachineSummary {
    let wish = storage::Wish::new(&machine.storage, fleet.namespace(name));
    MachineSummary {
        name: name.clone(),
        declared: Declared {
            address: machine.address,
            interface: machine.interface.clone(),
            role: machine.role,
            tags: words(&machine.tags),
            ssh: match machine.ssh.port {
                Some(port) => format!("{}:{}", machine.reached_at(), port.number()),
                None => machine.reached_at(),
            },
            timezone: machine.timezone.as_ref().unwrap_or(&fleet.about.timezone).to_string(),
            packages: [words(&fleet.about.packages), words(&machine.packages)].concat(),
            modules: [words(&fleet.about.modules), words(&machine.modules)].concat(),
            configuration: machine.configuration.as_ref().map(ToString::to_string),
        },
        loader: machine.loader(&wish),
        storage: wish.branches(),
        identities: wish.announce(),
        mounts: wish.mounts,
    }
}

fn share_service(name: &str) -> String {
    format!("share {name}")
}

fn services(fleet: &Fleet) -> Vec<Service> {
    let domain = &fleet.about.domain;
    let ssh = fleet.machines.keys().map(|name| (format!("SSH on {name}"), Some(format!("{name}.{domain}")), 22));
    let servers = fleet.machines.iter().filter(|(_, machine)| machine.role == crate::Role::K3sServer);
    let api = servers.map(|(name, _)| (format!("k3s API on {name}"), Some(format!("{name}.{domain}")), 6443));
    let called = &fleet.network.share_names;
    let shares = fleet.shares.keys().map(|name| (share_service(name.as_ref()), Some(called.host(name)), 445));
    let grafana = fleet.monitoring.iter().map(|_| ("Grafana".to_owned(), None, 80));
    let all = ssh.chain(api).chain(shares).chain(grafana);
    all.map(|(name, at, port)| Service { name, at, port }).collect()
}
