//! The diagram of a machine's storage: from the resolved tree, and from what was seen of it if somebody looked.

use super::{Diagram, Health, Link, Part, PartKind};
use crate::seen::Seen;
use crate::text::bytes;
use storage::facts::{self, Content, Facts, MemberState};
use storage::wish::{CacheKind, Holds, Kind, Node, Thin, Volume};
use storage::{Extent, NodeId, Wish};

impl Diagram {
    /// The storage stack of `wish`; with `facts`, sizes are those of the real devices, and every part says how it fares.
    pub fn of(wish: &Wish, facts: Option<&Facts>) -> Self {
        let mut diagram = Self::default();
        let seen = facts.map(|facts| Seen { wish, facts });
        for node in &wish.nodes {
            diagram.add(wish, node, seen.as_ref());
        }
        diagram
    }

    /// The same with every filesystem and swap space in the box of what holds it, which then bears its mount point.
    #[must_use]
    pub fn folded(mut self) -> Self {
        for content in self.parts.extract_if(.., |part| part.kind == PartKind::Filesystem).collect::<Vec<_>>() {
            self.links.retain(|link| link.to != content.id);
            let Some(holder) = content.id.strip_suffix(".content") else { continue };
            let Some(part) = self.parts.iter_mut().find(|part| part.id == holder) else { continue };
            let format = content.detail.split(" · ").next().unwrap_or_default();
            let name = std::mem::replace(&mut part.title, content.title);
            part.detail = match part.kind {
                PartKind::Partition => format!("partition {name} · {format}"),
                PartKind::Volume => format!("volume {name} · {format}"),
                PartKind::Disk | PartKind::Array | PartKind::Crypt | PartKind::Filesystem => {
                    format!("{name} · {format}")
                }
            };
        }
        self
    }

    fn add(&mut self, wish: &Wish, node: &Node, seen: Option<&Seen<'_>>) {
        let id = node.id.to_string();
        let link = |from: &NodeId, cache| Link { from: from.to_string(), to: id.clone(), cache };
        let (kind, title, detail, frame) = match &node.kind {
            Kind::Disk(disk) => {
                let marks = [&disk.serial, &disk.wwn, &disk.device, &disk.model];
                let mark = marks.into_iter().flatten().next().cloned().unwrap_or_default();
                let serial = seen.and_then(|seen| seen.device(&node.id)?.serial.clone());
                (PartKind::Disk, last(&node.id), serial.unwrap_or(mark), None)
            }
            Kind::Partition(partition) => {
                let detail = format!("partition {} · {}", partition.number, holds(node));
                (PartKind::Partition, partition.name.to_string(), detail, None)
            }
            Kind::Array(array) => {
                let detail = format!("{} members · md/{}", array.members.len(), array.name);
                (PartKind::Array, format!("{} {}", array.level, array.name), detail, None)
            }
            Kind::Group(_) => return,
            Kind::Volume(volume) => {
                if let Some(cache) = &volume.cache {
                    let word = match cache.kind {
                        CacheKind::Writecache => "dm-writecache",
                        CacheKind::Cache { .. } => "dm-cache",
                    };
                    self.links.push(link(&cache.node, Some(word.to_owned())));
                }
                let detail = if volume.caches.is_some() { "cache volume".to_owned() } else { holds(node) };
                let detail =
                    volume.spread.map_or_else(|| detail.clone(), |spread| format!("{} · {detail}", spread.word()));
                let detail = match &volume.thin {
                    Some(Thin::Pool) => "thin pool".to_owned(),
                    Some(Thin::In(_)) => format!("thin · {detail}"),
                    None => detail,
                };
                let frame = Some(format!("Volume group {}", volume.group));
                (PartKind::Volume, volume.name.to_string(), detail, frame)
            }
            Kind::Pool(pool) => {
                let devices = pool.members().count();
                (PartKind::Array, format!("ZFS {}", pool.name), format!("{devices} devices · {}", modes(pool)), None)
            }
            Kind::Zvol(volume) => {
                (PartKind::Volume, volume.path.clone(), holds(node), Some(format!("ZFS pool {}", volume.pool)))
            }
            Kind::Crypt(crypt) => (PartKind::Crypt, crypt.name.to_string(), format!("LUKS · {}", holds(node)), None),
        };
        let below = match &node.kind {
            Kind::Volume(Volume { thin: Some(Thin::In(pool)), .. }) => std::slice::from_ref(pool),
            Kind::Volume(volume) => &volume.pvs,
            _ => &node.on,
        };
        self.links.extend(below.iter().map(|from| link(from, None)));
        let size = seen.and_then(|seen| measured(seen, node)).map_or_else(|| declared(node), bytes);
        let (health, words) = seen.map_or((Health::Unknown, String::new()), |seen| fares(seen, node));
        self.parts.push(Part { id, kind, title, size, detail, frame, health, note: words });
        self.add_content(wish, node, seen);
    }

    /// A filesystem or swap space is a part of its own, behind what holds it.
    fn add_content(&mut self, wish: &Wish, node: &Node, seen: Option<&Seen<'_>>) {
        let (title, detail) = match &node.holds {
            None if node.kind.pool().is_some_and(|pool| pool.datasets.iter().any(|it| it.mountpoint.is_some())) => {
                let pool = node.kind.pool().into_iter().flat_map(|pool| &pool.datasets);
                let paths: Vec<&str> = pool.filter_map(|it| it.mountpoint.as_deref()).collect();
                (paths.join(" "), "zfs".to_owned())
            }
            Some(Holds::Filesystem { format, shown, mountpoint, .. }) => {
                let short = shown.split('-').next().unwrap_or_default();
                let title = mountpoint.clone().unwrap_or_else(|| format.to_string());
                (title, format!("{format} · UUID {short}…"))
            }
            Some(Holds::Swap(swap)) => ("swap".to_owned(), swap.shown().replacen("swap", "swap space", 1)),
            Some(Holds::Btrfs(btrfs)) => {
                let id = btrfs.uuid.to_string();
                let short = id.split('-').next().unwrap_or_default();
                let title = btrfs.mounts().map(|(_, path, _)| path).collect::<Vec<_>>().join(" ");
                let to = format!("{}.content", node.id);
                let further = |from: &NodeId| Link { from: from.to_string(), to: to.clone(), cache: None };
                self.links.extend(btrfs.members.iter().map(further));
                (
                    if title.is_empty() { "btrfs".to_owned() } else { title },
                    format!("btrfs {} · UUID {short}…", btrfs.data),
                )
            }
            _ => return,
        };
        let id = format!("{}.content", node.id);
        let mounted = wish.mounts.iter().find(|mount| mount.node == node.id);
        let path = mounted.map(|mount| mount.path.as_str());
        let (health, words) = seen.map_or((Health::Unknown, String::new()), |seen| holding(seen, node, path));
        self.links.push(Link { from: node.id.to_string(), to: id.clone(), cache: None });
        let (kind, size, frame) = (PartKind::Filesystem, String::new(), None);
        self.parts.push(Part { id, kind, title, size, detail, frame, health, note: words });
    }
}

/// How a pool keeps its data: `raidz2 + mirror`.
fn modes(pool: &storage::wish::Pool) -> String {
    let data = pool.vdevs.iter().filter(|vdev| vdev.class.word().is_none());
    let modes = data.map(|vdev| vdev.mode.map_or("single", storage::tree::VdevMode::word));
    modes.collect::<Vec<_>>().join(" + ")
}

fn last(id: &NodeId) -> String {
    id.as_str().rsplit('.').next().unwrap_or_default().to_owned()
}

fn holds(node: &Node) -> String {
    match &node.holds {
        Some(Holds::PhysicalVolume { .. }) => "LVM PV".to_owned(),
        Some(Holds::Member { .. }) => "array member".to_owned(),
        Some(Holds::Filesystem { format, .. }) => format.to_string(),
        Some(Holds::Swap(_)) => "swap".to_owned(),
        Some(Holds::Btrfs(_)) => "btrfs".to_owned(),
        Some(Holds::BtrfsMember { .. }) => "btrfs device".to_owned(),
        Some(Holds::Luks { .. }) => "LUKS".to_owned(),
        Some(Holds::Zfs { .. }) => "ZFS device".to_owned(),
        Some(Holds::Table { .. }) | None => node.path.clone().unwrap_or_default(),
    }
}

/// The real size, in bytes.
fn measured(seen: &Seen<'_>, node: &Node) -> Option<u64> {
    match &node.kind {
        Kind::Volume(volume) => volume_of(seen, volume).map(|volume| volume.size),
        _ => seen.device(&node.id).map(|device| device.size),
    }
}

/// A volume as LVM sees it; a cache that is attached bears `_cvol` behind its name (lvmcache(7)).
fn volume_of<'a>(seen: &Seen<'a>, volume: &Volume) -> Option<&'a facts::Volume> {
    let group = seen.facts.groups.iter().find(|group| group.name == volume.group.as_ref())?;
    let find = |name: &str| group.volumes.iter().find(|volume| volume.name == name);
    let hidden = || volume.caches.as_ref().and_then(|_| find(&format!("{}_cvol", volume.name)));
    find(volume.name.as_ref()).or_else(hidden)
}

fn declared(node: &Node) -> String {
    match &node.kind {
        Kind::Disk(disk) => disk.size.map(|size| bytes(size.0)).unwrap_or_default(),
        Kind::Partition(storage::wish::Partition { size, .. }) | Kind::Volume(Volume { size, .. }) => match size {
            Extent::End => "the rest".to_owned(),
            Extent::Size(size) => bytes(size.0),
            other @ Extent::Percent(_) => other.to_string(),
        },
        Kind::Zvol(volume) => bytes(volume.size.0),
        Kind::Array(_) | Kind::Group(_) | Kind::Crypt(_) | Kind::Pool(_) => String::new(),
    }
}

/// How a node fares.
fn fares(seen: &Seen<'_>, node: &Node) -> (Health, String) {
    let said = |health, note: &str| (health, note.to_owned());
    match &node.kind {
        Kind::Disk(_) | Kind::Partition(_) => match (seen.device(&node.id), &node.holds) {
            (None, _) => said(Health::Missing, "missing"),
            (Some(device), Some(Holds::Member { array, .. })) => member(seen, array, &device.name),
            (Some(_), Some(Holds::Table { .. })) if !seen.has_table(&node.id) => {
                said(Health::Missing, "not its own table")
            }
            (Some(_), _) => said(Health::Good, ""),
        },
        Kind::Array(array) => match seen.array(&node.id) {
            None => said(Health::Missing, "missing"),
            Some(found) if !found.active => said(Health::Missing, "not active"),
            Some(found) => {
                let count = found.members.iter().filter(|member| member.state == MemberState::InSync).count();
                let all = array.members.len();
                let busy = found.members.iter().any(|member| member.state == MemberState::Rebuilding);
                match (count < all, busy) {
                    (true, true) => {
                        (Health::Degraded, format!("rebuilding, {}.{} %", found.done / 10, found.done % 10))
                    }
                    (true, false) => (Health::Degraded, format!("degraded: {count} of {all} members")),
                    (false, _) => said(Health::Good, ""),
                }
            }
        },
        Kind::Group(_) => said(Health::Good, ""),
        Kind::Pool(pool) => match seen.pool(pool) {
            None => said(Health::Missing, "not imported"),
            Some(found) if found.health == "ONLINE" => said(Health::Good, ""),
            Some(found) => (Health::Degraded, found.health.to_ascii_lowercase()),
        },
        Kind::Crypt(_) | Kind::Zvol(_) if seen.device(&node.id).is_some() => said(Health::Good, ""),
        Kind::Zvol(_) => said(Health::Missing, "missing"),
        Kind::Crypt(_) => said(Health::Missing, "closed"),
        Kind::Volume(volume) => match volume_of(seen, volume) {
            None => said(Health::Missing, "missing"),
            Some(found) if volume.cache.is_some() && found.cache.is_none() => {
                said(Health::Degraded, "no cache attached")
            }
            Some(found) if !found.active && volume.caches.is_none() => said(Health::Missing, "not active"),
            Some(_) => said(Health::Good, ""),
        },
    }
}

fn member(seen: &Seen<'_>, array: &NodeId, device: &str) -> (Health, String) {
    let Some(array) = seen.array(array) else { return (Health::Good, String::new()) };
    let member = array.members.iter().find(|member| member.device == device);
    let (health, words) = match member.map(|member| member.state) {
        Some(MemberState::InSync) => (Health::Good, ""),
        Some(MemberState::Spare) => (Health::Good, "standing by"),
        Some(MemberState::Rebuilding) => (Health::Degraded, "being rebuilt"),
        Some(MemberState::Replacing) => (Health::Degraded, "being filled"),
        Some(MemberState::Faulty) => (Health::Missing, "failed"),
        None => (Health::Degraded, "not in the array"),
    };
    (health, words.to_owned())
}

/// How what a node holds fares.
fn holding(seen: &Seen<'_>, node: &Node, path: Option<&str>) -> (Health, String) {
    if let Some(pool) = node.kind.pool() {
        let Some(found) = seen.pool(pool) else { return (Health::Missing, "missing".to_owned()) };
        let wished = pool.datasets.iter().filter_map(|it| Some((&it.path, it.mountpoint.as_ref()?)));
        let mounted = wished.map(|(path, at)| found.dataset(path).is_some_and(|it| it.mounts.contains(at)));
        let all = mounted.into_iter().all(|is| is);
        return if all { (Health::Good, String::new()) } else { (Health::Degraded, "not mounted".to_owned()) };
    }
    let Some(device) = seen.device(&node.id) else { return (Health::Missing, "missing".to_owned()) };
    let there = match (&device.content, &node.holds) {
        (Content::Filesystem { uuid: Some(found), unfinished: false, .. }, Some(Holds::Filesystem { shown, .. })) => {
            found == shown
        }
        (Content::Blank | Content::Unknown, Some(Holds::Swap(swap))) => swap.random,
        (Content::Swap { uuid: Some(found) }, Some(Holds::Swap(swap))) => *found == swap.uuid,
        (_, Some(Holds::Btrfs(btrfs))) => device.btrfs() == Some(btrfs.uuid),
        _ => false,
    };
    let mounted = |path: &str| seen.facts.mounts_of(device).any(|mount| mount.target == path);
    let (health, words) = match path {
        _ if !there => (Health::Missing, "missing"),
        Some(path) if !mounted(path) => (Health::Degraded, "not mounted"),
        _ => (Health::Good, ""),
    };
    (health, words.to_owned())
}
