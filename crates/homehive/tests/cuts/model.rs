//! What the machine of the planner's laws, which has no disk, does where the lab's machine does it in earnest.

use super::bench::Bench;
use super::world::World;
use fleet::{Fleet, Format};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
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

    /// The steps that finish what a power cut has left, sorted: behind those that the journal calls done, and any of those that
    /// were begun beside them, of which nobody was told how far they came.
    pub fn rests(&self, journal: &Path) -> Vec<Vec<String>> {
        let mut states = BTreeMap::new();
        for line in fs::read_to_string(journal).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            states.insert(line["step"].as_u64().unwrap(), line["state"] == "done");
        }
        let steps = |done| states.iter().filter(move |(_, is)| **is == done).map(|(step, _)| *step);
        let (done, open): (BTreeSet<u64>, Vec<u64>) = (steps(true).collect(), steps(false).collect());
        let some = (0_u32..1 << open.len())
            .map(|some| open.iter().enumerate().filter(move |(bit, _)| some >> bit & 1 == 1).map(|(_, step)| *step));
        some.map(|some| self.rest(&done.iter().copied().chain(some).collect())).collect()
    }

    /// The steps that are left to do once the machine has started again behind these of the plan for blank disks.
    fn rest(&self, done: &BTreeSet<u64>) -> Vec<String> {
        let mut world = World {
            all: self.blank.clone(),
            stopped: BTreeSet::new(),
            inactive: BTreeSet::new(),
            closed: BTreeSet::new(),
            exported: BTreeSet::new(),
        };
        let first = plan(&self.wish, &world.seen(), &Consent::default());
        for (_, step) in (1..).zip(&first.steps).filter(|(number, _)| done.contains(number)) {
            world.apply(&self.wish, step);
        }
        world.reboot();
        // Here udev starts them, as far as it gets before we ask.
        world.stopped.clear();
        world.inactive.clear();
        let plans = world.converge(&self.wish, Consent::default());
        work(plans.iter().flat_map(|plan| &plan.steps).map(Step::describe))
    }
}

/// What steps make, sorted: not what they only start, which udev may have done before, nor the pieces of begun steps that they
/// wipe.
pub fn work(steps: impl Iterator<Item = String>) -> Vec<String> {
    let makes = |step: &String| !["assemble ", "activate ", "wipe "].iter().any(|word| step.starts_with(word));
    let mut steps: Vec<String> = steps.filter(makes).collect();
    steps.sort();
    steps
}
