//! What groups need to know of a machine: a part of the fleet, as plain data.

use fleet::{Fleet, HostName, Loader, Role};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;
use storage::{NodeId, Wish};

/// What groups need to know of a machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Subject {
    /// The machine's name.
    pub machine: String,
    /// The admin user.
    pub user: String,
    /// The admin's public keys, as lines of an authorized keys file.
    pub keys: Vec<String>,
    /// Its disks.
    #[serde(skip)]
    pub wish: Arc<Wish>,
    /// The disks whose boot sectors the BIOS starts; none if it boots otherwise.
    pub boot_sectors: Vec<NodeId>,
    /// Does it run the cluster's API?
    pub k3s_server: bool,
    /// Beginnings of the names of manifests that must lie on it.
    pub manifests: Vec<String>,
    /// Namespaces that must hold pods.
    pub namespaces: Vec<String>,
    /// How the operator's side reaches it by SSH.
    pub door: Door,
    /// A text that was never used before: it makes what is written for proof unlike anything that is there. Letters
    /// and digits.
    pub nonce: String,
}

/// How the operator's side reaches a machine by SSH.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Door {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The file that holds its host key; the user's own if absent.
    pub known_hosts: Option<String>,
    /// The name under which that file holds it (`HostKeyAlias`), if that is not the host's.
    pub alias: Option<String>,
    /// The private key that the admin logs in with; those of the agent if absent.
    pub identity: Option<String>,
}

impl Subject {
    /// What the fleet says of a machine; none if it has no such machine. `door` says how it is reached today, which may
    /// be another way than the fleet's (a lab), `nonce` see [`Subject::nonce`].
    pub fn of(fleet: &Fleet, name: &HostName, door: Door, nonce: &str) -> Option<Self> {
        let machine = fleet.machines.get(name)?;
        let wish = fleet.wish(name)?;
        let boot_sectors = match machine.loader(&wish) {
            Some(Loader::Bios(disks)) => disks,
            Some(Loader::Efi(_)) | None => Vec::new(),
        };
        // What every server carries lies on each of them: any may be the one that applies it.
        let parts = [
            (!fleet.network.balancer.is_empty(), "metallb", "metallb-system"),
            (fleet.monitoring.is_some(), "monitoring", "monitoring"),
            (!fleet.shares.is_empty(), "samba", "samba"),
        ];
        let parts = || parts.iter().filter(|(declared, ..)| *declared);
        Some(Self {
            machine: name.to_string(),
            user: fleet.admin.user.to_string(),
            keys: fleet.admin.keys.iter().map(ToString::to_string).collect(),
            wish: Arc::new(wish),
            boot_sectors,
            k3s_server: machine.role == Role::K3sServer,
            manifests: parts().map(|(_, manifest, _)| (*manifest).to_owned()).collect(),
            namespaces: std::iter::once("kube-system")
                .chain(parts().map(|(.., space)| *space))
                .map(str::to_owned)
                .collect(),
            door,
            nonce: nonce.to_owned(),
        })
    }

    /// What the fleet says of the way to a machine: its address or `ssh.address`, and its port.
    pub fn door(fleet: &Fleet, name: &HostName) -> Option<Door> {
        let machine = fleet.machines.get(name)?;
        let port = machine.ssh.port.map_or(22, fleet::Port::number);
        Some(Door { host: machine.reached_at(), port, ..Door::default() })
    }
}
