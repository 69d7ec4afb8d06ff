//! `[deploy]`: how new systems are rolled out, and the selectors that choose machines for it; doing so is left to
//! others.

use crate::text::as_text;
use crate::{Fleet, HostName, NameError, Span, Tag};
use document::{Decode, Path, Problems, Table, Value};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// How new systems are rolled out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Deploy {
    /// To how many machines a system is copied at once; 8 if absent.
    #[serde(default = "parallel")]
    #[schemars(range(min = 1, max = 64))]
    pub parallel: u8,
    /// A machine that nobody reached, in good health, for so long behind its switch goes back by itself; `5min` if
    /// absent.
    #[serde(default = "rollback_after")]
    pub rollback_after: Span,
    /// Machines and `@tags` that switch before the others, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<Selector>,
}

fn parallel() -> u8 {
    8
}

fn rollback_after() -> Span {
    Span::of_minutes(5)
}

impl Default for Deploy {
    fn default() -> Self {
        Self { parallel: parallel(), rollback_after: rollback_after(), order: Vec::new() }
    }
}

impl Deploy {
    /// Is nothing said?
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Decode for Deploy {
    fn decode(value: &Value, at: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = Table::open(value, at, problems)?;
        let parallel = table.optional("parallel", problems).unwrap_or_else(parallel);
        let rollback_after: Span = table.optional("rollback_after", problems).unwrap_or_else(rollback_after);
        let order = table.or_default("order", problems);
        table.close(problems);
        if !(1..=64).contains(&parallel) {
            let message = format!("{parallel} machines at once");
            let help = "write a whole number from 1 to 64";
            problems.add(&at.join("parallel"), "fleet::bad_parallel", message, "out of range", help);
        }
        if !(1..=60).contains(&rollback_after.minutes()) {
            let message = format!("a machine would go back by itself after {rollback_after}");
            let help = "write a minute to an hour: \"5min\"; health checks take a minute, and you wait for them";
            let at = at.join("rollback_after");
            problems.add(&at, "fleet::bad_rollback", message, "too short or too long", help);
        }
        Some(Self { parallel, rollback_after, order })
    }
}

/// What chooses machines: a machine's name, or `@` and a tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selector {
    /// The machine of this name.
    Machine(HostName),
    /// Every machine with this tag.
    Tag(Tag),
}

impl FromStr for Selector {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.strip_prefix('@') {
            Some(tag) => tag.parse().map(Self::Tag),
            None => text.parse().map(Self::Machine),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine(name) => name.fmt(f),
            Self::Tag(tag) => write!(f, "@{tag}"),
        }
    }
}

as_text!(
    Selector,
    "fleet::bad_selector",
    "^(@[A-Za-z0-9][A-Za-z0-9_.-]{0,62}|[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$",
    "a machine's name, or `@` and a tag: \"nas\", \"@storage\""
);

/// A selector that chooses no machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unselected {
    /// There is no machine of this name.
    #[error("no machine is named `{0}`")]
    Machine(HostName),
    /// No machine has this tag.
    #[error("no machine has the tag `{0}`")]
    Tag(Tag),
}

impl Fleet {
    /// The machines that the selectors choose, each once, in the order of the selectors and for a tag by name; all
    /// machines if there is no selector.
    ///
    /// # Errors
    /// The first selector that chooses nothing.
    pub fn select(&self, selectors: &[Selector]) -> Result<Vec<HostName>, Unselected> {
        if selectors.is_empty() {
            return Ok(self.machines.keys().cloned().collect());
        }
        let mut chosen: Vec<HostName> = Vec::new();
        for selector in selectors {
            let fitting: Vec<&HostName> = self
                .machines
                .iter()
                .filter(|(name, it)| fits(selector, name, &it.tags))
                .map(|(name, _)| name)
                .collect();
            if fitting.is_empty() {
                return Err(match selector {
                    Selector::Machine(name) => Unselected::Machine(name.clone()),
                    Selector::Tag(tag) => Unselected::Tag(tag.clone()),
                });
            }
            let fresh: Vec<HostName> = fitting.into_iter().filter(|name| !chosen.contains(name)).cloned().collect();
            chosen.extend(fresh);
        }
        Ok(chosen)
    }
}

/// Does the selector choose the machine of this name with these tags?
pub(crate) fn fits(selector: &Selector, name: &HostName, tags: &[Tag]) -> bool {
    match selector {
        Selector::Machine(it) => it == name,
        Selector::Tag(tag) => tags.contains(tag),
    }
}
