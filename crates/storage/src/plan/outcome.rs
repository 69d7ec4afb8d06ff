//! A plan as data: steps, what is kept, what is noted, what is refused, what cannot be seen yet.

use super::{Action, ArrayAction, Basis, Begun, BtrfsAction, LuksAction, PoolAction, Step};
use crate::NodeId;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// What may be destroyed. Nothing, unless it is said here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// Nodes whose content, and everything on it, may be destroyed.
    pub wipe: BTreeSet<NodeId>,
    /// Arrays that may be started although they were cut off while something was being written and members were missing:
    /// what was being written then may be lost.
    pub force_start: BTreeSet<NodeId>,
    /// Make filesystems and swap that are not persistent anew.
    pub reinstall: bool,
    /// What steps of earlier runs have begun and not ended, as the journal has it.
    pub begun: Vec<Begun>,
    /// What this very run has made already, and must not make anew when it looks again.
    pub made: BTreeSet<NodeId>,
}

impl Consent {
    /// What is left of the consent when this plan has been applied, for the next look of the same run: what was wiped
    /// is not wiped again, and what was made is not made again.
    #[must_use]
    pub fn after(mut self, plan: &Plan) -> Self {
        for step in &plan.steps {
            match step.what {
                Action::Wipe(_) => self.wipe.clear(),
                Action::Filesystem(_)
                | Action::Btrfs(BtrfsAction::Make { .. })
                | Action::Luks(LuksAction::Format { .. })
                | Action::Pool(PoolAction::Create { .. }) => {
                    self.made.insert(step.node.clone());
                }
                Action::Array(ArrayAction::Force { .. }) => drop(self.force_start.remove(&step.node)),
                Action::Array(
                    ArrayAction::Create { .. }
                    | ArrayAction::Assemble { .. }
                    | ArrayAction::Add { .. }
                    | ArrayAction::Replace { .. }
                    | ArrayAction::Release { .. }
                    | ArrayAction::Reshape { .. },
                )
                | Action::Table(_)
                | Action::Settle
                | Action::Group(_)
                | Action::Volume(_)
                | Action::Btrfs(_)
                | Action::Luks(_)
                | Action::Pool(_)
                | Action::Mount(_)
                | Action::Nodev(_) => {}
            }
        }
        self
    }
}

/// What is to be done, and why not more.
///
/// It names devices by node alone: two disks that swap their kernel names change nothing in it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Plan {
    /// Version of this schema: 1.
    pub version: u32,
    /// Where the filesystems are mounted: `/mnt`, or `/` if the machine runs from the wished root filesystem.
    pub target: String,
    /// The steps, each behind all that it waits for.
    pub steps: Vec<Step>,
    /// What is there already, as wished.
    pub kept: Vec<Kept>,
    /// What a person should know.
    pub notes: Vec<Note>,
    /// What is not done, and the words that would change that. A plan with refusals is not to be applied.
    pub refusals: Vec<Refusal>,
    /// Nodes that can be seen only after the steps: look again then, and plan on.
    pub hidden: Vec<NodeId>,
    /// What it was made from.
    pub basis: Basis,
}

/// Something that is as wished.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Kept {
    /// The node.
    pub node: NodeId,
    /// What of it, such as `xfs`.
    pub what: String,
}

/// Something to know.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Note {
    /// About which node.
    pub node: NodeId,
    /// What.
    pub text: String,
}

/// Something that is not done.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Refusal {
    /// At which node.
    pub node: NodeId,
    /// Why.
    pub reason: String,
    /// What to do, or the exact words to add: `--wipe disk.sata1`.
    pub remedy: String,
}

impl Plan {
    /// Is everything as wished?
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.refusals.is_empty() && self.hidden.is_empty()
    }

    /// The plan's fingerprint: SHA-256 over its JSON, in hexadecimal. An approval of one plan fits no other,
    /// nor the same steps on disks of which anything else has changed.
    pub fn digest(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        crate::save::digest(&json)
    }

    /// The nodes whose content some step destroys.
    pub fn destroyed(&self) -> BTreeSet<NodeId> {
        self.steps.iter().flat_map(|step| step.risk.destroyed()).cloned().collect()
    }

    /// The nodes of whose content some step may lose a part.
    pub fn risked(&self) -> BTreeSet<NodeId> {
        self.steps.iter().filter_map(|step| step.risk.risked()).cloned().collect()
    }
}
