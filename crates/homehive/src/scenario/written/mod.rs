//! A user's own scenario: found, read, checked against its fleet, played.

mod assertions;
mod steps;

use super::{Play, perform};
use crate::args::{Cli, Disks, Run as RunArgs, Verb};
use crate::failure::Failure;
use crate::labs::{self, Derived};
use crate::load::{self, Loaded};
use crate::verbs::Context;
use document::Format;
use fleet::{Fleet, HostName};
use scenario::{Draft, Ground, Scenario};
use std::path::Path;

/// Runs the scenario in `file`.
pub async fn run(context: &Context, args: &RunArgs, file: &Path) -> Result<(), Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::usage(format!("cannot read {}: {error}", file.display()), "examples: examples/scenarios/*.toml")
    })?;
    let name = file.display().to_string();
    let draft = Draft::read(&text, &name, Format::of(&name));
    // Verbs that are suggested or run on the way are about the scenario's fleet.
    let mut context = context.clone();
    if let Some(own) = &draft.fleet
        && !context.global.names_fleet()
    {
        context.global.fleet = file.parent().unwrap_or(Path::new("")).join(own);
    }
    let declared = Loaded::declared(&context.global)?;
    let machines = draft.machines();
    let scenario = match check(draft, &declared.fleet) {
        Ok(scenario) => scenario,
        Err(Unfit::Wrong(report)) => {
            load::tell(&report, &context.global);
            return Err(Failure::Wanting);
        }
        Err(Unfit::Bug(failure)) => return Err(failure),
    };
    let title = scenario.title.clone();
    let stages = scenario.step.iter().map(scenario::Step::name).collect();
    perform(&context, args, Play { title, declared, machines, stages }, async |s| steps::play(s, &scenario).await).await
}

/// Why a scenario cannot be played.
#[derive(Debug)]
enum Unfit {
    /// Everything that is wrong with it.
    Wrong(Box<fleet::Report>),
    Bug(Failure),
}

/// Checks a scenario against its fleet, all of it.
fn check(draft: Draft, declared: &Fleet) -> Result<Scenario, Unfit> {
    let known: Vec<HostName> =
        draft.machines().into_iter().filter(|name| declared.machines.contains_key(name)).collect();
    let bug = |error: String| Unfit::Bug(Failure::Bug(error));
    let key = declared.admin.keys.first().map(ToString::to_string).unwrap_or_default();
    let Derived { blueprint, fleet } = labs::derive(declared, &known, &key).map_err(|error| bug(error.to_string()))?;
    // Without a known machine there is no lab's fleet; what is wrong then is told by the names.
    let lab = if known.is_empty() {
        declared.clone()
    } else {
        let parsed = Fleet::parse(&fleet.to_string(), "the lab's fleet", Format::Json);
        parsed.map_err(|report| bug(format!("the lab's own fleet is wrong: {:?}", report.findings())))?
    };
    let bytes = |machine: &HostName, disk: &str| {
        let machine = blueprint.machines.iter().find(|it| it.name == machine.as_ref())?;
        machine.disks.iter().find(|it| it.name == disk).map(|it| it.bytes)
    };
    let ground = Ground { declared, lab: &lab, bytes: &bytes, verb: &no_verb };
    draft.check(&ground).map_err(Unfit::Wrong)
}

/// Why these words are no verb for a scenario; none if they are one.
fn no_verb(words: &[String]) -> Option<String> {
    let typed = ["homehive", "--lab"].into_iter().map(str::to_owned).chain(words.iter().cloned());
    let cli = match Cli::of(typed) {
        Ok(cli) => cli,
        Err(error) => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or("these are no words of homehive");
            return Some(first.trim_start_matches("error: ").to_owned());
        }
    };
    if let Some(word) = cli.leads_out_of_the_lab() {
        return Some(format!("`{word}` leads out of the lab"));
    }
    if cli.global.names_fleet() {
        return Some("`--fleet` leads to another lab".to_owned());
    }
    match cli.verb {
        Verb::Probe(_)
        | Verb::Disks(Disks::Plan(_) | Disks::Apply(_) | Disks::Status(_) | Disks::Script(_))
        | Verb::Deploy(_)
        | Verb::Rollback(_)
        | Verb::Generations(_)
        | Verb::Status(_)
        | Verb::Verify(_)
        | Verb::Cluster(_) => None,
        Verb::Install(_) => Some("a machine that is installed goes off: `do = \"install\"` knows that".to_owned()),
        Verb::Lab(_) => Some("`homehive lab …` changes the lab that the scenario is played in".to_owned()),
        Verb::Disks(Disks::Replace(_) | Disks::Import(_) | Disks::Adopt(_) | Disks::UndoTables(_))
        | Verb::Init(_)
        | Verb::Check
        | Verb::Show(_)
        | Verb::Render(_)
        | Verb::Secrets(_)
        | Verb::Charts(_)
        | Verb::PublishShares(_)
        | Verb::Iso(_)
        | Verb::WriteMedium(_)
        | Verb::ServeDrives { .. }
        | Verb::SwitchFrames { .. }
        | Verb::Completions { .. }
        | Verb::Man { .. }
        | Verb::Schema { .. } => Some(
            "this is no verb for machines of the lab; those are probe, disks plan, disks apply, disks status, disks script, \
             deploy, rollback, generations, status, verify, cluster"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{Unfit, check, no_verb};
    use document::Format;
    use fleet::Fleet;
    use scenario::Draft;
    use std::path::{Path, PathBuf};

    fn fleet(path: &Path) -> Fleet {
        let text = std::fs::read_to_string(path).unwrap();
        Fleet::parse(&text, "fleet", Format::Toml).map_err(|report| report.findings()).unwrap()
    }

    fn examples() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/scenarios")
    }

    #[test]
    fn the_examples_fit_their_fleets() {
        let files = std::fs::read_dir(examples()).unwrap().map(|entry| entry.unwrap().path());
        let files: Vec<_> = files.filter(|path| path.is_file() && !path.ends_with("small-cluster.toml")).collect();
        assert!(files.len() >= 2, "{files:?}");
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let draft = Draft::read(&text, "scenario", Format::of(&file.to_string_lossy()));
            let fleet = fleet(&examples().join(draft.fleet.as_ref().unwrap()));
            let checked = check(draft, &fleet).map_err(|error| match error {
                Unfit::Wrong(report) => format!("{:?}", report.findings()),
                Unfit::Bug(failure) => failure.to_string(),
            });
            assert!(checked.unwrap().step.len() > 5, "{}", file.display());
        }
    }

    #[test]
    fn verbs_are_parsed_before_anything_starts() {
        for (words, wrong) in [
            (&["status", "nas"][..], ""),
            (&["deploy", "--payload", "stand-in", "nas"], ""),
            (&["dploy"], "unrecognized subcommand"),
            (&["verify", "nas", "--group", "disks"], ""),
            (&["disks", "script", "nas"], ""),
            (&["cluster", "status"], ""),
            (&["lab", "down"], "changes the lab"),
            (&["write-medium", "a.iso", "/dev/disk/by-id/usb-A", "--wipe", "A"], "leads out of the lab"),
            (&["disks", "apply", "nas", "--host", "local"], "leads out of the lab"),
            (&["disks", "plan", "nas", "--host=root@192.168.1.10"], "leads out of the lab"),
            (&["verify", "nas", "--host", "local"], "leads out of the lab"),
            (&["status", "nas", "--fleet", "fleet.toml"], "another lab"),
            (&["install", "nas"], "do = \"install\""),
            (&["disks", "replace", "nas", "disk.sata1", "NEW"], "no verb for machines"),
            (&["disks", "adopt", "nas"], "no verb for machines"),
            (&["secrets", "rekey"], "no verb for machines"),
            (&["init", "nas"], "no verb for machines"),
            (&["serve-drives", "list"], "no verb for machines"),
            (&["disks", "plan"], "required arguments"),
        ] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let why = no_verb(&words).unwrap_or_default();
            assert!(if wrong.is_empty() { why.is_empty() } else { why.contains(wrong) }, "{words:?}: {why}");
        }
    }
}
