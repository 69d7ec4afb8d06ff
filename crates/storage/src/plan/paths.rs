//! Where the devices of a plan's nodes are on this machine, now.

use super::array::{begun, stranger, strangers};
use super::{Action, ArrayAction, LuksAction, Plan, PoolAction, Sight, TableAction};
use crate::NodeId;
use crate::facts::Facts;
use crate::wish::{Kind, Wish};
use std::collections::BTreeMap;

impl Plan {
    /// The path of every node's device, for the commands of this plan: what is seen has the path that the kernel gave
    /// it, what the plan makes the path that it will have. `facts` are those that the plan was made from. A disk that
    /// is not found, and a group, have none.
    pub fn device_paths(&self, wish: &Wish, facts: &Facts) -> BTreeMap<NodeId, String> {
        let sight = Sight::new(wish, facts);
        let mut paths: BTreeMap<NodeId, String> = BTreeMap::new();
        for node in &wish.nodes {
            let path = match (&node.kind, self.partition(&node.id), sight.device(&node.id)) {
                // What is made anew need not come back under the number that it had.
                (Kind::Partition(_), Some(number), _) => {
                    node.on.first().and_then(|disk| paths.get(disk)).map(|disk| partition(disk, number))
                }
                (Kind::Array(array), ..) if self.starts(&node.id) => {
                    let known = facts.arrays.iter().find(|known| known.uuid == array.uuid && !known.active);
                    if let Some(known) = known {
                        paths.insert(begun(&node.id), format!("/dev/{}", known.device));
                    }
                    node.path.clone()
                }
                // It may be open under another name now.
                (Kind::Crypt(_), ..) if self.opens(&node.id) => node.path.clone(),
                (Kind::Zvol(volume), ..) if self.makes_dataset(&volume.full()) => node.path.clone(),
                // Its number may be another one's next time; what leads to it has its name.
                (Kind::Zvol(_), _, Some(device)) => {
                    device.links.iter().find(|link| link.starts_with("/dev/zvol/")).or(Some(&device.path)).cloned()
                }
                (.., Some(device)) => Some(device.path.clone()),
                (Kind::Disk(_) | Kind::Group(_) | Kind::Pool(_), ..) => None,
                (Kind::Partition(_) | Kind::Array(_) | Kind::Volume(_) | Kind::Crypt(_) | Kind::Zvol(_), ..) => {
                    node.path.clone()
                }
            };
            if let Kind::Array(array) = &node.kind {
                let known = facts.arrays.iter().find(|known| known.uuid == array.uuid);
                for device in strangers(facts, &sight, array.uuid, known) {
                    paths.insert(stranger(&node.id, facts, device), device.path.clone());
                }
            }
            if let Some(path) = path {
                paths.insert(node.id.clone(), path);
            }
        }
        paths
    }

    /// The number under which this plan makes a partition.
    fn partition(&self, node: &NodeId) -> Option<u32> {
        self.steps.iter().find_map(|step| match &step.what {
            Action::Table(TableAction::Create { partitions, .. }) => {
                (1..).zip(partitions).find(|(_, new)| new.node == *node).map(|(number, _)| number)
            }
            Action::Table(TableAction::Add { partition, number, .. }) => (partition.node == *node).then_some(*number),
            _ => None,
        })
    }

    fn opens(&self, node: &NodeId) -> bool {
        let opens = |what: &Action| matches!(what, Action::Luks(LuksAction::Format { .. } | LuksAction::Open { .. }));
        self.steps.iter().any(|step| step.node == *node && opens(&step.what))
    }

    fn makes_dataset(&self, name: &str) -> bool {
        let makes = |what: &Action| matches!(what, Action::Pool(PoolAction::Dataset { full, .. }) if full == name);
        self.steps.iter().any(|step| makes(&step.what))
    }

    fn starts(&self, node: &NodeId) -> bool {
        let starts = |what: &Action| {
            matches!(
                what,
                Action::Array(ArrayAction::Create { .. } | ArrayAction::Assemble { .. } | ArrayAction::Force { .. })
            )
        };
        self.steps.iter().any(|step| step.node == *node && starts(&step.what))
    }
}

/// The kernel puts a `p` between a disk's name that ends with a digit and a partition's number.
fn partition(disk: &str, number: u32) -> String {
    let p = if disk.ends_with(|c: char| c.is_ascii_digit()) { "p" } else { "" };
    format!("{disk}{p}{number}")
}
