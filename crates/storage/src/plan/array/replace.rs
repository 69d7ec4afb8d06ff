//! A member that is whole and declared no more makes room for a new one: the new one is filled while the old one serves, so
//! that no redundancy is lost meanwhile; then the old one is let go.

use super::{ArrayAction, Seat, absent, blank, of, waits};
use crate::NodeId;
use crate::facts::{self, Content, Device, DeviceKind, Facts, MemberState};
use crate::plan::Sight;
use crate::plan::planner::{Planner, Work};
use crate::plan::sight::describe;
use crate::plan::step::{Action, Risk, StepId};
use crate::wish::{Array, Node};

/// The word for a member that no node is: by what its disk is known by, never by its kernel name.
pub(in crate::plan) fn stranger(array: &NodeId, facts: &Facts, device: &Device) -> NodeId {
    let known = match device.kind {
        DeviceKind::Disk => describe(device),
        DeviceKind::Partition => {
            let number = device.partition.as_ref().map(|it| it.number.to_string()).unwrap_or_default();
            let disk = device.parents.first().and_then(|disk| facts.device(disk));
            format!("partition {number} of {}", describe(disk.unwrap_or(device)))
        }
        // Their paths are names, and stay.
        DeviceKind::Array | DeviceKind::Volume | DeviceKind::Crypt | DeviceKind::Zvol | DeviceKind::Other => {
            device.path.clone()
        }
    };
    format!("{array} member {known}").as_str().into()
}

/// The members of a running array that no node is, and those of one that does not run.
pub(in crate::plan) fn strangers<'f>(
    facts: &'f Facts,
    sight: &Sight<'_>,
    array: uuid::Uuid,
    known: Option<&facts::Array>,
) -> Vec<&'f Device> {
    let serves = |device: &Device| match known.filter(|known| known.active) {
        Some(known) => known.members.iter().any(|member| member.device == device.name),
        None => matches!(device.content, Content::Member { array: of, .. } if of == array),
    };
    facts.devices.iter().filter(|device| sight.node(&device.name).is_none() && serves(device)).collect()
}

/// Pairs members that are declared no more with those that are to take their places, which it takes out of `joins`.
pub(super) fn plan<'a>(
    planner: &mut Planner<'a>,
    node: &'a Node,
    array: &'a Array,
    known: &facts::Array,
    seats: &[(&'a NodeId, Seat<'a>)],
    joins: &mut Vec<&'a NodeId>,
) -> Vec<StepId> {
    let facts = planner.facts;
    let state = |device: &Device| known.members.iter().find(|member| member.device == device.name);
    let is = |device: &Device, wanted: MemberState| state(device).is_some_and(|member| member.state == wanted);
    let strangers = strangers(facts, &planner.sight, array.uuid, Some(known));
    // The place of one that is being filled already is taken.
    let taken = |device: &Device| {
        let slot = state(device).and_then(|member| member.slot);
        known.members.iter().any(|other| other.state == MemberState::Replacing && other.slot == slot)
    };
    let whole: Vec<&Device> =
        strangers.iter().filter(|device| is(device, MemberState::InSync) && !taken(device)).copied().collect();
    // New ones, and those that were added and wait since a cut.
    let stands_by = |(id, seat): &&(&'a NodeId, Seat<'a>)| {
        array.members.contains(id) && matches!(seat, Seat::Member(device) if is(device, MemberState::Spare))
    };
    let waiting: Vec<&NodeId> = seats.iter().filter(stands_by).map(|(id, _)| *id).collect();
    let news: Vec<&NodeId> =
        waiting.iter().chain(joins.iter()).copied().filter(|id| array.members.contains(id)).collect();
    let mut steps: Vec<StepId> = Vec::new();
    for (old, new) in whole.iter().zip(&news) {
        let add = joins.contains(new);
        joins.retain(|id| id != new);
        let what = ArrayAction::Replace {
            name: array.name.clone(),
            old: stranger(&node.id, facts, old),
            new: (*new).clone(),
            add,
        };
        let blank = if add { blank(planner, &[*new]) } else { Vec::new() };
        let after = waits(planner, &[*new]).into_iter().chain(steps.last().cloned()).collect();
        let work = Work { after, touches: vec![(*new).clone()], blank };
        let verb = format!("replace-{new}");
        steps.push(planner.add(&node.id, &verb, Action::Array(what), Risk::Creates, work));
    }
    if whole.len() > news.len() {
        let gone = of(seats, |seat| matches!(seat, Seat::Absent | Seat::Dead));
        let old: Vec<String> = whole.iter().skip(news.len()).map(|old| describe(old)).collect();
        let text =
            format!("{} serves in the place of {}, and is declared no more", old.join(", "), absent(planner, &gone));
        planner.note(&node.id, text);
    }
    let failed = strangers.iter().any(|device| is(device, MemberState::Faulty));
    if failed && joins.is_empty() && steps.is_empty() {
        let what = ArrayAction::Release { name: array.name.clone() };
        steps.push(planner.add(&node.id, "release", Action::Array(what), Risk::None, Work::default()));
    }
    steps
}
