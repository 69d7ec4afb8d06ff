//! Assertion groups as data: what is asked, and by which rule the answer is judged. Who asks is left to the caller.

use crate::rules::Rule;
use cmd::Cmd;
use schemars::JsonSchema;
use serde::Serialize;

/// Checks that belong together and are told together.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Group {
    /// Stable name, such as `raid`: what `--group` takes.
    pub id: &'static str,
    /// What the group proves, for people.
    pub title: String,
    /// What must be there for the group to be run at all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Needs>,
    /// The checks, in the order in which they are told.
    pub checks: Vec<Check>,
}

/// What a group needs beyond a machine that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Needs {
    /// A real NixOS closure: the stand-in has no firewall, no k3s and few packages.
    Nixos,
    /// A machine that reaches the internet: container images are pulled.
    Network,
}

/// One thing that is true of the machine, or not.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Check {
    /// Stable name within the group, such as `members`.
    pub id: String,
    /// What is true if the check passes, for people.
    pub title: String,
    /// What is asked, in this order; commands of one check are run one after another, also when one of them fails.
    pub asks: Vec<Ask>,
    /// How the answers are judged.
    pub rule: Rule,
}

/// A question to a machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// What do its disks hold? One probe answers this for all checks.
    Facts,
    /// What does this command print?
    Run {
        /// Where it runs.
        on: Side,
        /// The command.
        cmd: Cmd,
    },
}

/// Where a command runs, and as whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// On the machine, as the admin user who logged in.
    Machine,
    /// On the machine, as root.
    Root,
    /// On the operator's side, where homehive runs.
    Operator,
}

impl Ask {
    /// Run `cmd` on `on`.
    pub fn run(on: Side, cmd: Cmd) -> Self {
        Self::Run { on, cmd }
    }
}

impl Check {
    /// A check of one question.
    pub(crate) fn one(id: &str, title: impl Into<String>, ask: Ask, rule: impl Into<Rule>) -> Self {
        Self::many(id, title, vec![ask], rule)
    }

    /// A check of several questions.
    pub(crate) fn many(id: &str, title: impl Into<String>, asks: Vec<Ask>, rule: impl Into<Rule>) -> Self {
        Self { id: id.to_owned(), title: title.into(), asks, rule: rule.into() }
    }
}

/// Every question of `groups` once, in the order in which they first come.
///
/// The answer to a question holds for all checks that ask it, so that a caller asks each one time only.
pub fn questions(groups: &[Group]) -> Vec<&Ask> {
    let asked = groups.iter().flat_map(|group| &group.checks).flat_map(|check| &check.asks);
    let mut once = std::collections::HashSet::new();
    asked.filter(|ask| once.insert(*ask)).collect()
}
