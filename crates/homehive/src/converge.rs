//! Bringing a machine's disks to what is wished: look, plan, apply, and look again while something is still hidden.

use crate::approval::Approved;
use crate::failure::Failure;
use crate::keyring::Keyring;
use machine::{
    Applied, ApplyError, Effect, Entry, Given, Lock, LockError, LookError, Machine, Records, State, StepTime, Story,
    apply,
};
use std::collections::BTreeSet;
use storage::facts::Facts;
use storage::plan::{Consent, Plan, plan};
use storage::wish::Node;
use storage::{NodeId, Wish};

/// What a convergence is about.
#[derive(Debug)]
pub struct Ground<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// What its disks should hold.
    pub wish: &'a Wish,
    /// What may be destroyed.
    pub consent: Consent,
    /// The keys of encrypted devices.
    pub keyring: Keyring,
    /// Where each step is written down, and what it overwrites is saved.
    pub records: Records<'a>,
    /// Where events go.
    pub story: &'a Story,
    /// The only plan that may be applied first.
    pub approved: Option<&'a Approved>,
    /// The lock that keeps others from writing to the machine's disks; taken and given back here if nobody holds it yet.
    pub lock: Option<&'a Lock>,
    /// Stop right behind this step, dropping what runs beside it.
    pub until: Option<usize>,
}

/// A plan that was applied.
#[derive(Clone, Debug)]
pub struct Round {
    /// Its steps, in the order of their ends.
    pub steps: Vec<StepTime>,
}

/// How a convergence ended.
#[derive(Clone, Debug)]
pub struct Converged {
    /// The plans, one after another; empty if nothing was to do.
    pub rounds: Vec<Round>,
    /// The last plan that was made: of a whole convergence, what is kept.
    pub last: Plan,
    /// Did it stop behind the step it was to stop behind?
    pub stopped: bool,
}

/// Why the disks are not as wished.
#[derive(Debug, thiserror::Error)]
pub enum Diverged {
    /// The machine could not be looked at.
    #[error(transparent)]
    Look(#[from] LookError),
    /// Somebody else writes to its disks.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The plan holds refusals.
    #[error("the plan holds refusals")]
    Refused {
        /// The plan.
        plan: Box<Plan>,
        /// How many steps of earlier rounds had been done by then.
        done: usize,
    },
    /// The plan is not the approved one.
    #[error("the plan is {found} now, not the approved {approved}: {why}")]
    OtherPlan { found: String, approved: String, why: &'static str },
    /// The plan is made from other facts than the approved one.
    #[error("the plan was made for other facts than the machine shows now:\n    {}", changes.join("\n    "))]
    OtherFacts { changes: Vec<String> },
    /// The plan would destroy or risk what nobody named. A planner that does so is wrong; nothing was done.
    #[error("the plan would destroy or risk {0}, which nobody named")]
    Unnamed(NodeId),
    /// A key is not to be had.
    #[error("{0}")]
    Key(Box<Failure>),
    /// A step failed.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// There is always something more to see.
    #[error("after {0} rounds there is still something hidden")]
    Endless(usize),
}

/// An array below a group below an array: more layers than that nobody builds.
const ROUNDS: usize = 8;

impl Ground<'_> {
    /// Looks at the machine and plans.
    pub async fn look(&self) -> Result<(Facts, Plan), Diverged> {
        self.plan(self.machine.look().await?)
    }

    fn plan(&self, facts: Facts) -> Result<(Facts, Plan), Diverged> {
        let begun = self.records.journal.begun().map_err(ApplyError::from)?;
        let consent = Consent { begun, ..self.consent.clone() };
        let plan = plan(self.wish, &facts, &consent);
        Ok((facts, plan))
    }

    /// Looks, plans and applies until nothing is hidden any more.
    pub async fn converge(self) -> Result<Converged, Diverged> {
        if let Some(lock) = self.lock {
            let seen = self.machine.look().await?;
            return Box::pin(self.rounds(lock, seen)).await;
        }
        let lock = Lock::take(self.machine, "disks apply", self.story);
        let (lock, seen) = Box::pin(self.machine.look_under::<Diverged>(lock)).await?;
        let converged = Box::pin(self.rounds(&lock, seen)).await;
        lock.release().await;
        converged
    }

    async fn rounds(mut self, lock: &Lock, seen: Facts) -> Result<Converged, Diverged> {
        let mut rounds: Vec<Round> = Vec::new();
        let mut until = self.until;
        let mut seen = Some(seen);
        for _ in 0..ROUNDS {
            let (facts, plan) = match seen.take() {
                Some(seen) => self.plan(seen)?,
                None => self.look().await?,
            };
            let approved = self.approved.filter(|_| rounds.is_empty());
            approved.map_or(Ok(()), |approved| approved.facts(&plan))?;
            if !plan.refusals.is_empty() {
                let done = rounds.iter().map(|round| round.steps.len()).sum();
                return Err(Diverged::Refused { plan: Box::new(plan), done });
            }
            approved.map_or(Ok(()), |approved| approved.plan(&plan))?;
            if let Some(node) = plan.destroyed().into_iter().find(|node| !self.named(node)) {
                return Err(Diverged::Unnamed(node));
            }
            if let Some(node) = plan.risked().into_iter().find(|node| !self.consent.force_start.contains(node)) {
                return Err(Diverged::Unnamed(node));
            }
            let ended = |rounds, last, stopped| Ok(Converged { rounds, last, stopped });
            if plan.steps.is_empty() {
                self.whole()?;
                return ended(rounds, plan, false);
            }
            let paths = plan.device_paths(self.wish, &facts);
            let overwrites = plan.overwrites(self.wish, &facts);
            let effects: Vec<Effect> = (plan.steps.iter().zip(overwrites))
                .map(|(step, overwrites)| Effect { begins: step.begins(self.wish, &facts), overwrites })
                .collect();
            self.keyring.fill(self.wish, &plan).map_err(|failure| Diverged::Key(Box::new(failure)))?;
            let given = Given { paths: &paths, keys: self.keyring.keys(), effects: &effects };
            let applied = apply(self.machine, lock, &plan, given, self.records, self.story, until).await?;
            until = until.map(|until| until.saturating_sub(plan.steps.len()));
            let stopped = matches!(applied, Applied::Stopped(_));
            self.consent = std::mem::take(&mut self.consent).after(&plan);
            rounds.push(Round { steps: applied.steps().to_vec() });
            if !stopped && plan.hidden.is_empty() {
                self.whole()?;
            }
            if stopped || plan.hidden.is_empty() {
                return ended(rounds, plan, stopped);
            }
            self.story.note(self.machine.name(), format!("now that {} can be seen: looking again", list(&plan.hidden)));
        }
        Err(Diverged::Endless(ROUNDS))
    }

    /// Writes down that nothing is half made, if anything was known to be begun.
    fn whole(&self) -> Result<(), Diverged> {
        if self.records.journal.begun().map_err(ApplyError::from)?.is_empty() {
            return Ok(());
        }
        let (machine, text) = (self.machine.name(), "all disks are as wished");
        let entry = Entry { machine, plan: "", step: 0, text, begins: &[], state: State::Whole };
        Ok(self.records.journal.write(&entry).map_err(ApplyError::from)?)
    }

    /// May this node's content be destroyed? Asked again here, apart from the planner: named itself, on something that is
    /// named, or not persistent when the machine is reinstalled; or a device of a pool that is named, which holds nothing else.
    fn named(&self, id: &NodeId) -> bool {
        let Some(node) = self.wish.node(id) else { return false };
        let persistent = node.persistent;
        let pool = |above: &Node| above.kind.pool().is_some() && self.consent.wipe.contains(&above.id);
        self.consent.wipe.contains(id)
            || (self.consent.reinstall && !persistent)
            || (!persistent && node.on.iter().any(|below| self.named(below)))
            || (!persistent && self.wish.on(id).any(pool))
    }
}

/// Names for people, each once.
pub fn list(nodes: &[NodeId]) -> String {
    nodes.iter().map(ToString::to_string).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
}

impl Diverged {
    /// As the end of a verb; `again` is the command that goes on once the reason is mended.
    pub fn failure(self, again: &str) -> Failure {
        match self {
            Self::Refused { plan, done } => Failure::Refused(refusals(&plan, done)),
            Self::Key(failure) => *failure,
            Self::OtherPlan { .. } | Self::OtherFacts { .. } => {
                let see = again.replacen("disks apply", "disks plan", 1);
                Failure::Refused(format!("{self}\n  nothing was done; see the plan of now, and approve that: {see}"))
            }
            Self::Unnamed(_) | Self::Endless(_) | Self::Apply(ApplyError::Unfit { .. }) => {
                Failure::Bug(self.to_string())
            }
            Self::Lock(LockError::Busy { .. }) => {
                Failure::Refused(format!("{self}\n  nothing was done; when that has ended: {again}"))
            }
            Self::Look(_) | Self::Apply(_) | Self::Lock(LockError::Run(_)) => {
                Failure::Failed(format!("{self}\n  next: mend that, then {again}"))
            }
        }
    }
}

/// A plan's refusals and what would allow each; `done` steps had been done before they could be seen.
pub fn refusals(plan: &Plan, done: usize) -> String {
    let lines =
        plan.refusals.iter().map(|refusal| format!("{}: {}\n    {}", refusal.node, refusal.reason, refusal.remedy));
    let before = match done {
        0 => "nothing was done".to_owned(),
        1 => "one step was done, which showed what could not be seen before; nothing since".to_owned(),
        done => format!("{done} steps were done, which showed what could not be seen before; nothing since"),
    };
    format!("{before}\n  {}", lines.collect::<Vec<_>>().join("\n  "))
}
