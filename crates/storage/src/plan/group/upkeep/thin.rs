//! Thin pools and the volumes in them: what room a pool takes beside its own, and what its volumes may want of it.

use super::Serial;
use crate::facts;
use crate::plan::planner::{At, Planner};
use crate::wish::{Thin, Volume};
use crate::{NodeId, Size};

/// A pool that is to take the rest of its group is grown by no less than one part of so many: LVM's notes may leave a little.
const PART: u64 = 100;
/// And by no less than so many extents.
const LEAST: u64 = 16;

/// Bytes of LVM's notes on a pool of so many bytes, as LVM has it: 64 for each chunk of 64 KiB, 2 MiB at least, and larger
/// chunks rather than more than 128 MiB (lvmthin(7), and LVM's `thin_manip.c`).
fn notes(bytes: u64) -> u64 {
    (bytes / 1024).clamp(2 << 20, 128 << 20)
}

impl Serial {
    /// Extents of LVM's notes on a pool of so many.
    pub(super) fn notes(&self, extents: u64) -> u64 {
        notes(extents.saturating_mul(self.extent)).div_ceil(self.extent)
    }

    /// The extents that a new volume takes of its physical volumes: a pool with its notes, and with LVM's spare for the notes
    /// of any pool, which is as large as the largest.
    pub(super) fn takes(&self, volume: &Volume, extents: u64) -> u64 {
        match volume.thin {
            Some(Thin::Pool) => {
                let notes = self.notes(extents);
                extents.saturating_add(notes).saturating_add(notes.saturating_sub(self.spare))
            }
            Some(Thin::In(_)) | None => extents,
        }
    }

    /// The extents that a volume takes to grow; LVM lets the notes of a pool grow with it.
    pub(super) fn takes_more(&self, volume: &Volume, has: u64, wanted: u64) -> u64 {
        let more = wanted.saturating_sub(has);
        match volume.thin {
            Some(Thin::Pool) => more + 2 * (self.notes(wanted) - self.notes(has.min(wanted))),
            Some(Thin::In(_)) | None => more,
        }
    }

    /// As many extents as a volume can be made of where so many are free.
    pub(super) fn within(&self, volume: &Volume, free: u64) -> u64 {
        match volume.thin {
            Some(Thin::Pool) => free.saturating_sub(self.takes(volume, free) - free),
            Some(Thin::In(_)) | None => free,
        }
    }

    /// By how many extents a volume grows that is to have what is free.
    pub(super) fn grows_by(&self, volume: &Volume, has: u64, free: u64) -> u64 {
        match volume.thin {
            Some(Thin::Pool) => {
                let more = free.saturating_sub(2 * (self.notes(has + free) - self.notes(has)));
                if more < LEAST.max(has / PART) { 0 } else { more }
            }
            Some(Thin::In(_)) | None => free,
        }
    }
}

/// Can this volume be made or grown now, as far as its pool goes? If not, it is where its pool is.
pub(super) fn ready(planner: &mut Planner, id: &NodeId, volume: &Volume, serial: &Serial) -> bool {
    let Some(Thin::In(pool)) = &volume.thin else { return true };
    if serial.pools.contains(pool) {
        return true;
    }
    let at = match planner.site(pool).at {
        At::Hidden => At::Hidden,
        At::Here(_) | At::Made | At::Absent | At::Blocked => At::Blocked,
    };
    if matches!(at, At::Hidden) && !planner.plan.hidden.contains(pool) {
        planner.plan.hidden.push(pool.clone());
    }
    planner.place(id, at, serial.last.clone());
    false
}

/// Says that the volumes of a pool may want more than it has.
pub(super) fn promises(planner: &mut Planner, id: &NodeId, extents: u64, serial: &Serial) {
    let wanted = serial.promised.get(id).copied().unwrap_or_default();
    let has = extents.saturating_mul(serial.extent);
    if wanted > has {
        let text = format!("its volumes may want {} together, and it has {}", Size(wanted), Size(has));
        planner.note(id, format!("{text}: `disks status` says how full it is"));
    }
}

/// Bytes that the volumes of each pool may want.
pub(super) fn promised<'a>(volumes: impl Iterator<Item = &'a Volume>) -> std::collections::BTreeMap<NodeId, u64> {
    let mut promised = std::collections::BTreeMap::new();
    for volume in volumes {
        if let (Some(Thin::In(pool)), crate::Extent::Size(size)) = (&volume.thin, volume.size) {
            let sum: &mut u64 = promised.entry(pool.clone()).or_default();
            *sum = sum.saturating_add(size.0);
        }
    }
    promised
}

/// Extents of LVM's spare for the notes of pools.
pub(super) fn spare(known: &facts::Group) -> u64 {
    let spares = known.volumes.iter().filter(|volume| volume.hidden && volume.name.ends_with("_pmspare"));
    spares.map(|volume| volume.size / known.extent.max(1)).max().unwrap_or_default()
}

/// Why a volume that is there is not the declared one, if it is of another sort, or in another pool. What is declared without
/// a type is left as it is, unless it is a pool: in that are volumes.
pub(super) fn mistaken(volume: &Volume, found: &facts::Volume, other: Option<&str>) -> Option<String> {
    let wished = match (&volume.thin, volume.spread) {
        (Some(thin), _) => thin.segment(),
        (None, Some(spread)) => spread.word(),
        (None, None) => "linear",
    };
    let pool = match &volume.thin {
        Some(Thin::In(pool)) => pool.as_str().rsplit('.').next(),
        Some(Thin::Pool) | None => None,
    };
    match (other, pool, found.pool.as_deref()) {
        (Some(other), _, _) if wished != "linear" || other == Thin::Pool.segment() => {
            Some(format!("it is {other}, not {wished}"))
        }
        (None, Some(pool), Some(in_pool)) if pool != in_pool => {
            Some(format!("it lies in pool {in_pool}, not in {pool}"))
        }
        _ => None,
    }
}
