//! A machine that does what steps say: the facts after each, without any disk.

use std::collections::BTreeSet;
use storage::facts::*;
use storage::identity::{self, short};
use storage::plan::{
    Action, ArrayAction, Consent, FilesystemAction, GroupAction, Plan, Sight, Step, TableAction, VolumeAction,
};
use storage::tree::{Format, TableKind};
use storage::wish::Kind;
use storage::{Extent, NodeId, Wish, plan};
use uuid::Uuid;

const MIB: u64 = 1 << 20;
const EXTENT: u64 = 4 * MIB;

/// Everything that is on the disks, and what of it runs.
#[derive(Clone)]
pub struct World {
    pub all: Facts,
    /// Arrays that do not run.
    pub stopped: BTreeSet<Uuid>,
    /// Groups that are not active.
    pub inactive: BTreeSet<String>,
}

pub fn disk(name: &str, serial: &str, size: u64) -> Device {
    Device {
        name: name.into(),
        path: format!("/dev/{name}"),
        kind: DeviceKind::Disk,
        size,
        sector: 512,
        serial: Some(serial.into()),
        wwn: None,
        model: Some("DISK".into()),
        transport: None,
        removable: false,
        rotational: true,
        read_only: false,
        links: vec![],
        parents: vec![],
        partition: None,
        content: Content::Blank,
    }
}

fn above(name: String, path: String, kind: DeviceKind, size: u64, parents: Vec<String>) -> Device {
    Device { name, path, kind, serial: None, model: None, parents, ..disk("", "", size) }
}

impl World {
    pub fn new(disks: Vec<Device>) -> Self {
        let machine = Machine { hostname: "m".into(), ..Machine::default() };
        let all = Facts {
            version: 1,
            machine,
            devices: disks,
            arrays: vec![],
            groups: vec![],
            mounts: vec![],
            swaps: vec![],
        };
        Self { all, stopped: BTreeSet::new(), inactive: BTreeSet::new() }
    }

    /// What a probe shows.
    pub fn seen(&self) -> Facts {
        let mut facts = self.all.clone();
        let mut gone: BTreeSet<String> = BTreeSet::new();
        facts.arrays.retain(|array| {
            if self.stopped.contains(&array.uuid) {
                gone.insert(array.device.clone());
            }
            !self.stopped.contains(&array.uuid)
        });
        for group in &mut facts.groups {
            if self.inactive.contains(&group.name) {
                group.volumes.iter_mut().for_each(|volume| volume.active = false);
                gone.extend(
                    facts
                        .devices
                        .iter()
                        .filter(|device| device.path.starts_with(&format!("/dev/mapper/{}-", group.name)))
                        .map(|device| device.name.clone()),
                );
            }
        }
        for _ in 0..4 {
            let more: Vec<String> = facts
                .devices
                .iter()
                .filter(|device| device.parents.iter().any(|parent| gone.contains(parent)))
                .map(|device| device.name.clone())
                .collect();
            gone.extend(more);
        }
        let in_group = |device: &Device, name: &str| matches!(&device.content, Content::PhysicalVolume { group: Some(group), .. } if group == name);
        for group in &mut facts.groups {
            group.missing = u32::try_from(
                facts
                    .devices
                    .iter()
                    .filter(|device| gone.contains(&device.name) && in_group(device, &group.name))
                    .count(),
            )
            .unwrap();
        }
        facts.groups.retain(|group| {
            facts.devices.iter().any(|device| !gone.contains(&device.name) && in_group(device, &group.name))
        });
        facts.devices.retain(|device| !gone.contains(&device.name));
        facts
    }

    /// The power goes and comes back.
    pub fn reboot(&mut self) {
        self.all.mounts.clear();
        self.stopped = self.all.arrays.iter().map(|array| array.uuid).collect();
        self.inactive = self.all.groups.iter().map(|group| group.name.clone()).collect();
    }

    /// Looks, plans and applies until nothing is left to do; all plans that were applied.
    pub fn converge(&mut self, wish: &Wish, mut consent: Consent) -> Vec<Plan> {
        let mut plans = Vec::new();
        for _ in 0..8 {
            let plan = plan(wish, &self.seen(), &consent);
            assert_eq!(plan.refusals, [], "{}", plan.to_text());
            if plan.is_empty() {
                return plans;
            }
            for step in &plan.steps {
                self.apply(wish, step);
            }
            consent = consent.after(&plan);
            plans.push(plan);
        }
        panic!("never done: {}", plans.last().unwrap().to_text());
    }

    fn name(&self, wish: &Wish, node: &NodeId) -> String {
        let sight = Sight::new(wish, &self.all);
        sight.device(node).unwrap_or_else(|| panic!("{node} is not there")).name.clone()
    }

    fn device(&mut self, name: &str) -> &mut Device {
        self.all.devices.iter_mut().find(|device| device.name == name).unwrap()
    }

    pub fn apply(&mut self, wish: &Wish, step: &Step) {
        assert!(!step.commands().is_empty() && !step.describe().is_empty());
        match &step.what {
            Action::Settle => {}
            Action::Wipe(_) => unreachable!("these laws wipe nothing"),
            Action::Table(action) => self.table(wish, &step.node, action),
            Action::Array(action) => self.array(wish, &step.node, action),
            Action::Group(action) => self.group(wish, action),
            Action::Volume(action) => self.volume(wish, &step.node, action),
            Action::Filesystem(action) => {
                let name = self.name(wish, &step.node);
                assert!(
                    !self.all.mounts.iter().any(|mount| mount.device == name)
                        || matches!(action, FilesystemAction::Grow { .. })
                );
                let device = self.device(&name);
                let span = Some(device.size);
                match action {
                    FilesystemAction::Make { format, uuid, label, .. } => {
                        let shown = if *format == Format::Vfat { identity::vfat(*uuid) } else { uuid.to_string() };
                        device.content = Content::Filesystem {
                            format: format.word().into(),
                            uuid: Some(shown),
                            label: label.clone(),
                            size: span,
                            block: Some(4096),
                            unfinished: false,
                        };
                    }
                    FilesystemAction::Swap { uuid } => device.content = Content::Swap { uuid: Some(*uuid) },
                    FilesystemAction::Grow { .. } => {
                        if let Content::Filesystem { size, .. } = &mut device.content {
                            *size = span;
                        }
                    }
                }
            }
            Action::Mount(mount) => {
                let device = self.name(wish, &step.node);
                self.all.mounts.push(Mount {
                    device,
                    target: mount.at.clone(),
                    format: mount.format.word().into(),
                    read_only: false,
                });
            }
        }
    }

    fn table(&mut self, wish: &Wish, node: &NodeId, action: &TableAction) {
        match action {
            TableAction::Create { table, uuid, partitions, .. } => {
                let name = self.name(wish, node);
                let end = self.device(&name).size - MIB;
                let (label, guid, id) = match table {
                    TableKind::Gpt => ("gpt", Some(*uuid), None),
                    TableKind::Mbr => ("dos", None, Some(short(*uuid))),
                };
                assert!(
                    matches!(self.device(&name).content, Content::Blank | Content::Unknown),
                    "{name} was not blank"
                );
                self.device(&name).content = Content::Table { label: label.into(), uuid: guid, id, first: MIB, end };
                let mut start = MIB;
                for (number, new) in (1..).zip(partitions) {
                    let size = new.size.unwrap_or(end - start);
                    self.partition(&name, number, start, size, new.uuid);
                    start += size;
                }
                assert!(start <= end, "the partitions do not fit");
            }
            TableAction::Add { partition, number, start, .. } => {
                let disk = wish.node(node).unwrap().on[0].clone();
                let name = self.name(wish, &disk);
                self.partition(&name, *number, *start, partition.size.unwrap(), partition.uuid);
            }
            TableAction::Grow { partition, size, .. } => {
                let disk = wish.node(partition).unwrap().on[0].clone();
                let disk = self.name(wish, &disk);
                let Content::Table { end, .. } = self.device(&disk).content else { panic!() };
                let name = self.name(wish, partition);
                let device = self.device(&name);
                let found = device.partition.as_mut().unwrap();
                found.size = size.unwrap_or(end - found.start);
                device.size = found.size;
            }
        }
    }

    fn partition(&mut self, disk: &str, number: u32, start: u64, size: u64, uuid: Option<Uuid>) {
        let name = format!("{disk}p{number}");
        let mut device = above(name.clone(), format!("/dev/{name}"), DeviceKind::Partition, size, vec![disk.into()]);
        device.partition =
            Some(Partition { number, start, size, kind: String::new(), uuid, name: None, bootable: false });
        self.all.devices.push(device);
    }

    fn array(&mut self, wish: &Wish, node: &NodeId, action: &ArrayAction) {
        match action {
            ArrayAction::Create { name, level, uuid, members, spares, .. } => {
                let names: Vec<String> = members.iter().chain(spares).map(|id| self.name(wish, id)).collect();
                let devices = u32::try_from(members.len()).unwrap();
                let least = names.iter().map(|name| self.device(name).size).min().unwrap();
                let word = format!("raid{}", level.number());
                let mut known = vec![];
                for (slot, member) in (0..).zip(&names) {
                    let slot = (slot < devices).then_some(slot);
                    self.device(member).content = Content::Member {
                        array: *uuid,
                        name: name.to_string(),
                        level: word.clone(),
                        devices,
                        events: 1,
                        slot,
                    };
                    let state = if slot.is_some() { MemberState::InSync } else { MemberState::Spare };
                    known.push(Member { device: member.clone(), state, slot });
                }
                let device = format!("md{}", self.all.arrays.len());
                let size = level.capacity(members.len(), least - 8 * MIB);
                self.all.devices.push(above(device.clone(), format!("/dev/{device}"), DeviceKind::Array, size, names));
                self.all.arrays.push(Array {
                    device,
                    uuid: *uuid,
                    name: name.to_string(),
                    level: word,
                    active: true,
                    devices,
                    members: known,
                    action: None,
                    done: 0,
                });
            }
            ArrayAction::Assemble { uuid, .. } => drop(self.stopped.remove(uuid)),
            ArrayAction::Add { members, .. } => {
                let Kind::Array(array) = &wish.node(node).unwrap().kind else { panic!() };
                for member in members {
                    let name = self.name(wish, member);
                    let at = self.all.arrays.iter().position(|known| known.uuid == array.uuid).unwrap();
                    let known = &mut self.all.arrays[at];
                    known.members.retain(|member| member.state != MemberState::Faulty);
                    let slot =
                        (0..known.devices).find(|slot| known.members.iter().all(|member| member.slot != Some(*slot)));
                    let state = if slot.is_some() { MemberState::Rebuilding } else { MemberState::Spare };
                    known.members.push(Member { device: name.clone(), state, slot });
                    let (level, devices) = (known.level.clone(), known.devices);
                    self.device(&name).content = Content::Member {
                        array: array.uuid,
                        name: array.name.to_string(),
                        level,
                        devices,
                        events: 9,
                        slot,
                    };
                }
            }
            ArrayAction::Reshape { members, .. } => {
                let Kind::Array(array) = &wish.node(node).unwrap().kind else { panic!() };
                let known = self.all.arrays.iter_mut().find(|known| known.uuid == array.uuid).unwrap();
                known.devices = u32::try_from(*members).unwrap();
                for (slot, member) in (0..).zip(&mut known.members) {
                    (member.slot, member.state) = (Some(slot), MemberState::InSync);
                }
            }
        }
    }

    fn group(&mut self, wish: &Wish, action: &GroupAction) {
        match action {
            GroupAction::Create { name, uuid, pvs, volumes } => {
                let names: Vec<String> = pvs.iter().map(|pv| self.name(wish, &pv.node)).collect();
                for (pv, device) in pvs.iter().zip(&names) {
                    self.pv(device, &pv.uuid, name.as_ref());
                }
                let group = Group {
                    name: name.to_string(),
                    uuid: uuid.clone(),
                    extent: EXTENT,
                    free: 0,
                    missing: 0,
                    volumes: vec![],
                };
                self.all.groups.push(group);
                let order = |size: &Extent| match size {
                    Extent::Size(_) => 0,
                    Extent::Percent(_) => 1,
                    Extent::End => 2,
                };
                let mut sorted: Vec<_> = volumes.iter().collect();
                sorted.sort_by_key(|volume| order(&volume.size));
                let base: Vec<u64> = names.iter().map(|name| self.free(name)).collect();
                let fixed: u64 = volumes
                    .iter()
                    .map(|volume| if let Extent::Size(size) = volume.size { size.0.div_ceil(EXTENT) } else { 0 })
                    .sum();
                for volume in sorted {
                    let on: Vec<String> = volume.pvs.iter().map(|pv| names[*pv].clone()).collect();
                    let extents = match volume.size {
                        Extent::Size(size) => size.0.div_ceil(EXTENT),
                        Extent::Percent(percent) => {
                            (base.iter().sum::<u64>().saturating_sub(fixed) * u64::from(percent) / 100)
                                .min(on.iter().map(|name| self.free(name)).sum())
                        }
                        Extent::End => on.iter().map(|name| self.free(name)).sum(),
                    };
                    self.linear(name.as_ref(), volume.name.as_ref(), &volume.uuid, extents, &on);
                }
                for volume in volumes {
                    if let Some(cache) = &volume.writecache {
                        self.attach(name.as_ref(), volume.name.as_ref(), cache.as_ref(), "writecache");
                    }
                }
            }
            GroupAction::Extend { name, pvs } => {
                for pv in pvs {
                    let device = self.name(wish, &pv.node);
                    self.pv(&device, &pv.uuid, name.as_ref());
                }
            }
            GroupAction::Resize { pv, .. } => {
                let name = self.name(wish, pv);
                let device = self.device(&name);
                if let Content::PhysicalVolume { size, .. } = &mut device.content {
                    *size = (device.size - MIB) / EXTENT * EXTENT;
                }
            }
            GroupAction::Activate { name } => drop(self.inactive.remove(name.as_ref())),
            GroupAction::Identify { name, uuid } => {
                self.all.groups.iter_mut().find(|group| group.name == name.as_ref()).unwrap().uuid.clone_from(uuid);
            }
        }
    }

    fn pv(&mut self, name: &str, uuid: &str, group: &str) {
        let device = self.device(name);
        let size = (device.size - MIB) / EXTENT * EXTENT;
        device.content = Content::PhysicalVolume { uuid: uuid.into(), group: Some(group.into()), size, used: 0 };
    }

    fn free(&mut self, name: &str) -> u64 {
        match self.device(name).content {
            Content::PhysicalVolume { size, used, .. } => (size - used) / EXTENT,
            _ => 0,
        }
    }

    fn linear(&mut self, group: &str, name: &str, uuid: &str, extents: u64, on: &[String]) {
        let mut left = extents;
        for pv in on {
            let part = left.min(self.free(pv));
            if let Content::PhysicalVolume { used, .. } = &mut self.device(pv).content {
                *used += part * EXTENT;
            }
            left -= part;
        }
        assert_eq!(left, 0, "{group}/{name} does not fit");
        let size = extents * EXTENT;
        let kernel = format!("dm{}", self.all.devices.len());
        self.all.devices.push(above(
            kernel,
            format!("/dev/mapper/{group}-{name}"),
            DeviceKind::Volume,
            size,
            on.to_vec(),
        ));
        let volume = Volume {
            name: name.into(),
            uuid: uuid.into(),
            size,
            segment: "linear".into(),
            active: true,
            hidden: false,
            cache: None,
            on: on.to_vec(),
        };
        self.all.groups.iter_mut().find(|known| known.name == group).unwrap().volumes.push(volume);
    }

    fn attach(&mut self, group: &str, name: &str, cache: &str, segment: &str) {
        let known = self.all.groups.iter_mut().find(|known| known.name == group).unwrap();
        for volume in &mut known.volumes {
            if volume.name == name {
                (volume.cache, volume.segment) = (Some(cache.into()), segment.into());
            } else if volume.name == cache {
                (volume.name, volume.hidden) = (format!("{cache}_cvol"), true);
            }
        }
        let path = format!("/dev/mapper/{group}-{cache}");
        self.all
            .devices
            .iter_mut()
            .filter(|device| device.path == path)
            .for_each(|device| device.path = format!("{path}_cvol"));
    }

    fn volume(&mut self, wish: &Wish, node: &NodeId, action: &VolumeAction) {
        match action {
            VolumeAction::Create { group, name, uuid, extents, pvs, .. } => {
                let on: Vec<String> = pvs.iter().map(|pv| self.name(wish, pv)).collect();
                self.linear(group.as_ref(), name.as_ref(), uuid, *extents, &on);
            }
            VolumeAction::Attach { group, name, cache, kind, .. } => {
                self.attach(group.as_ref(), name.as_ref(), cache.as_ref(), kind.segment())
            }
            VolumeAction::Identify { .. } => unreachable!("these laws make every volume with its identity"),
            VolumeAction::Grow { group, name, extents, pvs } => {
                let on: Vec<String> = pvs.iter().map(|pv| self.name(wish, pv)).collect();
                let mut left = *extents;
                for pv in &on {
                    let part = left.min(self.free(pv));
                    if let Content::PhysicalVolume { used, .. } = &mut self.device(pv).content {
                        *used += part * EXTENT;
                    }
                    left -= part;
                }
                let device = self.name(wish, node);
                self.device(&device).size += extents * EXTENT;
                let known = self.all.groups.iter_mut().find(|known| known.name == group.as_ref()).unwrap();
                known
                    .volumes
                    .iter_mut()
                    .filter(|volume| volume.name == name.as_ref())
                    .for_each(|volume| volume.size += extents * EXTENT);
            }
        }
    }
}
