//! What became of each machine: the truth, for people and scripts, and the exit status that follows. Pure.

use crate::failure::Failure;
use machine::deploy::{DeployError, Outcome};
use machine::difference::Difference;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

/// What became of one machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// It runs the new system, and is well.
    Deployed {
        /// The system's generation.
        generation: u64,
    },
    /// It will boot the new system next time; what runs has not changed.
    NextBoot {
        /// The system's generation.
        generation: u64,
    },
    /// It runs and boots this system already.
    Unchanged,
    /// It would get another system; nothing was switched.
    WouldChange,
    /// It took the new system back by itself.
    RolledBack {
        /// Why.
        why: String,
        /// What it runs now.
        running: String,
        /// Did it have to start again for that?
        restarted: bool,
    },
    /// Something failed; what is known of the machine is said.
    Failed {
        /// Why, and what is known.
        why: String,
    },
    /// It cannot be reached; nothing was done.
    Unreachable {
        /// Why.
        why: String,
    },
    /// Its turn did not come; nothing was switched.
    NotBegun {
        /// Why not.
        why: String,
    },
    /// It may not be done; nothing was switched.
    Refused {
        /// Why, and what would allow it.
        why: String,
    },
}

/// A machine in the answer.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct MachineReport {
    /// The machine.
    pub machine: String,
    /// What became of it.
    #[serde(flatten)]
    pub state: State,
    /// The system it was to run; none if that was not built.
    pub system: Option<String>,
    /// What changes; none if nothing does, or if nobody could tell.
    pub difference: Option<Difference>,
    /// Bytes that were copied to it, unpacked.
    pub copied: u64,
    /// Seconds from the beginning of its own switch to its end.
    pub seconds: f64,
}

/// The answer of `deploy --json` and `rollback --json`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DeployAnswer {
    /// Did everything that was asked for come true?
    pub good: bool,
    /// Machine by machine, in the order of their turns.
    pub machines: Vec<MachineReport>,
}

impl State {
    /// How a deployment ended.
    pub fn of(ended: Result<Outcome, DeployError>) -> Self {
        match ended {
            Ok(Outcome::Unchanged) => Self::Unchanged,
            Ok(Outcome::Switched { generation } | Outcome::Booted { generation }) => Self::Deployed { generation },
            Ok(Outcome::NextBoot { generation }) => Self::NextBoot { generation },
            Ok(Outcome::RolledBack(back)) => {
                Self::RolledBack { why: back.why, running: back.running, restarted: back.restarted }
            }
            Err(
                error @ (DeployError::Busy { .. } | DeployError::NoTrial { .. } | DeployError::NoGeneration { .. }),
            ) => Self::Refused { why: error.to_string() },
            Err(error) => Self::Failed { why: error.to_string() },
        }
    }

    /// Is it what was asked for?
    pub fn good(&self) -> bool {
        matches!(self, Self::Deployed { .. } | Self::NextBoot { .. } | Self::Unchanged | Self::WouldChange)
    }

    /// Is it a reason not to begin with the next machine? One that was not touched says nothing about the new system.
    pub fn stops(&self) -> bool {
        matches!(self, Self::RolledBack { .. } | Self::Failed { .. })
    }

    /// A word for people.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Deployed { .. } => "deployed",
            Self::NextBoot { .. } => "at the next boot",
            Self::Unchanged => "unchanged",
            Self::WouldChange => "would change",
            Self::RolledBack { .. } => "rolled back",
            Self::Failed { .. } => "failed",
            Self::Unreachable { .. } => "unreachable",
            Self::NotBegun { .. } => "not begun",
            Self::Refused { .. } => "refused",
        }
    }

    fn detail(&self, system: Option<&str>) -> String {
        let system = system.unwrap_or_default();
        match self {
            Self::Deployed { generation } | Self::NextBoot { generation } => {
                format!("generation {generation}: {system}")
            }
            Self::Unchanged | Self::WouldChange => system.to_owned(),
            Self::RolledBack { why, running, restarted } => {
                let how = if *restarted { "by starting again" } else { "by itself" };
                format!("the machine went back {how} to {running}: {why}")
            }
            Self::Failed { why } | Self::Unreachable { why } | Self::NotBegun { why } | Self::Refused { why } => {
                why.clone()
            }
        }
    }
}

impl DeployAnswer {
    /// The answer on these machines.
    pub fn of(machines: Vec<MachineReport>) -> Self {
        Self { good: machines.iter().all(|machine| machine.state.good()), machines }
    }

    /// For people: a line for each machine.
    pub fn text(&self) -> String {
        let width = self.machines.iter().map(|machine| machine.machine.len()).max().unwrap_or(0);
        let mut text = String::new();
        for MachineReport { machine, state, system, .. } in &self.machines {
            let _ = writeln!(text, "{machine:width$}  {:16}  {}", state.word(), state.detail(system.as_deref()));
        }
        text
    }

    /// The end of the verb: the exit status tells the worst that became of any machine. `next` is the command to type
    /// once the reasons are mended.
    pub fn end(&self, next: &str) -> Result<(), Failure> {
        if self.good {
            return Ok(());
        }
        let bad: Vec<&MachineReport> = self.machines.iter().filter(|machine| !machine.state.good()).collect();
        let mut text = format!("{} of {} machines are not as asked for: ", bad.len(), self.machines.len());
        let names = bad.iter().map(|it| format!("{} ({})", it.machine, it.state.word()));
        text.push_str(&names.collect::<Vec<_>>().join(", "));
        let _ = write!(text, "\n  next: mend that, then {next}");
        if bad.iter().all(|machine| matches!(machine.state, State::Refused { .. })) {
            Err(Failure::Refused(text))
        } else {
            Err(Failure::Failed(text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DeployAnswer, MachineReport, State};
    use crate::failure::Failure;

    fn report(machine: &str, state: State) -> MachineReport {
        let system = Some("/nix/store/x-system".to_owned());
        MachineReport { machine: machine.to_owned(), state, system, difference: None, copied: 0, seconds: 0.0 }
    }

    #[test]
    fn the_exit_status_tells_the_worst() {
        let why = || "why".to_owned();
        let back = || State::RolledBack { why: why(), running: "/nix/store/o-system".into(), restarted: false };
        for (states, status) in [
            (vec![State::Unchanged, State::Deployed { generation: 2 }, State::NextBoot { generation: 3 }], 0),
            (vec![State::Deployed { generation: 2 }, State::Refused { why: why() }], 3),
            (vec![State::Deployed { generation: 2 }, State::Unreachable { why: why() }], 4),
            (vec![back(), State::NotBegun { why: why() }], 4),
            (vec![State::Refused { why: why() }, State::Failed { why: why() }], 4),
        ] {
            let answer = DeployAnswer::of(states.into_iter().map(|state| report("nas", state)).collect());
            let found = match answer.end("homehive deploy") {
                Ok(()) => 0,
                Err(Failure::Refused(_)) => 3,
                Err(Failure::Failed(_)) => 4,
                Err(other) => panic!("{other}"),
            };
            assert_eq!(found, status, "{:?}", answer.machines);
        }
    }

    #[test]
    fn each_machine_has_its_line() {
        let answer = DeployAnswer::of(vec![
            report("nas", State::Deployed { generation: 7 }),
            report(
                "node-1",
                State::RolledBack {
                    why: "failed units: demo.service".into(),
                    running: "/nix/store/old-system".into(),
                    restarted: false,
                },
            ),
            report("node-2", State::NotBegun { why: "node-1 failed; go on all the same: --keep-going".into() }),
        ]);
        insta::assert_snapshot!("report", answer.text());
        insta::assert_snapshot!("end", answer.end("homehive deploy").unwrap_err().to_string());
    }
}
