//! Stories in the lab, each with a report: the built-in one, in which blank disks become the NAS, which is then hurt, healed
//! and reinstalled; and those that users write.

mod acts;
mod deeds;
mod record;
mod stage;
mod written;

use crate::answer;
use crate::args::Run as RunArgs;
use crate::failure::Failure;
use crate::labs::{self, Bench, Saved};
use crate::load::Loaded;
use crate::verbs::{Context, look, write};
use fleet::HostName;
use stage::Scenario;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;
use verify::report::{Accel, Report, Run, html, junit, terminal};

/// The stages of the built-in story in order; those that a failure keeps from running are told as not run.
const STAGES: [&str; 16] = [
    "the fleet is checked",
    "blank disks, booted from the medium",
    "the plan for blank disks",
    "the disks are made",
    "the identities are those announced",
    "the system is installed",
    "boots from its own stick alone",
    "verified, group by group",
    "planned again: nothing to do",
    "a file with a known hash",
    "a disk dies under writes",
    "a new blank disk in its place",
    "rebuilt, and whole again",
    "the power goes while it writes",
    "reinstalled: root wiped, data kept",
    "verified again",
];

/// Runs the user's scenario, or the built-in one.
pub async fn run(context: &Context, args: &RunArgs) -> Result<(), Failure> {
    match &args.scenario {
        Some(file) => written::run(context, args, file).await,
        None => built_in(context, args).await,
    }
}

/// Runs the built-in scenario on the fleet's first machine that has disks.
async fn built_in(context: &Context, args: &RunArgs) -> Result<(), Failure> {
    let declared = Loaded::declared(&context.global)?;
    let name = machine(&declared)?;
    let saved = Saved::named(&labs::place(&declared)?, "installed")?;
    if args.installed && !saved.exists() {
        return Err(Failure::usage("no installed lab is saved", "save one: homehive lab run --save"));
    }
    let title = format!("From blank disks to {name}, and through its mishaps");
    let stages = STAGES.map(str::to_owned).to_vec();
    let machines = vec![name];
    perform(context, args, Play { title, declared, machines, stages }, acts::play).await
}

/// A story that is about to be played.
struct Play {
    title: String,
    declared: Loaded,
    /// The machines of its lab; the first is the one that it begins with.
    machines: Vec<HostName>,
    /// Its stages, but for the lab's end.
    stages: Vec<String>,
}

/// Makes the lab, plays, takes the lab down, and writes the report.
async fn perform(
    context: &Context,
    args: &RunArgs,
    play: Play,
    acts: impl AsyncFnOnce(&mut Scenario<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let begun = Instant::now();
    let started = machine::clock::now();
    let Play { title, declared, machines, stages } = play;
    let Some(name) = machines.first().cloned() else {
        return Err(Failure::Bug("a story without a machine is played".into()));
    };
    let saved = Saved::named(&labs::place(&declared)?, "installed")?;
    context.story.stage("lab", "prepares");
    let bench = Bench::create(&declared, &machines, args.installed.then_some(&saved), &context.story).await?;
    let accel = match bench.state().map_err(labs::failed)?.accel {
        lab::kvm::Accel::Kvm => Accel::Kvm,
        lab::kvm::Accel::Emulated => Accel::Emulation,
    };
    let machine = machines.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let run = Run { title, machine, started, accel: Some(accel), ..Run::default() };
    let mut scenario = Scenario::new(context, args, declared, name, bench, run, stages)?;
    // A person who has seen enough still wants the machines gone and the report written.
    let played = tokio::select! {
        played = acts(&mut scenario) => played,
        _ = tokio::signal::ctrl_c() => Err(Failure::Failed("interrupted".into())),
    };
    if played.is_err() {
        copy_consoles(&scenario.consoles(), &args.report);
    }
    let down = scenario.end(args.keep).await;
    let mut run = scenario.into_run();
    run.seconds = begun.elapsed().as_secs_f64();
    let report = Report::of(run);
    let files = [
        ("report.html", html(&report)),
        ("report.json", report.json().map_err(|error| Failure::Bug(error.to_string()))?),
        ("junit.xml", junit(&report).map_err(|error| Failure::Bug(error.to_string()))?),
    ];
    for (name, text) in &files {
        write(&args.report.join(name), text)?;
    }
    if context.global.json {
        answer::json("lab-run", &report);
    } else {
        let mut text = terminal(&report, look(context));
        let _ = write!(text, "\nreport: {}", args.report.join("report.html").display());
        answer::text(&text);
    }
    played?;
    down?;
    if report.summary.good { Ok(()) } else { Err(Failure::Wanting) }
}

/// The machine that the story is about: the first that has disks.
fn machine(loaded: &Loaded) -> Result<HostName, Failure> {
    let with_disks = loaded.fleet.machines.iter().find(|(_, machine)| !machine.storage.disk.is_empty());
    with_disks.map(|(name, _)| name.clone()).ok_or_else(|| {
        Failure::usage("no machine of this fleet has disks", "declare some under machines.NAME.storage.disk")
    })
}

/// What the machines said last goes with the report; the lab is gone by then.
fn copy_consoles(consoles: &[(String, PathBuf)], report: &Path) {
    for (name, console) in consoles {
        if let Ok(text) = std::fs::read(console) {
            let file = if consoles.len() == 1 { "console.log".to_owned() } else { format!("console-{name}.log") };
            let _ = std::fs::create_dir_all(report);
            let _ = std::fs::write(report.join(file), text);
        }
    }
}
