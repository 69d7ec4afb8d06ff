//! What a deployment has to know of a machine before and after: one look, one round trip.

use super::Mode;
use crate::profile::{self, Generation, SOON};
use crate::{Machine, RunError};
use std::collections::BTreeMap;

/// A machine's generations and what became of the last deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// The generations, from old to new.
    pub generations: Vec<Generation>,
    /// The store path of the system that runs now.
    pub running: String,
    /// The store path of the system that was booted.
    pub booted: String,
    /// Different after every boot.
    pub boot_id: String,
    /// Units that have failed.
    pub failed: Vec<String>,
    /// What the machine says of the last deployment that it took back.
    pub outcome: Option<Word>,
    /// Generations that the machine has taken back: numbers and systems.
    pub taken_back: Vec<(u64, String)>,
    /// The boot trial that is under way, or has ended unseen: its deployment's name and the system on trial.
    pub trial: Option<(String, String)>,
    /// The profile was moved, and the boot menu may not have followed: what it boots next is not known.
    pub unsettled: bool,
}

/// What the machine itself says of a deployment that it took back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// The deployment's name.
    pub id: String,
    /// When, in seconds since 1970 by the machine's clock.
    pub at: Option<u64>,
    /// Why.
    pub why: String,
    /// Does it start again because going back did not work without?
    pub reboots: bool,
}

impl Word {
    /// From the outcome's keys.
    pub(super) fn read(keys: &BTreeMap<&str, &str>) -> Option<Self> {
        Some(Self {
            id: (*keys.get("id")?).to_owned(),
            at: keys.get("at").and_then(|at| at.parse().ok()),
            why: keys.get("why").copied().unwrap_or("the machine does not say why").trim().to_owned(),
            reboots: keys.get("then") == Some(&"rebooting"),
        })
    }
}

const SCRIPT: &str = include_str!("survey.sh");

/// Looks at the machine.
pub async fn survey(machine: &Machine) -> Result<Survey, RunError> {
    let output = machine.ask_script(SCRIPT, SOON).await?;
    Ok(read(&crate::process::check(output, "sh -s")?.stdout))
}

fn read(text: &str) -> Survey {
    let pairs: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once(' ')).collect();
    let one = |key| pairs.iter().find(|(name, _)| *name == key).map_or("", |(_, value)| value.trim());
    let all = |key: &'static str| pairs.iter().filter(move |(name, _)| *name == key).map(|(_, value)| *value);
    let below = |prefix: &str| {
        pairs.iter().filter_map(|(name, value)| Some((name.strip_prefix(prefix)?, *value))).collect::<BTreeMap<_, _>>()
    };
    let (running, booted) = (one("current"), one("booted"));
    let mut generations: Vec<Generation> =
        all("generation").filter_map(|line| profile::read(line, one("profile"), running, booted)).collect();
    generations.sort_by_key(|generation| generation.number);
    let trial = below("trial-");
    let word = |key| trial.get(key).map(|word| (*word).to_owned());
    Survey {
        generations,
        running: running.to_owned(),
        booted: booted.to_owned(),
        boot_id: one("boot-id").to_owned(),
        failed: all("failed").map(str::to_owned).collect(),
        outcome: Word::read(&below("outcome-")),
        taken_back: all("taken-back").filter_map(taken_back).collect(),
        trial: word("id").zip(word("system")),
        unsettled: one("menu") == "unsettled",
    }
}

/// `NUMBER PATH`
fn taken_back(line: &str) -> Option<(u64, String)> {
    let (number, path) = line.split_once(' ')?;
    Some((number.parse().ok()?, path.to_owned()))
}

impl Survey {
    /// The generation to go back to unless somebody names another: the last one before the current one that the machine
    /// has not taken back.
    pub fn before(&self) -> Option<&Generation> {
        let current = self.current()?.number;
        let good =
            |it: &&Generation| !self.taken_back.iter().any(|(number, path)| *number == it.number && *path == it.path);
        self.generations.iter().rev().filter(|it| it.number < current).find(good)
    }

    /// Does it run, or has it booted, `system` already, as far as `mode` would see to?
    pub(super) fn runs(&self, system: &str, mode: Mode) -> bool {
        match mode {
            Mode::Switch => self.running == system,
            Mode::Boot => true,
            Mode::Reboot => self.running == system && self.booted == system,
        }
    }

    /// Does it run, mean and boot this system already, so that `mode` would change nothing?
    pub fn is(&self, system: &str, mode: Mode) -> bool {
        let means = self.current().is_some_and(|current| current.path == system);
        means && self.runs(system, mode) && self.trial.is_none() && !self.unsettled
    }

    /// The generation that the profile means.
    pub fn current(&self) -> Option<&Generation> {
        self.generations.iter().find(|generation| generation.current)
    }
}

#[cfg(test)]
mod tests {
    use super::{Mode, Word, read};

    const SAID: &str = "\
profile system-2-link
current /nix/store/bbb-system
booted /nix/store/aaa-system
generation system-10-link 1700000300 /nix/store/ccc-system
generation system-1-link 1700000000 /nix/store/aaa-system
generation system-2-link 1700000200 /nix/store/bbb-system
boot-id 0c7b9e6e-0000-4000-8000-1d1c3c541111
failed demo.service
outcome-id 4f1e
outcome-at 1700000400
outcome-then running
outcome-why nobody confirmed it within 90 s
taken-back 1 /nix/store/aaa-system
taken-back 3 /nix/store/xxx-system
trial-id 77aa
trial-system /nix/store/ccc-system
trial-why
";

    /// What it runs and means is not all: a boot menu that has not followed is work to do, and so is a trial.
    #[test]
    fn unchanged_is_what_runs_is_meant_and_boots() {
        let settled = SAID.replace("trial-", "other-");
        let system = "/nix/store/bbb-system";
        for (case, said, mode, expected) in [
            ("all is so", settled.clone(), Mode::Switch, true),
            ("a menu that has not followed", format!("menu unsettled\n{settled}"), Mode::Switch, false),
            ("the same for the next boot", format!("menu unsettled\n{settled}"), Mode::Boot, false),
            ("another system was booted", settled.clone(), Mode::Reboot, false),
            ("a trial", SAID.to_owned(), Mode::Switch, false),
            ("another runs", settled.replace("current /nix/store/bbb", "current /nix/store/aaa"), Mode::Switch, false),
            (
                "another runs, but this one is meant",
                settled.replace("current /nix/store/bbb", "current /x"),
                Mode::Boot,
                true,
            ),
        ] {
            assert_eq!(read(&said).is(system, mode), expected, "{case}");
        }
    }

    #[test]
    fn what_a_machine_says_is_read() {
        let survey = read(SAID);
        assert_eq!(survey.generations.iter().map(|it| it.number).collect::<Vec<_>>(), [1, 2, 10]);
        assert_eq!(survey.current().map(|it| it.number), Some(2));
        assert!(survey.generations[0].booted && survey.generations[1].running);
        assert_eq!(survey.failed, ["demo.service"]);
        let why = "nobody confirmed it within 90 s".to_owned();
        assert_eq!(survey.outcome, Some(Word { id: "4f1e".into(), at: Some(1_700_000_400), why, reboots: false }));
        assert_eq!(survey.trial, Some(("77aa".into(), "/nix/store/ccc-system".into())));
        assert_eq!(survey.before(), None, "generation 1 has been taken back");
        assert!(!survey.unsettled);
        assert!(read(&format!("menu unsettled\n{SAID}")).unsettled);
        let kept = read(&SAID.replace("taken-back 1 ", "taken-back 10 "));
        assert_eq!(kept.before().map(|it| it.number), Some(1));
        assert_eq!(read("profile \ncurrent \nbooted \n").current(), None);
    }
}
