//! Wiping what was named, with everything that stands on it; and what the disks look like to the rest of the plan then.

use super::group::{devices, script};
use super::luks;
use super::outcome::{Consent, Note, Refusal};
use super::planner::shown;
use super::pool;
use super::sight::{Sight, our_group};
use super::step::settle;
use crate::NodeId;
use crate::facts::{Content, Device, DeviceKind, Facts};
use crate::wish::{Kind, Thin, Volume, Wish};
use cmd::Cmd;
use schemars::JsonSchema;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const WIPE: &str = include_str!("wipe.sh");

/// Takes down what stands on these nodes, and wipes them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Wipe {
    /// Everything that is lost with it: the named nodes, and what lies on them.
    lost: Vec<NodeId>,
    /// Volume groups that are removed.
    pub groups: Vec<String>,
    /// ZFS pools that are destroyed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<String>,
    /// The nodes whose devices are wiped.
    pub devices: Vec<NodeId>,
    /// What is there now, for people.
    pub what: String,
}

impl Wipe {
    /// Is this node wiped with it, or something that it lies on?
    fn reaches(&self, id: &NodeId, wish: &Wish) -> bool {
        self.lost.contains(id)
            || self.devices.contains(id)
            || wish.node(id).is_some_and(|node| node.on.iter().any(|below| self.reaches(below, wish)))
    }

    /// Every node that loses its content.
    pub fn nodes(&self) -> Vec<NodeId> {
        self.lost.clone()
    }

    pub(super) fn describe(&self) -> String {
        format!("wipe {}", self.what)
    }

    pub(super) fn commands(&self) -> Vec<Cmd> {
        let cmd = script(WIPE, "wipe").args(self.groups.iter().map(String::as_str)).arg("--");
        let pools = self.pools.iter().map(|pool| Cmd::new("zpool").args(["destroy", "-f", pool]));
        pools.chain([devices(cmd, &self.devices), settle()]).collect()
    }
}

/// The facts as they will be after wiping.
pub(super) struct Cleared<'a> {
    pub facts: Cow<'a, Facts>,
    pub wipe: Option<(NodeId, Wipe)>,
    pub refusals: Vec<Refusal>,
    pub notes: Vec<Note>,
}

/// What the named nodes bring down with them.
#[derive(Default)]
struct Reach {
    /// Kernel names of everything on the named devices, they themselves left out.
    above: BTreeSet<String>,
    /// Names of groups that lose a physical volume.
    groups: BTreeSet<String>,
    /// Names of ZFS pools that lose a device.
    pools: BTreeSet<String>,
}

pub(super) fn clear<'a>(wish: &Wish, facts: &'a Facts, consent: &Consent, sight: &Sight<'a>) -> Cleared<'a> {
    let mut cleared = Cleared { facts: Cow::Borrowed(facts), wipe: None, refusals: Vec::new(), notes: Vec::new() };
    if consent.wipe.is_empty() {
        return cleared;
    }
    let mut named: BTreeMap<NodeId, &Device> = BTreeMap::new();
    let mut groups: BTreeSet<String> = BTreeSet::new();
    for id in &consent.wipe {
        let refuse =
            |reason: &str, remedy: &str| Refusal { node: id.clone(), reason: reason.into(), remedy: remedy.into() };
        match (wish.node(id).map(|node| &node.kind), sight.device(id)) {
            (None, _) => {
                cleared.refusals.push(refuse("no such node is declared", "name a declared node, as `show` prints it"));
            }
            (Some(Kind::Group(_)), _) => match our_group(wish, facts, id) {
                Some(group) => drop(groups.insert(group.name.clone())),
                None => {
                    cleared.notes.push(Note { node: id.clone(), text: "it is not there: nothing to wipe".to_owned() });
                }
            },
            (Some(Kind::Pool(pool)), _) => {
                let devices = pool::there(wish, facts, sight, id, pool);
                if devices.is_empty() {
                    cleared.notes.push(Note { node: id.clone(), text: "it is not there: nothing to wipe".to_owned() });
                }
                named.extend(devices);
            }
            (Some(kind), Some(device))
                if !is_pool(kind)
                    && device.content == Content::Blank
                    && facts.children(&device.name).next().is_none() =>
            {
                cleared.notes.push(Note { node: id.clone(), text: "it holds nothing: nothing to wipe".to_owned() });
            }
            (Some(_), Some(device)) => drop(named.insert(id.clone(), device)),
            (Some(Kind::Volume(_) | Kind::Zvol(_)), None) if groups_named(wish, id, consent) => {}
            // It goes with what it lies on.
            (Some(_), None) if consent.wipe.iter().any(|below| luks::in_closed(wish, sight, id, Some(below))) => {}
            (Some(_), None) if luks::in_closed(wish, sight, id, None) => cleared.refusals.push(refuse(
                "it is closed, or in what is closed, so it cannot be wiped by itself",
                &luks::whole(wish, sight, id),
            )),
            (Some(_), None) => cleared.refusals.push(refuse(
                "it is not seen, so it cannot be wiped",
                "apply without wiping it first, or leave the word out",
            )),
        }
    }
    let reach = reach(facts, &named, groups);
    // Its device shows what is its volumes', and writing there would be writing to them.
    let pools = named.iter().filter(|(id, _)| wish.node(id).is_some_and(|node| is_pool(&node.kind)));
    cleared.refusals.extend(pools.filter(|(_, device)| !reach.above.contains(&device.name)).map(|(id, _)| Refusal {
        node: id.clone(),
        reason: "it is a thin pool: what is in it is its volumes'".into(),
        remedy: "name its volumes, or the whole group with it".into(),
    }));
    let lost = lost(wish, facts, sight, &named, &reach);
    cleared.refusals.extend(objections(wish, facts, consent, sight, &named, &reach, &lost));
    if !cleared.refusals.is_empty() || lost.is_empty() {
        return cleared;
    }
    let what = what(&named, &reach);
    let first = named.keys().next().or_else(|| lost.first()).cloned();
    let after = after(facts, &named, &reach);
    // What vanishes with its table, array or group needs no wiping of its own.
    let devices =
        named.iter().filter(|(_, device)| !reach.above.contains(&device.name)).map(|(id, _)| id.clone()).collect();
    let (groups, pools) = (reach.groups.into_iter().collect(), reach.pools.into_iter().collect());
    let wipe = Wipe { lost, groups, pools, devices, what };
    cleared.facts = Cow::Owned(after);
    cleared.wipe = first.map(|first| (first, wipe));
    cleared
}

impl<'a> Cleared<'a> {
    /// And what is left of steps that were cut: nothing is lost with it.
    pub fn and_left(mut self, wish: &Wish, left: &BTreeSet<NodeId>, sight: &Sight<'a>) -> Self {
        let already = |id: &NodeId| self.wipe.as_ref().is_some_and(|(_, wipe)| wipe.reaches(id, wish));
        let left: Vec<(&NodeId, &Device)> =
            left.iter().filter(|id| !already(id)).filter_map(|id| Some((id, sight.device(id)?))).collect();
        let Some((first, _)) = left.first() else { return self };
        let facts = self.facts.to_mut();
        for device in &mut facts.devices {
            if left.iter().any(|(_, left)| left.name == device.name) {
                device.content = Content::Blank;
            }
        }
        let shown: Vec<String> = left.iter().map(|(id, _)| format!("what a cut step left on {id}")).collect();
        let (node, mut wipe) = self.wipe.take().unwrap_or_else(|| ((*first).clone(), Wipe::default()));
        wipe.devices.extend(left.iter().map(|(id, _)| (*id).clone()));
        wipe.what =
            std::iter::once(wipe.what).filter(|what| !what.is_empty()).chain(shown).collect::<Vec<_>>().join(", ");
        self.wipe = Some((node, wipe));
        self
    }
}

fn is_pool(kind: &Kind) -> bool {
    matches!(kind, Kind::Volume(Volume { thin: Some(Thin::Pool), .. }))
}

fn groups_named(wish: &Wish, volume: &NodeId, consent: &Consent) -> bool {
    wish.node(volume).is_some_and(|node| node.on.iter().any(|group| consent.wipe.contains(group)))
}

fn reach(facts: &Facts, named: &BTreeMap<NodeId, &Device>, groups: BTreeSet<String>) -> Reach {
    let mut reach = Reach { above: BTreeSet::new(), groups, pools: BTreeSet::new() };
    let mut todo: Vec<String> = named.values().map(|device| device.name.clone()).collect();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for group in &reach.groups.clone() {
        todo.extend(volumes(facts, group));
        reach.above.extend(volumes(facts, group));
    }
    while let Some(name) = todo.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        reach.pools.extend(facts.pool_of(&name).map(|pool| pool.name.clone()));
        let children = facts.children(&name).map(|child| child.name.clone());
        let begun = facts.arrays.iter().filter(|array| array.members.iter().any(|member| member.device == name));
        let mut above: Vec<String> = children.chain(begun.map(|array| array.device.clone())).collect();
        if let Some(Content::PhysicalVolume { group: Some(group), .. }) =
            facts.device(&name).map(|device| &device.content)
        {
            reach.groups.insert(group.clone());
            above.extend(volumes(facts, group));
        }
        reach.above.extend(above.iter().cloned());
        todo.extend(above);
    }
    reach
}

/// The active volumes of a group, by kernel name.
fn volumes(facts: &Facts, group: &str) -> Vec<String> {
    let begins = super::sight::mapped(group, "");
    let of = |device: &&Device| {
        device.kind == DeviceKind::Volume
            && device.path.strip_prefix(&begins).is_some_and(|rest| !rest.starts_with('-'))
    };
    facts.devices.iter().filter(of).map(|device| device.name.clone()).collect()
}

/// The declared nodes that lose what they hold.
fn lost(wish: &Wish, facts: &Facts, sight: &Sight, named: &BTreeMap<NodeId, &Device>, reach: &Reach) -> Vec<NodeId> {
    let goes = |id: &NodeId| {
        if named.contains_key(id) || sight.device(id).is_some_and(|device| reach.above.contains(&device.name)) {
            return true;
        }
        let Some(node) = wish.node(id) else { return false };
        let goes_below = |below: &NodeId| {
            named.contains_key(below) || sight.device(below).is_some_and(|device| reach.above.contains(&device.name))
        };
        if wish.nodes.iter().any(|below| goes_below(&below.id) && luks::in_closed(wish, sight, id, Some(&below.id))) {
            return true;
        }
        let wiped = |name: &str| reach.above.contains(name) || named.values().any(|device| device.name == name);
        let pool_goes = |pool: &NodeId| pool::goes(wish, facts, sight, pool, &reach.pools, wiped);
        let group_goes =
            |group: &NodeId| our_group(wish, facts, group).filter(|group| reach.groups.contains(&group.name));
        match &node.kind {
            Kind::Group(_) => group_goes(id).is_some(),
            Kind::Volume(volume) => node.on.first().and_then(group_goes).is_some_and(|group| {
                let (name, inner) = (volume.name.as_ref(), format!("{}_cvol", volume.name));
                group.volumes.iter().any(|found| found.name == name || found.name == inner)
            }),
            Kind::Pool(_) => pool_goes(id),
            // Also of one that is not imported: it goes with its devices.
            Kind::Zvol(_) => node.on.iter().any(pool_goes),
            Kind::Disk(_) | Kind::Partition(_) | Kind::Array(_) | Kind::Crypt(_) => false,
        }
    };
    wish.nodes.iter().map(|node| &node.id).filter(|id| goes(id)).cloned().collect()
}

fn objections(
    wish: &Wish,
    facts: &Facts,
    consent: &Consent,
    sight: &Sight,
    named: &BTreeMap<NodeId, &Device>,
    reach: &Reach,
    lost: &[NodeId],
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let about = named.keys().next().or_else(|| consent.wipe.iter().next()).cloned().unwrap_or_else(|| "disk".into());
    let mut refuse =
        |node: &NodeId, reason: String, remedy: String| refusals.push(Refusal { node: node.clone(), reason, remedy });
    let touched = |name: &str| reach.above.contains(name) || named.values().any(|device| device.name == name);
    for mount in &facts.mounts {
        let holds = |device: &&Device| touched(&device.name) && facts.mounts_of(device).any(|own| own == mount);
        let Some(device) = facts.devices.iter().find(holds) else { continue };
        let node = sight.node(&device.name).unwrap_or(&about);
        let reason = format!("it is mounted on {}, and what is mounted is never wiped", mount.target);
        refuse(node, reason, format!("umount {}", cmd::quote(&mount.target)));
    }
    for swap in facts.swaps.iter().filter(|swap| touched(swap)) {
        refuse(sight.node(swap).unwrap_or(&about), "it is in use as swap".to_owned(), "swapoff it".to_owned());
    }
    let missing: Vec<&NodeId> = lost
        .iter()
        .filter(|id| wish.node(id).is_some_and(|node| node.persistent) && !consent.wipe.contains(*id))
        .collect();
    if !missing.is_empty() {
        let words: Vec<String> = missing.iter().map(|id| format!("--wipe {id}")).collect();
        let shown: Vec<&str> = missing.iter().map(|id| id.as_str()).collect();
        refuse(
            &about,
            format!("that destroys what is persistent: {}", shown.join(", ")),
            format!("to destroy that too: {}", words.join(" ")),
        );
    }
    for device in named.values() {
        let Content::Member { array, name, .. } = &device.content else { continue };
        let running = facts.arrays.iter().find(|known| known.uuid == *array && known.active);
        let others = facts.devices.iter().filter(|other| match (&other.content, running) {
            (_, Some(running)) => running.members.iter().any(|member| member.device == other.name),
            (Content::Member { array: of, .. }, None) => of == array,
            _ => false,
        });
        let others: Vec<&Device> = others.collect();
        let serves = others.iter().any(|other| other.name == device.name);
        if serves && others.iter().any(|other| !touched(&other.name)) {
            let node = sight.node(&device.name).unwrap_or(&about);
            let reason = format!("it serves in array {name}, other members of which are not named");
            refuse(
                node,
                reason,
                format!("take it out (mdadm /dev/md/{name} --fail …, --remove …), or name all members"),
            );
        }
    }
    for device in named.values() {
        let others = |other: &&Device| other.btrfs() == device.btrfs() && !touched(&other.name);
        if device.btrfs().is_some() && facts.devices.iter().any(|other| others(&other)) {
            let node = sight.node(&device.name).unwrap_or(&about);
            let reason = "it serves in a btrfs, other devices of which are not named";
            let remedy = "take it out (btrfs device remove …), or name all devices";
            refuse(node, reason.to_owned(), remedy.to_owned());
        }
    }
    for pool in facts.pools.iter().filter(|pool| reach.pools.contains(&pool.name)) {
        for dataset in &pool.datasets {
            for at in &dataset.mounts {
                let reason = format!("ZFS pool {} is mounted on {at}, and what is mounted is never wiped", pool.name);
                refuse(&about, reason, format!("umount {}", cmd::quote(at)));
            }
        }
        // ZFS destroys no pool whose volumes are held.
        let begins = format!("/dev/zvol/{}/", pool.name);
        let link = |device: &Device| device.links.iter().find(|link| link.starts_with(&begins)).cloned();
        for (volume, link) in facts.devices.iter().filter_map(|device| Some((device, link(device)?))) {
            // Partitions, as of a guest's disk, hold nothing by themselves.
            let parts = facts.children(&volume.name).filter(|child| child.partition.is_some());
            let below = parts.map(|part| &part.name).chain([&volume.name]);
            for child in below.flat_map(|name| facts.children(name)).filter(|child| child.partition.is_none()) {
                let reason =
                    format!("{} stands on {link}, and ZFS destroys no pool whose volumes are in use", child.path);
                let remedy = format!("end {} (cryptsetup close, mdadm --stop, vgchange --activate n)", child.path);
                refuse(&about, reason, remedy);
            }
        }
        let others = pool.members().filter_map(|member| member.device.as_deref()).any(|device| !touched(device));
        if others {
            let reason = format!("it serves in ZFS pool {}, other devices of which are not named", pool.name);
            let remedy = "take it out (zpool detach …, zpool remove …), or name the whole pool";
            refuse(&about, reason, remedy.to_owned());
        }
    }
    for group in &reach.groups {
        let ours =
            wish.nodes.iter().any(|node| our_group(wish, facts, &node.id).is_some_and(|known| known.name == *group));
        let all = facts.devices.iter().all(|device| match &device.content {
            Content::PhysicalVolume { group: Some(of), .. } if of == group => touched(&device.name),
            _ => true,
        });
        if !ours && !all {
            refuse(
                &about,
                format!("volume group {group} reaches over other disks too"),
                "name all of its disks, or remove the group by hand".to_owned(),
            );
        }
    }
    refusals
}

fn what(named: &BTreeMap<NodeId, &Device>, reach: &Reach) -> String {
    let groups = reach.groups.iter().map(|group| format!("volume group {group}"));
    let named = named.iter().map(|(id, device)| format!("{id} ({})", shown(&device.content)));
    let pools = reach.pools.iter().map(|pool| format!("ZFS pool {pool}"));
    named.chain(groups).chain(pools).collect::<Vec<_>>().join(", ")
}

fn after(facts: &Facts, named: &BTreeMap<NodeId, &Device>, reach: &Reach) -> Facts {
    let mut facts = facts.clone();
    let groups = &reach.groups;
    facts.arrays.retain(|array| !reach.above.contains(&array.device));
    facts.groups.retain(|group| !groups.contains(&group.name));
    facts.pools.retain(|pool| !reach.pools.contains(&pool.name));
    facts.devices.retain(|device| !reach.above.contains(&device.name));
    let gone = |name: &str| reach.above.contains(name) || named.values().any(|device| device.name == name);
    for btrfs in &mut facts.btrfs {
        btrfs.devices.retain(|device| !gone(&device.device));
    }
    facts.btrfs.retain(|btrfs| !btrfs.devices.is_empty());
    for device in &mut facts.devices {
        if named.values().any(|named| named.name == device.name) {
            device.content = Content::Blank;
        }
        if let Content::PhysicalVolume { group, used, .. } = &mut device.content
            && group.as_ref().is_some_and(|group| groups.contains(group))
        {
            (*group, *used) = (None, 0);
        }
    }
    facts
}
