//! md arrays on real members: created, assembled, and made whole again.

mod replace;
mod start;

pub(super) use replace::{stranger, strangers};
pub(crate) use start::standing;

use super::group::script;
use super::planner::{At, Planner, Work};
use super::step::{Action, Risk, Step, StepId, settle};
use crate::facts::{self, Content, Device, MemberState};
use crate::identity::md;
use crate::tree::{Level, Metadata};
use crate::wish::{Array, Kind, Node};
use crate::{Name, NodeId};
use cmd::Cmd;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

pub(super) const FORCE: &str = include_str!("force.sh");

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
        /// Where md keeps its notes: behind the members' beginning if absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        metadata: Option<Metadata>,
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
    /// Starts it although it was cut off while something was being written and members were missing: what was being
    /// written then may be half there.
    Force {
        /// Its name.
        name: Name,
        /// Its UUID.
        uuid: Uuid,
        /// The members that are there and were in step to the end.
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
    /// Fills a new member while the old one serves, which is let go then: no redundancy is lost meanwhile.
    Replace {
        /// Its name.
        name: Name,
        /// The old member, by what its disk is known by: no node is it any more.
        old: NodeId,
        /// The new one.
        new: NodeId,
        /// Is it to be added first?
        add: bool,
    },
    /// Lets go of members that failed, or were replaced, and are declared no more.
    Release {
        /// Its name.
        name: Name,
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
            Self::Force { name, members, missing, .. } => {
                format!("start md/{name} by force from {} members, {missing} missing", members.len())
            }
            Self::Add { name, members, replaces } => {
                let why = if *replaces { ", in place of what failed" } else { "" };
                format!("add {} to md/{name}{why}", list(members))
            }
            Self::Replace { name, old, new, .. } => {
                let old = old.as_str().split_once(" member ").map_or(old.as_str(), |(_, old)| old);
                format!("fill {new} in md/{name} to take the place of {old}, which serves until then")
            }
            Self::Release { name } => format!("let go of what failed or was replaced in md/{name}"),
            Self::Reshape { name, members } => format!("spread md/{name} over {members} members"),
        }
    }

    pub(super) fn commands(&self, node: &NodeId) -> Vec<Cmd> {
        let devices = |cmd: Cmd, nodes: &[NodeId]| nodes.iter().fold(cmd, Cmd::device);
        let mdadm = || Cmd::new("mdadm");
        let stop = |stop: &bool| stop.then(|| mdadm().args(["--quiet", "--stop"]).device(begun(node)));
        match self {
            Self::Create { name, level, metadata, uuid, members, spares, stop: begun } => {
                let metadata = metadata.unwrap_or(Metadata::Beginning).word();
                // `<none>` is a word of mdadm's: the array's name is then plain, on every host.
                let create = mdadm()
                    .args([
                        "--create",
                        &format!("/dev/md/{name}"),
                        "--run",
                        "--quiet",
                        &format!("--metadata={metadata}"),
                    ])
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
            Self::Force { name, uuid, members, stop, .. } => {
                let words = [format!("/dev/md/{name}"), md(*uuid)];
                let cmd = script(FORCE, "force").args(words).args([if *stop { "begun" } else { "-" }]);
                let cmd = if *stop { cmd.device(begun(node)) } else { cmd };
                vec![devices(cmd, members), settle()]
            }
            Self::Replace { old, new, add, .. } => {
                let manage = || mdadm().args(["--manage", "--quiet"]).device(node);
                let add = add.then(|| manage().arg("--add").device(new));
                add.into_iter().chain([manage().arg("--replace").device(old).arg("--with").device(new)]).collect()
            }
            Self::Release { .. } => ["failed", "detached"]
                .map(|which| mdadm().args(["--manage", "--quiet"]).device(node).args(["--remove", which]))
                .to_vec(),
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
    Member(&'a Device),
    /// Nothing.
    Free,
    /// It is not there.
    Absent,
    /// It is there, and answers nothing but errors.
    Dead,
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
        None => start::plan(planner, node, array, known, &seats),
    }
}

fn seat<'a>(planner: &mut Planner<'a>, id: &'a NodeId, array: &Array) -> Seat<'a> {
    match planner.site(id).at {
        At::Made => Seat::Free,
        At::Absent => Seat::Absent,
        At::Hidden | At::Blocked => Seat::Closed,
        At::Here(device) => match &device.content {
            Content::Member { array: of, .. } if *of == array.uuid => Seat::Member(device),
            Content::Unreadable => Seat::Dead,
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
    if let (Some(wished), Some(found)) = (array.metadata, &known.metadata)
        && wished.word() != found
    {
        let reason = format!("md/{} has metadata {found}, which cannot be moved on its members", array.name);
        planner.refuse(
            &node.id,
            reason,
            format!("declare `metadata = \"{found}\"`, or make it anew: --wipe {}", node.id),
        );
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
            Seat::Member(device) => match serves(device) {
                None => joins.push(*id),
                Some(MemberState::Faulty) => {
                    let text =
                        format!("{} failed in md/{}: replace the disk", super::sight::describe(device), array.name);
                    planner.note(id, text);
                }
                Some(MemberState::InSync | MemberState::Rebuilding | MemberState::Replacing | MemberState::Spare) => {
                    planner.keep(id, format!("member of md/{}", array.name));
                }
            },
            Seat::Absent => {
                let text = format!("{} is not there; md/{} does without", absent(planner, &[*id]), array.name);
                planner.note(id, text);
            }
            Seat::Dead => {
                let text = format!(
                    "{} answers nothing but errors, and md/{} does without: replace the disk",
                    absent(planner, &[*id]),
                    array.name
                );
                planner.note(id, text);
            }
            Seat::Closed => {}
        }
    }
    let mut after =
        if up == wanted { replace::plan(planner, node, array, known, seats, &mut joins) } else { Vec::new() };
    if !joins.is_empty() {
        let members = joins.iter().map(|id| (*id).clone()).collect::<Vec<_>>();
        let blank = blank(planner, &joins);
        let what =
            ArrayAction::Add { name: array.name.clone(), members: members.clone(), replaces: faulty || up < wanted };
        let work = Work { after: waits(planner, &joins), touches: members, blank };
        after.push(planner.add(&node.id, "add", Action::Array(what), Risk::Creates, work));
    }
    if array.members.len() > wanted {
        // md spreads no array while a member of it is being replaced.
        let replaces =
            |step: &Step| step.node == node.id && matches!(step.what, Action::Array(ArrayAction::Replace { .. }));
        if planner.plan.steps.iter().any(replaces) {
            let text = format!("md/{} is spread once its member has been replaced: apply again then", array.name);
            planner.note(&node.id, text);
        } else if up < wanted || known.action.is_some() {
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
