//! A machine that somebody else has set up: what is on its disks where the tree declares it, with the identities that it
//! has there. They become the fleet's own, in place of those that homehive would have derived.

use crate::facts::{self, Device, DeviceKind, Facts};
use crate::identity::short;
use crate::plan::{Sight, mapped, shown};
use crate::tree::{Content, Luks, LvmId, Storage, Table, VolumeGroup, Zpool};
use crate::wish::{Holds, Kind, Node, Wish};
use crate::{Name, NodeId};
use document::Path;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What a machine's disks have, where they are declared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Adoption {
    /// The identities that differ from those that the tree has by now.
    pub identities: Vec<Identity>,
    /// What is declared and not there, or something else.
    pub strange: Vec<Strange>,
}

/// An identity that a node has.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// The node.
    pub node: NodeId,
    /// Where it is said: the place of the `uuid`, or of what a pool has instead.
    pub at: Path,
    /// The identity, as the fleet file takes it.
    pub uuid: String,
    /// Of what it is, for people: `filesystem (xfs)`.
    pub of: String,
}

/// A node that is not as it is declared.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Strange {
    /// The node.
    pub node: NodeId,
    /// What is strange about it.
    pub reason: String,
    /// What can be done.
    pub remedy: String,
}

/// What the disks of `facts` have of what `storage` declares at `at`. `wish` is what the tree says by now.
pub fn adopt(storage: &Storage, at: &Path, wish: &Wish, facts: &Facts) -> Adoption {
    let sight = Sight::new(wish, facts);
    let mut walk = Walk { wish, facts, found: Adoption::default(), arrays: BTreeMap::new() };
    for (name, disk) in &storage.disk {
        let (id, at) = (NodeId::disk(name), at.join("disk").join(name));
        match (sight.device(&id), &disk.content) {
            (Some(device), Some(content)) => walk.content(&id, content, &at.join("content"), device),
            // An array says itself whether it can do without.
            (_, None) | (None, Some(Content::Mdraid(_))) => {}
            (None, Some(_)) => {
                walk.strange(&id, "no such disk is found", "connect it, or correct what the fleet says of it");
            }
        }
    }
    for (name, array) in &storage.mdadm {
        let (id, at) = (NodeId::array(name), at.join("mdadm").join(name));
        let Some(uuid) = walk.array(&id, name) else { continue };
        walk.identity(&id, &at, "array", Some(uuid), |node| match &node.kind {
            Kind::Array(array) => Some(array.uuid),
            _ => None,
        });
        let known = facts.arrays.iter().find(|known| known.uuid == uuid && known.active);
        match (known.and_then(|known| facts.device(&known.device)), &array.content) {
            (Some(device), Some(content)) => walk.content(&id, content, &at.join("content"), device),
            (None, Some(_)) => walk.strange(&id, "the array does not run", "start it: `mdadm --assemble --scan`"),
            (_, None) => {}
        }
    }
    for (name, group) in &storage.lvm_vg {
        walk.group(name, group, &at.join("lvm_vg").join(name));
    }
    for (name, pool) in &storage.zpool {
        walk.pool(name, pool, &at.join("zpool").join(name));
    }
    walk.found
}

struct Walk<'a> {
    wish: &'a Wish,
    facts: &'a Facts,
    found: Adoption,
    /// The arrays that declared members are members of, by the declared name.
    arrays: BTreeMap<Name, Vec<Uuid>>,
}

impl Walk<'_> {
    fn strange(&mut self, node: &NodeId, reason: impl Into<String>, remedy: impl Into<String>) {
        self.found.strange.push(Strange { node: node.clone(), reason: reason.into(), remedy: remedy.into() });
    }

    fn text(&mut self, node: &NodeId, at: &Path, of: &str, uuid: String) {
        self.found.identities.push(Identity { node: node.clone(), at: at.join("uuid"), uuid, of: of.to_owned() });
    }

    /// Takes an identity over, if the node has another one by now; `now` reads that.
    fn identity(
        &mut self,
        node: &NodeId,
        at: &Path,
        of: &str,
        found: Option<Uuid>,
        now: impl Fn(&Node) -> Option<Uuid>,
    ) {
        match found {
            None => self.strange(node, format!("its {of} has no identity"), "give it one with its own tool"),
            Some(found) if self.wish.node(node).and_then(now) == Some(found) => {}
            Some(found) => self.text(node, at, of, found.to_string()),
        }
    }

    /// The same for LVM's.
    fn lvm(&mut self, node: &NodeId, at: &Path, of: &str, found: &str, now: impl Fn(&Node) -> Option<&str>) {
        if self.wish.node(node).and_then(now) != Some(found) {
            match found.parse::<LvmId>() {
                Ok(id) => self.text(node, at, of, id.as_str().to_owned()),
                Err(_) => self.strange(node, format!("its {of} has the identity `{found}`"), "look at it by hand"),
            }
        }
    }

    fn content(&mut self, id: &NodeId, content: &Content, at: &Path, device: &Device) {
        use facts::Content as Found;
        match (content, &device.content) {
            (Content::Gpt(table), Found::Table { label, uuid, .. }) if label == "gpt" => {
                self.identity(id, at, "partition table", *uuid, table_identity);
                self.partitions(id, table, at, device);
            }
            (Content::Mbr(table), Found::Table { label, id: found, .. }) if label == "dos" => {
                let found = found.map(padded);
                let same = |node: &Node| table_identity(node).map(|uuid| padded(short(uuid)));
                self.identity(id, at, "partition table", found, same);
                self.partitions(id, table, at, device);
            }
            (Content::Mdraid(member), Found::Member { array, .. }) => {
                self.arrays.entry(member.name.clone()).or_default().push(*array);
            }
            (Content::LvmPv(pv), Found::PhysicalVolume { uuid, group, .. }) => {
                if group.as_deref() == Some(pv.vg.as_ref()) {
                    self.lvm(id, at, "physical volume", uuid, |node| match &node.holds {
                        Some(Holds::PhysicalVolume { uuid, .. }) => Some(uuid),
                        _ => None,
                    });
                } else {
                    let group = group.as_deref().unwrap_or("none");
                    let reason = format!("it is a physical volume of group {group}, and {} is declared", pv.vg);
                    self.strange(id, reason, format!("declare `vg = \"{group}\"`, or rename the group with vgrename"));
                }
            }
            (Content::Filesystem(declared), Found::Filesystem { format, uuid, .. })
                if declared.format.word() == format =>
            {
                let found = uuid.as_deref().and_then(filesystem_identity);
                let same = |node: &Node| match &node.holds {
                    Some(Holds::Filesystem { shown, .. }) => filesystem_identity(shown),
                    _ => None,
                };
                self.identity(id, at, &format!("filesystem ({format})"), found, same);
            }
            (Content::Btrfs(_), Found::Filesystem { format, uuid, .. }) if format == "btrfs" => {
                let found = uuid.as_deref().and_then(filesystem_identity);
                self.identity(id, at, "filesystem (btrfs)", found, |node| match &node.holds {
                    Some(Holds::Btrfs(btrfs)) => Some(btrfs.uuid),
                    _ => None,
                });
            }
            // It carries the identity of the btrfs that it belongs to, which is said there.
            (Content::BtrfsMember(_), Found::Filesystem { format, .. }) if format == "btrfs" => {}
            // With a random key it has none: what is there is another one's at each boot.
            (Content::Swap(swap), _) if swap.random_encryption => {}
            (Content::Swap(_), Found::Swap { uuid }) => {
                self.identity(id, at, "swap space", *uuid, |node| match &node.holds {
                    Some(Holds::Swap(swap)) => Some(swap.uuid),
                    _ => None,
                });
            }
            (Content::Luks(declared), Found::Luks { uuid, .. }) => {
                self.identity(id, at, "LUKS container", *uuid, |node| match &node.holds {
                    Some(Holds::Luks { uuid, .. }) => Some(*uuid),
                    _ => None,
                });
                self.within(declared, at, device);
            }
            (Content::Zfs(member), Found::PoolMember { pool, gone: false, .. }) => {
                let labelled = pool.as_deref() == Some(member.pool.as_ref());
                let known = self.facts.pools.iter().find(|known| known.name == member.pool.as_ref());
                // Whether it is a device of the pool, the pool says: the label tells what it was.
                if known.map_or(labelled, |known| known.has(&device.name)) {
                    return;
                }
                let reason = if labelled {
                    format!("it bears the label of ZFS pool {}, which does not have it", member.pool)
                } else {
                    format!("it holds {}, and one of {} is declared", shown(&device.content), member.pool)
                };
                self.strange(id, reason, "declare what is there, or leave `content` out: then it is left alone");
            }
            (declared, found) => {
                let wanted = match declared {
                    Content::Filesystem(filesystem) => filesystem.format.word(),
                    other => other.kind(),
                };
                let reason = format!("it holds {}, and `{wanted}` is declared", shown(found));
                self.strange(id, reason, "declare what is there, or leave `content` out: then it is left alone");
            }
        }
    }

    /// What an opened container holds.
    fn within(&mut self, luks: &Luks, at: &Path, device: &Device) {
        let (id, Some(content)) = (NodeId::crypt(&luks.name), &luks.content) else { return };
        match self.facts.children(&device.name).find(|child| child.kind == DeviceKind::Crypt) {
            Some(open) => self.content(&id, content, &at.join("content"), open),
            None => {
                self.strange(&id, "it is closed", format!("open it: `cryptsetup open {} {}`", device.path, luks.name));
            }
        }
    }

    fn partitions(&mut self, disk: &NodeId, table: &Table, at: &Path, device: &Device) {
        for (name, declared) in &table.partitions {
            let (id, at) = (disk.child(name), at.join("partitions").join(name));
            let Some(Kind::Partition(wished)) = self.wish.node(&id).map(|node| node.kind.clone()) else { continue };
            let there = self.facts.children(&device.name).find_map(|child| {
                child.partition.as_ref().filter(|it| it.number == wished.number).map(|partition| (child, partition))
            });
            let Some((child, partition)) = there else {
                let reason = format!("the table has no partition {}", wished.number);
                let remedy =
                    "declare the partitions that are there, in their order (`priority`), or leave this one out";
                self.strange(&id, reason, remedy);
                continue;
            };
            if wished.uuid.is_some() {
                self.identity(&id, &at, "partition", partition.uuid, |node| match &node.kind {
                    Kind::Partition(partition) => partition.uuid,
                    _ => None,
                });
            }
            if let Some(content) = &declared.content {
                self.content(&id, content, &at.join("content"), child);
            }
        }
        let declared = u32::try_from(table.partitions.len()).unwrap_or(u32::MAX);
        let more =
            |it: &&Device| it.partition.as_ref().is_some_and(|it| it.number > declared && it.kind != ZFS_RESERVED);
        let more = self.facts.children(&device.name).filter(more);
        let more: Vec<String> = more.map(|child| child.path.clone()).collect();
        if !more.is_empty() {
            let reason = format!("the table has more partitions than are declared: {}", more.join(", "));
            self.strange(disk, reason, "declare them too; without `content` they are left alone");
        }
    }

    /// The one array that all declared members which are there belong to.
    fn array(&mut self, id: &NodeId, name: &Name) -> Option<Uuid> {
        let mut of = self.arrays.remove(name).unwrap_or_default();
        of.sort();
        of.dedup();
        match of[..] {
            [uuid] => Some(uuid),
            [] => {
                self.strange(id, "none of its declared members is a member of an array", "correct its members");
                None
            }
            _ => {
                let all = of.iter().map(|uuid| crate::identity::md(*uuid)).collect::<Vec<_>>().join(", ");
                self.strange(id, format!("its declared members belong to several arrays: {all}"), "sort them by array");
                None
            }
        }
    }

    /// A pool has identities of other kinds: its GUID, and the host id under which ZFS takes it for this machine's.
    fn pool(&mut self, name: &Name, pool: &Zpool, at: &Path) {
        let id = NodeId::pool(name);
        let Some(wished) = self.wish.node(&id).and_then(|node| node.kind.pool()) else { return };
        let Some(known) = self.facts.pools.iter().find(|known| known.name == name.as_ref()) else {
            let label = |device: &Device| match &device.content {
                facts::Content::PoolMember { pool, gone: false, .. } => pool.as_deref() == Some(name.as_ref()),
                _ => false,
            };
            return if self.facts.devices.iter().any(label) {
                self.strange(&id, "the pool is not imported", format!("import it: `zpool import {name}`"));
            } else {
                self.strange(&id, "there is no such pool", "correct its name, or leave it out");
            };
        };
        let guid = (!wished.is(known)).then_some(("guid", known.guid.as_str(), "pool"));
        // It is the machine's, and said once.
        let said = self.found.identities.iter().any(|it| it.of == HOST_ID);
        let host_id = self.facts.devices.iter().filter(|device| known.has(&device.name)).find_map(host_id);
        let host_id = host_id.filter(|it| !said && *it != wished.host_id).map(|it| ("host_id", it, HOST_ID));
        for (key, text, of) in guid.into_iter().chain(host_id) {
            let (node, at) = (id.clone(), at.join(key));
            self.found.identities.push(Identity { node, at, uuid: text.to_owned(), of: of.to_owned() });
        }
        for (path, declared) in &pool.datasets {
            let (Some(content), Some(_)) = (&declared.content, known.dataset(path.as_ref())) else { continue };
            let (id, link) = (id.dataset(path.as_ref()), format!("/dev/zvol/{name}/{path}"));
            match self.facts.devices.iter().find(|device| device.links.contains(&link)) {
                Some(device) => self.content(&id, content, &at.join("datasets").join(path).join("content"), device),
                None => self.strange(
                    &id,
                    "it is no volume that can be seen",
                    format!("load its key: `zfs load-key -r {name}`"),
                ),
            }
        }
    }

    fn group(&mut self, name: &Name, group: &VolumeGroup, at: &Path) {
        let id = NodeId::group(name);
        let Some(known) = self.facts.groups.iter().find(|known| known.name == name.as_ref()) else {
            return self.strange(&id, "there is no such group", "correct its name, or leave it out");
        };
        self.lvm(&id, at, "volume group", &known.uuid, |node| match &node.kind {
            Kind::Group(group) => Some(&group.uuid),
            _ => None,
        });
        for (volume, declared) in &group.lvs {
            let (id, at) = (id.child(volume), at.join("lvs").join(volume));
            // A volume that serves as cache is one of LVM's inner ones, with another name.
            let names = [volume.to_string(), format!("{volume}_cvol")];
            let Some(found) = known.volumes.iter().find(|found| names.contains(&found.name)) else {
                self.strange(&id, "there is no such volume", "correct its name, or leave it out");
                continue;
            };
            self.lvm(&id, &at, "volume", &found.uuid, |node| match &node.kind {
                Kind::Volume(volume) => Some(&volume.uuid),
                _ => None,
            });
            let Some(content) = &declared.content else { continue };
            let path = mapped(name.as_ref(), volume.as_ref());
            match self.facts.devices.iter().find(|device| device.path == path) {
                Some(device) => self.content(&id, content, &at.join("content"), device),
                None => self.strange(&id, "it is not active", format!("vgchange --activate y {name}")),
            }
        }
    }
}

/// The partition that ZFS puts at the end of a disk that it was given whole, and never writes to.
const ZFS_RESERVED: &str = "6A945A3B-1DD2-11B2-99A6-080020736631";

fn table_identity(node: &Node) -> Option<Uuid> {
    match &node.holds {
        Some(Holds::Table { uuid, .. }) => Some(*uuid),
        _ => None,
    }
}

/// What it is that a pool knows its machine by.
const HOST_ID: &str = "host id of the machine";

/// As whose a pool was last used, from the label of one of its devices.
fn host_id(device: &Device) -> Option<&str> {
    match &device.content {
        facts::Content::PoolMember { host_id, .. } => host_id.as_deref(),
        _ => None,
    }
}

/// An identity of 32 bits in the form in which the fleet file says it.
fn padded(id: u32) -> Uuid {
    Uuid::from_u128(u128::from(id) << 96)
}

/// As blkid(8) prints it: a UUID, or the eight digits of a FAT volume.
fn filesystem_identity(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().or_else(|| {
        let digits = text.replace('-', "");
        (digits.len() == 8).then(|| u32::from_str_radix(&digits, 16).ok()).flatten().map(padded)
    })
}
