//! A step: one thing that can be done, and seen to be done, on its own.

use super::{
    ArrayAction, BtrfsAction, FilesystemAction, GroupAction, Guard, LuksAction, MountAction, NodevAction, PoolAction,
    TableAction, VolumeAction, Wipe,
};
use crate::{Name, NodeId};
use cmd::Cmd;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// A step's name, the same in every plan that holds it: `mdadm.nas/create`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct StepId(pub String);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Step {
    /// Its name.
    pub id: StepId,
    /// For which node.
    pub node: NodeId,
    /// What.
    pub what: Action,
    /// What it can cost.
    pub risk: Risk,
    /// The steps it waits for.
    pub after: Vec<StepId>,
    /// What must still be true just before; asked in the same round trip.
    pub guards: Vec<Guard>,
    /// The nodes that hold the notes of a volume group that it changes: physical volumes that are there when it has run.
    #[serde(skip)]
    pub notes_on: Vec<NodeId>,
}

/// What a step can cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "risk", rename_all = "snake_case")]
pub enum Risk {
    /// Writes nothing but what it is asked to start.
    None,
    /// Writes where nothing is.
    Creates,
    /// Enlarges what is there.
    Grows,
    /// May lose a part of what this node holds.
    MayLose {
        /// The node.
        node: NodeId,
        /// Which part, for people.
        what: String,
    },
    /// Ends what these nodes hold.
    Destroys {
        /// The nodes.
        nodes: Vec<NodeId>,
        /// What is there now, for people.
        what: String,
    },
}

impl Risk {
    /// The nodes whose content is lost.
    pub fn destroyed(&self) -> &[NodeId] {
        match self {
            Self::None | Self::Creates | Self::Grows | Self::MayLose { .. } => &[],
            Self::Destroys { nodes, .. } => nodes,
        }
    }

    /// The node of whose content a part may be lost.
    pub fn risked(&self) -> Option<&NodeId> {
        match self {
            Self::None | Self::Creates | Self::Grows | Self::Destroys { .. } => None,
            Self::MayLose { node, .. } => Some(node),
        }
    }
}

/// What can be done, by kind.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Takes down and wipes what was named.
    Wipe(Wipe),
    /// Partition tables.
    Table(TableAction),
    /// Waits until the kernel and udev show the new partitions.
    Settle,
    /// md arrays.
    Array(ArrayAction),
    /// Volume groups.
    Group(GroupAction),
    /// Logical volumes.
    Volume(VolumeAction),
    /// Filesystems and swap.
    Filesystem(FilesystemAction),
    /// btrfs: devices and subvolumes.
    Btrfs(BtrfsAction),
    /// LUKS containers.
    Luks(LuksAction),
    /// ZFS pools, and what is in them.
    Pool(PoolAction),
    /// Mounts.
    Mount(MountAction),
    /// Mounts of filesystems without a device.
    Nodev(NodevAction),
}

impl Action {
    /// The volume group that it changes.
    pub fn group(&self) -> Option<&Name> {
        match self {
            Self::Group(it) => Some(it.group()),
            Self::Volume(it) => Some(it.group()),
            Self::Wipe(_)
            | Self::Table(_)
            | Self::Settle
            | Self::Array(_)
            | Self::Filesystem(_)
            | Self::Btrfs(_)
            | Self::Luks(_)
            | Self::Pool(_)
            | Self::Mount(_)
            | Self::Nodev(_) => None,
        }
    }
}

impl Step {
    /// One line for people: `create RAID6 md/nas from 6 disks`.
    pub fn describe(&self) -> String {
        match &self.what {
            Action::Wipe(it) => it.describe(),
            Action::Table(it) => it.describe(&self.node),
            Action::Settle => "wait until all new partitions are there".to_owned(),
            Action::Array(it) => it.describe(),
            Action::Group(it) => it.describe(),
            Action::Volume(it) => it.describe(),
            Action::Filesystem(it) => it.describe(&self.node),
            Action::Btrfs(it) => it.describe(&self.node),
            Action::Luks(it) => it.describe(),
            Action::Pool(it) => it.describe(),
            Action::Mount(it) => it.describe(),
            Action::Nodev(it) => it.describe(),
        }
    }

    /// The commands, in order; devices stand in them as nodes.
    pub fn commands(&self) -> Vec<Cmd> {
        let commands = match &self.what {
            Action::Wipe(it) => it.commands(),
            Action::Table(it) => it.commands(&self.node),
            Action::Settle => vec![settle()],
            Action::Array(it) => it.commands(&self.node),
            Action::Group(it) => it.commands(),
            Action::Volume(it) => it.commands(),
            Action::Filesystem(it) => it.commands(&self.node),
            Action::Btrfs(it) => it.commands(&self.node),
            Action::Luks(it) => it.commands(&self.node),
            Action::Pool(it) => it.commands(&self.node),
            Action::Mount(it) => it.commands(&self.node),
            Action::Nodev(it) => it.commands(),
        };
        // A step that is done is on the disks: what only their caches have goes with the power.
        let written = self.written();
        let sync = written.iter().fold(Cmd::new("sync"), Cmd::device);
        commands.into_iter().chain((!written.is_empty()).then_some(sync)).collect()
    }

    /// The nodes whose devices it has written to, as far as they are there behind it.
    fn written(&self) -> Vec<NodeId> {
        match &self.what {
            // Their own commands do it, and ZFS by itself.
            Action::Wipe(_)
            | Action::Btrfs(_)
            | Action::Pool(_)
            | Action::Array(ArrayAction::Release { .. })
            | Action::Settle
            | Action::Mount(_)
            | Action::Nodev(_) => Vec::new(),
            Action::Table(it) => vec![it.disk(&self.node).clone()],
            Action::Filesystem(_)
            | Action::Array(ArrayAction::Assemble { .. } | ArrayAction::Force { .. } | ArrayAction::Reshape { .. }) => {
                vec![self.node.clone()]
            }
            Action::Array(ArrayAction::Create { members, spares, .. }) => [members.as_slice(), spares].concat(),
            Action::Array(ArrayAction::Add { members, .. }) => members.clone(),
            Action::Array(ArrayAction::Replace { new, .. }) => vec![new.clone()],
            // LVM writes its notes past the kernel's cache, but does not have drives keep them: what a power cut leaves may
            // be their beginning without the rest.
            Action::Group(_) | Action::Volume(_) => self.notes_on.clone(),
            Action::Luks(it) => it.writes(),
        }
    }

    /// How long the step may take before it counts as stuck, in seconds: about four times what an emulated machine
    /// with small disks needs, and room for large ones.
    pub fn deadline(&self) -> u64 {
        match &self.what {
            Action::Settle | Action::Mount(_) | Action::Nodev(_) => 120,
            Action::Table(_)
            | Action::Wipe(_)
            | Action::Array(_)
            | Action::Group(_)
            | Action::Luks(_)
            | Action::Pool(_) => 300,
            Action::Volume(it) => it.deadline(),
            Action::Filesystem(_) => 1800,
            Action::Btrfs(it) => it.deadline(),
        }
    }
}

/// Waits for udev, at most 100 seconds.
pub(super) fn settle() -> Cmd {
    Cmd::new("udevadm").args(["settle", "--timeout=100"])
}
