//! The device tree as branches for people: what a drawing or a text shows of each node.

use super::{Btrfs, CacheKind, Holds, Kind, Node, Nodev, Pool, Thin, Volume, Wish};
use crate::NodeId;
use crate::tree::TableKind;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

/// A node with the nodes that are shown below it. Disks, arrays, groups and pools are roots; partitions hang below their disk,
/// volumes below their group, opened containers below what they are on.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Branch {
    /// The node.
    pub node: NodeId,
    /// What it is, such as `RAID6 nas`.
    pub title: String,
    /// How it is recognised or how large it is, such as `serial WD-1`, `96GiB`; may be empty.
    pub detail: String,
    /// What it holds, such as `xfs on /data`; may be empty.
    pub holds: String,
    /// Does a reinstall keep it?
    pub persistent: bool,
    /// The nodes it lies on, where the shape of the tree does not show them.
    pub on: Vec<NodeId>,
    /// What is shown below it.
    pub below: Vec<Branch>,
}

impl Wish {
    /// The tree as branches, in its own order.
    pub fn branches(&self) -> Vec<Branch> {
        let roots = self
            .nodes
            .iter()
            .filter(|node| !matches!(node.kind, Kind::Partition(_) | Kind::Volume(_) | Kind::Crypt(_) | Kind::Zvol(_)));
        roots.map(|node| self.branch(node)).chain(self.nodev.iter().map(without_device)).collect()
    }

    fn branch(&self, node: &Node) -> Branch {
        let children = match (&node.kind, &node.holds) {
            (Kind::Group(group), _) => &group.volumes[..],
            (_, Some(Holds::Table { partitions, .. })) => partitions,
            (_, Some(Holds::Luks { crypt, .. })) => std::slice::from_ref(crypt),
            _ => &[],
        };
        let volumes = self.on(&node.id).filter(|above| matches!(above.kind, Kind::Zvol(_)));
        let children = children.iter().filter_map(|id| self.node(id)).chain(volumes);
        let below = children.map(|child| self.branch(child)).collect();
        let on = match &node.kind {
            Kind::Array(_) | Kind::Group(_) | Kind::Pool(_) => node.on.clone(),
            // What a thin volume lies on its pool shows.
            Kind::Disk(_)
            | Kind::Partition(_)
            | Kind::Crypt(_)
            | Kind::Zvol(_)
            | Kind::Volume(Volume { thin: Some(Thin::In(_)), .. }) => Vec::new(),
            Kind::Volume(volume) => volume.pvs.clone(),
        };
        let (title, detail) = title(node);
        Branch {
            node: node.id.clone(),
            title,
            detail,
            holds: node.kind.pool().map_or_else(|| holds(node.holds.as_ref()), datasets),
            persistent: node.persistent,
            on,
            below,
        }
    }
}

fn without_device(nodev: &Nodev) -> Branch {
    Branch {
        node: nodev.node.clone(),
        title: nodev.fstype.clone(),
        detail: nodev.options.join(","),
        holds: format!("on {}", nodev.path),
        persistent: false,
        on: Vec::new(),
        below: Vec::new(),
    }
}

fn title(node: &Node) -> (String, String) {
    match &node.kind {
        Kind::Disk(disk) => {
            let words = [("serial", &disk.serial), ("wwn", &disk.wwn), ("model", &disk.model), ("", &disk.device)];
            let known = words.iter().find_map(|(word, value)| value.as_ref().map(|value| format!("{word} {value}")));
            let name = node.id.as_str().trim_start_matches("disk.");
            (format!("disk {name}"), known.unwrap_or_default().trim_start().to_owned())
        }
        Kind::Partition(partition) => {
            (format!("partition {} {}", partition.number, partition.name), partition.size.to_string())
        }
        Kind::Array(array) => {
            let spares =
                if array.spares.is_empty() { String::new() } else { format!(", {} spare", array.spares.len()) };
            (format!("{} {}", array.level, array.name), format!("{} members{spares}", array.members.len()))
        }
        Kind::Group(group) => (format!("volume group {}", group.name), format!("{} physical volumes", group.pvs.len())),
        Kind::Volume(volume) => {
            let mut detail = volume.size.to_string();
            if let Some(spread) = volume.spread {
                let _ = write!(detail, ", {} on {}", spread.word(), volume.pvs.len());
            }
            match &volume.thin {
                Some(Thin::Pool) => detail += ", thin pool",
                Some(Thin::In(pool)) => {
                    let _ = write!(detail, ", thin in {pool}");
                }
                None => {}
            }
            if let Some(cache) = &volume.cache {
                let kind = match cache.kind {
                    CacheKind::Writecache => "writecache",
                    CacheKind::Cache { .. } => "cache",
                };
                let _ = write!(detail, ", {kind} {}", cache.node);
            }
            if let Some(origin) = &volume.caches {
                let _ = write!(detail, ", caches {origin}");
            }
            (format!("volume {}", volume.name), detail)
        }
        Kind::Crypt(crypt) => (format!("opened {}", crypt.name), String::new()),
        Kind::Pool(pool) => (format!("ZFS pool {}", pool.name), vdevs(pool)),
        Kind::Zvol(volume) => (format!("volume {}", volume.path), volume.size.to_string()),
    }
}

fn holds(holds: Option<&Holds>) -> String {
    match holds {
        None => String::new(),
        Some(Holds::Table { table, hybrid, .. }) => match table {
            TableKind::Gpt if hybrid.is_some() => "GPT with hybrid MBR".to_owned(),
            TableKind::Gpt => "GPT".to_owned(),
            TableKind::Mbr => "MBR".to_owned(),
        },
        Some(Holds::Member { array, spare: false }) => format!("member of {array}"),
        Some(Holds::Member { array, spare: true }) => format!("spare of {array}"),
        Some(Holds::PhysicalVolume { group, .. }) => format!("physical volume of {group}"),
        Some(Holds::Filesystem { format, mountpoint: Some(path), .. }) => format!("{format} on {path}"),
        Some(Holds::Filesystem { format, .. }) => format.to_string(),
        Some(Holds::Swap(swap)) => swap.shown().to_owned(),
        Some(Holds::Luks { .. }) => "LUKS".to_owned(),
        Some(Holds::Btrfs(btrfs)) => shown(btrfs),
        Some(Holds::BtrfsMember { of, .. }) => format!("device of the btrfs of {of}"),
        Some(Holds::Zfs { pool }) => format!("device of {pool}"),
    }
}

/// A pool's vdevs in a few words: `raidz2 of 6, log mirror of 2`.
fn vdevs(pool: &Pool) -> String {
    let one = |vdev: &super::Vdev| {
        let class = vdev.class.word().map(|word| format!("{word} ")).unwrap_or_default();
        match (vdev.mode, vdev.members.len()) {
            (Some(mode), count) => format!("{class}{mode} of {count}"),
            (None, 1) => format!("{class}1 device"),
            (None, count) => format!("{class}{count} devices"),
        }
    };
    pool.vdevs.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A pool's filesystems in a few words: `home on /home, nix on /nix`.
fn datasets(pool: &Pool) -> String {
    let filesystems = pool.datasets.iter().filter(|it| it.volume.is_none());
    let shown = filesystems.filter_map(|it| {
        let name = if it.path.is_empty() { pool.name.as_ref() } else { &it.path };
        let encrypted = if it.encryption.is_some() { " (encrypted)" } else { "" };
        match &it.mountpoint {
            Some(path) => Some(format!("{name}{encrypted} on {path}")),
            None if it.path.is_empty() && encrypted.is_empty() => None,
            None => Some(format!("{name}{encrypted}")),
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// A btrfs in a few words: `btrfs raid1 over 2 devices: @ on /, @home on /home`.
fn shown(btrfs: &Btrfs) -> String {
    let over = match btrfs.members.len() {
        0 => String::new(),
        more if btrfs.data == btrfs.metadata => format!(" {} over {} devices", btrfs.data, more + 1),
        more => format!(" {} (metadata {}) over {} devices", btrfs.data, btrfs.metadata, more + 1),
    };
    let top = btrfs.mountpoint.as_ref().map(|path| format!(" on {path}")).unwrap_or_default();
    let subvolumes = btrfs.subvolumes.iter().map(|it| match &it.mountpoint {
        Some(path) => format!("{} on {path}", it.path),
        None => it.path.to_string(),
    });
    let subvolumes = subvolumes.collect::<Vec<_>>().join(", ");
    let colon = if subvolumes.is_empty() { "" } else { ": " };
    format!("btrfs{over}{top}{colon}{subvolumes}")
}

/// The branches drawn as text, one node a line.
pub fn draw(branches: &[Branch]) -> String {
    let mut text = String::new();
    for branch in branches {
        draw_one(branch, "", "", &mut text);
    }
    text
}

fn draw_one(branch: &Branch, lead: &str, below: &str, text: &mut String) {
    let kept = if branch.persistent { "persistent" } else { "" };
    let parts = [&*branch.title, &branch.detail, &branch.holds, kept];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let _ = writeln!(text, "{lead}{}", parts.join(" · "));
    for (at, child) in branch.below.iter().enumerate() {
        let last = at + 1 == branch.below.len();
        let (lead, next) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        draw_one(child, &format!("{below}{lead}"), &format!("{below}{next}"), text);
    }
}
