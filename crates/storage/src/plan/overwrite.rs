//! What a step writes over: the areas of each disk that must be saved before it runs. Reading and keeping them is
//! `machine`'s business.

use super::sight::{self, Sight};
use super::table::starts;
use super::{
    Action, BtrfsAction, FilesystemAction, Guard, LuksAction, Plan, PoolAction, Step, TableAction, Wipe, begun, guard,
};
use crate::NodeId;
use crate::facts::{Content, Device, DeviceKind, Facts, Group};
use crate::save::Area;
use crate::tree;
use crate::wish::Wish;
use std::collections::{BTreeMap, BTreeSet};

const MIB: u64 = 1 << 20;
/// A table's last partition ends somewhere within the last of these, and what ends a superblock lies before its end.
const END: u64 = 3 * MIB;

/// A device that a step writes over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overwritten {
    /// Where it is now, such as `/dev/sda`.
    pub path: String,
    /// By what it is found again: serial number, WWN, UUID and size; never its kernel name.
    pub known: String,
    /// In words, for people.
    pub shown: String,
    /// Its serial number, or the next best word, for the name of the save.
    pub label: String,
    /// Has it a partition table?
    pub table: bool,
    /// Is everything that the step writes within the areas? Only then can they be put back.
    pub whole: bool,
    /// The areas, from the first byte on, none touching another.
    pub areas: Vec<Area>,
    /// Is it still this device? Its path stands in the questions as the node.
    pub guards: Vec<Guard>,
}

impl Plan {
    /// What each step writes over, device by device; `wish` and `facts` are those that the plan was made from. Nothing, if
    /// it writes only where nothing is.
    pub fn overwrites(&self, wish: &Wish, facts: &Facts) -> Vec<Vec<Overwritten>> {
        let sight = Sight::new(wish, facts);
        let wipe = self.steps.iter().find_map(|step| if let Action::Wipe(it) = &step.what { Some(it) } else { None });
        let gone = wipe.map(|wipe| gone(wipe, facts, &sight)).unwrap_or_default();
        self.steps.iter().map(|step| step.overwrites(facts, &sight, &gone)).collect()
    }
}

/// What stands on wiped devices: saved with them and then taken down, it is not there for any later step, and its kernel name
/// may be another one's.
fn gone<'a>(wipe: &Wipe, facts: &'a Facts, sight: &Sight<'a>) -> BTreeSet<&'a str> {
    let mut open: Vec<&str> =
        wipe.devices.iter().filter_map(|node| sight.device(node)).map(|device| device.name.as_str()).collect();
    let mut gone = BTreeSet::new();
    let removed = facts.groups.iter().filter(|group| wipe.groups.contains(&group.name));
    for (group, volume) in removed.flat_map(|group| group.volumes.iter().map(move |volume| (group, volume))) {
        let path = sight::mapped(&group.name, &volume.name);
        let volume = facts.devices.iter().find(|device| device.path == path).map(|device| device.name.as_str());
        open.extend(volume);
        gone.extend(volume);
    }
    while let Some(name) = open.pop() {
        let above = facts.children(name).map(|child| child.name.as_str());
        open.extend(above.filter(|name| gone.insert(name)));
    }
    gone
}

impl Step {
    fn overwrites<'a>(&self, facts: &'a Facts, sight: &Sight<'a>, gone: &BTreeSet<&str>) -> Vec<Overwritten> {
        let mut over = Over { facts, ranges: BTreeMap::new(), whole: true };
        match &self.what {
            Action::Wipe(wipe) => over.wipe(wipe, sight),
            Action::Table(TableAction::Create { partitions, .. }) => {
                if let Some(disk) = sight.device(&self.node).filter(|disk| disk.content != Content::Blank) {
                    over.ends(disk);
                    for (start, new) in starts(partitions).zip(partitions) {
                        over.range(disk, start, start + MIB);
                        if let Some(size) = new.size {
                            over.range(disk, (start + size).saturating_sub(MIB), start + size);
                        }
                    }
                    over.range(disk, disk.size.saturating_sub(END), disk.size);
                }
            }
            // The first sector, and nothing else: what follows may be changed by others before it is put back.
            Action::Table(TableAction::Hybrid { sector, saved: true, .. }) => {
                if let Some(disk) = sight.device(&self.node) {
                    over.range(disk, 0, u64::from(*sector));
                }
            }
            Action::Filesystem(FilesystemAction::Make { .. } | FilesystemAction::Swap { .. }) => {
                let device = sight.device(&self.node);
                if let Some(device) = device.filter(|_| !self.risk.destroyed().is_empty()) {
                    over.ends(device);
                    over.whole = false;
                }
            }
            Action::Btrfs(BtrfsAction::Make { members, .. }) => {
                let nodes = std::iter::once(&self.node).chain(members);
                for device in
                    nodes.filter(|node| self.risk.destroyed().contains(node)).filter_map(|node| sight.device(node))
                {
                    over.ends(device);
                    over.whole = false;
                }
            }
            Action::Luks(LuksAction::Format { device, .. }) => {
                if let Some(device) = sight.device(device).filter(|_| !self.risk.destroyed().is_empty()) {
                    over.ends(device);
                    over.whole = false;
                }
            }
            Action::Pool(PoolAction::Create { vdevs, .. }) => {
                let members = vdevs.iter().flat_map(|vdev| &vdev.members);
                for device in
                    members.filter(|node| self.risk.destroyed().contains(node)).filter_map(|node| sight.device(node))
                {
                    over.ends(device);
                    over.whole = false;
                }
            }
            // These write where nothing is, or change what goes on to be there.
            Action::Settle
            | Action::Table(
                TableAction::Add { .. }
                | TableAction::Grow { .. }
                | TableAction::Attributes { .. }
                | TableAction::Hybrid { .. },
            )
            | Action::Array(_)
            | Action::Group(_)
            | Action::Volume(_)
            | Action::Filesystem(FilesystemAction::Grow { .. })
            | Action::Btrfs(
                BtrfsAction::Subvolumes { .. }
                | BtrfsAction::Add { .. }
                | BtrfsAction::Forget { .. }
                | BtrfsAction::Grow { .. },
            )
            | Action::Luks(
                LuksAction::Open { .. }
                | LuksAction::Grow { .. }
                | LuksAction::Enrol { .. }
                | LuksAction::Forget { .. },
            )
            | Action::Pool(_)
            | Action::Mount(_)
            | Action::Nodev(_) => {}
        }
        if !matches!(self.what, Action::Wipe(_)) {
            over.ranges.retain(|name, _| !gone.contains(name));
        }
        over.end()
    }
}

/// The ranges found so far, by the kernel name of the device that has them.
struct Over<'a> {
    facts: &'a Facts,
    ranges: BTreeMap<&'a str, BTreeSet<(u64, u64)>>,
    whole: bool,
}

impl<'a> Over<'a> {
    fn wipe(&mut self, wipe: &Wipe, sight: &Sight<'a>) {
        let facts = self.facts;
        for device in wipe.devices.iter().filter_map(|node| sight.device(node)) {
            self.ends(device);
            facts.children(&device.name).filter(|child| child.partition.is_some()).for_each(|child| self.ends(child));
        }
        // Removing a group writes to each of its physical volumes.
        for device in &facts.devices {
            if let Content::PhysicalVolume { group: Some(group), .. } = &device.content
                && wipe.groups.contains(group)
            {
                self.ends(device);
            }
        }
        // What is left of a pool that was destroyed says so in places all over its devices.
        if !wipe.pools.is_empty() {
            self.whole = false;
        }
        // Whoever removes a thin volume takes it out of its pool's notes, which lie anywhere in the group: LVM's metadata put
        // back would speak of volumes that the pool has no more.
        let thin = |group: &Group| group.volumes.iter().any(|volume| volume.segment == tree::Thin::Pool.segment());
        if facts.groups.iter().any(|group| wipe.groups.contains(&group.name) && thin(group)) {
            self.whole = false;
        }
    }

    fn ends(&mut self, device: &'a Device) {
        self.range(device, 0, MIB);
        self.range(device, device.size.saturating_sub(MIB), device.size);
    }

    /// Bytes of a device; those of a partition are bytes of its disk.
    fn range(&mut self, device: &'a Device, from: u64, to: u64) {
        let to = to.min(device.size);
        let disk = device.parents.first().and_then(|parent| self.facts.device(parent));
        let (root, base) = match (&device.partition, disk) {
            (Some(partition), Some(disk)) => (disk, partition.start),
            _ => (device, 0),
        };
        if from < to {
            self.ranges.entry(&root.name).or_default().insert((base + from, base + to));
        }
    }

    fn end(self) -> Vec<Overwritten> {
        let Self { facts, ranges, whole } = self;
        let found = ranges.into_iter().filter_map(|(name, ranges)| Some((facts.device(name)?, ranges)));
        found
            .map(|(device, ranges)| Overwritten {
                path: device.path.clone(),
                known: known(facts, device),
                shown: if device.kind == DeviceKind::Disk { sight::describe(device) } else { device.path.clone() },
                label: label(device),
                table: matches!(device.content, Content::Table { .. }),
                whole,
                areas: joined(ranges),
                guards: identity(device),
            })
            .collect()
    }
}

/// Ranges that overlap or touch are one area.
fn joined(ranges: BTreeSet<(u64, u64)>) -> Vec<Area> {
    let mut areas: Vec<Area> = Vec::new();
    for (from, to) in ranges {
        match areas.last_mut().filter(|last| last.offset + last.length >= from) {
            Some(last) => last.length = last.length.max(to - last.offset),
            None => areas.push(Area { offset: from, length: to - from }),
        }
    }
    areas
}

/// Is this still the device that the facts described?
pub(crate) fn identity(device: &Device) -> Vec<Guard> {
    guard::identity(vec![(&NodeId::from(device.path.as_str()), device)])
}

/// By what a device is found again, however the kernel calls it then.
pub(crate) fn known(facts: &Facts, device: &Device) -> String {
    let uuid = match device.kind {
        DeviceKind::Disk | DeviceKind::Partition => return begun::mark(device),
        DeviceKind::Array => {
            facts.arrays.iter().find(|array| array.device == device.name).map(|array| format!("array {}", array.uuid))
        }
        DeviceKind::Volume => facts.groups.iter().find_map(|group| {
            let at = |name: &str| sight::mapped(&group.name, name) == device.path;
            let volume = group.volumes.iter().find(|volume| at(&volume.name))?;
            Some(format!("volume {}", volume.uuid))
        }),
        DeviceKind::Crypt => {
            device.parents.first().and_then(|parent| facts.device(parent)).and_then(|parent| match &parent.content {
                Content::Luks { uuid: Some(uuid), .. } => Some(format!("opened {uuid}")),
                _ => None,
            })
        }
        DeviceKind::Zvol => {
            device.links.iter().find(|link| link.starts_with("/dev/zvol/")).map(|link| format!("volume {link}"))
        }
        DeviceKind::Other => None,
    };
    let uuid = uuid.unwrap_or_else(|| device.path.clone());
    format!("{uuid}, {} bytes", device.size)
}

fn label(device: &Device) -> String {
    let words = [&device.serial, &device.wwn].into_iter().flatten().next();
    let text = words.map_or_else(|| device.path.trim_start_matches("/dev/"), String::as_str);
    text.trim().chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect()
}
