//! What the machine of the planner's laws, which has no disk, does where the lab's machine does it in earnest.

use super::bench::Bench;
use super::world::World;
use fleet::{Fleet, Format};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use storage::facts::Facts;
use storage::plan::{Consent, Step};
use storage::{Wish, plan};

/// The NAS with blank disks, as it showed itself.
pub struct Model {
    wish: Wish,
    blank: Facts,
}

impl Model {
    /// Of the lab's machine as it is now.
    pub fn of(bench: &Bench) -> Self {
        let fleet = fs::read_to_string(bench.lab_fleet()).unwrap();
        let fleet = Fleet::parse(&fleet, "fleet.json", Format::Json).unwrap();
        let answer = bench.run(&["--lab", "--json", "probe", "nas"]);
        let mut answer: Value = serde_json::from_str(&answer).unwrap();
        let blank = Facts::from_json(&answer["answer"].take().to_string()).unwrap();
        Self { wish: fleet.wish(&"nas".parse().unwrap()).unwrap(), blank }
    }

    /// The steps that finish what a reboot behind the first `done` steps has left, sorted.
    pub fn rest(&self, done: usize) -> Vec<String> {
        let mut world = World {
            all: self.blank.clone(),
            stopped: BTreeSet::new(),
            inactive: BTreeSet::new(),
            closed: BTreeSet::new(),
            exported: BTreeSet::new(),
        };
        let first = plan(&self.wish, &world.seen(), &Consent::default());
        first.steps.iter().take(done).for_each(|step| world.apply(&self.wish, step));
        world.reboot();
        let plans = world.converge(&self.wish, Consent::default());
        let mut rest: Vec<String> = plans.iter().flat_map(|plan| &plan.steps).map(Step::describe).collect();
        rest.sort();
        rest
    }
}
