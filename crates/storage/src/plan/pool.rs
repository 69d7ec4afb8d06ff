//! ZFS pools on real devices: made, imported, kept as they are declared, with their filesystems and volumes.
//!
//! What is in a pool shows only once it is imported, so nothing in it is planned before another look.

use super::planner::{At, Planner, Work, shown};
use super::sight::Sight;
use super::step::{Action, Risk, StepId};
use crate::NodeId;
use crate::facts::{self, Content, Device, Facts};
use crate::wish::{Kind, Node, Pool, Wish};
use std::collections::{BTreeMap, BTreeSet};

mod action;
mod datasets;
mod upkeep;

pub use action::PoolAction;

pub(super) const HOST_ID: &str = include_str!("pool/host-id.sh");
pub(super) const EMPTY: &str = include_str!("pool/empty.sh");

/// The property of a dataset that tells of the snapshot that is taken while nothing is in it: what it is called, behind a
/// `@`, or [`PENDING`]. Whoever is below in the pool inherits it, which a probe does not show.
pub(crate) const EMPTY_SNAPSHOT: &str = "homehive:empty";
/// Of one that was made, and not taken yet.
pub(crate) const PENDING: &str = "pending";

fn list<T: ToString>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The imported pool that this one is.
pub(crate) fn ours<'f>(facts: &'f Facts, wished: &Pool) -> Option<&'f facts::Pool> {
    facts.pools.iter().find(|found| wished.is(found))
}

/// Does this device bear the label of the pool, as one that is in it?
pub(crate) fn is_labelled(content: &Content, wished: &Pool) -> bool {
    let Content::PoolMember { guid, mark, gone: false, .. } = content else { return false };
    wished.is_known_by(guid.as_deref(), mark.as_deref())
}

/// The devices of a pool that are there, by what they are as nodes.
pub(super) fn there<'a>(
    wish: &Wish,
    facts: &Facts,
    sight: &Sight<'a>,
    id: &NodeId,
    pool: &Pool,
) -> BTreeMap<NodeId, &'a Device> {
    let known = ours(facts, pool);
    let of = |device: &Device| is_labelled(&device.content, pool) || known.is_some_and(|known| known.has(&device.name));
    let members = wish.node(id).map_or(&[][..], |node| &node.on).iter();
    members.filter_map(|id| Some((id.clone(), sight.device(id).filter(|device| of(device))?))).collect()
}

/// Does the pool that this node is lose a device that it needs, or is it destroyed?
pub(super) fn goes(
    wish: &Wish,
    facts: &Facts,
    sight: &Sight,
    id: &NodeId,
    destroyed: &BTreeSet<String>,
    wiped: impl Fn(&str) -> bool,
) -> bool {
    let Some(pool) = wish.node(id).and_then(|node| node.kind.pool()) else { return false };
    ours(facts, pool).is_some_and(|known| destroyed.contains(&known.name))
        || there(wish, facts, sight, id, pool).values().any(|device| wiped(&device.name))
}

/// What stands where a device of the pool should be.
#[derive(Clone, Copy, Debug)]
enum Seat<'a> {
    /// A device of this pool.
    Ours(&'a Device),
    /// The device of a cache or a spare, of some pool that is not imported.
    Someones,
    /// Nothing.
    Free,
    /// It is not there.
    Absent,
    /// It can be seen only later.
    Hidden,
    /// It is refused.
    Closed,
}

pub(super) fn plan<'a>(planner: &mut Planner<'a>, node: &'a Node, pool: &'a Pool) {
    let known = ours(planner.facts, pool);
    let seats: Vec<(NodeId, Seat)> = pool.members().map(|id| (id.clone(), seat(planner, id, pool, known))).collect();
    let of = |wanted: fn(&Seat) -> bool| -> Vec<NodeId> {
        seats.iter().filter(|(_, seat)| wanted(seat)).map(|(id, _)| id.clone()).collect()
    };
    if !of(|seat| matches!(seat, Seat::Closed)).is_empty() {
        return place(planner, node, pool, At::Blocked, &[]);
    }
    // One that is yet to be seen may be a device of it: without it the pool would be taken for one that has lost it.
    if !of(|seat| matches!(seat, Seat::Hidden)).is_empty() {
        return place(planner, node, pool, At::Hidden, &[]);
    }
    if taken(planner, node, pool, known) {
        return place(planner, node, pool, At::Blocked, &[]);
    }
    let there = of(|seat| matches!(seat, Seat::Ours(_)));
    let absent = of(|seat| matches!(seat, Seat::Absent));
    if there.is_empty() && known.is_none() {
        let strange = of(|seat| matches!(seat, Seat::Someones));
        if let Some(id) = strange.first() {
            if let At::Here(device) = planner.site(id).at {
                planner.refuse_foreign(id, device);
            }
            return place(planner, node, pool, At::Blocked, &[]);
        }
        if absent.is_empty() {
            return create(planner, node, pool, Risk::Creates, None);
        }
        let reason = format!("the pool cannot be made without {}", list(&absent));
        planner.refuse(&node.id, reason, "connect the disk, or correct what the fleet says of it");
        return place(planner, node, pool, At::Blocked, &[]);
    }
    let made = planner.consent.made.contains(&node.id);
    if planner.consent.reinstall && !made && !planner.carries_persistent(&node.id) {
        return anew(planner, node, pool, known, &absent);
    }
    match known {
        Some(known) => upkeep::keep(planner, node, pool, known, &seats),
        None => import(planner, node, pool, &seats),
    }
}

/// What is in the pool is where the pool is.
fn place<'a>(planner: &mut Planner<'a>, node: &Node, pool: &Pool, at: At<'a>, after: &[StepId]) {
    planner.place(&node.id, at, after.to_vec());
    for dataset in pool.datasets.iter().filter(|it| !it.path.is_empty()) {
        planner.place(&node.id.dataset(&dataset.path), at, after.to_vec());
    }
}

/// Refuses a name that another pool has; says whether it did.
fn taken(planner: &mut Planner, node: &Node, pool: &Pool, known: Option<&facts::Pool>) -> bool {
    let other = planner.facts.pools.iter().find(|other| other.name == pool.name.as_ref());
    let reason = match (known, other) {
        (Some(known), _) if known.name != pool.name.as_ref() => {
            format!("it is imported under another name: {}", known.name)
        }
        (None, Some(other)) => {
            format!("another pool of this name is imported, with the GUID {}", other.guid)
        }
        _ => return false,
    };
    let remedy = match known {
        Some(known) => format!("zpool export {0}; zpool import {0} {1}", known.name, pool.name),
        None => format!("zpool export {}, declare another name, or adopt it by its `guid`", pool.name),
    };
    planner.refuse(&node.id, reason, remedy);
    true
}

fn seat<'a>(planner: &mut Planner<'a>, id: &NodeId, pool: &Pool, known: Option<&facts::Pool>) -> Seat<'a> {
    match planner.site(id).at {
        At::Made => Seat::Free,
        At::Absent => Seat::Absent,
        At::Hidden => Seat::Hidden,
        At::Blocked => Seat::Closed,
        At::Here(device) if known.is_some_and(|known| known.has(&device.name)) => Seat::Ours(device),
        At::Here(device) if is_labelled(&device.content, pool) && known.is_none() => Seat::Ours(device),
        // What bears its label and is not in it, while it is imported, was taken out, or failed.
        At::Here(device) if is_labelled(&device.content, pool) => {
            planner.note(id, format!("it bears the label of {}, which does without it", pool.name));
            Seat::Absent
        }
        At::Here(device) if known.is_none() && matches!(device.content, Content::PoolMember { pool: None, .. }) => {
            Seat::Someones
        }
        At::Here(device) if planner.vacant(id, device) => {
            if planner.refuse_used(id, device) {
                Seat::Closed
            } else {
                Seat::Free
            }
        }
        At::Here(device) if device.content == Content::Unreadable => Seat::Absent,
        At::Here(device) => {
            planner.refuse_foreign(id, device);
            Seat::Closed
        }
    }
}

/// The number of the machine that is being made, where this one is only its installer.
fn host_id(planner: &Planner, pool: &Pool) -> Option<String> {
    (planner.plan.target != "/").then(|| pool.host_id.clone())
}

fn create(planner: &mut Planner, node: &Node, pool: &Pool, risk: Risk, destroy: Option<String>) {
    let members: Vec<NodeId> = pool.members().cloned().collect();
    let Some((root, below)) = pool.datasets.split_first() else { return };
    let what = PoolAction::Create {
        name: pool.name.to_string(),
        mark: pool.mark.clone(),
        vdevs: pool.vdevs.clone(),
        properties: pool.properties.clone(),
        root: Box::new(root.clone()),
        host_id: host_id(planner, pool),
        destroy,
    };
    let work = Work { after: planner.waits(&members), touches: members.clone(), blank: planner.blank(&members) };
    let made = planner.add(&node.id, "create", Action::Pool(what), risk, work);
    planner.place(&node.id, At::Made, vec![made]);
    for dataset in below {
        datasets::create(planner, node, pool, dataset);
    }
}

/// A reinstall makes it anew.
fn anew(planner: &mut Planner, node: &Node, pool: &Pool, known: Option<&facts::Pool>, absent: &[NodeId]) {
    let used = known.and_then(|known| user(planner, known));
    if let Some(user) = used {
        let remedy = "unmount it, or boot the installer";
        planner.refuse(&node.id, format!("it is to be made anew, and is {user}"), remedy);
        return place(planner, node, pool, At::Blocked, &[]);
    }
    if let Some(id) = absent.first() {
        planner.refuse(id, "the pool is to be made anew, and this device is not there", "connect its disk");
        return place(planner, node, pool, At::Blocked, &[]);
    }
    let mut nodes: Vec<NodeId> = std::iter::once(&node.id).chain(pool.members()).cloned().collect();
    nodes.extend(planner.wish.above(&node.id));
    let risk = Risk::Destroys { nodes, what: format!("ZFS pool {}", pool.name) };
    create(planner, node, pool, risk, known.map(|known| known.name.clone()));
}

/// Who uses anything in a pool.
pub(super) fn user(planner: &Planner, known: &facts::Pool) -> Option<String> {
    let mounted = known.datasets.iter().find_map(|dataset| dataset.mounts.first());
    let volumes = planner.facts.devices.iter().filter(|device| {
        let begins = format!("/dev/zvol/{}/", known.name);
        device.links.iter().any(|link| link.starts_with(&begins))
    });
    mounted.map(|at| format!("mounted on {at}")).or_else(|| volumes.into_iter().find_map(|it| planner.facts.used(it)))
}

/// Imports it, unless too much of it is missing.
fn import<'a>(planner: &mut Planner<'a>, node: &'a Node, pool: &Pool, seats: &[(NodeId, Seat<'a>)]) {
    let missing = |id: &&NodeId| seats.iter().any(|(seat, is)| seat == *id && !matches!(is, Seat::Ours(_)));
    for vdev in pool.vdevs.iter().filter(|vdev| vdev.class.vital()) {
        let absent: Vec<&NodeId> = vdev.members.iter().filter(missing).collect();
        let may = vdev.mode.map_or(0, |mode| mode.may_lose(vdev.members.len()));
        if absent.len() > may {
            let (count, all) = (vdev.members.len() - absent.len(), vdev.members.len());
            let reason = format!("{count} of {all} devices of a vdev are there, without {}", list(&absent));
            planner.refuse(&node.id, reason, "connect its disks");
            return place(planner, node, pool, At::Blocked, &[]);
        }
    }
    for (id, _) in seats.iter().filter(|(_, seat)| matches!(seat, Seat::Absent)) {
        planner.note(id, format!("it is not there; ZFS pool {} does without", pool.name));
    }
    let there: Vec<(NodeId, &Device)> = seats
        .iter()
        .filter_map(|(id, seat)| if let Seat::Ours(device) = seat { Some((id.clone(), *device)) } else { None })
        .collect();
    let named = there.iter().find_map(|(id, device)| match &device.content {
        Content::PoolMember { guid: Some(guid), pool: Some(name), .. } => Some((id, guid.clone(), name.clone())),
        _ => None,
    });
    let Some((at, guid, name)) = named else { return place(planner, node, pool, At::Blocked, &[]) };
    if name != pool.name.as_ref() {
        let reason = format!("{at} holds the pool under another name: {name}");
        planner.refuse(&node.id, reason, format!("zpool import {name} {}", pool.name));
        return place(planner, node, pool, At::Blocked, &[]);
    }
    for (id, device) in &there {
        planner.keep(id, shown(&device.content));
    }
    // Those of caches and spares do not say whose they are: if they are its own, it finds them by these.
    let members: Vec<NodeId> = seats
        .iter()
        .filter(|(_, seat)| matches!(seat, Seat::Ours(_) | Seat::Someones))
        .map(|(id, _)| id.clone())
        .collect();
    let volumes = planner.wish.on(&node.id).any(|above| matches!(above.kind, Kind::Zvol(_)));
    let work = Work { after: planner.waits(&members), touches: members.clone(), blank: Vec::new() };
    let host_id = host_id(planner, pool);
    let what = PoolAction::Import { name, guid, members, host_id, volumes };
    let step = planner.add(&node.id, "import", Action::Pool(what), Risk::None, work);
    planner.plan.hidden.push(node.id.clone());
    place(planner, node, pool, At::Hidden, &[step]);
}
