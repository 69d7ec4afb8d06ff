//! Mounts under the target: the root first, then what hangs on it.

use super::planner::{At, Planner, Work};
use super::sight::Sight;
use super::step::{Action, Risk, StepId};
use crate::NodeId;
use crate::facts::Facts;
use crate::tree::Format;
use crate::wish::Wish;
use cmd::Cmd;
use schemars::JsonSchema;
use serde::Serialize;

/// Mounts a filesystem.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct MountAction {
    /// Where, such as `/mnt/data`.
    pub at: String,
    /// Which filesystem.
    pub format: Format,
    /// Mount options.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

impl MountAction {
    pub(super) fn describe(&self) -> String {
        format!("mount {} on {}", self.format, self.at)
    }

    pub(super) fn commands(&self, node: &NodeId) -> Vec<Cmd> {
        let options = (!self.options.is_empty()).then(|| self.options.join(","));
        let mount = Cmd::new("mount").args(["-t", self.format.word()]);
        let mount = mount.args(options.iter().flat_map(|options| ["-o", options]));
        vec![Cmd::new("mkdir").args(["-p", "--", &self.at]), mount.arg("--").device(node).arg(&*self.at)]
    }
}

/// Where the wished filesystems belong now: `/` if the machine runs from the wished root, else `/mnt`.
pub(super) fn target(wish: &Wish, facts: &Facts, sight: &Sight) -> String {
    let root = wish.mounts.iter().find(|mount| mount.path == "/").and_then(|mount| sight.device(&mount.node));
    let runs =
        root.is_some_and(|root| facts.mounts.iter().any(|mount| mount.device == root.name && mount.target == "/"));
    if runs { "/".to_owned() } else { "/mnt".to_owned() }
}

fn under(target: &str, path: &str) -> String {
    let joined = format!("{}{path}", target.trim_end_matches('/'));
    if joined == "/" { joined } else { joined.trim_end_matches('/').to_owned() }
}

/// Is `path` this mount point, or below it?
fn within(path: &str, above: &str) -> bool {
    above == "/" || path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub(super) fn plan(planner: &mut Planner) {
    let wish = planner.wish;
    // Mount points that stand, or the step that makes them; what is missing here cannot carry another.
    let mut done: Vec<(&str, Option<StepId>)> = Vec::new();
    let mut lost: Vec<&str> = Vec::new();
    for mount in &wish.mounts {
        let at = under(&planner.plan.target, &mount.path);
        let site = planner.site(&mount.node);
        if lost.iter().any(|above| within(&mount.path, above)) {
            lost.push(&mount.path);
            continue;
        }
        let device = match site.at {
            At::Here(device) => Some(device),
            At::Made => planner.sight.device(&mount.node),
            At::Hidden | At::Absent | At::Blocked => {
                lost.push(&mount.path);
                continue;
            }
        };
        let mounted = |planner: &Planner| {
            let of =
                planner.facts.mounts.iter().filter(|known| device.is_some_and(|device| device.name == known.device));
            of.map(|known| known.target.clone()).collect::<Vec<_>>()
        };
        let places = mounted(planner);
        if places.contains(&at) {
            done.push((&mount.path, None));
            continue;
        }
        let taken = planner.facts.mounts.iter().any(|known| known.target == at);
        let problem = match places.first() {
            Some(place) => {
                Some((format!("it is mounted on {place}, not on {at}"), format!("umount {}", cmd::quote(place))))
            }
            None if taken => {
                Some((format!("something else is mounted on {at}"), format!("umount {}", cmd::quote(&at))))
            }
            None => None,
        };
        if let Some((reason, remedy)) = problem {
            planner.refuse(&mount.node, reason, remedy);
            lost.push(&mount.path);
            continue;
        }
        let above = done.iter().filter(|(above, _)| within(&mount.path, above)).filter_map(|(_, step)| step.clone());
        let after = site.after.iter().cloned().chain(above).collect();
        let what = MountAction { at, format: mount.format, options: mount.options.clone() };
        let work = Work { after, ..Work::default() };
        let step = planner.add(&mount.node, "mount", Action::Mount(what), Risk::None, work);
        done.push((&mount.path, Some(step)));
    }
}
