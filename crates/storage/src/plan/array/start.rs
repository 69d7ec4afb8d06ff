//! An array that does not run: it is made, or started, or, where it was cut off while something was being written and
//! members were missing, started by force if that is asked for.

use super::{ArrayAction, Seat, absent, blank, of, stranger, strangers, waits};
use crate::NodeId;
use crate::facts::{self, Content, Facts, Standing, Start};
use crate::plan::Sight;
use crate::plan::planner::{At, Planner, Work};
use crate::plan::step::{Action, Risk};
use crate::wish::{Array, Node};
use std::fmt::Write as _;

/// The array does not run: it is made, or started.
pub(super) fn plan<'a>(
    planner: &mut Planner<'a>,
    node: &'a Node,
    array: &'a Array,
    known: Option<&facts::Array>,
    seats: &[(&'a NodeId, Seat<'a>)],
) {
    let gone = of(seats, |seat| matches!(seat, Seat::Absent | Seat::Dead));
    // One that is yet to be seen may be a member: without it the array would start as if it were missing.
    if seats.iter().any(|(id, _)| matches!(planner.site(id).at, At::Hidden)) {
        return planner.place(&node.id, At::Hidden, Vec::new());
    }
    let standing = standing(planner.facts, &planner.sight, &node.id, array);
    let (wanted, active, needed) = (standing.wanted(), standing.active(), standing.needed(array.level));
    // Where nothing is kept twice, the journal alone knows of an array that it was never made.
    let begun = seats.iter().all(|(id, seat)| is_begun(planner, id, seat));
    let ran = standing.ran(array.level) && (array.level.redundant() || !begun);
    // Enough to run, if it ever did. What was cut between the members of one making does not: it is dirty and degraded.
    let cut = !ran && active < wanted && begun;
    match standing.start(array.level) {
        Start::ByForce if !cut => return demand(planner, node, array, known.is_some(), &standing, &gone),
        Start::Starts if !cut => return assemble(planner, node, array, known.is_some(), &standing),
        Start::ByForce | Start::Starts | Start::TooFew => {}
    }
    // Too few to run, and none of them ever did: their making was cut short, and holds nothing.
    if ran {
        let mut reason =
            format!("md/{} has {active} of {wanted} members and does not run with fewer than {needed}", array.name);
        let behind = standing.behind();
        if !behind.is_empty() {
            let behind = absent(planner, &behind.iter().collect::<Vec<_>>());
            let _ =
                write!(reason, "; {behind} fell behind before the others stopped, and lacks what was written since");
        }
        let remedy = format!(
            "connect its disks: {}. If they are dead, what was on the array is lost: only a backup brings it back",
            absent(planner, &gone)
        );
        planner.refuse(&node.id, reason, remedy);
    } else if !gone.is_empty() {
        let reason = format!("md/{} cannot be made without {}", array.name, absent(planner, &gone));
        planner.refuse(&node.id, reason, "connect the disk, or correct what the fleet says of it");
    }
    let closed = seats.iter().any(|(_, seat)| matches!(seat, Seat::Closed));
    if ran || closed || !gone.is_empty() {
        planner.place(&node.id, At::Blocked, Vec::new());
        return;
    }
    create(planner, node, array, known.is_some(), &seats.iter().map(|(id, _)| *id).collect::<Vec<_>>());
}

/// What all members say that are there. One that is declared no more may be serving until a new one is filled: it counts, or
/// redundancy would be lost.
pub(crate) fn standing(facts: &Facts, sight: &Sight<'_>, node: &NodeId, array: &Array) -> Standing<NodeId> {
    let ours = |content: &Content| matches!(content, Content::Member { array: of, .. } if *of == array.uuid);
    let declared = array.members.iter().chain(&array.spares);
    let declared = declared.filter_map(|id| Some((id.clone(), &sight.device(id)?.content)));
    let strange = strangers(facts, sight, array.uuid, None).into_iter();
    let strange = strange.map(|device| (stranger(node, facts, device), &device.content));
    Standing::new(declared.filter(|(_, content)| ours(content)).chain(strange))
}

/// Is this one of the members that a making was writing to, as the journal has it?
fn is_begun(planner: &Planner, id: &NodeId, seat: &Seat) -> bool {
    let begun = || planner.consent.begun.iter().find(|begun| begun.node == *id);
    matches!(seat, Seat::Free | Seat::Member(_)) && begun().is_some_and(|it| it.is_here(planner.wish, &planner.sight))
}

fn create<'a>(planner: &mut Planner<'a>, node: &'a Node, array: &'a Array, begun: bool, all: &[&'a NodeId]) {
    let what = ArrayAction::Create {
        name: array.name.clone(),
        level: array.level,
        metadata: array.metadata,
        uuid: array.uuid,
        members: array.members.clone(),
        spares: array.spares.clone(),
        stop: begun,
    };
    let touches = all.iter().map(|id| (*id).clone()).collect();
    let work = Work { after: waits(planner, all), touches, blank: blank(planner, all) };
    let step = planner.add(&node.id, "create", Action::Array(what), Risk::Creates, work);
    planner.place(&node.id, At::Made, vec![step]);
}

fn assemble(planner: &mut Planner<'_>, node: &Node, array: &Array, begun: bool, standing: &Standing<NodeId>) {
    let there = standing.all();
    let missing = standing.missing();
    if missing > 0 {
        planner.note(&node.id, format!("md/{} starts with {missing} of its members missing", array.name));
    }
    let what = ArrayAction::Assemble {
        name: array.name.clone(),
        uuid: array.uuid,
        members: there.clone(),
        missing,
        stop: begun,
    };
    let work = Work { after: waits(planner, &there.iter().collect::<Vec<_>>()), ..Work::default() };
    let step = planner.add(&node.id, "assemble", Action::Array(what), Risk::None, work);
    planner.place(&node.id, At::Hidden, vec![step]);
}

/// It starts only by force, which only a person may ask for.
fn demand(
    planner: &mut Planner<'_>,
    node: &Node,
    array: &Array,
    begun: bool,
    standing: &Standing<NodeId>,
    gone: &[&NodeId],
) {
    let missing = standing.missing();
    let there = standing.latest();
    if !planner.consent.force_start.contains(&node.id) {
        let behind = standing.behind();
        let without: Vec<&NodeId> = gone.iter().copied().chain(&behind).collect();
        let reason = format!(
            "md/{} was cut off while something was being written and {missing} of its {} members were missing ({}): the \
             kernel does not start it, for what was being written then may be half there",
            array.name,
            standing.wanted(),
            absent(planner, &without),
        );
        let remedy = format!(
            "connect those disks if they were whole when the power went; to start it without them, at the risk of the \
             last writes: --force-start {}",
            node.id
        );
        planner.refuse(&node.id, reason, remedy);
        planner.place(&node.id, At::Blocked, Vec::new());
        return;
    }
    let what =
        ArrayAction::Force { name: array.name.clone(), uuid: array.uuid, members: there.clone(), missing, stop: begun };
    let after = waits(planner, &there.iter().collect::<Vec<_>>());
    let work = Work { after, touches: there, blank: Vec::new() };
    let risk = Risk::MayLose { node: node.id.clone(), what: "what was being written when the power went".into() };
    let step = planner.add(&node.id, "force", Action::Array(what), risk, work);
    planner.place(&node.id, At::Hidden, vec![step]);
}
