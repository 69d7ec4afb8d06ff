//! `status`: what each machine runs, against what the fleet says, and how it is.

use super::Context;
use super::deploy::selected;
use crate::answer;
use crate::args::{Payload, Status};
use crate::building::{self, Order};
use crate::deploying::{Met, State, meet};
use crate::failure::Failure;
use crate::load::Loaded;
use fleet::HostName;
use futures_util::StreamExt as _;
use machine::deploy::Survey;
use machine::difference::reboot_needed;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;
use storage::facts::Facts;
use storage::health::{Finding, State as DiskState};

/// The answer of `status --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FleetStatusAnswer {
    /// Is every machine as it should be?
    pub good: bool,
    /// Machine by machine.
    pub machines: Vec<MachineStatus>,
}

/// How one machine is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MachineStatus {
    /// The machine.
    pub machine: String,
    /// Why there is nothing to say of it: it does not answer, or another system does.
    pub away: Option<String>,
    /// The generation that it boots.
    pub generation: Option<u64>,
    /// The system that it runs.
    pub running: Option<String>,
    /// The system that the fleet says; none if that was not built.
    pub fleet: Option<String>,
    /// Does it run, or boot, something else than the fleet says? None if nobody knows.
    pub drift: Option<bool>,
    /// Has its boot menu not followed its profile? What it boots next is not known then, and that is drift.
    pub unsettled: bool,
    /// What to type to bring it to what the fleet says; none if nothing drifts.
    pub remedy: Option<String>,
    /// Seconds since it was started.
    pub uptime: Option<u64>,
    /// What takes effect only when it starts again.
    pub reboot: Vec<String>,
    /// Units that have failed.
    pub failed: Vec<String>,
    /// EFI system partitions that are not in step with the first one, and why.
    pub mirrors: Vec<String>,
    /// Its disks, node by node, if they could be seen.
    pub disks: Option<Vec<Finding>>,
}

/// A machine that has not told all by then is told to be away.
const DEADLINE: Duration = Duration::from_mins(1);
/// How many are asked at once.
const AT_ONCE: usize = 16;
const SCRIPT: &str = include_str!("status.sh");

/// What one machine told.
struct Told {
    met: Met,
    facts: Option<Facts>,
    uptime: Option<u64>,
    reboot: Vec<String>,
    mirrors: Vec<String>,
}

pub async fn run(context: &Context, args: &Status) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let names = selected(&loaded, &args.selectors)?;
    let asked = names.iter().map(async |name| {
        let late = || format!("it did not tell how it is within {} s", DEADLINE.as_secs());
        let told = tokio::time::timeout(DEADLINE, ask(context, &loaded, name)).await;
        (name.clone(), told.unwrap_or_else(|_| Err(late())))
    });
    let told: Vec<(HostName, Result<Told, String>)> =
        futures_util::stream::iter(asked).buffered(AT_ONCE).collect().await;
    let fleet = if args.no_build { BTreeMap::new() } else { fleet(context, &loaded, args.payload, &told).await };
    let machines: Vec<MachineStatus> =
        told.into_iter().map(|(name, told)| status(context, &loaded, &name, told, fleet.get(&name))).collect();
    let good = machines.iter().all(MachineStatus::good);
    if context.global.json {
        answer::json("status", &FleetStatusAnswer { good, machines });
    } else {
        answer::text(&machines.iter().map(MachineStatus::text).collect::<String>());
    }
    if good { Ok(()) } else { Err(Failure::Wanting) }
}

/// Asks a machine all there is to know; an error is why there is nothing to say.
async fn ask(context: &Context, loaded: &Loaded, name: &HostName) -> Result<Told, String> {
    let met = meet(context, loaded, name, Payload::Nixos).await.map_err(|state| match state {
        State::Refused { why } | State::Unreachable { why } => why,
        other => other.word().to_owned(),
    })?;
    let said = met.machine.ask_script(SCRIPT, DEADLINE).await.map_err(|error| error.to_string())?.stdout;
    let lines = |word: &str| -> String {
        said.lines().filter_map(|line| line.strip_prefix(word)).flat_map(|line| [line.trim(), "\n"]).collect()
    };
    let facts = met.machine.look().await.ok();
    let reboot = reboot_needed(&lines("booted "), &lines("current "));
    let mirrors = lines("mirror ").lines().map(str::to_owned).collect();
    Ok(Told { met, facts, uptime: lines("uptime ").trim().parse().ok(), reboot, mirrors })
}

/// What the fleet would have them run; nothing, and a word about it, if that cannot be built.
async fn fleet(
    context: &Context,
    loaded: &Loaded,
    payload: Payload,
    told: &[(HostName, Result<Told, String>)],
) -> BTreeMap<HostName, String> {
    let there = told.iter().filter_map(|(name, told)| Some((name.clone(), told.as_ref().ok()?.facts.clone())));
    let (machines, facts): (Vec<HostName>, Vec<_>) = there.unzip();
    if machines.is_empty() {
        return BTreeMap::new();
    }
    let facts = machines.iter().cloned().zip(facts).filter_map(|(name, facts)| Some((name, facts?))).collect();
    let again = context.again("status");
    let order = Order {
        story: &context.story,
        loaded,
        machines: &machines,
        payload,
        facts: &facts,
        packages: None,
        again: &again,
    };
    match building::build(&order).await {
        Ok(closures) => closures.into_iter().map(|(name, closure)| (name, closure.path.to_string())).collect(),
        Err(failure) => {
            context
                .story
                .note("fleet", format!("what it says could not be built, so nothing is compared with it: {failure}"));
            BTreeMap::new()
        }
    }
}

/// Does it run, or boot, something else than `fleet` says? A menu that has not followed its profile may boot anything.
fn drift(survey: &Survey, fleet: Option<&String>) -> Option<bool> {
    let current = survey.current().map(|current| &current.path);
    let differs = fleet.map(|fleet| survey.running != *fleet || current != Some(fleet));
    if survey.unsettled { Some(true) } else { differs }
}

fn status(
    context: &Context,
    loaded: &Loaded,
    name: &HostName,
    told: Result<Told, String>,
    fleet: Option<&String>,
) -> MachineStatus {
    let machine = name.to_string();
    let told = match told {
        Ok(told) => told,
        Err(why) => {
            return MachineStatus {
                machine,
                away: Some(why),
                generation: None,
                running: None,
                fleet: None,
                drift: None,
                unsettled: false,
                remedy: None,
                uptime: None,
                reboot: Vec::new(),
                failed: Vec::new(),
                mirrors: Vec::new(),
                disks: None,
            };
        }
    };
    let survey = told.met.survey;
    let drift = drift(&survey, fleet);
    let remedy = (drift == Some(true)).then(|| context.again(&format!("deploy {name}")));
    let wish = loaded.fleet.wish(name);
    MachineStatus {
        machine,
        away: None,
        generation: survey.current().map(|current| current.number),
        running: Some(survey.running.clone()),
        fleet: fleet.cloned(),
        drift,
        unsettled: survey.unsettled,
        remedy,
        uptime: told.uptime,
        reboot: told.reboot,
        failed: survey.failed,
        mirrors: told.mirrors,
        disks: wish.zip(told.facts).map(|(wish, facts)| storage::health::health(&wish, &facts)),
    }
}

impl MachineStatus {
    fn ill(&self) -> Vec<&Finding> {
        self.disks.iter().flatten().filter(|finding| finding.state != DiskState::Good).collect()
    }

    fn good(&self) -> bool {
        self.away.is_none()
            && self.drift != Some(true)
            && self.failed.is_empty()
            && self.mirrors.is_empty()
            && self.ill().is_empty()
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if let Some(why) = &self.away {
            return format!("{}: away: {why}\n", self.machine);
        }
        let generation = self.generation.map_or_else(|| "no generation".to_owned(), |it| format!("generation {it}"));
        let running = self.running.as_deref().unwrap_or("?");
        let uptime = self.uptime.map_or_else(|| "?".to_owned(), up);
        let _ = writeln!(text, "{}: {generation}, up {uptime}: {running}", self.machine);
        match (self.drift, &self.fleet) {
            (Some(true), Some(fleet)) if !self.unsettled || self.running.as_ref() != Some(fleet) => {
                let _ = writeln!(text, "  drift: the fleet says {fleet}");
            }
            (Some(false), _) => text.push_str("  as the fleet says\n"),
            (Some(true), _) => {}
            (None, _) => text.push_str("  not compared with the fleet\n"),
        }
        if self.unsettled {
            text.push_str("  drift: its boot menu has not followed its profile, and what it boots next is not known\n");
        }
        if let Some(remedy) = &self.remedy {
            let _ = writeln!(text, "  next: {remedy}");
        }
        if !self.reboot.is_empty() {
            let _ = writeln!(text, "  reboot needed: {} changed since it was started", self.reboot.join(", "));
        }
        if !self.failed.is_empty() {
            let _ = writeln!(text, "  failed units: {}", self.failed.join(", "));
        }
        for mirror in &self.mirrors {
            let _ = writeln!(text, "  boot mirror degraded: {mirror}");
        }
        match (&self.disks, self.ill()) {
            (None, _) => text.push_str("  disks: could not be seen\n"),
            (Some(all), ill) if ill.is_empty() => {
                let _ = writeln!(text, "  disks: good ({} nodes)", all.len());
            }
            (Some(_), ill) => {
                for finding in ill {
                    let _ = writeln!(text, "  disks: {}: {}: {}", finding.node, finding.state.word(), finding.text);
                }
            }
        }
        text
    }
}

/// A length of time for people.
fn up(seconds: u64) -> String {
    match seconds {
        0..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::{MachineStatus, drift, up};
    use machine::deploy::Survey;
    use machine::profile::Generation;

    #[test]
    fn lengths_of_time() {
        for (seconds, text) in [(59, "0 min"), (3599, "59 min"), (3660, "1 h 1 min"), (90_000, "1 d 1 h")] {
            assert_eq!(up(seconds), text);
        }
    }

    #[test]
    fn machines_for_people() {
        let away = MachineStatus {
            machine: "nas".into(),
            away: Some("no answer".into()),
            generation: None,
            running: None,
            fleet: None,
            drift: None,
            unsettled: false,
            remedy: None,
            uptime: None,
            reboot: vec![],
            failed: vec![],
            mirrors: vec![],
            disks: None,
        };
        let drifted = MachineStatus {
            away: None,
            generation: Some(4),
            running: Some("/nix/store/old-system".into()),
            fleet: Some("/nix/store/new-system".into()),
            drift: Some(true),
            unsettled: false,
            remedy: Some("homehive deploy node-1".into()),
            uptime: Some(3700),
            reboot: vec!["kernel".into()],
            failed: vec!["demo.service".into()],
            mirrors: vec![],
            disks: Some(vec![]),
            machine: "node-1".into(),
        };
        let menu = MachineStatus {
            machine: "node-2".into(),
            generation: Some(4),
            running: Some("/nix/store/new-system".into()),
            fleet: Some("/nix/store/new-system".into()),
            drift: Some(true),
            unsettled: true,
            remedy: Some("homehive deploy node-2".into()),
            away: None,
            uptime: Some(3700),
            reboot: vec![],
            failed: vec![],
            mirrors: vec![],
            disks: Some(vec![]),
        };
        let apart = MachineStatus {
            machine: "node-3".into(),
            drift: Some(false),
            unsettled: false,
            remedy: None,
            generation: Some(4),
            running: Some("/nix/store/new-system".into()),
            fleet: Some("/nix/store/new-system".into()),
            away: None,
            uptime: Some(3700),
            reboot: vec![],
            failed: vec![],
            mirrors: vec!["/boot-second: it is not mounted".into()],
            disks: Some(vec![]),
        };
        assert!(!away.good() && !drifted.good() && !menu.good() && !apart.good());
        insta::assert_snapshot!(format!("{}{}{}{}", away.text(), drifted.text(), menu.text(), apart.text()));
    }

    /// A way back that could not write its menu leaves a machine that runs and means what it should, and may boot another.
    #[test]
    fn what_drifts() {
        let generation = |path: &str| Generation {
            number: 4,
            path: path.into(),
            date: None,
            current: true,
            running: true,
            booted: true,
        };
        let new = "/nix/store/new-system".to_owned();
        for (case, running, means, unsettled, fleet, expected) in [
            ("as the fleet says", "new", "new", false, Some(&new), Some(false)),
            ("another runs", "old", "new", false, Some(&new), Some(true)),
            ("another is meant", "new", "old", false, Some(&new), Some(true)),
            ("its menu has not followed", "new", "new", true, Some(&new), Some(true)),
            ("nobody knows what the fleet says", "new", "new", false, None, None),
            ("nor does its menu", "new", "new", true, None, Some(true)),
        ] {
            let path = |word: &str| format!("/nix/store/{word}-system");
            let generations = vec![generation(&path(means))];
            let survey = Survey { running: path(running), generations, unsettled, ..Survey::default() };
            assert_eq!(drift(&survey, fleet), expected, "{case}");
        }
    }
}
