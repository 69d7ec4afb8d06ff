//! What came of a run, as one value: stages, steps, verifications, pictures. Each renderer draws this value and knows
//! nothing more.

mod html;
mod junit;
mod parts;
mod terminal;

pub use html::html;
pub use junit::{JunitError, junit};
pub use terminal::{Look, terminal};

use crate::draw::Diagram;
use crate::{GroupResult, Outcome, Payload};
use schemars::JsonSchema;
use serde::Serialize;

/// What happened, as the caller saw it; [`Report::of`] adds what follows from it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Run {
    /// What was done, for people.
    pub title: String,
    /// The machine.
    pub machine: String,
    /// When it began, RFC 3339.
    pub started: String,
    /// Seconds from beginning to end.
    pub seconds: f64,
    /// What is installed, if it could be told.
    pub payload: Option<Payload>,
    /// How the machine's processor works; none for a machine of metal.
    pub accel: Option<Accel>,
    /// What was done, in order.
    pub stages: Vec<Stage>,
    /// The plans that were applied, with each step's time.
    pub plans: Vec<Applied>,
    /// What was checked, and when.
    pub verifications: Vec<Verification>,
    /// What else was not run; groups that were not run need not be told again.
    pub omitted: Vec<NotRun>,
    /// The storage stack, at one moment or several.
    pub pictures: Vec<Picture>,
}

/// How a virtual machine's processor works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Accel {
    /// On the host's processor.
    Kvm,
    /// Translated by QEMU: correct, and slow.
    Emulation,
}

impl Accel {
    /// The name that people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Kvm => "KVM",
            Self::Emulation => "emulation",
        }
    }
}

/// One stage of a run.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Stage {
    /// What is done, a few words.
    pub name: String,
    /// How long it took.
    pub seconds: f64,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What there is to say of it, one sentence or none.
    pub detail: String,
}

/// A plan that was applied.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Applied {
    /// Which plan.
    pub title: String,
    /// Its steps, in the order in which they began.
    pub steps: Vec<StepTime>,
}

/// One step of a plan that was applied.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct StepTime {
    /// What the step says of itself.
    pub what: String,
    /// Seconds from the plan's beginning to the step's.
    pub begin: f64,
    /// Seconds it took.
    pub seconds: f64,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Groups that were judged at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Verification {
    /// Which moment: `after the first boot`.
    pub title: String,
    /// How long it took.
    pub seconds: f64,
    /// Names of groups that must fail at this moment, because something was broken on purpose.
    pub must_fail: Vec<String>,
    /// What came of the groups.
    pub groups: Vec<GroupResult>,
}

/// How a group's result reads, given whether it had to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It passed.
    Passed,
    /// It failed.
    Failed,
    /// It failed, as it had to: what was broken was noticed.
    Noticed,
    /// It passed although it had to fail: what was broken was not noticed.
    Unnoticed,
    /// It was not run.
    NotRun,
}

impl Reading {
    /// Is this as it should be? Not if nobody looked.
    pub fn good(self) -> bool {
        matches!(self, Self::Passed | Self::Noticed)
    }

    /// Is something wrong?
    pub fn bad(self) -> bool {
        matches!(self, Self::Failed | Self::Unnoticed)
    }
}

impl Verification {
    /// How the result of one of its groups reads.
    pub fn reading(&self, group: &GroupResult) -> Reading {
        match (&group.outcome, self.must_fail.contains(&group.id)) {
            (Outcome::Passed, false) => Reading::Passed,
            (Outcome::Passed, true) => Reading::Unnoticed,
            (Outcome::Failed, false) => Reading::Failed,
            (Outcome::Failed, true) => Reading::Noticed,
            (Outcome::NotRun { .. }, _) => Reading::NotRun,
        }
    }
}

/// The storage stack at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Picture {
    /// Which moment.
    pub title: String,
    /// What is drawn.
    pub diagram: Diagram,
}

/// Something that was not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NotRun {
    /// What.
    pub what: String,
    /// Why not.
    pub reason: String,
}

/// A run and all that follows from it: what `--json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// Version of this schema: 1.
    pub version: u32,
    /// What it comes to.
    pub summary: Summary,
    /// What happened.
    #[serde(flatten)]
    pub run: Run,
    /// Everything that was not run, each with its reason.
    pub not_run: Vec<NotRun>,
}

/// What a run comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Summary {
    /// Nothing is wrong, and something was looked at.
    pub good: bool,
    /// Stages and groups that are as they should be.
    pub passed: usize,
    /// Stages and groups that are not.
    pub failed: usize,
    /// Things that were not run; what several verifications left out for one reason counts once.
    pub not_run: usize,
}

impl Report {
    /// The report of `run`.
    pub fn of(run: Run) -> Self {
        let stages = run.stages.iter().map(|stage| match stage.outcome {
            Outcome::Passed => Reading::Passed,
            Outcome::Failed => Reading::Failed,
            Outcome::NotRun { .. } => Reading::NotRun,
        });
        let groups = run.verifications.iter().flat_map(|v| v.groups.iter().map(|group| v.reading(group)));
        let readings: Vec<_> = stages.chain(groups).collect();
        let count = |fits: fn(Reading) -> bool| readings.iter().filter(|reading| fits(**reading)).count();
        let (passed, failed) = (count(Reading::good), count(Reading::bad));
        let not_run = not_run(&run);
        let summary = Summary { good: failed == 0 && passed > 0, passed, failed, not_run: not_run.len() };
        Self { version: 1, summary, run, not_run }
    }

    /// The report as JSON, indented.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// Where it ran: `stand-in, emulation`.
    fn setting(&self) -> String {
        let payload = self.run.payload.map(Payload::title);
        let accel = self.run.accel.map(Accel::title);
        payload.into_iter().chain(accel).collect::<Vec<_>>().join(", ")
    }
}

/// What was not run, by reason.
fn by_reason(all: &[NotRun]) -> Vec<(&str, Vec<&str>)> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for one in all {
        match reasons.iter_mut().find(|(reason, _)| *reason == one.reason) {
            Some((_, what)) => what.push(&one.what),
            None => reasons.push((&one.reason, vec![&one.what])),
        }
    }
    reasons
}

/// Everything that was not run; what several verifications did not run for one reason is told once.
fn not_run(run: &Run) -> Vec<NotRun> {
    let mut all: Vec<NotRun> = Vec::new();
    let stages = run.stages.iter().map(|stage| (stage.name.clone(), &stage.outcome));
    let groups = run.verifications.iter().flat_map(|v| &v.groups);
    let groups = groups.map(|group| (format!("{}: {}", group.id, group.title), &group.outcome));
    let found = stages.chain(groups).filter_map(|(what, outcome)| match outcome {
        Outcome::NotRun { reason } => Some(NotRun { what, reason: reason.clone() }),
        Outcome::Passed | Outcome::Failed => None,
    });
    for one in found.chain(run.omitted.iter().cloned()) {
        if !all.contains(&one) {
            all.push(one);
        }
    }
    all
}
