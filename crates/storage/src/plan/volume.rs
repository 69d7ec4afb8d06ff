//! Logical volumes in a group that is there: created, given their cache or freed of it, grown.

use super::group::{IDENTIFY, devices, script};
use crate::tree::Spread;
use crate::wish::CacheKind;
use crate::{Name, NodeId};
use cmd::Cmd;
use schemars::JsonSchema;
use serde::Serialize;

/// What is done to a volume.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VolumeAction {
    /// Makes it.
    Create {
        /// The group's name.
        group: Name,
        /// Its name.
        name: Name,
        /// Its UUID in LVM's form.
        uuid: String,
        /// How many extents.
        extents: u64,
        /// How it is spread over its physical volumes.
        #[serde(skip_serializing_if = "Option::is_none")]
        spread: Option<Spread>,
        /// The nodes that hold the physical volumes it lies on.
        pvs: Vec<NodeId>,
        /// Will it be a cache? Then it stays inactive, as lvmcache(7) wants it.
        cache: bool,
    },
    /// Makes a thin pool.
    CreatePool {
        /// The group's name.
        group: Name,
        /// Its name.
        name: Name,
        /// Its UUID in LVM's form.
        uuid: String,
        /// How many extents for what is written to its volumes.
        extents: u64,
        /// Bytes for LVM's notes on it.
        metadata: u64,
        /// The nodes that hold the physical volumes it lies on.
        pvs: Vec<NodeId>,
    },
    /// Makes a thin volume.
    CreateThin {
        /// The group's name.
        group: Name,
        /// Its name.
        name: Name,
        /// Its UUID in LVM's form.
        uuid: String,
        /// The pool's name.
        pool: Name,
        /// Bytes, of which it takes none before something is written.
        size: u64,
    },
    /// Gives it the derived identity: its making was cut short before that.
    Identify {
        /// The group's name.
        group: Name,
        /// Its name.
        name: Name,
        /// Its UUID in LVM's form.
        uuid: String,
    },
    /// Puts a cache in front of it.
    Attach {
        /// The group's name.
        group: Name,
        /// Its name.
        name: Name,
        /// The name of the volume that becomes its cache.
        cache: Name,
        /// Which kind of cache.
        kind: CacheKind,
        /// Block size of a writecache in bytes: never larger than the filesystem's own.
        block: u32,
    },
    /// Takes the cache away that is in front of it, once all that is in it is written out; both volumes stay.
    Detach {
        /// The group's name.
        group: Name,
        /// Its name.
        name: Name,
        /// The name of the volume that was its cache.
        cache: String,
        /// Which kind of cache, as LVM calls its segment.
        segment: String,
    },
    /// Enlarges it.
    Grow {
        /// The group's name.
        group: Name,
        /// Its name.
        name: Name,
        /// By how many extents.
        extents: u64,
        /// The nodes that hold the physical volumes it lies on; none for a thin volume.
        pvs: Vec<NodeId>,
    },
}

impl VolumeAction {
    /// Its group's name.
    pub(super) fn group(&self) -> &Name {
        match self {
            Self::Create { group, .. }
            | Self::CreatePool { group, .. }
            | Self::CreateThin { group, .. }
            | Self::Identify { group, .. }
            | Self::Attach { group, .. }
            | Self::Detach { group, .. }
            | Self::Grow { group, .. } => group,
        }
    }

    pub(super) fn describe(&self) -> String {
        match self {
            Self::Create { group, name, spread: Some(spread), pvs, .. } => {
                format!("create {} volume {group}/{name} on {} physical volumes", spread.word(), pvs.len())
            }
            Self::Create { group, name, spread: None, .. } => format!("create volume {group}/{name}"),
            Self::CreatePool { group, name, .. } => format!("create thin pool {group}/{name}"),
            Self::CreateThin { group, name, pool, .. } => format!("create thin volume {group}/{name} in pool {pool}"),
            Self::Identify { group, name, .. } => format!("give volume {group}/{name} its identity"),
            Self::Attach { group, name, cache, kind, .. } => {
                format!("attach {} {cache} to {group}/{name}", kind.segment())
            }
            Self::Detach { group, name, cache, segment } => {
                format!("write out and detach {segment} {cache} of {group}/{name}")
            }
            Self::Grow { group, name, .. } => format!("grow volume {group}/{name}"),
        }
    }

    /// How long it may take, in seconds. A cache of a TiB is written out to slow disks within a day.
    pub(super) fn deadline(&self) -> u64 {
        match self {
            Self::Detach { .. } => 24 * 3600,
            Self::Create { .. }
            | Self::CreatePool { .. }
            | Self::CreateThin { .. }
            | Self::Identify { .. }
            | Self::Attach { .. }
            | Self::Grow { .. } => 300,
        }
    }

    pub(super) fn commands(&self) -> Vec<Cmd> {
        let active = |group: &Name, name: &Name, yes: bool| {
            Cmd::new("lvchange").args([
                "--quiet",
                "--activate",
                if yes { "y" } else { "n" },
                &format!("{group}/{name}"),
            ])
        };
        let identify = |group: &Name, name: &Name, uuid: &str| {
            script(IDENTIFY, "identify").args([group.as_ref(), name.as_ref(), uuid])
        };
        match self {
            Self::Create { group, name, uuid, extents, spread, pvs, cache } => {
                // Active while it is made, so that old signatures and an old cache's beginning are wiped.
                let create = Cmd::new("lvcreate")
                    .args(["--quiet", "--yes", "--wipesignatures", "y", "--zero", "y", "--name", name.as_ref()])
                    .args(spread.map(|spread| spread.arguments(pvs.len())).unwrap_or_default())
                    .args(["--extents", &extents.to_string(), group.as_ref()]);
                let zero =
                    Cmd::new("blkdiscard").args(["--zeroout", "--length", "1048576", &format!("/dev/{group}/{name}")]);
                let made = [devices(create, pvs), zero, active(group, name, false), identify(group, name, uuid)];
                made.into_iter().chain((!cache).then(|| active(group, name, true))).collect()
            }
            Self::CreatePool { group, name, uuid, extents, metadata, pvs } => {
                let create = Cmd::new("lvcreate")
                    .args(["--quiet", "--yes", "--type", "thin-pool", "--name", name.as_ref()])
                    .args(["--extents", &extents.to_string(), "--poolmetadatasize", &format!("{metadata}b")])
                    .arg(group.as_ref());
                let (off, on) = (active(group, name, false), active(group, name, true));
                vec![devices(create, pvs), off, identify(group, name, uuid), on]
            }
            Self::CreateThin { group, name, uuid, pool, size } => {
                // Nothing of anybody's is in it: what was never written reads as zeroes.
                let create = Cmd::new("lvcreate")
                    .args(["--quiet", "--yes", "--type", "thin", "--name", name.as_ref()])
                    .args(["--virtualsize", &format!("{size}b"), "--thinpool", pool.as_ref(), group.as_ref()]);
                let (off, on) = (active(group, name, false), active(group, name, true));
                vec![create, off, identify(group, name, uuid), on]
            }
            Self::Identify { group, name, uuid } => {
                vec![active(group, name, false), identify(group, name, uuid), active(group, name, true)]
            }
            Self::Attach { group, name, cache, kind, block } => {
                let attach = Cmd::new("lvconvert").args([
                    "--quiet",
                    "--yes",
                    "--type",
                    kind.segment(),
                    "--cachevol",
                    cache.as_ref(),
                ]);
                let attach = match kind {
                    CacheKind::Writecache => attach.args(["--cachesettings".to_owned(), format!("block_size={block}")]),
                    CacheKind::Cache { mode } => attach.args(["--cachemode", mode.word()]),
                };
                vec![active(group, cache, false), attach.arg(format!("{group}/{name}")), active(group, name, true)]
            }
            Self::Detach { group, name, .. } => {
                vec![Cmd::new("lvconvert").args(["--quiet", "--yes", "--splitcache", &format!("{group}/{name}")])]
            }
            Self::Grow { group, name, extents, pvs } => {
                let grow = Cmd::new("lvextend").args([
                    "--quiet",
                    "--extents",
                    &format!("+{extents}"),
                    &format!("{group}/{name}"),
                ]);
                vec![devices(grow, pvs)]
            }
        }
    }
}
