//! md arrays on real members: created, assembled, and made whole again.

use super::planner::{At, Planner, Work};
use super::step::{Action, Risk, StepId, settle};
use crate::facts::{self, Content, Device, MemberState};
use crate::identity::md;
use crate::tree::Level;
use crate::wish::{Array, Kind, Node};
use crate::{Name, NodeId};
use cmd::Cmd;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// What is done to an array.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArrayAction {
    /// Makes it.
    Create {
        /// Its name.
        name: Name,
        /// Its level.
        level: Level,
        /// Its UUID.
        uuid: Uuid,
        /// Members by slot.
        members: Vec<NodeId>,
        /// Spares.
        spares: Vec<NodeId>,
        /// Has the kernel begun it without being able to run it? Then it is stopped first.
        stop: bool,
    },
    /// Starts it from members that are there.
    Assemble {
        /// Its name.
        name: Name,
        /// Its UUID.
        uuid: Uuid,
        /// Members and spares that are there.
        members: Vec<NodeId>,
        /// How many are missing.
        missing: usize,
        /// Has the kernel begun it without being able to run it? Then it is stopped first.
        stop: bool,
    },
    /// Adds members: in place of those that failed, or as spares.
    Add {
        /// Its name.
        name: Name,
        /// What is added.
        members: Vec<NodeId>,
        /// Are failed members taken out first?
        replaces: bool,
    },
    /// Spreads the array over more members, which are there as spares by then.
    Reshape {
        /// Its name.
        name: Name,
        /// How many members it has then.
        members: usize,
    },
}

impl ArrayAction {
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Create { name, level, members, spares, .. } => {
                let spares = if spares.is_empty() { String::new() } else { format!(" and {} spare(s)", spares.len()) };
                format!("create {level} md/{name} from {} members{spares}", members.len())
            }
            Self::Assemble { name, members, missing: 0, .. } => {
                format!("assemble md/{name} from {} members", members.len())
            }
            Self::Assemble { name, members, missing, .. } => {
                format!("assemble md/{name} from {} members, {missing} missing", members.len())
            }
            Self::Add { name, members, replaces } => {
                let why = if *replaces { ", in place of what failed" } else { "" };
                format!("add {} to md/{name}{why}", list(members))
            }
            Self::Reshape { name, members } => format!("spread md/{name} over {members} members"),
        }
    }

    pub(super) fn commands(&self, node: &NodeId) -> Vec<Cmd> {
        let devices = |cmd: Cmd, nodes: &[NodeId]| nodes.iter().fold(cmd, Cmd::device);
        let mdadm = || Cmd::new("mdadm");
        let stop = |stop: &bool| stop.then(|| mdadm().args(["--quiet", "--stop"]).device(begun(node)));
        match self {
            Self::Create { name, level, uuid, members, spares, stop: begun } => {
                // `<none>` is a word of mdadm's: the array's name is then plain, on every host.
                let create = mdadm()
                    .args(["--create", &format!("/dev/md/{name}"), "--run", "--quiet", "--metadata=1.2"])
                    .args(["--homehost=<none>".to_owned(), format!("--name={name}"), format!("--uuid={}", md(*uuid))])
                    .args([format!("--level={}", level.number()), format!("--raid-devices={}", members.len())])
                    .args((!spares.is_empty()).then(|| format!("--spare-devices={}", spares.len())))
                    .args(level.redundant().then_some("--bitmap=internal"));
                // What an earlier array of this shape held must not be taken for the content of this one.
                let link = format!("/dev/md/{name}");
                let wipe = Cmd::new("wipefs").args(["--all", "--quiet", &link]);
                let zero = Cmd::new("blkdiscard").args(["--zeroout", "--length", "1048576", &link]);
                let create = devices(devices(create, members), spares);
                stop(begun).into_iter().chain([create, settle(), wipe, zero]).collect()
            }
            Self::Assemble { name, uuid, members, stop: begun, .. } => {
                let assemble = mdadm().args([
                    "--assemble",
                    "--run",
                    "--quiet",
                    &format!("/dev/md/{name}"),
                    &format!("--uuid={}", md(*uuid)),
                ]);
                stop(begun).into_iter().chain([devices(assemble, members), settle()]).collect()
            }
            Self::Add { members, replaces, .. } => {
                let manage = || mdadm().args(["--manage", "--quiet"]).device(node);
                let out = ["failed", "detached"].map(|which| manage().args(["--remove", which]));
                let out = out.into_iter().filter(|_| *replaces);
                out.chain([devices(manage().arg("--add"), members)]).collect()
            }
            Self::Reshape { members, .. } => {
                vec![mdadm().args(["--grow", "--quiet"]).device(node).arg(format!("--raid-devices={members}"))]
            }
        }
    }
}

/// The word for an array that the kernel has begun and could not run: it has a kernel name only, and loses it when it
/// is stopped.
pub(super) fn begun(node: &NodeId) -> NodeId {
    format!("{node} as begun").as_str().into()
}

fn list(nodes: &[NodeId]) -> String {
    nodes.iter().map(NodeId::as_str).collect::<Vec<_>>().join(", ")
}

/// What stands where a member should be.
enum Seat<'a> {
    /// A member of this array.
    Member(&'a Device, Option<u32>),
    /// Nothing.
    Free,
    /// It is not there.
    Absent,
    /// Refused, or not to be seen yet.
    Closed,
}

pub(super) fn plan<'a>(planner: &mut Planner<'a>, node: &'a Node, array: &'a Array) {
    let facts = planner.facts;
    let known = facts.arrays.iter().find(|known| known.uuid == array.uuid);
    let seats: Vec<(&NodeId, Seat)> =
        array.members.iter().chain(&array.spares).map(|id| (id, seat(planner, id, array))).collect();
    match known.filter(|known| known.active) {
        Some(known) => maintain(planner, node, array, known, &seats),
        None => start(planner, node, array, known, &seats),
    }
}

fn seat<'a>(planner: &mut Planner<'a>, id: &'a NodeId, array: &Array) -> Seat<'a> {
    match planner.site(id).at {
        At::Made => Seat::Free,
        At::Absent => Seat::Absent,
        At::Hidden | At::Blocked => Seat::Closed,
        At::Here(device) => match &device.content {
            Content::Member { array: of, slot, .. } if *of == array.uuid => Seat::Member(device, *slot),
            _ if planner.vacant(id, device) && planner.refuse_used(id, device) => Seat::Closed,
            _ if planner.vacant(id, device) => Seat::Free,
            _ => {
                planner.refuse_foreign(id, device);
                Seat::Closed
            }
        },
    }
}

fn of<'a>(seats: &[(&'a NodeId, Seat<'a>)], wanted: fn(&Seat) -> bool) -> Vec<&'a NodeId> {
    seats.iter().filter(|(_, seat)| wanted(seat)).map(|(id, _)| *id).collect()
}

fn waits(planner: &Planner, members: &[&NodeId]) -> Vec<StepId> {
    members.iter().flat_map(|member| planner.site(member).after).collect()
}

/// The members on which, as the facts say, no signature is to be found.
fn blank(planner: &Planner, members: &[&NodeId]) -> Vec<NodeId> {
    let blank = |id: &&&NodeId| matches!(planner.site(id).at, At::Here(device) if device.content == Content::Blank);
    members.iter().filter(blank).map(|id| (*id).clone()).collect()
}

/// The serial numbers, or other marks, of disks that are not there.
fn absent(planner: &Planner, ids: &[&NodeId]) -> String {
    let shown = ids.iter().map(|id| match planner.wish.node(id).map(|node| &node.kind) {
        Some(Kind::Disk(disk)) => match &disk.serial {
            Some(serial) => format!("{id} (serial {serial})"),
            None => id.to_string(),
        },
        _ => id.to_string(),
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// The array does not run: it is made, or started.
fn start<'a>(
    planner: &mut Planner<'a>,
    node: &'a Node,
    array: &'a Array,
    known: Option<&facts::Array>,
    seats: &[(&'a NodeId, Seat<'a>)],
) {
    let gone = of(seats, |seat| matches!(seat, Seat::Absent));
    let members: Vec<Ours> = seats
        .iter()
        .filter_map(|(id, seat)| if let Seat::Member(device, slot) = seat { Some((*id, *device, *slot)) } else { None })
        .collect();
    let wanted = members.iter().filter_map(|(_, device, _)| devices(device)).max().unwrap_or(0);
    let active = members.iter().filter(|(.., slot)| slot.is_some()).count();
    let needed = wanted.saturating_sub(array.level.may_lose(wanted));
    let ran = members.iter().any(|(_, device, _)| !matches!(device.content, Content::Member { events: 0, .. }));
    // Enough to run, if it ever did. What was cut between the members of one making does not: it is dirty and degraded.
    let cut = !ran && active < wanted && seats.iter().all(|(id, seat)| is_begun(planner, id, seat));
    if !members.is_empty() && active >= needed && !cut {
        return assemble(planner, node, array, known.is_some(), &members, wanted - active);
    }
    // Too few to run, and none of them ever did: their making was cut short, and holds nothing.
    if ran {
        let reason =
            format!("md/{} has {active} of {wanted} members and does not run with fewer than {needed}", array.name);
        planner.refuse(&node.id, reason, format!("connect its disks: {}", absent(planner, &gone)));
    } else if !gone.is_empty() {
        let reason = format!("md/{} cannot be made without {}", array.name, absent(planner, &gone));
        planner.refuse(&node.id, reason, "connect the disk, or correct what the fleet says of it");
    }
    let closed = seats.iter().any(|(_, seat)| matches!(seat, Seat::Closed));
    if ran || closed || !gone.is_empty() {
        let hidden = !ran && gone.is_empty() && seats.iter().any(|(id, _)| matches!(planner.site(id).at, At::Hidden));
        planner.place(&node.id, if hidden { At::Hidden } else { At::Blocked }, Vec::new());
        return;
    }
    create(planner, node, array, known.is_some(), &seats.iter().map(|(id, _)| *id).collect::<Vec<_>>());
}

/// Is this one of the members that a making was writing to, as the journal has it?
fn is_begun(planner: &Planner, id: &NodeId, seat: &Seat) -> bool {
    let begun = || planner.consent.begun.iter().find(|begun| begun.node == *id);
    matches!(seat, Seat::Free | Seat::Member(..)) && begun().is_some_and(|it| it.is_here(planner.wish, &planner.sight))
}

/// A member that is there: its node, its device, its slot.
type Ours<'a> = (&'a NodeId, &'a Device, Option<u32>);

fn create<'a>(planner: &mut Planner<'a>, node: &'a Node, array: &'a Array, begun: bool, all: &[&'a NodeId]) {
    let what = ArrayAction::Create {
        name: array.name.clone(),
        level: array.level,
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

fn assemble<'a>(
    planner: &mut Planner<'a>,
    node: &'a Node,
    array: &Array,
    begun: bool,
    members: &[Ours<'a>],
    missing: usize,
) {
    if missing > 0 {
        let text = format!(
            "md/{name} starts with {missing} of its members missing. If it was cut off while writing like that, the kernel \
             refuses; what is on it is then brought back by `mdadm --stop /dev/md/{name}` and `mdadm --assemble --run --force \
             --uuid={uuid} /dev/md/{name}`, at the risk of the last writes",
            name = array.name,
            uuid = md(array.uuid),
        );
        planner.note(&node.id, text);
    }
    let there: Vec<&NodeId> = members.iter().map(|(id, ..)| *id).collect();
    let what = ArrayAction::Assemble {
        name: array.name.clone(),
        uuid: array.uuid,
        members: there.iter().map(|id| (*id).clone()).collect(),
        missing,
        stop: begun,
    };
    let work = Work { after: waits(planner, &there), ..Work::default() };
    let step = planner.add(&node.id, "assemble", Action::Array(what), Risk::None, work);
    planner.place(&node.id, At::Hidden, vec![step]);
}

fn devices(member: &Device) -> Option<usize> {
    if let Content::Member { devices, .. } = member.content { usize::try_from(devices).ok() } else { None }
}

/// The array runs: it is kept, and missing members are put back.
fn maintain<'a>(
    planner: &mut Planner<'a>,
    node: &'a Node,
    array: &'a Array,
    known: &facts::Array,
    seats: &[(&'a NodeId, Seat<'a>)],
) {
    let at = planner.facts.device(&known.device).map_or(At::Blocked, At::Here);
    let found: Option<u8> = known.level.trim_start_matches("raid").parse().ok();
    let wanted = usize::try_from(known.devices).unwrap_or(usize::MAX);
    if found != Some(array.level.number()) {
        let reason = format!("md/{} is {}, and levels are never changed", array.name, known.level);
        planner.refuse(&node.id, reason, format!("declare `level = {}`", known.level.trim_start_matches("raid")));
        planner.place(&node.id, At::Blocked, Vec::new());
        return;
    }
    if array.members.len() < wanted {
        let reason = format!("md/{} has {wanted} members, and fewer are declared: arrays are never shrunk", array.name);
        planner.refuse(&node.id, reason, "declare all of its members");
        planner.place(&node.id, At::Blocked, Vec::new());
        return;
    }
    let serves =
        |device: &Device| known.members.iter().find(|member| member.device == device.name).map(|member| member.state);
    let working = |state: &MemberState| matches!(state, MemberState::InSync | MemberState::Rebuilding);
    let up = known.members.iter().filter(|member| working(&member.state)).count();
    let whole = if up == wanted { format!("{wanted}") } else { format!("{up} of {wanted}") };
    planner.keep(&node.id, format!("{}, {whole} members", array.level));
    let faulty = known.members.iter().any(|member| member.state == MemberState::Faulty);
    let mut joins = Vec::new();
    for (id, seat) in seats {
        match seat {
            Seat::Free => joins.push(*id),
            Seat::Member(device, _) => match serves(device) {
                None => joins.push(*id),
                Some(MemberState::Faulty) => {
                    let text =
                        format!("{} failed in md/{}: replace the disk", super::sight::describe(device), array.name);
                    planner.note(id, text);
                }
                Some(MemberState::InSync | MemberState::Rebuilding | MemberState::Spare) => {
                    planner.keep(id, format!("member of md/{}", array.name));
                }
            },
            Seat::Absent => {
                let text = format!("{} is not there; md/{} does without", absent(planner, &[*id]), array.name);
                planner.note(id, text);
            }
            Seat::Closed => {}
        }
    }
    let mut after = Vec::new();
    if !joins.is_empty() {
        let members = joins.iter().map(|id| (*id).clone()).collect::<Vec<_>>();
        let blank = blank(planner, &joins);
        let what =
            ArrayAction::Add { name: array.name.clone(), members: members.clone(), replaces: faulty || up < wanted };
        let work = Work { after: waits(planner, &joins), touches: members, blank };
        after.push(planner.add(&node.id, "add", Action::Array(what), Risk::Creates, work));
    }
    if array.members.len() > wanted {
        if up < wanted || known.action.is_some() {
            planner.note(&node.id, format!("md/{} grows once it is whole and idle", array.name));
        } else if seats.iter().all(|(_, seat)| matches!(seat, Seat::Free | Seat::Member(..))) {
            let what = ArrayAction::Reshape { name: array.name.clone(), members: array.members.len() };
            let work = Work { after: after.clone(), ..Work::default() };
            planner.add(&node.id, "reshape", Action::Array(what), Risk::Grows, work);
            planner.note(&node.id, "what lies on it grows once the array has been spread; apply again then");
        }
    }
    planner.place(&node.id, at, Vec::new());
}
