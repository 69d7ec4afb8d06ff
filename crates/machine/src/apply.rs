//! Applying a plan: its steps side by side as far as they allow, a journal line before and after each, and a stop at the
//! first failure. What is planned is `storage`'s business.

use crate::follow::{self, Patience, Reached};
use crate::holders::is_busy;
use crate::journal::{Entry, Journal, JournalError, State};
use crate::saved::{Held, SaveError, Shelf};
use crate::story::{Event, Story};
use crate::{Lock, Machine, ProgramError};
use cmd::{Cmd, Line, Program, Secret, Word};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};
use storage::NodeId;
use storage::plan::{Begun, Overwritten, Plan, Step, StepId};

/// How many steps run at once: sshd's default allows ten sessions on a connection (`MaxSessions`, `sshd_config`(5)).
const SIDE_BY_SIDE: usize = 6;
/// How long a look at what goes on may take.
const LOOK: Duration = Duration::from_mins(1);
/// How long a step may take that is followed: it is given up when it stands still, long before.
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// How an application ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied {
    /// Every step is done.
    Whole(Vec<StepTime>),
    /// It was to stop behind a step, and did, whatever else was running.
    Stopped(Vec<StepTime>),
}

impl Applied {
    /// The steps that were done, in the order of their ends.
    pub fn steps(&self) -> &[StepTime] {
        match self {
            Self::Whole(steps) | Self::Stopped(steps) => steps,
        }
    }
}

/// How long a step took.
#[derive(Clone, Debug, PartialEq)]
pub struct StepTime {
    /// Its number in the plan, from 1.
    pub number: usize,
    /// What it did.
    pub text: String,
    /// Seconds since the application began.
    pub begin: f64,
    /// How many seconds it took.
    pub seconds: f64,
}

/// Why a plan was not applied to its end.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A step failed; those that had begun beside it were brought to their end, no other was begun.
    #[error("{machine}: step {number} ({text}) failed: {source}{}", Holders(holders))]
    Step {
        /// The machine.
        machine: String,
        /// The step's number in the plan, from 1.
        number: usize,
        /// What it does.
        text: String,
        /// Why.
        source: Box<ProgramError>,
        /// Who has its devices, a line each, if somebody else had one of them.
        holders: Vec<String>,
    },
    /// A step's device is not there any more.
    #[error("{machine}: step {number} ({text}) needs the device of `{node}`, which is not there")]
    NoDevice {
        /// The machine.
        machine: String,
        /// The step's number in the plan, from 1.
        number: usize,
        /// What it does.
        text: String,
        /// The node.
        node: String,
    },
    /// A plan with refusals, or with steps that wait for each other, is not to be applied.
    #[error("{machine}: this plan is not to be applied: {why}")]
    Unfit {
        /// The machine.
        machine: String,
        /// Why.
        why: String,
    },
    /// What a step was about to write over could not be saved; nothing was written.
    #[error("{machine}: step {number} ({text}) was not begun: {source}")]
    Unsaved {
        /// The machine.
        machine: String,
        /// The step's number in the plan, from 1.
        number: usize,
        /// What it does.
        text: String,
        /// Why.
        source: Box<SaveError>,
    },
    /// The journal cannot be kept.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

struct Holders<'a>(&'a [String]);

impl fmt::Display for Holders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| write!(f, "\n  in use: {line}"))
    }
}

/// What a step does to what is there.
#[derive(Clone, Debug, Default)]
pub struct Effect {
    /// What it writes anew, for the journal.
    pub begins: Vec<Begun>,
    /// What it writes over, to be saved before.
    pub overwrites: Vec<Overwritten>,
}

/// Where the operator's side keeps what it must not lose.
#[derive(Clone, Copy, Debug)]
pub struct Records<'a> {
    /// What was begun and what was done.
    pub journal: &'a Journal,
    /// What stood where a step was about to write.
    pub shelf: &'a Shelf,
}

/// What a plan leaves open.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// Where nodes are found.
    pub paths: &'a BTreeMap<NodeId, String>,
    /// The keys that its commands ask for, by node.
    pub keys: &'a BTreeMap<NodeId, Secret>,
    /// What each step does to what is there.
    pub effects: &'a [Effect],
}

/// Applies `plan` to `machine`, whose disks `lock` keeps others from; stops right behind step number `until` if that is
/// said, dropping what runs beside it, as a power cut would.
pub async fn apply(
    machine: &Machine,
    lock: &Lock,
    plan: &Plan,
    given: Given<'_>,
    records: Records<'_>,
    story: &Story,
    until: Option<usize>,
) -> Result<Applied, ApplyError> {
    let unfit = |why: String| ApplyError::Unfit { machine: machine.name().to_owned(), why };
    if let Some(refusal) = plan.refusals.first() {
        return Err(unfit(format!("{}: {}", refusal.node, refusal.reason)));
    }
    let digest = plan.digest();
    let work = Work { machine, lock, plan, digest: &digest, given, records, story, begun: Instant::now() };
    let mut waiting: Vec<usize> = (0..plan.steps.len()).collect();
    let mut done: BTreeSet<&StepId> = BTreeSet::new();
    let mut running = FuturesUnordered::new();
    let (mut times, mut failure) = (Vec::new(), None);
    loop {
        if failure.is_none() {
            waiting.retain(|&index| {
                let step = &plan.steps[index];
                let ready = running.len() < SIDE_BY_SIDE && step.after.iter().all(|before| done.contains(before));
                if ready {
                    running.push(work.step(index));
                }
                !ready
            });
        }
        match running.next().await {
            None => break,
            Some((index, Ok(time))) => {
                done.insert(&plan.steps[index].id);
                times.push(time);
                if until == Some(index + 1) {
                    return Ok(Applied::Stopped(times));
                }
            }
            Some((_, Err(error))) if failure.is_some() => story.note(machine.name(), error.to_string()),
            Some((_, Err(error))) => failure = Some(error),
        }
    }
    match failure {
        Some(error) => Err(error),
        None if waiting.is_empty() => Ok(Applied::Whole(times)),
        None => Err(unfit(format!("its step {} waits for one that never comes", plan.steps[waiting[0]].id))),
    }
}

/// What every step of one application shares.
struct Work<'a> {
    machine: &'a Machine,
    lock: &'a Lock,
    plan: &'a Plan,
    digest: &'a str,
    given: Given<'a>,
    records: Records<'a>,
    story: &'a Story,
    begun: Instant,
}

impl Work<'_> {
    async fn step(&self, index: usize) -> (usize, Result<StepTime, ApplyError>) {
        let step = &self.plan.steps[index];
        let (number, text) = (index + 1, step.describe());
        let result = async {
            let program = self.program(step, number, &text)?;
            let held = self.save(number, &text).await?;
            self.write(number, &text, State::Begins)?;
            let (machine, of) = (self.machine.name().to_owned(), self.plan.steps.len());
            self.story.tell(Event::StepStarted { machine: machine.clone(), step: number, of, text: text.clone() });
            let start = Instant::now();
            let ran = self.run(step, &program).await;
            if let Err(source) = ran {
                let why = source.to_string();
                let state = if source.is_untouched() { State::Undone(&why) } else { State::Failed(&why) };
                if let Err(error) = self.write(number, &text, state) {
                    self.story.note(&machine, error.to_string());
                }
                let holders =
                    if is_busy(&source) { self.machine.holders(&self.devices(step)).await } else { Vec::new() };
                let (text, source) = (text.clone(), Box::new(source));
                return Err(ApplyError::Step { machine, number, text, source, holders });
            }
            self.write(number, &text, State::Done)?;
            for held in held.iter().filter(|held| held.what().whole) {
                // The step is done either way; without this its save cannot be put back.
                if let Err(error) = held.left(self.machine).await {
                    self.story.note(&machine, format!("{} cannot be put back: {error}", held.name()));
                }
            }
            let seconds = start.elapsed().as_secs_f64();
            self.story.tell(Event::StepDone { machine, step: number, of, text: text.clone(), seconds });
            let begin = start.duration_since(self.begun).as_secs_f64();
            Ok(StepTime { number, text: text.clone(), begin, seconds })
        };
        (index, result.await)
    }

    /// Runs a step's program, and tells how far it is where that can be seen.
    async fn run(&self, step: &Step, program: &Program) -> Result<(), ProgramError> {
        let (machine, deadline) = (self.machine, Duration::from_secs(step.deadline()));
        let Some(gauge) = step.gauge() else { return machine.run_program_under(self.lock, program, deadline).await };
        let look = async || {
            let seen = machine.ask(&gauge.command(), LOOK).await.ok()?;
            gauge.left(&seen.stdout)
        };
        let told = |at: Reached| {
            let (subject, text, unit) = (machine.name().to_owned(), gauge.text().to_owned(), "permille".to_owned());
            let (done, total) = (at.done, Some(1000));
            self.story.tell(Event::Progress { subject, text, done, total, unit, left: at.left });
        };
        let work = machine.run_program_under(self.lock, program, LONGEST);
        follow::to_its_end(gauge.text(), work, look, told, Patience::with(deadline)).await
    }

    /// Saves what the step writes over.
    async fn save(&self, number: usize, text: &str) -> Result<Vec<Held>, ApplyError> {
        let mut held = Vec::new();
        for overwritten in self.given.effects.get(number - 1).map_or(&[][..], |effect| &effect.overwrites) {
            let kept = self.records.shelf.save(self.machine, text, overwritten).await;
            let kept = kept.map_err(|source| ApplyError::Unsaved {
                machine: self.machine.name().to_owned(),
                number,
                text: text.to_owned(),
                source: Box::new(source),
            })?;
            let what = &overwritten.shown;
            self.story
                .note(self.machine.name(), format!("saved what is overwritten on {what}: {}", kept.path().display()));
            held.push(kept);
        }
        Ok(held)
    }

    fn write(&self, step: usize, text: &str, state: State<'_>) -> Result<(), JournalError> {
        let begins = self.given.effects.get(step - 1).map_or(&[][..], |effect| &effect.begins);
        self.records.journal.write(&Entry {
            machine: self.machine.name(),
            plan: self.digest,
            step,
            text,
            begins,
            state,
        })
    }

    /// The paths of all devices that the step's commands name.
    fn devices(&self, step: &Step) -> Vec<String> {
        let commands = step.commands();
        let nodes = commands.iter().flat_map(|cmd| &cmd.words).filter_map(|word| match word {
            Word::Device { device } => Some(NodeId::from(device.as_str())),
            Word::Text(_) => None,
        });
        let nodes: BTreeSet<NodeId> = nodes.collect();
        nodes.iter().filter_map(|node| self.given.paths.get(node).cloned()).collect()
    }

    /// The command with the keys that it asks for.
    fn fed(&self, cmd: Cmd) -> Result<Line, ApplyError> {
        let given = |node: &String| {
            let why = || format!("nobody gave the key of {node}");
            let unfit = || ApplyError::Unfit { machine: self.machine.name().to_owned(), why: why() };
            self.given.keys.get(&NodeId::from(node.as_str())).cloned().ok_or_else(unfit)
        };
        let Some(node) = &cmd.key else { return Ok(Line::Run(cmd)) };
        let key = match &cmd.further {
            Some(further) => Secret::pair(&given(node)?, &given(further)?),
            None => given(node)?,
        };
        Ok(Line::Feed { cmd, key })
    }

    /// The step's guards and commands with real devices.
    fn program(&self, step: &Step, number: usize, text: &str) -> Result<Program, ApplyError> {
        let guards = step.guards.iter().cloned().map(Line::from);
        let commands = step.commands().into_iter().map(|cmd| self.fed(cmd));
        let lines: Vec<Line> = guards.map(Ok).chain(commands).collect::<Result<_, _>>()?;
        let lines = lines.iter().map(|line| line.resolve(|node| self.given.paths.get(&NodeId::from(node)).cloned()));
        let lines = lines.collect::<Result<_, _>>().map_err(|node| ApplyError::NoDevice {
            machine: self.machine.name().to_owned(),
            number,
            text: text.to_owned(),
            node,
        })?;
        Ok(Program { lines })
    }
}
