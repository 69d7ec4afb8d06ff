//! `check`: everything that is wrong with the fleet file.

use super::Context;
use crate::answer;
use crate::failure::Failure;
use crate::load::{Loaded, Unloaded, tell};
use document::Finding;

/// The answer of `check --json`.
#[derive(Clone, Debug, serde::Serialize, schemars::JsonSchema)]
pub struct CheckAnswer {
    /// Is nothing wrong?
    pub good: bool,
    /// What is wrong, in the order of the file.
    pub problems: Vec<Finding>,
}

pub fn run(context: &Context) -> Result<(), Failure> {
    match Loaded::read(&context.global.fleet) {
        Err(Unloaded::Unreadable(failure)) => Err(failure),
        Err(Unloaded::Wrong(report)) => {
            tell(&report, &context.global);
            Err(Failure::Wanting)
        }
        Ok(loaded) if context.global.json => {
            answer::json("check", &CheckAnswer { good: true, problems: Vec::new() });
            drop(loaded);
            Ok(())
        }
        Ok(loaded) => {
            let machines = loaded.fleet.machines.len();
            let disks: usize = loaded.fleet.machines.values().map(|machine| machine.storage.disk.len()).sum();
            let shares = loaded.fleet.shares.len();
            let count = |number: usize, thing: &str| format!("{number} {thing}{}", if number == 1 { "" } else { "s" });
            let all = [count(machines, "machine"), count(disks, "disk"), count(shares, "share")].join(", ");
            answer::text(&format!("{}: nothing wrong ({all})", loaded.path.display()));
            Ok(())
        }
    }
}
