//! Are volume groups, volumes and their caches as declared?

use super::{Subject, disk_check, nodes, unless_empty};
use crate::Group;
use crate::rules::Claim;
use storage::wish::Kind;

pub(super) fn group(subject: &Subject) -> Option<Group> {
    let groups = nodes(subject, |kind| match kind {
        Kind::Group(group) => Some(group),
        _ => None,
    });
    let volumes = nodes(subject, |kind| match kind {
        Kind::Volume(volume) => Some(volume),
        _ => None,
    });
    let mut checks = Vec::new();
    for (id, group) in &groups {
        let title = format!("volume group {} is whole, with its identity", group.name);
        checks.push(disk_check(subject, id, Claim::Group, title));
    }
    // A cache volume is hidden once it is attached: whether it is there shows in what it caches.
    for (id, volume) in volumes.iter().filter(|(_, volume)| volume.caches.is_none()) {
        let name = &volume.name;
        checks.push(disk_check(subject, id, Claim::Volume, format!("volume {name} is active, with its identity")));
        if let Some(cache) = &volume.cache {
            let title = format!("{} of {name} is attached", cache.kind.segment());
            checks.push(disk_check(subject, id, Claim::Cache, title));
        }
    }
    for (id, volume) in volumes.iter().filter(|(_, volume)| volume.caches.is_some()) {
        let title = format!("cache volume {} lies where it should", volume.name);
        checks.push(disk_check(subject, id, Claim::CachePlace, title));
    }
    let cached = volumes.iter().find_map(|(_, volume)| volume.cache.as_ref());
    let title = cached.map_or("LVM".to_owned(), |cache| format!("LVM and {}", cache.kind.segment()));
    unless_empty("lvm", title, checks)
}
