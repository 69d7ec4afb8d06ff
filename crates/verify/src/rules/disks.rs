//! What disks hold, judged by the facts of one probe against the resolved tree.

use super::verdict;
use crate::judge::Verdict;
use crate::seen::Seen;
use crate::text::bytes;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;
use storage::facts::{self, Content, Facts, MemberState};
use storage::tree::TableKind;
use storage::wish::{Array, Group, Holds, Kind, Nodev, Partition, Pool, Volume};
use storage::{NodeId, Wish};

/// One claim about one node of the tree.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DiskRule {
    /// The node.
    pub node: NodeId,
    /// What is true of it.
    pub claim: Claim,
    /// The tree that says how it should be.
    #[serde(skip)]
    pub wish: Arc<Wish>,
}

/// What is true of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// The disk is there and bears its partition table.
    Table,
    /// The partition is there.
    Partition,
    /// The array runs, with its identity and level.
    Array,
    /// Every member is in step, every spare stands by.
    Members,
    /// Nothing is being rebuilt or reshaped.
    Settled,
    /// The volume group is there, with its identity and every physical volume.
    Group,
    /// The volume is there, with its identity, and active.
    Volume,
    /// The volume's cache is attached.
    Cache,
    /// The cache lies on its own devices.
    CachePlace,
    /// The node holds its filesystem, finished.
    Filesystem,
    /// Its filesystem is mounted where it belongs, from this node, and can be written to.
    Mounted,
}

impl DiskRule {
    pub(super) fn judge(&self, facts: &Facts) -> Verdict {
        let seen = Seen { wish: &self.wish, facts };
        if let Some(nodev) = self.wish.nodev.iter().find(|nodev| nodev.node == self.node) {
            return in_memory(facts, nodev);
        }
        let Some(node) = self.wish.node(&self.node) else {
            return Err(format!("{} is not declared: report this as a bug", self.node));
        };
        match (self.claim, &node.kind, &node.holds) {
            (Claim::Table, Kind::Disk(_), Some(Holds::Table { table, .. })) => self.table(&seen, *table),
            (Claim::Partition, Kind::Partition(partition), _) => self.partition(&seen, partition),
            (Claim::Array, Kind::Array(array), _) => self.array(&seen, array),
            (Claim::Members, Kind::Array(array), _) => self.members(&seen, array),
            (Claim::Settled, Kind::Array(_), _) => self.settled(&seen),
            (Claim::Group, Kind::Group(group), _) => volume_group(facts, group),
            (Claim::Volume, Kind::Volume(volume), _) => logical_volume(facts, volume),
            (Claim::Cache, Kind::Volume(volume), _) => self.cache(facts, volume),
            (Claim::CachePlace, Kind::Volume(volume), _) => cache_place(&seen, volume),
            (Claim::Filesystem, Kind::Pool(pool), _) => match seen.pool(pool) {
                Some(found) if found.health == "ONLINE" => Ok(format!("ZFS pool {} {}", found.name, found.guid)),
                Some(found) => Err(format!("ZFS pool {} is {}", found.name, found.health)),
                None => Err(format!("ZFS pool {} is not imported", pool.name)),
            },
            (Claim::Mounted, Kind::Pool(pool), _) => datasets(&seen, pool),
            (Claim::Filesystem, _, Some(Holds::Filesystem { format, shown, .. })) => {
                self.filesystem(&seen, format.word(), shown)
            }
            (Claim::Mounted, _, Some(Holds::Filesystem { mountpoint: Some(path), options, .. })) => {
                self.mounted(&seen, path, options)
            }
            (Claim::Filesystem, _, Some(Holds::Btrfs(btrfs))) => {
                self.filesystem(&seen, "btrfs", &btrfs.uuid.to_string())
            }
            (Claim::Mounted, _, Some(Holds::Btrfs(btrfs))) => {
                let each = btrfs.mounts().map(|(_, path, options)| self.mounted(&seen, path, &options));
                Ok(each.collect::<Result<Vec<_>, _>>()?.join(", "))
            }
            _ => Err(format!("{} cannot be asked this: report this as a bug", self.node)),
        }
    }

    fn absent(&self, seen: &Seen<'_>) -> String {
        format!("{} is not there", seen.told(&self.node))
    }

    fn table(&self, seen: &Seen<'_>, table: TableKind) -> Verdict {
        let device = seen.device(&self.node).ok_or_else(|| self.absent(seen))?;
        let found = match &device.content {
            Content::Table { label, uuid: Some(uuid), .. } => format!("{label} {uuid}"),
            Content::Table { label, id: Some(id), .. } => format!("{label} 0x{id:08x}"),
            Content::Table { label, .. } => label.clone(),
            _ => "no partition table".to_owned(),
        };
        let label = match table {
            TableKind::Gpt => "gpt",
            TableKind::Mbr => "dos",
        };
        let right = matches!(&device.content, Content::Table { label: found, .. } if found == label);
        if right && seen.has_table(&self.node) {
            return Ok(format!("{found} on {}", seen.told(&self.node)));
        }
        Err(format!("{} holds {found}, which is not its own table", seen.told(&self.node)))
    }

    fn partition(&self, seen: &Seen<'_>, partition: &Partition) -> Verdict {
        let device = seen.device(&self.node).ok_or_else(|| self.absent(seen))?;
        let size = bytes(device.size);
        Ok(format!("partition {}, {size}, PARTUUID {}", partition.number, partition.partuuid))
    }

    fn array(&self, seen: &Seen<'_>, wanted: &Array) -> Verdict {
        let Some(found) = seen.array(&self.node) else { return Err(idle_members(seen, wanted)) };
        let level = format!("raid{}", wanted.level.number());
        let mut wrong = Vec::new();
        if !found.active {
            wrong.push("it is not active: too many members are missing, or it was cut while degraded".to_owned());
        }
        if found.level != level {
            wrong.push(format!("its level is {}, not {level}", found.level));
        }
        if found.devices as usize != wanted.members.len() {
            wrong.push(format!("it wants {} members, not {}", found.devices, wanted.members.len()));
        }
        verdict(&wrong, format!("{level} of {} members, UUID {}", found.devices, found.uuid))
    }

    fn members(&self, seen: &Seen<'_>, wanted: &Array) -> Verdict {
        let Some(found) = seen.array(&self.node) else { return Err(idle_members(seen, wanted)) };
        let state = |id: &NodeId| {
            let device = seen.device(id)?;
            found.members.iter().find(|member| member.device == device.name).map(|member| member.state)
        };
        let mut wrong = Vec::new();
        for id in &wanted.members {
            let what = match state(id) {
                Some(MemberState::InSync) => continue,
                Some(MemberState::Replacing) => format!("is being filled{}", done(found)),
                Some(MemberState::Rebuilding) => format!("is being rebuilt{}", done(found)),
                Some(MemberState::Spare) => "stands by although it should be a member".to_owned(),
                Some(MemberState::Faulty) => "has failed".to_owned(),
                None if seen.device(id).is_some() => "is there, but not in the array".to_owned(),
                None => "is missing".to_owned(),
            };
            wrong.push(format!("{} {what}", seen.told(id)));
        }
        let spares =
            wanted.spares.iter().filter(|id| !matches!(state(id), Some(MemberState::Spare | MemberState::InSync)));
        wrong.extend(spares.map(|id| format!("spare {} does not stand by", seen.told(id))));
        let in_sync = found.members.iter().filter(|member| member.state == MemberState::InSync).count();
        // Kernel names of members that are of no declared disk: a disk that was changed by hand, say.
        if in_sync < wanted.members.len() {
            wrong.insert(0, format!("degraded: {in_sync} of {} members in step", wanted.members.len()));
        }
        let spares = wanted.spares.len();
        let tail = if spares == 0 { String::new() } else { format!(", {spares} standing by") };
        verdict(&wrong, format!("{in_sync} of {} members in step{tail}", wanted.members.len()))
    }

    fn settled(&self, seen: &Seen<'_>) -> Verdict {
        let Some(found) = seen.array(&self.node) else { return Err(self.absent(seen)) };
        match found.action.as_deref() {
            _ if !found.active => Err("the array is not active".to_owned()),
            None | Some("idle") => Ok("idle".to_owned()),
            // Both read all members while all are in step: a scrub, or the first writing of parity.
            Some(action @ ("check" | "resync")) => Ok(format!("{action}{}, all members in step", done(found))),
            Some(action) => Err(format!("{action}{}", done(found))),
        }
    }

    fn cache(&self, facts: &Facts, wanted: &Volume) -> Verdict {
        let found = volume(facts, wanted, |volume| volume.name == wanted.name.as_ref())?;
        let Some(cache) = &wanted.cache else { return Err(format!("{} has no cache declared", self.node)) };
        let name = self.wish.node(&cache.node).map(|node| match &node.kind {
            Kind::Volume(volume) => volume.name.to_string(),
            _ => cache.node.to_string(),
        });
        let name = name.unwrap_or_else(|| cache.node.to_string());
        let segment = cache.kind.segment();
        match &found.cache {
            Some(attached) if *attached == name && found.segment == segment => {
                Ok(format!("{segment} on volume {name}"))
            }
            Some(attached) => Err(format!("{} on volume {attached}, not {segment} on volume {name}", found.segment)),
            None => Err(format!("no cache is attached: its segment type is {}, not {segment}", found.segment)),
        }
    }

    fn filesystem(&self, seen: &Seen<'_>, format: &str, uuid: &str) -> Verdict {
        let device = seen.device(&self.node).ok_or_else(|| self.absent(seen))?;
        match &device.content {
            Content::Filesystem { unfinished: true, .. } => Err("its making was cut short".to_owned()),
            Content::Filesystem { format: found, uuid: Some(id), .. } if found == format && id == uuid => {
                Ok(format!("{format} {uuid}"))
            }
            Content::Filesystem { format: found, uuid: id, .. } => {
                let id = id.as_deref().unwrap_or("without UUID");
                Err(format!("{found} {id}, not {format} {uuid}"))
            }
            _ => Err(format!("no filesystem is there, wanted {format} {uuid}")),
        }
    }

    fn mounted(&self, seen: &Seen<'_>, path: &str, options: &[String]) -> Verdict {
        // What was mounted last covers what was mounted there before.
        let Some(mount) = seen.facts.mounts.iter().rfind(|mount| mount.target == path) else {
            return Err(format!("nothing is mounted on {path}"));
        };
        let device = seen.device(&self.node).ok_or_else(|| self.absent(seen))?;
        if !seen.facts.mounts_of(device).any(|own| own == mount) {
            return Err(format!("{path} is mounted from {}, not from {}", mount.device, seen.told(&self.node)));
        }
        if mount.read_only && !options.iter().any(|option| option == "ro") {
            return Err(format!("{path} is mounted read-only: the filesystem may have met an error"));
        }
        Ok(format!("{path} from {} ({})", device.path, mount.format))
    }
}

fn in_memory(facts: &Facts, wanted: &Nodev) -> Verdict {
    let (fstype, path) = (&wanted.fstype, &wanted.path);
    match facts.nodev_at(path) {
        Some(found) if found == fstype => Ok(format!("{fstype} on {path}")),
        Some(found) => Err(format!("{found} is mounted on {path}, not {fstype}")),
        None => Err(format!("no {fstype} is mounted on {path}")),
    }
}

/// What is left of an array that does not run.
fn idle_members(seen: &Seen<'_>, wanted: &Array) -> String {
    let member = |id: &&NodeId| {
        let content = seen.device(id).map(|device| &device.content);
        matches!(content, Some(Content::Member { array, .. }) if *array == wanted.uuid)
    };
    match wanted.members.iter().filter(member).count() {
        0 => format!("no array with UUID {} is there", wanted.uuid),
        count => format!("the array does not run; {count} of {} members are there", wanted.members.len()),
    }
}

fn done(array: &facts::Array) -> String {
    if array.done == 0 && array.action.is_none() {
        return String::new();
    }
    format!(" ({}.{} % done)", array.done / 10, array.done % 10)
}

fn volume_group(facts: &Facts, wanted: &Group) -> Verdict {
    let Some(found) = facts.groups.iter().find(|group| group.name == wanted.name.as_ref()) else {
        return Err(format!("no volume group {} is there", wanted.name));
    };
    let mut wrong = Vec::new();
    if found.uuid != wanted.uuid {
        wrong.push(format!("its UUID is {}, not {}", found.uuid, wanted.uuid));
    }
    if found.missing > 0 {
        wrong.push(format!("{} of its physical volumes missing", found.missing));
    }
    verdict(&wrong, format!("{} of {} physical volumes, UUID {}", wanted.pvs.len(), wanted.pvs.len(), found.uuid))
}

fn volume<'a>(
    facts: &'a Facts,
    wanted: &Volume,
    is: impl Fn(&facts::Volume) -> bool,
) -> Result<&'a facts::Volume, String> {
    let group = facts.groups.iter().find(|group| group.name == wanted.group.as_ref());
    let group = group.ok_or_else(|| format!("no volume group {} is there", wanted.group))?;
    let found = group.volumes.iter().find(|volume| is(volume));
    found.ok_or_else(|| format!("no volume {} is in group {}", wanted.name, wanted.group))
}

fn logical_volume(facts: &Facts, wanted: &Volume) -> Verdict {
    let found = volume(facts, wanted, |volume| volume.name == wanted.name.as_ref())?;
    let mut wrong = Vec::new();
    if found.uuid != wanted.uuid {
        wrong.push(format!("its UUID is {}, not {}", found.uuid, wanted.uuid));
    }
    if !found.active {
        wrong.push("it is not active".to_owned());
    }
    verdict(&wrong, format!("{}, UUID {}", bytes(found.size), found.uuid))
}

fn cache_place(seen: &Seen<'_>, wanted: &Volume) -> Verdict {
    // lvmcache(7): once attached, the cache volume is hidden and bears `_cvol` behind its name.
    let hidden = format!("{}_cvol", wanted.name);
    let found = volume(seen.facts, wanted, |volume| volume.name == hidden || volume.name == wanted.name.as_ref())?;
    let devices: Vec<_> = wanted.pvs.iter().filter_map(|id| seen.device(id)).collect();
    let stray: Vec<_> = found.on.iter().filter(|name| !devices.iter().any(|device| device.name == **name)).collect();
    let wanted = wanted.pvs.iter().map(|id| seen.told(id)).collect::<Vec<_>>().join(", ");
    match (found.on.is_empty(), stray.first()) {
        (true, _) => Err(format!("the probe does not tell where it lies, wanted {wanted}")),
        (_, Some(stray)) => Err(format!("it lies on {stray}, not on {wanted}")),
        (_, None) => Ok(format!("on {wanted}")),
    }
}

/// Is every filesystem of a pool mounted where it belongs?
fn datasets(seen: &Seen<'_>, pool: &Pool) -> Verdict {
    let found = seen.pool(pool).ok_or_else(|| format!("ZFS pool {} is not imported", pool.name))?;
    let wished = pool.datasets.iter().filter_map(|it| Some((it, it.mountpoint.as_ref()?)));
    let each = wished.map(|(dataset, path)| {
        let full = pool.full(&dataset.path);
        match found.dataset(&dataset.path) {
            None => Err(format!("{full} is not there")),
            Some(it) if it.mounts.contains(path) => Ok(format!("{full} on {path}")),
            Some(_) => Err(format!("{full} is not mounted on {path}")),
        }
    });
    Ok(each.collect::<Result<Vec<_>, _>>()?.join(", "))
}
