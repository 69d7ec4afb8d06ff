//! The machine's own part of a deployment, as seen from here: it is taken, told what to do, watched and given free.

use super::error::DeployError;
use super::survey::{Survey, Word};
use crate::profile::SOON;
use crate::{Machine, Output, RunError};
use cmd::{Cmd, Line, Program};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The machine's part; it works there without us.
const SCRIPT: &str = include_str!("deploy.sh");
/// A look at the machine, over a connection that may be dead.
const LOOK: Duration = Duration::from_secs(25);
/// How often it is looked at.
const PAUSE: Duration = Duration::from_millis(400);

/// How far the machine is, by its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// A phase, with the status that ended it if it has ended: `boot`, `booted 0`, `armed`, `switched 4`.
    Phase(String, Option<i32>),
    /// It has taken the deployment back.
    Over(Word),
    /// It has started again since, and has no word of having taken the deployment back.
    Restarted(Box<Survey>),
}

/// A machine that is taken for one deployment.
pub(super) struct Guard<'a> {
    machine: &'a Machine,
    id: String,
    path: String,
    /// Of the boot in which it was taken.
    boot_id: String,
}

/// Who asks, for others who want to deploy meanwhile.
pub(crate) fn who() -> String {
    let name = |key| std::env::var(key).ok().filter(|name| !name.is_empty());
    let user = name("USER").or_else(|| name("LOGNAME")).unwrap_or_else(|| "root".into());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    // One line, whatever the names hold.
    format!("{user}@{} (process {})", host.trim(), std::process::id()).replace(char::is_control, "?")
}

impl<'a> Guard<'a> {
    /// Takes the machine; nothing is changed on it yet. Should nothing more be heard of us, it is free again after
    /// `patience`.
    pub(super) async fn take(
        machine: &'a Machine,
        before: &Survey,
        new: &str,
        target: Option<u64>,
        patience: Duration,
    ) -> Result<Self, DeployError> {
        let generation = before.current().ok_or(DeployError::NoProfile)?.number.to_string();
        let target = target.map(|number| number.to_string()).unwrap_or_default();
        let guard = Self::place(machine, id(), &before.boot_id).await?;
        let address = address(machine).await;
        let words = [&who(), &patience.as_secs().to_string(), new, &generation, &address, &target];
        let output = guard.ask("taking the machine", "lock", &words, SOON).await?;
        match output.status {
            0 => Ok(guard),
            75 => {
                let (since, who) = output.stdout.trim().split_once(' ').unwrap_or(("?", "somebody"));
                Err(DeployError::Busy { who: who.to_owned(), since: since.to_owned() })
            }
            _ => Err(failed("taking the machine", output)),
        }
    }

    /// The machine's part is put in its place, for a deployment that has begun before a restart.
    pub(super) async fn place(machine: &'a Machine, id: String, boot_id: &str) -> Result<Self, DeployError> {
        let path = format!("/run/homehive/{id}.sh");
        let lines = [
            Cmd::new("install").args(["-d", "-m", "0700", "/run/homehive"]),
            Cmd::new("install").args(["-m", "0600", "/dev/null", &path]),
            Cmd::new("dd").arg(format!("of={path}")).arg("status=none").input(SCRIPT),
        ];
        let program = Program { lines: lines.into_iter().map(Line::Run).collect() };
        machine.run_program(&program, SOON).await.map_err(|error| match error {
            crate::ProgramError::Run(source) => DeployError::Ask { doing: "preparing the deployment", source },
            other @ crate::ProgramError::Unexpected { .. } => DeployError::Odd(other.to_string()),
        })?;
        Ok(Self { machine, id, path, boot_id: boot_id.to_owned() })
    }

    /// The deployment's name.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    fn words(&self, verb: &str, words: &[&str]) -> Cmd {
        Cmd::new("sh").args([&self.path, verb, &self.id]).args(words.iter().copied())
    }

    async fn ask(
        &self,
        doing: &'static str,
        verb: &str,
        words: &[&str],
        deadline: Duration,
    ) -> Result<Output, DeployError> {
        let asked = self.machine.ask(&self.words(verb, words), deadline).await;
        asked.map_err(|source| DeployError::Ask { doing, source })
    }

    /// Tells the machine to do its next part; it does so by itself.
    pub(super) async fn tell(&self, doing: &'static str, verb: &str, words: &[&str]) -> Result<(), DeployError> {
        let output = self.ask(doing, verb, words, SOON).await?;
        if output.status == 0 { Ok(()) } else { Err(failed(doing, output)) }
    }

    /// As [`Self::tell`]; whether it was in time (exit status 76 says that it was not).
    pub(super) async fn in_time(
        &self,
        doing: &'static str,
        verb: &str,
        words: &[&str],
        deadline: Duration,
    ) -> Result<Result<(), Output>, DeployError> {
        let output = self.ask(doing, verb, words, deadline).await?;
        match output.status {
            0 => Ok(Ok(())),
            76 | 77 => Ok(Err(output)),
            _ => Err(failed(doing, output)),
        }
    }

    /// The end of what the machine's part has printed.
    pub(super) async fn log(&self) -> String {
        let said = self.machine.ask(&self.words("log", &[]), SOON).await;
        said.map_or_else(|error| error.to_string(), |output| output.stdout.trim_end().to_owned())
    }

    /// What the machine printed while it took the deployment back.
    pub(super) async fn last_log(&self) -> String {
        let tail = Cmd::new("tail").args(["-n", "12", "/var/lib/homehive/log"]);
        match self.machine.ask(&tail, SOON).await {
            Ok(output) if output.status == 0 => output.stdout.trim_end().to_owned(),
            _ => String::new(),
        }
    }

    /// Waits for the machine's word on why it took the deployment back, through as many restarts as it needs.
    pub(super) async fn word(&self, patience: Duration) -> Result<Word, RunError> {
        let end = Instant::now() + patience;
        loop {
            let error = match super::survey(self.machine).await {
                Ok(survey) => match survey.outcome.filter(|word| word.id == self.id) {
                    Some(word) => return Ok(word),
                    None => RunError::Late { words: "the machine's word on the way back".into(), deadline: patience },
                },
                Err(error) => error,
            };
            if Instant::now() > end {
                return Err(error);
            }
            self.machine.close().await;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until the machine has started again since `boot_id`; what it is like then.
    pub(super) async fn restarted(&self, boot_id: &str, patience: Duration) -> Result<Survey, RunError> {
        let end = Instant::now() + patience;
        loop {
            self.machine.close().await;
            let error = match super::survey(self.machine).await {
                Ok(survey) if survey.boot_id != boot_id => return Ok(survey),
                Ok(_) => RunError::Late { words: "a restart of the machine".into(), deadline: patience },
                Err(error) => error,
            };
            if Instant::now() > end {
                return Err(error);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Gives the machine free; that it is held a while longer if that fails hurts nobody.
    pub(super) async fn free(self) {
        let _ = self.machine.ask(&self.words("free", &[]), SOON).await;
    }

    /// One look. A connection that breaks is made anew at the next one.
    pub(super) async fn look(&self) -> Result<Stand, RunError> {
        let output = match self.machine.ask(&self.words("poll", &[]), LOOK).await {
            Ok(output) => output,
            Err(error) => {
                self.machine.close().await;
                return Err(error);
            }
        };
        let output = crate::process::check(output, "deploy.sh poll")?;
        let pairs: BTreeMap<&str, &str> = output.stdout.lines().filter_map(|line| line.split_once(' ')).collect();
        if let Some(word) = Word::read(&pairs).filter(|word| word.id == self.id) {
            return Ok(Stand::Over(word));
        }
        let mut phase = pairs.get("phase").copied().unwrap_or_default().splitn(2, ' ');
        let name = phase.next().unwrap_or_default().to_owned();
        Ok(Stand::Phase(name, phase.next().and_then(|status| status.parse().ok())))
    }

    /// Where the machine's part is gone from `/run`, the machine has started again; what it says then.
    pub(super) async fn since_restart(&self) -> Option<Stand> {
        told(super::survey(self.machine).await.ok()?, &self.id, &self.boot_id)
    }

    /// Gives up before anything is armed: profile and boot menu as they were, the machine free. Was that done?
    pub(super) async fn give_up(self, patience: Duration) -> bool {
        match self.in_time("giving up", "unbegun", &[], SOON).await {
            Ok(Ok(())) => {}
            // It is not ours any more, or something is armed: then that brings it to its end.
            Ok(Err(_)) => return false,
            Err(_) => {
                self.free().await;
                return false;
            }
        }
        let undone = self.watch(patience, |phase, _| phase == "unbegun").await;
        self.free().await;
        matches!(undone, Ok(Stand::Phase(_, Some(0))))
    }

    /// Were profile and boot menu set back, after something failed before the switch?
    pub(super) async fn undone(&self) -> bool {
        let said = self.machine.ask(&self.words("undone", &[]), SOON).await;
        said.is_ok_and(|output| output.stdout.trim() == "0")
    }

    /// Watches until `done` says so of a phase, or the machine has taken the deployment back; no longer than `patience`.
    pub(super) async fn watch(
        &self,
        patience: Duration,
        done: impl Fn(&str, Option<i32>) -> bool,
    ) -> Result<Stand, RunError> {
        let end = Instant::now() + patience;
        let late = || RunError::Late { words: "deploy.sh poll".into(), deadline: patience };
        loop {
            let error = match self.look().await {
                Ok(Stand::Phase(name, status)) if !done(&name, status) => late(),
                Ok(stand) => return Ok(stand),
                Err(error @ RunError::Failed { .. }) => match self.since_restart().await {
                    Some(stand) => return Ok(stand),
                    None => error,
                },
                Err(error) => error,
            };
            if Instant::now() > end {
                return Err(error);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Gives up a deployment that was interrupted before anything was armed: the machine sets profile and boot menu back by
/// itself, and is free then.
///
/// # Errors
/// It could not be told, or was too late.
pub async fn give_up(machine: &Machine, id: &str) -> Result<(), DeployError> {
    let words = ["/run/homehive/".to_owned() + id + ".sh", "unbegun".into(), id.into(), "unattended".into()];
    let doing = "giving up";
    let output = machine.ask(&Cmd::new("sh").args(words), SOON).await;
    let output = output.map_err(|source| DeployError::Ask { doing, source })?;
    if output.status == 0 { Ok(()) } else { Err(failed(doing, output)) }
}

/// What a machine's survey tells of the deployment `id`, which began in the boot `boot_id`; none if that may still go on.
fn told(now: Survey, id: &str, boot_id: &str) -> Option<Stand> {
    match now.outcome.as_ref().filter(|word| word.id == id) {
        Some(word) => Some(Stand::Over(word.clone())),
        None if now.boot_id != boot_id => Some(Stand::Restarted(Box::new(now))),
        None => None,
    }
}

fn failed(doing: &'static str, output: Output) -> DeployError {
    let source = RunError::Failed { words: "deploy.sh".into(), status: output.status, stderr: output.stderr };
    DeployError::Ask { doing, source }
}

/// A name that no other deployment has: it is part of names of files and units.
fn id() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    // A hasher's keys are random for each process.
    format!("{:x}-{:x}", now.as_secs(), RandomState::new().hash_one(now.as_nanos()) & 0xffff_ffff)
}

/// The address by which the machine was reached, as it sees it itself (`SSH_CONNECTION`, ssh(1)); it has to be there
/// again after the way back.
async fn address(machine: &Machine) -> String {
    let asked = machine.ask_as_login(&Cmd::new("printenv").arg("SSH_CONNECTION"), SOON).await;
    let said = asked.map(|output| output.stdout).unwrap_or_default();
    said.split_whitespace().nth(2).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Stand, Survey, Word, told};

    /// A machine that has lost the script by a restart is not waited for any longer.
    #[test]
    fn a_restart_is_told_and_its_reason_before_that() {
        let word = |id: &str| Some(Word { id: id.to_owned(), reboots: true, ..Word::default() });
        let now = |boot_id: &str, outcome| Survey { boot_id: boot_id.to_owned(), outcome, ..Survey::default() };
        for (case, now, over, restarted) in [
            ("it goes on", now("one", None), false, false),
            ("it goes on; the word is another deployment's", now("one", word("b")), false, false),
            ("taken back, and about to start again", now("one", word("a")), true, false),
            ("taken back by starting again", now("two", word("a")), true, false),
            ("a power cut", now("two", None), false, true),
            ("a power cut, after another deployment", now("two", word("b")), false, true),
        ] {
            let told = told(now, "a", "one");
            assert_eq!(matches!(told, Some(Stand::Over(_))), over, "{case}: {told:?}");
            assert_eq!(matches!(told, Some(Stand::Restarted(_))), restarted, "{case}: {told:?}");
        }
    }
}
