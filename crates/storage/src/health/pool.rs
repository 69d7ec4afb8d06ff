//! Whether a ZFS pool is imported and has its devices, and its datasets are there, open and mounted.

use super::{Look, Said, State};
use crate::NodeId;
use crate::facts::{self, Content, Device};
use crate::plan::{is_labelled, ours};
use crate::wish::{Dataset, Node, Pool, Zvol};

/// ZFS slows down when little room is left (zpoolconcepts(7) has no number; the manual's advice is to keep a fifth free).
const FULL: u64 = 90;

impl Look<'_> {
    fn wished(&self, pool: &NodeId) -> Option<&Pool> {
        self.wish.node(pool)?.kind.pool()
    }

    /// Does this device belong to the pool?
    pub(super) fn is_of(&self, pool: &NodeId, device: &Device, content: &Content) -> bool {
        let Some(wished) = self.wished(pool) else { return false };
        is_labelled(content, wished) || ours(self.facts, wished).is_some_and(|known| known.has(&device.name))
    }

    pub(super) fn pool_member(&self, pool: &NodeId, device: &Device) -> Vec<Said> {
        let Some(wished) = self.wished(pool) else { return Vec::new() };
        // Whether it is imported is the pool's matter.
        let Some(known) = ours(self.facts, wished) else { return Vec::new() };
        let member = known.members().find(|member| member.device.as_deref() == Some(device.name.as_str()));
        let name = &known.name;
        vec![match member {
            None => Said::new(State::Degraded, format!("ZFS pool {name} runs without it")),
            Some(member) if member.replacing => Said {
                done: Some(known.done),
                ..Said::new(State::Rebuilding, format!("takes a place in ZFS pool {name}"))
            },
            Some(member) if member.errors > 0 && member.state == "ONLINE" => Said::new(
                State::Degraded,
                format!("{} errors in ZFS pool {name}: `zpool status {name}`, then `zpool clear`", member.errors),
            ),
            Some(member) => match member.state.as_str() {
                "ONLINE" | "AVAIL" => Said::new(State::Good, format!("device of ZFS pool {name}")),
                "INUSE" => Said::new(State::Degraded, format!("stands in for a device of ZFS pool {name}")),
                other => Said::new(State::Broken, format!("{} in ZFS pool {name}", other.to_ascii_lowercase())),
            },
        }]
    }

    pub(super) fn pool(&self, node: &Node, pool: &Pool) -> Vec<Said> {
        let Some(known) = ours(self.facts, pool) else { return vec![self.without(node, pool)] };
        let mut said = vec![state(known)];
        if let Some(action) = &known.action {
            let state = if action == "resilver" { State::Rebuilding } else { State::Good };
            said.push(Said { done: Some(known.done), ..Said::new(state, format!("{action} at {}%", known.done / 10)) });
        }
        if known.damaged > 0 {
            let text =
                format!("{} of its files are damaged: `zpool status -v {}` names them", known.damaged, known.name);
            said.push(Said::new(State::Broken, text));
        }
        if known.size > 0 && known.used.saturating_mul(100) / known.size >= FULL {
            let percent = known.used.saturating_mul(100) / known.size;
            said.push(Said::new(
                State::Degraded,
                format!("{percent}% of it is in use: declare a further vdev, or remove data"),
            ));
        }
        let filesystems = pool.datasets.iter().filter(|it| it.volume.is_none());
        said.extend(filesystems.flat_map(|it| dataset(pool, it, known)));
        said
    }

    /// It is not imported: is it there at all?
    fn without(&self, node: &Node, pool: &Pool) -> Said {
        let devices = || pool.members().filter_map(|id| self.sight.device(id));
        let labelled = devices().filter(|device| is_labelled(&device.content, pool)).count();
        let missing = self.missing_disks(node);
        match (labelled, missing.as_slice()) {
            (0, []) => Said::new(State::Unmade, format!("ZFS pool {} is not there", pool.name)),
            (0, missing) => Said::new(State::Missing, format!("missing {}", missing.join(", "))),
            (_, []) => Said::new(State::Inactive, format!("ZFS pool {} is not imported", pool.name)),
            (_, missing) => {
                let text = format!("ZFS pool {} is not imported; missing {}", pool.name, missing.join(", "));
                Said::new(State::Inactive, text)
            }
        }
    }

    pub(super) fn zvol(&self, node: &Node, volume: &Zvol) -> Vec<Said> {
        let wished = node.on.first().and_then(|pool| self.wished(pool));
        let Some(known) = wished.and_then(|pool| ours(self.facts, pool)) else {
            return vec![Said::new(State::Inactive, format!("ZFS pool {} is not imported", volume.pool))];
        };
        match known.dataset(&volume.path) {
            None => vec![Said::new(State::Unmade, format!("volume {} is not there", volume.full()))],
            Some(_) if self.sight.device(&node.id).is_none() => {
                vec![Said::new(State::Inactive, format!("volume {} has no device: is it closed?", volume.full()))]
            }
            Some(_) => Vec::new(),
        }
    }
}

fn state(known: &facts::Pool) -> Said {
    let count = known.members().count();
    let bad: Vec<&str> = known
        .members()
        .filter(|member| !matches!(member.state.as_str(), "ONLINE" | "AVAIL" | "INUSE"))
        .map(|member| member.name.as_str())
        .collect();
    match known.health.as_str() {
        "ONLINE" => Said::new(State::Good, format!("{count} devices")),
        "DEGRADED" => Said::new(State::Degraded, format!("degraded: {} of {count} devices do not serve", bad.len())),
        other => Said::new(State::Broken, other.to_ascii_lowercase()),
    }
}

fn dataset(pool: &Pool, dataset: &Dataset, known: &facts::Pool) -> Vec<Said> {
    let full = pool.full(&dataset.path);
    let Some(found) = known.dataset(&dataset.path) else {
        return vec![Said::new(State::Unmade, format!("filesystem {full} is not there"))];
    };
    let closed = found.properties.get("keystatus").is_some_and(|status| status == "unavailable");
    let Some(path) = &dataset.mountpoint else {
        return closed.then(|| Said::new(State::Inactive, format!("{full} is closed"))).into_iter().collect();
    };
    let installer = if path == "/" { "/mnt".to_owned() } else { format!("/mnt{path}") };
    let at = found.mounts.iter().find(|at| *at == path || **at == installer);
    vec![match at {
        Some(at) => Said::new(State::Good, format!("{full} on {at}")),
        None if closed => Said::new(State::Inactive, format!("{full} is closed")),
        None => Said::new(State::NotMounted, format!("{full} is not mounted on {path}")),
    }]
}
