//! Whether a scenario fits its fleet: machines, disks, nodes, groups, verbs, and whether each step can be done at its turn.

use crate::course::Course;
use crate::read::Draft;
use crate::step::{Boot, Expect, From, OnDisk, Scenario, Step, What};
use document::{Path, Problems, Report};
use fleet::{Fleet, HostName, Loader};
use storage::NodeId;
use verify::{Door, Subject};

/// What a scenario is checked against.
pub struct Ground<'a> {
    /// The fleet as declared.
    pub declared: &'a Fleet,
    /// The lab's fleet, made of the machines that the scenario has.
    pub lab: &'a Fleet,
    /// How many bytes the lab's disk of a machine has, by its short name.
    pub bytes: &'a dyn Fn(&HostName, &str) -> Option<u64>,
    /// Why words are no verb that homehive can do in a scenario.
    pub verb: &'a dyn Fn(&[String]) -> Option<String>,
}

impl Draft {
    /// Checks all of it.
    ///
    /// # Errors
    /// Everything that is wrong, in one report.
    pub fn check(mut self, ground: &Ground<'_>) -> Result<Scenario, Box<Report>> {
        let mut problems = std::mem::take(&mut self.problems);
        let listed = Path::root().join("machines");
        for (index, name) in self.machines.iter().enumerate() {
            known_machine(ground.declared, name, &listed.join(index), &mut problems);
        }
        // A step that could not be read may have changed what follows.
        let complete = problems.is_empty();
        let mut course = Course::default();
        for (number, step) in &self.steps {
            let at = Path::root().join("step").join(number);
            let mut check = Check { ground, draft: &self, step, at: &at, problems: &mut problems };
            if check.names() && complete {
                course.take(step, &at, &mut problems);
            }
        }
        if complete && self.machines().is_empty() {
            let help = "add `machines = [\"nas\"]`, or a step with a `machine`";
            problems.add(&Path::root(), "scenario::no_machine", "the scenario names no machine", "no machine", help);
        }
        self.problems = problems;
        self.whole()
    }
}

struct Check<'a> {
    ground: &'a Ground<'a>,
    draft: &'a Draft,
    step: &'a Step,
    at: &'a Path,
    problems: &'a mut Problems,
}

impl Check<'_> {
    /// Checks everything but the order; whether the step means something.
    fn names(&mut self) -> bool {
        let before = self.problems.len();
        self.patience();
        for (key, name) in self.step.what.machines() {
            let at = self.at.join(key);
            if !known_machine(self.ground.declared, name, &at, self.problems) {
                return false;
            }
            if !self.draft.machines().contains(name) {
                let help = format!("add \"{name}\" to `machines`, or leave `machines` out");
                let message = format!("the lab of this scenario does not have `{name}`");
                self.problems.add(&at, "scenario::machine_not_listed", message, "not in `machines`", help);
                return false;
            }
        }
        if let Some(disk) = self.step.what.disk() {
            self.disk(disk);
        }
        self.content();
        self.problems.len() == before
    }

    fn patience(&mut self) {
        if self.step.within.is_some() && !self.step.what.asserts() {
            let message = format!("`{}` is not tried again: it changes something", self.step.what.word());
            let help = "leave `within` out; `deadline` says how long it may take";
            self.problems.add(&self.at.join("within"), "scenario::within", message, "not here", help);
        }
        if matches!(self.step.what, What::Pause(_)) && self.step.expect == Expect::Fails {
            let help = "leave `expect` out";
            self.problems.add(&self.at.join("expect"), "scenario::expect", "time always passes", "not here", help);
        }
    }

    fn disk(&mut self, disk: &OnDisk) {
        if (self.ground.bytes)(&disk.machine, disk.short()).is_some() {
            return;
        }
        let declared = self.ground.declared.machines.get(&disk.machine);
        let known = declared.into_iter().flat_map(|machine| machine.storage.disk.keys());
        let known = known.map(|name| format!("`disk.{name}`")).collect::<Vec<_>>().join(", ");
        let message = format!("`{}` has no disk `{}`", disk.machine, disk.disk);
        self.problems.add(
            &self.at.join("disk"),
            "scenario::unknown_disk",
            message,
            "no such disk",
            format!("its disks: {known}"),
        );
    }

    fn content(&mut self) {
        match &self.step.what {
            What::Errors(it) => {
                if it.to.is_some_and(|to| to <= it.from) {
                    let help = "`to` is the first byte that is well again";
                    self.add("to", "scenario::empty_range", "no byte lies between `from` and `to`", help);
                }
                if let Some(bytes) = (self.ground.bytes)(&it.disk.machine, it.disk.short())
                    && it.from >= bytes
                {
                    let help = format!("the lab's disk has {bytes} bytes: disks are small there");
                    self.add("from", "scenario::beyond_the_end", "the errors lie beyond the end of the disk", help);
                }
            }
            What::Rot(it) => {
                if !it.at.is_multiple_of(512) || it.sectors == 0 {
                    let help = "`at` is a multiple of 512, `sectors` at least 1";
                    self.add("at", "scenario::no_sectors", "these are no whole sectors", help);
                }
                let bytes = (self.ground.bytes)(&it.disk.machine, it.disk.short());
                let end = it.sectors.checked_mul(512).and_then(|length| it.at.checked_add(length));
                if let Some(bytes) = bytes
                    && end.is_none_or(|end| end > bytes)
                {
                    let help = format!("the lab's disk has {bytes} bytes: disks are small there");
                    self.add("at", "scenario::beyond_the_end", "the sectors lie beyond the end of the disk", help);
                }
            }
            What::Link(it) => {
                if it.from == it.to {
                    self.add("to", "scenario::link_to_itself", "a machine has no link to itself", "name another one");
                }
                if it.delay_ms > 60_000 {
                    let help = "a minute at most: 60000";
                    self.add("delay_ms", "scenario::late", "nothing waits so long for a frame", help);
                }
                if it.cut && (it.delay_ms > 0 || it.loss != wire::Loss::default()) {
                    let help = "leave `cut` out, or `delay_ms` and `loss`";
                    self.add("cut", "scenario::cut_and_more", "what does not pass is neither late nor lost", help);
                }
            }
            What::DisksApply(it) => self.nodes(&it.machine, "wipe", &it.wipe),
            What::DisksPlan(it) => self.nodes(&it.machine, "nodes", &it.nodes),
            What::DisksStatus(it) => {
                for node in it.nodes.keys() {
                    self.node(&it.machine, &NodeId::from(node.as_str()), &self.at.join("nodes").join(node));
                }
            }
            What::Verify(it) => self.groups(&it.machine, &it.groups, &it.broken),
            What::Run(it) => {
                self.words(&it.words);
                if it.background && (it.prints.is_some() || it.status != 0 || self.step.expect == Expect::Fails) {
                    let help = "leave `background` out to wait for its end, or say nothing of it";
                    self.add("background", "scenario::background", "nobody sees the end of what goes on beside", help);
                }
            }
            What::Homehive(it) => {
                self.words(&it.words);
                if let Some(why) = (self.ground.verb)(&it.words).filter(|_| !it.words.is_empty()) {
                    let help = "what stands behind `homehive --lab`; `lab` itself has its own steps";
                    self.add("words", "scenario::no_verb", why, help);
                }
            }
            What::Write(it) => self.path(&it.path),
            What::Intact(it) => self.path(&it.path),
            What::Boot(it) => self.firmware(it),
            What::Off(_)
            | What::PowerCut(_)
            | What::Dying(_)
            | What::Revive(_)
            | What::Pull(_)
            | What::Replace(_)
            | What::Slow(_)
            | What::Full(_)
            | What::Well(_)
            | What::Install(_)
            | What::Answers(_)
            | What::Pause(_) => {}
        }
    }

    fn add(&mut self, key: &str, code: &'static str, message: impl Into<String>, help: impl Into<String>) {
        self.problems.add(&self.at.join(key), code, message, "here", help);
    }

    /// The lab's machines have a BIOS.
    fn firmware(&mut self, boot: &Boot) {
        let efi = self.ground.declared.machines.get(&boot.machine).is_some_and(|machine| {
            let wish = self.ground.declared.wish(&boot.machine);
            matches!(wish.and_then(|wish| machine.loader(&wish)), Some(Loader::Efi(_)))
        });
        if efi && boot.from == From::Disks {
            let help = "from = \"medium\"; its disks are the same there";
            let message = format!("`{}` boots by EFI, and the lab's machines have a BIOS", boot.machine);
            self.add("machine", "scenario::boots_by_efi", message, help);
        }
    }

    fn words(&mut self, words: &[String]) {
        if words.is_empty() {
            self.add("words", "scenario::no_words", "there are no words", "write them: [\"uname\", \"-r\"]");
        }
    }

    fn path(&mut self, path: &str) {
        if !path.starts_with('/') || path.ends_with('/') || path.chars().any(char::is_control) {
            let help = "write an absolute path: \"/data/proof\"";
            self.add("path", "scenario::bad_path", format!("`{path}` is no path of a file"), help);
        }
    }

    fn nodes(&mut self, machine: &HostName, key: &str, nodes: &[NodeId]) {
        for (index, node) in nodes.iter().enumerate() {
            self.node(machine, node, &self.at.join(key).join(index));
        }
    }

    fn node(&mut self, machine: &HostName, node: &NodeId, at: &Path) {
        let Some(wish) = self.ground.declared.wish(machine) else { return };
        if wish.node(node).is_none() {
            let known = wish.nodes.iter().map(|node| format!("`{}`", node.id)).collect::<Vec<_>>().join(", ");
            let message = format!("no node `{node}` of `{machine}` is declared");
            self.problems.add(at, "scenario::unknown_node", message, "no such node", format!("declared: {known}"));
        }
    }

    fn groups(&mut self, machine: &HostName, groups: &[String], broken: &[String]) {
        let Some(subject) = Subject::of(self.ground.lab, machine, Door::default(), "") else { return };
        let known: Vec<&str> = verify::groups(&subject).iter().map(|group| group.id).collect();
        let list = known.join(", ");
        for (key, ids) in [("groups", groups), ("broken", broken)] {
            for (index, id) in ids.iter().enumerate() {
                let at = self.at.join(key).join(index);
                if !known.contains(&id.as_str()) {
                    let message = format!("no group `{id}` applies to `{machine}`");
                    let help = format!("its groups: {list}");
                    self.problems.add(&at, "scenario::unknown_group", message, "no such group", help);
                } else if key == "broken" && !groups.is_empty() && !groups.contains(id) {
                    let message = format!("group `{id}` is not run, so it finds nothing");
                    let help = format!("add \"{id}\" to `groups`");
                    self.problems.add(&at, "scenario::group_not_run", message, "not in `groups`", help);
                }
            }
        }
    }
}

fn known_machine(fleet: &Fleet, name: &HostName, at: &Path, problems: &mut Problems) -> bool {
    if fleet.machines.contains_key(name) {
        return true;
    }
    let known = fleet.machines.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let message = format!("the fleet has no machine `{name}`");
    problems.add(at, "scenario::unknown_machine", message, "no such machine", format!("its machines: {known}"));
    false
}
