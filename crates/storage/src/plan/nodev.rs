//! Filesystems without a device: those in memory are mounted where the disks are set up, too.

use super::mount::{Done, under};
use super::planner::{Planner, Work};
use super::step::{Action, Risk};
use crate::facts::Facts;
use crate::plan::Sight;
use crate::wish::{Nodev, Wish};
use cmd::Cmd;
use schemars::JsonSchema;
use serde::Serialize;

/// Mounts a filesystem that has no device.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct NodevAction {
    /// Where, such as `/mnt/tmp`.
    pub at: String,
    /// Its type.
    pub fstype: String,
    /// What it is mounted from.
    pub device: String,
    /// Mount options.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

impl NodevAction {
    pub(super) fn describe(&self) -> String {
        format!("mount {} on {}", self.fstype, self.at)
    }

    pub(super) fn commands(&self) -> Vec<Cmd> {
        let options = (!self.options.is_empty()).then(|| self.options.join(","));
        let mount = Cmd::new("mount").args(["-t", &self.fstype]);
        let mount = mount.args(options.iter().flat_map(|options| ["-o", options]));
        vec![Cmd::new("mkdir").args(["-p", "--", &self.at]), mount.args(["--", &self.device, &self.at])]
    }
}

/// Does the machine run from this root, which leaves no trace on any disk? Then what is mounted on it is mounted where
/// the running machine has it.
pub(super) fn runs(wish: &Wish, facts: &Facts, sight: &Sight, root: &Nodev) -> bool {
    let own = |mount: &crate::wish::Mount| {
        let device = sight.device(&mount.node);
        device.is_some_and(|device| facts.mounts_of(device).any(|known| known.target == mount.path))
    };
    facts.nodev_at("/") == Some(root.fstype.as_str()) && wish.mounts.iter().any(own)
}

/// Mounts it, unless it is. What of that carries other mounts is added to `done`; is it lost, they are.
pub(super) fn plan<'a>(planner: &mut Planner<'a>, nodev: &'a Nodev, done: &mut Done<'a>) {
    let at = under(&planner.plan.target, &nodev.path);
    if !nodev.in_memory() || done.lost(&nodev.path) {
        return;
    }
    if planner.facts.nodev_at(&at) == Some(nodev.fstype.as_str()) {
        done.stands(&nodev.path, None);
        return;
    }
    if planner.plan.target == "/" {
        let text = format!("{} is not mounted on {at}: the next deployment or boot does that", nodev.fstype);
        planner.note(&nodev.node, text);
        done.stands(&nodev.path, None);
        return;
    }
    let taken = planner.facts.mounts.iter().any(|known| known.target == at) || planner.facts.nodev_at(&at).is_some();
    if taken {
        let remedy = format!("umount {}", cmd::quote(&at));
        planner.refuse(&nodev.node, format!("something else is mounted on {at}"), remedy);
        done.loses(&nodev.path);
        return;
    }
    let what =
        NodevAction { at, fstype: nodev.fstype.clone(), device: nodev.device.clone(), options: nodev.options.clone() };
    let work = Work { after: done.above(&nodev.path), ..Work::default() };
    let step = planner.add(&nodev.node, "mount", Action::Nodev(what), Risk::None, work);
    done.stands(&nodev.path, Some(step));
}
