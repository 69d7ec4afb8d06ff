//! Assertion groups as data, their judgement of what a machine printed, and reports of what came of it.
//!
//! Pure: who runs the words of a check, and writes a report, is `homehive`.
//!
//! [`groups`] says what a machine has to be asked, [`questions`] lists it without repetition, [`judge`] reads the
//! [`Answers`], and [`report`] tells what came of it.

mod answer;
pub mod draw;
mod group;
mod groups;
mod judge;
mod payload;
pub mod report;
mod rules;
mod seen;
mod text;

pub use answer::{Answers, Printed, Reply};
pub use group::{Ask, Check, Group, Needs, Side, questions};
pub use groups::{Door, Subject, groups};
pub use judge::{CheckResult, GroupResult, Outcome, judge, obstacle};
pub use payload::Payload;
pub use rules::{AccessRule, BootRule, Claim, ClusterRule, DiskRule, FirewallRule, Rule, ShellRule, WriteRule};
