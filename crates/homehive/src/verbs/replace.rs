//! `disks replace`: a new disk in the place of another. The fleet file gets its marks, the plan takes it over, and the
//! rebuilding is followed to its end.

mod choice;
mod follow;

use super::Context;
use super::disks::{Done, journal, lock, shelf, wish};
use crate::answer;
use crate::args::Replace;
use crate::converge::{Converged, Ground, refusals};
use crate::failure::Failure;
use crate::keyring::Keyring;
use crate::load::{Loaded, Unloaded, rewrite};
use crate::reach;
use choice::Choice;
use document::{Format, Path};
use fleet::{Fleet, HostName};
use machine::{Lock, Machine, Records};
use schemars::JsonSchema;
use serde::Serialize;
use storage::health::Finding;
use storage::plan::{Consent, Plan};
use storage::{NodeId, Wish};

/// The answer of `disks replace --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReplaceAnswer {
    /// The machine.
    pub machine: String,
    /// The node whose disk is another now.
    pub disk: NodeId,
    /// Was the fleet file changed by this call?
    pub written: bool,
    /// The steps that were done, in the order of their ends.
    pub done: Vec<Done>,
    /// What is not good in the end, node by node.
    pub findings: Vec<Finding>,
}

pub async fn run(context: &Context, args: &Replace) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let name = loaded.machine(&args.target.machine)?;
    let now = wish(&loaded, &name)?;
    let host = args.target.host.as_deref();
    let reached = reach::reach(&loaded, &name, host, &context.story).await?;
    let machine = &reached.machine;
    let host = host.map(|host| format!(" --host {}", cmd::quote(host))).unwrap_or_default();
    let by =
        |old: &str| context.again(&format!("disks replace {name} {} {}{host}", cmd::quote(old), cmd::quote(&args.new)));
    let again = by(&args.old);
    let held = lock(machine, "disks replace", &context.story, &again).await?;
    let facts = machine.look().await.map_err(|error| Failure::failed(&name, error, &again))?;
    let choice = choice::choose(&now, &facts, &args.old, &args.new)?;
    // Once the fleet file has the new disk, the old one's serial number says nothing there.
    let again = by(choice.node.as_str());
    let edited = if choice.is_declared { None } else { Some(Edited::new(&loaded, &name, &choice)?) };
    let wished = edited.as_ref().map_or(&now, |edited| &edited.wish);
    let wipe = args.wipe && edited.is_some();
    let mut consent = Consent { wipe: wipe.then(|| choice.node.clone()).into_iter().collect(), ..Consent::default() };
    let journal = journal(&loaded, &name)?;
    consent.begun = journal.begun().map_err(|error| Failure::Failed(error.to_string()))?;
    let plan = storage::plan::plan(wished, &facts, &consent);
    if !plan.refusals.is_empty() {
        let apply = context.again(&format!("disks apply {name}{host}"));
        return Err(Failure::Refused(wiping(&refusals(&plan, 0), &choice, &apply)));
    }
    if args.dry_run {
        show(context, &name, &choice, edited.is_some(), &plan, &again);
        return Ok(());
    }
    tell(context, machine, &plan);
    if let Some(edited) = &edited {
        let failed = |error| Failure::failed(format!("writing {}", loaded.path.display()), error, &again);
        rewrite(&loaded.path, &edited.text).map_err(failed)?;
        context
            .story
            .note(machine.name(), format!("{} has {} as {} now", loaded.path.display(), args.new, choice.node));
    }
    let shelf = shelf(&loaded, &name);
    let records = Records { journal: &journal, shelf: &shelf };
    let converge = async |consent: Consent, lock: Option<&Lock>| -> Result<Converged, Failure> {
        let story = &context.story;
        let keyring = Keyring::new(&loaded, crate::sealing::can_ask(&context.global));
        let (approved, until) = (None, None);
        let ground = Ground { machine, wish: wished, consent, keyring, records, story, approved, lock, until };
        ground.converge().await.map_err(|error| error.failure(&again))
    };
    let mut rounds = converge(consent, Some(&held)).await?.rounds;
    // A rebuilding takes hours, and the kernel does it by itself.
    held.release().await;
    let findings = if args.no_wait {
        follow::findings(wished, machine, &again).await?
    } else {
        let found = follow::to_its_end(context, wished, machine, &again).await?;
        let held = Lock::take(machine, "disks replace", &context.story).await.map_err(|error| {
            Failure::failed(format!("{name}: the new disk is in its place, the old one not let go"), error, &again)
        })?;
        if is_still(&loaded, &name, wished)? {
            // What has been replaced is let go.
            rounds.extend(converge(Consent::default(), Some(&held)).await?.rounds);
        } else {
            let next = context.again(&format!("disks apply {name}{host}"));
            let text =
                format!("{} declares other disks by now: what was replaced is let go by {next}", loaded.path.display());
            context.story.note(machine.name(), text);
        }
        held.release().await;
        found
    };
    let done: Vec<Done> = rounds.into_iter().flat_map(|round| round.steps).map(Done::from).collect();
    let (written, disk) = (edited.is_some(), choice.node);
    let good = findings.is_empty();
    if context.global.json {
        answer::json("disks-replace", &ReplaceAnswer { machine: name.to_string(), disk, written, done, findings });
    } else {
        let rest: Vec<String> =
            findings.iter().map(|it| format!("{}  {}  {}", it.node, it.state.word(), it.text)).collect();
        let end = if good { format!("{name}: {disk} is {}, and all is good", args.new) } else { rest.join("\n") };
        answer::text(&format!("{end}\nnext: {}", context.again(&format!("disks status {name}{host}"))));
    }
    // A rebuilding that was not to be waited for is no failure.
    if good || args.no_wait { Ok(()) } else { Err(Failure::Wanting) }
}

/// Refusals with the words that allow the wiping here. A disk that was declared before may hold what is in use, and is wiped
/// only by a command that is about nothing else.
fn wiping(refusals: &str, choice: &Choice, apply: &str) -> String {
    let wipe = format!("--wipe {}", choice.node);
    let allows = if choice.is_declared { format!("{apply} {wipe}") } else { "--wipe".to_owned() };
    refusals.replace(&wipe, &allows)
}

/// Does the fleet file wish the same of the machine as it did hours ago?
fn is_still(loaded: &Loaded, name: &HostName, wish: &Wish) -> Result<bool, Failure> {
    let read = Loaded::read(&loaded.path).map_err(|error| match error {
        Unloaded::Unreadable(failure) => failure,
        Unloaded::Wrong(report) => {
            Failure::Failed(format!("{} is wrong by now: {:?}", loaded.path.display(), report.findings()))
        }
    })?;
    Ok(read.fleet.wish(name).as_ref() == Some(wish))
}

/// The fleet file with the new disk's marks in it.
struct Edited {
    text: String,
    wish: Wish,
}

impl Edited {
    fn new(loaded: &Loaded, name: &HostName, choice: &Choice) -> Result<Self, Failure> {
        let shown = loaded.path.display().to_string();
        let disk = choice.node.as_str().trim_start_matches("disk.");
        let marks =
            || choice.marks.iter().map(|(key, value)| format!("{key} = \"{value}\"")).collect::<Vec<_>>().join(", ");
        let remedy = format!("write it there yourself: machines.{name}.storage.{}: {}", choice.node, marks());
        let by_hand = |what: &str| Failure::usage(format!("{shown} {what}"), &remedy);
        if loaded.path.extension().is_some_and(|extension| extension == "nix") {
            return Err(by_hand("is a Nix expression, which is not edited"));
        }
        let format = Format::of(&shown);
        let text =
            std::fs::read_to_string(&loaded.path).map_err(|error| by_hand(&format!("cannot be read: {error}")))?;
        let at =
            ["machines", name.as_ref(), "storage", "disk", disk].iter().fold(Path::root(), |path, key| path.join(key));
        let texts: Vec<(Path, String)> =
            choice.marks.iter().map(|(key, value)| (at.join(key), value.clone())).collect();
        let text = document::edit(&text, format, &texts);
        let text = text.map_err(|error| by_hand(&format!("cannot be edited: {error}")))?;
        let fleet = Fleet::parse(&text, &shown, format);
        let fleet = fleet.map_err(|report| by_hand(&format!("would be wrong with it: {:?}", report.findings())))?;
        let wish = fleet.wish(name).ok_or_else(|| Failure::Bug(format!("no wish for `{name}`")))?;
        Ok(Self { text, wish })
    }
}

/// What would be done, as an answer.
fn show(context: &Context, name: &HostName, choice: &Choice, writes: bool, plan: &Plan, again: &str) {
    if context.global.json {
        let lines = plan.steps.iter().map(storage::plan::Step::describe).collect();
        let answer = super::PlanAnswer { machine: name.to_string(), digest: plan.digest(), lines, plan: plan.clone() };
        return answer::json("disks-plan", &answer);
    }
    let marks =
        choice.marks.iter().map(|(key, value)| format!("~ {} in the fleet file: {key} = \"{value}\"\n", choice.node));
    let marks: String = if writes { marks.collect() } else { String::new() };
    answer::text(&format!("{marks}{}next: {again}", plan.to_text()));
}

fn tell(context: &Context, machine: &Machine, plan: &Plan) {
    for line in plan.to_text().lines().filter(|line| !line.starts_with('=')) {
        context.story.note(machine.name(), line.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::choice::Choice;
    use super::{is_still, wiping};
    use crate::load::Loaded;
    use std::fs;

    #[test]
    fn the_words_that_allow_wiping_are_obeyed() {
        for (is_declared, told) in [
            (false, "disk.d: holds xfs\n    allow it: --wipe"),
            (true, "disk.d: holds xfs\n    allow it: homehive disks apply one --wipe disk.d"),
        ] {
            let choice = Choice { node: "disk.d".into(), marks: Vec::new(), is_declared };
            let text = "disk.d: holds xfs\n    allow it: --wipe disk.d";
            assert_eq!(wiping(text, &choice, "homehive disks apply one"), told);
        }
    }

    /// Hours later the fleet file may be another one, by another replacement: its disks are not put back.
    #[test]
    fn a_fleet_file_that_was_edited_meanwhile_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fleet.toml");
        let six = include_str!("../../../../examples/layouts/raid6-lvm-xfs.toml");
        let mine = six.replace("serial = \"B\"", "serial = \"G\"");
        fs::write(&path, &mine).unwrap();
        let Ok(loaded) = Loaded::read(&path) else { panic!("the example is a fleet file") };
        let name = loaded.fleet.machines.keys().next().unwrap().clone();
        let wish = loaded.fleet.wish(&name).unwrap();
        for (case, text, still) in [
            ("as it was", mine.clone(), true),
            ("a comment", format!("# mine\n{mine}"), true),
            ("another disk replaced", mine.replace("serial = \"C\"", "serial = \"H\""), false),
            ("taken back", six.to_owned(), false),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(is_still(&loaded, &name, &wish).ok(), Some(still), "{case}");
        }
        fs::write(&path, "machines = 3\n").unwrap();
        assert!(is_still(&loaded, &name, &wish).is_err());
    }
}
