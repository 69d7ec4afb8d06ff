//! A partition table of ours that is there: what is missing from it, and what may grow.

use super::hybrid::Extents;
use super::{MIB, TableAction, Wished, attributes, declared, fixed, new_partition, settled, word};
use crate::facts::{Content, Device, Partition as Found};
use crate::plan::planner::{At, Planner, Site, Work};
use crate::plan::step::{Action, Risk, StepId};
use crate::tree::TableKind;
use crate::wish::{Node, Partition};
use crate::{Extent, Size};

/// The table is ours: every partition is kept, made, or grown.
pub(super) fn complete<'a>(
    planner: &mut Planner<'a>,
    node: &'a Node,
    disk: &'a Device,
    base: &Site,
    wished: &Wished<'a>,
) {
    planner.keep(&node.id, word(wished.kind));
    let facts = planner.facts;
    let mut there: Vec<(&Device, &Found)> = facts
        .children(&disk.name)
        .filter_map(|device| device.partition.as_ref().map(|found| (device, found)))
        .collect();
    there.sort_by_key(|(_, found)| found.start);
    let mut taken: Vec<(u64, u64)> = there.iter().map(|(_, found)| (found.start, found.start + found.size)).collect();
    let mut numbers: Vec<u32> = there.iter().map(|(_, found)| found.number).collect();
    let Content::Table { first, end, .. } = disk.content else { return };
    let mut last: Option<StepId> = None;
    let mut known = Vec::new();
    let mut ready = Vec::new();
    let mut extents = Extents::new();
    for (id, partition) in declared(planner, wished) {
        let waits = |last: &Option<StepId>| base.after.iter().cloned().chain(last.clone()).collect::<Vec<_>>();
        if let Some(device) = planner.sight.device(id) {
            known.push(device.name.as_str());
            let Some(found) = &device.partition else { continue };
            last = attributes::plan(planner, (node, id), partition, found, waits(&last)).or(last);
            extents.insert(id.clone(), (found.start, found.size));
            let behind =
                taken.iter().map(|(start, _)| *start).filter(|start| *start > found.start).min().unwrap_or(end);
            match resize(partition, found, behind) {
                Resize::Keep => {
                    planner.keep(id, format!("partition of {}", Size(found.size)));
                    ready.push((id, At::Here(device)));
                }
                Resize::Grow(size) => {
                    // What is added has no place where this one grows to.
                    taken.push((found.start, size.map_or(behind, |size| found.start + size)));
                    match size {
                        Some(size) => extents.insert(id.clone(), (found.start, size)),
                        None => extents.remove(id),
                    };
                    let what =
                        TableAction::Grow { disk: node.id.clone(), partition: id.clone(), number: found.number, size };
                    let work = Work { after: waits(&last), touches: vec![node.id.clone()], blank: Vec::new() };
                    let step = planner.add(id, "grow", Action::Table(what), Risk::Grows, work);
                    last = Some(step.clone());
                    planner.place(id, At::Hidden, vec![step]);
                }
                Resize::Refuse(reason, remedy) => {
                    planner.refuse(id, reason, remedy);
                    planner.place(id, At::Blocked, Vec::new());
                }
            }
            continue;
        }
        if let Some((start, size)) = gap(first, end, &mut taken, partition) {
            let lowest = (1..=128).find(|number| !numbers.contains(number)).unwrap_or(partition.number);
            let number = if numbers.contains(&partition.number) && wished.kind == TableKind::Gpt {
                lowest
            } else {
                partition.number
            };
            numbers.push(number);
            extents.insert(id.clone(), (start, size));
            let new = new_partition(id, partition, Some(size));
            let what = TableAction::Add { disk: node.id.clone(), table: wished.kind, partition: new, number, start };
            let work = Work { after: waits(&last), touches: vec![node.id.clone()], blank: Vec::new() };
            let step = planner.add(id, "partition", Action::Table(what), Risk::Creates, work);
            last = Some(step);
            ready.push((id, At::Made));
        } else {
            planner.refuse(
                id,
                format!("no free space of {} is left on {}", partition.size, node.id),
                "declare it smaller",
            );
            planner.place(id, At::Blocked, Vec::new());
        }
    }
    let after = base.after.iter().cloned().chain(last.clone()).collect();
    let last = super::hybrid::plan(planner, node, disk, wished, &extents, after).or(last);
    // While a table is written, the kernel may take all of its partitions away, and give them back.
    let settled = last.filter(|_| !ready.is_empty()).map(|last| settled(planner, node, last));
    for (id, at) in ready {
        planner.place(id, at, base.after.iter().cloned().chain(settled.clone()).collect());
    }
    let foreign = there.iter().filter(|(device, _)| !known.contains(&device.name.as_str())).count();
    if foreign > 0 {
        planner.note(&node.id, format!("{foreign} partition(s) that are not declared are left alone"));
    }
}

enum Resize {
    Keep,
    Grow(Option<u64>),
    Refuse(String, String),
}

/// What becomes of a partition that is there; `behind` is where the next one, or the end of the table, begins.
fn resize(wished: &Partition, found: &Found, behind: u64) -> Resize {
    let free = behind.saturating_sub(found.start + found.size);
    match fixed(wished) {
        // The last MiB may be lost to alignment.
        None if wished.size == Extent::End && free >= 2 * MIB => Resize::Grow(None),
        None => Resize::Keep,
        Some(size) if size < found.size => Resize::Refuse(
            format!("it has {}, and shrinking to {} is never done", Size(found.size), Size(size)),
            format!("declare `size = \"{}\"`", Size(found.size).exact()),
        ),
        Some(size) if size == found.size => Resize::Keep,
        Some(size) if size - found.size <= free => Resize::Grow(Some(size)),
        Some(size) => Resize::Refuse(
            format!(
                "it has {}, and behind it only {} are free: it cannot grow to {}",
                Size(found.size),
                Size(free),
                Size(size)
            ),
            format!("declare `size = \"{}\"`", Size(found.size).exact()),
        ),
    }
}

/// Free space for a partition: the first that is large enough; for what takes the rest, the largest.
fn gap(first: u64, end: u64, taken: &mut Vec<(u64, u64)>, partition: &Partition) -> Option<(u64, u64)> {
    taken.sort_unstable();
    let mut gaps = Vec::new();
    let mut from = first;
    for (start, stop) in taken.iter().copied().chain([(end, end)]) {
        let (aligned, stop_at) = (from.div_ceil(MIB) * MIB, start / MIB * MIB);
        if stop_at > aligned {
            gaps.push((aligned, stop_at - aligned));
        }
        from = from.max(stop);
    }
    let largest = gaps.iter().copied().max_by_key(|(_, size)| *size);
    let found = match (fixed(partition), partition.size) {
        (Some(wanted), _) => gaps.iter().copied().find(|(_, size)| *size >= wanted).map(|(start, _)| (start, wanted)),
        (None, Extent::Percent(percent)) => {
            largest.map(|(start, size)| (start, (size / 100 * u64::from(percent) / MIB * MIB).max(MIB)))
        }
        (None, Extent::Size(_) | Extent::End) => largest,
    }?;
    taken.push((found.0, found.0 + found.1));
    Some(found)
}
