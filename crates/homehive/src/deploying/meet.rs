//! Meeting machines: who answers, with which system, and what it runs.

use super::report::State;
use crate::args::Payload;
use crate::failure::Failure;
use crate::load::Loaded;
use crate::reach::{self, System};
use crate::verbs::Context;
use fleet::HostName;
use futures_util::StreamExt as _;
use machine::Machine;
use machine::deploy::{Mode, Survey, survey};
use storage::facts::Facts;

/// A machine that runs its own system.
#[derive(Debug)]
pub struct Met {
    /// The machine.
    pub machine: Machine,
    /// Its generations and what it runs.
    pub survey: Survey,
    /// What its disks are called; only where its system is made from that.
    pub facts: Option<Facts>,
}

impl Met {
    /// Does it run, and boot, this system already, as far as `mode` would see to?
    pub fn runs(&self, system: &str, mode: Mode) -> bool {
        self.survey.is(system, mode)
    }
}

/// How many machines are met at once.
const AT_ONCE: usize = 16;

/// Meets all of them at once; in the order of `names`.
pub async fn meet_all(
    context: &Context,
    loaded: &Loaded,
    names: &[HostName],
    payload: Payload,
) -> Vec<(HostName, Result<Met, State>)> {
    let meetings = names.iter().map(async |name| (name.clone(), meet(context, loaded, name, payload).await));
    futures_util::stream::iter(meetings).buffered(AT_ONCE).collect().await
}

/// Meets one machine. One that shows another key than its own is refused, whatever it is.
pub async fn meet(context: &Context, loaded: &Loaded, name: &HostName, payload: Payload) -> Result<Met, State> {
    let reached = reach::reach(loaded, name, None, &context.story).await;
    let reached = reached.map_err(|failure| State::Unreachable { why: reason(&failure) })?;
    let own = match reached.system {
        System::Installed => true,
        System::Other => !reach::is_pinned(loaded, name),
        System::Installer => false,
    };
    if !own {
        let install = context.again(&format!("install {name}"));
        let why =
            format!("it shows the installer's host key: its own system is not what runs there; install it: {install}");
        return Err(State::Refused { why });
    }
    let machine = reached.machine;
    let failed = |error: &dyn std::fmt::Display| State::Unreachable { why: format!("{name}: {error}") };
    let survey = survey(&machine).await.map_err(|error| failed(&error))?;
    let facts = match payload {
        Payload::StandIn => Some(machine.look().await.map_err(|error| failed(&error))?),
        Payload::Nixos => None,
    };
    Ok(Met { machine, survey, facts })
}

/// A failure's reason alone, without what to type next: the report has that once for all.
fn reason(failure: &Failure) -> String {
    let text = failure.to_string();
    let text = text.strip_prefix("failed: ").unwrap_or(&text);
    let lines = text.lines().take_while(|line| !line.trim_start().starts_with("next: "));
    lines.map(str::trim).collect::<Vec<_>>().join(" ")
}
