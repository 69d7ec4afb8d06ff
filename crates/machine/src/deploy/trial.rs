//! The boot trial: the new system is booted once, and becomes the one that boots only when it has been found well.

use super::error::DeployError;
use super::guard::{Guard, Stand};
use super::menu::Menu;
use super::survey::Survey;
use super::switch::{generation, one_line, restarted};
use super::{Deploy, Outcome, Reached, RolledBack};
use crate::profile::SOON;
use crate::{Machine, RunError, Story};
use cmd::Cmd;
use std::time::Duration;

const LOADER: &str = include_str!("loader.sh");
/// Making the generation and writing the menu.
const PREPARING: Duration = Duration::from_mins(20);
/// A machine of metal takes its time to start, memory test and all; twice, if the first time ends in a panic.
const RESTART: Duration = Duration::from_mins(20);
/// How long the machine's judge may take to say why the trial is over, once the machine is up.
const JUDGE: Duration = Duration::from_mins(2);

pub(super) async fn run(
    machine: &Machine,
    deploy: &Deploy<'_>,
    target: Option<u64>,
    before: &Survey,
    health: impl AsyncFn(&Machine) -> Result<(), String>,
    story: &Story,
) -> Result<Outcome, DeployError> {
    let name = machine.name();
    let old = &before.current().ok_or(DeployError::NoProfile)?.path;
    // A look first: where a trial is impossible, nothing is changed.
    menu(machine).await?;
    warn(machine, deploy, story).await?;
    let guard = Guard::take(machine, before, deploy.closure, target, PREPARING).await?;
    deploy.progress.set(Reached::Entry { id: guard.id().to_owned() });
    story.stage(name, "gives the new system a boot entry; the default stays what it was");
    match prepare(machine, deploy, &guard, old).await {
        Ok(words) => {
            let seconds = deploy.deadline.as_secs().to_string();
            story.stage(name, "starts again, into the new system, once");
            let entry = deploy.progress.reached();
            deploy.progress.set(Reached::Guarded);
            let told = guard.tell("choosing the next boot", "oneshot", &[&seconds, words.0, &words.1]).await;
            if let Err(error) = told {
                deploy.progress.set(entry);
                guard.give_up(PREPARING).await;
                return Err(error);
            }
        }
        Err(error) => {
            // What never ran is no generation to go back to.
            guard.give_up(PREPARING).await;
            return Err(error);
        }
    }
    let patience = RESTART + deploy.deadline + RESTART;
    let now = guard.restarted(&before.boot_id, patience).await.map_err(|source| lost(deploy, source))?;
    if now.booted != deploy.closure {
        return not_come_up(machine, &guard, &now).await;
    }
    judge(machine, deploy, &guard, &now, health, story).await
}

/// The generation, and the loader's word and name for its entry.
async fn prepare(
    machine: &Machine,
    deploy: &Deploy<'_>,
    guard: &Guard<'_>,
    old: &str,
) -> Result<(&'static str, String), DeployError> {
    const DOING: &str = "giving the new system a boot entry";
    guard.tell(DOING, "trial", &[]).await?;
    let known = "it was told to give the new system a boot entry: it runs and boots what it did before";
    let lost = |source| DeployError::Lost { known: known.into(), source };
    match guard.watch(PREPARING, |phase, _| phase == "tried").await.map_err(lost)? {
        Stand::Phase(_, Some(0)) => {}
        Stand::Phase(..) => {
            let (log, undone) = (guard.log().await, guard.undone().await);
            return Err(DeployError::NotBegun { doing: DOING, log, undone });
        }
        Stand::Restarted(now) => return Err(restarted(DOING, &now)),
        Stand::Over(word) => return Err(DeployError::Odd(word.why)),
    }
    let menu = menu(machine).await?;
    if menu.default.as_deref() != Some(old) {
        let default = menu.default.as_deref().unwrap_or("an entry that cannot be told");
        let why =
            format!("the boot menu's default is {default}, not {old}, so a failed trial would not come back to that");
        return Err(DeployError::NoTrial { why });
    }
    let entry = menu.entry(deploy.closure).map(str::to_owned);
    let none = || DeployError::NoTrial { why: format!("the boot menu has no entry for {}", deploy.closure) };
    Ok((menu.loader.word(), entry.ok_or_else(none)?))
}

async fn menu(machine: &Machine) -> Result<Menu, DeployError> {
    let doing = "reading the boot menu";
    let output = machine.ask_script(LOADER, SOON).await.map_err(|source| DeployError::Ask { doing, source })?;
    let output = crate::process::check(output, "sh -s").map_err(|source| DeployError::Ask { doing, source })?;
    Menu::read(&output.stdout).map_err(|why| DeployError::NoTrial { why })
}

/// What the new system lacks of its part in a trial is told: then somebody may have to press a button.
async fn warn(machine: &Machine, deploy: &Deploy<'_>, story: &Story) -> Result<(), DeployError> {
    let ask = async |words: &[&str]| {
        let asked = machine.ask(&Cmd::new(words[0]).args(words[1..].iter().copied()), SOON).await;
        asked
            .map(|output| output.status == 0)
            .map_err(|source| DeployError::Ask { doing: "looking at the new system", source })
    };
    let at = |path: &str| format!("{}/{path}", deploy.closure);
    if !ask(&["grep", "-qE", r"(^| )panic=[1-9]", &at("kernel-params")]).await? {
        story.note(
            machine.name(),
            "its new kernel stays where it panics (no panic= among its parameters): stand by to switch it off and on",
        );
    }
    if !ask(&["test", "-e", &at("etc/systemd/system/homehive-boot-trial.service")]).await? {
        story.note(machine.name(), "its new system has no judge of a boot trial (homehive-boot-trial.service): if it starts but cannot be reached, stand by to switch it off and on");
    }
    Ok(())
}

/// The new system was booted; a fresh connection asks whether the machine is well.
async fn judge(
    machine: &Machine,
    deploy: &Deploy<'_>,
    guard: &Guard<'_>,
    now: &Survey,
    health: impl AsyncFn(&Machine) -> Result<(), String>,
    story: &Story,
) -> Result<Outcome, DeployError> {
    let name = machine.name();
    story.stage(name, "has booted the new system; is asked whether it is well");
    // The judge on the machine counts from the kernel's start.
    let up = machine.ask(&Cmd::new("cat").arg("/proc/uptime"), SOON).await;
    let up = up
        .ok()
        .and_then(|output| output.stdout.split('.').next()?.trim().parse().ok())
        .map_or(Duration::ZERO, Duration::from_secs);
    let left = deploy.deadline.saturating_sub(up);
    match tokio::time::timeout(left, health(machine)).await {
        Ok(Ok(())) => {
            story.stage(name, "is well; the new system becomes the one that boots");
            let again = Guard::place(machine, guard.id().to_owned(), &now.boot_id).await?;
            if confirm(machine, deploy, &again).await? {
                again.free().await;
                return Ok(Outcome::Booted { generation: generation(machine, deploy.closure).await? });
            }
        }
        Ok(Err(why)) => {
            if let Ok(again) = Guard::place(machine, guard.id().to_owned(), &now.boot_id).await {
                // It starts again at its deadline in any case; this only spares the wait.
                let _ = again.tell("giving the trial up", "condemn", &[&one_line(&why)]).await;
            }
        }
        Err(_) => {}
    }
    story.stage(name, "starts again, into what it ran before");
    let then = guard.restarted(&now.boot_id, deploy.deadline + RESTART).await.map_err(|source| lost(deploy, source))?;
    not_come_up(machine, guard, &then).await
}

/// The machine is back at what it ran before; why, by its own word.
async fn not_come_up(machine: &Machine, guard: &Guard<'_>, now: &Survey) -> Result<Outcome, DeployError> {
    let (why, at) = if let Ok(word) = guard.word(JUDGE).await {
        (word.why, word.at)
    } else {
        // Its system has no judge: what that would have noted is noted from here.
        let why = format!("it did not come up: the machine booted {} instead", now.booted);
        if let Ok(again) = Guard::place(machine, guard.id().to_owned(), &now.boot_id).await {
            let _ = again.tell("giving the trial up", "condemn", &[&why, "stay"]).await;
        }
        (why, None)
    };
    Ok(Outcome::RolledBack(RolledBack { why, at, running: now.running.clone(), restarted: true, log: String::new() }))
}

/// The system on trial becomes the one that boots; the machine works on by itself if we lose sight of it. False if its
/// time was over.
async fn confirm(machine: &Machine, deploy: &Deploy<'_>, guard: &Guard<'_>) -> Result<bool, DeployError> {
    const DOING: &str = "confirming the boot";
    let tell = async || guard.in_time(DOING, "confirm", &[], SOON).await;
    let told = match tell().await {
        // Told once more, in case the first word did not arrive: that does no harm.
        Err(DeployError::Ask { source: RunError::Late { .. } | RunError::Unreachable { .. }, .. }) => {
            machine.close().await;
            tell().await?
        }
        told => told?,
    };
    if told.is_err() {
        return Ok(false);
    }
    // It goes on with that whether we are there or not.
    deploy.progress.set(Reached::Kept);
    let known = "it was found well and told to boot the new system from now on";
    let lost = |source| DeployError::Lost { known: known.into(), source };
    match guard.watch(PREPARING, |phase, _| phase == "confirmed").await.map_err(lost)? {
        Stand::Phase(_, Some(0)) => Ok(true),
        Stand::Phase(_, Some(76)) => Ok(false),
        Stand::Phase(..) => {
            let log = guard.log().await;
            Err(DeployError::NotDefault { log })
        }
        Stand::Restarted(now) => Err(restarted(DOING, &now)),
        Stand::Over(word) => Err(DeployError::Odd(word.why)),
    }
}

fn lost(deploy: &Deploy<'_>, source: RunError) -> DeployError {
    let known = format!(
        "it was told to boot the new system once, and has not answered since; the boot menu's default is what it ran \
         before, and the new system was to give up {} s after its start",
        deploy.deadline.as_secs()
    );
    DeployError::Lost { known, source }
}
