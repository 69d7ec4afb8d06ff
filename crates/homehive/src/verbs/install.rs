//! `install`: a machine that was booted from the medium becomes one that runs its own system.

use super::Context;
use super::lab::reboot_from_disks;
use crate::answer;
use crate::args::Install;
use crate::failure::Failure;
use crate::installing::{self, Job};
use crate::load::Loaded;
use crate::reach::{self, System};
use cmd::Cmd;
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// The answer of `install --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct InstallAnswer {
    /// The machine.
    pub machine: String,
    /// The system that was installed.
    pub system: String,
    /// Steps that were done on the disks.
    pub steps: usize,
    /// Does the installed system answer, with its own host key?
    pub answers: bool,
}

/// A machine of metal takes its time to start, memory test and all.
const REBOOT: Duration = Duration::from_mins(15);

pub async fn run(context: &Context, args: &Install) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let name = loaded.machine(&args.target.machine)?;
    let wish = super::wish(&loaded, &name)?;
    let consent = super::disks::consent(&wish, &args.consent)?;
    let reached = reach::reach(&loaded, &name, args.target.host.as_deref(), &context.story).await?;
    if reached.system == System::Installed {
        return Err(Failure::Refused(format!(
            "{name} runs its own system; boot it from the medium to install it again (in the lab: homehive lab off {name}, \
             homehive lab boot {name} --medium)"
        )));
    }
    let machine = &reached.machine;
    let again = context.again(&format!("install {name}"));
    let job = Job {
        story: &context.story,
        loaded: &loaded,
        name: &name,
        machine,
        consent,
        payload: args.payload,
        packages: None,
        again: &again,
    };
    let installed = installing::install(job).await?;
    let steps = installed.converged.rounds.iter().map(|round| round.steps.len()).sum();
    let answers = !args.no_reboot;
    if answers {
        leave(context, machine).await;
        if context.global.in_lab {
            reboot_from_disks(context, &name).await?;
        } else {
            context.story.stage(name.to_string(), "reboots into its own system");
            let own = reach::installed(&loaded, &name, args.target.host.as_deref(), &context.story)?;
            own.wait(REBOOT).await.map_err(|error| {
                let next = format!("look at its screen; if it came up elsewhere: homehive verify {name} --host ADDR");
                Failure::failed(format!("{name}: installed, but it does not answer"), error, next)
            })?;
        }
    }
    let system = installed.closure.path.to_string();
    let next = context.again(&format!("verify {name}"));
    if context.global.json {
        answer::json("install", &InstallAnswer { machine: name.to_string(), system, steps, answers });
    } else if answers {
        answer::text(&format!("{name} runs {system} and showed its own host key\nnext: {next}"));
    } else {
        answer::text(&format!("{name}: {system} is installed\nnext: reboot it, then {next}"));
    }
    Ok(())
}

/// Reboots, or switches off in the lab, whose firmware is told from outside what to boot. The connection may break
/// before the command has answered.
async fn leave(context: &Context, machine: &machine::Machine) {
    let word = if context.global.in_lab { "poweroff" } else { "reboot" };
    let _ = machine.ask(&Cmd::new(word), Duration::from_secs(30)).await;
    machine.close().await;
}
