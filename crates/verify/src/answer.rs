//! What came back for the questions of a group, or why nothing did.

use crate::Ask;
use std::collections::HashMap;
use storage::facts::Facts;

/// What a command printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    /// Its exit status; 128 + the signal's number if a signal ended it.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// The probe's answer.
    Facts(Box<Facts>),
    /// A command's answer; any exit status is one.
    Printed(Printed),
    /// It was asked and no answer came: a deadline, a connection that broke, a program that is not there. The checks
    /// that asked it fail.
    Failed(String),
    /// It was not asked, for this reason. The checks that ask it are not run.
    NotAsked(String),
}

/// All answers of one machine.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// What is installed, as [`Payload::read`](crate::Payload::read) tells; none if nobody could tell.
    pub payload: Option<crate::Payload>,
    /// Does the machine reach the internet, as far as the caller knows?
    pub network: bool,
    replies: HashMap<Ask, (Reply, f64)>,
}

impl Answers {
    /// No answers yet, from a machine of which this is known.
    pub fn new(payload: Option<crate::Payload>, network: bool) -> Self {
        Self { payload, network, ..Self::default() }
    }

    /// Takes down what came of `ask`, and how many seconds it took.
    pub fn insert(&mut self, ask: Ask, reply: Reply, seconds: f64) {
        self.replies.insert(ask, (reply, seconds));
    }

    /// What came of `ask`; none if nobody asked.
    pub fn get(&self, ask: &Ask) -> Option<&Reply> {
        self.replies.get(ask).map(|(reply, _)| reply)
    }

    /// Seconds that the answer took; 0 if nobody asked.
    pub fn seconds(&self, ask: &Ask) -> f64 {
        self.replies.get(ask).map_or(0.0, |(_, seconds)| *seconds)
    }
}
