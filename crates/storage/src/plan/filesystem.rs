//! Filesystems and swap on real devices: made with their derived identity, kept, made anew, grown.

use super::planner::{At, Planner, Site, Work, shown};
use super::step::{Action, Risk};
use crate::facts::Content;
use crate::identity::short;
use crate::tree::Format;
use crate::wish::{CacheKind, Holds, Kind, Node};
use crate::{NodeId, Size};
use cmd::Cmd;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// What is done to a filesystem or to swap space.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FilesystemAction {
    /// Makes a filesystem.
    Make {
        /// Which one.
        format: Format,
        /// Its identity; of vfat the first 32 bits count.
        uuid: Uuid,
        /// Label.
        #[serde(skip_serializing_if = "Option::is_none")]
        label: Option<String>,
        /// Sector size in bytes, if the device beneath asks for another than its own: 4096 on a writecache.
        #[serde(skip_serializing_if = "Option::is_none")]
        sector: Option<u32>,
        /// Further arguments of mkfs.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        extra: Vec<String>,
        /// Where it will be mounted, for people.
        #[serde(skip_serializing_if = "Option::is_none")]
        mountpoint: Option<String>,
    },
    /// Makes swap space.
    Swap {
        /// Its UUID.
        uuid: Uuid,
    },
    /// Enlarges a filesystem to its device.
    Grow {
        /// Which one.
        format: Format,
        /// Where it is mounted: it grows there and nowhere else.
        #[serde(skip_serializing_if = "Option::is_none")]
        at: Option<String>,
    },
}

impl FilesystemAction {
    pub(super) fn describe(&self, node: &NodeId) -> String {
        match self {
            Self::Make { format, mountpoint: Some(path), .. } => format!("make {format} for {path} on {node}"),
            Self::Make { format, .. } => format!("make {format} on {node}"),
            Self::Swap { .. } => format!("make swap space on {node}"),
            Self::Grow { format, .. } => format!("grow {format} on {node}"),
        }
    }

    pub(super) fn commands(&self, node: &NodeId) -> Vec<Cmd> {
        match self {
            Self::Make {
                format: format @ (Format::Ext4 | Format::Ext3 | Format::Ext2),
                uuid,
                sector,
                label,
                extra,
                ..
            } => {
                let (id, seed) = (uuid.to_string(), format!("hash_seed={uuid}"));
                let cmd = Cmd::new(&format!("mkfs.{format}")).args(["-q", "-F", "-U", &id, "-E", &seed, "-L", BEGUN]);
                let cmd = cmd.args(sector.iter().flat_map(|sector| ["-b".to_owned(), sector.to_string()]));
                let label = Cmd::new("tune2fs").args(["-L", label.as_deref().unwrap_or_default()]).device(node);
                vec![cmd.args(extra.iter().map(String::as_str)).device(node), on_disk(node), label]
            }
            Self::Make { format: Format::F2fs, uuid, label, extra, .. } => {
                let make = Cmd::new("mkfs.f2fs").args(["-q", "-f", "-U", &uuid.to_string(), "-l", BEGUN]);
                let label = Cmd::new("f2fslabel").device(node).arg(label.as_deref().unwrap_or_default());
                vec![make.args(extra.iter().map(String::as_str)).device(node), on_disk(node), label]
            }
            Self::Make { format: Format::Xfs, uuid, label, sector, extra, .. } => {
                let cmd = Cmd::new("mkfs.xfs").args(["-q", "-f", "-m", &format!("uuid={uuid}")]);
                let cmd = cmd.args(sector.iter().flat_map(|sector| ["-s".to_owned(), format!("size={sector}")]));
                // For xfs_admin(8) `--` is no label.
                let label = Cmd::new("xfs_admin").args(["-L", label.as_deref().unwrap_or("--")]).device(node);
                vec![cmd.args(["-L", BEGUN]).args(extra.iter().map(String::as_str)).device(node), on_disk(node), label]
            }
            Self::Make { format: Format::Vfat, uuid, label, extra, .. } => {
                let cmd = Cmd::new("mkfs.vfat").args(["-F", "32", "-i", &format!("{:08x}", short(*uuid))]);
                let name = Cmd::new("fatlabel");
                let name = match label {
                    Some(label) => name.device(node).arg(label.as_str()),
                    None => name.arg("--reset").device(node),
                };
                vec![cmd.args(["-n", BEGUN]).args(extra.iter().map(String::as_str)).device(node), on_disk(node), name]
            }
            // It is declared as a content of its own, which has devices and subvolumes: see `btrfs`.
            Self::Make { format: Format::Btrfs, uuid, label, .. } => {
                let make = Cmd::new("mkfs.btrfs").args(["-q", "-f", "-U", &uuid.to_string(), "-L", BEGUN]).device(node);
                let name = label.as_deref().unwrap_or_default();
                let label = Cmd::new("btrfs").args(["filesystem", "label"]).device(node).arg(name);
                vec![make, on_disk(node), label]
            }
            // Its datasets are made in a pool: see `pool`.
            Self::Make { format: Format::Zfs, .. } | Self::Grow { format: Format::Zfs, .. } => Vec::new(),
            Self::Swap { uuid } => vec![Cmd::new("mkswap").args(["--uuid", &uuid.to_string()]).device(node)],
            Self::Grow { format: Format::Xfs, at } => {
                vec![Cmd::new("xfs_growfs").args(["-d", at.as_deref().unwrap_or("/")])]
            }
            Self::Grow { format: Format::Btrfs, at } => {
                vec![Cmd::new("btrfs").args(["filesystem", "resize", "max", at.as_deref().unwrap_or("/")])]
            }
            Self::Grow { format: Format::Ext4 | Format::Ext3 | Format::Ext2 | Format::F2fs | Format::Vfat, .. } => {
                vec![Cmd::new("resize2fs").device(node)]
            }
        }
    }
}

/// The label of a filesystem that is being made. Its own it gets when everything else of it is on the disk, in one sector: a
/// filesystem with this label was cut in its making, whatever its superblock says, for drives write in no order.
pub(crate) const BEGUN: &str = "HH-BEGUN";

/// Waits until what was written to a device is on the disks beneath.
pub(super) fn on_disk(node: &NodeId) -> Cmd {
    Cmd::new("sync").device(node)
}

pub(super) fn plan<'a>(planner: &mut Planner<'a>, node: &'a Node, site: &Site<'a>) {
    let device = match site.at {
        At::Here(device) => device,
        At::Made => return make(planner, node, site, Risk::Creates, false),
        At::Hidden | At::Absent | At::Blocked => return,
    };
    let (same, finished) = judge(node, &device.content);
    if planner.vacant(&node.id, device) {
        if planner.refuse_used(&node.id, device) {
            return block(planner, node);
        }
        make(planner, node, site, Risk::Creates, device.content == Content::Blank);
    } else if same && !finished {
        make(planner, node, site, Risk::Creates, false);
    } else if same && planner.consent.reinstall && !node.persistent && !planner.consent.made.contains(&node.id) {
        if let Some(user) = planner.user(device) {
            planner.refuse(
                &node.id,
                format!("it is to be made anew, and is {user}"),
                "unmount it, or boot the installer",
            );
            return block(planner, node);
        }
        let risk = Risk::Destroys { nodes: vec![node.id.clone()], what: shown(&device.content) };
        make(planner, node, site, risk, false);
    } else if same {
        planner.keep(&node.id, shown(&device.content));
        grow(planner, node, site);
    } else {
        planner.refuse_foreign(&node.id, device);
        block(planner, node);
    }
}

fn block(planner: &mut Planner, node: &Node) {
    planner.place(&node.id, At::Blocked, Vec::new());
}

/// Is this the wished content, and was its making finished?
fn judge(node: &Node, content: &Content) -> (bool, bool) {
    match (&node.holds, content) {
        (
            Some(Holds::Filesystem { format, shown, .. }),
            Content::Filesystem { format: found, uuid, unfinished, label, .. },
        ) => {
            let mine = uuid.as_ref().is_some_and(|uuid| uuid.eq_ignore_ascii_case(shown));
            // Cut off early enough, a making leaves a type and no identity yet.
            (
                format.word() == found && (mine || *unfinished && uuid.is_none()),
                !*unfinished && label.as_deref() != Some(BEGUN),
            )
        }
        (Some(Holds::Swap(swap)), Content::Swap { uuid: found }) => (*found == Some(swap.uuid), true),
        _ => (false, false),
    }
}

fn make(planner: &mut Planner, node: &Node, site: &Site, risk: Risk, blank: bool) {
    let sector = match &node.kind {
        Kind::Volume(volume) => volume.cache.as_ref().filter(|cache| cache.kind == CacheKind::Writecache).map(|_| 4096),
        Kind::Disk(_)
        | Kind::Partition(_)
        | Kind::Array(_)
        | Kind::Group(_)
        | Kind::Crypt(_)
        | Kind::Pool(_)
        | Kind::Zvol(_) => None,
    };
    let what = match &node.holds {
        Some(Holds::Filesystem { format, uuid, label, mountpoint, extra, .. }) => {
            let (label, mountpoint) = (label.clone(), mountpoint.clone());
            FilesystemAction::Make { format: *format, uuid: *uuid, label, sector, extra: extra.clone(), mountpoint }
        }
        Some(Holds::Swap(swap)) => FilesystemAction::Swap { uuid: swap.uuid },
        Some(
            Holds::Table { .. }
            | Holds::Member { .. }
            | Holds::PhysicalVolume { .. }
            | Holds::Btrfs(_)
            | Holds::BtrfsMember { .. }
            | Holds::Luks { .. }
            | Holds::Zfs { .. },
        )
        | None => return,
    };
    let blank = blank.then(|| node.id.clone()).into_iter().collect();
    let work = Work { after: site.after.clone(), touches: vec![node.id.clone()], blank };
    let step = planner.add(&node.id, "format", Action::Filesystem(what), risk, work);
    planner.place(&node.id, At::Made, vec![step]);
}

/// Less than this stays unused: a filesystem cannot use every last block, and must not be grown for ever.
pub(super) const WORTH: u64 = 16 << 20;

fn grow<'a>(planner: &mut Planner<'a>, node: &Node, site: &Site<'a>) {
    let (At::Here(device), Some(Holds::Filesystem { format, .. })) = (site.at, &node.holds) else { return };
    let Content::Filesystem { size: Some(spans), .. } = device.content else { return };
    if device.size < spans + WORTH {
        return;
    }
    let mount = planner.facts.mounts_of(device).next();
    let text = format!("it spans {} of {}", Size(spans), Size(device.size));
    match (format, mount) {
        // resize.f2fs moves its tables: cut in the midst of that, they are in neither place.
        (Format::F2fs, _) => {
            let text = format!("{text}; f2fs is not grown: by hand, and with a backup, it is `resize.f2fs`, unmounted");
            return planner.note(&node.id, text);
        }
        // It would have to be checked first, unmounted, which takes long and may ask questions.
        (Format::Ext2, _) => {
            let text = format!("{text}; ext2 is not grown: by hand it is `e2fsck -f` and `resize2fs`, unmounted");
            return planner.note(&node.id, text);
        }
        (Format::Vfat, _) => return planner.note(&node.id, format!("{text}; vfat is not grown")),
        // Unmounted, resize2fs wants ext4 checked first.
        (Format::Ext4 | Format::Ext3 | Format::Xfs | Format::Btrfs, None) => {
            return planner.note(&node.id, format!("{text}; {format} grows once it is mounted: apply again then"));
        }
        (Format::Ext4 | Format::Ext3 | Format::Xfs | Format::Btrfs, Some(_)) => {}
        // A dataset has all of its pool's room.
        (Format::Zfs, _) => return,
    }
    let what = FilesystemAction::Grow { format: *format, at: mount.map(|mount| mount.target.clone()) };
    let work = Work { after: site.after.clone(), touches: vec![node.id.clone()], blank: Vec::new() };
    let step = planner.add(&node.id, "grow", Action::Filesystem(what), Risk::Grows, work);
    planner.place(&node.id, site.at, vec![step]);
}
