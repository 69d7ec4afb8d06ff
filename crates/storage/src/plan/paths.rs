//! Where the devices of a plan's nodes are on this machine, now.

use super::Sight;
use crate::NodeId;
use crate::facts::Facts;
use crate::wish::{Kind, Wish};
use std::collections::BTreeMap;

/// The path of every node's device: what is seen by the path that the kernel gave it, what is not there yet by the link
/// that udev will make for it. A disk that is not found, and a group, have none.
pub fn device_paths(wish: &Wish, facts: &Facts) -> BTreeMap<NodeId, String> {
    let sight = Sight::new(wish, facts);
    let paths = wish.nodes.iter().filter_map(|node| {
        let path = match (&node.kind, sight.device(&node.id)) {
            (_, Some(device)) => Some(device.path.clone()),
            (Kind::Disk(_) | Kind::Group(_), None) => None,
            // An array that the kernel began and could not run has no link.
            (Kind::Array(array), None) => match facts.arrays.iter().find(|known| known.uuid == array.uuid) {
                Some(known) => Some(format!("/dev/{}", known.device)),
                None => node.path.clone(),
            },
            (Kind::Partition(_) | Kind::Volume(_), None) => node.path.clone(),
        };
        path.map(|path| (node.id.clone(), path))
    });
    paths.collect()
}
