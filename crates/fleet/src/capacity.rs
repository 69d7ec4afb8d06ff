//! How much a node of the device tree can hold at most, as far as declared sizes tell. Metadata is not counted, so that
//! what is refused as too large really is.

use storage::wish::{Holds, Kind, Node, Thin, Volume, Wish};
use storage::{Extent, NodeId};

/// The most bytes that the node can hold; none if the declaration does not say.
pub(crate) fn most(wish: &Wish, id: &NodeId) -> Option<u64> {
    bounded(wish, id, 8)
}

/// Trees that `storage` found right have no circles; the depth keeps any other from running on.
fn bounded(wish: &Wish, id: &NodeId, depth: u8) -> Option<u64> {
    let depth = depth.checked_sub(1)?;
    let node = wish.node(id)?;
    match &node.kind {
        Kind::Disk(disk) => disk.size.map(|size| size.0),
        Kind::Partition(partition) => {
            let parent = node.on.first()?;
            let beside = || table(wish, parent).filter(|other| other.id != *id).filter_map(fixed).sum::<u64>();
            share(partition.size, || bounded(wish, parent, depth), beside)
        }
        Kind::Array(array) => {
            let members: Option<Vec<u64>> = array.members.iter().map(|id| bounded(wish, id, depth)).collect();
            let members = members?;
            Some(array.level.capacity(members.len(), *members.iter().min()?))
        }
        Kind::Group(_) | Kind::Pool(_) => None,
        Kind::Zvol(volume) => Some(volume.size.0),
        Kind::Crypt(_) => bounded(wish, node.on.first()?, depth),
        Kind::Volume(volume) => {
            let all = || match volume.spread {
                None => volume.pvs.iter().map(|id| bounded(wish, id, depth)).sum::<Option<u64>>(),
                Some(spread) => {
                    let stripes = spread.stripes(volume.pvs.len()) as u64;
                    let all: Option<Vec<u64>> = volume.pvs.iter().map(|id| bounded(wish, id, depth)).collect();
                    Some(all?.into_iter().min()?.saturating_mul(stripes))
                }
            };
            // Other volumes take from this one's room only if they can lie nowhere else.
            let beside = || {
                let others = wish.nodes.iter().filter(|other| other.id != *id);
                let within = others.filter(|other| match &other.kind {
                    // A thin volume takes of its pool.
                    Kind::Volume(Volume { thin: Some(Thin::In(_)), .. }) => false,
                    Kind::Volume(it) => !it.pvs.is_empty() && it.pvs.iter().all(|pv| volume.pvs.contains(pv)),
                    _ => false,
                });
                within.filter_map(fixed).sum::<u64>()
            };
            share(volume.size, all, beside)
        }
    }
}

fn share(size: Extent, all: impl Fn() -> Option<u64>, beside: impl Fn() -> u64) -> Option<u64> {
    match size {
        Extent::Size(size) => Some(size.0),
        Extent::Percent(percent) => Some(all()?.saturating_sub(beside()) / 100 * u64::from(percent)),
        Extent::End => Some(all()?.saturating_sub(beside())),
    }
}

fn table<'a>(wish: &'a Wish, parent: &NodeId) -> impl Iterator<Item = &'a Node> {
    let partitions = match wish.node(parent).and_then(|node| node.holds.as_ref()) {
        Some(Holds::Table { partitions, .. }) => &partitions[..],
        _ => &[],
    };
    partitions.iter().filter_map(|id| wish.node(id))
}

fn fixed(node: &Node) -> Option<u64> {
    let size = match &node.kind {
        Kind::Partition(partition) => partition.size,
        Kind::Volume(volume) => volume.size,
        Kind::Zvol(volume) => return Some(volume.size.0),
        Kind::Disk(_) | Kind::Array(_) | Kind::Group(_) | Kind::Crypt(_) | Kind::Pool(_) => return None,
    };
    match size {
        Extent::Size(size) => Some(size.0),
        Extent::Percent(_) | Extent::End => None,
    }
}
