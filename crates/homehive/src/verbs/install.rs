//! `install`: a machine that was booted from the medium becomes one that runs its own system.

use super::Context;
use super::lab::reboot_from_disks;
use crate::answer;
use crate::args::{Install, Payload};
use crate::failure::Failure;
use crate::finding::find;
use crate::installing::{self, Job};
use crate::kexecing;
use crate::load::Loaded;
use crate::reach::{self, System};
use cmd::Cmd;
use fleet::HostName;
use machine::Machine;
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;
use storage::plan::Consent;

/// The answer of `install --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InstallAnswer {
    /// The machine.
    pub machine: String,
    /// The system that was installed.
    pub system: String,
    /// Steps that were done on the disks.
    pub steps: usize,
    /// Is it installed to the last step? Not if `--until` stopped it before.
    pub whole: bool,
    /// Does the installed system answer, with its own host key?
    pub answers: bool,
}

/// A machine of metal takes its time to start, memory test and all.
const REBOOT: Duration = Duration::from_mins(15);
const ASK: Duration = Duration::from_secs(30);

pub async fn run(context: &Context, args: &Install) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let name = loaded.machine(&args.target.machine)?;
    let wish = super::wish(&loaded, &name)?;
    let consent = super::disks::consent(&wish, &args.consent)?;
    let again = context.again(&format!("install {name}{}", given(args)));
    let Some(machine) = medium(context, &loaded, &name, args, &again).await? else { return Ok(()) };
    let job = Job {
        story: &context.story,
        loaded: &loaded,
        name: &name,
        machine: &machine,
        consent,
        payload: args.payload,
        packages: None,
        again: &again,
        until: args.until,
        ask: crate::sealing::can_ask(&context.global),
    };
    let installed = installing::install(job).await?;
    let steps = installed.converged.rounds.iter().map(|round| round.steps.len()).sum();
    let answers = installed.whole && !args.no_reboot;
    if answers {
        reboot(context, &loaded, &name, args, &machine).await?;
    }
    let system = installed.closure.path.to_string();
    if context.global.json {
        let (machine, whole) = (name.to_string(), installed.whole);
        answer::json("install", &InstallAnswer { machine, system, steps, whole, answers });
        return Ok(());
    }
    let verify = context.again(&format!("verify {name}"));
    answer::text(&match (installed.whole, answers) {
        (true, true) => format!("{name} runs {system} and showed its own host key\nnext: {verify}"),
        (true, false) => format!("{name}: {system} is installed\nnext: reboot it, then {verify}"),
        (false, _) => format!("{name}: stopped behind the phase {}, as you said\nnext: {again}", args.until),
    });
    Ok(())
}

/// What was given on the command line and has to be given again.
fn given(args: &Install) -> String {
    let mut text = String::new();
    if let Some(host) = &args.target.host {
        text.extend([" --host ", &cmd::quote(host)]);
    }
    if args.payload == Payload::StandIn {
        text.push_str(" --payload stand-in");
    }
    if args.kexec {
        text.push_str(" --kexec");
    }
    for candidate in &args.candidate {
        text.extend([" --candidate ", &cmd::quote(candidate)]);
    }
    if args.no_reboot {
        text.push_str(" --no-reboot");
    }
    // What may be destroyed is left out on purpose: it may be done by then, and is refused until it is named again.
    text
}

/// The machine, running an installer; none if there is nothing to do, which has been told.
async fn medium(
    context: &Context,
    loaded: &Loaded,
    name: &HostName,
    args: &Install,
    again: &str,
) -> Result<Option<Machine>, Failure> {
    let (host, story) = (args.target.host.as_deref(), &context.story);
    let reached = if args.kexec {
        reach::reach_any(loaded, name, host, story).await?
    } else {
        reach::reach(loaded, name, host, story).await.map_err(|failure| other(failure, again))?
    };
    let machine = reached.machine;
    match reached.system {
        System::Installer => Ok(Some(machine)),
        // On the machine itself somebody sits and knows what runs there.
        System::Other if host == Some("local") => Ok(Some(machine)),
        System::Installed if !args.kexec => {
            same(context, loaded, name, args, &machine).await?;
            Ok(None)
        }
        System::Other if !args.kexec => Err(Failure::Refused(format!(
            "{name}: what answers is neither the installer nor {name}'s own system; nothing was done\n  \
             to end that system and start the installer in its place: {again} --kexec"
        ))),
        System::Installed | System::Other => {
            let order =
                kexecing::Order { context, loaded, name, machine: &machine, candidates: &args.candidate, again };
            Ok(Some(kexecing::kexec(&order).await?))
        }
    }
}

/// A machine that shows none of the expected keys may be another Linux that the user knows.
fn other(failure: Failure, again: &str) -> Failure {
    match failure {
        Failure::Failed(text) if text.contains("another host key") => Failure::Failed(format!(
            "{text}\n  if that is another Linux on it, whose key your known_hosts has: {again} --kexec"
        )),
        other => other,
    }
}

/// A machine that runs its own system already: if it is the wished one, that is all there is to do.
async fn same(
    context: &Context,
    loaded: &Loaded,
    name: &HostName,
    args: &Install,
    machine: &Machine,
) -> Result<(), Failure> {
    let story = &context.story;
    story.note(name.to_string(), "runs its own system; is it the one of the fleet file?");
    let again = context.again(&format!("install {name}"));
    let facts = machine.look().await;
    let facts = facts.map_err(|error| Failure::failed(name, error, format!("mend that, then {again}")))?;
    let consent = Consent::default();
    let (payload, until) = (args.payload, args.until);
    let ask = crate::sealing::can_ask(&context.global);
    let job = Job { story, loaded, name, machine, consent, payload, packages: None, again: &again, until, ask };
    let wished = installing::build(&job, facts).await?.path.to_string();
    let runs = machine.run(&Cmd::new("readlink").args(["-f", "/run/current-system"]), ASK).await;
    let runs = runs.map_err(|error| Failure::failed(name, error, format!("mend that, then {again}")))?.stdout;
    if runs.trim() != wished {
        return Err(Failure::Refused(format!(
            "{name} runs its own system, which is another one than the fleet file's; nothing was done\n  to bring it up to \
             date: {}\n  to install it anew: boot it from the medium, or {again} --kexec",
            context.again(&format!("deploy {name}"))
        )));
    }
    if context.global.json {
        let machine = name.to_string();
        answer::json("install", &InstallAnswer { machine, system: wished, steps: 0, whole: true, answers: true });
    } else {
        let next = context.again(&format!("verify {name}"));
        answer::text(&format!("{name} runs {wished} already; there is nothing to install\nnext: {next}"));
    }
    Ok(())
}

/// The last part of the last phase: into its own system, which shows its own host key.
async fn reboot(
    context: &Context,
    loaded: &Loaded,
    name: &HostName,
    args: &Install,
    machine: &Machine,
) -> Result<(), Failure> {
    leave(context, machine).await;
    if context.global.in_lab {
        return reboot_from_disks(context, name).await;
    }
    context.story.stage(name.to_string(), "reboots into its own system");
    // The installer may answer a little longer, with its own key, and at another address than the system will have.
    let places = args.target.host.iter().chain(&args.candidate).map(String::as_str).filter(|place| *place != "local");
    let candidates = reach::installed_at(loaded, name, &places.collect::<Vec<_>>())?;
    let next =
        format!("it is installed: look at its screen; if it came up elsewhere: homehive verify {name} --host ADDR");
    find(name.as_ref(), &candidates, REBOOT, &context.story, &next).await.map(drop)
}

/// Reboots, or switches off in the lab, whose firmware is told from outside what to boot. The connection may break
/// before the command has answered.
async fn leave(context: &Context, machine: &Machine) {
    let word = if context.global.in_lab { "poweroff" } else { "reboot" };
    let _ = machine.ask(&Cmd::new(word), Duration::from_secs(30)).await;
    machine.close().await;
}
