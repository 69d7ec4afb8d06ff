//! The whole story in the lab: blank disks become the NAS, which is then hurt, healed and reinstalled.

mod acts;
mod stage;

use crate::answer;
use crate::args::Run as RunArgs;
use crate::failure::Failure;
use crate::labs::{self, Bench, Saved};
use crate::load::Loaded;
use crate::verbs::{Context, look, write};
use fleet::HostName;
use stage::Scenario;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;
use verify::report::{Accel, Report, Run, html, junit, terminal};

/// The stages in order; those that a failure keeps from running are told as not run.
const STAGES: [&str; 17] = [
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
    "the lab is taken down",
];

/// Runs the scenario on the fleet's first machine that has disks.
pub async fn run(context: &Context, args: &RunArgs) -> Result<(), Failure> {
    let begun = Instant::now();
    let started = machine::clock::now();
    let loaded = Loaded::declared(&context.global)?;
    let name = machine(&loaded)?;
    let saved = Saved::named(&labs::place(&loaded)?, "installed")?;
    if args.installed && !saved.exists() {
        return Err(Failure::usage("no installed lab is saved", "save one: homehive lab run --save"));
    }
    let from = args.installed.then_some(&saved);
    context.story.stage("lab", "prepares");
    let bench = Bench::create(&loaded, std::slice::from_ref(&name), from, &context.story).await?;
    let title = format!("From blank disks to {name}, and through its mishaps");
    let accel = match bench.state().map_err(labs::failed)?.accel {
        lab::kvm::Accel::Kvm => Accel::Kvm,
        lab::kvm::Accel::Emulated => Accel::Emulation,
    };
    let run = Run { title, machine: name.to_string(), started, accel: Some(accel), ..Run::default() };
    let mut scenario = Scenario::new(context, args, loaded, name, bench, run, saved);
    // A person who has seen enough still wants the machines gone and the report written.
    let played = tokio::select! {
        played = acts::play(&mut scenario) => played,
        _ = tokio::signal::ctrl_c() => Err(Failure::Failed("interrupted".into())),
    };
    let console = scenario.console();
    if played.is_err() {
        copy_console(&console, &args.report);
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

/// What the machine said last goes with the report; the lab is gone by then.
fn copy_console(console: &Path, report: &Path) {
    if let Ok(text) = std::fs::read(console) {
        let _ = std::fs::create_dir_all(report);
        let _ = std::fs::write(report.join("console.log"), text);
    }
}
