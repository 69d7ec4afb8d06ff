//! Which files a fleet becomes, and what all of them are made from.

mod boot_mirrors;
mod cluster_manifests;
mod cluster_secrets;
mod flake;
mod host;
mod host_metrics;
mod installer;
mod luks;
mod modules;
mod network;
mod readme;
mod secrets;
mod services;
mod storage;
mod tests;
mod trial;
mod zfs;

use crate::{File, FormatError, Records};
use ::storage::wish::Kind;
use ::storage::{NodeId, Wish};
use fleet::{Fleet, HostName, Loader, Machine, Role};

pub use cluster::secrets::MAIL_PASSWORD;
pub use secrets::{K3S_TOKEN, Origin, Sealed, sealed};

/// The one host key of a machine: made before its first boot, and pinned.
const HOST_KEY: &str = "/etc/ssh/ssh_host_ed25519_key";

/// Why a fleet cannot be rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// GRUB must know its disk by a path that is the same at every boot.
    #[error(
        "machine `{machine}` boots from `{disk}`, which has no path: give the disk `device = \"/dev/disk/by-id/…\"`, \
         as `homehive probe` shows it, so that GRUB is installed there"
    )]
    NoBootDevice {
        /// Which machine.
        machine: HostName,
        /// Its boot disk.
        disk: NodeId,
    },
    /// The name belongs to a configuration that homehive adds.
    #[error("machine `{0}` takes a name that belongs to the installation medium: call it something else")]
    ReservedName(HostName),
    /// A mistake of ours.
    #[error(transparent)]
    Format(#[from] FormatError),
}

/// The tree of files that a fleet becomes, by path; the same fleet and records give the same bytes.
///
/// Paths of the user's own modules in it are relative to the tree, as those in the fleet file are to that file.
///
/// # Errors
/// See [`RenderError`]; the fleet is one that `check` found nothing wrong with.
pub fn render(fleet: &Fleet, records: &Records) -> Result<Vec<File>, RenderError> {
    let servers = fleet.machines.iter().filter(|(_, machine)| machine.role == Role::K3sServer).collect();
    let home = Home { fleet, records, servers };
    if let Some(name) = fleet.machines.keys().find(|name| reserved(name.as_ref())) {
        return Err(RenderError::ReservedName(name.clone()));
    }
    let mut files = vec![flake::file(&home)?, installer::file(&home)?, secrets::file(&home)?];
    files.extend(modules::files(&home)?);
    files.extend(cluster_manifests::files(&home)?);
    files.extend(cluster_secrets::files(&home)?);
    files.extend(host_metrics::files(&home)?);
    files.extend(boot_mirrors::script(&home));
    for (name, machine) in &fleet.machines {
        let host = Host::of(&home, name, machine)?;
        files.extend(boot_mirrors::file(&host)?);
        if machine.configuration.is_some() {
            files.extend(host::importable(&host)?);
        } else {
            files.push(host::file(&host)?);
            files.push(storage::file(&host)?);
            files.push(services::file(&host)?);
            files.push(tests::file(&host)?);
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// `README.md` for a tree that stands by itself, away from the fleet file.
pub fn readme(fleet: &Fleet) -> File {
    readme::file(fleet)
}

fn reserved(name: &str) -> bool {
    matches!(name, "installer" | "kexec") || name.starts_with("installer-")
}

/// The fleet with what is known beside it, and questions that several files ask.
struct Home<'a> {
    fleet: &'a Fleet,
    records: &'a Records,
    /// The cluster's servers, in the order of their names.
    servers: Vec<(&'a HostName, &'a Machine)>,
}

impl<'a> Home<'a> {
    /// The machines of the cluster that have this role, in the order of their names.
    fn with_role(&self, role: Role) -> Vec<(&'a HostName, &'a Machine)> {
        self.fleet.machines.iter().filter(|(_, machine)| machine.role == role).collect()
    }

    /// The server at which this machine joins the cluster; none for the one that begins it. Servers that are installed
    /// come first, since an empty one has no cluster to join: it is they who have `system.stateVersion` on record.
    fn gate(&self, name: &HostName) -> Option<(&'a HostName, &'a Machine)> {
        let installed = |(name, _): &&(&'a HostName, &'a Machine)| self.records.state_versions.contains_key(*name);
        let (old, new): (Vec<_>, Vec<_>) = self.servers.iter().partition(installed);
        let begun = old.len() > 1;
        let mut order = old.into_iter().chain(new).copied();
        match order.next() {
            Some((first, _)) if first == name && !begun => None,
            Some((first, _)) if first == name => order.next(),
            first => first,
        }
    }

    /// Does any machine of the cluster mount `/data`?
    fn cluster_has_data(&self) -> bool {
        let mut nodes = self.fleet.machines.iter().filter(|(_, machine)| !machine.role.is_none());
        nodes.any(|(name, _)| self.fleet.wish(name).is_some_and(|wish| mounts_data(&wish)))
    }

    /// Is there a cluster?
    fn has_cluster(&self) -> bool {
        self.fleet.machines.values().any(|machine| !machine.role.is_none())
    }

    /// Does a server publish shares on the LAN?
    fn publishes(&self) -> bool {
        !self.servers.is_empty() && !self.fleet.shares.is_empty()
    }

    /// `name.domain`
    fn full_name(&self, name: &HostName) -> String {
        format!("{name}.{}", self.fleet.about.domain)
    }

    /// See [`release`].
    fn release(&self) -> Option<String> {
        release(self.fleet)
    }
}

/// The release in the name of the branch that nixpkgs comes from, such as `26.05`; none if it is a revision's.
pub fn release(fleet: &Fleet) -> Option<String> {
    let text = fleet.about.nixpkgs.to_string();
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let words = text.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    words
        .map(str::to_owned)
        .find(|word| word.split_once('.').is_some_and(|(year, month)| digits(year) && digits(month)))
}

fn mounts_data(wish: &Wish) -> bool {
    wish.mounts.iter().any(|mount| mount.path == "/data")
}

/// One machine, with what its files ask for.
struct Host<'a> {
    home: &'a Home<'a>,
    name: &'a HostName,
    machine: &'a Machine,
    wish: Wish,
    loader: Option<Place>,
}

/// Where the boot loader goes.
enum Place {
    /// GRUB, in the boot sectors of these disks.
    Grub(Vec<String>),
    /// systemd-boot, on the partition mounted there.
    Efi(String),
    /// GRUB, on the mirror mounted there of partitions that firmware reads.
    EfiMirror(String),
}

impl<'a> Host<'a> {
    fn of(home: &'a Home<'a>, name: &'a HostName, machine: &'a Machine) -> Result<Self, RenderError> {
        let wish = home.fleet.wish(name).unwrap_or_default();
        let loader = match machine.loader(&wish) {
            None => None,
            Some(Loader::Bios(disks)) => {
                let device = |disk: &NodeId| match wish.node(disk).map(|node| &node.kind) {
                    Some(Kind::Disk(declared)) => declared.device.clone(),
                    _ => None,
                };
                let missing = |disk: &NodeId| RenderError::NoBootDevice { machine: name.clone(), disk: disk.clone() };
                let devices = disks.iter().map(|disk| device(disk).ok_or_else(|| missing(disk)));
                Some(Place::Grub(devices.collect::<Result<_, _>>()?))
            }
            Some(Loader::Efi(node)) => {
                let mount = wish.mounts.iter().find(|mount| mount.node == node);
                let place = mount.map_or_else(|| "/boot".to_owned(), |mount| mount.path.clone());
                let mirrored = matches!(wish.node(&node).map(|node| &node.kind), Some(Kind::Array(_)));
                Some(if mirrored { Place::EfiMirror(place) } else { Place::Efi(place) })
            }
        };
        Ok(Self { home, name, machine, wish, loader })
    }

    /// A file in the machine's folder.
    fn path(&self, file: &str) -> String {
        format!("hosts/{}/{file}", self.name)
    }
}
