//! Filesystems in memory: are they mounted where they belong?

use super::{Finding, Look, State};
use crate::wish::Nodev;

impl Look<'_> {
    /// None for what only the running machine mounts: nothing of it is seen.
    pub(super) fn nodev(&self, nodev: &Nodev) -> Option<Finding> {
        if !nodev.in_memory() {
            return None;
        }
        // An installer has a /tmp in memory of its own: the machine's tree hangs below /mnt there.
        let at = crate::plan::place(self.wish, self.facts, &self.sight, &nodev.path);
        let (state, text) = if self.facts.nodev_at(&at) == Some(nodev.fstype.as_str()) {
            (State::Good, format!("{} on {at}", nodev.fstype))
        } else {
            (State::NotMounted, format!("{} is not mounted on {}", nodev.fstype, nodev.path))
        };
        Some(Finding { node: nodev.node.clone(), state, text, done: None })
    }
}
