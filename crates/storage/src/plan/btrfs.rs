//! btrfs on real devices: made over all of them at once, its subvolumes, and what is done to a living one.
//!
//! Subvolumes can be seen only where the filesystem is mounted, and nothing is mounted to look. So the step that makes
//! them passes over those that are there, and is planned whenever they cannot be seen.

use super::filesystem::{BEGUN, on_disk};
use super::group::{devices, script};
use super::mount::MountAction;
use super::planner::{At, Planner, Work, shown};
use super::step::{Action, Risk, StepId, settle};
use crate::NodeId;
use crate::facts::{self, Content, Device};
use crate::tree::{Profile, SubvolumePath};
use crate::wish::{Btrfs, Node};
use cmd::Cmd;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

mod upkeep;

pub(super) use upkeep::upkeep;

pub(super) const SUBVOLUMES: &str = include_str!("subvolumes.sh");

/// What is done to a btrfs.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BtrfsAction {
    /// Makes it, over all of its devices.
    Make {
        /// Its UUID.
        uuid: Uuid,
        /// Label.
        #[serde(skip_serializing_if = "Option::is_none")]
        label: Option<String>,
        /// Its further devices.
        members: Vec<NodeId>,
        /// How data is kept.
        data: Profile,
        /// How metadata is kept.
        metadata: Profile,
    },
    /// Makes those of its subvolumes that are not there.
    Subvolumes {
        /// The devices that are there.
        devices: Vec<NodeId>,
        /// The subvolumes, each behind those that it lies in.
        paths: Vec<SubvolumePath>,
        /// Is a device missing?
        degraded: bool,
    },
    /// Adds devices.
    Add {
        /// The devices.
        members: Vec<NodeId>,
        /// Where it is mounted.
        at: String,
    },
    /// Makes again, on the devices that are there, what was on one that is gone for good, and forgets that one.
    Forget {
        /// Where it is mounted.
        at: String,
    },
    /// Lets it use all of a device.
    Grow {
        /// The device.
        device: NodeId,
        /// The device's number in the filesystem.
        id: u64,
        /// Where it is mounted.
        at: String,
    },
}

impl BtrfsAction {
    pub(super) fn describe(&self, node: &NodeId) -> String {
        match self {
            Self::Make { members, data, metadata, .. } if members.is_empty() => {
                format!("make btrfs on {node} (data {data}, metadata {metadata})")
            }
            Self::Make { members, data, metadata, .. } => {
                format!("make btrfs on {node} and {} (data {data}, metadata {metadata})", list(members))
            }
            Self::Subvolumes { paths, .. } => format!("see to the subvolumes of {node}: {}", list(paths)),
            Self::Add { members, at } => format!("add {} to the btrfs on {at}", list(members)),
            Self::Forget { at } => {
                format!("restore on the other devices what the btrfs on {at} had on the missing one")
            }
            Self::Grow { device, at, .. } => format!("grow the btrfs on {at} to all of {device}"),
        }
    }

    pub(super) fn commands(&self, node: &NodeId) -> Vec<Cmd> {
        match self {
            Self::Make { uuid, label, members, data, metadata } => {
                let all: Vec<NodeId> = std::iter::once(node).chain(members).cloned().collect();
                let make = Cmd::new("mkfs.btrfs").args(["-q", "-f", "-U", &uuid.to_string(), "-L", BEGUN]);
                let make = devices(make.args(["-d", data.word(), "-m", metadata.word()]), &all);
                // `-f` does not spare a device that has this very UUID: that of what is made anew.
                let mut commands = vec![devices(Cmd::new("wipefs").args(["--all", "--quiet"]), &all), make];
                commands.extend(all.iter().map(on_disk));
                // Its own label it gets last, see `filesystem`.
                let label = label.as_deref().unwrap_or_default();
                commands.push(Cmd::new("btrfs").args(["filesystem", "label"]).device(node).arg(label));
                commands.extend(all.iter().map(on_disk));
                commands.push(settle());
                commands
            }
            Self::Subvolumes { devices: there, paths, degraded } => {
                let options = if *degraded { "subvolid=5,degraded" } else { "subvolid=5" };
                let cmd = devices(script(SUBVOLUMES, "subvolumes.sh").arg(options), there);
                vec![cmd.arg("--").args(paths.iter().map(AsRef::as_ref))]
            }
            // Nothing is asked of `-f`: what a device holds was looked at, and is looked at again just before.
            Self::Add { members, at } => {
                let add = Cmd::new("btrfs").args(["device", "add", "-f"]);
                vec![devices(add, members).arg(&**at), Cmd::new("btrfs").args(["filesystem", "sync", at])]
            }
            Self::Forget { at } => vec![Cmd::new("btrfs").args(["device", "remove", "missing", at])],
            Self::Grow { id, at, .. } => {
                vec![Cmd::new("btrfs").args(["filesystem", "resize", &format!("{id}:max"), at])]
            }
        }
    }

    /// Seconds: what moves data takes as long as there is data.
    pub(super) fn deadline(&self) -> u64 {
        match self {
            Self::Make { .. } => 1800,
            Self::Subvolumes { .. } | Self::Add { .. } | Self::Grow { .. } => 300,
            Self::Forget { .. } => 7 * 24 * 3600,
        }
    }

    /// The nodes that it writes anew.
    pub(super) fn begins(&self, node: &NodeId) -> Vec<NodeId> {
        match self {
            Self::Make { members, .. } => std::iter::once(node).chain(members).cloned().collect(),
            Self::Add { members, .. } => members.clone(),
            Self::Subvolumes { .. } | Self::Forget { .. } | Self::Grow { .. } => Vec::new(),
        }
    }
}

fn list<T: ToString>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What stands where a device of the filesystem should be.
#[derive(Clone, Copy)]
enum Seat<'a> {
    /// A device of this filesystem.
    Ours(&'a Device),
    /// A device of this filesystem, whose making was cut short.
    Begun,
    /// Nothing.
    Free,
    /// It is not there.
    Absent,
    /// It can be seen only later.
    Hidden,
    /// It is refused.
    Closed,
}

/// A btrfs that is there.
pub(super) struct Known<'a> {
    node: &'a Node,
    btrfs: &'a Btrfs,
    facts: &'a facts::Btrfs,
    seats: Vec<(NodeId, Seat<'a>)>,
}

/// Plans what comes before mounting; answers the filesystem if it is there already.
pub(super) fn plan<'a>(planner: &mut Planner<'a>, node: &'a Node, btrfs: &'a Btrfs) -> Option<Known<'a>> {
    let seats: Vec<(NodeId, Seat)> =
        btrfs.devices(&node.id).into_iter().map(|id| (id.clone(), seat(planner, &id, btrfs))).collect();
    let of = |wanted: fn(&Seat) -> bool| -> Vec<NodeId> {
        seats.iter().filter(|(_, seat)| wanted(seat)).map(|(id, _)| id.clone()).collect()
    };
    if !of(|seat| matches!(seat, Seat::Closed)).is_empty() {
        planner.place(&node.id, At::Blocked, Vec::new());
        return None;
    }
    // One that is yet to be seen may be a device of it: without it the filesystem would be mounted as if it were missing.
    if !of(|seat| matches!(seat, Seat::Hidden)).is_empty() {
        planner.place(&node.id, At::Hidden, Vec::new());
        return None;
    }
    let ours = of(|seat| matches!(seat, Seat::Ours(_)));
    let absent = of(|seat| matches!(seat, Seat::Absent));
    if ours.is_empty() {
        if absent.is_empty() {
            make(planner, node, btrfs, Risk::Creates);
        } else {
            let reason = format!("the btrfs cannot be made without {}", list(&absent));
            planner.refuse(&node.id, reason, "connect the disk, or correct what the fleet says of it");
            planner.place(&node.id, At::Blocked, Vec::new());
        }
        return None;
    }
    let all = btrfs.devices(&node.id);
    let kept = all.iter().any(|id| planner.wish.node(id).is_some_and(|node| node.persistent));
    if planner.consent.reinstall && !kept && !planner.consent.made.contains(&node.id) {
        return anew(planner, node, btrfs, &seats);
    }
    let Some(facts) = planner.facts.btrfs.iter().find(|known| known.uuid == btrfs.uuid) else {
        let reason = "it is there, and nothing is known of its devices: the machine has no `btrfs`, or it failed";
        planner.refuse(
            &node.id,
            reason,
            "install btrfs-progs on the machine, and see what `btrfs filesystem show` says",
        );
        planner.place(&node.id, At::Blocked, Vec::new());
        return None;
    };
    keep(planner, node, btrfs, facts, &seats);
    Some(Known { node, btrfs, facts, seats })
}

fn seat<'a>(planner: &mut Planner<'a>, id: &NodeId, btrfs: &Btrfs) -> Seat<'a> {
    match planner.site(id).at {
        At::Made => Seat::Free,
        At::Absent => Seat::Absent,
        At::Hidden => Seat::Hidden,
        At::Blocked => Seat::Closed,
        At::Here(device) if device.btrfs() == Some(btrfs.uuid) => match &device.content {
            Content::Filesystem { label: Some(label), .. } if label == BEGUN => Seat::Begun,
            _ => Seat::Ours(device),
        },
        At::Here(device) if planner.vacant(id, device) => {
            if planner.refuse_used(id, device) {
                Seat::Closed
            } else {
                Seat::Free
            }
        }
        At::Here(device) => {
            planner.refuse_foreign(id, device);
            Seat::Closed
        }
    }
}

fn make(planner: &mut Planner, node: &Node, btrfs: &Btrfs, risk: Risk) {
    let all = btrfs.devices(&node.id);
    let what = BtrfsAction::Make {
        uuid: btrfs.uuid,
        label: btrfs.label.clone(),
        members: btrfs.members.clone(),
        data: btrfs.data,
        metadata: btrfs.metadata,
    };
    let work = Work { after: planner.waits(&all), touches: all.clone(), blank: planner.blank(&all) };
    let step = planner.add(&node.id, "format", Action::Btrfs(what), risk, work);
    let paths: Vec<SubvolumePath> = btrfs.subvolumes.iter().map(|it| it.path.clone()).collect();
    let step = subvolumes(planner, node, all, paths, vec![step.clone()], false, Risk::Creates).unwrap_or(step);
    planner.place(&node.id, At::Made, vec![step]);
}

/// A reinstall makes it anew.
fn anew<'a>(planner: &mut Planner<'a>, node: &Node, btrfs: &Btrfs, seats: &[(NodeId, Seat<'a>)]) -> Option<Known<'a>> {
    let used = seats.iter().find_map(|(id, seat)| match seat {
        Seat::Ours(device) => planner.user(device).map(|user| (id, user)),
        _ => None,
    });
    let absent = seats.iter().find(|(_, seat)| matches!(seat, Seat::Absent | Seat::Hidden));
    if let Some((id, user)) = used {
        planner.refuse(id, format!("it is to be made anew, and is {user}"), "unmount it, or boot the installer");
        planner.place(&node.id, At::Blocked, Vec::new());
    } else if let Some((id, _)) = absent {
        planner.refuse(id, "the btrfs is to be made anew, and this device is not there", "connect its disk");
        planner.place(&node.id, At::Blocked, Vec::new());
    } else {
        let held = seats.iter().filter(|(_, seat)| matches!(seat, Seat::Ours(_)));
        let what = held
            .clone()
            .find_map(|(_, seat)| if let Seat::Ours(device) = seat { Some(shown(&device.content)) } else { None });
        let risk = Risk::Destroys { nodes: held.map(|(id, _)| id.clone()).collect(), what: what.unwrap_or_default() };
        make(planner, node, btrfs, risk);
    }
    None
}

/// The step that makes subvolumes, if there are any to make.
fn subvolumes(
    planner: &mut Planner,
    node: &Node,
    there: Vec<NodeId>,
    paths: Vec<SubvolumePath>,
    after: Vec<StepId>,
    degraded: bool,
    risk: Risk,
) -> Option<StepId> {
    if paths.is_empty() {
        return None;
    }
    let work = Work { after, touches: there.clone(), blank: Vec::new() };
    let what = BtrfsAction::Subvolumes { devices: there, paths, degraded };
    Some(planner.add(&node.id, "subvolumes", Action::Btrfs(what), risk, work))
}

fn keep<'a>(planner: &mut Planner<'a>, node: &Node, btrfs: &Btrfs, facts: &facts::Btrfs, seats: &[(NodeId, Seat<'a>)]) {
    let there: Vec<(NodeId, &Device)> = seats
        .iter()
        .filter_map(|(id, seat)| if let Seat::Ours(device) = seat { Some((id.clone(), *device)) } else { None })
        .collect();
    let count = facts.devices.len();
    let whole = count + usize::try_from(facts.missing).unwrap_or_default();
    let devices = match (count, whole) {
        (1, 1) => String::new(),
        _ if count == whole => format!(", {whole} devices"),
        _ => format!(", {count} of {whole} devices"),
    };
    planner.keep(&node.id, format!("btrfs{devices}"));
    for (id, _) in there.iter().filter(|(id, _)| *id != node.id) {
        planner.keep(id, format!("device of the btrfs of {}", node.id));
    }
    let degraded = facts.missing > 0;
    if degraded && (!btrfs.redundant() || facts.missing > 1) {
        let reason = format!("{count} of the {whole} devices of its btrfs are there, and it needs more of them");
        planner.refuse(&node.id, reason, "connect its disks");
        return planner.place(&node.id, At::Blocked, Vec::new());
    }
    if degraded {
        let text = format!("its btrfs does with {count} of {whole} devices, and is mounted with `degraded`");
        planner.note(&node.id, text);
    }
    let paths = btrfs.subvolumes.iter().map(|it| it.path.clone());
    let paths: Vec<SubvolumePath> = match &facts.subvolumes {
        Some(known) => paths.filter(|path| !known.iter().any(|known| known == path.as_ref())).collect(),
        None => paths.collect(),
    };
    let ids: Vec<NodeId> = there.iter().map(|(id, _)| id.clone()).collect();
    let after = planner.waits(&ids);
    // Most likely they are there: then nothing is written.
    let risk = if facts.subvolumes.is_some() { Risk::Creates } else { Risk::None };
    let step = subvolumes(planner, node, ids, paths, after.clone(), degraded, risk);
    if let Some((_, device)) = there.first() {
        planner.place(&node.id, At::Here(device), step.map_or(after, |step| vec![step]));
    }
}

/// How a mount of this filesystem differs from what was declared: by which device, and whether one is missing.
pub(super) fn adapt(planner: &Planner, mount: &mut MountAction, node: &NodeId) {
    let Some(btrfs) = planner.wish.node(node).and_then(|node| node.holds.as_ref()?.btrfs()) else { return };
    let known = planner.facts.btrfs.iter().find(|known| known.uuid == btrfs.uuid);
    if known.is_some_and(|known| known.missing > 0) {
        mount.options.push("degraded".to_owned());
    }
    let there = |id: &NodeId| planner.sight.device(id).is_some_and(|device| device.btrfs() == Some(btrfs.uuid));
    let made = |id: &NodeId| known.is_none() || there(id);
    let devices = btrfs.devices(node).into_iter().filter(made).collect::<Vec<_>>();
    if known.is_some() && !there(node) {
        mount.from = devices.first().cloned();
    }
    if !btrfs.members.is_empty() {
        mount.devices = devices;
    }
}

/// Tells the kernel of all devices of one filesystem.
pub(super) fn scan(all: &[NodeId]) -> Vec<Cmd> {
    if all.is_empty() {
        return Vec::new();
    }
    vec![Cmd::new("modprobe").arg("btrfs"), devices(Cmd::new("btrfs").args(["device", "scan"]), all)]
}
