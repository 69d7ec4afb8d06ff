//! How the wished nodes are doing on a machine: what is whole, what is missing, and which disk to look at. What is to be
//! done about it is `plan`'s business.

mod array;
mod btrfs;
mod held;
mod luks;
mod nodev;
mod pool;
mod volume;

pub use array::lasting;

use crate::NodeId;
use crate::facts::Facts;
use crate::plan::{Sight, Unseen, in_closed};
use crate::wish::{Disk, Kind, Node, Wish};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a node is doing, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As wished.
    Good,
    /// Whole in a while, by itself.
    Rebuilding,
    /// There, but not mounted.
    NotMounted,
    /// There, but not started.
    Inactive,
    /// Not made yet: nothing is there.
    Unmade,
    /// Works, with less than was wished to keep it safe or fast.
    Degraded,
    /// Its making was cut short.
    Unfinished,
    /// Holds something else.
    Foreign,
    /// Not there, or not to be told which it is.
    Missing,
    /// Does not work.
    Broken,
}

/// How one node is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// Which node.
    pub node: NodeId,
    /// How it is doing: the worst of all that is said of it.
    pub state: State,
    /// What is there, or what is wrong: names the disks that want looking at, with their serials.
    pub text: String,
    /// Thousandths of the work done, while it is being rebuilt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done: Option<u32>,
}

impl State {
    /// Its name for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Rebuilding => "rebuilding",
            Self::NotMounted => "not mounted",
            Self::Inactive => "inactive",
            Self::Unmade => "not made",
            Self::Degraded => "degraded",
            Self::Unfinished => "unfinished",
            Self::Foreign => "foreign",
            Self::Missing => "missing",
            Self::Broken => "broken",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// How every node of `wish` is doing by `facts`: one finding a node, in the tree's order. All is well if each is
/// [`State::Good`].
pub fn health(wish: &Wish, facts: &Facts) -> Vec<Finding> {
    let look = Look { wish, facts, sight: Sight::new(wish, facts) };
    let nodev = wish.nodev.iter().filter_map(|nodev| look.nodev(nodev));
    wish.nodes.iter().map(|node| look.at(node)).chain(nodev).collect()
}

/// What one node is looked at with.
struct Look<'a> {
    wish: &'a Wish,
    facts: &'a Facts,
    sight: Sight<'a>,
}

/// What is said of a node.
struct Said {
    state: State,
    text: String,
    done: Option<u32>,
}

impl Said {
    fn new(state: State, text: impl Into<String>) -> Self {
        Self { state, text: text.into(), done: None }
    }
}

impl Look<'_> {
    fn at(&self, node: &Node) -> Finding {
        if !matches!(node.kind, Kind::Crypt(_)) && in_closed(self.wish, &self.sight, &node.id, None) {
            let said = Said::new(State::Inactive, "lies in a LUKS that is closed");
            return Finding { node: node.id.clone(), state: said.state, text: said.text, done: None };
        }
        let mut said = match &node.kind {
            Kind::Disk(disk) => self.disk(node, disk),
            Kind::Partition(_) => self.partition(node),
            Kind::Array(array) => self.array(&node.id, array),
            Kind::Group(group) => vec![self.group(group)],
            Kind::Volume(volume) => self.volume(node, volume),
            Kind::Crypt(crypt) => self.crypt(node, crypt),
            Kind::Pool(pool) => self.pool(node, pool),
            Kind::Zvol(volume) => self.zvol(node, volume),
        };
        if let (Some(device), Some(holds)) = (self.sight.device(&node.id), &node.holds) {
            said.extend(self.held(node, device, holds));
        }
        let state = said.iter().map(|said| said.state).max().unwrap_or(State::Good);
        // What is good about a node that is not good is no news, but which disk to look at is.
        let disk = matches!(node.kind, Kind::Disk(_));
        let told = said.iter().filter(|said| disk || state == State::Good || said.state != State::Good);
        let text: Vec<&str> = told.map(|said| said.text.as_str()).filter(|text| !text.is_empty()).collect();
        Finding {
            node: node.id.clone(),
            state,
            text: text.join("; "),
            done: said.iter().find_map(|said| said.done).filter(|_| state == State::Rebuilding),
        }
    }

    fn disk(&self, node: &Node, disk: &Disk) -> Vec<Said> {
        let said = match self.sight.unseen(&node.id) {
            Some(Unseen::Several(found)) => {
                Said::new(State::Missing, format!("several disks fit: {}", found.join(", ")))
            }
            Some(Unseen::Shared(other)) => Said::new(State::Missing, format!("fits the same disk as {other}")),
            Some(Unseen::Absent) => Said::new(State::Missing, format!("no disk with {} is there", tells(disk))),
            None => Said::new(State::Good, tells(disk)),
        };
        vec![said]
    }

    fn partition(&self, node: &Node) -> Vec<Said> {
        if self.sight.device(&node.id).is_some() {
            return Vec::new();
        }
        let missing = self.missing_disks(node);
        vec![match missing.as_slice() {
            [] => Said::new(State::Unmade, "the disk's table does not have it"),
            disks => Said::new(State::Missing, format!("missing {}", disks.join(", "))),
        }]
    }

    /// The disks below a node that are not there.
    fn missing_disks(&self, node: &Node) -> Vec<String> {
        let disks = self.wish.disks_of(&node.id).into_iter();
        disks.filter(|disk| self.sight.device(&disk.id).is_none()).map(|disk| self.named(&disk.id)).collect()
    }

    /// A node by its name, and by the serial of the disk that it is or lies on, if that is one disk.
    fn named(&self, id: &NodeId) -> String {
        let disks = self.wish.disks_of(id);
        let [Node { id: disk, kind: Kind::Disk(said), .. }] = disks.as_slice() else { return id.to_string() };
        // The serial that is written on the disk, even if it was declared by something else.
        let found = self.sight.device(disk).and_then(|device| device.serial.clone());
        let tells = found.map_or_else(|| tells(said), |serial| format!("serial {serial}"));
        format!("{id} ({tells})")
    }
}

/// What a disk is recognised by, in words.
fn tells(disk: &Disk) -> String {
    let model = || disk.model.as_ref().map(|model| format!("model {model}"));
    let serial = disk.serial.as_ref().map(|serial| format!("serial {serial}"));
    let wwn = || disk.wwn.as_ref().map(|wwn| format!("wwn {wwn}"));
    serial.or_else(wwn).or_else(|| disk.device.clone()).or_else(model).unwrap_or_default()
}
