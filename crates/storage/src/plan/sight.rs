//! Which device a node is, on this machine, at this moment: by what was declared, and by derived identity.

use crate::NodeId;
use crate::facts::{Content, Device, DeviceKind, Facts, Group};
use crate::identity::short;
use crate::tree::TableKind;
use crate::wish::{Disk, Holds, Kind, Node, Wish};
use std::collections::BTreeMap;

/// The devices of those nodes that can be seen, and why a disk cannot.
#[derive(Clone, Debug, Default)]
pub struct Sight<'a> {
    found: BTreeMap<NodeId, &'a Device>,
    unseen: BTreeMap<NodeId, Unseen>,
}

/// Why a declared disk has no device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// No device fits.
    Absent,
    /// Several fit: described for people.
    Several(Vec<String>),
    /// The device fits another declared disk too.
    Shared(NodeId),
}

impl<'a> Sight<'a> {
    /// Looks every node up.
    pub fn new(wish: &Wish, facts: &'a Facts) -> Self {
        let mut sight = Self::default();
        sight.disks(wish, facts);
        for node in &wish.nodes {
            if let Some(device) = sight.find(node, wish, facts) {
                sight.found.insert(node.id.clone(), device);
            }
        }
        sight
    }

    /// The device of a node, if it is seen.
    pub fn device(&self, node: &NodeId) -> Option<&'a Device> {
        self.found.get(node).copied()
    }

    /// Why a disk is not seen.
    pub fn unseen(&self, node: &NodeId) -> Option<&Unseen> {
        self.unseen.get(node)
    }

    /// The node that a device is, if it is one.
    pub fn node(&self, device: &str) -> Option<&NodeId> {
        self.found.iter().find(|(_, found)| found.name == device).map(|(node, _)| node)
    }

    fn disks(&mut self, wish: &Wish, facts: &'a Facts) {
        let mut taken: BTreeMap<&str, NodeId> = BTreeMap::new();
        for node in &wish.nodes {
            let Kind::Disk(disk) = &node.kind else { continue };
            let fitting: Vec<&Device> = facts.devices.iter().filter(|device| fits(disk, device)).collect();
            match fitting[..] {
                [] => drop(self.unseen.insert(node.id.clone(), Unseen::Absent)),
                [device] => match taken.get(device.name.as_str()) {
                    None => {
                        taken.insert(&device.name, node.id.clone());
                        self.found.insert(node.id.clone(), device);
                    }
                    Some(other) => {
                        self.unseen.insert(node.id.clone(), Unseen::Shared(other.clone()));
                        self.unseen.insert(other.clone(), Unseen::Shared(node.id.clone()));
                        self.found.remove(other);
                    }
                },
                _ => {
                    let mut several: Vec<String> = fitting.iter().map(|device| describe(device)).collect();
                    several.sort();
                    self.unseen.insert(node.id.clone(), Unseen::Several(several));
                }
            }
        }
    }

    fn find(&self, node: &Node, wish: &Wish, facts: &'a Facts) -> Option<&'a Device> {
        match &node.kind {
            Kind::Disk(_) => self.device(&node.id),
            Kind::Group(_) | Kind::Pool(_) => None,
            Kind::Zvol(_) => {
                let pool = wish.node(node.on.first()?)?.kind.pool()?;
                super::ours(facts, pool)?;
                let zvols = |device: &&Device| device.kind == DeviceKind::Zvol;
                facts
                    .devices
                    .iter()
                    .filter(zvols)
                    .find(|device| device.links.iter().any(|link| Some(link) == node.path.as_ref()))
            }
            Kind::Partition(wished) => {
                let parent = node.on.first()?;
                let disk = self.device(parent)?;
                let Content::Table { id, .. } = &disk.content else { return None };
                let Some(Holds::Table { uuid, .. }) = wish.node(parent)?.holds else { return None };
                facts.children(&disk.name).find(|device| {
                    device.partition.as_ref().is_some_and(|found| match wished.table {
                        TableKind::Gpt => found.uuid.is_some() && found.uuid == wished.uuid,
                        TableKind::Mbr => *id == Some(short(uuid)) && found.number == wished.number,
                    })
                })
            }
            Kind::Array(wished) => {
                let array = facts.arrays.iter().find(|array| array.uuid == wished.uuid && array.active)?;
                facts.device(&array.device)
            }
            Kind::Crypt(wished) => {
                let device = self.device(node.on.first()?)?;
                let ours = super::luks::is(&device.content, wished.uuid);
                facts.children(&device.name).find(|child| ours && child.kind == DeviceKind::Crypt)
            }
            Kind::Volume(wished) => {
                group_of(wish, facts, node)?;
                let path = mapped(wished.group.as_ref(), wished.name.as_ref());
                facts.devices.iter().find(|device| device.kind == DeviceKind::Volume && device.path == path)
            }
        }
    }
}

/// The group that a volume lies in, if the machine has it and it is ours.
fn group_of<'f>(wish: &Wish, facts: &'f Facts, volume: &Node) -> Option<&'f Group> {
    our_group(wish, facts, volume.on.first()?)
}

/// The machine's group that is this node: it bears the derived identity, or the name and nothing but physical volumes
/// with derived identities (its making was cut short, or somebody made it by hand on our volumes).
pub(super) fn our_group<'f>(wish: &Wish, facts: &'f Facts, node: &NodeId) -> Option<&'f Group> {
    let Kind::Group(wished) = &wish.node(node)?.kind else { return None };
    let ours = |uuid: &str| {
        wished
            .pvs
            .iter()
            .filter_map(|pv| wish.node(pv))
            .any(|pv| matches!(&pv.holds, Some(Holds::PhysicalVolume { uuid: wished, .. }) if wished == uuid))
    };
    facts.groups.iter().find(|group| {
        group.uuid == wished.uuid
            || group.name == wished.name.as_ref()
                && group.missing == 0
                && facts.devices.iter().all(|device| match &device.content {
                    Content::PhysicalVolume { uuid, group: Some(of), .. } if *of == group.name => ours(uuid),
                    _ => true,
                })
    })
}

/// The path of a volume's device: device mapper doubles the dashes inside a name. All volumes of a group begin like the one
/// whose name is empty.
pub(crate) fn mapped(group: &str, volume: &str) -> String {
    let dashed = |name: &str| name.replace('-', "--");
    format!("/dev/mapper/{}-{}", dashed(group), dashed(volume))
}

fn fits(disk: &Disk, device: &Device) -> bool {
    let same = |wished: &Option<String>, found: &Option<String>| {
        wished
            .as_ref()
            .is_none_or(|wished| found.as_ref().is_some_and(|found| found.trim().eq_ignore_ascii_case(wished.trim())))
    };
    let linked = |link: &String| device.links.contains(link) || device.path == *link;
    let said = disk.device.is_some() || disk.serial.is_some() || disk.wwn.is_some() || disk.model.is_some();
    said && device.kind == DeviceKind::Disk
        && disk.device.as_ref().is_none_or(linked)
        && same(&disk.serial, &device.serial)
        && same(&disk.wwn, &device.wwn)
        && same(&disk.model, &device.model)
        && disk.size.is_none_or(|size| size.0 == device.size)
}

/// A disk in the words by which it can be told from others; never its kernel name.
pub(super) fn describe(device: &Device) -> String {
    let size = crate::Size(device.size).to_string();
    let model = device.model.clone().unwrap_or_else(|| "disk".to_owned());
    let serial = device.serial.as_ref().map(|serial| format!(" serial {serial}"));
    let wwn = device.wwn.as_ref().map(|wwn| format!(" wwn {wwn}"));
    let tells = serial.or(wwn).or_else(|| device.links.first().map(|link| format!(" {link}")));
    format!("{model} {size}{}", tells.unwrap_or_default())
}
