//! Caches of a group that is there: left as they are, taken away, attached.

use super::Serial;
use crate::facts::Content;
use crate::plan::group::attach;
use crate::plan::planner::{At, Planner, Site, Work};
use crate::plan::step::{Action, Risk};
use crate::plan::volume::VolumeAction;
use crate::wish::{CacheKind, Volume};
use crate::{Name, NodeId};

/// Is what caches a volume as it is declared, and neither of the two to grow?
pub(super) fn stays(
    volume: &Volume,
    id: &NodeId,
    (cache, segment): (&str, &str),
    volumes: &[(&NodeId, &Volume)],
    serial: &Serial,
) -> bool {
    let Some(declared) = &volume.cache else { return false };
    let name = volumes.iter().find(|(other, _)| **other == declared.node).map(|(_, volume)| volume.name.as_ref());
    let outgrown = [id, &declared.node].iter().any(|node| serial.outgrown.contains(*node));
    name == Some(cache) && declared.kind.segment() == segment && !outgrown
}

/// Takes a cache away. What becomes of the two volumes then, another look plans.
pub(super) fn detach(
    planner: &mut Planner,
    id: &NodeId,
    volume: &Volume,
    (cache, segment): (&str, &str),
    serial: &mut Serial,
) {
    let (group, name) = (volume.group.clone(), volume.name.clone());
    // A pool of data and metadata is nothing that homehive makes, or could attach again.
    if cache.ends_with("_cpool") {
        if volume.cache.is_some() || serial.outgrown.contains(id) {
            let remedy =
                format!("take it away by hand: lvconvert --uncache {group}/{name}; then homehive makes its own");
            planner.refuse(id, format!("it is cached by {cache}, a cache pool"), remedy);
        }
        return;
    }
    let what = VolumeAction::Detach { group, name, cache: cache.to_owned(), segment: segment.to_owned() };
    let work = Work { after: serial.last.clone(), touches: vec![id.clone()], blank: Vec::new() };
    serial.last = vec![planner.add(id, "detach", Action::Volume(what), Risk::None, work)];
    planner.plan.hidden.push(id.clone());
}

/// A volume that is to be cached and is not.
pub(super) fn cached<'a>(
    planner: &mut Planner<'a>,
    id: &'a NodeId,
    volume: &Volume,
    site: &Site<'a>,
    (name, kind): (Name, CacheKind),
    serial: &mut Serial,
) {
    let block = match site.at {
        At::Here(device) => match device.content {
            Content::Filesystem { block: Some(block), .. } if block >= 4096 => 4096,
            Content::Blank => 4096,
            // What writes in smaller pieces, or may, would be torn by larger ones.
            _ => 512,
        },
        At::Made => 4096,
        At::Hidden | At::Absent | At::Blocked => return,
    };
    let after = serial.last.iter().cloned().chain(site.after.clone()).collect();
    let step = attach(planner, id, volume, name, kind, block, after);
    serial.last = vec![step.clone()];
    planner.place(id, site.at, vec![step]);
}
