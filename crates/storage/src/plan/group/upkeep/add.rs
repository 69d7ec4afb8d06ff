//! A volume that is declared and not there: it is made, as far as there is room.

use super::{Serial, thin};
use crate::plan::planner::{At, Planner, Work};
use crate::plan::step::{Action, Risk};
use crate::plan::volume::VolumeAction;
use crate::wish::{Thin, Volume};
use crate::{Extent, NodeId, Size};

/// How many extents a volume is to have, of those that are free.
fn extents(volume: &Volume, serial: &Serial) -> u64 {
    let free = serial.free(volume, false);
    let wanted = match volume.size {
        Extent::Size(size) => size.0.div_ceil(serial.extent),
        Extent::Percent(percent) => serial.within(volume, free * u64::from(percent) / 100).max(1),
        Extent::End => serial.within(volume, free).max(1),
    };
    Serial::whole(volume, wanted)
}

pub(super) fn add(planner: &mut Planner, id: &NodeId, volume: &Volume, serial: &mut Serial) {
    if !thin::ready(planner, id, volume, serial) {
        return;
    }
    let (wanted, free) = (extents(volume, serial), serial.free(volume, false));
    let takes = serial.takes(volume, wanted);
    if serial.waits(volume) && takes <= serial.may_have(volume, false) {
        serial.take(volume, takes, false);
        return planner.place(id, At::Hidden, serial.last.clone());
    }
    if takes > free {
        let size = |extents: u64| Size(extents * serial.extent);
        planner.refuse(
            id,
            format!("it needs {}, and {} are free", size(takes), size(free)),
            "declare it smaller, or add a disk",
        );
        planner.place(id, At::Blocked, Vec::new());
        return;
    }
    serial.take(volume, takes, false);
    let (group, name, uuid, pvs) = (volume.group.clone(), volume.name.clone(), volume.uuid.clone(), volume.pvs.clone());
    let what = match &volume.thin {
        Some(Thin::Pool) => {
            let notes = serial.notes(wanted);
            serial.spare = serial.spare.max(notes);
            VolumeAction::CreatePool { group, name, uuid, extents: wanted, metadata: notes * serial.extent, pvs }
        }
        Some(Thin::In(pool)) => {
            let pool = planner.wish.node(pool).and_then(|node| node.kind.volume()).map(|pool| pool.name.clone());
            let Some(pool) = pool else { return planner.place(id, At::Blocked, Vec::new()) };
            VolumeAction::CreateThin { group, name, uuid, pool, size: wanted * serial.extent }
        }
        None => {
            let (extents, spread, cache) = (wanted, volume.spread, volume.caches.is_some());
            VolumeAction::Create { group, name, uuid, extents, spread, pvs, cache }
        }
    };
    let work = Work { after: serial.last.clone(), touches: volume.pvs.clone(), blank: Vec::new() };
    let step = planner.add(id, "create", Action::Volume(what), Risk::Creates, work);
    serial.last = vec![step.clone()];
    if let Some(Thin::Pool) = volume.thin {
        serial.pools.insert(id.clone());
        thin::promises(planner, id, wanted, serial);
    }
    planner.place(id, At::Made, vec![step]);
}
