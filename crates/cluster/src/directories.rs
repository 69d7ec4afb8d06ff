//! Directories that a machine must have before the cluster's pods start, each with the owner that its pods run as.

use crate::monitoring;
use crate::volumes::{below, share_path};
use fleet::{Fleet, HostName};
use std::collections::BTreeMap;

/// A directory on a machine's disks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// The mount point that it lies below: it must be mounted before the directory is made.
    pub mount: String,
    /// Its path.
    pub path: String,
    /// Its permissions.
    pub mode: u32,
    /// User and group, by number.
    pub owner: (u32, u32),
}

/// The directories of each machine, in the order of their paths.
pub fn directories(fleet: &Fleet) -> BTreeMap<HostName, Vec<Directory>> {
    let mut all: BTreeMap<HostName, Vec<Directory>> = BTreeMap::new();
    for (name, share) in &fleet.shares {
        // Within a share everybody may write: who may come in is Samba's business, and nobody else gets as far.
        let outer = Directory {
            mount: share.volume.clone(),
            path: below(&share.volume, "kubernetes/shares"),
            mode: 0o700,
            owner: (0, 0),
        };
        let own = Directory { path: share_path(name, share), mode: 0o777, ..outer.clone() };
        all.entry(share.machine.clone()).or_default().extend([outer, own]);
    }
    if let Some((machine, directories)) = monitoring::directories(fleet) {
        all.entry(machine).or_default().extend(directories);
    }
    for directories in all.values_mut() {
        directories.sort_by(|a, b| a.path.cmp(&b.path));
        directories.dedup();
    }
    all
}
