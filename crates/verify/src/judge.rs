//! From answers to results: a group passes only if every one of its checks was answered, and well.

use crate::{Answers, Check, Group, Needs, Payload, Reply};
use schemars::JsonSchema;
use serde::Serialize;

/// What came of a check, a group, a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Outcome {
    /// Done, and good.
    Passed,
    /// Done, and found wanting.
    Failed,
    /// Not done.
    NotRun {
        /// Why not.
        reason: String,
    },
}

/// What came of one check.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CheckResult {
    /// The check's name within its group.
    pub id: String,
    /// What is true if it passed.
    pub title: String,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What was seen: the proof, or what is wrong.
    pub detail: String,
    /// Seconds that its answers took. An answer that several checks share counts for each of them.
    pub seconds: f64,
}

/// What came of one group.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct GroupResult {
    /// The group's name.
    pub id: String,
    /// What it proves.
    pub title: String,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Its checks.
    pub checks: Vec<CheckResult>,
}

/// What a rule says of an answer: what it saw, good or bad.
pub(crate) type Verdict = Result<String, String>;

/// Why the group cannot be run on this machine; none if it can.
pub fn obstacle(group: &Group, payload: Option<Payload>, network: bool) -> Option<String> {
    group.needs.iter().find_map(|needs| match (needs, payload) {
        (Needs::Nixos, Some(Payload::Nixos)) => None,
        (Needs::Nixos, Some(Payload::StandIn)) => Some("needs NixOS; this machine runs the stand-in".to_owned()),
        (Needs::Nixos, None) => Some("needs NixOS; what this machine runs could not be told".to_owned()),
        (Needs::Network, _) if network => None,
        (Needs::Network, _) => Some("needs the internet, to pull container images".to_owned()),
    })
}

/// Judges the answers to a group's questions.
pub fn judge(group: &Group, answers: &Answers) -> GroupResult {
    let result = |outcome, checks| GroupResult { id: group.id.to_owned(), title: group.title.clone(), outcome, checks };
    if let Some(reason) = obstacle(group, answers.payload, answers.network) {
        let not_run = |check: &Check| checked(check, Outcome::NotRun { reason: reason.clone() }, String::new(), 0.0);
        let checks = group.checks.iter().map(not_run).collect();
        return result(Outcome::NotRun { reason }, checks);
    }
    let checks: Vec<_> = group.checks.iter().map(|check| judge_check(check, answers)).collect();
    let outcome = whole(&checks);
    result(outcome, checks)
}

/// One failure fails the group; else one check that was not run leaves it not run.
fn whole(checks: &[CheckResult]) -> Outcome {
    if checks.iter().any(|check| check.outcome == Outcome::Failed) {
        return Outcome::Failed;
    }
    let not_run = checks.iter().find(|check| check.outcome != Outcome::Passed);
    match not_run {
        Some(check) => check.outcome.clone(),
        None if checks.is_empty() => Outcome::NotRun { reason: "the group holds no check".to_owned() },
        None => Outcome::Passed,
    }
}

fn judge_check(check: &Check, answers: &Answers) -> CheckResult {
    let seconds = check.asks.iter().map(|ask| answers.seconds(ask)).sum();
    let not_run = |reason: &str| checked(check, Outcome::NotRun { reason: reason.to_owned() }, String::new(), seconds);
    if check.asks.is_empty() {
        return not_run("the check asks nothing");
    }
    let mut replies = Vec::with_capacity(check.asks.len());
    for ask in &check.asks {
        match answers.get(ask) {
            None => return not_run("was not asked"),
            Some(Reply::NotAsked(reason)) => return not_run(reason),
            Some(Reply::Failed(reason)) => {
                return checked(check, Outcome::Failed, format!("no answer: {reason}"), seconds);
            }
            Some(reply) => replies.push(reply),
        }
    }
    match check.rule.judge(&replies) {
        Ok(detail) => checked(check, Outcome::Passed, detail, seconds),
        Err(detail) => checked(check, Outcome::Failed, detail, seconds),
    }
}

fn checked(check: &Check, outcome: Outcome, detail: String, seconds: f64) -> CheckResult {
    CheckResult { id: check.id.clone(), title: check.title.clone(), outcome, detail, seconds }
}
