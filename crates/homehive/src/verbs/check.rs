//! `check`: everything that is wrong with the fleet file.

use super::Context;
use crate::answer;
use crate::failure::Failure;
use crate::load::{Loaded, Unloaded, tell};
use crate::rendering;
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
        Ok(loaded) if !beside(&loaded).is_empty() => {
            tell(&loaded.report(beside(&loaded))?, &context.global);
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
                answer::aside(format_args!("no secrets have been made yet; next: {}", context.again("secrets init")));
            }
            Ok(())
        }
    }
}

/// What is wrong with what lies beside the fleet file: secrets that only the user can set, and has not (before any were made
/// this is the way of a new fleet, and no mistake), and volumes that may not follow what was rendered before.
fn beside(loaded: &Loaded) -> Problems {
    let vault = Vault::of(loaded);
    let mut problems = Problems::default();
    for breach in rendering::breaches(loaded, &loaded.dir()) {
        let told = rendering::told(&breach);
        problems.add(&told.at, told.code, told.message, told.label, told.help);
    }
    if vault.begun() {
        sealing::missing(&vault, &loaded.fleet, &mut problems);
    }
    problems
}
