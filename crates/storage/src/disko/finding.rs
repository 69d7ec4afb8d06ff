//! What is said about an import: what was left out, what differs, what only the user knows.

use super::attrs::Place;
use crate::NodeId;
use document::{Path, Problems};
use schemars::JsonSchema;
use serde::Serialize;

/// One thing that was not carried over as it stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// What it means.
    pub kind: Kind,
    /// Where it stands in disko's tree, such as `disk.main.content.partitions.luks`; for [`Kind::Wrong`], where it
    /// stands in the imported one.
    pub at: String,
    /// The node of the imported tree that it is about; none if it is about the tree as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// What it is, one sentence.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

/// What a finding means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It is not in the imported tree.
    LeftOut,
    /// It is in the imported tree in another way.
    Changed,
    /// Only the user can say it.
    FillIn,
    /// It was carried over, and `homehive check` will say that it is wrong.
    Wrong,
}

impl Kind {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::LeftOut => "left out",
            Self::Changed => "changed",
            Self::FillIn => "to fill in",
            Self::Wrong => "wrong",
        }
    }
}

/// The findings of one import.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub findings: Vec<Finding>,
    /// Devices that a btrfs names beside the one it stands at.
    pub further: Vec<(Place, Vec<String>)>,
}

impl Report {
    fn add(&mut self, kind: Kind, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        let (at, node) = (place.at.to_string(), place.node.clone());
        self.findings.push(Finding { kind, at, node, message: message.into(), help: help.into() });
    }

    pub fn left_out(&mut self, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        self.add(Kind::LeftOut, place, message, help);
    }

    pub fn changed(&mut self, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        self.add(Kind::Changed, place, message, help);
    }

    pub fn fill_in(&mut self, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        self.add(Kind::FillIn, place, message, help);
    }

    /// What is wrong with the imported tree.
    pub fn checked(&mut self, problems: &Problems) {
        for problem in problems.iter() {
            let kind = match problem.code {
                "storage::unstable_device" | "storage::placeholder" | "storage::unrecognisable_disk" => Kind::FillIn,
                _ => Kind::Wrong,
            };
            let place = Place { at: problem.at.clone(), node: node(&problem.at) };
            self.add(kind, &place, problem.message.clone(), problem.help.clone());
        }
    }
}

/// The node at or above a place of our own tree.
fn node(at: &Path) -> Option<NodeId> {
    let keys = at.keys();
    let (root, inner) = match keys.as_slice() {
        ["disk" | "mdadm", name, rest @ ..] => (format!("{}.{name}", keys[0]), rest),
        ["lvm_vg", name, "lvs", volume, ..] => return Some(NodeId::from(format!("lvm_vg.{name}.{volume}").as_str())),
        ["zpool", name, "datasets", path, ..] => {
            return Some(NodeId::from(format!("zpool.{name}").as_str()).dataset(path));
        }
        ["zpool", name, ..] => return Some(NodeId::from(format!("zpool.{name}").as_str())),
        ["nodev", path, ..] => return Some(NodeId::nodev(path)),
        ["lvm_vg", name, ..] => return Some(NodeId::from(format!("lvm_vg.{name}").as_str())),
        _ => return None,
    };
    match inner {
        ["content", "partitions", partition, ..] => Some(NodeId::from(format!("{root}.{partition}").as_str())),
        _ => Some(NodeId::from(root.as_str())),
    }
}
