//! How machines stand at each step, as far as the file tells: on or off, installed or blank, which files were written.

use crate::step::{Expect, From, Step, What};
use document::{Path, Problems};
use fleet::HostName;
use std::collections::{BTreeMap, BTreeSet};

/// How everything stands before the next step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Course {
    machines: BTreeMap<HostName, Standing>,
}

#[derive(Clone, Debug, Default)]
struct Standing {
    power: Power,
    installed: bool,
    pulled: BTreeSet<String>,
    written: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Power {
    #[default]
    Off,
    On(From),
    /// A step that was to fail may have got anywhere.
    Unknown,
}

/// What a step asks of its machine.
enum Asks {
    Off,
    On,
    Medium,
    Any,
}

impl Course {
    /// Checks that the step can be done at its turn, and takes it.
    pub(crate) fn take(&mut self, step: &Step, at: &Path, problems: &mut Problems) {
        let Some(name) = step.what.machine() else { return };
        let here = self.machines.entry(name.clone()).or_default();
        // What is to fail may well be impossible.
        if step.expect == Expect::Done {
            check(here, name, step, at, problems);
        }
        here.follow(step);
    }
}

fn asks(what: &What) -> Asks {
    match what {
        What::Boot(_) | What::Replace(_) => Asks::Off,
        What::PowerCut(_)
        | What::Errors(_)
        | What::Slow(_)
        | What::Full(_)
        | What::Rot(_)
        | What::Well(_)
        | What::DisksApply(_)
        | What::DisksPlan(_)
        | What::DisksStatus(_)
        | What::Verify(_)
        | What::Run(_)
        | What::Write(_)
        | What::Intact(_)
        | What::Answers(_)
        | What::Off(_) => Asks::On,
        What::Install(_) => Asks::Medium,
        What::Dying(_) | What::Revive(_) | What::Pull(_) | What::Link(_) | What::Homehive(_) | What::Pause(_) => {
            Asks::Any
        }
    }
}

fn check(here: &Standing, name: &HostName, step: &Step, at: &Path, problems: &mut Problems) {
    let machine = at.join("machine");
    let mut wrong = |message: String, label: &str, help: &str| {
        problems.add(&machine, "scenario::wrong_moment", message, label, help);
    };
    match (asks(&step.what), here.power) {
        (Asks::On | Asks::Medium, Power::Off) => {
            wrong(format!("`{name}` is off at this step"), "off", "boot it in a step before: do = \"boot\"");
        }
        (Asks::Medium, Power::On(From::Disks)) => {
            let help = "switch it off, and boot it with from = \"medium\"";
            wrong(format!("`{name}` is installed from the medium, and runs from its disks here"), "not here", help);
        }
        (Asks::Off, Power::On(_)) => {
            let help = "do = \"off\" or do = \"power-cut\" in a step before";
            wrong(format!("`{name}` is on at this step, and must be off for it"), "on", help);
        }
        (Asks::Off | Asks::On | Asks::Medium | Asks::Any, _) => {}
    }
    if let What::Boot(boot) = &step.what
        && boot.from == From::Disks
        && !here.installed
    {
        let help = "do = \"install\" in a step before, or from = \"medium\"";
        wrong(format!("`{name}` has no system yet to boot from its disks"), "not installed", help);
    }
    if let What::Intact(it) = &step.what
        && !here.written.contains(&it.path)
    {
        let message = format!("no step before writes `{}` on `{name}`", it.path);
        let help = "do = \"write\" with this path in a step before";
        problems.add(&at.join("path"), "scenario::never_written", message, "never written", help);
    }
    if let Some(disk) = step.what.disk()
        && here.pulled.contains(disk.short())
        && !matches!(step.what, What::Replace(_))
    {
        let message = format!("`{}` was pulled out of `{name}` before this step", disk.disk);
        let help = "do = \"replace\" puts a new one in its place";
        problems.add(&at.join("disk"), "scenario::pulled", message, "not in the machine", help);
    }
}

impl Standing {
    fn follow(&mut self, step: &Step) {
        let done = step.expect == Expect::Done;
        match &step.what {
            What::Boot(boot) => self.power = if done { Power::On(boot.from) } else { Power::Unknown },
            What::Off(_) | What::PowerCut(_) => self.power = if done { Power::Off } else { Power::Unknown },
            What::Install(_) => {
                self.power = if done { Power::Off } else { Power::Unknown };
                self.installed |= done;
            }
            What::Pull(it) if done => drop(self.pulled.insert(it.short().to_owned())),
            What::Replace(it) if done => drop(self.pulled.remove(it.short())),
            What::Write(it) if done => drop(self.written.insert(it.path.clone())),
            What::Pull(_)
            | What::Replace(_)
            | What::Write(_)
            | What::Dying(_)
            | What::Revive(_)
            | What::Errors(_)
            | What::Slow(_)
            | What::Full(_)
            | What::Rot(_)
            | What::Well(_)
            | What::Link(_)
            | What::DisksApply(_)
            | What::DisksPlan(_)
            | What::DisksStatus(_)
            | What::Verify(_)
            | What::Run(_)
            | What::Homehive(_)
            | What::Intact(_)
            | What::Answers(_)
            | What::Pause(_) => {}
        }
    }
}
