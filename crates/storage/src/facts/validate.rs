//! Facts that cannot be true, and facts from a file; what the tools printed is `probe`'s business.

use super::{Array, Content, Device, DeviceKind, Facts, FactsError, MemberState};
use std::collections::{BTreeMap, BTreeSet};

/// The smallest extended partition: the kernel shows no more of it than this many bytes.
const EXTENDED: [&str; 3] = ["5", "f", "85"];

impl Facts {
    /// The version of this schema.
    pub const VERSION: u32 = 1;

    /// Reads what [`Facts`] serializes to, `homehive probe --json`. The error says where in the text it is wrong.
    pub fn from_json(text: &str) -> Result<Self, FactsError> {
        // The version first: facts of another version fail for other reasons, which would mislead.
        let version = serde_json::from_str::<serde_json::Value>(text)
            .ok()
            .and_then(|value| value.get("version").map(ToString::to_string));
        if let Some(found) = version.filter(|version| *version != Self::VERSION.to_string()) {
            return Err(FactsError::Version { found, known: Self::VERSION });
        }
        let facts: Self = serde_json::from_str(text).map_err(|error| {
            let reason = error.to_string();
            let reason = reason.rsplit_once(" at line ").map_or(reason.as_str(), |(reason, _)| reason).to_owned();
            FactsError::Json { line: error.line(), column: error.column(), reason }
        })?;
        facts.validate()?;
        Ok(facts)
    }

    /// Refuses facts that contradict themselves: no plan made of them could be trusted.
    pub fn validate(&self) -> Result<(), FactsError> {
        if self.version != Self::VERSION {
            return Err(FactsError::Version { found: self.version.to_string(), known: Self::VERSION });
        }
        let mut names = BTreeSet::new();
        for device in &self.devices {
            if !names.insert(device.name.as_str()) {
                return Err(senseless(&format!("device {}", device.name), "stands there twice"));
            }
        }
        for device in &self.devices {
            self.device_makes_sense(device)?;
        }
        self.parents_end()?;
        self.tables_make_sense()?;
        self.arrays_make_sense()?;
        self.groups_make_sense(&names)?;
        for mount in &self.mounts {
            let place = format!("mount {}", mount.target);
            if !names.contains(mount.device.as_str()) {
                return Err(senseless(&place, format!("device `{}` is unknown", mount.device)));
            }
            if !mount.target.starts_with('/') {
                return Err(senseless(&place, "no absolute path"));
            }
        }
        for btrfs in &self.btrfs {
            if let Some(lost) = btrfs.devices.iter().find(|device| !names.contains(device.device.as_str())) {
                let place = format!("btrfs {}", btrfs.uuid);
                return Err(senseless(&place, format!("device `{}` is unknown", lost.device)));
            }
        }
        for pool in &self.pools {
            let place = format!("ZFS pool {}", pool.name);
            if self.pools.iter().filter(|other| other.name == pool.name).count() > 1 {
                return Err(senseless(&place, "stands there twice"));
            }
            let mut devices = pool.members().filter_map(|member| member.device.as_deref());
            if let Some(lost) = devices.find(|device| !names.contains(device)) {
                return Err(senseless(&place, format!("device `{lost}` is unknown")));
            }
            if pool.datasets.first().is_none_or(|root| !root.path.is_empty()) {
                return Err(senseless(&place, "has no root dataset"));
            }
        }
        match self.swaps.iter().find(|swap| !names.contains(swap.as_str())) {
            Some(swap) => Err(senseless(&format!("swap {swap}"), "the device is unknown")),
            None => Ok(()),
        }
    }

    fn device_makes_sense(&self, device: &Device) -> Result<(), FactsError> {
        let place = format!("device {}", device.name);
        let wrong = |reason: String| Err(senseless(&place, reason));
        let path = device.path.strip_prefix("/dev/").unwrap_or_default();
        let plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
        if !plain(&device.name) || !plain(path) || path.split('/').any(|part| part == "..") {
            return wrong(format!("path `{}` is no device's", device.path));
        }
        if device.size == 0 {
            return wrong("has no size".into());
        }
        if device.sector < 512 || !device.sector.is_power_of_two() {
            return wrong(format!("has sectors of {} bytes", device.sector));
        }
        if let Some(parent) = device.parents.iter().find(|parent| self.device(parent).is_none()) {
            return wrong(format!("lies on `{parent}`, which is unknown"));
        }
        if device.kind == DeviceKind::Partition && device.parents.len() != 1 {
            return wrong(format!("is a partition of {} disks", device.parents.len()));
        }
        if device.kind != DeviceKind::Partition && device.partition.is_some() {
            return wrong("has a place in a table and is no partition".into());
        }
        match &device.content {
            Content::Filesystem { size: Some(size), .. } if *size > device.size => {
                // A filesystem larger than its device: cut off, or the device shrank below it.
                wrong(format!("holds a filesystem of {size} bytes, more than its own {}", device.size))
            }
            Content::PhysicalVolume { size, used, .. } if used > size => {
                wrong(format!("{used} bytes of a physical volume of {size} are used"))
            }
            _ => Ok(()),
        }
    }

    /// Following parents from any device comes to an end.
    fn parents_end(&self) -> Result<(), FactsError> {
        let parents: BTreeMap<&str, &[String]> =
            self.devices.iter().map(|device| (device.name.as_str(), device.parents.as_slice())).collect();
        let mut ended: BTreeSet<&str> = BTreeSet::new();
        // Those whose parents all end, end; what is left when no more are found goes in a circle.
        loop {
            let more: Vec<_> = parents
                .iter()
                .filter(|(name, parents)| {
                    !ended.contains(*name) && parents.iter().all(|parent| ended.contains(parent.as_str()))
                })
                .map(|(name, _)| *name)
                .collect();
            if more.is_empty() {
                break;
            }
            ended.extend(more);
        }
        match parents.keys().find(|name| !ended.contains(*name)) {
            Some(name) => Err(senseless(&format!("device {name}"), "lies on itself, by way of its parents")),
            None => Ok(()),
        }
    }

    fn tables_make_sense(&self) -> Result<(), FactsError> {
        for disk in &self.devices {
            let place = format!("device {}", disk.name);
            let mut partitions: Vec<_> = Vec::new();
            for child in self.children(&disk.name).filter(|child| child.kind == DeviceKind::Partition) {
                let place = format!("device {}", child.name);
                let Some(partition) = &child.partition else {
                    // A disk whose table cannot be read is refused as a whole when something is wanted of it.
                    if matches!(disk.content, Content::Table { .. }) {
                        return Err(stale(&place, "the kernel has this partition, and the table does not"));
                    }
                    continue;
                };
                let extended = EXTENDED.contains(&partition.kind.as_str());
                if partition.size != child.size && !extended {
                    let reason = format!("{} bytes by the table, {} by the kernel", partition.size, child.size);
                    return Err(stale(&place, reason));
                }
                let end = partition.start.checked_add(partition.size);
                let Some(end) = end.filter(|end| *end <= disk.size && partition.number > 0) else {
                    return Err(senseless(
                        &place,
                        format!("reaches beyond the {} bytes of `{}`", disk.size, disk.name),
                    ));
                };
                if !extended {
                    partitions.push((partition.start, end, partition.number, &child.name));
                }
            }
            if !partitions.is_empty() && matches!(disk.content, Content::Blank) {
                return Err(senseless(&place, "is blank and has partitions"));
            }
            partitions.sort_unstable();
            for pair in partitions.windows(2) {
                if pair[1].0 < pair[0].1 {
                    return Err(senseless(&place, format!("partitions `{}` and `{}` overlap", pair[0].3, pair[1].3)));
                }
            }
            let numbers: BTreeSet<_> = partitions.iter().map(|(_, _, number, _)| number).collect();
            if numbers.len() != partitions.len() {
                return Err(senseless(&place, "two partitions have one number"));
            }
            if let Content::Table { first, end, .. } = &disk.content
                && (first > end || *end > disk.size)
            {
                return Err(senseless(&place, format!("a table from {first} to {end} on {} bytes", disk.size)));
            }
        }
        Ok(())
    }

    fn arrays_make_sense(&self) -> Result<(), FactsError> {
        let mut seen = BTreeSet::new();
        let mut members = BTreeSet::new();
        for array in &self.arrays {
            let place = format!("array {}", array.device);
            if !seen.insert(&array.device) {
                return Err(senseless(&place, "stands there twice"));
            }
            if array.active && self.device(&array.device).is_none_or(|device| device.kind != DeviceKind::Array) {
                return Err(senseless(&place, "is active, and no device is this array"));
            }
            if array.done > 1000 {
                return Err(senseless(&place, format!("{} thousandths are done", array.done)));
            }
            let mut slots = BTreeSet::new();
            for member in &array.members {
                // A member may be gone for good, and the kernel still hold its name; but it is one array's.
                if !members.insert(&member.device) {
                    return Err(senseless(&place, format!("member `{}` is named twice", member.device)));
                }
                if let Some(slot) = member.slot
                    // A member that is being replaced shares its slot with the new one.
                    && (!(slots.insert(slot) || replaced(array, slot)) || slot >= array.devices.max(1))
                {
                    return Err(senseless(&place, format!("member `{}` in slot {slot}", member.device)));
                }
            }
        }
        Ok(())
    }

    fn groups_make_sense(&self, names: &BTreeSet<&str>) -> Result<(), FactsError> {
        let mut groups = BTreeSet::new();
        for group in &self.groups {
            let place = format!("volume group {}", group.name);
            if !groups.insert(&group.name) {
                let remedy = "rename one of them on the machine with `vgrename` by its UUID, then probe again";
                return Err(FactsError::Senseless {
                    place,
                    reason: "two groups have this name".into(),
                    remedy: remedy.into(),
                });
            }
            if group.extent == 0 {
                return Err(senseless(&place, "has extents of 0 bytes"));
            }
            let mut volumes = BTreeSet::new();
            for volume in &group.volumes {
                let place = format!("volume {}/{}", group.name, volume.name);
                if !volumes.insert(&volume.name) {
                    return Err(senseless(&place, "stands there twice"));
                }
                if let Some(on) = volume.on.iter().find(|on| !names.contains(on.as_str())) {
                    return Err(senseless(&place, format!("lies on `{on}`, which is unknown")));
                }
            }
        }
        for device in &self.devices {
            if let Content::PhysicalVolume { group: Some(group), .. } = &device.content
                && !groups.contains(group)
            {
                let reason = format!("is of volume group `{group}`, which is unknown");
                return Err(senseless(&format!("device {}", device.name), reason));
            }
        }
        Ok(())
    }
}

/// Is the member in this slot being replaced by the other one that is there?
fn replaced(array: &Array, slot: u32) -> bool {
    let there = || array.members.iter().filter(|member| member.slot == Some(slot));
    there().count() == 2 && there().filter(|member| member.state == MemberState::Replacing).count() == 1
}

fn senseless(place: &str, reason: impl Into<String>) -> FactsError {
    FactsError::Senseless { place: place.into(), reason: reason.into(), remedy: "probe the machine again".into() }
}

/// The kernel and the table on the disk disagree.
fn stale(place: &str, reason: impl Into<String>) -> FactsError {
    FactsError::Senseless {
        place: place.into(),
        reason: reason.into(),
        remedy: "run `partprobe` on the machine, or boot it anew, then probe again".into(),
    }
}
