//! What a scenario asserts: each looks, changes nothing, and says what it found.

use crate::failure::Failure;
use crate::labs;
use crate::reach;
use crate::scenario::stage::Scenario as Stage;
use cmd::Cmd;
use machine::{Output, ask_local};
use scenario::{Plan, Run, Status, Verb, Verify};
use std::collections::BTreeSet;
use std::time::Duration;
use storage::NodeId;
use storage::health::{Finding, State};
use storage::plan::{Consent, Step};
use verify::Outcome;

/// Words on the machine end and print as said.
pub(super) async fn run(s: &Stage<'_>, run: &Run, deadline: Duration) -> Result<String, Failure> {
    let (program, rest) = words(&run.words)?;
    let cmd = Cmd::new(program).args(rest.iter().cloned());
    let output = s.machine()?.ask(&cmd, deadline).await.map_err(|error| Failure::Failed(error.to_string()))?;
    printed(&output, run.status, run.prints.as_deref())
}

/// A verb of homehive for the lab's machines ends and prints as said. It is a process of its own: the lab is let go of
/// meanwhile. What it prints is what its own words ask for, however this process answers.
pub(super) async fn verb(s: &mut Stage<'_>, verb: &Verb, deadline: Duration) -> Result<String, Failure> {
    let program = std::env::current_exe().map_err(|error| Failure::Failed(format!("no homehive to run: {error}")))?;
    let cmd = Cmd::new(&program.to_string_lossy())
        .args(["--lab", "--plain", "--fleet"])
        .arg(s.declared.path.to_string_lossy().into_owned())
        .args(verb.words.iter().cloned());
    s.context.story.stage("homehive", verb.words.join(" "));
    s.bench = None;
    let output = ask_local(&cmd, deadline).await;
    s.bench = Some(labs::open(&s.declared, &s.context.story).map_err(|error| taken(&error))?);
    printed(&output.map_err(|error| Failure::Failed(error.to_string()))?, verb.status, verb.prints.as_deref())
}

/// Somebody else has the lab now: that says nothing of the machines, and is no failure that may be expected.
fn taken(error: &Failure) -> Failure {
    let help = "leave the lab to its scenario until that has ended";
    Failure::usage(format!("the lab cannot be had back for the next step: {error}"), help)
}

fn words(words: &[String]) -> Result<(&String, &[String]), Failure> {
    words.split_first().ok_or_else(|| Failure::Bug("a step without words is played".into()))
}

/// The output is what was to be printed.
fn printed(output: &Output, status: i32, prints: Option<&str>) -> Result<String, Failure> {
    let said = |text: &str| {
        let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(6)..].join("; ")
    };
    if output.status != status {
        let (found, end) = (output.status, [said(&output.stdout), said(&output.stderr)].join("; "));
        return Err(Failure::Failed(format!("it ended with {found}, not {status}: {}", end.trim_matches([';', ' ']))));
    }
    match prints {
        Some(text) if !output.stdout.contains(text) => {
            Err(Failure::Failed(format!("it printed no `{text}`: {}", said(&output.stdout))))
        }
        Some(text) => Ok(format!("printed `{text}`")),
        None => Ok(said(&output.stdout)),
    }
}

/// Groups pass, and find what is broken.
pub(super) async fn verify(s: &mut Stage<'_>, verify: &Verify) -> Result<String, Failure> {
    let broken: Vec<&str> = verify.broken.iter().map(String::as_str).collect();
    let title = format!("{} at stage {}", s.name, s.played() + 1);
    let groups = s.verify(&title, &verify.groups, &broken).await?;
    let count = |fits: fn(&Outcome) -> bool| groups.iter().filter(|group| fits(&group.outcome)).count();
    let passed = count(|outcome| *outcome == Outcome::Passed);
    let not_run = count(|outcome| matches!(outcome, Outcome::NotRun { .. }));
    // A group that is named is there to be run.
    let left_out = groups.iter().find_map(|group| match &group.outcome {
        Outcome::NotRun { reason } if verify.groups.contains(&group.id) => Some((&group.id, reason)),
        Outcome::NotRun { .. } | Outcome::Passed | Outcome::Failed => None,
    });
    match left_out {
        Some((id, reason)) => Err(Failure::Failed(format!("group `{id}` was not run: {reason}"))),
        None => Ok(format!("{passed} groups passed, {not_run} not run")),
    }
}

/// What is planned is planned for exactly these nodes.
pub(super) async fn plan(s: &mut Stage<'_>, asserted: &Plan) -> Result<String, Failure> {
    let plan = storage::plan::plan(&s.wish()?, &s.look().await?, &Consent::default());
    if let Some(refusal) = plan.refusals.first() {
        return Err(Failure::Refused(format!("{}: {}", refusal.node, refusal.reason)));
    }
    let planned: BTreeSet<&NodeId> = plan.steps.iter().map(|step| &step.node).collect();
    if planned == asserted.nodes.iter().collect() {
        return Ok(format!("{} steps", plan.steps.len()));
    }
    let steps = plan.steps.iter().map(Step::describe).collect::<Vec<_>>().join("; ");
    Err(Failure::Failed(format!("planned: {}", if steps.is_empty() { "nothing" } else { &steps })))
}

/// Nodes are as said, or everything is good.
pub(super) async fn status(s: &mut Stage<'_>, asserted: &Status) -> Result<String, Failure> {
    let findings = storage::health::health(&s.wish()?, &s.look().await?);
    let told = |finding: &Finding| format!("{} is {}: {}", finding.node, finding.state.word(), finding.text);
    if asserted.nodes.is_empty() {
        let bad: Vec<String> = findings.iter().filter(|it| it.state != State::Good).map(told).collect();
        return if bad.is_empty() { Ok("all good".to_owned()) } else { Err(Failure::Failed(bad.join("; "))) };
    }
    let mut seen = Vec::new();
    for (node, state) in &asserted.nodes {
        let finding = findings.iter().find(|finding| finding.node.as_str() == node);
        let finding = finding.ok_or_else(|| Failure::Failed(format!("nothing is said of {node}")))?;
        if finding.state != *state {
            return Err(Failure::Failed(format!("not {}: {}", state.word(), told(finding))));
        }
        seen.push(told(finding));
    }
    Ok(seen.join("; "))
}

/// The machine lets people in: it is asked anew, whatever is known of it.
pub(super) async fn answers(s: &mut Stage<'_>) -> Result<String, Failure> {
    let (loaded, name) = (s.loaded()?, s.name.clone());
    let reached = reach::reach(&loaded, &name, None, &s.context.story).await?;
    let output = reached.machine.ask(&Cmd::new("uptime"), ANSWER).await;
    reached.machine.close().await;
    let output = output.map_err(|error| Failure::Failed(error.to_string()))?;
    if output.status == 0 {
        return Ok(output.stdout.trim().to_owned());
    }
    Err(Failure::Failed(format!("`uptime` ended with {}", output.status)))
}

/// How long a machine that lets people in may take to say how it is.
const ANSWER: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::{printed, taken};
    use crate::failure::Failure;
    use machine::Output;

    #[test]
    fn a_lab_that_somebody_else_has_is_no_failure_that_may_be_expected() {
        let Failure::Usage(message, _) = taken(&Failure::Failed("busy".into())) else { panic!("see judge") };
        assert!(message.contains("busy"), "{message}");
    }

    #[test]
    fn words_end_and_print_as_said() {
        let output = |status, stdout: &str| Output { status, stdout: stdout.into(), stderr: "why\n".into() };
        for (output, status, prints, expected) in [
            (output(0, "md0 : active\n"), 0, Some("active"), Ok("printed `active`")),
            (output(0, "one\ntwo\n"), 0, None, Ok("one; two")),
            (output(1, ""), 1, None, Ok("")),
            (output(1, ""), 0, None, Err("failed: it ended with 1, not 0: why")),
            (output(0, "out\n"), 3, None, Err("failed: it ended with 0, not 3: out; why")),
            (output(0, "none\n"), 0, Some("active"), Err("failed: it printed no `active`: none")),
        ] {
            let found = printed(&output, status, prints).map_err(|error| error.to_string());
            assert_eq!(found.as_deref().map_err(String::as_str), expected);
        }
    }
}
