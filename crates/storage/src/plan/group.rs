//! Volume groups on real physical volumes: made in one commit, or completed volume by volume.

mod upkeep;

use super::begun::is_lost_pv;
use super::planner::{At, Planner, Work};
use super::sight;
use super::step::{Action, Risk, StepId};
use super::volume::VolumeAction;
use crate::facts::{self, Content, Device};
use crate::identity::lvm;
use crate::wish::{CacheKind, Group, Holds, Kind, Node, Volume};
use crate::{Extent, Name, NodeId};
use cmd::Cmd;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

pub(super) const CREATE: &str = concat!(include_str!("pv.sh"), include_str!("group.sh"));
pub(super) const ACTIVATE: &str = include_str!("activate.sh");
pub(super) const CREATE_PV: &str = concat!(include_str!("pv.sh"), "physical_volume \"$@\"\n");
pub(super) const IDENTIFY: &str = include_str!("identify.sh");

/// What is done to a group.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupAction {
    /// Makes it with all its volumes and their writecaches, in one commit of LVM's metadata.
    Create {
        /// Its name.
        name: Name,
        /// Its UUID in LVM's form.
        uuid: String,
        /// Its physical volumes.
        pvs: Vec<NewPv>,
        /// Its volumes in the order in which they take their space.
        volumes: Vec<NewVolume>,
    },
    /// Adds physical volumes.
    Extend {
        /// Its name.
        name: Name,
        /// What is added.
        pvs: Vec<NewPv>,
    },
    /// Lets a physical volume use all of its device.
    Resize {
        /// Its name.
        name: Name,
        /// The node that holds the physical volume.
        pv: NodeId,
    },
    /// Activates its volumes.
    Activate {
        /// Its name.
        name: Name,
    },
    /// Gives it the derived identity: it was made on our physical volumes without.
    Identify {
        /// Its name.
        name: Name,
        /// Its UUID in LVM's form.
        uuid: String,
    },
}

/// A physical volume that is to be made.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct NewPv {
    /// The node that holds it.
    pub node: NodeId,
    /// Its UUID in LVM's form.
    pub uuid: String,
}

/// A volume that is made with its group.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct NewVolume {
    /// Its name.
    pub name: Name,
    /// Its UUID in LVM's form.
    pub uuid: String,
    /// How large.
    pub size: Extent,
    /// The physical volumes it lies on, by their place in the group's list.
    pub pvs: Vec<usize>,
    /// The identity of LVM's inner volume, if it is cached.
    pub origin: String,
    /// The volume that keeps its writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writecache: Option<Name>,
}

pub(super) fn devices(cmd: Cmd, nodes: &[NodeId]) -> Cmd {
    nodes.iter().fold(cmd, Cmd::device)
}

/// A script of homehive's, as one command; `name` is what its messages begin with.
pub(super) fn script(text: &str, name: &str) -> Cmd {
    Cmd::new("sh").args(["-c", text, name])
}

impl GroupAction {
    /// The group's name.
    pub(super) fn group(&self) -> &Name {
        match self {
            Self::Create { name, .. }
            | Self::Extend { name, .. }
            | Self::Resize { name, .. }
            | Self::Activate { name }
            | Self::Identify { name, .. } => name,
        }
    }

    /// The physical volumes that it makes.
    pub(super) fn new_pvs(&self) -> &[NewPv] {
        match self {
            Self::Create { pvs, .. } | Self::Extend { pvs, .. } => pvs,
            Self::Resize { .. } | Self::Activate { .. } | Self::Identify { .. } => &[],
        }
    }

    pub(super) fn describe(&self) -> String {
        match self {
            Self::Create { name, pvs, volumes, .. } => {
                let shown = volumes.iter().map(|volume| match &volume.writecache {
                    Some(cache) => format!("{} with writecache {cache}", volume.name),
                    None => volume.name.to_string(),
                });
                let shown = shown.collect::<Vec<_>>().join(", ");
                let shown = if shown.is_empty() { shown } else { format!(": {shown}") };
                format!("create volume group {name} on {} physical volumes{shown}", pvs.len())
            }
            Self::Extend { name, pvs } => {
                let shown: Vec<&str> = pvs.iter().map(|pv| pv.node.as_str()).collect();
                format!("extend volume group {name} by {}", shown.join(", "))
            }
            Self::Resize { name, pv } => format!("let volume group {name} use all of {pv}"),
            Self::Activate { name } => format!("activate volume group {name}"),
            Self::Identify { name, .. } => format!("give volume group {name} its identity"),
        }
    }

    pub(super) fn commands(&self) -> Vec<Cmd> {
        match self {
            Self::Create { name, uuid, pvs, volumes } => {
                let cmd = script(CREATE, "group").args([name.as_ref(), uuid]);
                let cmd = pvs.iter().fold(cmd, |cmd, pv| cmd.args(["pv", &pv.uuid]).device(&pv.node));
                let cmd = volumes.iter().fold(cmd, |cmd, volume| {
                    let size = match volume.size {
                        Extent::Size(size) => size.0.to_string(),
                        Extent::Percent(percent) => format!("{percent}%"),
                        Extent::End => "100%".to_owned(),
                    };
                    let pvs = volume.pvs.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
                    let cache = volume.writecache.as_ref().map_or("-", AsRef::as_ref);
                    cmd.args(["lv", volume.name.as_ref(), &volume.uuid, &size, &pvs, &volume.origin, cache])
                });
                vec![cmd]
            }
            Self::Extend { name, pvs } => {
                let create = pvs.iter().map(|pv| script(CREATE_PV, "pv").device(&pv.node).arg(pv.uuid.as_str()));
                let nodes: Vec<NodeId> = pvs.iter().map(|pv| pv.node.clone()).collect();
                let extend = devices(Cmd::new("vgextend").args(["--quiet", name.as_ref()]), &nodes);
                create.chain([extend]).collect()
            }
            Self::Resize { pv, .. } => vec![Cmd::new("pvresize").arg("--quiet").device(pv)],
            Self::Activate { name } => vec![script(ACTIVATE, "activate").arg(name.as_ref())],
            Self::Identify { name, uuid } => vec![script(IDENTIFY, "identify").args([name.as_ref(), "-", uuid])],
        }
    }
}

/// What stands where a physical volume should be.
#[derive(Clone, Copy)]
enum Seat<'a> {
    /// A physical volume of this group.
    Inside(&'a Device),
    /// Nothing, or a physical volume of ours that belongs to no group yet.
    Free,
    /// Only seen when other steps ran.
    Hidden,
    /// Absent or refused.
    Closed,
}

pub(super) fn plan<'a>(planner: &mut Planner<'a>, node: &'a Node, group: &'a Group) {
    let facts = planner.facts;
    let known = sight::our_group(planner.wish, facts, &node.id);
    let hidden = group.pvs.iter().any(|pv| matches!(planner.site(pv).at, At::Hidden));
    let seats: Vec<(&NodeId, Seat)> = group.pvs.iter().map(|pv| (pv, seat(planner, pv, known, hidden))).collect();
    let any = |wanted: fn(&Seat) -> bool| seats.iter().any(|(_, seat)| wanted(seat));
    let verdict = if any(|seat| matches!(seat, Seat::Hidden)) {
        At::Hidden
    } else if let Some(known) = known.filter(|known| known.name == group.name.as_ref()) {
        return upkeep::complete(planner, node, group, known, &seats);
    } else if let Some(known) = known {
        let reason = format!("the group with its identity is called {}", known.name);
        planner.refuse(&node.id, reason, format!("vgrename {} {}", known.name, group.name));
        At::Blocked
    } else if facts.groups.iter().any(|other| other.name == group.name.as_ref()) {
        let reason = format!("another volume group is called {} too", group.name);
        planner.refuse(&node.id, reason, "give that one another name (vgrename by its UUID), or disconnect its disks");
        At::Blocked
    } else if any(|seat| matches!(seat, Seat::Closed | Seat::Inside(_))) || seats.is_empty() {
        At::Blocked
    } else {
        return create(planner, node, group);
    };
    planner.place(&node.id, verdict, Vec::new());
    for volume in &group.volumes {
        planner.place(volume, verdict, Vec::new());
    }
}

/// What stands there; `hidden` if another one of the group is not seen yet.
fn seat<'a>(planner: &mut Planner<'a>, pv: &NodeId, known: Option<&facts::Group>, hidden: bool) -> Seat<'a> {
    let Some(Holds::PhysicalVolume { uuid: wished, .. }) = planner.wish.node(pv).and_then(|node| node.holds.as_ref())
    else {
        return Seat::Closed;
    };
    match planner.site(pv).at {
        At::Made => Seat::Free,
        At::Hidden => Seat::Hidden,
        At::Absent | At::Blocked => Seat::Closed,
        At::Here(device) => match &device.content {
            Content::PhysicalVolume { group: Some(group), .. } if known.is_some_and(|known| known.name == *group) => {
                planner.keep(pv, "physical volume");
                Seat::Inside(device)
            }
            Content::PhysicalVolume { uuid, group: None, .. } if uuid == wished => Seat::Free,
            // What LVM cannot tell by now may stand on that one.
            content if hidden && is_lost_pv(content) => Seat::Hidden,
            _ if planner.vacant(pv, device) && planner.refuse_used(pv, device) => Seat::Closed,
            _ if planner.vacant(pv, device) => Seat::Free,
            _ => {
                planner.refuse_foreign(pv, device);
                Seat::Closed
            }
        },
    }
}

fn waits(planner: &Planner, nodes: &[NodeId]) -> Vec<StepId> {
    nodes.iter().flat_map(|node| planner.site(node).after).collect()
}

fn blank(planner: &Planner, nodes: &[NodeId]) -> Vec<NodeId> {
    let blank = |id: &&NodeId| matches!(planner.site(id).at, At::Here(device) if device.content == Content::Blank);
    nodes.iter().filter(blank).cloned().collect()
}

fn new_pv(planner: &Planner, node: &NodeId) -> Option<NewPv> {
    match &planner.wish.node(node)?.holds {
        Some(Holds::PhysicalVolume { uuid, .. }) => Some(NewPv { node: node.clone(), uuid: uuid.clone() }),
        _ => None,
    }
}

fn volumes<'a>(planner: &Planner<'a>, group: &Group) -> Vec<(&'a NodeId, &'a Volume)> {
    let nodes = group.volumes.iter().filter_map(|id| planner.wish.node(id));
    nodes
        .filter_map(|node| if let Kind::Volume(volume) = &node.kind { Some((&node.id, volume)) } else { None })
        .collect()
}

fn create<'a>(planner: &mut Planner<'a>, node: &'a Node, group: &'a Group) {
    let volumes = volumes(planner, group);
    let name_of = |id: &NodeId| volumes.iter().find(|(node, _)| *node == id).map(|(_, volume)| volume.name.clone());
    let new = volumes.iter().map(|(_, volume)| {
        let cache = volume.cache.as_ref().filter(|cache| cache.kind == CacheKind::Writecache);
        NewVolume {
            name: volume.name.clone(),
            uuid: volume.uuid.clone(),
            size: volume.size,
            pvs: volume.pvs.iter().filter_map(|pv| group.pvs.iter().position(|other| other == pv)).collect(),
            origin: lvm(Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{} origin", volume.uuid).as_bytes())),
            writecache: cache.and_then(|cache| name_of(&cache.node)),
        }
    });
    let pvs = group.pvs.iter().filter_map(|pv| new_pv(planner, pv)).collect();
    // What lvcreate(8) spreads, or makes thin, it makes in a group that is there; volumes take their space in one order, so
    // that with one such volume all wait for another look.
    let later = volumes.iter().any(|(_, volume)| volume.spread.is_some() || volume.thin.is_some());
    let new = if later { Vec::new() } else { new.collect() };
    let what = GroupAction::Create { name: group.name.clone(), uuid: group.uuid.clone(), pvs, volumes: new };
    let work =
        Work { after: waits(planner, &group.pvs), touches: group.pvs.clone(), blank: blank(planner, &group.pvs) };
    let made = planner.add(&node.id, "create", Action::Group(what), Risk::Creates, work);
    planner.place(&node.id, At::Made, vec![made.clone()]);
    if later {
        planner.plan.hidden.push(node.id.clone());
        for (id, _) in &volumes {
            planner.place(id, At::Hidden, vec![made.clone()]);
        }
        return;
    }
    let mut serial = made;
    for (id, volume) in &volumes {
        planner.place(id, At::Made, vec![serial.clone()]);
        if let Some(cache) = &volume.cache
            && let CacheKind::Cache { .. } = cache.kind
            && let Some(name) = name_of(&cache.node)
        {
            serial = attach(planner, id, volume, name, cache.kind, 4096, vec![serial]);
            planner.place(id, At::Made, vec![serial.clone()]);
        }
    }
}

fn attach(
    planner: &mut Planner,
    id: &NodeId,
    volume: &Volume,
    cache: Name,
    kind: CacheKind,
    block: u32,
    after: Vec<StepId>,
) -> StepId {
    let what = VolumeAction::Attach { group: volume.group.clone(), name: volume.name.clone(), cache, kind, block };
    let work = Work { after, touches: vec![id.clone()], blank: Vec::new() };
    planner.add(id, "cache", Action::Volume(what), Risk::Creates, work)
}
