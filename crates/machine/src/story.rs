//! What happens, as it happens: one stream of events for every reader (plain lines, bars, JSON lines).

use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A stage of a longer work begins.
    Stage {
        /// What it is about: a machine, the image, the lab.
        subject: String,
        /// What is done now.
        text: String,
    },
    /// A step of a plan begins.
    StepStarted {
        /// The machine.
        machine: String,
        /// The step's number in its plan.
        step: usize,
        /// How many steps the plan has.
        of: usize,
        /// What it does.
        text: String,
    },
    /// A step of a plan is done.
    StepDone {
        /// The machine.
        machine: String,
        /// The step's number in its plan.
        step: usize,
        /// How many steps the plan has.
        of: usize,
        /// What it did.
        text: String,
        /// How long it took.
        seconds: f64,
    },
    /// Something long goes on.
    Progress {
        /// What it is about.
        subject: String,
        /// What goes on.
        text: String,
        /// How much is done.
        done: u64,
        /// Of how much, if that is known.
        total: Option<u64>,
        /// Counted in what: `bytes`, `permille`, `packages`.
        unit: String,
        /// About how many seconds it takes yet, if that can be told.
        #[serde(skip_serializing_if = "Option::is_none")]
        left: Option<u64>,
    },
    /// A command is run on a machine; its standard input is not told, for it may be a secret.
    Command {
        /// The machine.
        machine: String,
        /// The words, quoted as for a shell.
        words: String,
    },
    /// A command ended.
    Printed {
        /// The machine.
        machine: String,
        /// Its exit status.
        status: i32,
        /// The end of what it printed, standard error last.
        end: String,
    },
    /// A person at the terminal is asked; whatever moves there has to stand still.
    Question {
        /// What is asked, up to where the answer goes.
        text: String,
    },
    /// Something worth knowing.
    Note {
        /// What it is about.
        subject: String,
        /// What it is.
        text: String,
    },
}

/// Where events go. Cheap to clone; telling never blocks the work for long and never fails.
#[derive(Clone)]
pub struct Story(Arc<dyn Fn(Event) + Send + Sync>);

impl Story {
    /// A story told to `reader`.
    pub fn new(reader: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(reader))
    }

    /// A story that nobody reads.
    pub fn silent() -> Self {
        Self::new(|_| ())
    }

    /// Tells one event.
    pub fn tell(&self, event: Event) {
        (self.0)(event);
    }

    /// Tells that a stage begins.
    pub fn stage(&self, subject: impl Into<String>, text: impl Into<String>) {
        self.tell(Event::Stage { subject: subject.into(), text: text.into() });
    }

    /// Tells something worth knowing.
    pub fn note(&self, subject: impl Into<String>, text: impl Into<String>) {
        self.tell(Event::Note { subject: subject.into(), text: text.into() });
    }

    /// Tells that a person is asked.
    pub fn question(&self, text: impl Into<String>) {
        self.tell(Event::Question { text: text.into() });
    }

    /// Tells how far something long is.
    pub fn progress(&self, subject: &str, text: &str, done: u64, total: Option<u64>, unit: &str) {
        let (subject, text, unit) = (subject.into(), text.into(), unit.into());
        self.tell(Event::Progress { subject, text, done, total, unit, left: None });
    }
}

impl fmt::Debug for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Story")
    }
}
