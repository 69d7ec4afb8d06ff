//! Forming the cluster: one node after another, each healthy before the next begins.

use super::patience::Patience;
use super::steps::{Step, next};
use super::survey::{Survey, look};
use crate::failure::Failure;
use crate::load::Loaded;
use crate::verbs::Context;
use cmd::Cmd;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a machine may keep the others waiting, in all: it fetches images on its way.
const STEP: Duration = Duration::from_mins(10);
/// Between two looks.
const AGAIN: Duration = Duration::from_secs(3);
const ASK: Duration = Duration::from_mins(1);

/// Takes steps until every machine is a healthy node; the machines on which k3s was started. With `dry_run` only the first
/// step is told.
///
/// # Errors
/// Something blocks the way, or a machine takes too long.
pub async fn form(
    context: &Context,
    loaded: &Loaded,
    dry_run: bool,
    span: Option<Duration>,
) -> Result<(Survey, Vec<String>), Failure> {
    let story = &context.story;
    let again = context.again("cluster up");
    let span = span.unwrap_or(STEP);
    let (mut doors, mut started) = (BTreeMap::new(), Vec::new());
    let (mut patience, mut told) = (Patience::new(span), None);
    loop {
        let survey = look(context, loaded, doors).await;
        match next(&survey.machines, &survey.nodes) {
            Step::Done => return Ok((survey, started)),
            Step::Blocked { machine, why, next } => {
                let next = next.map_or_else(|| again.clone(), |words| context.again(&words));
                return Err(Failure::Failed(format!("{machine}: {why}\n  next: {next}")));
            }
            Step::Start(name) if dry_run => {
                story.note(&name, "would be started: k3s does not run on it");
                return Ok((survey, started));
            }
            Step::Await(name, until) if dry_run => {
                story.note(&name, format!("would be waited for, until it {until}"));
                return Ok((survey, started));
            }
            Step::Start(name) => {
                if started.contains(&name) {
                    let logs = "its own words, on it: journalctl --unit k3s";
                    return Err(Failure::Failed(format!("{name}: k3s stopped again; {logs}\n  next: {again}")));
                }
                patience.ends(Instant::now());
                story.stage(&name, "k3s is started");
                let words = Cmd::new("systemctl").args(["start", "--no-block", "k3s.service"]);
                if let Some(door) = survey.doors.get(&name) {
                    let failed = |error| Failure::failed(&name, error, &again);
                    door.run(&words, ASK).await.map_err(failed)?;
                }
                started.push(name);
            }
            Step::Await(name, until) => {
                if told.as_ref() != Some(&(name.clone(), until)) {
                    story.stage(&name, format!("is waited for, until it {until}"));
                    told = Some((name.clone(), until));
                }
                if !patience.waits(&name, Instant::now()) {
                    let (seconds, logs) = (span.as_secs(), "its own words, on it: journalctl --unit k3s");
                    return Err(Failure::Failed(format!(
                        "{name}: it has had {seconds} s in all and is not yet so that it {until}; {logs}\n  next: {again}"
                    )));
                }
                tokio::time::sleep(AGAIN).await;
            }
        }
        doors = survey.doors;
    }
}
