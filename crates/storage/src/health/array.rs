//! Whether an md array has all its members, and which disks are missing.

use super::{Look, Said, State};
use crate::NodeId;
use crate::facts::{Array as Known, Content, MemberState, Start};
use crate::plan::standing;
use crate::wish::Array;
use std::fmt::Write as _;

impl Look<'_> {
    pub(super) fn array(&self, node: &NodeId, array: &Array) -> Vec<Said> {
        let known = self.facts.arrays.iter().find(|known| known.uuid == array.uuid && known.active);
        match known {
            Some(known) => running(self, array, known),
            None => vec![self.not_running(node, array)],
        }
    }

    fn not_running(&self, node: &NodeId, array: &Array) -> Said {
        let holds = |node: &&NodeId| {
            let content = self.sight.device(node).map(|device| &device.content);
            matches!(content, Some(Content::Member { array: of, .. }) if *of == array.uuid)
        };
        let members: Vec<_> = array.members.iter().chain(&array.spares).collect();
        let found = members.iter().filter(|node| holds(node)).count();
        let name = &array.name;
        let standing = standing(self.facts, &self.sight, node, array);
        if standing.all().is_empty() {
            return Said::new(State::Unmade, format!("array {name} is not made"));
        }
        let missing: Vec<_> = members.iter().filter(|node| !holds(node)).map(|node| self.named(node)).collect();
        let missing = if missing.is_empty() { String::new() } else { format!(", missing {}", missing.join(", ")) };
        let text = format!("array {name} is not started: {found} of {} members found{missing}", members.len());
        match standing.start(array.level) {
            Start::TooFew if standing.ran(array.level) => {
                let (active, needed) = (standing.active(), standing.needed(array.level));
                Said::new(State::Broken, format!("{text}; {active} are in step, and it needs {needed}"))
            }
            Start::ByForce => {
                let why = "cut off in the midst of a write without them: it starts only when that is asked for";
                Said::new(State::Broken, format!("{text}; {why}"))
            }
            Start::Starts | Start::TooFew => Said::new(State::Inactive, text),
        }
    }
}

fn running(look: &Look<'_>, array: &Array, known: &Known) -> Vec<Said> {
    let state = |node: &NodeId| {
        let device = look.sight.device(node)?;
        known.members.iter().find(|member| member.device == device.name).map(|member| member.state)
    };
    let name = &array.name;
    let wanted = usize::try_from(known.devices).unwrap_or(usize::MAX);
    let whole = known.members.iter().filter(|member| member.state == MemberState::InSync).count();
    let (mut failed, mut missing, mut rebuilding) = (Vec::new(), Vec::new(), Vec::new());
    for node in &array.members {
        match state(node) {
            Some(MemberState::InSync | MemberState::Spare) => {}
            Some(MemberState::Rebuilding | MemberState::Replacing) => rebuilding.push(look.named(node)),
            Some(MemberState::Faulty) => failed.push(look.named(node)),
            None => missing.push(look.named(node)),
        }
    }
    let mut text = format!("array {name}: {whole} of {wanted} members");
    for (word, nodes) in [("failed", &failed), ("missing", &missing)] {
        if !nodes.is_empty() {
            let _ = write!(text, ", {word} {}", nodes.join(", "));
        }
    }
    let mut said = Vec::new();
    let busy = known.members.iter().any(|member| member.state == MemberState::Rebuilding);
    let left = known.left.map(|seconds| format!(", about {} left", lasting(seconds))).unwrap_or_default();
    let done = format!("{}.{}% done{left}", known.done / 10, known.done % 10);
    if whole + array.level.may_lose(wanted) < wanted {
        said.push(Said::new(State::Broken, text));
    } else if whole < wanted && busy {
        if !rebuilding.is_empty() {
            let _ = write!(text, ", rebuilding {}", rebuilding.join(", "));
        }
        said.push(Said { done: Some(known.done), ..Said::new(State::Rebuilding, format!("{text}, {done}")) });
    } else if whole < wanted {
        said.push(Said::new(State::Degraded, text));
    } else {
        match known.action.as_deref() {
            // All members are there, and their parity is being made for the first time or after a power cut.
            Some(action @ ("resync" | "reshape" | "recovery")) => said.push(Said {
                done: Some(known.done),
                ..Said::new(State::Rebuilding, format!("{text}, {action}, {done}"))
            }),
            Some(action) => said.push(Said::new(State::Good, format!("{text}, {action}, {done}"))),
            None => said.push(Said::new(State::Good, text)),
        }
    }
    let lost: Vec<_> = array
        .spares
        .iter()
        .filter(|node| state(node).is_none_or(|state| state == MemberState::Faulty))
        .map(|node| look.named(node))
        .collect();
    if !lost.is_empty() {
        said.push(Said::new(State::Degraded, format!("no spare {}", lost.join(", "))));
    }
    if known.level != format!("raid{}", array.level.number()) {
        said.push(Said::new(State::Foreign, format!("is {} instead of {}", known.level, array.level)));
    }
    said
}

/// A time in words, as exact as an estimate can be.
pub fn lasting(seconds: u64) -> String {
    match seconds {
        0..=90 => format!("{seconds} s"),
        91..=5400 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}
