//! `deploy`, `rollback`, `generations`: what machines run, forwards and backwards.

use super::Context;
use crate::answer;
use crate::args::{BuildOn, Deploy, Generations, Payload, Rollback};
use crate::deploying::{
    Board, DeployAnswer, MachineReport, Met, Rollout, Standing, State, Turn, What, difference_text, meet, waves,
};
use crate::failure::Failure;
use crate::labs;
use crate::load::Loaded;
use fleet::{HostName, Selector, Unselected};
use machine::deploy::Mode;
use machine::profile::Generation;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// The answer of `generations --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GenerationsAnswer {
    /// The machine.
    pub machine: String,
    /// From old to new.
    pub generations: Vec<Generation>,
}

/// The machines that selectors choose; one that chooses nothing is wrong usage.
pub fn selected(loaded: &Loaded, selectors: &[Selector]) -> Result<Vec<HostName>, Failure> {
    loaded.fleet.select(selectors).map_err(|error| unselected(loaded, &error))
}

fn unselected(loaded: &Loaded, error: &Unselected) -> Failure {
    let machines = &loaded.fleet.machines;
    let known = machines.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let tags: std::collections::BTreeSet<String> =
        machines.values().flat_map(|machine| &machine.tags).map(|tag| format!("@{tag}")).collect();
    let tags = tags.into_iter().collect::<Vec<_>>().join(", ");
    let tags = if tags.is_empty() { "none has a tag".to_owned() } else { format!("their tags: {tags}") };
    Failure::usage(error.to_string(), format!("the machines: {known}; {tags}"))
}

/// How long a machine waits to be found well: as said, else as the fleet says.
fn deadline(loaded: &Loaded, said: Option<Duration>) -> Duration {
    said.unwrap_or_else(|| Duration::from_mins(loaded.fleet.deploy.rollback_after.minutes()))
}

pub async fn run(context: &Context, args: &Deploy) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let machines = selected(&loaded, &args.selectors)?;
    if args.build_on == BuildOn::Target && args.payload == Payload::StandIn {
        let help = "leave --build-on out, or deploy NixOS";
        return Err(Failure::usage("a stand-in is made of this machine's packages, and is built here", help));
    }
    let order = if args.order.is_empty() { &loaded.fleet.deploy.order } else { &args.order };
    let waves = waves(&loaded.fleet, &machines, order, args.together).map_err(|error| unselected(&loaded, &error))?;
    let words: Vec<String> = std::iter::once("deploy".to_owned()).chain(words(args)).collect();
    let rollout = Rollout {
        context,
        loaded: &loaded,
        waves,
        payload: args.payload,
        mode: match (args.boot, args.reboot) {
            (true, _) => Mode::Boot,
            (_, true) => Mode::Reboot,
            _ => Mode::Switch,
        },
        dry_run: args.dry_run,
        keep_going: args.keep_going,
        yes: args.yes,
        build_on: args.build_on,
        parallel: usize::from(args.parallel.unwrap_or(loaded.fleet.deploy.parallel)),
        deadline: deadline(&loaded, args.rollback_after),
        again: context.again(&words.join(" ")),
        board: Board::default(),
    };
    let answer = tokio::select! {
        answer = rollout.run() => answer?,
        Err(failure) = labs::attend(context) => return Err(failure),
        _ = tokio::signal::ctrl_c() => return Err(rollout.interrupted().await),
    };
    tell(context, "deploy", &answer, args.dry_run);
    answer.end(&rollout.again)
}

/// What was asked for, to be typed again.
fn words(args: &Deploy) -> Vec<String> {
    let mut words: Vec<String> = args.selectors.iter().map(ToString::to_string).collect();
    if args.payload == Payload::StandIn {
        words.push("--payload stand-in".to_owned());
    }
    for (said, word) in [
        (args.boot, "--boot"),
        (args.reboot, "--reboot"),
        (args.together, "--together"),
        (args.keep_going, "--keep-going"),
    ] {
        if said {
            words.push(word.to_owned());
        }
    }
    if args.build_on == BuildOn::Target {
        words.push("--build-on target".to_owned());
    }
    if !args.order.is_empty() {
        words.push(format!("--order {}", args.order.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")));
    }
    if let Some(span) = args.rollback_after {
        words.push(format!("--rollback-after {}s", span.as_secs()));
    }
    words
}

fn tell(context: &Context, verb: &str, answer: &DeployAnswer, differences: bool) {
    if context.global.json {
        answer::json(verb, answer);
        return;
    }
    let mut text = answer.text();
    if differences {
        for MachineReport { machine, difference, .. } in &answer.machines {
            if let Some(difference) = difference {
                let _ = write!(text, "\n{machine}:\n{}", difference_text(difference));
            }
        }
    }
    answer::text(&text);
}

/// The machine, which must run its own system.
async fn met(context: &Context, loaded: &Loaded, name: &HostName) -> Result<Met, Failure> {
    meet(context, loaded, name, Payload::Nixos).await.map_err(|state| match state {
        State::Refused { why } => Failure::Refused(format!("{name}: {why}")),
        State::Unreachable { why } => Failure::Failed(why),
        other => Failure::Bug(format!("{name} is {}", other.word())),
    })
}

pub async fn rollback(context: &Context, args: &Rollback) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let name = loaded.machine(&args.machine)?;
    let deadline = deadline(&loaded, args.rollback_after);
    let met = BTreeMap::from([(name.clone(), met(context, &loaded, &name).await?)]);
    let Some(found) = met.get(&name) else { return Err(Failure::Bug(format!("{name} was met and is not there"))) };
    let mode = if args.reboot { Mode::Reboot } else { Mode::Switch };
    let standing = Standing::default();
    let machine = &found.machine;
    let turn = Turn { context, loaded: &loaded, name: &name, machine, met: &met, mode, deadline, standing: &standing };
    let begun = Instant::now();
    let state = tokio::select! {
        state = turn.take(What::Generation(args.to)) => state,
        Err(failure) = labs::attend(context) => return Err(failure),
        _ = tokio::signal::ctrl_c() => {
            let next = context.again(&format!("generations {name}"));
            let stands = standing.interrupted(context, &loaded, &name, deadline).await;
            return Err(Failure::Failed(format!("interrupted; {name} {stands}\n  next: {next}")));
        }
    };
    let report = MachineReport {
        machine: name.to_string(),
        state,
        system: None,
        difference: None,
        copied: 0,
        seconds: begun.elapsed().as_secs_f64(),
    };
    let answer = DeployAnswer::of(vec![report]);
    tell(context, "rollback", &answer, false);
    answer.end(&context.again(&format!("generations {name}")))
}

pub async fn generations(context: &Context, args: &Generations) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let name = loaded.machine(&args.machine)?;
    let generations = met(context, &loaded, &name).await?.survey.generations;
    if context.global.json {
        answer::json("generations", &GenerationsAnswer { machine: name.to_string(), generations });
        return Ok(());
    }
    let mut text = String::new();
    for Generation { number, path, date, current, booted, running } in &generations {
        let date = date.map_or_else(|| "?".to_owned(), machine::clock::at);
        let marks = [(*current, "current"), (*running, "running"), (*booted, "booted")];
        let marks = marks.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect::<Vec<_>>().join(" ");
        let _ = writeln!(text, "{number:4}  {date:20}  {marks:22}  {path}");
    }
    answer::text(&text);
    Ok(())
}
