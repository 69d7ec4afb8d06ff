//! A system on a machine becomes the one it runs, in such a way that the machine undoes it by itself when it goes wrong.
//! Copying it there, and whether the machine is well, are the caller's business.
//!
//! **Switching.** Profile and boot entry first: a power cut from then on lands in a generation that is whole. Then the way
//! back is armed on the machine, a timer of systemd's, and only then is the system activated, by a unit of its own, so that
//! neither a cut network nor our end disturbs it. A fresh connection and the caller's health checks disarm it. If they do
//! not come in time, or units fail that had not failed before, the machine sets its profile back, activates what ran
//! before, restarts sshd, and starts again if that does not help either. The failed generation stays in the profile.
//!
//! **Boot trial.** The menu's default stays what it was. The new system becomes a generation with an entry of its own,
//! which is booted once; a kernel that panics starts again by itself (`panic=`), into the default. Only after the health
//! checks does the new system become the default.
//!
//! The contract of a boot trial with the systems that take part, the stand-in as NixOS: the marker
//! `/var/lib/homehive/boot-trial` holds lines of a key and a value: `id`, `system` (the store path on trial), `before`,
//! `loader`, `generation`, `seconds` (how long after the kernel's start it may take to be confirmed), `since`, `who`. While it
//! exists, every boot runs [`BOOT_TRIAL`] as the unit `homehive-boot-trial.service`: early (`DefaultDependencies=no`,
//! wanted by `sysinit.target` or the default target), surviving an isolated emergency target (`IgnoreOnIsolate=yes`), with
//! `ConditionPathExists=` on the marker. It leaves what happened in `/var/lib/homehive/outcome`: `id`, `at`, `why`. The
//! kernel's parameters hold `panic=10`. Entries are found by the `init=` they boot, whatever they are called.

mod error;
mod guard;
mod menu;
mod progress;
mod survey;
mod switch;
mod trial;

pub use error::DeployError;
pub use guard::give_up;
pub(crate) use guard::who;
pub use progress::{Progress, Reached};
pub use survey::{Survey, Word, survey};

use crate::{Machine, Story};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// The judge of a boot trial, which a system runs at boot: a script for any POSIX shell. It needs `sed`, `readlink`, `mv`,
/// `date`, `sync`, `sleep` and `systemctl` in its PATH.
pub const BOOT_TRIAL: &str = include_str!("boot-trial.sh");

/// How a system becomes the one that the machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Now: boot entry, switch, health, with the way back armed.
    Switch,
    /// At the next boot: profile and boot entry only.
    Boot,
    /// By a boot trial, now.
    Reboot,
}

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Deploy<'a> {
    /// The system's store path; it is on the machine already, with all it refers to.
    pub closure: &'a str,
    /// How it becomes the one that the machine runs.
    pub mode: Mode,
    /// How long after the switch began (or after the kernel started, in a boot trial) it has to be found well; then the
    /// machine takes it back.
    pub deadline: Duration,
    /// Stop right behind the boot entry, as a cut line would: for rehearsals in the lab.
    pub only_boot_entry: bool,
    /// Where it is told how far it is, for whoever interrupts it.
    pub progress: &'a Progress,
}

/// How a deployment ended; an error is something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The machine runs it and boots it already; nothing was done.
    Unchanged,
    /// It runs it now, and is well.
    Switched {
        /// Its generation.
        generation: u64,
    },
    /// It will boot it next time; what it runs has not changed.
    NextBoot {
        /// Its generation.
        generation: u64,
    },
    /// It has booted it, is well, and boots it from now on.
    Booted {
        /// Its generation.
        generation: u64,
    },
    /// The machine has taken it back.
    RolledBack(RolledBack),
}

/// A deployment that the machine has taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RolledBack {
    /// Why.
    pub why: String,
    /// When, in seconds since 1970 by the machine's clock, if it says.
    pub at: Option<u64>,
    /// What it runs now; it boots that, too, unless `why` says that the boot menu could not be written.
    pub running: String,
    /// Did it have to start again for that?
    pub restarted: bool,
    /// The end of what the machine printed meanwhile; empty if that is lost.
    pub log: String,
}

/// Makes `deploy.closure` the system that `machine` runs. `health` is asked on a fresh connection; an error of it, or its
/// silence until the deadline, has the machine take everything back.
///
/// # Errors
/// What is known of the machine is in the error. A deployment that the machine took back is an [`Outcome`].
pub async fn deploy(
    machine: &Machine,
    deploy: &Deploy<'_>,
    health: impl AsyncFn(&Machine) -> Result<(), String>,
    story: &Story,
) -> Result<Outcome, DeployError> {
    let before = look(machine).await?;
    bring(machine, deploy, None, &before, health, story).await
}

/// Makes generation `to`, or the last one before the current one that the machine has not taken back, the system that `machine` runs; guarded in the same way.
///
/// # Errors
/// As [`deploy`]; no such generation.
pub async fn rollback(
    machine: &Machine,
    to: Option<u64>,
    mode: Mode,
    deadline: Duration,
    health: impl AsyncFn(&Machine) -> Result<(), String>,
    (story, progress): (&Story, &Progress),
) -> Result<Outcome, DeployError> {
    let before = look(machine).await?;
    let current = before.current().ok_or(DeployError::NoProfile)?.number;
    let found = match to {
        Some(to) => before.generations.iter().find(|it| it.number == to),
        None => before.before(),
    };
    let Some(generation) = found else {
        let what = to.map_or_else(
            || format!("before generation {current} there is none that the machine has not taken back"),
            |to| format!("there is no generation {to}"),
        );
        let known = before.generations.iter().map(|it| it.number.to_string()).collect::<Vec<_>>().join(", ");
        return Err(DeployError::NoGeneration { what, known });
    };
    let (number, path) = (generation.number, generation.path.clone());
    let deploy = Deploy { closure: &path, mode, deadline, only_boot_entry: false, progress };
    bring(machine, &deploy, Some(number), &before, health, story).await
}

async fn look(machine: &Machine) -> Result<Survey, DeployError> {
    survey(machine).await.map_err(|source| DeployError::Ask { doing: "looking at its generations", source })
}

async fn bring(
    machine: &Machine,
    deploy: &Deploy<'_>,
    target: Option<u64>,
    before: &Survey,
    health: impl AsyncFn(&Machine) -> Result<(), String>,
    story: &Story,
) -> Result<Outcome, DeployError> {
    let current = before.current().ok_or(DeployError::NoProfile)?;
    let meant = current.path == deploy.closure && target.is_none_or(|number| number == current.number);
    let runs = before.trial.is_none() && before.runs(deploy.closure, deploy.mode);
    if meant && runs && !before.unsettled {
        return Ok(Outcome::Unchanged);
    }
    let switch = cmd::Cmd::new("test").args(["-x", &format!("{}/bin/switch-to-configuration", deploy.closure)]);
    let asked = machine.ask(&switch, crate::profile::SOON).await;
    if asked.map_err(|source| DeployError::Ask { doing: "looking at the new system", source })?.status != 0 {
        return Err(DeployError::NotThere { path: deploy.closure.to_owned() });
    }
    if meant && runs {
        // Only the boot menu has not followed yet.
        let menu = Deploy { mode: Mode::Boot, ..*deploy };
        return switch::run(machine, &menu, target, before, health, story).await;
    }
    match deploy.mode {
        Mode::Switch | Mode::Boot => switch::run(machine, deploy, target, before, health, story).await,
        Mode::Reboot => trial::run(machine, deploy, target, before, health, story).await,
    }
}
