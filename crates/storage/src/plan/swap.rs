//! Swap space with a random key: nothing is written to it before the machine starts, and what is there must be nobody's.

use super::planner::{At, Planner, Site, shown};
use crate::facts::Content;
use crate::wish::{Holds, Node};

/// The running machine overwrites the device at each boot: what homehive knows on it must be named first, like anything that
/// is to be destroyed. What it leaves there itself looks like nothing that a tool knows: on a node that was adopted it counts as
/// that only while it is in use.
pub(super) fn plan<'a>(planner: &mut Planner<'a>, node: &'a Node, site: &Site<'a>) {
    let At::Here(device) = site.at else { return };
    let Some(Holds::Swap(swap)) = &node.holds else { return };
    let in_use = || planner.facts.children(&device.name).any(|open| planner.facts.swaps.contains(&open.name));
    match &device.content {
        Content::Unknown if node.adopted && !in_use() => {
            planner.refuse_foreign(&node.id, device);
            planner.place(&node.id, At::Blocked, Vec::new());
        }
        Content::Blank | Content::Unknown => planner.keep(&node.id, swap.shown()),
        // It was declared without a key before.
        Content::Swap { uuid } if *uuid == Some(swap.uuid) => planner.keep(&node.id, swap.shown()),
        Content::Unreadable => {
            planner.refuse_foreign(&node.id, device);
            planner.place(&node.id, At::Blocked, Vec::new());
        }
        Content::Swap { .. }
        | Content::Table { .. }
        | Content::Filesystem { .. }
        | Content::Member { .. }
        | Content::PhysicalVolume { .. }
        | Content::Luks { .. }
        | Content::PoolMember { .. }
        | Content::Other { .. } => {
            let what = shown(&device.content);
            planner.refuse(
                &node.id,
                format!("it holds {what}, and swap space with a random key overwrites that when the machine starts"),
                format!("to destroy that: --wipe {}", node.id),
            );
            planner.place(&node.id, At::Blocked, Vec::new());
        }
    }
}
