//! A machine that does what steps say: the facts after each, without any disk. Each of its files knows a kind.

mod arrays;
mod luks;
mod pools;
mod volumes;

use std::collections::BTreeSet;
use storage::facts::{
    Btrfs, BtrfsDevice, Content, Device, DeviceKind, Enrol, Facts, Machine, MbrEntry, Mount, Nodev, Partition,
};
use storage::identity::{self, short};
use storage::plan::{Action, BtrfsAction, Consent, FilesystemAction, NewPartition, Plan, Sight, Step, TableAction};
use storage::tree::{Format, MbrType, TableKind};
use storage::wish::Holds;
use storage::{NodeId, Wish, plan};
use uuid::Uuid;

pub const MIB: u64 = 1 << 20;

/// Everything that is on the disks, and what of it runs.
#[derive(Clone)]
pub struct World {
    pub all: Facts,
    /// Arrays that do not run.
    pub stopped: BTreeSet<Uuid>,
    /// Groups that are not active.
    pub inactive: BTreeSet<String>,
    /// Containers that are not open.
    pub closed: BTreeSet<Uuid>,
    /// Pools that are not imported.
    pub exported: BTreeSet<String>,
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

pub fn above(name: String, path: String, kind: DeviceKind, size: u64, parents: Vec<String>) -> Device {
    Device { name, path, kind, serial: None, model: None, parents, ..disk("", "", size) }
}

/// A filesystem's identity as blkid(8) prints it.
pub fn shown(format: Format, uuid: Uuid) -> String {
    if format == Format::Vfat { identity::vfat(uuid) } else { uuid.to_string() }
}

impl World {
    pub fn new(disks: Vec<Device>) -> Self {
        let enrol = Some(Enrol { tpm2: true, fido2: true });
        let machine = Machine { hostname: "m".into(), enrol, ..Machine::default() };
        let all = Facts {
            version: 1,
            machine,
            devices: disks,
            arrays: vec![],
            groups: vec![],
            btrfs: vec![],
            pools: vec![],
            mounts: vec![],
            nodev: vec![],
            swaps: vec![],
        };
        let (stopped, closed) = (BTreeSet::new(), BTreeSet::new());
        Self { all, stopped, inactive: BTreeSet::new(), closed, exported: BTreeSet::new() }
    }

    /// What a probe shows.
    pub fn seen(&self) -> Facts {
        let mut facts = self.all.clone();
        let mut gone: BTreeSet<String> = self.behind_keys(&facts).into_iter().collect();
        gone.extend(self.in_pools(&facts));
        facts.pools.retain(|pool| !self.exported.contains(&pool.name));
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
        for btrfs in &mut facts.btrfs {
            let of = |mount: &Mount| btrfs.devices.iter().any(|device| device.device == mount.device);
            if !facts.mounts.iter().any(of) {
                (btrfs.subvolumes, btrfs.data, btrfs.metadata) = (None, vec![], vec![]);
            }
        }
        for _ in 0..6 {
            let more: Vec<String> = facts
                .devices
                .iter()
                .filter(|device| device.parents.iter().any(|parent| gone.contains(parent)))
                .map(|device| device.name.clone())
                .collect();
            gone.extend(more);
        }
        for btrfs in &mut facts.btrfs {
            let all = btrfs.devices.len();
            btrfs.devices.retain(|device| !gone.contains(&device.device));
            btrfs.missing = u32::try_from(all - btrfs.devices.len()).unwrap();
        }
        facts.btrfs.retain(|btrfs| !btrfs.devices.is_empty());
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
        self.all.nodev.clear();
        self.export();
        self.stopped = self.all.arrays.iter().map(|array| array.uuid).collect();
        self.inactive = self.all.groups.iter().map(|group| group.name.clone()).collect();
        let luks = self.all.devices.iter().filter_map(|device| match device.content {
            Content::Luks { uuid, .. } => uuid,
            _ => None,
        });
        self.closed = luks.collect();
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

    pub fn name(&self, wish: &Wish, node: &NodeId) -> String {
        let sight = Sight::new(wish, &self.all);
        sight.device(node).unwrap_or_else(|| panic!("{node} is not there")).name.clone()
    }

    pub fn device(&mut self, name: &str) -> &mut Device {
        self.all.devices.iter_mut().find(|device| device.name == name).unwrap()
    }

    pub fn apply(&mut self, wish: &Wish, step: &Step) {
        assert!(!step.commands().is_empty() && !step.describe().is_empty());
        // What changes a table is told which device has it.
        for cmd in step.commands().iter().filter(|cmd| ["sfdisk", "partx"].contains(&cmd.argv()[0].as_str())) {
            let holds = |node: &str| {
                matches!(wish.node(&node.into()).and_then(|it| it.holds.as_ref()), Some(Holds::Table { .. }))
            };
            let devices = cmd
                .words
                .iter()
                .filter_map(|word| if let cmd::Word::Device { device } = word { Some(device) } else { None });
            assert!(devices.into_iter().all(|node| holds(node)), "{cmd}");
        }
        // What wants a device for itself is not let at one that is in use.
        let sight = Sight::new(wish, &self.all);
        let shares = |cmd: &&cmd::Cmd| cmd.argv().contains(&"--force".to_owned());
        for cmd in step.commands().iter().filter(|cmd| cmd.argv()[0] == "blkdiscard" && !shares(cmd)) {
            let node = |word: &cmd::Word| {
                if let cmd::Word::Device { device } = word { sight.device(&device.as_str().into()) } else { None }
            };
            let devices: Vec<&Device> = cmd.words.iter().filter_map(node).collect();
            let above = |device: &&Device| devices.iter().any(|below| device.parents.contains(&below.name));
            assert_eq!(self.all.devices.iter().find(above), None, "{cmd}");
        }
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
                        device.content = Content::Filesystem {
                            format: format.word().into(),
                            uuid: Some(shown(*format, *uuid)),
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
            Action::Mount(mount) if mount.dataset.is_some() => {
                self.mount_dataset(mount.dataset.as_deref().unwrap(), &mount.at);
            }
            Action::Mount(mount) => {
                let device = self.name(wish, &step.node);
                self.all.mounts.push(Mount {
                    device,
                    target: mount.at.clone(),
                    format: mount.format.word().into(),
                    read_only: false,
                    subvolume: mount.subvolume.as_ref().map(ToString::to_string),
                });
            }
            Action::Nodev(mount) => {
                let (fstype, target) = (mount.fstype.clone(), mount.at.clone());
                assert!(
                    self.all.mounts.iter().all(|mount| !mount.target.starts_with(&target)),
                    "{target} covers what is mounted"
                );
                self.all.nodev.push(Nodev { fstype, target });
            }
            Action::Btrfs(action) => self.btrfs(wish, &step.node, action),
            Action::Luks(action) => self.luks(wish, &step.node, action),
            Action::Pool(action) => self.zpool(wish, &step.node, action),
        }
        // What LVM notes of a group it writes on each of its physical volumes, and every drive is told to keep that.
        if let Some(group) = step.what.group() {
            let last = step.commands().pop().unwrap();
            assert_eq!(last.argv()[0], "sync", "{last}");
            let kept: BTreeSet<String> = step.notes_on.iter().map(|pv| self.name(wish, pv)).collect();
            let noted = |device: &&Device| {
                let Content::PhysicalVolume { group: Some(of), .. } = &device.content else { return false };
                of == group.as_ref()
            };
            let noted = self.all.devices.iter().filter(noted).map(|device| device.name.clone());
            assert!(noted.collect::<BTreeSet<_>>().is_subset(&kept), "{last}");
        }
    }

    fn btrfs(&mut self, wish: &Wish, node: &NodeId, action: &BtrfsAction) {
        let Some(Holds::Btrfs(wished)) = &wish.node(node).unwrap().holds else { panic!("{node} is to hold no btrfs") };
        match action {
            BtrfsAction::Make { uuid, label, members, data, metadata } => {
                let mut devices = Vec::new();
                for (id, part) in (1..).zip(std::iter::once(node).chain(members)) {
                    let name = self.name(wish, part);
                    let device = self.device(&name);
                    let (uuid, label) = (Some(uuid.to_string()), label.clone());
                    let (format, size, block) = ("btrfs".to_owned(), None, None);
                    device.content = Content::Filesystem { format, uuid, label, size, block, unfinished: false };
                    devices.push(BtrfsDevice { id, size: device.size, device: name });
                }
                self.all.btrfs.retain(|known| known.uuid != *uuid);
                let (data, metadata) = (vec![data.to_string()], vec![metadata.to_string()]);
                let subvolumes = Some(Vec::new());
                self.all.btrfs.push(Btrfs { uuid: *uuid, devices, missing: 0, subvolumes, data, metadata });
            }
            BtrfsAction::Subvolumes { paths, .. } => {
                let known = self.all.btrfs.iter_mut().find(|known| known.uuid == wished.uuid).unwrap();
                let there = known.subvolumes.get_or_insert_default();
                for path in paths.iter().map(ToString::to_string) {
                    if !there.contains(&path) {
                        there.push(path);
                    }
                }
            }
            BtrfsAction::Grow { device, id, .. } => {
                let name = self.name(wish, device);
                let size = self.device(&name).size;
                let known = self.all.btrfs.iter_mut().find(|known| known.uuid == wished.uuid).unwrap();
                known.devices.iter_mut().find(|part| part.id == *id).unwrap().size = size;
            }
            BtrfsAction::Add { .. } | BtrfsAction::Forget { .. } => {
                unreachable!("these laws lose and add no device of a btrfs")
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
                self.device(&name).content =
                    Content::Table { label: label.into(), uuid: guid, id, first: MIB, end, mbr: Vec::new() };
                let mut start = MIB;
                for (number, new) in (1..).zip(partitions) {
                    let size = new.size.unwrap_or(end - start);
                    self.partition(&name, number, start, size, new);
                    start += size;
                }
                assert!(start <= end, "the partitions do not fit");
            }
            TableAction::Add { partition, number, start, .. } => {
                let disk = wish.node(node).unwrap().on[0].clone();
                let name = self.name(wish, &disk);
                self.partition(&name, *number, *start, partition.size.unwrap(), partition);
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
            TableAction::Attributes { number, bits, .. } => {
                let name = self.name(wish, node);
                let found = self.device(&name).partition.as_mut().unwrap();
                assert_eq!(found.number, *number, "{node}");
                found.attributes.clone_from(bits);
            }
            TableAction::Hybrid { gpt_first, entries, sector, .. } => {
                let name = self.name(wish, node);
                for entry in entries {
                    let partition = self.name(wish, &entry.partition);
                    let found = self.device(&partition).partition.as_ref().unwrap();
                    assert_eq!((found.start, found.size), (entry.start, entry.size), "{}", entry.partition);
                }
                let first = entries.iter().map(|entry| entry.start).min().unwrap();
                let entry = |number, kind, active, start, size| MbrEntry { number, kind, active, start, size };
                let mut named: Vec<MbrEntry> =
                    entries.iter().map(|it| entry(0, it.kind, it.active, it.start, it.size)).collect();
                let sector = u64::from(*sector);
                let at = if *gpt_first { 0 } else { named.len() };
                named.insert(at, entry(0, MbrType::GPT, false, sector, first - sector));
                (1..).zip(&mut named).for_each(|(number, entry)| entry.number = number);
                let Content::Table { mbr, .. } = &mut self.device(&name).content else { panic!("{name} has no table") };
                *mbr = named;
            }
        }
    }

    fn partition(&mut self, disk: &str, number: u32, start: u64, size: u64, new: &NewPartition) {
        let name = format!("{disk}p{number}");
        let mut device = above(name.clone(), format!("/dev/{name}"), DeviceKind::Partition, size, vec![disk.into()]);
        let (uuid, attributes) = (new.uuid, new.attributes.clone());
        device.partition =
            Some(Partition { number, start, size, kind: String::new(), uuid, name: None, bootable: false, attributes });
        self.all.devices.push(device);
    }
}
