//! What is done to a btrfs that is mounted: devices added, a missing one replaced, grown to what its devices have.

use super::super::filesystem::WORTH;
use super::super::planner::{Planner, Work};
use super::super::step::{Action, Risk, StepId};
use super::{BtrfsAction, Known, Seat};
use crate::NodeId;
use crate::Size;
use crate::tree::Profile;

/// Where a filesystem is mounted, or will be, and the step that mounts it.
fn place(planner: &Planner, known: &Known) -> Option<(String, Option<StepId>)> {
    let devices =
        known.seats.iter().filter_map(|(_, seat)| if let Seat::Ours(device) = seat { Some(*device) } else { None });
    let mounted = devices.flat_map(|device| planner.facts.mounts_of(device)).find(|mount| !mount.read_only);
    if let Some(mount) = mounted {
        return Some((mount.target.clone(), None));
    }
    planner.plan.steps.iter().find_map(|step| match &step.what {
        Action::Mount(mount) if step.node == known.node.id && !mount.options.iter().any(|option| option == "ro") => {
            Some((mount.at.clone(), Some(step.id.clone())))
        }
        _ => None,
    })
}

pub(in super::super) fn upkeep(planner: &mut Planner, known: &Known) {
    let node = &known.node.id;
    let of = |wanted: fn(&Seat) -> bool| -> Vec<NodeId> {
        known.seats.iter().filter(|(_, seat)| wanted(seat)).map(|(id, _)| id.clone()).collect()
    };
    let joins = of(|seat| matches!(seat, Seat::Free | Seat::Begun));
    let absent = of(|seat| matches!(seat, Seat::Absent | Seat::Hidden));
    for id in of(|seat| matches!(seat, Seat::Absent)) {
        planner.note(&id, format!("it is not there; the btrfs of {node} does without"));
    }
    let grown: Vec<(NodeId, u64, u64)> = known
        .seats
        .iter()
        .filter_map(|(id, seat)| {
            let Seat::Ours(device) = seat else { return None };
            let part = known.facts.devices.iter().find(|part| part.device == device.name)?;
            (device.size >= part.size + WORTH).then(|| (id.clone(), part.id, part.size))
        })
        .collect();
    // A device that is declared and not there may come back; what is declared no more does not.
    let forget = known.facts.missing > 0 && absent.is_empty();
    if joins.is_empty() && grown.is_empty() && !forget {
        return converts(planner, known);
    }
    let Some((at, mount)) = place(planner, known) else {
        return planner
            .note(node, "its btrfs gets more devices, or more of them, once it is mounted: apply again then");
    };
    let mut after: Vec<StepId> = mount.into_iter().collect();
    if !joins.is_empty() {
        let work = Work {
            after: after.iter().cloned().chain(planner.waits(&joins)).collect(),
            touches: joins.clone(),
            blank: planner.blank(&joins),
        };
        let what = BtrfsAction::Add { members: joins, at: at.clone() };
        after.push(planner.add(node, "add", Action::Btrfs(what), Risk::Creates, work));
    }
    if forget {
        let work = Work { after: after.clone(), ..Work::default() };
        let what = BtrfsAction::Forget { at: at.clone() };
        after.push(planner.add(node, "forget", Action::Btrfs(what), Risk::None, work));
    }
    for (device, id, spans) in grown {
        if let Some(found) = planner.sight.device(&device) {
            planner.note(&device, format!("the btrfs of {node} spans {} of {}", Size(spans), Size(found.size)));
        }
        let work = Work { after: after.clone(), touches: vec![device.clone()], blank: Vec::new() };
        let what = BtrfsAction::Grow { device: device.clone(), id, at: at.clone() };
        // One after another: btrfs does only one of all these at a time.
        after.push(planner.add(&device, "grow", Action::Btrfs(what), Risk::Grows, work));
    }
    converts(planner, known);
}

/// Data is spread anew only by a person: it takes hours, and reads and writes all there is.
fn converts(planner: &mut Planner, known: &Known) {
    let Some((at, _)) = place(planner, known) else { return };
    let (btrfs, facts) = (known.btrfs, known.facts);
    let differs =
        |wished: Profile, found: &[String]| !found.is_empty() && found.iter().any(|found| found != wished.word());
    if differs(btrfs.data, &facts.data) || differs(btrfs.metadata, &facts.metadata) {
        let text = format!(
            "data is kept as {}, metadata as {}, and {} and {} are declared: `btrfs balance start -dconvert={},soft \
             -mconvert={},soft {}` converts it, which reads and writes all that is on it",
            facts.data.join(" and "),
            facts.metadata.join(" and "),
            btrfs.data,
            btrfs.metadata,
            btrfs.data,
            btrfs.metadata,
            cmd::quote(&at),
        );
        planner.note(&known.node.id, text);
    }
}
