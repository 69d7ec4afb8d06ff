//! `cluster diff`, `cluster apply`.

use super::silent;
use crate::answer;
use crate::args::{ClusterApply, Named};
use crate::clustering::{confirmed, connect};
use crate::failure::Failure;
use crate::load::Loaded;
use crate::rendering::manifests;
use crate::verbs::Context;
use apply::{Brought, Cluster, Consent, Deadlines, Order, Plan, Stop, Unknown, bring, plan};
use cluster::Manifest;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;
use std::time::Duration;

/// The answer of `cluster diff --json` and `cluster apply --dry-run --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ClusterDiffAnswer {
    /// Is everything as the fleet says?
    pub same: bool,
    /// What would be done.
    pub plan: Plan,
}

/// The answer of `cluster apply --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ClusterApplyAnswer {
    /// What was done.
    pub brought: Brought,
}

fn consent(named: &Named) -> Consent {
    Consent { force: named.force_conflicts.clone(), prune: named.prune.clone() }
}

/// What was named, to be typed again.
fn words(named: &Named) -> String {
    let force = named.force_conflicts.iter().map(|name| format!(" --force-conflicts {name}"));
    let prune = named.prune.iter().map(|name| format!(" --prune {name}"));
    force.chain(prune).collect()
}

async fn planned(context: &Context, cluster: &Cluster, files: &[Manifest], consent: &Consent) -> Result<Plan, Failure> {
    let observed = cluster.observe(files, consent).await.map_err(|error| silent(context, &error))?;
    let plan = plan(files, &observed, consent);
    match plan.unknown(consent).as_slice() {
        [] => Ok(plan),
        unknown => Err(unfit(context, unknown)),
    }
}

/// Names that fit nothing: nothing is done.
fn unfit(context: &Context, unknown: &[Unknown]) -> Failure {
    let lines: Vec<String> = unknown.iter().map(ToString::to_string).collect();
    Failure::usage(lines.join("\n"), format!("see what there is: {}", context.again("cluster diff")))
}

pub async fn diff(context: &Context, named: &Named) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let files = manifests(&loaded)?;
    let (cluster, _) = connect(context, &loaded).await?;
    let plan = planned(context, &cluster, &files, &consent(named)).await?;
    let same = plan.is_empty();
    tell(context, "cluster-diff", plan);
    if same { Ok(()) } else { Err(Failure::Wanting) }
}

fn tell(context: &Context, verb: &str, plan: Plan) {
    if context.global.json {
        answer::json(verb, &ClusterDiffAnswer { same: plan.is_empty(), plan });
    } else {
        answer::text(&plan.text());
    }
}

pub async fn run(context: &Context, args: &ClusterApply) -> Result<(), Failure> {
    let loaded = Loaded::for_verb(&context.global)?;
    let files = manifests(&loaded)?;
    let (cluster, _) = connect(context, &loaded).await?;
    if args.dry_run {
        tell(context, "cluster-diff", planned(context, &cluster, &files, &consent(&args.named)).await?);
        return Ok(());
    }
    let again = context.again(&format!("cluster apply{}", words(&args.named)));
    let brought = objects(
        context,
        &loaded,
        &cluster,
        &files,
        &Wanted { named: &args.named, yes: args.yes, deadline: args.deadline, again },
    )
    .await?;
    if context.global.json {
        answer::json("cluster-apply", &ClusterApplyAnswer { brought });
    } else {
        answer::text(&summary(&brought));
    }
    Ok(())
}

/// What was said on the command line.
pub struct Wanted<'a> {
    /// What was named.
    pub named: &'a Named,
    /// Was yes said beforehand?
    pub yes: bool,
    /// How long each wave may take.
    pub deadline: Option<Duration>,
    /// What to type to do the same again.
    pub again: String,
}

/// Shows the difference, asks, and brings the cluster to the fleet's objects.
pub async fn objects(
    context: &Context,
    loaded: &Loaded,
    cluster: &Cluster,
    files: &[Manifest],
    wanted: &Wanted<'_>,
) -> Result<Brought, Failure> {
    let consent = consent(wanted.named);
    let plan = planned(context, cluster, files, &consent).await?;
    let name = loaded.fleet.about.name.to_string();
    let differs = !plan.is_empty();
    if differs && plan.conflicts().is_empty() {
        context.story.note(&name, format!("changes\n{}", plan.text().trim_end()));
        confirmed(context, wanted.yes, "the cluster's objects would change", &wanted.again).await?;
    }
    let deadlines = wanted.deadline.map_or_else(Deadlines::default, Deadlines::all);
    let order = Order { manifests: files, consent: &consent, deadlines, name: &name, story: &context.story };
    let brought = tokio::select! {
        brought = bring(cluster, &order) => brought,
        _ = tokio::signal::ctrl_c() => {
            let text = "interrupted; what was applied stays, and the same again goes on from there";
            return Err(Failure::Failed(format!("{text}\n  next: {}", wanted.again)));
        }
    };
    brought.map_err(|stop| ended(context, &stop, &wanted.again))
}

fn ended(context: &Context, stop: &Stop, again: &str) -> Failure {
    match stop {
        Stop::Ask(error) => silent(context, error),
        Stop::Unknown { unknown } => unfit(context, unknown),
        Stop::Conflicts { changes } => {
            let force = changes.iter().map(|change| format!(" --force-conflicts {}", change.object));
            let force = force.collect::<String>();
            Failure::Refused(format!(
                "{stop}\n  next: mend that there or in the fleet file, or take the fields: {again}{force}"
            ))
        }
        Stop::Object { .. } | Stop::Late { .. } | Stop::Removal { .. } | Stop::Inventory { .. } => {
            Failure::Failed(format!(
                "{stop}\n  what was applied stays, and the same again goes on from there\n  next: mend that, then {again}"
            ))
        }
    }
}

/// What was done, for people.
pub fn summary(brought: &Brought) -> String {
    let Brought { created, changed, same, removed, kept } = brought;
    let mut text = String::new();
    for (names, word) in [(created, "created"), (changed, "changed"), (removed, "removed")] {
        for name in names {
            let _ = writeln!(text, "{word} {name}");
        }
    }
    for name in kept {
        let _ = writeln!(text, "kept    {name}: data goes with it; to remove it: --prune {name}");
    }
    if created.is_empty() && changed.is_empty() && removed.is_empty() {
        text.push_str("nothing changed: ");
    }
    let _ = writeln!(text, "{same} objects were as the fleet says already");
    text
}
