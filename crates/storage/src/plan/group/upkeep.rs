//! A volume group that is there: what joins it, what is missing from it, what may grow.

mod add;
mod cache;
mod thin;

use super::{GroupAction, Seat, blank, new_pv, volumes, waits};
use crate::facts::{self, Content};
use crate::plan::planner::{At, Planner, Work};
use crate::plan::step::{Action, Risk, StepId};
use crate::plan::volume::VolumeAction;
use crate::wish::{Group, Node, Thin, Volume};
use crate::{Extent, NodeId, Size};
use add::add;
use cache::{cached, detach, stays};
use std::collections::{BTreeMap, BTreeSet};

/// LVM's metadata changes one step after another: every step waits for the last.
struct Serial {
    last: Vec<StepId>,
    /// Free extents by node.
    free: BTreeMap<NodeId, u64>,
    /// The most that steps before them may free on a node. How much it is, another look shows.
    coming: BTreeMap<NodeId, u64>,
    /// Cached volumes and caches that are to grow: LVM grows neither as long as the cache is attached.
    outgrown: BTreeSet<NodeId>,
    /// Extents of LVM's spare for the notes of thin pools.
    spare: u64,
    /// Thin pools that are there, or made by now.
    pools: BTreeSet<NodeId>,
    /// Bytes that the volumes of each pool may want.
    promised: BTreeMap<NodeId, u64>,
    /// Pools that have volumes in them, by name.
    used: BTreeSet<String>,
    extent: u64,
}

impl Serial {
    /// The extents that a volume can have, or have more, of those that are free. A spread one has as much on each of its
    /// physical volumes.
    fn free(&self, volume: &Volume, made: bool) -> u64 {
        Self::room(volume, made, |pv| self.free.get(pv).copied().unwrap_or_default())
    }

    /// The same with what may come.
    fn may_have(&self, volume: &Volume, made: bool) -> u64 {
        let of = |pv: &NodeId| [&self.free, &self.coming].map(|of| of.get(pv).copied().unwrap_or_default());
        Self::room(volume, made, |pv| of(pv).into_iter().fold(0, u64::saturating_add))
    }

    /// Does any of it lie on what is still to come?
    fn waits(&self, volume: &Volume) -> bool {
        !matches!(volume.thin, Some(Thin::In(_))) && volume.pvs.iter().any(|pv| self.coming.contains_key(pv))
    }

    fn room(volume: &Volume, made: bool, of: impl Fn(&NodeId) -> u64) -> u64 {
        // A thin volume takes of its pool, and not before something is written.
        if let Some(Thin::In(_)) = volume.thin {
            return u64::MAX;
        }
        match volume.spread {
            None => volume.pvs.iter().map(of).fold(0, u64::saturating_add),
            Some(spread) => {
                let notes = if made { 0 } else { spread.notes() };
                let least = volume.pvs.iter().map(of).min().unwrap_or_default().saturating_sub(notes);
                least.saturating_mul(spread.stripes(volume.pvs.len()) as u64)
            }
        }
    }

    /// As many extents as it takes to have at least that many: each stripe has as many.
    fn whole(volume: &Volume, extents: u64) -> u64 {
        let stripes = volume.spread.map_or(1, |spread| spread.stripes(volume.pvs.len()) as u64);
        extents.div_ceil(stripes) * stripes
    }

    /// How many extents a volume that is there is to have; none if nothing says it any more: a share was one of what was
    /// free when it was made.
    fn wanted(&self, volume: &Volume, found: &facts::Volume) -> Option<u64> {
        match volume.size {
            Extent::Size(size) => Some(Self::whole(volume, size.0.div_ceil(self.extent))),
            Extent::Percent(_) => None,
            Extent::End => {
                let has = found.size / self.extent;
                Some(has.saturating_add(self.grows_by(volume, has, self.free(volume, true))))
            }
        }
    }

    fn take(&mut self, volume: &Volume, mut extents: u64, made: bool) {
        if let Some(Thin::In(_)) = volume.thin {
            return;
        }
        let each = volume.spread.map(|spread| {
            let notes = if made { 0 } else { spread.notes() };
            extents.div_ceil(spread.stripes(volume.pvs.len()) as u64) + notes
        });
        for pv in &volume.pvs {
            let mut wanted = each.unwrap_or(extents);
            for room in [self.free.get_mut(pv), self.coming.get_mut(pv)].into_iter().flatten() {
                let part = wanted.min(*room);
                *room -= part;
                wanted -= part;
                extents = extents.saturating_sub(part);
            }
        }
    }
}

/// Less than this of a device stays unused without being worth a step: alignment takes it.
const WORTH: u64 = 16 << 20;

pub(super) fn complete<'a>(
    planner: &mut Planner<'a>,
    node: &'a Node,
    group: &'a Group,
    known: &'a facts::Group,
    seats: &[(&'a NodeId, Seat)],
) {
    planner.keep(&node.id, "volume group");
    let volumes = volumes(planner, group);
    let mut serial = Serial {
        last: Vec::new(),
        free: BTreeMap::new(),
        coming: BTreeMap::new(),
        outgrown: BTreeSet::new(),
        spare: thin::spare(known),
        pools: BTreeSet::new(),
        promised: thin::promised(volumes.iter().map(|(_, volume)| *volume)),
        used: known.volumes.iter().filter_map(|volume| volume.pool.clone()).collect(),
        extent: known.extent.max(1),
    };
    for (pv, seat) in seats {
        if let Seat::Inside(device) = seat
            && let Content::PhysicalVolume { size, used, .. } = device.content
        {
            serial.free.insert((*pv).clone(), size.saturating_sub(used) / serial.extent);
        }
    }
    if known.missing > 0 {
        let reason = format!("{} physical volume(s) of group {} are missing", known.missing, group.name);
        planner.refuse(
            &node.id,
            reason,
            "connect their disks; if one is lost for good, see lvmcache(7) and vgreduce(8) first",
        );
    } else {
        members(planner, node, group, known, seats, &mut serial);
    }
    let mut active: Option<StepId> = None;
    for (id, volume) in &volumes {
        let found = known.volumes.iter().find(|found| found.name == volume.name.as_ref() && !found.hidden);
        let inner = format!("{}_cvol", volume.name);
        let inner = known.volumes.iter().find(|found| found.name == inner);
        match (found, inner) {
            (_, Some(inner)) => {
                planner.keep(id, "cache volume");
                planner.place(id, At::Blocked, Vec::new());
                resize(planner, id, volume, inner, true, &mut serial);
            }
            (None, None) if known.missing > 0 => planner.place(id, At::Blocked, Vec::new()),
            (Some(found), None) if !found.active && known.missing > 0 => planner.place(id, At::Blocked, Vec::new()),
            (None, None) => add(planner, id, volume, &mut serial),
            // A cache volume that is not attached yet need not be active.
            (Some(found), None) if volume.caches.is_some() => {
                planner.place(id, At::Blocked, Vec::new());
                resize(planner, id, volume, found, false, &mut serial);
            }
            (Some(found), None) if !found.active => {
                let step = active.clone().unwrap_or_else(|| {
                    let what = Action::Group(GroupAction::Activate { name: group.name.clone() });
                    let work = Work { after: serial.last.clone(), ..Work::default() };
                    planner.add(&node.id, "activate", what, Risk::None, work)
                });
                active = Some(step.clone());
                serial.last = vec![step.clone()];
                planner.place(id, At::Hidden, vec![step]);
            }
            (Some(found), None) => keep(planner, id, volume, found, &mut serial),
        }
    }
    planner.place(&node.id, At::Blocked, Vec::new());
    for (id, volume) in &volumes {
        let found = known.volumes.iter().find(|found| found.name == volume.name.as_ref() && !found.hidden);
        let there = found.and_then(|found| Some((found.cache.as_deref()?, found.segment.as_str())));
        if let Some(there) = there {
            let here = matches!(planner.site(id).at, At::Here(_)) && known.missing == 0;
            if here && !stays(volume, id, there, &volumes, &serial) {
                detach(planner, id, volume, there, &mut serial);
            }
        } else if let Some(cache) = &volume.cache {
            let site = planner.site(id);
            let name = volumes.iter().find(|(other, _)| **other == cache.node).map(|(_, cache)| cache.name.clone());
            // One that waits for what is still to come is attached once it is there.
            if let Some(name) = name.filter(|_| !matches!(planner.site(&cache.node).at, At::Hidden)) {
                cached(planner, id, volume, &site, (name, cache.kind), &mut serial);
            }
        }
    }
}

/// Physical volumes: those that join, and those whose device has grown.
fn members<'a>(
    planner: &mut Planner<'a>,
    node: &'a Node,
    group: &'a Group,
    known: &facts::Group,
    seats: &[(&'a NodeId, Seat)],
    serial: &mut Serial,
) {
    if known.uuid != group.uuid {
        if known.volumes.iter().any(|volume| volume.active) {
            planner
                .note(&node.id, "it bears another identity than announced; that can only change while it is inactive");
        } else {
            let what = GroupAction::Identify { name: group.name.clone(), uuid: group.uuid.clone() };
            let work = Work { touches: group.pvs.clone(), ..Work::default() };
            serial.last = vec![planner.add(&node.id, "identify", Action::Group(what), Risk::None, work)];
        }
    }
    let free = |(id, seat): &(&'a NodeId, Seat)| matches!(seat, Seat::Free).then(|| (*id).clone());
    let joining: Vec<NodeId> = seats.iter().filter_map(free).collect();
    if !joining.is_empty() {
        let pvs = joining.iter().filter_map(|pv| new_pv(planner, pv)).collect();
        let after = waits(planner, &joining).into_iter().chain(serial.last.clone()).collect();
        let work = Work { after, touches: joining.clone(), blank: blank(planner, &joining) };
        let what = GroupAction::Extend { name: group.name.clone(), pvs };
        serial.last = vec![planner.add(&node.id, "extend", Action::Group(what), Risk::Grows, work)];
        planner.plan.hidden.push(node.id.clone());
        for pv in joining {
            // What is not made yet is no larger than its disks.
            let disks = || planner.wish.disks_of(&pv).into_iter().filter_map(|disk| planner.sight.device(&disk.id));
            let size = match planner.site(&pv).at {
                At::Here(device) => device.size,
                At::Made | At::Hidden | At::Absent | At::Blocked => disks().map(|disk| disk.size).sum(),
            };
            serial.coming.insert(pv, size / serial.extent);
        }
    }
    for (pv, seat) in seats {
        let Seat::Inside(device) = seat else { continue };
        let Content::PhysicalVolume { size, .. } = device.content else { continue };
        if device.size >= size + WORTH + serial.extent {
            let what = GroupAction::Resize { name: group.name.clone(), pv: (*pv).clone() };
            let work = Work { after: serial.last.clone(), touches: vec![(*pv).clone()], blank: Vec::new() };
            serial.last = vec![planner.add(pv, "resize", Action::Group(what), Risk::Grows, work)];
            serial.coming.insert((*pv).clone(), (device.size - size) / serial.extent);
            planner.plan.hidden.push(node.id.clone());
        }
    }
}

/// The sort of volume that is there, if it is another one. A cached volume's own sort is its inner one's.
fn otherwise<'f>(volume: &Volume, found: &'f facts::Volume) -> Option<&'f str> {
    if found.cache.is_some() {
        return None;
    }
    let same = match (&volume.thin, volume.spread) {
        (Some(thin), _) => found.segment == thin.segment(),
        (None, None) => found.segment == "linear",
        (None, Some(spread)) => spread.is(&found.segment),
    };
    (!same).then_some(&*found.segment)
}

fn keep<'a>(planner: &mut Planner<'a>, id: &'a NodeId, volume: &Volume, found: &facts::Volume, serial: &mut Serial) {
    let device = planner.sight.device(id);
    planner.place(id, device.map_or(At::Blocked, At::Here), Vec::new());
    let other = otherwise(volume, found);
    if let Some(reason) = thin::mistaken(volume, found, other) {
        let remedy = format!("declare it as it is, or see lvconvert(8) for {}/{}", volume.group, volume.name);
        planner.refuse(id, reason, remedy);
        planner.place(id, At::Blocked, Vec::new());
        return;
    }
    if let Some(Thin::Pool) = volume.thin {
        planner.keep(id, format!("thin pool of {}", Size(found.size)));
        serial.pools.insert(id.clone());
        let wanted = serial.wanted(volume, found).unwrap_or_default();
        thin::promises(planner, id, wanted.max(found.size / serial.extent), serial);
    } else {
        planner.keep(id, format!("volume of {}", Size(found.size)));
    }
    if found.uuid != volume.uuid {
        // As long as volumes are in a pool, it may be in use without its device being so.
        let free = |device| planner.user(device).is_none() && !serial.used.contains(&found.name);
        match device.map(free) {
            Some(true) => {
                let (group, name, uuid) = (volume.group.clone(), volume.name.clone(), volume.uuid.clone());
                let work = Work { after: serial.last.clone(), touches: volume.pvs.clone(), blank: Vec::new() };
                let what = Action::Volume(VolumeAction::Identify { group, name, uuid });
                let step = planner.add(id, "identify", what, Risk::None, work);
                serial.last = vec![step.clone()];
                planner.place(id, device.map_or(At::Blocked, At::Here), vec![step]);
            }
            Some(false) | None => planner
                .note(id, "it bears another identity than announced; that can only change while it is not in use"),
        }
    }
    let grows = serial.wanted(volume, found).is_some_and(|wanted| wanted > found.size / serial.extent);
    match other {
        Some(other) if grows => {
            planner.note(id, format!("it could grow, but it is {other}, not linear: declare its `lvm_type`"));
        }
        Some(_) | None => resize(planner, id, volume, found, found.cache.is_some(), serial),
    }
}

/// Makes a volume as large as it is declared; what is `attached` to a cache, or as one, only once it is not.
fn resize<'a>(
    planner: &mut Planner<'a>,
    id: &'a NodeId,
    volume: &Volume,
    found: &facts::Volume,
    attached: bool,
    serial: &mut Serial,
) {
    let has = found.size / serial.extent;
    let Some(wanted) = serial.wanted(volume, found) else { return };
    let takes = serial.takes_more(volume, has, wanted);
    if wanted < has {
        let reason = format!("it has {}, and shrinking is never done", Size(found.size));
        planner.refuse(id, reason, format!("declare `size = \"{}\"`", Size(found.size).exact()));
        planner.place(id, At::Blocked, Vec::new());
    } else if wanted > has && serial.waits(volume) && takes <= serial.may_have(volume, true) {
        // Another look shows how much there is; until it has grown it is not cached.
        serial.take(volume, takes, true);
        planner.place(id, At::Hidden, serial.last.clone());
    } else if wanted > has && takes > serial.free(volume, true) {
        let reason = format!(
            "it cannot grow to {}: {} are free",
            Size(wanted.saturating_mul(serial.extent)),
            Size(serial.free(volume, true).saturating_mul(serial.extent))
        );
        planner.refuse(id, reason, "add a disk, or declare it smaller");
    } else if wanted > has && attached {
        serial.take(volume, takes, true);
        serial.outgrown.insert(id.clone());
    } else if wanted > has {
        let (group, name) = (volume.group.clone(), volume.name.clone());
        let pvs = if let Some(Thin::In(_)) = volume.thin { Vec::new() } else { volume.pvs.clone() };
        let what = VolumeAction::Grow { group, name, extents: wanted - has, pvs };
        serial.take(volume, takes, true);
        let work = Work { after: serial.last.clone(), touches: volume.pvs.clone(), blank: Vec::new() };
        let step = planner.add(id, "grow", Action::Volume(what), Risk::Grows, work);
        serial.last = vec![step.clone()];
        // Its filesystem is compared with its new size, which only another look shows.
        planner.plan.hidden.push(id.clone());
        planner.place(id, planner.sight.device(id).map_or(At::Blocked, At::Here), vec![step]);
    }
}
