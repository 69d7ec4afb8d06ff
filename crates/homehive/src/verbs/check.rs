//! `check`: everything that is wrong with the fleet file.

use super::Context;
use crate::answer;
use crate::failure::Failure;
use crate::load::{Loaded, Unloaded, tell};
use crate::sealing::{self, Vault};
use document::{Finding, Problems};

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
        Ok(loaded) if !unset(&loaded).is_empty() => {
            tell(&loaded.report(unset(&loaded))?, &context.global);
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
            if !Vault::of(&loaded).begun() {
                eprintln!("no secrets have been made yet; next: {}", context.again("secrets init"));
            }
            Ok(())
        }
    }
}

/// Secrets that only the user can set, and has not. Before any were made this is the way of a new fleet, and no mistake.
fn unset(loaded: &Loaded) -> Problems {
    let vault = Vault::of(loaded);
    let mut problems = Problems::default();
    if vault.begun() {
        sealing::missing(&vault, &loaded.fleet, &mut problems);
    }
    problems
}
