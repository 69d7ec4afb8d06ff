//! What is mounted where, and in which order.

use super::{Holds, Kind, Node, Wish};
use crate::NodeId;
use crate::tree::{Format, SubvolumePath};
use schemars::JsonSchema;
use serde::Serialize;

/// A mount of the running machine.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Mount {
    /// The node that holds the filesystem.
    pub node: NodeId,
    /// Where, such as `/data`.
    pub path: String,
    /// The filesystem's UUID as blkid(8) prints it.
    pub uuid: String,
    /// Which filesystem.
    pub format: Format,
    /// Options, as in fstab(5).
    pub options: Vec<String>,
    /// The subvolume of a btrfs that is mounted; none for the whole filesystem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subvolume: Option<SubvolumePath>,
    /// The dataset of a ZFS pool that is mounted, such as `tank/home`; then `uuid` is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
}

/// What NixOS mounts before anything else runs (`pathsNeededForBoot` in its `nixos/lib/utils.nix`).
const FIRST: [&str; 9] = ["/", "/nix", "/nix/store", "/var", "/var/log", "/var/lib", "/var/lib/nixos", "/etc", "/usr"];

/// What a path that is [`plain`] is of, for people.
pub const PLAIN: &str = "plain letters, digits, `/` and `._-+:@`";

/// May this path stand where nothing quotes it: in the units and scripts that NixOS itself writes?
pub fn plain(path: &str) -> bool {
    path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+:@".contains(c))
}

impl Mount {
    /// May the machine start without it?
    pub fn may_be_missing(&self) -> bool {
        self.options.iter().any(|option| option == "nofail" || option == "noauto")
    }
}

impl Wish {
    /// Is this one of the mounts that NixOS is to be told to make in stage 1? With a root in memory, what lies on a disk
    /// below `/etc` and `/var` must be there before the first programs look for it: the host key, the list of users.
    pub fn kept_for_boot(&self, mount: &Mount) -> bool {
        let below = mount.path.starts_with("/etc/") || mount.path.starts_with("/var/");
        self.root_in_memory().is_some() && below && !mount.may_be_missing()
    }

    /// Is it mounted in stage 1, before the system runs?
    pub fn mounted_first(&self, mount: &Mount) -> bool {
        FIRST.contains(&mount.path.as_str()) || self.kept_for_boot(mount)
    }
}

/// The mounts of these nodes: what holds a mount point comes before what is mounted on it.
pub(super) fn mounts(nodes: &[Node]) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = nodes.iter().flat_map(mount).collect();
    mounts.sort_by_key(|mount| rank(&mount.path));
    mounts
}

/// What holds a mount point comes before what is mounted on it.
pub(crate) fn rank(path: &str) -> (usize, String) {
    (path.split('/').filter(|part| !part.is_empty()).count(), path.to_owned())
}

fn mount(node: &Node) -> Vec<Mount> {
    if let Kind::Pool(pool) = &node.kind {
        let mounts = pool.datasets.iter().filter_map(|it| {
            Some(Mount {
                node: node.id.clone(),
                path: it.mountpoint.clone()?,
                uuid: String::new(),
                format: Format::Zfs,
                options: it.options.clone(),
                subvolume: None,
                dataset: Some(pool.full(&it.path)),
            })
        });
        return mounts.collect();
    }
    match &node.holds {
        Some(Holds::Filesystem { format, shown, mountpoint: Some(path), options, .. }) => {
            let (node, path, uuid) = (node.id.clone(), path.clone(), shown.clone());
            vec![Mount { node, path, uuid, format: *format, options: options.clone(), subvolume: None, dataset: None }]
        }
        Some(Holds::Btrfs(btrfs)) => {
            let mounts = btrfs.mounts().map(|(subvolume, path, options)| Mount {
                node: node.id.clone(),
                path: path.to_owned(),
                uuid: btrfs.uuid.to_string(),
                format: Format::Btrfs,
                options,
                subvolume: subvolume.cloned(),
                dataset: None,
            });
            mounts.collect()
        }
        Some(
            Holds::Filesystem { mountpoint: None, .. }
            | Holds::Table { .. }
            | Holds::Member { .. }
            | Holds::PhysicalVolume { .. }
            | Holds::Swap(_)
            | Holds::BtrfsMember { .. }
            | Holds::Luks { .. }
            | Holds::Zfs { .. },
        )
        | None => Vec::new(),
    }
}
