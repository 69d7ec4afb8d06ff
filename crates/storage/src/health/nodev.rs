//! Filesystems in memory: are they mounted where they belong?

use super::{Finding, Look, State};
use crate::wish::Nodev;

impl Look<'_> {
    /// None for what only the running machine mounts: nothing of it is seen.
    pub(super) fn nodev(&self, nodev: &Nodev) -> Option<Finding> {
        // On an installer the machine's own tree hangs below /mnt.
        let installer = format!("/mnt{}", nodev.path.trim_end_matches('/'));
        let here = |target: &&str| self.facts.nodev_at(target) == Some(nodev.fstype.as_str());
        let (state, text) = match [installer.as_str(), nodev.path.as_str()].iter().find(|target| here(target)) {
            _ if !nodev.in_memory() => return None,
            Some(target) => (State::Good, format!("{} on {target}", nodev.fstype)),
            None => (State::NotMounted, format!("{} is not mounted on {}", nodev.fstype, nodev.path)),
        };
        Some(Finding { node: nodev.node.clone(), state, text, done: None })
    }
}
