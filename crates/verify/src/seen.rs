//! Which device of a probe is which node of the tree: by what is declared of a disk, and by identity for all else.

use storage::facts::{self, Content, Device, DeviceKind, Facts};
use storage::identity::short;
use storage::tree::TableKind;
use storage::wish::{Disk, Holds, Kind, Node, Pool};
use storage::{NodeId, Wish};

/// A wish beside what was seen.
pub(crate) struct Seen<'a> {
    pub wish: &'a Wish,
    pub facts: &'a Facts,
}

impl<'a> Seen<'a> {
    /// The device of a node; none if it is not there.
    pub fn device(&self, id: &NodeId) -> Option<&'a Device> {
        let node = self.wish.node(id)?;
        match &node.kind {
            Kind::Disk(disk) => self.disk(disk),
            Kind::Partition(partition) => {
                let disk = self.device(node.on.first()?)?;
                let ours = partition.table == TableKind::Gpt || self.has_table(node.on.first()?);
                self.facts.children(&disk.name).find(|device| {
                    let is = |at: &facts::Partition| match partition.uuid {
                        Some(uuid) => at.uuid == Some(uuid),
                        None => ours && at.number == partition.number,
                    };
                    device.partition.as_ref().is_some_and(is)
                })
            }
            Kind::Array(_) => self.facts.device(&self.array(id)?.device),
            Kind::Group(_) | Kind::Pool(_) => None,
            Kind::Zvol(volume) => {
                let path = format!("/dev/zvol/{}", volume.full());
                self.facts.devices.iter().find(|device| device.kind == DeviceKind::Zvol && device.links.contains(&path))
            }
            Kind::Crypt(crypt) => {
                let below = self.device(node.on.first()?)?;
                let ours = matches!(below.content, Content::Luks { uuid: Some(uuid), .. } if uuid == crypt.uuid);
                self.facts.children(&below.name).find(|child| ours && child.kind == DeviceKind::Crypt)
            }
            Kind::Volume(volume) => {
                let double = |name: &str| name.replace('-', "--");
                let path = format!("/dev/mapper/{}-{}", double(volume.group.as_ref()), double(volume.name.as_ref()));
                self.facts.devices.iter().find(|device| device.kind == DeviceKind::Volume && device.path == path)
            }
        }
    }

    /// The imported pool that this one is.
    pub fn pool(&self, wished: &Pool) -> Option<&'a facts::Pool> {
        self.facts.pools.iter().find(|found| wished.is(found))
    }

    /// The one disk that fits all that is declared; none if none or several do.
    fn disk(&self, wanted: &Disk) -> Option<&'a Device> {
        let says = |wanted: &Option<String>, seen: Option<&String>| wanted.is_none() || wanted.as_ref() == seen;
        let mut fitting = self.facts.devices.iter().filter(|device| {
            device.kind == DeviceKind::Disk
                && wanted.device.as_ref().is_none_or(|link| device.links.contains(link) || device.path == *link)
                && says(&wanted.serial, device.serial.as_ref())
                && says(&wanted.wwn, device.wwn.as_ref())
                && says(&wanted.model, device.model.as_ref())
                && wanted.size.is_none_or(|size| device.size == size.0)
        });
        fitting.next().filter(|_| fitting.next().is_none())
    }

    /// Does the disk bear the table that is wished for?
    pub fn has_table(&self, disk: &NodeId) -> bool {
        let wanted = self.wish.node(disk).and_then(|node| node.holds.as_ref());
        let found = self.device(disk).map(|device| &device.content);
        match (wanted, found) {
            (
                Some(Holds::Table { table: TableKind::Gpt, uuid: wanted, .. }),
                Some(Content::Table { uuid: Some(found), .. }),
            ) => wanted == found,
            (
                Some(Holds::Table { table: TableKind::Mbr, uuid: wanted, .. }),
                Some(Content::Table { id: Some(found), .. }),
            ) => short(*wanted) == *found,
            _ => false,
        }
    }

    /// The array of a node, by its UUID.
    pub fn array(&self, id: &NodeId) -> Option<&'a facts::Array> {
        let Kind::Array(wanted) = &self.wish.node(id)?.kind else { return None };
        self.facts.arrays.iter().find(|array| array.uuid == wanted.uuid)
    }

    /// The node as people find it: its name, and the serial number or other mark of its disk if it lies on one only.
    pub fn told(&self, id: &NodeId) -> String {
        let disks = self.wish.disks_of(id);
        let serial = |node: &Node| self.device(&node.id)?.serial.as_ref().map(|serial| format!("serial {serial}"));
        let marks: Vec<_> = disks.iter().filter_map(|node| serial(node).or_else(|| mark(node))).collect();
        if let [mark] = &marks[..] { format!("{id} ({mark})") } else { id.to_string() }
    }
}

/// What a disk is recognised by.
fn mark(node: &Node) -> Option<String> {
    let Kind::Disk(disk) = &node.kind else { return None };
    let marks = [("serial ", &disk.serial), ("wwn ", &disk.wwn), ("", &disk.device), ("model ", &disk.model)];
    marks.into_iter().find_map(|(word, value)| value.as_ref().map(|value| format!("{word}{value}")))
}
