//! The guarded switch: boot entry, way back armed, activation, a fresh connection, health, disarming.

use super::error::DeployError;
use super::guard::{Guard, Stand};
use super::survey::{Survey, Word, survey};
use super::{Deploy, Mode, Outcome, Reached, RolledBack};
use crate::{Machine, RunError, Story};
use std::time::{Duration, Instant};

/// How long profile and boot entry may take: kernels go to a slow stick. The machine's own limit is the same.
const BOOT_ENTRY: Duration = Duration::from_mins(20);
/// How long the machine may take from its deadline until it has a word on the way back, a restart included.
const WAY_BACK: Duration = Duration::from_mins(30);
const SWITCHING: &str = "switching";
/// Between setting the boot entry and switching nothing takes long; then the machine is anybody's again.
const BETWEEN: Duration = Duration::from_mins(2);

pub(super) async fn run(
    machine: &Machine,
    deploy: &Deploy<'_>,
    target: Option<u64>,
    before: &Survey,
    health: impl AsyncFn(&Machine) -> Result<(), String>,
    story: &Story,
) -> Result<Outcome, DeployError> {
    let name = machine.name();
    let held = if deploy.only_boot_entry { Duration::from_secs(5) } else { BOOT_ENTRY + BETWEEN };
    let guard = Guard::take(machine, before, deploy.closure, target, held).await?;
    deploy.progress.set(Reached::Entry { id: guard.id().to_owned() });
    if let Err(error) = boot_entry(machine, &guard, story).await {
        // Set back it is already; where it cannot be reached, it is free after its time.
        if matches!(error, DeployError::NotBegun { .. }) {
            guard.free().await;
        }
        return Err(error);
    }
    if deploy.mode == Mode::Boot || deploy.only_boot_entry {
        if deploy.mode == Mode::Boot {
            guard.free().await;
        }
        return Ok(Outcome::NextBoot { generation: generation(machine, deploy.closure).await? });
    }
    let seconds = deploy.deadline.as_secs();
    story.stage(name, format!("switches; unless it is found well within {seconds} s, it goes back by itself"));
    let begun = Instant::now();
    let entry = deploy.progress.reached();
    deploy.progress.set(Reached::Guarded);
    let told = guard.tell(SWITCHING, "switch", &[&seconds.to_string()]).await;
    if let Err(DeployError::Ask { source: source @ RunError::Failed { .. }, .. }) = told {
        // It cannot even begin; then it is not to boot the new system either.
        deploy.progress.set(entry);
        let undone = guard.give_up(BOOT_ENTRY).await;
        return Err(DeployError::NotBegun { doing: SWITCHING, log: source.to_string(), undone });
    }
    // Whether the word arrived or not: from now on the machine's own word counts.
    match guard.watch(deploy.deadline + WAY_BACK, |phase, status| phase == "switched" && status.is_some()).await {
        Ok(Stand::Phase(_, Some(70))) => {
            let (log, undone) = (guard.log().await, guard.undone().await);
            guard.free().await;
            Err(DeployError::NotBegun { doing: "arming the way back", log, undone })
        }
        Ok(Stand::Phase(..)) => judge(machine, deploy, before, &guard, begun, health, story).await,
        Ok(Stand::Over(word)) => taken_back(machine, &guard, before, word, story).await,
        Ok(Stand::Restarted(now)) => Err(restarted(SWITCHING, &now)),
        Err(source) => Err(lost(deploy.deadline, source)),
    }
}

/// Profile and boot entry; the machine works on by itself if we lose sight of it.
async fn boot_entry(machine: &Machine, guard: &Guard<'_>, story: &Story) -> Result<(), DeployError> {
    const DOING: &str = "setting profile and boot entry";
    story.stage(machine.name(), "sets its profile and its boot entry");
    guard.tell(DOING, "boot", &[]).await?;
    let known = "it was told to set its profile and boot entry, and not to switch: it runs what it did before";
    let lost = |source| DeployError::Lost { known: known.into(), source };
    match guard.watch(BOOT_ENTRY, |phase, _| phase == "booted").await.map_err(lost)? {
        Stand::Phase(_, Some(0)) => Ok(()),
        Stand::Phase(..) => {
            let (log, undone) = (guard.log().await, guard.undone().await);
            Err(DeployError::NotBegun { doing: DOING, log, undone })
        }
        Stand::Restarted(now) => Err(restarted(DOING, &now)),
        Stand::Over(word) => Err(DeployError::Odd(format!("taken back before it began: {}", word.why))),
    }
}

/// The new system is active; a fresh connection asks whether the machine is well.
async fn judge(
    machine: &Machine,
    deploy: &Deploy<'_>,
    before: &Survey,
    guard: &Guard<'_>,
    begun: Instant,
    health: impl AsyncFn(&Machine) -> Result<(), String>,
    story: &Story,
) -> Result<Outcome, DeployError> {
    story.stage(machine.name(), "runs the new system; is asked whether it is well");
    machine.close().await;
    let left = deploy.deadline.saturating_sub(begun.elapsed());
    let asked = async {
        machine.wait(left).await.map_err(|error| error.to_string())?;
        health(machine).await
    };
    match tokio::time::timeout(left, asked).await {
        Ok(Ok(())) => {
            let disarmed = guard.in_time("disarming the way back", "disarm", &[], crate::profile::SOON).await;
            if let Ok(Ok(())) = disarmed {
                deploy.progress.set(Reached::Kept);
                return Ok(Outcome::Switched { generation: generation(machine, deploy.closure).await? });
            }
        }
        // It takes itself back at its deadline in any case; this only spares the wait.
        Ok(Err(why)) => drop(guard.tell("going back", "back", &[&one_line(&why)]).await),
        Err(_) => {}
    }
    settle(machine, deploy, before, guard, story).await
}

/// Disarmed or taken back? Where our last word may have been lost, the machine is asked until it can tell.
async fn settle(
    machine: &Machine,
    deploy: &Deploy<'_>,
    before: &Survey,
    guard: &Guard<'_>,
    story: &Story,
) -> Result<Outcome, DeployError> {
    story.stage(machine.name(), "goes back to what it ran before");
    let end = Instant::now() + deploy.deadline + WAY_BACK;
    loop {
        let error = match survey(machine).await {
            Ok(now) => {
                if let Some(word) = now.outcome.as_ref().filter(|word| word.id == guard.id()) {
                    return taken_back(machine, guard, before, word.clone(), story).await;
                }
                match guard.look().await {
                    Ok(Stand::Phase(phase, _)) if phase.is_empty() && now.running == deploy.closure => {
                        return Ok(Outcome::Switched { generation: generation(machine, deploy.closure).await? });
                    }
                    Ok(_) => RunError::Late { words: "the way back".into(), deadline: WAY_BACK },
                    Err(error @ RunError::Failed { .. }) => match guard.since_restart().await {
                        Some(Stand::Over(word)) => return taken_back(machine, guard, before, word, story).await,
                        Some(Stand::Restarted(now)) => return Err(restarted(SWITCHING, &now)),
                        _ => error,
                    },
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        if Instant::now() > end {
            return Err(lost(deploy.deadline, error));
        }
        machine.close().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// The machine has taken it back; what it is like now.
async fn taken_back(
    machine: &Machine,
    guard: &Guard<'_>,
    before: &Survey,
    word: Word,
    story: &Story,
) -> Result<Outcome, DeployError> {
    story.note(machine.name(), format!("took the new system back by itself: {}", word.why));
    let lost = |source| DeployError::Lost { known: "it took the new system back and starts again".into(), source };
    if word.reboots {
        guard.restarted(&before.boot_id, WAY_BACK).await.map_err(lost)?;
    }
    machine.close().await;
    let now = survey(machine).await.map_err(lost)?;
    if now.running != before.running {
        return Err(DeployError::Odd(format!("it went back ({}), but runs {}", word.why, now.running)));
    }
    let log = guard.last_log().await;
    Ok(Outcome::RolledBack(RolledBack {
        why: word.why,
        at: word.at,
        running: now.running,
        restarted: word.reboots,
        log,
    }))
}

/// The generation that the profile means now.
pub(super) async fn generation(machine: &Machine, closure: &str) -> Result<u64, DeployError> {
    let now =
        survey(machine).await.map_err(|source| DeployError::Ask { doing: "looking at its generations", source })?;
    match now.current() {
        Some(current) if current.path == closure => Ok(current.number),
        Some(current) => {
            Err(DeployError::Odd(format!("its profile means generation {}, {}", current.number, current.path)))
        }
        None => Err(DeployError::NoProfile),
    }
}

pub(super) fn restarted(doing: &'static str, now: &Survey) -> DeployError {
    let current = now.current().map_or_else(|| "no generation".to_owned(), |it| it.path.clone());
    DeployError::Restarted { doing, running: now.running.clone(), current }
}

fn lost(deadline: Duration, source: RunError) -> DeployError {
    let known = format!(
        "it was told to switch, and to go back by itself unless it is found well within {} s; it has not answered since, \
         though it has had time to start again",
        deadline.as_secs()
    );
    DeployError::Lost { known, source }
}

/// The machine keeps reasons as lines.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
