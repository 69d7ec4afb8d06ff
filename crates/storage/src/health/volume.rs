//! Whether a volume group has its physical volumes, and its volumes are there, active, and cached as wished.

use super::{Look, Said, State};
use crate::NodeId;
use crate::facts::{self, Facts, Fill};
use crate::wish::{Group, Kind, Node, Thin, Volume};

impl Look<'_> {
    pub(super) fn group(&self, group: &Group) -> Said {
        let name = group.name.as_ref();
        let Some(known) = named(self.facts, name) else {
            return Said::new(State::Unmade, format!("volume group {name} is not there"));
        };
        if known.uuid != group.uuid {
            return Said::new(State::Foreign, format!("volume group {name} is another one, of UUID {}", known.uuid));
        }
        let absent: Vec<_> = group.pvs.iter().filter(|pv| self.sight.device(pv).is_none()).collect();
        let named = || absent.iter().map(|pv| self.named(pv)).collect::<Vec<_>>().join(", ");
        let lost = |pv: &NodeId| self.wish.node(pv).is_none_or(|node| !self.missing_disks(node).is_empty());
        match known.missing {
            0 => Said::new(State::Good, format!("{} physical volumes", group.pvs.len())),
            count if absent.is_empty() => Said::new(State::Broken, format!("{count} physical volumes are missing")),
            _ if absent.iter().any(|pv| lost(pv)) => Said::new(State::Broken, format!("missing {}", named())),
            // All disks are there: an array below is not started.
            _ => Said::new(State::Inactive, format!("waits for {}", named())),
        }
    }

    pub(super) fn volume(&self, node: &Node, volume: &Volume) -> Vec<Said> {
        let name = volume.name.as_ref();
        let Some(group) = named(self.facts, volume.group.as_ref()) else {
            return vec![Said::new(State::Unmade, format!("volume group {} is not there", volume.group))];
        };
        let Some(known) = find(group, name) else {
            return vec![Said::new(State::Unmade, format!("volume {name} is not there"))];
        };
        if known.uuid != volume.uuid {
            return vec![Said::new(State::Foreign, format!("volume {name} is another one, of UUID {}", known.uuid))];
        }
        let mut said = Vec::new();
        if let Some(origin) = volume.caches.as_ref().and_then(|id| self.wish.node(id)) {
            // A cache is as good as its being used; whether it is active is its origin's matter.
            let Kind::Volume(origin) = &origin.kind else { return said };
            let used = find(group, origin.name.as_ref()).and_then(|known| known.cache.as_deref()) == Some(name);
            return vec![if used {
                Said::new(State::Good, format!("caches {}", origin.name))
            } else {
                Said::new(State::Degraded, format!("caches nothing: {} does without", origin.name))
            }];
        }
        // A pool that is not active itself serves all the same; its volumes say whether they are.
        if !known.active && volume.thin != Some(Thin::Pool) {
            said.push(Said::new(State::Inactive, format!("volume {name} is not active")));
        }
        if let Some(cache) = &volume.cache {
            let wished = cache.node.as_str().rsplit('.').next().unwrap_or_default();
            match known.cache.as_deref() {
                Some(found) if found == wished && known.segment == cache.kind.segment() => {
                    said.push(Said::new(State::Good, format!("{} {wished}", known.segment)));
                }
                Some(found) => said.push(Said::new(State::Foreign, format!("cached by {found} ({})", known.segment))),
                None => said.push(Said::new(State::Degraded, format!("without its {} {wished}", cache.kind.segment()))),
            }
        }
        let below: Vec<_> = self.missing_disks(node);
        if group.missing > 0 && !below.is_empty() {
            let gone = volume.pvs.iter().filter(|pv| self.sight.device(pv).is_none()).count();
            let spare = volume.spread.map_or(0, |spread| spread.spare(volume.pvs.len()));
            let state = if known.active && gone <= spare { State::Degraded } else { State::Broken };
            said.push(Said::new(state, format!("lies on {}", below.join(", "))));
        }
        if let Some(fault) = &known.fault {
            let repair = format!("{fault}: see `lvconvert --repair {}/{name}` and `lvchange --refresh`", volume.group);
            said.push(Said::new(State::Degraded, repair));
        }
        if let Some(fill) = known.fill.filter(|_| volume.thin == Some(Thin::Pool)) {
            said.push(filled(fill));
        }
        if let Some(synced) = known.synced.filter(|synced| volume.spread.is_some() && *synced < 1000) {
            said.push(Said {
                done: Some(synced),
                ..Said::new(State::Rebuilding, "its copies or parity are being made")
            });
        }
        said
    }
}

/// LVM itself warns from 80% on, and what is written to a pool without room fails (lvmthin(7)).
const FULL: u32 = 900;

fn filled(fill: Fill) -> Said {
    let percent = |part: u32| format!("{}%", part / 10);
    let text = format!("{} of its room and {} of its notes are in use", percent(fill.data), percent(fill.metadata));
    match (fill.data >= FULL, fill.metadata >= FULL) {
        (false, false) => Said::new(State::Good, text),
        (true, _) => Said::new(State::Degraded, format!("{text}: declare it larger, or remove what is in it and trim")),
        (false, true) => Said::new(State::Degraded, format!("{text}: see `lvextend --poolmetadatasize`")),
    }
}

fn named<'a>(facts: &'a Facts, name: &str) -> Option<&'a facts::Group> {
    facts.groups.iter().find(|group| group.name == name)
}

/// A volume, also one that LVM hides as a cache.
fn find<'a>(group: &'a facts::Group, name: &str) -> Option<&'a facts::Volume> {
    let hidden = |volume: &&facts::Volume| volume.hidden && volume.name.strip_suffix("_cvol") == Some(name);
    group
        .volumes
        .iter()
        .find(|volume| !volume.hidden && volume.name == name)
        .or_else(|| group.volumes.iter().find(hidden))
}
