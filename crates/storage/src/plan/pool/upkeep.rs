//! What is done to a pool that is imported: devices join, take the places of others, are used whole.

use super::super::planner::{At, Planner, Work};
use super::super::step::{Action, Risk, StepId};
use super::{PoolAction, Seat, datasets, list};
use crate::NodeId;
use crate::facts;
use crate::wish::{Node, Pool, Vdev};

pub(super) fn keep<'a>(
    planner: &mut Planner<'a>,
    node: &'a Node,
    pool: &'a Pool,
    known: &facts::Pool,
    seats: &[(NodeId, Seat<'a>)],
) {
    planner.keep(&node.id, format!("ZFS pool, {}", known.health.to_ascii_lowercase()));
    let before = planner.plan.refusals.len();
    for (id, seat) in seats {
        match seat {
            Seat::Ours(_) => planner.keep(id, format!("device of ZFS pool {}", pool.name)),
            Seat::Absent => planner.note(id, format!("it is not there; ZFS pool {} does without", pool.name)),
            Seat::Free | Seat::Someones | Seat::Hidden | Seat::Closed => {}
        }
    }
    let mut after: Vec<StepId> = Vec::new();
    let mut added: Vec<Vdev> = Vec::new();
    for vdev in &pool.vdevs {
        match_up(planner, node, pool, vdev, known, seats, &mut added, &mut after);
    }
    if !added.is_empty() {
        let members: Vec<NodeId> = added.iter().flat_map(|vdev| &vdev.members).cloned().collect();
        let work = Work { after: planner.waits(&members), touches: members.clone(), blank: planner.blank(&members) };
        let what = PoolAction::Add { name: known.name.clone(), vdevs: added };
        after.push(planner.add(&node.id, "add", Action::Pool(what), Risk::Creates, work));
    }
    undeclared(planner, node, known);
    properties(planner, node, pool, known, &mut after);
    expand(planner, node, known, &mut after);
    let at = if planner.plan.refusals.len() > before { At::Blocked } else { At::Made };
    super::place(planner, node, pool, at, &after);
    if matches!(at, At::Made) {
        datasets::keep(planner, node, pool, known);
    }
}

/// One declared vdev and what the pool has of it.
#[expect(clippy::too_many_arguments, reason = "all of it is one comparison")]
fn match_up<'a>(
    planner: &mut Planner<'a>,
    node: &Node,
    pool: &Pool,
    vdev: &Vdev,
    known: &facts::Pool,
    seats: &[(NodeId, Seat<'a>)],
    added: &mut Vec<Vdev>,
    after: &mut Vec<StepId>,
) {
    let seat = |id: &NodeId| seats.iter().find(|(known, _)| known == id).map_or(Seat::Closed, |(_, seat)| *seat);
    let free: Vec<NodeId> = vdev.members.iter().filter(|id| matches!(seat(id), Seat::Free)).cloned().collect();
    if free.is_empty() {
        return shape(planner, node, vdev, known, seats);
    }
    let absent = vdev.members.iter().filter(|id| matches!(seat(id), Seat::Absent)).count();
    if vdev.mode.is_none() {
        return alone(planner, node, pool, vdev, known, free, (added, after));
    }
    let Some(host) = host(vdev, known, seats) else {
        if absent > 0 {
            let reason = format!("a vdev of {} cannot be added before all of them are there", list(&vdev.members));
            return planner.refuse(&node.id, reason, "connect its disks");
        }
        return added.push(Vdev { class: vdev.class, mode: vdev.mode, members: free });
    };
    shape(planner, node, vdev, known, seats);
    // What nobody declares any more gives its place to what is new; what is declared and not there may come back.
    let declared = |member: &facts::PoolMember| {
        member
            .device
            .as_ref()
            .is_some_and(|device| planner.sight.node(device).is_some_and(|id| vdev.members.contains(id)))
    };
    let mut gone: Vec<&facts::PoolMember> =
        host.members.iter().filter(|member| !member.replacing && !declared(member)).collect();
    gone.sort_by_key(|member| member.device.is_some());
    let mut places = gone.iter().skip(absent).map(|member| member.name.clone()).collect::<Vec<_>>().into_iter();
    // What is being filled, or gives its place away, is no device of the mirror by itself.
    let replacing = host.members.iter().any(|member| member.replacing);
    let standing = host.members.iter().find(|member| member.device.is_some() && !member.replacing && declared(member));
    let standing = standing.map(|member| member.name.clone());
    for new in free {
        let work = Work {
            after: planner.waits(std::slice::from_ref(&new)),
            touches: vec![new.clone()],
            blank: planner.blank(std::slice::from_ref(&new)),
        };
        let (verb, what) = match (places.next(), &standing, vdev.mode) {
            (Some(old), ..) => (format!("replace {new}"), PoolAction::Replace { name: known.name.clone(), old, new }),
            (None, Some(to), Some(crate::tree::VdevMode::Mirror)) => {
                let (name, to) = (known.name.clone(), to.clone());
                (format!("attach {new}"), PoolAction::Attach { name, to, new })
            }
            (None, None, Some(crate::tree::VdevMode::Mirror)) if replacing => {
                planner.note(&new, format!("it joins ZFS pool {} once that has filled another device", pool.name));
                continue;
            }
            (None, ..) => {
                let reason = format!("{new} cannot join a vdev of {} of ZFS pool {}", mode(vdev), pool.name);
                planner.refuse(
                    &node.id,
                    reason,
                    "declare a further vdev, or by hand: zpool attach, with ZFS 2.3 or later",
                );
                continue;
            }
        };
        after.push(planner.add(&node.id, &verb, Action::Pool(what), Risk::Creates, work));
    }
}

/// Devices that each stand on their own: what is new takes the place of one that no node is any more, before it adds one.
fn alone(
    planner: &mut Planner,
    node: &Node,
    pool: &Pool,
    vdev: &Vdev,
    known: &facts::Pool,
    free: Vec<NodeId>,
    (added, after): (&mut Vec<Vdev>, &mut Vec<StepId>),
) {
    let declared = |member: &facts::PoolMember| {
        let id = member.device.as_ref().and_then(|device| planner.sight.node(device));
        id.is_some_and(|id| pool.members().any(|declared| declared == id))
    };
    let singles = known.vdevs.iter().filter(|found| found.class == vdev.class && found.mode.is_none());
    let gone = singles.flat_map(|found| &found.members).filter(|member| !member.replacing && !declared(member));
    let mut places = gone.map(|member| member.name.clone()).collect::<Vec<_>>().into_iter();
    for new in free {
        let Some(old) = places.next().filter(|_| vdev.class.vital()) else {
            added.push(Vdev { class: vdev.class, mode: None, members: vec![new] });
            continue;
        };
        let members = std::slice::from_ref(&new);
        let work = Work { after: planner.waits(members), touches: members.to_vec(), blank: planner.blank(members) };
        let (verb, name) = (format!("replace {new}"), known.name.clone());
        let what = Action::Pool(PoolAction::Replace { name, old, new });
        after.push(planner.add(&node.id, &verb, what, Risk::Creates, work));
    }
}

fn mode(vdev: &Vdev) -> &'static str {
    vdev.mode.map_or("single devices", crate::tree::VdevMode::word)
}

/// The vdev of the pool that has devices of the declared one. Devices that each stand on their own have no such.
fn host<'k>(vdev: &Vdev, known: &'k facts::Pool, seats: &[(NodeId, Seat)]) -> Option<&'k facts::Vdev> {
    let ours = |name: &str| {
        seats
            .iter()
            .any(|(id, seat)| matches!(seat, Seat::Ours(device) if device.name == name && vdev.members.contains(id)))
    };
    let has = |found: &&facts::Vdev| {
        found.class == vdev.class && found.members.iter().any(|it| it.device.as_deref().is_some_and(ours))
    };
    vdev.mode.and_then(|_| known.vdevs.iter().find(has))
}

/// Refuses a vdev that keeps data otherwise than declared: ZFS changes that of none.
fn shape(planner: &mut Planner, node: &Node, vdev: &Vdev, known: &facts::Pool, seats: &[(NodeId, Seat)]) {
    let Some(found) = host(vdev, known, seats) else { return };
    let wished = vdev.mode.map(crate::tree::VdevMode::word);
    // A single device becomes a mirror when another is attached to it.
    let grows = found.mode.is_none() && wished == Some("mirror");
    if found.mode.as_deref() != wished && !grows {
        let is = found.mode.as_deref().unwrap_or("single devices");
        let reason =
            format!("{} are {is} in ZFS pool {}, and {} is declared", list(&vdev.members), known.name, mode(vdev));
        planner.refuse(
            &node.id,
            reason,
            "declare it as it is; ZFS changes no vdev's mode, only a new pool has another",
        );
    }
}

/// The devices whose places this plan gives to others.
fn replaced(planner: &Planner) -> Vec<String> {
    let old = |what: &Action| match what {
        Action::Pool(PoolAction::Replace { old, .. }) => Some(old.clone()),
        _ => None,
    };
    planner.plan.steps.iter().filter_map(|step| old(&step.what)).collect()
}

/// Devices that nobody declares stay: taking one out is for a person to say.
fn undeclared(planner: &mut Planner, node: &Node, known: &facts::Pool) {
    let replaced = replaced(planner);
    for member in known.members().filter(|member| !member.replacing && !replaced.contains(&member.name)) {
        let Some(device) = &member.device else { continue };
        if planner.sight.node(device).is_none() {
            let text = format!(
                "the pool has a device that is not declared: `zpool detach {0} {1}` or `zpool remove {0} {1}` takes it out",
                known.name, member.name
            );
            planner.note(&node.id, text);
        }
    }
}

fn properties(planner: &mut Planner, node: &Node, pool: &Pool, known: &facts::Pool, after: &mut Vec<StepId>) {
    let differs =
        pool.properties.iter().filter(|(key, value)| !datasets::same(Some(value), known.properties.get(*key)));
    let properties: std::collections::BTreeMap<String, String> =
        differs.map(|(key, value)| (key.clone(), value.clone())).collect();
    if !properties.is_empty() {
        let work = Work { after: after.clone(), ..Work::default() };
        let what = PoolAction::SetPool { name: known.name.clone(), properties };
        after.push(planner.add(&node.id, "set pool", Action::Pool(what), Risk::None, work));
    }
}

/// Devices that have grown are used whole once ZFS is told.
fn expand(planner: &mut Planner, node: &Node, known: &facts::Pool, after: &mut Vec<StepId>) {
    let room = known.properties.get("expandsize").and_then(|bytes| bytes.parse::<u64>().ok()).unwrap_or(0);
    if room == 0 {
        return;
    }
    let serving = known.vdevs.iter().filter(|vdev| vdev.class.vital());
    // What gives its place away may be gone by then.
    let replaced = replaced(planner);
    let stays = |member: &&facts::PoolMember| member.device.is_some() && !replaced.contains(&member.name);
    let members = serving.flat_map(|vdev| &vdev.members).filter(stays);
    let what =
        PoolAction::Expand { name: known.name.clone(), members: members.map(|member| member.name.clone()).collect() };
    let work = Work { after: after.clone(), ..Work::default() };
    after.push(planner.add(&node.id, "expand", Action::Pool(what), Risk::Grows, work));
}
