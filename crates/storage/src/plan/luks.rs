//! LUKS on real devices: made with its derived identity, opened, kept, made anew, grown. The key is in no plan: a command
//! that needs it says whose, and whoever runs the command feeds it.
//!
//! What opens it besides is `enrol`'s business. What is inside a closed container is unknown, so nothing in it is planned before another look shows it.

use super::enrol::{self, Means, Stale};
use super::filesystem::{BEGUN, WORTH, on_disk};
use super::planner::{At, Planner, Site, Work, shown};
use super::sight::Sight;
use super::step::{Action, Risk, StepId, settle};
use crate::facts::{Content, Device, DeviceKind};
use crate::wish::{Crypt, Holds, Kind, Node, Wish};
use crate::{Name, NodeId, Size};
use cmd::Cmd;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// What is done to a container.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LuksAction {
    /// Makes it, and opens it: nothing is in it then.
    Format {
        /// The device that it is on.
        device: NodeId,
        /// What it is called when it is open.
        name: Name,
        /// Its UUID.
        uuid: Uuid,
        /// Does the device hear what is free?
        allow_discards: bool,
        /// Memory that it takes to try a key.
        #[serde(skip_serializing_if = "Option::is_none")]
        pbkdf_memory: Option<Size>,
        /// Milliseconds that it takes to try a key.
        #[serde(skip_serializing_if = "Option::is_none")]
        pbkdf_time: Option<u32>,
        /// What is closed first, by its name, if it is open.
        #[serde(skip_serializing_if = "Option::is_none")]
        close: Option<String>,
    },
    /// Opens it.
    Open {
        /// The device that it is on.
        device: NodeId,
        /// What it is called then.
        name: Name,
        /// Does the device hear what is free?
        allow_discards: bool,
    },
    /// Lets the open container use all of its device.
    Grow {
        /// The device that it is on.
        device: NodeId,
        /// What it is called.
        name: String,
    },
    /// Lets something else than its key open it too.
    Enrol {
        /// The device that it is on.
        device: NodeId,
        /// What.
        means: Means,
        /// Memory that it takes to try a key.
        #[serde(skip_serializing_if = "Option::is_none")]
        pbkdf_memory: Option<Size>,
        /// Milliseconds that it takes to try a key.
        #[serde(skip_serializing_if = "Option::is_none")]
        pbkdf_time: Option<u32>,
    },
    /// Takes out what opened it beside its key.
    Forget {
        /// The device that it is on.
        device: NodeId,
        /// The type of the tokens.
        kind: String,
        /// The tokens.
        tokens: Vec<Stale>,
    },
}

impl LuksAction {
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Format { device, name, .. } => format!("encrypt {device} with LUKS, and open it as {name}"),
            Self::Open { device, name, .. } => format!("open the LUKS of {device} as {name}"),
            Self::Grow { device, name } => format!("grow the LUKS {name} to all of {device}"),
            Self::Enrol { device, means, .. } => format!("let {means} open the LUKS of {device} too"),
            Self::Forget { device, kind, tokens } => {
                let ids = tokens.iter().map(|stale| stale.token.to_string()).collect::<Vec<_>>().join(", ");
                let names: Vec<&str> = tokens.iter().filter_map(|stale| Some(stale.name.as_ref()?.as_ref())).collect();
                let kind = if names.is_empty() { kind.clone() } else { format!("the key {}", names.join(", ")) };
                format!("take {kind} out of the LUKS of {device} (token {ids}); its own key stays")
            }
        }
    }

    pub(super) fn commands(&self, node: &NodeId) -> Vec<Cmd> {
        let cryptsetup = |verb: &str| Cmd::new("cryptsetup").arg(verb).arg("--batch-mode");
        let keyed = |verb: &str| cryptsetup(verb).arg("--key-file=-").key(node);
        let open = |device: &NodeId, name: &Name, discards: bool| {
            let cmd = keyed("open").args(["--type", "luks"]).args(discards.then_some("--allow-discards"));
            cmd.device(device).arg(name.as_ref())
        };
        match self {
            Self::Format { device, name, uuid, allow_discards, pbkdf_memory, pbkdf_time, close } => {
                let format =
                    keyed("luksFormat").args(["--type", "luks2", "--uuid", &uuid.to_string(), "--label", BEGUN]);
                let format = format.args(cost(*pbkdf_memory, *pbkdf_time)).device(device);
                let close = close.iter().map(|name| cryptsetup("close").arg(name.as_str()));
                // What the device held before reads as anything through a new key.
                let zero = Cmd::new("blkdiscard").args(["--zeroout", "--length", "1048576"]).device(node);
                // Its own label it gets last, see `filesystem`.
                let label = cryptsetup("config").args(["--label", name.as_ref()]).device(device);
                let made = [format, on_disk(device), open(device, name, *allow_discards), settle(), zero];
                close.chain(made).chain([on_disk(node), on_disk(device), label]).collect()
            }
            Self::Open { device, name, allow_discards } => vec![open(device, name, *allow_discards), settle()],
            Self::Grow { name, .. } => vec![keyed("resize").arg(name.as_str())],
            Self::Enrol { device, means, pbkdf_memory, pbkdf_time } => {
                vec![means.enrol(device, node, cost(*pbkdf_memory, *pbkdf_time))]
            }
            Self::Forget { device, kind, tokens } => enrol::forget(kind, tokens, device, node),
        }
    }

    /// The nodes that it writes anew.
    pub(super) fn begins(&self) -> Vec<NodeId> {
        match self {
            Self::Format { device, .. } => vec![device.clone()],
            Self::Open { .. } | Self::Grow { .. } | Self::Enrol { .. } | Self::Forget { .. } => Vec::new(),
        }
    }

    /// The nodes that it writes to, and that are to keep it.
    pub(super) fn writes(&self) -> Vec<NodeId> {
        match self {
            Self::Format { device, .. } | Self::Enrol { device, .. } | Self::Forget { device, .. } => {
                vec![device.clone()]
            }
            Self::Open { .. } | Self::Grow { .. } => Vec::new(),
        }
    }
}

/// What cryptsetup is told of the cost of a key.
fn cost(memory: Option<Size>, time: Option<u32>) -> Vec<String> {
    let memory = memory.map(|size| ["--pbkdf-memory".to_owned(), (size.0 >> 10).to_string()]);
    let time = time.map(|time| ["--iter-time".to_owned(), time.to_string()]);
    memory.into_iter().chain(time).flatten().collect()
}

/// Does this device hold the container of this identity?
pub(super) fn is(content: &Content, wished: Uuid) -> bool {
    matches!(content, Content::Luks { uuid: Some(uuid), .. } if *uuid == wished)
}

/// Was its making cut short?
fn begun(content: &Content) -> bool {
    matches!(content, Content::Luks { label: Some(label), .. } if label == BEGUN)
}

pub(super) fn plan<'a>(planner: &mut Planner<'a>, node: &'a Node, crypt: &'a Crypt) {
    container(planner, node, crypt);
    enrol::plan(planner, node, crypt);
}

fn container<'a>(planner: &mut Planner<'a>, node: &'a Node, crypt: &'a Crypt) {
    let Some(below) = node.on.first() else { return };
    let site = planner.site(below);
    let device = match site.at {
        At::Here(device) => device,
        At::Made => return format(planner, node, crypt, &site, (Risk::Creates, false)),
        At::Hidden | At::Absent | At::Blocked => return planner.place(&node.id, site.at, site.after),
    };
    let open = planner.facts.children(&device.name).find(|child| child.kind == DeviceKind::Crypt);
    if planner.vacant(below, device) {
        if planner.refuse_used(below, device) {
            return planner.place(&node.id, At::Blocked, Vec::new());
        }
        return format(planner, node, crypt, &site, (Risk::Creates, device.content == Content::Blank));
    }
    // What stands on it says itself whether it can do without.
    let member = matches!(
        node.holds,
        Some(Holds::Member { .. } | Holds::Btrfs(_) | Holds::BtrfsMember { .. } | Holds::Zfs { .. })
    );
    if device.content == Content::Unreadable && member {
        return planner.place(&node.id, At::Absent, Vec::new());
    }
    if !is(&device.content, crypt.uuid) {
        planner.refuse_foreign(below, device);
        return planner.place(&node.id, At::Blocked, Vec::new());
    }
    if begun(&device.content) {
        if let Some(user) = open.and_then(|open| planner.user(open)) {
            planner.refuse(&node.id, format!("its making was cut short, and it is {user}"), "stop what uses it");
            return planner.place(&node.id, At::Blocked, Vec::new());
        }
        return format(planner, node, crypt, &site, (Risk::Creates, false));
    }
    // One that is open is kept: its key is at hand, and what is in it goes by rules of its own.
    let reinstall = planner.consent.reinstall && !planner.consent.made.contains(&node.id);
    if open.is_none() && reinstall && goes(planner, node) {
        let mut nodes = vec![below.clone(), node.id.clone()];
        nodes.extend(planner.wish.above(&node.id));
        let risk = Risk::Destroys { nodes, what: shown(&device.content) };
        return format(planner, node, crypt, &site, (risk, false));
    }
    planner.keep(below, shown(&device.content));
    match open {
        Some(open) => keep(planner, node, (below, device), open, &site),
        None => self::open(planner, node, crypt, below, &site),
    }
}

/// Does a reinstall make it anew, if it is closed? Only if nothing can be in it but what is declared: one whose content is
/// left alone, or that holds a table, a physical volume or a device of a ZFS pool, beside whose declared parts others may lie, is opened, and what
/// is ephemeral in it is made anew once it is seen. Not if anything in it is persistent either, nor if what stands on it
/// stands on more than such containers.
fn goes(planner: &Planner, node: &Node) -> bool {
    let mut nodes = vec![node.id.clone()];
    nodes.extend(planner.wish.above(&node.id));
    let crypt = |id: &NodeId| planner.wish.node(id).is_some_and(|it| matches!(it.kind, Kind::Crypt(_)));
    let alone = |id: &NodeId| nodes.contains(id) || crypt(id) && !planner.carries_persistent(id);
    let sealed = |it: &Node| {
        let shared = match &it.holds {
            None | Some(Holds::Table { .. } | Holds::PhysicalVolume { .. } | Holds::Zfs { .. }) => return false,
            Some(Holds::Filesystem { .. } | Holds::Swap(_) | Holds::Member { .. } | Holds::Luks { .. }) => Vec::new(),
            Some(Holds::Btrfs(btrfs)) => btrfs.devices(&it.id),
            Some(Holds::BtrfsMember { of, .. }) => {
                let standing = planner.wish.node(of).and_then(|node| node.holds.as_ref()?.btrfs());
                standing.map_or_else(|| vec![of.clone()], |btrfs| btrfs.devices(of))
            }
        };
        shared.iter().all(alone) && (it.id == node.id || it.on.iter().all(alone))
    };
    !planner.carries_persistent(&node.id) && nodes.iter().filter_map(|id| planner.wish.node(id)).all(sealed)
}

/// Is this node, or something that it lies on, a container that is there and closed, on `below` if that is said? What is
/// in it cannot be seen, and goes with what it is on.
pub(crate) fn in_closed(wish: &Wish, sight: &Sight, id: &NodeId, below: Option<&NodeId>) -> bool {
    let Some(node) = wish.node(id) else { return false };
    let closed = match (&node.kind, node.on.first()) {
        (Kind::Crypt(crypt), Some(device)) => {
            sight.device(id).is_none()
                && sight.device(device).is_some_and(|device| is(&device.content, crypt.uuid))
                && below.is_none_or(|below| below == device)
        }
        _ => false,
    };
    closed || node.on.iter().any(|on| in_closed(wish, sight, on, below))
}

/// The words that wipe the closed containers that a node lies in.
pub(super) fn whole(wish: &Wish, sight: &Sight, id: &NodeId) -> String {
    let below = wish.nodes.iter().filter(|below| in_closed(wish, sight, id, Some(&below.id)));
    let words: Vec<String> = below.map(|below| format!("--wipe {}", below.id)).collect();
    format!("to destroy the whole container: {}", words.join(" "))
}

/// Trying a key takes memory by intent: one container after another.
pub(super) fn last(planner: &Planner) -> Option<StepId> {
    let mut luks = planner.plan.steps.iter().filter(|step| matches!(step.what, Action::Luks(_)));
    luks.next_back().map(|step| step.id.clone())
}

/// Refuses a name that another device has; says whether it did.
fn taken(planner: &mut Planner, node: &Node, crypt: &Crypt, own: Option<&Device>) -> bool {
    let path = format!("/dev/mapper/{}", crypt.name);
    let other =
        planner.facts.devices.iter().any(|device| device.path == path && own.is_none_or(|own| own.name != device.name));
    if other {
        let remedy = "declare another `name`, or put the other device away";
        planner.refuse(&node.id, format!("another device is called {path}"), remedy);
        planner.place(&node.id, At::Blocked, Vec::new());
    }
    other
}

fn format(planner: &mut Planner, node: &Node, crypt: &Crypt, site: &Site, (risk, blank): (Risk, bool)) {
    let Some(below) = node.on.first() else { return };
    let open = planner.sight.device(&node.id);
    if taken(planner, node, crypt, open) {
        return;
    }
    let what = LuksAction::Format {
        device: below.clone(),
        name: crypt.name.clone(),
        uuid: crypt.uuid,
        allow_discards: crypt.allow_discards,
        pbkdf_memory: crypt.pbkdf_memory,
        pbkdf_time: crypt.pbkdf_time,
        close: open.map(name),
    };
    let work = Work {
        after: site.after.iter().cloned().chain(last(planner)).collect(),
        touches: vec![below.clone()],
        blank: blank.then(|| below.clone()).into_iter().collect(),
    };
    let step = planner.add(&node.id, "encrypt", Action::Luks(what), risk, work);
    planner.place(&node.id, At::Made, vec![step]);
}

/// What device mapper calls it.
fn name(device: &Device) -> String {
    device.path.trim_start_matches("/dev/mapper/").to_owned()
}

fn open<'a>(planner: &mut Planner<'a>, node: &'a Node, crypt: &Crypt, below: &NodeId, site: &Site<'a>) {
    if taken(planner, node, crypt, None) {
        return;
    }
    let (device, name, allow_discards) = (below.clone(), crypt.name.clone(), crypt.allow_discards);
    let what = LuksAction::Open { device, name, allow_discards };
    let after = site.after.iter().cloned().chain(last(planner)).collect();
    let work = Work { after, touches: vec![below.clone()], blank: Vec::new() };
    let step = planner.add(&node.id, "open", Action::Luks(what), Risk::None, work);
    planner.place(&node.id, At::Hidden, vec![step]);
}

/// It is open: is it as large as it could be?
fn keep<'a>(
    planner: &mut Planner<'a>,
    node: &'a Node,
    (below, device): (&NodeId, &Device),
    open: &'a Device,
    site: &Site<'a>,
) {
    planner.keep(&node.id, "open");
    planner.place(&node.id, At::Here(open), site.after.clone());
    let Content::Luks { offset: Some(offset), .. } = device.content else { return };
    if device.size < offset.saturating_add(open.size).saturating_add(WORTH) {
        return;
    }
    let what = LuksAction::Grow { device: below.clone(), name: name(open) };
    let after = site.after.iter().cloned().chain(last(planner)).collect();
    let work = Work { after, touches: vec![below.clone()], blank: Vec::new() };
    let step = planner.add(&node.id, "resize", Action::Luks(what), Risk::Grows, work);
    // What it holds is compared with its new size, which only another look shows.
    planner.plan.hidden.push(node.id.clone());
    planner.place(&node.id, At::Here(open), vec![step]);
}
