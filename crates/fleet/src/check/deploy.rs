//! The order of a rollout: every entry chooses a machine.

use super::path;
use crate::declared::Draft;
use crate::{Selector, deploy};
use document::{Problems, Value};

pub(super) fn check(draft: &Draft, root: &Value, problems: &mut Problems) {
    // A machine that could not be read may be the one that is meant.
    if super::declared_machines(root) != draft.machines.len() {
        return;
    }
    for (index, selector) in draft.deploy.order.iter().enumerate() {
        if draft.machines.iter().any(|(name, machine)| deploy::fits(selector, name, &machine.tags)) {
            continue;
        }
        let at = path(["deploy", "order"]).join(index);
        let (message, help) = match selector {
            Selector::Machine(name) => {
                let known: Vec<String> = draft.machines.keys().take(8).map(|name| format!("`{name}`")).collect();
                (format!("no machine is named `{name}`"), format!("declared: {}", known.join(", ")))
            }
            Selector::Tag(tag) => {
                let mut known: Vec<String> =
                    draft.machines.values().flat_map(|machine| &machine.tags).map(|tag| format!("`@{tag}`")).collect();
                known.sort();
                known.dedup();
                known.truncate(8);
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                (format!("no machine has the tag `{tag}`"), format!("tags of the machines: {known}"))
            }
        };
        problems.add(&at, "fleet::unknown_selector", message, "chooses nothing", help);
    }
}
