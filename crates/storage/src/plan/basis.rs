//! What a plan was made from: all that the probe told of the disks, but for kernel names and for what changes by itself. By it a
//! plan that was saved or approved is known to be of these disks still, and what has changed since is named.

use super::Sight;
use super::sight::mapped;
use crate::facts::{Array, Content, Device, DeviceKind, Facts, Group, MemberState};
use crate::wish::Wish;
use crate::{NodeId, Size};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What was known of each thing, by a name that the next boot does not change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Basis(BTreeMap<String, Thing>);

/// What was known of a disk, a partition, an array, a group, …
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Thing {
    /// The node that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    node: Option<NodeId>,
    /// Each fact by its place in what `probe --json` prints, such as `content.uuid`.
    told: BTreeMap<String, String>,
}

/// So many changes are named of one thing.
const SHOWN: usize = 4;

impl Basis {
    /// What a plan for `wish` is made from. Of the machine itself only its name, its firmware and what it can enrol count: processor, memory and network
    /// are in no plan for disks. Of filesystems in memory those count that lie where something is wished: others come and go
    /// with what runs.
    pub fn new(wish: &Wish, facts: &Facts) -> Self {
        Self::seen(wish, facts, &Sight::new(wish, facts))
    }

    /// The same, where it has been looked up what is which node.
    pub(super) fn seen(wish: &Wish, facts: &Facts, sight: &Sight<'_>) -> Self {
        let names = names(facts);
        let mut basis = Self::default();
        let machine = basis.thing("machine");
        machine.insert("hostname".into(), facts.machine.hostname.clone());
        machine.insert("efi".into(), facts.machine.efi.to_string());
        flatten(machine, "enrol", &serde_json::to_value(&facts.machine.enrol).unwrap_or_default());
        for device in &facts.devices {
            let name = called(&names, &device.name);
            let told = basis.thing(&name);
            let mut value = serde_json::to_value(settled(device, facts)).unwrap_or_default();
            if let Value::Object(object) = &mut value {
                object.retain(|key, _| !["name", "path", "links", "parents"].contains(&key.as_str()));
            }
            flatten(told, "", &value);
            let mut parents: Vec<String> = device.parents.iter().map(|parent| called(&names, parent)).collect();
            parents.sort();
            told.insert("on".into(), parents.join(", "));
            basis.0.entry(name).or_default().node = sight.node(&device.name).cloned();
        }
        for array in &facts.arrays {
            basis.array(array, &names);
        }
        for group in &facts.groups {
            let mut group = group.clone();
            for volume in &mut group.volumes {
                (volume.fill, volume.synced) = (None, None);
                volume.on.iter_mut().for_each(|on| *on = called(&names, on));
                volume.on.sort();
            }
            let value = serde_json::to_value(&group).unwrap_or_default();
            flatten(basis.thing(&format!("volume group {}", group.name)), "", &value);
        }
        for btrfs in &facts.btrfs {
            let mut btrfs = btrfs.clone();
            btrfs.devices.iter_mut().for_each(|device| device.device = called(&names, &device.device));
            if let Some(subvolumes) = &mut btrfs.subvolumes {
                subvolumes.sort();
            }
            let value = serde_json::to_value(&btrfs).unwrap_or_default();
            flatten(basis.thing(&format!("btrfs {}", btrfs.uuid)), "", &value);
        }
        for pool in &facts.pools {
            // Its resilver, what is in use, and counted errors change by themselves; so do places that are being taken.
            let mut pool = pool.clone();
            (pool.used, pool.action, pool.done, pool.damaged) = (0, None, 0, 0);
            for member in pool.vdevs.iter_mut().flat_map(|vdev| &mut vdev.members) {
                member.device = member.device.as_ref().map(|device| called(&names, device));
                member.errors = 0;
            }
            let value = serde_json::to_value(&pool).unwrap_or_default();
            flatten(basis.thing(&format!("ZFS pool {}", pool.name)), "", &value);
        }
        for mount in &facts.mounts {
            let mut how = mount.format.clone();
            if mount.read_only {
                how.push_str(", read-only");
            }
            if let Some(subvolume) = &mount.subvolume {
                how.extend([", subvolume ", subvolume]);
            }
            basis.thing(&called(&names, &mount.device)).insert(format!("mount on {}", mount.target), how);
        }
        for swap in &facts.swaps {
            basis.thing(&called(&names, swap)).insert("use as swap".into(), "yes".into());
        }
        let wished = |path: &str| {
            wish.mounts.iter().any(|mount| mount.path == path) || wish.nodev.iter().any(|nodev| nodev.path == path)
        };
        let below = |target: &str| target.strip_prefix("/mnt").filter(|rest| rest.starts_with('/')).is_some_and(wished);
        for nodev in facts.nodev.iter().filter(|it| wished(&it.target) || below(&it.target) || it.target == "/mnt") {
            basis.thing("memory").insert(format!("mount on {}", nodev.target), nodev.fstype.clone());
        }
        basis
    }

    fn thing(&mut self, name: &str) -> &mut BTreeMap<String, String> {
        &mut self.0.entry(name.to_owned()).or_default().told
    }

    /// How far md is with what it does is no fact to rely upon, nor is a check that it began by itself. A reshape is.
    fn array(&mut self, array: &Array, names: &BTreeMap<&str, String>) {
        let mut settled = array.clone();
        settled.action = settled.action.filter(|action| action == "reshape");
        (settled.done, settled.left) = (0, None);
        settled.device.clear();
        for member in &mut settled.members {
            member.device = called(names, &member.device);
            if member.state == MemberState::Rebuilding {
                member.state = MemberState::InSync;
            }
        }
        let told = self.thing(&named(array));
        flatten(told, "md", &serde_json::to_value(&settled).unwrap_or_default());
    }

    /// What is otherwise in `now`, one line for each thing; empty if nothing is.
    pub fn changes(&self, now: &Self) -> Vec<String> {
        let all: BTreeMap<&String, (Option<&Thing>, Option<&Thing>)> =
            (self.0.keys().chain(now.0.keys())).map(|name| (name, (self.0.get(name), now.0.get(name)))).collect();
        let line = |(name, found): (&String, (Option<&Thing>, Option<&Thing>))| match found {
            (Some(before), Some(after)) => before.changed(after).map(|what| format!("{}: {what}", before.called(name))),
            (Some(before), None) => Some(format!("{} is gone", before.called(name))),
            (None, Some(after)) => Some(format!("{} is new", after.called(name))),
            (None, None) => None,
        };
        all.into_iter().filter_map(line).collect()
    }
}

impl Thing {
    /// `disk.data (disk serial DATA1)`
    fn called(&self, name: &str) -> String {
        self.node.as_ref().map_or_else(|| name.to_owned(), |node| format!("{node} ({name})"))
    }

    fn changed(&self, now: &Self) -> Option<String> {
        let keys: std::collections::BTreeSet<&String> = self.told.keys().chain(now.told.keys()).collect();
        let differ = keys.into_iter().filter(|key| self.told.get(*key) != now.told.get(*key));
        let mut words: Vec<String> = differ
            .map(|key| match (self.told.get(key), now.told.get(key)) {
                (Some(was), None) => format!("{key} ({}) is gone", worded(key, was)),
                (None, Some(is)) => format!("{key} ({}) is new", worded(key, is)),
                (was, is) => {
                    let (was, is) = (was.map_or("", String::as_str), is.map_or("", String::as_str));
                    let (one, other) = (worded(key, was), worded(key, is));
                    // Two sizes that read alike are told to the byte.
                    if one == other {
                        format!("{key} was {was}, is {is}")
                    } else {
                        format!("{key} was {one}, is {other}")
                    }
                }
            })
            .collect();
        if words.len() > SHOWN {
            let more = words.len() - SHOWN;
            words.truncate(SHOWN);
            words.push(format!("and {more} more"));
        }
        (!words.is_empty()).then(|| words.join("; "))
    }
}

/// A value for people: bytes as a size.
fn worded(key: &str, value: &str) -> String {
    let bytes = ["size", "start", "first", "end"].contains(&key.rsplit('.').next().unwrap_or(key));
    value.parse().ok().filter(|_| bytes).map_or_else(|| value.to_owned(), |bytes| Size(bytes).to_string())
}

/// A device without what changes by itself while nobody touches it: an array that runs counts its events, and marks its members
/// dirty and clean as it is written to. One that does not run stays as it is. What lies inside a cached volume of LVM changes as its
/// cache is written out.
fn settled(device: &Device, facts: &Facts) -> Device {
    let mut device = device.clone();
    if let Content::Member { array, events, dirty, recovering, .. } = &mut device.content
        && facts.arrays.iter().any(|known| known.uuid == *array && known.active)
    {
        (*events, *dirty, *recovering) = (0, false, false);
    }
    let inner = |group: &Group| {
        group.volumes.iter().any(|volume| volume.hidden && mapped(&group.name, &volume.name) == device.path)
    };
    if facts.groups.iter().any(inner) {
        device.content = Content::Unknown;
    }
    device
}

fn named(array: &Array) -> String {
    format!("array {} ({})", array.name, array.uuid)
}

fn called(names: &BTreeMap<&str, String>, kernel: &str) -> String {
    names.get(kernel).cloned().unwrap_or_else(|| kernel.to_owned())
}

/// A name for each device that the next boot does not change, as far as the device has any.
fn names(facts: &Facts) -> BTreeMap<&str, String> {
    let marks = |disk: &Device| {
        let serial = disk.serial.iter().map(|serial| format!("disk serial {serial}"));
        let wwn = disk.wwn.iter().map(|wwn| format!("disk wwn {wwn}"));
        let links = disk.links.iter().map(|link| format!("disk {link}"));
        serial.chain(wwn).chain(links).collect::<Vec<_>>()
    };
    let disks: Vec<(&Device, Vec<String>)> = (facts.devices.iter())
        .filter(|device| device.kind == DeviceKind::Disk)
        .map(|device| (device, marks(device)))
        .collect();
    let alone = |mark: &&String| disks.iter().filter(|(_, marks)| marks.contains(mark)).count() == 1;
    let mut names: BTreeMap<&str, String> = BTreeMap::new();
    for (disk, marks) in &disks {
        let mark = marks.iter().find(alone).cloned();
        names.insert(&disk.name, mark.unwrap_or_else(|| format!("disk {}", disk.path)));
    }
    for device in &facts.devices {
        let name = match device.kind {
            // These have theirs already, and those get it from what they divide.
            DeviceKind::Disk | DeviceKind::Partition => continue,
            DeviceKind::Array => facts.arrays.iter().find(|array| array.device == device.name).map(named),
            DeviceKind::Zvol => device.links.iter().find(|link| link.starts_with("/dev/zvol/")).cloned(),
            DeviceKind::Volume | DeviceKind::Crypt | DeviceKind::Other => None,
        };
        names.insert(&device.name, name.unwrap_or_else(|| device.path.clone()));
    }
    for device in facts.devices.iter().filter(|device| device.kind == DeviceKind::Partition) {
        let parent = device.parents.first().map(|parent| called(&names, parent)).unwrap_or_default();
        let name = match &device.partition {
            Some(partition) => format!("partition {} of {parent}", partition.number),
            None => format!("{} of {parent}", device.path),
        };
        names.insert(&device.name, name);
    }
    names
}

/// Each fact below `value`, by its place; what stands in a list, by its name if it has one.
fn flatten(told: &mut BTreeMap<String, String>, place: &str, value: &Value) {
    let below = |key: &str| if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
    match value {
        Value::Null => {}
        Value::Object(object) => object.iter().for_each(|(key, value)| flatten(told, &below(key), value)),
        Value::Array(list) => {
            if list.iter().all(Value::is_string) {
                let words: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
                told.insert(place.to_owned(), words.join(", "));
                return;
            }
            for (index, value) in list.iter().enumerate() {
                let name = ["name", "device"].iter().find_map(|key| value.get(key)?.as_str().map(str::to_owned));
                flatten(told, &below(&name.unwrap_or_else(|| index.to_string())), value);
            }
        }
        Value::String(text) => drop(told.insert(place.to_owned(), text.clone())),
        Value::Bool(_) | Value::Number(_) => drop(told.insert(place.to_owned(), value.to_string())),
    }
}
