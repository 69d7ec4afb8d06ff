//! `disks`: plan, apply, script, status.

use super::Context;
use crate::answer;
use crate::approval::Approved;
use crate::args::{Apply, Consent, Plan as PlanArgs, Script, Target};
use crate::converge::{Converged, Diverged, Ground, list, refusals};
use crate::failure::Failure;
use crate::keyring::Keyring;
use crate::load::Loaded;
use crate::reach;
use crate::sealing;
use fleet::HostName;
use machine::{Journal, Lock, Machine, Records, Shelf, StepTime, Story};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use storage::facts::Facts;
use storage::health::{Finding, State};
use storage::plan::{Plan, Step};
use storage::{NodeId, Wish};

/// The answer of `disks plan --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PlanAnswer {
    /// The machine.
    pub machine: String,
    /// The plan's fingerprint, for `disks apply --plan`.
    pub digest: String,
    /// What its steps do, one line each, for people.
    pub lines: Vec<String>,
    /// The plan.
    pub plan: Plan,
}

/// The answer of `disks apply --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ApplyAnswer {
    /// The machine.
    pub machine: String,
    /// The steps that were done, in the order of their ends.
    pub done: Vec<Done>,
    /// What was there already, by node.
    pub kept: Vec<NodeId>,
}

/// A step that was done.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Done {
    /// What it did.
    pub text: String,
    /// How long it took.
    pub seconds: f64,
}

impl From<StepTime> for Done {
    fn from(step: StepTime) -> Self {
        Self { text: step.text, seconds: step.seconds }
    }
}

/// The answer of `disks status --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StatusAnswer {
    /// The machine.
    pub machine: String,
    /// Is everything as it should be?
    pub good: bool,
    /// Node by node.
    pub findings: Vec<Finding>,
}

/// The machine's wish, and consent in the planner's terms; a node that is not declared is wrong usage.
pub fn wish(loaded: &Loaded, name: &HostName) -> Result<Wish, Failure> {
    loaded.fleet.wish(name).ok_or_else(|| Failure::Bug(format!("no wish for `{name}`")))
}

/// Nodes as they were typed; one that is not declared is wrong usage.
fn nodes(wish: &Wish, typed: &[String]) -> Result<Vec<NodeId>, Failure> {
    let known = || wish.nodes.iter().map(|node| node.id.to_string()).collect::<Vec<_>>().join(", ");
    let find = |text: &String| {
        let id = NodeId::from(text.as_str());
        let wrong = || Failure::usage(format!("no node `{text}` is declared"), format!("declared: {}", known()));
        wish.node(&id).map(|_| id.clone()).ok_or_else(wrong)
    };
    typed.iter().map(find).collect()
}

/// Consent in the planner's terms.
pub fn consent(wish: &Wish, typed: &Consent) -> Result<storage::plan::Consent, Failure> {
    let named = |typed: &[String]| Ok::<_, Failure>(nodes(wish, typed)?.into_iter().collect());
    let (wipe, force_start) = (named(&typed.wipe)?, named(&typed.force_start)?);
    Ok(storage::plan::Consent { wipe, force_start, reinstall: typed.reinstall, ..Default::default() })
}

/// The machine's journal, beside its fleet.
pub fn journal(loaded: &Loaded, name: &HostName) -> Result<Journal, Failure> {
    let path = loaded.dir().join(".homehive/journal").join(format!("{name}.jsonl"));
    Journal::open(&path).map_err(|error| Failure::Failed(error.to_string()))
}

/// Where what a step overwrites on this machine is saved, beside its fleet.
pub fn shelf(loaded: &Loaded, name: &HostName) -> Shelf {
    Shelf::new(loaded.dir().join(".homehive/saved").join(name.as_ref()))
}

/// Keeps others from writing to the machine's disks; `again` is what to type when they have ended.
pub async fn lock(machine: &Machine, what: &str, story: &Story, again: &str) -> Result<Lock, Failure> {
    Lock::take(machine, what, story).await.map_err(|error| Diverged::Lock(error).failure(again))
}

pub async fn plan(context: &Context, args: &PlanArgs) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let name = loaded.machine(&args.machine)?;
    let wish = wish(&loaded, &name)?;
    let mut consent = consent(&wish, &args.consent)?;
    let facts = if let Some(file) = &args.facts {
        read_facts(file)?
    } else {
        let reached = reach::reach(&loaded, &name, args.host.as_deref(), &context.story).await?;
        let again = context.again(&format!("disks plan {name}"));
        consent.begun = journal(&loaded, &name)?.begun().map_err(|error| Failure::Failed(error.to_string()))?;
        reached.machine.look().await.map_err(|error| Failure::failed(&name, error, again))?
    };
    let plan = storage::plan::plan(&wish, &facts, &consent);
    let refused = (!plan.refusals.is_empty()).then(|| refusals(&plan, 0));
    let digest = plan.digest();
    if context.global.json {
        let lines = plan.steps.iter().map(Step::describe).collect();
        answer::json("disks-plan", &PlanAnswer { machine: name.to_string(), digest, lines, plan });
    } else {
        let mut text = plan.to_text();
        if !plan.steps.is_empty() && refused.is_none() {
            let next = context.again(&format!("disks apply {name}"));
            let _ = write!(text, "\nplan {}\nnext: {next}", &digest[..12]);
            if let Some(host) = &args.host {
                let _ = write!(text, " --host {host}");
            }
            for node in &args.consent.wipe {
                let _ = write!(text, " --wipe {node}");
            }
            for node in &args.consent.force_start {
                let _ = write!(text, " --force-start {node}");
            }
            if args.consent.reinstall {
                text.push_str(" --reinstall");
            }
        }
        answer::text(&text);
    }
    refused.map_or(Ok(()), |text| Err(Failure::Refused(text)))
}

/// Facts as `probe --json` prints them, from a file or from standard input (`-`).
pub fn read_facts(file: &Path) -> Result<Facts, Failure> {
    let help = "facts are what `homehive probe HOST --json` prints";
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(|error| Failure::usage(format!("cannot read {}: {error}", file.display()), help))?;
    // `probe --json` wraps the facts like every answer; bare facts do as well.
    let inner = serde_json::from_str::<serde_json::Value>(&text).ok().and_then(|mut value| {
        let mut inner = value.get_mut("answer")?.take();
        // What `--propose` and `--nix` add are no facts.
        for added in super::probe::ADDED {
            inner.as_object_mut()?.shift_remove(added);
        }
        serde_json::to_string(&inner).ok()
    });
    let facts = Facts::from_json(inner.as_deref().unwrap_or(&text));
    facts.map_err(|error| Failure::usage(format!("{}: {error}", file.display()), help))
}

pub async fn apply(context: &Context, args: &Apply) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let name = loaded.machine(&args.target.machine)?;
    let converged = converge(context, &loaded, &name, args, None).await?;
    let done: Vec<StepTime> = converged.rounds.iter().flat_map(|round| round.steps.clone()).collect();
    let kept: Vec<NodeId> = converged.last.kept.iter().map(|kept| kept.node.clone()).collect();
    if context.global.json {
        let done = done.into_iter().map(Done::from).collect();
        answer::json("disks-apply", &ApplyAnswer { machine: name.to_string(), done, kept });
    } else if done.is_empty() {
        answer::text(&format!("{name}: nothing to do; as declared: {}", list(&kept)));
    } else {
        let next = context.again(&format!("disks status {name}"));
        answer::text(&format!("{name}: {} steps done\nnext: {next}", done.len()));
    }
    Ok(())
}

/// Applies the disks' plan; `until` stops right behind that step.
pub async fn converge(
    context: &Context,
    loaded: &Loaded,
    name: &HostName,
    args: &Apply,
    until: Option<usize>,
) -> Result<Converged, Failure> {
    let wish = wish(loaded, name)?;
    let consent = consent(&wish, &args.consent)?;
    let again = context.again(&format!("disks plan {name} --json"));
    let approved = args.plan.as_ref().map(|word| Approved::read(word, name, &again)).transpose()?;
    let reached = reach::reach(loaded, name, args.target.host.as_deref(), &context.story).await?;
    let journal = journal(loaded, name)?;
    let approved = approved.as_ref();
    let story = &context.story;
    let shelf = shelf(loaded, name);
    let records = Records { journal: &journal, shelf: &shelf };
    let keyring = Keyring::new(loaded, sealing::can_ask(&context.global));
    let machine = &reached.machine;
    let ground = Ground { machine, wish: &wish, consent, keyring, records, story, approved, lock: None, until };
    ground.converge().await.map_err(|error| error.failure(&context.again(&format!("disks apply {name}"))))
}

pub fn script(context: &Context, args: &Script) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let name = loaded.machine(&args.machine)?;
    let wish = wish(&loaded, &name)?;
    let only = nodes(&wish, &args.only)?;
    let script = storage::script(&wish, &only);
    let script =
        script.map_err(|error| Failure::usage(error.to_string(), "name other nodes with --only, or none for all"))?;
    if context.global.json {
        answer::json("disks-script", &ScriptAnswer { machine: name.to_string(), script });
    } else {
        answer::text(&script);
    }
    Ok(())
}

/// The answer of `disks script --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ScriptAnswer {
    /// The machine.
    pub machine: String,
    /// The script.
    pub script: String,
}

pub async fn status(context: &Context, target: &Target) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let name = loaded.machine(&target.machine)?;
    let wish = wish(&loaded, &name)?;
    let reached = reach::reach(&loaded, &name, target.host.as_deref(), &context.story).await?;
    let again = context.again(&format!("disks status {name}"));
    let facts = reached.machine.look().await.map_err(|error| Failure::failed(&name, error, again))?;
    let findings = storage::health::health(&wish, &facts);
    let good = findings.iter().all(|finding| finding.state == State::Good);
    if context.global.json {
        answer::json("disks-status", &StatusAnswer { machine: name.to_string(), good, findings });
    } else {
        let width = findings.iter().map(|finding| finding.node.as_str().len()).max().unwrap_or(0);
        let lines = findings
            .iter()
            .map(|finding| format!("{:width$}  {:11}  {}", finding.node, finding.state.word(), finding.text));
        answer::text(&lines.collect::<Vec<_>>().join("\n"));
    }
    if good { Ok(()) } else { Err(Failure::Wanting) }
}
