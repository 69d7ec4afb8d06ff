//! The walk over the wished nodes, from the disks up: where each node is, and what its kind makes of that.

use super::outcome::{Consent, Kept, Note, Plan, Refusal};
use super::sight::{self, Sight, Unseen};
use super::step::{Action, Risk, Step, StepId};
use super::{Basis, array, begun, btrfs, filesystem, group, guard, luks, mount, pool, swap, table, wipe};
use crate::NodeId;
use crate::facts::{Content, Device, Facts};
use crate::wish::{Disk, Holds, Kind, Node, Wish};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// What is to be done so that these disks hold what is wished.
///
/// Pure: the same wish, facts and consent give the same plan, and kernel names do not count.
pub fn plan(wish: &Wish, facts: &Facts, consent: &Consent) -> Plan {
    let sight = Sight::new(wish, facts);
    let basis = Basis::seen(wish, facts, &sight);
    let target = mount::target(wish, facts, &sight);
    let cleared = wipe::clear(wish, facts, consent, &sight);
    let left = begun::remains(wish, facts, &consent.begun, &sight);
    let cleared = cleared.and_left(wish, &left, &sight);
    let sight = match &cleared.facts {
        Cow::Borrowed(_) => sight,
        Cow::Owned(facts) => Sight::new(wish, facts),
    };
    let mut planner = Planner {
        wish,
        facts: &cleared.facts,
        sight,
        consent,
        barrier: Vec::new(),
        sites: BTreeMap::new(),
        plan: Plan {
            version: 1,
            target,
            steps: Vec::new(),
            kept: Vec::new(),
            notes: cleared.notes,
            refusals: cleared.refusals,
            hidden: Vec::new(),
            basis,
        },
    };
    if let Some((node, what)) = cleared.wipe {
        let (nodes, lost) = (what.devices.clone(), what.nodes());
        let risk = Risk::Destroys { nodes: lost, what: what.what.clone() };
        let risk = if what.nodes().is_empty() { Risk::Creates } else { risk };
        let nodes: Vec<NodeId> = nodes.into_iter().chain(what.nodes()).collect();
        let work = Work { touches: nodes, ..Work::default() };
        let id = planner.add(&node, "wipe", Action::Wipe(what), risk, work);
        planner.barrier = vec![id];
    }
    for node in &wish.nodes {
        planner.visit(node);
    }
    // All devices of a btrfs have found their places by now.
    let standing = wish.nodes.iter().filter_map(|node| Some((node, node.holds.as_ref()?.btrfs()?)));
    let known: Vec<btrfs::Known> =
        standing.filter_map(|(node, wished)| btrfs::plan(&mut planner, node, wished)).collect();
    mount::plan(&mut planner);
    for known in &known {
        btrfs::upkeep(&mut planner, known);
    }
    planner.finish()
}

/// Where a node is, for the purposes of what lies on it.
#[derive(Clone, Debug)]
pub(super) struct Site<'a> {
    pub at: At<'a>,
    /// The steps that must have run before it can be written to.
    pub after: Vec<StepId>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum At<'a> {
    /// It is there.
    Here(&'a Device),
    /// It will be there, with nothing on it.
    Made,
    /// It will be there, and only then can be seen what is on it.
    Hidden,
    /// It is not there, and nobody can help that.
    Absent,
    /// It is refused, or something that it lies on is.
    Blocked,
}

/// What a step works on.
#[derive(Default)]
pub(super) struct Work {
    pub after: Vec<StepId>,
    /// Nodes that it writes to.
    pub touches: Vec<NodeId>,
    /// Those of them on which no signature may be found.
    pub blank: Vec<NodeId>,
}

pub(super) struct Planner<'a> {
    pub wish: &'a Wish,
    pub facts: &'a Facts,
    pub sight: Sight<'a>,
    pub consent: &'a Consent,
    /// What every step waits for.
    barrier: Vec<StepId>,
    pub sites: BTreeMap<NodeId, Site<'a>>,
    pub plan: Plan,
}

impl<'a> Planner<'a> {
    fn visit(&mut self, node: &'a Node) {
        match &node.kind {
            Kind::Disk(disk) => self.disk(node, disk),
            Kind::Array(array) => array::plan(self, node, array),
            Kind::Group(group) => group::plan(self, node, group),
            Kind::Crypt(crypt) => luks::plan(self, node, crypt),
            Kind::Pool(pool) => pool::plan(self, node, pool),
            // Their table, group or pool has placed them.
            Kind::Partition(_) | Kind::Volume(_) | Kind::Zvol(_) => {}
        }
        let site = self.site(&node.id);
        if let (At::Hidden, true) = (site.at, node.holds.is_some() || matches!(node.kind, Kind::Array(_))) {
            self.plan.hidden.push(node.id.clone());
        }
        match &node.holds {
            Some(Holds::Table { table, uuid, bootable, hybrid, partitions }) => {
                let hybrid = hybrid.as_ref();
                let wished = table::Wished { kind: *table, uuid: *uuid, bootable: *bootable, hybrid, partitions };
                table::plan(self, node, &site, &wished);
            }
            Some(Holds::Swap(swap)) if swap.random => swap::plan(self, node, &site),
            Some(Holds::Filesystem { .. } | Holds::Swap(_)) => filesystem::plan(self, node, &site),
            // The array, the group or the pool looks at its members itself, and a btrfs at its devices once all are placed.
            // The container that lies on it likewise.
            Some(
                Holds::Member { .. }
                | Holds::PhysicalVolume { .. }
                | Holds::Btrfs(_)
                | Holds::BtrfsMember { .. }
                | Holds::Luks { .. }
                | Holds::Zfs { .. },
            )
            | None => {}
        }
    }

    fn disk(&mut self, node: &Node, disk: &Disk) {
        let id = &node.id;
        let at = match (self.sight.device(id), self.sight.unseen(id)) {
            (Some(device), _) if device.read_only && node.holds.is_some() => {
                let reason = format!("{} is read-only", sight::describe(device));
                self.refuse(id, reason, "take off its write protection");
                At::Blocked
            }
            (Some(device), _) => At::Here(device),
            (None, Some(Unseen::Several(candidates))) => {
                let reason = format!("several disks fit {}: {}", said(disk), candidates.join("; "));
                self.refuse(id, reason, "say more about the disk, such as its `serial`");
                At::Blocked
            }
            (None, Some(Unseen::Shared(other))) => {
                let reason = format!("the same disk fits {} and {other}", said(disk));
                self.refuse(id, reason, "say of each disk what tells it from the others, such as its `serial`");
                At::Blocked
            }
            (None, Some(Unseen::Absent) | None) => {
                let within = node.holds.as_ref().and_then(Holds::crypt).and_then(|crypt| self.wish.node(crypt));
                let empty = within.is_some_and(|within| within.holds.is_none());
                if !self.may_be_absent(within.unwrap_or(node)) || empty {
                    let reason = format!("no disk with {} is found{}", said(disk), self.unclaimed());
                    self.refuse(id, reason, "connect it, or correct what the fleet says of it");
                }
                At::Absent
            }
        };
        self.place(id, at, Vec::new());
    }

    /// Is nothing on this node that must be there? An array, a btrfs and a pool say themselves whether they can do without a
    /// device, also if it is one of a table's partitions.
    fn may_be_absent(&self, node: &Node) -> bool {
        match &node.holds {
            Some(Holds::Member { .. } | Holds::Btrfs(_) | Holds::BtrfsMember { .. } | Holds::Zfs { .. }) | None => true,
            Some(Holds::Table { partitions, .. }) => {
                let parts = || partitions.iter().filter_map(|id| self.wish.node(id));
                parts().all(|part| self.may_be_absent(part)) && parts().any(|part| part.holds.is_some())
            }
            Some(Holds::Luks { crypt, .. }) => {
                self.wish.node(crypt).is_some_and(|within| within.holds.is_some() && self.may_be_absent(within))
            }
            Some(Holds::PhysicalVolume { .. } | Holds::Filesystem { .. } | Holds::Swap(_)) => false,
        }
    }

    /// The disks that nothing declared fits, for people.
    fn unclaimed(&self) -> String {
        let free =
            self.facts.devices.iter().filter(|device| {
                device.kind == crate::facts::DeviceKind::Disk && self.sight.node(&device.name).is_none()
            });
        let mut free: Vec<String> = free.map(sight::describe).collect();
        free.sort();
        if free.is_empty() { String::new() } else { format!("; not declared: {}", free.join("; ")) }
    }

    pub fn site(&self, node: &NodeId) -> Site<'a> {
        self.sites.get(node).cloned().unwrap_or(Site { at: At::Blocked, after: Vec::new() })
    }

    pub fn place(&mut self, node: &NodeId, at: At<'a>, after: Vec<StepId>) {
        self.sites.insert(node.clone(), Site { at, after });
    }

    pub fn keep(&mut self, node: &NodeId, what: impl Into<String>) {
        self.plan.kept.push(Kept { node: node.clone(), what: what.into() });
    }

    pub fn note(&mut self, node: &NodeId, text: impl Into<String>) {
        self.plan.notes.push(Note { node: node.clone(), text: text.into() });
    }

    pub fn refuse(&mut self, node: &NodeId, reason: impl Into<String>, remedy: impl Into<String>) {
        self.plan.refusals.push(Refusal { node: node.clone(), reason: reason.into(), remedy: remedy.into() });
    }

    /// Refuses to overwrite what a node holds, with the words that would allow it.
    pub fn refuse_foreign(&mut self, node: &NodeId, device: &Device) {
        let reason = format!("{} holds {}", self.place_of(node), shown(&device.content));
        let mut remedy = format!("to destroy that: --wipe {node}");
        if begun::is_lost_pv(&device.content) {
            remedy =
                format!("a copy of its metadata may be in /etc/lvm of what used it, see vgcfgrestore(8); {remedy}");
        }
        self.refuse(node, reason, remedy);
    }

    /// A node in words that a person can find it by.
    fn place_of(&self, node: &NodeId) -> String {
        match self.sight.device(node) {
            Some(device) if device.kind == crate::facts::DeviceKind::Disk => {
                format!("{node} ({})", sight::describe(device))
            }
            _ => node.to_string(),
        }
    }

    /// Adds a step; answers its name.
    pub fn add(&mut self, node: &NodeId, verb: &str, what: Action, risk: Risk, work: Work) -> StepId {
        let id = StepId(format!("{node}/{verb}"));
        let mut after: Vec<StepId> = work.after;
        after.extend(self.barrier.iter().cloned());
        after.sort();
        after.dedup();
        // Each step for itself: while it waited for others, a disk may have come back under another's name.
        let disks: BTreeSet<NodeId> =
            work.touches.iter().flat_map(|node| self.wish.disks_of(node)).map(|node| node.id.clone()).collect();
        let disks = disks.iter().filter_map(|disk| self.sight.device(disk).map(|device| (disk, device))).collect();
        let mut guards = guard::identity(disks);
        guards.extend(guard::blank(&work.blank));
        let notes_on = self.notes_on(&what);
        self.plan.steps.push(Step { id: id.clone(), node: node.clone(), what, risk, after, guards, notes_on });
        id
    }

    /// Where the group that a step changes has its notes: on the physical volumes that are there, and those that it makes
    /// or an earlier step made.
    fn notes_on(&self, what: &Action) -> Vec<NodeId> {
        let Some(name) = what.group() else { return Vec::new() };
        let groups = self.wish.nodes.iter().filter_map(|node| match &node.kind {
            Kind::Group(group) if group.name == *name => Some(group),
            _ => None,
        });
        let made = |what: &Action, pv: &NodeId| match what {
            Action::Group(it) => it.new_pvs().iter().any(|new| new.node == *pv),
            _ => false,
        };
        let there = |pv: &&NodeId| match self.site(pv).at {
            At::Here(_) => true,
            At::Made => made(what, pv) || self.plan.steps.iter().any(|step| made(&step.what, pv)),
            At::Hidden | At::Absent | At::Blocked => false,
        };
        groups.flat_map(|group| &group.pvs).filter(there).cloned().collect()
    }

    /// Lets a step wait for one more.
    pub fn wait_also(&mut self, at: usize, other: StepId) {
        self.plan.steps[at].after.push(other);
    }

    /// Is nothing on this device, as far as homehive may judge? What no tool knows counts as nothing only inside what
    /// homehive made itself, not where it was adopted; and where persistent data belongs it may be that data, damaged.
    pub fn vacant(&self, node: &NodeId, device: &Device) -> bool {
        let inside = self.wish.node(node).is_some_and(|node| !matches!(node.kind, Kind::Disk(_)) && !node.adopted);
        match device.content {
            Content::Blank => true,
            Content::Unknown => inside && !self.carries_persistent(node),
            _ => false,
        }
    }

    /// Is this node, or anything that lies on it, persistent?
    pub fn carries_persistent(&self, node: &NodeId) -> bool {
        self.wish.node(node).is_some_and(|node| node.persistent)
            || self.wish.on(node).any(|above| self.carries_persistent(&above.id))
    }

    /// The steps that these nodes' devices wait for.
    pub fn waits(&self, nodes: &[NodeId]) -> Vec<StepId> {
        nodes.iter().flat_map(|id| self.site(id).after).collect()
    }

    /// Those of these nodes on which, as the facts say, no signature is to be found.
    pub fn blank(&self, nodes: &[NodeId]) -> Vec<NodeId> {
        let blank = |id: &&NodeId| matches!(self.site(id).at, At::Here(device) if device.content == Content::Blank);
        nodes.iter().filter(blank).cloned().collect()
    }

    /// Refuses a device that is in use although nothing that homehive knows is on it; says whether it did.
    pub fn refuse_used(&mut self, node: &NodeId, device: &Device) -> bool {
        let user = self.user(device);
        if let Some(user) = &user {
            self.refuse(node, format!("it holds nothing that homehive knows, yet is {user}"), "stop what uses it");
        }
        user.is_some()
    }

    /// Who uses a device, if anybody does.
    pub fn user(&self, device: &Device) -> Option<String> {
        let parts = || self.facts.children(&device.name).next().map(|part| format!("divided: {} is on it", part.path));
        self.facts.used(device).or_else(parts)
    }

    fn finish(mut self) -> Plan {
        // A step that waits for several tables was begun at the first of them.
        let (mut rest, mut done) = (std::mem::take(&mut self.plan.steps), BTreeSet::new());
        while let Some(at) = rest.iter().position(|step| step.after.iter().all(|before| done.contains(before))) {
            let step = rest.remove(at);
            done.insert(step.id.clone());
            self.plan.steps.push(step);
        }
        self.plan
    }
}

/// What was said of a disk.
fn said(disk: &Disk) -> String {
    let size = disk.size.map(|size| size.to_string());
    let words =
        [("path", &disk.device), ("serial", &disk.serial), ("wwn", &disk.wwn), ("model", &disk.model), ("size", &size)];
    let words = words.iter().filter_map(|(word, value)| value.as_ref().map(|value| format!("{word} {value}")));
    words.collect::<Vec<_>>().join(", ")
}

/// What a device holds, for people.
pub(crate) fn shown(content: &Content) -> String {
    match content {
        Content::Blank => "nothing".to_owned(),
        Content::Unknown => "data that no tool knows".to_owned(),
        Content::Unreadable => "what cannot be read: it answers nothing but errors".to_owned(),
        Content::Table { label, .. } => format!("a partition table ({label})"),
        Content::Filesystem { format, label: Some(label), .. } => format!("a filesystem ({format}, label {label})"),
        Content::Filesystem { format, .. } => format!("a filesystem ({format})"),
        Content::Swap { .. } => "swap space".to_owned(),
        Content::Member { name, level, .. } => format!("a member of array {name} ({level})"),
        Content::PhysicalVolume { group: Some(group), .. } => format!("a physical volume of group {group}"),
        Content::PhysicalVolume { group: None, .. } => "a physical volume of no group".to_owned(),
        Content::Luks { version, .. } => format!("encrypted data (LUKS{version})"),
        Content::PoolMember { pool: Some(pool), gone: false, .. } => format!("a device of ZFS pool {pool}"),
        Content::PoolMember { pool: None, gone: false, .. } => "a device of a ZFS pool".to_owned(),
        Content::PoolMember { gone: true, .. } => "what is left of a ZFS pool".to_owned(),
        Content::Other { name } => format!("something that homehive does not make ({name})"),
    }
}
